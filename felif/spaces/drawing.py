"""Where densities are looked at: points close enough for them to be drawn as straight lines, triangles to be flat.

Polynomials may jump between cells: points on common ends and edges are there once for each cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_INWARDS = 1e-7  # of the way to the middle of a cell: the value of that cell at its edge, not of its neighbour


@dataclass(frozen=True, eq=False)
class DrawingPoints:
    """Points along one axis (n,), or over two (n, 2) with the triangles (m, 3) between them.

    `inside`: the same a little inside the cell they are of, where functions are evaluated. `second`: (points, inside)
    along the second axis, where functions of it are drawn.
    """

    axes: tuple[str, ...]
    points: np.ndarray
    inside: np.ndarray
    triangles: np.ndarray | None = None
    second: tuple[np.ndarray, np.ndarray] | None = None


def along(axis: str, cells: np.ndarray, degree: int) -> DrawingPoints:
    """On continuous elements: every cell cut into pieces, ends of cells once.

    Elements of degree one are straight already. One of degree k is cut into 4k pieces: k show every coefficient,
    four times as many bring the error of the chord of a density the elements resolve below the width of a line
    (about (h/4k)^2 n''/8, some 1e-4 of the maximum).
    """
    pieces = 1 if degree <= 1 else 4 * degree
    left, width = cells[:-1, None], np.diff(cells)[:, None]
    points = np.append((left + width * (np.arange(pieces) / pieces)).ravel(), cells[-1])
    return DrawingPoints((axis,), points, points)


def over_rectangles(
    axes: tuple[str, str], cells: tuple[np.ndarray, np.ndarray], degrees: tuple[int, int]
) -> DrawingPoints:
    """Every rectangle cut into two triangles a piece, 2 pieces a degree and direction."""
    cuts = [_cut(ends, _pieces(degree)) for ends, degree in zip(cells, degrees, strict=True)]
    (x, _), (y, _) = cuts
    corner = (np.flatnonzero(np.diff(x) > 0)[:, None] * len(y) + np.flatnonzero(np.diff(y) > 0)).ravel()
    halves = [corner[:, None] + [0, len(y), 1], corner[:, None] + [len(y), len(y) + 1, 1]]
    points, inside = (
        np.stack(np.meshgrid(*ab, indexing="ij"), axis=-1).reshape(-1, 2) for ab in zip(*cuts, strict=True)
    )
    return DrawingPoints(axes, points, inside, np.concatenate(halves), cuts[1])


def over_triangles(axes: tuple[str, str], corners: np.ndarray, degree: int) -> DrawingPoints:
    """Every triangle, corners (n, 3, 2), cut into pieces^2 triangles."""
    pieces = _pieces(degree)
    steps = [(i, j) for j in range(pieces + 1) for i in range(pieces + 1 - j)]
    number = {step: k for k, step in enumerate(steps)}
    share = np.array(steps) / pieces
    barycentric = np.column_stack([1 - share.sum(axis=1), share])
    small = [[number[i, j], number[i + 1, j], number[i, j + 1]] for i, j in steps if i + j < pieces]
    small += [[number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]] for i, j in steps if i + j < pieces - 1]
    points = np.einsum("sc,ncd->nsd", barycentric, corners)
    inside = points + _INWARDS * (corners.mean(axis=1)[:, None] - points)
    triangles = (np.array(small) + len(steps) * np.arange(len(corners))[:, None, None]).reshape(-1, 3)
    second = _cut(np.unique(corners[:, :, 1]), pieces)
    return DrawingPoints(axes, points.reshape(-1, 2), inside.reshape(-1, 2), triangles, second)


def _pieces(degree: int) -> int:
    return 1 if degree <= 1 else 2 * degree


def _cut(ends: np.ndarray, pieces: int) -> tuple[np.ndarray, np.ndarray]:
    """(points, the same a little inside): every cell cut into pieces, inner ends of cells twice."""
    share = np.arange(pieces + 1) / pieces
    widths = np.diff(ends)[:, None]
    points = ends[:-1, None] + widths * share
    points[:, -1] = ends[1:]
    inside = points + _INWARDS * widths * (0.5 - share)
    return points.ravel(), inside.ravel()
