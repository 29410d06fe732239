"""What a step of n coupled populations costs, each with ten couplings: it may grow at most linearly in n.

    python benchmarks/populations.py [--largest 100] [--repeat 3] [--check]

Runs to t = 2 from data that do not vanish at V_F, tol = rtol = 1e-4; processor time of everything that `evolve` does,
initial data and output included, divided by the accepted steps, and of `error_estimate` after it, in units of the run.
Ratios are those to ten populations. --check ends with status 1 where a ratio exceeds n / 10, with a fifth of slack.
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

COUPLINGS, SLACK = 10, 1.2


def network(n: int) -> fl.Populations:
    """n populations, each heard by ten that are drawn at random, excitatory and inhibitory."""
    random, coupling = np.random.default_rng(1), np.zeros((n, n))
    for row in coupling:
        row[random.choice(n, min(COUPLINGS, n), replace=False)] = random.normal(0.0, 0.1, min(COUPLINGS, n))
    return fl.Populations(coupling=coupling, current=random.uniform(0.0, 0.5, n))


def measured(n: int, repeat: int) -> tuple[float, float]:
    """(milliseconds a step, of `error_estimate` too), least of some."""
    problem, best = fl.discretize(network(n), tol=1e-4), [np.inf, np.inf]
    for _ in range(repeat):
        began = time.process_time()
        run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=2.0, rtol=1e-4, progress=False)
        evolved = time.process_time()
        fl.error_estimate(run, "N_0")
        end = time.process_time()
        steps = run.statistics["steps"]
        best = [min(best[0], 1e3 * (evolved - began) / steps), min(best[1], 1e3 * (end - evolved) / steps)]
    return best[0], best[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    print("    n   a step (ms)   to n = 10   its error bar (ms)   to n = 10")
    first, worst = None, 0.0
    measured(2, 1)  # imports
    for n in [n for n in (10, 20, 50, 100) if n <= given.largest]:
        step, bar = measured(n, given.repeat)
        first = first or (step, bar)
        ratios = step / first[0], bar / first[1]
        worst = max(worst, *(ratio / (n / 10) for ratio in ratios))
        print(f"{n:5d} {step:13.2f} {ratios[0]:11.2f} {bar:20.2f} {ratios[1]:11.2f}")
    print(f"the largest ratio is {worst:.2f} times that of linear growth")
    return 1 if given.check and worst > SLACK else 0


if __name__ == "__main__":
    sys.exit(main())
