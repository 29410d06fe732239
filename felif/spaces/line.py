"""Polynomial elements along one axis: Gauss-Lobatto nodes, continuous, or discontinuous for transport."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import legendre

from ..algebra import gauss
from .elements import lobatto, modal_transform


@lru_cache(maxsize=32)
def _slopes(degree: int) -> np.ndarray:
    """Legendre coefficients of the derivatives of the Legendre polynomials, one column each."""
    table = np.zeros((degree + 1, degree + 1))
    for k in range(1, degree + 1):
        unit = np.zeros(k + 1)
        unit[k] = 1.0
        table[:k, k] = legendre.legder(unit)
    return table


class Line:
    """Elements of one degree on cells of an axis; the mass matrix is that of the Gauss-Lobatto rule, and diagonal.

    size, nodes, weights      number of unknowns, where they sit, and the mass of each
    points, cell, dx          Gauss points of all cells, their cells, their weights: exact for forms of degree 2 k + 3;
                              of degrees 0 and 1 the nodes: every form is lumped
    """

    def __init__(self, cells: np.ndarray, degree: int, continuous: bool = True, periodic: bool = False) -> None:
        self.cells, self.degree = np.asarray(cells, float), int(degree)
        self.continuous, self.periodic = continuous, periodic
        self.widths = np.diff(self.cells)
        self.count = len(self.widths)
        first = np.arange(self.count)[:, None] * (degree if continuous else degree + 1)
        self.dofs = first + np.arange(degree + 1)
        self.size = int(self.dofs.max()) + 1
        if periodic and continuous:
            self.size -= 1
            self.dofs = _back_and_forth(self.size)[self.dofs % self.size]
        x, w = lobatto(degree)
        self.nodes, self.weights = np.empty(self.size), np.zeros(self.size)
        self.nodes[self.dofs[::-1]] = (self.cells[:-1, None] + self.widths[:, None] * x)[::-1]
        np.add.at(self.weights, self.dofs, self.widths[:, None] * w)
        t, w = lobatto(degree) if degree <= 1 else gauss(degree + 2)  # lumped: `systems.positive`
        self.points = (self.cells[:-1, None] + self.widths[:, None] * t).ravel()
        self.cell = np.repeat(np.arange(self.count), len(t))
        self.dx = (self.widths[:, None] * w).ravel()
        self._latest: tuple[np.ndarray, ...] | None = None  # points of `evaluate`, with the basis there

    def rows(
        self, x: np.ndarray, cell: np.ndarray | None = None, derivative: bool = False, above: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """(columns, values) of the basis, or of its derivative, at points x: both of shape (len(x), degree + 1).

        On an end of a cell: of the cell above it, or below; of a given cell where `cell` says which.
        """
        x = np.asarray(x, float)
        if cell is None:
            if self.periodic:
                x = self.cells[0] + (x - self.cells[0]) % (self.cells[-1] - self.cells[0])
            cell = self.cell_at(x, above)
        t = 2 * (x - self.cells[cell]) / self.widths[cell] - 1
        values = legendre.legvander(t, self.degree)
        if derivative:
            values = values @ _slopes(self.degree) * (2 / self.widths[cell][:, None])
        return self.dofs[cell], values @ modal_transform(self.degree)

    def cell_at(self, x: np.ndarray, above: bool = True) -> np.ndarray:
        """The cell where x is; on an end of one that above it, or below; beyond all cells the next."""
        side = "right" if above else "left"
        return np.clip(np.searchsorted(self.cells, x, side=side) - 1, 0, self.count - 1)

    def end(self, place: float) -> int:
        """The unknown at one end of the axis."""
        return int(self.dofs[0, 0] if place == self.cells[0] else self.dofs[-1, -1])

    @cached_property
    def faces(self) -> list[tuple[int, int, float, float]]:
        """(cell below, cell above, place seen from below, from above) of every face between cells."""
        inner = [(i, i + 1, float(self.cells[i + 1]), float(self.cells[i + 1])) for i in range(self.count - 1)]
        if self.periodic:
            inner.append((self.count - 1, 0, float(self.cells[-1]), float(self.cells[0])))
        return inner

    def modes(self, values: np.ndarray) -> np.ndarray:
        """Legendre coefficients on every cell of functions given at the nodes, shape (..., cells, degree + 1)."""
        return values[..., self.dofs] @ modal_transform(self.degree).T

    def evaluate(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The function with these values at the nodes, 0 beyond the ends; x of shape (n,)."""
        latest = self._latest
        if latest is None or not np.array_equal(latest[0], x):
            latest = self._latest = np.array(x), *self.rows(x)
        _, columns, rows = latest
        found = (values[columns] * rows).sum(axis=1)
        return found if self.periodic else np.where((x < self.cells[0]) | (x > self.cells[-1]), 0.0, found)


def _back_and_forth(size: int) -> np.ndarray:
    """Numbers of the nodes on a circle in an order in which neighbours stay close: 0, 2, 4, ..., 5, 3, 1."""
    order = np.empty(size, int)
    half = (size + 1) // 2
    order[:half] = 2 * np.arange(half)
    order[half:] = 2 * (size - 1 - np.arange(half, size)) + 1
    return order
