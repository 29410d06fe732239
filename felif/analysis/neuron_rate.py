"""The stationary firing rate of one neuron, and the integrals behind it, free of overflow and cancellation.

dV = (m - V) dt + sqrt(2a) dW, reset from V_F to V_R. With y = (v - m)/sqrt(a), y_R, y_F at V_R, V_F and

    h(y) = int_0^inf exp(s y - s^2/2) ds = sqrt(pi/2) erfcx(-y/sqrt 2),    h^(k)(y) = int_0^inf s^k exp(s y - s^2/2) ds

the mean time between two spikes is I(m) = int_{y_R}^{y_F} h dy (Siegert 1951; Ricciardi 1977), the rate r = 1/I, and

    d^k I/dm^k = (-1)^k a^(-k/2) K_k,    dI/da = -K_2/(2a),    K_k = int_{y_R}^{y_F} h^(k) dy > 0.

Every K_k is a sum of positive terms, so it has full relative accuracy; where e^{y_F^2/2} would overflow, its exponent
is kept apart. Functions of a single neuron take plain numbers, or arrays of `m` and `a` that broadcast; they raise
ValueError for a <= 0, v_reset >= v_fire and numbers that are not finite.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import erfcx, ndtr

from ..algebra import gauss
from ..given.arguments import FINITE, NUMBERS, checked
from .tuning import NEURON

SQRT_2PI = np.sqrt(2 * np.pi)
_X, _W = gauss(60)
_FRACTIONS = ((2.0, 4.0, 130), (4.0, 10.0, 44), (10.0, np.inf, 20))  # -y from, to, depth; error exp(2 y sqrt(depth))


class Scaled(NamedTuple):
    """Numbers exp(exponent) * values, the first axis of `values` counting them."""

    exponent: np.ndarray
    values: np.ndarray


def mills(y: np.ndarray, order: int) -> np.ndarray:
    """e^{-max(y,0)^2/2} h^(k)(y) for k = 0..order, shape (order + 1, *y.shape).

    h^(k) = y h^(k-1) + (k-1) h^(k-2), which cancels for y < 0; there the ratios r_k = h^(k+1)/h^(k) come from the
    continued fraction r_k = (k+1)/(-y + r_{k+1}), all of whose terms are positive.
    """
    y = np.asarray(y, float)
    positive = np.maximum(y, 0.0)
    result = np.empty((order + 1, *y.shape))
    result[0] = np.where(y > 0, SQRT_2PI * ndtr(positive), np.sqrt(np.pi / 2) * erfcx(-np.minimum(y, 0) / np.sqrt(2)))
    if order == 0:
        return result
    result[1] = np.exp(-0.5 * np.minimum(positive, 40.0) ** 2) + y * result[0]
    for k in range(2, order + 1):
        result[k] = y * result[k - 1] + (k - 1) * result[k - 2]
    for low, high, depth in _FRACTIONS:
        far = (y < -low) & (y >= -high)
        x, ratio = -y[far], 0.0
        for k in range(depth, order - 2, -1):
            ratio = (k + 1) / (x + ratio)
        ratios = [ratio]
        for k in range(order - 2, -1, -1):
            ratios.append((k + 1) / (x + ratios[-1]))
        for k in range(order):
            result[k + 1, far] = ratios[order - 1 - k] * result[k, far]
    return result


def together(m: np.ndarray, a: np.ndarray) -> list[np.ndarray]:
    """Drift centres and noises in one shape."""
    try:
        return np.broadcast_arrays(m, a)
    except ValueError:
        raise ValueError(f"m has shape {m.shape}, a {a.shape}; allowed are shapes that fit") from None


def passage_integrals(m, a, v_reset: float, v_fire: float, order: int = 0) -> Scaled:
    """K_k = int_{y_R}^{y_F} h^(k)(y) dy for k = 0..order, as exp(exponent) * values; exponent = max(y_F, 0)^2/2.

    Gauss-Legendre with 60 points on each of: y > 0, where the mass sits within 1/y_F of y_F; y < 0, in the variable
    log(1 - y), where h ~ -1/y.
    """
    m, a = together(np.asarray(m, float), np.asarray(a, float))
    if not (np.isfinite(m).all() and np.isfinite(a).all() and (a > 0).all() and v_reset < v_fire):
        raise ValueError(
            f"m = {m}, a = {a}, v_reset = {v_reset}, v_fire = {v_fire}; allowed: finite, a > 0, v_reset < v_fire"
        )
    shape, m, a = m.shape, m.ravel(), a.ravel()
    root = np.sqrt(a)
    length = (v_fire - v_reset) / root
    y_fire, y_reset = (v_fire - m) / root, (v_reset - m) / root
    exponent = np.where(m < v_fire, 0.5 * (v_fire - m) ** 2 / a, 0.0)
    values = np.zeros((order + 1, m.size))

    some = np.flatnonzero(y_fire > 0)
    if some.size:
        top = y_fire[some]
        width = np.minimum(np.where(y_reset[some] > 0, length[some], top), NEURON.drop / np.maximum(top, 1e-3))
        z = width[:, None] * _X
        y = top[:, None] - z
        weight = width[:, None] * _W * np.exp(-z * (top[:, None] - 0.5 * z))
        values[:, some] += np.einsum("kpq,pq->kp", mills(y, order), weight)

    some = np.flatnonzero(y_reset < 0)
    if some.size:
        near = np.maximum(-y_fire[some], 0.0)
        width = np.log1p(np.where(y_fire[some] < 0, length[some], -y_reset[some]) / (1 + near))
        stretch = (1 + near)[:, None] * np.exp(width[:, None] * _X)
        weight = width[:, None] * _W * stretch * np.exp(-exponent[some])[:, None]
        values[:, some] += np.einsum("kpq,pq->kp", mills(1 - stretch, order), weight)
    return Scaled(exponent.reshape(shape), values.reshape(order + 1, *shape))


@checked(m=NUMBERS, a=NUMBERS, v_reset=FINITE, v_fire=FINITE)
def log_passage_time(m, a, v_reset: float, v_fire: float):
    """log I(m), finite for every m.

    Parameters
    ----------
    m, a : float or array
        Drift centre and noise; they broadcast.
    v_reset, v_fire : float
        V_R < V_F.

    Returns
    -------
    float or array

    Examples
    --------
    >>> import felif as fl
    >>> bool(fl.analysis.exact.log_passage_time(-100.0, 1.0, 1.0, 2.0) > 1000)
    True
    """
    exponent, values = passage_integrals(m, a, v_reset, v_fire)
    return _plain(exponent + np.log(values[0]))


@checked(m=NUMBERS, a=NUMBERS, v_reset=FINITE, v_fire=FINITE)
def passage_time(m, a, v_reset: float, v_fire: float):
    """I(m) = int_0^inf e^{-s^2/2} (e^{s y_F} - e^{s y_R})/s ds, the mean interval between spikes; inf on overflow.

    y = (V - m)/sqrt(a) for V_R and V_F.

    Parameters
    ----------
    m, a : float or array
        Drift centre and noise; they broadcast.
    v_reset, v_fire : float
        V_R < V_F.

    Returns
    -------
    float or array
        In membrane time constants.

    Examples
    --------
    >>> import felif as fl
    >>> round(1 / fl.analysis.exact.passage_time(0.0, 1.0, 1.0, 2.0), 10)
    0.1199759652
    """
    with np.errstate(over="ignore"):
        return _plain(np.exp(log_passage_time(m, a, v_reset, v_fire)))


@checked(m=NUMBERS, a=NUMBERS, v_reset=FINITE, v_fire=FINITE)
def passage_time_slope(m, a, v_reset: float, v_fire: float):
    """I'(m) = -(h(y_F) - h(y_R))/sqrt(a); -inf where it overflows.

    Parameters
    ----------
    m, a : float or array
        Drift centre and noise; they broadcast.
    v_reset, v_fire : float
        V_R < V_F.

    Returns
    -------
    float or array

    Examples
    --------
    >>> import felif as fl
    >>> bool(fl.analysis.exact.passage_time_slope(0.0, 1.0, 1.0, 2.0) < 0)
    True
    """
    exponent, values = passage_integrals(m, a, v_reset, v_fire, order=1)
    with np.errstate(over="ignore"):
        return _plain(-np.exp(exponent + np.log(values[1])) / np.sqrt(a))


@checked(m=NUMBERS, a=NUMBERS, v_reset=FINITE, v_fire=FINITE)
def log_rate(m, a, v_reset: float, v_fire: float):
    """log r(m): finite also where the rate underflows.

    Parameters
    ----------
    m, a : float or array
        Drift centre and noise; they broadcast.
    v_reset, v_fire : float
        V_R < V_F.

    Returns
    -------
    float or array

    Examples
    --------
    >>> import felif as fl
    >>> bool(fl.analysis.exact.log_rate(-100.0, 1.0, 1.0, 2.0) < -1000)
    True
    """
    return _plain(-np.asarray(log_passage_time(m, a, v_reset, v_fire)))


@checked(m=NUMBERS, a=NUMBERS, v_reset=FINITE, v_fire=FINITE)
def rate(m, a, v_reset: float, v_fire: float):
    """r(m) = 1/I(m), spikes per membrane time constant with drift m - v and noise a; 0.0 where it underflows.

    Parameters
    ----------
    m, a : float or array
        Drift centre and noise; they broadcast.
    v_reset, v_fire : float
        V_R < V_F.

    Returns
    -------
    float or array

    Examples
    --------
    >>> import felif as fl
    >>> round(fl.analysis.exact.rate(0.0, 1.0, 1.0, 2.0), 13)
    0.1199759652391
    """
    return _plain(np.exp(log_rate(m, a, v_reset, v_fire)))


def _plain(value):
    return float(value) if np.ndim(value) == 0 else value
