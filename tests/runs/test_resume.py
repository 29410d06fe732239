"""Runs that are killed, and gone on with: the same bytes as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import felif as fl

CASES = {  # code that makes (problem, start, settings)
    "remeshing to blow-up": """
        problem = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-7)
        start, settings = fl.Gaussian(-1.0, 0.5), {"t_end": 10.0, "rtol": 1e-7}
    """,
    "a function of the user, Newton": """
        frequency = 3.0
        problem = fl.discretize(fl.RefractoryLIF(b=0.5, current=lambda t: 1.0 + np.sin(frequency * t)), tol=1e-5)
        start, settings = fl.Uniform(-1.0, 0.5), {"t_end": 4.0, "rtol": 1e-7, "scheme": fl.ESDIRK43()}
    """,
    "bursts, positive, with jumps": """
        model = fl.RandomThresholdLIF(b=8.0, a1=0.1, current=fl.Piecewise((0.5,), (0.0, 0.5)))
        problem = fl.discretize(model, fl.interval(model, cells=60), space=fl.ExponentialFitting())
        start, settings = fl.Gaussian(0.0, 0.5), {"t_end": 1.5, "rtol": 1e-5, "scheme": fl.TRBDF2()}
    """,
}


IMPORTS = "import time\nimport felif as fl\nimport numpy as np\n"

SPIKES = {  # two synchronous spikes are followed, the third ends the run: every error contains those before it
    "through spikes": """
        problem = fl.discretize(fl.NoisyLIF(b=0.5, a0=0.05, current=6.0), tol=1e-3)
        start, settings = fl.Gaussian(1.0, 0.01, boundary_layer=0.3), {"t_end": 0.6, "rtol": 1e-3}
        settings["after_blow_up"] = fl.Continue(max_events=2)
    """,
}


def make(case):
    scope = {"__name__": "__main__"}  # as in a script
    exec(compile(IMPORTS + textwrap.dedent({**CASES, **SPIKES}[case]), "script.py", "exec", dont_inherit=True), scope)
    return scope["problem"], scope["start"], scope["settings"]


class Stop(BaseException):
    """As a keyboard interrupt: passes through everything."""


def stopped(case, folder, steps):
    """The run, interrupted after some steps."""

    def interrupt(trajectory):
        if trajectory.statistics["steps"] == steps:
            raise Stop

    problem, start, settings = make(case)
    with pytest.raises(Stop):
        fl.evolve(problem, start, folder=folder, observers=[interrupt], snapshots=7, **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of the uninterrupted run of a case, made once."""
    known = {}

    def of(case):
        if case not in known:
            known[case] = tmp_path_factory.mktemp("whole") / "run"
            problem, start, settings = make(case)
            fl.evolve(problem, start, folder=known[case], snapshots=7, **settings)
        return known[case]

    return of


def require_the_same(found, expected, fields=True):
    assert (found / "series.csv").read_bytes() == (expected / "series.csv").read_bytes()
    one, other = fl.load_run(found), fl.load_run(expected)
    assert np.array_equal(one.final.y, other.final.y)
    assert one.outcome == other.outcome
    assert one.blow_up == other.blow_up
    t = np.linspace(one.times[0], one.times[-1], 17)
    assert np.array_equal(one.sample("N", t), other.sample("N", t))
    names = sorted(p.name for p in (expected / "fields").iterdir())
    assert sorted(p.name for p in (found / "fields").iterdir()) == names
    for name in names if fields else ():
        assert (found / "fields" / name).read_bytes() == (expected / "fields" / name).read_bytes()
    assert one.drift == other.drift
    assert one.trajectory.rounding == other.trajectory.rounding > 0 or not fields
    assert one.statistics["steps"] == other.statistics["steps"]
    described = [{k: v for k, v in vars(event).items() if k != "state"} for event in one.events]
    assert described == [{k: v for k, v in vars(event).items() if k != "state"} for event in other.events]


@pytest.mark.parametrize("case", CASES)
def test_a_process_killed_in_the_middle_leaves_a_run_that_goes_on_to_the_same_bytes(case, tmp_path, whole):
    """kill -9 while it writes; steps slowed down so that it happens in the middle."""
    folder = tmp_path / "run"
    code = IMPORTS + textwrap.dedent(CASES[case])
    code += f"slow = lambda trajectory: time.sleep(0.005)\nfolder = {str(folder)!r}\n"
    code += "fl.evolve(problem, start, folder=folder, observers=[slow], snapshots=7, **settings)\n"
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script)])
    series, late = folder / "series.csv", time.monotonic() + 60
    try:
        while time.monotonic() < late and process.poll() is None:
            if series.exists() and series.read_bytes().count(b"\n") > 60:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert json.loads((folder / "run.json").read_text())["outcome"] is None
    model = make(case)[0].model  # its function is not stored
    partial = fl.load_run(folder, model)
    assert partial.outcome.name == "running"
    assert partial.times[-1] < fl.load_run(whole(case)).times[-1]
    resumed = fl.resume(folder, model=model)
    assert resumed.outcome.name in ("finished", "blow_up")
    require_the_same(folder, whole(case))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("steps", [1, 47])
