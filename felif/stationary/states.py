"""Steady states as users ask for them: those of `felif.solvers`, with closed forms where rounding hides the rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..analysis import exact
from ..given.arguments import GUESS, NUMBERS, POSITIVE, SYSTEM, TIME, checked, either, mapping, optional, shown
from ..given.types import Profile, Totals
from ..problem import Problem, State
from ..solvers import steady
from ..solvers.plane import steady_states_on_lines
from ..solvers.steady_state import SteadyState, SteadyStates
from ..solvers.tuning import SEARCH

_TOTALS = optional(either(mapping(POSITIVE, "a mapping of conserved quantities to numbers > 0"), NUMBERS))


@checked(problem=SYSTEM, t=TIME, totals=_TOTALS)
def steady_states(
    problem: Problem, *, t: float = 0.0, totals: Totals | None = None, C: Profile | None = None
) -> SteadyStates:
    """All steady states of a problem, sorted by N, each with error estimate and stability; see `solvers.steady`.

    A rate below 1e-14 comes from the closed form's logarithm where the model has one (`.log_N`); its `.error` stays the
    absolute one of the discretisation.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    t : float
        The time at which inputs are taken.
    totals : mapping or array of numbers > 0
        Values of the conserved quantities; by default those of the model, such as mass 1.
    C : callable, array or float
        Over (v, w), for a network that does not learn (eps = 0): its connectivity, a function of w; see
        `solvers.plane`.

    Returns
    -------
    SteadyStates
        A sequence, maybe empty; `.message` says what was found out.

    Raises
    ------
    ValueError
        For a network that learns: its steady states are a continuum.

    Examples
    --------
    >>> import felif as fl
    >>> steady = fl.steady_states(fl.discretize(fl.NoisyLIF(b=1.5)))
    >>> [round(state.N, 6) for state in steady], [state.stable for state in steady]
    ([0.192364, 2.289126], [True, False])
    """
    if problem.line_names:
        return steady_states_on_lines(problem, C, t)
    if C is not None:
        raise ValueError(f"steady_states: C = {shown(C)}; {type(problem.model).__name__} has no weights w: leave C out")
    found = steady.steady_states(problem, t=t, totals=totals)
    for state in found:
        _restore(state)
    return found


@checked(problem=SYSTEM, guess=GUESS, t=TIME, totals=_TOTALS)
def steady_state(
    problem: Problem,
    guess: State | Sequence[float] | None = None,
    *,
    t: float = 0.0,
    totals: Totals | None = None,
) -> SteadyState:
    """One steady state: near a guess, or the one with the smallest N.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    guess : State, float or array
        A state, a value of N, or a vector of all unknowns.
    t : float
        The time at which inputs are taken.
    totals : mapping or array of numbers > 0
        Values of the conserved quantities; by default those of the model.

    Returns
    -------
    SteadyState
        A State with `.error`, `.stable` and `.eigenvalues`.

    Raises
    ------
    NotConverged
        Naming the nearest fold, where none is found.

    Examples
    --------
    >>> import felif as fl
    >>> round(fl.steady_state(fl.discretize(fl.NoisyLIF(b=1.5)), guess=2.0).N, 6)
    2.289126
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
    if state.problem.scalar_names[:1] != ("N",) or state.N > SEARCH.small or model is None:
        return
    try:
        logarithm = float(exact.log_steady_rates(model)[0])
    except (ValueError, IndexError):
        return
    if logarithm < math.log(10 * SEARCH.small):
        state.log_N, state.N = logarithm, math.exp(logarithm)
        if hasattr(state, "R"):
            state.R = getattr(model, "tau", 0.0) * state.N
