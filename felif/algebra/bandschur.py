"""A = band - B D^-1 C with sparse B, C and D: many densities side by side, coupled through numbers of their own."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from .band import Band, SingularMatrix
from .bordered import Bordered
from .lowrank import BandFactors, BandLowRank


class Shared:
    """Columns of B that may share a right-hand side, because no block of the band has entries of two of them.

    colour   of every column; `count` of them
    owner    (count, n): the column whose entries a row of that colour has, or one more than there are
    """

    def __init__(self, lowest: np.ndarray, highest: np.ndarray, B: Any, C: Any) -> None:
        """`lowest`, `highest`: for every entry of the band its lesser and its larger index.

        B, C: (n, r) and (r, n), with the places of their entries, row by row, in `rows` and `columns`.
        """
        n, r = B.shape
        parted = np.bincount(lowest + 1, minlength=n + 1) - np.bincount(highest + 1, minlength=n + 1)
        block = np.cumsum(np.cumsum(parted[:n]) == 0) - 1  # no entry of the band joins two of them
        pairs = np.unique(B.columns * n + block[B.rows])
        blocks_of = np.split(pairs % n, np.searchsorted(pairs // n, np.arange(1, r)))
        taken = np.full((1, int(block[-1]) + 1), r)
        self.colour = np.zeros(r, int)
        for column, blocks in enumerate(blocks_of):
            free = np.flatnonzero((taken[:, blocks] == r).all(axis=1))
            if not len(free):
                taken, free = np.vstack([taken, np.full((1, taken.shape[1]), r)]), [len(taken)]
            self.colour[column] = free[0]
            taken[free[0], blocks] = column
        self.count, self.owner = len(taken), taken[:, block]
        self.places = B.rows, self.colour[B.columns]
        own = self.owner[:, C.columns]
        self.read = [np.flatnonzero(one < r) for one in own]  # entries of C that meet a column of this colour
        self.met = [(C.rows * r + one)[kept] for one, kept in zip(own, self.read, strict=True)]


class BandSchur:
    """What is left of y where 0 = C y + D z: a band and, for each entry of z, a column and a row.

    The columns of different densities share right-hand sides, so that a factorisation takes as many solutions of the
    band as one density has columns, and one dense system of the size of z.
    """

    def __init__(
        self, band: Band, B: sparse.csr_matrix, C: sparse.csr_matrix, D: sparse.csr_matrix, shared: Shared
    ) -> None:
        self.band, self.B, self.C, self.D, self.shared = band, B, C, D, shared

    @property
    def n(self) -> int:
        return self.band.n

    @cached_property
    def low_rank(self) -> BandLowRank:
        """The same with U = B and G = -D^-1 C, which is dense, for what is asked for seldom."""
        return BandLowRank(self.band, np.asfortranarray(self.B.toarray()), -self._by_D(self.C.toarray()))

    @property
    def U(self) -> np.ndarray:
        return self.low_rank.U

    @property
    def G(self) -> np.ndarray:
        return self.low_rank.G

    def transpose(self) -> BandLowRank:
        return self.low_rank.transpose()

    def dense(self) -> np.ndarray:
        return self.low_rank.dense()

    def magnitudes(self, x: np.ndarray) -> np.ndarray:
        """sum_j |a_ij x_j|, part by part: what rounding errors of A x are relative to."""
        return self.low_rank.magnitudes(x)

    def plus(self, U: np.ndarray, G: np.ndarray) -> BandLowRank:
        """A + U G."""
        return self.low_rank.plus(U, G)

    def bordered(self, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray, **how: Any) -> Bordered:
        """LU factors of [A - shift mass, columns; rows, corner] (see `Bordered`)."""
        return self.low_rank.bordered(columns, rows, corner, **how)

    @cached_property
    def _factors_of_D(self) -> tuple[np.ndarray, np.ndarray]:
        return _factored(self.D.toarray(), "the equations of the algebraic unknowns are singular")

    def _by_D(self, b: np.ndarray, transposed: int = 0) -> np.ndarray:
        return _solved(self._factors_of_D, b, transposed)

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        return self.band @ x - self.B @ self._by_D(self.C @ x)

    def transposed_product(self, x: np.ndarray) -> np.ndarray:
        """A^T x (not conjugated)."""
        return self.band.transposed_product(x) - self.C.T @ self._by_D(self.B.T @ x, 1)

    def factor(self, shift: complex = 0.0, mass: Band | None = None) -> FactoredSchur:
        """LU factors of `shift * mass - A` (mass = None: `-A`); raises SingularMatrix."""
        return FactoredSchur(self, shift, mass)


class FactoredSchur:
    """LU factors of W = shift * mass - A: those of L = shift * mass - band, and of S = D + C L^-1 B.

    W x = b where L x - B z = b and D z = -C x, so z = -S^-1 C L^-1 b and x = L^-1 b + L^-1 B z.
    """

    def __init__(self, matrix: BandSchur, shift: complex, mass: Band | None) -> None:
        self._band, self._C, self._shared = BandFactors(matrix.band, shift, mass), matrix.C, matrix.shared
        shared, C, r = matrix.shared, matrix.C, matrix.D.shape[0]
        right = np.zeros((matrix.n, shared.count), order="F")
        right[shared.places] = matrix.B.data
        self._through = self._band.solve(right)
        S = matrix.D.toarray().astype(self._through.dtype).ravel()
        for column, read, met in zip(self._through.T, shared.read, shared.met, strict=True):
            np.add.at(S, met, C.data[read] * column[C.indices[read]])
        self._small = _factored(S.reshape(r, r), "the Schur matrix of the algebraic unknowns is singular")

    def solve(self, b: np.ndarray) -> np.ndarray:
        """W^-1 b for b of shape (n,) or (n, m)."""
        x = self._band.solve(b)
        z = -_solved(self._small, self._C @ x)
        z = np.concatenate([z, np.zeros((1, *z.shape[1:]), z.dtype)])  # the last is of rows that no column has
        for column, owner in zip(self._through.T, self._shared.owner, strict=True):
            x = x + (column if b.ndim == 1 else column[:, None]) * z[owner]
        return x


def _factored(A: np.ndarray, why: str) -> tuple[np.ndarray, np.ndarray]:
    lu, pivots, info = (lapack.dgetrf if A.dtype == np.float64 else lapack.zgetrf)(A)
    if info != 0 or not np.isfinite(lu.diagonal()).all():
        raise SingularMatrix(why)
    return lu, pivots


def _solved(factors: tuple[np.ndarray, np.ndarray], b: np.ndarray, transposed: int = 0) -> np.ndarray:
    real = factors[0].dtype == np.float64
    if real and np.iscomplexobj(b):
        return _solved(factors, b.real, transposed) + 1j * _solved(factors, b.imag, transposed)
    return (lapack.dgetrs if real else lapack.zgetrs)(*factors, b, trans=transposed)[0]
