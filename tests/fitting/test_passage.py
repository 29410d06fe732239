"""Interspike intervals from the equation: closed forms, renewal, conservation, and what must be refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

import felif as fl
from felif.analysis import exact
from felif.analysis.exact_time import first_passage_density
from felif.models.first_spike import FirstSpike

NEURONS = [
    fl.NoisyLIF(),
    fl.NoisyLIF(current=-2.0),
    fl.NoisyLIF(current=10.0),
    fl.NoisyLIF(current=3.0, a0=0.01),  # nearly deterministic: cv = 0.12
    fl.NoisyLIF(current=1.5, a0=0.1, v_reset=0.0),
    fl.RefractoryLIF(current=1.0, tau=0.3),
    fl.RandomThresholdLIF(b=0.0, current=1.0),
]
AT_REST = fl.NoisyLIF(current=2.0)
T = np.geomspace(1e-3, 20.0, 300)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_mean_is_one_over_the_rate_and_the_density_integrates_to_one(neuron):
    interval = fl.first_passage(neuron)
    assert interval.mean * exact.firing_rate(neuron) == pytest.approx(1.0, abs=1e-9)  # at most 2e-11 measured
    # rounding of what leaves, 1e-13 per mean (felif/evolution/laplace.py): for a mean of 1931 4e-11 measured with the
    # BLAS of one processor and 1.4e-10 with that of another; at most 2e-12 for the others
    assert interval.integral == pytest.approx(1.0, abs=max(1e-10, 1e-13 * interval.mean))


def test_density_of_the_threshold_at_rest_is_the_closed_form():
    """I = V_F: P(T > t) = erf(|x0|/sqrt(2(e^{2t}-1)))."""
    f, S = fl.first_passage(AT_REST).both(T)
    assert np.abs(f - first_passage_density(T, 1.0, 1.0)).max() < 1e-10  # 5e-12 measured
    assert np.abs(S - erf(1 / np.sqrt(2 * np.expm1(2 * T)))).max() < 1e-11


@pytest.mark.parametrize("a0", [0.001, 0.004, 0.01, 0.05])
def test_narrow_densities_of_the_threshold_at_rest(a0):
    """cv from 0.27 to 0.5, where one kind of contour hands over to the other."""
    f = fl.first_passage(fl.NoisyLIF(current=2.0, a0=a0)).density(T)
    reference = first_passage_density(T, 1.0, a0)
    assert np.abs(f - reference).max() < 1e-9 * reference.max()  # 1.4e-10 measured, at a0 = 0.01


def test_density_is_accurate_relative_to_itself():
    t = np.array([0.01, 0.015, 0.05, 5.0, 10.0])  # f from 5e-9 to 1 and down to 4e-5
    np.testing.assert_allclose(fl.first_passage(AT_REST).density(t), first_passage_density(t, 1.0, 1.0), rtol=2e-9)


def test_slowest_decay_of_the_threshold_at_rest_is_one():
    assert fl.first_passage(AT_REST).decay == pytest.approx(1.0, abs=1e-9)  # the first odd Hermite function


def test_first_spike_from_elsewhere():
    f = fl.first_passage(AT_REST, start=-0.5).density(T)
    assert np.abs(f - first_passage_density(T, 2.5, 1.0)).max() < 1e-10


def test_cv_is_that_of_siegert_and_brunel():
    """cv^2 = 2 pi N^2 int e^{x^2} int_{-inf}^x e^{y^2} (1 + erf y)^2 dy dx (Brunel 2000, appendix A), tau = 1."""
    neuron = fl.NoisyLIF(current=1.0, a0=0.5)
    low, high = ((v - neuron.current) / np.sqrt(2 * neuron.a0) for v in (neuron.v_reset, neuron.v_fire))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x = low + (high - low) * (nodes + 1) / 2
    inner = [
        np.sum(weights * (u := (t + 9) / 2) * np.exp((y := -9 + u * (nodes + 1)) ** 2) * (1 + erf(y)) ** 2) for t in x
    ]
    variance = 2 * np.pi * np.sum(weights * (high - low) / 2 * np.exp(x**2) * inner)
    interval = fl.first_passage(neuron)
    assert interval.variance == pytest.approx(variance, rel=1e-9)
    assert interval.cv == pytest.approx(np.sqrt(variance) * exact.firing_rate(neuron), rel=1e-9)


def test_refractory_time_is_added_to_the_interval():
    """Interval = passage + exponential time: means and variances add."""
    alone = fl.first_passage(fl.NoisyLIF(current=1.0))
    resting = fl.first_passage(fl.RefractoryLIF(current=1.0, tau=0.3))
    assert resting.mean == pytest.approx(alone.mean + 0.3, rel=1e-11)
    assert resting.variance == pytest.approx(alone.variance + 0.3**2, rel=1e-10)
    first = fl.first_passage(fl.RefractoryLIF(current=1.0, tau=0.3), start=1.0)  # up to the spike: no rest
    np.testing.assert_allclose(first.density(T), alone.density(T), rtol=1e-6, atol=1e-11)


def test_a_random_threshold_that_fires_at_once_is_a_threshold():
    gap = [
        fl.first_passage(fl.RandomThresholdLIF(b=0.0, eps=eps, tau=eps)).mean - fl.first_passage(fl.NoisyLIF()).mean
        for eps in (4e-4, 1e-4)
    ]
    assert gap[0] / gap[1] == pytest.approx(2.0, rel=0.05)  # a layer of width sqrt(a eps)


def test_a_neuron_of_a_network_fires_at_its_rate():
    network = fl.NoisyLIF(b=1.5)
    for state in fl.steady_states(fl.discretize(network, tol=1e-9)):
        assert fl.first_passage(network, rate=state.N).mean == pytest.approx(1 / state.N, rel=1e-8)
    delayed = fl.NoisyLIF(b=-4.0, delay=0.5, a1=0.1)
    N = exact.firing_rate(delayed)
    assert fl.first_passage(delayed, rate=N).mean == pytest.approx(1 / N, rel=1e-9)


def test_renewal_gives_the_rate_in_time():
    """N = f + f * N for neurons that start at V_R; the network's own equation says the same."""
    neuron = fl.NoisyLIF(current=1.0)
    problem = fl.discretize(neuron, fl.interval(neuron, cells=20))
    impulse = (np.abs(problem.nodes[:-1] - neuron.v_reset) < 1e-12) / problem.mass.data[0]
    run = fl.evolve(problem, fl.State(problem, 0.0, impulse), 1.0, rtol=1e-9)
    x, w = (p / 2 for p in np.polynomial.legendre.leggauss(80))
    s = x + 0.5
    f = fl.first_passage(neuron)
    assert run.sample("N", 1.0) == pytest.approx(f.density(1.0) + w @ (f.density(1 - s) * run.sample("N", s)), rel=1e-6)


