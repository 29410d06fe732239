"""The algebraic unknowns z of a system: 0 = g(y, z) solved at a state, and how near that is to having no solution."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.linalg import lapack

from ..algebra import SingularMatrix
from ..algebra.sparse import SparseSchur
from ..problem import BeyondEquations, Infeasible
from .operator import Entries, Operator

_STEPS = 60
_DENSE = 400  # unknowns z up to which their equations are solved as a dense system


class Constraint:
    """g(X) = 0 for the part z of X = (y, z, inputs); Newton's method from z = 0, the same for the same y."""

    def __init__(self, operator: Operator, names: str, n_y: int, n_z: int) -> None:
        self.operator, self.names, self.z = operator, names, slice(n_y, n_y + n_z)
        self.count, self._n_y = n_z, n_y
        self.empty = 1.0
        if n_z:
            X = np.zeros(operator.shape[1])
            self.affine = self._is_affine(X)
            if n_z <= _DENSE:
                slopes = self.slopes(X)
                self._factors = lapack.dgetrf(-slopes)[:2]
                self.empty = _determinant(*self._factors)
                #: g_z is the same at all states, and has a solution
                self._constant = not self._own.parts and (n_z == 1 or _grows(-slopes))
            if self.empty == 0:
                raise ValueError(
                    f"discretize: the equations do not determine {names}: an unknown of the kind 'holds' needs a term "
                    "of its own in the unknown that it holds, one of the kind 'equals' may not depend on itself alone"
                )

    @cached_property
    def _own(self) -> Entries:
        """The entries of g_z."""
        columns = self.operator.entries.columns
        return self.operator.entries.only((columns >= self.z.start) & (columns < self.z.stop))

    def slopes(self, X: np.ndarray) -> np.ndarray:
        """g_z, dense."""
        found = np.zeros((self.count, self.count))
        found[self._own.rows, self._own.columns - self.z.start] = self.operator.jacobian(X, entries=self._own)
        return found

    def matrix(self, X: np.ndarray):
        """dg/dX, sparse."""
        from scipy import sparse

        data = self.operator.jacobian(X)
        return sparse.csr_matrix((data, self.operator.pattern), self.operator.shape)

    def _is_affine(self, X: np.ndarray) -> bool:
        """Whether g is affine in z, whatever y is: found by its slopes at three places."""
        random, found = np.random.default_rng(5), []
        y = random.random(self._n_y)
        for scale in (0.0, 1.0, 7.3):
            point = X.copy()
            point[: self._n_y] = y
            point[self.z] = scale * random.random(self.count)
            found.append(self.operator.jacobian(point, entries=self._own))
        return all(np.allclose(data, found[0], rtol=1e-13, atol=0) for data in found[1:])

    def solve(self, X: np.ndarray) -> tuple[np.ndarray, float]:
        """(X with z filled in, det(-g_z) over that of an empty network). Raises Infeasible where no z is reached."""
        X = X.copy()
        if not self.count:
            return X, 1.0
        X[self.z], previous, margin = 0.0, np.inf, 1.0
        for _ in range(_STEPS):
            g = self.operator.residual(X)
            if not np.isfinite(g).all():
                raise FloatingPointError(f"the equation of {self.names} is not finite")
            change, margin = self._step(X, g)
            X[self.z] += change
            if self.affine:
                return X, margin
            size = float(np.max(np.abs(change) / np.maximum(np.abs(X[self.z]), 1e-300), initial=0.0))
            if size <= 1e-15 or size >= previous < 1e-12:
                return X, margin
            previous = size
        raise Infeasible(f"no {self.names} found (last relative change {previous:.3g})")

    def _step(self, X: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, float]:
        if self.count > _DENSE:
            block = self.matrix(X)[:, self.z]
            try:
                return SparseSchur(-block, block[:, :0], block[:0], block[:0, :0]).factor().solve(g), 1.0
            except SingularMatrix as error:
                raise Infeasible(f"no {self.names} satisfies its equation: {error}") from error
        if self._constant:
            return lapack.dgetrs(*self._factors, g)[0], 1.0
        slopes = self.slopes(X)
        if not np.isfinite(slopes).all():
            raise FloatingPointError(f"the equation of {self.names} is not finite")
        if self.count == 1:
            determinant = -float(slopes[0, 0])
            if determinant / self.empty <= 0:
                raise self._infeasible(determinant / self.empty)
            return -g / slopes[0, 0], determinant / self.empty
        lu, pivots, _ = lapack.dgetrf(-slopes)
        margin = _determinant(lu, pivots) / self.empty
        if not margin > 0 or not _grows(-slopes):
            raise self._infeasible(margin)
        return lapack.dgetrs(lu, pivots, g)[0], margin

    def _infeasible(self, margin: float) -> Infeasible:
        return Infeasible(f"no {self.names} satisfies its equation: 1 - f1.n = {margin:.3g}")


def _grows(A: np.ndarray) -> bool:
    """Whether all eigenvalues have positive real parts: by Gershgorin's discs where these say so."""
    diagonal = A.diagonal()
    if (2 * diagonal > np.abs(A).sum(axis=1)).all():
        return True
    if len(A) == 2:
        return bool(diagonal.sum() > 0 and A[0, 0] * A[1, 1] > A[0, 1] * A[1, 0])
    return bool((lapack.dgeev(A, compute_vl=0, compute_vr=0)[0] > 0).all())


def _determinant(lu: np.ndarray, pivots: np.ndarray) -> float:
    """Of a matrix that dgetrf has factored."""
    swapped = np.count_nonzero(pivots != np.arange(len(pivots)))
    return float(np.prod(lu.diagonal())) * (-1.0 if swapped % 2 else 1.0)


def require_conditions(system: Any, X: np.ndarray) -> None:
    """Raises BeyondEquations, with its message, where a condition of the equations does not hold."""
    if not system.equations.conditions:
        return
    layout, s = system.layout, SimpleNamespace()
    for name in [u.name for u in (*layout.algebraic, *layout.numbers) if not u.over] + [i.name for i in layout.inputs]:
        setattr(s, name, X[layout.position[layout.places[name].start]])
    for condition in system.equations.conditions:
        if not condition.value(s, system.model) > 0:
            raise BeyondEquations(condition.message)
