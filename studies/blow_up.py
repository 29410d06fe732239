"""When does the firing rate of an excitatory network become infinite?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: the lecture's blow-up figure (S9). A solution ceases to exist in finite time in the two cases of the theorem
of Caceres, Carrillo & Perthame (2011): b is large enough for given data (first row, b = 3), or the data are
concentrated enough near V_F for given b > 0 (second row, b = 1.5, though a stable steady state exists as well).
N = N_linear / (1 - b n(V_F^-)): as the density piles up in a layer of width a0/(b N) below V_F, its height tends to
1/b, and N grows like (t_BU - t)^(-1/2) up to a logarithm. The time t_BU comes with an error bar: what the extrapolation
leaves open plus the difference to a coarser companion run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.plots import plot_densities, plot_rates
from felif.output.sampling import sample_points
from felif.output.style import fine_times, house_style, mark_thresholds, new_figure

CHEAP = {"tol": 1e-5, "rtol": 1e-5}
# times: two independent discretisations, converged to the digits given
EXPECTED = {
    "outcome_large_b": ("blow_up", 0.0),
    "outcome_concentrated": ("blow_up", 0.0),
    "time_large_b": (3.41805743, 2e-5),
    "time_concentrated": (0.0475514383, 2e-7),
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}
CONVERGENCE = {"option": "rtol", "values": [1e-4, 1e-5, 1e-6, 1e-7], "result": "time_large_b", "reference": 3.41805743}
DATA = {
    "large_b": fl.Gaussian(mean=-1.0, variance=0.5, boundary_layer=0.5),
    "concentrated": fl.Gaussian(mean=1.5, variance=0.005, boundary_layer=0.5),
}
SYMBOL = r"t_{\mathrm{BU}}"


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-7,
    t_end: float = 10.0,
    rtol: float = 1e-7,
    b: float = 3.0,
    b_concentrated: float = 1.5,
    a0: float = 1.0,
    a1: float = 0.0,
    out: Path | None = None,
) -> dict:
    """Run two excitatory networks into their blow-up.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, without a mesh that follows the solution.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Latest end of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the network that starts far from V_F.
    b_concentrated
        Connectivity of the network that starts close to V_F.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N.
    """
    results: dict = {}
    for name, connectivity in {"large_b": b, "concentrated": b_concentrated}.items():
        network = fl.NoisyLIF(b=connectivity, a0=a0, a1=a1)
        space = fl.SpectralElement(degree)
        if cells is None:
            problem = fl.discretize(network, space=space, tol=tol)
        else:
            problem = fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=3.0), space=space)
        run = fl.evolve(problem, DATA[name], t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
        results[name] = run
        results[f"outcome_{name}"] = run.outcome.name
        results[f"time_{name}"] = None if run.blow_up is None else run.blow_up.time
        results[f"error_{name}"] = None if run.blow_up is None else run.blow_up.error
    runs = [results[name] for name in DATA]
    return results | {
        "mass_drift": max(run.drift["mass"] for run in runs),
        "min_n": min(run.series["min_n"].min() for run in runs),
        "defect": max(run.moment_defect for run in runs) / max(tol if cells is None else 0.0, rtol),
    }


def many(
    b: np.ndarray,
    b_concentrated: np.ndarray,
    a0: np.ndarray,
    a1: np.ndarray,
    tol: float = 1e-7,
    t_end: float = 10.0,
) -> dict:
    """Outcomes and times of both networks at many points, for sweeps; `tol` is of the mesh and of the steps."""
    results = {}
    for name, connectivity in {"large_b": b, "concentrated": b_concentrated}.items():
        values = {"b": connectivity, "a0": a0, "a1": a1}
        found = fl.evolve_many(fl.NoisyLIF(), values, DATA[name], [t_end], tol=tol, paired=True, workers=1)
        results[f"outcome_{name}"] = found.outcome
        results[f"time_{name}"], results[f"error_{name}"] = found.blow_up_time, found.blow_up_error
    return results


def figure(results: dict):
    """A row for each case, as on the slide: n(v, t) left as t nears t_BU; N(t) right."""
    figure, axes = new_figure(2, 2)
    titles = {"large_b": "large connectivity", "concentrated": "data concentrated near $V_F$"}
    for (left, right), (name, title) in zip(axes, titles.items(), strict=True):
        run = results[name]
        if run.blow_up is None:  # with other options
            plot_densities(left, run)
            plot_rates(right, run)
        else:
            _densities(left, run)
            _rate(right, run)
        with house_style():
            left.set_title(f"{title}, $b={run.model.b:g}$", loc="left", pad=16)
            left.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$")
            right.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$")
    return figure


def _densities(axes, run) -> None:
    """Densities at times whose distance to the blow-up falls from curve to curve."""
    from matplotlib import colormaps

    blow_up = run.blow_up.time
    power = int(np.floor(np.log10(0.2 * blow_up)))
    curves = [("$t=0$", blow_up), (f"$t={blow_up / 2:.3g}$", blow_up / 2)]
    curves += [(f"${SYMBOL}-t=10^{{{k}}}$", 10.0**k) for k in range(power, power - 4, -1)]
    with house_style():
        for (label, left), colour in zip(curves, colormaps["plasma"](np.linspace(0.0, 0.88, len(curves))), strict=True):
            state = run.at(min(max(blow_up - left, 0.0), run.times[-1]))
            v = sample_points(state.problem)
            axes.plot(v, state.n(v), color=colour, label=label)
        low = min(v[n > 2e-3 * n.max()][0] for v, n in (line.get_data() for line in axes.lines))
        mark_thresholds(axes, run.problem.marks)
        axes.set(xlim=(low, run.model.v_fire + 0.03 * (run.model.v_fire - low)), ylim=(0.0, None))
        axes.legend(loc="upper left")


def _rate(axes, run) -> None:
    """N(t), the blow-up time with its error bar; inside, N against the distance to it, shaded below its error."""
    blow_up, t = run.blow_up, fine_times(run.times)
    N, left = run.sample("N", t), run.blow_up.time - t
    power = int(np.floor(np.log10(blow_up.error)))
    time, error = f"{blow_up.time:.{max(1 - power, 0)}f}", f"{blow_up.error / 10.0**power:.1f}"
    with house_style():
        top = 60.0 * np.median(run.sample("N", np.linspace(0.5, 0.99, 50) * run.times[-1]))
        axes.plot(t, N)
        axes.set_ylim(0.0, top)
        label = rf"${SYMBOL}={time}\pm{error}\times10^{{{power}}}$"
        axes.errorbar(blow_up.time, 0.04 * top, xerr=blow_up.error, fmt="k|", ms=14, capsize=3, label=label)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.07))
        inset = axes.inset_axes((0.16, 0.44, 0.6, 0.52))
        inset.loglog(left, N)
        start = 1e-2 * blow_up.time
        guide = np.array([start, 1e-3 * start])
        below = 0.4 * np.interp(start, left[::-1], N[::-1])
        inset.loglog(guide, below * np.sqrt(start / guide), "k--", lw=1.0)
        inset.text(guide[1], 2.5 * below, f"$({SYMBOL}-t)^{{-1/2}}$", ha="left", va="center")
        inset.set_ylim(np.interp(blow_up.time * 0.7, left[::-1], N[::-1]) / 3, 3 * N.max())
        inset.axvspan(left[-1], blow_up.error, color="0.85")
        inset.text(0.99, 0.04, "within the error", ha="right", transform=inset.transAxes)
        inset.set_xlim(blow_up.time, left[-1])  # toward the blow-up from left to right
        inset.tick_params(labelsize=8)
        inset.set_xlabel(f"${SYMBOL}-t$", labelpad=1)
        inset.set_ylabel("$N$", labelpad=1)


if __name__ == "__main__":
    fl.study.run_script(main)
