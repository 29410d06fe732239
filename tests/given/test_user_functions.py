"""Functions of a user: what they raise is seen, what they return is checked, pulses are found."""

from __future__ import annotations

import math
import traceback

import numpy as np
import pytest
from own_models import Own
from randomised import seeds

import felif as fl
from felif.given.inputs import landings

START = fl.Gaussian(0.0, 0.25)
BOX = lambda t: 50 if 1 < t < 1.01 else 0


def driven(current, t_end=2.0, tol=1e-6, **settings):
    return fl.evolve(fl.discretize(fl.NoisyLIF(current=current), tol=tol), START, t_end, progress=False, **settings)


# pulses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [fl.Rodas5P(), fl.ESDIRK43(), fl.TRBDF2()], ids=repr)
def test_a_pulse_that_steps_would_not_see_is_found(scheme):
    run = driven(BOX, scheme=scheme)
    stated = driven(fl.Piecewise((1.0, 1.01), (0.0, 50.0, 0.0)), scheme=scheme)
    assert run.sample("N", 1.02) == pytest.approx(0.704, abs=5e-4)  # found independently; .125 without the pulse
    assert run.sample("N", 1.02) == pytest.approx(stated.sample("N", 1.02), rel=1e-12)
    assert {1.0, 1.01} <= set(run.times)


@pytest.mark.parametrize(
    ("current", "t_end"),
    [
        (lambda t: 30.0 if 3.0 <= t < 3.003 else 0.0, 6.0),  # as short as is promised
        (lambda t: 5.0 * (t > 1.7), 3.0),
        (lambda t: 40.0 * math.exp(-(((t - 1.3) / 0.004) ** 2)), 3.0),
        (lambda t: 60.0 * max(0.0, 1 - abs(t - 1.1) / 0.01), 3.0),
        (lambda t: math.sin(t) + (20.0 if 2.0 < t < 2.02 else 0.0), 3.0),
        (lambda t: 2.0 * math.sin(300.0 * (t - 2.0)) if t > 2.0 else 0.0, 2.2),
        (lambda t: 8.0 * (int(20 * t) % 2), 0.4),
        (lambda t: 50.0 * (t - 1.5) if t > 1.5 else 0.0, 2.0),
    ],
    ids=["shortest", "step", "bell", "triangle", "on a sine", "burst", "square wave", "ramp"],
)
def test_runs_at_two_tolerances_agree_and_the_bar_holds_the_difference(current, t_end):
    run, better = driven(current, t_end, tol=1e-5), driven(current, t_end, tol=1e-7, rtol=1e-8, max_step=t_end / 300)
    times = np.linspace(0.3, t_end, 7)
    difference = np.abs(run.sample("N", times) - better.sample("N", times))
    assert np.all(difference <= 1e-5 * (1 + better.sample("N", times)))
    assert np.all(difference <= 2.0 * run.error("N", times) + 1e-8)


def test_a_pulse_too_short_for_a_run_is_in_its_error_bar():
    """1/5000 of the run: here between two of its samples, but not of the four times as many of the companion."""
    width, t_end = 4e-4, 2.0
    starts = (0.9 + 2e-4 * k for k in range(200))
    missed = next(t for t in starts if not landings("I", lambda x, t=t: float(t < x < t + width), 0.0, t_end))
    run = driven(lambda t: 800.0 if missed < t < missed + width else 0.0, t_end)
    stated = driven(fl.Piecewise((missed, missed + width), (0.0, 800.0, 0.0)), t_end)
    at = missed + 0.02
    difference = abs(run.sample("N", at) - stated.sample("N", at))
    assert difference > 0.1
    assert 1.0 <= run.error("N", at) / difference <= 1.2  # the bar is 1.15 times what the companion sees


