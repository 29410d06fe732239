"""How far points of branches and curves may be from those of the model: the same equations in a richer space.

An ordinary point is a steady state at given parameters, estimated as `steady_states` does. A special point (fold, Hopf
or branch point, cusp, Bogdanov-Takens point) is solved again in elements of a degree higher by two (four below 4), on
cells that reach further where the mesh may change, with the mass that V_min cuts off. What is reported is twice the
difference, as the richer space has an error too, and what rounding leaves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from ..algebra.roots import secant
from ..problem import Infeasible, NotConverged, Problem
from .border import conservation
from .branch_points import branch_point_at
from .family import Family, parameter_value
from .folds import SingularJacobian, fold_at
from .hopf import hopf_at
from .newton import newton
from .settling import estimated
from .system import Node, System, at_scalar, correct
from .tuning import ERRORS, SEARCH

_DOUBLE = {"cusp": "quadratic", "bogdanov-takens": "double_zero"}  # what vanishes on a curve of folds


def point_errors(point: Any) -> dict[str, float]:
    """`Point.errors`; inf where the richer space has no such point near by."""
    problem, y, names = point.problem, point.y, point.names
    special = point.kind in ("fold", "hopf", "branch point") or len(names) > 1
    wanted = [*problem.scalar_names, *(names if point.kind in _DOUBLE else names[:1] if special else ())]
    wanted += ["frequency"] if special and "frequency" in point.details else []
    if problem.enriched is None:
        return dict.fromkeys(wanted, np.nan)
    try:
        if special:
            return dict(zip(wanted, _of_special(point, wanted).tolist(), strict=True))
        solved = newton(problem, y)
        missed = np.abs(problem.scalars(0.0, solved.y) - problem.scalars(0.0, y))  # what the corrector left
        state, _ = estimated(problem, 0.0, solved, conservation(problem) @ y)
    except (NotConverged, SingularMatrix, Infeasible):
        return dict.fromkeys(wanted, np.inf)
    size = np.abs(problem.scalars(0.0, y))
    lost = missed + np.where(size <= SEARCH.small, SEARCH.small, ERRORS.digits * size)  # the former are reported as 0
    return {
        name: ERRORS.safety * error + more
        for (name, error), more in zip(state.errors.items(), lost.tolist(), strict=True)
    }


def _of_special(point: Any, wanted: list[str]) -> np.ndarray:
    """Differences of the scalars, the parameters that are free and the frequency to those of the richer space."""
    problem, y, totals = point.problem, point.y, conservation(point.problem) @ point.y
    tol = problem.tol  # a mesh that may reach further shows what is cut off, with its derivatives
    further = problem.extended(0.0, y, max(ERRORS.further * tol, ERRORS.least)) if tol else None
    wider, z = further or (problem, y)
    richer, z = wider.enriched(z, by=4 if problem.degree < 4 else 2)
    found, omega = _located(richer, z, point, totals)
    beyond = np.maximum(found.problem.cut_off(0.0, found.y), 0.0)
    if beyond.any():
        found, omega = _located(richer, found.y, point, totals**2 / (totals + beyond), found.z[:1])
    free = [name for name in point.names if name in wanted]
    here = [*problem.scalars(0.0, y), *(parameter_value(problem, name) for name in free)]
    there = [*found.problem.scalars(0.0, found.y), *found.z[: len(free)]]
    if "frequency" in wanted:
        here, there = [*here, point.details["frequency"]], [*there, omega]
    rounding = ERRORS.rounding_double if point.kind in _DOUBLE else ERRORS.rounding
    return ERRORS.safety * np.abs(np.subtract(there, here)) + rounding * (1 + np.abs(here))


def _located(
    problem: Problem, y: np.ndarray, point: Any, totals: np.ndarray, start: np.ndarray | None = None
) -> tuple[Node, float]:
    if point.kind in _DOUBLE:
        return _double(problem, y, point, totals), 0.0
    family = Family(problem, point.names[:1])
    start = family.start if start is None else start
    node = Node(System(family, totals), family.at(start), y, start, np.zeros(len(y)), np.ones(1))
    omega = float(point.details.get("frequency", 0.0))
    if omega:
        found = hopf_at(node, omega)
        return found, float(found.z[1])
    return (branch_point_at(node)[0] if point.kind == "branch point" else fold_at(node)), 0.0


def _double(problem: Problem, y: np.ndarray, point: Any, totals: np.ndarray) -> Node:
    """The cusp or Bogdanov-Takens point of another space, on its curve of folds over the scalar that moves most."""
    family = Family(problem, point.names)
    condition, start = SingularJacobian.near(family, y, family.start), point.problem.scalars(0.0, point.y)
    system, function = System(family, totals, condition), getattr(condition, _DOUBLE[point.kind])
    moves = np.abs(point.problem.scalar_gradient(0.0, point.y) @ point.tangent[0]) / np.maximum(
        np.abs(start), SEARCH.small
    )
    k, nodes = int(np.argmax(moves)), {}

    def value(scalar: float) -> float:
        nodes[scalar] = correct(system, y, family.start, at_scalar(k, scalar), exact=True)
        return function(nodes[scalar].problem, nodes[scalar].y)

    ends = (start[k], start[k] * (1 + ERRORS.near))
    found = secant(value, *ends, ERRORS.settled * abs(start[k]))
    if found is None:
        raise NotConverged(f"no {point.kind} near by")
    value(found)
    return nodes[found]
