"""One neuron: exact spike times without noise, paths with it."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

FINE = {"rtol": 0, "atol": 5e-14}  # rounding of times up to 20


@pytest.mark.parametrize(("I", "V_R", "V_F"), [(3.0, 1.0, 2.0), (2.001, -1.0, 2.0), (50.0, 0.0, 1.0)])
def test_a_leaky_neuron_fires_at_equal_intervals(I, V_R, V_F):
    """T = log((I - V_R)/(I - V_F))."""
    times = fl.spike_times(fl.NoisyLIF(current=I, v_reset=V_R, v_fire=V_F), 20.0)
    period = np.log((I - V_R) / (I - V_F))
    assert len(times) == int(20 / period)
    np.testing.assert_allclose(times, period * np.arange(1, len(times) + 1), rtol=1e-14)


def test_below_the_rheobase_it_never_fires():
    assert fl.spike_times(fl.NoisyLIF(current=2.0), 1e6).size == 0
    assert fl.spike_times(fl.NoisyLIF(current=lambda t: 1.9), 30.0).size == 0


def test_conductance_rest_and_a_start():
    neuron = fl.NoisyLIF(current=3.0, drift=fl.Leaky(conductance=2.0, v_rest=1.0))
    first = fl.spike_times(neuron, 1.0, start=-1.0)[0]  # V tends to 2.5
    assert first == pytest.approx(np.log(3.5 / 0.5) / 2, abs=1e-15)


def test_a_current_given_as_a_function_is_the_same_as_a_number():
    number, function = (fl.spike_times(fl.NoisyLIF(current=I), 20.0) for I in (3.0, lambda t: 3.0))
    np.testing.assert_allclose(function, number, **FINE)


def test_a_sinusoidal_current_solves_the_equation():
    """V(t) e^t = V_R e^s + int_s^t e^x (I + A sin(k x)) dx = V_F e^t at every spike."""
    I, A, k = 2.0, 1.0, 3.0
    times = fl.spike_times(fl.NoisyLIF(current=lambda t: I + A * np.sin(k * t)), 20.0)
    assert len(times) == 10

    def forced(t):  # the solution that is left when the start is forgotten
        return I + A * (np.sin(k * t) - k * np.cos(k * t)) / (1 + k * k)

    start = np.concatenate([[0.0], times[:-1]])
    v = forced(times) + (1.0 - forced(start)) * np.exp(start - times)
    np.testing.assert_allclose(v, 2.0, rtol=0, atol=1e-13)
    t = np.linspace(start, times, 400)[1:-1]
    assert np.all(forced(t) + (1.0 - forced(start)) * np.exp(start - t) < 2.0)  # no spike was missed


def test_a_current_in_steps():
    piecewise = fl.Piecewise((1.0, 2.0), (3.0, 0.0, 3.0))
    times = fl.spike_times(fl.NoisyLIF(current=piecewise), 4.0)
    v = 3 - 2 * np.exp(-(1 - np.log(2)))  # at t = 1
    np.testing.assert_allclose(times[:2], [np.log(2), 2 + np.log(3 - v / np.e)], rtol=1e-15)
    hidden = fl.spike_times(fl.NoisyLIF(current=lambda t: piecewise(t)), 4.0)  # noqa: PLW0108
    np.testing.assert_allclose(hidden, times, rtol=0, atol=1e-11)  # steps that are found, not known


def test_a_quadratic_neuron():
    """V' = 1 + V^2: arctan V = t."""
    neuron = fl.NoisyLIF(drift=fl.Quadratic(-1.0), v_reset=-2.0, v_fire=3.0)
    times = fl.spike_times(neuron, 20.0)
    np.testing.assert_allclose(times, (np.arctan(3) + np.arctan(2)) * np.arange(1, 9), **FINE)
    in_time = fl.NoisyLIF(drift=fl.Quadratic(-1.0), v_reset=-2.0, v_fire=3.0, current=lambda t: 0.0)
    np.testing.assert_allclose(fl.spike_times(in_time, 20.0), times, rtol=0, atol=1e-12)
    assert fl.spike_times(fl.NoisyLIF(drift=fl.Quadratic(4.0), v_reset=-3.0, v_fire=3.0), 20.0).size == 0


