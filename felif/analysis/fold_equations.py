"""Folds of the steady states in b, and the cusps of (b, tau) where two folds meet, from their scalar equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..algebra.roots import roots_between
from .leaky_network import Network, drift_centre, log_interval, network_of, units_of
from .tuning import ROOTS


class Fold(NamedTuple):
    """A fold (or a cusp) of the steady states in b, with its drift centre m = I + b N.

    Attributes
    ----------
    b, N, m, tau : float
        Connectivity, rate, drift centre and refractory time there.

    Examples
    --------
    >>> import felif as fl
    >>> (fold,) = fl.analysis.exact.folds(fl.NoisyLIF())
    >>> round(fold.b, 6)
    2.100968
    """

    b: float
    N: float
    m: float
    tau: float


def folds(model: Any) -> tuple[Fold, ...]:
    """All folds of the steady states in b, sorted by N:  T + N (b T_m + a1 T_a) = 0;  for a1 = 0, T + (m - I) T' = 0.

    For a1 = 0 the diagram is a curve over m, otherwise over N; the condition is scanned along it (N down to 1e-300) and
    its roots are found to rounding.

    Parameters
    ----------
    model : model
        Its own b is not used.

    Returns
    -------
    tuple of Fold

    Examples
    --------
    >>> import felif as fl
    >>> len(fl.analysis.exact.folds(fl.RefractoryLIF(tau=0.01)))
    2
    """
    p = network_of(model)
    s = p.current + _reach(p) * np.exp(np.arange(-16.0, 16.0, ROOTS.step))
    if p.a1 == 0:
        ms = _roots(lambda m: _along_m(p, m), np.union1d(s, near_thresholds(p)))
        return tuple(
            sorted((_fold(model, p, m, float(np.exp(-log_interval(p, m).log))) for m in ms), key=lambda f: f.N)
        )
    x = -log_interval(p, np.concatenate([2 * p.current - s[::-1], s])).log
    x = np.union1d(x, np.arange(-16.0, 16.0, ROOTS.step))
    x = x[(x > -690) & (np.exp(np.minimum(x, 700)) * p.shortest < 1 - 1e-7)]
    rates = np.exp(_roots(lambda x: _along_N(p, np.exp(x)), x))
    return tuple(_fold(model, p, float(drift_centre(p, N)), N) for N in rates)


def cusps(model: Any) -> tuple[Fold, ...]:
    """Cusps in (b, tau) for a1 = 0, where two folds meet: 2 J' + (m - I) J'' = 0, tau + d = -(J + (m - I) J') >= d.

    Parameters
    ----------
    model : model
        Its own b and tau are not used.

    Returns
    -------
    tuple of Fold

    Examples
    --------
    >>> import felif as fl
    >>> (cusp,) = fl.analysis.exact.cusps(fl.RefractoryLIF())
    >>> cusp.tau > 0
    True
    """
    p = network_of(model)
    fixed = p.dead_time
    p = p._replace(tau=0.0, dead_time=0.0)
    if p.a1:
        raise ValueError(f"a1 = {p.a1}; the cusp equations are in closed form for a1 = 0 only")

    def condition(m: Any) -> np.ndarray:
        at = log_interval(p, m)
        return 2 + (m - p.current) * at.by_mm / at.by_m

    found = []
    s = p.current + _reach(p) * np.exp(np.arange(-9.0, 9.0, ROOTS.step))
    for m in _roots(condition, np.union1d(s, near_thresholds(p))):
        at = log_interval(p, m)
        J = float(np.exp(at.log))
        silent = -J * (1 + (m - p.current) * float(at.by_m))
        if silent >= fixed:
            found.append(_fold(model, p._replace(tau=silent - fixed), m, 1 / (J + silent)))
    return tuple(found)


def near_thresholds(p: Network) -> np.ndarray:
    """Drift centres near V_R and V_F, where T changes over the distance sqrt(a)."""
    window = np.sqrt(p.a0) * np.linspace(-8.0, 8.0, 65)
    return np.union1d(p.v_reset + window, p.v_fire + window)


def _roots(f: Callable, s: np.ndarray) -> list[float]:
    return roots_between(lambda x: float(f(x)), s, f(s), within=1e-300)


def _along_m(p: Network, m: Any) -> np.ndarray:
    """d(b)/dm = 0 divided by T, for a1 = 0."""
    return 1 + (m - p.current) * log_interval(p, m).by_m


def _along_N(p: Network, N: Any) -> np.ndarray:
    """d(N T)/dN = 0 at fixed b, divided by T."""
    m = drift_centre(p, N)
    at = log_interval(p, m, p.a0 + p.a1 * N)
    return 1 + (m - p.current) * at.by_m + p.a1 * N * at.by_a


def _reach(p: Network) -> float:
    return np.sqrt(p.a0) + p.v_fire - p.v_reset + abs(p.v_fire - p.current)


def _fold(model: Any, p: Network, m: float, N: float) -> Fold:
    g, E = units_of(model)
    return Fold(float((m - p.current) / N), float(g * N), float(m + E), p.tau / g)