@pytest.mark.parametrize("seed", seeds(20))
def test_boxes_longer_than_what_is_promised_are_found_to_the_last_digit(seed):
    rng = np.random.default_rng(seed)
    t_end = float(10 ** rng.uniform(-2, 4))
    width = t_end / 2048 * float(rng.uniform(1.0, 20.0))
    a = float(rng.uniform(0.0, t_end - width))
    height, base = rng.normal(size=2) * 10.0 ** rng.uniform(-3, 3, 2)
    function = lambda t: float(base * math.cos(t / t_end)) + (float(height) if a < t < a + width else 0.0)
    if abs(height) < 0.05 * abs(base):
        height = base
    found = landings("current", function, 0.0, t_end)
    for edge in (a, a + width):
        assert min(abs(t - edge) for t in found) <= 4 * np.spacing(t_end)


@pytest.mark.parametrize(
    "function",
    [math.sin, lambda t: 1.5, lambda t: t, lambda t: math.sin(50 * t), lambda t: math.sin(t) + 0.1 * math.sin(31 * t)],
)
def test_smooth_currents_cost_no_landings(function):
    assert len(landings("current", function, 0.0, 10.0)) <= 10


@pytest.mark.parametrize("named", [0.4, math.nextafter(0.4, 0.0), math.nextafter(0.4, 1.0), 0.4 + 1e-11])
def test_a_jump_that_is_named_and_found_is_one(named):
    """A breakpoint beside the jump by one digit ended the run as step_underflow ... division by zero."""
    both = []
    for current, known in (
        (lambda t: 2.5 - 6.0 * (0.3 < t < 0.4), [named]),
        (fl.Piecewise((0.3, 0.4), (2.5, -3.5, 2.5)), []),
    ):
        problem = fl.discretize(fl.RefractoryLIF(b=-1.4, tau=0.3, current=current), tol=1e-4)
        both.append(fl.evolve(problem, fl.Gaussian(0.0, 0.1), 0.5, rtol=1e-6, breakpoints=known, progress=False))
    assert both[0].outcome.name == "finished"
    assert both[0].final.N == pytest.approx(both[1].final.N, rel=1e-6)


def test_particles_and_spike_times_see_pulses_too():
    """Without noise V = 50 (1 - e^-s) during the pulse from V = 0: 2 at s = log(50/48); then once more from V_R = 1."""
    pulse = lambda t: 50.0 if 1.0 < t < 1.07 else 0.0
    neuron = fl.NoisyLIF(current=pulse)
    spikes = fl.spike_times(neuron, 20.0, start=0.0)
    assert spikes[0] == pytest.approx(1.0 + math.log(50 / 48), rel=1e-12)
    assert spikes[1] == pytest.approx(spikes[0] + math.log(49 / 48), rel=1e-12)
    counts = [
        fl.simulate_particles(
            fl.NoisyLIF(current=current), neurons=500, t_end=4.0, dt=0.25, start=START, seed=3, bins=1, progress=False
        ).series["N"][0]
        for current in (lambda t: 2000.0 if 1.1 < t < 1.105 else 0.0, fl.Piecewise((1.1, 1.105), (0.0, 2000.0, 0.0)))
    ]
    assert counts[0] == counts[1] > 0.4


# what a function raises ------------------------------------------------------------------------------------------


class Mine(Exception):
    """Of a user."""


def raising(error, after=-1.0):
    def function(t, *_):
        if t > after:
            raise error
        return 0.0

    return function


def seen(error, call):
    """The user's own exception comes, with the user's function in its traceback."""
    with pytest.raises(type(error)) as caught:
        call()
    assert caught.value is error
    assert "function" in {frame.name for frame in traceback.extract_tb(caught.value.__traceback__)}


