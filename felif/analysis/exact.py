"""Closed forms for the stationary states of the leaky networks: firing rates, the bifurcation diagram, folds, cusps.

The equations stand in `network` (steady states), `neuron` (the mean time between spikes), `firing_zone` (random
threshold) and `fold_equations`; stationary densities and the mass cut off with a finite interval in `density`,
time-dependent closed forms in `exact_time`.

Functions of a network take a model: any object with the attributes b, a0, v_reset, v_fire and, where it has them, a1,
current, tau, eps, drift. Functions of a single neuron (`rate`, `log_rate`, `passage_time`, `passage_time_slope`) take
numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..problem import NotConverged
from .fold_equations import STEP, Fold, cusps, folds, near_thresholds, root
from .network import Network, drift_centre, log_interval, network_of
from .neuron import log_passage_time, log_rate, passage_time, passage_time_slope, rate

__all__ = [
    "Fold",
    "cusps",
    "drift_centre",
    "firing_rate",
    "folds",
    "log_interval",
    "log_passage_time",
    "log_rate",
    "log_steady_rates",
    "passage_time",
    "passage_time_slope",
    "rate",
    "steady_curve",
    "steady_curve_over_rate",
    "steady_rates",
]


def steady_rates(model: Any) -> np.ndarray:
    """All steady firing rates N of a network, sorted; empty if it has none; 0.0 where N underflows.

    For a1 = 0, one for b <= 0; for b > 0 up to two, none above the fold (with tau up to three, at least one).

    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(b=1.5, a0=1.0, v_reset=1.0, v_fire=2.0)
    >>> steady_rates(model).round(12).tolist()
    [0.192364012568, 2.289125707747]
    """
    return np.exp(log_steady_rates(model))


def firing_rate(model: Any) -> float:
    """The steady firing rate of a network that has exactly one; NotConverged, naming all of them, otherwise."""
    found = steady_rates(model).tolist()
    if len(found) != 1:
        raise NotConverged(f"{model} has {len(found)} steady states, N = {found}; `steady_rates` returns all of them")
    return found[0]


def log_steady_rates(model: Any) -> np.ndarray:
    """log N of every steady state, sorted: the roots x of  f(x) = x + log T(I + b e^x, a0 + a1 e^x).

    f is scanned where the coupling matters (below, f increases); its extrema are looked at for pairs of roots closer
    together than the scan; every root is found to rounding.
    """
    p = network_of(model)

    def f(x: Any) -> tuple[np.ndarray, np.ndarray]:
        N = np.exp(x)
        at = log_interval(p, p.current + p.b * N, p.a0 + p.a1 * N)
        return x + at.log, 1 + N * (p.b * at.by_m + p.a1 * at.by_a)

    alone = log_interval(p, p.current)
    start = -float(alone.log)  # the rate without coupling
    coupling = float(abs(p.b * alone.by_m) + abs(p.a1 * alone.by_a))
    if coupling == 0:
        return np.array([start])
    x = _scan(p, start, -np.log(coupling) - 7)  # below the latter f = x - start to a thousandth
    value, slope = f(x)
    turns = np.flatnonzero((slope[:-1] * slope[1:] < 0) & (np.sign(value[:-1]) == np.sign(value[1:])))
    extrema = [brentq(lambda z: float(f(z)[1]), x[i], x[i + 1], xtol=1e-15) for i in turns]
    x = np.union1d(x, extrema)
    above = f(x)[0] >= 0
    return np.array([root(lambda z: f(z)[0], x[i], x[i + 1]) for i in np.flatnonzero(above[:-1] != above[1:])])


def _scan(p: Network, start: float, low: float) -> np.ndarray:
    """Points x = log N between which to look for steady states: no root lies outside."""
    if p.tau + p.eps > 0:
        high = -np.log(p.tau + p.eps)
    elif p.b > 0:  # N T tends to (V_F - V_R)/b like 1/N
        reach = abs(p.current) + abs(p.v_fire) + abs(p.v_reset) + np.sqrt(p.a0) + p.a1
        high = max(start + 1, min(np.log(1e9 * reach) - np.log(p.b), 600.0))
    else:  # N T tends to infinity
        high = start + 1
        while high + log_interval(p, p.current + p.b * np.exp(high), p.a0 + p.a1 * np.exp(high)).log < 0:
            high += 1
    low = min(low, high - 1)
    x = np.concatenate([[min(start, low) - 1], np.arange(low, high, STEP), [high]])
    if p.b:
        with np.errstate(over="ignore"):
            N = (near_thresholds(p) - p.current) / p.b
        x = np.concatenate([x, np.log(N[N > 0]).clip(low, high)])
    return np.unique(x)


def steady_curve(model: Any, m: Any) -> tuple[np.ndarray, np.ndarray]:
    """The exact bifurcation diagram as a curve m -> (b, N) for a1 = 0:  N = 1/T(m),  b = (m - I) T(m).

    The model's own b is not used. With a1 > 0 several states can have the same m: `steady_curve_over_rate`.
    """
    p = network_of(model)
    if p.a1:
        raise ValueError(f"a1 = {p.a1}; the diagram is a curve over m for a1 = 0 only: use steady_curve_over_rate")
    m = np.asarray(m, float)
    log = log_interval(p, m).log
    with np.errstate(over="ignore"):
        return (m - p.current) * np.exp(log), np.exp(-log)


def steady_curve_over_rate(model: Any, N: Any) -> tuple[np.ndarray, np.ndarray]:
    """The exact bifurcation diagram as a curve N -> (b, m):  T(m, a0 + a1 N) = 1/N,  b = (m - I)/N.

    Single-valued for every model; 0 < N < 1/(tau + eps).
    """
    p = network_of(model)
    m = drift_centre(p, N)
    return (m - p.current) / np.asarray(N, float), m
