"""A run folder is readable at every moment, and a run that goes on from its checkpoint writes the same bytes."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fakes import FakeRun, row

from felif.output import RunWriter, read_folder
from felif.output import folder as folder_of_runs
from felif.output.manifest import MANIFEST
from felif.output.series_files import read_series, strict_json
from felif.output.work import open_work

DESCRIPTION = {"model": {"class": "Fake", "b": 0.5, "ceiling": math.inf}}


def grow(writer, run, first=0, last=None):
    """What `evolve` does: rows, snapshots that are due, every fifth step a chunk and a checkpoint."""
    times = run.times[first:last]
    for number, t in enumerate(times, start=first):
        writer.step(row(t))
        for due in writer.due(t):
            writer.snapshot(run.at(due))
        if number % 5 == 0:
            writer.chunk({"t": t, "states": run.at(t).y})
            writer.checkpoint({"y": run.at(t).y, "number": number})


def written(folder):
    """Every file but run.json (clock), view.py (path) and the list of their checksums as bytes."""
    other = ("run.json", "view.py", MANIFEST)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in other]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_numbers_come_back_to_the_same_bits(tmp_path):
    rng = np.random.default_rng(1)
    table = rng.standard_normal((50, 3)) * 10.0 ** rng.integers(-300, 300, (50, 3))
    table[0] = np.inf, -np.inf, np.nan
    state = rng.standard_normal(40)
    with RunWriter(tmp_path / "run", DESCRIPTION) as writer:
        for values in table:
            writer.step(dict(zip(("t", "N", "mass"), values, strict=True)))
        writer.chunk({"states": state})
        writer.checkpoint({"y": state, "scheme": "Rodas5P"})
        writer.finish({"outcome": {"name": "finished", "message": "done"}, "wall_time": 0.25})
    found = read_folder(tmp_path / "run")
    np.testing.assert_array_equal(np.array(list(found.series.values())).T, table)
    np.testing.assert_array_equal(found.checkpoint["y"], state)
    assert set(found.checkpoint) == {"y", "scheme"}
    assert str(found.checkpoint["scheme"]) == "Rodas5P"
    np.testing.assert_array_equal(found.chunks[0]["states"], state)
    assert (tmp_path / "run" / "series.csv").read_text().splitlines()[:2] == ["t,N,mass", "inf,-inf,nan"]


def test_run_json_is_strict_and_says_where_the_run_comes_from(tmp_path):
    folder = tmp_path / "run"
    with RunWriter(folder, DESCRIPTION) as writer:
        assert json.loads((folder / "run.json").read_text())["outcome"] is None  # while it runs
        writer.step({"t": 0.0})
        writer.checkpoint({})
        writer.finish({"outcome": {"name": "blow_up", "message": "N grew"}, "N": np.float64(np.inf)})
    refuse = lambda constant: pytest.fail(f"{constant} is not JSON")
    found = json.loads((folder / "run.json").read_text(), parse_constant=refuse)
    assert found["outcome"]["name"] == "blow_up"
    assert found["model"]["ceiling"] is None
    assert found["N"] is None
    assert {"felif", "numpy", "scipy", "scikit-fem", "python"} <= set(found["versions"])


def test_strict_json_takes_what_a_model_may_hold():
    value = {"a": np.arange(2), "b": (np.int64(1), np.bool_(True)), 3: np.nan, "c": abs}
    assert strict_json(value) == {"a": [0, 1], "b": [1, True], "3": None, "c": str(abs)}


def test_going_on_from_a_checkpoint_writes_the_same_bytes(tmp_path):
    run, snapshots = FakeRun(), np.linspace(0.0, 1.0, 8)
    for name in ("whole", "parts"):
        with RunWriter(tmp_path / name, DESCRIPTION, snapshots) as writer:
            # 13 steps: two steps and a snapshot after the checkpoint at step 10, on the finer mesh
            grow(writer, run, last=13 if name == "parts" else None)
            if name == "whole":
                writer.finish({"outcome": {"name": "finished", "message": ""}})
    writer = RunWriter.reopen(tmp_path / "parts")
    number = int(read_folder(tmp_path / "parts").checkpoint["number"])
    assert number == 10
    assert len(read_folder(tmp_path / "parts").series["t"]) == number + 1
    with writer:
        grow(writer, run, first=number + 1)
        writer.finish({"outcome": {"name": "finished", "message": ""}})
    whole, parts = written(tmp_path / "whole"), written(tmp_path / "parts")
    assert sorted(whole) == sorted(parts)
    assert [name for name in whole if whole[name] != parts[name]] == []
    assert {"series.csv", "final.npz", "fields.pvd", "spacetime.vtr", "steps-0005.npz"} <= set(whole)


VICTIM = """
import sys, numpy as np
sys.path[:0] = [sys.argv[2]]
from fakes import FakeRun, row
from felif.output import RunWriter
run, snapshots = FakeRun(np.linspace(0.0, 1.0, 100_001)), np.linspace(0.0, 1.0, 1001)
writer = RunWriter(sys.argv[1], {}, snapshots)
for number, t in enumerate(run.times):
    writer.step(row(t))
    for due in writer.due(t):
        writer.snapshot(run.at(due))
    if number % 50 == 0:
        writer.chunk({"t": t, "states": np.full(2000, t)})
        writer.checkpoint({"y": np.full(20_000, t), "number": number})
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
@pytest.mark.parametrize("patience", [0.02, 0.11, 0.23])
def test_a_killed_process_leaves_a_readable_folder(tmp_path, patience):
    folder = tmp_path / "run"
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(folder), os.path.dirname(__file__)])
    deadline = time.monotonic() + 60.0
    while not (folder / "final.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(patience)
    victim.kill()
    victim.wait()
    assert victim.returncode == -signal.SIGKILL  # it was in the middle of its work

    found = read_folder(folder)
    number = int(found.checkpoint["number"])
    assert found.description["outcome"] is None
    assert len(found.series["t"]) >= number + 1
    assert all(path.exists() for _, path in found.snapshots)
    RunWriter.reopen(folder).close()
    found = read_folder(folder)
    np.testing.assert_array_equal(found.series["t"], np.linspace(0.0, 1.0, 100_001)[: number + 1])
    assert np.all(found.checkpoint["y"] == found.series["t"][-1])
    assert len(found.chunks) == number // 50 + 1
    assert max(t for t, _ in found.snapshots) <= found.series["t"][-1]
    assert not list(folder.rglob(".*"))


def test_a_row_cut_off_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text("t,N\n0.0,inf\n0.5,1.25\n0.75,1.")
    np.testing.assert_array_equal(read_series(path)["N"], [np.inf, 1.25])
    path.write_text("")
    assert read_series(path) == {}
    path.write_text("t,N\n0.0,x\n1.0,2.0\n")
    with pytest.raises(ValueError, match="line 2"):
        read_series(path)


def test_rows_are_on_file_before_the_run_ends(tmp_path, tune):
    tune(folder_of_runs, "FILES", flush_every=0.0)
    with RunWriter(tmp_path / "run", {}) as writer:
        time.sleep(0.01)
        writer.step({"t": 0.25})
        np.testing.assert_array_equal(read_folder(tmp_path / "run").series["t"], [0.25])


def test_an_early_end_still_shows_the_whole_run(tmp_path):
    run = FakeRun()  # ends at t = 1, planned were snapshots up to 50: only those at 0 and 0.5 came due
    with RunWriter(tmp_path / "run", {}, np.linspace(0.0, 50.0, 101)) as writer:
        grow(writer, run)
        assert len(writer.fields.entries) == 3
        writer.finish({"outcome": {"name": "blow_up", "message": ""}}, run)
    times = [t for t, _ in read_folder(tmp_path / "run").snapshots]
    assert times == sorted(set(times))
    assert len(times) >= 101
    assert (times[0], times[-1]) == (0.0, 1.0)


def test_a_run_is_replaced_only_on_demand_and_nothing_else_is_touched(tmp_path):
    folder = tmp_path / "run"
    with RunWriter(folder, {"seed": 1}, [0.0]) as writer:
        grow(writer, FakeRun(), last=6)
        writer.finish({"outcome": {"name": "finished", "message": ""}})
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="overwrite=True"):
        RunWriter(folder, {})
    with RunWriter(folder, {"seed": 2}, overwrite=True) as writer:
        found = read_folder(folder)
        assert (found.description["seed"], found.series, found.checkpoint, list(found.chunks)) == (2, {}, None, [])
        assert found.snapshots == []
        writer.step({"t": 0.0})
    assert (folder / "notes.txt").read_text() == "mine"

    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="not a run folder"):
            RunWriter(tmp_path / "precious", {}, overwrite=overwrite)
    with pytest.raises(ValueError, match="is a file"):
        RunWriter(tmp_path / "precious" / "thesis.tex", {})


