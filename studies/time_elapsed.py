"""When do neurons that only know how long ago they fired begin to fire together?

    n_t + n_s + p(s, J) n = 0,     n(0, t) = N = int p n ds,     tau J' = N - J,     int n = 1
    p = 1/(1 + e^{-(s - sigma(J))/delta}),     sigma(J) = 2.75 - 2.25 J

Expected (S27; Pakdaman, Perthame & Salort 2010, 2013): activity makes neurons ready sooner. With weak dependence or a
blurred threshold (large delta) the network settles. With a sharp one it does not where what arrives is neither too fast
nor too slow: between two Hopf points in tau the steady state is unstable and the network turns on a cycle. At rest
int n = 1 gives N int S = 1, S = exp(-int p), and modes e^{lambda t} obey
(1 + lambda tau) int S e^{-lambda s} ds = N int S(s) int_0^s p_J(u) e^{-lambda (s - u)} du ds.
"""

from dataclasses import dataclass

import numpy as np

import felif as fl
from felif.output.plots import plot_series
from felif.output.style import label, panels

CHEAP = {"tol": 1e-4, "rtol": 1e-3, "t_end": 5.0, "points": 1, "step": 10.0, "orbit_tol": 1e-2}
EXPECTED = {  # roots of the equation above, integrals on 941 pieces with 12 Gauss points each
    "steady_N": (0.333922650978, 1e-5),
    "hopf_low": (0.06745999, 2e-3),
    "hopf_high": (0.16894312, 2e-3),
    "frequency_low": (2.7099280, 2e-3),
    "frequency_high": (2.5209547, 2e-3),
    "blurred_growth": (-0.1334585174, 1e-5),  # delta = 0.2, tau = 0.1
    "orbit_period": (2.3910, 2e-3),  # this study with other meshes
}


@dataclass(frozen=True)
class Hazard:
    """Neurons become ready at the age 2.75 - 2.25 x, give or take `width`. A class: results find it in this file."""

    width: float

    def __call__(self, s, x):
        return 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / self.width))


@fl.study.numerics(tol=1e-7, t_end=60.0, rtol=1e-6)
def main(
    solver, delta: float = 0.05, blurred: float = 0.2, tau: float = 0.1, points: int = 6, step: float = 1.0,
    orbit_tol: float = 1e-4,
) -> dict:  # fmt: skip
    """Follow the steady state in tau with a sharp and a blurred threshold, find the cycle, and run both networks.

    delta: Width of the sharp threshold.
    blurred: Width of the blurred one.
    tau: Time constant of what arrives, of the runs and of the cycle.
    points: Values of tau at which the growth rate with the blurred threshold is computed.
    step: Longest step along the branch of steady states.
    orbit_tol: Accuracy of the cycle over the period.
    """
    start = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    network = lambda width: fl.TimeElapsed(Hazard(width), tau=tau)
    sharp, unsharp = solver.discretize(network(delta)), solver.discretize(network(blurred))
    solver.evolve("sharp", sharp, start)
    solver.evolve("blurred", unsharp, start)
    steady = fl.steady_state(sharp)
    branch = fl.continuation(sharp, steady, "tau", (0.4 * tau, 2.2 * tau), max_step=step)
    low, high = branch.hopfs
    orbit = fl.periodic_orbit(sharp, low, tau=tau, tol=orbit_tol)
    growth = lambda there: float(fl.spectrum(there, fl.steady_state(there), count=1).eigenvalues[0].real)
    taus, t = np.linspace(0.4 * tau, 2.2 * tau, points), np.linspace(0.0, orbit.period, 200)
    return {
        "steady_N": float(steady.N),
        "hopf_low": low.tau,
        "hopf_high": high.tau,
        "frequency_low": low.frequency,
        "frequency_high": high.frequency,
        "sharp_tau": branch.table["tau"],
        "sharp_growth": branch.table["leading"],
        "blurred_tau": taus,
        "blurred_growths": np.array([growth(unsharp.at(tau=value)) for value in taus.tolist()]),
        "blurred_growth": growth(unsharp.at(tau=tau)),
        "orbit_period": orbit.period,
        "orbit_N": orbit.sample("N", t),
        "orbit_J": orbit.sample("J", t),
        "multiplier": float(np.abs(orbit.multipliers[0])),
    }


@panels(1, 3)
def figure(results, growth, times, plane):
    """Left: growth rates against tau. Middle: N(t) with both thresholds. Right: the cycle in the plane of J and N."""
    growth.plot(results["sharp_tau"], results["sharp_growth"], "C0-", label="sharp threshold")
    growth.plot(results["blurred_tau"], results["blurred_growths"], "C1--", label="blurred threshold")
    growth.plot([results["hopf_low"], results["hopf_high"]], [0, 0], "C3*", ms=12, label="Hopf points")
    growth.axhline(0.0, color="k", lw=0.8)
    label(growth, "time constant $\\tau$ of the input", "growth rate Re $\\lambda$", "center")
    for name, colour in (("blurred", "C1"), ("sharp", "C0")):
        plot_series(times, results[name], "N", colour, until=30.0, lw=1.1, label=f"{name} threshold")
    label(times, "time $t$", "N", "upper right", ylim=(0.0, 0.62))
    run = results["sharp"]
    t = np.linspace(0.5 * run.times[-1], run.times[-1], 1500)
    plane.plot(run.sample("J", t), run.sample("N", t), "C0", lw=0.8, label="run, second half")
    text = f"cycle, period {results['orbit_period']:.4f}"
    plane.plot(results["orbit_J"], results["orbit_N"], "k--", lw=1.2, label=text)
    plane.plot(results["steady_N"], results["steady_N"], "ko", ms=4, label="steady state")
    label(plane, "input $J$", "firing rate $N$", "upper right", ylim=(0.25, 0.5))


if __name__ == "__main__":
    fl.study.run_script(main)
