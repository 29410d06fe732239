"""Eigenvalues of dense matrices of a few hundred rows, on one thread, and sums of long vectors.

BLAS threads only wait for each other where matrices are small:
114 rows on two busy cores: 4 ms with one thread, up to 230 ms with the default; no gain from threads up to 600 rows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

from ..given.libraries import blas, linalg

_FEW = 48  # rows, up to which BLAS takes one thread by itself


@lru_cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """All eigenvalues of a square matrix, unsorted."""
    with _threads().limit(limits=1, user_api="blas"):
        return linalg.eigvals(matrix, check_finite=False)


def eigenpairs(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All eigenvalues and right eigenvectors (columns) of a square matrix, unsorted."""
    if len(matrix) <= _FEW:
        return np.linalg.eig(matrix)
    with _threads().limit(limits=1, user_api="blas"):
        return linalg.eig(matrix, check_finite=False)


def add_to(x: np.ndarray, factor: float, y: np.ndarray) -> np.ndarray:
    """x + factor y, in the place of x, in one pass over both; contiguous vectors of floats."""
    return blas.daxpy(y, x, a=factor)
