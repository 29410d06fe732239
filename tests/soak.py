"""Computations that are killed, interrupted, doubled, and run out of disk, again and again; then they are gone on with.

usage: python tests/soak.py [--kills 200] [--signals 30] [--writers 10] [--full 20] [--jobs run,study] [--seed 1]

A job is a function of a folder that begins there or goes on, and `read`, what is in the folder then. Every job is made
once undisturbed; then again and again in a process that is disturbed at a random moment, until it ends by itself. After
each disturbance the folder must be readable, at the end everything must be what it was undisturbed, to the last bit,
what is printed about conservation included. Full disks are file systems in memory (Linux, root); others are skipped.
A new kind of job is a line in JOBS.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import felif as fl
from felif.output.vtk import read_pvd
from felif.runs import recording
from felif.study import load
from felif.study.running import read_results
from felif.study.running import run as run_study
from felif.study.sweep import sweep
from felif.study.table import read_table

warnings.simplefilter("ignore")
TIMES = 6  # that one folder is disturbed at most; then its job ends
HOW = {"progress": False, "resume": True}
STUDY = '''"""Soaked."""
from pathlib import Path
import felif as fl

def main(b: float = 0.5, t_end: float = 1.0, out: Path | None = None):
    problem = fl.discretize(fl.NoisyLIF(b=b), tol=1e-4)
    how = {"folder": fl.study.folder(out, "run"), "resume": True, "snapshots": 5, "progress": False}
    run = fl.evolve(problem, fl.Gaussian(-1.0, 0.5), t_end, rtol=1e-6, **how)
    return {"run": run, "N": run.final.N}
'''


def slow(trajectory: Any) -> None:
    """An observer that leaves time to be killed in."""
    time.sleep(0.002)


slow.each_step = False


def run(folder: Path) -> None:
    fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-5), fl.Gaussian(-1.0, 0.5), 10.0, **of(folder, 9))


def delayed(folder: Path) -> None:
    fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5, delay=0.1), tol=1e-4), fl.Gaussian(-1.0, 0.5), 2.0, **of(folder, 5))


def lines(folder: Path) -> None:
    cells = (fl.interval(learning(), v_min=-6.0, cells=8), np.linspace(-1.0, 0.0, 7))
    fl.evolve(fl.discretize(learning(), cells, space=fl.Tensor()), bell, 0.2, **of(folder, 3))


def triangles(folder: Path) -> None:
    problem = fl.discretize(learning(), fl.read_mesh("strip.msh", learning()), space=fl.Triangles())
    fl.evolve(problem, bell, 0.05, **of(folder, 3))


def several(folder: Path) -> None:
    problem = fl.discretize(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_EI=0.3, b_IE=1.0, b_II=0.5), tol=1e-4)
    fl.evolve(problem, fl.Gaussian(-1.0, 0.5), 1.0, **of(folder, 4))


def study(folder: Path) -> None:
    run_study(STUDIES["soaked"], {}, folder, resume=(folder / "results.json").exists())


def grid(folder: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        sweep(STUDIES["soaked"], {"b": [0.1, 0.3, 0.5], "t_end": [0.2, 0.4]}, folder, pool, folders=True)


def particles(folder: Path) -> None:
    asked = {"neurons": 2000, "networks": 3, "t_end": 4.0, "start": fl.Gaussian(-0.5, 0.25), "seed": 5}
    fl.simulate_particles(fl.NoisyLIF(b=0.5), **asked, folder=folder, **HOW)


def further(folder: Path) -> None:
    """Two ends, one after the other: each is asked for until it has been reached."""
    asked = {"neurons": 2000, "networks": 2, "start": fl.Gaussian(-0.5, 0.25), "seed": 6}
    for t_end in (2.0, 4.0):
        if ended(folder) < t_end:
            fl.simulate_particles(fl.NoisyLIF(b=0.5), t_end=t_end, **asked, folder=folder, **HOW)


def ended(folder: Path) -> float:
    """The end that was asked for last, if it was reached; before that, of the one before."""
    if not (folder / "run.json").exists():
        return 0.0
    told = json.loads((folder / "run.json").read_text())
    t_end = told["asked"]["t_end"]
    return t_end if told["outcome"] is not None else t_end - 2.0


def branch(folder: Path) -> None:
    state = fl.steady_states(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-5))[0]
    fl.continuation(state.problem, state, "b", bounds=(-1.0, 3.0), N_max=5.0, folder=folder, **HOW)


def of(folder: Path, snapshots: int) -> dict[str, Any]:
    return {**HOW, "folder": folder, "snapshots": snapshots, "rtol": 1e-5, "observers": [slow]}


def learning() -> Any:
    return fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)


def bell(v: np.ndarray, w: np.ndarray) -> np.ndarray:
    return 630 * w**4 * (1 + w) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))


def of_run(folder: Path) -> list[Any]:
    found = fl.load_run(folder)
    printed = re.sub(r", [0-9.e-]+ s\n", "\n", repr(found))
    pictures = [(t, (Path(folder) / name).read_bytes()) for t, name in read_pvd(folder)]
    series = (Path(folder) / "series.csv").read_bytes()
    return [printed, found.final.y.tobytes(), series, found.drift, found.moment_defect, pictures]


def of_study(folder: Path) -> list[Any]:
    found = read_results(folder)
    return [of_run(folder / "run"), found["N"]]


def of_sweep(folder: Path) -> list[Any]:
    return [[(k, v) for k, v in row.items() if k != "wall_time"] for row in read_table(folder).rows]


def of_particles(folder: Path) -> list[Any]:
    found = fl.load_particles(folder)
    printed = re.sub(r"; took [0-9.e-]+ s", "", str(found))
    return [{name: v.tobytes() for name, v in found.series.items()}, found.final.v.tobytes(), printed]


def of_branch(folder: Path) -> list[Any]:
    table, states = fl.read_branch(folder)
    return [{name: column.tolist() for name, column in table.items()}, [y.tobytes() for y in states]]


@dataclass(frozen=True)
class Job:
    begin: Callable[[Path], None]  # or go on
    read: Callable[[Path], Any]


JOBS = {
    "run": Job(run, of_run),
    "delayed": Job(delayed, of_run),
    "several": Job(several, of_run),
    "lines": Job(lines, of_run),
    "triangles": Job(triangles, of_run),
    "study": Job(study, of_study),
    "sweep": Job(grid, of_sweep),
    "particles": Job(particles, of_particles),
    "further": Job(further, of_particles),
    "branch": Job(branch, of_branch),
}
STUDIES: dict[str, Any] = {}
UNFINISHED = ("before its first checkpoint", "run.json is missing", "no such folder", "not finished", "holds no sweep")
UNFINISHED += ("no network has begun", "branch.csv is missing", "holds no run of a study", "no checkpoint was reached")
UNFINISHED += ("another process is writing",)


def start(job: Job, folder: Path) -> tuple[int, int]:
    """(process, pipe on which it says how it ended) that begins a job or goes on with it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    said = "ended"
    try:
        recording.RECORDING = replace(recording.RECORDING, seconds_a_chunk=0.05)  # a checkpoint is often under way
        job.begin(folder)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    os.write(writer, said.encode())
    os._exit(0)


