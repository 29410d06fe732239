"""Does a conductance-driven network blow up where the integrate-and-fire network with a current does, and does it turn?

    p_t + d/dv[(-v + g (V_E - v)) p] + gamma d/dg[(g_0 + S N - g) p - a p_g] = 0,    0 < v < 1,  g > 0
    N = int (-1 + g (V_E - 1))_+ p(1, g) dg;    what leaves at v = 1 enters at v = 0 with the same g

Expected (S25; Caceres, Carrillo & Tao 2011; Perthame & Salort 2013): N stays finite at every time, whatever S. What
arrives passes through g, at the rate gamma, so that feedback beyond S = ln(V_E/(V_E - 1)) = 0.2412 makes N grow no
faster than an exponential. With little noise the steady state loses stability at a Hopf point in S, with input and
feedback g_0 + S N held at 0.35; beyond, the network fires in volleys.
"""

import numpy as np

import felif as fl
from felif.output import label, panels, plot_series

CHEAP = {"cells": 10, "degree": 3, "points": 2, "t_end": 0.3, "t_cycle": 0.2, "rtol": 1e-3}
EXPECTED = {  # two meshes of discontinuous elements graded to the corners (1, g_F) and (0, g_F)
    "rate": (0.76580349, 2e-3),
    "growth_uncoupled": (-0.269179, 2e-2),
    "hopf_S": (0.0701324, 5e-3),
    "outcome_grown": ("finished", 0.0),
    "outcome_current": ("blow_up", 0.0),
}


@fl.study.numerics(cells=14, degree=4, t_end=1.0, rtol=1e-3)
def main(solver, a=0.001, S=0.09, S_strong=0.35, points=5, t_cycle=6.0) -> dict:
    """Compute growth rates of the steady state against S, run beyond the Hopf point, and far beyond where N grows.

    cells: Cells along the conductance, even; four along the potential.
    t_end: Length of the run of the strong network.
    a: Noise of the conductance.
    S: Strength of the network, of the run beyond the Hopf point.
    S_strong: Strength of the network whose rate grows without bound.
    t_cycle: Length of the run beyond the Hopf point.
    """
    held, threshold, cells, space = 0.35, 1 / (14 / 3 - 1), solver.cells, fl.SpectralElement(solver.degree)
    mesh = lambda in_v, below, beyond, g_max: {  # so many cells of v, of g below the threshold, and beyond
        "v": np.linspace(0.0, 1.0, in_v + 1),
        "g": np.unique([*np.linspace(0.0, threshold, below + 1), *np.linspace(threshold, g_max, beyond + 1)]),
    }
    silent = fl.VoltageConductance(held, 0.0, a)
    rest = fl.steady_state(fl.discretize(silent, mesh(4, cells // 2, cells // 2, 0.55), space=space))
    coupled = lambda strength: rest.problem.at(S=strength, g_in=held - strength * rest.N)
    strengths = np.linspace(0.0, S, points)
    modes = np.array([fl.steady_state(coupled(x), guess=rest.y).growth for x in strengths.tolist()])
    pushed = lambda v, g: rest.p(v, g).clip(0) * (1 + 0.3 * np.tanh(4 * (v - 0.5)))
    solver.evolve("cycle", coupled(S), pushed, t_cycle)
    strong = fl.VoltageConductance(0.3, S_strong, 0.01)
    start = lambda v, g: np.exp(-8 * (v - 0.4) ** 2 - (g - 0.3) ** 2 / 0.02)
    solver.evolve("grown", fl.discretize(strong, mesh(6, 2, 3 * cells // 2, 3.4), space=space), start)
    solver.evolve("current", fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-5), fl.Gaussian(0.0, 0.25), 4.0, rtol=1e-5)
    through = np.polynomial.Polynomial.fit(modes.real, strengths, points - 1)  # the strength of a growth rate
    return solver.ends() | {
        "rate": float(rest.N),
        "rate_error": float(rest.error),
        "strengths": strengths,
        "growth": modes.real,
        "frequency": np.abs(modes.imag),
        "growth_uncoupled": float(modes.real[0]),
        "hopf_S": float(through(0.0)) if modes.real[0] < 0 < modes.real[-1] else None,
    }


@panels(1, 3)
def figure(results, growth, volleys, strong):
    """Left: growth rates against S. Middle: N(t) beyond the Hopf point. Right: what feedback does to two networks."""
    growth.plot(results["strengths"], results["growth"], "C0o-", ms=4)
    growth.axhline(0.0, color="k", lw=0.8)
    if results["hopf_S"] is not None:
        growth.plot(results["hopf_S"], 0.0, "C3*", ms=12, label=f"Hopf point, $S={results['hopf_S']:.4f}$")
    label(growth, "strength $S$, with $g_0+SN=0.35$", "growth rate Re $\\lambda$", "lower right")
    cycle = results["cycle"]
    plot_series(volleys, cycle, "N", "C0", label=f"$S={cycle.model.S:g}$")
    volleys.axhline(results["rate"], color="k", ls="--", lw=0.9, label="steady state, unstable")
    label(volleys, "time $t$", "N", "upper left", ylim=(0.3, 1.5))
    grown, current = results["grown"], results["current"]
    plot_series(strong, grown, label=f"conductance, $S={grown.model.S:g}$")
    plot_series(strong, current, below=1e3, label=f"current, $b={current.model.b:g}$: blow-up")
    label(strong, "time $t$", "N", "upper left", yscale="log", ylim=(1e-3, None))


if __name__ == "__main__":
    fl.study.run_script(main)
