"""Picture of interspike intervals and their density."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .style import finished, house_style, new_figure


def plot_intervals(
    intervals: np.ndarray,
    density: Callable[[np.ndarray], np.ndarray],
    path: str | Path | None = None,
    unit: str = "membrane time constants",
) -> Any:
    """Histogram of the intervals with the density over it; written to `path` if given."""
    figure, axes = new_figure()
    draw_intervals(axes, intervals, density, unit)
    return finished(figure, path)


def draw_intervals(
    axes: Any,
    intervals: np.ndarray,
    density: Callable[[np.ndarray], np.ndarray],
    unit: str = "membrane time constants",
) -> None:
    """The same on axes that exist. Bins by the rule of Freedman and Diaconis, the last per cent cut off."""
    end = float(np.quantile(intervals, 0.99))
    low, high = np.quantile(intervals, [0.25, 0.75])
    width = max(2 * (high - low) * len(intervals) ** (-1 / 3), end / 200)
    edges = np.linspace(0.0, end, max(5, int(np.ceil(end / width))) + 1)
    counts, _ = np.histogram(intervals, edges)
    with house_style():
        axes.stairs(counts / np.diff(edges) / len(intervals), edges, fill=True, alpha=0.35, label="intervals")
        t = np.linspace(0.0, end, 400)
        axes.plot(t, density(t), label="first-passage density")
        axes.set(xlabel=f"interspike interval ({unit})", ylabel="density", xlim=(0, end))
        axes.legend()
