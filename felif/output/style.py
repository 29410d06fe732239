"""The house style that every figure of the project shares.

matplotlib is imported when a picture is made, its `Figure` used directly: no window, no global state, any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

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
        figure._repr_png_ = partial(_as_png, figure)  # what a notebook shows, whatever its backend
        return figure, figure.subplots(rows, columns, **options)


def _as_png(figure: Any) -> bytes:
    buffer = BytesIO()
    with house_style():
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
        figure.savefig(path)
    return path


def mark_thresholds(axes: Any, marks: Mapping[str, float], along: str = "v on x", color: str = "0.5") -> None:
    """Thin lines at named potentials, V_R and V_F (`problem.marks`), with the name at the end of each."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.0, foreground="0.2")] if along == "v on y" else []
    for name, place in marks.items():
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
