"""Linear systems piece after piece, as in `chain`, of sparse matrices that are no bands: densities over planes.

The s points of a piece have matrices that differ little. With one of them for all, the eigenvectors of the matrix of
derivatives decouple the points: a few LU factors of the size of one state instead of one s times as large. GMRES makes
good what the matrices differ by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..given.libraries import sparse_linalg
from .band import Band, SingularMatrix
from .sparse import SparseSchur, side_by_side

_EXACT = 1e-12  # relative residual of a piece
_KRYLOV = 40


class StageChain:
    """sum_k D_jk M x_k - scale_i J_ij x_j = b_j - d_j M y_{i-1}, j = 1 ... s; y_i the last of the s points of x_i."""

    def __init__(self, matrices: Sequence[SparseSchur], mass: Band, derivatives: np.ndarray, scale: np.ndarray) -> None:
        """matrices: J, piece by piece; mass: diagonal; derivatives: [d, D], (s, s + 1). Raises SingularMatrix."""
        s = len(derivatives)
        self._first, self._D = derivatives[:, 0], derivatives[:, 1:]
        self._mass, self._scale, self._n, self._s = mass.data[0], scale, mass.n, s
        values, vectors = np.linalg.eig(self._D)
        kept = np.flatnonzero(values.imag >= 0)  # of two conjugate ones, one
        self._to, self._from = np.linalg.inv(vectors)[kept], vectors[:, kept] * np.where(values[kept].imag, 2.0, 1.0)
        shifts = [value if value.imag else value.real for value in values[kept].tolist()]
        self._complex = [isinstance(shift, complex) for shift in shifts]
        pieces = [matrices[i * s : (i + 1) * s] for i in range(len(scale))]
        self._matrices = [side_by_side(piece) for piece in pieces]
        self._factors = [
            [piece[s // 2].factor(shift / width, mass) for shift in shifts]
            for piece, width in zip(pieces, scale.tolist(), strict=True)
        ]

    def __len__(self) -> int:
        return len(self._scale)

    def sweep(self, start: np.ndarray, right: np.ndarray | None = None, tolerance: float = _EXACT) -> np.ndarray:
        """All x, shape (pieces, n, s), from y_0 and right-hand sides of that shape, up to relative residuals."""
        out, y = np.empty((len(self), self._n, self._s)), start
        for i in range(len(self)):
            out[i] = self.solve(i, y, None if right is None else right[i], tolerance)
            y = out[i, :, -1]
        return out

    def solve(self, i: int, y: np.ndarray, right: np.ndarray | None = None, tolerance: float = _EXACT) -> np.ndarray:
        """x of one piece that begins with y, shape (n, s)."""
        b = -np.outer(self._first, self._mass * y)
        if right is not None:
            b += right.T
        size = (b.size, b.size)
        how = {"rtol": tolerance, "atol": 0.0, "restart": _KRYLOV, "maxiter": 2}
        how["M"] = sparse_linalg.LinearOperator(size, matvec=lambda x: self._decoupled(i, x), dtype=float)
        system = sparse_linalg.LinearOperator(size, matvec=lambda x: self._applied(i, x), dtype=float)
        x, failed = sparse_linalg.gmres(system, b.ravel(), **how)
        if failed:
            raise SingularMatrix("GMRES did not converge for a piece of the orbit")
        return x.reshape(self._s, self._n).T

    def _applied(self, i: int, x: np.ndarray) -> np.ndarray:
        slopes = self._D @ (x.reshape(self._s, self._n) * self._mass)
        return slopes.ravel() - self._scale[i] * (self._matrices[i] @ x)

    def _decoupled(self, i: int, b: np.ndarray) -> np.ndarray:
        parts = self._to @ b.reshape(self._s, self._n) / self._scale[i]
        parts = [part if is_complex else part.real for part, is_complex in zip(parts, self._complex, strict=True)]
        solved = [factors.solve(part) for factors, part in zip(self._factors[i], parts, strict=True)]
        return (self._from @ np.array(solved)).real.ravel()
