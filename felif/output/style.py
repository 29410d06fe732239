"""The house style that every figure of the project shares.

Figures have the width of one column of a page or of two, so that they are printed as they are, with one size of text.
Panels have letters. matplotlib is imported when a picture is made, its `Figure` used directly: no window, no global
state, any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from .legends import clear_legends
from .tuning import FIGURES

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0  # inches

# thin grid, no box
STYLE = {
    "font.size": FIGURES.text,
    **dict.fromkeys(
        ("axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "figure.titlesize"), FIGURES.text
    ),
    **dict.fromkeys(("legend.fontsize", "legend.title_fontsize"), FIGURES.text),
    **{"legend.handlelength": 1.6, "legend.labelspacing": 0.3, "legend.borderaxespad": 0.3},
    **{"legend.edgecolor": "none", "legend.framealpha": 0.85, "legend.fancybox": False},  # over lines across a panel
    **{"lines.linewidth": 1.2, "lines.markersize": 4.0, "axes.linewidth": 0.7, "grid.linewidth": 0.6},
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.xmargin": 0.02,
    "figure.dpi": 110,
    "savefig.dpi": 220,
    "mathtext.fontset": "cm",
}

LABELS = {  # of axes, by their symbols
    "t": "time $t$ (membrane time constants)",
    "v": "membrane potential $v$",
    "w": "weight $w$",
    "b": "connectivity $b$",
    "n": "density $n(v,t)$",
    "N": "firing rate $N(t)$",
    "C": "connectivity $C(w)$",
}
LETTERS = {"tau": r"\tau", "eps": r"\varepsilon", "theta": r"\theta", "Nbar": r"\bar N"}  # with longer names


@contextmanager
def house_style() -> Iterator[None]:
    """Within it, matplotlib draws as this project's figures look."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def new_figure(
    rows: int = 1, columns: int = 1, height: float | None = None, wide: bool | None = None, **options: Any
) -> tuple:
    """A figure and its array of axes, in house style, laid out so that nothing is cut off, with letters on its panels.

    `height`: inches of one row. `wide`: over two columns of a page, by default where panels stand beside each other.
    `options` go to `Figure.subplots`. One panel: the axes themselves, without a letter.
    """
    from matplotlib.figure import Figure

    width = TWO_COLUMNS if (columns > 1 if wide is None else wide) else ONE_COLUMN
    with house_style():
        shape = FIGURES.shape if columns < 3 else FIGURES.slender
        figure = Figure(figsize=(width, rows * (height or shape * width / columns)), layout="constrained")
        figure._repr_png_ = partial(_as_png, figure)  # what a notebook shows, whatever its backend
        axes = figure.subplots(rows, columns, **options)
        panels = list(np.ravel(np.asarray(axes, object)))
        for letter, panel in zip("abcdefghijklmnopqrstuvwxyz", panels if len(panels) > 1 else (), strict=False):
            at = {"xytext": (-26, 4), "textcoords": "offset points", "annotation_clip": False}
            panel.annotate(letter, (0, 1), xycoords="axes fraction", weight="bold", gid="panel letter", **at)
        return figure, axes


def panels(rows: int = 1, columns: int = 1, **options: Any) -> Callable[[Callable[..., None]], Callable[[Any], Any]]:
    """Make `figure(results)` of a function that draws results on the panels of a `new_figure`, row by row."""

    def decorated(draw: Callable[..., None]) -> Callable[[Any], Any]:
        @wraps(draw)
        def figure(results: Any) -> Any:
            made, axes = new_figure(rows, columns, **options)
            with house_style():
                draw(results, *np.ravel(np.asarray(axes, object)))
            return made

        return figure

    return decorated


