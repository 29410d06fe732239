"""Is the network a Stefan problem, a heat equation whose boundary moves with the flux through it?

    n_t + [(-v + I + b N) n]_v - a n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a n_v(V_F, t)

    tau = (e^{2t} - 1)/2,   x = e^t v - int_0^t e^r (b N + I) dr,   n = e^t u(x, tau):
    u_tau = a u_xx + M delta(x - s_1),   u(s, tau) = 0,   M = -a u_x(s, tau),   ds/dtau = V_F e^-t - b M e^t - I e^-t

Expected: the reduction of the lecture (S22; Carrillo, Gonzalez, Gualdani & Schonbek 2013). The drift is gone, the price
is a free boundary s(tau) that activity pulls back in excitatory networks (b = 1.5) and pushes out in inhibitory ones
(b = -2, against a current I = 0.5 that pulls). u has a source M at s_1 and a sink M at s, so u at any time follows from
its data, M and s by heat potentials: this representation, which knows no mesh and no time step of felif, agrees with
the run to the tolerance.
"""

import numpy as np

import felif as fl
from felif.output import label, panels

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# N(1) and s: two discretisations, one of the original and one of the Stefan problem
EXPECTED = {
    "N_single": (0.094673564230, 1e-7),
    "N_excitatory": (0.113589475653, 1e-7),
    "N_inhibitory": (0.141009923655, 1e-7),
    "s_excitatory": (5.24466444, 1e-6),
    "s_single": (2 * np.e, 1e-12),  # b = 0, I = 0: s = V_F e^t
    "residual": (0.0, 100.0),  # of the heat potentials, in units of the tolerance
}
CASES = {"single": (0.0, 0.0), "excitatory": (1.5, 0.0), "inhibitory": (-2.0, 0.5)}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=1.0, rtol=1e-8)
def main(solver, a0=1.0) -> dict:
    """Run three networks from the same data and look at them as Stefan problems."""
    results: dict = {"residual": 0.0}
    for name, (b, current) in CASES.items():
        network = fl.NoisyLIF(b=b, a0=a0, current=current)
        run = solver.evolve(name, network, fl.Gaussian(-0.5, 0.5, boundary_layer=0.7))
        moved = fl.stefan(run)
        results[f"N_{name}"], results[f"s_{name}"] = run.final.N, float(moved.s[-1])
        results["residual"] = max(results["residual"], moved.residual() / solver.tolerance)
    return results


@panels(1, 2)
def figure(results, left, right):
    """u(x, tau) of the excitatory network at some times, with the potentials; the free boundaries."""
    from matplotlib import colormaps

    moved = fl.stefan(results["excitatory"])
    for part, colour in zip(np.linspace(0.1, 1.0, 4), colormaps["viridis"](np.linspace(0.0, 0.88, 4)), strict=True):
        k = max(1, int(np.argmin(abs(moved.t - part * moved.t[-1]))))
        t = float(moved.t[k])
        x = np.linspace(moved.s[k] - 6.5 * np.exp(0.5 * t), moved.s[k] + 0.3, 300)
        left.plot(x, moved.u(x, t), color=colour, label=rf"$\tau={moved.tau[k]:.2g}$")
        far = x[:: len(x) // 20]
        far = far[np.minimum(abs(far - moved.s[k]), abs(far - moved.s_1[k])) > 0.05]
        left.plot(far, moved.represented(far, t), "o", color=colour, ms=3)
        left.axvline(moved.s[k], color=colour, lw=0.8, ls=":")
    left.plot([], [], "o", color="0.5", ms=3, label="heat potentials")
    title = f"$b={results['excitatory'].model.b:g}$, dotted: $s(\\tau)$"
    label(left, "$x$", r"$u(x,\tau)$", legend="upper left", title=title, ylim=(0.0, None))
    for k, (name, (b, current)) in enumerate(CASES.items()):
        tau, s = fl.stefan(results[name]).boundary()
        right.plot(tau, s, f"C{k}", label=f"$b={b:g}$, $I={current:g}$")
    right.plot(tau, moved.run.model.v_fire * np.sqrt(2 * tau + 1), "k:", lw=1.0, label=r"$V_F\sqrt{2\tau+1}$")
    label(right, r"$\tau$", r"free boundary $s(\tau)$", legend="best")


if __name__ == "__main__":
    fl.study.run_script(main)
