"""Blow-ups of many points on common meshes: one as long as rates are moderate, then one with layers at V_F.

The error of each is that of `evolve`: what N does last, and the difference to a companion, for which there are two
coarser common meshes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ..algebra import compiled
from ..assembly.many_points import Family, OnePoint
from ..evolution import outcome_of
from ..evolution.blow_up import BlowUpWatch
from ..evolution.lean import Lean
from ..problem import BlowUp, State
from .blow_up_error import shares
from .tuning import BARS, MANY

Meshes = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Cells as long as rates are moderate and from then on, of the runs and of their companions."""


def meshes_of(work: Any, tried: list[int]) -> Meshes | None:
    """Such as serve points like those that are tried. None where there are none for them or their companions."""
    both = dataclasses.replace(work, finer=MANY.closer), _looser(work)
    found = [one.common_mesh()[0] for one in both]
    if any(cells is None for cells in found):
        return None
    try:
        return tuple(one.layered(cells, tried) for one, cells in zip(both, found, strict=True))
    except ValueError:
        return None


def part_of_tolerance(times: np.ndarray, end: float, tol: float) -> float:
    """Of the tolerance of steps, for a rate that blows up at `end` to be known at these times as exactly as asked.

    N of a time that is wrong by e is wrong by e N'/N, which is e / (2 (end - t)) and more there.
    """
    before = times[1:][times[1:] < end]
    if not len(before):
        return 1.0
    part = (end - before[-1]) / (MANY.last * (end - times[0]))
    return float(min(1.0, max(part, MANY.finest / tol)))


def _looser(work: Any) -> Any:
    """For companions, which measure errors."""
    return dataclasses.replace(work, tol=min(BARS.coarser * work.tol, 1e-2))


class BlowUps:
    """Runs of points and of their companions."""

    def __init__(self, work: Any, meshes: Meshes) -> None:
        self.work, both = work, (work, _looser(work))
        self._ladders = [_Ladder(one, *cells) for one, cells in zip(both, meshes, strict=True)]

    def follower(self) -> Callable[[int], tuple | None]:
        """With memory of its own, for one thread: point -> (scalars, outcome, message, time, error), None where the
        common meshes do not serve."""
        here, there = (_Climber(ladder) for ladder in self._ladders)
        work, problem = self.work, here.ladder.low.problem
        start = float(work.times[0])

        def follow(point: int) -> tuple | None:
            scalars, code, found = here.climbed(point, work.times)
            if code == compiled.LANDED:
                return (scalars,)
            if found is None:
                return None
            if (part := part_of_tolerance(work.times, found.time, work.tol)) < 1:
                scalars = here.climbed(point, work.times, part)[0]
            _, _, other = there.climbed(point, np.array([start, start + 2 * (found.time - start)]))
            if other is None:
                return None
            values = {name: float(column[point]) for name, column in work.given.table.items()}
            steps, share = shares(problem.at(**values))
            error = found.error - (1 - steps) * found.steps + share * abs(other.time - found.time)
            outcome = outcome_of(dataclasses.replace(found, error=error))
            return scalars, outcome.name, outcome.message, found.time, error

        return follow


class _Ladder:
    """Both common meshes for one tolerance, and the start on the first."""

    def __init__(self, work: Any, cells: np.ndarray, layers: np.ndarray) -> None:
        self.low = work.family(cells)
        self.tol, self.N_max, self.y, self.first = work.tol, work.N_max, work.y, work.first
        self.high = Family(self.low.problem.on_cells(layers), work.given)


class _Climber:
    """Memory for runs of one point after the other."""

    def __init__(self, ladder: _Ladder) -> None:
        self.ladder, names = ladder, ladder.low.problem.scalar_names
        rate = names.index("N") if "N" in names else 0
        self._systems = OnePoint(ladder.low), OnePoint(ladder.high)
        self._low, self._high = (
            Lean(family.problem.size, len(names), ladder.tol, 0.0, N_max, rate)
            for family, N_max in ((ladder.low, MANY.rising), (ladder.high, ladder.N_max))
        )

    def climbed(self, point: int, times: np.ndarray, part: float = 1.0) -> tuple[np.ndarray, int, BlowUp | None]:
        """(scalars at the times, NaN beyond the end, why the core came back, the blow-up if it is one for certain).

        part: of the tolerance, for steps.
        """
        ladder, watch = self.ladder, BlowUpWatch(self.ladder.N_max)
        scalars = np.full((len(times), len(ladder.low.problem.scalar_names)), np.nan)
        scalars[0], p, last = ladder.first[point], self._low.progress(times, part), self._low
        k = last.follow(self._systems[0].at(point), ladder.y, times, scalars, p, 1, watch)
        if last.code == compiled.RISING:
            y = ladder.high.problem.received(State(ladder.low.problem, p.t, last.y))
            last = self._high
            last.follow(self._systems[1].at(point), y, times, scalars, p, k, watch)
        if last is self._low or last.code not in (compiled.RISING, compiled.STUCK) or not watch.lawful:
            return scalars, last.code, None
        N, beyond = watch.rates[-1], last.code == compiled.RISING
        why = f"at t = {p.t:.10g} exceeds {ladder.N_max:.4g} and rises."
        why = why if beyond else "rises to its pole until rounding lets no step succeed."
        return scalars, last.code, watch.estimate(p.t, N, f"N = {N:.4g} {why}")
