"""Pictures of neurons beside the equation that is their limit; a comparison is seen by its rates and densities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .drawn import spread
from .style import fine_times, finished, house_style, mark_thresholds, new_figure, shades, symbol
from .tuning import FIGURES


def plot_comparison(comparison: Any, path: str | Path | None = None) -> Any:
    """Figure: densities on the left (points with error bars: neurons; curves: the equation), rates on the right.

    Without snapshots the rates only; with learning also the connectivity C(w). Written to `path` if one is given.
    """
    over = [axis for axis in ("v", "w") if any(density.axis == axis for density in comparison.densities)]
    figure, axes = new_figure(1, 1 + len(over), squeeze=False)
    for panel, axis in zip(axes[0], over, strict=False):
        draw_densities(panel, comparison, axis)
    draw_rates(axes[0, -1], comparison)
    return finished(figure, path)


def draw_densities(axes: Any, comparison: Any, over: str = "v") -> None:
    """The densities of a comparison over v or w, at most six spread over its times."""
    densities = [density for density in comparison.densities if density.axis == over]
    kept = [densities[k] for k in spread(len(densities), FIGURES.densities)]
    with house_style():
        for colour, density in zip(shades(len(kept)), kept, strict=True):
            middle = 0.5 * (density.edges[1:] + density.edges[:-1])
            axes.errorbar(middle, density.particles, density.error, fmt=".", ms=3, lw=0.9, color=colour)
            x = np.linspace(density.edges[0], density.edges[-1], 801)
            told = "" if not np.isfinite(density.distance.p) else f", $p={density.distance.p:.2g}$"
            label = f"${symbol(density.name)}$, $t={density.t:.4g}${told}"
            axes.plot(x, density.density(x), color=colour, lw=1.2, label=label)
        if over == "v":
            mark_thresholds(axes, comparison.run.problem.marks)
        names = ",\\ ".join(dict.fromkeys(f"{symbol(density.name)}({over},t)" for density in densities))
        axes.set(xlabel="membrane potential $v$" if over == "v" else "synaptic weight $w$", ylabel=f"density ${names}$")
        top = max(float(density.expected.max()) for density in kept)
        axes.set_ylim(0.0, 1.35 * top)
        axes.legend()


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
                t, values, color=f"C{number + 2}", lw=1.2, label=f"${symbol(rate.name)}(t)$ of the equation{told}"
            )
        seen = np.concatenate([rate.particles + rate.error for rate in comparison.rates.values()])
        if np.isfinite(seen).any():
            axes.set_ylim(0.0, 1.3 * max(float(np.nanmax(seen)), 1e-12))
        for k, spike in enumerate(comparison.spikes):
            text = f"synchronous, size {spike.size:.3g} ({spike.size_expected:.3g})" if k == 0 else None
            axes.axvline(spike.time, color="C3", ls=":", lw=1.0, label=text)
        axes.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$")
        axes.legend()
