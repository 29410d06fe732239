"""Steady states of several populations: all of them, against quadratures, scans and Newton's method of our own."""

from dataclasses import dataclass, replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import Populations, as_populations, log_rates, rate_by_mpmath, roots_near, scanned_states
from randomised import cases

import felif as fl
from felif import Axis, Conserved, Equations, Term, Unknown, drift, noise
from felif.firing.neurons import Neurons
from felif.firing.passage_times import LinearNeuron, Neuron
from felif.solvers import populations
from felif.solvers.boxes import _slope_bounds, all_roots

SILENT_I = fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_EI=0.3, b_IE=1.0, b_II=0.5, a0=0.05, current_E=1.5, current_I=0.7)
THREE = fl.ExcitatoryInhibitoryLIF(b_EE=3.0, b_IE=4.0, b_EI=0.6, b_II=0.0)


def states(model, tol=1e-8):
    return fl.steady_states(fl.discretize(model, tol=tol))


def rates(found):
    count = len(found[0].problem.field_names)
    return np.array([[getattr(s, name) for name in s.problem.scalar_names[:count]] for s in found])


def agrees(found, expected, rel=1e-6):
    """As many, and each within its error and `rel` of a right one."""
    assert len(found) == len(expected), f"{found}\nexpected {expected}"
    left = list(expected)
    for state, N in zip(found, rates(found), strict=True):
        room = [state.errors[name] for name in state.problem.scalar_names[: len(N)]]
        near = [x for x in left if (np.abs(N - x) <= rel * np.abs(x) + 2 * np.array(room) + 1e-13).all()]
        assert near, f"{state} is none of {left}"
        left = [x for x in left if x is not near[0]]


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


# where nothing is proved --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saturating(fl.ExcitatoryInhibitoryLIF):
    """Currents b N/(1 + N)."""

    def equations(self):
        found = super().equations()

        def current(i):
            b_E, b_I = (self.b_EE, self.b_IE) if i == "E" else (self.b_EI, self.b_II)
            return lambda s, m: getattr(s, f"I_{i}") + b_E * s.N_E / (1 + s.N_E) - b_I * s.N_I / (1 + s.N_I)

        changed = {f"current of n_{i}": current(i) for i in "EI"}
        return replace(
            found, terms=tuple(replace(t, coefficient=changed.get(t.name, t.coefficient)) for t in found.terms)
        )


def test_couplings_that_are_not_affine_are_searched_and_nothing_is_claimed():
    found = states(Saturating(b_EE=6.0, b_IE=1.0, b_EI=1.0, b_II=0.5, a0=0.3), 1e-6)
    assert not found.complete
    assert "not affine" in found.message
    assert "no other" not in found.message
    for state in found:
        x, y = state.N_E / (1 + state.N_E), state.N_I / (1 + state.N_I)
        net = Populations((6.0 * x - y, x - 0.5 * y), ((0.0, 0.0),) * 2, (0.3, 0.3), ((0.0, 0.0),) * 2, (1.0, 1.0))
        assert np.exp(log_rates(net, np.zeros(2))) == pytest.approx([state.N_E, state.N_I], rel=1e-5)
    assert len(found) == 3
    assert [s.stable for s in found] == [True, False, True]


@dataclass(frozen=True)
class TwoRandomThresholds:
    """Two uncoupled copies of RandomThresholdLIF in one weak form."""

    b: float = 8.0
    eps: float = 0.2
    tau: float = 0.2
    a0: float = 0.5
    v_reset: float = 1.0
    v_fire: float = 2.0

    def equations(self):
        unknowns, terms, conserved = [], [], []
        above, rate = {"v": (self.v_fire, np.inf)}, lambda s, m: 1 / m.eps
        for i in "01":
            n, N, R = f"n_{i}", f"N_{i}", f"R_{i}"
            unknowns += [Unknown(n, ("v",)), Unknown(N, (), "equals"), Unknown(R)]
            terms += [
                drift(n, "v", lambda x: -x.v),
                drift(n, "v", lambda x: 1.0, lambda s, m, N=N: m.b * getattr(s, N), name=f"current {i}"),
                noise(n, "v", lambda s, m: m.a0),
                Term(n, n, lambda n, phi, x: -n * phi, rate, at=above, name=f"escape {i}"),
                Term(n, R, None, lambda s, m: 1 / m.tau, at={"v": self.v_reset}, name=f"reset {i}"),
                Term(N, n, None, rate, at=above, name=f"rate {i}"),
                Term(R, N),
                Term(R, R, lambda R, phi, x: -R, lambda s, m: 1 / m.tau, name=f"leave {i}"),
            ]
            conserved.append(Conserved(f"total_{i}", {n: 1.0, R: 1.0}))
        axis = Axis("v", -np.inf, np.inf, {"reset": self.v_reset, "firing": self.v_fire})
        return Equations((axis,), tuple(unknowns), tuple(terms), tuple(conserved))


def test_random_thresholds_are_searched_as_they_are_and_nothing_is_claimed(monkeypatch):
    """The states of one: closed form of the random threshold (tests of `exact`)."""
    monkeypatch.setattr(populations, "_FROZEN_STARTS", 2)
    found = fl.steady_states(fl.discretize(TwoRandomThresholds(), tol=1e-4))
    one = [0.0075802772, 0.1315991105, 2.1466394841]
    assert not found.complete
    assert "may be others" in found.message
    left = [(x, y) for x in one for y in one]
    for N in [(s.N_0, s.N_1) for s in found]:
        near = [pair for pair in left if N == pytest.approx(pair, rel=1e-4)]
        assert near
        left.remove(near[0])
    assert len(found) >= 3


