"""Sums over points, T^T diag(w) S, cell by cell: the points of a cell share their columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .tuning import MATRICES


class CellSums:
    """Makes such sums; patterns that it has met are kept, most terms have the same."""

    def __init__(self, size: int) -> None:
        self._size, self._patterns, self._met = size, {}, {}

    def product(self, tests: Any, values: Any, weights: np.ndarray) -> sparse.csr_matrix:
        """T^T diag(w) S, for T and S of shape (points, size)."""
        key = id(tests), id(values)
        if key not in self._met:  # with the matrices, which are not to be given up while their ids are known
            self._met[key] = tests, values, self._by_cells(tests, values)
        found = self._met[key][2]
        if found is None:
            weighted = values.data * np.repeat(weights, np.diff(values.indptr))
            scaled = sparse.csr_matrix((weighted, values.indices, values.indptr), values.shape)
            return tests.T.tocsr() @ scaled
        order, T, S, pattern = found
        local = np.matmul(T, weights[order].reshape(len(T), -1, 1) * S)
        where, indices, starts = pattern
        data = np.bincount(where, local.ravel(), len(indices))
        matrix = sparse.csr_matrix((data, indices, starts), (self._size, self._size))
        matrix.has_canonical_format = True
        return matrix

    def _by_cells(self, tests: Any, values: Any) -> tuple[Any, ...] | None:
        """(points by cells, T^T and S of each cell, where its sums go), None where cells are not told apart."""
        left, right = _regular(tests), _regular(values)
        groups = None if left is None or right is None or tests.nnz <= MATRICES.entries else _groups(left[0], right[0])
        if groups is None:
            return None
        order, count = groups
        T, S = (part[1][order].reshape(count, -1, part[1].shape[1]) for part in (left, right))
        first = order.reshape(count, -1)[:, 0]
        return order, T.transpose(0, 2, 1), S, self._pattern(left[0][first], right[0][first])

    def _pattern(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = rows.tobytes(), columns.tobytes()
        if key not in self._patterns:
            keys = (rows[:, :, None].astype(np.int64) * self._size + columns[:, None, :]).ravel()
            order = np.argsort(keys, kind="stable")
            ordered = keys[order]
            new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
            where = np.empty(len(keys), int)
            where[order] = np.cumsum(new) - 1
            found = ordered[new]
            starts = np.searchsorted(found, np.arange(self._size + 1) * self._size)
            self._patterns[key] = where, (found % self._size).astype(np.int32), starts.astype(np.int32)
        return self._patterns[key]


def _regular(matrix: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """(columns, values) of a matrix each of whose rows has as many entries; None otherwise."""
    n = matrix.shape[0]
    width = matrix.nnz // max(n, 1)
    if width * n != matrix.nnz or not width or not (np.diff(matrix.indptr) == width).all():
        return None
    return matrix.indices.reshape(n, width), matrix.data.reshape(n, width)


def _groups(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, int] | None:
    """(points, those of one cell behind one another; how many cells), None where cells have different points."""
    ends = [part[:, k].astype(np.int64) for part in (left, right) for k in (0, -1)]
    order = np.lexsort(ends)
    same = np.concatenate([[False], np.all([end[order][1:] == end[order][:-1] for end in ends], axis=0)])
    count = int(np.count_nonzero(~same))
    if len(order) % count or np.flatnonzero(~same).tolist() != list(range(0, len(order), len(order) // count)):
        return None
    for part in (left, right):
        together = part[order].reshape(count, -1, part.shape[1])
        if not (together == together[:, :1]).all():
            return None
    return order, count
