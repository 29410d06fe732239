"""The network without noise: its blow-up, or the end of every round of spikes, by an exact recursion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.integrate import quad

from ..algebra.roots import root
from ..given.arguments import FUNCTION, checked, number, required, whole
from .tuning import NOISELESS


@dataclass(frozen=True)
class NoiselessBlowUp:
    """When a network without noise blows up.

    Attributes
    ----------
    time : float or None
        Of the blow-up, None where there is none.
    round : int or None
        The round of spikes in which it comes, from 1.
    fraction : float or None
        The part of that round's neurons that have fired before.
    ends, N : tuples of float
        Times at which rounds end (every neuron has fired once more), and rates then.
    error : float
        Estimated error of `time`, from fewer nodes; nan without blow-up.
    """

    time: float | None
    round: int | None
    fraction: float | None
    ends: tuple[float, ...]
    N: tuple[float, ...]
    error: float


@checked(b=number(), current=number(), density=FUNCTION, v_reset=number(), v_fire=number(), rounds=whole(1, 10**6))
def noiseless_blow_up(
    b: float,
    current: float,
    density: Callable[[Any], Any],
    v_reset: float = 1.0,
    v_fire: float = 2.0,
    rounds: int = 20,
) -> NoiselessBlowUp:
    """Blow-up of n_t + d/dv[(-v + I + b N) n] = N delta_{V_R} for data on [V_R, V_F], exactly, round by round.

    With z = e^t and the part q of neurons fired in round k, (I - V_F) z_k' = g_k - b z_k, g_0 = 1 / n_0(v(q)),
    g_{k+1} = g_k + (V_F - V_R) z_k', z_{k+1}(0) = z_k(1), z_0(0) = 1; N = z / z', and N is infinite at the first zero
    of g_k - b z_k. With I <= V_F nobody fires without b n_0(V_F) >= 1, and that is a blow-up at once.

    Parameters
    ----------
    b, current : float
        Connectivity and I.
    density : callable
        n_0, positive on [v_reset, v_fire], normalised there.
    v_reset, v_fire : float
        V_R < V_F.
    rounds : int
        Rounds that are followed at most (20000 where b > 0: then every density but the splay state blows up), not
        beyond t = 690.

    Returns
    -------
    NoiselessBlowUp
        `.time`, `.round`, `.error`.

    Raises
    ------
    ValueError
        For parameters that are not finite, v_reset >= v_fire, a density that is not positive.

    Notes
    -----
    Source: the lecture's network without noise; A. Mauroy, R. Sepulchre, arXiv:1102.4511, for the dichotomy.

    Examples
    --------
    >>> import felif as fl
    >>> fl.noiseless_blow_up(b=2.0, current=1.0, density=lambda v: 1.0 + 0.0 * v).time  # at once: b n_0(V_F) >= 1
    0.0
    """
    if not v_reset < v_fire:
        raise ValueError(f"noiseless_blow_up: v_reset = {v_reset!r} is not below v_fire = {v_fire!r}")
    found = _followed(b, current, density, v_reset, v_fire, rounds, NOISELESS.nodes)
    if found.time is None or not found.ends and found.time == 0.0:
        return found
    other = _followed(b, current, density, v_reset, v_fire, rounds, 3 * NOISELESS.nodes // 4)
    error = math.inf if other.time is None else abs(other.time - found.time) + 1e-14 * (1 + found.time)
    return NoiselessBlowUp(found.time, found.round, found.fraction, found.ends, found.N, error)


def _followed(
    b: float, current: float, density: Callable, v_reset: float, v_fire: float, rounds: int, nodes: int
) -> NoiselessBlowUp:
    by = _Nodes(nodes)
    x = by.x
    g = 1.0 / _by_fraction(density, v_reset, v_fire, x)
    drive, width = current - v_fire, v_fire - v_reset
    if g[0] - b <= 0:
        return NoiselessBlowUp(0.0, 1, 0.0, (), (), 0.0)
    if drive <= 0:
        return NoiselessBlowUp(None, None, None, (), (), math.nan)
    z, ends, rates = 1.0, [], []
    growth = np.exp(b * x / drive)
    for k in range(1, (NOISELESS.rounds if b > 0 else rounds) + 1):
        values = (z + by.integral @ (growth * g / drive)) / growth
        slope = (g - b * values) / drive
        if not max(values[-1], np.abs(slope).max()) < NOISELESS.largest:
            break
        q = by.first_zero(slope)
        if q is not None:
            time = math.log(by.at(values, q))
            return NoiselessBlowUp(time, k, q, tuple(ends[:rounds]), tuple(rates[:rounds]), math.nan)
        z = float(values[-1])
        ends.append(math.log(z))
        rates.append(z / float(slope[-1]))
        g = g + width * slope
    return NoiselessBlowUp(None, None, None, tuple(ends[:rounds]), tuple(rates[:rounds]), math.nan)


def _by_fraction(density: Callable, v_reset: float, v_fire: float, q: np.ndarray) -> np.ndarray:
    """n_0(v(q)), normalised, at the parts q of neurons that are nearer to V_F."""
    edges = sorted({v_reset, v_fire, *(p for p in getattr(density, "breakpoints", ()) if v_reset < p < v_fire)})

    def value(v: float) -> float:
        found = np.ravel(density(np.array([v])))
        return required("noiseless_blow_up", f"density at v = {v:g}", found[0] if found.size else None, number())

    check = np.array([value(v) for v in np.linspace(v_reset, v_fire, 201)])
    if not np.isfinite(check).all() or not check.min() > 0:
        raise ValueError(
            f"noiseless_blow_up: density is {check.min():.3g} somewhere in [{v_reset:g}, {v_fire:g}]; allowed are "
            "positive values"
        )
    above = lambda v: sum(
        quad(value, max(v, low), high, epsabs=1e-15, epsrel=1e-13, limit=200)[0]
        for low, high in zip(edges, edges[1:], strict=False)
        if high > v
    )
    mass = above(v_reset)
    places = [
        v_fire
        if part == 0
        else v_reset
        if part == 1
        else root(lambda v, part=part: above(v) / mass - part, v_reset, v_fire)
        for part in q.tolist()
    ]
    return np.array([value(v) for v in places]) / mass


class _Nodes:
    """Chebyshev polynomials on [0, 1]: what is done with values at the nodes x, as matrices."""

    def __init__(self, count: int) -> None:
        angles = np.pi * np.arange(count) / (count - 1)
        self.x = 0.5 - 0.5 * np.cos(angles)
        weights = np.ones(count)
        weights[[0, -1]] = 0.5
        self.coefficients = np.cos(np.multiply.outer(np.arange(count), angles))[:, ::-1] * weights * 2 / (count - 1)
        self.coefficients[[0, -1]] /= 2
        primitives = chebyshev.chebint(np.eye(count)) / 2
        at_nodes, at_0 = (chebyshev.chebvander(2 * x - 1, count) for x in (self.x, np.zeros(1)))
        self.integral = (at_nodes - at_0) @ primitives @ self.coefficients  # int_0^x at the nodes
        self._fine = np.linspace(0, 1, 2001)
        self._on_fine = chebyshev.chebvander(2 * self._fine - 1, count - 1) @ self.coefficients

    def at(self, values: np.ndarray, q: float) -> float:
        return float(chebyshev.chebval(2 * q - 1, self.coefficients @ values))

    def first_zero(self, values: np.ndarray) -> float | None:
        """The first place in (0, 1] at which a function, positive at 0, vanishes."""
        signs = self._on_fine @ values <= 0
        if not signs.any():
            return None
        k = int(np.argmax(signs))
        if k == 0:
            return 0.0
        low, high = self._fine[k - 1], self._fine[k]
        return root(lambda q: self.at(values, q), low, high, within=1e-15)
