"""Folders answer what is asked: the run that is there, or why it is another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import seal
from small_runs import LATE, PROBLEM, contents, evolve, problem_of

import felif as fl
from felif.given.identity import differences, told
from felif.output.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("few_snapshots")

# what is asked is compared with what is there -------------------------------------------------------------------------


def factor(k):
    return lambda t: k * t


def shifted(shift):
    """A current that reads a global of its script."""
    scope = {"shift": shift}
    exec("current = lambda t: shift + t", scope)
    return scope["current"]


class Bump:
    """A density with parameters of its own."""

    def __init__(self, width):
        self.width = width

    def __call__(self, v):
        return np.exp(-((v / self.width) ** 2)) * (1.0 - v) * (v < 1)


LOUD = fl.Event("loud", lambda state: state.N - 5.0)
OTHERS = {  # (what is there, what is asked instead, what the message says)
    "b": ({}, {"problem": problem_of(b=-2.0)}, r"model\.b = -2\.0 is asked, 0\.5 is there"),
    "a0": ({}, {"problem": problem_of(a0=2.0)}, r"model\.a0 = 2\.0 is asked, 1\.0 is there"),
    "cells": ({}, {"problem": problem_of(cells=7)}, r"mesh = 7 cells .* 6 cells"),
    "space": ({}, {"problem": problem_of(space=fl.SpectralElement(3))}, r"space\.degree = 3 is asked"),
    "tol": ({"problem": problem_of(1e-4)}, {"problem": problem_of(1e-3)}, r"tol = 0\.001 is asked, 0\.0001 is there"),
    "model": ({}, {"problem": fl.discretize(fl.RefractoryLIF(b=0.5), PROBLEM.mesh)}, "RefractoryLIF"),
    "start": ({}, {"start": fl.Gaussian(-1.0, 0.5)}, r"start\.variance = 0\.5 is asked, 0\.25 is there"),
    "kind of start": ({}, {"start": fl.Uniform(-1.0, 0.5)}, r"'Uniform'"),
    "start as a function": ({"start": Bump(1.0)}, {"start": Bump(1.1)}, r"start = Bump"),
    "t_start": ({}, {"t_start": 0.1}, r"t_start = 0\.1 is asked, 0\.0 is there"),
    "earlier t_end": ({}, {"t_end": 0.1}, r"t_end = 0\.1 is asked, 0\.2 is there"),
    "rtol": ({}, {"rtol": 1e-4}, r"rtol = 0\.0001 is asked, 0\.001 is there"),
    "atol": ({}, {"atol": 1e-4}, r"atol = 0\.0001 is asked, None is there"),
    "scheme": ({}, {"scheme": fl.ESDIRK43()}, "'ESDIRK43'"),
    "N_max": ({}, {"N_max": 1e6}, r"N_max = 1000000\.0 is asked"),
    "first_step": ({}, {"first_step": 1e-3}, "first_step"),
    "max_step": ({}, {"max_step": 0.05}, r"max_step = 0\.05 is asked, inf is there"),
    "fewer steps": ({"max_steps": 900}, {"max_steps": 800}, "max_steps = 800 is asked, 900 is there"),
    "breakpoints": ({}, {"breakpoints": [0.1]}, r"breakpoints = \[0\.1\] is asked, \[\] is there"),
    "snapshots": ({}, {"snapshots": [0.1]}, r"snapshots = \[0\.1\] is asked, 2 is there"),
    "after_blow_up": ({}, {"after_blow_up": fl.Continue()}, "after_blow_up"),
    "events": ({}, {"events": [LOUD]}, "events"),
    "event function": (
        {"events": [LOUD]},
        {"events": [fl.Event("loud", lambda state: state.N - 6.0)]},
        "events",
    ),
    "history": ({"problem": LATE}, {"problem": LATE, "history": 0.1}, r"history = 0\.1 is asked, 0\.0 is there"),
    "code": (
        {"problem": problem_of(current=lambda t: 1.0 + t)},
        {"problem": problem_of(current=lambda t: 1.0 - t)},
        r"model\.current = .*code",
    ),
    "closure": ({"problem": problem_of(current=factor(1.0))}, {"problem": problem_of(current=factor(2.0))}, "current"),
    "global": ({"problem": problem_of(current=shifted(1.0))}, {"problem": problem_of(current=shifted(2.0))}, "current"),
    "default": (
        {"problem": problem_of(current=lambda t, k=1.0: k * t)},
        {"problem": problem_of(current=lambda t, k=2.0: k * t)},
        "current",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_folder_with_another_run_is_refused_and_says_what_differs(case, tmp_path):
    there, asked, message = OTHERS[case]
    evolve(folder=tmp_path / "run", **there)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        evolve(folder=tmp_path / "run", **{**there, **asked})
    assert "another folder, or overwrite=True" in str(caught.value)
    assert contents(tmp_path) == before
    assert np.array_equal(evolve(folder=tmp_path / "run", **there).times, fl.load_run(tmp_path / "run").times)
    assert contents(tmp_path) == before


def test_the_same_question_made_anew_gets_the_run_that_is_there(tmp_path):
    ask = lambda: {"problem": problem_of(current=factor(1.5)), "start": Bump(0.7)}
    first = evolve(folder=tmp_path / "run", **ask())
    before = contents(tmp_path)
    again = evolve(folder=tmp_path / "run", **ask())
    assert np.array_equal(again.final.y, first.final.y)
    assert contents(tmp_path) == before
    saved = evolve(**ask())
    saved.save(tmp_path / "saved")  # one from memory says as much
    assert np.array_equal(evolve(folder=tmp_path / "saved", **ask()).final.y, first.final.y)
    with pytest.raises(ValueError, match=r"start = Bump"):
        evolve(folder=tmp_path / "saved", **{**ask(), "start": Bump(0.8)})


def test_only_a_later_end_goes_on_to_it_and_overwrite_replaces_whatever_differs(tmp_path):
    evolve(folder=tmp_path / "run")
    longer = evolve(folder=tmp_path / "run", t_end=0.4)
    assert (longer.times[0], longer.times[-1]) == (0.0, 0.4)
    with pytest.raises(ValueError, match=r"t_end = 0\.2 is asked, 0\.4 is there"):
        evolve(folder=tmp_path / "run")
    other = evolve(problem_of(b=-2.0), folder=tmp_path / "run", overwrite=True)
    assert (other.model.b, other.times[-1]) == (-2.0, 0.2)
    assert fl.load_run(tmp_path / "run").model.b == -2.0


def test_a_run_that_made_all_its_steps_goes_on_with_more_to_the_same_digits(tmp_path):
    ask = {"rtol": 1e-7, "snapshots": 4}
    whole = evolve(folder=tmp_path / "whole", **ask)
    assert len(whole.times) > 8
    for name, more in (("some", 7), ("any", None)):
        short = evolve(folder=tmp_path / name, **ask, max_steps=4)
        assert (short.outcome.name, len(short.times)) == ("max_steps", 5)
        assert evolve(folder=tmp_path / name, **ask, max_steps=4).outcome.name == "max_steps"
        longer = evolve(folder=tmp_path / name, **ask, max_steps=more)
        assert len(longer.times) == (8 if more else len(whole.times))
    assert np.array_equal(longer.final.y, whole.final.y)
    assert fl.resume(tmp_path / "some", max_steps=10**6, progress=False).outcome.name == "finished"
    for name in ("some", "any"):
        for file in ("series.csv", "fields.pvd", "fields/0003.vtu"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_resume_wants_the_same_events_not_only_their_names(tmp_path):
    evolve(folder=tmp_path / "run", events=[LOUD])
    with pytest.raises(ValueError, match="of event 'loud' is given"):
        fl.resume(tmp_path / "run", t_end=0.3, events=[fl.Event("loud", lambda state: state.N - 6.0)])
    assert fl.resume(tmp_path / "run", t_end=0.3, events=[LOUD], progress=False).times[-1] == 0.3


def test_a_run_of_an_older_version_is_neither_gone_on_with_nor_replaced(tmp_path):
    evolve(folder=tmp_path / "run", snapshots=3)
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "asked"}))
    seal(tmp_path / "run", "run.json")
    with pytest.raises(ValueError, match="does not say what it was asked for"):
        evolve(folder=tmp_path / "run")
    (tmp_path / "run" / MANIFEST).unlink()
    before = contents(tmp_path)
    for refused in (
        lambda: evolve(folder=tmp_path / "run", overwrite=True),
        lambda: evolve(folder=tmp_path / "run", resume=False, overwrite=True),
        lambda: fl.resume(tmp_path / "run", t_end=0.3),
        lambda: fl.load_run(tmp_path / "run"),
    ):
        with pytest.raises(ValueError, match=f"older version|{MANIFEST} is missing"):
            refused()
    assert contents(tmp_path) == before


def test_functions_are_told_alike_in_every_process(tmp_path):
    source = (
        "import numpy as np\nk, names = 2.0, {'a', 'b', 'c'}\n"
        "def helper(t): return np.sin(k * t) if 'a' in {'a', 'b', 'c', 'd'} else len(names)\n"
        "class Own:\n    def current(self, t, shift=(1.0, 2)): return helper(t) + shift[0]\n"
        "def recursive(t): return recursive(t - 1) if t > 0 else helper(t)\n"
    )
    ask = "from felif.given.identity import told; import module; o = module.Own()\n"
    ask += "print(told([module.helper, o.current, module.recursive, module.Own, lambda t: o.current(t)]))"
    module = tmp_path / "module.py"

    def said(text, seed):
        module.write_text(text)
        paths = f"{tmp_path}:{Path(fl.__file__).parents[1]}"
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, "-c", ask], env=environment, check=True, capture_output=True).stdout

    first = said(source, "1")
    assert said("# moved by a line\n" + source, "2") == first
    assert said(source.replace("k, names = 2.0", "k, names = 2.5"), "1") != first
    assert said(source.replace("shift[0]", "shift[1]"), "1") != first


def test_differences_are_named_where_they_are():
    assert differences(told(fl.NoisyLIF(b=1)), told(fl.NoisyLIF(b=1.0))) == {}
    assert differences(told(fl.NoisyLIF(b=1)), told(fl.NoisyLIF(b=2))) == {"b": (1, 2)}
    array = np.linspace(0, 1, 50)
    assert told(array) == told(array.copy()) != told(np.nextafter(array, 2))
    assert told([np.inf, np.nan, 1j]) == ["inf", "nan", "1j"]