def test_current_in_time_is_integrated_step_by_step():
    f, S = (interval := fl.first_passage(fl.NoisyLIF(current=lambda t: 2.0), tol=1e-8)).both(T)
    assert np.abs(f - first_passage_density(T, 1.0, 1.0)).max() < 1e-7
    assert interval.mean * exact.firing_rate(AT_REST) == pytest.approx(1.0, abs=1e-8)
    assert interval.integral == pytest.approx(1.0, abs=1e-8)


def test_current_that_grows_like_the_memory_fades():
    """I = V_F + c e^t: in tau = (e^{2t} - 1)/2 a Brownian motion of variance 2 a tau meets the line L - c tau."""
    c, L, a = 0.5, 1.0, 0.7
    law = fl.first_passage(fl.NoisyLIF(current=lambda t: 2.0 + c * np.exp(t), a0=a), tol=1e-8)
    t = np.linspace(0.02, 2.0, 60)
    tau = np.expm1(2 * t) / 2
    f = np.exp(2 * t) * L / np.sqrt(4 * np.pi * a * tau**3) * np.exp(-((L - c * tau) ** 2) / (4 * a * tau))
    assert np.abs(law.density(t) - f).max() < 1e-7
    x, w = np.polynomial.legendre.leggauss(400)  # its mean, in log tau
    u = np.exp(-7 + 14 * (x + 1) / 2)
    g = L / np.sqrt(4 * np.pi * a * u**3) * np.exp(-((L - c * u) ** 2) / (4 * a * u))
    assert law.mean == pytest.approx(np.sum(7 * w * u * g * np.log1p(2 * u) / 2), rel=1e-7)


def test_current_that_steps_up():
    """Before the step the interval is that of the first current."""
    interval = fl.first_passage(fl.NoisyLIF(current=fl.Piecewise((0.5,), (2.0, 6.0))), tol=1e-7)
    t = np.linspace(0.0, 0.49, 9)
    np.testing.assert_allclose(interval.survival(t), fl.first_passage(AT_REST).survival(t), atol=1e-7)
    assert interval.mean < fl.first_passage(AT_REST).mean
    later = fl.first_passage(fl.NoisyLIF(current=fl.Piecewise((0.5,), (6.0, 2.0))), t_start=0.5, tol=1e-7)
    assert later.mean == pytest.approx(fl.first_passage(AT_REST).mean, rel=1e-7)


def test_a_density_up_to_a_time():
    some = fl.first_passage(fl.NoisyLIF(current=lambda t: 2.0), t_end=1.0, tol=1e-7)
    assert some.survival(1.0) == pytest.approx(fl.first_passage(AT_REST).survival(1.0), abs=1e-7)
    with pytest.raises(ValueError, match=r"t = 1.1; allowed are times up to t_end - t_start = 1.0"):
        some.density(1.1)


def test_first_spike_through_a_random_threshold():
    """The rest after the spike is not counted: means differ by tau."""
    model = fl.RandomThresholdLIF(b=0.0, tau=0.7, current=1.0)
    assert fl.first_passage(model).mean - fl.first_passage(model, start=1.0).mean == pytest.approx(0.7, rel=1e-10)


