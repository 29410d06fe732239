"""Does noise that grows with activity help against blow-up, or cause it?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t) = -a0 n_v(V_F, t) / (1 - a1 |n_v(V_F, t)|)

Expected: "noise does not help" (S10; Carrillo, Perthame, Salort & Smets 2015). An inhibitory network (b = -1.5), which
cannot blow up with constant noise, does so with a1 = 1: every spike makes all neurons more restless, more of them reach
V_F, and a1 |n_v(V_F)| tends to 1. With a1 = 0.4 it comes to 0.728 and falls again. Second row: an excitatory network,
which blows up sooner the larger a1 is. The theorem's criterion, (b mu + a1 mu^2) M_mu(0) >= e^{mu V_F} for some mu >
max(V_F/a0, -b/a1), holds for a1 = 1 and not for a1 = 0.4. N ~ (T - t)^(-1/2), without the logarithm of constant noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import fine_times, house_style, new_figure

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
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-7,
    t_end: float = 0.1,
    rtol: float = 1e-7,
    b: float = -1.5,
    b_excitatory: float = 0.5,
    a0: float = 1.0,
    a1: float = 1.0,
    a1_weak: float = 0.4,
    a1_excitatory: float = 0.05,
    out: Path | None = None,
) -> dict:
    """Run an inhibitory network with two strengths of a1, and an excitatory one with and without.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, without a mesh that follows the solution.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Latest end of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the inhibitory network.
    b_excitatory
        Connectivity of the excitatory network.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N that makes the inhibitory network blow up.
    a1_weak
        One that does not.
    a1_excitatory
        Increase of the noise with N of the excitatory network.
    """
    inhibited = fl.Gaussian(mean=1.5, variance=0.005, boundary_layer=0.05)
    excited = fl.Gaussian(mean=1.83, variance=0.003, boundary_layer=0.5)
    cases = {
        "weak": (fl.NoisyLIF(b=b, a0=a0, a1=a1_weak), inhibited),
        "strong": (fl.NoisyLIF(b=b, a0=a0, a1=a1), inhibited),
        "excitatory_constant": (fl.NoisyLIF(b=b_excitatory, a0=a0), excited),
        "excitatory": (fl.NoisyLIF(b=b_excitatory, a0=a0, a1=a1_excitatory), excited),
    }
    results: dict = {"mass_drift": 0.0, "defect": 0.0}
    for name, (network, start) in cases.items():
        space = fl.SpectralElement(degree)
        mesh = None if cells is None else fl.interval(network, v_min=-8.0, cells=cells, grading=3.0)
        problem = fl.discretize(network, mesh, space=space, **({"tol": tol} if mesh is None else {}))
        run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
        found = run.blow_up
        results[name] = run
        results[f"outcome_{name}"] = run.outcome.name
        results[f"time_{name}"] = None if found is None else found.time
        results[f"mechanism_{name}"] = None if found is None else found.mechanism
        results[f"exponent_{name}"] = None if found is None else found.exponent
        results[f"certified_{name}"] = fl.noise_blow_up(run.at(0.0)).applies
        results[f"largest_{name}"] = float(np.max(feedback(run)[1]))
        results["mass_drift"] = max(results["mass_drift"], run.drift["mass"])
        results["defect"] = max(results["defect"], run.moment_defect / max(tol if cells is None else 0.0, rtol))
    return results


def feedback(run) -> tuple[np.ndarray, np.ndarray]:
    """(times, a1 |n_v(V_F)| = a1 N/(a0 + a1 N)): what one unit of N adds to itself through the noise."""
    t = fine_times(run.times)
    N = np.asarray(run.sample("N", t))
    noise = run.model.a1 * np.where(np.isfinite(N), N, 0.0)
    return t, noise / (run.model.a0 + noise)


def figure(results: dict):
    """N(t) left; right what feeds back: a1 |n_v(V_F)|, and N against the time left."""
    figure, axes = new_figure(2, 2)
    rows = ((("weak", "strong"), "inhibitory"), (("excitatory_constant", "excitatory"), "excitatory"))
    with house_style():
        for (left, _), (names, title) in zip(axes, rows, strict=True):
            for k, name in enumerate(names):
                run = results[name]
                t = fine_times(run.times)
                left.semilogy(t, np.maximum(run.sample("N", t), 1e-12), f"C{k}", label=f"$a_1={run.model.a1:g}$")
                if run.blow_up is not None:
                    left.axvline(run.blow_up.time, color=f"C{k}", ls=":", lw=1.0)
            left.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(1e-3, 1e5))
            left.set_title(f"{title}, $b={results[names[0]].model.b:g}$", loc="left")
            left.legend()
        right = axes[0, 1]
        for k, name in enumerate(("weak", "strong")):
            right.plot(*feedback(results[name]), f"C{k}", label=f"$a_1={results[name].model.a1:g}$")
        right.axhline(1.0, color="k", ls=":", lw=1.0)
        right.set(xlabel="time $t$ (membrane time constants)", ylabel=r"$a_1\,|n_v(V_F,t)|$", ylim=(0.0, 1.05))
        right.legend()
        right = axes[1, 1]
        for k, name in enumerate(("excitatory_constant", "excitatory")):
            run = results[name]
            if run.blow_up is None:  # with other options
                continue
            t = fine_times(run.times)
            left_over = run.blow_up.time - t
            right.loglog(left_over, run.sample("N", t) * np.sqrt(left_over), f"C{k}", label=f"$a_1={run.model.a1:g}$")
            right.axvspan(1e-16, run.blow_up.error, color=f"C{k}", alpha=0.1)
        right.set(xlabel="time left $T-t$", ylabel=r"$N\,\sqrt{T-t}$", xlim=(1e-2, 1e-10), ylim=(0.1, 20.0))
        right.set_title("shaded: within the error of $T$", loc="left")
        right.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
