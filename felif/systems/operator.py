"""R(X) and dR/dX of a list of pieces, on chosen rows and columns; one sparse pattern, whose data alone changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..given.libraries import sparse
from .keys import canonical, keys_of, united
from .piece import Piece, coefficient, require_numbers
from .tuning import MATRICES

STEP = 1e-30


class Operator:
    """The sum of pieces as a function of X. `pattern` = (rows, columns) of every entry dR/dX may have.

    What no unknown changes is summed once. Rows and columns are those handed to `restricted`. X is one state, or many
    (states, columns), whose values have that axis first.
    """

    def __init__(
        self, pieces: list[Piece], rows: int, columns: int, m: Any, constant: Any, like: Operator | None = None
    ) -> None:
        """`constant`: a matrix that is added as it is; `like`: one of the same pieces, but for their coefficients."""
        self.shape, self.m = (rows, columns), m
        self._source, self.moving, still, factors = np.zeros(rows), [], [constant], [1.0]
        for piece in pieces:
            require_numbers(piece, np.zeros(columns), m)
            if piece.how == "number" and not piece.reads:
                c = float(np.real(coefficient(piece, {}, m)))
                if piece.matrix is not None:
                    still.append(piece.matrix)
                    factors.append(c)
                else:
                    self._source = self._source + c * piece.source
            else:
                self.moving.append(piece)
        self._still = like._still if like is not None and like._still.sums(still) else Sum(still, self.shape)
        self._fixed = self._still.matrix(factors)
        self._applied = small_as_dense(self._fixed)
        seen = [list(_seen(piece)) for piece in self.moving]
        if like is not None and all(a is b for a, b in zip(_flat(seen), like._seen, strict=True)):
            self._stack, self._places, self._seen = like._stack, like._places, like._seen
        else:
            self._stacked(seen)
        if like is None:
            self._scatter = [piece.tests.T.tocsr() if piece.how == "points" else None for piece in self.moving]
        else:
            self._scatter = like._scatter
        if like is not None and "entries" in vars(like):
            self.entries = like.entries

    def _stacked(self, seen: list[list[Any]]) -> None:
        """All matrices that are applied to X below one another, and where the rows of each are."""
        self._seen = _flat(seen)
        empty = sparse.csr_matrix((0, self.shape[1]))
        self._stack = small_as_dense(sparse.vstack([empty, *self._seen], format="csr"))
        ends = np.cumsum([0, *(matrix.shape[0] for matrix in self._seen)]).tolist()
        rows = iter([slice(first, end) for first, end in zip(ends, ends[1:], strict=False)])
        self._places = [[next(rows) for _ in one] for one in seen]

    def _looked_at(self, X: np.ndarray) -> list[tuple[Piece, dict[str, np.ndarray], list[np.ndarray]]]:
        """(piece, what its coefficient reads, what it multiplies) of every piece that moves."""
        found, everything = [], (self._stack @ X.T).T
        for piece, places in zip(self.moving, self._places, strict=True):
            values = [everything[..., rows] for rows in places]
            found.append((piece, dict(zip(piece.reads, values, strict=False)), values[len(piece.reads) :]))
        return found

    def residual(self, X: np.ndarray) -> np.ndarray:
        """R(X)."""
        total = (self._applied @ X.T).T + self._source
        for (piece, read, sides), scatter in zip(self._looked_at(X), self._scatter, strict=True):
            c = coefficient(piece, read, self.m)
            if piece.how == "points":
                total = total + (scatter @ (piece.weights * c * self._multiplied(piece, sides, c)).T).T
            else:
                carried = sides[0] if sides else piece.source
                total = total + (c if piece.how == "number" else c.take(piece.blocks, -1)) * carried
        return total

    @staticmethod
    def _multiplied(piece: Piece, sides: list[np.ndarray], c: Any) -> Any:
        if piece.upwind is not None:
            return np.where(np.real(c) * piece.weights < 0, *sides)
        return sides[0] if sides else 1.0

    # the Jacobian -----------------------------------------------------------------------------------------------

    @cached_property
    def entries(self) -> Entries:
        """Entries of all parts, and where in the data of the whole each part goes."""
        parts = [part for k, piece in enumerate(self.moving) for part in self._parts_of(k, piece)]
        everything, (first, *others) = united([self._still.keys, *(part.where for part in parts)])
        rows, columns = everything // self.shape[1], everything % self.shape[1]
        parts = [replace(part, where=slots) for part, slots in zip(parts, others, strict=True)]
        return Entries(rows, columns, first, np.arange(len(first)), parts)

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns) of every entry dR/dX may have."""
        return self.entries.rows, self.entries.columns

    def _keys(self, matrix: Any) -> np.ndarray:
        return matrix.row.astype(np.int64) * self.shape[1] + matrix.col

    def _parts_of(self, k: int, piece: Piece) -> Iterator[Part]:
        """Those of dR/dX that piece number k has: c S, and one for each name that is read; `where` are still keys."""
        if piece.how == "points":
            sides = [(None, side, S) for side, S in enumerate(self._sides(piece))]
            for name, side, S in [*sides, *((name, None, read) for name, read in piece.reads.items())]:
                entries = _triples(piece.tests, S)
                if entries is not None:
                    point, row, column, value = entries
                    keys, local = np.unique(row * self.shape[1] + column, return_inverse=True)
                    yield Part(k, name, side, keys, point, value, local)
            return
        if piece.matrix is not None:
            coo = canonical(piece.matrix).tocoo()
            yield Part(k, None, 0, self._keys(coo), coo.row, coo.data)
            rows = np.unique(coo.row)
        else:
            rows = np.flatnonzero(piece.source)
        for name, read in piece.reads.items():
            entry = np.zeros(len(rows), int) if piece.how == "number" else piece.blocks[rows]
            picked = canonical(read)[entry].tocoo()
            at = rows[picked.row]
            yield Part(k, name, None, at.astype(np.int64) * self.shape[1] + picked.col, at, picked.data)

    @staticmethod
    def _sides(piece: Piece) -> list[Any]:
        if piece.upwind is not None:
            return list(piece.upwind)
        return [] if piece.values is None else [piece.values]

    def jacobian(self, X: np.ndarray, frozen: bool = False, entries: Entries | None = None) -> np.ndarray:
        """dR/dX at `pattern`, or at some of its entries; `frozen`: as if the coefficients did not change with X."""
        entries = self.entries if entries is None else entries
        data, last = np.zeros((*X.shape[:-1], len(entries.rows))), None
        data[..., entries.fixed] = self._fixed.data[entries.of_fixed]
        looked_at = self._looked_at(X)
        for part in entries.parts:
            if frozen and part.name is not None:
                continue
            if part.piece != last:
                last = part.piece
                piece, read, sides = looked_at[last]
                c = coefficient(piece, read, self.m)
            factor = c if part.name is None else self._slope(piece, read, part.name)
            if piece.how == "points":
                factor = piece.weights * factor
                if part.name is not None:
                    factor = factor * self._multiplied(piece, sides, c)
                elif piece.upwind is not None:
                    factor = np.where((np.real(c) * piece.weights < 0) == (part.side == 0), factor, 0.0)
                added = part.summed(part.value * factor.take(part.at, -1))
            else:
                if piece.how == "index":
                    factor = factor.take(piece.blocks[part.at], -1)
                if part.name is not None:
                    factor = factor * (sides[0] if sides else piece.source).take(part.at, -1)
                added = part.value * factor
            # of one state as of many, whose coefficients may be those of one
            data.T[part.where] += added.T if added.ndim == data.ndim else added[:, None]
        return data

    def _slope(self, piece: Piece, read: dict[str, np.ndarray], name: str) -> Any:
        return np.imag(coefficient(piece, read, self.m, (name, 1j * STEP))) / STEP


