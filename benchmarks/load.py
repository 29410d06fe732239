"""What many of everything costs: memory, files and time of many points of a sweep, neurons, and steps of a run.

    python benchmarks/load.py             # about 10 minutes, 3 GB of memory
    python benchmarks/load.py --points 1e4 --neurons 1e6 --steps 1e5
    python benchmarks/load.py --only steps

One process each, one after the other; memory is the largest that the process ever held (of a sweep: that of the process
that hands out the points).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def point(b: float = 0.0) -> dict:
    """A point that costs nothing."""
    return {"square": b * b}


def sweep(points: int, folder: Path) -> dict:
    """`points` points that cost nothing; then their table read again."""
    import felif as fl

    began = time.perf_counter()
    table = fl.sweep(point, {"b": [float(k) for k in range(points)]}, folder, 2, progress=False)
    swept = time.perf_counter()
    read = fl.read_table(folder)
    assert read.counts == table.counts == {"ok": points, "failed": 0, "crashed": 0, "missing": 0}
    return {"points a second": points / (swept - began), "table read in s": time.perf_counter() - swept}


def particles(neurons: int, folder: Path) -> dict:
    """A network of `neurons` for 100 steps, in a folder, then read again."""
    import felif as fl

    began = time.perf_counter()
    fl.simulate_particles(
        fl.NoisyLIF(b=0.5), neurons=neurons, t_end=0.1, start=fl.Gaussian(-0.5, 0.25), seed=1, folder=folder
    )
    simulated = time.perf_counter()
    assert fl.load_particles(folder).final.v.size == neurons
    return {
        "ns a step of a neuron": 1e9 * (simulated - began) / (100 * neurons),
        "read in s": time.perf_counter() - simulated,
    }


def steps(count: int, folder: Path) -> dict:
    """A run of `count` steps in a folder, then read again, and gone on with for ten steps more."""
    import felif as fl

    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    asked = {"fixed_step": 1e-3, "snapshots": 3, "folder": folder, "progress": False}
    began = time.perf_counter()
    run = fl.evolve(problem, fl.Gaussian(-0.5, 0.25), 1e-3 * count, **asked)
    evolved = time.perf_counter()
    assert run.outcome.name == "finished"
    fl.load_run(folder).at(0.5e-3 * count)
    read = time.perf_counter()
    fl.evolve(problem, fl.Gaussian(-0.5, 0.25), 1e-3 * (count + 10), resume=True, **asked)
    end = time.perf_counter()
    return {"us a step": 1e6 * (evolved - began) / count, "read in s": read - evolved, "gone on with in s": end - read}


KINDS = {"points": (sweep, 1e5), "neurons": (particles, 1e7), "steps": (steps, 1e6)}


def measured(kind: str, count: int) -> None:
    """One kind in this process: a line of JSON."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / kind
        found = KINDS[kind][0](count, folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        found |= {"files": len(files), "MB on disk": sum(path.stat().st_size for path in files) / 1e6}
        found["MB in memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind, (_, count) in KINDS.items():
        parser.add_argument(f"--{kind}", type=float, default=count)
    parser.add_argument("--only", choices=[*KINDS])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    for kind in [given.only] if given.only else KINDS:
        count = int(getattr(given, kind))
        if given.here:
            measured(kind, count)
            continue
        command = [sys.executable, __file__, "--only", kind, f"--{kind}", str(count), "--here"]
        began = time.perf_counter()
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
        print(f"{count:.0e} {kind} in {time.perf_counter() - began:.0f} s: {numbers}", flush=True)


if __name__ == "__main__":
    main()
