"""Stationary densities: their integrals, their equation, and the mass that finite intervals cut off."""

import mpmath
import numpy as np
import pytest

import felif as fl
from felif.analysis import density, exact

CASES = [
    fl.NoisyLIF(),
    fl.NoisyLIF(b=1.5),
    fl.NoisyLIF(a0=0.02, current=3.0),
    fl.NoisyLIF(a0=0.02),
    fl.NoisyLIF(b=-4000.0),
    fl.NoisyLIF(b=0.5, a1=0.3),
    fl.RefractoryLIF(b=1.2, tau=0.3),
    fl.RandomThresholdLIF(b=8.0, eps=0.05, tau=1.0),
    fl.RandomThresholdLIF(a0=0.5, b=7.0, eps=0.05, tau=1.0),
]
STATES = [(model, float(N)) for model in CASES for N in exact.steady_rates(model)]


def integral(f, low, high, panels=400):
    x, w = np.polynomial.legendre.leggauss(10)
    cuts = np.linspace(low, high, panels + 1)
    half = 0.5 * np.diff(cuts)[:, None]
    return float(np.sum(half * w * f(cuts[:-1, None] + half * (x + 1))))


@pytest.mark.parametrize(("model", "N"), STATES)
def test_mass_of_the_density_and_of_its_tails(model, N):
    P = lambda v: density.density(model, N, v)
    low = density.cut_below(model, N, 1e-15)
    tail = integral(P, low, model.v_reset)
    middle = integral(P, model.v_reset, model.v_fire)
    assert density.tail_mass(model, N, model.v_reset) == pytest.approx(tail, abs=3e-15)
    head = 0.0
    if getattr(model, "eps", 0.0):
        head = integral(P, model.v_fire, density.cut_above(model, N, 1e-15))
        assert head == pytest.approx(model.eps * N, rel=1e-12)
    assert tail + middle + head == pytest.approx(1 - getattr(model, "tau", 0.0) * N, abs=2e-13)


@pytest.mark.parametrize(("model", "N"), STATES)
def test_the_flux_of_the_density_is_the_firing_rate_between_reset_and_threshold(model, N):
    """(m - v) P - a P' = N on (V_R, V_F), 0 below V_R; the derivative by central differences of high order."""
    m, a = model.current + model.b * N, model.a0 + model.a1 * N
    h = 2e-3 * np.sqrt(a)
    weights = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * h)  # sixth order
    for v, flux in ((model.v_reset - 0.3, 0.0), (0.5 * (model.v_reset + model.v_fire), N)):
        slope = weights @ density.density(model, N, v + h * np.arange(-3, 4))
        P = density.density(model, N, v)
        scale = abs((m - v) * P) + a * abs(slope) + N
        assert (m - v) * P - a * slope == pytest.approx(flux, abs=1e-9 * scale)


def test_density_has_its_digits_near_the_threshold_and_far_below():
    """Against 40 digits, for a neuron whose drift centre lies between V_R and V_F."""
    model = fl.NoisyLIF(a0=0.05, current=1.4)
    N = exact.firing_rate(model)
    with mpmath.workdps(40):
        for v in (-1.0, 0.5, 1.2, 1.7, 2 - 1e-9):
            m, a = mpmath.mpf(model.current), mpmath.mpf(model.a0)
            f = lambda s: mpmath.exp(((s - m) ** 2 - (mpmath.mpf(v) - m) ** 2) / (2 * a))  # noqa: B023
            value = N / a * mpmath.quad(f, [max(v, 1.0), 2])
            assert abs(density.density(model, N, v) / value - 1) < 1e-13


def test_density_is_zero_above_a_sharp_threshold_and_continuous_at_a_random_one():
    assert np.all(density.density(fl.NoisyLIF(), 0.12, np.array([2.0, 2.5])) == 0.0)
    assert density.density(fl.NoisyLIF(), 0.12, 2.5) == 0.0
    model = fl.RandomThresholdLIF(b=2.0, eps=0.05, tau=1.0)
    N = exact.firing_rate(model)
    below, above = density.density(model, N, np.array([2.0, 2.0 + 1e-12]))
    assert above == pytest.approx(below, rel=1e-10)


def test_cut_changes_the_rate_by_tail_over_one_minus_tail():
    """The rate with zero flux at V_min: the same density, normalised on (V_min, V_F) (b = 0)."""
    model = fl.NoisyLIF()
    N = exact.firing_rate(model)
    for v_min in (-3.0, -1.0, 0.5):
        rest = sum(integral(lambda v: density.density(model, N, v), *ends) for ends in ((v_min, 1.0), (1.0, 2.0)))
        tail = density.tail_mass(model, N, v_min)
        assert N / rest == pytest.approx(N * (1 + tail / (1 - tail)), rel=1e-13)


def test_cuts_reach_their_tolerance():
    model = fl.RandomThresholdLIF(b=2.0, eps=0.05, tau=1.0)
    N = exact.firing_rate(model)
    for tolerance in (1e-3, 1e-8, 1e-100):
        assert density.tail_mass(model, N, density.cut_below(model, N, tolerance)) == pytest.approx(tolerance, rel=1e-6)
        assert density.head_mass(model, N, density.cut_above(model, N, tolerance)) == pytest.approx(tolerance, rel=1e-6)
    assert density.cut_below(model, N, 0.999) == model.v_reset


def test_arguments_are_checked():
    model = fl.NoisyLIF()
    with pytest.raises(ValueError, match="v_reset"):
        density.tail_mass(model, 0.1, 1.5)
    with pytest.raises(ValueError, match="eps"):
        density.head_mass(model, 0.1, 3.0)
    with pytest.raises(ValueError, match="N = -1"):
        density.density(model, -1.0, 0.0)
