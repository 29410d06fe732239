"""Sparse Jacobians of systems that are no band: what is algebraic stays in the matrix, nothing is eliminated."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..given.libraries import sparse, sparse_linalg
from .band import Band, SingularMatrix
from .bordered import Small
from .peeling import PEELING, Border, Peeled, Peeling, WeakPivot

_PIVOT = (
    0.05  # of the largest entry of its column: a diagonal entry of that size stays the pivot, which keeps LU sparse
)


def refilled(pattern: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    """The matrix of that pattern with other entries; nothing of the pattern is copied or checked."""
    found = copy(pattern)
    found.data = data
    return found


class SparseLU:
    """LU ordered by the pattern of A + A^T, nearly that of A for elements: a third of the entries of COLAMD's."""

    def __init__(self, matrix: Any) -> None:
        self.dtype = matrix.dtype
        try:
            self._lu = sparse_linalg.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=_PIVOT)
        except RuntimeError as error:
            raise SingularMatrix(f"sparse LU: {error}") from error

    def solve(self, b: np.ndarray, side: str = "N") -> np.ndarray:
        """A^-1 b, or A^-T b with side = "T"."""
        return self._lu.solve(b.astype(self.dtype, copy=False), side)


class Whole:
    """The matrix that keeps z, [A_y, A_z; g_y, g_z], for one pattern and one array of entries."""

    def __init__(self, pattern: WholePattern, entries: np.ndarray) -> None:
        self._pattern, self._entries = pattern, entries

    def lu(self, diagonal: np.ndarray, border: Border | None = None) -> tuple[Peeled, np.ndarray] | None:
        """(LU factors of what has `diagonal` taken off the part of y, its values), None where a pivot is weak."""
        values = self._pattern.values(self._entries, diagonal)
        try:
            return self._pattern.peeling.factor(values, border), values
        except WeakPivot:
            return None

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        return self._pattern.matrix(values)


