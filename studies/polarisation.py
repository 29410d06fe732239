"""Does a cell polarise by itself, and which feedback lets the density at its wall blow up?

    n_t = n_zz + mu(t) n_z,   z > 0,      n_z(0, t) + mu n(0, t) = 0,      M = int n
    "trace": mu = n(0, t)     "integrated": mu' = n(0, t) - mu/L     "exchange": the same, and n_z(0) + mu n(0) = mu'

Expected (S15; Calvez, Hawkins, Meunier & Voituriez 2012): with mu = n(0, t) the mass decides. Below 1 the density
spreads and n(0, t) falls like t^(-1/2); at 1 it tends to a constant that the data choose; above 1 it becomes infinite
before T <= J0^2/((M - 1) M^2), J0 = int z n_0. With mu integrated in time n(0, t) grows without end but stays finite;
where what is bound at the wall is taken from n, it converges. Numbers are those of a Volterra equation for n(0, t),
solved by Chebyshev series in sqrt(t).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "masses": 0}
EXPECTED = {
    "trace_below": ((1.323790386637, 1.177396726041, 0.812057566357), 2e-5),  # t = .25, 1, 4
    "mu_integrated": ((0.306440561622, 0.316076059930, 0.278840673939, 0.212899023939), 1e-5),  # t = .5, 1, 2, 4
    "mu_exchange": ((0.588646516530, 0.882839935502, 1.259718885248, 1.72424027953), 3e-5),
    "steady_at": (1.0, 1e-3),  # M = 1, n_0 = e^{-z}, which is a steady state: n(0, t) stays
    "time_2": (0.21708232, 5e-6),
    "late": (0, 0.0),  # blow-up times beyond the bound
    "mass_drift": (0.0, 1e-12),  # rounding
}


def main(
    masses: int = 5,
    tol: float = 1e-6,
    t_end: float = 4.0,
    rtol: float = 1e-7,
    out: Path | None = None,
) -> dict:
    """Run masses below, at and above the critical one with mu = n(0, t), and one of each of the other closures.

    Parameters
    ----------
    masses
        Number of further masses above 1 whose blow-up times are compared with the bound.
    tol
        Accuracy from which meshes are chosen.
    t_end
        Length of the runs.
    rtol
        Tolerance of a time step.
    """

    def run(name: str, model: fl.CellPolarisation, start, length: float = t_end) -> fl.Run:
        problem = fl.discretize(model, tol=tol)
        return fl.evolve(problem, start, length, rtol=rtol, folder=fl.study.folder(out, name), resume=True)

    half = lambda width: lambda z: np.exp(-(z**2) / (2 * width**2))
    exponential = lambda z: np.exp(-z)
    runs = {
        "below": run("below", fl.CellPolarisation("trace", mass=0.9), half(0.7)),
        "at": run("at", fl.CellPolarisation("trace", mass=1.0), exponential),
        "above": run("above", fl.CellPolarisation("trace", mass=2.0), exponential),
        "integrated": run("integrated", fl.CellPolarisation("integrated", L=0.5), {"n": half(1.0), "mu": 0.2}),
        "exchange": run("exchange", fl.CellPolarisation("exchange", mass=3.0), {"n": half(1.0), "mu": 0.0}),
    }
    blow = runs["above"].blow_up
    table = [(2.0, blow.time, blow.error, 1.0)]
    for M in np.geomspace(1.3, 3.0, masses).tolist():
        blow = run(f"mass_{M:.3g}", fl.CellPolarisation("trace", mass=M), exponential, 1.1 / (M - 1)).blow_up
        table.append((M, blow.time if blow else np.nan, blow.error if blow else np.nan, 1 / (M - 1)))
    table = np.array(sorted(table))
    at = lambda name, series, times: runs[name].sample(series, [t for t in times if t <= t_end])
    return runs | {
        "trace_below": at("below", "trace", (0.25, 1.0, 4.0)),
        "mu_integrated": at("integrated", "mu", (0.5, 1.0, 2.0, 4.0)),
        "mu_exchange": at("exchange", "mu", (0.5, 1.0, 2.0, 4.0)),
        "steady_at": float(runs["at"].final.trace),
        "time_2": runs["above"].blow_up.time,
        "error_2": runs["above"].blow_up.error,
        "blow_ups": table,
        "late": int((table[:, 1] > table[:, 3]).sum()),
        "mass_drift": max(max(run.drift.values()) for name, run in runs.items() if name != "above"),
    }


def figure(results: dict):
    """Left: n(0, t) with three masses; middle: with three closures; right: blow-up times and their bound."""
    figure, (masses, closures, times) = new_figure(1, 3)
    lines = (
        (masses, "below", "trace", "$M=0.9$"),
        (masses, "at", "trace", "$M=1$"),
        (masses, "above", "trace", f"$M=2$, $T^*={results['time_2']:.5f}$"),
        (closures, "above", "trace", "$\\mu=n(0,t)$, $M=2$"),
        (closures, "integrated", "trace", "$\\mu'=n(0,t)-2\\mu$, $M=1$"),
        (closures, "exchange", "trace", "exchange with the wall, $M=3$"),
    )
    with house_style():
        for axes, name, series, label in lines:
            run = results[name]
            t = np.geomspace(1e-4, 1.0, 200) * run.times[-1] * (1 - 1e-9)
            q = run.sample(series, t)
            axes.plot(t[q < 60], q[q < 60], label=label)
        for axes in (masses, closures):
            axes.set(xlabel="time $t$", ylabel="density at the wall $n(0,t)$", yscale="log")
            axes.legend(loc="upper right")
        table = results["blow_ups"]
        times.plot(table[:, 0], table[:, 1], "C3o-", ms=5, label="blow-up time $T^*(M)$")
        M = np.linspace(1.25, 3.1, 200)
        times.plot(M, 1 / (M - 1), "k--", lw=1.0, label="bound $J_0^2/((M-1)M^2)$")
        times.set(xlabel="mass $M$, data $M e^{-z}$", ylabel="time", yscale="log")
        times.legend(loc="upper right")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
