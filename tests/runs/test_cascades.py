"""Synchronous spikes of several populations: who fires with whom, against particles and the other engine."""

from __future__ import annotations

import heapq
import itertools
import re
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import felif as fl
from felif.firing.cascade import Spiking, cascade
from felif.problem import NotConverged
from felif.runs.after_blow_up import BlowUpEvent
from felif.runs.arrivals import next_arrival

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


def test_an_excitatory_and_an_inhibitory_population_are_the_populations_of_two():
    """The blow-up of the other engine; D_E = tail_E(2 - b_EE D_E) by quadrature of its last density, then D_I."""
    pair = fl.ExcitatoryInhibitoryLIF(b_EE=0.8, b_EI=0.6)
    excitatory, inhibitory = fl.Gaussian(1.7, 0.01), fl.Gaussian(1.5, 0.05)
    start = {"n_E": excitatory, "n_I": inhibitory}
    with pytest.raises(ValueError, match=re.escape("ExcitatoryInhibitoryLIF.populations()")):
        fl.evolve(fl.discretize(pair, tol=1e-3), start, 0.02, after_blow_up=fl.Continue(), **HOW)
    run = fl.evolve(fl.discretize(pair, tol=1e-4), start, 0.02, rtol=1e-4, **HOW)
    tail = lambda n, distance: quad(n, 2 - distance, 2, limit=200, epsabs=1e-9)[0]
    D = brentq(lambda D: tail(run.final.n_E, 0.8 * D) - D, 0.3, 1.0)
    same = fl.discretize(pair.populations(), tol=1e-4)
    other = fl.evolve(same, [excitatory, inhibitory], 0.0095, rtol=1e-4, after_blow_up=fl.Continue(), **HOW)
    (event,) = other.events
    assert abs(event.time - run.blow_up.time) < event.error + run.blow_up.error < 1e-4
    assert event.sizes == pytest.approx([D, tail(run.final.n_I, 0.6 * D)], abs=4e-4)  # N stops at 1e5: 1.5e-4 early
    assert fl.discretize(fl.ExcitatoryInhibitoryLIF(current_E=np.sin, current_I=np.sin).populations()).driven
    with pytest.raises(ValueError, match="current_E"):
        fl.ExcitatoryInhibitoryLIF(current_E=np.sin).populations()


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


def played(problem, t, y, order, count=5_000, run_up=10):
    """Spikes per neuron of a cascade of `count` neurons a population, spike by spike, from `run_up` that wait.

    A neuron fires when X_i = sum_j b_ij (spikes of j so far) / count meets its distance from V_F. The next spike is any
    of those that wait ("buffered"), or one of population 0 while there is one ("excitation_first").
    """
    random, b = np.random.default_rng(1), np.asarray(problem.model.coupling)
    waiting, fired, X, distances = [run_up, 0], [0, 0], np.zeros(2), []
    for i, density in enumerate(problem.field("n", y)):
        v = np.linspace(*density.nodes[[0, -1]], 100_001)
        mass = np.cumsum(np.maximum(density(v), 0.0)) * (v[1] - v[0])
        drawn = np.interp((np.arange(count) + 0.5) / count, mass, v, right=-np.inf)  # the rest of them rests
        distances.append((problem.model._each("v_fire")[i] - drawn).tolist())
        heapq.heapify(distances[i])
    while sum(waiting):
        of_any = int(random.random() * sum(waiting) >= waiting[0])
        j = int(waiting[0] == 0) if order == "excitation_first" else of_any
        waiting[j] -= 1
        X += b[:, j] / count
        for i in (0, 1):
            while distances[i][0] <= X[i]:
                met = heapq.heappop(distances[i])
                again = np.inf if problem.model._each("tau")[i] else met + 1.0  # V_F - V_R
                heapq.heappush(distances[i], again)
                waiting[i] += 1
                fired[i] += 1
    return np.array(fired) / count


