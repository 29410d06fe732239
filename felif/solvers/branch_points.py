"""Branch points: where two branches of steady states cross, and the direction of the other one.

With the borders of a fold, (y, p, mu) solve  F + mu c = 0,  g = 0,  w^T F_p = 0  (mu = 0 there: it only makes the
system regular). Its Jacobian needs second derivatives of F along the null space of [J F_p] only: (v, 0) and (-xi, 1)
with J xi = F_p. Source: Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria (SIAM 2000), chapter 7.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..algebra import Bordered, SingularMatrix
from ..problem import Infeasible, NotConverged
from .family import second_derivative_row
from .folds import SingularJacobian
from .newton import pins
from .system import Node, System
from .tuning import WALK


def branch_point_at(node: Node) -> tuple[Node, tuple[np.ndarray, np.ndarray] | None]:
    """(the branch point near a node of a branch in one parameter, the tangent of the branch that crosses there).

    The node's own tangent is that of the branch it came from; the crossing one is None where no other branch leaves
    (an isolated point). Raises NotConverged.
    """
    system, y, z, mu = node.system, node.y, node.z, 0.0
    condition, change = SingularJacobian.near(system.family, y, z), np.inf
    try:
        for _ in range(WALK.steps):
            linear, residual, directions = _newton_system(system, condition, y, z, mu)
            dy, d = linear.solve(*residual)
            previous, change = change, float(max(np.abs(dy).max() / max(np.abs(y).max(), 1e-3), abs(d[-2])))
            if not change < 1e6:
                break
            y, z, mu = y + dy, z + d[-2:-1], mu + d[-1]
            if change <= WALK.converged or (change <= 1e-8 and change >= 0.3 * previous):
                found = Node(system, system.at(z), y, z, node.ty, node.tz)
                if abs(mu) > 1e-6 * max(1.0, float(np.abs(found.problem.jacobian(0.0, y) @ y).max())):
                    break
                return found, _crossing(directions, condition.row, node)
    except (Infeasible, SingularMatrix) as error:
        raise NotConverged(f"no branch point: {error}") from error
    raise NotConverged("no branch point was found here")


def _newton_system(
    system: System, condition: SingularJacobian, y: np.ndarray, z: np.ndarray, mu: float
) -> tuple[Bordered, tuple[np.ndarray, np.ndarray], tuple]:
    """(its factors, its right-hand side, (v, xi and the quadratic form on directions alpha (v, 0) + beta (-xi, 1)))."""
    family, problem = system.family, system.at(z)
    E, C = condition.beside(problem, y)
    kept, conserved, jacobian = len(C), len(system.totals), partial(problem.jacobian, 0.0)
    null = condition.null_vectors(problem, y)
    v, w = null.right, null.left
    F_p, C_p = family.derivative(y, z, 0)
    xi, _ = null.bordered.solve(F_p, np.concatenate([C_p, np.zeros(kept - conserved + 1)]))
    low, high, width = family.around(z, 0)
    J_high, J_low = high.jacobian(0.0, y), low.jacobian(0.0, y)
    before, after = (family.derivative(y, p, 0)[0] for p in (z - width / 2, z + width / 2))

    g_y, g_p = -second_derivative_row(jacobian, y, w, v), -(w @ (J_high @ v - J_low @ v)) / width
    e_y = (J_high.transpose() @ w - J_low.transpose() @ w) / width - second_derivative_row(jacobian, y, w, xi)
    e_p = w @ (after - before) / width - w @ (J_high @ xi - J_low @ xi) / width
    form = np.array([[-(g_y @ v), g_y @ xi - g_p], [g_y @ xi - g_p, e_p - e_y @ xi]])

    columns, rows = np.column_stack([E, F_p, condition.column]), np.vstack([C, g_y, e_y])
    corner = np.zeros((kept + 2, kept + 2))
    corner[:conserved, kept], corner[kept:, kept] = C_p, (g_p, e_p)
    off = system.totals - C[:conserved] @ y
    right = np.concatenate([off, np.zeros(kept - conserved), [-null.g, -(w @ F_p + null.kappa @ C_p)]])
    linear = problem.jacobian(0.0, y).bordered(columns, rows, corner, pins=pins(problem, y))
    return linear, (-problem.rate(0.0, y) - mu * condition.column, right), (v, xi, form)


def _crossing(directions: tuple, row: np.ndarray, node: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """The root of the quadratic form that is not the branch the node came from."""
    v, xi, form = directions
    values, vectors = np.linalg.eigh(form)
    if not values[0] < 0 < values[1]:
        return None
    roots = [vectors @ (np.sqrt(values[1]), sign * np.sqrt(-values[0])) for sign in (1, -1)]
    known = np.array([row @ node.ty, node.tz[0]])
    alpha, beta = max(roots, key=lambda root: abs(root[0] * known[1] - root[1] * known[0]))
    return alpha * v - beta * xi, np.array([beta])
