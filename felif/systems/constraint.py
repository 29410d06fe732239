"""The algebraic unknowns z of a system: 0 = g(y, z) solved at a state, and how near that is to having no solution."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from ..algebra.sparse import SparseSchur
from ..problem import BeyondEquations, Infeasible
from .operator import Operator

_STEPS = 60
_DENSE = 400  # unknowns z up to which their equations are solved as a dense system


class Constraint:
    """g(X) = 0 for the part z of X = (y, z, inputs); Newton's method from z = 0, the same for the same y."""

    def __init__(self, operator: Operator, names: str, n_y: int, n_z: int) -> None:
        self.operator, self.names, self.z = operator, names, slice(n_y, n_y + n_z)
        self.count, self._n_y = n_z, n_y
        self.empty, self._places = 1.0, None
        if n_z:
            X = np.zeros(operator.shape[1])
            self.affine = self._is_affine(X)
            self.empty = self._determinant(self.slopes(X)) if n_z <= _DENSE else 1.0
            if self.empty == 0:
                raise ValueError(
                    f"discretize: the equations do not determine {names}: an unknown of the kind 'holds' needs a term "
                    "of its own in the unknown that it holds, one of the kind 'equals' may not depend on itself alone"
                )

    def slopes(self, X: np.ndarray) -> np.ndarray:
        """g_z, dense."""
        data = self.operator.jacobian(X)
        if self._places is None:
            rows, columns = self.operator.pattern
            pick = np.flatnonzero((columns >= self.z.start) & (columns < self.z.stop))
            self._places = pick, (rows[pick], columns[pick] - self.z.start)
        pick, at = self._places
        found = np.zeros((self.count, self.count))
        found[at] = data[pick]
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
            data = self.operator.jacobian(point)
            rows, columns = self.operator.pattern
            found.append(data[(columns >= self.z.start) & (columns < self.z.stop)])
        return all(np.allclose(data, found[0], rtol=1e-13, atol=0) for data in found[1:])

    @staticmethod
    def _determinant(slopes: np.ndarray) -> float:
        return float(np.linalg.det(-slopes))

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
            size = float(np.max(np.abs(change) / np.maximum(np.abs(X[self.z]), 1e-300), initial=0.0))
            if self.affine or size <= 1e-15 or size >= previous < 1e-12:
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
        slopes = self.slopes(X)
        if not np.isfinite(slopes).all():
            raise FloatingPointError(f"the equation of {self.names} is not finite")
        if self.count == 1:
            determinant = -float(slopes[0, 0])
            if determinant / self.empty <= 0:
                raise self._infeasible(determinant / self.empty)
            return -g / slopes[0, 0], determinant / self.empty
        margin = self._determinant(slopes) / self.empty
        if not margin > 0 or not _grows(-slopes):
            raise self._infeasible(margin)
        return -np.linalg.solve(slopes, g), margin

    def _infeasible(self, margin: float) -> Infeasible:
        return Infeasible(f"no {self.names} satisfies its equation: 1 - f1.n = {margin:.3g}")


def _grows(A: np.ndarray) -> bool:
    """Whether all eigenvalues have positive real parts: by Gershgorin's discs where these say so."""
    diagonal = A.diagonal()
    if (2 * diagonal > np.abs(A).sum(axis=1)).all():
        return True
    if len(A) == 2:
        return bool(diagonal.sum() > 0 and np.linalg.det(A) > 0)
    return bool((np.linalg.eigvals(A).real > 0).all())


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
