"""What does a mesh that follows the solution save, and what does it cost in accuracy?

    n_t + [(-v + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

All neurons start within a few sqrt(variance) of one potential. Expected: at first the density needs cells of that size
there, later none of them. Three runs with the same steps:

    adaptive   cells are split where the two highest Legendre modes of an element are too large, layers at V_F follow N,
               and cells that are no longer needed are merged: moments kept, N not disturbed beyond the tolerance
    kept       the mesh that the data need, kept to the end
    plain      the mesh that the tolerance asks for whatever the data

The adaptive run is as accurate as the one that keeps all cells and ends with as few unknowns as the plain one, which is
wrong while the data are not resolved: its error in N is that of data smeared over a cell.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "variance": 1e-4}
EXPECTED = {
    "error_adaptive": (0.0, 10.0),  # of N, in units of max(tol, rtol), against a run 1000 times more accurate
    "error_kept": (0.0, 10.0),
    "adaptive_no_worse": (1.0, 1.0),  # error of the adaptive run over that of the run that keeps its cells, at most 2
    "dofs_saved": (0.7, 0.3),  # part of the largest number of unknowns that is given back at the end
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}
NAMES = {"adaptive": "adaptive", "kept": "all cells kept", "plain": "whatever the data"}
COLOURS = {"adaptive": "C0", "kept": "C1", "plain": "C2"}


def main(
    cells: int | None = None,
    tol: float = 1e-6,
    t_end: float = 3.0,
    rtol: float = 1e-6,
    b: float = 0.5,
    a0: float = 1.0,
    start: float = 0.8,
    variance: float = 1e-5,
    out: Path | None = None,
) -> dict:
    """Evolve a concentrated population on three meshes.

    Parameters
    ----------
    cells
        Number of cells of the plain mesh on (-6, V_F), in place of the one that the tolerance asks for.
    tol
        Accuracy of N from which meshes are chosen.
    t_end
        Length of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity.
    a0
        Noise.
    start
        Potential around which all neurons start.
    variance
        Variance of their potentials.
    """
    network = fl.NoisyLIF(b=b, a0=a0)
    data = fl.Gaussian(start, variance, boundary_layer=0.5)

    def run(name: str, problem) -> fl.Run:
        return fl.evolve(problem, data, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)

    adaptive = run("adaptive", fl.discretize(network, tol=tol))
    plain = fl.discretize(network, tol=tol)
    if cells is not None:
        plain = fl.discretize(network, fl.interval(network, v_min=-6.0, cells=cells))
    runs = {
        "adaptive": adaptive,
        "kept": run("kept", fl.discretize(network, adaptive.segments[0].problem.mesh)),
        "plain": run("plain", fl.discretize(network, splitting(plain, data).mesh)),
    }
    exact = fl.evolve(fl.discretize(network, tol=max(1e-3 * tol, 1e-11)), data, t_end, rtol=max(1e-3 * rtol, 1e-11))
    times = np.geomspace(1e-2 * t_end, t_end, 60)
    N = exact.sample("N", times)
    # N is small before the first neurons arrive: relative to a hundredth at least, as for the steps
    errors = {name: np.abs(run.sample("N", times) - N) / np.maximum(N, 1e-2) for name, run in runs.items()}
    unit, dofs = max(tol, rtol), [segment.problem.size for segment in adaptive.segments]
    return runs | {
        "times": times,
        **{f"errors_{name}": error for name, error in errors.items()},
        **{f"error_{name}": float(error.max() / unit) for name, error in errors.items()},
        "adaptive_no_worse": float(errors["adaptive"].max() / max(errors["kept"].max(), unit)),
        "dofs_first": dofs[0],
        "dofs_last": dofs[-1],
        "dofs_saved": 1 - dofs[-1] / max(dofs),
        "dofs_plain": runs["plain"].problem.size,
        "remeshes": adaptive.statistics["remeshes"],
        "defect": max(run.moment_defect for run in runs.values()) / unit,
        "mass_drift": max(run.drift["mass"] for run in runs.values()),
    }


def splitting(problem, data):
    """On cells that are halved at the data until a mesh of the user is accepted: a fifth of the mass misplaced."""
    low, high = data.mean - 2 * data.variance**0.5, data.mean + 2 * data.variance**0.5
    nodes = problem.cells
    while True:
        at = (nodes[1:] > low) & (nodes[:-1] < high) & (np.diff(nodes) > 7 * data.variance**0.5)
        if not at.any():
            break
        nodes = np.sort(np.concatenate([nodes, (nodes[1:][at] + nodes[:-1][at]) / 2]))
    return problem.on_cells(nodes)


def figure(results: dict):
    """Cell ends of the adaptive run over time; unknowns; errors of N."""
    figure, axes = new_figure(1, 3)
    (mesh, dofs, error) = np.ravel(axes)
    adaptive, first = results["adaptive"], max(results["adaptive"].times[1], 1e-6)
    t_end, model = adaptive.times[-1], adaptive.model
    low = model.v_reset - 2 * (model.v_fire - model.v_reset)
    with house_style():
        for segment in adaptive.segments:
            begin, end = max(segment.times[0], first), max(segment.times[-1], first)
            cells = segment.problem.cells
            mesh.hlines(cells[cells >= low], begin, end, color="0.25", lw=0.6)
        mesh.set(xscale="log", xlim=(first, t_end), ylim=(low, model.v_fire), ylabel="cell ends $v$")
        for name, label in NAMES.items():
            times, sizes = [], []
            for segment in results[name].segments:
                times += [max(segment.times[0], first), max(segment.times[-1], first)]
                sizes += 2 * [segment.problem.size]
            dofs.plot(times, sizes, color=COLOURS[name], label=label)
            error.loglog(
                results["times"], np.maximum(results[f"errors_{name}"], 1e-13), color=COLOURS[name], label=label
            )
        dofs.set(xscale="log", xlim=(first, t_end), ylim=(0, None), ylabel="unknowns")
        error.axhline(adaptive.segments[0].problem.tol, color="0.6", ls="--", lw=1.0)
        error.set(ylabel="relative error of $N$")
        error.legend(loc="best")
        for axis in (mesh, dofs, error):
            axis.set_xlabel("time $t$")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
