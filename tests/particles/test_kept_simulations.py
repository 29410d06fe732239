"""Simulations in a folder: readable while they go on, and gone on with to the same digits wherever they were killed."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import felif as fl
from felif.particles import checkpoints

START = fl.Gaussian(-0.5, 0.25)
WEIGHTED = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4), current=1.5, w_min=-1.0, w_max=0.0)
CASES = {
    "synchronous spikes": (fl.NoisyLIF(b=2.5), {"neurons": 3000, "t_end": 0.6, "record": 2}),
    "networks": (fl.NoisyLIF(b=0.5), {"neurons": 200, "networks": 3, "t_end": 0.6, "record": 2}),
    "a delay": (fl.NoisyLIF(b=0.5, delay=0.1), {"neurons": 3000, "t_end": 0.6, "history": 0.1}),
    "rest": (fl.RefractoryLIF(b=0.5, tau=0.1), {"neurons": 3000, "t_end": 0.6}),
    "a dead time": (fl.NoisyLIF(b=0.5, dead_time=0.1), {"neurons": 3000, "t_end": 0.6}),
    "a drift in a table": (fl.NoisyLIF(drift=fl.Quadratic(), v_fire=4.0), {"neurons": 2000, "t_end": 0.4}),
    "learning": (WEIGHTED, {"neurons": 1000, "t_end": 0.1}),
}


def weighted(v, w):
    return np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4)) * (v < 2) * w**4 * (1 + w) ** 4


def require_same(one, other):
    for values, others in ((one.series, other.series), (one.batches, other.batches)):
        assert [*values] == [*others]
        assert all(np.array_equal(values[name], others[name], equal_nan=True) for name in values)
    assert [*one.snapshots] == [*other.snapshots]
    for t, snapshot in one.snapshots.items():
        for column in ("v", "resting", "population", "batch", "w"):
            assert np.array_equal(getattr(snapshot, column), getattr(other.snapshots[t], column)), (t, column)
    assert (one.events, one.outcome, one.settings) == (other.events, other.outcome, other.settings)
    assert all(np.array_equal(a, b) for a, b in zip(one.spikes, other.spikes, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_a_simulation_stopped_again_and_again_gives_the_digits_of_one_that_was_not(case, tmp_path, monkeypatch, tune):
    model, asked = CASES[case]
    asked = {"seed": 3, "start": weighted if model is WEIGHTED else START, **asked}
    asked["snapshots"] = [asked["t_end"] * k / 8 for k in range(8)]  # blocks of steps end there
    whole = fl.simulate_particles(model, threads=1, **asked)
    tune(checkpoints, "NETWORK", every=0.0, share=np.inf)
    write, random, stops, left = checkpoints.Checkpoint.write, np.random.default_rng(1), 0, 0

    def stopping(self, *arguments):
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        write(self, *arguments)

    monkeypatch.setattr(checkpoints.Checkpoint, "write", stopping)
    for _ in range(100):
        left = int(random.integers(1, 3))
        try:
            run = fl.simulate_particles(model, threads=2, folder=tmp_path / "run", resume=True, **asked)
            break
        except KeyboardInterrupt:
            stops += 1
            part = fl.load_particles(tmp_path / "run")
            assert part.outcome.name == "running"
            for name, values in part.series.items() if len(next(iter(whole.batches.values()))) != 3 else ():
                known = np.isfinite(values)
                assert np.array_equal(values[known], whole.series[name][known])
    assert stops >= 2
    require_same(whole, run)
    require_same(whole, fl.load_particles(tmp_path / "run"))


@pytest.mark.parametrize("case", CASES)
def test_a_simulation_that_has_ended_goes_on_to_a_later_end_with_the_digits_of_one_up_to_there(case, tmp_path):
    model, asked = CASES[case]
    asked = {"seed": 3, "start": weighted if model is WEIGHTED else START, **asked}
    t_end = asked.pop("t_end")
    whole = fl.simulate_particles(model, t_end=t_end, snapshots=[t_end / 4, 0.8 * t_end], **asked)
    assert t_end / 3 not in whole.snapshots
    asked |= {"folder": tmp_path / "run", "resume": True}
    half = fl.simulate_particles(model, t_end=t_end / 2, snapshots=[t_end / 4], **asked)
    assert half.outcome.name == "finished"
    (tmp_path / "run" / "notes.txt").write_text("mine")
    asked["seed"] = None  # whatever it was
    run = fl.simulate_particles(model, t_end=t_end, snapshots=[t_end / 4, 0.8 * t_end], **asked)
    require_same(whole, run)
    require_same(whole, fl.load_particles(tmp_path / "run"))
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


FAST = fl.NoisyLIF(b=0.5, current=lambda t: np.tanh((t - 0.0333) / 1e-3))
CANNOT = {  # asked first, asked then, why not
    "another step": (
        {"t_end": 0.0205},
        {"t_end": 0.041},
        "steps of 0.000976.* do not lead to that t_end; whole",
    ),
    "other bins": ({"t_end": 0.3}, {"t_end": 0.45}, "do not consist of those that are there; those of bins = 300 do"),
    "odd bins": ({"t_end": 0.3, "bins": 7}, {"t_end": 0.5, "bins": 7}, "there; those of t_end = 0.6, 0.9, ... do"),
    "the past": ({}, {"t_end": 0.2, "snapshots": [0.05]}, "it has no snapshot at t = 0.05, which has passed"),
    "other spikes": ({}, {"t_end": 0.2, "record": 1}, "record = 1 is asked, 0 is there"),
    "a fast change": ({"model": FAST}, {"t_end": 200.0, "model": FAST}, "current changes fast.*; Piecewise says when"),
    "an earlier end": ({}, {"t_end": 0.05}, "it ends at t = 0.1; it goes on to later ends only"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_a_simulation_that_cannot_go_on_to_the_same_digits_says_why(case, tmp_path):
    first, then, why = CANNOT[case]
    asked = {"model": fl.NoisyLIF(b=0.5), "neurons": 100, "t_end": 0.1, "seed": 1, "start": START}
    kept = asked | first | {"folder": tmp_path / "run", "resume": True}
    run = fl.simulate_particles(**kept)
    with pytest.raises(ValueError, match=f"holds another simulation .*{why}"):
        fl.simulate_particles(**kept | then)
    require_same(run, fl.simulate_particles(**kept))
    if case == "other bins":
        as_told = then | {"bins": 300}
        require_same(fl.simulate_particles(**asked | as_told), fl.simulate_particles(**kept | as_told))
    if case == "an earlier end":  # as folders without it are
        (tmp_path / "run" / "network-000001.npz").unlink()
        with pytest.raises(ValueError, match="say where its networks ended, and not all"):
            fl.simulate_particles(**kept | {"t_end": 0.2})


def test_another_question_is_refused_and_a_finished_simulation_is_read(tmp_path):
    model, asked = fl.NoisyLIF(b=0.5), {"neurons": 100, "t_end": 0.1, "start": START, "folder": tmp_path / "run"}
    first = fl.simulate_particles(model, seed=1, **asked)
    (tmp_path / "run" / "notes.txt").write_text("mine")
    require_same(first, fl.simulate_particles(model, resume=True, **asked))
    with pytest.raises(ValueError, match="already holds a simulation of particles"):
        fl.simulate_particles(model, seed=1, **asked)
    for name, value, text in (
        ("neurons", 101, r"neurons = \[101\] is asked, \[100\] is there"),
        ("seed", 2, "seed = 2 is asked, 1 is there"),
        ("start", fl.Gaussian(-0.6, 0.25), "start.mean = -0.6 is asked, -0.5 is there"),
        ("record", 1, "record = 1 is asked, 0 is there"),
    ):
        with pytest.raises(ValueError, match=text):
            fl.simulate_particles(model, resume=True, **{**asked, "seed": 1, name: value})
    with pytest.raises(ValueError, match="model.b = 0.4 is asked, 0.5 is there"):
        fl.simulate_particles(fl.NoisyLIF(b=0.4), resume=True, **asked)
    other = fl.simulate_particles(model, seed=2, resume=True, overwrite=True, **asked)
    assert other.settings["seed"] == fl.load_particles(tmp_path / "run").settings["seed"] == 2
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


KILLED = """
import dataclasses, os, signal, sys
import felif as fl
from felif.output import durable
from felif.particles import checkpoints