@pytest.mark.parametrize("coupling", [[[0.5, -0.3], [0.9, -0.1]], [[0.7, -0.6], [1.3, -3.0]]])
def test_where_one_that_fires_inhibits_the_order_decides(coupling):
    """The cascade played neuron by neuron, population 1 inhibiting both; 2 % for their number and the run-up."""
    problem, t, y = blown_up("one drags the other")
    problem = problem.at(coupling=coupling)
    first, buffered = (cascade(problem, t, y, order) for order in ("excitation_first", "buffered"))
    for order, found in (("excitation_first", first), ("buffered", buffered)):
        assert found.sizes == pytest.approx(played(problem, t, y, order), abs=0.02)
        assert found.shifts == pytest.approx(coupling @ found.sizes, abs=1e-9)
        assert (found.reached >= found.shifts).all()
    assert (buffered.sizes < first.sizes).all()
    named = rf"sizes are \({first.sizes[0]:.6g}.*'buffered' they are \({buffered.sizes[0]:.6g}"
    with pytest.raises(NotConverged, match="population 1 inhibits population 0 while both fire.*" + named):
        cascade(problem, t, y)


def test_one_that_fires_moves_those_down_that_do_not():
    """Whatever the order: who fires is within the kicks of V_F, and the mean of the other falls by 7.5 times the size.

    Its potentials go on below the mesh, which gets cells for them.
    """
    model = fl.Populations([[0.55, 0.3], [-7.5, 0.0]], v_fire=[2.0, 3.0], tau=[0.3, 0.0])
    problem, how = fl.discretize(model, **COARSE), {"rtol": 1e-3, "after_blow_up": fl.Continue(N_max=1e4), **HOW}
    run = fl.evolve(problem, [CLOSE, FAR], 0.004, **how)
    ((size, nothing),) = (event.sizes for event in run.events)
    assert nothing == 0.0
    mean = lambda n: float(n.weights @ (n.nodes * n.values))
    last = next(part for part in reversed(run.segments) if part.times[-1] < run.events[0].time)
    fires, before = last.problem.field("n", last.states[-1])
    assert quad(fires, 2.0 - 0.55 * size, 2.0, limit=200)[0] == pytest.approx(size, rel=1e-5)
    after = run.events[0].state.n[1]
    assert mean(after) == pytest.approx(mean(before) - 7.5 * size, abs=1e-3)
    assert after.nodes[0] < before.nodes[0]
    assert max(run.drift.values()) < 1e-12


def test_it_does_not_matter_which_population_comes_first():
    """The rate that becomes infinite is that of the second population; both runs have rtol = 1e-2."""
    model = fl.Populations([[0.3, 0.9], [0.2, 0.5]], a0=[0.6, 1.0], tau=[0.3, 0.0])
    run = fl.evolve(
        fl.discretize(model, **COARSE), [FARTHER, CLOSE], 0.0034, rtol=1e-2, after_blow_up=fl.Continue(N_max=1e4), **HOW
    )
    problem, t, y = blown_up("one drags the other")
    assert run.events[0].sizes[::-1] == pytest.approx(tuple(cascade(problem, t, y).sizes), rel=5e-3)


def test_a_population_that_nobody_sets_off_does_not_join():
    """Its own kicks would keep a spike going, were there one: G_1(1.9 D) > D for some D."""
    problem, t, y = blown_up("one drags the other")
    problem = problem.at(coupling=[[0.5, 0.2], [-0.1, 1.9]])
    assert (Spiking(problem, t, y).fired(1.9 * np.array([0.5, 0.5])) > 0.5)[1]
    found = cascade(problem, t, y)
    assert found.sizes[1] == 0.0
    assert found.sizes[0] == pytest.approx(Spiking(problem, t, y).fired(0.5 * found.sizes)[0], rel=1e-10)
    assert found.shifts[1] == pytest.approx(-0.1 * found.sizes[0])


def test_a_network_that_keeps_itself_going_never_ends_its_spike():
    """No rate exists at the start of the run."""
    problem, start = fl.discretize(fl.Populations([[0.6, 0.9], [0.9, 0.6]]), **COARSE), near(1.9, 0.003, 2.0, 0.002)
    run = fl.evolve(problem, start, 0.01, rtol=1e-2, after_blow_up=fl.Continue(N_max=1e4), **HOW)
    assert run.outcome.name == "eternal_blow_up"
    assert run.events[0].sizes == (np.inf, np.inf)


