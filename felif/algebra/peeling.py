"""Sparse LU of matrices most of whose unknowns hang on few others, such as n^2 weights between n units.

Rows and columns that can be eliminated without adding entries are eliminated many at once; what is left is factored as
a whole. Which they are depends on the pattern alone and is found once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.libraries import lapack, sparse, sparse_linalg


@dataclass(frozen=True)
class _Peeling:
    """When a sparse matrix is worth peeling, and what is taken as a dense one."""

    share: float = 0.3  # of the unknowns, that a level has to eliminate at least
    levels: int = 12  # of elimination: what has not become small by then will not
    small: int = 60  # unknowns up to which a dense matrix takes less time than any care
    dense: int = 2000  # unknowns left, up to which they may be taken as a dense matrix
    full: float = 0.1  # of its entries that are there, from which they are
    pivot: float = 0.05  # of the largest entry of its row, or of its column, that a pivot has to have


PEELING = _Peeling()


Border = tuple[np.ndarray, np.ndarray, np.ndarray]  # columns (n, k), rows (k, n), corner (k, k)


class Peeling:
    """The pattern of a matrix, taken apart; `factor(values)`, one for each place, raises WeakPivot.

    worthwhile   whether enough could be eliminated
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, n: int) -> None:
        """Every place once, the whole diagonal among them."""
        self.n, self.levels = n, []
        small = n <= PEELING.small
        while not small and len(self.levels) < PEELING.levels:
            gone = _independent(rows, columns, n)
            if np.count_nonzero(gone) < PEELING.share * n:
                break
            level = Level(rows, columns, gone)
            self.levels.append(level)
            rows, columns, n = level.rows, level.columns, level.n
        self.worthwhile = small or len(self.levels) > 0
        self.rest = n
        self.dense = small or (n <= PEELING.dense and len(rows) >= PEELING.full * n * n)
        self._rows, self._columns = rows, columns
        if not self.dense:
            self._order = np.lexsort([rows, columns])
            self._starts = np.searchsorted(columns[self._order], np.arange(n + 1))

    def factor(self, values: np.ndarray, border: Border | None = None) -> Peeled:
        """Of the matrix, or of [matrix, columns; rows, corner] with a border of these three, dense."""
        return Peeled(self, values, border)

    def matrix_left(self, values: np.ndarray) -> Any:
        """What is left, dense or sparse."""
        shape = self.rest, self.rest
        if self.dense:
            found = np.zeros(shape, values.dtype)
            found[self._rows, self._columns] = values
            return found
        return sparse.csc_matrix((values[self._order], self._rows[self._order], self._starts), shape)


class WeakPivot(ArithmeticError):
    """A pivot is small beside its row and its column: the order of elimination does not serve these values."""


