"""Files that are damaged in any way: what is read is what was written, or one error that names the file."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import damage
import numpy as np
import pytest
import randomised

import felif as fl
from felif.output import write_vtk
from felif.output.branches import read_branch, save_branch
from felif.output.listing import MANIFEST
from felif.output.manifest import Room
from felif.output.vtk import read_pvd
from felif.study import load
from felif.study.running import read_results
from felif.study.running import run as run_study
from felif.study.sweep import sweep
from felif.study.table import read_table

MODEL = fl.NoisyLIF(b=0.5)
PROBLEM = fl.discretize(MODEL, fl.interval(MODEL, cells=6, v_min=-5.0))
LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
DELAYED = fl.NoisyLIF(b=0.5, delay=0.05)
START, HOW = fl.Gaussian(-1.0, 0.25), {"rtol": 1e-3, "progress": False}
STUDY = '''"""What is damaged?"""
from pathlib import Path
import felif as fl

def main(b: float = 0.5, out: Path | None = None):
    model = fl.NoisyLIF(b=b)
    problem = fl.discretize(model, fl.interval(model, cells=6, v_min=-5.0))
    run = fl.evolve(problem, fl.Gaussian(-1.0, 0.25), 0.1, rtol=1e-3, progress=False, snapshots=2)
    return {"run": run, "N": run.final.N, "rates": run.series["N"]}
'''
PER_KIND = 8  # damaged folders a kind, and files; with --fresh N so many


class Stopped(BaseException):
    """As a kill: what is on file is all there is."""


def stop(folder, after):
    def observer(trajectory):
        if trajectory.statistics["steps"] >= after:
            raise Stopped

    problem = fl.discretize(DELAYED, fl.interval(DELAYED, cells=6, v_min=-5.0))
    with pytest.raises(Stopped):
        fl.evolve(problem, START, 0.2, folder=folder, snapshots=3, observers=[observer], rtol=1e-6, progress=False)


def of_run(run):
    times = np.linspace(run.times[0], run.times[-1], 5)
    return [run.series, run.sample("N", times), run.final.y, run.drift, run.moment_defect, str(run.outcome), run.events]


def of_particles(run):
    return [run.series, run.times, [vars(s) for s in run.snapshots.values()], run.spikes, run.events, str(run.outcome)]


def of_fit(fit):
    return [fit.values, fit.errors, fit.intervals, fit.log_likelihood, repr(fit)]


def of_study(folder):
    found = read_results(folder)
    return [of_run(found.pop("run")), found]


def of_vtk(folder):
    return [(t, Room(folder, "vtk").whole(name).read_bytes()) for t, name in read_pvd(folder)]


def digest(value):
    """A text that differs where a value does, to the last bit."""
    if isinstance(value, dict):
        return {str(key): digest(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [digest(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return value if isinstance(value, str) else repr(value)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """{kind: (two folders of that kind, what is read of one)}."""
    root = tmp_path_factory.mktemp("damaged")
    (root / "broken.py").write_text(STUDY)
    study, pool = load(root / "broken.py"), ThreadPoolExecutor(1)
    law = fl.first_passage(fl.NoisyLIF(current=1.5))
    states = fl.steady_states(PROBLEM)
    table = {
        "run": lambda f, k: fl.evolve(PROBLEM, START, 0.1 + 0.1 * k, folder=f, snapshots=3, **HOW),
        "stopped run": lambda f, k: stop(f, 6 + k),
        "particles": lambda f, k: fl.simulate_particles(
            MODEL, neurons=50, t_end=0.1, start=START, seed=k, snapshots=[0.1], progress=False
        ).save(f),
        "fit": lambda f, k: fl.fit(law.sample(60, seed=k), fl.NoisyLIF(current=1.0), ["current"]).save(f),
        "branch": lambda f, k: save_branch(fl.continuation(PROBLEM, states[0], "b", bounds=(0.45, 0.55 + 0.05 * k)), f),
        "vtk": lambda f, k: write_vtk(
            fl.evolve(PROBLEM, START, 0.1, rtol=1e-3 * (1 + k), progress=False), f, [0.0, 0.1]
        ),
        "study": lambda f, k: run_study(study, {"b": 0.1 + k}, f),
        "sweep": lambda f, k: sweep(study, {"b": [0.1 + k, 0.2]}, f, pool, folders=True),
    }
    reading = {
        "run": lambda f: of_run(fl.load_run(f)),
        "stopped run": lambda f: of_run(fl.resume(f, progress=False)),
        "particles": lambda f: of_particles(fl.load_particles(f)),
        "fit": lambda f: of_fit(fl.load_fit(f)),
        "branch": read_branch,
        "vtk": of_vtk,
        "study": of_study,
        "sweep": lambda f: [
            *({k: v for k, v in row.items() if k != "wall_time"} for row in read_table(f).rows),
            *(of_study(f / "points" / f"00000{k}") for k in (0, 1)),
        ],
    }
    made = {}
    for kind, make in table.items():
        folders = [root / f"{kind} {k}" for k in (0, 1)]
        for k, folder in enumerate(folders):
            make(folder, k)
        shutil.copytree(folders[0], root / "copy")
        made[kind] = folders, reading[kind], digest(reading[kind](root / "copy"))
        shutil.rmtree(root / "copy")
    return made


@pytest.mark.parametrize("kind", ["run", "stopped run", "particles", "fit", "branch", "vtk", "study", "sweep"])
def test_a_damaged_folder_is_read_as_it_was_or_says_which_file_is_damaged(kind, kinds, tmp_path):
    folders, read, right = kinds[kind]
    found = {"unchanged": 0, "said": 0}
    for seed in randomised.seeds(PER_KIND):
        rng, folder = np.random.default_rng(seed), tmp_path / "f"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(folders[0], folder)
        names, what = damage.spoil(rng, folder, folders[1])
        if "shards" in what and not (folder / what.partition(":")[0]).exists():
            continue  # points whose shard is deleted are computed again, as the message of a damaged one says
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            try:
                same = digest(read(folder)) == right
                assert same, f"seed {seed}: {what}: another result, silently"
                found["unchanged"] += 1
            except ValueError as error:
                said = str(error)
                assert any(Path(name).name in said for name in (*names, MANIFEST)), f"seed {seed}: {what}: {said}"
                found["said"] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}: {what}: {type(error).__name__}: {error}") from error
        shutil.rmtree(folder)
    assert found["said"]


MESHES = sorted((Path(__file__).parents[1] / "meshes").glob("*.msh"))


@pytest.mark.parametrize("mesh", MESHES, ids=lambda path: path.stem)
def test_a_damaged_mesh_file_is_a_mesh_or_an_error_that_names_it(mesh, tmp_path):
    model = {"neurons": MODEL, "random_threshold": fl.RandomThresholdLIF(), "strip": LEARNING}[mesh.stem]
    for seed in randomised.seeds(PER_KIND):
        rng, path = np.random.default_rng(seed), tmp_path / mesh.name
        path.write_bytes(damage.spoiled(rng, mesh.read_bytes()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            require_value_or_error(partial(fl.read_mesh, path, model), path, seed)


def spikes(tmp_path):
    """Files of spikes of every format."""
    times = np.cumsum(np.random.default_rng(0).gamma(3.0, 5.0, 40))
    (tmp_path / "a.csv").write_text("time,neuron\n" + "".join(f"{t!r},{k % 2}\n" for k, t in enumerate(times.tolist())))
    (tmp_path / "a.txt").write_text("".join(f"{t!r}\n" for t in times.tolist()))
    np.save(tmp_path / "a.npy", times)
    np.savez(tmp_path / "a.npz", spikes=times)
    return [tmp_path / name for name in ("a.csv", "a.txt", "a.npy", "a.npz")]


def test_a_damaged_file_of_spikes_is_intervals_or_an_error_that_names_it(tmp_path):
    for whole in spikes(tmp_path):
        how = {"column": "time", "train": "neuron"} if whole.suffix == ".csv" else {}
        for seed in randomised.seeds(PER_KIND):
            rng, path = np.random.default_rng(seed), tmp_path / ("damaged" + whole.suffix)
            path.write_bytes(damage.spoiled(rng, whole.read_bytes()))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                require_value_or_error(
                    lambda path=path, how=how: fl.read_intervals(path, kind="times", **how), path, seed
                )


def require_value_or_error(read, path, seed):
    said = path.name
    try:
        read()
    except ValueError as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert path.name in said, f"seed {seed}: {said}"
