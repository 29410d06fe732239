"""How fast do the two discretisations of the learning network converge, and what do adaptive triangles save?

    p_t + [(-v + I + w sigma(Nbar)) p]_v + eps [(K N Nbar - w) p]_w - a p_vv = N(w,t) delta(v - V_R),   v < V_F

Without a learning rule (K = 0) and without feedback (sigma = 0) weights only decay, and the solution is a product:

    p = C(w,t) n(v,t),   C(w,t) = e^(eps t) C_0(w e^(eps t)),   N(w,t) = C(w,t) N_1(t)

with n and N_1 of one neuron that hears I, which the one-dimensional solver gives to ten digits. Expected: polynomials
of degree k on triangles have order k + 1, discontinuous cells of degree q on the w-axis order q + 1, spectral elements
in v converge with their degree. Where the density is concentrated, triangles that follow it save most of
the unknowns. With learning, Nbar(t) and the moments of C agree with their known values on both, and C keeps its total
variation.
"""

import numpy as np

import felif as fl
from felif.output import label, panels

CHEAP = {"cells": 8, "degree": 1, "tol": 3e-2, "rtol": 1e-3}
EXPECTED = {
    "order_triangles": (1.0, 0.4),  # of the last pair of meshes, beyond the degree; the smallest of all degrees
    "order_lines": (1.0, 0.4),
    "digits_a_degree": (0.7, 0.4),  # decimal digits of p that one more degree of spectral elements in v brings
    "dofs_saved": (0.6, 0.3),  # by triangles that follow the density, at the error of the finest uniform mesh
    "error_Nbar_triangles": (0.0, 1e-3),  # at t = .25, .5, 1 with learning; extrapolated values of two other schemes
    "error_moments_triangles": (0.0, 1e-3),
    "error_Nbar_lines": (0.0, 1e-3),
    "disagreement": (0.0, 1e-3),  # of Nbar(1) on triangles and on lines
    "variation": (6.5, 0.6),  # total variation of C(w, 1): 4.9 at t = 0, grows on the way to a shock, no further
}
NBAR, MOMENTS = (0.3132451128, 0.3719775948, 0.3880724248), (-0.4531872259, 0.2205941661)
V_MIN, CURRENT = -5.5, 1.5
# densities of weights and of potentials, broad and concentrated
BROAD = (
    lambda w: np.where((w > -1) & (w < 0), 630 * (w * (1 + w)) ** 4, 0.0),
    lambda v: np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4)),
)
NARROW = (
    lambda w: np.exp(-(((w + 0.6) / 0.04) ** 2) / 2) / (0.04 * np.sqrt(2 * np.pi)),
    lambda v: np.exp(-(((v - 0.3) / 0.15) ** 2) / 2),
)