def label(
    axes: Any,
    x: str,
    y: str,
    legend: str | None = None,
    title: str = "",
    pad: float | None = None,
    columns: int = 1,
    **settings: Any,
) -> None:
    """Name both axes, in words or by a symbol of LABELS, and set more; a title on the left, a legend at its place.

    `pad`: points between panel and title, 16 above the names of thresholds. `columns`: of the legend.
    """
    axes.set(xlabel=LABELS.get(x, x), ylabel=LABELS.get(y, y), **settings)
    if title:
        axes.set_title(title, loc="left", pad=pad)
    if legend:
        axes.legend(loc=legend, ncols=columns, columnspacing=1.0)


def ticks(axis: Any, places: Any) -> None:
    """Ticks at these places alone, with their numbers: for short logarithmic axes."""
    axis.set_ticks(places, [f"{place:.6g}" for place in places])
    axis.set_ticks([], minor=True)


def shades(count: int, name: str = "viridis") -> np.ndarray:
    """So many colours, from the dark end of a map to its light one, without what is too light for lines."""
    from matplotlib import colormaps

    return colormaps[name](np.linspace(0.0, 0.88, count))


def coloured(axes: Any, x: Any, y: Any, values: np.ndarray, name: str = "", **look: Any) -> None:
    """Values of the shape (x, y) in colour, with a colour bar of that name, which shows where `vmax` cuts them."""
    mesh = axes.pcolormesh(x, y, values.T, **{"shading": "gouraud", "cmap": "viridis", "rasterized": True, **look})
    ends = "max" if values.max() > look.get("vmax", np.inf) else "neither"
    axes.figure.colorbar(mesh, ax=axes, label=name, pad=0.02, extend=ends)
    axes.grid(False)


def only(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The values of a curve where they are to be drawn, up to where the next piece begins, NaN elsewhere."""
    drawn = where.copy()
    drawn[1:] |= where[:-1]
    return np.where(drawn, values, np.nan)


def _as_png(figure: Any) -> bytes:
    buffer = BytesIO()
    with house_style():
        clear_legends(figure)
        figure.savefig(buffer, format="png", dpi=figure.dpi)
    return buffer.getvalue()


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure as what the name ends in (.png, .pdf, .svg); folders are made. ValueError for other endings."""
    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in known:
        raise ValueError(f"{path}: pictures are written as one of {', '.join(sorted(known))}; change the ending.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with house_style():
        clear_legends(figure)
        figure.savefig(path)
    return path


def finished(figure: Any, path: str | Path | None) -> Any:
    """The figure, written to `path` if one is given."""
    if path is not None:
        save_figure(figure, path)
    return figure


def symbol(name: str) -> str:
    """The name of a number or of an axis as mathematics, with its index: N_E is N_{E}, a0 is a_{0}."""
    letter, _, index = name.partition("_")
    if letter[1:].isdigit():
        letter, index = letter[0], letter[1:]
    letter = LETTERS.get(letter, letter)
    return f"{letter}_{{{index}}}" if index else letter


def mark_thresholds(axes: Any, marks: Mapping[str, float], along: str = "v on x", color: str = "0.5") -> None:
    """Thin lines at named potentials, V_R and V_F (`problem.marks`), with the name at the end of each."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.0, foreground="0.2")] if along == "v on y" else []
    for name, place in marks.items():
        text = f"${name}$"
        if along == "v on x":
            axes.axvline(place, color=color, lw=0.8, ls=":")
            where, side = (place, 1.0), {"ha": "center", "va": "bottom"}
            axes.annotate(text, where, xycoords=axes.get_xaxis_transform(), color=color, **side)
        else:
            axes.axhline(place, color=color, lw=0.8, ls=":")
            where, side = (0.99, place), {"ha": "right", "va": "top", "path_effects": outline}
            axes.annotate(text, where, xycoords=axes.get_yaxis_transform(), color=color, **side)


def fine_times(times: np.ndarray, pieces: int = 8) -> np.ndarray:
    """The steps, each cut into pieces: a step of high order is long, and no straight line between its ends."""
    times = np.asarray(times, float)
    inner = times[:-1, None] + np.diff(times)[:, None] * (np.arange(pieces) / pieces)
    return np.append(inner.ravel(), times[-1])
