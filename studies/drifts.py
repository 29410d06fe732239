"""Do neurons with an exponential or quadratic drift fire like leaky ones?

    n_t + [(f(v) + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

    leaky        f = -v
    exponential  f = -v + delta e^((v - v_soft)/delta),   delta = 0.2, v_soft = 1.5
    quadratic    f = v^2 - 2

Expected (lecture: "more realistic dynamics in place of -v", S23): the leaky neuron reaches V_F by noise alone, so its
rate falls tenfold when V_F is raised from 2 to 3. The other two run away by themselves, above v = 1.9 and sqrt 2: for
them V_F only cuts a spike off that is on its way, and the same change costs 29 and 18 per cent. The steady rates are
those of the first-passage formula with m = b N (Ricciardi 1977), here by a quadrature of its own:

    1/N = (1/a0) int_{V_R}^{V_F} dv int_{-inf}^v du exp([F(u) + m u - F(v) - m v]/a0),      F' = f
"""

import numpy as np

import felif as fl
from felif.algebra import in_a_row
from felif.output import label, mark_thresholds, panels, plot_series

DRIFTS = {  # f, and F with F' = f
    "leaky": (fl.Leaky(), lambda v: -(v**2) / 2),
    "exponential": (fl.Exponential(delta=0.2, v_soft=1.5), lambda v: -(v**2) / 2 + 0.04 * np.exp((v - 1.5) / 0.2)),
    "quadratic": (fl.Quadratic(offset=2.0), lambda v: v**3 / 3 - 2 * v),
}
CHEAP = {"tol": 1e-6, "rtol": 1e-6}
EXPECTED = {
    "N_leaky": (0.11997596523910496621, 1e-8),  # closed form in 40 digits
    "quadrature_leaky": (0.11997596523910496621, 1e-13),
    "mismatch": (0.0, 1e-6),  # largest relative difference of N(t_end) and the quadrature; what relaxes slowest is left
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=25.0, rtol=1e-8, mesh={"v_min": -8.0})
def main(solver, b=0.0, a0=1.0, v_fire=2.0, v_raised=3.0) -> dict:
    """Evolve a Gaussian with each drift and each of two thresholds.

    v_raised: Another threshold, to see how much depends on it.
    """
    results, start = {"mismatch": 0.0}, fl.Gaussian(mean=0.0, variance=0.25, boundary_layer=0.5)
    for kind, (drift, F) in DRIFTS.items():
        for name, threshold in ((kind, v_fire), (f"{kind}_raised", v_raised)):
            network = fl.NoisyLIF(b=b, a0=a0, v_fire=threshold, drift=drift)
            N = solver.evolve(name, network, start, snapshots=41).final.N
            results |= {f"N_{name}": N, f"quadrature_{name}": passage_rate(network, F, b * N)}
            results["mismatch"] = max(results["mismatch"], abs(N / results[f"quadrature_{name}"] - 1))
    return results


def passage_rate(network: fl.NoisyLIF, F, m: float) -> float:
    """1 / (mean time from V_R to V_F) under the drift F'(v) + m: Gauss's rule on panels in v and in s = v - u."""
    v, weight_v = in_a_row(np.linspace(network.v_reset, network.v_fire, 21), 24)
    s, weight_s = in_a_row(12 * (network.v_fire - network.v_reset) * np.linspace(0.0, 1.0, 81), 24)
    higher = F(v[:, None] - s) - F(v)[:, None] - m * s
    return float(network.a0 / (weight_v @ np.exp(higher / network.a0) @ weight_s))


@panels(1, 3)
def figure(results, drifts, densities, rates):
    """Left: f. Middle: the densities in the end. Right: N(t) and the formula. Broken lines: with the raised V_F."""
    shown = min(8.0, results["leaky"].times[-1])
    for colour, kind in enumerate(DRIFTS):
        for name, style in ((kind, "-"), (f"{kind}_raised", "--")):
            run, look = results[name], {"color": f"C{colour}", "ls": style}
            v = run.problem.drawing_points().points
            densities.plot(v, run.final.n(v), **look)
            plot_series(rates, run, until=shown, label=None if colour else f"$V_F={run.model.v_fire:g}$", **look)
            rates.plot(shown, results[f"quadrature_{name}"], "k<", ms=6, clip_on=False, zorder=5)
        v = np.linspace(-3.0, run.model.v_fire, 400)
        drifts.plot(v, run.model.drift(v), label=kind)
    drifts.axhline(0.0, color="k", lw=0.8)
    label(drifts, "v", "drift $f(v)$", "upper center", ylim=(-3.2, 6.0))
    label(densities, "v", "density $n(v,t)$, steady", xlim=(-4.0, None), ylim=(0.0, None))
    N = [results[name] for name in results if name.startswith("quadrature")]
    label(rates, "time $t$", "N", "best", "triangles: formula", yscale="log", ylim=(0.4 * min(N), 3 * max(N)))
    for axes in (drifts, densities):
        mark_thresholds(axes, results["leaky"].problem.marks)


if __name__ == "__main__":
    fl.study.run_script(main)
