"""What runs in one dimension cost: the compiled core beside the loop, in one process.

    python benchmarks/runs.py [--repeat 7] [--check]

One row a run, t_end = 5 from Gaussian(0, 0.25) cut at V_F (with growing noise from one that vanishes there): steps,
processor time of the loop over that of the core, for a problem that exists (prepared) and with discretize (set-up), the
milliseconds of the core, and the largest relative difference of N at 50 times, in units of the tolerance.

"by hand": how many times as long, set-up included on both sides, a script of finite differences takes
(`baselines.banded`: a graded mesh, LSODA with a banded Jacobian) on the meshes that were found for NoisyLIF at each
level, and its error of N, in units of the tolerance. --check ends with status 1 where a ratio is below its bar.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import math
import sys
import time
from collections.abc import Callable

import numpy as np
from baselines import banded

import felif as fl
from felif.algebra import compiled
from felif.given.memory import forget

WHOLE, SMOOTH = fl.Gaussian(0.0, 0.25), fl.Gaussian(-0.5, 0.2, boundary_layer=0.3)
PAIR = {"b_EE": 0.5, "b_IE": 0.2, "b_EI": 0.3, "b_II": 0.1}
CASES = {  # name: (model, initial density, least ratio prepared at 1e-6)
    "NoisyLIF b = 0.5": (fl.NoisyLIF(b=0.5), WHOLE, 4.0),
    "growing noise": (fl.NoisyLIF(b=0.5, a1=0.1), SMOOTH, 4.0),
    "I(t) = sin 3t": (fl.NoisyLIF(b=0.5, current=lambda t: math.sin(3 * t)), WHOLE, 6.0),
    "refractory": (fl.RefractoryLIF(b=0.5), WHOLE, 6.0),
    "random threshold": (fl.RandomThresholdLIF(b=5.0), WHOLE, 3.0),
    "E/I": (fl.ExcitatoryInhibitoryLIF(**PAIR), WHOLE, 10.0),
    "delay 0.1": (fl.NoisyLIF(b=0.5, delay=0.1), WHOLE, 10.0),
    "dead time 0.1": (fl.NoisyLIF(b=0.5, dead_time=0.1), WHOLE, 10.0),
    "two populations": (fl.Populations(coupling=[[0.5, -0.2], [0.3, -0.1]]), SMOOTH, 1.3),
    "ring of five": (fl.Populations(coupling=-3.0 * np.roll(np.eye(5), 1, axis=0), current=2.0), SMOOTH, 2.5),
    "polarisation": (fl.CellPolarisation("exchange", mass=2.0), lambda z: np.exp(-(z**2)), 1.2),
}


BY_HAND = {1e-3: (120, 20, -4.0, 5e-4), 1e-6: (3500, 20, -6.0, 2e-7)}  # cells, ratio of their sizes, v_min, rtol
SCRIPTS = {
    "NoisyLIF b = 0.5": {"b": 0.5},
    "I(t) = sin 3t": {"b": 0.5, "current": lambda t: math.sin(3 * t)},
    "refractory": {"b": 0.5, "tau": fl.RefractoryLIF().tau},
}
LEAST_BY_HAND = {1e-3: 0.8, 1e-6: 8.0}


def by_hand(name: str, tol: float, model: object, start: object, ms: float, moments: np.ndarray) -> tuple[float, float]:
    """(time of a script over these milliseconds, its error in units of tol)."""
    script = lambda: banded(moments, *BY_HAND[tol], **SCRIPTS[name])
    exact = fl.evolve(fl.discretize(model, tol=1e-8), start, t_end=5.0, rtol=1e-8).sample("N", moments)
    return 1e3 * seconds(script, 2) / ms, float(np.abs(script() / exact - 1).max()) / tol


def seconds(call: Callable[[], object], repeat: int) -> float:
    """Least processor time of `repeat` calls, after one that is not counted."""
    call()
    best = math.inf
    for _ in range(repeat):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if compiled.built() is None:
        print("felif was installed without its compiled core")
        return 1
    print("{:>18s} {:>6s} {:>6s} {:>9s} {:>7s} {:>8s} {:>8s} {:>10s} {:>8s} {:>6s}".format(
        "run", "tol", "steps", "prepared", "set-up", "ms", "ms", "difference", "by hand", "error"))  # fmt: skip
    below = []
    for name, (model, start, least) in CASES.items():
        for tol in (1e-3, 1e-6):
            problem = fl.discretize(model, tol=tol)
            prepared = lambda p=problem, s=start, tol=tol: fl.evolve(p, s, t_end=5.0, rtol=tol)

            def whole(m: object = model, s: object = start, tol: float = tol) -> object:
                forget()  # as the first of its kind in a process
                return fl.evolve(fl.discretize(m, tol=tol), s, t_end=5.0, rtol=tol)

            times, runs = {}, {}
            for core in ("compiled", "python"):
                os.environ["FELIF_CORE"] = core
                times[core] = [seconds(call, given.repeat) for call in (prepared, whole)]
                runs[core] = prepared()
            ratios = [loop / core for core, loop in zip(times["compiled"], times["python"], strict=True)]
            own = runs["python"].problem.scalar_names[0]
            moments = np.linspace(0.1, 5.0, 50)
            one, other = (runs[core].sample(own, moments) for core in ("compiled", "python"))
            difference = float(np.abs(one / other - 1).max()) / tol
            ms = [1e3 * t for t in times["compiled"]]
            steps = runs["compiled"].statistics["steps"]
            print(f"{name:>18s} {tol:6.0e} {steps:6d} {ratios[0]:9.1f} {ratios[1]:7.1f} {ms[0]:8.2f} {ms[1]:8.2f} "
                  f"{difference:10.1e}", end="", flush=True)  # fmt: skip
            if name in SCRIPTS:
                ratio, error = by_hand(name, tol, model, start, ms[1], moments)
                print(f" {ratio:8.1f} {error:6.1f}", end="", flush=True)
                if ratio < LEAST_BY_HAND[tol]:
                    below.append(f"{name} at {tol:g}, by hand: {ratio:.1f} < {LEAST_BY_HAND[tol]:g}")
            print(flush=True)
            if tol == 1e-6 and ratios[0] < least:
                below.append(f"{name}: {ratios[0]:.1f} < {least:g}")
    print("\n".join(below) or "every ratio is above its bar")
    return 1 if given.check and below else 0


if __name__ == "__main__":
    sys.exit(main())
