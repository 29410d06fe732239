"""Exact time-dependent solutions, and the independent method of this folder against them."""

from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
from independent import FiringRate
from scipy.integrate import quad

from felif.analysis import exact, exact_time

TIMES = np.array([0.1, 0.2, 0.5, 1.0, 2.0])


def gaussian(mean, variance):
    return lambda v: np.exp(-((v - mean) ** 2) / (2 * variance))


def layered(mean, variance, v_fire=2.0):
    """The compatible data of reference-values: zero at V_F."""
    return lambda v: gaussian(mean, variance)(v) * -np.expm1(-(((v_fire - v) / 0.5) ** 4))


def test_first_passage_density_is_the_derivative_of_the_survival_probability():
    def survival(t):
        return mpmath.erf(0.7 / mpmath.sqrt(2 * mpmath.mpf("0.3") * (mpmath.exp(2 * t) - 1)))

    for t in (0.05, 0.4, 3.0):
        expected = -mpmath.diff(survival, t)
        assert exact_time.first_passage_density(t, 0.7, 0.3) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 0.25), (2.3, 0.1), (3.0, 0.04)])
def test_first_passage_from_a_gaussian_is_the_average_of_first_passages(mean, variance):
    n0, (norm, _) = gaussian(mean, variance), quad(gaussian(mean, variance), -8, 2, epsabs=0, epsrel=1e-13)
    for t in (0.01, 0.3, 2.0):
        average = quad(
            lambda v: n0(v) * exact_time.first_passage_density(t, 2 - v, 0.6),  # noqa: B023
            -6,
            2,
            epsabs=0,
            epsrel=1e-12,
            points=[1.0, 1.8, 1.95],
            limit=400,
        )
        value = exact_time._passage(np.asarray(t), 2 - mean, variance, 0.6)
        assert value == pytest.approx(average[0] / norm, rel=1e-10)


def test_renewal_does_not_depend_on_its_panels_and_ends_at_the_stationary_rate():
    short, long = (exact_time.ThresholdAtRest(0.0, 0.25, 1.0, 1.0, 2.0, t_end) for t_end in (2.0, 14.3))
    assert short(TIMES) == pytest.approx(long(TIMES), rel=1e-12)
    assert long(14.0) == pytest.approx(exact.rate(2.0, 1.0, 1.0, 2.0), rel=1e-12)  # leading eigenvalue about -2


def test_renewal_from_a_point_starts_at_zero_and_takes_any_shape_of_times():
    N = exact_time.ThresholdAtRest(0.5, 0.0, 0.3, 1.0, 2.0, 1.0)
    assert N(0.0) == pytest.approx(0.0, abs=1e-15)
    assert N(np.ones((2, 3))).shape == (2, 3)
    with pytest.raises(ValueError, match="t_end"):
        N(1.5)
    with pytest.raises(ValueError, match="v_reset"):
        exact_time.ThresholdAtRest(0.5, 0.0, 0.3, 2.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("mean", "variance", "a", "v_reset"), [(0.0, 0.25, 1.0, 1.0), (-1.0, 0.5, 0.4, 0.0), (1.0, 0.3, 2.0, 0.5)]
)
def test_heat_potentials_reproduce_renewal(mean, variance, a, v_reset):
    exact_N = exact_time.ThresholdAtRest(mean, variance, a, v_reset, 2.0, 2.0)
    N = FiringRate(gaussian(mean, variance), 2.0, a0=a, v_reset=v_reset, current=2.0)
    assert N(TIMES) == pytest.approx(exact_N(TIMES), rel=1e-9)


# reference-values, "N(t)": two discretisations agree to all digits; initial density incompatible at V_F
TABLE = [
    (0.0, 0.0, 0.25, [0.030226449, 0.111243074, 0.125383979, 0.123001444, 0.120070227]),
    (0.5, 0.0, 0.25, [0.030380475, 0.116563117, 0.135953971, 0.136899892, 0.134864833]),
    (1.5, 0.0, 0.25, [0.030693867, 0.129229035, 0.165539453, 0.183395601, 0.191650851]),
    (-1.5, 0.0, 0.25, [0.029774681, 0.098171583, 0.102777637, 0.096410342, 0.093177841]),
    (2.0, 0.0, 0.25, [0.030853299, 0.136870662, 0.187478848, 0.229589067, 0.275782146]),
    (0.5, -1.0, 0.5, [0.003235751, 0.031716621, 0.070847556, 0.112621620, 0.133958043]),
]


@pytest.mark.parametrize(("b", "mean", "variance", "N"), TABLE)
def test_heat_potentials_reproduce_the_certified_table(b, mean, variance, N):
    found = FiringRate(gaussian(mean, variance), 5.0, b=b)([0.1, 0.5, 1.0, 2.0, 5.0])
    assert found == pytest.approx(N, abs=6e-10)  # half a unit of the last digit given


def test_heat_potentials_do_not_depend_on_their_panels():
    """With everything switched on: activity-dependent noise, refractory state, a jump of the current."""
    settings = {"b": 0.8, "a1": 0.2, "tau": 0.3, "v_reset": 0.5, "breakpoints": [0.7]}
    current = lambda t: np.where(t < 0.7, 0.3 * np.sin(3 * t), 1.5)
    one, two = (
        FiringRate(layered(0.0, 0.3), 2.0, current=current, largest=largest, **settings) for largest in (0.1, 0.06)
    )
    times = np.array([0.05, 0.3, 0.69, 0.7001, 0.71, 1.0, 2.0])
    assert one(times) == pytest.approx(two(times), rel=1e-9)


def test_heat_potentials_end_at_the_stationary_rate_of_the_refractory_network():
    N = FiringRate(layered(0.0, 0.3), 8.0, b=0.8, a1=0.2, tau=0.3, R0=0.1)
    steady = exact.firing_rate(SimpleNamespace(b=0.8, a0=1.0, a1=0.2, tau=0.3, v_reset=1.0, v_fire=2.0))
    assert N(8.0)[0] == pytest.approx(steady, rel=1e-3)  # e^{-gap t}, gap about 1


def test_second_moment_decays_as_without_threshold():
    """d/dt E[(V-I)^2] = -2 E[(V-I)^2] + 2a - N ((V_F-I)^2 - (V_R-I)^2), whose last term vanishes at I in the middle."""
    t, step = 0.7, 1e-5
    moment = lambda t: exact_time.central_second_moment(t, 0.4, 0.9)
    slope = (moment(t + step) - moment(t - step)) / (2 * step)
    assert slope == pytest.approx(-2 * moment(t) + 2 * 0.9, rel=1e-9)
    assert moment(0.0) == 0.4
