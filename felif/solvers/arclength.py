"""Curves of solutions of F(y; p) = 0 with conserved totals and perhaps further equations: predictor, corrector, steps.

The unknowns are y and a few numbers z: the free parameters, then what the further equations add (a frequency). Every
linear system is band + low rank inside, bordered by the totals, the further equations and one row that fixes the place
on the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..algebra import Bordered, SingularMatrix
from ..problem import Infeasible, NotConverged, Outcome, Problem
from .family import Family
from .newton import carriers, conservation, pins, weighted

_STEPS = 8  # of Newton's method in one corrector
_CLOSE = 1e-7  # relative change after which, convergence being quadratic, the next would be rounding
_ROUNDING = 1e-12
_WANTED_STEPS = 4.0
_WANTED_ANGLE, _LARGEST_ANGLE = 0.2, 0.4  # between successive tangents
_SHORTEST = 1e-6  # step, in units of the longest

Place = Callable[[Problem, np.ndarray, np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""What fixes the place on the curve: (value that must vanish, its row in y, its row in z)."""


class Condition(Protocol):
    """Further equations g(y, z) = 0: one fewer than z has numbers on a curve, as many where they fix a point."""

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
        problem, number, free = self.at(z), len(z), len(self.family.names)
        C, E = conservation(problem), weighted(problem, carriers(problem, y))
        kept = len(C)
        columns, rows = np.zeros((len(y), kept + number)), np.zeros((kept + number, len(y)))
        corner, residual = np.zeros((kept + number, kept + number)), np.zeros(kept + number)
        columns[:, :kept], rows[:kept], residual[:kept] = E, C, C @ y - self.totals
        for k in range(free):
            columns[:, kept + k], corner[:kept, kept + k] = self.family.derivative(y, z[:free], k)
        if self.condition is not None:
            further = slice(kept, kept + number - (place is not None))
            residual[further], rows[further], corner[further, kept:] = self.condition.evaluate(self.family, y, z)
        if place is not None:
            residual[-1], rows[-1], corner[-1, kept:] = place(problem, y, z)
        rate = problem.rate(0.0, y)
        return Bordered(problem.jacobian(0.0, y), columns, rows, corner, pins=pins(problem, y)), rate, residual

    def on(self, problem: Problem, y: np.ndarray, z: np.ndarray) -> System:
        """On the mesh of `problem`, the further equations made anew at (y, z)."""
        family = self.family.on(problem)
        return System(family, self.totals, self.condition and self.condition.near(family, y, z))


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
            row = row + (G @ ty) @ G / self.scalars**2
        return row, tz / self.z**2


def correct(system: System, y: np.ndarray, z: np.ndarray, place: Place | None, exact: bool = False) -> Node:
    """Newton's method from (y, z); `exact`: until only rounding is left. Raises NotConverged.

    The node's tangent is what moves when the last row's equation is relaxed, of no particular length.
    """
    previous, close = np.inf, _ROUNDING if exact else _CLOSE
    try:
        for iteration in range(1, _STEPS + (6 if exact else 1)):
            linear, rate, residual = system.linearise(y, z, place)
            dy, d = linear.solve(-rate, -residual)
            dz = d[len(d) - len(z) :]
            size = float(max(np.abs(dy).max() / max(np.abs(y).max(), 1e-3), np.max(np.abs(dz) / (1e-2 + np.abs(z)))))
            if not size < 1e6 or (size > 2 * previous and size > 1e-6):
                break
            y, z = y + dy, z + dz
            if size <= close or (size <= 1e-8 and size >= 0.3 * previous):
                ty, tz = _tangent(linear, len(y), len(d), len(z))
                return Node(system, system.at(z), y, z, ty, tz, iterations=iteration)
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


