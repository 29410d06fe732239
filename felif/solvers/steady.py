"""Steady states: F(y) = 0 with every conserved quantity given; all of them without a guess, each with its error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from ..algebra import SingularMatrix
from ..problem import Infeasible, NotConverged, Problem, State
from .border import conservation
from .frozen import Frozen
from .many_starts import from_many_starts
from .nearest_fold import NearestFold, nearest_fold
from .populations import Candidates, candidates
from .settling import objection, settled
from .steady_state import SteadyState, SteadyStates
from .tuning import SEARCH


def steady_states(problem: Problem, *, t: float = 0.0, totals: Sequence[float] | None = None) -> SteadyStates:
    """All steady states with rates up to 1e4, sorted; possibly none, and then `.message` says why.

    F(t, y) = 0 and c.y = total for every conserved quantity (`totals`, one each by default). At rest every population
    is one neuron with its own drift and noise, which fires at a rate that bounds are known of: all solutions of
    out(N) = N are isolated (see `populations`), and `.complete` says whether there are no others. Each is confirmed by
    Newton's method on the whole system, on a mesh that fits it if the problem was made from a tolerance.

    Raises ValueError where F depends on time (an input that is a function).
    """
    totals = _totals(problem, t, totals)
    if problem.starts is not None:
        return from_many_starts(problem, t, totals)
    frozen = Frozen(problem, t, totals)
    found = candidates(frozen)
    states, doubts = [], []
    for scalars in found.scalars:
        state, reason = _confirmed(frozen, scalars, found)
        if state is None:
            doubts.append((scalars, reason))
        else:
            states.append(state)
    states.sort(key=lambda state: tuple(getattr(state, name) for name in state.problem.scalar_names))
    complete = found.complete and not doubts
    centre = _centre(found, states)
    return SteadyStates(
        states, _message(frozen, found, states, doubts, centre), partial(_hint, frozen, centre), complete
    )


def steady_state(problem: Problem, guess: Any = None, *, t: float = 0.0, totals: Any = None) -> SteadyState:
    """One steady state: the one Newton's method reaches from `guess`, or, without one, the one with the smallest N.

    guess: a State (of this or another mesh), a value of N (of every scalar, if there are several), or a vector y.
    Raises NotConverged, naming the nearest fold, where none is found; ValueError as `steady_states`.
    """
    found: Sequence[SteadyState]
    if guess is None:
        found = steady_states(problem, t=t, totals=totals)
        if not found:
            raise NotConverged(found.message)
        return found[0]
    totals = _totals(problem, t, totals)
    reason = "the problem frozen there has no solution"
    for on_mesh, y in _from_guess(problem, t, totals, guess):
        try:
            state = settled(on_mesh, y, t, totals)
            reason = objection(state)
        except (NotConverged, SingularMatrix, Infeasible) as error:
            reason = str(error)
        if not reason:
            return state
    rest = f" {steady_states(problem, t=t, totals=totals).message}" if problem.linear_at is not None else ""
    raise NotConverged(f"No steady state was reached from the guess: {reason}.{rest}")


# from candidates to states --------------------------------------------------------------------------------------


def _confirmed(frozen: Frozen, scalars: np.ndarray, found: Candidates) -> tuple[SteadyState | None, str]:
    """(the steady state at given scalars, "") or (None, why there is none), on the mesh at hand or one that fits."""
    reason, t, totals = "", frozen.t, frozen.totals
    for there in _meshes(frozen, scalars[frozen.moving]):
        try:
            y = there.solve(scalars[frozen.moving], refine=1)[1]
            state = settled(there.problem, y, t, totals, scalars if found.exact else None)
            reason = objection(state)
        except (NotConverged, SingularMatrix, Infeasible) as error:
            state, reason = None, str(error)
        if state is not None and not reason:
            if state.known:
                return state, ""
            here = state.problem.scalars(t, state.y)[found.places]
            room = SEARCH.small + 10 * np.nan_to_num([*state.errors.values()])[found.places]
            others = [s[found.places] for s in found.scalars]
            away = [float((np.maximum(np.abs(here - s) - room, 0.0) / (np.abs(s) + room)).max()) for s in others]
            own = next(k for k, s in enumerate(found.scalars) if s is scalars)
            if away[own] <= min(SEARCH.near, *away):
                return state, ""
            reason = f"Newton's method went on to {', '.join(f'{value:.6g}' for value in here)}"
    return None, reason


def _meshes(frozen: Frozen, s: np.ndarray) -> Iterator[Frozen]:
    """Where to start from scalars s: on the mesh at hand if it serves there, on one that fits, else on that at hand."""
    here = frozen.excess(s)
    if (np.abs(here) < SEARCH.serves).all():
        yield frozen
    there = frozen.fitting(s)
    if there is not frozen:
        pair = (frozen, there) if (np.abs(there.excess(s) - here) < SEARCH.serves).all() else (there, frozen)
        yield from pair
    else:
        yield frozen


# where to look --------------------------------------------------------------------------------------------------


def _totals(problem: Problem, t: float, totals: Any) -> np.ndarray:
    C = conservation(problem)
    own = np.ones(len(C)) if problem.totals is None else np.asarray(problem.totals, float)
    if isinstance(totals, Mapping):
        if unknown := set(totals) - set(problem.conserved):
            raise ValueError(f"totals: {sorted(unknown)}; conserved are {', '.join(problem.conserved) or 'nothing'}")
        totals = [totals.get(name, one) for name, one in zip(problem.conserved, own.tolist(), strict=True)]
    totals = own if totals is None else np.asarray(totals, float)
    if totals.shape != (len(C),) or not np.all(totals > 0):
        raise ValueError(f"totals = {totals}; allowed are positive numbers, one for each of {list(problem.conserved)}")
    change = problem.time_derivative(t, C.sum(axis=0) if len(C) else np.zeros(problem.size), 1e-3)
    if change is not None and np.any(change):
        raise ValueError(
            f"{problem.model}: an input depends on time, so there is no steady state; "
            "give it a number, for example problem.at(current=0.0)"
        )
    return totals


def _from_guess(problem: Problem, t: float, totals: np.ndarray, guess: Any) -> Iterator[tuple[Problem, np.ndarray]]:
    """(problem, y) to start Newton's method from, one after the other until it succeeds."""
    if isinstance(guess, State):
        yield (problem, guess.y.copy()) if guess.problem is problem else problem.carried(guess)
        return
    values = np.atleast_1d(np.asarray(guess, float))
    general = problem.starts is not None  # no equation in the rates alone: a vector is y
    if values.shape == (problem.size,) and (general or problem.size > len(problem.scalar_names)):
        yield problem, values
        return
    if general:
        raise ValueError(f"guess = {guess!r}; allowed are a State or a vector y of {problem.size} numbers")
    frozen = Frozen(problem, t, totals)
    if values.shape not in ((1,), (len(frozen.moving),)) or not np.all(values >= 0):
        raise ValueError(f"guess = {guess!r}; allowed are a State, numbers >= 0 for {frozen.names}, or a vector y")
    values = np.resize(values, len(frozen.moving))
    for there in _meshes(frozen, values):
        try:
            y = there.solve(values, refine=1)[1]
        except SingularMatrix:
            continue
        yield there.problem, y


