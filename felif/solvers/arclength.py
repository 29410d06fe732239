"""Pseudo-arclength: walking along a curve with steps that its own bends and Newton's method choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..problem import NotConverged, Outcome, Problem
from .newton import newton
from .system import AtParameter, Metric, Node, Place, at_distance, at_scalar, correct, normalise
from .tuning import WALK


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
        return (at_scalar if self.of_scalar else AtParameter)(self.k, self.value)


class Trace:
    """Walks along a curve: iterate over it for nodes after the first; `outcome` says why it ended.

    node, ds, bend: where it is, all that the next step depends on; `ended`: the node is the last one.
    """

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
        self.ended = False
        self.goes_on(start, first, None, 0)

    def goes_on(self, node: Node, ds: float, bend: tuple | None, count: int) -> None:
        """Let it go on from a node, the count-th one after the start."""
        self.node, self.ds, self.bend, self._count = node, ds, bend, count

    def __iter__(self) -> Iterator[Node]:
        node, ds, bend = self.node, self.ds, self.bend
        failure, shortest = "", WALK.shortest * self.longest
        for count in range(self._count + 1, self.most + 1):
            while True:
                if ds < shortest:
                    self.outcome = Outcome("step_underflow", f"no step of {ds:.1e} succeeds: {failure}")
                    return
                if (ended := self._ahead(node, ds, bend)) is not None:
                    self.outcome, self.ended = ended[0].outcome, True
                    yield ended[1]
                    return
                try:
                    new, angle = self._step(node, ds, bend)
                    served = self.served(new)
                except NotConverged as error:
                    failure, ds = str(error), ds / 3
                    continue
                if angle <= WALK.largest_angle or ds < 1e3 * shortest:
                    break
                failure, ds = f"the curve turns by {angle:.2f} rad", ds / 2
            if passed := [limit for limit in self.limits if limit.excess(new) >= 0]:
                limit = min(passed, key=lambda limit: limit.part(node, new))
                self.outcome = limit.outcome
                if limit.excess(node) < 0:
                    self.ended = True
                    yield self._end(node, new, limit)
                return
            bend = ((new.ty - node.ty) / ds, (new.tz - node.tz) / ds)
            grow = min(WALK.wanted_angle / max(angle, 1e-9), 2.0 ** ((WALK.wanted_steps - new.iterations) / 2))
            ds = min(ds * min(max(grow, 0.4), 1.8), self.longest)
            if served is not new:
                new, bend = served, None
            node = new
            if node.system.condition is not None:  # its borders follow the null vectors, which turn along the curve
                node.system = node.system.renewed(node.y, node.z)
            self.goes_on(node, ds, bend, count)
            if self._closed(node, ds):
                self.outcome, self.ended = Outcome("closed", "the curve returns to where it began"), True
            yield node
            if self.ended:
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
            row, row_z = self.metric.row(node.problem, node.y, node.ty, node.tz)
            ended = normalise(self.metric, correct(node.system, y, z, limit.place), (row, row_z))
        except NotConverged:
            return None
        gone, gone_z = ended.y - node.y, ended.z - node.z
        far, far_z = self.metric.row(node.problem, node.y, gone, gone_z)
        length = np.sqrt(far @ gone + far_z @ gone_z)
        straight = row @ ended.ty + row_z @ ended.tz > np.cos(WALK.largest_angle)
        if not straight or length > 1.5 * ds or any(other.excess(ended) > 0 for other in self.limits if other != limit):
            return None
        ended.s = node.s + float(length)
        try:
            return limit, self.served(ended, limit.place)
        except NotConverged:
            return None

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
            like = self.metric.row(new.problem, new.y, new.ty, new.tz)
            ended = normalise(self.metric, correct(node.system, y, z, limit.place), like)
        except NotConverged:
            return new
        ended.s = node.s + part * (new.s - node.s)
        try:
            return self.served(ended, limit.place)
        except NotConverged:
            return ended

    def served(self, node: Node, place: Place | None = None) -> Node:
        """The node on a mesh that resolves it and cuts nothing off, at the same place; itself if it is on one.

        Each round asks for all that the state needs and corrects once: what cuts off much changes the state much.
        Raises NotConverged: a shorter step changes it less.
        """
        if not self.adapt:
            return node
        for _ in range(WALK.rounds):
            offered = better(node.problem, node.y)
            if offered is None:
                break
            node = self._on(offered, node, place or self._beside(node))
        return node

    def _beside(self, node: Node) -> Place:
        """Orthogonal to the tangent, as far as scalars and z say so: those have a meaning on any mesh."""
        rates = node.problem.scalar_gradient(0.0, node.y) @ node.ty / self.metric.scalars**2

        def place(p: Problem, y: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            row, row_z = rates @ p.scalar_gradient(0.0, y), node.tz / self.metric.z**2
            gone = rates @ (p.scalars(0.0, y) - node.problem.scalars(0.0, node.y)) + row_z @ (z - node.z)
            return gone, row, row_z

        return place

    def _on(self, offered: tuple[Problem, np.ndarray], node: Node, place: Place) -> Node:
        problem, y = offered
        system = node.system.on(problem, y, node.z)
        try:
            new = correct(system, y, node.z, place)
        except NotConverged:
            if system.condition is not None:
                raise
            y = newton(system.at(node.z), y, totals=system.totals).y  # which takes shorter steps
            new = correct(system, y, node.z, AtParameter(0, node.z[0]))
        _, row, row_z = self._beside(node)(new.problem, new.y, new.z)
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


def better(problem: Problem, y: np.ndarray, t: float = 0.0) -> tuple[Problem, np.ndarray] | None:
    """(problem, y) on cells that reach far enough and resolve y, or None where the present ones do both.

    `adapted` is asked again until it offers nothing: what it adds at the ends is one cell at a time.
    """
    here, extended, recut = problem, problem.extended, problem.recut
    if recut is not None and (moved := recut(t, y)) is not None:
        problem, y, _ = moved
        extended = problem.extended
    if extended is not None and (further := extended(t, y)) is not None:
        problem, y = further
    for _ in range(WALK.rounds):
        offered = problem.adapted(t, y)
        if offered is None:
            break
        problem, y = offered[0], offered[1]
    return None if problem is here else (problem, y)
