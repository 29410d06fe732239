"""Pictures of simulated networks: rates over time, histograms of potentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, checked, having, optional
from .style import finished, house_style, mark_thresholds, new_figure, symbol


@checked(run=having("what simulate_particles returns", "batches", "snapshots"), path=optional(FOLDER))
def plot_particles(run: Any, path: str | Path | None = None) -> Any:
    """Figure of a ParticleRun: N(t) of each bin with its standard error on the left, the last potentials on the right.

    Synchronous spikes are marked on the time axis.

    Parameters
    ----------
    run : ParticleRun
        What `simulate_particles` returned.
    path : path
        Where the figure is written, if anywhere.

    Returns
    -------
    matplotlib figure

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> import felif as fl
    >>> how = {"neurons": 100, "t_end": 0.2, "dt": 0.01, "seed": 1, "progress": False}
    >>> neurons = fl.simulate_particles(fl.NoisyLIF(b=0.5), start=fl.Gaussian(0.0, 0.25), **how)
    >>> figure = fl.plot_particles(neurons)
    """
    figure, (left, right) = new_figure(1, 2)
    plot_particle_rates(left, run)
    plot_histograms(right, run)
    return finished(figure, path)


def plot_particle_rates(axes: Any, run: Any) -> None:
    """Rates, and resting fractions where there are any, with bars of one standard error from the batches."""
    with house_style():
        for number, name in enumerate(name for name in run.series if name[0] in "NR"):
            values, error = run.series[name], None
            groups = run.batches.get(name)
            if groups is not None and len(groups) > 1:
                error = groups.std(axis=0, ddof=1) / np.sqrt(len(groups))
            look = {"fmt": ".", "ms": 3, "lw": 0.8, "color": f"C{number}", "label": f"${symbol(name)}(t)$"}
            axes.errorbar(run.centres, values, error, **look)
        for event in run.events:
            axes.axvline(event.time, color="0.6", lw=0.8, zorder=0)
        axes.set(xlabel="$t$")
        axes.set_ylim(bottom=0.0)
        axes.legend()


def plot_histograms(axes: Any, run: Any, t: float | None = None, bars: int = 80) -> None:
    """Histogram of the potentials of every population at time t, scaled like n: its integral is the active fraction."""
    snapshot = run.final if t is None else run.snapshots[t]
    with house_style():
        for kind in np.unique(snapshot.population):
            everyone = int(np.count_nonzero(snapshot.population == kind))
            v = snapshot.potentials(int(kind))
            if not v.size:
                continue
            heights, edges = np.histogram(v, bars)
            axes.stairs(heights / everyone / np.diff(edges), edges, color=f"C{kind}", fill=True, alpha=0.5)
        mark_thresholds(axes, run.marks)
        axes.set(xlabel="$v$", ylabel=f"$n(v,{snapshot.t:.4g})$")
        axes.set_ylim(bottom=0.0)
