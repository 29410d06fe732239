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
from felif.output import label, panels, plot_series

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "K_max": 3.0, "step": 20.0}
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


@fl.study.numerics(tol=1e-6, t_end=60.0, rtol=1e-7)
def main(solver, D=0.5, delta=0.25, A=1.05, K_max=6.0, step=1.0) -> dict:
    """Follow r against K, find K_c, and run oscillators below and above it, and active rotators.

    D: Noise.
    delta: Half the distance of the natural frequencies of two groups.
    A: Excitability of the active rotators.
    K_max: Largest coupling, in units of D, to which the synchronous states are followed.
    """
    groups, near = ((-delta, delta), (0.5, 0.5)), (1.9 * D, 2.9 * D)
    uniform = [solver.discretize(fl.Kuramoto(K=1.9 * D, D=D, frequencies=x)) for x in (None, groups)]
    branches = [fl.continuation(p, fl.steady_state(p), "K", near, max_step=10.0) for p in uniform]
    critical, of_groups = branches[0].branch_points[0], branches[1].branch_points[0]
    branch = fl.continuation(critical.problem, critical, "K", (D, K_max * D), max_step=step, stability=False)
    branch = np.array(sorted((state.K / D, state.r) for state in branch if state.K > 2.002 * D)).T
    start, gathered = lambda theta: 1 + 0.2 * np.cos(theta), lambda theta: 1 + 0.9 * np.cos(theta - 1.0)
    cycle = last_cycle(solver.evolve("rotators", fl.Kuramoto(K=6 * D, D=D, A=A), gathered), "r", since=0.4)
    return {
        "branch": branch,  # K/D, r
        "r_distance": float(np.abs(branch[1] - [synchrony(x) for x in branch[0]]).max()),
        "critical": critical.K,
        "critical_groups": of_groups.K,
        "r_below": float(solver.evolve("below", fl.Kuramoto(K=1.6 * D, D=D), start).final.r),
        "r_above": float(solver.evolve("above", fl.Kuramoto(K=3 * D, D=D), start).final.r),
        **{f"rotators_{name}": value for name, value in vars(cycle).items()},
    }


def synchrony(K: float) -> float:
    """r = I_1(K r)/I_0(K r), K in units of D."""
    return brentq(lambda r: r - ive(1, K * r) / ive(0, K * r), 1e-3, 1.0, xtol=1e-15)


@panels(1, 3)
def figure(results, branch, times, rotators):
    """Left: r against K. Middle: r(t) below and above K_c. Right: r(t) of active rotators."""
    critical, groups = (results[name] / results["below"].model.D for name in ("critical", "critical_groups"))
    K = np.linspace(1.0005 * critical, results["branch"][0, -1], 300)
    branch.plot(K, [synchrony(x) for x in K], "k-", lw=1.0)
    branch.plot(*results["branch"], "C0o", ms=5, label="steady states")
    branch.plot([0, critical], [0, 0], "k-", [critical, K[-1]], [0, 0], "k--", lw=1.0)
    branch.plot(critical, 0, "C3*", ms=12, label=f"$K_c/D={critical:.5f}$")
    branch.plot(groups, 0, "C1*", ms=12, label="two groups")
    label(branch, "coupling $K/D$", "order parameter $r$", "right", "line: closed form", xmargin=0.05)
    for run in (results["below"], results["above"]):
        plot_series(times, run, "r", label=f"$K/D={run.model.K / run.model.D:g}$")
    label(times, "time $t$", "order parameter $r(t)$", "center right")
    for name, text in (("r", "$r$"), ("c", "$r\\,\\cos\\psi$")):
        plot_series(rotators, results["rotators"], name, label=text)
    label(rotators, "time $t$", "active rotators", "upper right", columns=2, ylim=(-1.05, 1.5))


if __name__ == "__main__":
    fl.study.run_script(main)
