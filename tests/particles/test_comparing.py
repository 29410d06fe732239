"""Neurons beside their equation: tests that reject what is wrong and are calibrated for what is right."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import kstest

import felif as fl
from felif.analysis.agreement import counts_agreement, distribution_agreement, mean_agreement

START = fl.Gaussian(0.0, 0.25)


def solved(network, t_end=1.0, **options):
    return fl.evolve(fl.discretize(network, tol=1e-5), START, t_end=t_end, rtol=1e-5, progress=False, **options)


def simulated(network, **options):
    defaults = {"neurons": 500, "networks": 20, "t_end": 1.0, "dt": 0.05, "snapshots": (0.5, 1.0), "seed": 7}
    return fl.simulate_particles(network, **{"start": START, "progress": False, **defaults, **options})


@pytest.fixture(scope="module")
def single():
    """Neurons that hear nothing, and their equation."""
    return solved(fl.NoisyLIF())


@pytest.fixture(scope="module")
def network():
    return solved(fl.NoisyLIF(b=0.5))


def test_p_values_of_correlated_means_are_uniform():
    random = np.random.default_rng(1)
    mix = random.normal(size=(4, 4))
    p = [mean_agreement(random.normal(size=(12, 4)) @ mix + 3.0, np.full(4, 3.0)).p for _ in range(500)]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_p_values_of_counts_are_uniform():
    random = np.random.default_rng(2)
    rates = np.linspace(1.0, 4.0, 25)
    p = [counts_agreement(random.poisson(rates, size=(20, 25)), rates).p for _ in range(500)]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_correlated_draws_count_as_fewer():
    twice = np.repeat(np.random.default_rng(3).random(2000), 2)
    alone = distribution_agreement(twice[::2], lambda x: x)
    assert distribution_agreement(twice, lambda x: x, inflation=2.0).p == pytest.approx(alone.p, rel=0.05)
    assert distribution_agreement(twice[:10], lambda x: x).degrees == 0  # too few for a test


def test_p_values_are_uniform_where_neurons_follow_the_equation(single):
    """35 networks of neurons that do not interact; the bias of dt = 0.05 is far below the error bars of 2000."""
    compared = [
        fl.compare(simulated(single.model, neurons=2000, networks=1, seed=k, snapshots=(0.6,)), single)
        for k in range(35)
    ]
    assert all(comparison.independent for comparison in compared)
    tests = {
        "rate": [comparison.rates["N"].test.p for comparison in compared],
        "bars": [comparison.densities[0].test.p for comparison in compared],
        "distance": [comparison.densities[0].distance.p for comparison in compared],
    }
    for name, p in tests.items():
        assert kstest(p, "uniform").pvalue > 1e-3, name
    z = [(c.rates["N"].mean - c.rates["N"].mean_expected) / c.rates["N"].mean_error for c in compared]
    assert np.std(z) == pytest.approx(1.0, abs=0.4)  # 1/sqrt(2 * 35) = 0.12, and t with 19 degrees


def test_a_network_agrees_with_its_own_equation_and_with_no_other(network):
    particles = simulated(network.model)
    comparison = fl.compare(particles, network)
    assert comparison.independent
    assert comparison.batches == 20
    assert comparison.p > 0.01
    assert [density.t for density in comparison.densities] == [0.5, 1.0]
    other = simulated(fl.NoisyLIF(b=0.5, current=0.2))
    assert fl.compare(dataclasses.replace(other, model=network.model), network).p < 1e-6


def test_expected_rate_of_a_bin_is_the_mean_of_the_equation(network):
    rate = fl.compare(simulated(network.model, bins=4), network, start=0.25).rates["N"]
    assert rate.edges == pytest.approx([0.25, 0.5, 0.75, 1.0])
    t = np.linspace(0.5, 0.75, 401)
    N = network.sample("N", t)
    assert rate.expected[1] == pytest.approx(np.trapezoid(N, t) / 0.25, rel=1e-5)  # trapezoids of 1/1600: 1e-6
    assert rate.mean_expected == pytest.approx(rate.expected.mean(), rel=1e-12)


def test_expected_densities_have_the_mass_of_the_equation(network):
    density = fl.compare(simulated(network.model), network).densities[-1]
    assert density.expected @ np.diff(density.edges) == pytest.approx(1 - 1e-3, abs=1e-5)  # a thousandth lies below
    assert density.particles @ np.diff(density.edges) == pytest.approx(1 - 1e-3, abs=2e-3)


def test_groups_of_one_network_are_not_called_independent(network):
    comparison = fl.compare(simulated(network.model, networks=1, neurons=2000), network)
    assert not comparison.independent
    assert "NOT independent" in repr(comparison)


def test_several_simulations_are_batches(network):
    several = [simulated(network.model, networks=4, seed=k) for k in (1, 2)]
    comparison = fl.compare(several, network)
    assert (comparison.batches, comparison.neurons, comparison.independent) == (8, 4000, True)
    with pytest.raises(ValueError, match="same seed"):
        fl.compare([several[0], several[0]], network)


def test_neurons_at_rest_are_counted():
    run = solved(fl.RefractoryLIF(b=0.5, tau=0.3))
    assert fl.compare(simulated(run.model), run).p > 0.01


def test_two_populations():
    run = solved(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0))
    comparison = fl.compare(simulated(run.model, neurons={"E": 500, "I": 300}), run)
    assert [*comparison.rates] == ["N_E", "N_I"]
    assert {density.name for density in comparison.densities} == {"n_E", "n_I"}
    assert comparison.p > 0.01


def test_networks_that_learn_have_a_connectivity():
    network = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)

    def start(v, w):
        return (w * (1 + w)) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))

    run = fl.evolve(fl.discretize(network, tol=1e-2), start, t_end=0.1, rtol=1e-3, progress=False)
    particles = simulated(network, start=start, t_end=0.1, dt=0.02, snapshots=(), networks=8)
    comparison = fl.compare(particles, run)
    assert [*comparison.rates] == ["Nbar"]
    assert [(density.name, density.axis) for density in comparison.densities] == [("p", "v"), ("C", "w")]
    for density in comparison.densities:
        assert density.expected @ np.diff(density.edges) == pytest.approx(1 - 1e-3, abs=2e-3)
        assert density.distance.p > 1e-3


def test_spikes_of_small_cascades_are_counted():
    run = solved(fl.NoisyLIF(b=1.0))
    particles = simulated(run.model, networks=1, neurons=400, bins=1)
    assert fl.compare(particles, run).rates["N"].mean == pytest.approx(particles.series["N"][0], rel=1e-12)


def test_too_few_spikes_make_no_test(network):
    comparison = fl.compare(simulated(network.model, neurons=2, networks=3, snapshots=()), network)
    assert np.isnan(comparison.rates["N"].test.p)
    assert "too few" in repr(comparison)


def test_pictures_and_tables_of_both(network, tmp_path):
    comparison = fl.compare(simulated(network.model), network)
    comparison.plot(tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 20_000
    folder = comparison.save(tmp_path / "comparison")
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert told["p"] == comparison.p
    assert told["particles"][0]["seed"] == 7
    rate, density = comparison.rates["N"], comparison.densities[1]
    for written, part in ((told["rates"]["N"], rate), (told["densities"][1], density)):
        assert written["test"]["p"] == part.test.p
        table = np.genfromtxt(folder / written["file"], delimiter=",", names=True)
        np.testing.assert_array_equal(table["start"], part.edges[:-1])
        for name in ("particles", "error", "expected"):
            np.testing.assert_array_equal(table[name], getattr(part, name))
    with pytest.raises(ValueError, match="already holds a comparison"):
        comparison.save(folder)
    comparison.save(folder, overwrite=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": fl.NoisyLIF(b=0.6)}, "b = 0.6"),
        ({"model": fl.RefractoryLIF(b=0.5)}, "RefractoryLIF"),
        ({"window": (1.5, 2.0)}, "no bin"),
        ({"networks": 1, "neurons": 1}, "single batch"),
    ],
)
def test_what_cannot_be_compared_is_refused(network, options, said):
    model, window = options.pop("model", network.model), options.pop("window", (None, None))
    particles = simulated(model, **options)
    with pytest.raises(ValueError, match=said):
        fl.compare(particles, network, start=window[0], end=window[1])


def test_only_simulations_and_runs_are_compared(network):
    with pytest.raises(ValueError, match="simulate_particles"):
        fl.compare([1.0], network)
    with pytest.raises(ValueError, match="simulate_particles"):
        fl.compare(network, simulated(network.model))
    with pytest.raises(ValueError, match="start = 'now'"):
        fl.compare(simulated(network.model), network, start="now")
    with pytest.raises(ValueError, match="evolve"):
        fl.compare(simulated(network.model), "run")
