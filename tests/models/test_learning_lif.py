"""LearningLIF: what it accepts, and what its coefficients are."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import felif as fl
from felif.models.parameters import along_the_real_axis
from felif.translation import weak_form_of


def learning(**changed):
    given = {"eps": 0.2, "K": lambda w: -1.0, "sigma": lambda x: 4 * x, "current": lambda w: 1.5}
    return fl.LearningLIF(**{**given, **changed})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eps": -0.1}, r"eps = -0.1; allowed is a number >= 0"),
        ({"a0": 0.0}, r"a0 = 0.0; allowed is a positive number"),
        ({"w_min": 0.0}, r"w_min = 0.0 is not below w_max = 0.0; allowed is w_min < w_max"),
        ({"w_min": np.nan}, r"w_min = nan"),
        ({"w_min": 0.5, "w_max": 1.0}, r".*allowed with learning \(eps = 0.2 > 0\) is an interval that contains 0"),
        ({"v_reset": 3.0}, r"v_reset = 3.0 is not below v_fire = 2.0"),
        ({"K": "minus one"}, r"K = 'minus one'; allowed is a function of w, a number, or at least two finite values"),
        ({"K": [1.0]}, r"K = \[1.0\]; allowed"),
        ({"current": np.array([0.0, np.inf])}, r"current = .*; allowed"),
        ({"current": lambda w: 1.0 if w > 0 else 2.0}, r"current cannot be evaluated at an array of weights"),
        ({"current": lambda w: np.zeros(3)}, r"current cannot be evaluated at an array of weights"),
        ({"K": lambda w: np.log(w + 1.0)}, r"K\(-1.0\) = -inf; allowed are finite values"),
        ({"sigma": 4.0}, r"sigma = 4.0; allowed is a function of Nbar"),
        ({"sigma": lambda x, y: x}, r"sigma\(0.0\) fails: .*; allowed is a function of a number"),
        ({"sigma": lambda x: x / (x - 0.5) if x != 0.5 else np.nan}, r"sigma\(0.5\) = nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_parameters_that_mean_nothing_are_refused(parameters, message):
    with pytest.raises(ValueError, match=f"LearningLIF: {message}"):
        learning(**parameters)


def test_without_learning_any_interval_of_weights_will_do():
    assert learning(eps=0.0, w_min=0.5, w_max=1.0).w_max == 1.0


def test_arrays_and_numbers_become_functions_of_w():
    model = learning(K=-2.0, current=[0.0, 1.0, 4.0])
    np.testing.assert_array_equal(model.K(np.array([-0.3, 0.0])), [-2.0, -2.0])
    np.testing.assert_allclose(model.current(np.array([-1.0, -0.75, -0.25, 0.0])), [0.0, 0.5, 2.5, 4.0], atol=1e-15)
    assert hash(model) == hash(learning(K=-2.0, current=[0.0, 1.0, 4.0], sigma=model.sigma))


def test_coefficients_are_functions_of_w():
    w = np.array([-1.0, -0.4, 0.0])
    model = learning(current=lambda w: w**2)
    s = SimpleNamespace(w=w, N=np.array([1.0, 2.0, 3.0]), Nbar=0.5)
    terms = {t.name: t for t in weak_form_of(model).terms}
    np.testing.assert_allclose(terms["current"].coefficient(s, model), w**2 + w * 2.0)
    np.testing.assert_allclose(terms["learning"].coefficient(s, model), 0.2 * (-s.N * 0.5 - w))


@pytest.mark.parametrize("x", [0.0, 1e-3, 0.5, 20.0])
def test_the_response_is_asked_at_real_arguments_only(x):
    seen = []

    def response(x):
        seen.append(x)
        return np.sqrt(1 + x)

    value = along_the_real_axis(response, complex(x, 1e-30))
    assert all(isinstance(z, float) and z >= 0 for z in seen)
    assert value.real == pytest.approx(np.sqrt(1 + x), rel=1e-15)
    assert value.imag / 1e-30 == pytest.approx(0.5 / np.sqrt(1 + x), rel=1e-10)  # fourth order: 1e-12
