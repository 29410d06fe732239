"""Steady states as users ask for them: those of `felif.solvers`, with closed forms where rounding hides the rate."""

from __future__ import annotations

import math
from typing import Any

from ..analysis import exact
from ..given.arguments import STATE, SYSTEM, TIME, array, checked, either, optional
from ..problem import Problem
from ..solvers import steady
from ..solvers.plane import steady_states_on_lines
from ..solvers.steady_state import SMALL, SteadyState, SteadyStates

_GUESS = array("numbers >= 0 for the rates, or a vector y")


@checked(problem=SYSTEM, t=TIME)
def steady_states(problem: Problem, *, t: float = 0.0, totals: Any = None, C: Any = None) -> SteadyStates:
    """All steady states of a problem, sorted by N, each with error estimate and stability; see `solvers.steady`.

    Over (v, w), those of a network that does not learn (eps = 0) and has the connectivity C, a function of w; see
    `solvers.plane`. Raises ValueError for a network that learns: its steady states are a continuum.

    A rate below 1e-14 comes from the closed form's logarithm where the model has one (`.log_N`); its `.error` stays the
    absolute one of the discretisation.
    """
    if problem.line_names:
        return steady_states_on_lines(problem, C, t)
    if C is not None:
        raise ValueError(f"steady_states: C = {C!r}; {type(problem.model).__name__} has no weights w, so leave C out")
    found = steady.steady_states(problem, t=t, totals=totals)
    for state in found:
        _restore(state)
    return found


@checked(problem=SYSTEM, guess=optional(either(STATE, _GUESS)), t=TIME)
def steady_state(problem: Problem, guess: Any = None, *, t: float = 0.0, totals: Any = None) -> SteadyState:
    """One steady state: near `guess` (a State, a value of N, or a vector), or the one with the smallest N.

    Raises NotConverged, naming the nearest fold, where none is found.
    """
    if problem.line_names:
        raise ValueError(
            "steady_state: over (v, w) there are steady states of a given C(w): steady_states(problem, C=...)"
        )
    state = steady.steady_state(problem, guess, t=t, totals=totals)
    _restore(state)
    return state


def _restore(state: SteadyState) -> None:
    """N from the closed form where it is lost in rounding; left as it is where no closed form exists."""
    model = state.problem.model
    if state.problem.scalar_names[:1] != ("N",) or state.N > SMALL or model is None:
        return
    try:
        logarithm = float(exact.log_steady_rates(model)[0])
    except (ValueError, IndexError):
        return
    if logarithm < math.log(10 * SMALL):
        state.log_N, state.N = logarithm, math.exp(logarithm)
        if hasattr(state, "R"):
            state.R = getattr(model, "tau", 0.0) * state.N
