"""Steady states, folds and cusps: against certified values, and against what they must satisfy for any parameters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaky_networks import Network, networks
from randomised import cases

import felif as fl
from felif.analysis import exact

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