def at_parameter(k: int, value: float) -> Place:
    """Where z_k has this value."""

    def place(problem: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        row = np.zeros(len(z))
        row[k] = 1.0
        return z[k] - value, np.zeros(len(y)), row

    return place


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


@dataclass(frozen=True)
class Limit:
    """Where a curve ends: beyond `value` of z_k or of a scalar, in the direction `sign`."""

    k: int
    value: float
    sign: float
    of_scalar: bool
    outcome: Outcome

    def excess(self, node: Node) -> float:
        here = node.problem.scalars(0.0, node.y)[self.k] if self.of_scalar else node.z[self.k]
        return self.sign * (float(here) - self.value)

    def part(self, node: Node, new: Node) -> float:
        """Share of the way between two nodes at which it is reached."""
        low, high = self.excess(node), self.excess(new)
        return -low / (high - low) if high > low else 1.0

    @property
    def place(self) -> Place:
        return (at_scalar if self.of_scalar else at_parameter)(self.k, self.value)


class Trace:
    """Walks along a curve: iterate over it for nodes after the first; `outcome` says why it ended."""

    def __init__(
        self,
        start: Node,
        metric: Metric,
        limits: Sequence[Limit],
        *,
        longest: float,
        first: float,
        most: int,
        adapt: bool = True,
    ) -> None:
        self.start, self.metric, self.limits = start, metric, limits
        self.longest, self.first, self.most, self.adapt = longest, first, most, adapt
        self.outcome = Outcome("max_points", f"{most} points were computed")

    def __iter__(self) -> Iterator[Node]:
        node, ds, bend = self.start, self.first, None
        failure, shortest = "", _SHORTEST * self.longest
        for _ in range(self.most):
            while True:
                if ds < shortest:
                    self.outcome = Outcome("step_underflow", f"no step of {ds:.1e} succeeds: {failure}")
                    return
                if (ended := self._ahead(node, ds, bend)) is not None:
                    self.outcome = ended[0].outcome
                    yield ended[1]
                    return
                try:
                    new, angle = self._step(node, ds, bend)
                except NotConverged as error:
                    failure, ds = str(error), ds / 3
                    continue
                if angle <= _LARGEST_ANGLE or ds < 1e3 * shortest:
                    break
                failure, ds = f"the curve turns by {angle:.2f} rad", ds / 2
            if passed := [limit for limit in self.limits if limit.excess(new) >= 0]:
                limit = min(passed, key=lambda limit: limit.part(node, new))
                self.outcome = limit.outcome
                if limit.excess(node) < 0:
                    yield self._end(node, new, limit)
                return
            bend = ((new.ty - node.ty) / ds, (new.tz - node.tz) / ds)
            grow = min(_WANTED_ANGLE / max(angle, 1e-9), 2.0 ** ((_WANTED_STEPS - new.iterations) / 2))
            ds = min(ds * min(max(grow, 0.4), 1.8), self.longest)
            if self.adapt and (better := self._adapted(new)) is not None:
                new, bend = better, None
            node = new
            if node.system.condition is not None:  # its borders follow the null vectors, which turn along the curve
                node.system = node.system.on(node.system.family.base, node.y, node.z)
            yield node
            if self._closed(node, ds):
                self.outcome = Outcome("closed", "the curve returns to where it began")
                return

    @staticmethod
    def _predicted(node: Node, ds: float, bend: tuple | None) -> tuple[np.ndarray, np.ndarray]:
        y, z = node.y + ds * node.ty, node.z + ds * node.tz
        return (y, z) if bend is None else (y + ds**2 / 2 * bend[0], z + ds**2 / 2 * bend[1])

    def _ahead(self, node: Node, ds: float, bend: tuple | None) -> tuple[Limit, Node] | None:
        """(limit, end) where this step would cross the limit of a parameter, which may be that of the model itself."""
        y, z = self._predicted(node, ds, bend)
        crossed = [
            limit for limit in self.limits if not limit.of_scalar and limit.sign * (z[limit.k] - limit.value) > 0
        ]
        if not crossed:
            return None
        parts = [(limit.value - node.z[limit.k]) / (z[limit.k] - node.z[limit.k]) for limit in crossed]
        limit, part = crossed[int(np.argmin(parts))], min(parts)
        if not 1e-12 < part < 1:
            return None
        y, z = self._predicted(node, part * ds, bend)
        try:
            ended = normalise(self.metric, correct(node.system, y, z, limit.place))
        except NotConverged:
            return None
        row, row_z = self.metric.row(node.problem, node.y, node.ty, node.tz)
        if row @ ended.ty + row_z @ ended.tz < 0:
            ended.ty, ended.tz = -ended.ty, -ended.tz
        gone, gone_z = ended.y - node.y, ended.z - node.z
        far, far_z = self.metric.row(node.problem, node.y, gone, gone_z)
        length = np.sqrt(far @ gone + far_z @ gone_z)
        straight = row @ ended.ty + row_z @ ended.tz > np.cos(_LARGEST_ANGLE)
        if not straight or length > 1.5 * ds or any(other.excess(ended) > 0 for other in self.limits if other != limit):
            return None
        ended.s = node.s + float(length)
        return limit, ended

    def _step(self, node: Node, ds: float, bend: tuple | None) -> tuple[Node, float]:
        y, z = self._predicted(node, ds, bend)
        place = at_distance(self.metric, node, ds)
        new = normalise(self.metric, correct(node.system, y, z, place))
        _, row, row_z = place(node.problem, node.y, node.z)
        new.s = node.s + ds
        return new, float(np.arccos(np.clip(row @ new.ty + row_z @ new.tz, -1.0, 1.0)))

    def _end(self, node: Node, new: Node, limit: Limit) -> Node:
        """The point exactly on the limit between two nodes; the one beyond it where that fails."""
        part = limit.part(node, new)
        try:
            y, z = node.y + part * (new.y - node.y), node.z + part * (new.z - node.z)
            ended = normalise(self.metric, correct(node.system, y, z, limit.place))
        except NotConverged:
            return new
        row, row_z = self.metric.row(new.problem, new.y, new.ty, new.tz)
        if row @ ended.ty + row_z @ ended.tz < 0:
            ended.ty, ended.tz = -ended.ty, -ended.tz
        ended.s = node.s + part * (new.s - node.s)
        return ended

    def _adapted(self, node: Node) -> Node | None:
        """The node on a better mesh, where the problem offers one."""
        offered = node.problem.adapted(0.0, node.y)
        if offered is None:
            return None
        problem, y, _ = offered
        rates = node.problem.scalar_gradient(0.0, node.y) @ node.ty / self.metric.scalars**2

        def place(p: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            row, row_z = rates @ p.scalar_gradient(0.0, y), node.tz / self.metric.z**2
            gone = rates @ (p.scalars(0.0, y) - node.problem.scalars(0.0, node.y)) + row_z @ (z - node.z)
            return gone, row, row_z

        try:
            new = correct(node.system.on(problem, y, node.z), y, node.z, place)
        except NotConverged:
            return None
        _, row, row_z = place(new.problem, new.y, new.z)
        new = normalise(self.metric, new, (row, row_z))
        new.s = node.s
        return new

    def _closed(self, node: Node, ds: float) -> bool:
        start = self.start
        if node.s < 4 * ds or len(start.y) != len(node.y):
            return False
        row, row_z = self.metric.row(start.problem, start.y, start.ty, start.tz)
        gone, gone_z = node.y - start.y, node.z - start.z
        far, far_z = self.metric.row(start.problem, start.y, gone, gone_z)
        return bool(
            far @ gone + far_z @ gone_z < (1.2 * ds) ** 2
            and row @ node.ty + row_z @ node.tz > 0.8
            and row @ gone + row_z @ gone_z >= 0
        )
