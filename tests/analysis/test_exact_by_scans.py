"""Closed forms of steady rates against another integral, scanned, and in other units."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaky_networks import Network, networks
from randomised import cases, seeds

import felif as fl
from felif.analysis import exact, firing_zone
from felif.analysis.steady_equation import log_rates

# a second method: int_0^inf e^{-s^2/2} (e^{s y_F} - e^{s y_R})/s ds by Gauss panels (Brunel & Hakim 1999), scanned

_S, _WEIGHT = np.polynomial.legendre.leggauss(20)


def log_interval_by_s(m, a, v_reset, v_fire):
    """log of the mean interval of the leaky neuron, arrays m and a: the integrand about its largest value."""
    y_fire, width = (v_fire - m) / np.sqrt(a), (v_fire - v_reset) / np.sqrt(a)
    reach = np.where(y_fire > -5, np.maximum(y_fire, 0) + 9.5, 45 / np.maximum(-y_fire, 1))
    ends = np.concatenate([[0.0], np.geomspace(1e-4, 0.12, 8), np.linspace(0.12, 1, 40)[1:]])
    panels = np.diff(ends)[:, None] * 0.5
    s = reach[:, None] * (ends[:-1, None] + panels * (_S + 1)).ravel()
    weight = reach[:, None] * (panels * _WEIGHT).ravel()
    top = 0.5 * np.maximum(y_fire, 0)[:, None] ** 2
    part = np.exp(s * y_fire[:, None] - 0.5 * s**2 - top) * -np.expm1(-s * width[:, None]) / s
    return top[:, 0] + np.log(np.sum(part * weight, axis=1))


def scanned(network, low=np.log(1e-14), high=np.log(1e4), points=4000):
    """log N where x + log T changes its sign between points of a fine scan, good to the square of its spacing."""
    x = np.linspace(low, high, points)
    N = np.exp(x)
    f = log_interval_by_s(network.current + network.b * N, network.a0 + network.a1 * N, network.v_reset, network.v_fire)
    f = x + np.logaddexp(f, np.log(max(network.tau, 1e-300)))
    i = np.flatnonzero((f[:-1] > 0) != (f[1:] > 0))
    return x[i] - f[i] * (x[i + 1] - x[i]) / (f[i + 1] - f[i])


def random_network(seed):
    """One population: a1 to 30, a0 from .01, b of both signs, thresholds from .003 to 3 above V_R, currents."""
    rng = np.random.default_rng([seed, 15])
    v_reset = rng.uniform(-1, 1.5)
    return Network(
        b=float(rng.choice([-1, 1]) * 10 ** rng.uniform(-1.5, 1.2)),
        a0=float(10 ** rng.uniform(-2, 0.7)),
        a1=float(rng.choice([0.0, 10 ** rng.uniform(-1, np.log10(30))])),
        v_reset=v_reset,
        v_fire=v_reset + float(10 ** rng.uniform(-2.5, 0.5)),
        current=rng.uniform(-1, 3),
        tau=float(rng.choice([0.0, 0.0, 10 ** rng.uniform(-2, 0)])),
    )


@pytest.mark.parametrize("seed", seeds(12))
def test_a_fine_scan_of_another_integral_finds_the_same_states_and_no_others(seed):
    network = random_network(seed)
    found = exact.log_steady_rates(network)
    found = found[(found > np.log(1e-14)) & (found < np.log(1e4))]
    assert found == pytest.approx(scanned(network), abs=1e-3)


@pytest.mark.parametrize(
    ("model", "N"),
    [  # a fine scan in 30 digits
        (fl.NoisyLIF(b=0.36788, a0=0.2737, a1=10.27, current=1.40104), [11.413237667498]),
        (fl.NoisyLIF(b=-0.6, a0=1.0, a1=15.0), [3.956536311046]),
        (fl.NoisyLIF(a0=0.06, a1=5.0, current=0.95), [1.8706017841538e-4, 0.013575760606163, 2.448852571854]),
    ],
)
def test_noise_that_grows_with_activity_whatever_its_size(model, N):
    assert exact.steady_rates(model) == pytest.approx(N, rel=1e-12)


@cases(15)
@given(networks, st.sampled_from([0.05, 1000.0]), st.floats(-70, 70))
def test_a_model_in_other_units_has_the_same_states(network, g, E):
    """Drift -g (v - E): potentials from E, times in 1/g; the current's and the noise's rates scale with g."""
    scaled = replace(
        network,
        a0=g * network.a0,
        current=g * network.current,
        v_reset=network.v_reset + E,
        v_fire=network.v_fire + E,
        tau=network.tau / g,
        eps=network.eps / g,
    )
    object.__setattr__(scaled, "drift", fl.Leaky(g, E))
    here, there = exact.log_steady_rates(network), exact.log_steady_rates(scaled)
    assert there - np.log(g) == pytest.approx(here, abs=1e-6)  # near folds; differences of potentials are rounded
    for x, y in zip(here, there, strict=True):
        N = np.exp(y)
        m, a = E + (scaled.current + scaled.b * N) / g, scaled.a0 + scaled.a1 * N
        assert exact.log_interval(scaled, m, a).log == pytest.approx(-y, abs=1e-9 * (1 + abs(x)))


def test_folds_curves_and_densities_in_millivolts_and_milliseconds():
    """Leaky(1/20 ms, -65 mV); 1 and 2 of the lecture's units stand at -60 and -55 mV: 5 mV each."""
    model = fl.NoisyLIF(a0=25 / 20, v_reset=-60.0, v_fire=-55.0, drift=fl.Leaky(1 / 20, -65.0))
    (fold,) = exact.folds(model)
    assert fold.b == pytest.approx(5 * 2.10096776045578754, rel=1e-12)
    assert fold.N == pytest.approx(0.424224359786284124 / 20, rel=1e-10)
    b, N = exact.steady_curve(model, fold.m)
    assert (b, N) == (pytest.approx(fold.b, rel=1e-12), pytest.approx(fold.N, rel=1e-12))
    assert exact.drift_centre(model, fold.N) == pytest.approx(fold.m, rel=1e-12)
    from felif.analysis.density import cut_below, density, tail_mass

    rate = exact.firing_rate(model)
    assert rate == pytest.approx(0.11997596523910496621 / 20, rel=1e-12)
    v = np.linspace(-64.0, -55.5, 5)
    assert density(model, rate, v) == pytest.approx(density(fl.NoisyLIF(), 20 * rate, (v + 65) / 5) / 5, rel=1e-11)
    assert tail_mass(model, rate, cut_below(model, rate, 1e-6)) == pytest.approx(1e-6, rel=1e-9)


