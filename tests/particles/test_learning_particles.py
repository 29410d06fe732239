"""Networks whose weights learn, against stationary and time-dependent solutions of their equation."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.particles.learning_network import WeightAxis


def network(eps):
    return fl.LearningLIF(eps=eps, K=lambda w: -1.0, sigma=lambda x: 4 * x, current=1.5, w_min=-1.0, w_max=0.0)


def start(v, w):
    return np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4)) * (v < 2) * w**4 * (1 + w) ** 4


def test_without_learning_weights_stay_and_the_activity_is_that_of_their_distribution():
    run = fl.simulate_particles(network(0.0), neurons=10_000, networks=4, t_end=3.0, dt=0.01, start=start, seed=1)
    value, error = run.mean("Nbar", 1.5, 3.0)
    assert abs(value - 0.370964144791024) < 4 * error + 0.005
    assert run.final.w.mean() == pytest.approx(-0.5, abs=4e-3)  # C symmetric about -1/2
    assert run.independent


def test_weights_follow_the_activity():
    run = fl.simulate_particles(
        network(0.2), neurons=10_000, t_end=1.0, dt=0.01, start=start, seed=1, snapshots=[0.0], bins=20
    )
    w = run.final.w
    assert w.mean() == pytest.approx(-0.4531872259, abs=0.01)
    assert (w**2).mean() == pytest.approx(0.2205941661, abs=0.01)
    value, error = run.mean("Nbar", 0.45, 0.55)
    assert abs(value - 0.3719775948) < 4 * error + 0.04  # late by the time of 100 spikes
    assert w.min() >= -1.0
    assert w.max() <= 0.0


def test_neurons_with_weights_go_to_disk_and_back(tmp_path):
    start_at = (np.zeros(100), np.linspace(-1, 0, 100))
    run = fl.simulate_particles(network(0.2), neurons=100, t_end=0.1, dt=0.01, start=start_at, seed=1)
    run.save(tmp_path)
    np.testing.assert_array_equal(fl.load_particles(tmp_path).final.w, run.final.w)
    again = fl.simulate_particles(network(0.2), neurons=100, t_end=0.1, dt=0.01, start=start_at, seed=1, threads=2)
    np.testing.assert_array_equal(again.final.w, run.final.w)


def test_rates_over_weights_integrate_to_all_spikes():
    axis, w = WeightAxis(-1.0, 0.0, 1000), np.random.default_rng(1).uniform(-1, 0, 1000)
    axis.hear(w, np.ones(1000), 0.01, 1.0)
    inner = axis.values.copy()
    inner[[0, -1]] /= 2
    assert inner.sum() * axis.width == pytest.approx(100.0)
    assert axis.rate(w).mean() == pytest.approx(100.0, rel=0.1)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"start": 0.0}, "start"),
        ({"start": (0.0, 0.5)}, "weights"),
        ({"start": lambda v, w: -1.0}, "start"),
        ({"start": (0.0, -0.5), "record": 1}, "record"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        fl.simulate_particles(network(0.2), **{"neurons": 10, "t_end": 0.1, "start": start, "seed": 1, **given})
