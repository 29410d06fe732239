"""One argument of every public callable is replaced by odd values: accepted, or a sentence that a user understands."""

from __future__ import annotations

import signal
import traceback
from collections import Counter

import numpy as np
import pytest
import randomised
from public_calls import ODD, calls

import felif as fl

RAW = ("truth value of", "could not convert", "setting an array element", "shape mismatch")
SLOW = {("noiseless_blow_up", "b")}  # 20000 rounds where b > 0 is tiny
PER_RUN = 500  # of 12500 combinations; all of them with --fresh 20000


class Late(Exception):
    pass


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("calls")
        patch.chdir(folder)
        yield calls(folder)


def own_error(error: BaseException) -> bool:
    """Whether a function of the user raised it: that reaches the user as it is."""
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename.endswith("public_calls.py") or "<lambda>() takes" in str(error)


def complaint(function, arguments, name, odd) -> str:
    """What is wrong with how a callable takes an odd value; empty where nothing is."""
    signal.alarm(20)
    try:
        function(**{**arguments, name: odd})
    except (ValueError, fl.NotConverged) as error:
        raw = [word for word in RAW if word in str(error) and "allowed" not in str(error)]
        return f"{error}" if (raw and not own_error(error)) or "np.float" in str(error) else ""
    except Late:
        return "more than 20 s"
    except Exception as error:
        return "" if own_error(error) or isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarm clock on this system")
def test_odd_values_are_taken_or_refused_in_a_sentence(table, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def late(*_):
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    chosen = [(c, name, k) for c in table for name in table[c][1] for k in range(len(ODD)) if (c, name) not in SLOW]
    rng = np.random.default_rng(randomised.first)
    count = min(randomised.fresh or PER_RUN, len(chosen))
    try:
        wrong = Counter()
        for index in rng.choice(len(chosen), count, replace=False):
            called, name, k = chosen[index]
            if said := complaint(*table[called], name, ODD[k]):
                wrong[f"{called}({name}={ODD[k]!r:.40}): {said:.120}"] += 1
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not wrong, "\n".join(wrong)


def test_every_call_of_the_table_is_right(table):
    for name in ("evolve", "continuation", "simulate_particles", "fit", "read_intervals"):
        function, arguments = table[name]
        function(**arguments)


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
        ({"rtol": "abc"}, "rtol = 'abc'; allowed is a finite number > 0"),
        ({"events": "x"}, "events = 'x'; allowed is a row of Event"),
        ({"after_blow_up": True}, r"after_blow_up = True; allowed is Continue\(\), or None"),
        ({"fixed_step": True}, "fixed_step = True; allowed is a finite number > 0, or None"),
        ({"max_step": -np.inf}, "max_step = -inf; allowed is a number > 0"),
        ({"atol": np.inf}, "atol = inf; allowed is a finite number > 0, or None"),
        ({"t_end": 2**63}, "t_end = 9223372036854775808; allowed is a finite number, at most 1e10 in size"),
        ({"folder": ""}, "folder = ''; allowed is the name of a folder, or None"),
        ({"snapshots": -1}, "snapshots = -1; allowed is a whole number from 0, or a row of times"),
        ({"observers": 3}, "observers = 3; allowed is a row of functions"),
    ],
)
def test_settings_of_a_run(table, change, message):
    function, arguments = table["evolve"]
    with pytest.raises(ValueError, match=f"evolve: {message}"):
        function(**{**arguments, **change})
