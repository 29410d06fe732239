"""The implicit part of a problem on triangles: drift, noise, firing and reset as one sparse matrix, and its factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

_DIGITS = 4  # binary digits of Nbar at which the drift of the implicit part is frozen
_KEPT_FACTORS = 4


class ImplicitPart:
    """L of `evolution.additive`: a sparse matrix, its factors kept for the last few shifts."""

    def __init__(self, problem: Any, numbers: dict[str, float]) -> None:
        self._problem, self.numbers = problem, numbers
        self.matrix = problem.operator.implicit(numbers, problem._m)
        self._factors: dict[float, Any] = {}

    def __matmul__(self, y: np.ndarray) -> np.ndarray:
        return self.matrix @ y

    def remainder(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y) - L y."""
        return self._problem.rate(t, y) - self.matrix @ y

    def factor(self, shift: float) -> Any:
        """(shift M - L)^-1 through `.solve(b)`: a sparse LU."""
        if shift not in self._factors:
            while len(self._factors) >= _KEPT_FACTORS:
                del self._factors[next(iter(self._factors))]
            # rows of triangles couple through shared edges alone: minimum degree on A + A^T fills least (measured)
            self._factors[shift] = splu(
                (sparse.diags(shift * self._problem.mass.data[0]) - self.matrix).tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.1,
                options={"SymmetricMode": True},
            )
        return self._factors[shift]


def rounded(value: float) -> float:
    """The value to a few binary digits; 0 for what is hardly there."""
    if not value > 2.0**-12:
        return 0.0
    unit = 2.0 ** (np.floor(np.log2(value)) - _DIGITS)
    return float(np.round(value / unit) * unit)
