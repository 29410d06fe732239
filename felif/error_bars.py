"""Error bars of a run: the same run again, far more accurately, and the difference of whatever is asked for.

`companion`: elements of a degree higher by two (four below 4) on the cells the run began with, extended and adapted
for a tolerance 30 times tighter, which the steps have too. The difference contains what mesh, V_min, remeshing, steps
and dense output contribute, with their signs, for every functional at once; what it leaves out is the companion's own
error. Where an error comes from, in v and t, is what `dual_weighted` says. Effectivity: tests/test_error_bars.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .assembly import discretize
from .assembly.local_degree import inherited
from .inputs import SAMPLES
from .problem import State
from .run import Run

_TIGHTER = 30.0
_LOOKS = 4  # how much more closely functions of time are looked at
_TIGHTEST = 1e-12  # tolerance below which steps count rounding only


def companion(run: Run) -> Run:
    """The run made again with richer elements and tighter steps; kept with the run."""
    if run.kept_companion is None:
        run.kept_companion = _made_again(run)
    return run.kept_companion


def error_estimate(run: Run, quantity: str | Callable[[State], float] | None = None, times: Any = None) -> Any:
    """Estimate of |J(run) - J(exact)| at `times` (default: the end), a float or an array of the shape of `times`.

    quantity: a series of the run ("N", "R", "mass", ...) or any function of a State: lambda state: state.n(1.5); by
    default the first scalar of the model, a firing rate: "N", of several populations "N_E", over (v, w) "Nbar". inf
    where the more accurate run has no state: it has blown up before. The first call costs one to three times the run,
    the next ones nothing. Raises ValueError for an unknown series, for times outside the run, and on triangles.
    """
    asked = np.asarray(run.times[-1] if times is None else times, float)
    quantity = run.problem.scalar_names[0] if quantity is None else quantity
    for t in np.ravel(asked):
        _value(run, quantity, float(t))  # what is not known is said before anything is computed again
    better = companion(run)
    values = [_difference(run, better, quantity, float(t)) for t in np.ravel(asked)]
    return np.array(values).reshape(asked.shape) if asked.ndim else values[0]


def _difference(run: Run, better: Run, quantity: Any, t: float) -> float:
    here = _value(run, quantity, t)
    if t > better.times[-1]:
        return math.inf
    there = _value(better, quantity, t)
    rounding = np.finfo(float).eps * abs(here)
    return 0.0 if here == there else float(abs(here - there) + rounding)


def _value(run: Run, quantity: Any, t: float) -> float:
    return float(quantity(run.at(t))) if callable(quantity) else float(run.sample(quantity, t))


def _made_again(run: Run) -> Run:
    from .after_blow_up import Continue
    from .driving import SCHEMES, seen
    from .runs import evolve

    settings, first = run.settings, run.segments[0]
    if not callable(getattr(first.problem, "enriched", None)):
        raise ValueError(f"error_estimate: {first.problem.space} has no richer space; over (v, w) allowed is Tensor()")
    problem, y = _richer(first.problem, first.states[0])
    start = run.start
    if start is None or isinstance(start, State) or _holds_state(start):
        start = State(problem, settings["t_start"], y)
    going_on = settings.get("after_blow_up")
    fixed = settings["fixed_step"]
    better = evolve(
        problem,
        start,
        float(run.times[-1]),
        t_start=settings["t_start"],
        rtol=max(settings["rtol"] / _TIGHTER, _TIGHTEST),
        atol=None if settings["atol"] is None else settings["atol"] / _TIGHTER,
        scheme=SCHEMES[settings["scheme"]](),
        breakpoints=seen(problem, settings["breakpoints"], settings["t_start"], float(run.times[-1]), _LOOKS * SAMPLES),
        fixed_step=None if fixed is None else fixed / 2,
        max_step=math.inf if settings["max_step"] is None else settings["max_step"],
        N_max=settings["N_max"],
        history=0.0 if run.past is None else run.past.before,
        after_blow_up=None if going_on is None else Continue(**going_on),
        progress=False,
    )
    better.compatible = run.compatible
    return better


def _richer(problem: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """(problem, y on it) with elements of a higher degree on cells that reach as far as the tighter tolerance asks."""
    richer, same = problem.enriched(y, by=4 if problem.degree < 4 else 2)
    if problem.tol is None or hasattr(problem, "line_names"):
        return richer, same
    wide = discretize(problem.model, space=richer.space, tol=max(problem.tol / _TIGHTER, _TIGHTEST))
    low, high = wide.cells[wide.cells < richer.cells[0]], wide.cells[wide.cells > richer.cells[-1]]
    cells = np.concatenate([low, richer.cells, high])
    wide = wide.on_cells(cells, inherited(richer.cells, richer.degrees, cells))
    return wide, wide.received(State(richer, 0.0, same))


def _holds_state(start: Any) -> bool:
    return isinstance(start, Mapping) and any(isinstance(value, State) for value in start.values())