def test_little_noise_makes_the_exact_spike_times():
    neuron = fl.NoisyLIF(current=3.0, a0=1e-10)
    path = fl.neuron_path(neuron, 5.0, seed=1)
    np.testing.assert_allclose(path.spikes, fl.spike_times(neuron, 5.0), atol=1e-3)
    mean = fl.first_passage(fl.NoisyLIF(current=3.0, a0=1e-3)).mean
    assert mean == pytest.approx(np.log(2), abs=2e-3)


def test_intervals_of_simulated_neurons_have_the_density_of_the_equation():
    neuron = fl.NoisyLIF(current=2.0)
    run = fl.simulate_particles(
        neuron, neurons=200, t_end=40.0, dt=2e-3, start=np.full(200, 1.0), seed=7, record=200, progress=False
    )
    # with the first spike as an interval from V_R; the long ones that are cut off at t_end are few: 40 means
    intervals = np.concatenate([np.diff(times, prepend=0.0) for times in run.spikes])
    law = fl.first_passage(neuron)
    ranks = np.arange(1, len(intervals) + 1) / len(intervals)
    distance = np.abs(1 - law.survival(np.sort(intervals)) - ranks).max()
    assert distance < 1.95 / np.sqrt(len(intervals)) + 5e-3  # Kolmogorov's bound for p = 1e-3, and the cut
    assert intervals.mean() == pytest.approx(law.mean, rel=0.04)


def test_a_path_stays_below_the_threshold_and_repeats_itself():
    path = fl.neuron_path(fl.NoisyLIF(current=2.0), 10.0, points=200, start=0.0, seed=3)
    assert path.t.shape == path.v.shape == (201,)
    assert path.v[0] == 0.0
    assert path.v.max() < 2.0
    assert path.intervals.shape == (len(path.spikes) - 1,)
    again = fl.neuron_path(fl.NoisyLIF(current=2.0), 10.0, points=200, start=0.0, seed=3)
    assert np.array_equal(path.v, again.v)
    assert repr(path).endswith(f"201 points up to t = 10, {path.spikes.size} spikes")
    t, v = path.drawn(0.5)
    assert v.max() == 2.5
    assert np.all(np.diff(t) >= 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fl.spike_times(fl.NoisyLIF(b=0.5), 1.0), "NoisyLIF is coupled, b = 0.5; allowed is b = 0"),
        (lambda: fl.spike_times(fl.RefractoryLIF(), 1.0), "rests or fires at random times"),
        (lambda: fl.spike_times(fl.ExcitatoryInhibitoryLIF(), 1.0), "2 populations; allowed is one neuron"),
        (lambda: fl.spike_times(fl.NoisyLIF(), 0.0), "t_end = 0.0; allowed is a number above t_start"),
        (lambda: fl.spike_times(fl.NoisyLIF(), np.nan), "t_end = nan; allowed is a finite number"),
        (lambda: fl.spike_times(fl.NoisyLIF(), 1.0, start=2.0), "start = 2.0; allowed is a number below v_fire"),
        (lambda: fl.spike_times(fl.NoisyLIF(current=1e9), 1.0), "allowed are at most"),
        (lambda: fl.spike_times(fl.NoisyLIF(current=lambda t: np.nan), 1.0), r"current\(.*\) = nan; allowed"),
        (lambda: fl.spike_times(3, 1.0), "allowed is a model: a dataclass with a method equations"),
        (lambda: fl.neuron_path(fl.NoisyLIF(b=0.5), 1.0), "is a network; allowed is a neuron alone"),
        (lambda: fl.neuron_path(fl.NoisyLIF(), 1.0, points=0), "points = 0; allowed is a whole number"),
        (lambda: fl.neuron_path(fl.NoisyLIF(), 1e6, dt=1e-3), "in steps of 0.001; allowed are 10000000 steps"),
        (lambda: fl.neuron_path(fl.NoisyLIF(), "1"), "t_end = '1'; allowed is a finite number"),
        (lambda: fl.neuron_path(fl.NoisyLIF(), 1.0, dt=0.0), "dt = 0.0; allowed is a finite number > 0"),
        (lambda: fl.neuron_path(3, 1.0), "model = 3; allowed is a model"),
    ],
)
def test_what_is_not_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()