def test_where_all_neurons_fire_and_rest_they_return_as_they_rest():
    """R' = -R / tau from R = 1, until the first are back at V_F."""
    problem, tau = fl.discretize(fl.Populations([[1.4, 0.2], [0.6, 0.3]], tau=0.3), **COARSE), 0.3
    run = fl.evolve(problem, CLOSE, 0.004, rtol=1e-3, after_blow_up=fl.Continue(N_max=1e4), **HOW)
    (event,) = run.events
    assert event.state.R[0] == 1.0
    assert run.final.R[0] == pytest.approx(np.exp(-(0.004 - event.time) / tau), rel=1e-5)
    assert max(run.drift.values()) < 1e-13


def test_kicks_arrive_late():
    """Spikes in five intervals of 8 networks of 4000 neurons; 5 standard errors."""
    network = fl.Populations([[0.5, 0.2], [0.9, 0.3]], delay=[[0, 0], [0.007, 0]], tau=[0.3, 0.0])
    starts, how = [CLOSE, FARTHER], {"rtol": 1e-2, "after_blow_up": fl.Continue(N_max=1e4), **HOW}
    run = fl.evolve(fl.discretize(network, **COARSE), starts, 0.0125, **how)
    assert [event.name for event in run.events] == ["blow_up", "arrival"]
    T, ends = run.events[0].time, np.linspace(0.0, 0.0125, 6)
    assert run.events[1].time - T == pytest.approx(0.007, abs=1e-12)
    neurons = fl.simulate_particles(
        network, neurons=4000, networks=8, t_end=0.0125, dt=1e-4, start=starts, seed=4, bins=5, **HOW
    )
    for j in (0, 1):
        t = np.unique(np.concatenate([run.times, ends]))
        spikes = [
            np.diff(part) @ run.sample(f"N_{j}", (part[1:] + part[:-1]) / 2)
            for part in (t[(t >= a) & (t <= b)] for a, b in itertools.pairwise(ends))
        ]
        for event in run.events:
            spikes[int(np.searchsorted(ends, event.time)) - 1] += event.sizes[j]
        found = neurons.series[f"N_{j}"] * ends[1] + neurons.series[f"synchronous_{j}"]
        # of 32000 neurons; what a run-up and its echo fire within a step of the run is known to rtol
        assert np.abs(found - spikes).max() < 5 * np.sqrt(0.25 / 32_000) + 2e-3


def test_what_is_still_to_arrive_follows_from_the_events_of_a_run():
    """So that a run that is resumed goes on as if it had not been stopped; by hand."""
    network = fl.Populations([[0.5, -0.2], [0.9, 0.3]], delay=[[0, 0.2], [0.2, 0.1]], dead_time=[0.3, 0.0])
    problem = fl.discretize(network, **COARSE)
    spike = BlowUpEvent("blow_up", 1.0, 0.45, "transport", None, 1e-9, (0.5, 0.4))
    happened, found = [spike], []
    while (coming := next_arrival(problem, happened)) is not None:
        found.append(coming)
        happened.append(BlowUpEvent("arrival", coming.time, 0.0, "transport", None, 1e-9, (0.0, 0.0)))
    assert [one.time for one in found] == pytest.approx([1.1, 1.2, 1.3])
    assert [one.shifts.tolist() for one in found] == [
        pytest.approx(np.array(x)) for x in ([[0, 0], [0, 0.12]], [[0, -0.08], [0.45, 0]], np.zeros((2, 2)))
    ]
    assert [one.returning.tolist() for one in found] == [[0.0, 0.0], [0.0, 0.0], [0.5, 0.0]]