PROBLEM = fl.discretize(fl.NoisyLIF(), tol=1e-3)


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyError("mine"), Mine("mine"), OverflowError("mine")])
@pytest.mark.parametrize(
    "call",
    [
        lambda f: driven(lambda t: f(t - 1.0)),
        lambda f: driven(f),
        lambda f: fl.evolve(PROBLEM, START, 1.0, events=[fl.Event("e", lambda s: f(s.t))]),
        lambda f: fl.evolve(PROBLEM, START, 1.0, observers=[lambda trajectory: f(0.0)]),
        lambda f: fl.evolve(PROBLEM, lambda v: f(0.0), 1.0),
        lambda f: fl.discretize(fl.NoisyLIF(drift=lambda v: f(0.0))),
        lambda f: fl.evolve(fl.discretize(fl.NoisyLIF(b=-1.0, delay=0.1), tol=1e-3), START, 1.0, history=f),
        lambda f: fl.LearningLIF(eps=0.1, K=0.0, sigma=f, current=1.0),
        lambda f: fl.LearningLIF(eps=0.1, K=lambda w: f(0.0), sigma=lambda x: x, current=1.0),
        lambda f: fl.discretize(Own(drive=lambda s, m: f(0.0))),
        lambda f: fl.first_passage(fl.NoisyLIF(current=lambda t: f(t - 0.5)), t_end=1.0),
        lambda f: fl.simulate_particles(
            fl.NoisyLIF(current=lambda t: f(t - 0.5)), neurons=5, t_end=1.0, start=START, seed=1, progress=False
        ),
        lambda f: fl.spike_times(fl.NoisyLIF(current=lambda t: f(t - 0.5)), 1.0),
    ],
)
def test_what_a_function_raises_reaches_the_user(error, call):
    seen(error, lambda: call(raising(error, after=0.0 if call.__code__.co_names[:1] == ("driven",) else -0.9)))


def test_a_coefficient_that_fails_in_every_step_is_not_called_step_underflow():
    """It fails where N exceeds .1, which no step can avoid."""
    error = ZeroDivisionError("mine")

    def function(s, m):
        if np.real(s.N) > 0.1 and trap:
            raise error
        return s.N + 1e-9 * s.N**2

    trap = []
    problem = fl.discretize(Own(drive=function), fl.interval(Own()))
    trap.append(True)
    seen(error, lambda: fl.evolve(problem, fl.Gaussian(-1.0, 0.2, boundary_layer=0.5), 5.0, progress=False))


def test_the_folder_of_a_run_that_raised_can_be_read(tmp_path):
    error = Mine("mine")
    observers = [lambda trajectory: raising(error, 1.0)(trajectory.last["t"])]
    with pytest.raises(Mine):
        fl.evolve(PROBLEM, START, 3.0, folder=tmp_path / "run", observers=observers, progress=False)
    read = fl.load_run(tmp_path / "run")
    assert read.outcome.name not in ("finished", "blow_up")
    assert 0.0 <= read.times[-1] < 3.0


# what a function returns -----------------------------------------------------------------------------------------

NO_NUMBERS = [math.nan, math.inf, -math.inf, 1j, np.zeros(2), np.zeros(1), None, "1"]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_current_that_is_no_number_is_named_with_its_time(value):
    with pytest.raises(ValueError, match=r"current\(1\.2\d*\) = .*; allowed is a function whose values are finite"):
        driven(lambda t: value if t > 1.2 else 0.0)
    with pytest.raises(ValueError, match=r"current\(0\.0\) = "):
        fl.discretize(fl.NoisyLIF(current=lambda t: value))


@pytest.mark.parametrize("value", [True, 1, np.float32(1.0), np.array(1.0), np.int64(1)], ids=repr)
def test_whatever_is_a_number_is_taken(value):
    one, other = (driven(current, t_end=0.3, tol=1e-3) for current in (lambda t: value, 1.0))
    assert one.final.N == pytest.approx(other.final.N, rel=1e-6)


@pytest.mark.parametrize("value", [math.nan, None, "1", 1j, np.zeros(2), True, np.bool_(False)], ids=repr)
def test_an_event_that_is_no_number_is_named_with_its_time(value):
    event = fl.Event("odd", lambda state: value if state.t > 0.5 else -1.0)
    with pytest.raises(ValueError, match=r"event 'odd' is .* at t = 0\.[5-9]\d*; allowed is a number"):
        fl.evolve(PROBLEM, START, 1.0, events=[event], max_step=0.2, progress=False)


def test_a_history_that_is_no_number_is_named():
    problem = fl.discretize(fl.NoisyLIF(b=-1.0, delay=0.1), tol=1e-3)
    with pytest.raises(ValueError, match=r"history of N\(-0\.1\) = nan"):
        fl.evolve(problem, START, 1.0, history=lambda t: math.nan, progress=False)


