"""Recorded inputs: followed by splines, with fewer steps than samples, as accurately as said."""

from __future__ import annotations

import pickle
import warnings
from functools import cache

import numpy as np
import pytest

import felif as fl
from felif.particles.drive import mean_current

END, COUNT = 0.4, 2001
TIMES = np.linspace(0.0, END, COUNT)


def noise(time_constant):
    """Samples of an Ornstein-Uhlenbeck process with unit variance."""
    rng = np.random.default_rng(5)
    kept = np.exp(-TIMES[1] / time_constant)
    x = np.zeros(COUNT)
    for k, step in enumerate(rng.normal(size=COUNT - 1) * np.sqrt(1 - kept**2)):
        x[k + 1] = kept * x[k] + step
    return x


VALUES = {
    "smooth": 0.5 + 0.8 * np.sin(9 * TIMES),
    "kinked": np.abs((7 * TIMES) % 2 - 1),
    "pulse": np.where((TIMES > 0.1995) & (TIMES < 0.2015), 3.0, 0.0),
    "noise": noise(0.1),
}


class Everything:
    """The samples themselves, with steps that land on every one of them."""

    breakpoints = tuple(TIMES.tolist())
    kinks = frozenset(breakpoints)

    def __init__(self, values):
        self.values = values.tolist()

    def __call__(self, t):
        place = t / TIMES[1]
        k = min(int(place), COUNT - 2)
        return self.values[k] + (place - k) * (self.values[k + 1] - self.values[k])


def driven(current, rtol=1e-6):
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=current), tol=1e-7)
    return fl.evolve(problem, fl.Gaussian(0.5, 0.25), t_end=END, rtol=rtol)


@cache
def reference(name):
    return driven(Everything(VALUES[name]))


# steps at most; |N/N_reference - 1| at a time, and of means over a quarter of the run, at most
@pytest.mark.parametrize(
    ("name", "tol", "steps", "error", "mean_error"),
    [
        ("smooth", 1e-6, 70, 1.5e-6, 3e-7),
        ("kinked", 1e-6, 140, 1e-6, 1.5e-7),
        ("pulse", 1e-6, 210, 5e-6, 1e-7),
        ("noise", 1e-3, 450, 6e-3, 2e-5),
        ("noise", 1e-2, 140, 5e-2, 2e-3),
    ],
)
def test_a_run_needs_fewer_steps_than_samples_and_is_as_accurate_as_said(name, tol, steps, error, mean_error):
    values, expected = VALUES[name], reference(name)
    recorded = fl.Sampled(TIMES, values, tol=tol)
    assert recorded.error <= tol
    run = driven(recorded)
    t = np.linspace(0.1, END, 301)
    off = run.sample("N", t) / expected.sample("N", t) - 1
    assert run.statistics["steps"] <= steps < COUNT / 4
    assert np.abs(off).max() <= error
    assert np.abs(off).max() <= 1.2 * recorded.error * np.ptp(values) + 1e-6  # the bound that `error` is
    fine = np.linspace(0.1, END, 3001)
    means, exact = (one.sample("N", fine[:-1]).reshape(3, 1000).mean(axis=1) for one in (run, expected))
    assert np.abs(means / exact - 1).max() <= mean_error


def test_noise_is_followed_as_far_as_the_knots_allow_and_says_what_is_left():
    recorded = fl.Sampled(TIMES, VALUES["noise"], knots=64)
    with pytest.warns(UserWarning, match=r"Sampled: of 2001 samples, \d+ intervals leave out what may change a rate"):
        assert recorded.error > 1e-3
    assert len(recorded.breakpoints) < 80


def test_a_hundred_thousand_samples_of_noise_take_a_step_for_many_of_them():
    rng = np.random.default_rng(2)
    recorded = fl.Sampled(np.linspace(0.0, 10.0, 100_001), rng.normal(size=100_001), tol=1e-2)
    run = fl.evolve(fl.discretize(fl.NoisyLIF(current=recorded), tol=1e-4), fl.Gaussian(), t_end=10.0, rtol=1e-3)
    assert run.outcome.name == "finished"
    assert run.statistics["steps"] < 1000  # 460 measured
    assert run.drift["mass"] < 1e-12


