"""What do inhibitory and excitatory networks settle into?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: the lecture's figure for an inhibitory network (b < 0) and its excitatory counterpart (S6; Caceres, Carrillo &
Perthame 2011): from the same Gaussian both reach a steady state, the inhibitory one after an overshoot of N, because
firing neurons quieten the others only once they fire. An inhibitory network has one steady state; an excitatory one
(a0 = 1, a1 = 0) has one for b <= 1, two for 1 < b < 2.10097 (the lower is stable), none above. The steady rates drawn
are the closed form. The Gaussian does not vanish at V_F: N starts from infinity like t^(-1/2), and falls at once.
"""

from __future__ import annotations

from pathlib import Path

import felif as fl
from felif.analysis import exact
from felif.output.plots import plot_densities, plot_rates
from felif.output.style import house_style, new_figure

TIMES = (0.1, 0.5, 1.0, 2.0, 5.0)
CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# N at TIMES: finite elements of several degrees and finite volumes, converged to the digits given
EXPECTED = {
    "N_inhibitory": ((0.029774681, 0.098171583, 0.102777637, 0.096410342, 0.093177841), 5e-8),
    "N_excitatory": ((0.030693867, 0.129229035, 0.165539453, 0.183395601, 0.191650851), 5e-8),
    "steady_excitatory": ((0.192364012568479359, 2.289125707746862800), 1e-12),  # closed form in 40 digits
    "mass_drift": (0.0, 1e-12),  # rounding
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 5.0,
    rtol: float = 1e-8,
    b: float = -1.5,
    b_excitatory: float = 1.5,
    a0: float = 1.0,
    a1: float = 0.0,
    out: Path | None = None,
) -> dict:
    """Evolve the Gaussian exp(-2 v^2) in two networks that differ in their connectivity alone.

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
        Connectivity of the inhibitory network.
    b_excitatory
        Connectivity of the excitatory network.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N; data must vanish at V_F then.
    """
    results: dict = {}
    for name, connectivity in (("inhibitory", b), ("excitatory", b_excitatory)):
        network = fl.NoisyLIF(b=connectivity, a0=a0, a1=a1)
        space = fl.SpectralElement(degree)
        if cells is None:
            problem = fl.discretize(network, space=space, tol=tol)
        else:
            problem = fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells), space=space)
        # with a1 > 0 a rate exists only where the initial density vanishes at V_F
        start = fl.Gaussian(0.0, 0.25, boundary_layer=0.5 if a1 else 0.0)
        run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
        results[name] = run
        results[f"N_{name}"] = run.sample("N", [t for t in TIMES if t <= run.times[-1]])
        results[f"steady_{name}"] = exact.steady_rates(network)
    runs = results["inhibitory"], results["excitatory"]
    return results | {
        "mass_drift": max(run.drift["mass"] for run in runs),
        "min_n": min(run.series["min_n"].min() for run in runs),
        "defect": max(run.moment_defect for run in runs) / max(tol if cells is None else 0.0, rtol),
    }


def figure(results: dict):
    """A row for each network, as on the slide: n(v, t) left, N(t) right."""
    figure, axes = new_figure(2, 2)
    for (left, right), name in zip(axes, ("inhibitory", "excitatory"), strict=True):
        run = results[name]
        t_end = run.times[-1]
        plot_densities(left, run, [t for t in (0.0, 0.2, 0.5, 1.0, 2.0) if t < t_end] + [t_end])
        plot_rates(right, run)
        with house_style():
            left.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$")
            left.set_title(f"{name}, $b={run.model.b:g}$", loc="left", pad=16)
            steady = results[f"steady_{name}"]
            if len(steady):
                right.axhline(steady[0], color="k", ls="--", lw=1.0, label=f"steady state, $N={steady[0]:.5f}$")
                right.legend(loc="lower right")
            right.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