def end(child: int, reader: int) -> str:
    """How a process ended, in its own words; "" if it was killed."""
    said = b""
    while piece := os.read(reader, 4096):
        said += piece
    os.close(reader)
    os.waitpid(child, 0)
    return said.decode()


def readable(job: Job, folder: Path) -> str:
    """What is wrong with a folder that a process left behind; "" for nothing."""
    if not folder.exists():
        return ""
    try:
        job.read(folder)
    except ValueError as error:
        if not any(text in str(error) for text in UNFINISHED):
            return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


class Soak:
    def __init__(self, root: Path, names: list[str], seed: int) -> None:
        self.root, self.names, self.random = root, names, random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.right, self.seconds, self.size = {}, {}, {}
        for name in names:
            folder, begun = root / f"right-{name}", time.monotonic()
            said = end(*start(JOBS[name], folder))
            if said != "ended":
                sys.exit(f"{name}: {said}")
            self.seconds[name] = time.monotonic() - begun
            self.right[name] = JOBS[name].read(folder)
            self.size[name] = sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
            print(f"{name}: {self.seconds[name]:.2f} s, {self.size[name] / 1e6:.2f} MB undisturbed", flush=True)

    def note(self, name: str, problem: str) -> None:
        if problem:
            self.wrong.append(f"{name}: {problem}")
            print(f"WRONG {name}: {problem}", flush=True)

    def compare(self, name: str, folder: Path) -> None:
        self.counts["ended"] += 1
        self.note(name, readable(JOBS[name], folder))
        found, right = JOBS[name].read(folder), self.right[name]
        if found != right:
            parts = [str((one, other))[:2000] for one, other in zip(found, right, strict=True) if one != other]
            self.note(name, f"another result than undisturbed: {parts}")

    def finish(self, name: str, folder: Path, when: str) -> None:
        """Go on undisturbed to the end."""
        if (said := end(*start(JOBS[name], folder))) == "ended":
            self.compare(name, folder)
        else:
            self.note(name, f"{when}: {said}")

    def signals(self, count: int, kinds: list[signal.Signals]) -> None:
        """Send signals at random moments until so many have hit; every job ends in between."""
        hit, number = 0, 0
        while hit < count:
            name, number = self.names[number % len(self.names)], number + 1
            folder, said, times = self.root / "folder", "", 0
            while said != "ended":
                child, reader = start(JOBS[name], folder)
                if hit < count and times < TIMES:
                    time.sleep(self.random.uniform(0.0, 0.7 * self.seconds[name]))
                    os.kill(child, kind := self.random.choice(kinds))
                if (said := end(child, reader)) == "ended":
                    break
                hit, times = hit + 1, times + 1
                self.counts.update([kind.name, f"{kind.name} of {name}"])
                if said and not said.startswith("KeyboardInterrupt"):
                    self.note(name, f"after {kind.name}: {said}")
                    break
                self.note(name, readable(JOBS[name], folder))
            if said == "ended":
                self.compare(name, folder)
            shutil.rmtree(folder)

    def writers(self, count: int) -> None:
        """Two processes in one folder at once."""
        for number in range(count):
            name, folder = self.names[number % len(self.names)], self.root / "folder"
            first = start(JOBS[name], folder)
            time.sleep(self.random.uniform(0.0, 0.5 * self.seconds[name]))
            self.counts["two writers"] += 1
            for said in (end(*start(JOBS[name], folder)), end(*first)):
                if said != "ended" and not said.startswith("ValueError"):
                    self.note(name, f"two writers: {said}")
            self.finish(name, folder, "after two writers")
            shutil.rmtree(folder)

    def full(self, count: int) -> None:
        """A disk that is full at some moment, and has room later."""
        disk = self.root / "disk"
        disk.mkdir()
        for number in range(count):
            name, folder = self.names[number % len(self.names)], disk / "folder"
            size = int(self.random.uniform(0.02, 0.9) * self.size[name])
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk]).returncode:
                print("no small file system can be made here: full disks are left out")
                return
            try:
                said = end(*start(JOBS[name], folder))
                self.counts["full disk"] += said != "ended"
                if said != "ended" and not (said.startswith("OSError") and "full" in said):
                    self.note(name, f"on a full disk: {said}")
                self.note(name, readable(JOBS[name], folder))
                subprocess.run(["mount", "-o", "remount,size=200M", disk], check=True)
                self.finish(name, folder, "when there is room again")
            finally:
                subprocess.run(["umount", disk], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("kills", 200), ("signals", 30), ("writers", 10), ("full", 20), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--jobs", default=",".join(JOBS))
    asked = parser.parse_args()
    faulthandler.enable()
    with tempfile.TemporaryDirectory(prefix="soak", ignore_cleanup_errors=True) as root:
        (Path(root) / "soaked.py").write_text(STUDY)
        STUDIES["soaked"] = load(Path(root) / "soaked.py")
        soak = Soak(Path(root), asked.jobs.split(","), asked.seed)
        soak.signals(asked.kills, [signal.SIGKILL])
        print(dict(soak.counts), flush=True)
        soak.signals(asked.signals, [signal.SIGTERM, signal.SIGINT])
        soak.writers(asked.writers)
        print(dict(soak.counts), flush=True)
        soak.full(asked.full)
    print(f"{dict(soak.counts)}: {len(soak.wrong)} wrong")
    sys.exit(bool(soak.wrong))


if __name__ == "__main__":
    main()
