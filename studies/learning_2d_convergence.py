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

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

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
    "mass_drift": (0.0, 1e-12),
}
NBAR, MOMENTS = (0.3132451128, 0.3719775948, 0.3880724248), (-0.4531872259, 0.2205941661)
V_MIN, CURRENT = -5.5, 1.5


def broad(w: np.ndarray) -> np.ndarray:
    return np.where((w > -1) & (w < 0), 630 * (w * (1 + w)) ** 4, 0.0)


def narrow(w: np.ndarray) -> np.ndarray:
    return np.exp(-(((w + 0.6) / 0.04) ** 2) / 2) / (0.04 * np.sqrt(2 * np.pi))


def potentials(v: np.ndarray) -> np.ndarray:
    return np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))


def concentrated(v: np.ndarray) -> np.ndarray:
    return np.exp(-(((v - 0.3) / 0.15) ** 2) / 2)


def main(
    cells: int = 16,
    degree: int = 3,
    tol: float = 5e-3,
    t_end: float = 0.25,
    rtol: float = 1e-6,
    eps: float = 1.0,
    a0: float = 1.0,
    out: Path | None = None,
) -> dict:
    """Measure errors on sequences of meshes.

    Parameters
    ----------
    cells
        Rows of the finer mesh in w (a power of 2, at least 8) of triangles; lines have four times as many cells.
    degree
        Highest degree on triangles, and on the w-axis.
    tol
        Smallest tolerance of the adaptive triangles.
    t_end
        End of the runs without learning, in membrane time constants.
    rtol
        Tolerance of a time step in the runs without learning.
    eps
        Speed at which weights decay in those runs.
    a0
        Noise.
    """
    one = fl.NoisyLIF(b=0.0, a0=a0, current=CURRENT)
    one = fl.evolve(fl.discretize(one, tol=1e-9), potentials, t_end, rtol=1e-9)
    decaying = fl.LearningLIF(eps=eps, K=0.0, sigma=fl.Proportional(0.0), current=CURRENT, a0=a0)
    results: dict = {"mass_drift": 0.0}

    def error(problem, C, rtol=rtol, n=potentials, reference=one) -> tuple[int, float]:
        """(unknowns, relative L2 error of p at the end)."""
        run = fl.evolve(problem, lambda v, w: C(w) * n(v), t_end, rtol=rtol)
        results["mass_drift"] = max(results["mass_drift"], run.drift["mass"])
        v = V_MIN + (2 - V_MIN) * (np.arange(250) + 0.5) / 250
        w = -(np.arange(400) + 0.5) / 400
        exact = np.exp(eps * t_end) * C(w * np.exp(eps * t_end)) * reference.final.n(v)[:, None]
        found = run.final.p(v[:, None], w)
        return run.problem.size, float(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))

    def on_strip(rows: int, degree: int):
        mesh = fl.strip(decaying, v_min=V_MIN, cells=(3 * rows // 2, rows))
        return fl.discretize(decaying, mesh, space=fl.Triangles(degree))

    def on_lines(rows: int, degree: int, in_v: int):
        meshes = (fl.interval(decaying, v_min=V_MIN, cells=8), np.linspace(-1.0, 0.0, rows + 1))
        return fl.discretize(decaying, meshes, space=fl.Tensor(v=fl.SpectralElement(in_v), w=fl.DG(degree)))

    rows = [r for r in (4, 8, 16, 32, 64) if r <= cells][-2:]
    for name, made in (("triangles", on_strip), ("lines", lambda r, degree: on_lines(4 * r, degree, 10))):
        orders = []
        for k in range(1, degree + 1):
            results[f"{name}_{k}"] = table = np.array([error(made(r, k), broad) for r in rows])
            orders.append(float(np.log2(table[-2, 1] / table[-1, 1])))
        results[f"orders_{name}"] = np.array(orders)
        results[f"order_{name}"] = float(np.min(np.array(orders) - np.arange(1, degree + 1)))
    degrees = np.array([3, 4, 5, 6])
    in_v = np.array([error(on_lines(12, 6, k), broad, min(rtol, 1e-5))[1] for k in degrees])
    results |= {"degrees": degrees, "errors_in_v": in_v, "digits_a_degree": -np.polyfit(degrees, np.log10(in_v), 1)[0]}

    # little noise: the density stays within a small part of the rectangle
    quiet = fl.LearningLIF(eps=eps, K=0.0, sigma=fl.Proportional(0.0), current=1.0, a0=0.1 * a0)
    neuron = fl.NoisyLIF(b=0.0, a0=0.1 * a0, current=1.0)
    neuron = fl.evolve(fl.discretize(neuron, tol=1e-9), concentrated, t_end, rtol=1e-9)
    uniform = [fl.strip(quiet, v_min=-3.0, cells=(r, r), grading=1.0) for r in (12, 16, 24, 32) if r <= 2 * cells]
    uniform = [fl.discretize(quiet, mesh, space=fl.Triangles(2)) for mesh in uniform]
    adaptive = [fl.discretize(quiet, space=fl.Triangles(2), tol=t) for t in (3e-2, 1e-2, 5e-3) if t >= tol]
    loose = max(rtol, 1e-4)
    results["uniform"] = np.array([error(problem, narrow, loose, concentrated, neuron) for problem in uniform])
    results["adaptive"] = np.array([error(problem, narrow, loose, concentrated, neuron) for problem in adaptive])
    results["dofs_saved"] = saved(results["uniform"], results["adaptive"])
    return results | learning(cells, max(0.1 * rtol, 1e-5), results, out)


def saved(uniform: np.ndarray, adaptive: np.ndarray) -> float:
    """Part of the unknowns that uniform meshes need beyond the adaptive ones, at the smallest error of both."""
    level = max(uniform[:, 1].min(), adaptive[:, 1].min())

    def unknowns(table: np.ndarray) -> float:
        order = np.argsort(table[:, 1])
        return float(np.exp(np.interp(np.log(level), np.log(table[order, 1]), np.log(table[order, 0]))))

    return 1 - unknowns(adaptive) / unknowns(uniform)


def learning(cells: int, rtol: float, results: dict, out: Path | None) -> dict:
    """Errors of what is known of the learning network, on both discretisations."""
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4), current=CURRENT)
    start = lambda v, w: (w * (1 + w)) ** 4 * potentials(v)
    triangles = fl.discretize(model, fl.strip(model, v_min=V_MIN, cells=(16, max(cells, 16))), space=fl.Triangles(2))
    problems = {"triangles": triangles, "lines": fl.discretize(model, tol=1e-3)}
    runs = {
        name: fl.evolve(problem, start, 1.0, rtol=rtol, folder=fl.study.folder(out, name), snapshots=3, resume=True)
        for name, problem in problems.items()
    }
    found: dict = dict(runs)
    for name, run in runs.items():
        C = run.final.C
        moments = [float(C.weights @ (C.nodes**j * C.values)) for j in (1, 2)]
        found[f"error_Nbar_{name}"] = np.abs(run.sample("Nbar", [0.25, 0.5, 1.0]) - NBAR).max()
        found[f"error_moments_{name}"] = np.abs(np.subtract(moments, MOMENTS)).max()
    return found | {
        "disagreement": abs(runs["triangles"].final.Nbar - runs["lines"].final.Nbar),
        "variation": runs["triangles"].series["variation_C"][-1],
        "mass_drift": max(results["mass_drift"], *(run.drift["mass"] for run in runs.values())),
    }


