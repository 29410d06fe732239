"""Where and when a run is looked at: points dense enough to draw its fields, times dense enough to animate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..given.arguments import TIME, TIMES, checked, either, having, whole
from ..problem import Problem

SNAPSHOTS = 101
DRAWN = having("a run that evolve or load_run returned", "problem", "times", "series", "at")


def sample_points(problem: Problem) -> np.ndarray:
    """Points v between which every field may be drawn as a straight line; all ends of cells are among them.

    Elements of degree one are straight already. One of degree k is cut into 4k pieces: k show every coefficient,
    four times as many bring the error of the chord of a density the elements resolve below the width of a line
    (about (h/4k)^2 n''/8, some 1e-4 of the maximum).
    """
    cells = np.asarray(problem.cells, float)
    pieces = 1 if problem.degree <= 1 else 4 * int(problem.degree)
    left, width = cells[:-1, None], np.diff(cells)[:, None]
    return np.append((left + width * (np.arange(pieces) / pieces)).ravel(), cells[-1])


def drawn_densities(state: Any, name: str, at: np.ndarray | None = None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(points, {name: values}) that draw a density over one axis; over an index first, name_0, name_1, ...

    `at`: at these points, 0 beyond the mesh, instead of at those that draw it best.
    """
    problem = state.problem
    if problem.samples is None:
        v = sample_points(problem) if at is None else at
        inside = (v >= problem.cells[0]) & (v <= problem.cells[-1])
        values = np.zeros(v.shape)
        values[inside] = getattr(state, name)(v[inside])
        return v, {name: values}
    axes, points, _, fields = problem.samples(state.y)
    if len(axes) != 1:
        raise ValueError(f"plot: {name} is a density over {', '.join(axes)}; allowed are densities over one axis")
    found = {key: values for key, values in fields.items() if key == name or key.rpartition("_")[0] == name}
    if at is None:
        return points, found
    return at, {key: np.interp(at, points, values, 0.0, 0.0) for key, values in found.items()}


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
    """t, the model's scalars (N, R), the integral of every field (`mass`) and V_R, V_F where the problem has them."""
    problem = state.problem
    scalars = {"t": float(state.t)}
    for name in problem.scalar_names:
        scalars[name] = float(getattr(state, name))
    for name in problem.field_names:
        label = "mass" if len(problem.field_names) == 1 else f"mass_{name}"
        scalars[label] = float(getattr(state, name).integral())
    return scalars | dict(problem.marks)


@checked(start=TIME, end=TIME, snapshots=either(whole(0, 10**6), TIMES))
def snapshot_times(start: float, end: float, snapshots: int | Sequence[float] = SNAPSHOTS) -> np.ndarray:
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


def run_times(run: Any, snapshots: int = SNAPSHOTS) -> np.ndarray:
    """Times that show a finished run well: evenly spaced, and before a blow-up also ever closer to it.

    There the distance to the last time is halved again and again, down to 1e-9 of the length of the run.
    """
    start, end = float(run.times[0]), float(run.times[-1])
    times = np.linspace(start, end, max(snapshots, 2))
    if run.blow_up is not None and end > start:
        times = np.append(times, end - (end - start) * 2.0 ** -np.arange(1, 31))
    times = np.unique(times)
    return times[np.diff(times, prepend=-np.inf) > 1e-12 * (end - start)]  # halves of halves meet, up to rounding