checkpoints.NETWORK = dataclasses.replace(checkpoints.NETWORK, every=0.0, share=float("inf"))
kinds = {"before": durable.complete, "within": durable.sync}
count, name = int(sys.argv[2]), sys.argv[3]


def dying(path, *rest):
    global count
    count -= "network" in path.name
    if count < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return kinds[name](path, *rest)


from felif.output import listing

setattr(listing, {"before": "complete", "within": "sync"}[name], dying)
asked = dict(neurons=500, t_end=10.0, start=fl.Gaussian(-0.5, 0.25), seed=5, progress=False)
fl.simulate_particles(fl.NoisyLIF(b=0.5), folder=sys.argv[1], resume=True, **asked)
"""


def test_a_killed_process_leaves_a_folder_that_another_goes_on_with(tmp_path):
    for count, place in ((2, "before"), (1, "within")):
        command = [sys.executable, "-c", KILLED, tmp_path / "killed", str(count), place]
        assert subprocess.run(command).returncode == -signal.SIGKILL
        assert fl.load_particles(tmp_path / "killed").outcome.name == "running"
    asked = {"neurons": 500, "t_end": 10.0, "start": START, "seed": 5}
    whole = fl.simulate_particles(fl.NoisyLIF(b=0.5), **asked)
    require_same(whole, fl.simulate_particles(fl.NoisyLIF(b=0.5), **asked, folder=tmp_path / "killed", resume=True))


def test_two_processes_do_not_write_into_one_folder(tmp_path):
    asked = {"neurons": 100, "t_end": 0.1, "start": START, "seed": 5, "folder": tmp_path}
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(ValueError, match="another process is writing"):
            fl.simulate_particles(fl.NoisyLIF(b=0.5), **asked)
    finally:
        os.close(handle)
    fl.simulate_particles(fl.NoisyLIF(b=0.5), **asked)


INTERRUPTED = """
import signal, sys
import felif as fl
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in background jobs
asked = dict(neurons=2000, networks=8, t_end=1000.0, start=fl.Gaussian(-0.5, 0.25), seed=5, threads=2)
fl.simulate_particles(fl.NoisyLIF(b=0.5), folder=sys.argv[1], resume=True, **asked)
"""


def test_an_interrupt_ends_all_networks_soon_and_leaves_a_readable_folder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, tmp_path / "run"], stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "run" / "network-000002.npz")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert said.strip().endswith("KeyboardInterrupt")
    part = fl.load_particles(tmp_path / "run")
    assert part.outcome.name == "running"
    assert str(part)


def test_more_neurons_than_a_machine_holds_are_refused():
    with pytest.raises(ValueError, match="neurons = 1000000000000; allowed are at most 1e.09 in all"):
        fl.simulate_particles(fl.NoisyLIF(), neurons=10**12, t_end=1.0, start=START)
