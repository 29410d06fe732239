"""Folds: where dF/dy is singular on the perturbations that keep every total, by a minimally augmented system.

With borders c, r the bordered system [J M E c; C 0 0; r 0 0] (v, mu, g) = (0, 0, 1) defines a smooth scalar g(y, p)
that vanishes where J is singular; its derivative is -w^T (dJ) v, w the solution of the transposed system.
Source: Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria (SIAM 2000), chapters 3-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..algebra import Bordered
from ..problem import Problem
from .border import Border, symmetry
from .family import Family, second_derivative, second_derivative_row, step_along
from .system import Node, System, correct


@dataclass(frozen=True, eq=False)
class NullVectors:
    """g and what belongs to it: J v = -g c, C v = 0 (right), J^T w = -C^T kappa - g r (left); `border` rows."""

    g: float
    right: np.ndarray
    left: np.ndarray
    kappa: np.ndarray
    bordered: Bordered
    border: int


@dataclass(frozen=True, eq=False)
class SingularJacobian:
    """The equation g = 0 of a minimally augmented system, with its borders: `column` (c) and `row` (r).

    turned: a perturbation that is left out beside those that change a total. Of a state that a symmetry does not move,
    null vectors come in pairs that it makes of each other: one of them is looked at.
    """

    column: np.ndarray
    row: np.ndarray
    turned: np.ndarray | None = None
    beside = None

    @classmethod
    def near(cls, family: Family, y: np.ndarray, z: np.ndarray) -> SingularJacobian:
        """With borders along the null vectors, found by two steps of inverse iteration from arbitrary ones."""
        problem = family.at(z[: len(family.names)])
        first, second = np.random.default_rng(0).standard_normal((2, problem.size))
        condition, moved = cls(problem.mass @ first, problem.mass @ second), symmetry(problem, y) is not None
        for _ in range(2):
            null = condition.null_vectors(problem, y)
            turned = None if moved else symmetry(problem, null.right)
            condition = cls(_unit(problem.mass @ null.left), _unit(problem.mass @ null.right), turned)
        return condition

    def still(self, problem: Problem, y: np.ndarray) -> np.ndarray | None:
        return symmetry(problem, y) if self.turned is None else self.turned

    def null_vectors(self, problem: Problem, y: np.ndarray) -> NullVectors:
        border = Border(problem, y, self.still(problem, y))
        system = border.around(problem.jacobian(0.0, y), self.column[:, None], self.row[None])
        zero, unit = np.zeros(problem.size), border.unit()
        right, d = system.solve(zero, unit)
        left, e = system.solve_transposed(zero, unit)
        return NullVectors(float(d[-1]), right, left, e[: border.conserved], system, len(unit))

    def evaluate(self, family: Family, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(g, dg/dy, dg/dz)."""
        p = z[: len(family.names)]
        problem = family.at(p)
        null, by_z = self.null_vectors(problem, y), np.zeros(len(z))
        step = step_along(y, null.right)
        for k in range(len(p)):
            high, low = (family.derivative(y + side * null.right, p, k) for side in (step, -step))
            by_z[k] = -(null.left @ (high[0] - low[0]) + null.kappa @ (high[1] - low[1])) / (2 * step)
        by_y = -second_derivative_row(partial(problem.jacobian, 0.0), y, null.left, null.right)
        return np.array([null.g]), by_y[None, :], by_z[None, :]

    def quadratic(self, problem: Problem, y: np.ndarray) -> float:
        """w^T F_yy[v, v] / (w^T M v) for a v with (v, M v) = 1: changes its sign at a cusp.

        It has a pole where w^T M v = 0 (a Bogdanov-Takens point), so only the numerator, scaled, is returned.
        """
        null = self.null_vectors(problem, y)
        v = null.right / np.sqrt(null.right @ (problem.mass @ null.right))
        w = null.left / np.sqrt(null.left @ (problem.mass @ null.left))
        return float(w @ second_derivative(partial(problem.jacobian, 0.0), y, v, v))

    def double_zero(self, problem: Problem, y: np.ndarray) -> float:
        """w^T M v of unit vectors: vanishes where the zero eigenvalue is double (Bogdanov-Takens)."""
        null = self.null_vectors(problem, y)
        Mv, Mw = problem.mass @ null.right, problem.mass @ null.left
        return float(null.left @ Mv / np.sqrt((null.right @ Mv) * (null.left @ Mw)))


def fold_at(node: Node) -> Node:
    """The fold near a node of a curve in one parameter; its tangent is the null vector. Raises NotConverged."""
    family = node.system.family
    condition = SingularJacobian.near(family, node.y, node.z)
    found = correct(System(family, node.system.totals, condition), node.y, node.z, None, exact=True)
    found.ty, found.tz = condition.null_vectors(found.problem, found.y).right, np.zeros(1)
    return found


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)
