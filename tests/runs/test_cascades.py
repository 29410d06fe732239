"""Synchronous spikes of several populations: who fires with whom, against particles and the other engine."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

HOW = {"progress": False}


def near(mean, variance, top, layer=0.07):
    return lambda v: np.where(
        v < top, np.exp(-((v - mean) ** 2) / (2 * variance) - (layer / (top - v + 1e-9)) ** 4), 0.0
    )


CLOSE, FARTHER = near(1.83, 0.003, 2.0), near(1.3, 0.05, 2.0)
NETWORKS = {
    "one drags the other": (
        fl.Populations([[0.5, 0.2], [0.9, 0.3]], a0=[1.0, 0.6], tau=[0.0, 0.3]),
        [CLOSE, FARTHER],
    ),
    "a strong one is fired several times": (
        fl.Populations(
            [[0.5, 0.0, 0.0], [2.9, 0.1, 0.0], [0.3, 0.2, 0.1]], v_fire=[2.0, 2.0, 1.5], v_reset=[1.0, 1.2, 0.5]
        ),
        [CLOSE, FARTHER, near(0.2, 0.1, 1.5)],
    ),
    "inhibition by who does not fire": (
        fl.Populations([[0.55, -2.0], [0.0, -1.0]], v_fire=[2.0, 3.0], tau_m=[1.0, 2.0]),
        [CLOSE, near(0.0, 0.1, 3.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NETWORKS)
def test_sizes_are_those_of_simulated_neurons(case):
    """The first synchronous spike of 6 networks of 5000 neurons in each population; 1 % for their number."""
    model, starts = NETWORKS[case]
    problem = fl.discretize(model, tol=1e-2)
    run = fl.evolve(problem, starts, 0.004, rtol=1e-4, after_blow_up=fl.Continue(N_max=1e5), **HOW)
    assert run.outcome.name == "finished"
    event = run.events[0]
    assert max(run.drift.values()) < 1e-13
    neurons = fl.simulate_particles(
        model, neurons=5000, networks=6, t_end=1.3 * event.time, dt=event.time / 10, start=starts, seed=2, **HOW
    )
    firsts = {one.network: one for one in reversed(neurons.events)}
    assert len(firsts) == 6
    sizes = np.array([one.sizes for one in firsts.values()])
    error = 4 * sizes.std(axis=0, ddof=1) / np.sqrt(6)
    print(event.sizes, sizes.mean(axis=0), error)
    assert (np.abs(sizes.mean(axis=0) - event.sizes) <= error + 0.01 * sizes.mean(axis=0)).all()


def test_two_halves_of_a_population_spike_and_go_on_as_the_whole_does():
    """Rows of the couplings add up to b; the other engine follows the spike of one population."""
    halves = fl.Populations([[0.2, 0.3], [0.25, 0.25]])
    whole = fl.evolve(
        fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-5), CLOSE, 0.1, rtol=1e-5, after_blow_up=fl.Continue(), **HOW
    )
    run = fl.evolve(
        fl.discretize(halves, tol=1e-4), [CLOSE] * 2, 0.1, rtol=1e-5, after_blow_up=fl.Continue(N_max=1e6), **HOW
    )
    (event,), (expected,) = run.events, whole.events
    assert event.time == pytest.approx(expected.time, abs=2 * (event.error + expected.error))
    assert event.sizes == pytest.approx((expected.size, expected.size), rel=2e-4)
    assert run.sample("N", [0.05, 0.1])[:, 1] == pytest.approx(whole.sample("N", [0.05, 0.1]), rel=5e-4)
    assert max(run.drift.values()) < 1e-13
