"""Inputs that are functions of time, in models over any axes: against ordinary equations and the engine over v."""

from __future__ import annotations

import numpy as np
import pytest
from own_models import ThetaNeurons
from scipy.integrate import solve_ivp

import felif as fl

QUIET = {"progress": False}


def test_stimuli_that_jump_and_that_oscillate():
    """Wilson-Cowan with plasticity by DOP853, piece by piece; bars contain what is off."""
    k, stimuli = np.array([[18.0, -23.0], [44.0, -3.0]]), [-0.5, 2.0, 0.3]

    def rate(t, y, first):
        N, w = y[:2], y[2:].reshape(2, 2)
        drive = w @ N + [first, -2.8 + np.sin(3 * t)]
        return np.concatenate([-N + 1 / (1 + np.exp(-drive)), (k * np.outer(N, N) - w).ravel()])

    y = np.array([0.1, 0.1, 0, 0, 0, 0])
    for first, ends in zip(stimuli, [(0, 0.7), (0.7, 1.9), (1.9, 3)], strict=True):
        y = solve_ivp(rate, ends, y, "DOP853", rtol=1e-12, atol=1e-14, args=(first,)).y[:, -1]
    model = fl.WilsonCowan(k.tolist(), [fl.Piecewise([0.7, 1.9], stimuli), lambda t: -2.8 + np.sin(3 * t)])
    for rtol in (1e-5, 1e-8):
        run = fl.evolve(fl.discretize(model), {"N": 0.1, "w": 0.0}, 3.0, rtol=rtol, **QUIET)
        off = np.abs(run.final.N - y[:2])
        assert off.max() < 2 * rtol
        assert np.abs(run.final.w.ravel() - y[2:]).max() < 20 * rtol
        assert (off <= [fl.error_estimate(run, f"N_{i}") for i in range(2)]).all()


def test_neurons_that_do_not_adapt_again_are_single_neurons_with_less_current():
    """Without jumps w = w_0 exp(-t): the mean over w_0 of the rates of the engine over v at I(t) - w_0 exp(-t)."""
    current, times = lambda t: 1.5 + 0.5 * np.sin(4 * t), [0.2, 0.5, 1.0]
    x, weights = np.polynomial.legendre.leggauss(8)
    spread = lambda w: (w * (2 - w)) ** 2 * (w < 2)
    shares = weights * spread(x + 1) / (weights @ spread(x + 1))
    expected = 0.0
    for w, share in zip(x + 1, shares, strict=True):
        alone = fl.NoisyLIF(b=0.0, current=lambda t, w=w: current(t) - w * np.exp(-t))
        run = fl.evolve(fl.discretize(alone, tol=1e-7), fl.Gaussian(-0.5, 0.2), 1.0, rtol=1e-7, **QUIET)
        expected = expected + share * run.sample("N", times)
    problem = fl.discretize(fl.AdaptiveLIF(jump=0.0, b=0.0, current=current, w_max=2.0), tol=1e-4)
    start = lambda v, w: np.exp(-((v + 0.5) ** 2) / 0.4) * spread(w)
    run = fl.evolve(problem, start, 1.0, rtol=1e-4, **QUIET)
    off = np.abs(run.sample("Nbar", times) - expected)
    assert off.max() < 1e-5
    assert (off <= fl.error_estimate(run, "Nbar", times)).all()
    assert run.series["wbar"][-1] == pytest.approx(np.exp(-1), rel=1e-9)


def test_theta_neurons_whose_input_oscillates():
    """No unknown is algebraic. By trigonometric collocation at 256 phases; at rest a function of time is refused."""
    current, n = lambda t: 0.3 + 0.4 * np.sin(3 * t), 256
    x, k = -np.pi + 2 * np.pi * np.arange(n) / n, np.fft.fftfreq(n, 1 / n)
    slope = lambda u: np.fft.ifft(1j * k * np.fft.fft(u)).real

    def rate(t, y):
        p, s = y[:n], y[n]
        drift = 1 - np.cos(x) + (1 + np.cos(x)) * (current(t) + 2 * s)
        return np.append(slope(0.3 * ((1 + np.cos(x)) ** 2 + 0.05) * slope(p) - drift * p), (2 * p[0] - s) / 0.5)

    start = np.append(np.full(n, 0.5 / np.pi), 0.0)
    expected = solve_ivp(rate, (0, 3.0), start, "BDF", rtol=1e-9, atol=1e-12).y[n, -1]
    for tol in (1e-3, 1e-6):
        problem = fl.discretize(ThetaNeurons(I=current), tol=tol)
        run = fl.evolve(problem, lambda x: 1.0 + 0 * x, 3.0, rtol=tol, **QUIET)
        assert abs(run.final.s - expected) < tol
    with pytest.raises(ValueError, match="an input depends on time"):
        fl.steady_states(problem)
    assert fl.steady_state(problem.at(I=0.3)).s == pytest.approx(
        fl.evolve(problem.at(I=0.3), lambda x: 1.0 + 0 * x, 30.0, rtol=1e-7, **QUIET).final.s, rel=1e-6
    )
