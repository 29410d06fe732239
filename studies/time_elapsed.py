"""When do neurons that only know how long ago they fired begin to fire together?

    n_t + n_s + p(s, J) n = 0,     n(0, t) = N = int p n ds,     tau J' = N - J,     int n = 1
    p = 1/(1 + e^{-(s - sigma(J))/delta}),     sigma(J) = 2.75 - 2.25 J

Expected (S27; Pakdaman, Perthame & Salort 2010, 2013): activity makes neurons ready sooner. With weak dependence or a
blurred threshold (large delta) the network settles. With a sharp one it does not where what arrives is neither too fast
nor too slow: between two Hopf points in tau the steady state is unstable and the network turns on a cycle. At rest
int n = 1 gives N int S = 1, S = exp(-int p), and modes e^{lambda t} obey
(1 + lambda tau) int S e^{-lambda s} ds = N int S(s) int_0^s p_J(u) e^{-lambda (s - u)} du ds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-4, "rtol": 1e-3, "t_end": 5.0, "points": 1, "step": 10.0, "orbit_tol": 1e-2}
EXPECTED = {  # roots of the equation above, integrals on 941 pieces with 12 Gauss points each
    "steady_N": (0.333922650978, 1e-5),
    "hopf_low": (0.06745999, 2e-3),
    "hopf_high": (0.16894312, 2e-3),
    "frequency_low": (2.7099280, 2e-3),
    "frequency_high": (2.5209547, 2e-3),
    "blurred_growth": (-0.1334585174, 1e-5),  # delta = 0.2, tau = 0.1
    "orbit_period": (2.3910, 2e-3),  # this study with other meshes
    "mass_drift": (0.0, 1e-12),  # rounding
}


def main(
    delta: float = 0.05,
    blurred: float = 0.2,
    tau: float = 0.1,
    points: int = 6,
    step: float = 1.0,
    orbit_tol: float = 1e-4,
    tol: float = 1e-7,
    t_end: float = 60.0,
    rtol: float = 1e-6,
    out: Path | None = None,
) -> dict:
    """Follow the steady state in tau with a sharp and a blurred threshold, find the cycle, and run both networks.

    Parameters
    ----------
    delta
        Width of the sharp threshold.
    blurred
        Width of the blurred one.
    tau
        Time constant of what arrives, of the runs and of the cycle.
    points
        Values of tau at which the growth rate with the blurred threshold is computed.
    step
        Longest step along the branch of steady states.
    orbit_tol
        Accuracy of the cycle over the period.
    tol
        Accuracy from which meshes are chosen.
    t_end
        Length of the runs.
    rtol
        Tolerance of a time step.
    """
    start = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    runs, problems = {}, {}
    for name, width in (("sharp", delta), ("blurred", blurred)):
        problems[name] = fl.discretize(fl.TimeElapsed(_hazard(width), tau=tau), tol=tol)
        folder = fl.study.folder(out, name)
        runs[name] = fl.evolve(problems[name], start, t_end, rtol=rtol, folder=folder, resume=True)
    steady = fl.steady_state(problems["sharp"])
    branch = fl.continuation(problems["sharp"], steady, "tau", (0.4 * tau, 2.2 * tau), max_step=step)
    low, high = branch.hopfs
    orbit = fl.periodic_orbit(problems["sharp"], low, tau=tau, tol=orbit_tol)
    taus = np.linspace(0.4 * tau, 2.2 * tau, points)
    growth = np.array([_growth(problems["blurred"], value) for value in taus.tolist()])
    t = np.linspace(0.0, orbit.period, 200)
    return runs | {
        "steady_N": float(steady.N),
        "hopf_low": low.tau,
        "hopf_high": high.tau,
        "frequency_low": low.frequency,
        "frequency_high": high.frequency,
        "sharp_tau": branch.table["tau"],
        "sharp_growth": branch.table["leading"],
        "blurred_tau": taus,
        "blurred_growths": growth,
        "blurred_growth": _growth(problems["blurred"], tau),
        "orbit_period": orbit.period,
        "orbit_N": orbit.sample("N", t),
        "orbit_J": orbit.sample("J", t),
        "multiplier": float(np.abs(orbit.multipliers[0])),
        "mass_drift": max(run.drift["mass"] for run in runs.values()),
    }


def _hazard(width: float):
    return lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / width))


def _growth(problem, tau: float) -> float:
    there = problem.at(tau=tau)
    return float(fl.spectrum(there, fl.steady_state(there), count=1).eigenvalues[0].real)


def figure(results: dict):
    """Left: growth rates against tau. Middle: N(t) with both thresholds. Right: the cycle in the plane of J and N."""
    figure, (growth, times, plane) = new_figure(1, 3)
    sharp, blurred = results["sharp"], results["blurred"]
    with house_style():
        growth.plot(results["sharp_tau"], results["sharp_growth"], "C0-", label="sharp threshold")
        growth.plot(results["blurred_tau"], results["blurred_growths"], "C1--", label="blurred threshold")
        growth.plot([results["hopf_low"], results["hopf_high"]], [0, 0], "C3*", ms=12, label="Hopf points")
        growth.axhline(0.0, color="k", lw=0.8)
        growth.set(xlabel="time constant $\\tau$ of the input", ylabel="growth rate Re $\\lambda$")
        growth.legend(loc="center")
        for run, colour, label in ((blurred, "C1", "blurred threshold"), (sharp, "C0", "sharp threshold")):
            t = np.linspace(0.0, min(run.times[-1], 30.0), 800)
            times.plot(t, run.sample("N", t), colour, lw=1.1, label=label)
        times.set(xlabel="time $t$", ylabel="firing rate $N(t)$", ylim=(0.0, 0.62))
        times.legend(loc="upper right")
        t = np.linspace(0.5 * sharp.times[-1], sharp.times[-1], 1500)
        plane.plot(sharp.sample("J", t), sharp.sample("N", t), "C0", lw=0.8, label="run, second half")
        label = f"cycle, period {results['orbit_period']:.4f}"
        plane.plot(results["orbit_J"], results["orbit_N"], "k--", lw=1.2, label=label)
        plane.plot(results["steady_N"], results["steady_N"], "ko", ms=4, label="steady state")
        plane.set(xlabel="input $J$", ylabel="firing rate $N$", ylim=(0.25, 0.5))
        plane.legend(loc="upper right")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