def test_what_is_left_is_orthogonal_to_what_is_followed():
    """By the exact integral of the recording: int (u - u*) phi = 0 for splines phi, of which constants are one."""
    recorded = fl.Sampled(TIMES, VALUES["noise"], tol=1e-2)
    ends = np.array([0.0, *recorded.breakpoints, END])
    points, weights = np.polynomial.legendre.leggauss(4)
    half = 0.5 * np.diff(ends)
    t = (ends[:-1] + half)[:, None] + half[:, None] * points
    followed = np.array([recorded(s) for s in t.ravel().tolist()]).reshape(t.shape)
    total = float((half[:, None] * weights * followed).sum())
    assert total == pytest.approx(END * recorded.mean(0.0, END), abs=1e-12)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_the_mean_is_the_exact_integral(kind):
    t = np.array([0.0, 0.3, 1.0, 1.2, 2.0])
    recorded = fl.Sampled(t, np.sin(t), kind=kind)
    s = np.linspace(0.1, 1.7, 200_001)
    assert recorded.mean(0.1, 1.7) == pytest.approx(np.trapezoid(recorded.between(s), s) / 1.6, abs=1e-9)
    assert mean_current(recorded, 0.1, 1.7) == recorded.mean(0.1, 1.7)


def test_a_cubic_through_few_samples_is_followed_to_tol():
    """A sine through 41 samples: lines are off by 3e-4. tol bounds d by way of its integral, not d itself."""
    t = np.linspace(0.0, 2.0, 41)
    recorded = fl.Sampled(t, np.sin(t), kind="cubic")
    s = np.linspace(0.5, 1.5, 997)  # away from the ends, where a natural spline is of order 2
    assert np.abs([recorded(x) - np.sin(x) for x in s.tolist()]).max() < 1e-5


@pytest.mark.parametrize("count", [3, 5, 201])
def test_a_symmetric_recording_of_few_samples_is_followed_too(count):
    """int d vanishes at every sample of a triangle of three: what counts is what it is in between."""
    t = np.linspace(0.0, 2.0, count)
    recorded = fl.Sampled(t, 1 - np.abs(t - 1))
    s = np.linspace(0.0, 0.9, 91)
    assert recorded.error < 1e-6
    assert np.abs([recorded(x) - x for x in s.tolist()]).max() < 1e-5


def test_a_constant_recording_is_the_constant():
    recorded = fl.Sampled([0.0, 1.0, 3.0], [0.7, 0.7, 0.7])
    assert recorded(2.2) == pytest.approx(0.7, abs=1e-15)
    assert recorded.breakpoints == ()


