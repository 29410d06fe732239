"""Between `evolve` and the integrator: synchronous spikes on the way, and what is said about a blow-up at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..assembly import discretize, initial, tails
from ..evolution import BackwardEuler, Rodas5P, Segment, Trajectory, integrate, outcome_of, same_time
from ..given.inputs import SAMPLES, landings, require_recorded
from ..given.warning import warn
from ..problem import BlowUp, Infeasible, NotConverged, Outcome, Problem
from .after_blow_up import BlowUpEvent, through
from .arrivals import arrived, breaking, next_arrival
from .run import Run
from .settings import SCHEMES, Settings

_GENTLER = "Data with b n(V_F) < 1 and a1 |n_v(V_F)| < 1 have a rate: try boundary_layer in Gaussian or Uniform."
# what counts of `BlowUp.steps` and of the difference to the companion run, measured: see theory.md, 9
_GROWING_NOISE, _CONSTANT_NOISE, _ON_OTHER_MESH = (1.0, 1.0), (1e-3, 0.7), 1.2
_CUT = 1e-6  # part of a density beyond the mesh that is warned of, at least
_LARGEST, _MORE = 1e12, 100.0  # N_max where rates rise by what is heard late, and how much it rises
_LARGE = 1e5  # a rate no network has for long
COARSER = 10.0  # how much looser the companion run is that measures the error of a blow-up time
_SHARPER = 3.0  # how much tighter its tolerance is where the user chose the mesh
_START, _START_RTOL = 32, 1e-8  # part of a run, and tolerance, that fixed steps begin with where N(0) is infinite
_LOOSEST = 1e-6  # its tolerance at most where the user chose the mesh, whatever that cuts off


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
        trajectory = _with_start_up(problem, y, t, until, settings, onto, **how)
        if at_once:
            trajectory.blow_up = BlowUp(t, 0.0, math.inf, at_once)
            trajectory.outcome = outcome_of(trajectory.blow_up)
        found, last = _possible(trajectory), trajectory.segments[-1]
        late = coming if found is None and trajectory.outcome.name == "finished" and until < t_end else None
        if not going_on or late is None and (found is None or _mechanism(last, found, settings) == "step_underflow"):
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
        if coming is not None and event.size == 0.0 and not late and settings.N_max < _LARGEST:
            # nobody fires by himself: rates rise with what is heard late of the run-up to an earlier spike
            t, onto, how, y = float(last.times[-1]), trajectory, {**how, "checkpoint": None}, last.states[-1]
            settings = settings.but(N_max=_MORE * settings.N_max)
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
    problem: Problem, breakpoints: Sequence[float], start: float, end: float, samples: int = SAMPLES
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


def _possible(trajectory: Trajectory) -> BlowUp | None:
    """The blow-up of a trajectory, if the equation can have one.

    Without excitation and without noise that grows with N the rate stays bounded (docs/blow_up.md): what looks like a
    blow-up then is a density that went negative in a layer thinner than the mesh, and is called that.
    """
    found, last = trajectory.blow_up, trajectory.segments[-1]
    if found is None or last.problem.feedback is None or max(last.problem.feedback) > 0:
        return found
    trajectory.blow_up = None
    trajectory.outcome = Outcome(
        "unresolved",
        f"The mesh does not resolve the density below V_F at t = {found.time:.10g}, "
        f"where min n = {last.states[-1].min():.3g}; "
        "the solution itself goes on, as activity does not excite. Data that do not vanish at V_F, or hardly, need a "
        f"boundary_layer of about {1e-2 / float(trajectory.segments[0].states[0].max()):.1g} in Gaussian or Uniform "
        "with cells of that size at V_F, a mesh chosen from tol, or a smaller tol.",
    )
    return None


def start_up(problem: Problem, settings: Settings, compatible: bool) -> float | None:
    """The time up to which a run of fixed steps controls the error: a 32nd of the run, in whole steps; None: never.

    Behind data that do not vanish at V_F the rate falls like t^(-1/2). A scheme whose first stage is explicit starts
    from a slope M^-1 F of the size of 1/(width of the last cell), and coupling makes of it a current that moves
    everyone: what is wrong then no later step mends. Backward Euler has no such stage, and order 1 all the same.
    """
    step, t, t_end = settings.fixed_step, settings.t_start, settings.t_end
    if not step or not step > 0 or compatible or isinstance(settings.scheme, BackwardEuler) or not problem.scalar_names:
        return None
    return t + step * max(1, math.ceil((t_end - t) / (_START * step) - 1e-9))


def _with_start_up(
    problem: Problem, y: Any, t: float, t_end: float, settings: Settings, onto: Any, **how: Any
) -> Trajectory:
    """`_once`; of a run of fixed steps from data that do not vanish at V_F with error control up to `start_up`."""
    until, checkpoint = settings.start_up, how.get("checkpoint")
    if until is None or settings.fixed_step is None or (t if checkpoint is None else checkpoint.t) >= until:
        return _once(problem, y, t, t_end, settings, onto, **how)
    scheme, rtol = SCHEMES[problem.default_scheme](), min(settings.rtol, _START_RTOL)
    controlled = settings.but(fixed_step=None, rtol=rtol, scheme=scheme)
    begun = _once(problem, y, t, min(until, t_end), controlled, onto, **how)
    if begun.outcome.name != "finished" or not begun.t == until < t_end:
        return begun
    last = begun.segments[-1]
    return _once(last.problem, last.states[-1], until, t_end, settings, begun, **{**how, "checkpoint": None})


def _once(problem: Problem, y: Any, t: float, t_end: float, settings: Settings, onto: Any, **how: Any) -> Trajectory:
    return integrate(
        problem,
        y,
        t,
        t_end,
        rtol=settings.rtol,
        atol=settings.atol,
        breakpoints=list(settings.breakpoints),
        fixed_step=settings.fixed_step,
        first_step=settings.first_step,
        max_step=settings.max_step,
        max_steps=settings.max_steps,
        N_max=settings.N_max,
        onto=onto,
        core=settings.core,
        scheme=settings.scheme,
        **how,
    )


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


def _mechanism(last: Segment, found: BlowUp, settings: Settings) -> str:
    """What made the rate infinite; "step_underflow" where nothing says it is: a small rate, a margin far from 0."""
    problem = last.problem
    if found.mechanism == "jump":
        return "jump"
    if found.N < 1e-2 * min(settings.N_max, _LARGE) and problem.margin(float(last.times[-1]), last.states[-1]) > 0.1:
        return "step_underflow"
    return "noise" if problem.feedback is not None and problem.feedback[1] > 0 else "drift"


def with_mesh_error(
    segments: Sequence[Segment], events: Sequence[Any], found: BlowUp, settings: Settings, data: Any = None
) -> BlowUp:
    """The blow-up with the difference to a companion run in its error.

    The companion has a coarser mesh and looser steps; for a mesh chosen by the user it starts from `data`, as they were
    given, on a mesh made from a tolerance, since no coarsening tells what V_min cuts off.

    segments, events: of the whole run. The companion starts after the last synchronous spike, whose error is added: a
    blow-up is as late as those before it.
    """
    spikes = [event for event in events if isinstance(event, BlowUpEvent) and event.time < found.time]
    first, error = segments[0], 0.0
    if spikes:
        first, error = next(s for s in segments if s.times[0] >= spikes[-1].time), spikes[-1].error
    t_start, problem, y = float(first.times[0]), first.problem, first.states[0]
    as_data = problem.as_data(y)
    sharper = None if as_data is None or problem.tol is not None else _on_a_mesh_of_its_own(problem, settings.rtol)
    steps, share = shares(problem)
    if sharper is not None:
        share = _ON_OTHER_MESH
    elif problem.tol is None:
        steps, share = 1.0, 1.0
    own = found.error - (1 - steps) * found.steps
    found = dataclasses.replace(found, mechanism=_mechanism(segments[-1], found, settings), error=own + error)
    if not found.time > t_start or as_data is None:
        return found
    if sharper is None or data is None or spikes:
        data = as_data
    looser = settings.but(rtol=min(COARSER * settings.rtol, 1e-2), after_blow_up=None)
    if sharper is not None:
        looser = looser.but(rtol=sharper.tol, fixed_step=None, first_step=None, scheme=Rodas5P())
    try:
        on_mesh, y, _ = initial(problem.coarser(COARSER) if sharper is None else sharper, data)
    except ValueError:  # the coarser mesh cannot hold the data at all
        companion = None
    else:
        until = t_start + 2 * (found.time - t_start)
        how = {"events": (), "observers": (), "checkpoint": None}
        companion = _possible(_with_start_up(on_mesh, y, t_start, until, looser, None, **how))
    if companion is None:
        which = "coarser mesh" if sharper is None else "mesh made from a tolerance"
        message = f"{found.message} A companion run on a {which} does not blow up: the mesh does not resolve this."
        # a mesh made from a tolerance is believed: the blow-up is later than twice that, or there is none
        wrong = found.time - t_start if sharper is None else math.inf
        return dataclasses.replace(found, error=error + wrong, message=message)
    unseen = 0.0 if sharper is None else companion.error - (1 - steps) * companion.steps
    return dataclasses.replace(found, error=found.error + share * abs(companion.time - found.time) + unseen)


def shares(problem: Problem) -> tuple[float, float]:
    """Of the estimate of what steps do to a blow-up time, and of its difference to a companion's, in its error."""
    if problem.feedback is None:
        return 1.0, 1.0
    return _CONSTANT_NOISE if problem.feedback[1] == 0 else _GROWING_NOISE


def _on_a_mesh_of_its_own(problem: Problem, rtol: float) -> Any:
    """The model on a mesh made from a tolerance, with the past of a problem; None where no V_min can be chosen."""
    try:
        own = discretize(problem.model, tol=min(max(rtol / _SHARPER, 1e-10), _LOOSEST))
    except ValueError:
        return None
    return own.with_history(problem.history)


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
    if max(rtol, _CUT) < share < np.inf:  # infinite where the rate is: at a blow-up nothing can be said
        warn(
            f"evolve: the mesh {_ends_of(problem)} cuts off "
            f"{100 * share / (1 + share):.2g} % of the density, more than rtol = {rtol:g}; run.error contains that",
        )


def _ends_of(problem: Problem) -> str:
    if problem.lines is None:
        return f"[{problem.cells[0]:g}, {problem.cells[-1]:g}]"
    return ", ".join(f"{name} in [{line.cells[0]:g}, {line.cells[-1]:g}]" for name, line in problem.lines.items())
