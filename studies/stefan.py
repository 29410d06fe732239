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

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# N(1) and s: two discretisations, one of the original and one of the Stefan problem
EXPECTED = {
    "N_single": (0.094673564230, 1e-7),
    "N_excitatory": (0.113589475653, 1e-7),
    "N_inhibitory": (0.141009923655, 1e-7),
    "s_excitatory": (5.24466444, 1e-6),
    "s_single": (2 * np.e, 1e-12),  # b = 0, I = 0: s = V_F e^t
    "residual": (0.0, 100.0),  # of the heat potentials, in units of the tolerance
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}
CASES = {"single": (0.0, 0.0), "excitatory": (1.5, 0.0), "inhibitory": (-2.0, 0.5)}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 1.0,
    rtol: float = 1e-8,
    a0: float = 1.0,
    out: Path | None = None,
) -> dict:
    """Run three networks from the same data and look at them as Stefan problems.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, without a mesh that follows the solution.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Length of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    a0
        Noise.
    """
    results: dict = {"residual": 0.0, "defect": 0.0}
    largest = max(tol if cells is None else 0.0, rtol)
    for name, (b, current) in CASES.items():
        network, space = fl.NoisyLIF(b=b, a0=a0, current=current), fl.SpectralElement(degree)
        mesh = None if cells is None else fl.interval(network, v_min=-8.0, cells=cells, grading=3.0)
        problem = fl.discretize(network, mesh, space=space, **({"tol": tol} if mesh is None else {}))
        start = fl.Gaussian(-0.5, 0.5, boundary_layer=0.7)
        run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
        moved = fl.stefan(run)
        results[name] = run
        results[f"N_{name}"], results[f"s_{name}"] = run.final.N, float(moved.s[-1])
        results["residual"] = max(results["residual"], moved.residual() / largest)
        results["defect"] = max(results["defect"], run.moment_defect / largest)
    return results


def figure(results: dict):
    """u(x, tau) of the excitatory network at some times, with the potentials; the free boundaries."""
    figure, (left, right) = new_figure(1, 2)
    with house_style():
        from matplotlib import colormaps

        moved = fl.stefan(results["excitatory"])
        wanted = np.linspace(0.1, 1.0, 4) * moved.t[-1]
        times = [float(moved.t[max(1, np.argmin(abs(moved.t - t)))]) for t in wanted]
        for t, colour in zip(times, colormaps["viridis"](np.linspace(0.0, 0.88, len(times))), strict=True):
            k = int(np.argmin(abs(moved.t - t)))
            x = np.linspace(moved.s[k] - 6.5 * np.exp(0.5 * t), moved.s[k] + 0.3, 300)
            left.plot(x, moved.u(x, t), color=colour, label=rf"$\tau={moved.tau[k]:.2g}$")
            far = x[:: len(x) // 20]
            far = far[np.minimum(abs(far - moved.s[k]), abs(far - moved.s_1[k])) > 0.05]
            left.plot(far, moved.represented(far, t), "o", color=colour, ms=3)
            left.axvline(moved.s[k], color=colour, lw=0.8, ls=":")
        left.plot([], [], "o", color="0.5", ms=3, label="heat potentials")
        left.set(xlabel="$x$", ylabel=r"$u(x,\tau)$", ylim=(0.0, None))
        left.set_title(f"$b={results['excitatory'].model.b:g}$, dotted: $s(\\tau)$", loc="left")
        left.legend(loc="upper left")
        for k, (name, (b, current)) in enumerate(CASES.items()):
            moved = fl.stefan(results[name])
            tau, s = moved.boundary()
            right.plot(tau, s, f"C{k}", label=f"$b={b:g}$, $I={current:g}$")
        right.plot(tau, moved.run.model.v_fire * np.sqrt(2 * tau + 1), "k:", lw=1.0, label=r"$V_F\sqrt{2\tau+1}$")
        right.set(xlabel=r"$\tau$", ylabel=r"free boundary $s(\tau)$")
        right.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
