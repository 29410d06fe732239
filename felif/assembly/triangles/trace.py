"""How functions of w are represented on triangles: N(w) on the edges at V_F, what it brings to V_R, C(w) = int p dv."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from scipy import sparse
from skfem.mesh import MeshTri

from ...algebra import gauss
from .space import modes, tabulate


def rows_of(values: np.ndarray, cells: np.ndarray, size: int) -> sparse.csr_matrix:
    """Matrix whose row r holds values[r] (modes,) at the unknowns of the triangle cells[r]."""
    count, number = values.shape
    columns = cells[:, None] * number + np.arange(number)
    return sparse.csr_matrix((values.ravel(), columns.ravel(), np.arange(count + 1) * number), (count, size))


class Trace:
    """N_h(w): on each edge of the line v = V_F a polynomial of degree k; Legendre coefficients, shape (edges, k + 1).

    It is the multiplier of p = 0, see `triangles.threshold`: -(N_h, phi)_{V_F} is exactly what the triangles there
    lose, and +(N_h, {phi})_{V_R} what those at V_R receive, {phi} the mean of both sides. The nodes of the two lines
    may differ: the second integral is taken on the merged intervals.
    """

    def __init__(self, mesh: MeshTri, degree: int) -> None:
        self.degree, size = degree, mesh.nelements * modes(degree)
        facets, self.ends = _along(mesh, mesh.boundaries["firing"])
        self.lengths = np.diff(self.ends)
        self.cells = mesh.f2t[0, facets]
        points, weights = gauss(degree + 3)
        self.count = len(points)
        w = (self.ends[:-1, None] + self.lengths[:, None] * points).ravel()
        self.points = np.array([np.full(w.size, mesh.p[0, mesh.facets[0, facets[0]]]), w])
        self.dx = (self.lengths[:, None] * weights).ravel()
        values, _ = tabulate(mesh, degree, np.repeat(self.cells, self.count), self.points)
        self.value = rows_of(values, np.repeat(self.cells, self.count), size)
        table = legendre.legvander(2 * points - 1, degree)  # (points, k + 1)
        edges = sparse.identity(len(facets), format="csr")
        self.projector = (table * weights[:, None]).T * (2 * np.arange(degree + 1)[:, None] + 1)
        self.at_points = sparse.kron(edges, table).tocsr()
        self.inflow = self._reset(mesh, size)

    def _reset(self, mesh: MeshTri, size: int) -> sparse.csr_matrix:
        facets, ends = _along(mesh, mesh.boundaries["reset"])
        merged = np.unique(np.concatenate([ends, self.ends]))
        points, weights = gauss(self.degree + 1)
        w = merged[:-1, None] + np.diff(merged)[:, None] * points
        middle = (merged[:-1] + merged[1:]) / 2
        here = np.repeat(facets[np.searchsorted(ends, middle) - 1], len(points))
        there = np.repeat(np.searchsorted(self.ends, middle) - 1, len(points))
        dx = (np.diff(merged)[:, None] * weights).ravel()
        place = np.array([np.full(w.size, mesh.p[0, mesh.facets[0, facets[0]]]), w.ravel()])
        mean = sum(rows_of(tabulate(mesh, self.degree, cells, place)[0], cells, size) for cells in mesh.f2t[:, here])
        return (0.5 * mean.T @ sparse.diags(dx) @ self._rows(w.ravel(), there)).tocsr()

    def _rows(self, w: np.ndarray, edge: np.ndarray) -> sparse.csr_matrix:
        """Legendre polynomials of these edges at w, as rows on the coefficients."""
        x = 2 * (w - self.ends[edge]) / self.lengths[edge] - 1
        return rows_of(legendre.legvander(x, self.degree), edge, len(self.lengths) * (self.degree + 1))

    def at(self, w: np.ndarray, inside: np.ndarray | None = None) -> sparse.csr_matrix:
        """Rows that give N_h at points w; where w is the end of an edge, on the side where `inside` lies."""
        asked = w if inside is None else w + 1e-9 * (inside - w)
        edge = np.clip(np.searchsorted(self.ends, asked, side="right") - 1, 0, len(self.lengths) - 1)
        return self._rows(w, edge)


def _along(mesh: MeshTri, facets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Facets of a line v = const in the order of w, and the ends of all of them, shape (facets + 1,)."""
    ends = np.sort(mesh.p[1, mesh.facets[:, facets]], axis=0)
    order = np.argsort(ends[0])
    return facets[order], np.append(ends[0][order], ends[1].max())


