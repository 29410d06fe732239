"""Sweeps: what is kept when workers or the sweep itself are killed, and that nothing is computed twice."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from felif.parallel.processes import Processes
from felif.study import load
from felif.study.grid import axis
from felif.study.sweep import sweep
from felif.study.table import read_table

STUDY = '''"""What does every point do?"""
import os
import time
from pathlib import Path


def main(b: float = 0.0, c: float = 0.0, wait: float = 0.0, log: str = "", seed: int = 7, out: Path | None = None):
    if log:
        with open(log, "a") as file:  # short lines appended: whole, whoever writes
            file.write(f"{b:g} {os.getpid()}\\n")
    time.sleep(wait)
    if b == 3:
        raise ValueError("b = 3; allowed is any other number")
    if b == 4 or (b == 40 and len(Path(log).read_text().split("40 ")) < 4):  # always, or twice
        os._exit(1)
    if b == 30 and not Path(log).with_suffix(".mended").exists():
        raise ValueError("not yet")
    threads = int(os.environ.get("OPENBLAS_NUM_THREADS", 0))
    return {"sum": b + c, "seed_was": seed, "threads": threads, "array": [b, c], "infinite": float("inf")}
'''


@pytest.fixture
def study(tmp_path):
    (tmp_path / "points.py").write_text(STUDY)
    return load(tmp_path / "points.py")


def entries(log: Path) -> list[float]:
    """b of every point that was begun."""
    return [float(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")  # a zombie has ended


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def function(b: float = 0.0, c: float = 0.0) -> dict:
    return {"product": b * c}


# the grid -------------------------------------------------------------------------------------------------------------


def test_values_on_the_command_line():
    assert axis("0:3:4", float) == [0.0, 1.0, 2.0, 3.0]
    assert axis("-1:1:3", float) == [-1.0, 0.0, 1.0]
    assert axis("4:16:4", int) == [4, 8, 12, 16]
    assert axis("0,0.5,1e-3", float) == [0.0, 0.5, 1e-3]
    assert axis("leaky,quadratic", str) == ["leaky", "quadratic"]
    assert axis("0:0.3:31", float)[-1] == 0.3  # the end exactly, without the rounding of the steps


def test_a_function_is_swept_over_the_product_of_its_options(tmp_path):
    with ThreadPoolExecutor(2) as executor:
        table = sweep(function, {"b": np.linspace(0, 2, 3), "c": [1, 10]}, tmp_path / "s", executor)
    assert table["b"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["product"].tolist() == [0, 0, 1, 10, 2, 20]
    assert (tmp_path / "s" / "sweep.csv").read_text().splitlines()[0] == "index,b,c,status,product,wall_time,message"
    with pytest.raises(ValueError, match="no column 'sum'"):
        table["sum"]


def test_a_full_disk_ends_a_sweep_and_is_no_fault_of_a_point(tmp_path):
    (tmp_path / "full").touch()

    def main(x: float = 1.0) -> dict:
        if x > 1 and (tmp_path / "full").exists():
            raise OSError(errno.ENOSPC, "out of room")
        return {"y": x}

    def many(x: np.ndarray) -> dict:
        return {"y": np.array([main(value)["y"] for value in x])}

    for name, several in (("alone", None), ("many", many)):
        asked = (main, {"x": [1.0, 2.0, 3.0]}, tmp_path / name, ThreadPoolExecutor(1))
        (tmp_path / "full").touch()
        with pytest.raises(OSError, match="out of room. What is finished is kept: call again to go on"):
            sweep(*asked, many=several)
        assert read_table(tmp_path / name).counts["failed"] == 0
        (tmp_path / "full").unlink()
        assert sweep(*asked, many=several)["y"].tolist() == [1.0, 2.0, 3.0]


def test_bad_sweeps_are_refused_before_any_work(tmp_path):
    for grid, settings, message in [
        ({"d": [1]}, {}, "no option 'd'"),
        ({}, {}, "grid is empty"),
        ({"b": []}, {}, "has no values"),
        ({"b": [1, 2]}, {"fixed": {"b": 1}}, "both swept and fixed"),
        ({"b": [math.nan]}, {}, "finite numbers"),
        ({"b": [1, 2]}, {"executor": 0}, "executor = 0"),
        ({"b": [1, 2]}, {"shard": (0, 2)}, r"shard = \(0, 2\); allowed is two whole numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            sweep(function, grid, tmp_path / "s", **settings)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="holds no sweep"):
        sweep(function, {"b": [1, 2]}, tmp_path / "full")
    with pytest.raises(ValueError, match=r"The grid has 1e\+08 points; allowed are at most 1e\+07"):
        sweep(function, {"b": list(range(10_000)), "c": list(range(10_000))}, tmp_path / "large")


# processes ------------------------------------------------------------------------------------------------------------


def test_failed_and_crashed_points_leave_the_others_alone(tmp_path, study, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    table = sweep(study, {"b": list(range(7))}, tmp_path / "s", executor=2)
    assert table.counts == {"ok": 5, "failed": 1, "crashed": 1, "missing": 0}
    rows = {row["b"]: row for row in table.rows}
    assert "allowed is any other number" in rows[3]["message"]
    assert rows[4]["status"] == "crashed"
    assert rows[6]["sum"] == 6.0
    assert rows[6]["threads"] == 1  # one BLAS thread a process
    assert "OPENBLAS_NUM_THREADS" not in os.environ  # of this process
    assert table["infinite"][0] == math.inf
    assert [rows[b]["seed"] for b in (0, 6)] == [0, 6]
    assert rows[6]["seed_was"] == 6


def test_a_point_whose_process_was_killed_is_computed_all_the_same(tmp_path, study):
    log = tmp_path / "log"
    setting = {"grid": {"b": [10, 40]}, "folder": tmp_path / "s", "fixed": {"log": str(log)}}
    table = sweep(study, **setting, executor=2)
    assert table.counts == {"ok": 2, "failed": 0, "crashed": 0, "missing": 0}
    assert entries(log).count(40) == 3
    assert entries(log).count(10) <= 2


def test_a_crashed_point_is_tried_again_by_the_next_call_and_is_an_error_of_the_command(tmp_path, study, capsys):
    from felif.study.cli import run

    log = tmp_path / "log"
    command = [
        "sweep",
        str(study.path),
        "--b",
        "4,5",
        "--log",
        str(log),
        "--out",
        str(tmp_path / "s"),
        "--executor",
        "1",
    ]
    for begun in (Processes.tries, 2 * Processes.tries):  # and once more where it was not alone
        assert run(command) == 2
        assert "1 of 2 points crashed" in capsys.readouterr().err
        assert begun <= entries(log).count(4) <= begun + 2
    assert read_table(tmp_path / "s").attempts[0] == 2


def test_the_last_attempt_counts_whatever_the_clock_says(tmp_path, study):
    log, executor = tmp_path / "log", ThreadPoolExecutor(1)
    setting = {"grid": {"b": [30]}, "folder": tmp_path / "s", "fixed": {"log": str(log)}, "executor": executor}
    assert sweep(study, **setting).counts["failed"] == 1
    for path in (tmp_path / "s" / "shards").iterdir():  # written by a clock that was an hour ahead
        os.utime(path, (time.time() + 3600,) * 2)
    (tmp_path / "log.mended").touch()
    assert sweep(study, **setting, retry=True).counts["ok"] == 1
    assert read_table(tmp_path / "s").rows[0]["sum"] == 30.0
    assert len([*(tmp_path / "s" / "shards").iterdir()]) == 2


def test_a_sweep_that_was_killed_goes_on_with_what_is_missing(tmp_path, study):
    log, folder = tmp_path / "log", tmp_path / "s"
    values = [10.0 + k for k in range(16)]
    program = (
        "from felif.study import load; from felif.study.sweep import sweep\n"
        "if __name__ == '__main__':\n"
        f"    sweep(load({str(study.path)!r}), {{'b': {values}}}, {str(folder)!r}, executor=2,\n"
        f"          fixed={{'wait': 0.25, 'log': {str(log)!r}}})\n"
    )
    (tmp_path / "program.py").write_text(program)
    process = subprocess.Popen([sys.executable, str(tmp_path / "program.py")])
    wait_until(lambda: (folder / "sweep.json").exists() and len(read_table(folder)) >= 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    wait_until(lambda: not any(map(alive, workers)))  # none outlives its parent
    kept = read_table(folder)
    assert 0 < kept.counts["ok"] < len(values)
    log.unlink()
    fixed = {"wait": 0.25, "log": str(log)}
    table = sweep(study, {"b": values}, folder, ThreadPoolExecutor(8), fixed=fixed)
    assert table.counts["ok"] == len(values)
    assert sorted([*entries(log), *kept["b"]]) == values  # every other point once, and no finished point again


def test_another_sweep_does_not_mix_with_what_is_in_the_folder(tmp_path, study):
    executor = ThreadPoolExecutor(1)
    sweep(study, {"b": [0, 1]}, tmp_path / "s", executor)
    with pytest.raises(ValueError, match="holds another sweep"):
        sweep(study, {"b": [0, 1, 2]}, tmp_path / "s", executor)
    with pytest.raises(ValueError, match="holds another sweep"):
        sweep(study, {"b": [0, 1]}, tmp_path / "s", executor, fixed={"c": 1.0})
    assert sweep(study, {"b": [5]}, tmp_path / "s", executor, overwrite=True)["sum"].tolist() == [5.0]


def test_jobs_of_an_array_share_a_folder(tmp_path, study):
    log = tmp_path / "log"
    setting = {"grid": {"b": [5, 6, 7, 8, 9]}, "folder": tmp_path / "s", "fixed": {"log": str(log)}}
    executor = ThreadPoolExecutor(1)
    first = sweep(study, **setting, executor=executor, shard=(1, 2))
    assert first["b"].tolist() == [5, 7, 9]
    assert first.counts["missing"] == 2
    assert sweep(study, **setting, executor=executor, shard=(2, 2)).counts["missing"] == 0
    assert sorted(entries(log)) == [5, 6, 7, 8, 9]


def test_failed_points_are_tried_again_only_when_asked(tmp_path, study):
    log = tmp_path / "log"
    setting = {"grid": {"b": [2, 3]}, "folder": tmp_path / "s", "fixed": {"log": str(log)}}
    executor = ThreadPoolExecutor(1)
    for retry, begun in ((False, 2), (False, 2), (True, 3)):
        assert sweep(study, **setting, executor=executor, retry=retry).counts["failed"] == 1
        assert len(entries(log)) == begun


def test_every_point_may_have_a_folder_of_its_own(tmp_path, study):
    from felif.study.running import read_results

    sweep(study, {"b": [1, 2]}, tmp_path / "s", ThreadPoolExecutor(1), folders=True)
    assert read_results(tmp_path / "s" / "points" / "000001")["array"].tolist() == [2.0, 0.0]


def test_an_executor_that_breaks_is_an_error_and_what_was_finished_is_kept(tmp_path, study):
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(RuntimeError, match="broke"),
    ):
        sweep(study, {"b": [1, 2, 4]}, tmp_path / "s", executor)
    assert 1 <= read_table(tmp_path / "s").counts["ok"] <= 2


def test_sweep_on_the_command_line(tmp_path, study, capsys, monkeypatch):
    from felif.study.cli import run

    monkeypatch.chdir(tmp_path)
    assert run(["sweep", "points.py", "--b", "0:3:4", "--c", "-1,1", "--executor", "2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"] == {"ok": 6, "failed": 2, "crashed": 0, "missing": 0}
    assert printed["points"][1]["sum"] == 1.0
    assert printed["points"][1]["infinite"] is None  # strict JSON
    assert run(["sweep", "points.py", "--resume", "results/points-sweep"]) == 0
    text = capsys.readouterr().out
    assert "6 ok, 2 failed; table: results/points-sweep/sweep.csv" in text
    assert "point 6 failed: ValueError: b = 3" in text
    assert run(["sweep", "points.py", "--b", "3", "--c", "1,2", "--out", "bad", "--executor", "1"]) == 2
    assert "no point of the sweep gave a result" in capsys.readouterr().err


def test_a_worker_reads_the_list_of_a_sweep_once(tmp_path, monkeypatch):
    """It is as long as the sweep: read for every point, it would make a sweep cost the square of its points."""
    from felif.output.listing import Listing
    from felif.study import workers

    read, count = Listing.read, 0

    def counting(self):
        nonlocal count
        count += 1
        return read(self)

    monkeypatch.setattr(Listing, "read", counting)
    for index in range(20):
        workers._folder_of_point(tmp_path, index).mkdir()
    assert count == 1
