"""Simulated networks have the rates of closed forms, whatever the model; error bars come from independent networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erf

import felif as fl
from felif.analysis import neuron_rate
from felif.particles.drive import affine, mean_current
from felif.translation import law_of

START = fl.Gaussian(0.0, 0.25)


def late_rate(model, *, name="N", start=START, neurons=5_000, networks=10, t_end=5.0, dt=0.02, **how):
    run = fl.simulate_particles(
        model, neurons=neurons, networks=networks, t_end=t_end, dt=dt, start=start, seed=11, bins=10, **how
    )
    return run.mean(name, 0.6 * t_end, t_end)


def fixed_rate(b=0.0, current=0.0, a0=1.0, a1=0.0, tau=0.0):
    def excess(N):
        m, a = current + b * N, a0 + a1 * N
        return N * (neuron_rate.passage_time(m, a, 1.0, 2.0) + tau) - 1

    return brentq(excess, 1e-6, 5.0)


@pytest.mark.parametrize(
    ("model", "N"),
    [
        (fl.NoisyLIF(), 0.11997596523910496621),
        (fl.NoisyLIF(b=0.5), 0.13477507993525),
        (fl.NoisyLIF(b=-5.0), 0.06485984623271),
        (fl.NoisyLIF(current=10.0), 8.60527724664),
        (fl.NoisyLIF(b=-1.0, a1=0.5, current=2.0), fixed_rate(-1.0, 2.0, a1=0.5)),
        (fl.NoisyLIF(b=-5.0, delay=0.33, current=1.0), fixed_rate(-5.0, 1.0)),
        (fl.RefractoryLIF(b=1.2, tau=0.3, current=1.0), fixed_rate(1.2, 1.0, tau=0.3)),
        (fl.RandomThresholdLIF(b=0.0), 0.06897789703879105),
        (fl.NoisyLIF(drift=lambda v: 1.0 - v), 0.477690275873),
    ],
    ids=lambda value: str(value)[:40],
)
def test_stationary_rates_are_those_of_the_closed_forms(model, N):
    value, error = late_rate(model, t_end=6.0 if getattr(model, "tau", 0) else 5.0)
    # 4 standard errors: 9 models; 0.4 %: what is left of the start at t = 3, and the bias, below 0.2 % at dt = 0.02
    assert abs(value - N) < 4 * error + 0.004 * N
    assert error < 0.02 * N


def test_two_populations_have_the_rates_of_the_reference():
    model = fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0)
    run = fl.simulate_particles(
        model, neurons={"E": 20_000, "I": 5_000}, networks=10, t_end=5.0, dt=0.02, start=START, seed=4, bins=5
    )
    for name, N in (("N_E", 0.128111412736119), ("N_I", 0.105267520805272)):
        value, error = run.mean(name, 3.0, 5.0)
        assert abs(value - N) < 4 * error + 0.003 * N
    assert (run.final.population == 0).sum() == 200_000


def test_first_spikes_with_the_threshold_at_rest_have_their_exact_law():
    """I = V_F: Prob(T > t) = erf(x0 / sqrt(2 (e^{2t} - 1))); the threshold is straight where the path is Brownian."""
    resting = fl.RefractoryLIF(tau=1e9, current=2.0)  # whoever has fired rests for good
    run = fl.simulate_particles(resting, neurons=100_000, t_end=1.0, dt=0.25, start=1.2, seed=1, snapshots=[0.25, 0.5])
    for t, snapshot in run.snapshots.items():
        fired = 1 - erf(0.8 / math.sqrt(2 * math.expm1(2 * t)))
        assert snapshot.resting.mean() == pytest.approx(fired, abs=4 * math.sqrt(fired * (1 - fired) / 1e5))


@pytest.mark.parametrize("dt", [0.25, 4.0])
def test_steps_longer_than_the_membrane_time_are_divided(dt):
    value, error = late_rate(fl.NoisyLIF(b=0.5), t_end=16.0, dt=dt)
    assert abs(value - 0.13477507993525) < 4 * error


def test_the_rate_has_no_visible_bias_at_a_tenth_of_the_membrane_time():
    """Plain Euler is off by 16 % at dt = 0.01."""
    value, error = late_rate(fl.NoisyLIF(), neurons=40_000, dt=0.05)
    assert abs(value / 0.11997596523910496621 - 1) < 0.01 + 3 * error / value


def test_densities_are_those_of_the_equation():
    model = fl.NoisyLIF(b=0.5, drift=fl.Exponential(delta=0.2, v_soft=1.5), current=fl.Piecewise((0.3,), (0.0, 1.0)))
    equation = fl.evolve(fl.discretize(model, tol=1e-5), START, t_end=0.8, rtol=1e-5)
    run = fl.simulate_particles(model, neurons=100_000, t_end=0.8, dt=0.01, start=START, seed=5)
    heights, edges = np.histogram(run.final.v, np.linspace(-1.0, 2.0, 31))
    middle = 0.5 * (edges[1:] + edges[:-1])
    n = (
        equation.final.n(middle)
        + (equation.final.n(edges[1:]) - 2 * equation.final.n(middle) + equation.final.n(edges[:-1])) / 6
    )
    expected = 1e5 * 0.1 * n
    assert np.mean((heights - expected) ** 2 / expected) < 2.0  # 30 bars: chi-square per bar 1 +- 0.26


def test_activity_before_the_start_arrives_with_the_delay():
    model = fl.NoisyLIF(b=-100.0, delay=0.5)
    moved, still = (
        fl.simulate_particles(model, neurons=2000, t_end=0.25, dt=0.01, start=0.0, seed=2, history=past).final.v.mean()
        for past in (lambda t: 0.2 if t < -0.25 else 9.0, 0.0)
    )
    assert moved - still == pytest.approx(-20.0 * (1 - math.exp(-0.25)), rel=1e-3)


def test_affine_drifts_are_recognised_and_others_are_not():
    law = law_of(fl.NoisyLIF())
    assert affine(fl.Leaky(2.0, 0.5), law) == pytest.approx((2.0, 1.0), rel=1e-12)
    assert affine(lambda v: 3.0, law) == pytest.approx((0.0, 3.0))
    assert affine(fl.Quadratic(1.0), law) is None
    assert affine(lambda v: -v if v < 1.5 else -2 * v, law) is None


def test_currents_are_averaged_over_a_step_exactly_where_they_jump():
    assert mean_current(fl.Piecewise((0.3,), (0.0, 1.0)), 0.0, 1.0) == pytest.approx(0.7, rel=1e-14)
    assert mean_current(lambda t: t**3, 0.0, 1.0) == pytest.approx(0.25, rel=1e-14)
