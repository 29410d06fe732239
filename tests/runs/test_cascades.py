"""Synchronous spikes of several populations: who fires with whom, against particles and the other engine."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import felif as fl
from felif.assembly.cascade import cascade
from felif.problem import NotConverged

HOW = {"progress": False}
COARSE = {"tol": 1e-2, "space": fl.SpectralElement(5)}


def near(mean, variance, top, layer=0.07):
    return lambda v: np.where(
        v < top, np.exp(-((v - mean) ** 2) / (2 * variance) - (layer / (top - v + 1e-9)) ** 4), 0.0
    )


CLOSE, FARTHER, FAR = near(1.83, 0.003, 2.0), near(1.3, 0.05, 2.0), near(0.0, 0.1, 3.0)
NETWORKS = {
    "one drags the other": (fl.Populations([[0.5, 0.2], [0.9, 0.3]], a0=[1.0, 0.6], tau=[0.0, 0.3]), [CLOSE, FARTHER]),
    "one is fired several times": (fl.Populations([[0.5, 0.0], [2.9, 0.1]], v_reset=[1.0, 1.2]), [CLOSE, FARTHER]),
    "who does not fire inhibits": (
        fl.Populations([[0.55, -2.0], [0.0, -1.0]], v_fire=[2.0, 3.0], tau_m=[1.0, 2.0]),
        [CLOSE, FAR],
    ),
}


@cache
def blown_up(case):
    """(problem, t, y) where a run ends at a blow-up."""
    model, starts = NETWORKS[case]
    run = fl.evolve(fl.discretize(model, **COARSE), starts, 0.01, rtol=1e-2, N_max=1e4, **HOW)
    assert run.outcome.name == "blow_up"
    last = run.segments[-1]
    return last.problem, float(last.times[-1]), last.states[-1]


@pytest.mark.parametrize("case", NETWORKS)
def test_sizes_are_those_of_simulated_neurons(case):
    """The synchronous spike of 8 networks of 5000 neurons each; 2.5 % for their number, 0.4 % of 20 000."""
    model, starts = NETWORKS[case]
    problem, t, y = blown_up(case)
    sizes = cascade(problem, t, y).sizes
    neurons = fl.simulate_particles(
        model, neurons=5000, networks=8, t_end=1.4 * t, dt=t / 10, start=starts, seed=2, **HOW
    )
    largest = {
        one.network: one for one in sorted(neurons.events, key=lambda one: one.size)
    }  # some begin with small ones
    assert len(largest) == 8
    found = np.array([one.sizes for one in largest.values()])
    error = 3 * found.std(axis=0, ddof=1) / np.sqrt(8)
    assert (np.abs(found.mean(axis=0) - sizes) <= error + 0.025 * sizes).all()


def test_two_halves_of_a_population_spike_and_go_on_as_the_whole_does():
    """Rows of the couplings add up to b; the other engine follows the spike of one population."""
    halves, end = fl.Populations([[0.2, 0.3], [0.25, 0.25]]), 0.03
    whole = fl.evolve(
        fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), CLOSE, end, rtol=1e-4, after_blow_up=fl.Continue(), **HOW
    )
    problem = fl.discretize(halves, tol=1e-3)
    run = fl.evolve(problem, [CLOSE] * 2, end, rtol=1e-4, after_blow_up=fl.Continue(N_max=1e5), **HOW)
    (event,), (expected,) = run.events, whole.events
    assert event.time == pytest.approx(expected.time, abs=2 * (event.error + expected.error))
    assert event.sizes == pytest.approx((expected.size, expected.size), rel=1e-3)
    assert event.size == pytest.approx(event.sizes[0], rel=1e-6)
    assert run.final.N == pytest.approx(whole.final.N, rel=2e-3)
    assert max(run.drift.values()) < 1e-13


def test_where_one_that_fires_inhibits_nobody_knows_who_fires():
    problem, t, y = blown_up("one drags the other")
    problem = problem.at(coupling=[[0.5, -0.3], [0.9, -0.1]])
    with pytest.raises(NotConverged, match="population 1 inhibits population 0 while it fires"):
        cascade(problem, t, y)


def test_a_network_that_keeps_itself_going_never_ends_its_spike():
    """No rate exists at the start of the run."""
    problem, start = fl.discretize(fl.Populations([[0.6, 0.9], [0.9, 0.6]]), **COARSE), near(1.9, 0.003, 2.0, 0.002)
    run = fl.evolve(problem, start, 0.01, rtol=1e-2, after_blow_up=fl.Continue(N_max=1e4), **HOW)
    assert run.outcome.name == "eternal_blow_up"
    assert run.events[0].sizes == (np.inf, np.inf)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delay": 0.1}, "hear each other late"),
        ({"dead_time": 0.1}, "return after a dead time"),
        ({"a1": 0.1}, "noise grows with the rates"),
    ],
)
def test_spikes_whose_law_is_not_known_are_refused(given, message):
    problem = fl.discretize(fl.Populations([[0.5, 0.1], [0.1, 0.5]], **given), **COARSE)
    with pytest.raises(ValueError, match=message):
        fl.evolve(problem, CLOSE, 0.1, after_blow_up=fl.Continue(), **HOW)
