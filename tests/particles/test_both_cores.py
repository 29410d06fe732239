"""The compiled core and numpy draw the same numbers: the same neurons fire, at times that agree to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from own_models import Own
from scipy import stats

import felif as fl
from felif.algebra import compiled
from felif.particles.batches import make_chunks
from felif.particles.network import Helpers, advance, helpers
from felif.particles.neurons import DECAY, ENTRIES, EPS, TABLE, TAU, Neurons
from felif.particles.random_numbers import ZIGGURAT, generator, normals, uniform, words
from felif.particles.stepping import set_constants, set_step
from felif.translation import law_of

pytestmark = pytest.mark.skipif(compiled.built() is None, reason="felif was installed without its compiled core")

START = fl.Gaussian(0.0, 0.25)
NEAR = fl.Gaussian(1.83, 0.003, boundary_layer=0.5)


SCATTERED = fl.jump("n", "N", lambda x: [(0.3, {"v": 0.5}), (0.7, {"v": 1.0})], at={"v": 2.0})
CASES = {
    "driven": (fl.NoisyLIF(b=0.5, current=5.0), {}),
    "one neuron": (fl.NoisyLIF(b=-0.5, current=5.0), {"neurons": 1}),
    "a synchronous spike": (fl.NoisyLIF(b=0.5), {"start": NEAR, "t_end": 0.02, "dt": 2e-3}),
    "a spike that never ends": (fl.NoisyLIF(b=1.5), {"start": 1.99}),
    "noise that grows with the rate": (fl.NoisyLIF(b=0.5, a1=0.05), {"start": NEAR, "t_end": 0.004, "dt": 2e-4}),
    "refractory": (fl.RefractoryLIF(b=0.5, tau=0.3, current=3.0), {}),
    "a dead time": (fl.NoisyLIF(b=0.5, dead_time=0.1, current=3.0), {}),
    "a random threshold": (fl.RandomThresholdLIF(b=0.5, current=3.0), {}),
    "resets drawn at random": (Own(current=3.0, resets=(SCATTERED,), firing=lambda s, m: 0.0), {}),
    "a drift with a table": (fl.NoisyLIF(b=0.5, drift=fl.Exponential(delta=0.2, v_soft=1.5), current=1.0), {}),
    "a drift without a leak": (fl.NoisyLIF(drift=lambda v: 1.0), {}),
    "a delay": (fl.NoisyLIF(b=-5.0, delay=0.33, current=1.0), {"history": lambda t: 1.0 - t}),
    "two populations": (fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0, tau=0.2), {}),
    "populations that differ": (
        fl.Populations(
            coupling=[[0.3, 0.4, -0.5], [0.6, 0.2, 0.3], [0.5, 0.7, 0.1]],
            delay=[[0.0, 0.1, 0.0], [0.05, 0, 0.123], [0.2] * 3],
            current=2.0, v_fire=[2.0, 1.7, 2.4], v_reset=[1.0, 0.3, 0.8], tau=[0, 0.2, 0], dead_time=[0.1, 0, 0],
            tau_m=[1.0, 0.5, 2.0], drift=[fl.Leaky(), fl.Quadratic(0.5), fl.Leaky(2.0)],
        ),
        {"start": fl.Gaussian(0.0, 0.1), "history": 0.3},
    ),
}  # fmt: skip


def by_both(monkeypatch, model, **given):
    settings = {"neurons": 1500, "t_end": 0.5, "dt": 0.01, "seed": 3, "record": 20, "start": START, **given}
    runs = []
    for core in ("compiled", "python"):
        monkeypatch.setenv("FELIF_CORE", core)
        runs.append(fl.simulate_particles(model, progress=False, **settings))
    return runs


@pytest.mark.parametrize("case", CASES)
def test_both_cores_make_the_same_spikes(case, monkeypatch):
    model, given = CASES[case]
    core, python = by_both(monkeypatch, model, **given)
    assert core.outcome == python.outcome
    for name in core.series:
        np.testing.assert_allclose(core.series[name], python.series[name], rtol=1e-13)  # whole numbers of spikes
    for name in core.batches:
        np.testing.assert_allclose(core.batches[name], python.batches[name], rtol=1e-13)
    np.testing.assert_allclose(core.final.v, python.final.v, atol=1e-11)
    np.testing.assert_array_equal(core.final.resting, python.final.resting)
    assert [event.generations for event in core.events] == [event.generations for event in python.events]
    for one, other in zip(core.spikes, python.spikes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)


def test_both_cores_learn_the_same_weights(monkeypatch):
    model = fl.LearningLIF(eps=0.2, K=lambda w: -1.0, sigma=lambda x: 4 * x, current=1.5, w_min=-1.0, w_max=0.0)
    start = (np.linspace(-1.0, 1.9, 500), np.linspace(-1.0, 0.0, 500))
    core, python = by_both(monkeypatch, model, neurons=500, t_end=0.3, start=start, record=0)
    np.testing.assert_allclose(core.final.w, python.final.w, atol=1e-13)


def test_variates_of_both_cores_are_the_same():
    place, count = generator(np.random.SeedSequence(5)), 100_000
    values = np.empty(count)
    compiled.built().felif_normals(compiled.pointer(ZIGGURAT), int(place[0]), count, compiled.pointer(values))
    expected = normals(words(place, 0, count))
    np.testing.assert_allclose(values, expected, rtol=1e-14)  # exp and log may differ in their last bit
    assert np.mean(values == expected) > 0.999


def population(size, law, dt, pulls=None, table=None):
    """Neurons of one population just before a step."""
    chunks, *_ = make_chunks((size,))
    random = np.random.default_rng(7)
    rests = 0.2 if law.rests else 0.0
    own = Neurons(
        chunks=chunks,
        v=np.minimum(random.normal(1.0, 0.6, size), 1.98),
        wake=np.where(random.random(size) < 0.4, random.random(size) * 2 * dt, -1.0),
        steps=np.zeros((1, ENTRIES)),
        tables=np.zeros((1, 6)) if table is None else table,
        place=generator(np.random.SeedSequence(1)),
        found=np.zeros((len(chunks), 3)),
        spikes=np.zeros((size, 8)),
        pulls=pulls,
    )
    set_constants(own.steps, law, rests, np.array([table is not None]), np.empty(0))
    set_step(own.steps[0], 1.0, 3.0, 1.0, dt, 0.0, 1.0, 0.01)
    return own


@pytest.mark.parametrize("model", [fl.NoisyLIF(), fl.RefractoryLIF(tau=0.2), fl.RandomThresholdLIF(b=0.0)])
@pytest.mark.parametrize("pulled", [False, True])
def test_a_step_moves_every_neuron_to_the_same_place(model, pulled, monkeypatch):
    """20 sizes, so that blocks of the compiled core are cut off everywhere."""
    for size in (*range(1, 10), *range(505, 516)):
        pulls = np.linspace(-1.0, 1.0, size) if pulled else None
        both = [population(size, law_of(model), 0.05, pulls) for _ in range(2)]
        for core, own in zip(("compiled", "python"), both, strict=True):
            monkeypatch.setenv("FELIF_CORE", core)
            advance(own, Helpers())
        one, other = both
        np.testing.assert_allclose(one.v, other.v, atol=1e-13)
        np.testing.assert_allclose(one.wake, other.wake, atol=1e-13)
        np.testing.assert_allclose(one.spikes, other.spikes, atol=1e-13)
        np.testing.assert_allclose(one.found, other.found, atol=1e-13)
        np.testing.assert_array_equal(one.place, other.place)


def test_helpers_change_nothing():
    """More helpers than processors: chunks are taken in any order."""
    law, alone = law_of(fl.NoisyLIF()), None
    for threads in (1, 2, 5):
        own = population(40_000, law, 0.05)
        own.steps[0, TAU] = own.steps[0, EPS] = own.steps[0, TABLE] = 0.0
        with helpers(threads) as helped:
            for _ in range(50):
                advance(own, helped)
        alone = own if alone is None else alone
        np.testing.assert_array_equal(own.v, alone.v)
        np.testing.assert_array_equal(own.found, alone.found)
    assert own.steps[0, DECAY] == pytest.approx(np.exp(-0.05))


def test_draws_of_a_network_are_independent():
    """Between neurons, from step to step, and between the word of a neuron and what it draws after it."""
    neurons, steps = 400, 500
    word = words(generator(np.random.SeedSequence(2)), 0, neurons * steps)
    normal = normals(word).reshape(steps, neurons)
    generators = word.copy()
    later = np.array([uniform(generators, np.arange(word.size)) for _ in range(3)])
    bound = 4.5 / np.sqrt(word.size)
    for lag in ((1, 0), (0, 1), (1, 1), (2, 0)):
        moved = normal[lag[0] :, lag[1] :]
        assert abs(np.mean(moved * normal[: moved.shape[0], : moved.shape[1]])) < bound
    for draw in later:
        assert stats.kstest(draw, "uniform").pvalue > 1e-3
        for power in (1, 2):
            assert abs(np.corrcoef(normal.ravel() ** power, draw)[0, 1]) < bound
    assert np.abs(np.corrcoef(later) - np.eye(3)).max() < bound
    means = normal.mean(axis=1) * np.sqrt(neurons)  # of a whole network in each step
    assert stats.kstest(means, "norm").pvalue > 1e-3
