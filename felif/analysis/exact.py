"""Closed forms for the stationary states of the leaky networks: firing rates, the bifurcation diagram, folds, cusps.

The equations stand in `leaky_network` (steady states), `neuron_rate` (the mean time between spikes), `firing_zone`
(random threshold) and `fold_equations`; stationary densities and the mass cut off with a finite interval in `density`,
time-dependent closed forms in `exact_time`.

Functions of a network take a model: any object with the attributes b, a0, v_reset, v_fire and, where it has them, a1,
current, tau, eps, dead_time and the drift -g (v - E). Functions of a single neuron (`rate`, `log_rate`, `passage_time`,
`passage_time_slope`) take numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..given.arguments import TIMES, checked
from ..given.warning import warn
from ..problem import NotConverged
from .fold_equations import Fold, cusps, folds
from .leaky_network import drift_centre, log_interval, network_of, units_of
from .neuron_rate import log_passage_time, log_rate, passage_time, passage_time_slope, rate
from .steady_equation import log_rates

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

    For a1 = 0, one for b <= 0; for b > 0 up to two, none above the fold (with tau up to three, at least one). There are
    no others: see `log_steady_rates`.

    Parameters
    ----------
    model : model
        One leaky population: any object with the attributes b, a0, v_reset, v_fire and, where it has them, a1, current,
        tau, eps, dead_time and the drift.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> fl.analysis.exact.steady_rates(fl.NoisyLIF(b=1.5)).round(12).tolist()
    [0.192364012568, 2.289125707747]
    """
    return np.exp(log_steady_rates(model))


def firing_rate(model: Any) -> float:
    """The steady firing rate of a network that has exactly one.

    Parameters
    ----------
    model : model
        One leaky population.

    Returns
    -------
    float

    Raises
    ------
    NotConverged
        Naming all of them, where there is none or there are several.

    Examples
    --------
    >>> import felif as fl
    >>> round(fl.analysis.exact.firing_rate(fl.NoisyLIF(b=0.0)), 13)
    0.1199759652391
    """
    found = steady_rates(model).tolist()
    if len(found) != 1:
        raise NotConverged(f"{model} has {len(found)} steady states, N = {found}; `steady_rates` returns all of them")
    return found[0]


def log_steady_rates(model: Any) -> np.ndarray:
    """log N of every steady state, sorted: the roots x of  f(x) = x + log T(I + b e^x, a0 + a1 e^x).

    All of them, each to rounding: bounds of f and f' on intervals isolate every root or exclude it, for b of any sign
    and a1 of any size; the argument stands in `steady_equation`. Where two of them meet to rounding, at a fold, a
    UserWarning says that they cannot be told apart.

    Parameters
    ----------
    model : model
        One leaky population.

    Returns
    -------
    array
        Empty where there is none.

    Examples
    --------
    >>> import felif as fl
    >>> fl.analysis.exact.log_steady_rates(fl.NoisyLIF(current=-100.0)).shape  # a rate that underflows
    (1,)
    """
    found = log_rates(network_of(model))
    shift = np.log(units_of(model).rate)
    for low, high in found.doubtful:
        warn(
            f"{model}: near log N = {0.5 * (low + high) + shift:.12g} two steady states meet to rounding: "
            "whether there are two, one or none is not known",
        )
    return found.roots + shift


@checked(m=TIMES)
def steady_curve(model: Any, m: Any) -> tuple[np.ndarray, np.ndarray]:
    """The exact bifurcation diagram as a curve m -> (b, N) for a1 = 0:  N = 1/T(m),  b = (m - I) T(m).

    For the drift -g (v - E), b = (g (m - E) - I) T(m). With a1 > 0 several states can have the same m:
    `steady_curve_over_rate`.

    Parameters
    ----------
    model : model
        Its own b is not used.
    m : float or array
        Drift centres.

    Returns
    -------
    b, N : arrays
        Of the shape of m.

    Examples
    --------
    >>> import felif as fl
    >>> b, N = fl.analysis.exact.steady_curve(fl.NoisyLIF(), [0.0, 1.0, 2.0])
    >>> b.round(3).tolist()
    [0.0, 2.093, 1.804]
    """
    p, (g, E) = network_of(model), units_of(model)
    if p.a1:
        raise ValueError(f"a1 = {p.a1}; the diagram is a curve over m for a1 = 0 only: use steady_curve_over_rate")
    m = np.asarray(m, float) - E
    log = log_interval(p, m).log
    with np.errstate(over="ignore"):
        return (m - p.current) * np.exp(log), g * np.exp(-log)


@checked(N=TIMES)
def steady_curve_over_rate(model: Any, N: Any) -> tuple[np.ndarray, np.ndarray]:
    """The exact bifurcation diagram as a curve N -> (b, m):  T(m, a0 + a1 N) = 1/N,  b = (m - I)/N.

    Single-valued for every model.

    Parameters
    ----------
    model : model
        Its own b is not used.
    N : float or array
        0 < N < 1/(tau + eps + dead_time).

    Returns
    -------
    b, m : arrays
        Of the shape of N.

    Examples
    --------
    >>> import felif as fl
    >>> b, m = fl.analysis.exact.steady_curve_over_rate(fl.NoisyLIF(), [0.1199759652391])
    >>> abs(float(b[0])) < 1e-9
    True
    """
    p, (g, E) = network_of(model), units_of(model)
    m = drift_centre(model, N)
    return g * (m - E - p.current) / np.asarray(N, float), m