def test_quantiles_and_samples():
    interval = fl.first_passage(AT_REST)
    p = np.array([0.0, 1e-9, 0.3, 0.5, 0.999999])
    np.testing.assert_allclose(1 - interval.survival(interval.quantile(p)), p, atol=1e-12)
    sample = interval.sample(4000, seed=3)
    assert sample.mean() == pytest.approx(interval.mean, rel=4 * interval.cv / np.sqrt(4000))
    assert np.array_equal(sample, interval.sample(4000, seed=3))


def test_mass_and_spikes_add_up_to_one():
    problem = fl.discretize(FirstSpike.of(fl.NoisyLIF(current=1.0)), tol=1e-6)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), 2.0)
    assert run.series["total"] == pytest.approx(1.0, abs=1e-12)
    assert 0 < run.final.fired < 1


def test_a_problem_brings_its_mesh():
    neuron = fl.NoisyLIF()
    errors = []
    for cells in (8, 16):
        problem = fl.discretize(neuron, fl.interval(neuron, -8.0, cells), space=fl.SpectralElement(3))
        errors.append(abs(fl.first_passage(problem).mean * exact.firing_rate(neuron) - 1))
    assert errors[1] < errors[0] / 20  # order 2 x 3
    assert fl.first_passage(fl.discretize(neuron)).problem.degree == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": 2.0}, "start = 2.0; allowed is a number below v_fire"),
        ({"start": float("nan")}, "start = nan"),
        ({"rate": -1.0}, "rate = -1.0; allowed is a finite number >= 0, or None"),
        ({"t_end": 0.0}, "t_end = 0.0; allowed is None or a number above t_start"),
        ({"tol": 1.0}, "tol = 1.0; allowed is a finite number >= 1e-13 and <= 0.01"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        fl.first_passage(fl.NoisyLIF(), **arguments)


def test_what_has_no_interval_is_refused():
    with pytest.raises(ValueError, match="depends on the firing rate of the network; give that as a number"):
        fl.first_passage(fl.NoisyLIF(b=1.5))
    with pytest.raises(ValueError, match="allowed is one, over v"):
        fl.first_passage(fl.ExcitatoryInhibitoryLIF())
    with pytest.raises(ValueError, match="cells between .* allowed are 5000: give a start nearer to v_fire"):
        fl.first_passage(fl.NoisyLIF(), start=-1e6)
    with pytest.raises(ValueError, match="count = -1; allowed is a whole number from 1"):
        fl.first_passage(fl.NoisyLIF(current=2.0)).sample(-1)
    with pytest.raises(ValueError, match="allowed is a model or a problem"):
        fl.first_passage(3.0)
    with pytest.raises(fl.NotConverged, match="rounding hides"):
        fl.first_passage(fl.NoisyLIF(current=-10.0))
    with pytest.raises(fl.NotConverged, match="give a later t_end"):
        fl.first_passage(fl.NoisyLIF(current=lambda t: 0.0), t_end=1.0, tol=1e-4).mean  # noqa: B018
    with pytest.raises(ValueError, match="allowed are finite numbers >= 0"):
        fl.first_passage(fl.NoisyLIF()).density(-1.0)
    with pytest.raises(ValueError, match=r"allowed are numbers in \[0, 1\)"):
        fl.first_passage(fl.NoisyLIF()).quantile(1.0)


@pytest.mark.parametrize("a0", [0.03, 0.005])
def test_a_narrow_passage_before_a_long_rest(a0):
    """The density has a front at t0 = log((I - V_R)/(I - V_F)): that of the passage, convolved with e^{-t/tau}/tau."""
    tau, x, w = 1.3, *np.polynomial.legendre.leggauss(400)
    rest = fl.first_passage(fl.RefractoryLIF(current=7.0, a0=a0, tau=tau))
    alone = fl.first_passage(fl.NoisyLIF(current=7.0, a0=a0))
    assert rest.integral == pytest.approx(1.0, abs=1e-12)  # 1e-13 measured
    for t in (0.1, 0.17, 0.182, 0.2, 0.5, 3.0, 20.0):
        low, high = max(0.0, min(0.05, t - 0.1)), min(t, 0.6)  # nearly all passages
        s = low + (high - low) * (x + 1) / 2
        own = (high - low) / 2 * (w * np.exp(-(t - s) / tau) / tau) @ alone.density(s)
        assert rest.density(t) == pytest.approx(own, abs=1e-10)  # at most 2e-11 measured


def test_random_thresholds_at_little_noise():
    """A front again, behind which neurons wait for eps; windows that do not agree are not used."""
    law = fl.first_passage(fl.RandomThresholdLIF(b=0.0, eps=1.0, tau=0.1, current=3.0, a0=0.01))
    assert law.integral == pytest.approx(1.0, abs=1e-12)
    assert law.density(np.geomspace(1e-3, 30.0, 500)).min() > -1e-10