def test_those_that_return_at_one_instant_spread_as_noise_spreads_them():
    """Delta at V_R a dead time after the spike, and N later: Gaussian kernels of the leaky drift, by quadrature."""
    problem = fl.discretize(fl.Populations(0.5, dead_time=0.01), **COARSE)
    run = fl.evolve(problem, CLOSE, 0.0137, rtol=1e-3, after_blow_up=fl.Continue(N_max=1e4), **HOW)
    (spike, back), h = run.events, 2e-4
    assert (back.time - spike.time, back.size) == (pytest.approx(0.01, abs=1e-12), 0.0)
    v, (x, w) = np.array([0.98, 1.0, 1.01]), np.polynomial.legendre.leggauss(20)

    def kernel(t):
        variance = -np.expm1(-2 * t)
        return np.exp(-((v - np.exp(-t)) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    expected = spike.size * kernel(h)
    for side, most in ((-1, spike.time), (1, h)):  # N behaves like |t - T|^(-1/2)
        for root, weight in zip((1 + x) * np.sqrt(most) / 2, w * np.sqrt(most) / 2, strict=True):
            fired = weight * 2 * root * run.sample("N_0", spike.time + side * root**2)
            expected = expected + fired * kernel(h - side * root**2)
    assert run.at(back.time + h).n[0](v) == pytest.approx(expected, rel=5e-3)
    assert max(run.drift.values()) < 1e-9  # rounding, of n = 2000 in cells of 1e-6


NOISY = {"a1": [[0.05, 0.02], [0.09, 0.03]], "a0": [1.0, 0.6], "tau": [0.0, 0.3]}


def test_noise_that_grows_with_the_rates_fires_as_many_as_it_does_among_simulated_neurons():
    """Every population hears all spikes in one proportion of drift and noise; 4 networks of 5000 neurons each."""
    model, how = fl.Populations([[0.5, 0.2], [0.9, 0.3]], **NOISY), {"rtol": 1e-3, **HOW}
    run = fl.evolve(
        fl.discretize(model, **COARSE), [CLOSE, FARTHER], 0.001, after_blow_up=fl.Continue(N_max=1e4), **how
    )
    (event,) = run.events
    assert (event.kind, run.outcome.name) == ("diffusion", "finished")
    neurons = fl.simulate_particles(
        model,
        neurons=5000,
        networks=4,
        t_end=1.4 * event.time,
        dt=event.time / 10,
        start=[CLOSE, FARTHER],
        seed=2,
        **HOW,
    )
    largest = {one.network: one for one in sorted(neurons.events, key=lambda one: one.size)}
    found = np.array([one.sizes for one in largest.values()])
    assert np.abs(found.mean(axis=0) - event.sizes).max() < 3 * found.std(axis=0, ddof=1).max() / 2 + 0.01
    assert max(run.drift.values()) < 1e-12


def test_two_halves_with_such_noise_spike_and_go_on_as_the_whole_does():
    whole = fl.evolve(
        fl.discretize(fl.NoisyLIF(b=0.5, a1=0.1), tol=1e-4), CLOSE, 0.01, rtol=1e-4, after_blow_up=fl.Continue(), **HOW
    )
    halves = fl.Populations([[0.2, 0.3], [0.25, 0.25]], a1=[[0.04, 0.06], [0.05, 0.05]])
    run = fl.evolve(
        fl.discretize(halves, tol=1e-3), CLOSE, 0.01, rtol=1e-4, after_blow_up=fl.Continue(N_max=1e5), **HOW
    )
    assert run.events[0].sizes == pytest.approx((whole.events[0].size,) * 2, rel=1e-4)
    assert run.final.N == pytest.approx(whole.final.N, rel=2e-4)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (None, r"0 hears spikes of populations 0 and 1 in different .*sizes are \(0\.85"),
        ("excitation_first", "no order but 'buffered'"),
    ],
)
def test_noise_in_other_proportions_leaves_the_order_open(order, message):
    model = fl.Populations([[0.5, -0.3], [0.9, -0.1]], **NOISY)
    how = {"rtol": 1e-3, "after_blow_up": fl.Continue(N_max=1e4, order=order), **HOW}
    run = fl.evolve(fl.discretize(model, **COARSE), [CLOSE, FARTHER], 0.001, **how)
    assert run.outcome.name == "unresolved"
    assert re.search(message, run.outcome.message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a1": 0.1, "delay": 0.1}, "and spikes are heard late"),
        ({"a1": [[0.1, 0.0], [0.0, 0.0]]}, "of all, or of none"),
    ],
)
def test_spikes_whose_law_is_not_known_are_refused(given, message):
    problem = fl.discretize(fl.Populations([[0.5, 0.1], [0.1, 0.5]], **given), **COARSE)
    with pytest.raises(ValueError, match=message):
        fl.evolve(problem, CLOSE, 0.1, after_blow_up=fl.Continue(), **HOW)
