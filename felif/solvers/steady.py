"""Steady states: F(y) = 0 with every conserved quantity given; all of them without a guess, each with its error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from ..algebra import Band, SingularMatrix
from ..problem import Infeasible, NotConverged, Problem, State
from . import populations
from .frozen import HIGHEST, LOWEST, Frozen, fixed_points
from .nearest_fold import NearestFold, nearest_fold
from .newton import conservation, linearised, newton
from .steady_state import SMALL, SteadyState, SteadyStates

_MARGIN = 1.05  # of what a richer space changes: it is no truth either
_FLOOR = 1e-16  # of every error estimate
_ROUNDS = 24  # of adapting the mesh to a state
_SAME = 1e-8  # relative distance of scalars at which two states are one
_UNDECIDED = 0.02  # |log(out/N)| at the highest N below which the mesh could hide a root
_REFUTED = 0.1  # |log(out/s)| in a richer space beyond which a candidate was an artefact of the mesh
_NEGATIVE = 0.1  # undershoot, relative to max n, of a density that is no solution


def steady_states(problem: Problem, *, t: float = 0.0, totals: Sequence[float] | None = None) -> SteadyStates:
    """All steady states whose scalars lie between 1e-14 and 1e4, sorted; possibly none, and then `.message` says why.

    F(t, y) = 0 and c.y = total for every conserved quantity (`totals`, one each by default). With drift and noise
    frozen at a value of N the problem is linear and fires at a rate out(N); the roots of out(N) = N are found by a scan
    over log N that is refined wherever two could hide, then Newton's method on the whole system, on a mesh adapted to
    each state if the problem was made from a tolerance. Several populations: see `populations`; `.complete` says
    whether it was shown that there are no others.

    Raises ValueError where F depends on time (an input that is a function).
    """
    totals = _totals(problem, t, totals)
    frozen = Frozen(problem, t, totals)
    if populations.several(frozen):
        return populations.steady_states(frozen, lambda problem, y: _reached(problem, y, t, totals))
    finest = _resolving_the_top(frozen)
    states, doubts = [], []
    for guess in fixed_points(finest):
        try:
            state = _settled(*_at(guess, frozen, finest), t, totals)
            reason = _objection(state)
        except (NotConverged, SingularMatrix, Infeasible) as error:
            reason = str(error)
        if reason:
            if not _refuted(finest, guess):
                doubts.append((guess, reason))
        elif not any(_same(state, other) for other in states):
            states.append(state)
    states.sort(key=lambda state: tuple(getattr(state, name) for name in state.problem.scalar_names))
    centre = _centre(frozen, states)
    return SteadyStates(states, _message(frozen, states, doubts, centre), lambda: _hint(frozen, centre))


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
    try:
        on_mesh, y = _from_guess(problem, t, totals, guess)
        state = _settled(on_mesh, y, t, totals)
        reason = _objection(state)
    except (NotConverged, SingularMatrix, Infeasible) as error:
        reason = str(error)
    if not reason:
        return state
    rest = f" {steady_states(problem, t=t, totals=totals).message}" if hasattr(problem, "linear_at") else ""
    raise NotConverged(f"No steady state was reached from the guess: {reason}.{rest}")


# from candidates to states --------------------------------------------------------------------------------------


def _reached(problem: Problem, y: np.ndarray, t: float, totals: np.ndarray) -> tuple[SteadyState | None, str]:
    """(the steady state that Newton's method reaches from y, "") or (None, why it is none)."""
    try:
        state = _settled(problem, y, t, totals)
    except (NotConverged, SingularMatrix, Infeasible) as error:
        return None, str(error)
    return state, _objection(state)


def _settled(problem: Problem, y: np.ndarray, t: float, totals: np.ndarray) -> SteadyState:
    """Newton from y, on a mesh adapted to the state, of a degree that brings the error below the tolerance."""
    solved = newton(problem, y, t=t, totals=totals)
    for _ in range(_ROUNDS):
        better = _better(problem, t, solved.y)
        if better is None:
            break
        problem = better[0]
        solved = newton(problem, better[1], t=t, totals=totals)
    state, richer = estimated(problem, t, solved, totals)
    tol = getattr(problem, "tol", None)
    for _ in range(4):
        if tol is None or richer is None or (excess := _excess(tol, state)) <= 1:
            break
        # what V_min cuts off may be magnified by the coupling
        further = problem.extended(t, state.y, 0.1 * tol / excess) or richer
        solved = newton(*further, t=t, totals=totals)
        finer, richer = estimated(further[0], t, solved, totals)
        if finer.error >= state.error:
            break  # down to rounding
        problem, state = finer.problem, finer
    return state


def _better(problem: Problem, t: float, y: np.ndarray) -> tuple | None:
    for way in ("adapted", "extended"):
        hook = getattr(problem, way, None)
        better = hook(t, y) if hook else None
        if better is not None:
            return better
    return None


def _excess(tol: float, state: SteadyState) -> float:
    """The largest ratio of an estimated error to the one that is allowed."""
    return max(error / (tol * abs(getattr(state, name)) + SMALL) for name, error in state.errors.items())


def estimated(problem: Problem, t: float, solved: Any, totals: np.ndarray) -> tuple[SteadyState, tuple | None]:
    """The state with its error estimates, and (problem, y) of the richer space they came from."""
    y, here = solved.y, problem.scalars(t, solved.y)
    noise = _rounding(problem, t, y)
    if not hasattr(problem, "enriched"):
        return SteadyState(problem, t, y, solved.residual, dict.fromkeys(problem.scalar_names, np.nan)), None
    try:
        low = getattr(problem, "degree", 6) < 4
        richer, z = problem.enriched(y, by=4 if low else 2)
        better = newton(richer, z, t=t, totals=totals)
        beyond = np.maximum(richer.cut_off(t, better.y), 0.0)  # of the richer state: the other may just oscillate there
        if beyond.any():
            better = newton(richer, better.y, t=t, totals=totals**2 / (totals + beyond))
        difference, pair = _MARGIN * np.abs(richer.scalars(t, better.y) - here), (richer, better.y)
    except (NotConverged, Infeasible):
        difference, pair = np.full(len(here), np.inf), None
    errors = dict(zip(problem.scalar_names, (difference + noise + _FLOOR).tolist(), strict=True))
    return SteadyState(problem, t, y, solved.residual, errors), pair


def rounding(problem: Problem, t: float, y: np.ndarray, weights: np.ndarray) -> float:
    """What rounding in F leaves uncertain of a functional whose adjoint is `weights` (J^T w its gradient)."""
    J = problem.jacobian(t, y)
    parts = Band(np.abs(J.band.data), J.band.kl, J.band.ku) @ np.abs(y) + np.abs(J.U) @ (np.abs(J.G) @ np.abs(y))
    return float(np.finfo(float).eps / 3 * np.linalg.norm(weights * parts))


def _rounding(problem: Problem, t: float, y: np.ndarray) -> np.ndarray:
    """What rounding in F leaves uncertain of each scalar: eps/3 |w (|J| |y|)|, w J = its gradient."""
    system, none = linearised(problem, t, y), np.zeros(len(problem.conserved))
    weights = [system.solve_transposed(row, none, refine=0)[0] for row in problem.scalar_gradient(t, y)]
    return np.array([rounding(problem, t, y, w) for w in weights])


def _objection(state: SteadyState) -> str:
    """Why a solution of the discrete equations is no steady state of the model, or nothing."""
    for name, error in state.errors.items():
        value = getattr(state, name)
        if value < 0:
            return f"the discrete solution has {name} = {value:.3g} < 0: the mesh does not resolve it"
        if error > 0.5 * abs(value) + 1e-10:
            return f"{name} = {value:.6g} has an estimated error of {error:.1e}: the mesh does not resolve it"
    for name in state.problem.field_names:
        values = state.problem.field(name, state.y).values
        if values.min() < -_NEGATIVE * values.max():
            return f"the density {name} falls to {values.min():.3g}: the mesh does not resolve it"
    return ""


def _refuted(frozen: Frozen, s: np.ndarray) -> bool:
    """Whether a richer space shows that nothing is there: at scalars s it fires at rates far from s."""
    _, y = frozen.solve(s)
    if not hasattr(frozen.problem, "enriched"):
        return False
    richer, _ = frozen.problem.enriched(y)
    return bool(np.abs(Frozen(richer, frozen.t, frozen.totals, frozen.moving).excess(s)).max(initial=0.0) > _REFUTED)


def _same(one: SteadyState, other: SteadyState) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in one.problem.scalar_names]
    return all(abs(a - b) <= _SAME * max(abs(a), abs(b)) + SMALL for a, b in pairs)


