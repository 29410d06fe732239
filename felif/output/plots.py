"""Pictures of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, TEXT, TIMES, checked, optional
from ..problem import Problem
from .plane_plots import plot_line_spacetime, plot_plane_run
from .sampling import DRAWN, common_points, run_times, sample_points
from .style import fine_times, house_style, mark_thresholds, new_figure, save_figure

_LOG_ABOVE = 300.0  # a rate that varies by more is drawn on a logarithmic axis


@checked(run=DRAWN, path=optional(FOLDER), times=optional(TIMES))
def plot_run(run: Any, path: str | Path | None = None, times: Sequence[float] | None = None) -> Any:
    """Figure of a run: n(v, t) at several times on the left, N(t) on the right; written to `path` if one is given.

    `times`: of the densities, by default five from the first to the last time. A problem without a field gets the
    right half only. Over (v, w): p at the end, C(w, t) and Nbar(t). Raises ValueError for a time outside the run.
    """
    if run.problem.line_names:
        figure = plot_plane_run(run, None if times is None else float(np.max(times)))
        if path is not None:
            save_figure(figure, path)
        return figure
    if run.problem.field_names:
        figure, (left, right) = new_figure(1, 2)
        plot_densities(left, run, times)
    else:
        figure, right = new_figure()
    plot_rates(right, run)
    if path is not None:
        save_figure(figure, path)
    return figure


def plot_densities(axes: Any, run: Any, times: Sequence[float] | None = None, name: str | None = None) -> None:
    """n(v, t) over v at some times, V_R and V_F marked."""
    name = name or run.problem.field_names[0]
    start, end = float(run.times[0]), float(run.times[-1])
    with house_style():
        from matplotlib import colormaps

        times = np.unique(np.linspace(start, end, 5)) if times is None else np.asarray(times, float)
        colours = colormaps["viridis"](np.linspace(0.0, 0.88, len(times)))
        for t, colour in zip(times, colours, strict=True):
            state = run.at(float(t))
            v = sample_points(state.problem)
            axes.plot(v, getattr(state, name)(v), color=colour, label=f"$t={t:.4g}$")
        spans = [_support(*line.get_data(), run.problem) for line in axes.lines]
        mark_thresholds(axes, run.problem.marks)
        axes.set(xlabel="$v$", ylabel=f"${_symbol(name)}(v,t)$")
        low, high = min(low for low, _ in spans), max(high for _, high in spans)
        axes.set_xlim(low, high + 0.01 * (high - low))
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if _goes_below_zero(axes) else 0.0)
        axes.legend()


def plot_rates(axes: Any, run: Any, names: Sequence[str] | None = None) -> None:
    """N(t), and R(t) where there is one, between the steps by dense output; a blow-up is marked.

    An infinite rate is not drawn. One that begins infinite, from data that do not vanish at V_F, falls like
    1/sqrt(t): the axis then shows what follows.
    """
    names = names or [name for name in ("N", "R") if name in run.series]
    with house_style():
        t = fine_times(run.times)
        for number, name in enumerate(names):
            values = np.array(run.sample(name, t), float)
            values[~np.isfinite(values)] = np.nan
            axes.plot(t, values, f"C{number}", ls="-" if number == 0 else "--", label=f"${_symbol(name)}(t)$")
        _scale_rates(axes, run)
        if run.blow_up is not None:
            axes.axvline(run.blow_up.time, color="0.35", ls=":", label=f"blow-up, $t={run.blow_up.time:.4g}$")
        label = ",\\ ".join(f"{_symbol(name)}(t)" for name in names)
        axes.set(xlabel="$t$", ylabel=f"${label}$")
        if len(names) > 1 or run.blow_up is not None:
            axes.legend()


@checked(run=DRAWN, path=optional(FOLDER), name=optional(TEXT))
def plot_spacetime(run: Any, path: str | Path | None = None, name: str | None = None) -> Any:
    """Figure of n(v, t) over t and v in colour, V_R and V_F marked; written to `path` if one is given.

    A peak half as high again as what 0.2 percent of the picture exceeds, as next to a blow-up, is cut off in
    colour (the colour bar says so), so that it leaves the rest visible. Over (v, w) it shows C(w, t), or the function
    of w that `name` names. Raises ValueError for a run without duration.
    """
    if run.problem.line_names:
        figure = plot_line_spacetime(run, name or "C")
        if path is not None:
            save_figure(figure, path)
        return figure
    name = name or run.problem.field_names[0]
    times = run_times(run, 201)
    if len(times) < 2:
        raise ValueError(f"plot_spacetime: the run ends where it starts (t = {times[0]:g}): use plot_run.")
    states = [run.at(float(t)) for t in times]
    v = common_points([sample_points(state.problem) for state in states], most=600)
    values = np.zeros((len(times), v.size))
    for row, state in zip(values, states, strict=True):
        inside = (v >= state.problem.cells[0]) & (v <= state.problem.cells[-1])
        row[inside] = getattr(state, name)(v[inside])
    # every pixel counts alike, however narrow the cells there
    areas = np.gradient(times)[:, None] * np.gradient(v)[None, :] if len(times) > 1 else np.ones_like(values)
    top = _weighted_quantile(values, areas, 0.998)
    figure, axes = new_figure(width=6.4, height=3.8)
    with house_style():
        clipped = values.max() > 1.5 * top > 0.0
        mesh = axes.pcolormesh(
            times,
            v,
            values.T,
            shading="gouraud",
            cmap="viridis",
            vmin=0.0,
            vmax=top if clipped else None,
            rasterized=True,
        )
        figure.colorbar(
            mesh, ax=axes, label=f"${_symbol(name)}(v,t)$", extend="max" if clipped else "neither", pad=0.02
        )
        mark_thresholds(axes, run.problem.marks, along="v on y", color="white")
        axes.grid(False)
        axes.set(xlabel="$t$", ylabel="$v$", ylim=_support(v, values.max(axis=0), run.problem))
        if run.blow_up is not None:
            axes.set_title(f"blow-up at $t={run.blow_up.time:.6g}$")
    if path is not None:
        save_figure(figure, path)
    return figure


def _scale_rates(axes: Any, run: Any) -> None:
    """Axis of the rates: logarithmic where a blow-up spans decades; cut where only the first moments would fill it."""
    t = axes.lines[0].get_xdata()
    curves = np.array([line.get_ydata() for line in axes.lines])
    drawn, late = curves[np.isfinite(curves)], curves[:, t >= t[0] + 0.02 * (t[-1] - t[0])]
    if not drawn.size or drawn.min() < 0.0:
        return
    late = late[np.isfinite(late)]
    if run.blow_up is not None and drawn.max() > _LOG_ABOVE * np.median(drawn) > 0.0:
        axes.set_yscale("log")
    elif run.blow_up is None and late.size and drawn.max() > 3.0 * late.max() > 0.0:
        axes.set_ylim(0.0, 1.2 * late.max())
    else:
        axes.set_ylim(bottom=0.0)


def _support(v: np.ndarray, largest: np.ndarray, problem: Problem) -> tuple[float, float]:
    """Where there is something to see, V_R and V_F included: the far tails are resolved, not looked at."""
    seen = v[largest > 2e-3 * largest.max()]
    marks = list(problem.marks.values())
    low, high = min([seen[0], *marks]), max([seen[-1], *marks])
    room = 0.03 * (high - low)
    return max(low - room, v[0]), min(high + room, v[-1])


def _symbol(name: str) -> str:
    """N_E as a symbol of mathematics with its index: N_{E}."""
    letter, _, index = name.partition("_")
    return f"{letter}_{{{index}}}" if index else letter


def _goes_below_zero(axes: Any) -> bool:
    """Whether a curve is visibly negative, by more than a hundredth of its height."""
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    return bool(values.min() < -0.01 * values.max())


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    order = np.argsort(values, axis=None)
    share = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order][np.searchsorted(share, level * share[-1])])