class WholePattern:
    """Where the entries of a Jacobian of (y, z) stand, and how they are eliminated."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, n_y: int, n: int) -> None:
        keys, where = np.unique(np.concatenate([rows * n + columns, np.arange(n) * (n + 1)]), return_inverse=True)
        self._where, self._diagonal = where[: len(rows)], where[len(rows) : len(rows) + n_y]
        self._n, self._columns = n, keys % n
        self._starts = np.searchsorted(keys // n, np.arange(n + 1))
        self.peeling = Peeling(keys // n, self._columns, n)

    def values(self, entries: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
        found = np.zeros(len(self._columns), np.result_type(entries, diagonal))
        found[self._where] = entries
        found[self._diagonal] -= diagonal
        return found

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix((values, self._columns, self._starts), (self._n, self._n))


@dataclass(frozen=True, eq=False)
class SparseSchur:
    """A = F_y - F_z g_z^-1 g_y: what is left of y where 0 = g(y, z) defines z; all blocks are sparse."""

    F_y: Any
    F_z: Any
    g_y: Any
    g_z: Any
    whole: Whole | None = None  # where most of it can be eliminated at once

    @property
    def n(self) -> int:
        return self.F_y.shape[0]

    @cached_property
    def _constraint(self) -> SparseLU | Small:
        return Small(self.g_z.toarray()) if self.g_z.shape[0] <= PEELING.small else SparseLU(self.g_z)

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        if not self.g_z.shape[0]:
            return self.F_y @ x
        return self.F_y @ x - self.F_z @ _solve(self._constraint, self.g_y @ x)

    def transpose(self) -> SparseSchur:
        return SparseSchur(self.F_y.T.tocsr(), self.g_y.T.tocsr(), self.F_z.T.tocsr(), self.g_z.T.tocsr())

    def dense(self) -> np.ndarray:
        if not self.g_z.shape[0]:
            return self.F_y.toarray()
        return self.F_y.toarray() - self.F_z @ self._constraint.solve(self.g_y.toarray())

    def magnitudes(self, x: np.ndarray) -> np.ndarray:
        """sum_j |a_ij x_j|, part by part: what rounding errors of A x are relative to."""
        found = abs(self.F_y) @ np.abs(x)
        if self.g_z.shape[0]:
            found = found + abs(self.F_z) @ np.abs(_solve(self._constraint, self.g_y @ x))
        return found

    def plus(self, U: np.ndarray, G: np.ndarray) -> SparseSchur:
        """A + U G."""
        m = U.shape[1]
        F_z, g_y = sparse.hstack([self.F_z, U]).tocsr(), sparse.vstack([self.g_y, G]).tocsr()
        return SparseSchur(self.F_y, F_z, g_y, sparse.block_diag([self.g_z, -sparse.identity(m)]).tocsr())

    def bordered(
        self, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray | None = None, **how: Any
    ) -> SparseBordered:
        """LU factors of [A - shift mass, columns; rows, corner]."""
        corner = np.zeros((len(rows), columns.shape[1])) if corner is None else corner
        return SparseBordered(self, columns, rows, corner, how.get("shift", 0.0), how.get("mass"))

    def factor(self, shift: complex = 0.0, mass: Band | None = None) -> FactoredSparse:
        """LU factors of `shift * mass - A` (mass = None: `-A`); raises SingularMatrix."""
        return FactoredSparse(self, shift, mass)


def side_by_side(matrices: Sequence[SparseSchur]) -> SparseSchur:
    """Of vectors one after the other."""
    names = ("F_y", "F_z", "g_y", "g_z")
    return SparseSchur(*(sparse.block_diag([getattr(one, name) for one in matrices], "csr") for name in names))


class FactoredSparse:
    """`solve` with shift * mass - A, by the sparse LU of the matrix that keeps z."""

    def __init__(self, matrix: SparseSchur, shift: complex, mass: Band | None) -> None:
        self._n, self._m = matrix.n, matrix.g_z.shape[0]
        diagonal = np.zeros(self._n) if mass is None else shift * mass.data[0]
        found = None if matrix.whole is None else matrix.whole.lu(diagonal)
        self._sign, self._lu = -1.0, found and found[0]
        if found is None:
            self._sign, W = 1.0, sparse.diags(diagonal) - matrix.F_y
            whole = sparse.bmat([[W, -matrix.F_z], [-matrix.g_y, -matrix.g_z]]) if self._m else W
            self._lu = SparseLU(whole)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """W^-1 b for b of shape (n,) or (n, m)."""
        full = np.concatenate([self._sign * b, np.zeros((self._m, *b.shape[1:]), b.dtype)])
        return _solve(self._lu, full)[: self._n]


class SparseBordered:
    """LU factors of [W B; C D], W = A - shift mass, with z kept: `solve` and `solve_transposed` as in `Bordered`."""

    def __init__(
        self, matrix: SparseSchur, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray, shift: complex, mass: Any
    ) -> None:
        self._n, self._k, m = matrix.n, columns.shape[1], matrix.g_z.shape[0]
        diagonal = np.zeros(self._n) if mass is None else shift * mass.data[0]
        empty = np.zeros((m, self._k), columns.dtype)
        border = np.concatenate([columns, empty]), np.concatenate([rows, empty.T], axis=1), corner
        found = None if matrix.whole is None else matrix.whole.lu(diagonal, border)
        if found is not None:
            self._lu, whole = found[0], matrix.whole.matrix(found[1])
            self._matrix = _with_border(whole, border)
            return
        W = matrix.F_y - sparse.diags(diagonal)
        whole = sparse.bmat([[W, matrix.F_z], [matrix.g_y, matrix.g_z]]) if m else W
        self._matrix = _with_border(whole, border).tocsc()
        self._lu = SparseLU(self._matrix)

    def solve(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W x + B z = f and C x + D z = g."""
        return self._solved(f, g, refine, "N")

    def solve_transposed(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W^T x + C^T z = f and B^T x + D^T z = g (transposed, not conjugated)."""
        return self._solved(f, g, refine, "T")

    def _solved(self, f: np.ndarray, g: np.ndarray, refine: int, side: str) -> tuple[np.ndarray, np.ndarray]:
        between = np.zeros((self._matrix.shape[0] - self._n - self._k, *f.shape[1:]))
        full = np.concatenate([f, between, g])
        matrix = self._matrix if side == "N" else self._matrix.T
        found = _solve(self._lu, full, side)
        for _ in range(refine):
            found = found + _solve(self._lu, full - matrix @ found, side)
        if not np.isfinite(found).all():
            raise SingularMatrix("the bordered matrix is singular to working precision")
        return found[: self._n], found[len(found) - self._k :]


def _with_border(matrix: Any, border: Border) -> Any:
    if not len(border[-1]):
        return matrix
    right, below, corner = map(sparse.csr_matrix, border)
    return sparse.bmat([[matrix, right], [below, corner]]).tocsr()


def _solve(lu: SparseLU | Peeled | Small, b: np.ndarray, *side: str) -> np.ndarray:
    if lu.dtype == np.complex128 or not np.iscomplexobj(b):
        return lu.solve(b.astype(lu.dtype, copy=False), *side)
    return lu.solve(np.ascontiguousarray(b.real), *side) + 1j * lu.solve(np.ascontiguousarray(b.imag), *side)
