"""Where and when a run is looked at: points dense enough to draw its fields, times dense enough to animate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..given.arguments import TIME, TIMES, checked, either, having, whole
from ..problem import Problem
from .tuning import FIGURES

DRAWN = having("a run that evolve or load_run returned", "problem", "times", "series", "at")


def densities_of(state: Any) -> dict[str, Any]:
    """The densities of a state as functions, by name; one over an index as name_0, name_1, ..."""
    found = {}
    for name in state.problem.field_names:
        function = getattr(state, name)
        found |= {f"{name}_{k}": f for k, f in enumerate(function)} if isinstance(function, tuple) else {name: function}
    return found


def drawn_densities(state: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """(points, {name: values}) that draw all densities of a state: see `spaces.drawing`.

    Raises ValueError where there is no density on a mesh.
    """
    problem = state.problem
    if not problem.field_names or problem.drawing_points is None:
        raise ValueError("This problem has no field on a mesh to write for ParaView; write no snapshots of it.")
    at = problem.drawing_points()
    return at, {name: np.asarray(f(*np.atleast_2d(at.inside.T)), float) for name, f in densities_of(state).items()}


def on_points(function: Any, points: np.ndarray) -> np.ndarray:
    """A density over one axis at points, 0 beyond its mesh."""
    inside = (points >= function.nodes.min()) & (points <= function.nodes.max())
    values = np.zeros(len(points))
    values[inside] = function(points[inside])
    return values


def common_points(meshes: Sequence[np.ndarray], most: int = 2000) -> np.ndarray:
    """All points of all meshes, sorted; thinned to at most about `most` evenly spread ones where there are more."""
    points = np.unique(np.concatenate(meshes))
    # meshes that agree do so up to rounding
    points = points[np.diff(points, prepend=-np.inf) > 1e-13 * (points[-1] - points[0])]
    if points.size <= most:
        return points
    bins = ((points - points[0]) * (most / (points[-1] - points[0]))).astype(int)
    return points[np.unique(bins, return_index=True)[1]]  # the last bin holds the last point alone


def scalars_of(state: Any) -> dict[str, float]:
    """t, the model's scalars (N, R), the integral of every density (`mass`) and V_R, V_F where the problem has them."""
    problem = state.problem
    scalars = {"t": float(state.t)}
    for name in problem.scalar_names:
        scalars[name] = float(getattr(state, name))
    densities = densities_of(state)
    for name, density in densities.items():
        scalars["mass" if len(densities) == 1 else f"mass_{name}"] = float(density.integral())
    return scalars | dict(problem.marks)


@checked(start=TIME, end=TIME, snapshots=either(whole(0, 10**6), TIMES))
def snapshot_times(start: float, end: float, snapshots: int | Sequence[float] = FIGURES.snapshots) -> np.ndarray:
    """A number of evenly spaced times in [start, end], or the given times sorted and checked.

    Raises ValueError for times outside [start, end], a negative number, or anything that is not a number.
    """
    if isinstance(snapshots, int | np.integer):
        # np.linspace does not promise that its last entry is `end` to the bit for one point; one snapshot means the end
        return np.linspace(start, end, snapshots) if snapshots != 1 else np.array([float(end)])
    times = np.unique(np.asarray(snapshots, float).ravel())
    outside = times[~((times >= start) & (times <= end))]
    if outside.size:
        raise ValueError(
            f"snapshots: time {float(outside[0])!r} is not in the interval [{start!r}, {end!r}] of this run."
        )
    return times


def times_of_snapshots(
    problem: Problem, start: float, end: float, snapshots: int | Sequence[float] | None
) -> np.ndarray:
    """`snapshot_times`, as many as usual where None are asked for; ValueError for some of a problem without density."""
    if problem.field_names:
        return snapshot_times(start, end, FIGURES.snapshots if snapshots is None else snapshots)
    if snapshots is not None and np.any(snapshots):
        raise ValueError(f"snapshots = {snapshots!r}: {type(problem.model).__name__} has no density; allowed is 0")
    return np.zeros(0)


def spread(count: int, most: int) -> np.ndarray:
    """Places in a row of so many, the first and the last among them: all, or at most so many evenly spread ones."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def run_times(run: Any, snapshots: int = FIGURES.snapshots) -> np.ndarray:
    """Times that show a finished run well: evenly spaced, and before a blow-up also ever closer to it.

    There the distance to the last time is halved again and again, down to 1e-9 of the length of the run.
    """
    start, end = float(run.times[0]), float(run.times[-1])
    times = np.linspace(start, end, max(snapshots, 2))
    if run.blow_up is not None and end > start:
        times = np.append(times, end - (end - start) * 2.0 ** -np.arange(1, 31))
    times = np.unique(times)
    return times[np.diff(times, prepend=-np.inf) > 1e-12 * (end - start)]  # halves of halves meet, up to rounding
