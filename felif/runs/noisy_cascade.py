"""Through a synchronous spike in dilated time: a queue followed until nobody waits; several populations with noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..evolution import Event, Rodas5P, Trajectory, integrate
from ..firing.cascade import depends_on_order
from ..firing.dilated_populations import in_dilated_time, in_physical_time
from ..problem import NotConverged, Problem
from .tuning import AFTER

_WAITING = "total_waiting"


def queue_followed(
    begin: Callable[[float], tuple[Any, np.ndarray, float] | None],
    horizons: Iterable[float],
    waiting: Callable[[Any], float],
    rtol: float,
) -> Trajectory | None:
    """Kicks in dilated time until nobody waits, with room for as many spikes as one of the horizons after the other.

    begin: of a horizon (the problem in dilated time, its start, its end), None where no queue builds up. The outcome is
    "finished" where it outlasts the last horizon. Raises NotConverged where it cannot be followed.
    """
    emptied, found = Event("queue is empty", waiting, direction=-1), None
    # N is spikes a kick in a linear equation: however large, no blow-up
    how = {"scheme": Rodas5P(), "rtol": rtol, "events": (emptied,), "first_step": AFTER.first_step, "N_max": math.inf}
    for horizon in horizons:
        if (begun := begin(horizon)) is None:
            return None
        problem, start, end = begun
        found = integrate(problem, start, 0.0, end, **how)
        if found.outcome.name != "finished":
            break
    if found.outcome.name not in ("finished", emptied.name):
        reached = f"after {found.series['t'][-1]:.4g} kicks: {found.outcome.message}"
        raise NotConverged(f"the synchronous spike cannot be followed to its end, {reached}")
    return found


def through_noise(
    problem: Problem, t: float, y: np.ndarray, rtol: float, order: str | None
) -> tuple[Any, np.ndarray | None, np.ndarray]:
    """(problem, y right after or None, sizes), infinite where it never ends. NotConverged where the order matters."""
    if order == "excitation_first":
        raise NotConverged("with noise that grows with the rates no order but 'buffered' is offered")
    count = next(iter(problem.groups.values()))[0][0]
    begin = lambda horizon: (*in_dilated_time(problem, t, y, horizon), horizon * count)
    found = queue_followed(begin, AFTER.horizons, lambda state: getattr(state, _WAITING), rtol)
    last = found.segments[-1]
    if found.outcome.name == "finished":
        return problem, None, np.full(count, math.inf)
    on_mesh, after, sizes = in_physical_time(problem, last.problem, last.states[-1])
    if order is None and (found := depends_on_order(problem, sizes)) is not None:
        i, j, k = found
        listed = ", ".join(f"{size:.6g}" for size in sizes.tolist())
        raise NotConverged(
            f"population {i} hears spikes of populations {j} and {k} in different proportions of drift and noise: what "
            "they do depends on the order in which they arrive, which the equations do not say. With order='buffered' "
            f"the sizes are ({listed}); Continue(order=...) chooses"
        )
    return on_mesh, after, sizes
