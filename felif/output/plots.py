"""Pictures of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import AXES, FILE, ROW, TEXT, checked, optional
from ..problem import Problem
from .drawn import DRAWN, common_points, densities_of, drawn_densities, on_points, run_times, spread
from .plane_plots import plot_density, plot_line_spacetime, plot_plane_run, plot_totals
from .style import STYLE, coloured, fine_times, finished, house_style, mark_thresholds, new_figure, shades, symbol
from .tuning import FIGURES

_LINES = ("-", "--", ":", "-.")  # of populations


@checked(run=DRAWN, path=optional(FILE), times=optional(ROW), axes=optional(AXES))
def plot_run(run: Any, path: str | Path | None = None, times: Sequence[float] | None = None, axes: Any = None) -> Any:
    """Figure of a run: n(v, t) at several times on the left, N(t) on the right; written to `path` if one is given.

    `times`: of the densities, by default `transient_times`. `axes`: draw there, on one N(t), on two both. A problem
    without a field gets the right half only. Over (v, w): p at the last of the times, C(w, t) and Nbar(t); on one axes
    Nbar(t). Raises ValueError for a time outside the run, and for other numbers of axes.
    """
    given = list(axes or [])
    if len(given) > 2 or (len(given) == 2 and (run.problem.line_names or not run.problem.field_names)):
        most = 1 if run.problem.line_names or not run.problem.field_names else 2
        raise ValueError(
            f"plot: ax = {len(given)} axes; allowed are {'one or two' if most == 2 else 'one'} for this run"
        )
    figure = given[0].figure if given else None
    if run.problem.line_names and given:
        plot_totals(given[0], run)
    elif run.problem.line_names:
        figure = plot_plane_run(run, None if times is None else float(np.max(times)))
    else:
        if not given:
            figure, made = new_figure(1, 2 if run.problem.field_names else 1)
            given = list(np.ravel(made))
        if len(given) == 2 and len(run.problem.drawing_points().axes) == 2:
            plot_density(given[0], run.at(float(run.times[-1] if times is None else np.max(times))))
        elif len(given) == 2:
            plot_densities(given[0], run, times)
        plot_rates(given[-1], run)
    return finished(figure, path)


def _axis(problem: Problem) -> str:
    """The one axis that the densities are over, as it is written. ValueError where there are two."""
    axes = problem.drawing_points().axes
    if len(axes) > 1:
        name = problem.field_names[0]
        raise ValueError(f"plot: {name} is a density over {', '.join(axes)}; allowed are densities over one axis")
    return symbol(axes[0])


def transient_times(run: Any, count: int = 5) -> np.ndarray:
    """Times from the first to the last, between which the densities change by as much as between any other two.

    Change is measured in the mean of |n(t) - n(s)| along the run, of which a hundredth is given to time itself.
    """
    known = np.unique(run.times)
    known = known[spread(len(known), FIGURES.looked_at)]
    if len(known) <= count:
        return known
    name, states = run.problem.field_names[0], [densities_of(run.at(t)) for t in known.tolist()]
    labels = _entries(states[0], name)
    nodes = states[0][labels[0]].nodes
    v = np.linspace(nodes.min(), nodes.max(), 200)
    rows = [[state[label](v) for label in labels] for state in states]
    moved = np.abs(np.diff(np.array(rows), axis=0)).mean(axis=(1, 2))
    moved = moved / max(float(moved.sum()), 1e-300) + 1e-2 * np.diff(known) / (known[-1] - known[0])
    length = np.concatenate([[0.0], np.cumsum(moved)])
    return np.interp(np.linspace(0.0, length[-1], count), length, known)


def plot_densities(axes: Any, run: Any, times: Sequence[float] | None = None, name: str | None = None) -> None:
    """n(v, t) over v at some times, V_R and V_F marked."""
    name, axis = name or run.problem.field_names[0], _axis(run.problem)
    with house_style():
        times = transient_times(run) if times is None else np.atleast_1d(np.asarray(times, float))
        for t, colour in zip(times, shades(len(times)), strict=True):
            at, densities = drawn_densities(run.at(float(t)))
            for number, label in enumerate(_entries(densities, name)):
                style = {"ls": _LINES[number % len(_LINES)], "label": "_" if number else f"$t={t:.4g}$"}
                axes.plot(at.points, densities[label], color=colour, **style)
        spans = [_support(*line.get_data(), run.problem) for line in axes.lines]
        mark_thresholds(axes, run.problem.marks)
        axes.set(xlabel=f"${axis}$", ylabel=f"${symbol(name)}({axis},t)$")
        low, high = min(low for low, _ in spans), max(high for _, high in spans)
        axes.set_xlim(low, high + 0.01 * (high - low))
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if _goes_below_zero(axes) else 0.0)
        axes.legend()


def plot_rates(axes: Any, run: Any, names: Sequence[str] | None = None) -> None:
    """N(t), and R(t) where there is one, as `rate_curve`; a blow-up is marked.

    The axis shows what follows the fall from a rate that begins infinite.
    """
    names = names or _rates(run)
    with house_style():
        for number, name in enumerate(names):
            style = {"ls": "-" if number == 0 else "--", "label": f"${symbol(name)}(t)$"}
            axes.plot(*rate_curve(run, name), f"C{number}", **style)
        _scale_rates(axes, run)
        if run.blow_up is not None:
            axes.axvline(run.blow_up.time, color="0.35", ls=":", label=f"blow-up, $t={run.blow_up.time:.4g}$")
        label = ",\\ ".join(f"{symbol(name)}(t)" for name in names)
        axes.set(xlabel="$t$", ylabel=f"${label}$")
        if len(names) > 1 or run.blow_up is not None:
            axes.legend()


def plot_series(
    axes: Any,
    run: Any,
    name: str = "N",
    style: str = "",
    since: float = 0.0,
    until: float = np.inf,
    below: float = np.inf,
    **look: Any,
) -> None:
    """A scalar of a run as `rate_curve`, from one time to another, where it is `below`; a blow-up is a dotted line."""
    t, values = rate_curve(run, name)
    shown = (t >= since) & (t <= until)
    (line,) = axes.plot(t[shown], np.where(values < below, values, np.nan)[shown], *filter(None, [style]), **look)
    if run.blow_up is not None and run.blow_up.time <= until:
        axes.axvline(run.blow_up.time, color=line.get_color(), ls=":", lw=1.0)


def rate_curve(run: Any, name: str = "N") -> tuple[np.ndarray, np.ndarray]:
    """(times, values) of a rate between the steps by dense output, NaN where nothing is drawn: where it is infinite.

    A rate that begins infinite, from data that do not vanish at V_F, falls like 1/sqrt(t): a fall that ends within the
    first fiftieth of the run is not drawn either.
    """
    t = fine_times(run.times)
    values = np.array(run.sample(name, t), float)
    if not np.isfinite(values[0]):
        early = np.count_nonzero(t <= t[0] + FIGURES.fall * (t[-1] - t[0]))
        lowest = int(np.argmin(values[:early]))
        if lowest + 1 < early:
            values[:lowest] = np.nan
    values[~np.isfinite(values)] = np.nan
    return t, values


def _rates(run: Any) -> list[str]:
    """N and R, those of all populations (six at most); other scalars where there is neither."""
    known = [name for name in run.problem.scalar_names if name.partition("_")[0] in ("N", "R")]
    return (known or list(run.problem.scalar_names))[: FIGURES.most_rates]


@checked(run=DRAWN, path=optional(FILE), name=optional(TEXT))
def plot_spacetime(run: Any, path: str | Path | None = None, name: str | None = None) -> Any:
    """Figure of n(v, t) over t and v in colour, V_R and V_F marked; written to `path` if one is given.

    A peak half as high again as what 0.2 percent of the picture exceeds, as next to a blow-up, is cut off in
    colour (the colour bar says so), so that it leaves the rest visible. Over (v, w) it shows C(w, t), or the function
    of w that `name` names; of a density over an index a picture for each entry. Raises ValueError for a run without
    duration, and for other densities over two axes.
    """
    if run.problem.line_names:
        return finished(plot_line_spacetime(run, name or "C"), path)
    if not run.problem.field_names:
        raise ValueError(f"plot_spacetime: {type(run.model).__name__} has no density over v; use plot_run.")
    name = name or run.problem.field_names[0]
    entries = len(_entries(densities_of(run.at(float(run.times[0]))), name))
    height = 3.2 if entries == 1 else 1.6
    figure, axes = new_figure(entries, height=height, wide=True, sharex=True, squeeze=False)
    draw_spacetime(axes[:, 0], run, name)
    axes[-1, 0].set_xlabel("$t$", fontsize=STYLE["axes.labelsize"])
    if run.blow_up is not None:
        axes[0, 0].set_title(f"blow-up at $t={run.blow_up.time:.6g}$", fontsize=STYLE["axes.titlesize"])
    return finished(figure, path)


def _entries(densities: Mapping[str, Any], name: str) -> list[str]:
    """The names of a density: its own, or those of the entries of its index."""
    return [key for key in densities if key == name or key.rpartition("_")[0] == name]


def draw_spacetime(panels: Sequence[Any], run: Any, name: str | None = None) -> None:
    """A density over t and v, as `plot_spacetime` has it, on a panel for each entry of its index, or on one."""
    name, axis, times = name or run.problem.field_names[0], _axis(run.problem), run_times(run, 201)
    if len(times) < 2:
        raise ValueError(f"plot_spacetime: the run ends where it starts (t = {times[0]:g}): use plot_run.")
    states = [run.at(float(t)) for t in times]
    v = common_points([state.problem.drawing_points().points for state in states], most=600)
    drawn = [densities_of(state) for state in states]
    # every pixel counts alike, however narrow the cells there
    areas = np.gradient(times)[:, None] * np.gradient(v)[None, :]
    for axes, entry in zip(panels, _entries(drawn[0], name), strict=True):
        values = np.array([on_points(found[entry], v) for found in drawn])
        top = _weighted_quantile(values, areas, 0.998)
        cut = {"vmax": top} if values.max() > 1.5 * top > 0.0 else {}
        with house_style():
            coloured(axes, times, v, values, f"${symbol(entry)}({axis},t)$", vmin=0.0, **cut)
            mark_thresholds(axes, run.problem.marks, along="v on y", color="white")
            axes.set(ylabel=f"${axis}$", ylim=_support(v, values.max(axis=0), run.problem))


def _scale_rates(axes: Any, run: Any) -> None:
    """Axis of the rates: logarithmic where a blow-up spans decades; cut where only the first moments would fill it."""
    t = axes.lines[0].get_xdata()
    curves = np.array([line.get_ydata() for line in axes.lines])
    drawn, late = curves[np.isfinite(curves)], curves[:, t >= t[0] + 0.02 * (t[-1] - t[0])]
    if not drawn.size or drawn.min() < 0.0:
        return
    late = late[np.isfinite(late)]
    if run.blow_up is not None and drawn.max() > FIGURES.log_above * np.median(drawn) > 0.0:
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


def _goes_below_zero(axes: Any) -> bool:
    """Whether a curve is visibly negative, by more than a hundredth of its height."""
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    return bool(values.min() < -0.01 * values.max())


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    order = np.argsort(values, axis=None)
    share = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order][np.searchsorted(share, level * share[-1])])
