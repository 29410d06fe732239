"""The implicit part of a problem on triangles: drift, noise, firing and reset as a sparse matrix, and its factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ...algebra import SingularMatrix
from .over_triangles import OverTriangles
from .tuning import FORMS


class ImplicitPart:
    """L of `evolution.additive`: everything in v at the Nbar of y_n, and to first order what a change of Nbar does.

        L y = A(Nbar_n) y + u g.y,      u = dA/dNbar y_n,  g = dNbar/dy

    The rest is of second order, and transport in w, which vanishes at V_F as p does. Without the second part the
    change of the drift, left to explicit stages, would lift p off zero at V_F, and N, read from its slope there, would
    be noise. Raises FloatingPointError where a coefficient is not finite.
    """

    def __init__(self, problem: OverTriangles, y: np.ndarray) -> None:
        self._problem, operator, m = problem, problem.operator, problem.parameters
        s, _ = operator.solve(y, m)
        self.matrix = operator.implicit(s, m)
        here = operator.rate_in_v(y, s, m)
        columns = []
        for name in problem.scalar_names:
            moved = operator.namespace({n: getattr(s, n) + FORMS.step * (n == name) for n in problem.scalar_names})
            columns.append((operator.rate_in_v(y, moved, m) - here) / FORMS.step)
        self._u = np.array(columns).T
        if not np.isfinite(self._u).all():
            at = ", ".join(f"{name} = {getattr(s, name):.6g}" for name in problem.scalar_names)
            raise FloatingPointError(f"a coefficient is not finite at {at} or {FORMS.step:g} above")
        self._g = operator.scalar_gradient(y, s, m)

    def __matmul__(self, y: np.ndarray) -> np.ndarray:
        return self.matrix @ y + self._u @ (self._g @ y)

    def remainder(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y) - L y."""
        return self._problem.rate(t, y) - self @ y

    def factor(self, shift: float) -> Factors:
        """(shift M - L)^-1 through `.solve(b)`. Raises SingularMatrix."""
        matrix = sparse.diags(shift * self._problem.mass.data[0]) - self.matrix
        return Factors(matrix.tocsc(), self._u, self._g)


def factored(matrix: sparse.csc_matrix) -> Any:
    """Sparse LU; triangles couple through edges alone: minimum degree on A + A^T fills least (measured)."""
    return splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.1, options={"SymmetricMode": True})


class Factors:
    """A sparse LU, and the part of low rank by the formula of Sherman, Morrison and Woodbury."""

    def __init__(self, matrix: sparse.csc_matrix, u: np.ndarray, g: np.ndarray) -> None:
        self._lu = factored(matrix)
        columns = self._lu.solve(u)
        small = np.eye(len(g)) - g @ columns
        if not np.linalg.det(small) > 0:
            raise SingularMatrix("the number of the part of low rank is not positive")
        self._columns, self._g = columns @ np.linalg.inv(small), g

    def solve(self, b: np.ndarray) -> np.ndarray:
        x = self._lu.solve(b)
        return x + self._columns @ (self._g @ x)
