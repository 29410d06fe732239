"""The algebraic unknowns z of a system: 0 = g(y, z) solved at a state, and how near that is to having no solution."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import Elimination, SingularMatrix
from ..algebra.elimination import grow
from ..algebra.sparse import SparseSchur
from ..problem import BeyondEquations, Infeasible
from ..weakform import Equations
from .layout import Layout
from .operator import Entries, Operator
from .tuning import MATRICES, STATES


class Constraint:
    """g(X) = 0 for the part z of X = (y, z, inputs); Newton's method from z = 0, the same for the same y."""

    def __init__(self, operator: Operator, names: str, n_y: int, n_z: int) -> None:
        self.operator, self.names, self.z = operator, names, slice(n_y, n_y + n_z)
        self.count, self._n_y = n_z, n_y
        self.empty = 1.0
        if n_z:
            X = np.zeros(operator.shape[1])
            self.affine = self._is_affine(X)
            self._sparse = self._elimination.dense > MATRICES.algebraic
            if not self._sparse:
                data = self.operator.jacobian(X, entries=self._own)
                self._factors = self._elimination.factor(data)
                self.empty = self._factors.determinant
                #: g_z is the same at all states, and has a solution
                self._constant = not self._own.parts and (n_z == 1 or self._elimination.grows(data))
            if self.empty == 0:
                raise ValueError(
                    f"discretize: the equations do not determine {names}: an unknown of the kind 'holds' needs a term "
                    "of its own in the unknown that it holds, one of the kind 'equals' may not depend on itself alone"
                )

    @cached_property
    def _inverse_diagonal(self) -> np.ndarray | None:
        """-1 over the diagonal of g_z where that is fixed and z is solved for by substitution alone."""
        where, fixed = self._elimination, np.ones(len(self._own.rows), bool)
        for part in self._own.parts:
            fixed[part.where] = False
        if where.depth is None or not fixed[where.rows == where.columns].all():
            return None
        return -1 / where.diagonal(self.operator.jacobian(np.zeros(self.operator.shape[1]), entries=self._own))

    @cached_property
    def _own(self) -> Entries:
        """The entries of g_z."""
        columns = self.operator.entries.columns
        return self.operator.entries.only((columns >= self.z.start) & (columns < self.z.stop))

    @cached_property
    def _elimination(self) -> Elimination:
        own = self._own
        fixed = np.ones(len(own.rows), bool)
        for part in own.parts:
            fixed[part.where] = False
        return Elimination(own.rows, own.columns - self.z.start, self.count, fixed)

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
        X[self.z], previous, margin, still = 0.0, np.inf, 1.0, 0
        if self._inverse_diagonal is not None:
            for _ in range(self._elimination.depth + 1):
                X[self.z] += self._finite_residual(X) * self._inverse_diagonal
            return X, margin
        g = self._finite_residual(X)
        for _ in range(STATES.steps):
            change, margin = self._step(X, g)
            if self.affine:
                X[self.z] += change
                return X, margin
            z = X[self.z] + change
            size = float(np.max(np.abs(change) / np.maximum(np.abs(z), 1e-300), initial=0.0))
            still = still + 1 if np.abs(change).max(initial=0.0) <= 1e-15 * np.abs(z).max(initial=0.0) else 0
            # one that is 0 has its rounding only
            if size <= 1e-15 or size >= previous < 1e-12 or still == STATES.still:
                X[self.z] = z
                return X, margin
            g, previous = self._moved(X, g, change), size
        raise Infeasible(f"no {self.names} found (last relative change {previous:.3g})")

    def solve_many(self, X: np.ndarray) -> np.ndarray:
        """X (states, columns) with z filled in, at once where g is affine in z. Raises Infeasible."""
        X = X.copy()
        if not self.count:
            return X
        if self.affine and not self._sparse:
            X[:, self.z], where = 0.0, self._elimination
            A = np.zeros((len(X), self.count, self.count))
            A[:, where.rows, where.columns] = -self.operator.jacobian(X, entries=self._own)
            g = self.operator.residual(X)
            if np.isfinite(A).all() and np.isfinite(g).all() and grow(A):
                X[:, self.z] = np.linalg.solve(A, g[:, :, None])[:, :, 0]
                return X
        return np.array([self.solve(row)[0] for row in X])

    def _moved(self, X: np.ndarray, g: np.ndarray, change: np.ndarray) -> np.ndarray:
        """g where the change leads, which X gets; half of it, and so on, where that is as far beyond a solution.

        Inhibition that is felt at once makes Newton's method go to and fro between no activity and all of it.
        """
        start, size = X[self.z].copy(), np.abs(g).max(initial=0.0)
        while True:
            X[self.z] = start + change
            there = self._finite_residual(X)
            beyond = float(there @ g) < 0 and 2 * np.abs(there).max() > size
            if not beyond or np.abs(change).max() <= STATES.beyond * np.abs(start + change).max():
                return there
            change = change / 2

    def _finite_residual(self, X: np.ndarray) -> np.ndarray:
        g = self.operator.residual(X)
        if not np.isfinite(g).all():
            raise FloatingPointError(f"the equation of {self.names} is not finite")
        return g

    def factors(self, X: np.ndarray) -> Any:
        """Factors of -g_z: `solve(g)`."""
        if self._sparse:
            block = self.matrix(X)[:, self.z]
            return SparseSchur(block, block[:, :0], block[:0], block[:0, :0]).factor()
        return self._elimination.factor(self.operator.jacobian(X, entries=self._own))

    def _step(self, X: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, float]:
        if self._sparse:
            try:
                return self.factors(X).solve(g), 1.0
            except SingularMatrix as error:
                raise Infeasible(f"no {self.names} satisfies its equation: {error}") from error
        if self._constant:
            return self._factors.solve(g), 1.0
        data = self.operator.jacobian(X, entries=self._own)
        if not np.isfinite(data).all():
            raise FloatingPointError(f"the equation of {self.names} is not finite")
        if self.count == 1:
            determinant = -float(data.sum())
            if determinant / self.empty <= 0:
                raise self._infeasible(determinant / self.empty)
            return g / determinant, determinant / self.empty
        factors = self._elimination.factor(data)
        margin = factors.determinant / self.empty
        if not margin > 0 or not self._elimination.grows(data):
            raise self._infeasible(margin)
        return factors.solve(g), margin

    def _infeasible(self, margin: float) -> Infeasible:
        return Infeasible(f"no {self.names} satisfies its equation: 1 - f1.n = {margin:.3g}")


def require_conditions(equations: Equations, layout: Layout, model: Any, X: np.ndarray) -> None:
    """Raises BeyondEquations, with its message, where a condition of the equations does not hold."""
    if not equations.conditions:
        return
    s = SimpleNamespace()
    for name in [u.name for u in (*layout.algebraic, *layout.numbers) if not u.over] + [i.name for i in layout.inputs]:
        setattr(s, name, X[layout.position[layout.places[name].start]])
    for given in (given for given in equations.inputs if given not in layout.inputs):
        setattr(s, given.name, getattr(s, given.of))  # without a past what is delayed is what is now
    for condition in equations.conditions:
        if not condition.value(s, model) > 0:
            raise BeyondEquations(condition.message)
