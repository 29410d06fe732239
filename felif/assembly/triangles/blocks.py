"""The matrix of the part in v on triangles, block by block: one block a triangle, two an edge between triangles."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ...given.parameters import Parameters


class Blocks:
    """Assembles `TriangleOperator.implicit`: dense products of tables a block, places found once."""

    def __init__(self, operator: Any, slopes: list[sparse.csr_matrix]) -> None:
        self.operator = operator
        number, inner = len(operator.area), operator.facet_cells
        self._kept = np.flatnonzero(np.abs(operator.nv.reshape(len(inner[0]), -1)[:, 0]) > 1e-14)
        self._sides = [cells[self._kept] for cells in inner]
        self._size = operator.size // number
        self._value, self._slope = (self._tables(rows, number) for rows in (operator.value, operator.slope_v))
        self._values, self._slopes = (
            [self._tables(rows, len(inner[0]))[self._kept] for rows in pair] for pair in (operator.values, slopes)
        )
        first, second = self._sides
        rows = np.concatenate([np.arange(number), first, second])
        columns = np.concatenate([np.arange(number), second, first])
        self._order = np.lexsort((columns, rows))
        self._indices = columns[self._order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=number))])

    def _tables(self, rows: sparse.csr_matrix, count: int) -> np.ndarray:
        """Rows on the unknowns as (count, points, modes)."""
        return rows.data.reshape(count, -1, self._size)

    def _at(self, values: np.ndarray) -> np.ndarray:
        """Values at the points of all inner facets as (facets that count, points, 1)."""
        return values.reshape(len(self.operator.facet_cells[0]), -1)[self._kept][..., None]

    def matrix(self, s: Any, m: Parameters) -> sparse.csr_matrix:
        """Drift and noise at scalars s, as if nothing passed V_F."""
        operator = self.operator
        drift, noise = ((operator.cells.sum(k, s, m) * operator.dx).reshape(len(self._value), -1, 1) for k in (0, 1))
        own = self._slope.transpose(0, 2, 1) @ (drift * self._value - noise * self._slope)
        dx, nv, noise = self._at(operator.facet_dx), self._at(operator.nv), self._at(operator.facets.sum(1, s, m))
        through = self._at(operator.facets.sum(0, s, m)) * nv
        jump = 0.5 * np.abs(through) + noise * self._at(operator.penalty)
        between = []
        for i, (cells, value, slope) in enumerate(zip(self._sides, self._values, self._slopes, strict=True)):
            for j in (0, 1):
                sign = 1 - 2 * j
                flux = (0.5 * through + sign * jump) * self._values[j] - 0.5 * noise * nv * self._slopes[j]
                block = value.transpose(0, 2, 1) @ ((2 * i - 1) * dx * flux)
                block += slope.transpose(0, 2, 1) @ (0.5 * sign * dx * noise * nv * self._values[j])
                if i == j:
                    np.add.at(own, cells, block)
                else:
                    between.append(block)
        data = np.concatenate([own, *between])[self._order]
        shape = (operator.size, operator.size)
        return sparse.bsr_matrix((data, self._indices, self._starts), shape).tocsr()
