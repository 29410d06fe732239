"""Branch points: where two branches of steady states cross, and the direction of the other one.

With the borders c, r of a fold, z = (p, mu) and y solve  F + mu c = 0,  g = 0,  w^T F_p = 0  (mu = 0 there: it only
makes the system regular). Its Jacobian needs second derivatives of F along the null space of [J F_p] only: (v, 0) and
(-xi, 1) with J xi = F_p. Source: Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria (SIAM 2000),
chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..problem import NotConverged, Problem
from .family import Family, second_derivative_row
from .folds import NullVectors, SingularJacobian
from .system import Node, System, correct


class _Crossing(NamedTuple):
    """g and w^T F_p with their derivatives in y and p; v, xi, the quadratic form on alpha (v, 0) + beta (-xi, 1)."""

    values: np.ndarray
    by_y: np.ndarray
    by_p: np.ndarray
    v: np.ndarray
    xi: np.ndarray
    form: np.ndarray


@dataclass(frozen=True, eq=False)
class TwoBranches:
    """The equations g = 0, w^T F_p = 0 with the borders of a fold; z = (p, mu)."""

    singular: SingularJacobian

    @property
    def beside(self) -> np.ndarray:
        return self.singular.column

    def still(self, problem: Problem, y: np.ndarray) -> np.ndarray | None:
        return self.singular.still(problem, y)

    def near(self, family: Family, y: np.ndarray, z: np.ndarray) -> TwoBranches:
        return replace(self, singular=self.singular.near(family, y, z))

    def evaluate(self, family: Family, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(values, their derivatives in y and in z)."""
        found = self.crossing(family, y, z[:1])
        return found.values, found.by_y, np.column_stack([found.by_p, np.zeros(2)])

    def crossing(self, family: Family, y: np.ndarray, p: np.ndarray) -> _Crossing:
        problem = family.at(p)
        jacobian = partial(problem.jacobian, 0.0)
        null: NullVectors = self.singular.null_vectors(problem, y)
        v, w = null.right, null.left
        F_p, C_p = family.derivative(y, p, 0)
        beyond = np.zeros(null.border - len(C_p))
        xi, _ = null.bordered.solve(F_p, np.concatenate([C_p, beyond]))
        low, high, width = family.around(p, 0)
        J_high, J_low = high.jacobian(0.0, y), low.jacobian(0.0, y)
        before, after = (family.derivative(y, q, 0)[0] for q in (p - width / 2, p + width / 2))
        g_y, g_p = -second_derivative_row(jacobian, y, w, v), -(w @ (J_high @ v - J_low @ v)) / width
        e_y = (J_high.transpose() @ w - J_low.transpose() @ w) / width - second_derivative_row(jacobian, y, w, xi)
        e_p = w @ (after - before) / width - w @ (J_high @ xi - J_low @ xi) / width
        form = np.array([[-(g_y @ v), g_y @ xi - g_p], [g_y @ xi - g_p, e_p - e_y @ xi]])
        values = np.array([null.g, w @ F_p + null.kappa @ C_p])
        return _Crossing(values, np.array([g_y, e_y]), np.array([g_p, e_p]), v, xi, form)


def branch_point_at(node: Node) -> tuple[Node, tuple[np.ndarray, np.ndarray] | None]:
    """(the branch point near a node of a branch in one parameter, the tangent of the branch that crosses there).

    The node's own tangent is that of the branch it came from; the crossing one is None where no other branch leaves
    (an isolated point). Raises NotConverged.
    """
    system = node.system
    condition = TwoBranches(SingularJacobian.near(system.family, node.y, node.z))
    whole = System(system.family, system.totals, condition)
    found = correct(whole, node.y, np.append(node.z, 0.0), None, exact=True)
    z, mu = found.z[:1], float(found.z[1])
    if abs(mu) > 1e-6 * max(1.0, float(np.abs(found.problem.jacobian(0.0, found.y) @ found.y).max())):
        raise NotConverged("no branch point was found here")
    crossing = condition.crossing(system.family, found.y, z)
    return Node(system, found.problem, found.y, z, node.ty, node.tz), _other(crossing, condition.singular.row, node)


def _other(at: _Crossing, row: np.ndarray, node: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """The root of the quadratic form that is not the branch the node came from."""
    values, vectors = np.linalg.eigh(at.form)
    if not values[0] < 0 < values[1]:
        return None
    roots = [vectors @ (np.sqrt(values[1]), sign * np.sqrt(-values[0])) for sign in (1, -1)]
    known = np.array([row @ node.ty, node.tz[0]])
    alpha, beta = max(roots, key=lambda root: abs(root[0] * known[1] - root[1] * known[0]))
    return alpha * at.v - beta * at.xi, np.array([beta])
