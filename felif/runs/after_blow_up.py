"""Going on after a blow-up: the physical (generalised) solution N -> size x delta(t - T).

A fraction of the neurons fires at one instant; the state right after follows from the state right before by
delivering the spikes, kick by kick, until none is left (see `firing.synchronous` and `firing.dilated`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..assembly import initial
from ..assembly.splitting import transfer
from ..firing.after_cascade import after_cascade, emptied, roomy
from ..firing.cascade import ORDERS, Cascade, cascade, kick_matrices, unfollowed_cascade
from ..firing.dilated import COUNT, depth_of, further_down, short_below
from ..firing.followed import unfollowed
from ..firing.layers import boundary_layers, returns, runaway
from ..firing.synchronous import ShiftedDensity, synchronous_spike
from ..given.arguments import choice, number, optional, required, whole
from ..problem import BlowUp, Infeasible, NotConverged, Problem, State, require_one_axis
from .noisy_cascade import queue_followed, through_noise
from .tuning import AFTER


@dataclass(frozen=True)
class Continue:
    """For `evolve(..., after_blow_up=Continue())`: carry the solution through synchronous spikes.

    Parameters
    ----------
    N_max : float
        Firing rate at which a spike is taken to begin; what is fired on the way from there is extrapolated, with an
        error of about 1/N_max in the size of the spike (the state's own error is of order 1/N_max^2).
    max_events : int
        Stop after so many.
    order : {"excitation_first", "buffered"}, optional
        In which order the spikes of an event arrive, where a population that fires inhibits another that fires. With
        "excitation_first" all kicks upwards come before any downwards, and the event is as large as it can be. With
        "buffered" every spike that waits is as likely to be the next, as if each arrived after a vanishing time of its
        own. By default an event for which the order matters ends the run with the outcome "unresolved", which names
        the sizes in both orders.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Sources: Delarue, Inglis, Rubenthaler & Tanre, Stochastic Process. Appl. 125 (2015), the physical solution;
    Papadopoulos & Taillefumier, Physical blowups via buffered time change in a mean-field neural network,
    arXiv:2508.15961, buffers.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=1.5), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(1.8, 0.003), t_end=0.02, rtol=1e-3, after_blow_up=fl.Continue())
    >>> run.outcome.name, run.events[0].kind
    ('eternal_blow_up', 'transport')
    """

    N_max: float = 1e7
    max_events: int = 100
    order: str | None = None

    def __post_init__(self) -> None:
        required("Continue", "N_max", self.N_max, number(least=1e4))
        required("Continue", "max_events", self.max_events, whole(1))
        required("Continue", "order", self.order, optional(choice(*ORDERS)))


@dataclass(frozen=True)
class BlowUpEvent:
    """A synchronous spike: when, the fraction of neurons in it, its kind, and the state right after.

    name   "blow_up"; "arrival" where spikes of an earlier one are heard after a delay, or its neurons return after a
           dead time
    size   spikes per neuron fired at the instant `time` (rho, Delta); inf for an eternal blow-up. Of several
           populations the mean; `sizes` has one for each of them
    kind   "transport" (constant noise), "diffusion" (noise that grows with N)
    error  estimate of the error of `time`
    """

    name: str
    time: float
    size: float
    kind: str
    state: State | None
    error: float
    sizes: tuple[float, ...] = ()


def require_followed(problem: Problem) -> None:
    """ValueError, naming the term, for a problem whose spikes cannot be followed as its terms say."""
    require_one_axis(problem, "after_blow_up")
    kind = type(problem.model).__name__
    if problem.groups:
        if (reason := unfollowed_cascade(problem)) is not None:
            raise ValueError(f"after_blow_up: {kind}: {reason}")
        return
    if len(problem.field_names) > 1 or problem.delays:
        raise ValueError(
            f"after_blow_up: {kind} has several populations, delays or a dead time; "
            "allowed are one population without delay or dead time, and Populations, "
            "which ExcitatoryInhibitoryLIF.populations() is"
        )
    if (reason := unfollowed(problem)) is not None:
        raise ValueError(f"after_blow_up: {kind}: {reason}")


def through(
    problem: Problem, y: np.ndarray, found: BlowUp, rtol: float, order: str | None
) -> tuple[BlowUpEvent, Any, np.ndarray | None]:
    """(event, problem, y right after) of the synchronous spike that begins at state y; y is None if it never ends.

    NotConverged for a spike whose end is not found.
    """
    if problem.groups:
        if kick_matrices(problem)[1].any():
            on_mesh, after, sizes = through_noise(problem, found.time, y, rtol, order)
            return told(on_mesh, found.time, after, sizes, "blow_up", "diffusion", found.error), on_mesh, after
        spike = cascade(problem, found.time, y, order)
        return moved(problem, found.time, y, spike, "blow_up", found.error)
    kick, noise = runaway(problem)
    kind = "diffusion" if noise > 0 else "transport"
    if noise > 0:
        kicks, on_mesh, after = _by_diffusion(problem, y, rtol)
    else:
        kicks, on_mesh, after = _by_transport(problem, y, kick)
    if after is None:
        return BlowUpEvent("blow_up", found.time, math.inf, kind, None, found.error), problem, None
    state = State(on_mesh, found.time, after)
    return (
        BlowUpEvent("blow_up", found.time, max(kicks - found.remaining, 0.0), kind, state, found.error),
        on_mesh,
        after,
    )


def moved(
    problem: Problem, t: float, y: np.ndarray, spike: Cascade, name: str, error: float
) -> tuple[BlowUpEvent, Any, np.ndarray | None]:
    """(event, problem, y right after) of what a spike of several populations does to a state."""
    if not np.isfinite(spike.sizes).all():
        return told(problem, t, None, spike.sizes, name, "transport", error), problem, None
    on_mesh, after = problem, y
    if spike.sizes.any() or spike.shifts.any():
        room = roomy(problem.rebuilt(), problem.field(problem.field_names[0], y), spike.shifts, problem)
        data, nobody = after_cascade(problem, y, spike)
        on_mesh, after, _ = initial(room, data)
        on_mesh, after = on_mesh.with_history(problem.history), emptied(on_mesh, after, nobody)
    return told(on_mesh, t, after, spike.sizes, name, "transport", error), on_mesh, after


def told(
    problem: Problem, t: float, y: np.ndarray | None, sizes: np.ndarray, name: str, kind: str, error: float
) -> BlowUpEvent:
    """The event of several populations."""
    state = None if y is None else State(problem, t, y)
    return BlowUpEvent(name, t, float(sizes.mean()), kind, state, error, tuple(sizes.tolist()))


def _by_transport(problem: Problem, y: np.ndarray, kick: float) -> tuple[float, Any, np.ndarray | None]:
    (field,) = problem.field_names
    back = returns(problem)
    try:
        layer = boundary_layers(problem, 0.0, y)[field][problem.top]
    except Infeasible:  # data from which the spike begins at once: no layer yet
        layer = 0.0
    kicks = synchronous_spike(problem, y, kick, back, layer).kicks
    if not 0 < kicks < math.inf:
        return kicks, problem, None if kicks else y
    values = {name: float(y[problem.layout.offsets[name]]) for name in problem.layout.differential}
    if not back:  # fired neurons wait in the refractory state
        (waiting,) = values
        values[waiting] += kicks
        if values[waiting] > 1.0 - AFTER.nobody:
            on_mesh = problem.rebuilt()
            after = np.zeros(on_mesh.size)
            after[on_mesh.layout.offsets[waiting]] = 1.0
            return kicks, on_mesh, after
    start = {field: ShiftedDensity(problem, field, y, kick * kicks, back), **values}
    on_mesh, after, _ = initial(problem.rebuilt(), start)
    return kicks, on_mesh, after


def _by_diffusion(problem: Problem, y: np.ndarray, rtol: float) -> tuple[float, Any, np.ndarray | None]:
    # A network that b alone does not keep going (b below the mean way back to V_F, or neurons that wait) empties its
    # queue at last.
    back, (drift, noise) = returns(problem), runaway(problem)
    ends = not back or drift < back.reach(problem.top)
    longest = AFTER.longest_that_ends if ends else AFTER.longest

    def begin(kicks: float) -> tuple[Any, np.ndarray, float] | None:
        roomy = problem.on_cells(further_down(problem.cells, problem.cells[0] - depth_of(drift, noise, kicks)))
        dilated = roomy.dilated()
        start = np.append(transfer(problem, roomy, y), 0.0)  # no spike counted yet
        return (dilated, start, kicks) if dilated.scalars(0.0, start)[0] > AFTER.starts else None

    horizons = [AFTER.first_horizon]
    while horizons[-1] < longest:
        horizons.append(min(5.0 * horizons[-1], longest))
    trajectory = queue_followed(begin, horizons, lambda state: getattr(state, COUNT) - state.t, rtol)
    if trajectory is None:
        return 0.0, problem, y
    last = trajectory.segments[-1]
    if trajectory.outcome.name == "finished":
        if not ends:
            return math.inf, problem, None
        raise NotConverged(f"after {last.times[-1]:.4g} spikes per neuron the synchronous spike has not ended")
    fine = last.problem.on_cells(short_below(last.problem.cells, problem.top, problem.length))
    y = transfer(last.problem, fine, last.states[-1])
    return float(last.times[-1]), problem.on_cells(fine.cells), y[:-1].copy()
