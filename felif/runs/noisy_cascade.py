"""Through a synchronous spike of several populations whose noise grows with the rates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..evolution import Event, Rodas5P, integrate
from ..firing.cascade import depends_on_order
from ..firing.dilated_populations import in_dilated_time, in_physical_time
from ..problem import NotConverged, Problem
from .tuning import AFTER

_WAITING = "total_waiting"


def through_noise(
    problem: Problem, t: float, y: np.ndarray, rtol: float, order: str | None
) -> tuple[Any, np.ndarray | None, np.ndarray]:
    """(problem, y right after or None, sizes), infinite where it never ends. NotConverged where the order matters."""
    if order == "excitation_first":
        raise NotConverged("with noise that grows with the rates no order but 'buffered' is offered")
    emptied = Event("queue is empty", lambda state: getattr(state, _WAITING), direction=-1)
    count = next(iter(problem.groups.values()))[0][0]
    for horizon in AFTER.horizons:
        other, start = in_dilated_time(problem, t, y, horizon)
        how = {
            "scheme": Rodas5P(),
            "rtol": rtol,
            "events": (emptied,),
            "first_step": AFTER.first_step,
            "N_max": math.inf,
        }
        found = integrate(other, start, 0.0, horizon * count, **how)
        if found.outcome.name != "finished":
            break
    last = found.segments[-1]
    if found.outcome.name == "finished":
        return problem, None, np.full(count, math.inf)
    if found.outcome.name != emptied.name:
        raise NotConverged(f"the synchronous spike cannot be followed to its end: {found.outcome.message}")
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