@dataclass(frozen=True, eq=False)
class Part:
    """A part of dR/dX that changes with X: of the piece number `piece` c S (S number `side`), or what it reads by name.

    where   places of its entries among all; `value` times what the coefficient gives at `at`, a point or a row, is
            added there, with points at those numbered `local`
    """

    piece: int
    name: str | None
    side: int | None
    where: np.ndarray
    at: np.ndarray
    value: np.ndarray
    local: np.ndarray | None = None

    def summed(self, values: np.ndarray) -> np.ndarray:
        """What points add to each entry."""
        if values.ndim == 1:
            return np.bincount(self.local, values, len(self.where))
        return np.array([self.summed(one) for one in values])

    def only(self, place: np.ndarray) -> Part | None:
        """Of the entries whose new place is not -1, if there are any."""
        kept = place[self.where] >= 0
        if not kept.any():
            return None
        where = place[self.where[kept]]
        if self.local is None:
            return replace(self, where=where, at=self.at[kept], value=self.value[kept])
        inside = kept[self.local]
        local = (np.cumsum(kept) - 1)[self.local[inside]]
        return replace(self, where=where, at=self.at[inside], value=self.value[inside], local=local)


@dataclass(frozen=True, eq=False)
class Entries:
    """Which entries a matrix may have, by row; `fixed`: places of those numbered `of_fixed` of what never changes."""

    rows: np.ndarray
    columns: np.ndarray
    fixed: np.ndarray
    of_fixed: np.ndarray
    parts: list[Part]

    def only(self, kept: np.ndarray) -> Entries:
        """Some of them: those where `kept` is True."""
        place = np.where(kept, np.cumsum(kept) - 1, -1)
        fixed = kept[self.fixed]
        parts = [part for whole in self.parts if (part := whole.only(place)) is not None]
        return Entries(self.rows[kept], self.columns[kept], place[self.fixed[fixed]], self.of_fixed[fixed], parts)


