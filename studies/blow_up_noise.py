"""Does noise that grows with activity help against blow-up, or cause it?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t) = -a0 n_v(V_F, t) / (1 - a1 |n_v(V_F, t)|)

Expected: "noise does not help" (S10; Carrillo, Perthame, Salort & Smets 2015). An inhibitory network (b = -1.5), which
cannot blow up with constant noise, does so with a1 = 1: every spike makes all neurons more restless, more of them reach
V_F, and a1 |n_v(V_F)| tends to 1. With a1 = 0.4 it comes to 0.728 and falls again. Second row: an excitatory network,
which blows up sooner the larger a1 is. The theorem's criterion, (b mu + a1 mu^2) M_mu(0) >= e^{mu V_F} for some mu >
max(V_F/a0, -b/a1), holds for a1 = 1 and not for a1 = 0.4. N ~ (T - t)^(-1/2), without the logarithm of constant noise.
"""

import numpy as np

import felif as fl
from felif.output import label, panels, plot_series, rate_curve

CHEAP = {"tol": 1e-5, "rtol": 1e-5}
# two discretisations; the largest a1 |n_v| between steps of finite elements
EXPECTED = {
    "outcome_weak": ("finished", 0.0),
    "outcome_strong": ("blow_up", 0.0),
    "mechanism_strong": ("noise", 0.0),
    "time_strong": (0.00986114546, 2e-6),
    "largest_weak": (0.727935, 2e-3),
    "time_excitatory": (0.00247291642, 1e-6),
    "time_excitatory_constant": (0.00922443143, 1e-6),
    "certified_weak": (False, 0.0),
    "certified_strong": (True, 0.0),  # theorem
    "exponent_strong": (0.5, 0.01),
}


@fl.study.numerics(cells=None, degree=6, tol=1e-7, t_end=0.1, rtol=1e-7)
def main(solver, b=-1.5, b_excitatory=0.5, a0=1.0, a1=1.0, a1_weak=0.4, a1_excitatory=0.05) -> dict:
    """Run an inhibitory network with two strengths of a1, and an excitatory one with and without.

    b: Connectivity of the inhibitory network.
    a1: Increase of the noise with N that makes the inhibitory network blow up.
    a1_weak: One that does not.
    a1_excitatory: Increase of the noise with N of the excitatory network.
    """
    inhibited = fl.Gaussian(mean=1.5, variance=0.005, boundary_layer=0.05)
    excited = fl.Gaussian(mean=1.83, variance=0.003, boundary_layer=0.5)
    solver.evolve("weak", fl.NoisyLIF(b=b, a0=a0, a1=a1_weak), inhibited)
    solver.evolve("strong", fl.NoisyLIF(b=b, a0=a0, a1=a1), inhibited)
    solver.evolve("excitatory_constant", fl.NoisyLIF(b=b_excitatory, a0=a0), excited)
    solver.evolve("excitatory", fl.NoisyLIF(b=b_excitatory, a0=a0, a1=a1_excitatory), excited)
    results = solver.ends()
    for name, run in solver.runs.items():
        results[f"certified_{name}"] = fl.noise_blow_up(run.at(0.0)).applies
        results[f"largest_{name}"] = float(np.nanmax(feedback(run)[1]))
    return results


def feedback(run) -> tuple[np.ndarray, np.ndarray]:
    """(times, a1 |n_v(V_F)| = a1 N/(a0 + a1 N)): what one unit of N adds to itself through the noise."""
    t, N = rate_curve(run)
    return t, run.model.a1 * N / (run.model.a0 + run.model.a1 * N)


@panels(2, 2)
def figure(results, inhibitory, margin, excitatory, law):
    """N(t) left; right what feeds back: a1 |n_v(V_F)|, and N against the time left."""
    for axes, *names in ((inhibitory, "weak", "strong"), (excitatory, "excitatory_constant", "excitatory")):
        for k, run in enumerate(results[name] for name in names):
            text = f"$a_1={run.model.a1:g}$"
            plot_series(axes, run, "N", f"C{k}", label=text)
            if axes is inhibitory:
                margin.plot(*feedback(run), f"C{k}", label=text)
            elif run.blow_up:
                t, N = rate_curve(run)
                left = run.blow_up.time - t
                law.loglog(left, N * np.sqrt(left), f"C{k}", label=text)
                law.axvspan(1e-16, run.blow_up.error, color=f"C{k}", alpha=0.1)
        kind = "inhibitory" if axes is inhibitory else "excitatory"
        label(axes, "t", "N", "best", f"{kind}, $b={run.model.b:g}$", yscale="log", ylim=(1e-3, 1e5))
    margin.axhline(1.0, color="k", ls=":", lw=1.0)
    label(margin, "t", r"$a_1\,|n_v(V_F,t)|$", "best", ylim=(0.0, 1.05))
    label(law, "time left $T-t$", r"$N\,\sqrt{T-t}$", "best", "shaded: error of $T$", ylim=(0.1, 20.0))
    law.set_xlim(1e-2, 1e-10)


if __name__ == "__main__":
    fl.study.run_script(main)
