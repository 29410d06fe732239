"""What the theorems say about a state before anything is computed: it must blow up, or it cannot.

Each function returns a `Certificate`: whether its theorem applies, and by how much. "Does not apply" says nothing
about the solution. Along a run: `certificates(run)`, or `CertificateRecorder` as an observer. Derivations:
docs/blow_up.md. All are for the drift -v + I + b N with constant I, without delay:

    n_t + [(-v + I + b N) n]_v - (a0 + a1 N) n_vv = N delta(v - V_R)  or  (R/tau) delta(v - V_R),     n(V_F) = 0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from ..algebra import in_a_row
from ..given.arguments import STATE, checked, number, optional
from ..problem import State
from .tuning import ROOTS


@dataclass(frozen=True)
class Certificate:
    """What a theorem says about a state.

    Attributes
    ----------
    name : str
        Of the theorem.
    applies : bool
        The theorem's hypotheses hold, and with them what `message` says.
    margin : float
        How far they hold: > 0 where the theorem applies, < 0 where it does not; -inf for another kind of network.
    message : str
        What follows, or why nothing does.
    value : float
        What it promises: a time from now at which the solution has ceased to exist, or a bound on N; else nan.

    Examples
    --------
    >>> import felif as fl
    >>> state = fl.steady_state(fl.discretize(fl.NoisyLIF(b=-1.0), tol=1e-4))
    >>> fl.bounded_rate(state).applies
    True
    """

    name: str
    applies: bool
    margin: float
    message: str
    value: float = math.nan


def moment(state: State, mu: float) -> float:
    """e^{-mu V_F} M_mu = int e^{mu (v - V_F)} n dv, by Gauss's rule in every cell: no overflow, full accuracy.

    Raises ValueError for a state with several densities.
    """
    return float(_Moments(state, mu)(mu))


class _Moments:
    """e^{-mu V_F} M_mu for every mu up to a largest one, the density evaluated once."""

    def __init__(self, state: State, largest: float) -> None:
        problem = state.problem
        if len(problem.field_names) != 1:
            kind = type(problem.model).__name__
            raise ValueError(f"moment: {kind} has several densities; allowed are states with one")
        points, weights = _quadrature(problem.cells, largest)
        self._below = points - problem.top
        self._masses = weights * getattr(state, problem.field_names[0])(points)

    def __call__(self, mu: Any) -> Any:
        return np.exp(np.multiply.outer(mu, self._below)) @ self._masses


@checked(state=STATE)
def excitatory_blow_up(state: State) -> Certificate:
    """The criterion for excitatory networks: blow-up in finite time if b mu M_mu >= e^{mu V_F}.

    mu = 2 max(1/b, V_F/a0), M_mu = int e^{mu v} n dv. With or without refractory state; b > 0, a1 >= 0, V_F standing
    for V_F - I.

    Parameters
    ----------
    state : State
        Of one density over v.

    Returns
    -------
    Certificate
        margin = b mu M_mu e^{-mu V_F} - 1; `value` is the latest time of blow-up from now.

    Notes
    -----
    Source: Caceres, Carrillo & Perthame 2011, Theorem 2.2; Caceres & Perthame 2014 with a refractory state.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(1.7, 0.005), t_end=1e-4, rtol=1e-3)
    >>> fl.excitatory_blow_up(run.at(0.0)).applies
    True
    """
    name, model = "excitatory blow-up", state.problem.model
    excluded = _excluded(model, ("NoisyLIF", "RefractoryLIF")) or ("" if model.b > 0 else "b > 0 is needed")
    if excluded:
        return Certificate(name, False, -math.inf, f"Does not apply: {excluded}.")
    mu = 2 * max(1 / model.b, max(_level(model), 0.0) / model.a0)
    M = moment(state, mu)
    return _blow_up(name, model, mu, M, model.b * mu * M - 1)


@checked(state=STATE, mu=optional(number()))
def noise_blow_up(state: State, mu: float | None = None) -> Certificate:
    """The criterion that holds for any sign of b: blow-up in finite time if, for some mu > max(V_F/a0, -b/a1),

        (b mu + a1 mu^2) M_mu >= e^{mu V_F},      M_mu = int e^{mu v} n dv,      V_F standing for V_F - I.

    For a1 = 0 and b > 0 it is a sharper form of `excitatory_blow_up`, for b < 0 it needs a1 > 0 ("noise does not
    help").

    Parameters
    ----------
    state : State
        Of one density over v.
    mu : float
        By default the one that makes the margin largest.

    Returns
    -------
    Certificate
        margin = (b mu + a1 mu^2) M_mu e^{-mu V_F} - 1; `value` is the latest time of blow-up from now.

    Raises
    ------
    ValueError
        For a mu that is not allowed.

    Notes
    -----
    Derivation: docs/blow_up.md, after Carrillo, Perthame, Salort & Smets 2015.

    Examples
    --------
    >>> import felif as fl
    >>> state = fl.steady_state(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4))
    >>> fl.noise_blow_up(state).applies  # a steady state never blows up
    False
    """
    name, model = "blow-up by noise", state.problem.model
    excluded = _excluded(model, ("NoisyLIF", "RefractoryLIF"))
    if not excluded and not (model.b > 0 or model.a1 > 0):
        excluded = "b > 0 or a1 > 0 is needed"
    if excluded:
        return Certificate(name, False, -math.inf, f"Does not apply: {excluded}.")
    least = max(_level(model) / model.a0, -model.b / model.a1 if model.a1 > 0 else 0.0, 0.0)
    if mu is not None and not (math.isfinite(mu) and mu > least):
        raise ValueError(f"noise_blow_up: mu = {mu!r}; allowed are numbers above {least:.6g}")
    grid = least * (1 + 1e-9) + np.geomspace(1e-3, ROOTS.largest, 60) / (model.v_fire - model.v_reset)
    moments = _Moments(state, float(grid[-1]) if mu is None else mu)

    def gain(x: Any) -> Any:
        return (model.b * x + model.a1 * x * x) * moments(x)

    if mu is None:
        k = int(np.argmax(gain(grid)))
        ends = (grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)])
        found = minimize_scalar(lambda x: -gain(x), bounds=ends, method="bounded", options={"xatol": 1e-6 * grid[k]}).x
        mu = max((float(found), float(grid[k])), key=gain)
    return _blow_up(name, model, mu, float(moments(mu)), float(gain(mu)) - 1)


@checked(state=STATE)
def bounded_rate(state: State) -> Certificate:
    """The universal supersolution for networks that do not excite: b <= 0, a1 = 0, V_R >= I.

    n <= C min(1, (V_F - v)/(V_F - V_R)) now implies the same with C e^s a time s later, so N <= a0 C e^s/(V_F - V_R). A
    refractory state enlarges C to R (V_F - V_R)/(tau a0) if it releases more.

    Parameters
    ----------
    state : State
        Of one density over v.

    Returns
    -------
    Certificate
        `value` is the bound now, a0 C/(V_F - V_R), infinite if n does not vanish at V_F; `margin` its inverse.

    Notes
    -----
    Derivation: docs/blow_up.md.

    Examples
    --------
    >>> import felif as fl
    >>> state = fl.steady_state(fl.discretize(fl.NoisyLIF(b=-1.0), tol=1e-4))
    >>> fl.bounded_rate(state).value >= state.N
    True
    """
    name, model = "bounded rate", state.problem.model
    excluded = _excluded(model, ("NoisyLIF", "RefractoryLIF"))
    if not excluded and (model.b > 0 or model.a1 > 0):
        excluded = "b <= 0 and a1 = 0 are needed"
    if not excluded and model.v_reset < _current(model):
        excluded = f"V_R >= I = {_current(model):g} is needed"
    if excluded:
        return Certificate(name, False, -math.inf, f"Does not apply: {excluded}.")
    bound = model.a0 * supersolution_height(state) / (model.v_fire - model.v_reset)
    if hasattr(model, "tau"):
        bound = max(bound, state.R / model.tau)
    return Certificate(name, True, 1 / bound, f"N stays below {bound:.6g} e^s a time s later.", bound)


def supersolution_height(state: State) -> float:
    """The smallest C with n(v) <= C min(1, (V_F - v)/(V_F - V_R)) at the nodes and between them."""
    problem = state.problem
    points, _ = _quadrature(problem.cells, 0.0)
    v = np.union1d(points, problem.nodes[problem.nodes < problem.top])
    barrier = np.minimum(1.0, (problem.top - v) / problem.length)
    return float(np.max(getattr(state, problem.field_names[0])(v) / barrier))


def _blow_up(name: str, model: Any, mu: float, M: float, margin: float) -> Certificate:
    """From M = e^{-mu V_F} M_mu <= 1 and dM/dt >= mu (mu a0 - V_F) M while the margin is not negative."""
    if not margin >= 0:
        return Certificate(
            name, False, margin, f"Nothing follows: M_mu is too small for every mu tried (mu = {mu:.4g})."
        )
    latest = max(-math.log(M), 0.0) / (mu * (mu * model.a0 - _level(model)))
    return Certificate(name, True, margin, f"Blow-up within a time {latest:.6g} (mu = {mu:.4g}).", latest)


def _excluded(model: Any, kinds: tuple[str, ...]) -> str:
    """Why the theorems do not cover a model, or ""."""
    if type(model).__name__ not in kinds:
        return f"{type(model).__name__} is no {' or '.join(kinds)}"
    if getattr(model, "delay", 0.0):
        return "delay = 0 is needed"
    if getattr(model, "dead_time", 0.0):
        return "dead_time = 0 is needed"
    if callable(model.current):
        return "a constant current is needed"
    drift = model.drift
    if type(drift).__name__ != "Leaky" or drift.conductance != 1.0 or drift.v_rest != 0.0:
        return "the drift -v is needed"
    return ""


def _current(model: Any) -> float:
    return float(model.current)


def _level(model: Any) -> float:
    """V_F - I: the current shifts the potential."""
    return float(model.v_fire) - _current(model)


def _quadrature(cells: np.ndarray, mu: float) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss rule, cells cut so that e^{mu v} varies by less than e^8 in each."""
    counts = np.maximum(1, np.ceil(mu * np.diff(cells) / 8)).astype(int)
    cells_and_counts = zip(cells[:-1], cells[1:], counts, strict=True)
    ends = np.unique(np.concatenate([np.linspace(a, b, 1 + count) for a, b, count in cells_and_counts]))
    return in_a_row(ends, 24)
