"""Does a single neuron forget where it started, and how fast?

    n_t - (v n)_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

Expected: "total desynchronization" (lecture, S4; Caceres, Carrillo & Perthame 2011, section 4). The density converges
to the only steady state

    P(v) = (N_inf/a0) e^(-v^2/(2 a0)) int_{max(v, V_R)}^{V_F} e^(w^2/(2 a0)) dw,     int P dv = 1,

exponentially: |N - N_inf| and int |n - P| dv end up falling like e^(-lambda t), where lambda > 0 is the smallest root
of psi(V_F) = psi(V_R), psi(v) = He_lambda(-v/sqrt a0): the Hermite function that solves the adjoint problem.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import pbdv

import felif as fl
from felif.algebra import in_a_row
from felif.analysis import exact
from felif.analysis.density import density
from felif.analysis.oscillation import decay_rate
from felif.output import label, panels, plot_densities

CHEAP = {"tol": 1e-8, "rtol": 1e-8}
EXPECTED = {
    "eigenvalue": (-1.19096709239063956, 1e-11),  # root of psi(V_F) = psi(V_R) in 40 digits
    "rate_N": (1.19096709, 3e-4),  # the second mode still adds 1e-5 of it, rtol at most 2e-4
    "rate_density": (1.19096709, 3e-4),
    "N": (0.11997596523910496621, 5e-7),  # closed form; e^(-lambda t_end) is left: 2.5e-7
    "min_n": (0.0, 1e-8),  # n >= 0 up to tol
}
CONVERGENCE = {
    "option": "cells",
    "values": [24, 48, 96, 192],
    "result": "N",
    "reference": lambda a0, **others: exact.firing_rate(fl.NoisyLIF(a0=a0)),
    "options": {"degree": 2, "t_end": 22.0, "rtol": 1e-10},
}


@fl.study.numerics(cells=None, degree=6, tol=1e-9, t_end=10.0, rtol=1e-9, mesh={"v_min": -8.0})
def main(solver, a0=1.0) -> dict:
    """Evolve a Gaussian into the steady state and measure how fast the distance falls."""
    neuron = fl.NoisyLIF(a0=a0)
    run, N_inf = solver.evolve("run", neuron, fl.Gaussian(0.0, 0.25)), exact.firing_rate(neuron)
    times = np.linspace(0.0, solver.t_end, 101)[1:]  # N is infinite at t = 0: the Gaussian does not vanish at V_F
    v, weights = in_a_row(run.problem.cells, 12)
    P = density(neuron, N_inf, v)
    distances = np.array([weights @ np.abs(run.at(t).n(v) - P) for t in times])
    late = times >= 0.8 * solver.t_end
    # He_nu(x) = e^(x^2/4) D_nu(x); the next root lies above 2
    x = -np.array([neuron.v_fire, neuron.v_reset]) / np.sqrt(a0)
    mismatch = lambda decay: np.subtract(*(np.exp(x**2 / 4) * pbdv(decay, x)[0]))
    return {
        "times": times,
        "distance_N": np.abs(run.sample("N", times) - N_inf),
        "distance_density": distances,
        "eigenvalue": -brentq(mismatch, 0.5, 2.0 - 1e-9, xtol=1e-15),
        "rate_N": decay_rate(run, since=0.8),
        "rate_density": -float(np.polyfit(times[late], np.log(distances[late]), 1)[0]),
        "N": run.final.N,
        "N_inf": N_inf,
    }


@panels(1, 2)
def figure(results, left, right):
    """Left: n(v, t) on its way to P. Right: distances to the steady state, and the line e^(-lambda t)."""
    run, times, slope = results["run"], results["times"], results["eigenvalue"]
    t_end = run.times[-1]
    plot_densities(left, run, [t for t in (0.0, 0.25, 0.5, 1.0, 2.0) if t < t_end])
    v = np.linspace(left.get_xlim()[0], run.model.v_fire, 400)
    left.plot(v, density(run.model, results["N_inf"], v), "k--", label="$P$, steady state")
    label(left, "v", "n", legend="best")
    right.semilogy(times, results["distance_density"], label=r"$\int\;|n-P|\,dv$")
    right.semilogy(times, results["distance_N"], label=r"$|N-N_\infty|$")
    half = times[times > 0.3 * t_end]
    line = 3 * results["distance_density"][-1] * np.exp(slope * (half - t_end))
    right.semilogy(half, line, "k--", lw=1.0, label=rf"$e^{{-{-slope:.6f}\,t}}$, closed form")
    label(right, "t", "distance to the steady state", legend="best")


if __name__ == "__main__":
    fl.study.run_script(main)
