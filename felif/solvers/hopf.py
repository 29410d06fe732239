"""Hopf points: where J(i omega) - i omega M is singular, by a minimally augmented system.

With complex borders c, r the system [J - i omega M, c; r, 0] (v, g) = (0, 1) defines a complex g(y, p, omega); the
Hopf point is where its real and imaginary parts vanish. Where scalars act with a delay, J depends on i omega.
Source: Kuznetsov, Elements of Applied Bifurcation Theory (3rd ed.), section 10.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..algebra import Band, BandLowRank
from ..problem import Problem
from .border import Border, symmetry
from .delayed import jacobian_at, jacobian_derivative_row
from .family import Family
from .system import Node, System, correct


@dataclass(frozen=True, eq=False)
class ImaginaryPair:
    """The equations Re g = Im g = 0 with their borders; z = (parameters, omega)."""

    column: np.ndarray
    row: np.ndarray
    beside = None

    def still(self, problem: Problem, y: np.ndarray) -> np.ndarray | None:
        return symmetry(problem, y)

    @classmethod
    def near(cls, family: Family, y: np.ndarray, z: np.ndarray) -> ImaginaryPair:
        """With borders along the eigenvectors, by inverse iteration."""
        problem = family.at(z[:-1])
        real, imag = np.random.default_rng(0).standard_normal((2, problem.size))
        start = _times(problem.mass, real + 1j * imag)
        condition = cls(start, start.conj())
        for _ in range(3):
            _, v, w, _ = condition.solve(problem, y, z[-1])
            condition = cls(_unit(_times(problem.mass, w.conj())), _unit(_times(problem.mass, v).conj()))
        return condition

    def solve(
        self, problem: Problem, y: np.ndarray, omega: float
    ) -> tuple[complex, np.ndarray, np.ndarray, BandLowRank]:
        """(g, v, w, J(i omega)): right and left null vectors, w transposed, not conjugated."""
        J = jacobian_at(problem, y, 1j * omega)
        border = self.column[:, None], self.row[None, :]
        matrix = J.bordered(*border, shift=complex(0.0, omega), mass=problem.mass, held=Border(problem, y).held)
        zero, one = np.zeros(problem.size, complex), np.ones(1, complex)
        v, g = matrix.solve(zero, one)
        w, _ = matrix.solve_transposed(zero, one)
        return complex(g[0]), v, w, J

    def evaluate(self, family: Family, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(Re g, Im g), their derivatives in y and in z."""
        p, omega = z[:-1], z[-1]
        problem = family.at(p)
        g, v, w, _ = self.solve(problem, y, omega)
        by_z = np.zeros(len(z), complex)
        for k in range(len(p)):
            low, high, width = family.around(p, k)
            moved = [jacobian_at(q, y, 1j * omega) for q in (high, low)]
            masses = [q.mass for q in (high, low)]
            change = [J @ v - 1j * omega * _times(M, v) for J, M in zip(moved, masses, strict=True)]
            by_z[k] = -w @ (change[0] - change[1]) / width
        by_z[-1] = 1j * (w @ _times(problem.mass, v))
        if problem.delays:
            width = 1e-5 * max(omega, 0.1)
            moved = [jacobian_at(problem, y, 1j * (omega + sign * width)) for sign in (1, -1)]
            by_z[-1] -= w @ (moved[0] @ v - moved[1] @ v) / (2 * width)
        by_y = -jacobian_derivative_row(problem, y, w, v, 1j * omega)
        return np.array([g.real, g.imag]), np.array([by_y.real, by_y.imag]), np.array([by_z.real, by_z.imag])


def hopf_at(node: Node, omega: float) -> Node:
    """The Hopf point near a node of a curve in one parameter, z = (p, omega). Raises NotConverged."""
    family, z = node.system.family, np.append(node.z, omega)
    condition = ImaginaryPair.near(family, node.y, z)
    return correct(System(family, node.system.totals, condition), node.y, z, None, exact=True)


def _times(mass: Band, x: np.ndarray) -> np.ndarray:
    return mass @ x.real + 1j * (mass @ x.imag)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)
