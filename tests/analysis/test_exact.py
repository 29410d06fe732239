"""Steady states, folds and cusps: against certified values, and against what they must satisfy for any parameters."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases, seeds

import felif as fl
from felif.analysis import exact, firing_zone
from felif.analysis.steady_equation import log_rates


@dataclass(frozen=True)
class Network:
    """All parameters that a closed form can depend on."""

    b: float = 0.0
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = 1.0
    v_fire: float = 2.0
    current: float = 0.0
    tau: float = 0.0
    eps: float = 0.0


# reference-values, "Stationary firing rate N": closed form in 40 digits and finite elements; V_R = 1, V_F = 2
STEADY = [
    (1.0, 0.5, [0.13477507993525]),
    (1.0, 1.0, [0.156207006139725]),
    (1.0, 1.5, [0.192364012568479359, 2.289125707746862800]),
    (1.0, 2.0, [0.292582851472102488, 0.689433839238298271]),
    (1.0, 1.2, [0.16804496953558, 6.84223501504214]),
    (1.0, 3.0, []),
    (1.0, -1.0, [0.100202194330817763]),
    (1.0, -2.0, [0.0871985012193626]),
    (1.0, -5.0, [0.06485984623271]),
    (1.0, -10.0, [0.047335337249043635]),
    (0.5, 0.0, [0.019027129815149546548]),
    (1.0, 0.0, [0.11997596523910496621]),
    (2.0, 0.0, [0.35721126589736972493]),
]


@pytest.mark.parametrize(("a", "b", "N"), STEADY)
def test_certified_steady_rates(a, b, N):
    assert exact.steady_rates(fl.NoisyLIF(b=b, a0=a)) == pytest.approx(N, rel=5e-14)


@pytest.mark.parametrize(
    ("a", "b", "N"),
    [
        (1.0, 2.10096776045578754, 0.424224359786284124),
        (0.5, 6.10669605822591009, 0.0586446604927718),
        (2.0, 1.38794065700503145, 1.51383504335094910),
    ],
)
def test_certified_folds(a, b, N):
    (fold,) = exact.folds(fl.NoisyLIF(a0=a))
    assert fold.b == pytest.approx(b, rel=1e-14)
    assert fold.N == pytest.approx(N, rel=1e-12)  # N of a fold is a root of a derivative


@pytest.mark.parametrize(
    ("tau", "b"),
    [
        (0.05, (2.146429138231881, 1.579726051834629)),
        (0.1, (2.193862816054697, 1.827569291790583)),
        (0.2, (2.296180297710294, 2.167734940725883)),
        (0.33, ()),
    ],
)
def test_certified_refractory_folds(tau, b):
    assert [fold.b for fold in exact.folds(fl.RefractoryLIF(tau=tau))] == pytest.approx(b, rel=1e-14)


def test_certified_cusp():
    (cusp,) = exact.cusps(fl.RefractoryLIF())
    assert cusp.tau == pytest.approx(0.3254467330969838, rel=1e-13)
    assert cusp.b == pytest.approx(2.44953546218913, rel=1e-13)
    assert cusp.N == pytest.approx(0.6411371684440275, rel=1e-12)


@pytest.mark.parametrize(
    ("b", "N"), [(0, 0.06897789703879105), (2, 0.094630559109346), (5, 0.5678758563191), (8, 0.77737176060012)]
)
def test_certified_rates_of_the_random_threshold(b, N):
    assert exact.steady_rates(fl.RandomThresholdLIF(b=float(b), eps=0.05, tau=1.0)) == pytest.approx([N], rel=1e-13)


def test_certified_folds_of_the_random_threshold():
    assert exact.folds(fl.RandomThresholdLIF(eps=0.05, tau=1.0)) == ()
    low, high = exact.folds(fl.RandomThresholdLIF(eps=0.05, tau=1.0, a0=0.5))
    assert (low.b, high.b) == pytest.approx((10.3533885121516, 4.93570250701558), rel=1e-13)
    assert (low.N, high.N) == pytest.approx((0.0321878977115135, 0.445607603196249), rel=1e-12)
    assert len(exact.steady_rates(fl.RandomThresholdLIF(eps=0.05, tau=1.0, a0=0.5, b=7.0))) == 3


networks = st.builds(
    lambda **values: Network(**{**values, "v_fire": values["v_reset"] + values["v_fire"]}),
    b=st.floats(-30, 30),
    a0=st.floats(0.05, 5),
    a1=st.sampled_from([0.0, 0.0, 0.3, 2.0]),
    v_reset=st.floats(-2, 2),
    v_fire=st.floats(0.1, 3),
    current=st.floats(-3, 5),
    tau=st.sampled_from([0.0, 0.0, 0.05, 1.0]),
    eps=st.sampled_from([0.0, 0.0, 0.05, 0.7]),
)


@cases(30)
@given(networks)
def test_steady_rates_solve_the_equation_and_none_is_missing(network):
    """N T = 1 to rounding (amplified near folds); and the sign changes of N T - 1 on a fine scan are as many."""

    def defect(log_N):
        N = np.exp(log_N)
        return log_N + exact.log_interval(network, network.current + network.b * N, network.a0 + network.a1 * N).log

    found = exact.log_steady_rates(network)
    assert np.all(np.abs(defect(found)) < 1e-12)
    assert np.all(np.diff(found) > 0)
    shortest = network.tau + network.eps
    high = -np.log(shortest) if shortest else 21.0
    scan = np.linspace(-60.0, high, 3000)
    inside = found[(found > scan[0]) & (found < high)]
    assert len(inside) >= np.count_nonzero(np.diff(np.sign(defect(scan))))


@cases(12)
@given(networks)
def test_the_number_of_steady_states_changes_by_two_at_every_fold(network):
    for fold in exact.folds(network):
        if 1e-8 < fold.N and abs(fold.b) < 1e6:
            below, above = (len(exact.steady_rates(replace(network, b=fold.b * (1 + d)))) for d in (-1e-7, 1e-7))
            assert abs(below - above) == 2


@cases(30)
@given(networks, st.floats(0.02, 0.98))
def test_the_curve_over_the_rate_passes_through_every_steady_state(network, part):
    shortest = network.tau + network.eps
    for N in exact.steady_rates(network):
        if N > 1e-100 and abs(network.b * N) > 1e-3 and N * shortest < 0.999:
            b, m = exact.steady_curve_over_rate(network, N)
            assert m == pytest.approx(network.current + network.b * N, rel=1e-9, abs=1e-9)
            assert b == pytest.approx(network.b, rel=1e-6)
    N = part / shortest if shortest else 5 * part
    b, _ = exact.steady_curve_over_rate(network, N)
    near = exact.steady_rates(replace(network, b=float(b)))
    assert np.min(np.abs(near / N - 1)) < 1e-5  # a root next to a fold is good to the square root of rounding


def test_the_curve_over_the_drift_is_the_same_diagram():
    network = Network(a0=0.7, tau=0.1, current=0.3)
    b, N = exact.steady_curve(network, np.linspace(0.5, 6.0, 12))
    again, m = exact.steady_curve_over_rate(network, N)
    assert again == pytest.approx(b, rel=1e-12)
    assert m == pytest.approx(np.linspace(0.5, 6.0, 12), rel=1e-12)


def test_extreme_parameters_have_answers():
    quiet = fl.NoisyLIF(a0=0.02)
    assert exact.firing_rate(quiet) == pytest.approx(2.088226308e-43, rel=1e-8)  # a Gauss sum in 40 digits
    assert exact.firing_rate(fl.NoisyLIF(a0=0.02, current=3.0)) == pytest.approx(exact.rate(3.0, 0.02, 1.0, 2.0))
    assert len(exact.steady_rates(fl.NoisyLIF(b=-4000.0))) == 1
    low, high = exact.log_steady_rates(fl.NoisyLIF(a0=1e-4, b=1.5))
    assert low == pytest.approx(-(2.0**2) / 2e-4, rel=1e-3)
    assert 1.33 < np.exp(high) < 4
    assert exact.steady_rates(fl.NoisyLIF(a0=1e-4, b=1.5))[0] == 0.0


def test_close_to_the_asymptote_the_upper_state_is_far_up():
    # N T = (V_F - V_R)/b (1 + (V_F + V_R)/(2 b N) + ...): N = 1.5/(b - 1) to leading order
    low, high = exact.steady_rates(fl.NoisyLIF(b=1.0 + 1e-6))
    assert high * 1e-6 == pytest.approx(1.5, rel=1e-4)


def test_two_states_next_to_the_fold_are_both_found():
    fold = exact.folds(fl.NoisyLIF())[0]
    low, high = exact.steady_rates(fl.NoisyLIF(b=fold.b * (1 - 1e-12)))
    assert low < fold.N < high
    assert len(exact.steady_rates(fl.NoisyLIF(b=fold.b * (1 + 1e-12)))) == 0


def test_firing_rate_insists_on_one_answer():
    assert exact.firing_rate(fl.NoisyLIF(b=0.5)) == pytest.approx(0.13477507993525, rel=1e-13)
    for b in (1.5, 3.0):
        with pytest.raises(fl.NotConverged, match="steady states"):
            exact.firing_rate(fl.NoisyLIF(b=b))


@pytest.mark.parametrize(
    ("network", "word"),
    [
        (Network(a0=0.0), "a0"),
        (Network(v_reset=2.0), "v_reset"),
        (Network(tau=-1.0), "tau"),
        (Network(eps=-1.0), "eps"),
        (Network(current=np.nan), "current"),
        (fl.NoisyLIF(current=np.sin), "current"),
        (fl.NoisyLIF(drift=fl.Quadratic()), "drift"),
        (fl.NoisyLIF(drift=lambda v: v), "drift"),
        (fl.NoisyLIF(drift=lambda v: -v - 1e-6 * v**3), "drift"),
    ],
)
def test_models_without_closed_forms_are_refused(network, word):
    with pytest.raises(ValueError, match=word):
        exact.steady_rates(network)


def test_curve_parameters_are_checked():
    with pytest.raises(ValueError, match="a1"):
        exact.steady_curve(Network(a1=0.1), 1.0)
    with pytest.raises(ValueError, match="a1"):
        exact.cusps(Network(a1=0.1))
    with pytest.raises(ValueError, match="1/\\(tau"):
        exact.steady_curve_over_rate(Network(tau=0.5), 2.0)


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
