"""Pictures of runs over (v, w): the density at one time, functions of w as images over time, the total rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from .drawn import drawn_densities, run_times
from .style import coloured, fine_times, house_style, mark_thresholds, new_figure, symbol
from .tuning import FIGURES


def plot_plane_run(run: Any, t: float | None = None) -> Any:
    """Figure of a run over (v, w): p(v, w) at time t (by default the last one), C(w, t), and the total rate."""
    figure, axes = new_figure(1, 3)
    plot_density(axes[0], run.at(float(run.times[-1] if t is None else t)))
    if run.times[-1] > run.times[0]:
        draw_line_spacetime(axes[1], run, "C")
    plot_totals(axes[2], run)
    return figure


def plot_density(axes: Any, state: Any) -> None:
    """The density of a state over two axes in colour, V_R and V_F marked; of several the first."""
    from matplotlib.tri import Triangulation

    at, fields = drawn_densities(state)
    (first, second), (name, values), marks = at.axes, next(iter(fields.items())), state.problem.marks
    with house_style():
        drawn = Triangulation(*at.points.T, at.triangles)
        mesh = axes.tripcolor(drawn, values, shading="gouraud", cmap="viridis", vmin=0.0, rasterized=True)
        axes.figure.colorbar(mesh, ax=axes, pad=0.02)
        axes.grid(False)
        mark_thresholds(axes, marks, color="white")
        axes.set(xlabel=f"${symbol(first)}$", ylabel=f"${symbol(second)}$")
        seen = at.points[values > 2e-3 * values.max()]
        if len(seen):
            (low, bottom), (high, top) = seen.min(axis=0), seen.max(axis=0)
            axes.set(xlim=(min([low, *marks.values()]), max([high, *marks.values()])), ylim=(bottom, top))
        axes.set_title(f"${name}({first},{second})$ at $t={state.t:.4g}$", loc="left", pad=14)


def line_spacetime(run: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(t, w, values (t, w)) of a function of w of a run, N or C."""
    times = run_times(run, FIGURES.times)
    ends = run.problem.drawing_points().second[0]
    w = np.linspace(ends[0], ends[-1], FIGURES.weights)
    return times, w, np.array([getattr(run.at(float(t)), name)(w) for t in times])


def draw_line_spacetime(axes: Any, run: Any, name: str) -> None:
    times, w, values = line_spacetime(run, name)
    with house_style():
        coloured(axes, times, w, values, vmin=0.0)
        axes.set(xlabel="$t$", ylabel="$w$")
        axes.set_title(f"${name}(w,t)$", loc="left")


def plot_line_spacetime(run: Any, name: str = "C") -> Any:
    """Figure of a function of w over time in colour. Raises ValueError for a run without duration, or another name."""
    if name not in run.problem.line_names:
        raise ValueError(f"plot_spacetime: {name!r}; allowed are {', '.join(run.problem.line_names)}")
    if not run.times[-1] > run.times[0]:
        raise ValueError(f"plot_spacetime: the run ends where it starts (t = {run.times[0]:g}): use plot_run.")
    figure, axes = new_figure(height=3.2, wide=True)
    draw_line_spacetime(axes, run, name)
    return figure


def plot_totals(axes: Any, run: Any) -> None:
    """The scalars of a run over (v, w), which are integrals over w, against time."""
    t = fine_times(run.times)
    with house_style():
        for name in run.problem.scalar_names:
            axes.plot(t, run.sample(name, t), label=f"${symbol(name)}(t)$")
        axes.set(xlabel="$t$", ylim=(0.0, None))
        axes.legend()
