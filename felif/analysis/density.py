"""Stationary densities in closed form, and the mass that a finite interval cuts off.

With y = (v - m)/sqrt(a), m = I + b N, a = a0 + a1 N, and Q, R, M_k of `firing_zone` (R = 0 without random threshold),

    P(v) = N/sqrt(a) [ int_{max(y, y_R)}^{y_F} e^{(z^2-y^2)/2} dz + R e^{(y_F^2-y^2)/2} ],                v <= V_F
    P(v) = N/sqrt(a) e^{(y_F^2-y^2)/2} M_{nu-1}(y) / M_nu(y_F),                      v > V_F (random threshold)

(Caceres, Carrillo & Perthame 2011, eq. 3.2, for the sharp threshold.) The integral is one of a positive function, taken
from its larger end; as a difference of Dawson functions it would cancel at V_F.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_ndtr

from ..algebra import gauss
from ..given.arguments import POSITIVE, TIMES, checked, number
from .firing_zone import log_densities, ratio
from .leaky_network import Network, network_of, units_of
from .tuning import NEURON

__all__ = ["cut_above", "cut_below", "density", "head_mass", "tail_mass"]

_X, _W = gauss(60)
_RATE = number(above=0.0, most=1e100)


@checked(N=_RATE, v=TIMES)
def density(model: Any, N: float, v: Any) -> np.ndarray:
    """P(v) of the steady state with firing rate N (one of `steady_rates(model)`), 1 - tau N its integral.

    Zero above V_F for a sharp threshold. Relative accuracy about 1e-13 wherever P does not underflow.

    Parameters
    ----------
    model : NoisyLIF, RefractoryLIF or RandomThresholdLIF
        With a drift -v + I + b N.
    N : float
        Its firing rate, one of `steady_rates(model)`.
    v : float or array
        Potentials.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> model = fl.NoisyLIF(b=0.5)
    >>> N = fl.analysis.exact.steady_rates(model)[0]
    >>> abs(float(fl.analysis.density.density(model, N, 0.0)) - fl.steady_state(fl.discretize(model)).n(0.0)) < 1e-6
    True
    """
    p, m, a, N, E = _state(model, N)
    v = np.asarray(v, float) - E
    below = np.minimum(v, p.v_fire)
    log = _log_bridge(p, m, a, np.maximum(below, p.v_reset)) + _log_weight(m, a, np.maximum(below, p.v_reset), below)
    if p.eps > 0:
        y = (v.ravel() - m) / np.sqrt(a)
        y_fire = (p.v_fire - m) / np.sqrt(a)
        log = np.logaddexp(log, np.log(ratio(y_fire, 1 / p.eps)[0, 0]) + _log_weight(m, a, p.v_fire, below))
        above = log_densities(np.maximum(y, y_fire), 1 / p.eps)[0] - log_densities(y_fire, 1 / p.eps)[1][0]
        log = np.where(v > p.v_fire, above.reshape(v.shape), log)
    elif v.ndim or v > p.v_fire:
        log = np.where(v > p.v_fire, -np.inf, log)
    return np.exp(np.log(N) - 0.5 * np.log(a) + log)


@checked(N=_RATE, v_min=TIMES)
def tail_mass(model: Any, N: float, v_min: Any) -> np.ndarray:
    """Mass of the steady state below v_min <= V_R:  N C sqrt(pi a/2) erfc((m - v_min)/sqrt(2a)),

    C = (1/a) [ int_{V_R}^{V_F} e^{(s-m)^2/2a} ds + sqrt(a) R e^{(V_F-m)^2/2a} ].

    Cutting at v_min with zero flux changes the rate of a single neuron by exactly tail/(1 - tail), relatively.

    Parameters
    ----------
    model : NoisyLIF, RefractoryLIF or RandomThresholdLIF
        With a drift -v + I + b N.
    N : float
        Its firing rate, one of `steady_rates(model)`.
    v_min : float or array
        At most V_R.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> model = fl.NoisyLIF(b=0.5)
    >>> N = fl.analysis.exact.steady_rates(model)[0]
    >>> bool(fl.analysis.density.tail_mass(model, N, -6.0) < 1e-8)
    True
    """
    p, m, a, N, E = _state(model, N)
    v_min = np.asarray(v_min, float) - E
    if (v_min > p.v_reset).any():
        raise ValueError(f"v_min = {v_min + E}; allowed is a number <= v_reset = {p.v_reset + E}")
    log = _log_bridge(p, m, a, np.asarray(p.v_reset)) + 0.5 * (p.v_reset - m) ** 2 / a
    if p.eps > 0:
        y_fire = (p.v_fire - m) / np.sqrt(a)
        log = np.logaddexp(log, np.log(ratio(y_fire, 1 / p.eps)[0, 0]) + 0.5 * y_fire**2)
    log_tail = log_ndtr((v_min - m) / np.sqrt(a)) + 0.5 * np.log(2 * np.pi)
    return np.exp(np.log(N) + log + log_tail)


@checked(N=_RATE, v_max=TIMES)
def head_mass(model: Any, N: float, v_max: Any) -> np.ndarray:
    """Mass of the steady state above v_max >= V_F, random threshold only:

    eps N e^{(y_F^2-y^2)/2} M_nu(y)/M_nu(y_F), y at v_max; eps N, all that fires, at v_max = V_F.

    Parameters
    ----------
    model : NoisyLIF, RefractoryLIF or RandomThresholdLIF
        With a drift -v + I + b N.
    N : float
        Its firing rate, one of `steady_rates(model)`.
    v_max : float or array
        At least V_F.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> model = fl.RandomThresholdLIF(b=0.5, eps=0.1)
    >>> N = fl.analysis.exact.steady_rates(model)[0]
    >>> bool(abs(fl.analysis.density.head_mass(model, N, 2.0) - 0.1 * N) < 1e-15)
    True
    """
    p, m, a, N, E = _state(model, N)
    v_max = np.asarray(v_max, float) - E
    if p.eps <= 0 or (v_max < p.v_fire).any():
        raise ValueError(f"v_max = {v_max + E}, eps = {p.eps}; allowed is v_max >= v_fire = {p.v_fire + E} and eps > 0")
    y, y_fire = np.minimum((v_max - m) / np.sqrt(a), NEURON.far), (p.v_fire - m) / np.sqrt(a)
    at = log_densities(y.ravel(), 1 / p.eps)[1].reshape(y.shape)
    return p.eps * N * np.exp(at - log_densities(y_fire, 1 / p.eps)[1][0])


@checked(N=_RATE, tolerance=POSITIVE)
def cut_below(model: Any, N: float, tolerance: float) -> float:
    """The largest v_min <= V_R below which the steady state with firing rate N has at most mass `tolerance`.

    Parameters
    ----------
    model : NoisyLIF, RefractoryLIF or RandomThresholdLIF
        With a drift -v + I + b N.
    N : float
        Its firing rate, one of `steady_rates(model)`.
    tolerance : float
        Positive.

    Returns
    -------
    float

    Examples
    --------
    >>> import felif as fl
    >>> model = fl.NoisyLIF(b=0.5)
    >>> N = fl.analysis.exact.steady_rates(model)[0]
    >>> v_min = fl.analysis.density.cut_below(model, N, 1e-8)
    >>> bool(0.99e-8 < fl.analysis.density.tail_mass(model, N, v_min) <= 1e-8)
    True
    """
    p, m, a, N, E = _state(model, N)
    far = min(p.v_reset, m) - 40 * np.sqrt(a)
    return E + _bisect(lambda v: float(tail_mass(p, N, v)) <= tolerance, p.v_reset, far)


@checked(N=_RATE, tolerance=POSITIVE)
def cut_above(model: Any, N: float, tolerance: float) -> float:
    """The smallest v_max >= V_F above which the steady state with firing rate N has at most mass `tolerance`.

    Parameters
    ----------
    model : NoisyLIF, RefractoryLIF or RandomThresholdLIF
        With a drift -v + I + b N.
    N : float
        Its firing rate, one of `steady_rates(model)`.
    tolerance : float
        Positive.

    Returns
    -------
    float

    Examples
    --------
    >>> import felif as fl
    >>> model = fl.RandomThresholdLIF(b=0.5, eps=0.1)
    >>> N = fl.analysis.exact.steady_rates(model)[0]
    >>> v_max = fl.analysis.density.cut_above(model, N, 1e-8)
    >>> bool(0.99e-8 < fl.analysis.density.head_mass(model, N, v_max) <= 1e-8)
    True
    """
    p, m, a, N, E = _state(model, N)
    far = max(p.v_fire, m) + 40 * (np.sqrt(a) + p.eps * abs(p.v_fire - m))
    return E + _bisect(lambda v: float(head_mass(p, N, v)) <= tolerance, p.v_fire, far)


def _state(model: Any, N: float) -> tuple[Network, float, float, float, float]:
    """(network, m, a, N) in the units of `network_of`, and E."""
    p, (g, E) = network_of(model), units_of(model)
    if not (np.isfinite(N) and N > 0):
        raise ValueError(f"N = {N}; allowed is a positive firing rate, one of steady_rates(model)")
    N = N / g
    return p, p.current + p.b * N, p.a0 + p.a1 * N, N, E


def _log_weight(m: float, a: float, s: Any, v: Any) -> np.ndarray:
    """((s-m)^2 - (v-m)^2)/(2a) without cancellation for v near s."""
    return (s - v) * (s + v - 2 * m) / (2 * a)


def _log_bridge(p: Network, m: float, a: float, v: np.ndarray) -> np.ndarray:
    """log int_{y}^{y_F} e^{(z^2-y^2)/2} dz, y at V_R <= v <= V_F: split at 0, each part taken from its outer end."""
    root = np.sqrt(a)
    shape, v = v.shape, v.ravel()
    y, y_fire = (v - m) / root, (p.v_fire - m) / root
    width = (p.v_fire - v) / root
    total = np.full(v.shape, -np.inf)
    if y_fire > 0:  # z = y_F - x: the exponent rises toward y_F
        reach = np.minimum(np.where(y > 0, width, y_fire), NEURON.drop / y_fire)
        total = _log_weight(m, a, p.v_fire, v) + _log_part(reach, y_fire)
    left = y < 0
    reach = np.minimum(np.where(y_fire < 0, width, -y), NEURON.drop / np.maximum(-y, 1e-300))
    return np.where(left, np.logaddexp(total, _log_part(np.where(left, reach, 1.0), -y)), total).reshape(shape)


def _log_part(reach: np.ndarray, end: Any) -> np.ndarray:
    """log int_0^reach e^{-end x + x^2/2} dx."""
    x = np.asarray(reach)[:, None] * _X
    integrand = np.exp(-x * (np.broadcast_to(end, np.shape(reach))[:, None] - 0.5 * x))
    with np.errstate(divide="ignore"):
        return np.log(reach * (integrand @ _W))


def _bisect(good: Any, near: float, far: float) -> float:
    """The place nearest to `near` from which on `good` holds, to rounding; ValueError if not even `far` is good."""
    if good(near):
        return float(near)
    if not good(far):
        raise ValueError(f"no cut up to {far} reaches the tolerance; allowed is a tolerance above about 1e-300")
    while abs(far - near) > 1e-12 * (abs(far) + abs(near)):
        middle = 0.5 * (near + far)
        near, far = (near, middle) if good(middle) else (middle, far)
    return float(far)