# where to look --------------------------------------------------------------------------------------------------


def _totals(problem: Problem, t: float, totals: Any) -> np.ndarray:
    C = conservation(problem)
    totals = np.ones(len(C)) if totals is None else np.asarray(totals, float)
    if totals.shape != (len(C),) or not np.all(totals > 0):
        raise ValueError(f"totals = {totals}; allowed are positive numbers, one for each of {list(problem.conserved)}")
    change = problem.time_derivative(t, C.sum(axis=0) if len(C) else np.zeros(problem.size), 1e-3)
    if change is not None and np.any(change):
        raise ValueError(
            f"{getattr(problem, 'model', problem)}: an input depends on time, so there is no steady state; "
            "give it a number, for example problem.at(current=0.0)"
        )
    return totals


def _resolving_the_top(frozen: Frozen) -> Frozen:
    """The same on a finer mesh, if at the highest rates out ~ N, so that the present one could hide a root."""
    if len(frozen.moving) == 1 and getattr(frozen.problem, "tol", None):
        top = np.array([HIGHEST])
        if abs(frozen.excess(top)[0]) < _UNDECIDED:
            return _resolving(frozen, top)
    return frozen


def _at(s: np.ndarray, coarse: Frozen, fine: Frozen) -> tuple[Problem, np.ndarray]:
    """(problem, y frozen at s), on the finer mesh only where the coarser one does not do."""
    _, y = coarse.solve(s)
    if coarse is fine or y.min() >= -1e-3 * y.max():
        return coarse.problem, y
    return fine.problem, fine.solve(s)[1]