# what is said about them ----------------------------------------------------------------------------------------


def _centre(found: Candidates, states: list[SteadyState]) -> float:
    """A firing rate near which the curve of steady states over the first parameter passes."""
    if states and states[0].problem.scalar_names:
        return max(getattr(states[-1 if len(states) > 1 else 0], states[0].problem.scalar_names[0]), 1e-6)
    if found.excess is None:
        return 0.0

    excess = found.excess
    x = np.log(10.0) * np.arange(-4.0, 3.1, 0.25)
    near = x[np.argmin(np.abs(excess(x)))]
    best = minimize_scalar(
        lambda z: abs(float(excess(np.array(z)))),
        bounds=(near - 0.6, near + 0.6),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(best.x))


def _hint(frozen: Frozen, centre: float) -> NearestFold | None:
    if len(frozen.moving) > 1 or len(frozen.problem.field_names) > 1 or not frozen.problem.scalar_names:
        return None
    return nearest_fold(frozen.problem, frozen.t, frozen.totals, centre)


def _message(
    frozen: Frozen,
    found: Candidates,
    states: list[SteadyState],
    doubts: list[tuple[np.ndarray, str]],
    centre: float,
) -> str:
    names = ", ".join(found.names)
    count = f"{len(states)} steady state" + ("" if len(states) == 1 else "s")
    parts = [f"{count} with {names} up to {SEARCH.highest:,.0f}."]
    if not doubts or not found.complete:
        parts.append(found.remark)
    truncation = frozen.problem.truncation
    if not states and truncation:
        parts.append(truncation)
    elif not states and not doubts and found.excess is not None:
        excess = float(found.excess(np.log(np.array(centre))))
        more = "more" if excess > 0 else "less"
        parts.append(
            f"Wherever {names} was looked at, the network fires {more} than that: {np.exp(excess):.4g} times it at "
            f"best, near {names} = {centre:.3g}."
        )
    for scalars, reason in doubts:
        at = ", ".join(f"{value:.4g}" for value in scalars[found.places])
        parts.append(f"A candidate near {names} = {at} was not confirmed: {reason}.")
    for number, state in enumerate(states, 1):
        lost = [name for name in found.names if getattr(state, name) <= SEARCH.small]
        if lost:
            bound = SEARCH.small + max(state.errors[name] for name in lost)
            of = f" of number {number}" if len(states) > 1 else ""
            parts.append(f"{', '.join(lost)}{of} is lost in rounding: 0 to within {bound:.0e} (absolute).")
    return " ".join(parts)
