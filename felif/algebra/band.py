"""Band matrices in LAPACK storage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..given.libraries import blas, lapack


class SingularMatrix(ArithmeticError):
    """The matrix handed to `factor` is singular to working precision."""


@dataclass(frozen=True, eq=False)
class Band:
    """Square band matrix A with `kl` sub- and `ku` superdiagonals.

    LAPACK general band storage: `data[ku + i - j, j] = A[i, j]`, shape (kl + ku + 1, n), Fortran order.
    """

    data: np.ndarray
    kl: int
    ku: int

    @property
    def n(self) -> int:
        return self.data.shape[1]

    @property
    def alone(self) -> np.ndarray | None:
        """The diagonal of a matrix that is diagonal; None for any other."""
        return self.data[0] if self.kl == self.ku == 0 else None

    @classmethod
    def diagonal(cls, values: np.ndarray) -> Band:
        return cls(np.asfortranarray(np.atleast_1d(values)[None, :]), 0, 0)

    @classmethod
    def zeros(cls, n: int, kl: int, ku: int, dtype: type = float) -> Band:
        return cls(np.zeros((kl + ku + 1, n), dtype, order="F"), kl, ku)

    @classmethod
    def from_coo(cls, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, n: int, kl: int, ku: int) -> Band:
        """Sum of the triplets; every one must lie within the band."""
        if rows.size and (np.max(rows - cols) > kl or np.max(cols - rows) > ku):
            raise ValueError(f"an entry lies outside the band (kl={kl}, ku={ku})")
        flat = np.bincount(cols * (kl + ku + 1) + ku + rows - cols, weights=values, minlength=n * (kl + ku + 1))
        return cls(flat.reshape(kl + ku + 1, n, order="F"), kl, ku)

    def widened(self, kl: int, ku: int) -> Band:
        """The same matrix stored with wider bands."""
        if (kl, ku) == (self.kl, self.ku):
            return self
        wide = Band.zeros(self.n, kl, ku, self.data.dtype)
        wide.data[ku - self.ku : ku + self.kl + 1] = self.data
        return wide

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        return self._product(x, 0)

    def transposed_product(self, x: np.ndarray) -> np.ndarray:
        """A^T x (not conjugated)."""
        return self._product(x, 1)

    def _product(self, x: np.ndarray, transposed: int) -> np.ndarray:
        if self.kl == self.ku == 0:
            return self.data[0] * x
        n = self.n
        if n < self.kl + self.ku + 1:  # wider than the matrix, which scipy's gbmv refuses
            return self.dense().T @ x if transposed else self.dense() @ x
        if self.data.dtype == np.float64 and x.dtype == np.float64:
            return blas.dgbmv(n, n, self.kl, self.ku, 1.0, self.data, x, trans=transposed)
        data, x = self.data.astype(complex), x.astype(complex)
        return blas.zgbmv(n, n, self.kl, self.ku, 1.0, data, x, trans=transposed)

    def times(self, x: np.ndarray) -> np.ndarray:
        """A x without SciPy, in four times the time: for what a run does once, which need not wait for the import."""
        n, ku = self.n, self.ku
        rows = np.arange(n)[:, None] + np.arange(self.kl + ku + 1)  # from ku above the matrix
        return np.bincount(rows.ravel(), (self.data * x).ravel("F"), n + self.kl + ku)[ku : ku + n]

    @cached_property
    def _factors(self) -> BandFactors:
        return BandFactors(Band(-self.data, self.kl, self.ku), 0.0, None)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """A^-1 b for b of shape (n,); raises SingularMatrix."""
        return self._factors.solve(b) if self.alone is None else b / self.alone

    def add_product(self, factor: float, x: np.ndarray, total: np.ndarray) -> np.ndarray:
        """total + factor A x, in the memory of `total`."""
        n = self.n
        if n < self.kl + self.ku + 1:
            total += factor * (self @ x)
            return total
        return blas.dgbmv(n, n, self.kl, self.ku, factor, self.data, x, beta=1.0, y=total, overwrite_y=True)

    def transpose(self) -> Band:
        """The transposed matrix, stored as a band again."""
        n, kl, ku = self.n, self.kl, self.ku
        flipped = Band.zeros(n, ku, kl, self.data.dtype)
        for offset in range(-min(kl, n - 1), min(ku, n - 1) + 1):  # offset = j - i
            low, high = max(0, offset), min(n, n + offset)
            flipped.data[kl + offset, low - offset : high - offset] = self.data[ku - offset, low:high]
        return flipped

    def entries(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """A[i, j], of the shape that i and j have together."""
        place = self.ku + i - j
        outside = (place < 0) | (place > self.ku + self.kl)
        return np.where(outside, 0, self.data[np.where(outside, 0, place), j])

    def dense(self) -> np.ndarray:
        # column j of the storage lies in column j of a taller matrix, from row j on
        tall = np.zeros((self.n, self.n + self.kl + self.ku), self.data.dtype)
        np.lib.stride_tricks.as_strided(tall, self.data.T.shape, (tall.strides[0] + tall.strides[1], tall.strides[1]))[
            ...
        ] = self.data.T
        return np.ascontiguousarray(tall[:, self.ku : self.ku + self.n].T)


class BandFactors:
    """LU factors of shift * mass - band, by LAPACK gbtrf."""

    __slots__ = ("_kl", "_ku", "_lu", "_pivots")

    def __init__(self, band: Band, shift: complex, mass: Band | None) -> None:
        kl, ku = (band.kl, band.ku) if mass is None else (max(band.kl, mass.kl), max(band.ku, mass.ku))
        real = band.data.dtype == np.float64 and not isinstance(shift, complex)
        work = np.zeros((2 * kl + ku + 1, band.n), float if real else complex, order="F")
        work[kl + ku - band.ku : kl + ku + band.kl + 1] = -band.data
        if mass is not None:
            work[kl + ku - mass.ku : kl + ku + mass.kl + 1] += shift * mass.data
        factor = lapack.dgbtrf if real else lapack.zgbtrf
        self._lu, self._pivots, info = factor(work, kl, ku, overwrite_ab=True)
        self._kl, self._ku = kl, ku
        if info != 0:
            raise SingularMatrix(f"band LU: the pivot {info} is zero")

    def solve(self, b: np.ndarray) -> np.ndarray:
        """For b of shape (n,) or (n, m)."""
        solve = lapack.dgbtrs if self._lu.dtype == np.float64 else lapack.zgbtrs
        return solve(self._lu, self._kl, self._ku, b, self._pivots)[0]