def _resolving(frozen: Frozen, s: np.ndarray) -> Frozen:
    for _ in range(_ROUNDS):
        try:
            _, y = frozen.solve(s)
            better = frozen.problem.adapted(frozen.t, y)
        except (Infeasible, SingularMatrix):
            break
        if better is None:
            break
        frozen = Frozen(better[0], frozen.t, frozen.totals, frozen.moving)
    return frozen


def _from_guess(problem: Problem, t: float, totals: np.ndarray, guess: Any) -> tuple[Problem, np.ndarray]:
    if isinstance(guess, State):
        return (problem, guess.y.copy()) if guess.problem is problem else problem.carried(guess)
    values = np.atleast_1d(np.asarray(guess, float))
    if values.shape == (problem.size,) and problem.size > len(problem.scalar_names):
        return problem, values
    frozen = Frozen(problem, t, totals)
    if values.shape not in ((1,), (len(frozen.moving),)) or not np.all(values >= 0):
        raise ValueError(f"guess = {guess!r}; allowed are a State, numbers >= 0 for {frozen.names}, or a vector y")
    values = np.resize(values, len(frozen.moving))
    there = populations.fitted(frozen, values) if populations.several(frozen) else frozen
    return there.problem, there.solve(values, refine=1)[1]


# what is said about them ----------------------------------------------------------------------------------------


def _centre(frozen: Frozen, states: list[SteadyState]) -> float:
    """A firing rate near which the curve of steady states over the first parameter passes."""
    if states:
        return max(getattr(states[-1 if len(states) > 1 else 0], frozen.problem.scalar_names[0]), 1e-6)
    if len(frozen.moving) != 1:
        return 0.0

    def distance(x: float) -> float:
        return abs(float(frozen.excess(np.exp(np.array([x])))[0]))

    x = np.log(10.0) * np.arange(-4.0, 3.1, 0.25)
    near = x[np.argmin([distance(z) for z in x])]
    best = minimize_scalar(distance, bounds=(near - 0.6, near + 0.6), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def _hint(frozen: Frozen, centre: float) -> NearestFold | None:
    if len(frozen.moving) > 1 or not frozen.problem.scalar_names:
        return None
    return nearest_fold(frozen.problem, frozen.t, frozen.totals, centre)


def _message(frozen: Frozen, states: list[SteadyState], doubts: list[tuple[Any, str]], centre: float) -> str:
    names = ", ".join(frozen.names) or ", ".join(frozen.problem.scalar_names[:1])
    count = f"{len(states)} steady state" + ("" if len(states) == 1 else "s")
    parts = [f"{count} with {names} between {LOWEST:g} and {HIGHEST:,.0f}."]
    truncation = getattr(frozen.problem, "truncation", "")
    if not states and truncation:
        parts.append(truncation)
    elif not states and not doubts and len(frozen.moving) == 1:
        excess = float(frozen.excess(np.array([centre]))[0])
        more = "more" if excess > 0 else "less"
        parts.append(
            f"Whatever {names} is assumed, the network fires {more}: {np.exp(excess):.4g} times it at best, "
            f"near {names} = {centre:.3g}."
        )
    for guess, reason in doubts:
        at = ", ".join(f"{value:.4g}" for value in guess)
        parts.append(f"A candidate near {names} = {at} was not confirmed: {reason}.")
    small = [s for s in states if getattr(s, s.problem.scalar_names[0]) <= SMALL]
    if small:
        parts.append(
            f"Of the first, {names} is lost in rounding: it is 0 to within {small[0].error + SMALL:.0e} (absolute)."
        )
    return " ".join(parts)
