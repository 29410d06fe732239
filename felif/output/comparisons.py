"""Pictures of neurons beside the equation that is their limit; a comparison is seen by its rates and densities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .plots import fine_times, house_style, mark_thresholds, new_figure, save_figure
from .sampling import sample_points

_MOST = 6  # densities in a picture


def plot_comparison(comparison: Any, path: str | Path | None = None) -> Any:
    """Figure: densities on the left (bars of the neurons with error bars, the equation as a curve), rates on the right.

    Without snapshots the rates only. Written to `path` if one is given.
    """
    if comparison.densities:
        figure, (left, right) = new_figure(1, 2)
        draw_densities(left, comparison)
    else:
        figure, right = new_figure()
    draw_rates(right, comparison)
    if path is not None:
        save_figure(figure, path)
    return figure


def draw_densities(axes: Any, comparison: Any) -> None:
    """The densities of a comparison, at most six spread over its times."""
    densities = comparison.densities
    kept = np.unique(np.linspace(0, len(densities) - 1, min(_MOST, len(densities))).round().astype(int))
    with house_style():
        from matplotlib import colormaps

        colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(kept)))
        for colour, density in zip(colours, (densities[k] for k in kept), strict=True):
            middle = 0.5 * (density.edges[1:] + density.edges[:-1])
            axes.errorbar(middle, density.particles, density.error, fmt=".", ms=3, lw=0.9, color=colour)
            state = comparison.run.at(density.t)
            v = sample_points(state.problem)
            v = v[(v >= density.edges[0]) & (v <= density.edges[-1])]
            told = "" if not np.isfinite(density.distance.p) else f", $p={density.distance.p:.2g}$"
            label = f"${_symbol(density.name)}$, $t={density.t:.4g}${told}"
            axes.plot(v, getattr(state, density.name)(v), color=colour, lw=1.2, label=label)
        mark_thresholds(axes, comparison.run.problem)
        axes.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$")
        top = max(float(density.expected.max()) for density in (densities[k] for k in kept))
        axes.set_ylim(0.0, 1.35 * top)
        axes.legend(fontsize=8)


def draw_rates(axes: Any, comparison: Any) -> None:
    """The rates of a comparison: a point and an error bar a bin, the equation as a curve."""
    run = comparison.run
    with house_style():
        for number, rate in enumerate(comparison.rates.values()):
            low, high = max(rate.edges[0], run.times[0]), min(rate.edges[-1], run.times[-1])
            middle = 0.5 * (rate.edges[1:] + rate.edges[:-1])
            label = f"{comparison.neurons} neurons" if number == 0 else None
            axes.errorbar(
                middle, rate.particles, rate.error, fmt=".", ms=3, lw=0.7, color=f"C{number}", alpha=0.75, label=label
            )
            steps = run.times[(run.times >= low) & (run.times <= high)]
            t = fine_times(np.unique(np.concatenate([[low], steps, [high]])))
            values = np.asarray(run.sample(rate.name, t), float)
            values[~np.isfinite(values)] = np.nan
            told = "" if not np.isfinite(rate.test.p) else f", $p={rate.test.p:.2g}$"
            axes.plot(
                t, values, color=f"C{number + 2}", lw=1.2, label=f"${_symbol(rate.name)}(t)$ of the equation{told}"
            )
        seen = np.concatenate([rate.particles + rate.error for rate in comparison.rates.values()])
        if np.isfinite(seen).any():
            axes.set_ylim(0.0, 1.3 * max(float(np.nanmax(seen)), 1e-12))
        for k, spike in enumerate(comparison.spikes):
            text = f"synchronous, size {spike.size:.3g} ({spike.size_expected:.3g})" if k == 0 else None
            axes.axvline(spike.time, color="C3", ls=":", lw=1.0, label=text)
        axes.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$")
        axes.legend(fontsize=8)


def _symbol(name: str) -> str:
    letter, _, index = name.partition("_")
    return f"{letter}_{{{index}}}" if index else letter
