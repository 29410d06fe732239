"""Steady states and spectra over (v, w): lines that hold a given connectivity C(w), coupled by one number.

Without learning every C(w) is stationary, and for a given one the lines are steady where

    Nbar = G(Nbar),     G(x) = sum of what the lines fire at drift centres I(w) + w sigma(x).

With learning the steady states are a continuum too: wherever C > 0 the rule must be at rest, Phi(w) = w, and where that
is is not determined; entropy, or vanishing noise in w, selects one (`fl.learned_connectivity`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from ..algebra.roots import roots_between, secant
from ..problem import NotConverged, Problem
from .steady_state import SteadyState, SteadyStates
from .tuning import SEARCH


def steady_states_on_lines(problem: Problem, C: Any, t: float = 0.0) -> SteadyStates:
    """All steady states with connectivity C(w), sorted by Nbar; possibly none, and then `.message` says why.

    C: a function of w, or N(w), C(w) of a State; its mass is taken as it is. Raises ValueError for a problem that
    learns, for a missing C, and for a problem that is not made of lines.
    """
    name = type(problem.model).__name__
    if problem.stationary is None:
        raise ValueError(f"steady_states: {problem.space} has no lines; allowed is a problem made with Tensor()")
    if not problem.lines_stay:
        raise ValueError(
            f"steady_states: {name} learns, and its steady states are a continuum: C(w) may be at rest on many sets of "
            "w. Allowed is a problem that does not learn, problem.at(eps=0.0), with the C to be kept; "
            "fl.learned_connectivity gives what the rule itself leads to"
        )
    if C is None:
        raise ValueError(
            f"steady_states: C = None; without learning every C(w) of {name} is stationary: give one, a function of w"
        )
    problem, values = problem.with_connectivity(C)
    states = []
    for Nbar in _fixed_points(problem, t, values):
        states.append(_steady_state(problem, C, t, Nbar))
    states.sort(key=lambda state: getattr(state, problem.scalar_names[0]))
    count = {0: "No steady state was", 1: "1 steady state was"}.get(len(states), f"{len(states)} steady states were")
    why = "" if states else ": at every activity the network fires more than that"
    return SteadyStates(
        states, f"{count} found with {problem.scalar_names[0]} up to {SEARCH.n_max:g}{why}.", lambda: None
    )


def _fixed_points(problem: Problem, t: float, C: np.ndarray) -> list[float]:
    """Roots of G(x) - x in [0, SEARCH.n_max], as far as the lines can be solved."""

    def excess(x: float) -> float:
        return problem.stationary_total(t, x, C) - x

    places = np.concatenate([[0.0], np.geomspace(1e-6, SEARCH.n_max, SEARCH.scan)])
    known: list[tuple[float, float]] = []
    for x in places.tolist():
        try:
            value = excess(x)
        except SingularMatrix:
            break
        if not np.isfinite(value):
            break
        known.append((x, value))
    x, values = np.array(known).reshape(-1, 2).T
    return roots_between(excess, x, values, within=1e-15)


def _steady_state(problem: Problem, C: Any, t: float, Nbar: float) -> SteadyState:
    """The state near an activity, on cells of v that resolve it, with the error estimated in a richer space."""
    problem, values, Nbar = _resolved(problem, C, t, Nbar)
    y = problem.stationary(t, Nbar, values)
    richer, _ = problem.enriched(y)
    richer, finer = richer.with_connectivity(C)
    other = _nearest(richer, t, finer, Nbar)
    residual = float(np.abs(problem.rate(t, y)).sum())
    error = abs(other - Nbar) + problem.cut_off_lines(y) * Nbar + 1e-14 * (1 + abs(Nbar))
    return SteadyState(problem, t, y, residual, {problem.scalar_names[0]: error})


def _resolved(problem: Problem, C: Any, t: float, Nbar: float) -> tuple[Any, np.ndarray, float]:
    for _ in range(8):
        _, values = problem.with_connectivity(C)
        Nbar = _nearest(problem, t, values, Nbar)
        finer = problem.resolving(problem.stationary(t, Nbar, values))
        if finer is None:
            break
        problem = finer
    return problem, problem.with_connectivity(C)[1], Nbar


def _nearest(problem: Problem, t: float, C: np.ndarray, Nbar: float) -> float:
    """The fixed point near Nbar on another mesh, by the secant method."""
    excess = lambda x: problem.stationary_total(t, x, C) - x
    found = secant(excess, Nbar, Nbar + 1e-4 * (1 + Nbar), 1e-15 * (1 + Nbar))
    if found is None or not abs(excess(found)) <= SEARCH.same * (1 + Nbar):
        raise NotConverged(f"steady_states: the fixed point near Nbar = {Nbar:.6g} is lost on a finer mesh")
    return found
