"""One mesh for many runs: as fine as those that some of them came to use."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ..firing.over_v import OverV
from .tuning import MANY


def layered(cells: np.ndarray, meshes: Sequence[np.ndarray]) -> np.ndarray:
    """These cells, cut in two until they are nowhere much wider than those of any of the meshes."""
    while True:
        middles = 0.5 * (cells[1:] + cells[:-1])
        density = np.max([cells_per_length(mesh, middles) for mesh in meshes], axis=0)
        wide = np.diff(cells) * density > 1 + MANY.wider
        if not wide.any():
            return cells
        cells = np.sort(np.concatenate([cells, middles[wide]]))


def common(problem: OverV, meshes: list[np.ndarray]) -> np.ndarray:
    """Ends of cells nowhere wider than those of a problem and of any of the meshes; all its places are among them."""
    meshes, places = [problem.cells, *meshes], (*problem.landings, problem.top)
    ends = np.unique(np.concatenate(meshes))
    middles = 0.5 * (ends[1:] + ends[:-1])
    density = np.max([cells_per_length(mesh, middles) for mesh in meshes], axis=0)
    along = np.concatenate([[0.0], np.cumsum(density * np.diff(ends))])  # how many cells it takes up to there
    fixed = np.unique([ends[0], *(place for place in places if ends[0] < place <= ends[-1]), ends[-1]])
    cells = [ends[:1]]
    for low, high in itertools.pairwise(np.interp(fixed, ends, along)):
        count = max(1, math.ceil(high - low - 1e-9))
        cells.append(np.interp(np.linspace(low, high, count + 1)[1:], along, ends))
    cells = np.concatenate(cells)
    cells[np.searchsorted(cells, fixed - 1e-12 * np.ptp(fixed))] = fixed
    return cells


def cells_per_length(mesh: np.ndarray, v: np.ndarray) -> np.ndarray:
    """1 / (width of the cell at v), 0 beyond the mesh."""
    cell = np.clip(np.searchsorted(mesh, v) - 1, 0, len(mesh) - 2)
    return np.where((v > mesh[0]) & (v < mesh[-1]), 1.0 / np.diff(mesh)[cell], 0.0)


def a_few(which: np.ndarray) -> list[int]:
    """A few points from the first to the last."""
    return which[np.unique(np.linspace(0, len(which) - 1, MANY.tried).astype(int))].tolist()
