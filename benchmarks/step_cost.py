"""What a time step costs: felif's Rodas5P against the bare LAPACK calls of that step.

    python benchmarks/step_cost.py [--repeat 15]

A step is one LU of a band (gbtrf), eight solves (gbtrs with one column, one for each stage) and one with the low-rank
columns. Printed for several tolerances: unknowns and bandwidth, microseconds of the LAPACK calls alone, of felif per
accepted step of a run (start and output included), and of felif's own parts.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

import felif as fl

STAGES = 8


def microseconds(call: Callable[[], object], repeat: int) -> float:
    """Least mean over batches of about a millisecond: what the call costs when nothing disturbs it."""
    start = time.perf_counter()
    call()
    count = max(1, int(1e-3 / max(time.perf_counter() - start, 1e-7)))
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - start) / count)
    return 1e6 * best


def bare(matrix, repeat: int) -> float:
    """gbtrf, eight gbtrs with one column, one gbtrs with the low-rank columns; the matrix copied in first."""
    band, n = matrix.band, matrix.band.n
    kl, ku = band.kl, band.ku
    work = np.zeros((2 * kl + ku + 1, n), order="F")
    work[kl:] = -band.data
    work[kl + ku] += 100.0
    column, columns = np.ones(n), np.asfortranarray(matrix.U)

    def step() -> None:
        lu, pivots, _ = lapack.dgbtrf(work, kl, ku)
        lapack.dgbtrs(lu, kl, ku, columns, pivots)
        for _ in range(STAGES):
            lapack.dgbtrs(lu, kl, ku, column, pivots)

    return microseconds(step, repeat)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    print("microseconds; NoisyLIF(b=0.5) and RefractoryLIF(b=0.5, tau=0.2), Gaussian(0, 0.25), t_end = 5, Rodas5P")
    head = ("model", "tol", "dofs", "band", "steps", "LAPACK", "felif", "ratio", "rate", "jacobian", "factor", "solve")
    print(("{:>14s} {:>6s}" + " {:>8s}" * 10).format(*head))
    for model in (fl.NoisyLIF(b=0.5), fl.RefractoryLIF(b=0.5, tau=0.2)):
        for tol in (1e-3, 1e-4, 1e-6, 1e-8):
            problem = fl.discretize(model, tol=tol)
            start = fl.Gaussian(0.0, 0.25)
            run = fl.evolve(problem, start, t_end=5.0, rtol=tol)
            steps = run.statistics["steps"] + run.statistics["rejected"]
            per_step = microseconds(lambda: fl.evolve(problem, start, t_end=5.0, rtol=tol), repeat) / steps  # noqa: B023
            state = run.final
            p, t, y = state.problem, state.t, state.y
            matrix = p.jacobian(t, y)
            factored = matrix.factor(100.0, p.mass)
            lapack_alone = bare(matrix, repeat)
            parts = (
                microseconds(lambda: p.rate(t, y), repeat),  # noqa: B023
                microseconds(lambda: p.jacobian(t, y), repeat),  # noqa: B023
                microseconds(lambda: matrix.factor(100.0, p.mass), repeat),  # noqa: B023
                microseconds(lambda: factored.solve(y), repeat),  # noqa: B023
            )
            cells = (p.size, f"{matrix.band.kl}+{matrix.band.ku}", steps)
            numbers = (lapack_alone, per_step, per_step / lapack_alone, *parts)
            print(
                f"{type(model).__name__:>14s} {tol:6.0e}"
                + "".join(f" {cell:>8}" for cell in cells)
                + "".join(f" {number:8.1f}" for number in numbers)
            )


if __name__ == "__main__":
    main()