def test_a_dead_time_lengthens_every_interval_like_a_refractory_time():
    for b in (-2.0, 0.5, 1.9):
        resting, dead = Network(b=b, tau=0.1), Network(b=b)
        object.__setattr__(dead, "dead_time", 0.1)
        assert exact.steady_rates(dead) == pytest.approx(exact.steady_rates(resting), rel=1e-14)
    both = Network(tau=0.04)
    object.__setattr__(both, "dead_time", 0.06)
    assert [f.b for f in exact.folds(both)] == pytest.approx((2.193862816054697, 1.827569291790583), rel=1e-13)
    (cusp,) = exact.cusps(both)
    assert cusp.tau == pytest.approx(0.3254467330969838 - 0.06, rel=1e-12)


def test_the_ratio_behind_the_random_threshold_increases_and_is_convex():
    """What the completeness of steady states with eps rests on, beside the signs of integrals; R against mpmath."""
    mp = pytest.importorskip("mpmath")
    y = np.linspace(-30, 30, 241)
    for eps in (1e-3, 0.05, 0.7, 5.0, 100.0):
        _, first, second = firing_zone.ratio(y, 1 / eps, 2)
        assert first.min() > 0
        assert second.min() > -1e-13 * np.abs(second).max()
    for place in (-3.0, 0.4, 5.0):
        nu = mp.mpf(20)
        expected = mp.pcfd(-nu, place) / (nu * mp.pcfd(-nu - 1, place))
        assert firing_zone.ratio(np.array([place]), 20.0)[0, 0] == pytest.approx(float(expected), rel=1e-12)


def test_a_pair_that_rounding_does_not_separate_is_reported():
    fold = exact.folds(fl.NoisyLIF())[0]
    model = fl.NoisyLIF(b=fold.b)
    if log_rates(model := exact.network_of(model)).doubtful:
        with pytest.warns(UserWarning, match="meet to rounding"):
            exact.steady_rates(model)
    else:
        assert len(exact.steady_rates(model)) in (0, 2)
