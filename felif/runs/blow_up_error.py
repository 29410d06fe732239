"""What is said about a blow-up: whether it can be one, what made it, and the error of its time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from ..assembly import discretize, initial
from ..evolution import Rodas5P, Segment, Trajectory
from ..problem import BlowUp, Outcome, Problem
from .after_blow_up import BlowUpEvent
from .fixed_steps import integrated
from .settings import Settings
from .tuning import BARS

# what counts of `BlowUp.steps` and of the difference to the companion run, measured: see theory.md, 9
_GROWING_NOISE, _CONSTANT_NOISE, _ON_OTHER_MESH = (1.0, 1.0), (1e-3, 0.7), 1.2


def possible(trajectory: Trajectory) -> BlowUp | None:
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


def mechanism_of(last: Segment, found: BlowUp, settings: Settings) -> str:
    """What made the rate infinite; "step_underflow" where nothing says it is: a small rate, a margin far from 0."""
    problem = last.problem
    if found.mechanism == "jump":
        return "jump"
    if (
        found.N < 1e-2 * min(settings.N_max, BARS.large)
        and problem.margin(float(last.times[-1]), last.states[-1]) > 0.1
    ):
        return "step_underflow"
    return "noise" if problem.feedback is not None and problem.feedback[1] > 0 else "drift"


def with_mesh_error(
    segments: Sequence[Segment], events: Sequence[Any], found: BlowUp, settings: Settings, data: Any = None
) -> BlowUp:
    """The blow-up with the difference to a companion run in its error.

    The companion has a coarser mesh and looser steps; for a mesh chosen by the user it starts from `data`, as they were
    given, on a mesh made from a tolerance, since no coarsening tells what V_min cuts off. So it does on a coarser mesh
    where data do not vanish at V_F: what the first cells make of them there decides about the layer that is left.

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
    as_given = data is not None and not spikes and (sharper is not None or settings.singular)
    if sharper is not None or as_given:
        share = _ON_OTHER_MESH
    elif problem.tol is None:
        steps, share = 1.0, 1.0
    own = found.error - (1 - steps) * found.steps
    found = dataclasses.replace(found, mechanism=mechanism_of(segments[-1], found, settings), error=own + error)
    if not found.time > t_start or as_data is None:
        return found
    data = data if as_given else as_data
    looser = settings.but(rtol=min(BARS.coarser * settings.rtol, 1e-2), after_blow_up=None)
    if sharper is not None:
        looser = looser.but(rtol=sharper.tol, fixed_step=None, first_step=None, scheme=Rodas5P())
    try:
        on_mesh, y, _ = initial(problem.coarser(BARS.coarser) if sharper is None else sharper, data)
    except ValueError:  # the coarser mesh cannot hold the data at all
        companion = None
    else:
        until = t_start + 2 * (found.time - t_start)
        how = {"events": (), "observers": (), "spikes": [event.time for event in spikes]}
        companion = possible(integrated(on_mesh, y, t_start, until, looser, None, **how))
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
        own = discretize(problem.model, tol=min(max(rtol / BARS.sharper, 1e-10), BARS.loosest))
    except ValueError:
        return None
    return own.with_history(problem.history)
