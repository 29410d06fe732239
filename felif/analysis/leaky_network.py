"""What the steady states of a leaky network depend on: its numbers, and the mean interval T(m, a) between two spikes.

With the drift -v and a constant current I the steady states of NoisyLIF, RefractoryLIF (tau) and RandomThresholdLIF
(eps, tau) are the solutions of

    N = 1/T(m, a),    m = I + b N,    a = a0 + a1 N,    T = J(m, a) + tau + d,

J the mean time between two spikes of a neuron without refractory state: I(m) of `neuron_rate`; with a random threshold
I + eps + Q(y_F) of `firing_zone`; d a fixed dead time.

A drift -g (v - E) is that of -v with potentials counted from E and times in units of 1/g: `network_of` has its numbers
in these units, `units_of` has (g, E). The drift centre is m = E + (I + b N)/g in the model's own potentials.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..given.arguments import NUMBERS, checked, optional
from .firing_zone import excursions
from .neuron_rate import passage_integrals, together


class Network(NamedTuple):
    """The numbers of a model that its steady states depend on, for the drift -v; eps = 0 is the sharp threshold."""

    b: float
    a0: float
    a1: float
    v_reset: float
    v_fire: float
    current: float
    tau: float
    eps: float
    dead_time: float = 0.0

    @property
    def silent(self) -> float:
        """Mean time of an interval in which the neuron's potential does not move."""
        return self.tau + self.dead_time

    @property
    def shortest(self) -> float:
        """What every mean interval exceeds, however strong the current."""
        return self.tau + self.dead_time + self.eps


class Units(NamedTuple):
    """g and E of the drift -g (v - E)."""

    rate: float
    potential: float


_DEFAULTS = {"b": None, "a0": None, "a1": 0.0, "v_reset": None, "v_fire": None, "current": 0.0}
_DEFAULTS |= {"tau": 0.0, "eps": 0.0, "dead_time": 0.0}
_PROBES = (-2.5, 0.3, 7.0)  # where a drift is compared with a straight line, in units of V_F - V_R from V_R


def network_of(model: Any) -> Network:
    """The parameters of `model` in its own units (see `units_of`), checked: ValueError where no closed form exists."""
    if isinstance(model, Network):
        return model
    terms = getattr(type(model), "equations", None)
    if terms is not None and not terms.__module__.startswith("felif.models."):
        raise ValueError(f"{type(model).__name__} has terms of its own; closed forms exist for felif's models")
    network = Network(*(_number(model, name, default) for name, default in _DEFAULTS.items()))
    name = type(model).__name__
    if network.v_reset >= network.v_fire:
        raise ValueError(f"{name}: v_reset = {network.v_reset}; allowed is a number below v_fire = {network.v_fire}")
    if network.a0 <= 0:
        raise ValueError(f"{name}: a0 = {network.a0}; allowed is a positive number")
    for parameter in ("a1", "tau", "eps", "dead_time"):
        if getattr(network, parameter) < 0:
            raise ValueError(f"{name}: {parameter} = {getattr(network, parameter)}; allowed is a number >= 0")
    g, E = units_of(model)
    return network._replace(
        a0=network.a0 / g,
        v_reset=network.v_reset - E,
        v_fire=network.v_fire - E,
        current=network.current / g,
        tau=network.tau * g,
        eps=network.eps * g,
        dead_time=network.dead_time * g,
    )


def units_of(model: Any) -> Units:
    """g and E of a model with the drift -g (v - E); ValueError for other drifts."""
    drift = getattr(model, "drift", None)
    if drift is None or isinstance(model, Network):
        return Units(1.0, 0.0)
    low, high = float(model.v_reset), float(model.v_fire)
    width = high - low
    at = [float(drift(v)) for v in (0.0, low, high)]
    g = (at[1] - at[2]) / width
    if getattr(drift, "conductance", None) is not None:  # the numbers themselves, where they are known
        g = float(drift.conductance)
    g = round(g) if abs(g - round(g)) < 1e-13 * abs(g) else g
    E = at[0] / g if g > 0 else 0.0
    scale = g * (abs(low) + abs(high) + abs(E) + width)
    if not g > 0 or any(
        abs(float(drift(v)) + g * (v - E)) > 1e-12 * scale * (1 + abs(x))
        for x, v in ((x, low + x * width) for x in _PROBES)
    ):
        raise ValueError(
            f"{type(model).__name__}: drift = {drift!r}; closed forms exist for the leaky drift -g (v - E) only"
        )
    return Units(float(g), E)


def _number(model: Any, name: str, default: float | None) -> float:
    value = getattr(model, name, default)
    if isinstance(value, int | float | np.number) and np.isfinite(value):
        return float(value)
    raise ValueError(f"{type(model).__name__}: {name} = {value!r}; closed forms need a finite number")


