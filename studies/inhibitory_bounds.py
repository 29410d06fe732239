"""Do inhibitory networks stay bounded whatever their data, and do they all settle?

    n_t + [(-v + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,   b <= 0
    n(V_F, t) = 0,      N(t) = -a0 n_v(V_F, t)

Expected: yes to the first (S8), by the universal supersolution n0 <= C min(1, (V_F - v)/(V_F - V_R)) => N(t) <= a0 C
e^t/(V_F - V_R), which does not depend on b; taken anew at every time it is min over s of a0 C(s) e^(t - s)/(V_F - V_R).
Data concentrated within a tenth of V_F (first row, b = -10) stay far below it: inhibition throws the neurons back. The
second question is open in the lecture (convergence is proved for small |b|). Numerically: for b from 0 to -100 and two
data each, N tends to the closed form of the steady rate, at the gap of b = 0, 1.19, or faster the larger |b|. Only
with a delay does the steady state lose its stability (study delay_hopf).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output.plots import plot_densities
from felif.output.style import fine_times, house_style, new_figure

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "connectivities": (0.0, -10.0), "t_end": 6.0}
EXPECTED = {
    "outcome": ("finished", 0.0),
    "below": (True, 0.0),  # theorem
    "largest_distance": (0.0, 1e-2),  # to the closed form of the steady rate, relative, at t_end
    "slowest_decay": (1.5, 0.5),  # more than 1
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    tol: float = 1e-7,
    t_end: float = 8.0,
    rtol: float = 1e-7,
    b: float = -10.0,
    a0: float = 1.0,
    distance: float = 0.1,
    connectivities: tuple[float, ...] = (0.0, -1.0, -3.0, -10.0, -30.0, -100.0),
    out: Path | None = None,
) -> dict:
    """Run a network from data concentrated at V_F, and several from two kinds of data.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, without a mesh that follows the solution.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Length of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the first network.
    a0
        Noise.
    distance
        How far from V_F its data are; a third of that is their width.
    connectivities
        Connectivities of the networks that are followed until they settle.
    """
    largest = max(tol if cells is None else 0.0, rtol)

    def run_of(connectivity: float, start: fl.Gaussian, name: str) -> fl.Run:
        network = fl.NoisyLIF(b=connectivity, a0=a0)
        mesh = None if cells is None else fl.interval(network, v_min=-12.0, cells=cells, grading=3.0)
        problem = fl.discretize(network, tol=tol) if mesh is None else fl.discretize(network, mesh)
        return fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)

    concentrated = run_of(b, fl.Gaussian(2.0 - distance, (distance / 3) ** 2, boundary_layer=distance), "concentrated")
    times = concentrated.times
    bounds = fl.certificates(concentrated)["rate_bound"]
    universal, anew = bounds[0] * np.exp(times), np.minimum.accumulate(bounds * np.exp(-times)) * np.exp(times)
    results: dict = {
        "concentrated": concentrated,
        "outcome": concentrated.outcome.name,
        "t": times,
        "universal": universal,
        "anew": anew,
        "below": bool(np.all(concentrated.series["N"] <= anew * (1 + 1e-6))),
        "largest_N": float(np.max(concentrated.series["N"])),
        "mass_drift": concentrated.drift["mass"],
        "defect": concentrated.moment_defect / largest,
        "connectivities": list(connectivities),
    }
    distances, decays = [], []
    data = {"near": fl.Gaussian(1.5, 0.02, boundary_layer=0.5), "far": fl.Gaussian(-2.0, 0.5, boundary_layer=0.5)}
    for k, connectivity in enumerate(connectivities):
        steady = exact.firing_rate(fl.NoisyLIF(b=connectivity, a0=a0))
        for kind, start in data.items():
            run = run_of(connectivity, start, f"{kind}_{k}")
            results[f"{kind}_{k}"] = run
            away = abs(run.sample("N", [0.5 * t_end, 0.9 * t_end]) / steady - 1)
            distances.append(abs(run.final.N / steady - 1))
            decays.append(float(np.log(away[0] / away[1]) / (0.4 * t_end)))
            results["mass_drift"] = max(results["mass_drift"], run.drift["mass"])
            results["defect"] = max(results["defect"], run.moment_defect / largest)
    return results | {"largest_distance": max(distances), "slowest_decay": min(decays), "decays": decays}


def figure(results: dict):
    """The concentrated run under its bounds; distance to the steady rate for every b."""
    figure, axes = new_figure(2, 2)
    run = results["concentrated"]
    with house_style():
        end = float(run.times[-1])
        plot_densities(axes[0, 0], run, [0.0, 1e-3, 1e-2, 0.1 * end, end])
        axes[0, 0].set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$", yscale="log", ylim=(1e-3, None))
        axes[0, 0].set_xlim(-4.0, None)
        axes[0, 0].set_title(f"$b={run.model.b:g}$, concentrated data", loc="left", pad=16)
        axis, t = axes[0, 1], fine_times(run.times)
        axis.loglog(t, np.maximum(run.sample("N", t), 1e-12), label="$N(t)$")
        axis.loglog(results["t"], results["universal"], "k--", lw=1.0, label=r"$a_0C(0)e^t/(V_F-V_R)$")
        axis.loglog(results["t"], results["anew"], "C3", lw=1.0, label=r"$\min_s a_0C(s)e^{t-s}/(V_F-V_R)$")
        axis.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate and bounds", ylim=(1e-3, None))
        axis.set_xlim(1e-6, end)
        axis.legend()
        from matplotlib import colormaps

        count = len(results["connectivities"])
        for axis, kind in zip(axes[1], ("near", "far"), strict=True):
            for k, (b, colour) in enumerate(
                zip(results["connectivities"], colormaps["plasma"](np.linspace(0.0, 0.85, count)), strict=True)
            ):
                run = results[f"{kind}_{k}"]
                t = np.linspace(0.0, float(run.times[-1]), 300)[1:]
                away = abs(run.sample("N", t) / exact.firing_rate(run.model) - 1)
                axis.semilogy(t, np.maximum(away, 1e-12), color=colour, label=f"$b={b:g}$")
            axis.set(xlabel="time $t$ (membrane time constants)", ylabel=r"$|N/N_\infty-1|$", ylim=(1e-7, 1e2))
            where = "near $V_F$" if kind == "near" else "far below"
            axis.set_title(f"data {where}", loc="left")
            axis.legend(ncols=2)
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
