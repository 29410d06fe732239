"""Time to a given error of N(t): felif against hand-written baselines, timed in turn in one process (processor time).

    python benchmarks/work_precision.py [--repeat 9] [--level 1e-3 ...] [--json FILE]

B1: b = 0, B2: b = 0.5; V_R = 1, V_F = 2, a = 1, n_0 ~ exp(-2 v^2) on v < 2 (n_0(V_F) > 0: N(0+) is infinite); the
error is max |N/N_ref - 1| over t = 0.1, 0.2, ..., 5, with N_ref from heat potentials (tests/analysis/independent.py),
and is measured again in every run. felif runs with tol = rtol = the level, with
its set-up at another b than before (what depends on v alone is known from there) and as the first of its kind; every
baseline with the settings that were fastest among those that reach the level, found by a search against the reference.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import gc
import itertools
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from baselines import banded, finite_differences, scharfetter_gummel, sparse_matrices

import felif as fl
from felif.given.memory import forget

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "analysis"))
from independent import FiringRate

TIMES = np.round(0.1 * np.arange(1, 51), 10)
CASES = {"B1": 0.0, "B2": 0.5}
LEVELS = (1e-3, 1e-4, 1e-6)

# (case, level): cells, ratio of the largest to the smallest cell, v_min, rtol (BDF; dense Jacobian for LSODA).
# Searched over 100-22000 cells, ratio 1 (uniform) or 3-80, v_min -3.5..-6.5, rtol 3e-8..1e-3, sparse and dense
# Jacobians: the fastest (least of several runs) below the level.
FIRST_SCRIPT = {("B1", 1e-3): (420, -4.0, 1e-3), ("B2", 1e-3): (420, -4.0, 1e-3)}
UNIFORM_BDF = {
    ("B1", 1e-3): (400, 1, -3.5, 1e-3),
    ("B2", 1e-3): (400, 1, -3.5, 1e-3),
    ("B1", 1e-4): (1600, 1, -4.5, 5e-5),
    ("B2", 1e-4): (1600, 1, -4.5, 5e-5),
    ("B1", 1e-6): (18000, 1, -6, 1e-7),
    ("B2", 1e-6): (18000, 1, -6, 1e-7),
}
GRADED_BDF = {
    ("B1", 1e-3): (150, 10, -3.5, 1e-3),
    ("B2", 1e-3): (120, 10, -4, 5e-4),
    ("B1", 1e-4): (450, 10, -4.5, 5e-5),
    ("B2", 1e-4): (450, 10, -4.5, 5e-5),
    ("B1", 1e-6): (3000, 20, -6, 3e-7),
    ("B2", 1e-6): (3000, 20, -6, 3e-7),
}
GRADED_LSODA = {  # dense LU in Fortran: fast while the mesh is small, out of the question at 1e-6
    ("B1", 1e-3): (120, 20, -3.5, 1e-3),
    ("B2", 1e-3): (120, 20, -4, 1e-3),
    ("B1", 1e-4): (350, 20, -4.5, 3e-5),
    ("B2", 1e-4): (350, 20, -4.5, 3e-5),
}
GRADED_BANDED = {  # a tridiagonal Jacobian, without what goes through N
    ("B1", 1e-3): (120, 20, -4, 5e-4),
    ("B2", 1e-3): (120, 20, -4, 5e-4),
    ("B1", 1e-4): (380, 20, -4.5, 5e-5),
    ("B2", 1e-4): (380, 20, -4.5, 5e-5),
    ("B1", 1e-6): (3500, 20, -6, 2e-7),
    ("B2", 1e-6): (3700, 20, -6, 2e-7),
}
# Scharfetter-Gummel: cells, ratio, v_min, dt; 1e-6 is out of reach
CRANK_NICOLSON = {
    ("B1", 1e-3): (100, 20, -4, 0.01),
    ("B2", 1e-3): (100, 20, -4, 0.01),
    ("B1", 1e-4): (300, 20, -5, 0.002),
    ("B2", 1e-4): (300, 20, -5, 0.002),
}
BACKWARD_EULER = {("B1", 1e-3): (200, 20, -4, 5e-4), ("B2", 1e-3): (200, 20, -4, 5e-4)}

# (baseline, level, felif's row) -> how many times slower the baseline has to be
REQUIRED = {
    (1e-3, "felif, set-up included"): 2,
    (1e-3, "felif, prepared problem"): 3,
    (1e-6, "felif, set-up included"): 40,
}


def felif_rows(b: float, level: float) -> dict[str, Callable[[], np.ndarray]]:
    start = fl.Gaussian(0.0, 0.25)
    prepared = fl.discretize(fl.NoisyLIF(b=b), tol=level)

    others = itertools.count(1)

    def with_setup() -> np.ndarray:  # another b each time, which N does not see: nothing of its own is known
        problem = fl.discretize(fl.NoisyLIF(b=b + 1e-13 * next(others)), tol=level)
        return fl.evolve(problem, start, t_end=5.0, rtol=level).sample("N", TIMES)

    def as_first() -> np.ndarray:
        forget()
        return with_setup()

    def on_prepared() -> np.ndarray:
        return fl.evolve(prepared, start, t_end=5.0, rtol=level).sample("N", TIMES)

    return {
        "felif, set-up included": with_setup,
        "felif, prepared problem": on_prepared,
        "felif, as the first of its kind": as_first,
    }


def baseline_rows(case: str, level: float) -> dict[str, Callable[[], np.ndarray]]:
    b, rows = CASES[case], {}
    if (case, level) in FIRST_SCRIPT:
        name = "finite differences + BDF, sparse matrices"
        rows[name] = partial(sparse_matrices, b, TIMES, *FIRST_SCRIPT[case, level])
    for name, table, method, dense in (
        ("finite differences + BDF, uniform mesh", UNIFORM_BDF, "BDF", False),
        ("finite differences + BDF, graded mesh", GRADED_BDF, "BDF", False),
        ("finite differences + LSODA, graded mesh", GRADED_LSODA, "LSODA", True),
    ):
        if (case, level) in table:
            rows[name] = partial(finite_differences, b, TIMES, *table[case, level], method, dense)
    rows["finite differences + LSODA, banded Jacobian"] = partial(banded, TIMES, *GRADED_BANDED[case, level], b=b)
    for name, table, theta in (
        ("Scharfetter-Gummel + Crank-Nicolson", CRANK_NICOLSON, 0.5),
        ("Scharfetter-Gummel + backward Euler", BACKWARD_EULER, 1.0),
    ):
        if (case, level) in table:
            rows[name] = partial(scharfetter_gummel, b, TIMES, *table[case, level], theta)
    return rows


def alternate(
    rows: dict[str, Callable], repeat: int, budget: float = 20.0
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Median processor time of every row, in turn, so that a disturbed machine disturbs them all; and their results."""
    results = {name: row() for name, row in rows.items()}  # warm-up
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    end = time.process_time() + budget
    gc.disable()
    for k in range(repeat):
        for name, row in rows.items():
            start = time.process_time()
            row()
            seconds[name].append(time.process_time() - start)
        gc.collect()
        if k >= 2 and time.process_time() > end:
            break
    gc.enable()
    return {name: float(np.median(values)) for name, values in seconds.items()}, results


