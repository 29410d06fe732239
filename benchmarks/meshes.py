"""Unknowns and time that uniform, graded and adaptive meshes need for the same error of N(t).

    python benchmarks/meshes.py [--error 1e-6] [--noise 1 0.1 0.01 0.001] [--variance 1e-2 1e-5]

    n_t + ((-v + 3) n)_v - a0 n_vv = N delta(v - 1),   n(2) = 0,   N = -a0 n_v(2),   n(0) ~ exp(-v^2 / (2 variance))

All neurons start near v = 0, cross V_F = 2 as a front (sharp where a0 is small), and settle. Error: the largest
over t = 0.05, 0.1, ..., 3 of |N - reference| / max N, the reference being a run with tol = 1e-10. Steps are made with
rtol = error / 100 everywhere, so that the mesh alone decides. Degree 6. For each kind of mesh the smallest number of
cells (in steps of 15 %; the best of four gradings) or the largest tol (in steps of 10^(1/4)) is looked for.

A second table does the same for the steady state and the closed form of N: `loop` is `steady_value` with tol = error,
`from tol` the mesh it began with, and the time is that of one solution on the mesh (for `loop` of all of it).
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import felif as fl

TIMES = np.linspace(0.05, 3.0, 60)
GRADINGS = (1.25, 1.5, 2.0, 3.0)
MOST = 2000  # cells


@dataclass(frozen=True)
class Found:
    setting: str
    dofs: float  # mean over the time of the run
    most: int
    steps: int
    error: float
    seconds: float


def network(a0: float) -> fl.NoisyLIF:
    return fl.NoisyLIF(b=0.0, a0=a0, current=3.0)


def evolved(problem, start: fl.Gaussian, rtol: float) -> fl.Run:
    return fl.evolve(problem, start, t_end=float(TIMES[-1]), rtol=rtol, progress=False)


def mean_dofs(run: fl.Run) -> float:
    return sum(s.problem.size * (s.times[-1] - s.times[0]) for s in run.segments) / TIMES[-1]


def smallest(
    make: Callable[[float], object], values: Iterator[float], label: str, start, wanted, exact
) -> Found | None:
    """The first of the values whose run is accurate enough."""
    rtol = wanted / 100
    for value in values:
        try:
            run = evolved(make(value), start, rtol)
        except ValueError:  # the mesh is too coarse for the data
            continue
        if run.outcome.name != "finished":
            continue
        error = float(np.max(np.abs(run.sample("N", TIMES) - exact)) / exact.max())
        if error <= wanted:
            seconds = []
            for _ in range(3):
                begun = time.process_time()
                evolved(make(value), start, rtol)
                seconds.append(time.process_time() - begun)
            largest = max(s.problem.size for s in run.segments)
            return Found(label.format(value), mean_dofs(run), largest, run.statistics["steps"], error, min(seconds))
    return None


def cells(first: int) -> Iterator[int]:
    count = first
    while count <= MOST:
        yield count
        count = int(np.ceil(1.15 * count))


def compared(a0: float, start: fl.Gaussian, wanted: float) -> dict[str, Found | None]:
    model = network(a0)
    reference = evolved(fl.discretize(model, tol=1e-10), start, wanted / 1000)
    exact = reference.sample("N", TIMES)
    v_min = float(reference.segments[0].problem.cells[0])

    def graded(grading: float) -> Callable[[float], object]:
        return lambda count: fl.discretize(model, fl.interval(model, v_min=v_min, cells=int(count), grading=grading))

    best = None
    for grading in GRADINGS:
        found = smallest(graded(grading), cells(4), f"grading {grading:g}", start, wanted, exact)
        if found and (best is None or found.dofs < best.dofs):
            best = found
    tolerances = [10.0 ** (-k / 4) for k in range(8, 36)]
    return {
        "adaptive": smallest(lambda tol: fl.discretize(model, tol=tol), tolerances, "tol {:.1g}", start, wanted, exact),
        "graded": best,
        "uniform": smallest(graded(1.0), cells(4), "", start, wanted, exact),
    }


def steady_table(a0: float, wanted: float) -> dict[str, Found | None]:
    """The same for N of the steady state, against its closed form."""
    model = network(a0)
    exact = float(fl.analysis.exact.steady_rates(model)[0])
    problem = fl.discretize(model, tol=wanted)
    begun = time.process_time()
    loop = fl.steady_value(problem)
    seconds, count = time.process_time() - begun, loop.rounds[-1][0]
    found: dict[str, Found | None] = {
        "loop": Found(f"bar {loop.error / exact:.1e}", count, count, 0, abs(loop.value / exact - 1), seconds)
    }
    v_min = float(loop.first.problem.cells[0])

    def smallest_steady(meshes: Iterator[tuple[str, object]]) -> Found | None:
        for label, made in meshes:
            begun = time.process_time()
            try:
                state = fl.steady_state(made, exact)
            except fl.NotConverged:
                continue
            error = abs(state.N / exact - 1)
            if error <= wanted:
                size = state.problem.size
                return Found(label, size, size, 0, error, time.process_time() - begun)
        return None

    def meshes(grading: float) -> Iterator[tuple[str, object]]:
        for count in cells(2):
            yield (
                f"grading {grading:g}",
                fl.discretize(model, fl.interval(model, v_min=v_min, cells=count, grading=grading)),
            )

    found["from tol"] = smallest_steady(iter([("", problem)]))
    graded = [smallest_steady(meshes(grading)) for grading in GRADINGS]
    found["graded"] = min((g for g in graded if g is not None), key=lambda g: g.dofs, default=None)
    found["uniform"] = smallest_steady(meshes(1.0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--error", type=float, default=1e-6)
    parser.add_argument("--noise", type=float, nargs="+", default=[1.0, 0.1, 0.01, 0.001])
    parser.add_argument("--variance", type=float, nargs="+", default=[1e-2, 1e-5])
    parser.add_argument("--steady", action="store_true", help="the first table only")
    options = parser.parse_args()
    print(f"NoisyLIF(current=3), degree 6: least unknowns for an error of N of {options.error:g}, steady state")
    print(f"{'a0':>8s} {'mesh':>9s} {'setting':>13s} {'dofs':>7s} {'error':>9s} {'time/ms':>8s}")
    for a0 in options.noise:
        for name, found in steady_table(a0, options.error).items():
            text = "-" if found is None else f"{found.dofs:7.0f} {found.error:9.1e} {1e3 * found.seconds:8.1f}"
            print(f"{a0:8g} {name:>9s} {found.setting if found else '':>13s} {text}", flush=True)
    if options.steady:
        return
    print(f"\nThe same in time: largest error of N(t) over its maximum {options.error:g}")
    row = "{:>8s} {:>7s} {:>9s} {:>13s} {:>7s} {:>7s} {:>6s} {:>9s} {:>8s} {:>6s}"
    print(row.format("variance", "a0", "mesh", "setting", "dofs", "largest", "steps", "error", "time/ms", "ratio"))
    for variance in options.variance:
        for a0 in options.noise:
            results = compared(a0, fl.Gaussian(0.0, variance), options.error)
            base = results["adaptive"]
            for name, found in results.items():
                place = (f"{variance:g}", f"{a0:g}", name)
                if found is None:
                    print(row.format(*place, f"> {MOST} cells", *6 * ["-"]))
                    continue
                ratio = "-" if base is None else f"{found.seconds / base.seconds:.2f}"
                numbers = (f"{found.dofs:.0f}", str(found.most), str(found.steps), f"{found.error:.1e}")
                time_taken = f"{1e3 * found.seconds:.0f}"
                print(row.format(*place, found.setting, *numbers, time_taken, ratio), flush=True)


if __name__ == "__main__":
    main()
