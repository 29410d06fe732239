"""What makes linear systems around a state square: bordered systems of what is conserved, of symmetries, and of more.

What is conserved (c.y, for every y: l^T F = 0 with M^T l = c) makes dF/dy singular. The square system is

    F(t, y) + M E mu = 0,    C y = totals        (C: the functionals c as rows, C E = 1),

whose solutions have mu = 0; Newton solves it with the bordered matrix [J M E; C 0]. Continuation adds a column dF/dp
and a row, folds and Hopf points what makes their null vectors, deflation of the spectrum uses J - shift M E C (Brauer's
shift): it moves the zero eigenvalues to -shift.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, solve_banded

from ..algebra import BandLowRank, Bordered
from ..problem import Problem


def conservation(problem: Problem) -> np.ndarray:
    """C: the conserved functionals as rows, shape (k, size), k possibly 0."""
    rows = problem.conserved_rows
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


def carriers(problem: Problem, y: np.ndarray) -> np.ndarray:
    """E with C E = 1, shape (size, k): what y holds of each conserved quantity, biorthogonal to the functionals."""
    return _carriers(conservation(problem), y)


def _carriers(C: np.ndarray, y: np.ndarray) -> np.ndarray:
    if not len(C):
        return C.T
    E = np.where(C != 0, y, 0.0)
    if len(C) == 1 or (np.count_nonzero(C, axis=0) <= 1).all():  # no unknown belongs to two quantities
        held, sizes = np.einsum("ki,ki->k", E, C), np.abs(C) @ np.abs(y) + 1e-300
        if (np.abs(held) >= 1e-12 * sizes).all():
            return (E / held[:, None]).T
    lu, _, found, info = lapack.dgesv(E @ C.T, E)
    if info or abs(lu.diagonal().prod()) < 1e-12 * (np.abs(C) @ np.abs(y) + 1e-300).prod():
        found = np.linalg.solve(C @ C.T, C)
    return found.T


def symmetry(problem: Problem, y: np.ndarray) -> np.ndarray | None:
    """dy of a symmetry that moves y, such as a rotation, J dy = 0 at a steady state; None where there is none."""
    hook = problem.symmetry
    return None if hook is None else hook(y)


class Border:
    """Linear systems around a state y whose solutions keep every total and, if given, have no part `along` a direction.

    `C` are their rows, `carried` the columns beside the matrix, M E; `held`: what each entry of y holds of each
    conserved quantity, which says where the band is pinned (see `algebra.bordered`).
    """

    def __init__(self, problem: Problem, y: np.ndarray, along: np.ndarray | None = None) -> None:
        self.mass, C = problem.mass, conservation(problem)
        E, self.conserved = _carriers(C, y), len(C)
        if along is not None:
            E, C = np.column_stack([E, along]), np.vstack([C, along / (along @ along)])
        self.C, self.carried = C, np.array([self.mass @ e for e in E.T], E.dtype).reshape(E.T.shape).T
        self.hold(y)

    @classmethod
    def still(cls, problem: Problem, y: np.ndarray) -> Border:
        """That of solutions which do not move along a symmetry of the problem."""
        return cls(problem, y, symmetry(problem, y))

    def hold(self, y: np.ndarray) -> None:
        """The band is pinned as it is around another state."""
        self.held = self.C[: self.conserved] * y

    def missing(self, totals: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The right-hand sides of the rows `C` with which a step from y reaches the totals."""
        return np.append(totals - self.C[: self.conserved] @ y, np.zeros(len(self.C) - self.conserved))

    def unit(self, more: int = 1) -> np.ndarray:
        """The right-hand sides of all rows that are 0 but in the last of `more` further ones, where it is 1."""
        return np.eye(1, len(self.C) + more, len(self.C) + more - 1)[0]

    def around(
        self,
        matrix: BandLowRank,
        columns: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        corner: np.ndarray | None = None,
        *,
        totals: np.ndarray | None = None,
        shift: complex = 0.0,
    ) -> Bordered:
        """Factors of [W, M E, columns; C, 0, totals; rows, 0, corner] with W = matrix - shift M.

        columns: (size, m), rows: (m, size), corner: (m, m), totals: (conserved, m), all optional. Right-hand sides are
        (f, g) with g of length len(C) + m: the conserved quantities first. Raises SingularMatrix.
        """
        ME, C = self.carried, self.C
        k, m = len(C), 0 if columns is None else columns.shape[1]
        full = np.zeros((k + m, k + m))
        if m:
            ME, C = np.hstack([ME, columns]), np.vstack([C, rows])
            full[k:, k:] = 0.0 if corner is None else corner
            full[: self.conserved, k:] = 0.0 if totals is None else totals
        return matrix.bordered(ME, C, full, shift=shift, mass=self.mass if shift else None, held=self.held)

    def deflated(self, matrix: BandLowRank, shift: float) -> BandLowRank:
        """matrix - shift M E C: its zero eigenvalues (with mass M) that belong to `C` become -shift.

        Every other eigenvalue and right eigenvector stays as it is.
        """
        return matrix.plus(-shift * self.carried, self.C) if len(self.C) else matrix


def deflated(problem: Problem, matrix: BandLowRank, y: np.ndarray, shift: float = 1.0) -> BandLowRank:
    """`Border.deflated` of what is conserved and of symmetries."""
    return Border.still(problem, y).deflated(matrix, shift)


def by_mass(problem: Problem, matrix: np.ndarray) -> np.ndarray:
    """M^-1 A for a dense A."""
    mass = problem.mass
    if mass.kl == mass.ku == 0:
        return matrix / mass.data[0][:, None]
    return solve_banded((mass.kl, mass.ku), mass.data, matrix)
