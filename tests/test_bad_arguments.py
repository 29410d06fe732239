"""Odd arguments of every public callable, one or two at once: accepted, or a sentence that a user understands."""

from __future__ import annotations

import inspect
import re
import signal
from collections import Counter
from importlib.util import find_spec

import numpy as np
import pytest
import randomised
from odd_values import ODD, endless, outcome, said_of, watched
from public_calls import calls
from public_subjects import SEMIGROUP, written
from test_docstrings import NAMES, methods, parameters

import felif as fl

PER_RUN = 500  # of more than 50000 combinations, and of pairs of them; `fuzz.py` asks them all


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("calls")
        patch.chdir(folder)
        yield calls(folder)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarm clock on this system")
@pytest.mark.parametrize("at_once", [1, 2])
def test_odd_values_are_taken_or_refused_in_a_sentence(table, monkeypatch, tmp_path, at_once):
    monkeypatch.chdir(tmp_path)

    before = watched()
    rng = np.random.default_rng(randomised.first)
    try:
        wrong = Counter()
        for _ in range((randomised.fresh or PER_RUN) // at_once):
            called = list(table)[rng.integers(len(table))]
            function, arguments = table[called]
            names = rng.permutation([*arguments])[:at_once]
            odd = {str(name): ODD[rng.integers(len(ODD))]() for name in names}
            how, said = outcome(function, {**arguments, **odd})
            if how == "wrong":
                wrong[f"{called}({ {name: said_of(value) for name, value in odd.items()} }): {said:.120}"] += 1
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    assert not wrong, "\n".join(wrong)


def test_every_call_of_the_table_is_right(table):
    for name in ("evolve", "continuation", "simulate_particles", "fit", "read_intervals"):
        function, arguments = table[name]
        function(**arguments)


MADE = "Many Run ParticleRun Comparison FirstPassage Fit RateMap Response PowerSpectrum Certificate CertificateRecorder"
MADE += " Table State Outcome study.Study study.Solver physical.Neuron analysis.exact.Fold"
MADE = {*MADE.split()}  # by felif, not users
ASKED_BY_FELIF = {
    "CertificateRecorder.record",
    "Delayed.of_model",
    "Equations.axis",
    "Equations.lines",
    "Equations.unknown",
    "Event.crossed",
    "Event.value",
    "Fit.restore_ends",
    "TimeElapsed.as_unknowns",
}
ELSEWHERE = {"Term", "Equations"}  # are called by `written`
NOT_ALONE = {"d", "study.run_script"}  # within a form, at the end of a script


def test_every_argument_of_every_public_callable_is_in_the_table(table):
    asked: dict = {}
    for function, arguments in table.values():
        asked.setdefault(inspect.unwrap(getattr(function, "__func__", function)), set()).update(arguments)
    found = {name: thing for name, thing in NAMES.items() if name not in MADE | ELSEWHERE | NOT_ALONE}
    for name, thing in NAMES.items():
        if inspect.isclass(thing):
            found |= {f"{name}.{method}": function for method, function in methods(thing).items()}
    missing = {
        name: wanted
        for name, thing in found.items()
        if (wanted := parameters(thing) - asked.get(inspect.unwrap(thing), set()) - {"options"})
        and name not in ASKED_BY_FELIF
    }
    libraries = {"Run.to_xarray": "xarray", "Run.to_pyvista": "pyvista", "Table.to_parquet": "pyarrow"}
    missing = {name: wanted for name, wanted in missing.items() if find_spec(libraries.get(name, "numpy"))}
    assert missing == {"periodic_orbit": {"parameters"}}  # its keywords are those of the model; one is there


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fl.evolve(None, None, 1.0), "evolve: problem = None; allowed is what discretize returns"),
        (lambda: fl.steady_states(fl.NoisyLIF()), r"steady_states: problem = NoisyLIF\(.*; allowed is what discretize"),
        (lambda: fl.NoisyLIF(a0=2**63 * 10**300), "NoisyLIF: a0 = 1e318 or more; allowed is a positive number"),
        (lambda: fl.NoisyLIF(b=np.float64("nan")), "NoisyLIF: b = nan; allowed is a finite number"),
        (lambda: fl.Piecewise(times=1.0, values=(0.0,)), "Piecewise: times = 1.0; allowed is a row of finite numbers"),
        (lambda: fl.interval("x"), "interval: model = 'x'; allowed is a model"),
        (lambda: fl.load_run(None), "load_run: folder = None; allowed is the name of a folder"),
        (lambda: fl.Continue(N_max="x"), "Continue: N_max = 'x'; allowed is a finite number >= 10000"),
        (lambda: fl.Event("x", 3), "Event: function = 3; allowed is a function of a State"),
    ],
)
def test_messages_name_the_argument_its_value_and_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rtol": "abc"}, "rtol = 'abc'; allowed is a finite number >= 1e-14 and <= 0.5"),
        ({"events": "x"}, "events = 'x'; allowed is a row of Event"),
        ({"after_blow_up": True}, r"after_blow_up = True; allowed is Continue\(\), or None"),
        ({"fixed_step": True}, "fixed_step = True; allowed is a finite number > 0, or None"),
        ({"max_step": -np.inf}, "max_step = -inf; allowed is a number > 0"),
        ({"atol": np.inf}, "atol = inf; allowed is a finite number >= 0, or None"),
        ({"t_end": 2**63}, "t_end = 9223372036854775808; allowed is a finite number, at most 1e10 in size"),
        ({"folder": ""}, "folder = ''; allowed is the name of a folder, or None"),
        ({"snapshots": -1}, "snapshots = -1; allowed is a whole number from 0 to 10000, or a row of times"),
        ({"observers": 3}, "observers = 3; allowed is a row of functions"),
    ],
)
def test_settings_of_a_run(table, change, message):
    function, arguments = table["evolve"]
    with pytest.raises(ValueError, match=f"evolve: {message}"):
        function(**{**arguments, **change})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: written(terms=SEMIGROUP[:2]), "the equations do not determine N"),
        (
            lambda: written(into="n", of="N", coefficient=lambda s, m: None),
            "its coefficient is None; allowed is a number",
        ),
        (lambda: written(into="n", of="N", lands=lambda x: 1j), "lands returns 1j; allowed are {axis: place} and"),
        (lambda: fl.Axis("v", 0.0, 1.0, points=3), "Axis: points = 3; allowed is a mapping of names to numbers"),
        (
            lambda: fl.Axis("v", 0.0, 1.0, graded={0.5: 1.0}),
            "Axis 'v': graded = {0.5: 1.0}; allowed is a mapping of finite ends",
        ),
        (lambda: fl.Equations(3, (), ()), "Equations: axes = 3; allowed is a tuple"),
        (lambda: fl.interval(fl.WilsonCowan(k=[[0.5]])), "with v_reset and v_fire"),
        (lambda: fl.first_passage(fl.WilsonCowan(k=[[0.5]]), start=0.5), "v_reset, v_fire = [None, None]; allowed is"),
        (lambda: fl.first_passage(fl.Populations(coupling=np.eye(2), dead_time=[0.0, 0.1])), "allowed is a number, of"),
        (lambda: fl.Axis("v", 0.0, 10**400), "allowed are numbers low < high"),
        (lambda: fl.Axis("v", False, True), "allowed are numbers low < high"),
        (lambda: fl.Populations(coupling=np.ma.masked), "allowed is a finite number, or an array of them"),
        (lambda: fl.neuron_path(fl.NoisyLIF(), 5e-324), "in steps of 0; allowed are 10000000 steps"),
        (lambda: fl.simulate_particles(fl.NoisyLIF(), neurons=9, t_end=1e6, dt=0.01, start=0.0), "GB; allowed are 1.5"),
        (lambda: fl.analysis.exact_time.ThresholdAtRest(0.0, 0.3, 1e9, 1.0, 2.0, 1.0), "panels; allowed are 1000"),
        (lambda: fl.analysis.density.cut_below(fl.NoisyLIF(), 1e300, 1e-3), "N = 1e+300; allowed is a finite number"),
        (lambda: fl.as_intervals(endless()), "an iterator of more than 10000000 entries; allowed are arrays and lists"),
        (
            lambda: fl.simulate_particles(fl.NoisyLIF(), neurons=40000, networks=10**5, t_end=1.0, start=0.0),
            "at most 1e",
        ),
        (lambda: fl.response(None, None, 1.0), "response: problem = None; allowed is what discretize returns"),
        (lambda: fl.output.plot_run(3.0), "plot_run: run = 3.0; allowed is a run that evolve or load_run returned"),
        (lambda: fl.load_run("x" * 300), "allowed is the name of a folder"),
    ],
)
def test_what_was_answered_from_the_depths_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
