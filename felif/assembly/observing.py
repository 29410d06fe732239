"""What a run records of its states: scalars, integrals of the fields, conserved quantities, smallest nodal value."""

from __future__ import annotations

import numpy as np

from ..firing.over_v import OverV
from ..problem import Infeasible
from ..spaces import DrawingPoints, along


def drawing_points(problem: OverV) -> DrawingPoints:
    """Where densities are drawn."""
    return along("v", problem.cells, problem.degree)


def observe(problem: OverV, t: float, y: np.ndarray) -> dict[str, float]:
    """By name, of one state; scalars are inf where no rate exists."""
    layout = problem.layout
    try:
        scalars = problem.scalars(t, y).tolist()
    except Infeasible:
        scalars = [np.inf] * len(layout.algebraic) + [float(y[layout.offsets[name]]) for name in layout.differential]
    row = dict(zip(problem.scalar_names, scalars, strict=True))
    row.update(zip(problem.quantities, (problem.observers @ y).tolist(), strict=True))
    row["min_n"] = float(y[: problem.size - len(layout.differential)].min())
    return row


def observed(problem: OverV, scalars: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The same, to the bit, of many states whose scalars are known: one row a state, in the order of `observe`."""
    lowest = states[:, : problem.size - len(problem.layout.differential)].min(axis=1)
    return np.column_stack([scalars, np.matmul(problem.observers, states[..., None])[..., 0], lowest])
