"""A run as the page draws it: rates and densities at chosen times, the blow-up, what is conserved. No browser here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..algebra.compiled import library
from ..assembly import discretize
from ..output.drawn import densities_of, on_points
from ..output.style import fine_times
from ..runs.run import Run
from ..runs.starting import evolve
from .setting import Setting
from .tuning import SHOWN


class TakenOver(Exception):
    """The page asks for something else by now."""


class Watch:
    """An observer of `evolve` that ends runs nobody waits for. It asks for no step one by one."""

    each_step = False

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted, self._until = wanted, time.monotonic() + SHOWN.longest

    def __call__(self, _: Any) -> None:
        if not self._wanted():
            raise TakenOver
        if time.monotonic() > self._until:
            raise ValueError(
                f"This run takes longer than {SHOWN.longest:g} s, which the page does not wait for. Take a shorter "
                "time, or copy the code and run it in Python."
            )


def evolution(setting: Setting, wanted: Callable[[], bool] = lambda: True) -> dict[str, Any]:
    """The run of a setting, as numbers to draw.

    times, rates {name: values}, waiting {R: values}: inf where data do not vanish at V_F; `axis`: the part to draw.
    density: "t" (frames,), "v" (points,), {name: (frames, points)}, 0 beyond the mesh. blow_up: time and error, or
    None. conserved {name: drift}, `rounding` that was taken out on the way, `lowest` n, `moment_defect` where the model
    has the identity. code: a script that makes this run.

    Raises ValueError as the model, `Gaussian`, `discretize` and `evolve` do, and TakenOver once it is not wanted.
    """
    began = time.perf_counter()
    model, start = setting.model(), setting.start()
    problem = discretize(model, tol=setting.tol)
    run = evolve(problem, start, setting.t_end, rtol=setting.tol, observers=[Watch(wanted)], progress=False)
    names = run.problem.scalar_names
    rates, waiting = ([name for name in names if name.startswith(letter)] for letter in "NR")
    times, series = _scalars(run)
    lowest = float(np.min(run.series[next(name for name in run.series if name.startswith("min_"))]))
    return {
        "times": times,
        "rates": {name: series[name] for name in rates},
        "waiting": {name: series[name] for name in waiting},
        "axis": rate_axis(times, [series[name] for name in rates], run.blow_up is not None),
        "density": densities(run, setting.marks.values()),
        "marks": setting.marks,
        "t_end": float(setting.t_end),
        "reached": float(run.times[-1]),
        "final": {name: float(run.series[name][-1]) for name in (*rates, *waiting)},
        "outcome": {"name": run.outcome.name, "message": run.outcome.message, "failed": run.failed},
        "blow_up": None if run.blow_up is None else {"time": run.blow_up.time, "error": run.blow_up.error},
        "conserved": run.drift,
        "rounding": float(run.trajectory.rounding),
        "lowest": lowest,
        "moment_defect": run.moment_defect,
        "work": {
            "steps": run.statistics["steps"],
            "unknowns": run.problem.size,
            "core": "compiled" if library() is not None else "python",
            "milliseconds": 1e3 * (time.perf_counter() - began),
        },
        "code": setting.run_code(),
    }


def _scalars(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(times, all scalars there): at the steps, and between them, where straight lines would show, by dense output."""
    steps = run.times
    pieces = min(max(round(SHOWN.times / len(steps)), 2), SHOWN.pieces)
    times = fine_times(steps, pieces)
    between = np.ones(len(times), bool)
    between[::pieces] = False
    values = np.empty((len(times), len(run.problem.scalar_names)))
    values[::pieces] = np.column_stack([run.series[name] for name in run.problem.scalar_names])
    for segment in run.segments:
        here = between & (times >= segment.times[0]) & (times <= segment.times[-1])
        if here.any():
            values[here] = segment.problem.scalar_values(times[here], segment.evaluate_many(times[here]))
    return times, dict(zip(run.problem.scalar_names, values.T, strict=True))


def rate_axis(times: np.ndarray, rates: list[np.ndarray], blows_up: bool) -> dict[str, Any]:
    """{"low", "high", "logarithmic"}: what of the rates to draw.

    What begins infinite, or fills the axis with its first fiftieth alone, is cut off there; towards a blow-up the axis
    is logarithmic where the rate varies by more than some decades.
    """
    curves = np.array(rates)
    finite = np.isfinite(curves)
    if not finite.any():
        return {"low": 0.0, "high": 1.0, "logarithmic": False}
    late = finite & (times >= times[0] + 0.02 * (times[-1] - times[0]))
    high, usual = float(curves[finite].max()), float(curves[late if late.any() else finite].max())
    if blows_up:
        positive = curves[late & (curves > 0)]
        if positive.size and high > SHOWN.steep * np.median(positive):
            return {"low": 0.5 * float(positive.min()), "high": min(high, 1e4 * float(np.median(positive))),
                    "logarithmic": True}  # fmt: skip
    elif high > 3.0 * usual > 0.0:
        high = usual
    low = min(0.0, float(curves[finite].min()))
    return {"low": 1.05 * low, "high": 1.08 * high if high > 0 else 1.0, "logarithmic": False}


def densities(run: Run, marks: Iterable[float]) -> dict[str, Any]:
    """Densities over even times and potentials, as far as there is something to see."""
    times = np.linspace(float(run.times[0]), float(run.times[-1]), SHOWN.frames)
    frames = [densities_of(run.at(t)) for t in times.tolist()]
    largest = max(float(one.values.max()) for frame in frames for one in frame.values())
    seen = [one.nodes[one.values > SHOWN.seen * largest] for frame in frames for one in frame.values()]
    low, high = min(x.min() for x in seen if x.size), max(x.max() for x in seen if x.size)
    room = 0.03 * (high - low)
    ends = [low - room, high + room, *(place for place in marks if math.isfinite(place))]
    nodes = [one.nodes for frame in (frames[0], frames[-1]) for one in frame.values()]
    v = np.linspace(
        max(min(ends), min(x.min() for x in nodes)), min(max(ends), max(x.max() for x in nodes)), SHOWN.points
    )
    return {"t": times, "v": v, "of": {name: np.array([on_points(f[name], v) for f in frames]) for name in frames[0]}}