def test_boxes_that_are_left_are_named(monkeypatch):
    monkeypatch.setattr(populations, "_MOST", {2: 20})
    found = states(THREE, 1e-6)
    assert not found.complete
    assert "left undecided" in found.message
    assert "N_E from" in found.message
    assert len(found) == 3  # found by Newton's method from many places


# what the proof stands on -------------------------------------------------------------------------------------------


def test_mean_times_and_their_slopes_against_mpmath():
    neuron = LinearNeuron(0.5, 1.0, -1.0, 2.0)
    for m, a in ((-3.0, 0.8), (40.0, 2.0)):

        def time(m, a):
            mean, root = (m + 1) / mpmath.mpf(0.5), mpmath.sqrt(2 * a / mpmath.mpf(0.5))
            ends = mpmath.linspace((-1 - mean) / root, (2 - mean) / root, 9)
            integral = mpmath.quad(lambda x: mpmath.exp(x * x) * mpmath.erfc(-x), ends)
            return mpmath.log(mpmath.sqrt(mpmath.pi) / 0.5 * integral)

        with mpmath.workdps(22):
            expected = time(m, a), *(-mpmath.diff(time, (m, a), order) for order in ((1, 0), (0, 1)))
        found = neuron(np.array([m]), np.array([a]))
        for value, exact in zip(found, expected, strict=True):
            assert value[0] == pytest.approx(float(exact), rel=1e-8, abs=1e-10)


def test_tables_of_other_drifts_against_the_double_integral():
    """log T of an exponential neuron, trapezoidal rule on 4,000 points in v from -12 to V_F, extrapolated."""
    drift = lambda v: -v + 0.2 * np.exp((v - 1.5) / 0.2)  # noqa: E731
    table = Neuron(drift, 0.0, 3.0, (0.4, 0.4), 50.0)

    def log_time(m, points):
        v = np.linspace(-12.0, 3.0, points)
        potential = np.concatenate([[0.0], np.cumsum((drift(v[1:]) + drift(v[:-1])) / 2 + m) * (v[1] - v[0]) / 0.4])
        inner = np.exp(potential)
        below = np.concatenate([[0.0], np.cumsum((inner[1:] + inner[:-1]) / 2) * (v[1] - v[0])])
        outer = np.where(v >= 0, below / inner / 0.4, 0.0)
        first = np.searchsorted(v, -1e-9)
        return np.log(np.trapezoid(outer[first:], v[first:]))

    for m in (-2.0, 0.0, 1.0, 8.0):
        expected = (4 * log_time(m, 60001) - log_time(m, 30001)) / 3
        assert table(np.array([m]), np.array([0.4])).log[0] == pytest.approx(expected, abs=1e-4)


@cases(20)
@given(
    m=st.tuples(st.floats(-6, 8), st.floats(0, 4)),
    a=st.tuples(st.floats(-3, 2), st.floats(0, 2)),
    inside=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=6, max_size=6),
)
def test_rates_and_slopes_lie_between_the_bounds_of_their_box(m, a, inside):
    class One:
        count, error, aN, tau = 1, 1e-9, np.ones((1, 1)), 0.3

        def log_rate(self, u, a, slopes=True):
            log, by_m, by_a = LinearNeuron(1.0, 0.0, 1.0, 2.0)(u, a)
            full = np.logaddexp(log, np.log(self.tau))
            return np.maximum(-full, -200.0), by_m * np.exp(log - full), by_a * np.exp(log - full)

    low, high = (m[0], np.exp(a[0])), (m[0] + m[1], np.exp(a[0] + a[1]))
    by_u, by_a, logs, _ = _slope_bounds(One(), *(np.array([[x]]) for x in (low[0], high[0], low[1], high[1])))
    for s, t in inside:
        point = [np.array([[x + part * (y - x)]]) for part, x, y in zip((s, t), low, high, strict=True)]
        log, slope_u, slope_a = One().log_rate(*point)
        assert logs[0] - 1e-9 <= log <= logs[1] + 1e-9
        if log > -200:
            assert by_u[0] <= slope_u <= by_u[1]
            assert by_a[0] <= slope_a <= by_a[1]


def test_drift_that_speeds_up_is_proved_where_the_noise_is_constant_only():
    model = fl.ExcitatoryInhibitoryLIF(
        0.5, 0.4, 0.6, 0.1, a0=0.2, v_reset=0.0, v_fire=3.0, drift=fl.Exponential(0.2, 1.5)
    )
    found = states(model, 1e-6)
    assert found.complete
    assert len(found) == 1
    problem = found[0].problem
    neurons = Neurons(problem, 0.0, np.ones(2), 1e4)
    assert np.exp(neurons.log_rates(rates(found)))[0] == pytest.approx(rates(found)[0], rel=1e-3)


def test_few_boxes_are_looked_at_in_ordinary_networks():
    neurons = Neurons(fl.discretize(SILENT_I), 0.0, np.ones(2), 1e4)
    assert all_roots(neurons, 1e4, 1000).boxes < 40
    neurons = Neurons(fl.discretize(THREE), 0.0, np.ones(2), 1e4)
    assert all_roots(neurons, 1e4, 1000).boxes < 200