class Sum:
    """Sums of multiples of given matrices; `keys` are the places row * columns + column of their entries, ascending.

    A place stays where it is when its entries are zero: they are none for other factors.
    """

    def __init__(self, matrices: list[Any], shape: tuple[int, int]) -> None:
        self._matrices, self._shape = matrices, shape
        same: dict[int, np.ndarray] = {}  # patterns that matrices share are looked at once
        parts, data = [], []
        for matrix in matrices:
            keys, values = keys_of(matrix.tocsr())
            parts.append(same.setdefault(id(matrix.indices) if values is matrix.data else id(values), keys))
            data.append(values)
        self._data, self._counts = np.concatenate(data), [len(values) for values in data]
        self.keys, where = united(parts)
        self._where = np.concatenate(where)
        self._indices = self.keys % shape[1]
        self._indptr = np.searchsorted(self.keys, np.arange(shape[0] + 1) * shape[1])

    def sums(self, matrices: list[Any]) -> bool:
        """Whether these are the matrices; the first, which is no term's, is the same for all."""
        return len(matrices) == len(self._matrices) and all(
            a is b for a, b in zip(matrices[1:], self._matrices[1:], strict=True)
        )

    def matrix(self, factors: list[float]) -> Any:
        data = np.bincount(self._where, self._data * np.repeat(factors, self._counts), len(self.keys))
        return sparse.csr_matrix((data, self._indices, self._indptr), self._shape)


def small_as_dense(matrix: Any) -> Any:
    """The matrix to multiply with."""
    return matrix.toarray() if matrix.shape[0] * matrix.shape[1] <= MATRICES.product else matrix


def _seen(piece: Piece) -> Iterator[Any]:
    """The matrices of a piece that are applied to X: what its coefficient reads, and what it multiplies."""
    yield from piece.reads.values()
    if piece.how != "points":
        found = [piece.matrix]
    else:
        found = [piece.values] if piece.upwind is None else [*piece.upwind]
    yield from (matrix for matrix in found if matrix is not None)


def _flat(seen: list[list[Any]]) -> list[Any]:
    return [matrix for one in seen for matrix in one]


def _triples(tests: Any, S: Any) -> tuple[np.ndarray, ...] | None:
    """(point, row, column, value) of all products tests[p, row] S[p, column]."""
    tests, S = tests.tocsr(), S.tocsr()
    left, right = np.diff(tests.indptr), np.diff(S.indptr)
    counts = left * right
    if not counts.any():
        return None
    point = np.repeat(np.arange(len(counts)), counts)
    inner = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
    a = tests.indptr[point] + inner // right[point]
    b = S.indptr[point] + inner % right[point]
    return point, tests.indices[a].astype(np.int64), S.indices[b].astype(np.int64), tests.data[a] * S.data[b]


def restricted(piece: Piece, rows: np.ndarray, columns: Any = None) -> Piece:
    """A piece on some rows, with columns added up by a sparse matrix (None: as they are)."""
    pick = lambda S: S if S is None or columns is None else (S @ columns).tocsr()
    changes: dict[str, Any] = {"reads": {name: pick(read) for name, read in piece.reads.items()}}
    if piece.how == "points":
        changes |= {"tests": piece.tests[:, rows].tocsr(), "values": pick(piece.values)}
        changes["upwind"] = None if piece.upwind is None else tuple(map(pick, piece.upwind))
    else:
        changes["matrix"] = None if piece.matrix is None else pick(piece.matrix[rows])
        changes["source"] = None if piece.source is None else piece.source[rows]
        changes["blocks"] = None if piece.blocks is None else piece.blocks[rows]
    return replace(piece, **changes)


def is_empty(piece: Piece) -> bool:
    """Whether a restricted piece adds nothing."""
    if piece.how == "points":
        return piece.tests.nnz == 0
    return (piece.matrix is None or piece.matrix.nnz == 0) and (piece.source is None or not piece.source.any())
