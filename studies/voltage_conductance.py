"""Does a conductance-driven network blow up where the integrate-and-fire network with a current does, and does it turn?

    p_t + d/dv[(-v + g (V_E - v)) p] + gamma d/dg[(g_0 + S N - g) p - a p_g] = 0,    0 < v < 1,  g > 0
    N = int (-1 + g (V_E - 1))_+ p(1, g) dg;    what leaves at v = 1 enters at v = 0 with the same g

Expected (S25; Caceres, Carrillo & Tao 2011; Perthame & Salort 2013): N stays finite at every time, whatever S. What
arrives passes through g, at the rate gamma, so that feedback beyond S = ln(V_E/(V_E - 1)) = 0.2412 makes N grow no
faster than an exponential. With little noise the steady state loses stability at a Hopf point in S, with input and
feedback g_0 + S N held at 0.35; beyond, the network fires in volleys.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"cells": 10, "degree": 3, "points": 2, "t_end": 0.3, "t_cycle": 0.2, "rtol": 1e-3}
EXPECTED = {  # two meshes of discontinuous elements graded to the corners (1, g_F) and (0, g_F)
    "rate": (0.76580349, 2e-3),
    "growth_uncoupled": (-0.269179, 2e-2),
    "hopf_S": (0.0701324, 5e-3),
    "outcome_grown": ("finished", 0.0),
    "outcome_current": ("blow_up", 0.0),
    "mass_drift": (0.0, 1e-12),  # rounding
}


def main(
    a: float = 0.001,
    S: float = 0.09,
    S_strong: float = 0.35,
    points: int = 5,
    degree: int = 4,
    cells: int = 14,
    t_end: float = 1.0,
    t_cycle: float = 6.0,
    rtol: float = 1e-3,
    out: Path | None = None,
) -> dict:
    """Compute growth rates of the steady state against S, run beyond the Hopf point, and far beyond where N grows.

    Parameters
    ----------
    a
        Noise of the conductance.
    S
        Strength of the network, of the run beyond the Hopf point.
    S_strong
        Strength of the network whose rate grows without bound.
    points
        Strengths at which the growth rate is computed.
    degree
        Of the elements.
    cells
        Cells along the conductance, even; four along the potential.
    t_end
        Length of the run of the strong network.
    t_cycle
        Length of the run beyond the Hopf point.
    rtol
        Tolerance of a time step.
    """
    held, threshold = 0.35, 1 / (14 / 3 - 1)
    below = np.linspace(0.0, threshold, int(cells / 2) + 1)
    mesh = {"v": np.linspace(0.0, 1.0, 5), "g": np.append(below, np.linspace(threshold, 0.55, cells // 2 + 1)[1:])}
    space = fl.SpectralElement(degree)
    problem = fl.discretize(fl.VoltageConductance(held, 0.0, a), mesh, space=space)
    rest = fl.steady_state(problem)
    strengths = np.linspace(0.0, S, points)
    modes = []
    for strength in strengths.tolist():
        there = rest.problem.at(S=strength, g_in=held - strength * rest.N)
        steady = fl.steady_state(there, guess=rest.y)
        modes.append(complex(fl.spectrum(there, steady, count=2).eigenvalues[0]))
    modes = np.array(modes)
    turning = rest.problem.at(S=S, g_in=held - S * rest.N)
    pushed = lambda v, g: rest.p(v, g).clip(0) * (1 + 0.3 * np.tanh(4 * (v - 0.5)))
    cycle = fl.evolve(turning, pushed, t_cycle, rtol=rtol, folder=fl.study.folder(out, "cycle"), resume=True)
    beyond = np.linspace(threshold, 3.4, 3 * cells // 2 + 1)[1:]
    mesh = {"v": np.linspace(0.0, 1.0, 7), "g": np.append(np.linspace(0.0, threshold, 3), beyond)}
    strong = fl.discretize(fl.VoltageConductance(0.3, S_strong, 0.01), mesh, space=space)
    start = lambda v, g: np.exp(-8 * (v - 0.4) ** 2 - (g - 0.3) ** 2 / 0.02)
    grown = fl.evolve(strong, start, t_end, rtol=rtol, folder=fl.study.folder(out, "grown"), resume=True)
    network, start = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-5), fl.Gaussian(0.0, 0.25)
    current = fl.evolve(network, start, 4.0, rtol=1e-5, folder=fl.study.folder(out, "current"), resume=True)
    return {
        "cycle": cycle,
        "grown": grown,
        "current": current,
        "rate": float(rest.N),
        "rate_error": float(rest.error),
        "strengths": strengths,
        "growth": modes.real,
        "frequency": np.abs(modes.imag),
        "growth_uncoupled": float(modes.real[0]),
        "hopf_S": _zero(strengths, modes.real),
        "outcome_grown": grown.outcome.name,
        "lowest": float(min(run.series["min_n"].min() for run in (cycle, grown))),
        "outcome_current": current.outcome.name,
        "mass_drift": max(run.drift["mass"] for run in (cycle, grown)),
    }


def _zero(x: np.ndarray, y: np.ndarray) -> float | None:
    """Where the polynomial through points crosses 0 between them, if it does."""
    roots = np.polynomial.Polynomial.fit(x, y, len(x) - 1).roots()
    inside = [float(root.real) for root in roots if abs(root.imag) < 1e-12 and x[0] <= root.real <= x[-1]]
    return inside[0] if inside else None


def figure(results: dict):
    """Left: growth rates against S. Middle: N(t) beyond the Hopf point. Right: what feedback does to two networks."""
    figure, (growth, volleys, strong) = new_figure(1, 3)
    with house_style():
        growth.plot(results["strengths"], results["growth"], "C0o-", ms=4)
        growth.axhline(0.0, color="k", lw=0.8)
        if results["hopf_S"] is not None:
            growth.plot(results["hopf_S"], 0.0, "C3*", ms=12, label=f"Hopf point, $S={results['hopf_S']:.4f}$")
        growth.set(xlabel="strength $S$, with $g_0+SN=0.35$", ylabel="growth rate Re $\\lambda$")
        growth.legend(loc="lower right")
        cycle = results["cycle"]
        t = np.linspace(0.0, cycle.times[-1], 500)
        volleys.plot(t, cycle.sample("N", t), "C0", label=f"$S={cycle.model.S:g}$")
        volleys.axhline(results["rate"], color="k", ls="--", lw=0.9, label="steady state, unstable")
        volleys.set(xlabel="time $t$", ylabel="firing rate $N(t)$")
        volleys.set_ylim(0.3, 1.5)
        volleys.legend(loc="upper left")
        for name, label in (("grown", "conductance, $S={}$"), ("current", "current, $b={}$: blow-up")):
            run = results[name]
            t = np.linspace(0.02, 1.0, 400) * run.times[-1] * (1 - 1e-9)
            N = run.sample("N", t)
            seen = N > 1e-3
            strength = run.model.S if name == "grown" else run.model.b
            strong.plot(t[seen], N[seen].clip(max=1e3), label=label.format(f"{strength:g}"))
        strong.set(xlabel="time $t$", ylabel="firing rate $N(t)$", yscale="log")
        strong.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
