"""What goes to other processes goes by value: a process that has felif alone can do the work."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import felif as fl
from felif.parallel import open_pool, packed, spread, travel
from felif.study import load

STUDY = '''"""What goes along?"""
import functools
import numpy as np
import beside

RECORDED = np.load("recorded.npy")

@functools.lru_cache(maxsize=4)
def twice(b):
    return 2 * b

def main(b: float = 0.0):
    import later
    return {"sum": twice(b) + beside.half(b) + later.Third(b).value + RECORDED.sum()}
'''
LATER = """
import dataclasses

@dataclasses.dataclass
class Third:
    b: float
    value = property(lambda self: self.b / 3)
"""
ALONE = """
import sys
from pathlib import Path
from felif.parallel import unpacked
study = unpacked(Path(sys.argv[1]).read_bytes())
print(study.main(b=6.0)["sum"])
"""


def double(shared: float, piece: float) -> float:
    if piece < 0:
        raise ValueError(f"piece = {piece}")
    return 2 * shared * piece


def lost(shared: float, piece: float) -> float:
    raise AssertionError("the executors of these tests never do it")


def test_a_study_goes_with_its_neighbours_data_and_cached_functions(tmp_path, monkeypatch):
    place = tmp_path / "mine"
    place.mkdir()
    monkeypatch.chdir(place)
    np.save("recorded.npy", np.array([1.0, 10.0]))
    for name, text in (("asked", STUDY), ("beside", "def half(b):\n    return b / 2\n"), ("later", LATER)):
        Path(f"{name}.py").write_text(text)
    study = load(place / "asked.py")
    (tmp_path / "sent").write_bytes(packed(study, "The study", [study.main]))
    place.rename(tmp_path / "gone")
    here = Path(fl.__file__).parents[1]
    command = [sys.executable, "-c", ALONE, str(tmp_path / "sent")]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(here)}, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == 12.0 + 3.0 + 2.0 + 11.0
    for name in ("asked", "beside", "later"):
        sys.modules.pop(name, None)


def test_what_cannot_be_copied_is_an_error_that_names_it():
    lock = threading.Lock()

    def main(b: float = 0.0) -> dict:
        with lock:
            return {"b": b}

    with pytest.raises(ValueError, match=r"The study main cannot go to other processes: .*lock"):
        fl.sweep(main, {"b": [1.0]}, "never made")
    assert not Path("never made").exists()


def test_workers_of_another_version_are_refused(monkeypatch, tmp_path):
    payload = packed(double, "It")
    monkeypatch.setattr(travel, "__version__", "0.0.1")
    with pytest.raises(ImportError, match=r"here is felif 0\.0\.1 with Python 3.*the same is needed"):
        travel.unpacked(payload)


class Losing(Executor):
    """Loses every piece `times` times, as the engines of clusters do when workers die: with errors of their own."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def submit(self, function, *arguments, **settings):
        future = Future()
        self.asked += 1
        if self.asked <= self.times:
            future.set_exception(OSError("the worker is gone"))
        else:
            future.set_result(function(*arguments))
        return future


def test_pieces_come_in_order_and_lost_ones_are_given_out_again():
    assert spread("it", Losing(2), double, 3.0, [1.0, 2.0, 3.0]) == [6.0, 12.0, 18.0]
    with pytest.raises(RuntimeError, match=r"it: piece 1 of 1 gave no answer, 4 times \(OSError: the worker is gone"):
        spread("it", Losing(100), lost, 3.0, [1.0])
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match=r"piece = -1\.0"):
        spread("it", pool, double, 3.0, [1.0, -1.0])


def test_no_more_pieces_are_in_flight_than_twice_the_executor_has_workers():
    class Counting(ThreadPoolExecutor):
        open = most = 0

        def submit(self, *arguments, **settings):
            Counting.open += 1
            Counting.most = max(Counting.most, Counting.open)
            future = super().submit(*arguments, **settings)
            future.add_done_callback(lambda future: setattr(Counting, "open", Counting.open - 1))
            return future

    with Counting(3) as pool:
        spread("it", pool, double, 1.0, [0.0] * 50)
    assert 1 <= Counting.most <= 6


def test_an_executor_that_does_not_say_how_large_it_is_gets_twice_what_it_was_seen_to_run():
    pool = open_pool("it", Losing(0), 1)
    running = [Future() for _ in range(40)]
    assert pool.size(running) < 40
    for future in running:
        future.set_running_or_notify_cancel()
    assert pool.size(running) == pool.size([]) == 40


@pytest.mark.parametrize("executor", ["dusk", "dask:localhost", 0, -1, True, 2.5, object(), ThreadPoolExecutor])
def test_what_is_no_executor_is_refused(executor):
    with pytest.raises(ValueError, match="executor = .*; allowed are a number of processes, 'dask://HOST:PORT'"):
        open_pool("it", executor, 1)


def test_many_runs_over_processes_are_those_over_threads():
    grid, start = {"b": [0.0, 0.8, 3.0]}, fl.Gaussian(-1.0, 0.5, boundary_layer=0.5)
    model = fl.NoisyLIF(drift=lambda v: -v)  # a function that no module defines
    here = fl.evolve_many(model, grid, start, [1.0, 4.0], tol=1e-3)
    there = fl.evolve_many(model, grid, start, [1.0, 4.0], tol=1e-3, executor=1)
    assert there.outcome.tolist() == ["finished", "finished", "blow_up"]
    for name in ("outcome", "message", "alone"):
        assert np.array_equal(getattr(there, name), getattr(here, name)), name
    for name in ("N", "blow_up_time", "blow_up_error"):
        assert np.array_equal(getattr(there, name), getattr(here, name), equal_nan=True), name
    with pytest.raises(ValueError, match="workers = 2 with an executor; allowed is one of them"):
        fl.evolve_many(model, grid, start, [1.0], workers=2, executor=2)


def test_rates_by_an_executor_are_those_by_threads():
    grid = {"b": [0.5, 1.5], "a0": [1.0, 1.2]}
    here = fl.rate_map(fl.NoisyLIF(), grid, stability=False)
    with ThreadPoolExecutor(1) as pool:
        there = fl.rate_map(fl.NoisyLIF(), grid, stability=False, executor=pool)
    assert np.array_equal(there.N, here.N, equal_nan=True)
    assert np.array_equal(there.slope, here.slope, equal_nan=True)