def compare(case: str, level: float, reference: np.ndarray, repeat: int) -> list[dict]:
    rows = {**felif_rows(CASES[case], level), **baseline_rows(case, level)}
    seconds, results = alternate(rows, repeat)
    table = []
    print(f"\n{case} (b = {CASES[case]}), error level {level:g}")
    print(f"  {'':42s} {'error':>8s} {'ms':>9s}   times felif with set-up / prepared")
    for name in rows:
        error = float(np.max(np.abs(results[name] / reference - 1)))
        ratios = [seconds[name] / seconds[felif] for felif in list(rows)[:2]]
        note = "" if error <= level else "  misses the level"
        print(f"  {name:42s} {error:8.1e} {1e3 * seconds[name]:9.2f}   {ratios[0]:8.2f} / {ratios[1]:.2f}{note}")
        table.append({"case": case, "level": level, "method": name, "error": error, "seconds": seconds[name]})
    for (at, felif), factor in REQUIRED.items():
        if at == level:
            for name in (row for row in rows if row.startswith("finite differences + BDF")):
                ratio = seconds[name] / seconds[felif]
                verdict = "met" if ratio >= factor else "MISSED"
                print(f"  required {factor}x of {felif} over {name}: {ratio:.1f}x, {verdict}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--level", type=float, action="append", choices=LEVELS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = []
    for case, b in CASES.items():
        reference = FiringRate(lambda v: np.exp(-2 * v**2), 5.0, b=b)(TIMES)
        for level in options.level or LEVELS:
            table += compare(case, level, reference, options.repeat)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
