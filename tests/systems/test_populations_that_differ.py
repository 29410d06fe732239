"""Networks of populations that differ in every parameter, against neurons of one population and networks rescaled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import felif as fl

HOW = {"progress": False}


def vanishing(mean, variance, top=2.0, layer=0.7):
    """A Gaussian that vanishes at `top` over a layer."""
    return lambda v: np.where(
        v < top, np.exp(-((v - mean) ** 2) / (2 * variance) - (layer / (top - v + 1e-9)) ** 2), 0.0
    )


CHAINS = [  # of one population to the next: what each is, in its own time, and the weight with which it is heard
    (
        (fl.NoisyLIF(b=0.6, a0=0.8, current=0.9, dead_time=0.2), 2.0, 0.7),
        (fl.RefractoryLIF(-0.5, 0.3, a0=0.5, current=1.2, v_reset=-0.5, v_fire=1.5, drift=fl.Quadratic(0.6)), 0.6, 0.5),
        (fl.NoisyLIF(a0=1.1, b=0.3, current=0.4, v_reset=0.0, v_fire=2.5, drift=fl.Exponential(0.5, 1.5)), 1.0, 0.0),
    ),
    (
        (fl.NoisyLIF(b=-0.4, current=1.6, v_reset=0.5), 0.7, -0.6),
        (fl.NoisyLIF(b=0.2, a0=0.6, current=1.8, v_fire=1.8, dead_time=0.5, drift=fl.Leaky(1.5, 0.2)), 1.4, 0.4),
    ),
    (
        (fl.RefractoryLIF(b=0.9, a0=0.7, tau=0.2, current=1.0), 1.0, 0.8),
        (fl.NoisyLIF(b=-0.2, a0=1.4, current=0.5, v_reset=0.2, v_fire=2.6, dead_time=0.15), 1.5, 0.3),
        (fl.NoisyLIF(b=0.1, a0=0.9, current=0.8, dead_time=0.4), 0.8, 0.0),
    ),
]  # fmt: skip


def as_populations(chain, delay=0.1):
    """The chain as one network; b N of a neuron in its own time is b tau_m N, D and tau are lengthened by tau_m."""
    ones, speeds, weights = zip(*chain, strict=True)
    coupling = np.diag([one.b * speed for one, speed in zip(ones, speeds, strict=True)])
    for k, weight in enumerate(weights[:-1]):
        coupling[k + 1, k] = weight
    rest = {
        name: [getattr(one, name, 0.0) * speed for one, speed in zip(ones, speeds, strict=True)]
        for name in ("tau", "dead_time")
    }
    lags = np.where(np.eye(len(ones)) > 0, 0.0, delay)
    own = {name: [getattr(one, name) for one in ones] for name in ("a0", "current", "v_reset", "v_fire", "drift")}
    return fl.Populations(coupling=coupling, delay=lags, tau_m=speeds, **rest, **own)


def begins(one, k):
    length = one.v_fire - one.v_reset
    return vanishing(one.v_fire - 1.3 * length - 0.1 * k, 0.3 * length, one.v_fire, 0.5 * length)


@pytest.mark.parametrize("chain", CHAINS, ids=["three kinds", "two dead times", "tau and dead times"])
def test_each_population_of_a_chain_is_a_single_one_driven_by_the_one_before(chain):
    """Drifts, thresholds, resets, membrane times, refractory and dead times all differ; the other engine, compiled."""
    end, history = 0.25, 0.15
    starts = [begins(one, k) for k, (one, _, _) in enumerate(chain)]
    run = fl.evolve(fl.discretize(as_populations(chain), tol=1e-4), starts, end, rtol=1e-4, history=history, **HOW)
    assert max(run.drift.values()) < 1e-13
    heard = lambda t: 0.0
    for k, (one, speed, weight) in enumerate(chain):
        if k:
            one = replace(one, current=lambda s, I=one.current, speed=speed, heard=heard: I + heard(speed * s))
        past = {"history": history * speed} if getattr(one, "dead_time", 0.0) else {}
        alone = fl.evolve(fl.discretize(one, tol=1e-6), starts[k], end / speed, rtol=1e-5, **past, **HOW)
        times = np.array([0.1, 0.2, 0.25])
        assert run.sample("N", times)[:, k] == pytest.approx(alone.sample("N", times / speed) / speed, rel=5e-5)
        if hasattr(one, "tau") or past:
            assert run.final.R[k] == pytest.approx(alone.final.R, rel=5e-5, abs=1e-7)
        v = np.linspace(one.v_reset - 1.5, one.v_fire - 0.05, 9)
        assert run.final.n[k](v) == pytest.approx(alone.final.n(v), abs=1e-5)
        assert np.abs(run.final.n[k](np.linspace(one.v_fire, 3.0, 5))).max() < 1e-15

        def heard(t, alone=alone, speed=speed, weight=weight):
            return weight * (alone.sample("N", (t - 0.1) / speed) / speed if t > 0.1 else history)


def steady_chain(chain):
    """Rates of one neuron after the other, each by the quadrature of its own engine, in its own time."""
    rates, heard = [], 0.0
    for one, speed, weight in chain:
        alone = replace(one, current=one.current + heard)
        rates.append(fl.steady_states(fl.discretize(alone, tol=1e-8))[0].N / speed)
        heard = weight * rates[-1]
    return rates


@pytest.mark.parametrize("chain", CHAINS[2:], ids=["tau and dead times"])
def test_chains_at_rest_fire_rest_and_settle_as_their_members_do(chain):
    """Modes of a chain without loops are those of its members, a membrane time slower; R = D N, R = tau N."""
    model = as_populations(chain)
    problem = fl.discretize(model, tol=1e-8)
    state = fl.steady_state(problem)
    rates = steady_chain(chain)
    assert state.N == pytest.approx(rates, rel=1e-8)
    assert state.R == pytest.approx((np.array(model.tau) + np.array(model.dead_time)) * rates, rel=1e-9)
    modes, heard = [], 0.0
    for k, (one, speed, weight) in enumerate(chain):
        alone = fl.discretize(replace(one, current=one.current + heard), tol=1e-8)
        modes += [*fl.spectrum(alone, fl.steady_states(alone)[0], count=2).eigenvalues / speed]
        heard = weight * rates[k]
    found = fl.spectrum(problem, state, count=2).eigenvalues
    slowest = sorted(modes, key=lambda x: (-round(x.real, 6), -x.imag))[: len(found)]
    assert found == pytest.approx(np.array(slowest), rel=1e-6)


@pytest.mark.parametrize("chain", CHAINS[:2], ids=["three kinds", "two dead times"])
def test_simulated_neurons_of_a_chain_follow_its_equation(chain):
    """Rates, densities and who rests in 12 networks."""
    model, starts = as_populations(chain), [begins(one, k) for k, (one, _, _) in enumerate(chain)]
    neurons = fl.simulate_particles(
        model, neurons=1000, networks=12, t_end=0.4, dt=1e-2, start=starts, history=0.4, bins=6, seed=4, **HOW
    )
    followed = fl.evolve(fl.discretize(model, tol=1e-2), starts, 0.4, rtol=1e-3, history=0.4, **HOW)
    comparison = fl.compare(neurons, followed)
    assert comparison.independent
    assert len(comparison.densities) == len(chain)
    assert comparison.p > 0.01
    for k, resting in enumerate(followed.final.R):
        found = neurons.final.resting[neurons.final.population == k].mean()
        assert abs(found - resting) <= 4 * np.sqrt(resting / 12000)


def test_many_populations_hear_each_other_late_and_are_silent_for_a_while():
    """70 alike, so that each is the single population with their summed weight."""
    count, start = 70, vanishing(0.0, 0.5)
    ring = fl.Populations(-0.5 * np.roll(np.eye(count), 1, axis=0), current=1.0, delay=0.05, dead_time=0.1)
    how = {"rtol": 1e-3, "history": 0.1, **HOW}
    run = fl.evolve(fl.discretize(ring, tol=0.1, space=fl.SpectralElement(3)), start, 0.12, **how)
    alone = fl.NoisyLIF(b=-0.5, current=1.0, delay=0.05, dead_time=0.1)
    expected = fl.evolve(fl.discretize(alone, tol=1e-5), start, 0.12, **{**how, "rtol": 1e-6}).final
    assert np.ptp(run.final.N) < 1e-12
    assert run.final.N[0] == pytest.approx(expected.N, rel=0.02)  # a coarse mesh
    assert run.final.R[-1] == pytest.approx(expected.R, rel=5e-3)
    assert max(run.drift.values()) < 1e-13


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dead_time": -0.1}, "dead_time = -0.1; allowed are numbers >= 0"),
        ({"dead_time": [0.0, 0.1], "tau": 0.2}, "allowed is one of them for a population, population 1 has both"),
        ({"tau_m": [1.0, 0.0]}, r"tau_m = \[1.0, 0.0\]; allowed are positive numbers"),
        ({"v_fire": [2.0, 0.5]}, r"allowed are numbers below v_fire = \[2.0, 0.5\]"),
        ({"v_fire": [2.0, 2.0, 2.0]}, "allowed is a number, or 2 of them"),
        ({"drift": [fl.Leaky()]}, "allowed is a function of v, or 2 of them"),
    ],
)
def test_populations_that_cannot_be_are_refused_by_name(given, message):
    with pytest.raises(ValueError, match=message):
        fl.Populations(coupling=np.zeros((2, 2)), **given)


def test_what_a_history_and_a_start_disagree_about_is_refused():
    problem = fl.discretize(fl.Populations(np.zeros((2, 2)), dead_time=[0.2, 0.0]), tol=1e-2)
    with pytest.raises(ValueError, match=r"R_0 = 0.1, but the history fires 0.06 within the dead time"):
        fl.evolve(problem, {"n": vanishing(0, 1), "R": [0.1, 0.0]}, 0.1, history=0.3, **HOW)
    with pytest.raises(ValueError, match="allowed is 0 but for the entries"):
        fl.evolve(problem, {"n": vanishing(0, 1), "R": [0.06, 0.1]}, 0.1, history=0.3, **HOW)


def test_derivatives_where_a_parameter_brings_unknowns_of_its_own():
    """Without a1 there is no noise of the network; dF/da1 = d2n/dv2 sum of N all the same."""
    model = fl.Populations(coupling=[[0.5, -0.4], [0.3, 0.0]], current=[0.5, 0.3])
    run = fl.evolve(fl.discretize(model, tol=1e-3), fl.Gaussian(), 0.3, rtol=1e-4, **HOW)
    problem, y = run.problem, run.final.y
    h = 1e-5
    F = [problem.at(a1=k * h).rate(0.0, y) for k in range(3)]
    expected = (-1.5 * F[0] + 2 * F[1] - 0.5 * F[2]) / h
    found = problem.parameter_derivative(0.0, y, "a1")
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()