def test_a_run_stopped_at_any_step_goes_on_to_the_same_bytes(case, steps, tmp_path, whole):
    stopped(case, tmp_path / "run", steps)
    fl.resume(tmp_path / "run")
    require_the_same(tmp_path / "run", whole(case))


@pytest.mark.parametrize("steps", [40, 130, 200])
def test_errors_of_spikes_count_what_came_before_a_resume(steps, tmp_path, whole):
    """Stopped on the way to the first spike, to the second, and to the blow-up that ends the run."""
    stopped("through spikes", tmp_path / "run", steps)
    run = fl.resume(tmp_path / "run")
    assert run.outcome.name == "blow_up"
    assert 0 < run.events[0].error < run.events[1].error < run.blow_up.error
    # after a spike fields between steps may differ in the last bit, as sums over other pieces of memory do
    require_the_same(tmp_path / "run", whole("through spikes"), fields=False)


def test_a_run_stopped_twice_and_resumed_by_evolve_is_the_same_too(tmp_path, whole):
    case, folder = "remeshing to blow-up", tmp_path / "run"
    stopped(case, folder, 250)
    problem, start, settings = make(case)
    calls = []

    def interrupt(trajectory):
        calls.append(trajectory.t)
        if len(calls) == 210:  # after the checkpoint at step 400 of 417 steps
            raise Stop

    with pytest.raises(Stop):
        fl.evolve(problem, start, folder=folder, observers=[interrupt], resume=True, **settings)
    fl.evolve(problem, start, folder=folder, resume=True, **settings)
    require_the_same(folder, whole(case))


@pytest.mark.parametrize("case", ["remeshing to blow-up", "a function of the user, Newton"])
def test_a_fresh_process_goes_on_with_the_folder_and_the_functions_of_the_user(case, tmp_path, whole):
    folder = tmp_path / "run"
    stopped(case, folder, 80)
    code = IMPORTS
    if "function" in case:
        code += textwrap.dedent(CASES[case]) + f"fl.resume({str(folder)!r}, model=problem.model)\n"
    else:
        code += f"fl.resume({str(folder)!r})\n"
    subprocess.run([sys.executable, "-c", code], check=True)
    require_the_same(folder, whole(case))


def test_a_finished_run_is_left_alone(whole):
    folder = whole("a function of the user, Newton")
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert fl.resume(folder).outcome.name == "finished"
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir()} == before


def test_a_finished_run_is_prolonged_on_demand(tmp_path):
    problem = fl.discretize(fl.NoisyLIF(b=0.5))
    fl.evolve(problem, fl.Gaussian(), t_end=1.0, folder=tmp_path / "run")
    longer = fl.resume(tmp_path / "run", t_end=2.0)
    assert longer.times[0] == 0.0
    assert longer.times[-1] == 2.0
    assert longer.outcome.name == "finished"
    at_once = fl.evolve(problem, fl.Gaussian(), t_end=2.0)
    assert longer.final.N == pytest.approx(at_once.final.N, rel=1e-6)  # other steps, same tolerance
    assert longer.moment_defect < 1e-4


def test_events_go_on_being_watched(tmp_path):
    problem = fl.discretize(fl.NoisyLIF(b=0.5))
    loud = fl.Event("loud", lambda state: state.N - 0.1, direction=1, terminal=False)
    ends = fl.Event("ends", lambda state: state.N - 0.137, direction=1)

    def interrupt(trajectory):
        if trajectory.t > 0.6:
            raise Stop

    with pytest.raises(Stop):
        fl.evolve(
            problem, fl.Gaussian(), t_end=9.0, events=[loud, ends], folder=tmp_path / "run", observers=[interrupt]
        )
    with pytest.raises(ValueError, match=r"events = \[\]; this run watches \['loud', 'ends'\]: give the same"):
        fl.resume(tmp_path / "run")
    resumed = fl.resume(tmp_path / "run", events=[loud, ends])
    at_once = fl.evolve(problem, fl.Gaussian(), t_end=9.0, events=[loud, ends])
    assert resumed.outcome.name == at_once.outcome.name == "ends"
    assert [(e.name, e.time) for e in resumed.events] == [(e.name, e.time) for e in at_once.events]


def test_what_cannot_be_gone_on_with_is_said(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        fl.resume(tmp_path / "nowhere")
    case, folder = "a function of the user, Newton", tmp_path / "run"
    stopped(case, folder, 250)
    with pytest.raises(ValueError, match=r"t_end = 0.0; allowed is a time after t = \d"):
        fl.resume(folder, t_end=0.0)
    (folder / "final.npz").unlink()
    with pytest.raises(ValueError, match="final.npz is missing"):
        fl.resume(folder)
