"""The firing rate of one neuron against quadrature in 30 digits, and against certified values."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

from felif.analysis import exact, firing_zone, neuron_rate


@pytest.fixture(scope="module", autouse=True)
def thirty_digits():
    with mpmath.workdps(30):
        yield


def h(y):
    return mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(y * y / 2) * mpmath.erfc(-y / mpmath.sqrt(2))


def passage_time(m, a, v_reset, v_fire):
    """int_{y_R}^{y_F} h dy, cut at distances growing from y_F in the scale of h there."""
    m, a, v_reset, v_fire = map(mpmath.mpf, (m, a, v_reset, v_fire))
    low, high = (v_reset - m) / mpmath.sqrt(a), (v_fire - m) / mpmath.sqrt(a)
    cuts = [high]
    while (left := high - (2 ** len(cuts)) / (1 + abs(high))) > low:
        cuts.append(left)
    return mpmath.quad(h, [low, *reversed(cuts)], method="gauss-legendre")


@cases(15)
@given(
    m=st.floats(-300, 300) | st.floats(-3, 5),
    log_a=st.floats(-4, 2),
    v_reset=st.floats(-3, 3),
    log_length=st.floats(-2, 1),
)
def test_rate_has_twelve_digits_wherever_it_does_not_underflow(m, log_a, v_reset, log_length):
    a, v_fire = 10.0**log_a, v_reset + 10.0**log_length
    time = passage_time(m, a, v_reset, v_fire)
    assert exact.log_rate(m, a, v_reset, v_fire) == pytest.approx(float(-mpmath.log(time)), rel=2e-14, abs=1e-13)
    if time < 1e300:
        assert abs(exact.rate(m, a, v_reset, v_fire) * time - 1) < 1e-12
        assert abs(exact.passage_time(m, a, v_reset, v_fire) / time - 1) < 1e-12


@cases(25)
@given(m=st.floats(-20, 300), log_a=st.floats(-1, 2))
def test_slope_of_the_passage_time(m, log_a):
    a = 10.0**log_a
    low, high = (1 - mpmath.mpf(m)) / mpmath.sqrt(a), (2 - mpmath.mpf(m)) / mpmath.sqrt(a)
    slope = -(h(high) - h(low)) / mpmath.sqrt(a)
    if abs(slope) < 1e300:
        assert abs(exact.passage_time_slope(m, a, 1.0, 2.0) / slope - 1) < 1e-12


@pytest.mark.parametrize("y", [-1e4, -50.0, -10.1, -9.9, -4.1, -3.9, -2.01, -1.99, 0.0, 0.3, 5.0])
def test_derivatives_of_h_keep_their_digits_for_both_signs(y):
    scaled = neuron_rate.mills(np.array([y]), 3)[:, 0]
    for k in range(4):
        cuts = [0, 1e-4, 1e-3, 0.01, 0.1, 1, 3, 6, 10, 20, 40]
        top = mpmath.mpf(max(y, 0)) ** 2 / 2
        value = mpmath.quad(lambda s: s**k * mpmath.exp(-s * s / 2 + s * mpmath.mpf(y) - top), cuts)  # noqa: B023
        assert abs(scaled[k] / value - 1) < 2e-14


@pytest.mark.parametrize("nu", [0.1, 0.7, 3.3, 20.0, 100.0])
@pytest.mark.parametrize("y", [-20.0, -5.0, -1.0, 0.3, 4.0, 20.0])
def test_ratio_of_parabolic_cylinder_functions_and_its_derivatives(y, nu):
    def integral(k, y):  # k! e^{y^2/4} D_{-k-1}(y)
        return mpmath.gamma(k + 1) * mpmath.exp(y * y / 4) * mpmath.pcfd(-k - 1, y)

    def exact_ratio(y):
        return integral(nu - 1, y) / integral(nu, y)

    with mpmath.workdps(50):
        expected = [mpmath.diff(exact_ratio, mpmath.mpf(y), k) for k in range(3)]
        logs = [mpmath.log(integral(k, mpmath.mpf(y))) - mpmath.mpf(y) ** 2 / 2 for k in (nu - 1, nu)]
    found = firing_zone.ratio(y, nu, order=2)[:, 0]
    assert abs(found[0] / expected[0] - 1) < 1e-14
    assert abs(found[1] / expected[1] - 1) < 1e-13
    assert abs(found[2] / expected[2] - 1) < 1e-11  # a difference, for large positive y
    assert np.ravel(firing_zone.log_densities(y, nu)) == pytest.approx([float(x) for x in logs], rel=1e-14, abs=3e-13)


# reference-values: certified by closed forms in 40 digits and by finite elements; (m, r) for V_R = 1, V_F = 2, a = 1
RATES = {
    -2: 5.17742849748e-4,
    -1: 0.0130713468553,
    0.5: 0.261048187781,
    1: 0.477690275873,
    2: 1.10876052321,
    3: 1.91096233003,
    10: 8.60527724664,
}


@pytest.mark.parametrize("m", RATES)
def test_certified_rates(m):
    assert exact.rate(m, 1.0, 1.0, 2.0) == pytest.approx(RATES[m], rel=1e-11)


@pytest.mark.parametrize(("a", "N"), [(0.5, 0.019027129815149546), (1, 0.11997596523910497), (2, 0.35721126589736972)])
def test_certified_rates_without_coupling(a, N):
    assert exact.rate(0.0, a, 1.0, 2.0) == pytest.approx(N, rel=2e-14)


def test_rates_broadcast_over_drift_and_noise():
    m, a = np.array([[-1.0], [4.0]]), np.array([0.1, 1.0, 10.0])
    table = exact.rate(m, a, 1.0, 2.0)
    assert table.shape == (2, 3)
    assert table[1, 2] == exact.rate(4.0, 10.0, 1.0, 2.0)


def test_the_logarithm_outlives_the_rate():
    assert exact.rate(-300.0, 1e-4, 1.0, 2.0) == 0.0
    assert exact.log_rate(-300.0, 1e-4, 1.0, 2.0) == pytest.approx(-(302.0**2) / 2e-4, rel=1e-6)
    assert exact.passage_time(-300.0, 1e-4, 1.0, 2.0) == np.inf


@pytest.mark.parametrize(
    "bad", [(0.0, 0.0, 1.0, 2.0), (0.0, -1.0, 1.0, 2.0), (np.nan, 1.0, 1.0, 2.0), (0.0, 1.0, 2.0, 1.0)]
)
def test_parameters_without_a_rate_are_refused(bad):
    with pytest.raises(ValueError, match="allowed"):
        exact.rate(*bad)
