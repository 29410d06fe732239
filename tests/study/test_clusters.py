"""Sweeps over real engines: dask with a worker killed on the way, MPI, and a driver that was killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path

import pytest

import felif as fl
from felif.study import load

STUDY = '''"""What does every point do, where it is computed?"""
import math
import time
from pathlib import Path
import felif as fl

def main(b: float = 0.0, c: float = 0.0, wait: float = 0.01, out: Path | None = None):
    time.sleep(wait)
    if b == 3:
        raise ValueError("b = 3; allowed is any other number")
    numbers = {"sine": math.sin(b + c), "whole": int(b), "odd": b % 2 == 1, "end": math.inf}
    return numbers | {"text": f"{b:g}", "array": [b]}
'''
GRID = {"b": [float(k) for k in range(40)], "c": [0.1, 0.2, 0.3]}
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # as in containers
HERE = str(Path(fl.__file__).parents[1])

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="dask is not installed: felif[dask]")
needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or shutil.which("mpiexec") is None,
    reason="mpi4py and mpiexec are not both there: felif[mpi], and openmpi-bin of Debian",
)


@pytest.fixture
def study(tmp_path):
    (tmp_path / "everywhere.py").write_text(STUDY)
    return load(tmp_path / "everywhere.py")


@pytest.fixture
def expected(study, tmp_path):
    """The table of the same sweep by processes of our own."""
    return fl.sweep(study, GRID, tmp_path / "local", 1, fixed={"wait": 0.0})


def require_same(table, other) -> None:
    """All but the times, and the option `wait`, to the last bit."""
    assert table.names == other.names
    assert table.counts == {"ok": 117, "failed": 3, "crashed": 0, "missing": 0}
    for name in set(table.names) - {"wall_time", "wait"}:
        assert table[name].dtype == other[name].dtype
        assert table[name].tobytes() == other[name].tobytes() or table[name].tolist() == other[name].tolist(), name


@needs_dask
def test_dask_gives_the_table_of_the_local_pool_though_a_worker_is_killed(study, expected, tmp_path):
    from distributed import Client, LocalCluster

    killed = []

    def kill(client):
        workers = client.run(os.getpid)  # {address: process}
        while not (tmp_path / "s" / "shards").exists() or not len(fl.read_table(tmp_path / "s")):
            time.sleep(0.02)
        killed.append(next(iter(workers.values())))
        os.kill(killed[0], signal.SIGKILL)

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": tmp_path}
    with LocalCluster(**settings, silence_logs=50) as cluster, Client(cluster) as client:
        executioner = threading.Thread(target=kill, args=(client,), daemon=True)
        executioner.start()
        table = fl.sweep(study, GRID, tmp_path / "s", client, fixed={"wait": 0.02})
        executioner.join(10)
        assert killed
        require_same(table, expected)
        with pytest.raises(ValueError, match="holds another sweep"):
            fl.sweep(study, GRID, tmp_path / "s", client)
        far = fl.sweep(study, {"b": [1.0, 2.0]}, tmp_path / "f", f"dask{cluster.scheduler_address[3:]}", folders=True)
        assert far.counts["ok"] == 2
    assert (tmp_path / "f" / "points" / "000001" / "results.json").exists()


def mpi(*arguments: str, cwd: Path, background: bool = False):
    command = ["mpiexec", "--oversubscribe", "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "felif"]
    environment = {**os.environ, **AS_ROOT, "PYTHONPATH": HERE, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, *arguments], cwd=cwd, env=environment, start_new_session=True, **pipes)
    return process if background else (*process.communicate(timeout=120), process.returncode)


@needs_mpi
def test_mpi_gives_the_table_of_the_local_pool_also_after_its_driver_was_killed(study, expected, tmp_path):
    sweep = ["sweep", str(study.path), "--b", "0:39:40", "--c", "0.1,0.2,0.3", "--wait", "0.03", "--executor", "mpi"]
    process = mpi(*sweep, "--out", "s", cwd=tmp_path, background=True)
    while process.poll() is None and not ((tmp_path / "s" / "sweep.json").exists() and fl.read_table(tmp_path / "s")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    begun = fl.read_table(tmp_path / "s")
    assert 0 < len(begun) < 120
    out, err, code = mpi("sweep", str(study.path), "--resume", "s", "--executor", "mpi", cwd=tmp_path)
    assert (code, "117 ok, 3 failed; table: s/sweep.csv" in out) == (0, True), err
    table = fl.read_table(tmp_path / "s")
    require_same(table, expected)
    spent = {(row["b"], row["c"]): row["wall_time"] for row in table.rows}
    assert all(spent[row["b"], row["c"]] == row["wall_time"] for row in begun.rows)  # none was computed again


@needs_mpi
def test_mpi_that_was_not_started_by_mpiexec_says_how_to_start_it(study, tmp_path):
    with pytest.raises(ValueError, match="start it as mpiexec -n 3 python -m mpi4py.futures -m felif sweep"):
        fl.sweep(study, GRID, tmp_path / "s", "mpi")


@pytest.mark.parametrize("executor", ["mpi", "dask", "dask://localhost:1"])
def test_a_library_that_is_absent_is_named_with_what_installs_it(executor, study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setitem(sys.modules, "dask", None)
    extra = executor.partition(":")[0]
    with pytest.raises(ValueError, match=rf"executor = '{executor}' needs {extra}.*pip install 'felif\[{extra}\]'"):
        fl.sweep(study, GRID, tmp_path / "s", executor)


class Lost(Exception):
    """What an engine says whose worker is gone."""


class Losing:
    """An executor of another library: it gives no answer for what holds the point b = 7."""

    def submit(self, function, *arguments):
        future = Future()
        if arguments and any(options["b"] == 7 for _, options in arguments[1]):
            future.set_exception(Lost("gone"))
        else:
            future.set_result(function(*arguments))
        return future

    def shutdown(self):
        raise AssertionError("an executor that was given is not ours to close")


def test_a_point_whose_worker_is_lost_again_and_again_is_named_and_the_others_are_computed(study, tmp_path):
    table = fl.sweep(study, {"b": [float(k) for k in range(5, 15)]}, tmp_path / "s", Losing(), fixed={"wait": 0.0})
    assert table.counts == {"ok": 9, "failed": 0, "crashed": 1, "missing": 0}
    (row,) = (row for row in table.rows if row["status"] == "crashed")
    assert (row["b"], row["message"]) == (7.0, "3 times its worker gave no answer: Lost: gone")


def test_an_executor_that_answers_nothing_blames_no_point(study, tmp_path):
    class Dead(Losing):
        def submit(self, function, *arguments):
            future = Future()
            future.set_exception(Lost("all gone"))
            return future

    with pytest.raises(RuntimeError, match=r"gives no answers any more \(Lost: all gone\)"):
        fl.sweep(study, {"b": [1.0]}, tmp_path / "s", Dead())
    assert fl.read_table(tmp_path / "s").counts["missing"] == 1


def test_workers_without_felif_are_an_error_of_the_sweep_and_of_no_point(study, tmp_path):
    class Bare(Losing):
        def submit(self, function, *arguments):
            future = Future()
            future.set_exception(ModuleNotFoundError("No module named 'felif'"))
            return future

    with pytest.raises(RuntimeError, match=r"No module named 'felif'\); install the same version of felif there"):
        fl.sweep(study, {"b": [1.0]}, tmp_path / "s", Bare())


def test_folders_of_points_come_back_from_workers_that_do_not_see_the_folder(study, tmp_path, monkeypatch):
    from felif.study import workers
    from felif.study.running import read_results

    monkeypatch.setattr(workers, "_is_here", lambda *_: False)

    table = fl.sweep(study, {"b": [1.0, 3.0]}, tmp_path / "s", Losing(), folders=True)
    assert table.counts == {"ok": 1, "failed": 1, "crashed": 0, "missing": 0}
    assert read_results(tmp_path / "s" / "points" / "000000")["array"].tolist() == [1.0]
    assert "traceback.txt" in {path.name for path in (tmp_path / "s" / "points" / "000001").iterdir()}
