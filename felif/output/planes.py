"""Where a density over (v, w) and its functions of w are looked at: triangles fine enough to be drawn flat.

Two kinds of meshes are known by their arrays: `cells` (n, 3, 2), corners of triangles; or `cells` and `w_cells`, the
ends of the cells of both axes. Polynomials may jump between cells: points on common edges are there once for each cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Problem

_INWARDS = 1e-7  # of the way to the middle of a cell: the value of that cell at its edge, not of its neighbour


@dataclass(frozen=True, eq=False)
class Surface:
    """points (n, 2); `inside` (n, 2), the same a little inside the cell they are of; triangles (m, 3) of points."""

    points: np.ndarray
    inside: np.ndarray
    triangles: np.ndarray


def values_at(field: Any, surface: Surface) -> np.ndarray:
    """A density at the points of a surface, each as its own cell has it."""
    return np.asarray(field(surface.inside[:, 0], surface.inside[:, 1]), float)


def plane_samples(problem: Problem, pieces: int | None = None) -> Surface:
    """Every cell cut into pieces^2 triangles (twice as many on rectangles); by default 2 a degree and direction."""
    cells = np.asarray(problem.cells, float)
    if cells.ndim == 3:
        return _on_triangles(cells, pieces or _pieces(problem.degree))
    return _on_rectangles(problem, pieces)


def _pieces(degree: int) -> int:
    return 1 if degree <= 1 else 2 * int(degree)


def _on_triangles(corners: np.ndarray, pieces: int) -> Surface:
    steps = [(i, j) for j in range(pieces + 1) for i in range(pieces + 1 - j)]
    number = {step: k for k, step in enumerate(steps)}
    share = np.array(steps) / pieces
    barycentric = np.column_stack([1 - share.sum(axis=1), share])
    small = [[number[i, j], number[i + 1, j], number[i, j + 1]] for i, j in steps if i + j < pieces]
    small += [[number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]] for i, j in steps if i + j < pieces - 1]
    points = np.einsum("sc,ncd->nsd", barycentric, corners)
    inside = points + _INWARDS * (corners.mean(axis=1)[:, None] - points)
    triangles = np.array(small) + len(steps) * np.arange(len(corners))[:, None, None]
    return Surface(points.reshape(-1, 2), inside.reshape(-1, 2), triangles.reshape(-1, 3))


def _on_rectangles(problem: Problem, pieces: int | None) -> Surface:
    v, v_inside = _cut(np.asarray(problem.cells, float), pieces or _pieces(problem.degree))
    w, w_inside = _cut(np.asarray(problem.w_cells, float), pieces or _pieces(problem.space.w.degree))
    first = np.flatnonzero(np.diff(v) > 0)
    second = np.flatnonzero(np.diff(w) > 0)
    corner = (first[:, None] * len(w) + second).ravel()
    triangles = np.concatenate([corner[:, None] + [0, len(w), 1], corner[:, None] + [len(w), len(w) + 1, 1]])
    points, inside = (
        np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1).reshape(-1, 2) for a, b in ((v, w), (v_inside, w_inside))
    )
    return Surface(points, inside, triangles)


def _cut(ends: np.ndarray, pieces: int) -> tuple[np.ndarray, np.ndarray]:
    """(points, the same a little inside): every cell cut into pieces, inner ends of cells twice."""
    share = np.arange(pieces + 1) / pieces
    widths = np.diff(ends)[:, None]
    points = ends[:-1, None] + widths * share
    points[:, -1] = ends[1:]
    inside = points + _INWARDS * widths * (0.5 - share)
    return points.ravel(), inside.ravel()


def axis_samples(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(w, the same a little inside): where N(w) and C(w) are drawn, ends of cells twice."""
    cells = np.asarray(problem.cells, float)
    if cells.ndim == 3:
        return _cut(np.unique(cells[:, :, 1]), _pieces(problem.degree))
    return _cut(np.asarray(problem.w_cells, float), _pieces(problem.space.w.degree))
