"""Between `evolve` and the integrator: synchronous spikes on the way, and the Run at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..assembly import tails
from ..evolution import Trajectory, outcome_of, same_time
from ..given.inputs import FAST, landings, require_recorded
from ..given.warning import warn
from ..problem import BlowUp, Infeasible, NotConverged, Outcome, Problem
from .after_blow_up import BlowUpEvent, through
from .arrivals import arrived, breaking, next_arrival
from .blow_up_error import mechanism_of, possible, with_mesh_error
from .fixed_steps import integrated
from .run import Run
from .settings import Settings
from .tuning import AFTER

_GENTLER = "Data with b n(V_F) < 1 and a1 |n_v(V_F)| < 1 have a rate: try boundary_layer in Gaussian or Uniform."


def integrate_through(problem: Problem, y: Any, settings: Settings, *, t_end: float, **how: Any) -> Trajectory:
    return _close(how["observers"], _through_events(problem, y, settings, t_end, **how))


def _through_events(
    problem: Problem,
    y: Any,
    settings: Settings,
    t_end: float,
    impossible: str | None = None,
    earlier: Trajectory | None = None,
    **how: Any,
) -> Trajectory:
    """One integration, or several with synchronous spikes between them.

    impossible: why the first spike is at the start; earlier: what a resumed run goes on from.
    """
    going_on, t, onto = settings.after_blow_up, settings.t_start, None
    segments, before = ([], []) if earlier is None else (earlier.segments, earlier.events)
    coming, known, N_max = next_arrival(problem, before), settings.breakpoints, settings.N_max
    reached = t if (checkpoint := how.get("checkpoint")) is None else checkpoint.t
    while True:
        at_once = impossible if onto is None else None
        until = t if at_once else t_end if coming is None else min(t_end, max(coming.time, reached))
        past = [*before, *([] if onto is None else onto.events)]
        spikes = [event.time for event in past if isinstance(event, BlowUpEvent)]
        trajectory = integrated(problem, y, t, until, settings, onto, spikes=spikes, **how)
        if at_once:
            trajectory.blow_up = BlowUp(t, 0.0, math.inf, at_once)
            trajectory.outcome = outcome_of(trajectory.blow_up)
        found, last = possible(trajectory), trajectory.segments[-1]
        late = coming if found is None and trajectory.outcome.name == "finished" and until < t_end else None
        if not going_on or late is None and (found is None or mechanism_of(last, found, settings) == "step_underflow"):
            return trajectory
        spikes = sum(isinstance(event, BlowUpEvent) for event in (*before, *trajectory.events))
        if spikes >= going_on.max_events and late is not None:
            message = f"Spikes arrive at t = {until:.10g}, after {spikes} events, the most allowed."
            trajectory.outcome = Outcome("max_events", message)
        if spikes >= going_on.max_events or late is None and found.time >= t_end:
            return trajectory
        try:
            if late is not None:
                late = next_arrival(problem, [*before, *trajectory.events])  # what was fired since counts
                event, problem, y = arrived(last.problem, last.states[-1], late, going_on.order)
            else:
                parts = [*segments, *trajectory.segments]
                found = with_mesh_error(parts, [*before, *trajectory.events], found, settings)
                event, problem, y = through(last.problem, last.states[-1], found, settings.rtol, going_on.order)
        except NotConverged as reason:
            what = f"Blow-up at t = {found.time:.10g}" if late is None else f"Spikes arrive at t = {late.time:.10g}"
            trajectory.outcome = Outcome("unresolved", f"{what}, but {reason}")
            return trajectory
        if coming is not None and event.size == 0.0 and not late and settings.N_max < AFTER.largest:
            # nobody fires by himself: rates rise with what is heard late of the run-up to an earlier spike
            t, onto, how, y = float(last.times[-1]), trajectory, {**how, "checkpoint": None}, last.states[-1]
            settings = settings.but(N_max=AFTER.more * settings.N_max)
            continue
        trajectory.events.append(event)
        if y is None:
            message = f"The synchronous spike at t = {event.time:.10g} never ends: all neurons fire again and again."
            trajectory.outcome = Outcome("eternal_blow_up", message)
            return trajectory
        if event.size == 0.0 and not (at_once or late):  # at the start: too small for the mesh, which has a rate then
            return trajectory
        t, onto, how = event.time, trajectory, {**how, "checkpoint": None}
        happened = [*before, *trajectory.events]
        reached, coming = t, next_arrival(problem, happened)
        breakpoints = tuple(breaking(problem, happened, coming, known, t_end))
        settings = settings.but(breakpoints=breakpoints, N_max=N_max)


def seen(
    problem: Problem, breakpoints: Sequence[float], start: float, end: float, samples: int = FAST.samples
) -> list[float]:
    """The breakpoints, and the times on which steps must land to see what functions of time do in between.

    A breakpoint that differs by rounding from a jump that is found there is that jump.
    """
    found: set[float] = set()
    for name, function in problem.driven.items():
        require_recorded(name, function, start, end)
        if not hasattr(function, "breakpoints"):
            found.update(landings(name, function, start, end, samples))
    return sorted(found.union(t for t in breakpoints if not any(same_time(t, other) for other in found)))


def _close(observers: Sequence[Any], trajectory: Trajectory) -> Trajectory:
    for observer in observers:
        close = getattr(observer, "close", None)
        if close is not None:
            close()
    return trajectory


def finished(trajectory: Trajectory, settings: Settings, wall_time: float, compatible: bool, data: Any = None) -> Run:
    blow_up = trajectory.blow_up
    warn_of_truncation(trajectory, settings.rtol)
    if blow_up is not None:
        blow_up = with_mesh_error(trajectory.segments, trajectory.events, blow_up, settings, data)
        if blow_up.time == settings.t_start and trajectory.outcome.name == "blow_up":
            blow_up = dataclasses.replace(blow_up, message=f"{blow_up.message} {_GENTLER}")
        if trajectory.outcome.name in ("blow_up", "jump"):
            trajectory.outcome = outcome_of(blow_up)
    return Run(trajectory, settings, wall_time, compatible, blow_up)


def warn_of_truncation(trajectory: Trajectory, rtol: float) -> None:
    """Warning where the last state of a run on a mesh of the user goes on beyond the ends of the mesh."""
    problem, y = trajectory.segments[-1].problem, trajectory.segments[-1].states[-1]
    if problem.tol is not None or problem.line_names:
        return
    try:
        if problem.beyond is not None:
            parts = problem.beyond(y)
        else:
            parts = tails.beyond(problem, float(trajectory.segments[-1].times[-1]), y)
    except Infeasible:
        return
    share = sum(abs(part) for ends in parts.values() for part in ends)
    if max(rtol, AFTER.cut) < share < np.inf:  # infinite where the rate is: at a blow-up nothing can be said
        warn(
            f"evolve: the mesh {_ends_of(problem)} cuts off "
            f"{100 * share / (1 + share):.2g} % of the density, more than rtol = {rtol:g}; run.error contains that",
        )


def _ends_of(problem: Problem) -> str:
    if problem.lines is None:
        return f"[{problem.cells[0]:g}, {problem.cells[-1]:g}]"
    return ", ".join(f"{name} in [{line.cells[0]:g}, {line.cells[-1]:g}]" for name, line in problem.lines.items())
