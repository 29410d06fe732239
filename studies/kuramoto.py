"""When do noisy oscillators synchronise, and how far?

    rho_t = D rho_thth - d/dth[K r sin(psi - th) rho],      r e^{i psi} = int e^{i th} rho dth

Expected (S26; Sakaguchi 1988; Giacomin, Pakdaman & Pellegrin 2012): beyond K_c = 2D. Below, the uniform density is
stable and r falls to 0; at K_c it loses stability and a branch of synchronous states begins, r = I_1(K r/D)/I_0(K r/D),
stable but for the rotation of all oscillators. With different natural frequencies K_c is larger: for two groups at
+-delta it is 2D(1 + (delta/D)^2) while delta < D. Active rotators, drift 1 - A sin th, pass a round together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import ive

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "K_max": 3.0, "step": 20.0, "t_rotators": 60.0}
EXPECTED = {
    "r_distance": (0.0, 1e-8),  # of r from the closed form with Bessel functions
    "critical": (1.0, 1e-6),  # K_c = 2 D
    "critical_groups": (1.25, 1e-6),  # 2 D (1 + (delta/D)^2), D = 1/2, delta = 1/4
    "r_below": (0.0, 2e-2),
    "r_above": (0.7241587176, 1e-6),  # Bessel functions, K = 1.5
    "rotators_period": (19.90666160258, 5e-3),  # Fourier matrices
    "rotators_lowest": (0.801189436, 2e-5),
    "rotators_highest": (0.931206978, 2e-5),
    "mass_drift": (0.0, 1e-12),  # rounding
}


def main(
    D: float = 0.5,
    delta: float = 0.25,
    A: float = 1.05,
    K_max: float = 6.0,
    step: float = 1.0,
    tol: float = 1e-6,
    t_end: float = 40.0,
    t_rotators: float = 60.0,
    rtol: float = 1e-7,
    out: Path | None = None,
) -> dict:
    """Follow r against K, find K_c, and run oscillators below and above it, and active rotators.

    Parameters
    ----------
    D
        Noise.
    delta
        Half the distance of the natural frequencies of two groups.
    A
        Excitability of the active rotators.
    K_max
        Largest coupling, in units of D, to which the synchronous states are followed.
    step
        Longest step along them.
    tol
        Accuracy from which meshes are chosen.
    t_end
        Length of the runs of oscillators.
    t_rotators
        Length of the run of active rotators.
    rtol
        Tolerance of a time step.
    """
    point = _loses_stability(fl.Kuramoto(K=1.9 * D, D=D), tol)
    oscillators = point.problem
    synchronous = fl.continuation(oscillators, point, "K", (D, K_max * D), max_step=step, stability=False)
    branch = [state for state in synchronous if state.K > 2.002 * D]
    K, r = (np.array([getattr(state, name) for state in branch]) for name in ("K", "r"))
    order = np.argsort(K)
    exact = np.array([_closed(k, D) for k in K.tolist()])
    groups = ((-delta, delta), (0.5, 0.5))

    def run(name: str, model: fl.Kuramoto, start, length: float) -> fl.Run:
        problem = fl.discretize(model, tol=tol)
        return fl.evolve(problem, start, length, rtol=rtol, folder=fl.study.folder(out, name), resume=True)

    start = lambda theta: 1 + 0.2 * np.cos(theta)
    below = run("below", fl.Kuramoto(K=1.6 * D, D=D), start, t_end)
    above = run("above", fl.Kuramoto(K=3 * D, D=D), start, t_end)
    rotators = run("rotators", fl.Kuramoto(K=6 * D, D=D, A=A), lambda th: 1 + 0.9 * np.cos(th - 1.0), t_rotators)
    t = np.linspace(0.4 * t_rotators, t_rotators, 400)
    wave, fine = CubicSpline(t, rotators.sample("r", t)), np.linspace(0.4 * t_rotators, t_rotators, 20000)
    level = (wave(fine).min() + wave(fine).max()) / 2
    rises = [float(root) for root in wave.solve(level, extrapolate=False) if wave(root, 1) > 0]
    return {
        "below": below,
        "above": above,
        "rotators": rotators,
        "K": K[order],
        "r": r[order],
        "r_distance": float(np.abs(r - exact).max()),
        "critical": point.K,
        "critical_groups": _loses_stability(fl.Kuramoto(K=1.9 * D, D=D, frequencies=groups), tol).K,
        "r_below": float(below.final.r),
        "r_above": float(above.final.r),
        "rotators_period": rises[-1] - rises[-2] if len(rises) > 1 else None,
        "rotators_lowest": float(wave(fine).min()),
        "rotators_highest": float(wave(fine).max()),
        "mass_drift": max(max(one.drift.values()) for one in (below, above, rotators)),
    }


def _closed(K: float, D: float) -> float:
    return brentq(lambda r: r - ive(1, K * r / D) / ive(0, K * r / D), 1e-3, 1.0, xtol=1e-15)


def _loses_stability(model: fl.Kuramoto, tol: float):
    """The branch point at which the uniform density loses stability."""
    problem = fl.discretize(model, tol=tol)
    uniform = fl.steady_state(problem)
    branch = fl.continuation(problem, uniform, "K", (1.9 * model.D, 2.9 * model.D), max_step=10.0)
    return branch.branch_points[0]


def figure(results: dict):
    """Left: r against K. Middle: r(t) below and above K_c. Right: r(t) of active rotators."""
    figure, (branch, times, rotators) = new_figure(1, 3)
    D = results["below"].model.D
    with house_style():
        critical = results["critical"]
        K = np.linspace(critical * 1.0005, results["K"][-1], 300)
        branch.plot(K / D, [_closed(k, D) for k in K], "k-", lw=1.0, label="$r=I_1(Kr/D)/I_0(Kr/D)$")
        branch.plot(results["K"] / D, results["r"], "C0o", ms=5, label="steady states")
        branch.plot([0, critical / D], [0, 0], "k-", lw=1.0)
        branch.plot([critical / D, K[-1] / D], [0, 0], "k--", lw=1.0)
        branch.plot(critical / D, 0, "C3*", ms=12, label=f"$K_c/D={critical / D:.5f}$")
        branch.plot(results["critical_groups"] / D, 0, "C1*", ms=12, label="$K_c/D$ of two groups")
        branch.set(xlabel="coupling $K/D$", ylabel="order parameter $r$")
        branch.legend(loc="center right")
        for name, label in (("below", "$K<K_c$"), ("above", "$K>K_c$")):
            run = results[name]
            t = np.linspace(0.0, run.times[-1], 200)
            times.plot(t, run.sample("r", t), label=f"{label}: $K/D={run.model.K / D:g}$")
        times.set(xlabel="time $t$", ylabel="order parameter $r(t)$")
        times.legend(loc="center right")
        run = results["rotators"]
        t = np.linspace(0.0, run.times[-1], 400)
        rotators.plot(t, run.sample("r", t), label="$r$")
        rotators.plot(t, run.sample("c", t), lw=0.9, label="$r\\,\\cos\\psi$")
        rotators.set(xlabel="time $t$", ylabel="active rotators", ylim=(-1.05, 1.5))
        rotators.legend(loc="upper right", ncols=2)
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
