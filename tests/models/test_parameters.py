"""Models refuse parameters that mean nothing, before any work is done, and say which are allowed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import felif as fl
from felif.translation import weak_form_of

NETWORKS = [fl.NoisyLIF, fl.RefractoryLIF, fl.RandomThresholdLIF]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"v_reset": 2.0}, r"v_reset = 2.0 is not below v_fire = 2.0"),
        ({"v_fire": 0.0}, r"v_reset = 1.0 is not below v_fire = 0.0"),
        ({"v_fire": np.inf}, r"v_fire = inf; allowed is a finite number"),
        ({"a0": 0.0}, r"a0 = 0.0; allowed is a positive number"),
        ({"a0": -1.0}, r"a0 = -1.0; allowed is a positive number"),
        ({"a1": -0.1}, r"a1 = -0.1; allowed is a number >= 0"),
        ({"b": np.nan}, r"b = nan; allowed is a finite number"),
        ({"b": "2"}, r"b = '2'; allowed is a finite number"),
        ({"b": True}, r"b = True"),
        ({"current": None}, r"current = None"),
        ({"current": np.inf}, r"current = inf"),
        ({"drift": -1.0}, r"drift = -1.0; allowed is a function of v"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(network, parameters, message):
    with pytest.raises(ValueError, match=f"{network.__name__}: .*{message}"):
        network(**parameters)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.RefractoryLIF(tau=0.0), "RefractoryLIF: tau = 0.0; allowed is a positive number"),
        (lambda: fl.RandomThresholdLIF(tau=-1.0), "RandomThresholdLIF: tau = -1.0"),
        (lambda: fl.RandomThresholdLIF(eps=0.0), "RandomThresholdLIF: eps = 0.0"),
        (lambda: fl.Leaky(conductance=0.0), "Leaky: conductance = 0.0"),
        (lambda: fl.Exponential(delta=-0.2), "Exponential: delta = -0.2"),
        (lambda: fl.Quadratic(offset=np.nan), "Quadratic: offset = nan"),
    ],
)
def test_what_only_some_models_have_is_checked_too(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("network", NETWORKS)
def test_models_are_frozen_and_compare_by_value(network):
    with pytest.raises(dataclasses.FrozenInstanceError):
        network().b = 1.0
    assert network(b=1.0) == network(b=1.0) != network(b=2.0)
    assert hash(network()) == hash(network())


@pytest.mark.parametrize("network", NETWORKS)
def test_numbers_of_numpy_are_numbers(network):
    assert network(b=np.float64(0.5), a0=np.float32(1.0), current=np.int64(2)).b == 0.5


def test_drifts_are_what_their_docstrings_say():
    v = np.array([-1.0, 0.5, 2.0])
    assert fl.Leaky()(v) == pytest.approx(-v)
    assert fl.Leaky(2.0, -1.0)(v) == pytest.approx(-2 * (v + 1))
    assert fl.Quadratic(0.25)(v) == pytest.approx(v**2 - 0.25)
    soft = fl.Exponential(delta=0.2, v_soft=1.5)
    assert soft(v) == pytest.approx(-v + 0.2 * np.exp((v - 1.5) / 0.2))
    step = 1e-6
    assert (soft(1.5 + step) - soft(1.5 - step)) / (2 * step) == pytest.approx(0.0, abs=1e-8)  # f' = 0 at v_soft
    sharp = fl.Exponential(delta=1e-3, v_soft=1.5)
    assert sharp(1.4) == pytest.approx(-1.4, abs=1e-12)  # delta -> 0: the leaky neuron


def test_the_weak_form_names_what_it_is_made_of():
    form = weak_form_of(fl.RefractoryLIF())
    assert [u.name for u in form.unknowns] == ["n", "N", "R"]
    assert [t.name for t in form.terms][:5] == ["drift", "current", "noise", "firing", "reset"]
    assert [c.name for c in form.conserved] == ["total"]
    assert [s.name for s in form.scalars] == ["N", "R"]  # algebraic ones first
