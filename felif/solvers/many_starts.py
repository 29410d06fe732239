"""Steady states that Newton's method reaches from many starts, where no bounds isolate them: nothing is claimed."""

from __future__ import annotations

import numpy as np

from ..algebra import SingularMatrix
from ..problem import Infeasible, NotConverged, Problem
from .border import symmetry
from .newton import newton
from .settling import objection, settled
from .steady_state import SteadyState, SteadyStates
from .tuning import SEARCH


def from_many_starts(problem: Problem, t: float, totals: np.ndarray) -> SteadyStates:
    """The different steady states reached from `problem.starts`, sorted by their numbers; `complete` is False."""
    found: list[SteadyState] = []
    known: list[np.ndarray] = []
    tried, refused = 0, ""
    for there, start in problem.starts(t, totals):
        tried += 1
        try:
            y = newton(there, start, t=t, totals=totals).y
        except (NotConverged, SingularMatrix, Infeasible):
            continue
        marks = _marks(there, t, y)
        if any(np.allclose(marks, other, rtol=SEARCH.same, atol=SEARCH.same) for other in known):
            continue
        known.append(marks)
        try:
            state = settled(there, y, t, totals)
        except (NotConverged, SingularMatrix, Infeasible):
            continue
        reason = objection(state)
        refused = refused or reason
        if not reason:
            found.append(state)
    # rounding sorts nothing
    found.sort(key=lambda state: np.round(_marks(state.problem, t, state.y) / SEARCH.same).tolist())
    count = f"{len(found)} steady state" + ("" if len(found) == 1 else "s")
    begun = f"from {tried} starts of Newton's method" if tried else "where no numbers hold densities above zero"
    refused = "" if found or not refused else f" A solution of the discrete equations is none: {refused}."
    return SteadyStates(found, f"{count}, {begun}. There may be others.{refused}", None, False)


def _marks(problem: Problem, t: float, y: np.ndarray) -> np.ndarray:
    """What tells states apart: the numbers, 0 for those that a symmetry changes; y where there are none."""
    if not problem.scalar_names:
        return y
    values, e = problem.scalars(t, y).copy(), symmetry(problem, y)
    if e is not None:
        turned = y + SEARCH.turned * e  # where y happens to make a number extreme, this does not
        change = np.abs(problem.scalar_gradient(t, y) @ e)
        change += np.abs(problem.scalar_gradient(t, turned) @ symmetry(problem, turned))
        values[change > SEARCH.turning * change.max()] = 0.0
    return values
