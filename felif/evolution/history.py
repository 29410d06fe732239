"""The past of the scalars of a delayed problem: what was given before the start, and the run itself afterwards."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np

from ..algebra import composite
from ..given.differences import bent
from ..given.inputs import input_value
from ..given.portable import require_portable
from ..given.types import Past
from ..problem import Infeasible
from .rows import Rows
from .stepper import Window
from .trajectory import Trajectory
from .tuning import HISTORY

NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(7) / 6)  # of a step: the interpolant is of higher order than dense output
_WEIGHTS = np.array([0.5, -1.0, 1.0, -1.0, 1.0, -1.0, 0.5])  # barycentric
_INTEGRALS = np.linalg.solve(np.vander(NODES, increasing=True).T, 1 / np.arange(1, 8))  # of the interpolant


class History:
    """history(name, t): the scalar `name` at a time that is over.

    `before`: the value before the start: a number, a function of t, or a mapping of names to those; ValueError for a
    negative value of those in `rates`, the firing rates. `slopes`: {name: other}, what is the derivative of another. As
    an observer of `integrate` it samples the scalars of each step at seven points: computing N(t) from the state at t
    would need N(t - d), for which N(t - 2d) is needed, and so on back to the start.
    """

    def __init__(
        self, before: Past, t_start: float, rates: Sequence[str] = (), slopes: Mapping[str, str] | None = None
    ) -> None:
        self.before, self.t_start, self._rates, self.slopes = before, t_start, frozenset(rates), {**(slopes or {})}
        self._names: tuple[str, ...] = ()
        self._times, self._values = Rows(), Rows(0, len(NODES))  # of steps: their ends, and of each scalar the values
        self._times.append(t_start)
        self._gaps: dict[int, float] = {}  # steps that begin later than the one before ends, behind synchronous spikes
        self._taken: dict[float, tuple] = {}  # spike: since and until when 0 is heard of which scalars
        self._followed: tuple[Trajectory | None, int, int] = (None, 0, 0)

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: what is known, without the run it is known from."""
        require_portable("A history", before=self.before)
        return {**vars(self), "_followed": (None, 0, 0)}

    def before_start(self, name: str, span: float) -> float:
        """Integral of what was given, over the time `span` before the start."""
        edges = self.t_start - span * np.linspace(1.0, 0.0, HISTORY.panels + 1)
        points, weights = composite(edges, 10)
        return float(weights.ravel() @ [self(name, t) for t in points.ravel().tolist()])

    def __call__(self, name: str, t: float) -> float:
        if t <= self.t_start:
            if name in self.slopes:
                of = self.slopes[name]
                return -float(bent(lambda before: self(of, t - before), HISTORY.slope, HISTORY.kink))
            before = self.before.get(name, 0.0) if isinstance(self.before, Mapping) else self.before
            value = input_value(f"history of {name}", before, t) if callable(before) else float(before)
            if value < 0 and name in self._rates:
                raise ValueError(f"history of {name}({t!r}) = {value!r}; allowed are rates >= 0")
            return value
        if any(low < t < high and name in names for low, high, names in self._taken.values()):
            return 0.0
        times = self._times.array
        if t > times[-1] + 8 * np.spacing(abs(times[-1])):  # a delay later than a step is rounded
            raise Infeasible(f"{name} at t = {t!r} is not known yet")
        step = min(int(np.searchsorted(times, t, side="right")), len(times) - 1) - 1
        start, number = self._gaps.get(step, times[step]), self._names.index(name)
        if t < start:  # what is fired from there on is counted in the spike
            return float(self._values.array[step - 1, number, -1]) if step else self(name, self.t_start)
        distance = (t - start) / (times[step + 1] - start) - NODES
        values = self._values.array[step, number]
        if not distance.all():
            return float(values[int(np.argmin(np.abs(distance)))])
        weights = _WEIGHTS / distance
        return float(weights @ values / weights.sum())

    def take(
        self, t: float, names: Sequence[str], most: float, longest: float
    ) -> tuple[float, float, dict[str, float]]:
        """(start, end, {name: its integral}) of the steps next to t, on each side of integrals at most `most`.

        From then on 0 is heard of them: what grows and falls like |T - t|^(-1/2) at a spike would otherwise have to be
        followed again, behind the delay, as finely as the clock allows.
        """
        times, columns = self._times.array, [self._names.index(name) for name in names if name in self._names]
        last = int(np.searchsorted(times, t, side="right")) - 1  # it ends at t, or before where there is a gap
        ends, totals = [t, t], np.zeros((2, len(columns)))
        for side, steps in enumerate((range(last - 1, -1, -1), range(last, len(times) - 1))):
            for step in steps:
                begin, end = float(self._gaps.get(step, times[step])), float(times[step + 1])
                total = totals[side] + (end - begin) * (self._values.array[step][columns] @ _INTEGRALS)
                far = end if side else begin
                if (total > most).any() or abs(far - t) > longest:
                    break
                totals[side], ends[side] = total, far
                if not side and step in self._gaps:  # behind an earlier spike
                    break
        found = dict(zip([self._names[k] for k in columns], totals.sum(axis=0).tolist(), strict=True))
        self._taken[t] = *ends, tuple(found)
        return *ends, found

    def copy(self, rates: Sequence[str]) -> History:
        """The same past, to go on with; `rates` as in the constructor."""
        other = History(self.before, self.t_start, rates, self.slopes)
        other.restore(self._names, self._times.array[1:], self._values.array, self._gaps)
        other._taken = {**self._taken}
        return other

    @property
    def interrupted(self) -> bool:
        """Whether there was a synchronous spike: steps that do not follow one another, or of which 0 is heard."""
        return bool(self._gaps or self._taken)

    @property
    def count(self) -> int:
        """Steps that are known."""
        return len(self._values)

    def values(self, first: int) -> np.ndarray:
        """What is known of the steps from number `first` on, (steps, scalars, nodes)."""
        return self._values.array[first:].copy()

    def restore(
        self, names: tuple[str, ...], ends: np.ndarray, values: np.ndarray, gaps: Mapping[int, float] | None = None
    ) -> None:
        """Know steps that end at `ends`, by their `values`; gaps: where steps do not begin at the end before."""
        self._gaps = {**(gaps or {})}
        self._scalars(names)
        self._times.extend(ends)
        self._values.extend(values)

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

    follow.each_step = False  # it may be called after several steps at once

    def _add(self, segment: Any, j: int) -> None:
        start, end = float(segment.times[j]), float(segment.times[j + 1])
        problem, rows, inside = segment.problem, [], Window.between(start, end)  # inputs may jump at the ends
        for node in NODES:
            t = start + node * (end - start)
            rows.append(problem.scalars(inside.inside(t), segment.evaluate(t)))
        self._scalars(problem.scalar_names)
        if start > self._times.array[-1]:
            self._gaps[self.count] = start
        self._values.append(np.array(rows).T)
        self._times.append(end)

    def _scalars(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            self._names, self._values = names, Rows(len(names), len(NODES))

    def room(self, names: tuple[str, ...], count: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Memory for ends and values of `count` more steps, behind those that are known, and how many that are."""
        self._scalars(names)
        return self._times.reserve(count), self._values.reserve(count), len(self._values)

    def took(self, trajectory: Trajectory, count: int) -> None:
        """`count` steps, of the last segment and about to be in it, were written in the memory of `room`."""
        self._times.filled(count)
        self._values.filled(count)
        last = len(trajectory.segments) - 1
        self._followed = trajectory, last, len(trajectory.segments[last].dense) + count


def same_time(t: float, other: float) -> bool:
    """Whether two times differ by rounding only."""
    return abs(t - other) <= HISTORY.same * (1 + abs(t))


def breaking_points(t_start: float, t_end: float, delays: list[float], jumps: Sequence[float] = ()) -> list[float]:
    """`jumps` of inputs, and when they and the jump between the given past and the run come back through the delays.

    Sums of delays count up to six of them, fewer where these are many; a jump of an input comes back once: the rate
    itself does not jump there. Times that differ by rounding are one.
    """
    different = sorted(set(delays))
    few = [k for k in range(2, HISTORY.breaking_points + 1) if comb(len(different) + k, k) <= HISTORY.sums]
    ways = (way for k in range(1, max([1, *few]) + 1) for way in combinations_with_replacement(different, k))
    sums = [sum(count * d for d, count in Counter(way).items()) for way in ways]
    later = [t_start + s for s in sums] + [t + d for t in jumps for d in different]
    found = sorted(map(float, jumps))
    for t in sorted({float(t) for t in later if t_start < t < t_end}):
        place = bisect_right(found, t)
        if not any(same_time(t, other) for other in found[max(place - 1, 0) : place + 1]):
            found.insert(place, t)
    return found
