"""When can a network with a refractory state fire at two different rates?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = (R(t)/tau) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      dR/dt + R/tau = N,      int n dv + R = 1

Expected: between two folds (S11; Caceres & Perthame 2014, section 3). Steady states are N = 1/(I(m) + tau), b = m/N;
a state that fires faster than 1/tau is impossible, so the upper branch that escapes to infinity without a refractory
state turns back at a second fold. Folds are I + m I' + tau = 0, a curve in (b, tau); inside it there are three steady
states, outside one. The two folds meet in a cusp, 2 I' + m I'' = 0, at tau = 0.32545: beyond, there is one state for
every b. In the three-state region two networks that differ only in how they start settle at different rates, as long
as the upper state has not lost its stability in a Hopf bifurcation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output.plots import rate_curve
from felif.output.style import house_style, new_figure

TAUS = (0.05, 0.1, 0.2)
CHEAP = {"tol": 1e-8, "rtol": 1e-6}
# closed form in 40 digits, and finite elements
EXPECTED = {
    "fold_b": (
        (
            2.146429138231881,
            1.579726051834629,
            2.193862816054697,
            1.827569291790583,
            2.296180297710294,
            2.167734940725883,
        ),
        1e-9,
    ),
    "cusp": ((2.44953546218913, 0.3254467330969838, 0.6411371684440275), 1e-9),
    "off_curve": (0.0, 1e-8),  # folds in (b, tau) against the closed form
    "states": ((0.33287668354789, 0.786527970809086, 1.800699168360383), 1e-8),
    "settled": (0.0, 3e-5),  # both runs against their steady states, relative
    "total_drift": (0.0, 1e-12),  # int n + R: rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 40.0,
    rtol: float = 1e-8,
    b: float = 2.23,
    tau: float = 0.2,
    a0: float = 1.0,
    out: Path | None = None,
) -> dict:
    """Follow the folds from one tau to all of (b, tau); start two runs of one network in different densities.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), without a mesh chosen from tol.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Length of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the network of the runs.
    tau
        Mean time a neuron of the runs rests after firing.
    a0
        Noise.
    """
    folds = []
    for rest in TAUS:
        problem = _problem(fl.RefractoryLIF(b=0.5, tau=rest, a0=a0), cells, degree, tol)
        branch = fl.continuation(problem, fl.steady_state(problem), "b", (0.0, 8.0), N_max=8.0, stability=False)
        folds.append(branch.folds)
    curve = fl.fold_curve(
        problem, branch.folds[0], "b", "tau", {"b": (0.5, 12.0), "tau": (0.02, 2.0)}, N_max=8.0, stability=False
    )
    results = {f"curve_{name}": curve.table[name] for name in ("b", "tau", "N")}
    results["off_curve"] = max(
        min(np.hypot(b_fold - fold.b, N / fold.N - 1) for fold in exact.folds(_network(b, rest, a0)))
        for b_fold, rest, N in zip(*(curve.table[name] for name in ("b", "tau", "N")), strict=True)
        if rest < 0.999 * curve.table["tau"].max()  # at the cusp itself folds are ill-conditioned
    )
    network = _network(b, tau, a0)
    results["exact_curve"] = _exact_curve(network)

    problem = _problem(network, cells, degree, tol)
    states = fl.steady_states(problem)
    starts = {"quiet": fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), "excited": fl.Gaussian(1.0, 0.1, boundary_layer=0.5)}
    runs = {
        name: fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
        for name, start in starts.items()
    }
    rates = np.array([state.N for state in states])
    reached = (runs["quiet"].final.N / rates[0] - 1, runs["excited"].final.N / rates[-1] - 1)
    return (
        results
        | runs
        | {
            "fold_b": np.array([fold.b for pair in folds for fold in pair]),
            "fold_tau": np.array([fold.tau for pair in folds for fold in pair]),
            "cusp": np.array([(cusp.b, cusp.tau, cusp.N) for cusp in curve.cusps]).ravel(),
            "states": rates,
            "stable": np.array([state.stable for state in states]),
            "settled": max(map(abs, reached)),
            "total_drift": max(run.drift["total"] for run in runs.values()),
            "defect": max(run.moment_defect for run in runs.values()) / max(tol if cells is None else 0.0, rtol),
        }
    )


def _network(b: float, tau: float, a0: float) -> fl.RefractoryLIF:
    return fl.RefractoryLIF(b=b, tau=tau, a0=a0)


def _problem(network: fl.RefractoryLIF, cells: int | None, degree: int, tol: float):
    space = fl.SpectralElement(degree)
    if cells is None:
        return fl.discretize(network, space=space, tol=tol)
    return fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=3.0), space=space)


def _exact_curve(network: fl.RefractoryLIF) -> np.ndarray:
    """(b, tau) with tau = -(I + m I'), b = m (I + tau) for the drift centres m at which tau > 0."""
    m = np.geomspace(0.05, 40.0, 4000)
    alone = exact.log_interval(fl.NoisyLIF(a0=network.a0), m)
    tau = -np.exp(alone.log) * (1 + m * alone.by_m)
    b = m * (np.exp(alone.log) + tau)
    return np.array([b[tau > 0.02], tau[tau > 0.02]])


def figure(results: dict):
    """Left: folds in (b, tau) with the cusp, the closed form over them. Right: one network, two rates."""
    figure, (left, right) = new_figure(1, 2)
    b, tau = results["curve_b"], results["curve_tau"]
    quiet, excited = results["quiet"], results["excited"]
    with house_style():
        left.plot(b, tau, "C0", lw=2.4, label="folds")
        left.plot(*results["exact_curve"], "k", lw=0.7, label="closed form")
        left.plot(results["fold_b"], results["fold_tau"], "o", color="w", mec="k", ms=5, zorder=5)
        if len(results["cusp"]):
            at = results["cusp"]
            left.plot(at[0], at[1], "D", color="C3", ms=7, zorder=6)
            left.annotate(
                f"cusp\n$b={at[0]:.6f}$\n$\\tau={at[1]:.6f}$",
                (at[0], at[1]),
                (1.25, 0.19),
                color="C3",
                arrowprops={"arrowstyle": "-", "color": "C3", "lw": 0.8},
            )
        left.plot(quiet.model.b, quiet.model.tau, "*", color="C1", ms=13, zorder=6, label="runs on the right")
        left.text(1.97, 0.07, "3 states", ha="center")
        left.text(2.5, 0.07, "1 state", ha="center")
        left.text(1.35, 0.07, "1 state", ha="center")
        left.set(xlabel="connectivity $b$", ylabel=r"refractory time $\tau$", xlim=(1.15, 2.8), ylim=(0.0, 0.36))
        left.legend(loc="upper left")
        for run, colour, name in ((quiet, "C0", "quiet start"), (excited, "C3", "excited start")):
            right.semilogy(*rate_curve(run), colour, label=name)
        for N, stable in zip(results["states"], results["stable"], strict=True):
            right.axhline(N, color="k", lw=0.9, ls="-" if stable else "--")
            right.text(
                0.99,
                N,
                f"$N={N:.5f}$, {'stable' if stable else 'unstable'}",
                ha="right",
                va="bottom",
                transform=right.get_yaxis_transform(),
            )
        right.set_title(f"$b={quiet.model.b:g}$, $\\tau={quiet.model.tau:g}$", loc="left")
        right.set(
            xlabel="time $t$ (membrane time constants)",
            ylabel="firing rate $N(t)$",
            xlim=(0.0, min(15.0, quiet.times[-1])),
            ylim=(0.05, 4.0),
        )
        right.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