class LineIntegrals:
    """C(w) = int p dv on a triangle mesh: between the w of neighbouring vertices a polynomial of degree k + 1."""

    def __init__(self, mesh: MeshTri, degree: int) -> None:
        self._mesh, self._degree = mesh, degree
        self.ends = np.unique(mesh.p[1])
        points, weights = gauss(degree // 2 + 2)
        widths = np.diff(self.ends)
        self.nodes = (self.ends[:-1, None] + widths[:, None] * points).ravel()
        self.weights = (widths[:, None] * weights).ravel()
        self.matrix = self.at(self.nodes)

    def at(self, w: np.ndarray) -> sparse.csr_matrix:
        """Rows that give C at points w; where w is a vertex, from above (from below at the upper end)."""
        mesh, ends = self._mesh, self.ends
        interval = np.clip(np.searchsorted(ends, w, side="right") - 1, 0, len(ends) - 2)
        corners = mesh.p[:, mesh.t]  # (2, 3, cells)
        low, high = (np.searchsorted(ends, extreme(corners[1], axis=0)) for extreme in (np.min, np.max))
        point, cell = np.nonzero((low <= interval[:, None]) & (interval[:, None] < high))
        # the line w = const within a triangle: between the longest edge in w and one of the two others
        order = np.argsort(corners[1][:, cell], axis=0)
        v, height = (np.take_along_axis(corners[axis][:, cell], order, axis=0) for axis in (0, 1))
        y = w[point]
        whole = v[0] + (v[2] - v[0]) * (y - height[0]) / (height[2] - height[0])
        below = ends[interval[point] + 1] <= height[1]
        base = np.where(below, height[1] - height[0], height[2] - height[1])
        start = np.where(below, v[0], v[1])
        end = np.where(below, v[1], v[2])
        bottom = np.where(below, height[0], height[1])
        part = start + (end - start) * (y - bottom) / np.where(base > 0, base, 1.0)
        left, width = np.minimum(whole, part), np.abs(whole - part)
        points, weights = gauss(self._degree // 2 + 1)
        x = (left[:, None] + width[:, None] * points).ravel()
        cells = np.repeat(cell, len(points))
        values, _ = tabulate(mesh, self._degree, cells, np.array([x, np.repeat(y, len(points))]))
        summed = ((width[:, None] * weights).ravel()[:, None] * values).reshape(len(cell), len(points), -1).sum(axis=1)
        number = summed.shape[1]
        columns = (cell[:, None] * number + np.arange(number)).ravel()
        rows = np.repeat(point, number)
        return sparse.csr_matrix((summed.ravel(), (rows, columns)), (len(w), mesh.nelements * number))

    def by_rows(self, levels: np.ndarray) -> sparse.csr_matrix:
        """Rows that give the L2 projection of C on polynomials of degree k between levels, at Gauss points of them.

        Where the levels are lines of edges from end to end, no drift or noise in v changes it, up to rounding.
        """
        points, _ = gauss(self._degree + 1)
        widths = np.diff(levels)
        row = np.searchsorted(levels, self.nodes, side="right") - 1
        degrees = 2 * np.arange(self._degree + 1) + 1
        here = legendre.legvander(2 * (self.nodes - levels[row]) / widths[row] - 1, self._degree)
        moments = rows_of(here * degrees * (self.weights / widths[row])[:, None], row, len(widths) * len(degrees)).T
        values = sparse.kron(sparse.identity(len(widths)), legendre.legvander(2 * points - 1, self._degree))
        return (values @ moments @ self.matrix).tocsr()


def full_lines(corners: np.ndarray) -> np.ndarray:
    """The w of those lines w = const that run along edges of triangles (cells, 3, 2) from end to end, sorted.

    To 1e-9 of the height: meshes from files are rounded.
    """
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    low, near = corners[:, :, 1].min(), 1e-9 * np.ptp(corners[:, :, 1])
    level = edges[np.abs(np.diff(edges[:, :, 1], axis=1)[:, 0]) <= near]
    level = level[np.argsort(level[:, 0, 1])]
    w = level[:, 0, 1]
    group = np.cumsum(np.diff(w, prepend=low) > near)
    covered = np.bincount(group, np.abs(level[:, 1, 0] - level[:, 0, 0]))
    values = w[np.searchsorted(group, np.arange(group[-1] + 1))]
    ends = (values - low <= near) | (corners[:, :, 1].max() - values <= near)  # inner edges are there twice
    values[ends] = np.where(values[ends] - low <= near, low, corners[:, :, 1].max())
    return values[covered > (2 - ends) * np.ptp(corners[:, :, 0]) * (1 - 1e-9)]
