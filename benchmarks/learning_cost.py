"""What a time step over (v, w) costs: batched line solves against scipy's sparse LU of the whole system, and triangles.

    python benchmarks/learning_cost.py [--largest 1e6] [--json FILE]

A step of ARK43 is one factorisation, six solves and seven evaluations of the rest. Printed for growing numbers of
unknowns: milliseconds of a step, of its factorisation and solves, megabytes allocated in a step; the same factorisation
and solves by SuperLU for the whole system (lines, resets and transport across them in one sparse matrix), and for the
lines alone, the most that a sparse LU can be offered; the ratio; and a step on triangles. At the end the powers
of the unknowns with which time and memory of the lines grow.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

import felif as fl
from felif.assembly import initial
from felif.evolution.additive import AdditiveStepper
from felif.evolution.checkpoint import COUNTERS
from felif.evolution.schemes import tableau_of
from felif.evolution.stepper import Window

STEP, SOLVES = 1e-3, 6
SPARSE_UP_TO = 100_000  # unknowns; beyond, SuperLU takes minutes
TRIANGLES = (6, 12, 24)  # intervals of w


def model() -> fl.LearningLIF:
    return fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5, w_min=-1.0, w_max=0.0)


def start(v: Any, w: Any) -> Any:
    return 630 * w**4 * (1 + w) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


def on_lines(unknowns: float) -> Any:
    """About so many unknowns: 60 nodes in v (ten cells of degree 6) times cells of degree 5 in w."""
    network = model()
    mesh = fl.interval(network, v_min=-4.5, cells=10, grading=1.5)
    cells = max(1, round(unknowns / (60 * 6)))
    return fl.discretize(network, (mesh, np.linspace(-1.0, 0.0, cells + 1)), space=fl.Tensor())


def least(call: Callable[[], Any], seconds: float = 1.0) -> float:
    """Least time of a call, repeated for about so many seconds, in milliseconds of processor time."""
    best, spent = np.inf, 0.0
    while spent < seconds:
        before = time.process_time()
        call()
        best, spent = min(best, time.process_time() - before), spent + time.process_time() - before
    return 1e3 * best


def step_of(problem: Any) -> tuple[Callable[[], Any], np.ndarray]:
    """A step of ARK43 with its dense output, as `evolve` makes it."""
    problem, y, _ = initial(problem, start)
    stepper = AdditiveStepper(tableau_of(fl.ARK43(), True), problem, dict.fromkeys(COUNTERS, 0))
    h = min(STEP, 3.0 * problem.step_limit(0.0, y))

    def step() -> None:
        stepper.begin(0.0, y, Window())
        stepper.attempt(0.0, y, h)
        stepper.dense()

    return step, y


def whole_system(problem: Any, y: np.ndarray, transport: bool) -> Any:
    """shift M - L of all lines as one sparse matrix, with upwind transport across them at frozen speeds."""
    lines = problem.implicit_part(0.0, y).lines
    n, count = problem.shape
    bands, c, width = lines.bands.bands, lines.bands.coefficients, lines.bands.bands.shape[2] // 2
    places = np.arange(n * count).reshape(n, count)
    rows, cols, values = [], [], []
    for offset in range(-width, width + 1):
        i = np.arange(max(0, -offset), min(n, n - offset))
        entries = np.einsum("ki,kl->il", bands[:, i, width + offset], c)
        rows.append(places[i]), cols.append(places[i + offset]), values.append(entries)
    tail = len(lines.rows)
    rows.append(np.broadcast_to(places[lines.into], (tail, count)))
    cols.append(places[n - tail :]), values.append(lines.gain * lines.rows)
    flat = (np.concatenate([part.ravel() for part in parts]) for parts in (values, rows, cols))
    values, rows, cols = flat
    weights = np.tile(problem.w_weights, n)
    matrix = sparse.coo_matrix((values, (rows, cols)), shape=(n * count,) * 2).tocsr()
    matrix = sparse.diags(weights) @ matrix
    if transport:
        axis, tables = problem.axis, problem.axis.tables
        N, Nbar = problem.rates(0.0, y)
        speed, _ = problem.forms.speeds(0.0, axis.nodes, N, Nbar)
        cell = tables.volume.T - np.outer(tables.right, tables.right)
        before = np.outer(tables.left, tables.right)
        within = sparse.kron(sparse.eye(axis.count), cell) + sparse.kron(sparse.eye(axis.count, k=-1), before)
        matrix = matrix + sparse.kron(sparse.diags(problem.v_weights), within @ sparse.diags(np.abs(speed)))
    return (sparse.diags(problem.mass.data[0] / (0.25 * STEP)) - matrix).tocsc()


def by_sparse_lu(matrix: Any, size: int) -> Callable[[], Any]:
    b = np.ones(size)

    def solve() -> None:
        factors = splu(matrix)
        for _ in range(SOLVES):
            factors.solve(b)

    return solve


def measure(unknowns: float) -> dict[str, float]:
    problem = on_lines(unknowns)
    step, y = step_of(problem)
    part, b = problem.implicit_part(0.0, y), np.ones(problem.size)
    step()

    def linear_algebra() -> None:
        factors = part.factor(1 / (0.25 * STEP))
        for _ in range(SOLVES):
            factors.solve(b)

    tracemalloc.start()
    step()
    memory = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    row = {"unknowns": problem.size, "step": least(step), "lines": least(linear_algebra), "memory": memory}
    if problem.size <= SPARSE_UP_TO:
        row["whole"] = least(by_sparse_lu(whole_system(problem, y, True), problem.size))
        row["sparse lines"] = least(by_sparse_lu(whole_system(problem, y, False), problem.size))
        row["ratio"] = row["whole"] / row["lines"]
    return row


def triangles(intervals: int) -> dict[str, float]:
    network = model()
    mesh = fl.strip(network, v_min=-4.5, cells=(2 * intervals, intervals))
    problem = fl.discretize(network, mesh, space=fl.Triangles(2))
    step, _ = step_of(problem)
    return {"unknowns": problem.size, "step": least(step)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=float, default=1e6, help="unknowns of the largest problem on lines")
    parser.add_argument("--json", help="also write the numbers to this file")
    options = parser.parse_args()
    sizes = [size for size in (1e4, 2e4, 4e4, 8e4, 2e5, 4e5, 1e6) if size <= options.largest]
    names = ("unknowns", "step", "lines", "whole", "sparse lines", "ratio", "memory")
    print("lines over (v, w): milliseconds, megabytes")
    print("".join(f"{name:>14}" for name in names))
    rows = []
    for size in sizes:
        rows.append(measure(size))
        print("".join(f"{rows[-1][name]:14.4g}" if name in rows[-1] else f"{'-':>14}" for name in names), flush=True)
    n = np.log([row["unknowns"] for row in rows])
    for name in ("step", "memory") if len(rows) > 1 else ():
        print(f"{name} grows like unknowns^{np.polyfit(n, np.log([row[name] for row in rows]), 1)[0]:.2f}")
    print("triangles: milliseconds of a step")
    on_triangles = [triangles(intervals) for intervals in TRIANGLES]
    for row in on_triangles:
        print(f"{row['unknowns']:14d}{row['step']:14.4g}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"lines": rows, "triangles": on_triangles}, file, indent=1)


if __name__ == "__main__":
    main()
