"""One steady state on a mesh that fits it, with its error estimates, and whether it is one of the model."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..problem import Infeasible, NotConverged, Problem
from .border import symmetry
from .newton import corrected, newton
from .steady_state import SteadyState
from .tuning import ERRORS, SEARCH, WALK


def settled(
    problem: Problem, y: np.ndarray, t: float, totals: np.ndarray, known: np.ndarray | None = None
) -> SteadyState:
    """Newton from y, on a mesh adapted to the state, of a degree that brings the error below the tolerance.

    known: the scalars of the model itself, where these have been computed another way. Where the state has the same its
    error need not be estimated before somebody asks for it: two numbers that came about in such different ways are not
    wrong by the same amount.
    """
    solved = newton(problem, y, t=t, totals=totals)
    for _ in range(WALK.rounds):
        better = _better(problem, t, solved.y)
        if better is None:
            break
        problem = better[0]
        solved = newton(problem, better[1], t=t, totals=totals)
    if known is not None and _has(problem, problem.scalars(t, solved.y), known):
        return SteadyState(problem, t, solved.y, solved.residual, partial(_errors, problem, t, solved.y, totals))
    state, richer = estimated(problem, t, solved, totals)
    tol = problem.tol
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


def _has(problem: Problem, scalars: np.ndarray, known: np.ndarray) -> bool:
    """Whether scalars, all far above rounding, are the known ones to a small part of the tolerance."""
    off = np.abs(scalars - known) <= SEARCH.agrees * (problem.tol or SEARCH.agrees) * np.abs(known)
    return bool(off.all() and (np.abs(known) > SEARCH.lowest / SEARCH.agrees**3).all())


def _errors(problem: Problem, t: float, y: np.ndarray, totals: np.ndarray) -> dict[str, float]:
    """The error estimates of a steady state that Newton's method has reached."""
    return estimated(problem, t, newton(problem, y, t=t, totals=totals), totals)[0].errors


def _better(problem: Problem, t: float, y: np.ndarray) -> tuple | None:
    for hook in (problem.recut, problem.adapted, problem.extended):
        better = hook(t, y) if hook else None
        if better is not None:
            return better
    return None


def _excess(tol: float, state: SteadyState) -> float:
    """The largest ratio of an estimated error to the one that is allowed."""
    return max(
        (error / (tol * abs(getattr(state, name)) + SEARCH.small) for name, error in state.errors.items()), default=0.0
    )


def estimated(problem: Problem, t: float, solved: Any, totals: np.ndarray) -> tuple[SteadyState, tuple | None]:
    """The state with its error estimates, and (problem, y) of the richer space they came from."""
    y, here = solved.y, problem.scalars(t, solved.y)
    noise = _rounding(problem, t, y, solved.system)
    if problem.enriched is None:
        return SteadyState(problem, t, y, solved.residual, dict.fromkeys(problem.scalar_names, np.nan)), None
    try:
        low = problem.degree < 4
        richer, z = problem.enriched(y, by=4 if low else 2)
        better = corrected(richer, z, t=t, totals=totals)
        beyond = np.maximum(richer.cut_off(t, better.y), 0.0)  # of the richer state: the other may just oscillate there
        if beyond.any():
            held = totals**2 / (totals + beyond)
            better = corrected(richer, better.y, t=t, totals=held, system=better.system)
        difference, pair = np.abs(richer.scalars(t, better.y) - here), (richer, better.y)
        if problem.decay_lengths[1] > 0:  # V_max reflects what would be above it
            part = 0.1 * float((difference / np.maximum(np.abs(here), SEARCH.small)).max())
            further = richer.extended(t, better.y, max(part, 1e-13))
            if further is not None:
                beyond_top = corrected(*further, t=t, totals=totals)
                difference = np.maximum(difference, np.abs(further[0].scalars(t, beyond_top.y) - here))
    except (NotConverged, Infeasible):
        difference, pair = np.full(len(here), np.inf), None
    errors = dict(
        zip(
            problem.scalar_names,
            (ERRORS.margin * problem.missed * difference + noise + ERRORS.floor).tolist(),
            strict=True,
        )
    )
    for name, more in (problem.cut_uncertainty(t, y) if problem.cut_uncertainty is not None else {}).items():
        errors[name] += more
    return SteadyState(problem, t, y, solved.residual, errors), pair


def rounding(problem: Problem, t: float, y: np.ndarray, weights: np.ndarray) -> float:
    """What rounding in F leaves uncertain of a functional whose adjoint is `weights` (J^T w its gradient)."""
    parts = problem.jacobian(t, y).magnitudes(y)
    return float(np.finfo(float).eps / 3 * np.linalg.norm(weights * parts))


def _rounding(problem: Problem, t: float, y: np.ndarray, system: Any) -> np.ndarray:
    """What rounding in F leaves uncertain of each scalar: eps/3 |w (|J| |y|)|, w J = its gradient; `system`: J."""
    gradient = problem.scalar_gradient(t, y)
    none = np.zeros((len(problem.conserved) + (symmetry(problem, y) is not None), len(gradient)))
    if not len(gradient):
        return np.zeros(0)
    weights, _ = system.solve_transposed(gradient.T, none, refine=0)
    parts = problem.jacobian(t, y).magnitudes(y)
    return np.finfo(float).eps / 3 * np.linalg.norm(weights.T * parts, axis=1)


def objection(state: SteadyState) -> str:
    """Why a solution of the discrete equations is no steady state of the model, or nothing."""
    problem = state.problem
    rates, tol = problem.scalar_names if problem.nonnegative is None else problem.nonnegative, problem.tol or 0.0
    for name, error in () if state.known else state.errors.items():
        value = getattr(state, name)
        if value < 0 and name in rates:
            return f"the discrete solution has {name} = {value:.3g} < 0: the mesh does not resolve it"
        if error > 0.5 * abs(value) + (1e-10 if name in rates else max(1e-10, tol)):  # what has a sign may well be 0
            return f"{name} = {value:.6g} has an estimated error of {error:.1e}: the mesh does not resolve it"
    if not problem.field_names:
        return ""
    if problem.spreads is not None and (spread := problem.spreads(state.y)):
        return spread
    largest, lowest = (float(values[0]) for values in problem.largest_and_lowest(state.y[None]))
    if lowest < -ERRORS.negative * largest:
        return f"a density falls to {lowest:.3g}: the mesh does not resolve it"
    return ""
