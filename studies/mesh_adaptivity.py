"""What does a mesh that follows the solution save, and what does it cost in accuracy?

    n_t + [(-v + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F,      n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

All neurons start within a few sqrt(variance) of one potential. Expected: at first the density needs cells of that size
there, later none of them. Three runs with the same steps:

    adaptive   cells are split where the two highest Legendre modes of an element are too large, layers at V_F follow N,
               and cells that are no longer needed are merged: moments kept, N not disturbed beyond the tolerance
    kept       the mesh that the data need, kept to the end
    plain      the mesh that the tolerance asks for whatever the data, which are smeared over a cell of it

The adaptive run is as accurate as the one that keeps all cells and ends with few more unknowns than the plain one,
which is wrong as long as it matters where exactly the neurons started.
"""

import numpy as np

import felif as fl
from felif.output import label, panels

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "variance": 1e-4}
EXPECTED = {
    "error_adaptive": (0.0, 10.0),  # of N, in units of max(tol, rtol), against a run 1000 times more accurate
    "error_kept": (0.0, 10.0),
    "adaptive_no_worse": (1.0, 1.0),  # error of the adaptive run over that of the run that keeps its cells, at most 2
    "dofs_saved": (0.7, 0.3),  # part of the largest number of unknowns that is given back at the end
}


@fl.study.numerics(cells=None, tol=1e-6, t_end=3.0, rtol=1e-6, mesh={"v_min": -6.0})
def main(solver, b=0.5, a0=1.0, start=0.8, variance=1e-5) -> dict:
    """Evolve a concentrated population on three meshes.

    cells: Number of cells of the plain mesh, in place of the one that the tolerance asks for.
    start: Potential around which all neurons start.
    variance: Variance of their potentials.
    """
    network, data = fl.NoisyLIF(b=b, a0=a0), fl.Gaussian(start, variance, boundary_layer=0.5)
    adaptive = solver.evolve("adaptive", fl.discretize(network, tol=solver.tol), data)
    solver.evolve("kept", fl.discretize(network, adaptive.segments[0].problem.mesh), data)
    plain = fl.discretize(network, solver.discretize(network).mesh)
    cell = np.diff(plain.cells)[np.searchsorted(plain.cells, start) - 1]  # 7 standard deviations at most are resolved
    solver.evolve("plain", plain, fl.Gaussian(start, max(variance, (cell / 7) ** 2), boundary_layer=0.5))
    sharp, times = fl.discretize(network, tol=max(1e-3 * solver.tol, 1e-11)), np.geomspace(0.01, 1, 60) * solver.t_end
    N = fl.evolve(sharp, data, solver.t_end, rtol=max(1e-3 * solver.rtol, 1e-11)).sample("N", times)
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
    names = {"adaptive": "adaptive", "kept": "all cells kept", "plain": "mesh from tol alone"}
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
