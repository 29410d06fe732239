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

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import felif as fl
from felif.output.plots import rate_curve
from felif.output.sampling import sample_points
from felif.output.style import house_style, new_figure

DRIFTS = {
    "leaky": fl.Leaky(),
    "exponential": fl.Exponential(delta=0.2, v_soft=1.5),
    "quadratic": fl.Quadratic(offset=2.0),
}
POTENTIALS = {  # F with F' = f
    "leaky": lambda v: -(v**2) / 2,
    "exponential": lambda v: -(v**2) / 2 + 0.04 * np.exp((v - 1.5) / 0.2),
    "quadratic": lambda v: v**3 / 3 - 2 * v,
}


CHEAP = {"tol": 1e-6, "rtol": 1e-6}
EXPECTED = {
    "N_leaky": (0.11997596523910496621, 1e-8),  # closed form in 40 digits
    "quadrature_leaky": (0.11997596523910496621, 1e-13),
    "mismatch": (0.0, 1e-6),  # largest relative difference of N(t_end) and the quadrature; what relaxes slowest is left
    "mass_drift": (0.0, 1e-12),  # rounding
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 25.0,
    rtol: float = 1e-8,
    b: float = 0.0,
    a0: float = 1.0,
    v_fire: float = 2.0,
    v_raised: float = 3.0,
    out: Path | None = None,
) -> dict:
    """Evolve a Gaussian with each drift and each of two thresholds.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), without a mesh chosen from tol.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen.
    t_end
        Length of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity.
    a0
        Noise.
    v_fire
        Threshold V_F.
    v_raised
        Another one, to see how much depends on it.
    """
    results: dict = {}
    runs, mismatches = [], []
    for name, drift in DRIFTS.items():
        for suffix, threshold in (("", v_fire), ("_raised", v_raised)):
            network = fl.NoisyLIF(b=b, a0=a0, v_fire=threshold, drift=drift)
            space = fl.SpectralElement(degree)
            if cells is None:
                problem = fl.discretize(network, space=space, tol=tol)
            else:
                problem = fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells), space=space)
            start = fl.Gaussian(mean=0.0, variance=0.25, boundary_layer=0.5)
            folder = fl.study.folder(out, name + suffix)
            run = fl.evolve(problem, start, t_end, rtol=rtol, folder=folder, snapshots=41, resume=True)
            N = run.final.N
            rate = passage_rate(POTENTIALS[name], network.v_reset, threshold, b * N, a0)
            runs.append(run)
            mismatches.append(abs(N - rate) / rate)
            results |= {name + suffix: run, f"N_{name}{suffix}": N, f"quadrature_{name}{suffix}": rate}
    return results | {
        "mismatch": max(mismatches),
        "mass_drift": max(run.drift["mass"] for run in runs),
        "min_n": min(run.series["min_n"].min() for run in runs),
        "defect": max(run.moment_defect for run in runs) / max(tol if cells is None else 0.0, rtol),
    }


def passage_rate(F: Callable, v_reset: float, v_fire: float, m: float, a: float) -> float:
    """1 / (mean time from V_R to V_F) under the drift F'(v) + m: Gauss's rule on panels in v and in s = v - u.

    The integrand has no peak narrower than a/|f| at V_F; it has fallen below rounding at s = 12 (V_F - V_R).
    """
    v, weight_v = _panels(v_fire - v_reset, 20)
    s, weight_s = _panels(12.0 * (v_fire - v_reset), 80)
    v = v_reset + v[:, None]
    return float(a / (weight_v @ np.exp((F(v - s) - F(v) - m * s) / a) @ weight_s))


def _panels(length: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on (0, length) and weights: 24 of Gauss's on each of `count` panels."""
    x, weights = np.polynomial.legendre.leggauss(24)
    points = np.arange(count)[:, None] + (x + 1) / 2
    return points.ravel() * length / count, np.tile(weights / 2, count) * length / count


def figure(results: dict):
    """Left: f. Middle: the densities in the end. Right: N(t). Broken lines: with the raised V_F."""
    figure, (drifts, densities, rates) = new_figure(1, 3)
    shown = min(8.0, results["leaky"].times[-1])
    with house_style():
        for colour, name in enumerate(DRIFTS):
            for suffix, style in (("", "-"), ("_raised", "--")):
                run, look = results[name + suffix], {"color": f"C{colour}", "ls": style}
                state = run.final
                v = sample_points(state.problem)
                label = f"{name}, $V_F={run.model.v_fire:g}$"
                densities.plot(v, state.n(v), **look)
                t, N = rate_curve(run)
                rates.semilogy(t[t <= shown], N[t <= shown], label=label, **look)
                rate = results[f"quadrature_{name}{suffix}"]
                what = "formula" if run is results["quadratic_raised"] else None
                rates.plot(shown, rate, "k<", ms=6, clip_on=False, zorder=5, label=what)
            v = np.linspace(-3.0, results[f"{name}_raised"].model.v_fire, 400)
            drifts.plot(v, run.model.drift(v), label=name)
        drifts.axhline(0.0, color="k", lw=0.8)
        drifts.set(xlabel="membrane potential $v$", ylabel="drift $f(v)$", ylim=(-3.2, 6.0))
        drifts.legend(loc="upper center")
        for axes in (drifts, densities):
            for place, text in ((run.model.v_reset, "$V_R$"), (results["leaky"].model.v_fire, "$V_F$")):
                axes.axvline(place, color="0.5", lw=0.8, ls=":")
                axes.annotate(
                    text, (place, 1.0), xycoords=axes.get_xaxis_transform(), color="0.5", ha="center", va="bottom"
                )
        densities.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$, steady", ylim=(0.0, None))
        densities.set_xlim(left=-4.0)
        rates.set(xlabel="time $t$", ylabel="firing rate $N(t)$")
        steady = [results[f"N_{name}{suffix}"] for name in DRIFTS for suffix in ("", "_raised")]
        rates.set(xlim=(0.0, shown), ylim=(0.4 * min(steady), 3.0 * max(steady)))
        rates.legend(loc="center left", bbox_to_anchor=(1.04, 0.5))
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
