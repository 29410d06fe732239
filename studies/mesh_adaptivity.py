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

import numpy as np

import felif as fl
from felif.output.style import label, panels

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "variance": 1e-4}
EXPECTED = {
    "error_adaptive": (0.0, 10.0),  # of N, in units of max(tol, rtol), against a run 1000 times more accurate
    "error_kept": (0.0, 10.0),
    "adaptive_no_worse": (1.0, 1.0),  # error of the adaptive run over that of the run that keeps its cells, at most 2
    "dofs_saved": (0.7, 0.3),  # part of the largest number of unknowns that is given back at the end
}


@fl.study.numerics(cells=None, tol=1e-6, t_end=3.0, rtol=1e-6, mesh={"v_min": -6.0})
def main(solver, b: float = 0.5, a0: float = 1.0, start: float = 0.8, variance: float = 1e-5) -> dict:
    """Evolve a concentrated population on three meshes.

    cells: Number of cells of the plain mesh, in place of the one that the tolerance asks for.
    start: Potential around which all neurons start.
    variance: Variance of their potentials.
    """
    network, data = fl.NoisyLIF(b=b, a0=a0), fl.Gaussian(start, variance, boundary_layer=0.5)
    adaptive = solver.evolve("adaptive", fl.discretize(network, tol=solver.tol), data)
    solver.evolve("kept", fl.discretize(network, adaptive.segments[0].problem.mesh), data)
    plain = fl.discretize(network, splitting(solver.discretize(network), data).mesh)
    solver.evolve("plain", plain, data)
    sharp = fl.discretize(network, tol=max(1e-3 * solver.tol, 1e-11))
    exact = fl.evolve(sharp, data, solver.t_end, rtol=max(1e-3 * solver.rtol, 1e-11))
    times = np.geomspace(1e-2 * solver.t_end, solver.t_end, 60)
    N = exact.sample("N", times)
    # N is small before the first neurons arrive: relative to a hundredth at least, as for the steps
    errors = {name: np.abs(run.sample("N", times) - N) / np.maximum(N, 1e-2) for name, run in solver.runs.items()}
    unit, dofs = max(solver.tol, solver.rtol), [segment.problem.size for segment in adaptive.segments]
    return {
        "times": times,
        **{f"errors_{name}": error for name, error in errors.items()},
        **{f"error_{name}": float(error.max() / unit) for name, error in errors.items()},
        "adaptive_no_worse": float(errors["adaptive"].max() / max(errors["kept"].max(), unit)),
        "dofs_first": dofs[0],
        "dofs_last": dofs[-1],
        "dofs_saved": 1 - dofs[-1] / max(dofs),
        "dofs_plain": plain.size,
        "remeshes": adaptive.statistics["remeshes"],
    }


def splitting(problem, data):
    """On cells that are halved at the data until a mesh of the user is accepted: a fifth of the mass misplaced."""
    width, nodes = data.variance**0.5, problem.cells
    while True:
        at = (nodes[1:] > data.mean - 2 * width) & (nodes[:-1] < data.mean + 2 * width) & (np.diff(nodes) > 7 * width)
        if not at.any():
            return problem.on_cells(nodes)
        nodes = np.sort(np.concatenate([nodes, (nodes[1:][at] + nodes[:-1][at]) / 2]))


@panels(1, 3)
def figure(results, mesh, dofs, error):
    """Cell ends of the adaptive run over time; unknowns; errors of N."""
    adaptive, first = results["adaptive"], max(results["adaptive"].times[1], 1e-6)
    t_end, model = adaptive.times[-1], adaptive.model
    low = model.v_reset - 2 * (model.v_fire - model.v_reset)
    for segment in adaptive.segments:
        cells = segment.problem.cells
        mesh.hlines(cells[cells >= low], *np.maximum(segment.times[[0, -1]], first), color="0.25", lw=0.6)
    label(mesh, "time $t$", "cell ends $v$", xscale="log", xlim=(first, t_end), ylim=(low, model.v_fire))
    names = {"adaptive": "adaptive", "kept": "all cells kept", "plain": "whatever the data"}
    for k, (name, text) in enumerate(names.items()):
        segments = results[name].segments
        times = np.maximum([segment.times[[0, -1]] for segment in segments], first).ravel()
        dofs.plot(times, np.repeat([segment.problem.size for segment in segments], 2), f"C{k}", label=text)
        error.loglog(results["times"], np.maximum(results[f"errors_{name}"], 1e-13), f"C{k}", label=text)
    label(dofs, "time $t$", "unknowns", xscale="log", xlim=(first, t_end), ylim=(0, None))
    error.axhline(adaptive.segments[0].problem.tol, color="0.6", ls="--", lw=1.0)
    label(error, "time $t$", "relative error of $N$", legend="best")


if __name__ == "__main__":
    fl.study.run_script(main)
