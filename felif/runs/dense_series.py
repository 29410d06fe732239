"""Series of a run at any times, by dense output."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..evolution import is_additive, through_steps
from ..problem import State


def sampled(run: Any, name: str, asked: np.ndarray) -> Any:
    """`run.sample` at these times: an array of their shape, a number for one time."""
    if name in run.problem.groups:
        values = [problem.group(name, t, y) for t, (problem, y) in _evaluated(run, asked)]
        return np.array(values).reshape((*asked.shape, *values[0].shape))
    if name not in run.series:
        raise ValueError(f"sample: {name!r} is no series of this run; it has: {', '.join(run.series)}")
    if name == "t":
        return asked + 0.0 if asked.ndim else float(asked)
    start = float(run.times[0])
    if asked.size and np.isin(asked, run.times).all():  # accepted times: the entries of the series themselves
        found = run.series[name][np.searchsorted(run.times, asked)]
        return found if asked.ndim else float(found)
    if is_additive(run.problem) and name in run.problem.scalar_names:
        return _through_steps(run, name, asked)
    if name in run.problem.scalar_names and asked.size > 1 and len(run.segments) == 1 and not run.jumps:
        return _sample_scalar(run, name, asked.ravel(), start).reshape(asked.shape)
    values = [_sample_one(run, name, t, t == start) for t in asked.ravel().tolist()]
    return np.array(values).reshape(asked.shape) if asked.ndim else values[0]


def _evaluated(run: Any, times: np.ndarray) -> list[tuple[float, tuple[Any, np.ndarray]]]:
    return [(just_before(run, t), run.trajectory.evaluate(t)) for t in times.ravel().tolist()]


def _through_steps(run: Any, name: str, times: np.ndarray) -> Any:
    for t in times.ravel()[~((times.ravel() >= run.times[0]) & (times.ravel() <= run.times[-1]))]:
        run.trajectory.evaluate(float(t))  # says what is allowed
    known, series, breaks = run.times, run.series[name], run.settings.breakpoints
    values = [through_steps(known, series, breaks, t) for t in times.ravel().tolist()]
    return np.array(values).reshape(times.shape) if times.ndim else values[0]


def _sample_scalar(run: Any, name: str, times: np.ndarray, start: float) -> np.ndarray:
    """A scalar at many times of a run on one mesh."""
    segment = run.segments[0]
    if times.size and not (times.min() >= start and times.max() <= segment.times[-1]):
        run.trajectory.evaluate(float(times[(times < start) | (times > segment.times[-1]) | (times != times)][0]))
    values = segment.problem.scalar_values(times, segment.evaluate_many(times))[:, _place_of(run, name)]
    values[times == start] = run.series[name][0]
    return values


def _place_of(run: Any, name: str) -> int:
    return run.problem.scalar_names.index(name)


def _sample_one(run: Any, name: str, t: float, at_start: bool) -> float:
    problem, y = run.trajectory.evaluate(t)
    if at_start or name == "dt":
        return float(run.series[name][np.searchsorted(run.times, t)])
    t = just_before(run, t)
    if name in problem.scalar_names:
        return float(problem.scalars(t, y)[_place_of(run, name)])
    return float(problem.observe(t, y)[name])


def just_before(run: Any, t: float) -> float:
    """t, or a few ulps less where an input jumps at t: rates there are limits from the left, as in `series`."""
    if t > run.segments[0].times[0] and t in run.jumps:
        for _ in range(4):
            t = math.nextafter(t, -math.inf)
    return t


def rates_at_start(run: Any, series: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The series with rates that are infinite at t = 0: N ~ t^(-1/2), the discrete value there means nothing."""
    for name in run.infinite:
        series[name] = np.concatenate([[np.inf], series[name][1:]])
    return series


def last_state(run: Any) -> State:
    """The state at the end of a run; NaN for scalars where it failed."""
    last = run.segments[-1]
    known = run.infinite if len(run.segments) == 1 and len(last.times) == 1 else None
    if run.failed:
        known = dict.fromkeys(last.problem.scalar_names, math.nan)
    return State(last.problem, just_before(run, float(last.times[-1])), last.states[-1].copy(), known)
