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

import numpy as np

import felif as fl
from felif.output import label, panels, plot_densities

PROBE = 0.3
NAMES = ("S", "dissipation_diffusion", "dissipation_jump")
CHEAP = {"tol": 1e-8, "rtol": 1e-8}
EXPECTED = {
    "at_probe_quadratic": ((0.051372032411, 0.255887474849, 0.004706087928), 1e-8),  # S, D_diff, D_jump at t = 0.3
    "at_probe_entropy": ((0.031066514508, 0.158576289536, 0.002724484664), 1e-8),  # two discretisations
    "identity_quadratic": (0.0, 1e-6),  # |S - S(0) + int (D_diff + D_jump)| / max S
    "identity_entropy": (0.0, 1e-6),
    "gap": (1.19096709239063956, 1e-8),  # root of psi(V_F) = psi(V_R) in 40 digits
    "bound": (1.185528251347093105, 1e-8),  # a0 lambda_P: two discretisations
    "rate": (2 * 1.19096709239063956, 2e-5),  # of S; the second mode still adds 3e-6
    "above_bound": (0.0, 1e-12),  # S e^(2 a0 lambda_P t) never exceeds S(0)
    "rise": (0.0, 1e-12),  # S never rises
}


@fl.study.numerics(cells=None, degree=6, tol=1e-9, t_end=8.0, rtol=1e-9, mesh={"v_min": -8.0, "grading": 2.0})
def main(solver, b=0.0, a0=1.0) -> dict:
    """Evolve a Gaussian and compute relative entropies for H = (h-1)^2 and H = h log h - h + 1.

    b: Connectivity; the entropy's bound is a theorem for 0.
    """
    problem = solver.discretize(fl.NoisyLIF(b=b, a0=a0))
    start = fl.Gaussian(0.0, 0.3, boundary_layer=0.7)  # vanishes at V_F, so that S(0) is finite
    run = solver.evolve("run", problem, start, breakpoints=[PROBE] if solver.t_end > PROBE else [])
    state = fl.steady_state(problem)
    bound, gap = fl.poincare(problem, state).gap_bound, fl.spectrum(problem, state, count=2).gap
    results: dict = {"gap": gap, "bound": bound}
    for H in ("quadratic", "entropy"):
        entropy = fl.relative_entropy(run, state, H=H)
        results |= {f"{name}_{H}": getattr(entropy, name) for name in ("times", *NAMES, "coupling")}
        results |= {f"identity_defect_{H}": entropy.defect, f"identity_{H}": float(entropy.defect.max())}
        here = np.argmin(np.abs(entropy.times - PROBE))
        results[f"at_probe_{H}"] = np.array([getattr(entropy, name)[here] for name in NAMES])
    t, S = results["times_quadratic"], results["S_quadratic"]
    late = t >= 0.75 * solver.t_end
    return results | {
        "rate": -float(np.polyfit(t[late], np.log(S[late]), 1)[0]),
        "above_bound": max(0.0, float((S * np.exp(2 * bound * t)).max() / S[0] - 1)),
        "rise": max(0.0, float(np.diff(S).max() / S[0]), float(np.diff(results["S_entropy"]).max() / S[0])),
    }


@panels(2, 2)
def figure(results, densities, decay, rates, identity):
    """The density; S(t) and the bound; both dissipations for the two H; what is left of the identity."""
    run, t, S = results["run"], results["times_quadratic"], results["S_quadratic"]
    t_end, bound, gap = run.times[-1], results["bound"], results["gap"]
    plot_densities(densities, run, [s for s in (0.0, PROBE, 1.0, 2.0) if s < t_end] + [t_end])
    label(densities, "v", "n")
    for colour, H, text in (("C0", "quadratic", "$H=(h-1)^2$"), ("C1", "entropy", r"$H=h\,\log h-h+1$")):
        decay.semilogy(t, results[f"S_{H}"], colour, label=f"$S$, {text}")
        for kind, style in (("diffusion", "-"), ("jump", "--")):
            name = rf"$D_{{\mathrm{{{kind[:4]}}}}}$, {text}"
            rates.semilogy(t, results[f"dissipation_{kind}_{H}"], colour, ls=style, label=name)
        identity.semilogy(t[1:], results[f"identity_defect_{H}"][1:], colour, label=text)
    line = rf"$S(0)\,e^{{-2a\lambda_P t}}$, $a\lambda_P={bound:.5f}$"
    decay.semilogy(t, S[0] * np.exp(-2 * bound * t), "k--", lw=1.0, label=line)
    late, line = t[t > 0.5 * t_end], rf"$e^{{-2\,\mathrm{{gap}}\,t}}$, gap $={gap:.5f}$"
    decay.semilogy(late, 0.2 * S[-1] * np.exp(-2 * gap * (late - t_end)), "k:", lw=1.2, label=line)
    label(decay, "t", "relative entropy $S(t)$", legend="lower left")
    label(rates, "t", "dissipation (1/time constant)", legend="lower left")
    label(identity, "t", "defect of the identity, of $S(0)$", legend="lower right")


if __name__ == "__main__":
    fl.study.run_script(main)
