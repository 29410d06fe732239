"""J = band + U G: the Jacobian of a network whose every nonlocality goes through a few scalars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .band import Band, BandFactors, SingularMatrix
from .bordered import Bordered


@dataclass(frozen=True, eq=False)
class BandLowRank:
    """A = band + U G, with U of shape (n, r) and G of shape (r, n); r is the number of scalars (N, R, ...)."""

    band: Band
    U: np.ndarray
    G: np.ndarray

    @property
    def n(self) -> int:
        return self.band.n

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        return self.band @ x + self.U @ (self.G @ x)

    def transposed_product(self, x: np.ndarray) -> np.ndarray:
        """A^T x (not conjugated)."""
        return self.band.transposed_product(x) + self.G.T @ (self.U.T @ x)

    def transpose(self) -> BandLowRank:
        return BandLowRank(self.band.transpose(), self.G.T, self.U.T)

    def dense(self) -> np.ndarray:
        return self.band.dense() + self.U @ self.G

    def magnitudes(self, x: np.ndarray) -> np.ndarray:
        """sum_j |a_ij x_j|, part by part: what rounding errors of A x are relative to."""
        x = np.abs(x)
        return Band(np.abs(self.band.data), self.band.kl, self.band.ku) @ x + np.abs(self.U) @ (np.abs(self.G) @ x)

    def plus(self, U: np.ndarray, G: np.ndarray) -> BandLowRank:
        """A + U G."""
        return BandLowRank(self.band, np.asfortranarray(np.hstack([self.U, U])), np.vstack([self.G, G]))

    def bordered(self, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray | None = None, **how: Any) -> Bordered:
        """LU factors of [A - shift mass, columns; rows, corner] (see `Bordered`)."""
        return Bordered(self, columns, rows, corner, **how)

    def factor(self, shift: complex = 0.0, mass: Band | None = None) -> Factored:
        """LU factors of `shift * mass - A` (mass = None: `-A`); raises SingularMatrix."""
        return Factored(self, shift, mass)


class Factored:
    """LU factors of W = shift * mass - band - U G, by LAPACK gbtrf and the Sherman-Morrison-Woodbury formula.

    With L = shift * mass - band:  W^-1 b = x + Q (G x),  x = L^-1 b,  Q = L^-1 U (1 - G L^-1 U)^-1.
    """

    __slots__ = ("_band", "_Q", "_G", "_q", "_g")

    def __init__(self, matrix: BandLowRank, shift: complex, mass: Band | None) -> None:
        self._band, self._G = BandFactors(matrix.band, shift, mass), matrix.G
        rank = matrix.U.shape[1]
        if rank == 0:
            self._Q = self._q = None
            return
        columns = self._band.solve(matrix.U)
        if rank == 1:
            column, self._g = columns[:, 0], matrix.G[0]
            denominator = 1.0 - self._g.dot(column)
            if denominator == 0:
                raise SingularMatrix("the capacitance number of the low-rank part is zero")
            self._q = column / denominator
            self._Q = self._q[:, None]
            return
        small = -(matrix.G @ columns)
        small[np.diag_indices(rank)] += 1.0
        try:
            self._Q = np.linalg.solve(small.T, columns.T).T
        except np.linalg.LinAlgError as error:
            raise SingularMatrix("the capacitance matrix of the low-rank part is singular") from error
        self._q = None

    def solve(self, b: np.ndarray) -> np.ndarray:
        """W^-1 b for b of shape (n,) or (n, m)."""
        x = self._band.solve(b)
        if self._Q is None:
            return x
        if self._q is not None and x.ndim == 1:
            x += self._q * self._g.dot(x)
            return x
        return x + self._Q @ (self._G @ x)
