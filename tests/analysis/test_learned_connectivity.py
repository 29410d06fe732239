"""Stationary connectivities of the learning rule, against certified numbers and the equations they solve."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import felif as fl
from felif.analysis.quadrature import integrate


def learning(**changed):
    given = {"eps": 0.2, "K": -15.0, "sigma": lambda x: 4 * x, "current": 1.5, "w_min": -4.0, "w_max": 0.0}
    return fl.LearningLIF(**{**given, **changed})


THREE = {"K": -1.0, "current": lambda w: 2.5 - 2.5 * np.tanh((w + 0.25) / 0.03), "sigma": lambda x: 0.2 * x}
EXCITATORY = {"K": 5.0, "current": 0.0, "sigma": lambda x: x, "w_min": 0.0, "w_max": 4.0}


def test_the_inhibitory_connectivity_is_the_reference():
    (found,) = fl.learned_connectivity(learning())
    assert found.mass_slope > 0
    assert found.A == pytest.approx(1.38533724551031, abs=1e-13)
    assert found.Nbar == pytest.approx(0.25292681970602, abs=1e-13)
    assert found.moment(0) == pytest.approx(1.0, abs=1e-13)
    assert found.moment(1) == pytest.approx(-1.04692744092004, abs=1e-13)


@pytest.mark.parametrize(
    ("parameters", "A"),
    [(THREE, [0.1700055892395, 0.2791991955136, 3.4331989585805]), (EXCITATORY, [0.40251687502388, 3.42755217866848])],
)
def test_all_of_several_connectivities_are_found(parameters, A):
    found = fl.learned_connectivity(learning(**parameters))
    assert [c.A for c in found] == pytest.approx(A, abs=1e-12)
    assert found.message.startswith(f"{len(A)} with A = ")
    assert [c.mass_slope > 0 for c in found] == [True, False, True][: len(A)]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        THREE,
        EXCITATORY,
        {
            "K": lambda w: w - 0.5,
            "a0": 0.3,
            "v_reset": -0.5,
            "v_fire": 1.5,
            "sigma": np.tanh,
            "current": lambda w: 2 + w,
        },
        {"K": [-9.0, -3.0, -15.0], "current": [0.0, 2.0, 1.0]},
        {"K": -1000.0, "w_min": -50.0, "sigma": lambda x: 40 * x},  # 1/r grows by 10^10^6 over the interval
    ],
)
def test_what_is_found_is_stationary(parameters):
    model = learning(**parameters)
    found = fl.learned_connectivity(model)
    assert found
    for c in found:
        w = c.low + (c.high - c.low) * np.linspace(0.01, 0.99, 23)
        breaks = np.linspace(model.w_min, model.w_max, 3)
        assert integrate(c.C, c.low, c.high, breaks) == pytest.approx(1.0, abs=1e-12)
        assert integrate(c.N, c.low, c.high, breaks) == pytest.approx(c.Nbar, rel=1e-12)
        np.testing.assert_allclose(model.K(w) * c.N(w) * c.Nbar, w, rtol=1e-13)  # Phi = w: no weight moves
        outside = np.array([c.low - 1e-9, c.high + 1e-9])
        np.testing.assert_array_equal(c.C(outside), 0.0)
        # the output of this connectivity without learning is the same state
        restricted = replace(model, w_min=c.low, w_max=c.high)
        assert fl.stationary_output(restricted, c.C, guess=c.Nbar).Nbar == pytest.approx(c.Nbar, rel=1e-11)


def test_the_density_has_the_connectivity_as_its_integral_and_the_output_as_its_flux():
    (found,) = fl.learned_connectivity(learning())
    for w in (-1.3, -0.4):
        assert integrate(lambda v, w=w: found.p(v, w), -40.0, 2.0, breaks=(1.0,)) == pytest.approx(
            float(found.C(w)), rel=1e-12
        )
        h = 1e-4  # one-sided differences of third order
        slope = (-11 * 0 + 18 * found.p(2 - h, w) - 9 * found.p(2 - 2 * h, w) + 2 * found.p(2 - 3 * h, w)) / (-6 * h)
        assert slope == pytest.approx(-float(found.N(w)), rel=1e-8)
    assert found.p(np.array([[0.0], [2.5]]), np.array([-2.0, -1.0])).tolist()[1] == [0.0, 0.0]


def test_inputs_that_do_not_decrease_in_w_have_one_connectivity():
    """I + w sigma nondecreasing in w suffices: the mass grows with A then."""
    rng = np.random.default_rng(5)
    for a, b, c, K in rng.uniform(0, [3, 3, 3, 20], (4, 4)):
        model = learning(K=-K, current=lambda w, a=a, b=b, c=c: a + b * np.tanh(c * w), w_min=-20.0)
        assert len(fl.learned_connectivity(model)) == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"w_min": -1.0}, "none: with A up to 1, where the interval ends, .* extend the interval"),
        ({"K": lambda w: np.where(w > -0.5, -15.0, 1.0)}, "none: with A up to 0.5, where K vanishes"),
        ({**EXCITATORY, "sigma": lambda x: 0 * x, "w_max": 0.3}, "none: with A up to 0.3"),
    ],
)
def test_where_there_is_none_the_message_says_why(parameters, message):
    found = fl.learned_connectivity(learning(**parameters))
    assert found == ()
    assert re.match(message, found.message), found.message


def test_silent_networks_learn_next_to_nothing():
    """A is of the size of the rate at w = 0: e^-310, or e^-1247, too small for a number."""
    (found,) = fl.learned_connectivity(learning(current=-0.5, a0=0.01))
    assert 0 < found.A < 1e-130
    assert found.moment(0) == pytest.approx(1.0, abs=1e-10)
    silent = fl.learned_connectivity(learning(current=-3.0, a0=0.01))
    assert silent == ()
    assert "no neuron fires" in silent.message


def test_a_zero_of_the_rule_is_not_reached():
    (found,) = fl.learned_connectivity(learning(K=lambda w: -1 - w, w_min=-1.0))
    assert 0.4 < found.A < 1


@pytest.mark.parametrize(
    "parameters", [{"K": 5.0}, {"K": -5.0, "w_min": 0.0, "w_max": 2.0}, {"K": lambda w: -w, "w_max": 1.0}, {"K": 0.0}]
)
def test_with_the_wrong_sign_everything_drains_to_zero(parameters):
    (found,) = fl.learned_connectivity(learning(**parameters))
    assert found.drained
    assert found.A == 0
    assert found.Nbar == pytest.approx(0.764787008455827, abs=1e-14)  # r(1.5): every neuron is a single one
    assert "drains to w = 0" in fl.learned_connectivity(learning(**parameters)).message
    assert (found.moment(0), found.moment(1)) == (1.0, 0.0)
    np.testing.assert_array_equal(found.C(np.array([-0.5, 0.0, 0.5])), 0.0)


BOTH = {"K": lambda w: np.where(w < 0, -2.0, 4.0), "current": 0.5, "sigma": lambda x: x, "w_min": -3.0, "w_max": 4.0}


def test_weights_of_both_signs_that_both_grow_have_a_connectivity_for_every_share():
    model = learning(**BOTH)
    (found,) = fl.learned_connectivity(model, inhibitory=0.5)
    assert integrate(found.C, found.low, 0.0) == pytest.approx(0.5, abs=1e-12)
    assert integrate(found.C, 0.0, found.high) == pytest.approx(0.5, abs=1e-12)
    assert integrate(found.N, found.low, found.high, (0.0,)) == pytest.approx(found.Nbar, rel=1e-12)
    w = np.array([-0.3, -0.1, 0.2, 0.5])
    np.testing.assert_allclose(model.K(w) * found.N(w) * found.Nbar, w, rtol=1e-13)


def test_shares_of_almost_nothing_are_those_of_one_sign():
    (one,) = fl.learned_connectivity(learning(**BOTH), inhibitory=1.0)
    (almost,) = fl.learned_connectivity(learning(**BOTH), inhibitory=1 - 1e-6)
    assert almost.Nbar == pytest.approx(one.Nbar, abs=1e-6)
    assert almost.A == pytest.approx(one.A, abs=1e-5)
    assert one.high == 0.0


@pytest.mark.parametrize(
    ("parameters", "share", "message"),
    [
        (BOTH, None, "weights of both signs grow .* give inhibitory=..., in .0, 1."),
        (BOTH, 1.5, "inhibitory = 1.5; allowed is a share in .0, 1."),
        ({}, 0.5, "inhibitory = 0.5; allowed is a share .* where K makes weights of both signs grow"),
    ],
)
def test_shares_that_mean_nothing_are_refused(parameters, share, message):
    with pytest.raises(ValueError, match=message):
        fl.learned_connectivity(learning(**parameters), inhibitory=share)


def test_weights_that_cross_zero_join_those_that_grow():
    """K < 0 on both sides: excitatory weights decay through 0 and become inhibitory."""
    (found,) = fl.learned_connectivity(learning(w_max=2.0))
    assert found.A == pytest.approx(1.38533724551031, abs=1e-13)
