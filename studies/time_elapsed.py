"""When do neurons that only know how long ago they fired begin to fire together?

    n_t + n_s + p(s, J) n = 0,     n(0, t) = N = int p n ds,     tau J' = N - J,     int n = 1
    p = 1/(1 + e^{-(s - sigma(J))/delta}),     sigma(J) = 2.75 - 2.25 J

Expected (S27; Pakdaman, Perthame & Salort 2010, 2013): activity makes neurons ready sooner. With weak dependence or a
blurred threshold (large delta) the network settles. With a sharp one it does not where what arrives is neither too fast
nor too slow: between two Hopf points in tau the steady state is unstable and the network turns on a cycle. At rest
int n = 1 gives N int S = 1, S = exp(-int p), and modes e^{lambda t} obey
(1 + lambda tau) int S e^{-lambda s} ds = N int S(s) int_0^s p_J(u) e^{-lambda (s - u)} du ds.
"""

from functools import partial

import numpy as np

import felif as fl
from felif.output import fine_times, label, panels, plot_series

CHEAP = {"tol": 1e-4, "rtol": 1e-3, "t_end": 5.0, "points": 1, "step": 10.0, "orbit_tol": 1e-2}
EXPECTED = {  # roots of the equation above, integrals on 941 pieces with 12 Gauss points each
    "steady_N": (0.333922650978, 1e-5),
    "hopfs": (((0.06745999, 2.7099280), (0.16894312, 2.5209547)), 2e-3),  # tau and frequency
    "blurred_growth": (-0.1334585174, 1e-5),  # delta = 0.2, tau = 0.1
    "orbit_period": (2.3910, 2e-3),  # this study with other meshes
}


def hazard(s, x, width):
    """Neurons become ready at the age 2.75 - 2.25 x, give or take `width`."""
    return 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / width))


@fl.study.numerics(tol=1e-5, t_end=60.0, rtol=1e-6)
def main(solver, delta=0.05, blurred=0.2, tau=0.1, points=6, step=1.0, orbit_tol=1e-4) -> dict:
    """Follow the steady state in tau with a sharp and a blurred threshold, find the cycle, and run both networks.

    delta: Width of the sharp threshold.
    blurred: Width of the blurred one.
    tau: Time constant of what arrives, of the runs and of the cycle.
    orbit_tol: Accuracy of the cycle over the period.
    """
    start = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    networks = (fl.TimeElapsed(partial(hazard, width=width), tau=tau) for width in (delta, blurred))
    sharp, unsharp = map(solver.discretize, networks)
    solver.evolve("sharp", sharp, start)
    solver.evolve("blurred", unsharp, start)
    steady = fl.steady_state(sharp)
    branch = fl.continuation(sharp, steady, "tau", (0.4 * tau, 2.2 * tau), max_step=step)
    orbit = fl.periodic_orbit(sharp, branch.hopfs[0], tau=tau, tol=orbit_tol)
    growth = lambda value: fl.steady_state(unsharp.at(tau=value)).growth.real
    taus, t = np.linspace(0.4 * tau, 2.2 * tau, points), np.linspace(0.0, orbit.period, 200)
    return {
        "steady_N": float(steady.N),
        "hopfs": np.array([(hopf.tau, hopf.frequency) for hopf in branch.hopfs]),
        "sharp_growths": np.array([branch.table["tau"], branch.table["leading"]]),
        "blurred_growths": np.array([taus, [growth(value) for value in taus.tolist()]]),
        "blurred_growth": float(growth(tau)),
        "orbit_period": orbit.period,
        "orbit": np.array([orbit.sample("J", t), orbit.sample("N", t)]),
        "multiplier": float(np.abs(orbit.multipliers[0])),
    }


@panels(1, 3)
def figure(results, growth, times, plane):
    """Left: growth rates against tau. Middle: N(t) with both thresholds. Right: the cycle in the plane of J and N."""
    growth.plot(*results["sharp_growths"], "C0-", label="sharp threshold")
    growth.plot(*results["blurred_growths"], "C1--", label="blurred threshold")
    growth.plot(results["hopfs"][:, 0], [0, 0], "C3*", ms=12, label="Hopf points")
    growth.axhline(0.0, color="k", lw=0.8)
    label(growth, "time constant $\\tau$ of the input", "growth rate Re $\\lambda$", "center")
    for name, colour in (("blurred", "C1"), ("sharp", "C0")):
        plot_series(times, results[name], "N", colour, until=30.0, lw=1.1, label=f"{name} threshold")
    label(times, "time $t$", "N", "upper right", ylim=(0.0, 0.62))
    run = results["sharp"]
    t = fine_times(run.times[run.times > 0.5 * run.times[-1]])
    plane.plot(run.sample("J", t), run.sample("N", t), "C0", lw=0.8, label="run, second half")
    plane.plot(*results["orbit"], "k--", label=f"cycle, period {results['orbit_period']:.4f}")
    plane.plot(results["steady_N"], results["steady_N"], "ko", ms=4, label="steady state")
    label(plane, "input $J$", "firing rate $N$", "upper right", ylim=(0.25, 0.5))


if __name__ == "__main__":
    fl.study.run_script(main)
