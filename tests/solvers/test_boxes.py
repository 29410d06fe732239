"""Steady rates of populations: what the search in boxes of rates stands on, and where nothing is proved."""

from dataclasses import dataclass, replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import SILENT_I, THREE, Populations, log_rates, rates, states
from randomised import cases

import felif as fl
from felif import Axis, Conserved, Equations, Term, Unknown, drift, noise
from felif.firing.passage_times import LinearNeuron, Neuron
from felif.firing.resting_neurons import Neurons
from felif.solvers import populations
from felif.solvers.boxes import _slope_bounds, all_roots


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


def test_random_thresholds_are_searched_as_they_are_and_nothing_is_claimed(tune):
    """The states of one: closed form of the random threshold (tests of `exact`)."""
    tune(populations, "SEARCH", frozen_starts=2)
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
