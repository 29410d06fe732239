"""What synchronous spikes do later: kicks that are heard after a delay, neurons that return after a dead time.

A spike of sizes D at the time T is N_j = ... + D_j delta(t - T). Through a delay d it moves neurons of i by b_ij D_j at
T + d, all at once, and who meets V_F then fires, see `firing.cascade`; after a dead time, D_j neurons enter at V_R at
once. All of it follows from the events that were.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evolution import breaking_points, same_time
from ..firing.after_cascade import set_down
from ..firing.cascade import cascade
from ..problem import NotConverged, Problem, State
from ..translation import law_of
from .after_blow_up import BlowUpEvent, moved
from .tuning import AFTER

_ARRIVAL = "arrival"


@dataclass(frozen=True)
class Arrival:
    """At `time` spikes of j move neurons of i by `shifts[i, j]`, and the fractions `returning` enter at V_R."""

    time: float
    shifts: np.ndarray
    returning: np.ndarray
    error: float


def next_arrival(problem: Problem, events: Sequence[Any]) -> Arrival | None:
    """The first that has not happened yet."""
    spikes = [event for event in events if isinstance(event, BlowUpEvent) and math.isfinite(event.size)]
    if not (problem.groups and problem.delays and spikes):
        return None
    happened = [event.time for event in spikes if event.name == _ARRIVAL]
    populations = law_of(problem.model).populations
    parts = []
    for event in spikes:
        more = counted_with(problem, event)[2]
        sizes = [size + more.get(f"N_{j}", 0.0) for j, size in enumerate(event.sizes)]
        for i, one in enumerate(populations):
            for j, size in enumerate(sizes):
                if one.delay(j) > 0 and one.kicks[j] and size > AFTER.nobody:
                    parts.append((event.time + one.delay(j), i, j, one.kicks[j] * size, event.error))
            if one.dead_time > 0 and sizes[i] > AFTER.nobody:
                parts.append((event.time + one.dead_time, i, None, sizes[i], event.error))
    parts = [part for part in parts if not any(same_time(part[0], t) for t in happened)]
    if not parts:
        return None
    time = min(part[0] for part in parts)
    shifts, returning, error = np.zeros((len(populations),) * 2), np.zeros(len(populations)), 0.0
    for when, i, j, amount, bar in parts:
        if same_time(when, time):
            error = max(error, bar)
            if j is None:
                returning[i] += amount
            else:
                shifts[i, j] += amount
    return Arrival(time, shifts, returning, error)


def counted_with(problem: Problem, event: BlowUpEvent) -> tuple[float, float, dict[str, float]]:
    """(from, to, {rate: spikes per neuron}) what was fired right before and after a spike and is heard with it."""
    if problem.history is None:
        return event.time, event.time, {}
    fires = {f"N_{j}" for j, size in enumerate(event.sizes) if size > AFTER.nobody}
    names, lags = zip(*problem.delays.values(), strict=True)
    return problem.history.take(
        event.time, sorted(fires.intersection(names)), AFTER.heard_with, AFTER.apart * min(lags)
    )


def arrived(
    problem: Problem, y: np.ndarray, now: Arrival, order: str | None
) -> tuple[BlowUpEvent, Any, np.ndarray | None]:
    """(event, problem, y right after); y is None if the spike it sets off never ends. NotConverged as for `cascade`."""
    t = now.time
    spike = cascade(problem, t, y, order, now.shifts)
    if (both := (now.returning > 0) & (np.maximum(abs(spike.shifts), spike.reached) > AFTER.nobody)).any():
        i = int(np.argmax(both))
        raise NotConverged(
            f"at t = {t:.10g} neurons of population {i} return from a dead time at the instant at which spikes move "
            "it: whether these move them, too, the equations do not say"
        )
    event, problem, y = moved(problem, t, y, spike, _ARRIVAL, now.error)
    if y is None or not now.returning.any():
        return event, problem, y
    problem, y = set_down(problem, y, now.returning)
    return dataclasses.replace(event, state=State(problem, t, y)), problem, y


def breaking(
    problem: Problem, events: Sequence[Any], coming: Arrival | None, known: Sequence[float], t_end: float
) -> list[float]:
    """`known` times on which steps land, and those at which what began with an event comes back through delays.

    Times that differ by rounding are one, that of the event or arrival there is.
    """
    spikes = [event for event in events if isinstance(event, BlowUpEvent)]
    lags = [delay for _, delay in problem.delays.values()]
    if not lags or not spikes:
        return [*known]
    found = [event.time for event in spikes] + ([] if coming is None else [coming.time])
    starts = {t for event in spikes for t in (event.time, *counted_with(problem, event)[:2])}
    for t in (*known, *(t for start in starts for t in breaking_points(start, t_end, lags))):
        if not any(same_time(t, other) for other in found):
            found.append(t)
    return sorted(found)
