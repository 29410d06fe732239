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
from .tuning import MANY

Meshes = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Cells as long as rates are moderate and from then on, of the runs and of their companions."""


def meshes_of(work: Any, cells: np.ndarray, tried: list[int]) -> Meshes | None:
    """Such as serve points like those that are tried; `cells` are the first. None where companions have none."""
    looser = work.looser()
    coarse = looser.common_mesh()[0]
    try:
        return None if coarse is None else (work.layered(cells, tried), looser.layered(coarse, tried))
    except ValueError:
        return None


class BlowUps:
    """Runs of points and of their companions."""

    def __init__(self, work: Any, meshes: Meshes) -> None:
        self.work, both = work, (work, work.looser())
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

    def climbed(self, point: int, times: np.ndarray) -> tuple[np.ndarray, int, BlowUp | None]:
        """(scalars at the times, NaN beyond the end, why the core came back, the blow-up if it is one for certain)."""
        ladder, watch = self.ladder, BlowUpWatch(self.ladder.N_max)
        scalars = np.full((len(times), len(ladder.low.problem.scalar_names)), np.nan)
        scalars[0], p, last = ladder.first[point], self._low.progress(times), self._low
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
