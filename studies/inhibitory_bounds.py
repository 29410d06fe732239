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

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output import label, panels, plot_densities, plot_series, shades

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "connectivities": (0.0, -10.0), "t_end": 6.0}
EXPECTED = {
    "outcome": ("finished", 0.0),
    "below": (True, 0.0),  # theorem
    "largest_distance": (0.0, 1e-2),  # to the closed form of the steady rate, relative, at t_end
    "slowest_decay": (1.5, 0.5),  # more than 1
}


@fl.study.numerics(cells=None, tol=1e-7, t_end=8.0, rtol=1e-7, mesh={"v_min": -12.0, "grading": 3.0})
def main(solver, b=-10.0, a0=1.0, distance=0.1, connectivities=(0.0, -1.0, -3.0, -10.0, -30.0, -100.0)) -> dict:
    """Run a network from data concentrated at V_F, and several from two kinds of data.

    b: Connectivity of the first network.
    distance: How far from V_F its data are; a third of that is their width.
    connectivities: Connectivities of the networks that are followed until they settle.
    """
    start = fl.Gaussian(2.0 - distance, (distance / 3) ** 2, boundary_layer=distance)
    run = solver.evolve("concentrated", fl.NoisyLIF(b=b, a0=a0), start)
    times, bounds = run.times, fl.certificates(run)["rate_bound"]
    anew = np.minimum.accumulate(bounds * np.exp(-times)) * np.exp(times)
    data = {"near": fl.Gaussian(1.5, 0.02, boundary_layer=0.5), "far": fl.Gaussian(-2.0, 0.5, boundary_layer=0.5)}
    late, away = solver.t_end * np.array([0.5, 0.9, 1.0]), []
    for kind, start in data.items():
        for k, connectivity in enumerate(connectivities):
            settled = solver.evolve(f"{kind}_{k}", fl.NoisyLIF(b=connectivity, a0=a0), start)
            away.append(abs(settled.sample("N", late) / exact.firing_rate(settled.model) - 1))
    first, second, distances = np.array(away).T
    decays = np.log(first / second) / (0.4 * solver.t_end)
    return {
        "outcome": run.outcome.name,
        "t": times,
        "universal": bounds[0] * np.exp(times),
        "anew": anew,
        "below": bool(np.all(run.series["N"] <= anew * (1 + 1e-6))),
        "largest_N": float(np.max(run.series["N"])),
        "connectivities": np.array(connectivities),
        "largest_distance": float(distances.max()),
        "slowest_decay": float(decays.min()),
        "decays": decays,
    }


@panels(2, 2)
def figure(results, density, bounds, near, far):
    """The concentrated run under its bounds; distance to the steady rate for every b."""
    run, end = results["concentrated"], results["t"][-1]
    plot_densities(density, run, [0.0, 1e-3, 1e-2, 0.1 * end, end])
    density.set(yscale="log", xlim=(-4.0, None), ylim=(1e-3, None))
    label(density, "v", "n", title=f"$b={run.model.b:g}$, concentrated data", pad=16)
    plot_series(bounds, run, label="$N(t)$")
    bounds.loglog(results["t"], results["universal"], "k--", lw=1.0, label=r"$a_0C(0)e^t/(V_F-V_R)$")
    bounds.loglog(results["t"], results["anew"], "C3", lw=1.0, label=r"$\min_s a_0C(s)e^{t-s}/(V_F-V_R)$")
    label(bounds, "t", "firing rate and bounds", legend="best", xlim=(1e-6, end), ylim=(1e-3, None))
    colours = shades(len(results["connectivities"]), "plasma")
    for axes, kind, where in ((near, "near", "near $V_F$"), (far, "far", "far below")):
        for k, (b, colour) in enumerate(zip(results["connectivities"], colours, strict=True)):
            run = results[f"{kind}_{k}"]
            t = np.linspace(0.0, float(run.times[-1]), 300)[1:]
            away = abs(run.sample("N", t) / exact.firing_rate(run.model) - 1)
            axes.semilogy(t, np.maximum(away, 1e-12), color=colour, label=f"$b={b:g}$")
        label(axes, "t", r"$|N/N_\infty-1|$", "best", f"data {where}", columns=2, ylim=(1e-7, 1e2))


if __name__ == "__main__":
    fl.study.run_script(main)
