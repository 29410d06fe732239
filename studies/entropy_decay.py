"""Why does a neuron forget where it started, and is the entropy's bound on the rate sharp?

    S(t) = int P H(n/P) dv,      dS/dt = -D_diff - D_jump,      D_diff = a0 int P H''(h) h_v^2 dv,   h = n/P
    D_jump = N_inf [H(N/N_inf) - H(h(V_R)) - (N/N_inf - h(V_R)) H'(h(V_R))],      H convex

Expected: the relative entropy with respect to the steady density P falls for every convex H (S5; Caceres, Carrillo &
Perthame 2011, section 4): by diffusion, and because whoever fires jumps from V_F to V_R. For H = (h - 1)^2 the
Hardy/Poincare inequality int P h_v^2 >= lambda_P int P (h - 1)^2 makes that exponential, S(t) <= S(0) e^(-2 a0
lambda_P t). In the end S falls like e^(-2 gap t), gap = 1.19097 the spectral gap; a0 lambda_P = 1.18553 is half a
percent below, so the bound, which leaves D_jump out, is almost sharp. Tested along a run: S, both dissipations, and the
identity. With b != 0 the coupling adds a term of either sign, which is part of the identity checked here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.plots import plot_densities
from felif.output.style import house_style, new_figure

PROBE = 0.3
NAMES = ("S", "dissipation_diffusion", "dissipation_jump")
CHEAP = {"tol": 1e-8, "rtol": 1e-8}
EXPECTED = {
    # (S, D_diff, D_jump) at t = 0.3: two discretisations
    "at_probe_quadratic": ((0.051372032411, 0.255887474849, 0.004706087928), 1e-8),
    "at_probe_entropy": ((0.031066514508, 0.158576289536, 0.002724484664), 1e-8),
    "identity_quadratic": (0.0, 1e-6),  # |S - S(0) + int (D_diff + D_jump)| / max S
    "identity_entropy": (0.0, 1e-6),
    "gap": (1.19096709239063956, 1e-8),  # root of psi(V_F) = psi(V_R) in 40 digits
    "bound": (1.185528251347093105, 1e-8),  # a0 lambda_P: two discretisations
    "rate": (2 * 1.19096709239063956, 2e-5),  # of S; the second mode still adds 3e-6
    "above_bound": (0.0, 1e-12),  # S e^(2 a0 lambda_P t) never exceeds S(0)
    "rise": (0.0, 1e-12),  # S never rises
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-9,
    t_end: float = 8.0,
    rtol: float = 1e-9,
    b: float = 0.0,
    a0: float = 1.0,
    out: Path | None = None,
) -> dict:
    """Evolve a Gaussian and compute relative entropies for H = (h-1)^2 and H = h log h - h + 1.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), without a mesh chosen from tol.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen.
    t_end
        Length of the run, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity; the entropy's bound is a theorem for 0.
    a0
        Noise.
    """
    network = fl.NoisyLIF(b=b, a0=a0)
    space = fl.SpectralElement(degree)
    if cells is None:
        problem = fl.discretize(network, space=space, tol=tol)
    else:
        problem = fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=2.0), space=space)
    start = fl.Gaussian(0.0, 0.3, boundary_layer=0.7)  # vanishes at V_F, so that S(0) is finite
    probe = [PROBE] if t_end > PROBE else []
    run = fl.evolve(
        problem, start, t_end, rtol=rtol, breakpoints=probe, folder=fl.study.folder(out, "run"), resume=True
    )
    state = fl.steady_state(problem)
    results: dict = {
        "run": run,
        "gap": fl.spectrum(problem, state, count=2).gap,
        "bound": fl.poincare(problem, state).gap_bound,
        "mass_drift": run.drift["mass"],
        "defect": run.moment_defect / max(tol if cells is None else 0.0, rtol),
    }
    for H in ("quadratic", "entropy"):
        entropy = fl.relative_entropy(run, state, H=H)
        results[f"times_{H}"] = entropy.times
        for name in (*NAMES, "coupling"):
            results[f"{name}_{H}"] = getattr(entropy, name)
        results[f"identity_defect_{H}"] = entropy.defect
        results[f"identity_{H}"] = float(entropy.defect.max())
        here = np.argmin(np.abs(entropy.times - PROBE))
        results[f"at_probe_{H}"] = np.array([getattr(entropy, name)[here] for name in NAMES])
    t, S = results["times_quadratic"], results["S_quadratic"]
    late = t >= 0.75 * t_end
    return results | {
        "rate": -float(np.polyfit(t[late], np.log(S[late]), 1)[0]),
        "above_bound": max(0.0, float((S * np.exp(2 * results["bound"] * t)).max() / S[0] - 1)),
        "rise": max(0.0, float(np.diff(S).max() / S[0]), float(np.diff(results["S_entropy"]).max() / S[0])),
    }


def figure(results: dict):
    """The density; S(t) and the bound; both dissipations for the two H; what is left of the identity."""
    run, t = results["run"], results["times_quadratic"]
    figure, ((densities, decay), (rates, identity)) = new_figure(2, 2)
    t_end = run.times[-1]
    plot_densities(densities, run, [s for s in (0.0, PROBE, 1.0, 2.0) if s < t_end] + [t_end])
    with house_style():
        densities.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$")
        decay.semilogy(t, results["S_quadratic"], "C0", label="$S$, $H=(h-1)^2$")
        decay.semilogy(t, results["S_entropy"], "C1", label=r"$S$, $H=h\,\log h-h+1$")
        bound, gap = results["bound"], results["gap"]
        decay.semilogy(
            t,
            results["S_quadratic"][0] * np.exp(-2 * bound * t),
            "k--",
            lw=1.0,
            label=rf"$S(0)\,e^{{-2a\lambda_P t}}$, $a\lambda_P={bound:.5f}$",
        )
        late = t > 0.5 * t_end
        line = 0.2 * results["S_quadratic"][-1] * np.exp(-2 * gap * (t[late] - t_end))
        decay.semilogy(t[late], line, "k:", lw=1.2, label=rf"$e^{{-2\,\mathrm{{gap}}\,t}}$, gap $={gap:.5f}$")
        decay.set(xlabel="time $t$ (membrane time constants)", ylabel="relative entropy $S(t)$")
        decay.legend(loc="lower left")
        for colour, H, text in (("C0", "quadratic", "$(h-1)^2$"), ("C1", "entropy", r"$h\,\log h-h+1$")):
            rates.semilogy(
                t, results[f"dissipation_diffusion_{H}"], colour, label=rf"$D_{{\mathrm{{diff}}}}$, $H=${text}"
            )
            rates.semilogy(
                t, results[f"dissipation_jump_{H}"], colour, ls="--", label=rf"$D_{{\mathrm{{jump}}}}$, $H=${text}"
            )
            identity.semilogy(t[1:], results[f"identity_defect_{H}"][1:], colour, label=f"$H=${text}")
        rates.set(xlabel="time $t$ (membrane time constants)", ylabel="dissipation (1/time constant)")
        rates.legend(loc="lower left")
        identity.set(
            xlabel="time $t$ (membrane time constants)",
            ylabel=r"$|S-S(0)+\int(D_{\mathrm{diff}}+D_{\mathrm{jump}})\,dt|\,/\,S(0)$",
        )
        identity.axhline(1e-6, color="0.5", lw=0.8, ls=":")
        identity.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
