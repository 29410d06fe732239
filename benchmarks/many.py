"""What a map of runs costs: `evolve_many` on a grid of (b, a0), beside one run after the other, in one process.

    python benchmarks/many.py [--side 100] [--sample 25] [--check]

N of NoisyLIF at four times up to t = 2 from Gaussian(0, 0.25) cut at V_F, b from -3 to 1.5, a0 from 0.5 to 2, at
tol = 1e-3 and 1e-6: processor seconds of side^2 points, those of as many by discretize and evolve (from `sample` random
ones), their ratio, the largest difference of N between both in units of the tolerance, and how many points did not
fit the common mesh. Then blow-up times of as many points from Gaussian(1.2, 0.05), b from 2.5 to 4, a0 from 0.6 to 1.2,
at tol = 5e-5: the same seconds and ratio, the largest difference to runs at 1e-8, and how many of those are within the
error that is said. --check ends with status 1 where a ratio is below 5, a difference above 2 tol or 5e-6 of a blow-up
time, or fewer than 95 % are within the error.
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

NEAR = fl.Gaussian(1.2, 0.05)
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
    met &= blow_ups(given.side, given.sample)
    return 1 if given.check and not met else 0


def blow_ups(side: int, sample: int) -> bool:
    """Prints what blow-up times cost; whether they meet the bars."""
    grid = {"b": np.linspace(2.5, 4.0, side), "a0": np.linspace(0.6, 1.2, side)}
    tol, rng, alone, differences, within = 5e-5, np.random.default_rng(2), 0.0, [], 0
    start = time.process_time()
    many = fl.evolve_many(fl.NoisyLIF(), grid, NEAR, [3.0], tol=tol)
    together = time.process_time() - start
    for i, j in rng.integers(side, size=(sample, 2)):
        network = fl.NoisyLIF(b=float(grid["b"][i]), a0=float(grid["a0"][j]))
        start = time.process_time()
        fl.evolve(fl.discretize(network, tol=tol), NEAR, t_end=3.0, rtol=tol, progress=False)
        alone += (time.process_time() - start) * side**2 / sample
        run = fl.evolve(fl.discretize(network, tol=1e-8), NEAR, t_end=3.0, rtol=1e-8, progress=False)
        differences.append(abs(many.blow_up_time[i, j] - run.blow_up.time))
        within += bool(differences[-1] <= many.blow_up_error[i, j] + run.blow_up.error)
    print("\nblow-up times\n   tol  points  seconds  one by one  ratio  difference  within error  alone")
    print(
        f"{tol:6.0e} {side**2:7d} {together:8.2f}  {alone:10.1f} {alone / together:6.1f}  {max(differences):10.1e}  "
        f"{within:5d} of {sample} {many.alone.sum():6d}"
    )
    return alone >= 5 * together and max(differences) <= 5e-6 and within >= 0.95 * sample


if __name__ == "__main__":
    sys.exit(main())