PAST = {
    "negative": (lambda t: -1.0, r"history of N\(-0\.1\) = -1\.0; allowed are rates >= 0"),
    "negative number": (-0.5, r"history of N\(-0\.1\) = -0\.5; allowed are rates >= 0"),
    "negative for a while": (
        lambda t: -1.0 if -0.07 < t < -0.03 else 1.0,
        r"history of N\(-0\.0\d*\) = -1\.0; allowed",
    ),
    "negative at the end": (lambda t: t * (t > -1e-3) - 1e-9, r"history of N\(-?0\.\d+\) = -1e-09; allowed are rates"),
    "infinite": (lambda t: math.inf, r"history of N\(-0\.\d+\) = inf; allowed"),
    "complex": (lambda t: 1j, r"history of N\(-0\.\d+\) = 1j; allowed"),
    "array": (lambda t: np.ones(2), r"history of N\(-0\.\d+\) = array"),
    "truth value": (True, "history of N = True; allowed are a number"),
    "another name": ({"M": 1.0}, r"history names \['M'\]; delayed are \['N'\]"),
    "text in a mapping": ({"N": "1"}, "history of N = '1'; allowed are a number"),
}


@pytest.mark.parametrize("given", PAST)
@pytest.mark.parametrize("late", [{"b": -1.0, "delay": 0.1}, {"dead_time": 0.1}], ids=["delay", "dead time"])
def test_a_past_that_no_network_can_have_is_refused(given, late):
    history, message = PAST[given]
    with pytest.raises(ValueError, match=message):
        fl.evolve(fl.discretize(fl.NoisyLIF(**late), tol=1e-3), START, 0.3, history=history, progress=False)


def test_the_past_of_several_populations_is_checked_by_name():
    problem = fl.discretize(fl.ExcitatoryInhibitoryLIF(b_EI=0.3, delay=0.1), tol=1e-2)
    for history, message in (
        ({"N_E": -1}, r"history of N_E\(-0\.1\) = -1\.0"),
        ({"N": 1.0}, r"names \['N'\]; delayed"),
    ):
        with pytest.raises(ValueError, match=message):
            fl.evolve(problem, START, 0.2, history=history, progress=False)


DENSITIES = {
    "complex": (lambda v: (1 + 1j) * np.exp(-(v**2)), "the density n returns complex numbers"),
    "too short": (lambda v: np.exp(-(v[:-1] ** 2)), "the density n returns shape .* at an array v of shape"),
    "a column": (lambda v: np.exp(-(v[:, None] ** 2)), "the density n returns shape .* at an array v of shape"),
    "text": (lambda v: "a", "the density n is 'a' at v = "),
    "nothing": (lambda v: None, "the density n is None at v = "),
    "one complex number": (lambda v: 1j, "the density n is 1j at v = "),
    "negative": (lambda v: np.where(v < 0, -1e-3, 1.0) * np.exp(-(v**2)), "the density n is -.* at v = "),
}


@pytest.mark.parametrize("given", DENSITIES)
def test_a_start_that_is_no_density_is_refused(given):
    density, message = DENSITIES[given]
    for call in (
        lambda: fl.evolve(PROBLEM, density, 0.1, progress=False),
        lambda: fl.simulate_particles(fl.NoisyLIF(), neurons=9, t_end=0.1, start=density, seed=1, progress=False),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_density_written_for_one_number_is_taken():
    one = lambda v: math.exp(-2 * v * v) if v < 2 else 0.0
    both = [fl.evolve(PROBLEM, start, 0.2, progress=False).final.N for start in (one, START)]
    assert both[0] == pytest.approx(both[1], rel=1e-5)


def test_a_drift_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="Term 'drift': its form is nan at v = "):
        fl.discretize(fl.NoisyLIF(drift=lambda v: math.nan * v))
    with pytest.raises(ValueError, match="Term 'drift': its form is .*j"):
        fl.discretize(fl.NoisyLIF(drift=lambda v: 1j * v))
