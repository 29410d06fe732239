"""Theorems on learning networks: stationary outputs, representation, discrimination. Reference numbers are certified by
two computations (quadrature in 40 digits and finite elements)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

import felif as fl
from felif.analysis.learning_representation import amplitudes
from felif.analysis.neuron_rate import log_rate
from felif.analysis.quadrature import integrate, roots
from felif.analysis.rate_table import RateTable

INHIBITORY = fl.LearningLIF(eps=0.0, K=-1.0, sigma=lambda x: 4 * x, current=1.5, w_min=-1.0, w_max=0.0)
EXCITATORY = fl.LearningLIF(eps=0.0, K=1.0, sigma=lambda x: x, current=0.0, w_min=0.0, w_max=3.0)
BELL = lambda w: 630 * w**4 * (1 + w) ** 4
PARABOLA = lambda w: 6 * w * (3 - w) / 27


def random_network(rng, excitatory=False):
    """A network with inputs and noise of all sizes, and a rough connectivity (not of mass 1)."""
    waves = rng.uniform(-1, 1, (3, 3))
    wave = lambda k, w: sum(c * np.sin((j + 1) * np.pi * w + c) for j, c in enumerate(waves[k]))
    span = float(rng.uniform(0.3, 2.0))
    strength, level = rng.uniform(0.0, 4.0), rng.uniform(-1.0, 3.0)
    response = [lambda x: strength * x, lambda x: strength * np.tanh(x), lambda x: strength * x / (1 + x)]
    model = fl.LearningLIF(
        eps=0.0,
        K=-1.0,
        sigma=response[rng.integers(1, 3) if excitatory else rng.integers(3)],
        current=lambda w: level + wave(0, w),
        w_min=0.0 if excitatory else -span,
        w_max=span if excitatory else 0.0,
        a0=float(rng.uniform(0.2, 2.0)),
        v_reset=float(rng.uniform(-1.0, 1.5)),
        v_fire=float(rng.uniform(1.6, 3.0)),
    )
    return model, lambda w: np.exp(wave(1, w)) * np.abs(w) / span, lambda w: level + wave(2, w)


# stationary output -----------------------------------------------------------------------------------------------


def test_inhibitory_output_is_the_reference():
    state = fl.stationary_output(INHIBITORY, BELL)
    assert state.Nbar == pytest.approx(0.370964144791024, abs=1e-14)
    assert state.N(-0.5) == pytest.approx(0.894439216235642, abs=1e-14)
    assert state.mass == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_array_equal(state.N(np.array([-1.5, 0.5])), 0.0)


def test_output_solves_its_equation_by_another_quadrature():
    model = replace(INHIBITORY, a0=0.7, v_reset=0.4, v_fire=1.9, current=lambda w: 1 + w, sigma=np.tanh)
    Nbar = fl.stationary_output(model, BELL).Nbar

    def rate(m):  # Siegert's integral, in the variable of the first-passage problem
        f = lambda u: np.exp(-0.5 * u**2 + (1.9 - m) / 0.7**0.5 * u) - np.exp(-0.5 * u**2 + (0.4 - m) / 0.7**0.5 * u)
        return 1 / quad(lambda u: f(u) / u, 0, 20, epsabs=0, epsrel=1e-12)[0]

    total = quad(lambda w: BELL(w) * rate(1 + w + w * np.tanh(Nbar)), -1, 0, epsrel=1e-10)[0]
    assert total == pytest.approx(Nbar, rel=1e-10)


def test_all_outputs_of_an_excitatory_network_are_found():
    found = [s.Nbar for s in fl.stationary_outputs(EXCITATORY, PARABOLA)]
    assert found == pytest.approx([0.197030105616792, 2.00843892419426], abs=1e-13)
    assert fl.stationary_output(EXCITATORY, PARABOLA, guess=2.5).Nbar == pytest.approx(found[1], rel=1e-15)
    with pytest.raises(fl.NotConverged, match=r"there are 2 solutions, Nbar = \[0.197.*choose one by guess"):
        fl.stationary_output(EXCITATORY, PARABOLA)


def test_beyond_the_fold_there_is_no_output_and_just_before_it_there_are_two():
    with pytest.raises(fl.NotConverged, match="excites itself without bound"):
        fl.stationary_output(replace(EXCITATORY, sigma=lambda x: 1.4 * x), PARABOLA)
    low, high, close = 1.3, 1.35, None
    for _ in range(14):  # bisection for the fold: both states are found until they are close
        k = 0.5 * (low + high)
        found = fl.stationary_outputs(replace(EXCITATORY, sigma=lambda x, k=k: k * x), PARABOLA)
        low, high, close = (k, high, found) if found else (low, k, close)
    assert len(close) == 2
    assert close[1].Nbar - close[0].Nbar < 0.02  # like the root of what is left of k: (high - low) = 3e-6


def test_silence_is_the_output_of_nothing():
    assert fl.stationary_output(INHIBITORY, 0.0).Nbar == 0.0


@pytest.mark.parametrize(
    ("C", "message"),
    [
        (lambda w: w, r"C\(-0.98.*; allowed is a function of w, a number, or values from w_min to w_max, >= 0"),
        (lambda w: np.full_like(w, np.nan), r"C\(.*\) = nan; allowed"),
        ("many", "C = 'many'; allowed"),
        (np.ones((2, 2)), r"C has shape \(2, 2\); allowed"),
        (lambda w: 1.0 if w > 0 else 0.0, "C cannot be evaluated at an array of weights"),
    ],
)
def test_connectivities_that_mean_nothing_are_refused(C, message):
    with pytest.raises(ValueError, match=message):
        fl.stationary_output(INHIBITORY, C)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="learning = NoisyLIF.*; allowed is a learning network such as LearningLIF"):
        fl.stationary_output(fl.NoisyLIF(), lambda w: w)


# representation --------------------------------------------------------------------------------------------------


def test_amplitude_of_a_normalised_representation_is_the_reference():
    model = replace(INHIBITORY, sigma=lambda x: x, current=lambda w: 1 + w**2)
    found = fl.representation(model, lambda w: 30 * w**2 * (1 + w) ** 2, normalise=True)
    assert found.nu == pytest.approx(0.493636484581037, abs=1e-14)
    assert found.mass == pytest.approx(1.0, abs=1e-13)
    assert found.Nbar == found.nu


def test_mass_is_reported_and_never_changed_unless_asked_for():
    found = fl.representation(INHIBITORY, lambda w: 30 * w**2 * (1 + w) ** 2)
    assert found.nu == 1.0
    assert found.Nbar == pytest.approx(1.0, abs=1e-14)
    assert found.mass == pytest.approx(integrate(found.C, -1.0, 0.0), rel=1e-14)
    assert found.mass > 2


@pytest.mark.parametrize("seed", range(12))
def test_round_trip_from_an_output_to_the_connectivity_and_back(seed):
    rng = np.random.default_rng(seed)
    model, N, _ = random_network(rng, excitatory=seed % 3 == 2)
    found = fl.representation(model, N)
    back = fl.stationary_output(model, found.C, guess=found.Nbar)
    w = np.linspace(model.w_min, model.w_max, 41)
    assert back.Nbar == pytest.approx(found.Nbar, rel=1e-12)
    np.testing.assert_allclose(back.N(w), N(w), rtol=0, atol=1e-12 * N(w).max())  # rounding; 1e-10 is asked for


def test_excitatory_networks_have_one_amplitude_two_or_none():
    S = lambda w: w * (1 - w)
    model = replace(EXCITATORY, w_max=1.0)
    counts = [len(amplitudes(replace(model, sigma=lambda x, k=k: k * x), S)) for k in (1, 5, 10)]
    assert counts == [1, 2, 0]
    five = replace(model, sigma=lambda x: 5 * x)
    for nu in amplitudes(five, S):
        assert fl.representation(five, lambda w, nu=nu: nu * S(w)).mass == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(fl.NotConverged, match="there are 2 solutions, nu = "):
        fl.representation(five, S, normalise=True)
    with pytest.raises(fl.NotConverged, match="no amplitude nu"):
        fl.representation(replace(model, sigma=lambda x: 10 * x), S, normalise=True)


def test_outputs_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="N has the integral 0.0; allowed is an output with a positive, finite"):
        fl.representation(INHIBITORY, 0.0)
    with pytest.raises(ValueError, match=r"N\(.*\) = -1; allowed"):
        fl.representation(INHIBITORY, -1.0)


def test_an_output_that_nothing_can_give_has_a_connectivity_of_infinite_mass():
    found = fl.representation(replace(INHIBITORY, w_min=-40.0, sigma=lambda x: 40 * x), 1.0)
    assert found.mass == np.inf


# discrimination --------------------------------------------------------------------------------------------------


def test_both_sides_of_the_discrimination_inequality_are_the_reference():
    found = fl.discrimination(INHIBITORY, BELL, lambda w: 1.5, lambda w: 1.5 + 0.5 * np.sin(2 * np.pi * w))
    assert found.left == pytest.approx(0.128957285852, abs=1e-12)
    assert found.right == pytest.approx(0.050503247007, abs=1e-12)
    assert found.slope == pytest.approx(4.0, abs=1e-12)
    assert found.ratio == found.left / found.right


def test_equal_signals_satisfy_the_inequality_as_an_equality():
    found = fl.discrimination(INHIBITORY, BELL, 1.5, lambda w: 1.5 + 0 * w)
    assert (found.left, found.right, found.ratio) == (0.0, 0.0, 1.0)


def test_signals_given_as_arrays_are_cut_at_their_kinks():
    values = [0.0, 1.5, 0.0, 1.0]
    by_function = lambda w: np.interp(w, np.linspace(-1, 0, 4), values)
    tabulated, function = (fl.discrimination(INHIBITORY, BELL, I, 1.5) for I in (values, by_function))  # noqa: E741
    assert tabulated.left == pytest.approx(function.left, rel=1e-12)
    assert tabulated.right == pytest.approx(function.right, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_discrimination_inequality_holds_for_random_signals(seed):
    """20 x 5 pairs, all kinds of networks; ratios from 1.22 to 53 were measured."""
    rng = np.random.default_rng(1000 + seed)
    for k in range(5):
        model, C, J = random_network(rng, excitatory=k == 4)
        found = fl.discrimination(model, C, model.current, J, guess=0.1)
        assert found.ratio >= 1, found


def test_the_inequality_holds_between_states_of_different_branches():
    found = fl.discrimination(EXCITATORY, PARABOLA, 0.0, 0.1, guess=(0.2, 2.0))
    assert found.first.Nbar < 0.3 < 1 < found.second.Nbar
    assert found.ratio >= 1


# the tools -------------------------------------------------------------------------------------------------------


def test_integrals_have_no_trouble_with_kinks_jumps_and_peaks():
    assert integrate(lambda x: np.abs(x - 0.3), 0.0, 1.0) == pytest.approx(0.5 * (0.09 + 0.49), rel=1e-14)
    assert integrate(lambda x: (x > 1 / 3).astype(float), 0.0, 1.0) == pytest.approx(2 / 3, rel=1e-13)
    assert integrate(lambda x: np.exp(-((x - 0.37) ** 2) / 2e-6), -1.0, 2.0) == pytest.approx(
        np.sqrt(2e-6 * np.pi), rel=1e-12
    )
    with pytest.raises(fl.NotConverged, match="noisy"):
        integrate(lambda x: np.random.default_rng(0).random(x.shape), 0.0, 1.0)
    with pytest.raises(ValueError, match="not a number at"):
        integrate(lambda x: np.full_like(x, np.nan), 0.0, 1.0)


def test_integrands_that_carry_rounding_or_underflow_settle():
    assert integrate(lambda x: 1.0 + 1e-13 * np.sin(1e9 * x), 0.0, 1.0) == pytest.approx(1.0, rel=1e-12)
    assert integrate(lambda x: np.exp(-710.0 - x), 0.0, 1.0) == pytest.approx(
        np.exp(-710.0) * -np.expm1(-1.0), rel=1e-3
    )


def test_responses_that_oscillate_are_followed():
    waves = replace(EXCITATORY, sigma=lambda x: 3 * np.sin(3 * x), current=1.0)
    found = fl.stationary_outputs(waves, PARABOLA)
    assert len(found) % 2 == 1  # x - G(x) is negative at 0 and positive above the largest G
    for state in found:
        assert integrate(state.N, 0.0, 3.0) == pytest.approx(state.Nbar, rel=1e-12)


def test_all_roots_are_found_however_close():
    f = lambda x: (x - 0.2) * (x - 0.7) * (x - 0.7001)
    assert roots(f, 0.0, 1.0) == pytest.approx([0.2, 0.7, 0.7001], abs=1e-11)
    assert roots(lambda x: x**2 + 1e-9, -1.0, 1.1) == []
    assert roots(lambda x: x, 0.0, 1.0) == [0.0]


@pytest.mark.parametrize(("a", "v_reset", "v_fire"), [(1.0, 1.0, 2.0), (0.05, -1.0, 0.5), (3.0, 1.0, 1.2)])
def test_the_table_of_rates_is_exact_to_rounding(a, v_reset, v_fire):
    table = RateTable(a, v_reset, v_fire)
    m = v_fire + np.sqrt(a) * np.concatenate(
        [np.linspace(-30, 30, 401), -np.geomspace(30, 1e5, 99), np.geomspace(30, 1e12, 99)]
    )
    exact = log_rate(m, a, v_reset, v_fire)
    np.testing.assert_allclose(table.log_rate(m), exact, rtol=4e-15, atol=4e-15)
    h = 1e-3 * np.sqrt(a)
    x = m[np.abs(m - v_fire) < 8 * np.sqrt(a)]
    slope = sum(c * table.log_rate(x + k * h) for k, c in ((-2, 1), (-1, -8), (1, 8), (2, -1))) / (12 * h)
    np.testing.assert_allclose(table.slope(x), slope * np.exp(table.log_rate(x)), rtol=1e-9)


def test_the_connectivity_of_a_run_has_the_output_that_the_run_has_when_learning_stops():
    model = replace(INHIBITORY, eps=0.2)
    start = lambda v, w: BELL(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))
    problem = fl.discretize(model, tol=1e-4)
    learned = fl.evolve(problem, start, t_end=1.0, rtol=1e-4, progress=False)
    state = fl.stationary_output(model, learned.final.C)
    still = fl.evolve(problem.at(eps=0.0), learned.final, t_end=13.0, rtol=1e-4, progress=False)
    assert still.final.Nbar == pytest.approx(state.Nbar, abs=1e-6)  # tol of the lines; 7e-8 measured