class Level:
    """Unknowns `gone`, none of which meets another, and the pattern of what is left: `rows`, `columns`, `n`."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, gone: np.ndarray) -> None:
        self.gone, self.kept = np.flatnonzero(gone), np.flatnonzero(~gone)
        m, self.n = len(self.gone), len(self.kept)
        place = np.where(gone, np.cumsum(gone), np.cumsum(~gone)) - 1
        r, c, row_gone, column_gone = place[rows], place[columns], gone[rows], gone[columns]
        own, stay = np.flatnonzero(row_gone & column_gone), np.flatnonzero(~row_gone & ~column_gone)
        self.own = own[np.argsort(r[own])]
        self.below = _Block(np.flatnonzero(~row_gone & column_gone), r, c, (self.n, m))  # kept rows, gone columns
        self.beside = _Block(np.flatnonzero(row_gone & ~column_gone), r, c, (m, self.n))
        self.stay = stay
        counts = np.diff(self.beside.starts)[self.below.columns]
        self.first = np.repeat(np.arange(len(counts)), counts)
        inner = np.arange(len(self.first)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.second = self.beside.starts[self.below.columns][self.first] + inner
        rows_of_below = np.repeat(np.arange(self.n), np.diff(self.below.starts))
        products = rows_of_below[self.first] * self.n + self.beside.columns[self.second]
        keys, where = np.unique(np.concatenate([r[stay] * self.n + c[stay], products]), return_inverse=True)
        self.rows, self.columns, self.count = keys // max(self.n, 1), keys % max(self.n, 1), len(keys)
        self.where_stay, self.where_products = where[: len(stay)], where[len(stay) :]


class _Block:
    """Entries `pick` of the values as a matrix, row by row."""

    def __init__(self, pick: np.ndarray, r: np.ndarray, c: np.ndarray, shape: tuple[int, int]) -> None:
        self.pick = pick[np.lexsort([c[pick], r[pick]])]
        self.shape, self.columns = shape, c[self.pick]
        self.starts = np.searchsorted(r[self.pick], np.arange(shape[0] + 1))

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix((values, self.columns, self.starts), self.shape)


class Peeled:
    """LU factors: `solve` with one column or several, and with the transposed matrix.

    A border is taken along through all levels and factored with what is left: the matrix itself may be singular.
    """

    def __init__(self, plan: Peeling, values: np.ndarray, border: Border | None = None) -> None:
        columns, rows, corner = border or (np.zeros((plan.n, 0)), np.zeros((0, plan.n)), np.zeros((0, 0)))
        self.dtype = np.result_type(values, columns, rows, corner)
        values, self._levels = values.astype(self.dtype, copy=False), []
        for level in plan.levels:
            pivots = values[level.own]
            below, beside = values[level.below.pick], values[level.beside.pick]
            _require_pivots(level, pivots, below, beside)
            beside = beside / np.repeat(pivots, np.diff(level.beside.starts))
            under, by = level.below.matrix(below), level.beside.matrix(beside)
            own, across = columns[level.gone], rows[:, level.gone] / pivots
            self._levels.append((level, pivots, under, by, own / pivots[:, None], across))
            corner = corner - across @ own
            columns = columns[level.kept] - under @ (own / pivots[:, None])
            rows = rows[:, level.kept] - (by.T @ (across * pivots).T).T
            values = _summed(level.where_stay, values[level.stay], level.count) - _summed(
                level.where_products, below[level.first] * beside[level.second], level.count
            )
        left = plan.matrix_left(values)
        self._lu: Any = None
        self._dense = plan.dense
        if plan.dense:
            left = np.block([[left, columns], [rows, corner]])
            *self._lu, info = (lapack.dgetrf if self.dtype == np.float64 else lapack.zgetrf)(left)
            if info != 0 or not np.isfinite(self._lu[0].diagonal()).all():
                raise WeakPivot("what is left is singular")
        else:
            if len(corner):
                left = sparse.bmat([[left, columns], [rows, corner]], "csc")
            try:
                self._lu = sparse_linalg.splu(left, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=PEELING.pivot)
            except RuntimeError as error:
                raise WeakPivot(f"what is left: {error}") from error

    def solve(self, b: np.ndarray, side: str = "N") -> np.ndarray:
        """A^-1 b, or A^-T b with side = "T"; b of shape (n,) or (n, m), a border's rows last, of the kind of A."""
        parts, turned = [], side == "T"
        for level, pivots, below, beside, columns, rows in self._levels:
            n = len(level.gone) + level.n
            own, pivots = b[level.gone], pivots if b.ndim == 1 else pivots[:, None]
            kept = b[:n][level.kept] - (beside.T @ own if turned else below @ (own / pivots))
            b = np.concatenate([kept, b[n:] - (columns.T if turned else rows) @ own])
            parts.append(own / pivots)
        if self._dense:
            solve = lapack.dgetrs if self.dtype == np.float64 else lapack.zgetrs
            x = solve(*self._lu, b, trans=int(turned))[0]
        else:
            x = self._lu.solve(b, side)
        for (level, pivots, below, beside, columns, rows), own in zip(self._levels[::-1], parts[::-1], strict=True):
            pivots = pivots if b.ndim == 1 else pivots[:, None]
            inner, border = x[: level.n], x[level.n :]
            whole = np.empty((len(level.gone) + len(x), *x.shape[1:]), x.dtype)
            whole[len(level.gone) + level.n :] = border
            whole[level.kept] = inner
            own = own - (below.T @ inner / pivots if turned else beside @ inner)
            whole[level.gone] = own - (rows.T if turned else columns) @ border
            x = whole
        return x


def enough_hang_on_few(rows: np.ndarray, columns: np.ndarray, n: int) -> bool:
    """Whether a first level may be worthwhile, which costs little to find out; as if all of the diagonal were there."""
    r, c = (np.maximum(np.bincount(part, minlength=n)[:n] - 1, 0) for part in (rows, columns))
    return bool(np.count_nonzero(_few(r, c)) >= PEELING.share * n)


def _neighbours(rows: np.ndarray, columns: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """How many entries beside the diagonal the rows and the columns have."""
    off = rows != columns
    return np.bincount(rows[off], minlength=n), np.bincount(columns[off], minlength=n)


def _few(r: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Whose elimination adds no entries on the whole."""
    return r * c <= r + c


def _independent(rows: np.ndarray, columns: np.ndarray, n: int) -> np.ndarray:
    """Unknowns that can be eliminated at once: none meets another, and no entries are added on the whole."""
    r, c = _neighbours(rows, columns, n)
    alive, found = _few(r, c), np.zeros(n, bool)
    if np.count_nonzero(alive) < PEELING.share * n:
        return found
    order = np.argsort((r + c) * 2.0 + np.random.default_rng(3).random(n))  # those with few neighbours first
    rank = np.empty(n, int)
    rank[order] = np.arange(n)
    between = alive[rows] & alive[columns] & (rows != columns)
    ends = np.concatenate([rows[between], columns[between]]), np.concatenate([columns[between], rows[between]])
    while alive.any():
        live = alive[ends[0]] & alive[ends[1]]
        ends = ends[0][live], ends[1][live]
        least = np.full(n, n)
        np.minimum.at(least, ends[0], rank[ends[1]])
        chosen = alive & (rank < least)
        found |= chosen
        alive &= ~chosen
        alive[ends[0][chosen[ends[1]]]] = False
    return found


def _require_pivots(level: Level, pivots: np.ndarray, below: np.ndarray, beside: np.ndarray) -> None:
    column, row = np.zeros(len(pivots)), np.zeros(len(pivots))
    np.maximum.at(column, level.below.columns, np.abs(below))
    np.maximum.at(row, np.repeat(np.arange(len(pivots)), np.diff(level.beside.starts)), np.abs(beside))
    if not (np.abs(pivots) >= PEELING.pivot * np.minimum(column, row)).all() or not pivots.all():
        raise WeakPivot("a pivot is small beside its row and its column")


def _summed(where: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    if values.dtype == np.float64:
        return np.bincount(where, values, count)
    return np.bincount(where, values.real, count) + 1j * np.bincount(where, values.imag, count)
