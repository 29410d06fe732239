"""Spikes that make others fire at the same instant, against exact sizes and the equation's; extreme couplings."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl


def two_humps(share, neurons):
    """`share` of the neurons on [1.9, 2], the others on [-2, -1]."""
    near = round(share * neurons)
    return np.concatenate([np.linspace(1.9, 2.0, near, endpoint=False), np.linspace(-2.0, -1.0, neurons - near)])


@pytest.mark.parametrize(("b", "share"), [(0.5, 0.3), (0.5, 0.7), (1.5, 0.5)])
def test_neurons_next_to_the_threshold_fire_together_at_once(b, share):
    run = fl.simulate_particles(
        fl.NoisyLIF(b=b), neurons=20_000, t_end=1e-3, dt=1e-3, start=two_humps(share, 20_000), seed=1
    )
    event = run.events[0]
    assert event.time < 1e-8
    assert event.size == pytest.approx(share, abs=1e-3)  # few fire before: O(sqrt h) of the first step
    assert event.kind == "transport"


def test_excitation_above_the_distance_to_reset_may_never_end():
    start = two_humps(0.68, 20_000)  # b w > V_F - V_R: all who have fired are kicked to V_F again
    run = fl.simulate_particles(fl.NoisyLIF(b=1.5), neurons=20_000, t_end=0.1, dt=1e-3, start=start, seed=1)
    assert run.outcome.name == "eternal_blow_up"
    assert run.events[0].size == np.inf
    assert np.isnan(run.series["N"][1:]).all()


def test_resting_neurons_end_every_synchronous_spike():
    model = fl.RefractoryLIF(b=3.0, tau=0.1)
    run = fl.simulate_particles(model, neurons=20_000, t_end=0.02, dt=1e-3, start=two_humps(0.68, 20_000), seed=1)
    assert run.outcome.name == "finished"
    assert run.events[0].size == pytest.approx(0.68, abs=1e-3)
    assert run.series["R"][0] > 0.6


def test_a_synchronous_spike_has_the_time_and_size_of_the_equation():
    """The first row of the table "through the blow-up"; finite networks are a little late."""
    start = fl.Gaussian(1.83, 0.003, boundary_layer=0.5)
    run = fl.simulate_particles(
        fl.NoisyLIF(b=0.5), neurons=20_000, networks=6, t_end=0.012, dt=2e-3, start=start, seed=2
    )
    events = [max((e for e in run.events if e.network == k), key=lambda e: e.size) for k in range(6)]
    times, sizes = np.array([e.time for e in events]), np.array([e.size for e in events])
    assert abs(times.mean() / 0.009224431428 - 1) < 0.03 + 3 * times.std() / np.sqrt(5) / 0.00922
    assert abs(sizes.mean() / 0.52373045 - 1) < 0.02 + 3 * sizes.std() / np.sqrt(5) / 0.52373045


def test_noise_that_grows_with_the_rate_synchronises_too():
    start = fl.Gaussian(1.83, 0.003, boundary_layer=0.5)
    run = fl.simulate_particles(fl.NoisyLIF(b=0.5, a1=0.05), neurons=50_000, t_end=0.004, dt=2e-4, start=start, seed=2)
    event = max(run.events, key=lambda e: e.size)
    assert event.kind == "diffusion"
    assert event.size == pytest.approx(0.84696243, rel=0.02)
    assert event.time == pytest.approx(0.00247291642, rel=0.1)


def test_one_neuron_hears_itself():
    alone = fl.simulate_particles(fl.NoisyLIF(b=-0.5), neurons=1, t_end=20.0, dt=0.01, start=0.0, seed=3, record=1)
    assert alone.outcome.name == "finished"
    assert alone.spikes[0].size == pytest.approx(20 * 0.1, abs=8)
    loud = fl.simulate_particles(fl.NoisyLIF(b=1.5), neurons=1, t_end=50.0, dt=0.01, start=0.0, seed=3)
    assert loud.outcome.name == "eternal_blow_up"  # its first spike kicks it from V_R over V_F


def test_strong_inhibition_stays_bounded_and_quiet():
    run = fl.simulate_particles(
        fl.NoisyLIF(b=-50.0), neurons=10_000, t_end=4.0, dt=0.01, start=fl.Gaussian(1.8, 0.01), seed=1, bins=8
    )
    assert not run.events
    value, error = run.mean("N", 2.0, 4.0)
    assert value == pytest.approx(0.017708677, abs=4 * error)  # N passage_time(-50 N) = 1
    assert error < 0.002


def test_kicks_between_two_populations_may_end_a_spike():
    start = {"n_E": lambda v: (v > 1.9) * 1.0, "n_I": lambda v: (v > 1.9) * 1.0}
    model = fl.ExcitatoryInhibitoryLIF(b_EE=0.8, b_IE=0.0, b_EI=0.8, b_II=0.0)
    held = fl.ExcitatoryInhibitoryLIF(b_EE=0.8, b_IE=5.0, b_EI=0.8, b_II=5.0)
    free, stopped = (
        fl.simulate_particles(m, neurons=10_000, t_end=1e-3, dt=1e-3, start=start, seed=1) for m in (model, held)
    )
    assert free.events[0].sizes == pytest.approx((1.0, 1.0), abs=0.01)
    assert sum(e.size for e in stopped.events) < 0.5
