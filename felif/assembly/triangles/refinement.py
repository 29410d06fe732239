"""Triangle meshes that follow a state: refined where the highest modes are too large, and refined anew to coarsen."""

from __future__ import annotations

import numpy as np

from ...meshing.strip import refined
from ...problem import State
from .over_triangles import OverTriangles
from .space import modes
from .tuning import REFINEMENT


def indicator(problem: OverTriangles, y: np.ndarray) -> np.ndarray:
    """L2 norm of the modes of highest degree on each triangle, over that of the density, shape (cells,)."""
    table = y.reshape(len(problem.cells), -1)
    sizes = problem.area * (table[:, modes(problem.degree - 1) :] ** 2).sum(axis=1)
    return np.sqrt(sizes / np.sum(problem.area[:, None] * table**2))


def behind_others(corners: np.ndarray, reset: float, busy: np.ndarray) -> np.ndarray:
    """Triangles above V_R that are more than twice as high in w as a `busy` one below V_R on the same line w = const.

    Where p is small N(w) need not be: it decides how fast weights change on the whole line, and varies with w as the
    density does where it is large. Triangles that are small only because their neighbours are do not count.
    """
    low, high = corners[:, :, 1].min(axis=1), corners[:, :, 1].max(axis=1)
    above = corners[:, :, 0].min(axis=1) >= reset
    ends = np.linspace(low.min(), high.max(), REFINEMENT.bins + 1)
    middle = (ends[1:] + ends[:-1]) / 2
    on = (low[:, None] < middle) & (high[:, None] > middle)
    lowest = np.where(on & (busy & ~above)[:, None], (high - low)[:, None], np.inf).min(axis=0)
    return above & (high - low > 2.01 * np.where(on, lowest, np.inf).min(axis=1))


def to_be_cut(problem: OverTriangles, y: np.ndarray, level: float = 1.0) -> np.ndarray:
    """Triangles whose highest modes exceed `level` times what the tolerance allows, unless they are tiny."""
    smallest = REFINEMENT.deepest * _areas(problem.coarsest).min()
    sizes = indicator(problem, y) / (REFINEMENT.unresolved * problem.tol)
    flags = (sizes > level) | behind_others(problem.cells, problem.landings[0], sizes > REFINEMENT.busy)
    return flags & (problem.area > 2 * smallest)


def _areas(corners: np.ndarray) -> np.ndarray:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def adapted(problem: OverTriangles, t: float, y: np.ndarray) -> tuple[OverTriangles, np.ndarray, str] | None:
    """(problem, y, why) on a finer mesh, or None where the present one does."""
    if not to_be_cut(problem, y).any():
        return None
    marked = to_be_cut(problem, y, REFINEMENT.together)
    new = problem.on_mesh(refined(problem.mesh, marked, problem.model))
    return new, new.resumed(State(problem, t, y)), f"{np.count_nonzero(marked)} triangles cut"


def coarsened(problem: OverTriangles, t: float, y: np.ndarray) -> tuple[OverTriangles, np.ndarray, str] | None:
    """(problem, y, why) on a mesh made anew from the coarsest one, or None where that saves too little."""
    idle = indicator(problem, y) < REFINEMENT.idle * REFINEMENT.unresolved * problem.tol
    if np.count_nonzero(idle) < (1 - REFINEMENT.worth) * len(idle) or len(problem.cells) <= len(problem.coarsest):
        return None
    most = REFINEMENT.worth * len(problem.cells)
    new, state = problem.on_cells(problem.coarsest), State(problem, t, y)
    for _ in range(REFINEMENT.rounds):
        received = new.received(state)
        marked = to_be_cut(new, received, REFINEMENT.wanted)
        if not marked.any():
            return new, new.resumed(state), f"{len(problem.cells)} triangles became {len(new.cells)}"
        if len(new.cells) + 3 * np.count_nonzero(marked) > most:
            return None
        new = new.on_mesh(refined(new.mesh, marked, problem.model))
    return None
