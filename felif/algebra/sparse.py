"""Sparse Jacobians of systems that are no band: what is algebraic stays in the matrix, nothing is eliminated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from .band import Band
from .lowrank import SingularMatrix


def _factored(matrix: Any) -> Any:
    try:
        return splu(matrix.tocsc(), permc_spec="COLAMD", options={"SymmetricMode": False})
    except RuntimeError as error:
        raise SingularMatrix(f"sparse LU: {error}") from error


@dataclass(frozen=True, eq=False)
class SparseSchur:
    """A = F_y - F_z g_z^-1 g_y: what is left of y where 0 = g(y, z) defines z; all blocks are sparse."""

    F_y: Any
    F_z: Any
    g_y: Any
    g_z: Any

    @property
    def n(self) -> int:
        return self.F_y.shape[0]

    @cached_property
    def _constraint(self) -> Any:
        return _factored(self.g_z)

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

    def factor(self, shift: complex = 0.0, mass: Band | None = None) -> FactoredSparse:
        """LU factors of `shift * mass - A` (mass = None: `-A`); raises SingularMatrix."""
        return FactoredSparse(self, shift, mass)


class FactoredSparse:
    """`solve` with shift * mass - A, by the sparse LU of the matrix that keeps z."""

    def __init__(self, matrix: SparseSchur, shift: complex, mass: Band | None) -> None:
        self._n, self._m = matrix.n, matrix.g_z.shape[0]
        diagonal = np.zeros(self._n) if mass is None else shift * mass.data[0]
        whole = sparse.bmat([[sparse.diags(diagonal) - matrix.F_y, -matrix.F_z], [-matrix.g_y, -matrix.g_z]])
        self._lu = _factored(whole if self._m else sparse.diags(diagonal) - matrix.F_y)

    def solve(self, b: np.ndarray) -> np.ndarray:
        """W^-1 b for b of shape (n,) or (n, m)."""
        full = np.concatenate([b, np.zeros((self._m, *b.shape[1:]), b.dtype)])
        return _solve(self._lu, full)[: self._n]


def _solve(lu: Any, b: np.ndarray) -> np.ndarray:
    if np.iscomplexobj(b) and not np.iscomplexobj(lu.L.data[:1]):
        return lu.solve(np.ascontiguousarray(b.real)) + 1j * lu.solve(np.ascontiguousarray(b.imag))
    return lu.solve(b)
