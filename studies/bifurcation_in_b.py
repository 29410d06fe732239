"""How many steady states does a network have, and which of them does it settle into?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: 1, 2 or 0 (S6; Caceres, Carrillo & Perthame 2011, theorem 3.1). With m = b N the steady states are the
curve N = 1/I(m), b = m I(m), I(m) the mean time between two spikes of a neuron with drift m - v. There is one for
b <= V_F - V_R; from N = infinity a second one comes down, meets the first at the fold, where I + m I' = 0, and beyond
there is none. The lower one is stable. The upper one has a single unstable mode and is the watershed: a network that
starts in it falls to the lower one if b is made a little smaller, and blows up in finite time if b is made larger.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output.plots import rate_curve
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-8, "rtol": 1e-6, "step": 1.0}
# closed form in 40 digits, and finite elements
EXPECTED = {
    "fold_b": ((6.10669605822591009, 2.10096776045578754, 1.38794065700503145), 1e-9),
    "fold_N": ((0.0586446604927718, 0.424224359786284124, 1.51383504335094910), 1e-8),
    "counts": ((1, 2, 0), 0.0),  # theorem: b <= V_F - V_R, up to the fold, beyond
    "states": ((0.192364012568479359, 2.289125707746862800), 1e-9),
    "growth": ((-0.83043545, 3.8817950745961), 1e-7),  # lower: root of psi(V_F) - psi(V_R) = b N [psi']/(1 + lambda)
    "off_curve": (0.0, 1e-7),  # b on the branches against the closed form
    "settled_N": (0.0, 1e-4),  # from the lower state, relative
    "outcome": ("blow_up", 0.0),
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-9,
    t_end: float = 15.0,
    rtol: float = 1e-7,
    b: float = 1.5,
    kick: float = 0.02,
    a0: float = 1.0,
    a1: float = 0.0,
    N_max: float = 20.0,
    step: float = 0.4,
    out: Path | None = None,
) -> dict:
    """Follow the steady states for the noises a0/2, a0, 2 a0; start two runs in the upper state of b.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), without a mesh chosen from tol.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen.
    t_end
        Latest end of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity; states are counted at b - 1, b and b + 1, and the runs start in the upper state of b.
    kick
        The runs have the connectivities b - kick and b + kick.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N.
    N_max
        Firing rate at which the branches end.
    step
        Longest step along a branch, in twentieths of the ranges of b and N.
    """
    results: dict = {"noises": np.array([a0 / 2, a0, 2 * a0]), "N_max": N_max}
    folds, off_curve = [], 0.0
    for name, noise in zip(("half", "one", "double"), results["noises"], strict=True):
        network = fl.NoisyLIF(b=0.0, a0=noise, a1=a1)
        problem = _problem(network, cells, degree, tol)
        branch = fl.continuation(problem, fl.steady_state(problem), "b", (-4.0, 8.0), N_max=N_max, max_step=step)
        folds += branch.folds[:1]
        for column in ("b", "N", "stable", "leading"):
            results[f"{column}_{name}"] = branch.table[column]
        off_curve = max(
            off_curve, np.abs(exact.steady_curve_over_rate(network, branch.table["N"])[0] - branch.table["b"]).max()
        )
        rates = np.geomspace(branch.table["N"].min(), branch.table["N"].max(), 300)
        results[f"exact_{name}"] = np.array([exact.steady_curve_over_rate(network, rates)[0], rates])

    network = fl.NoisyLIF(b=b, a0=a0, a1=a1)
    problem = _problem(network, cells, degree, tol)
    states = fl.steady_states(problem)
    start = states[-1] if states else fl.Gaussian(0.0, 0.25, boundary_layer=0.5)
    on_its_mesh = states[-1].problem if states else problem
    runs = {
        name: fl.evolve(
            on_its_mesh.at(b=b + change), start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True
        )
        for name, change in (("falls", -kick), ("blows_up", kick))
    }
    lower = exact.steady_rates(runs["falls"].model)
    return (
        results
        | runs
        | {
            "fold_b": np.array([fold.b for fold in folds]),
            "fold_N": np.array([fold.N for fold in folds]),
            "counts": np.array([len(fl.steady_states(problem.at(b=x))) for x in (b - 1, b, b + 1)]),
            "states": np.array([state.N for state in states]),
            "growth": np.array([state.growth.real for state in states]),
            "off_curve": float(off_curve),
            "settled_N": runs["falls"].final.N / lower[0] - 1 if len(lower) else None,
            "outcome": runs["blows_up"].outcome.name,
            "defect": max(run.moment_defect for run in runs.values()) / max(tol if cells is None else 0.0, rtol),
        }
    )


def _problem(network: fl.NoisyLIF, cells: int | None, degree: int, tol: float):
    space = fl.SpectralElement(degree)
    if cells is None:
        return fl.discretize(network, space=space, tol=tol)
    return fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=3.0), space=space)


def figure(results: dict):
    """Left: N against b for three noises, the closed form over it. Right: two runs that start in the upper state."""
    figure, (left, right) = new_figure(1, 2)
    with house_style():
        for number, name in enumerate(("half", "one", "double")):
            b, N, stable = results[f"b_{name}"], results[f"N_{name}"], results[f"stable_{name}"]
            colour = f"C{number}"
            left.semilogy(_only(b, stable), N, colour, lw=2.2, label=f"$a_0={results['noises'][number]:g}$")
            left.semilogy(_only(b, ~stable), N, colour, lw=2.2, ls=(0, (2.0, 1.2)))
            left.semilogy(*results[f"exact_{name}"], "k", lw=0.7, label="closed form" if number == 2 else None)
        left.plot(results["fold_b"], results["fold_N"], "o", color="w", mec="k", ms=6, zorder=5, label="folds")
        for x, count in zip((-1.5, 1.55, 4.1), ("1 state", "2", "0"), strict=True):
            left.text(x, 0.8 * results["N_max"], count, ha="center", va="top", color="C1")
        left.axvline(1.0, color="C1", lw=0.8, ls=":")
        if len(results["fold_b"]) == 3:
            left.axvline(results["fold_b"][1], color="C1", lw=0.8, ls=":")
        left.set(xlabel="connectivity $b$", ylabel="firing rate $N$ of the steady states", xlim=(-4.0, 7.0))
        left.set_ylim(top=results["N_max"])
        left.set_title("solid: stable, dashed: unstable", loc="left")
        left.legend(loc="upper right", bbox_to_anchor=(1.0, 0.92))
        for name, colour in (("falls", "C0"), ("blows_up", "C3")):
            run = results[name]
            label = f"$b={run.model.b:g}$"
            if run.blow_up is not None:
                label += rf", $t_{{\mathrm{{BU}}}}={run.blow_up.time:.4f}$"
            right.semilogy(*rate_curve(run), colour, label=label)
        for N, text in zip(results["states"], ("lower", "upper"), strict=False):
            right.axhline(N, color="0.4", lw=1.0, ls="--" if text == "upper" else "-")
            end = results["falls"].times[-1]
            right.text(end, 1.1 * N, f"{text} state of $b={sum(results[r].model.b for r in RUNS) / 2:g}$", ha="right")
        right.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(0.1, 100.0))
        right.set_title("from the upper state", loc="left")
        right.legend(loc="upper right")
    return figure


RUNS = ("falls", "blows_up")


def _only(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Not drawn elsewhere, except where a piece ends."""
    drawn = where.copy()
    drawn[1:] |= where[:-1]
    return np.where(drawn, values, np.nan)


if __name__ == "__main__":
    fl.study.run_script(main)
