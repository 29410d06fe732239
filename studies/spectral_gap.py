"""How fast does a network forget, and how does that depend on its connectivity?

    n_t + [(-v + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

Expected: for b = 0 the relative entropy gives the rate a lambda_P, lambda_P the constant of the Hardy/Poincare
inequality int P u_v^2 >= lambda_P int P u^2 with the steady density P as its weight (S4, S5), and the spectral gap
1.19097 lies above it by less than half a percent. For b != 0 the linearisation has a nonlocal term and a lambda_P
proves nothing: inhibition makes the gap larger than that, excitation smaller, down to 0 at the fold b = 2.10097. At
b = V_F - V_R the gap is exactly 1/(membrane time constant): d/dt int v n = -int v n + (b - V_F + V_R) N. That all
steady states with b <= 0 are reached from everywhere is open (the lecture's question); the linear gap is larger than
1.19 for every b < 0 here. Runs that start far away decay at that rate.
"""

import numpy as np

import felif as fl
from felif.output.style import label, panels

CHEAP = {"points": 5, "runs": 3}
EXPECTED = {
    "gap_single": (1.19096709239063956, 1e-9),  # root of psi(V_F) = psi(V_R) in 40 digits
    "bound_single": (1.185528251347093105, 1e-9),  # lambda_P at b = 0: two discretisations
    "gap_exact": (1.0, 1e-9),  # at b = V_F - V_R, from the equation of int v n
    "mismatch": (0.0, 1e-4),  # decay of the runs / gap - 1
}


@fl.study.numerics(cells=None, degree=6, tol=1e-9, t_end=16.0, rtol=1e-9)
def main(solver, b_min: float = -10.0, b_max: float = 2.0, points: int = 41, runs: int = 4, a0: float = 1.0) -> dict:
    """Compute gap and a lambda_P between b_min and b_max; measure how runs approach their steady states.

    t_end: Length of the runs in units of 1/gap.
    b_min: Smallest connectivity.
    b_max: Largest connectivity, below the fold.
    points: Number of connectivities.
    runs: Number of connectivities for which a run is made, from b_min to b_max.
    """
    network = fl.NoisyLIF(a0=a0)
    problem, b = solver.discretize(network), np.linspace(b_min, b_max, points)
    eigenvalues, bounds = zip(*(gap_and_bound(problem.at(b=x)) for x in b), strict=True)
    single, bound_single = gap_and_bound(problem.at(b=0.0))
    exactly, _ = gap_and_bound(problem.at(b=network.v_fire - network.v_reset))
    chosen, decays, gaps = np.linspace(b_min, b_max, runs), [], []
    for k, x in enumerate(chosen):
        at, start = problem.at(b=x), fl.Gaussian(0.0, 0.25, boundary_layer=0.5)
        gaps.append(-gap_and_bound(at)[0][0].real)
        # with longer steps, as n_t falls, the last digits of n - P come from the tolerance
        run = solver.evolve(f"run_{k}", at, start, solver.t_end / gaps[-1], max_step=0.1, snapshots=41)
        decays.append(decay(run, 0.6))
    return {
        "b": b,
        "eigenvalues": np.array([values[:3] for values in eigenvalues]),
        "bound": np.array(bounds),
        "gap_single": -single[0].real,
        "bound_single": bound_single / a0,
        "gap_exact": -exactly[0].real,
        "b_runs": chosen,
        "decays": np.array(decays),
        "mismatch": float(np.abs(np.array(decays) / gaps - 1).max()),
    }


def gap_and_bound(problem) -> tuple[np.ndarray, float]:
    """The leading eigenvalues at the lowest steady state, and a lambda_P there."""
    state = fl.steady_state(problem)
    return fl.spectrum(problem, state, count=3).eigenvalues, fl.poincare(problem, state).gap_bound


def decay(run: fl.Run, since: float) -> float:
    """The slowest rate of N(t) = N_inf + c e^(-r t) + d e^(-s t) from a fraction of the run on (Prony 1795).

    N at equal distances satisfies (E - 1)(E - x)(E - y) N = 0, E the shift by one sample, x = e^(-r h), y = e^(-s h);
    x + y and x y are a least-squares fit; where d e^(-s t) is gone, y fits rounding, and x is what is near the ratios.
    """
    t_end = run.times[-1]
    t, h = np.linspace(since * t_end, t_end, 60, retstep=True)
    rise = np.diff(run.sample("N", t))
    weight = 1 / np.abs(rise[1:-1])  # all of the decay counts alike
    shifted = np.stack([rise[1:-1], rise[:-2]], axis=1) * weight[:, None]
    first, second = np.linalg.lstsq(shifted, rise[2:] * weight, rcond=None)[0]
    roots, ratio = np.roots([1.0, -first, -second]), np.median(rise[1:] / rise[:-1])
    return float(-np.log(np.abs(roots[np.argmin(np.abs(roots - ratio))])) / h)


@panels(1, 2)
def figure(results, left, right):
    """Left: gap, a lambda_P, and the decay of runs against b. Right: those runs, N(t) - N_inf."""
    b, eigenvalues, single = results["b"], results["eigenvalues"], results["gap_single"]
    left.plot(b, -eigenvalues[:, 0].real, "C0", label=r"spectral gap $-\mathrm{Re}\,\lambda_1$")
    left.plot(b, -eigenvalues[:, 1].real, "C0", lw=1.0, alpha=0.5, label=r"$-\mathrm{Re}\,\lambda_2$")
    left.plot(b, results["bound"], "C1--", label=r"$a\lambda_P$, Hardy/Poincaré")
    left.plot(results["b_runs"], results["decays"], "o", color="w", mec="k", ms=6, label="measured in runs")
    left.axhline(single, color="0.5", lw=0.8, ls=":")
    left.text(b[0], single, f"${single:.5f}$, one neuron", va="bottom", color="0.4")
    label(left, "b", "decay rate (1/time constant)", legend="lower left", ylim=(0.0, None))
    for k, (x, rate) in enumerate(zip(results["b_runs"], results["decays"], strict=True)):
        run = results[f"run_{k}"]
        t = np.linspace(0.0, run.times[-1], 400)[1:-1]
        distance = np.abs(run.sample("N", t) / run.final.N - 1)
        shown = distance > 2.0 * np.exp(-0.93 * rate * run.times[-1])
        right.semilogy(t[shown], distance[shown], f"C{k}", label=f"$b={x:g}$, rate ${rate:.6f}$")
    label(right, "t", r"$|N(t)/N_\infty-1|$", legend="upper right")


if __name__ == "__main__":
    fl.study.run_script(main)
