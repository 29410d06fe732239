"""The past of the scalars of a delayed problem: what was given before the start, and the run itself afterwards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..inputs import input_value
from ..problem import Infeasible
from .trajectory import Trajectory

Past = float | Callable[[float], float] | Mapping[str, Any]

_BREAKING_POINTS = 6  # multiples of a delay at which the solution is less smooth than the order of any scheme here
_NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(7) / 6)  # of a step: the interpolant is of higher order than dense output
_WEIGHTS = np.array([0.5, -1.0, 1.0, -1.0, 1.0, -1.0, 0.5])  # barycentric


class History:
    """history(name, t): the scalar `name` at a time that is over.

    `before`: the value before the start: a number, a function of t, or a mapping of names to those. As an observer
    of `integrate` it samples the scalars of each step at seven points: computing N(t) from the state at t would need
    N(t - d), for which N(t - 2d) is needed, and so on back to the start.
    """

    def __init__(self, before: Past, t_start: float) -> None:
        self.before, self._t_start = before, t_start
        self._times = [t_start]
        self._steps: list[dict[str, list[float]]] = []
        self._followed: tuple[Trajectory | None, int, int] = (None, 0, 0)

    def __call__(self, name: str, t: float) -> float:
        if t <= self._t_start:
            before = self.before.get(name, 0.0) if isinstance(self.before, Mapping) else self.before
            return input_value(f"history of {name}", before, t) if callable(before) else float(before)
        if t > self._times[-1]:
            raise Infeasible(f"{name} at t = {t!r} is not known yet")
        step = min(bisect_right(self._times, t) - 1, len(self._steps) - 1)
        distance = (t - self._times[step]) / (self._times[step + 1] - self._times[step]) - _NODES
        values = self._steps[step][name]
        if not distance.all():
            return values[int(np.argmin(np.abs(distance)))]
        weights = _WEIGHTS / distance
        return float(weights @ values / weights.sum())

    def follow(self, trajectory: Trajectory) -> None:
        """Take in the steps of a trajectory that are new since the last call, or all of one that continues it."""
        known, segment, step = self._followed
        if known is not trajectory:
            segment, step = 0, 0
        for number, part in enumerate(trajectory.segments[segment:], start=segment):
            first = step if number == segment else 0
            for j in range(first, len(part.dense)):
                self._add(part, j)
            self._followed = (trajectory, number, len(part.dense))

    def _add(self, segment: Any, j: int) -> None:
        start, end = float(segment.times[j]), float(segment.times[j + 1])
        problem, rows = segment.problem, []
        for node in _NODES:
            t = start + node * (end - start)
            rows.append(problem.scalars(t, segment.evaluate(t)))
        self._steps.append(dict(zip(problem.scalar_names, np.array(rows).T, strict=True)))
        self._times.append(end)


def breaking_points(t_start: float, t_end: float, delays: list[float]) -> list[float]:
    """Times at which the jump between the given past and the run comes back through the delays."""
    multiples = np.arange(1, _BREAKING_POINTS + 1)
    return sorted({float(t_start + k * d) for d in delays for k in multiples if t_start + k * d < t_end})