class Interval(NamedTuple):
    """log T(m, a) and the relative derivatives T_m/T, T_mm/T, T_a/T."""

    log: np.ndarray
    by_m: np.ndarray
    by_mm: np.ndarray
    by_a: np.ndarray


@checked(m=NUMBERS, a=optional(NUMBERS))
def log_interval(model: Any, m: Any, a: Any = None) -> Interval:
    """log of the mean interval T between spikes at drift centre m and noise a, and its relative derivatives.

    T = J(m, a) + tau + d. For the drift -v:

    J_m = -(K_1 + Q')/sqrt(a), J_mm = (K_2 + Q'')/a, J_a = -(K_2 + y_F Q')/(2a), Q = 0 without random threshold.

    Never overflows.

    Parameters
    ----------
    model : model
        Its b and current are not used.
    m, a : float or array
        They broadcast; a is a0 by default.

    Returns
    -------
    Interval
        `.log` and relative derivatives.

    Examples
    --------
    >>> import math, felif as fl
    >>> T = math.exp(float(fl.analysis.exact.log_interval(fl.NoisyLIF(), 0.0)[0]))
    >>> round(1 / T, 10)
    0.1199759652
    """
    p, (g, E) = network_of(model), units_of(model)
    m, a = together(np.asarray(m, float) - E, np.asarray(p.a0 * g if a is None else a, float) / g)
    exponent, k = passage_integrals(m, a, p.v_reset, p.v_fire, order=2)
    total, slope, curvature, by_a = k[0] + p.shortest * np.exp(-exponent), k[1], k[2], k[2]
    if p.eps > 0:
        y = (p.v_fire - m) / np.sqrt(a)
        q = excursions(y.ravel(), 1 / p.eps, order=2).reshape(3, *y.shape)
        total, slope, curvature, by_a = total + q[0], slope + q[1], curvature + q[2], by_a + y * q[1]
    relative = (-slope / np.sqrt(a) / total, curvature / a / total, -by_a / (2 * a) / total / g)
    return Interval(exponent + np.log(total) - np.log(g), *relative)


@checked(N=NUMBERS)
def drift_centre(model: Any, N: Any) -> np.ndarray:
    """The one m with T(m, a0 + a1 N) = 1/N, for 0 < N < 1/(tau + eps + d).

    Newton on log J, which decreases (for the sharp threshold it is convex, a Laplace transform of a positive measure,
    and Newton climbs from the left without overshooting); a step that leaves the bracket is replaced by bisection.

    Parameters
    ----------
    model : model
        Its b and current are not used.
    N : float or array
        Rates.

    Returns
    -------
    array
        m, of the shape of N.

    Examples
    --------
    >>> import felif as fl
    >>> exact = fl.analysis.exact
    >>> rate = exact.rate(0.5, 1.0, 1.0, 2.0)
    >>> round(float(exact.drift_centre(fl.NoisyLIF(), rate)), 12)
    0.5
    """
    p, (g, E) = network_of(model), units_of(model)
    N = np.asarray(N, float) / g
    if not ((N > 0) & (N * p.shortest < 1)).all():
        raise ValueError(
            f"N = {N * g}; allowed is 0 < N < 1/(tau + eps + dead_time), "
            f"tau = {p.tau / g}, eps = {p.eps / g}, dead_time = {p.dead_time / g}"
        )
    alone, shape, N = p._replace(tau=0.0, dead_time=0.0), N.shape, N.ravel()
    a = p.a0 + p.a1 * N
    target = np.log1p(-N * p.silent) - np.log(N)  # log(1/N - tau - d)
    scale = np.sqrt(a)
    low = p.v_fire - scale * (1 + np.sqrt(2 * np.maximum(target, 0)))  # log J ~ (V_F - m)^2/(2a) far below V_F
    while (right := log_interval(alone, low, a).log < target).any():
        low = np.where(right, low - 2 * (p.v_fire - low + scale), low)
    high, m, left = np.full(N.shape, np.inf), low.copy(), np.arange(N.size)
    for _ in range(200):
        at = log_interval(alone, m[left], a[left])
        above = at.log >= target[left]
        low[left], high[left] = np.where(above, m[left], low[left]), np.where(above, high[left], m[left])
        new = m[left] + (target[left] - at.log) / at.by_m
        new = np.where((new >= low[left]) & (new <= high[left]), new, 0.5 * (low[left] + high[left]))
        moving = np.abs(new - m[left]) > 1e-15 * (np.abs(p.v_fire - new) + scale[left])
        m[left] = new
        left = left[moving & (high[left] - low[left] > 1e-15 * np.abs(new))]
        if not left.size:
            break
    return m.reshape(shape) + E