@fl.study.numerics(cells=16, degree=3, tol=5e-3, t_end=0.25, rtol=1e-6)
def main(solver, eps=1.0, a0=1.0) -> dict:
    """Measure errors on sequences of meshes.

    cells: Rows of the finer mesh in w (a power of 2, at least 8) of triangles; lines have four times as many cells.
    degree: Highest degree on triangles, and on the w-axis.
    tol: Smallest tolerance of the adaptive triangles.
    t_end: End of the runs without learning, in membrane time constants.
    rtol: Tolerance of a time step in the runs without learning.
    eps: Speed at which weights decay in those runs.
    """
    cells, degree, rtol = solver.cells, solver.degree, solver.rtol
    results: dict = {}
    drifts = [0.0]

    def decaying(current: float, a0: float):
        """A network without learning and feedback."""
        return fl.LearningLIF(eps=eps, K=0.0, sigma=fl.Proportional(0.0), current=current, a0=a0)

    def errors(problems, data, rtol=rtol) -> np.ndarray:
        """(unknowns, relative L2 error of p at the end) of every problem."""
        (C, n), model = data, problems[0].model
        neuron = fl.NoisyLIF(b=0.0, a0=model.a0, current=model.current(0.0))
        neuron = fl.evolve(fl.discretize(neuron, tol=1e-9), n, solver.t_end, rtol=1e-9).final
        v, w = V_MIN + (2 - V_MIN) * (np.arange(250) + 0.5) / 250, -(np.arange(400) + 0.5) / 400
        grown = np.exp(eps * solver.t_end)
        exact, rows = grown * C(w * grown) * neuron.n(v)[:, None], []
        for problem in problems:
            run = fl.evolve(problem, lambda v, w: C(w) * n(v), solver.t_end, rtol=rtol)
            drifts.append(run.drift["mass"])
            found = run.final.p(v[:, None], w)
            rows.append((run.problem.size, float(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))))
        return np.array(rows)

    network = decaying(CURRENT, a0)

    def on_strip(rows: int, degree: int):
        mesh = fl.strip(network, v_min=V_MIN, cells=(3 * rows // 2, rows))
        return fl.discretize(network, mesh, space=fl.Triangles(degree))

    def on_lines(rows: int, degree: int, in_v: int = 10):
        mesh = fl.interval(network, v_min=V_MIN, cells=8), np.linspace(-1.0, 0.0, rows + 1)
        return fl.discretize(network, mesh, space=fl.Tensor(v=fl.SpectralElement(in_v), w=fl.DG(degree)))

    rows, degrees = [r for r in (4, 8, 16, 32, 64) if r <= cells][-2:], np.arange(1, degree + 1)
    for name, made in (("triangles", on_strip), ("lines", lambda r, k: on_lines(4 * r, k))):
        tables = [errors([made(r, k) for r in rows], BROAD) for k in degrees.tolist()]
        orders = np.array([np.log2(table[-2, 1] / table[-1, 1]) for table in tables])
        results |= {f"{name}_{k}": table for k, table in enumerate(tables, start=1)}
        results |= {f"orders_{name}": orders, f"order_{name}": float(np.min(orders - degrees))}
    degrees = np.array([3, 4, 5, 6])
    in_v = errors([on_lines(12, 6, k) for k in degrees], BROAD, min(rtol, 1e-5))[:, 1]
    results |= {"degrees": degrees, "errors_in_v": in_v, "digits_a_degree": -np.polyfit(degrees, np.log10(in_v), 1)[0]}

    quiet, space = decaying(1.0, 0.1 * a0), fl.Triangles(2)  # the density stays within a small part of the rectangle
    meshes = [fl.strip(quiet, v_min=-3.0, cells=(r, r), grading=1.0) for r in (12, 16, 24, 32) if r <= 2 * cells]
    uniform = [fl.discretize(quiet, mesh, space=space) for mesh in meshes]
    adaptive = [fl.discretize(quiet, space=space, tol=tol) for tol in (3e-2, 1e-2, 5e-3) if tol >= solver.tol]
    for name, problems in (("uniform", uniform), ("adaptive", adaptive)):
        results[name] = errors(problems, NARROW, max(rtol, 1e-4))
    results["dofs_saved"] = saved(results["uniform"], results["adaptive"])

    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4), current=CURRENT)
    start = lambda v, w: (w * (1 + w)) ** 4 * BROAD[1](v)
    strip = fl.strip(model, v_min=V_MIN, cells=(16, max(cells, 16)))
    problems = {"triangles": fl.discretize(model, strip, space=space), "lines": fl.discretize(model, tol=1e-3)}
    for name, problem in problems.items():
        run = solver.evolve(name, problem, start, 1.0, rtol=max(0.1 * rtol, 1e-5), snapshots=3)
        C = run.final.C
        moments = [float(C.weights @ (C.nodes**j * C.values)) for j in (1, 2)]
        results[f"error_Nbar_{name}"] = np.abs(run.sample("Nbar", [0.25, 0.5, 1.0]) - NBAR).max()
        results[f"error_moments_{name}"] = np.abs(np.subtract(moments, MOMENTS)).max()
    return results | {
        "disagreement": abs(solver.runs["triangles"].final.Nbar - run.final.Nbar),
        "variation": solver.runs["triangles"].series["variation_C"][-1],
        "mass_drift": max(*drifts, solver.checks()["mass_drift"]),
    }


def saved(uniform: np.ndarray, adaptive: np.ndarray) -> float:
    """Part of the unknowns that uniform meshes need beyond the adaptive ones, at the smallest error of both."""
    level = max(uniform[:, 1].min(), adaptive[:, 1].min())

    def unknowns(table: np.ndarray) -> float:
        order = np.argsort(table[:, 1])
        return float(np.exp(np.interp(np.log(level), np.log(table[order, 1]), np.log(table[order, 0]))))

    return 1 - unknowns(adaptive) / unknowns(uniform)


@panels(2, 2)
def figure(results, triangles, lines, degrees, saving):
    """Errors against unknowns on triangles and on lines; against the degree in v; uniform and adaptive triangles."""
    error = "relative error of $p$ in $L^2$"
    for axes, name, text in ((triangles, "triangles", "degree"), (lines, "lines", "degree in $w$")):
        for k, order in enumerate(results[f"orders_{name}"], start=1):
            table = np.asarray(results[f"{name}_{k}"])
            axes.loglog(*table.T, "o-", label=f"{text} {k}: order {order:.1f}")
        axes.xaxis.set_minor_formatter("")
        axes.set_ylim(bottom=table[:, 1].min() / 30)  # room for the legend
        label(axes, "unknowns", error, "lower left", name)
    degrees.semilogy(results["degrees"], results["errors_in_v"], "o-")
    label(degrees, "degree of spectral elements in $v$", error, title="lines")
    for name, text in (("uniform", "uniform"), ("adaptive", "following $p$")):
        saving.loglog(*np.asarray(results[name]).T, "o-", label=text)
    label(saving, "unknowns", error, "best", f"triangles: {100 * results['dofs_saved']:.0f} % of unknowns saved")


if __name__ == "__main__":
    fl.study.run_script(main)
