"""For which connectivity and which initial data does the firing rate become infinite, and when?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: the two cases of the theorem of Caceres, Carrillo & Perthame (2011) as two ends of one map (S9, S12). Data are
Gaussians at a distance d below V_F, of standard deviation d/3: small d is concentrated. For every b > 0 blow-up sets in
below some d; for b > 2.10097 (a0 = 1, a1 = 0: no steady state) everywhere. The theorem's certificate, b mu M_mu(0) >=
e^{mu V_F}, is sufficient only: the region in which it holds lies inside that of blow-up, for the lecture's mu = 2
max(1/b, V_F/a0) and for the best mu alike; where it holds the blow-up comes before the time the proof gives. No run
contradicts it (`contradicted` = 0; also with --points 20 --rows 21 --t_end 12: 420 runs, 260 blow-ups, 187 certified).
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np

import felif as fl
from felif.algebra import in_a_row
from felif.output import panels

CHEAP = {"points": 4, "rows": 4, "tol": 1e-4, "rtol": 1e-4, "t_end": 4.0}
EXPECTED = {
    # what holds on any grid: how many runs blow up depends on the grid and has no other source than felif
    "contradicted": (0, 0),  # theorem
    "margin_defect": (0.0, 2e-5),  # of b mu M_mu e^(-mu V_F): the integral of the data by Gauss's rule, without a mesh
    "unclear": (0, 0),
}
COLUMNS = ("b", "d", "time", "error", "lecture", "best", "latest")


def network_and_data(b: float, d: float, a0: float, a1: float) -> tuple[fl.NoisyLIF, fl.Gaussian]:
    """A network, and data at distance d from V_F."""
    network = fl.NoisyLIF(b=b, a0=a0, a1=a1)
    return network, fl.Gaussian(network.v_fire - d, (d / 3) ** 2, boundary_layer=d / 2)


def one(
    b: float = 1.0, d: float = 0.5, a0: float = 1.0, a1: float = 0.0, t_end: float = 6.0, tol: float = 1e-5,
    rtol: float = 1e-5, cells: int = 0,
) -> dict:  # fmt: skip
    """One point of the map: a run and its certificates at t = 0; cells = 0: a mesh from tol."""
    solver = fl.study.Solver(cells or None, tol=tol, t_end=t_end, rtol=rtol)
    run = solver.evolve("run", *network_and_data(b, d, a0, a1), progress=False)
    lecture, best = fl.excitatory_blow_up(run.at(0.0)), fl.noise_blow_up(run.at(0.0))
    by_rule = gain_by_quadrature(run.model, d)
    return {
        "margin_defect": abs(lecture.margin + 1 - by_rule) / by_rule,
        "time": run.blow_up.time if run.blow_up else float("nan"),
        "error": run.blow_up.error if run.blow_up else float("nan"),
        "outcome": run.outcome.name,
        "lecture": lecture.margin,
        "best": best.margin,
        "latest": float(np.nanmin([lecture.value, best.value, np.inf])),
        "defect": solver.checks()["defect"],
    }


def gain_by_quadrature(network, d: float) -> float:
    """b mu M_mu(0) e^(-mu V_F), mu = 2 max(1/b, V_F/a0), of the density that `network_and_data` gives."""
    depth, weights = in_a_row(np.array([0.0, 12.0 * d]), 400)  # below V_F: the data lie d below it, d/3 wide
    weights = weights * np.exp(-((depth - d) ** 2) / (2 * (d / 3) ** 2)) * -np.expm1(-((2 * depth / d) ** 4))
    mu = 2 * max(1 / network.b, network.v_fire / network.a0)
    return float(network.b * mu * (weights @ np.exp(-mu * depth)) / weights.sum())


@fl.study.numerics(cells=None, tol=1e-5, t_end=6.0, rtol=1e-5)
def main(solver, a0=1.0, a1=0.0, b_max=3.0, points=10, rows=10, d_min=0.1, processes=1) -> dict:
    """Sweep over b and the distance d of the data from V_F; what is done already in `out` is not done again.

    a1: Increase of the noise with N.
    b_max: Largest connectivity; the smallest is b_max/points.
    rows: Number of values of d.
    d_min: Smallest d, in units of V_F - V_R; the largest is 3.
    processes: How many run at once.
    """
    grid = {"b": [b_max * (k + 1) / points for k in range(points)], "d": np.geomspace(d_min, 3.0, rows).tolist()}
    fixed = {"a0": a0, "a1": a1, "cells": solver.cells or 0}
    fixed |= {"t_end": solver.t_end, "tol": solver.tol, "rtol": solver.rtol}
    with tempfile.TemporaryDirectory() as scratch:
        folder = fl.study.folder(solver.out, "sweep") or Path(scratch) / "sweep"
        with ThreadPoolExecutor(1) if processes == 1 else nullcontext(processes) as here:  # one: in this process
            table = fl.sweep(one, grid, folder, here, fixed=fixed, progress=False)
    outcomes = [row.get("outcome") or row["status"] for row in table.rows]
    shape = {name: np.asarray(table[name], float).reshape(points, rows) for name in COLUMNS}
    certain = np.maximum(shape["lecture"], shape["best"]) >= 0
    late = shape["time"] > shape["latest"] + shape["error"]
    alive = np.isnan(shape["time"]) & (shape["latest"] < solver.t_end)
    solver.evolve("middle", *network_and_data(grid["b"][points // 2], grid["d"][rows // 2], a0, a1))  # to look at
    return {
        "runs": len(outcomes),
        "blow_ups": sum(name == "blow_up" for name in outcomes),
        "unclear": sum(name not in ("blow_up", "finished") for name in outcomes),
        "certain": int(certain.sum()),
        "margin_defect": float(np.max(table["margin_defect"])),
        "contradicted": int(np.sum(certain & (late | alive))),
        **shape,
        "t_end": solver.t_end,
        "defect": float(np.max(table["defect"])),
    }


@panels(height=3.6, wide=True)
def figure(results, axes):
    """Blow-up time in colour over b and d; inside the lines the theorem certifies it."""
    from matplotlib.colors import LogNorm

    b, d, time = (np.asarray(results[name], float) for name in ("b", "d", "time"))
    finite, alive = time[np.isfinite(time)], np.isnan(time)
    norm = LogNorm(finite.min(), finite.max()) if finite.size and finite.min() < finite.max() else None
    mesh = axes.pcolormesh(b, d, np.ma.masked_invalid(time), cmap="viridis", norm=norm, shading="nearest")
    axes.figure.colorbar(mesh, ax=axes, label="blow-up time (membrane time constants)", pad=0.02)
    axes.plot(b[alive], d[alive], "o", color="0.6", ms=3, label=f"no blow-up before $t={results['t_end']:g}$")
    for name, colour, style, text in (
        ("lecture", "C3", "-", r"certified below, $\mu=2\,\max(1/b,V_F/a_0)$"),
        ("best", "C1", "--", r"certified below, best $\mu$"),
    ):
        margin = np.asarray(results[name], float)
        if margin.min() < 0 <= margin.max() and min(b.shape) > 1:
            axes.contour(b, d, margin, [0.0], colors=colour, linestyles=style, linewidths=2.0)
            axes.plot([], [], color=colour, ls=style, lw=2.0, label=text)
    axes.set_yscale("log")
    axes.grid(False)
    axes.set(xlabel="connectivity $b$", ylabel="distance $d$ of the data from $V_F$ (width $d/3$)")
    axes.figure.legend(loc="outside lower center", ncols=2)


if __name__ == "__main__":
    fl.study.run_script(main)
