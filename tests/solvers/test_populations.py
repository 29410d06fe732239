"""Steady states of several populations: all of them, against quadratures, scans and Newton's method of our own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import (
    SILENT_I,
    THREE,
    Populations,
    agrees,
    as_populations,
    log_rates,
    rate_by_mpmath,
    rates,
    roots_near,
    scanned_states,
    states,
)
from randomised import cases

import felif as fl

# fault A1: rates that differ by many orders of magnitude ------------------------------------------------------------


def test_the_silent_inhibitory_population_of_the_reference():
    (state,) = found = states(SILENT_I, 1e-10)
    assert (state.N_E, state.N_I) == pytest.approx((0.0749381297001, 1.80030022e-7), rel=1e-8)
    assert state.stable
    assert found.complete
    assert "no other" in found.message


@pytest.mark.parametrize("current", [-1.0, 0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 1.2])
def test_a_state_is_found_however_silent_one_population_is(current):
    model = replace(SILENT_I, current_I=current)
    net = as_populations(model)
    (expected,) = roots_near(net, np.log([[0.07, x] for x in (1e-6, 1e-12, 1e-20, 1e-40)]))
    if current >= 0.4:
        assert [float(rate_by_mpmath(net, i, expected)) for i in (0, 1)] == pytest.approx(expected, rel=1e-10)
    found = states(model)
    agrees(found, [expected])
    assert found.complete
    assert found[0].stable


@pytest.mark.parametrize("digits", range(4, 11))
def test_a_deeply_inhibited_population_does_not_depend_on_the_tolerance(digits):
    found = states(replace(SILENT_I, a0=1.0, current_I=-6.0), 10.0**-digits)
    # Siegert's formula in 40 digits, Newton's method with differences
    assert found[0].N_E == pytest.approx(1.17288403007, rel=1e-9 + 10 * found[0].errors["N_E"])
    assert found[0].N_I == pytest.approx(5.960534247163e-13, abs=1e-14 + found[0].errors["N_I"])
    assert found.complete
    assert len(found) == 1


def test_three_states_of_the_reference_values_are_all_there_is():
    found = states(THREE, 1e-10)
    expected = [
        (0.0659323226863444, 0.128513643700094),
        (1.06453465713952, 0.313556117691895),
        (9.48601885361725, 4.39193331341884),
    ]
    assert rates(found) == pytest.approx(np.array(expected), rel=1e-8)
    assert [s.stable for s in found] == [True, False, False]
    assert found.complete


@pytest.mark.parametrize(("below", "count"), [(1e-3, 2), (1e-6, 2), (-1e-6, 0), (-1e-3, 0)])
def test_two_states_meet_at_the_fold_and_are_gone_beyond_it(below, count):
    """reference-values.md: fold of b_EE at b_IE = .75, b_EI = .5, b_II = .25."""
    model = fl.ExcitatoryInhibitoryLIF(b_EE=2.401621609983 - below, b_IE=0.75, b_EI=0.5, b_II=0.25)
    found = states(model, 1e-10)
    assert len(found) == count
    assert found.complete
    if count:
        assert [s.stable for s in found] == [True, False]


def test_at_a_fold_nothing_is_claimed_that_bounds_cannot_show():
    model = fl.ExcitatoryInhibitoryLIF(b_EE=2.401621609983, b_IE=0.75, b_EI=0.5, b_II=0.25)
    found = states(model, 1e-8)
    assert len(found) in (0, 2) or not found.complete


def test_without_states_the_message_says_that_none_can_exist():
    found = states(fl.ExcitatoryInhibitoryLIF(b_EE=5.0), 1e-6)
    assert not found
    assert found.complete
    assert "no other" in found.message


def test_populations_that_do_not_see_each_other_have_every_pair_of_states():
    """reference-values.md: N of b = 1.5, a0 = 1."""
    one = [0.192364012568479359, 2.289125707746862800]
    net = Populations((0.0, 0.0), ((1.5, 0.0), (0.0, 1.5)), (1.0, 1.0), ((0.0, 0.0),) * 2, (1.0, 1.0))
    found = states(net)
    agrees(found, [np.array([x, y]) for x in one for y in one])
    assert found.complete


def test_equally_strong_couplings_whose_determinant_vanishes():
    model = fl.ExcitatoryInhibitoryLIF(100.0, 100.0, 100.0, 100.0, a0=0.05, current_E=3.0, current_I=2.0)
    found = states(model)
    net = as_populations(model)
    assert found.complete
    assert len(found) == 1
    assert [float(rate_by_mpmath(net, i, [found[0].N_E, found[0].N_I])) for i in (0, 1)] == pytest.approx(
        rates(found)[0], rel=1e-4
    )  # of inputs 100 (N_E - N_I)


# models of users ----------------------------------------------------------------------------------------------------


def in_millivolts(J, g, K_E, K_I, nu_X, K_X):
    """Synapses of J mV (g J inhibitory), K_E, K_I and K_X of them from E, I and from outside at nu_X Hz, as in

    Sanzeni, Histed & Brunel, PLoS Comput. Biol. 16 (2020): noise of the synapses, refractory time 2 ms.
    """
    B = tuple((K_E[i] * J, -g[i] * J * K_I[i]) for i in (0, 1))
    A = tuple((K_E[i] * J**2 / 2, (g[i] * J) ** 2 * K_I[i] / 2) for i in (0, 1))
    m0, a0 = tuple(K * J * nu_X for K in K_X), tuple(K * J**2 * nu_X / 2 for K in K_X)
    return Populations(m0, B, a0, A, (0.02, 0.01), tau_rp=0.002, v_reset=10.0, v_fire=20.0)


@pytest.mark.parametrize(
    ("parameters", "expected"),  # Hz; each is checked against Newton's method on log_rates of networks.py below
    [
        (
            (0.2, (0.9, 3.9), (1043, 1031), (73, 49), 10.0, (217, 633)),
            [(0, 1.45765e-7), (2.08212, 2.1472), (474.348, 470.455)],
        ),
        (
            (0.1, (2.4, 5.0), (776, 985), (294, 129), 8.0, (960, 720)),
            [(8.30832e-5, 0), (1.43047, 0), (34.3178, 32.9146)],
        ),
        (
            (0.2, (4.5, 4.7), (634, 684), (123, 210), 7.0, (403, 457)),
            [(3.87946e-13, 0), (2.2297, 0), (412.922, 257.453)],
        ),
    ],
)
def test_networks_in_hertz_and_millivolts_with_noise_of_both_rates(parameters, expected):
    net = in_millivolts(*parameters)
    found = states(net)
    assert found.complete
    assert rates(found) == pytest.approx(np.array(expected), rel=1e-4, abs=1e-13)
    for N, state in zip(rates(found), found, strict=True):
        exact = roots_near(net, np.log(np.maximum(N, 1e-60))[None])
        agrees([state], exact[:1], 1e-7)


def test_delays_drop_out_and_refractory_scalars_follow():
    net = as_populations(replace(THREE, tau=0.1))
    alone, delayed = states(net), states(replace(net, delay=0.3))
    assert delayed.complete
    assert rates(delayed) == pytest.approx(rates(alone), rel=1e-9)
    assert len(alone) == 3
    for state in alone:
        assert (state.R_0, state.R_1) == pytest.approx((0.1 * state.N_0, 0.1 * state.N_1), rel=1e-9)
    agrees(alone, roots_near(net, np.log(rates(alone))))


def network_through(N, B, a0, A, tau_rp=0.0):
    """Inputs m0 such that the populations may fire at N: bisection of log_rates."""
    k, N, B, A = len(N), np.array(N), np.array(B), np.array(A)
    low, high = np.full(k, -300.0), np.full(k, 1e5)
    rows = lambda x: tuple(map(tuple, np.asarray(x, float).tolist()))  # noqa: E731
    alone = Populations((0.0,) * k, rows(0 * B), tuple(np.asarray(a0) + A @ N), rows(0 * B), (1.0,) * k, tau_rp=tau_rp)
    for _ in range(70):
        middle = (low + high) / 2
        more = log_rates(replace(alone, m0=tuple(middle)), N) < np.log(N)
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return Populations(tuple(low - B @ N), rows(B), tuple(a0), rows(A), (1.0,) * k, tau_rp=tau_rp)


def reached_from_anywhere(net, number, seed):
    """From random rates, and from where dz/dt = log r - z goes from there and from silence."""
    start = np.random.default_rng(seed).uniform(-20, 8, (number, len(net.m0)))
    start[0] = -60
    slow = start.copy()
    for _ in range(40):
        slow += 0.3 * np.clip(np.maximum(log_rates(net, np.exp(slow)), -115) - slow, -3, 3)
    return roots_near(net, np.concatenate([start, slow]))


def test_three_populations():
    B = [(4.0, -2.0, -1.5), (3.0, -2.0, 0.0), (2.5, -0.5, -0.2)]
    net = network_through([2.0, 1e-5, 0.8], B, [0.3, 0.1, 0.6], [(0.1, 0.05, 0), (0, 0, 0), (0.2, 0, 0.1)])
    found = states(net)
    assert found.complete
    expected = reached_from_anywhere(net, 30, 1)
    assert any(x == pytest.approx([2.0, 1e-5, 0.8], rel=1e-8) for x in expected)
    agrees(found, expected)


def test_five_populations():
    rng = np.random.default_rng(6)
    B = rng.uniform(0.2, 2.5, (5, 5)) * np.array([1, -1, 1, -1, -1])
    N = [1.2, 0.5, 1e-7, 3.0, 20.0]
    net = network_through(N, B, [0.3, 0.1, 0.6, 0.2, 1.0], 0.02 * np.abs(B), tau_rp=0.01)
    found = states(net, 1e-6)
    assert found.complete
    expected = reached_from_anywhere(net, 30, 2)
    assert any(x == pytest.approx(N, rel=1e-8) for x in expected)
    agrees(found, expected)


@cases(4)
@given(
    N=st.tuples(st.floats(-14, 3), st.floats(-14, 3)),
    b=st.tuples(*[st.floats(-2, 2)] * 4),
    a=st.tuples(*[st.floats(-1.5, 0.7)] * 2),
    noisy=st.booleans(),
)
def test_nothing_is_missed_in_random_networks_of_two(N, b, a, noisy):
    B = 10.0 ** np.array(b).reshape(2, 2) * np.array([1, -1])
    A = 0.1 * np.abs(B) / (1 + np.abs(B)) * noisy
    net = network_through(10.0 ** np.array(N), B, 10.0 ** np.array(a), A)
    if min(net.m0) < -300:
        return  # `discretize` asks for neurons that rest above -400
    found = states(net, 1e-6)
    expected = reached_from_anywhere(net, 8, 3)
    truth = 10.0 ** np.array(N)
    if not any(np.abs(np.log(x / truth)).max() < 1e-4 for x in expected):
        expected.append(truth)
    assert found.complete or "undecided" in found.message
    for x in expected:
        room = np.abs(rates(found) - x) - 1e-12 - [[s.errors["N_0"], s.errors["N_1"]] for s in found]
        assert (room <= 1e-4 * x).all(axis=1).any(), f"{x} is missing in {found}"


def test_two_populations_agree_with_a_scan_of_the_plane_of_rates():
    net = as_populations(fl.ExcitatoryInhibitoryLIF(b_EE=2.5, b_IE=1.5, b_EI=1.2, b_II=0.3, a0=0.4, current_E=-0.3))
    agrees(states(net), scanned_states(net, points=100))


# single states ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guess", [(0.0659, 0.1285), (1.06, 0.31), (9.48, 4.39)])
def test_a_guess_leads_to_the_state_near_it(guess):
    problem = fl.discretize(THREE)
    state = fl.steady_state(problem, guess=guess)
    assert (state.N_E, state.N_I) == pytest.approx(guess, rel=2e-2)
    assert fl.steady_state(problem, guess=state).N_E == pytest.approx(state.N_E, rel=1e-6)


def test_a_guess_with_a_silent_population():
    problem = fl.discretize(replace(SILENT_I, a0=1.0, current_I=-6.0))
    assert fl.steady_state(problem, guess=(1.17, 6e-13)).N_E == pytest.approx(1.17288403007, rel=1e-7)
    assert fl.steady_state(problem).N_E == pytest.approx(1.17288403007, rel=1e-7)
