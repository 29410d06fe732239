"""R(X) and dR/dX of a list of pieces, on chosen rows and columns; one sparse pattern, whose data alone changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from .pieces import Piece, coefficient, require_numbers

STEP = 1e-30


class Operator:
    """The sum of pieces as a function of X. `pattern` = (rows, columns) of every entry dR/dX may have.

    What no unknown changes is summed once. Rows and columns are those handed to `restricted`.
    """

    def __init__(
        self, pieces: list[Piece], rows: int, columns: int, m: Any, constant: Any, like: Operator | None = None
    ) -> None:
        """`constant`: a matrix that is added as it is; `like`: one of the same pieces, but for their coefficients."""
        self.shape, self.m = (rows, columns), m
        self._source, self.moving, parts = np.zeros(rows), [], [constant.tocoo()]
        for piece in pieces:
            require_numbers(piece, np.zeros(columns), m)
            if piece.how == "number" and not piece.reads:
                c = float(np.real(coefficient(piece, np.zeros(columns), m)))
                if piece.matrix is not None:
                    parts.append(c * piece.matrix.tocoo())
                else:
                    self._source = self._source + c * piece.source
            else:
                self.moving.append(piece)
        row, column, data = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "col", "data"))
        # with its zeros, which are none for other parameters
        self._fixed = sparse.csr_matrix((data, (row, column)), self.shape)
        self._patterned = False
        if like is None:
            self._scatter = [piece.tests.T.tocsr() if piece.how == "points" else None for piece in self.moving]
        else:
            self._scatter = like._scatter
        if like is not None and like._patterned:
            self._take_pattern(like)

    def _take_pattern(self, like: Operator) -> None:
        new = {id(old): piece for old, piece in zip(like.moving, self.moving, strict=True)}
        self._parts = [(new[id(piece)], *rest) for piece, *rest in like._parts]
        self.pattern, self._first, self._slots = like.pattern, like._first, like._slots
        self._base = np.zeros(len(like._base))
        self._base[self._first] = self._fixed.tocoo().data
        self._patterned = True

    def residual(self, X: np.ndarray) -> np.ndarray:
        """R(X)."""
        total = self._fixed @ X + self._source
        for piece, scatter in zip(self.moving, self._scatter, strict=True):
            c = coefficient(piece, X, self.m)
            if piece.how == "points":
                total = total + scatter @ (piece.weights * c * self._multiplied(piece, X, c))
            else:
                total = total + (c if piece.how == "number" else c[piece.blocks]) * self._carried(piece, X)
        return total

    @staticmethod
    def _carried(piece: Piece, X: np.ndarray) -> np.ndarray:
        return piece.source if piece.matrix is None else piece.matrix @ X

    @staticmethod
    def _multiplied(piece: Piece, X: np.ndarray, c: Any) -> Any:
        if piece.upwind is not None:
            below, above = piece.upwind
            return np.where(np.real(c) * piece.weights < 0, below @ X, above @ X)
        return 1.0 if piece.values is None else piece.values @ X

    # the Jacobian -----------------------------------------------------------------------------------------------

    def _find_pattern(self) -> None:
        """Entries of all parts, and where in the data of the whole each part goes."""
        self._parts: list[tuple] = []
        keys = [self._keys(self._fixed.tocoo())]
        for piece in self.moving:
            for part in self._parts_of(piece):
                self._parts.append(part)
                keys.append(part[2])
        everything, places = np.unique(np.concatenate(keys), return_inverse=True)
        self.pattern = everything // self.shape[1], everything % self.shape[1]
        cuts = np.cumsum([len(key) for key in keys])[:-1]
        self._first, *others = np.split(places, cuts)
        self._base = np.zeros(len(everything))
        self._base[self._first] = self._fixed.tocoo().data
        self._slots = others
        self._patterned = True

    def _keys(self, matrix: Any) -> np.ndarray:
        return matrix.row.astype(np.int64) * self.shape[1] + matrix.col

    def _parts_of(self, piece: Piece) -> list[tuple]:
        """(piece, what the part is, keys, data) of dR/dX: "self" c S, and one for each name that is read."""
        found = []
        if piece.how == "points":
            for which, S in [("self", S) for S in self._sides(piece)] + [*piece.reads.items()]:
                entries = _triples(piece.tests, S)
                if entries is not None:
                    point, row, column, value = entries
                    keys, slots = np.unique(row * self.shape[1] + column, return_inverse=True)
                    found.append((piece, which, keys, (point, slots, value, S)))
            return found
        if piece.matrix is not None:
            coo = piece.matrix.tocoo()
            found.append((piece, "self", self._keys(coo), (coo.row, coo.data)))
            rows = np.unique(coo.row)
        else:
            rows = np.flatnonzero(piece.source)
        for name, read in piece.reads.items():
            entry = np.zeros(len(rows), int) if piece.how == "number" else piece.blocks[rows]
            picked = read[entry].tocoo()
            keys = rows[picked.row].astype(np.int64) * self.shape[1] + picked.col
            found.append((piece, name, keys, (rows[picked.row], entry[picked.row], picked.data)))
        return found

    @staticmethod
    def _sides(piece: Piece) -> list[Any]:
        if piece.upwind is not None:
            return list(piece.upwind)
        return [] if piece.values is None else [piece.values]

    def jacobian(self, X: np.ndarray, frozen: bool = False) -> np.ndarray:
        """The entries of dR/dX at `pattern`; `frozen`: as if the coefficients did not change with X."""
        if not self._patterned:
            self._find_pattern()
        data, last, known = self._base.copy(), None, {}
        for (piece, which, keys, parts), slots in zip(self._parts, self._slots, strict=True):
            if frozen and which != "self":
                continue
            if piece is not last:
                c, last, known = coefficient(piece, X, self.m), piece, {}
            if piece.how == "points":
                point, local, value, S = parts
                if which == "self":
                    factor = piece.weights * c
                    if piece.upwind is not None:
                        factor = np.where((np.real(c) * piece.weights < 0) == (S is piece.upwind[0]), factor, 0.0)
                else:
                    factor = piece.weights * self._slope(piece, X, which) * self._multiplied(piece, X, c)
                data[slots] += np.bincount(local, value * factor[point], len(keys))
            elif which == "self":
                row, value = parts
                data[slots] += value * (c if piece.how == "number" else c[piece.blocks[row]])
            else:
                row, entry, value = parts
                if "carried" not in known:
                    known["carried"] = self._carried(piece, X)
                slope = self._slope(piece, X, which)
                factor = slope if piece.how == "number" else slope[entry]
                data[slots] += value * factor * known["carried"][row]
        return data

    def _slope(self, piece: Piece, X: np.ndarray, name: str) -> Any:
        return np.imag(coefficient(piece, X, self.m, (name, 1j * STEP))) / STEP


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