@pytest.mark.parametrize(
    ("times", "values", "options", "said"),
    [
        ([0.0, 2.0, 1.0], [0.0, 0.0, 0.0], {}, r"times\[1\] = .*2.0.* is followed by times\[2\]"),
        ([0.0, 1.0, 1.0], [0.0, 0.0, 0.0], {}, "allowed are increasing times"),
        ([0.0, 1.0], [0.0, np.nan], {}, r"values\[1\] = nan; allowed are finite numbers"),
        ([0.0, 1.0], [0.0, 1.0, 2.0], {}, "3 values for 2 times"),
        ([0.0], [1.0], {}, "allowed are at least two samples"),
        ([[0.0, 1.0]], [0.0, 1.0], {}, r"times has shape \(1, 2\)"),
        (["a", "b"], [0.0, 1.0], {}, "times = .*; allowed is a row of finite numbers"),
        ([0.0, 1.0], [0.0, 1.0], {"kind": "quadratic"}, "kind = 'quadratic'; allowed is one of 'linear', 'cubic'"),
        ([0.0, 1.0], [0.0, 1.0], {"tol": 0.0}, "tol = 0.0; allowed is a number > 0"),
        ([0.0, 1.0], [0.0, 1.0], {"knots": 2}, "knots = 2; allowed is a whole number from 8"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(times, values, options, said):
    with pytest.raises(ValueError, match=said):
        fl.Sampled(times, values, **options)


def test_a_recording_that_ends_before_the_run_is_refused_before_any_work():
    recorded = fl.Sampled([0.0, 1.0], [0.0, 1.0])
    problem = fl.discretize(fl.NoisyLIF(current=recorded))
    with pytest.raises(ValueError, match="is known from t = 0 to 1; allowed are times within, not 0 to 2"):
        fl.evolve(problem, fl.Gaussian(), t_end=2.0)
    with pytest.raises(ValueError, match="is known from t = 0 to 1"):
        fl.simulate_particles(fl.NoisyLIF(current=recorded), start=fl.Gaussian(), t_end=2.0, neurons=10, seed=1)
    with pytest.raises(ValueError, match="t = 1.5; the recording lasts from 0 to 1"):
        recorded(1.5)


def test_csv_and_npy_files_are_read(tmp_path):
    t, u = np.linspace(0.0, 1.0, 11), np.linspace(0.0, 1.0, 11) ** 2
    table = np.column_stack([20 * t, u])
    np.save(tmp_path / "recorded.npy", table)
    np.savetxt(tmp_path / "recorded.csv", table, delimiter=",", header="ms,mV", comments="")
    np.savetxt(tmp_path / "recorded.txt", table)
    expected = fl.Sampled(t, u)
    for name in ("recorded.npy", "recorded.csv", "recorded.txt"):
        read = fl.Sampled.read(tmp_path / name, time_unit=1 / 20)
        np.testing.assert_allclose(read.times, expected.times, rtol=1e-15)
        np.testing.assert_array_equal(read.values, expected.values)
    (tmp_path / "bad.csv").write_text("0,1\n1\n")
    with pytest.raises(ValueError, match=r"bad.csv: .*; allowed are two columns of numbers"):
        fl.Sampled.read(tmp_path / "bad.csv")


def test_recordings_are_equal_by_their_samples_hashable_and_pickled():
    one, same, other = (fl.Sampled([0.0, 1.0, 2.0], [0.0, 1.0, x]) for x in (0.0, 0.0, 0.5))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert fl.NoisyLIF(current=one) == fl.NoisyLIF(current=same)
    back = pickle.loads(pickle.dumps(one))
    assert back == one
    assert back(0.7) == one(0.7)


def test_a_run_with_a_recording_is_stored_and_goes_on_as_if_it_had_not_been_interrupted(tmp_path):
    recorded = fl.Sampled(TIMES, VALUES["smooth"])
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=recorded), tol=1e-5)
    whole = fl.evolve(problem, fl.Gaussian(), t_end=END)
    fl.evolve(problem, fl.Gaussian(), t_end=END, folder=tmp_path / "run", max_steps=20, snapshots=0)
    stored = fl.load_run(tmp_path / "run")
    assert stored.model.current == recorded
    run = fl.resume(tmp_path / "run", max_steps=10_000)
    assert run.final.N == whole.final.N
    other = fl.discretize(fl.NoisyLIF(b=0.5, current=fl.Sampled(TIMES, VALUES["kinked"])), tol=1e-5)
    with pytest.raises(ValueError, match="current"):
        fl.evolve(other, fl.Gaussian(), t_end=END, folder=tmp_path / "run", resume=True)


MODELS = [
    lambda u: fl.RefractoryLIF(current=u),
    lambda u: fl.RandomThresholdLIF(current=u),
    lambda u: fl.NoisyLIF(b=-1.0, delay=0.1, current=u),
    lambda u: fl.NoisyLIF(dead_time=0.1, current=u),
    lambda u: fl.ExcitatoryInhibitoryLIF(current_E=u),
    lambda u: fl.WilsonCowan(k=[[1.0, -2.0], [1.0, 0.0]], s=[u, 0.3]),
]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_that_takes_a_function_of_time_takes_a_recording(model):
    """Against the function that was recorded, to what lines between samples leave: h^2 u''/8 = 2e-6."""
    t = np.linspace(0.0, 0.3, 301)
    wave = lambda t: 0.5 + 0.4 * np.sin(6 * t)
    start = {"N": 0.1, "w": 0.0} if isinstance(model(0.0), fl.WilsonCowan) else fl.Gaussian(0.5, 0.25)
    rates = []
    for current in (fl.Sampled(t, wave(t)), wave):
        problem = fl.discretize(model(current), tol=1e-5)
        run = fl.evolve(problem, start, t_end=0.3, rtol=1e-5)
        rates.append(run.sample(problem.scalar_names[0], np.linspace(0.05, 0.3, 11)))
    np.testing.assert_allclose(*rates, rtol=3e-5, atol=1e-7)


def test_simulated_neurons_hear_a_recording():
    """Spikes of noiseless neurons: those of a closed form for a constant current that is recorded."""
    recorded = fl.Sampled([0.0, 1.0, 5.0], [3.0, 3.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fl.spike_times(fl.NoisyLIF(current=recorded), t_end=5.0)
    np.testing.assert_allclose(found, fl.spike_times(fl.NoisyLIF(current=3.0), t_end=5.0), rtol=1e-12)
    heard, told = (
        fl.simulate_particles(fl.NoisyLIF(current=u), start=fl.Gaussian(), t_end=1.0, neurons=500, seed=3).series["N"]
        for u in (recorded, 3.0)
    )
    np.testing.assert_allclose(heard, told, rtol=1e-9)
