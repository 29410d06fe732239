"""Parameters from interspike intervals: recovered, with honest error bars, or refused with the reason."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import erfinv

import felif as fl
from felif.fitting.intervals import as_intervals


def at_rest(count, seed, a=1.0, distance=1.0):
    """Exact intervals of a neuron with I = V_F: P(T > t) = erf(x0/sqrt(2(e^{2t}-1))), inverted."""
    u = np.random.default_rng(seed).random(count)
    return 0.5 * np.log1p(distance**2 / a / (2 * erfinv(u) ** 2))


INTERVALS = at_rest(400, seed=5)


@pytest.fixture(scope="module")
def fitted():
    return fl.fit(INTERVALS, fl.NoisyLIF(current=1.0, a0=0.5), ["current", "a0"])


def test_parameters_are_recovered(fitted):
    assert fitted.converged
    assert fitted.identifiable
    for name, true in (("current", 2.0), ("a0", 1.0)):
        assert abs(fitted.values[name] - true) < 3 * fitted.errors[name] < 0.4
        low, high = fitted.confidence(name)
        assert low < fitted.values[name] < high
    assert fitted.p_value > 0.01
    assert fitted.model.current == fitted.values["current"]
    assert fitted.passage.mean == pytest.approx(INTERVALS.mean(), rel=0.05)
    for part in ("converged", "current", "a0", "95 %", "Kolmogorov"):
        assert part in str(fitted)


def test_the_maximum_is_one_and_does_not_depend_on_the_start(fitted):
    again = fl.fit(INTERVALS, fl.NoisyLIF(current=20.0, a0=0.1), ["current", "a0"])
    assert again.values == pytest.approx(fitted.values, rel=1e-3)
    assert again.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-5)


def test_log_likelihood_is_that_of_the_closed_form():
    """At I = V_F, where the density is known."""
    from felif.analysis.exact_time import first_passage_density
    from felif.fitting.likelihood import Likelihood

    likelihood = Likelihood(INTERVALS, fl.NoisyLIF(current=2.0), ("a0",), None, 1.0)
    for a in (0.3, 1.0, 2.0):
        reference = np.log(first_passage_density(INTERVALS, 1.0, a)).sum()
        assert likelihood.total(np.log([a])) == pytest.approx(reference, abs=1e-5)


def test_error_bars_are_those_of_the_profile(fitted):
    profile = fitted.profile("current", points=5)
    assert profile.log_likelihood.max() <= fitted.log_likelihood + 1e-6
    width = np.subtract(*fitted.confidence("current")[::-1])
    assert profile.interval() == pytest.approx(fitted.confidence("current"), abs=0.15 * width)
    near = fitted.profile("a0", values=[0.99 * fitted.values["a0"], 1.01 * fitted.values["a0"]])
    assert near.interval() == (-np.inf, np.inf)


def test_a_single_parameter_has_its_own_profile():
    one = fl.fit(INTERVALS, fl.NoisyLIF(current=1.0), "current")
    assert one.values["current"] == pytest.approx(2.0, abs=4 * one.errors["current"])
    assert one.profile("current", points=5).log_likelihood.argmax() == 2


def test_refractory_time_and_current_have_two_explanations():
    """A passage and an exponential rest may nearly be exchanged: the likelihood has two maxima.

    The larger one is not the truth's here, by .23; the intervals hold both.
    """
    rest = np.random.default_rng(1).exponential(0.4, 800)
    found = fl.fit(at_rest(800, seed=2) + rest, fl.RefractoryLIF(current=1.0, tau=0.1), ["current", "tau"])
    other = found.likelihood.total(found.likelihood.theta([2.1022, 0.44462]))
    assert found.log_likelihood - other == pytest.approx(0.226, abs=2e-3)
    for name, true, first in (("current", 2.0, 2.1022), ("tau", 0.4, 0.4446)):
        low, high = found.confidence(name)
        assert low < true < first < found.values[name] < high


def test_a_larger_likelihood_met_on_the_way_is_no_interval():
    """From the smaller of the two maxima of the test above."""
    from felif.fitting.estimates import Fit
    from felif.fitting.likelihood import Likelihood

    data = at_rest(800, seed=2) + np.random.default_rng(1).exponential(0.4, 800)
    likelihood = Likelihood(data, fl.RefractoryLIF(), ("current", "tau"), None, 1.0)
    local = Fit(likelihood, likelihood.theta([2.10222, 0.444621]), 5, "maximum")
    with pytest.raises(fl.NotConverged, match=r"larger at current = 3\.\d+, tau = 0\.9\d*: fit again from there"):
        local.confidence("tau", 0.99)


def test_intervals_are_those_of_the_closed_form():
    """At I = V_F the density is known, t the time after the dead time; own maxima and roots, by scipy."""
    from scipy.optimize import brentq, minimize_scalar

    data = at_rest(300, seed=8) + 0.2
    found = fl.fit(data, fl.NoisyLIF(current=2.0, a0=0.5, dead_time=0.1), ["a0", "dead_time"])

    def log_likelihood(a, dead):
        t = data - dead
        z = 2 * np.expm1(2 * t)
        return float(np.sum(np.log(4 / np.sqrt(np.pi * a)) + 2 * t - 1.5 * np.log(z) - 1 / (a * z)))

    def best(dead):  # d/da = 0
        return log_likelihood(2 * np.mean(1 / (2 * np.expm1(2 * (data - dead)))), dead)

    def other(a):
        bounds = (0.0, data.min() - 1e-3)
        return -minimize_scalar(lambda dead: -log_likelihood(a, dead), bounds=bounds, options={"xatol": 1e-9}).fun

    top = -minimize_scalar(lambda dead: -best(dead), bounds=(0.0, data.min() - 1e-3), options={"xatol": 1e-9}).fun
    assert found.log_likelihood == pytest.approx(top, abs=1e-5)
    for name, profile in (("a0", other), ("dead_time", best)):
        low, high = found.confidence(name)
        most = data.min() - 2e-3 if name == "dead_time" else np.inf
        for end, away in ((low, 2 * low - high), (high, min(2 * high - low, most))):
            exact = brentq(lambda x, p=profile: 2 * (top - p(x)) - 3.841459, found.values[name], away)
            assert end == pytest.approx(exact, abs=3e-3 * (high - low))
    assert found.evaluations < 150  # 114 measured


def test_unit_of_time_of_the_data():
    """Intervals in milliseconds of a neuron with a membrane time of 20 ms."""
    found = fl.fit(20 * INTERVALS, fl.NoisyLIF(current=2.0), ["membrane_time", "a0"], membrane_time=10.0)
    assert abs(found.values["membrane_time"] - 20) < 3 * found.errors["membrane_time"]
    known = fl.fit(20 * INTERVALS, fl.NoisyLIF(current=2.0), ["a0"], membrane_time=20.0)
    assert known.values["a0"] == pytest.approx(1.0, abs=4 * known.errors["a0"])


def test_intervals_have_no_end_where_the_likelihood_gives_none():
    """Slow leak, much drift: v -> scale v and time -> scale time nearly cancel, and a perfect integrator fits as well.

    The profile in membrane_time (truth 20), computed one by one: 2 (max - profile) = 5.91, 2.02, .40, .003, .06, .14,
    .12, .08, .04 at 10, 14, 20, 30, 45, 80, 150, 300, 1000.
    """
    law = fl.first_passage(fl.NoisyLIF(current=35.0, a0=62.5, v_reset=0.0, v_fire=30.0))
    guess = fl.NoisyLIF(current=30.0, a0=50.0, v_reset=0.0, v_fire=30.0)
    names = ["current", "a0", "membrane_time"]
    ridge = fl.fit(law.sample(500, seed=109) * 20, guess, names, membrane_time=20.0)
    assert ridge.converged
    assert not ridge.identifiable
    for name, lowest, truth in (("current", 26, 35.0), ("a0", 25, 62.5), ("membrane_time", 10.5, 20.0)):
        low, high = ridge.confidence(name)
        assert lowest < low < truth
        assert high == np.inf
        assert f"flat along {name}: the intervals do not bound it from above" in ridge.message
    low, _ = ridge.confidence("membrane_time")
    assert 10.5 < low < 13.0  # between 5.91 at 10 and 2.02 at 14; 3.84 is the quantile
    profile = ridge.profile("membrane_time", values=[low])
    assert 2 * (ridge.log_likelihood - profile.log_likelihood[0]) == pytest.approx(3.8415, abs=0.02)


def test_a_fit_that_has_not_converged_gives_no_interval(fitted):
    from felif.fitting.estimates import Fit

    stopped = Fit(fitted.likelihood, fitted.theta, 3, "stopped")
    assert not stopped.converged
    with pytest.raises(fl.NotConverged, match="the fit has not converged, so there is no interval"):
        stopped.confidence("a0")
    assert "95 %" not in str(stopped)
    assert "not converged" in str(stopped)


def test_intervals_that_are_long_for_a_membrane_time_are_asked_about():
    data = 20 * INTERVALS[:50]
    with pytest.warns(UserWarning, match="membrane times, which is unusual. Give membrane_time"):
        fl.fit(data, fl.NoisyLIF(current=1.5), "current")


def test_intervals_of_no_leaky_neuron_are_fitted_in_bounded_work_and_said_to_be_none():
    """A mean of 100 membrane times with a cv of .45: whoever waits so long for noise waits a random time, cv = 1."""
    data = np.random.default_rng(0).gamma(5, 20, size=300)
    found = fl.fit(data, fl.NoisyLIF(current=1.0, a0=0.5), ["current", "a0"], membrane_time=1.0)
    assert found.p_value < 1e-6
    assert "The fitted law is not that of the intervals" in found.message
    assert found.evaluations < 400


def test_a_wrong_model_is_noticed():
    assert fl.fit(np.random.default_rng(3).uniform(0.9, 1.1, 300), fl.NoisyLIF(), ["a0"]).p_value < 1e-6


@pytest.mark.parametrize(
    ("names", "fix"),
    [
        (["current", "a0", "v_reset"], 1),
        (["current", "a0", "v_reset", "v_fire"], 2),
    ],
)
def test_what_intervals_cannot_tell_apart_is_named(names, fix):
    """v -> scale v + origin changes no interval: of four numbers, two."""
    with pytest.raises(ValueError, match=rf"do not tell .*a0.*v_reset.* apart: fix {fix} of them"):
        fl.fit(INTERVALS, fl.NoisyLIF(current=0.5), names)


def test_a_neuron_that_hardly_ever_fires_tells_its_rate_only():
    """Intervals are exponential then: the fit says that it is a ridge."""
    data = np.random.default_rng(4).exponential(3000.0, 60)
    found = fl.fit(data, fl.NoisyLIF(current=-2.5), ["current", "a0"], membrane_time=1.0)
    assert not found.identifiable or found.errors["a0"] > 0.1
    assert found.passage.mean == pytest.approx(3000, rel=0.5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"shape \(0,\); allowed is a row of at least one number"),
        ([1.0, -0.5], "entry 1 is -0.5; allowed are positive numbers"),
        ([1.0, 0.0], "entry 1 is 0.0; allowed are positive numbers"),
        ([1.0, np.nan], "entry 1 is nan; allowed are finite numbers"),
        ("spikes", "allowed is an array of numbers"),
        ([True, False, True], "truth values; allowed is an array of numbers"),
        ([1.0, 2.0], "2; allowed are more than there are parameters"),
        (np.ones(20), "all 20 are 1; the less noise the better"),
        (1e-12 * INTERVALS[:20], "too far apart to begin there; allowed is a model nearer"),
    ],
)
def test_bad_intervals(data, message):
    with pytest.raises(ValueError, match=message):
        fl.fit(data, fl.NoisyLIF(), ["current", "a0"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": ["courant"]}, "NoisyLIF has no number 'courant' to fit; there are b, a0"),
        ({"parameters": []}, "allowed are different names, at least one"),
        ({"parameters": ["a0", "a0"]}, "allowed are different names, at least one"),
        ({"parameters": ["drift"]}, "has no number 'drift' to fit"),
        ({"membrane_time": -1.0}, "membrane_time = -1.0; allowed is a positive number"),
        ({"kind": "spikes"}, "kind = 'spikes'; allowed are"),
        ({"model": fl.NoisyLIF(current=lambda t: 1.0)}, "current depends on time"),
        ({"model": fl.NoisyLIF(b=0.5)}, "depends on the firing rate of the network"),
        ({"model": 3.0}, "model = 3.0; allowed is a model"),
        ({"model": fl.NoisyLIF}, "model = .*; allowed is a model"),
        ({"parameters": None}, "parameters = None; allowed are names"),
        ({"membrane_time": True}, "membrane_time = True; allowed is a finite number"),
        ({"model": fl.NoisyLIF(b=0.5), "rate": -1.0}, "rate = -1.0; allowed is None or a number >= 0"),
    ],
)
def test_bad_arguments(arguments, message):
    given = {"intervals": INTERVALS, "model": fl.NoisyLIF(), "parameters": ["current"]} | arguments
    with pytest.raises(ValueError, match=message):
        fl.fit(given.pop("intervals"), given.pop("model"), given.pop("parameters"), **given)


def test_spike_times_and_separate_recordings():
    times = np.cumsum([0.5, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(as_intervals(times, "times"), [1.0, 2.0, 4.0])
    np.testing.assert_allclose(as_intervals([times, [0.0, 3.0]], "times"), [1.0, 2.0, 4.0, 3.0])
    with pytest.raises(ValueError, match="spike 2 is not after spike 1"):
        as_intervals([0.0, 1.0, 1.0], "times")
    with pytest.raises(ValueError, match="one spike"):
        as_intervals([1.0], "times")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fitted: fitted.confidence("b"), "'b' was not fitted; fitted are current, a0"),
        (lambda fitted: fitted.confidence("a0", 95), "level = 95; allowed is a number between 0 and 1"),
        (lambda fitted: fitted.profile("a0", points=1), "points = 1; allowed is a whole number from 3"),
        (lambda fitted: fitted.profile("a0", values=[]), "allowed is a row of finite numbers"),
        (lambda fitted: fitted.profile("a0", values=[-1.0, 1.0]), "'a0' must be positive"),
    ],
)
def test_what_is_not_asked_of_a_fit(fitted, call, message):
    with pytest.raises(ValueError, match=message):
        call(fitted)


def test_a_fit_comes_back_from_its_folder(fitted, tmp_path):
    folder = fitted.save(tmp_path / "fit")
    again = fl.load_fit(folder)
    assert again.values == fitted.values
    assert again.errors == pytest.approx(fitted.errors, rel=1e-9)
    assert again.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-9)
    np.testing.assert_array_equal(again.intervals, INTERVALS)
    assert repr(again) == repr(fitted)
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert told["values"] == fitted.values
    assert told["confidence"]["a0"] == list(fitted.confidence("a0"))
    density = np.genfromtxt(folder / "density.csv", delimiter=",", names=True)
    assert np.trapezoid(density["density"], density["t"]) == pytest.approx(
        0.999, abs=5e-4
    )  # to the quantile 0.999, by trapezoids
    with pytest.raises(ValueError, match="already holds a fit"):
        fitted.save(folder)
    fitted.save(folder, overwrite=True)
    with pytest.raises(ValueError, match="holds no fit"):
        fitted.save(tmp_path)
    (folder / "intervals.csv").write_text("interval\n1.0\n", encoding="utf-8")
    with pytest.raises(ValueError, match="intervals.csv is damaged or was changed"):
        fl.load_fit(folder)


def test_picture(fitted, tmp_path):
    fitted.plot(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").stat().st_size > 10_000


def test_the_picture_says_the_unit_of_its_times():
    """Those of the model, or, with a membrane time in the unit of the data, the data's."""
    neuron, labels = fl.NoisyLIF(current=2.0), []
    for factor in (1.0, 20.0):
        found = fl.fit(factor * INTERVALS, neuron, ["current"], membrane_time=factor)
        labels.append(found.plot().axes[0].get_xlabel())
    assert labels == [f"interspike interval ({unit})" for unit in ("membrane time constants", "unit of the data")]
