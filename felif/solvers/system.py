"""Points of curves of F(y; p) = 0 with conserved totals and perhaps further equations: linear systems, Newton, metric.

The unknowns are y and a few numbers z: the free parameters, then what the further equations add (a frequency). Every
linear system is band + low rank inside, bordered by the totals, the further equations and one row that fixes the place
on the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..algebra import Bordered, SingularMatrix
from ..problem import Infeasible, NotConverged, Problem
from .border import Border, symmetry
from .family import Family
from .tuning import NEWTON

Place = Callable[[Problem, np.ndarray, np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""What fixes the place on the curve: (value that must vanish, its row in y, its row in z)."""


class Condition(Protocol):
    """Further equations g(y, z) = 0: one fewer than z has numbers on a curve, as many where they fix a point."""

    @property
    def beside(self) -> np.ndarray | None:
        """A column c where the equations are F + z_last c = 0, which is 0 at their solutions and makes them regular."""

    def still(self, problem: Problem, y: np.ndarray) -> np.ndarray | None:
        """The direction along which no step is made, if there is one."""

    def evaluate(self, family: Family, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(g (m,), dg/dy (m, size), dg/dz (m, len(z)))."""

    def near(self, family: Family, y: np.ndarray, z: np.ndarray) -> Condition:
        """The same equations made anew at (y, z), on the same or another mesh."""


@dataclass(frozen=True, eq=False)
class System:
    """F(y; p) = 0, C y = totals, g(y, z) = 0 with z = (p, ...)."""

    family: Family
    totals: np.ndarray
    condition: Condition | None = None

    def at(self, z: np.ndarray) -> Problem:
        return self.family.at(z[: len(self.family.names)])

    def linearise(self, y: np.ndarray, z: np.ndarray, place: Place | None) -> tuple[Bordered, np.ndarray, np.ndarray]:
        """(factors, F, residuals of the border): one Newton system; place = None where g = 0 fixes the point."""
        number, free = len(z), len(self.family.names)
        problem = self.family.near(z[:free])
        condition, rate = self.condition, problem.rate(0.0, y)
        border = Border(problem, y, condition.still(problem, y) if condition else symmetry(problem, y))
        columns, totals = np.zeros((len(y), number)), np.zeros((len(self.totals), number))
        rows, corner, residual = np.zeros((number, len(y))), np.zeros((number, number)), np.zeros(number)
        for k in range(free):
            columns[:, k], totals[:, k] = self.family.derivative_near(y, z[:free], k)
        if condition is not None:
            further = slice(0, number - (place is not None))
            residual[further], rows[further], corner[further] = condition.evaluate(self.family, y, z)
            if condition.beside is not None:
                columns[:, -1], rate = condition.beside, rate + z[-1] * condition.beside
        if place is not None:
            residual[-1], rows[-1], corner[-1] = place(problem, y, z)
        factors = border.around(problem.jacobian(0.0, y), columns, rows, corner, totals=totals)
        return factors, rate, np.concatenate([-border.missing(self.totals, y), residual])

    def renewed(self, y: np.ndarray, z: np.ndarray) -> System:
        """With the further equations made anew at (y, z)."""
        return replace(self, condition=self.condition and self.condition.near(self.family, y, z))

    def on(self, problem: Problem, y: np.ndarray, z: np.ndarray) -> System:
        """On the mesh of `problem`, the further equations made anew at (y, z)."""
        return replace(self, family=self.family.on(problem)).renewed(y, z)


@dataclass(eq=False)
class Node:
    """A point of a curve: its unknowns, unit tangent (towards growing arc length) and the system it solves."""

    system: System
    problem: Problem
    y: np.ndarray
    z: np.ndarray
    ty: np.ndarray
    tz: np.ndarray
    s: float = 0.0
    iterations: int = 0

    def reversed(self) -> Node:
        """The first node of the curve followed the other way."""
        return Node(self.system, self.problem, self.y, self.z, -self.ty, -self.tz)


@dataclass(frozen=True)
class Metric:
    """ds^2 = sum (dz/unit)^2 + sum (d scalar / unit)^2 + (dy, M dy)/unit^2: parameters and rates count most."""

    z: np.ndarray
    scalars: float
    y: float

    def row(self, problem: Problem, y: np.ndarray, ty: np.ndarray, tz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inner product with (ty, tz) as rows."""
        row = (problem.mass @ ty) / self.y**2
        if problem.scalar_names:
            G = problem.scalar_gradient(0.0, y)
            row = row + (G @ ty / self.scalars) @ G / self.scalars
        return row, tz / self.z**2


def density_unit(problem: Problem, y: np.ndarray) -> float:
    """The metric's unit of y: the norm of the density, at least that of one spread over V_F - V_R."""
    width = np.ptp(list(problem.marks.values())) if problem.marks else 1.0
    return max(1 / float(np.sqrt(width)), float(np.sqrt(y @ (problem.mass @ y))))


def default_rate(problem: Problem) -> float:
    """The largest rate looked at unless another is given: 20 in units of the leak rate, where the drift has one."""
    leak = problem.leak_rate
    return 20.0 * leak if leak else 20.0


@dataclass(frozen=True)
class AtParameter:
    """The place where z_k has a value: exactly, because the model may allow nothing beyond it."""

    k: int
    value: float

    def __call__(self, problem: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return z[self.k] - self.value, np.zeros(len(y)), np.eye(len(z))[self.k]

    def put(self, z: np.ndarray) -> np.ndarray:
        z = z.copy()
        z[self.k] = self.value
        return z


def correct(system: System, y: np.ndarray, z: np.ndarray, place: Place | None, exact: bool = False) -> Node:
    """Newton's method from (y, z); `exact`: until only rounding is left. Raises NotConverged.

    The node's tangent is what moves when the last row's equation is relaxed, of no particular length.
    """
    previous, close = np.inf, NEWTON.rounding_of_points if exact or system.family.moves_nodes else NEWTON.close
    near = 0  # iterations to where quadratic convergence would end; what steps are judged by
    put = place.put if isinstance(place, AtParameter) else np.copy
    z = put(z)
    try:
        for iteration in range(1, NEWTON.steps + (6 if close == NEWTON.rounding_of_points else 1)):
            linear, rate, residual = system.linearise(y, z, place)
            dy, d = linear.solve(-rate, -residual)
            dz = d[len(d) - len(z) :]
            size = float(max(np.abs(dy).max() / max(np.abs(y).max(), 1e-3), np.max(np.abs(dz) / (1e-2 + np.abs(z)))))
            if not size < 1e6 or (size > 2 * previous and size > 1e-6):
                break
            y, z = y + dy, put(z + dz)
            near = near or (iteration if size <= NEWTON.close else 0)
            if size <= close or (size <= 1e-8 and size >= 0.3 * previous):
                ty, tz = _tangent(linear, len(y), len(d), len(z))
                return Node(system, system.at(z), y, z, ty, tz, iterations=near or iteration)
            previous = size
    except (Infeasible, SingularMatrix) as error:
        raise NotConverged(f"the corrector left where solutions can be computed: {error}") from error
    raise NotConverged(f"the corrector did not converge (last change {size:.1e} in iteration {iteration})")


def _tangent(linear: Bordered, size: int, border: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    unit = np.zeros(border)
    unit[-1] = 1.0
    ty, d = linear.solve(np.zeros(size), unit)
    return ty, d[border - number :]


def at_distance(metric: Metric, node: Node, ds: float) -> Place:
    """On the plane orthogonal to the tangent at distance ds."""
    row, row_z = metric.row(node.problem, node.y, node.ty, node.tz)

    def place(problem: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return row @ (y - node.y) + row_z @ (z - node.z) - ds, row, row_z

    return place


def beside(metric: Metric, node: Node, ds: float, exact: bool = False) -> Node:
    """The node of the curve at this distance from another, along its tangent. Raises NotConverged."""
    y, z = node.y + ds * node.ty, node.z + ds * node.tz
    new = correct(node.system, y, z, at_distance(metric, node, ds), exact)
    new.s = node.s + ds
    return normalise(metric, new, metric.row(node.problem, node.y, node.ty, node.tz))


def at_scalar(k: int, value: float) -> Place:
    """Where the k-th scalar of the problem has this value."""

    def place(problem: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return problem.scalars(0.0, y)[k] - value, problem.scalar_gradient(0.0, y)[k], np.zeros(len(z))

    return place


def normalise(metric: Metric, node: Node, like: tuple[np.ndarray, np.ndarray] | None = None) -> Node:
    """The tangent made of length one, and turned so that its product with the rows `like` is positive."""
    row, row_z = metric.row(node.problem, node.y, node.ty, node.tz)
    length = np.sqrt(row @ node.ty + row_z @ node.tz)
    if like is not None and like[0] @ node.ty + like[1] @ node.tz < 0:
        length = -length
    node.ty, node.tz = node.ty / length, node.tz / length
    return node
