"""When do noisy oscillators synchronise, and how far?

    rho_t = D rho_thth - d/dth[K r sin(psi - th) rho],      r e^{i psi} = int e^{i th} rho dth

Expected (S26; Sakaguchi 1988; Giacomin, Pakdaman & Pellegrin 2012): beyond K_c = 2D. Below, the uniform density is
stable and r falls to 0; at K_c it loses stability and a branch of synchronous states begins, r = I_1(K r/D)/I_0(K r/D),
stable but for the rotation of all oscillators. With different natural frequencies K_c is larger: for two groups at
+-delta it is 2D(1 + (delta/D)^2) while delta < D. Active rotators, drift 1 - A sin th, pass a round together.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ive

import felif as fl
from felif.analysis.oscillation import last_cycle
from felif.output.plots import plot_series
from felif.output.style import label, panels

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
}


@fl.study.numerics(tol=1e-6, t_end=40.0, rtol=1e-7)
def main(
    solver, D: float = 0.5, delta: float = 0.25, A: float = 1.05, K_max: float = 6.0, step: float = 1.0,
    t_rotators: float = 60.0,
) -> dict:  # fmt: skip
    """Follow r against K, find K_c, and run oscillators below and above it, and active rotators.

    D: Noise.
    delta: Half the distance of the natural frequencies of two groups.
    A: Excitability of the active rotators.
    K_max: Largest coupling, in units of D, to which the synchronous states are followed.
    step: Longest step along them.
    t_rotators: Length of the run of active rotators.
    """
    point = _loses_stability(solver, fl.Kuramoto(K=1.9 * D, D=D))
    synchronous = fl.continuation(point.problem, point, "K", (D, K_max * D), max_step=step, stability=False)
    branch = np.array([(state.K, state.r) for state in synchronous if state.K > 2.002 * D])
    K, r = branch[np.argsort(branch[:, 0])].T
    start = lambda theta: 1 + 0.2 * np.cos(theta)
    below = solver.evolve("below", fl.Kuramoto(K=1.6 * D, D=D), start)
    above = solver.evolve("above", fl.Kuramoto(K=3 * D, D=D), start)
    gathered = lambda theta: 1 + 0.9 * np.cos(theta - 1.0)
    rotators = solver.evolve("rotators", fl.Kuramoto(K=6 * D, D=D, A=A), gathered, t_rotators)
    t, groups = np.linspace(0.4 * t_rotators, t_rotators, 400), ((-delta, delta), (0.5, 0.5))
    return {
        "K": K,
        "r": r,
        "r_distance": float(np.abs(r - [_closed(k, D) for k in K.tolist()]).max()),
        "critical": point.K,
        "critical_groups": _loses_stability(solver, fl.Kuramoto(K=1.9 * D, D=D, frequencies=groups)).K,
        "r_below": float(below.final.r),
        "r_above": float(above.final.r),
        **{f"rotators_{name}": value for name, value in last_cycle(t, rotators.sample("r", t)).items()},
    }


def _closed(K: float, D: float) -> float:
    return brentq(lambda r: r - ive(1, K * r / D) / ive(0, K * r / D), 1e-3, 1.0, xtol=1e-15)


def _loses_stability(solver, model: fl.Kuramoto):
    """The branch point at which the uniform density loses stability."""
    problem = solver.discretize(model)
    branch = fl.continuation(problem, fl.steady_state(problem), "K", (1.9 * model.D, 2.9 * model.D), max_step=10.0)
    return branch.branch_points[0]


@panels(1, 3)
def figure(results, branch, times, rotators):
    """Left: r against K. Middle: r(t) below and above K_c. Right: r(t) of active rotators."""
    D, run = results["below"].model.D, results["rotators"]
    critical = results["critical"] / D
    K = np.linspace(results["critical"] * 1.0005, results["K"][-1], 300)
    branch.plot(K / D, [_closed(k, D) for k in K], "k-", lw=1.0, label="$r=I_1(Kr/D)/I_0(Kr/D)$")
    branch.plot(results["K"] / D, results["r"], "C0o", ms=5, label="steady states")
    branch.plot([0, critical], [0, 0], "k-", lw=1.0)
    branch.plot([critical, K[-1] / D], [0, 0], "k--", lw=1.0)
    branch.plot(critical, 0, "C3*", ms=12, label=f"$K_c/D={critical:.5f}$")
    branch.plot(results["critical_groups"] / D, 0, "C1*", ms=12, label="$K_c/D$ of two groups")
    branch.margins(x=0.05)
    label(branch, "coupling $K/D$", "order parameter $r$", "center right")
    for name, sign in (("below", "<"), ("above", ">")):
        text = f"$K{sign}K_c$: $K/D={results[name].model.K / D:g}$"
        plot_series(times, results[name], "r", "", label=text)
    label(times, "time $t$", "order parameter $r(t)$", "center right")
    plot_series(rotators, run, "r", "", label="$r$")
    plot_series(rotators, run, "c", "", lw=0.9, label="$r\\,\\cos\\psi$")
    label(rotators, "time $t$", "active rotators", ylim=(-1.05, 1.5))
    rotators.legend(loc="upper right", ncols=2)


if __name__ == "__main__":
    fl.study.run_script(main)