def figure(results: dict):
    """Errors against unknowns on triangles and on lines; against the degree in v; uniform and adaptive triangles."""
    figure, axes = new_figure(2, 2)
    with house_style():
        for axis, name, text in ((axes[0, 0], "triangles", "degree"), (axes[0, 1], "lines", "degree in $w$")):
            for k, order in enumerate(results[f"orders_{name}"], start=1):
                table = np.asarray(results[f"{name}_{k}"])
                axis.loglog(table[:, 0], table[:, 1], "o-", label=f"{text} {k}: order {order:.1f}")
            axis.set(xlabel="unknowns", ylabel="relative error of $p$ in $L^2$")
            axis.set_title(name, loc="left")
            axis.xaxis.set_minor_formatter("")
            axis.set_ylim(bottom=table[:, 1].min() / 30)  # room for the legend
            axis.legend(loc="lower left")
        axes[1, 0].semilogy(results["degrees"], results["errors_in_v"], "o-")
        axes[1, 0].set(xlabel="degree of spectral elements in $v$", ylabel="relative error of $p$ in $L^2$")
        axes[1, 0].set_title("lines", loc="left")
        for name, label in (("uniform", "uniform"), ("adaptive", "following $p$")):
            table = np.asarray(results[name])
            axes[1, 1].loglog(table[:, 0], table[:, 1], "o-", label=label)
        axes[1, 1].set(xlabel="unknowns", ylabel="relative error of $p$ in $L^2$")
        share = 100 * results["dofs_saved"]
        axes[1, 1].set_title(f"triangles: {share:.0f} % of unknowns saved", loc="left")
        axes[1, 1].legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
