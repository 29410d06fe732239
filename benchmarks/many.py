"""What a map of runs costs: `evolve_many` on a grid of (b, a0), beside one run after the other, in one process.

    python benchmarks/many.py [--side 100] [--sample 25] [--check]

N of NoisyLIF at four times up to t = 2 from Gaussian(0, 0.25) cut at V_F, b from -3 to 1.5, a0 from 0.5 to 2, at
tol = 1e-3 and 1e-6: processor seconds of side^2 points, those of as many by discretize and evolve (from `sample` random
ones), their ratio, the largest difference of N between both in units of the tolerance, and how many points did not
fit the common mesh. --check ends with status 1 where the ratio is below 5 or a difference above 2.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import sys
import time

import numpy as np

import felif as fl

START, TIMES = fl.Gaussian(0.0, 0.25), [0.0, 0.5, 1.0, 2.0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100)
    parser.add_argument("--sample", type=int, default=25)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    grid = {"b": np.linspace(-3.0, 1.5, given.side), "a0": np.linspace(0.5, 2.0, given.side)}
    rng, met = np.random.default_rng(1), True
    print("   tol  points  seconds  one by one  ratio  difference / tol  alone")
    for tol in (1e-3, 1e-6):
        start = time.process_time()
        many = fl.evolve_many(fl.NoisyLIF(), grid, START, TIMES, tol=tol)
        together, difference = time.process_time() - start, 0.0
        start = time.process_time()
        for i, j in rng.integers(given.side, size=(given.sample, 2)):
            network = fl.NoisyLIF(b=float(grid["b"][i]), a0=float(grid["a0"][j]))
            run = fl.evolve(fl.discretize(network, tol=tol), START, t_end=TIMES[-1], rtol=tol, progress=False)
            N = run.sample("N", TIMES[1:])
            difference = max(difference, float(np.max(np.abs(many.N[i, j, 1:] / N - 1))) / tol)
        alone = (time.process_time() - start) * given.side**2 / given.sample
        met &= alone >= 5 * together and difference <= 2.0
        print(
            f"{tol:6.0e} {given.side**2:7d} {together:8.2f}  {alone:10.1f} {alone / together:6.1f}  {difference:16.2f} "
            f"{many.alone.sum():6d}"
        )
    return 1 if given.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
