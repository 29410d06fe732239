"""Pictures of runs, and the house style that every figure of the project shares.

matplotlib is imported when a picture is made, its `Figure` used directly: no window, no global state, any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..problem import Problem
from .sampling import common_points, run_times, sample_points

# readable at the width of a printed page; thin grid, no box
STYLE = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 12,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.xmargin": 0.02,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "mathtext.fontset": "cm",
}
_LOG_ABOVE = 300.0  # a rate that varies by more is drawn on a logarithmic axis


@contextmanager
def house_style() -> Iterator[None]:
    """Within it, matplotlib draws as this project's figures look."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def new_figure(rows: int = 1, columns: int = 1, width: float = 4.6, height: float = 3.4, **options: Any) -> tuple:
    """A figure and its array of axes, in house style, laid out so that nothing is cut off.

    `width`, `height`: inches of one panel. `options` go to `Figure.subplots`. One panel: the axes themselves.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure as what the name ends in (.png, .pdf, .svg); folders are made. ValueError for other endings."""
    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in known:
        raise ValueError(f"{path}: pictures are written as one of {', '.join(sorted(known))}; change the ending.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with house_style():
        figure.savefig(path)
    return path


def plot_run(run: Any, path: str | Path | None = None, times: Sequence[float] | None = None) -> Any:
    """Figure of a run: n(v, t) at several times on the left, N(t) on the right; written to `path` if one is given.

    `times`: of the densities, by default five from the first to the last time. A problem without a field gets the
    right half only. Over (v, w): p at the end, C(w, t) and Nbar(t). Raises ValueError for a time outside the run.
    """
    if run.problem.line_names:
        from .plane_plots import plot_plane_run

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
        mark_thresholds(axes, run.problem)
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


def plot_spacetime(run: Any, path: str | Path | None = None, name: str | None = None) -> Any:
    """Figure of n(v, t) over t and v in colour, V_R and V_F marked; written to `path` if one is given.

    A peak half as high again as what 0.2 percent of the picture exceeds, as next to a blow-up, is cut off in
    colour (the colour bar says so), so that it leaves the rest visible. Over (v, w) it shows C(w, t), or the function
    of w that `name` names. Raises ValueError for a run without duration.
    """
    if run.problem.line_names:
        from .plane_plots import plot_line_spacetime

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
        mark_thresholds(axes, run.problem, along="v on y", color="white")
        axes.grid(False)
        axes.set(xlabel="$t$", ylabel="$v$", ylim=_support(v, values.max(axis=0), run.problem))
        if run.blow_up is not None:
            axes.set_title(f"blow-up at $t={run.blow_up.time:.6g}$")
    if path is not None:
        save_figure(figure, path)
    return figure


def mark_thresholds(axes: Any, problem: Problem, along: str = "v on x", color: str = "0.5") -> None:
    """Thin lines at V_R and V_F, named at the end of each; nothing for a problem that has neither."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.0, foreground="0.2")] if along == "v on y" else []
    for name, place in problem.marks.items():
        text = f"${name}$"
        if along == "v on x":
            axes.axvline(place, color=color, lw=0.8, ls=":")
            where, side = (place, 1.0), {"ha": "center", "va": "bottom"}
            axes.annotate(text, where, xycoords=axes.get_xaxis_transform(), fontsize=10, color=color, **side)
        else:
            axes.axhline(place, color=color, lw=0.8, ls=":")
            where, side = (0.99, place), {"ha": "right", "va": "top", "path_effects": outline}
            axes.annotate(text, where, xycoords=axes.get_yaxis_transform(), fontsize=11, color=color, **side)


def fine_times(times: np.ndarray, pieces: int = 8) -> np.ndarray:
    """The steps, each cut into pieces: a step of high order is long, and no straight line between its ends."""
    times = np.asarray(times, float)
    inner = times[:-1, None] + np.diff(times)[:, None] * (np.arange(pieces) / pieces)
    return np.append(inner.ravel(), times[-1])


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
