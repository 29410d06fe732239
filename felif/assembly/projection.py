"""L2 projection in the sense of the weak form: moments against the test functions, and the state that has them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import spaces
from ..firing.over_v import OverV
from ..problem import Infeasible


def tied_moments(
    cells: np.ndarray, degree: int, cell: np.ndarray, places: np.ndarray, weighted: np.ndarray
) -> np.ndarray:
    """sum_q weighted_q phi_i(places_q) for all nodes i, shape (nodes,); `cell` says in which cell each point lies."""
    t = (places - cells[cell]) / (cells[cell + 1] - cells[cell])
    nodes = cell[:, None] * degree + np.arange(degree + 1)
    values = (weighted[:, None] * spaces.shapes(degree, t)).ravel()
    return np.bincount(nodes.ravel(), values, (len(cells) - 1) * degree + 1)


def from_moments(problem: OverV, moments: Mapping[str, np.ndarray], values: Mapping[str, float]) -> np.ndarray:
    """The state with these moments of the fields and values of the differential scalars.

    What lies in the test function of V_F has fired: a pulse of N, with everything a pulse does.
    """
    layout = problem.layout
    right = np.zeros(problem.size)
    for name, full in moments.items():
        right[layout.slice(name)] = full[: layout.free(name)]
    for name, value in values.items():
        right[layout.offsets[name]] += value
    mass = problem.mass
    y = mass.solve(right)
    for name, full in moments.items():
        if layout.tied[name] is None:
            continue
        direction, feedback = problem.pulse(layout.algebraic[layout.tied[name]], y)
        row = problem.tied_row(name)
        fired = full[-1] - (0.0 if row is None else row @ y)
        after = y + fired / feedback * mass.solve(direction) if feedback > 0 else None
        if after is None or not _has_rate(problem, after):  # a synchronous spike begins here: all are still below V_F
            last = np.zeros(problem.size)
            last[layout.slice(name).stop - 1] = fired
            after = y + mass.solve(last)
        y = after
    return y


def _has_rate(problem: OverV, y: np.ndarray) -> bool:
    try:
        problem.scalars(0.0, y)
    except Infeasible:
        return False
    return True