def test_two_writers_cannot_have_the_same_folder(tmp_path):
    pytest.importorskip("fcntl")
    with RunWriter(tmp_path / "run", {}) as writer:
        writer.step({"t": 0.0})
        writer.checkpoint({})
        with pytest.raises(ValueError, match="another process"):
            RunWriter.reopen(tmp_path / "run")
        with pytest.raises(ValueError, match="another process"):
            RunWriter(tmp_path / "run", {}, overwrite=True)
    RunWriter.reopen(tmp_path / "run").close()


def test_a_file_system_without_locks_takes_runs_and_branches(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def without(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without)
    with RunWriter(tmp_path / "run", {}) as writer:
        writer.step({"t": 0.0})
    with open_work("continuation", "branch", tmp_path / "branch", {}, ()) as work:
        assert work.room is not None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "run.json").unlink(), "run.json is missing"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json is damaged"),
        (lambda folder: (folder / "final.npz").unlink(), "final.npz is missing"),
        (lambda folder: (folder / "final.npz").write_bytes(b"PK\x03\x04 cut"), "final.npz is damaged"),
        (lambda folder: (folder / "steps-0001.npz").unlink(), "steps-0001.npz is missing"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(tmp_path, damage, message):
    folder = tmp_path / "run"
    with RunWriter(folder, {}, [0.0]) as writer:
        grow(writer, FakeRun(), last=7)
        writer.finish({"outcome": {"name": "finished", "message": ""}})
    damage(folder)
    with pytest.raises(ValueError, match=message) as caught:
        read_folder(folder)
    assert str(folder) in str(caught.value)
    with pytest.raises(ValueError, match=message.split()[0]):
        RunWriter.reopen(folder)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: None, "series.csv is missing"),
        (lambda text: text[:-40], "series.csv is damaged"),
        (lambda text: text.replace(b".1", b".2", 1), "series.csv is damaged"),
        (lambda text: b"", "series.csv is damaged"),
    ],
)
def test_a_damaged_series_is_made_again_from_the_steps(tmp_path, damage, message, finished):
    path = tmp_path / "run" / "series.csv"
    with RunWriter(tmp_path / "run", {}, [0.0]) as writer:
        grow(writer, FakeRun(), last=11)
        if finished:
            writer.finish({"outcome": {"name": "finished", "message": ""}})
    right, content = read_folder(tmp_path / "run").series, path.read_bytes()
    damaged = damage(content)
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
    with pytest.warns(UserWarning, match=message):
        found = read_folder(tmp_path / "run").series
    np.testing.assert_array_equal(np.array(list(found.values())), np.array(list(right.values())))
    RunWriter.reopen(tmp_path / "run").close()
    assert path.read_bytes() == content


def test_wrong_use_is_said_in_words(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        read_folder(tmp_path / "nothing")
    with RunWriter(tmp_path / "run", {}) as writer:
        with pytest.raises(ValueError, match="no checkpoint"):
            RunWriter.reopen(tmp_path / "run")
        writer.step({"t": 0.0, "N": 1.0})
        with pytest.raises(ValueError, match="columns"):
            writer.step({"t": 0.0})
        with pytest.raises(ValueError, match="folder_rows"):
            writer.checkpoint({"folder_rows": 1})
        with pytest.raises(ValueError, match="dtype object"):
            writer.chunk({"model": object()})
    writer.step({"t": 1.0, "N": 1.0})
    with pytest.raises(ValueError, match="closed"):
        writer.flush()
