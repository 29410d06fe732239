"""Models over any axes at rest: states that are one but for a rotation, guesses, units with their weights."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

import numpy as np
import pytest
from independent_of_elements import hazard
from numpy.polynomial import chebyshev
from own_models import EscapeNoise, Turning
from scipy.optimize import brentq

import felif as fl
from felif.solvers.newton import newton


@pytest.mark.parametrize("K", [1.05, 1.2, 2.0, 3.0, 8.0])
def test_states_that_a_rotation_makes_of_each_other_are_one(K):
    """D = 1/2: one branch of synchronous states beyond K = 1, r = I_1(K r/D)/I_0(K r/D)."""
    from scipy.optimize import brentq
    from scipy.special import ive

    r = brentq(lambda r: r - ive(1, 2 * K * r) / ive(0, 2 * K * r), 0.05, 1.0)
    found = fl.steady_states(fl.discretize(fl.Kuramoto(K=K, D=0.5), tol=1e-6))
    assert [state.r for state in found] == pytest.approx([0.0, r], abs=1e-8)


def test_a_state_of_another_mesh_and_another_parameter_is_a_guess():
    near = fl.steady_state(fl.discretize(fl.TimeElapsed(hazard, tau=0.1), tol=1e-3))
    other = fl.steady_state(fl.discretize(fl.TimeElapsed(hazard, tau=0.3), tol=1e-6), guess=near)
    assert other.N == pytest.approx(0.34217162608118, rel=1e-8)
    with pytest.raises(ValueError, match="other unknowns"):
        fl.steady_state(fl.discretize(fl.Kuramoto(), tol=1e-2), guess=near)
    fewer, more = (fl.discretize(fl.WilsonCowan(k=4.5 * (1 - np.eye(n)), s=-4.0)) for n in (2, 3))
    with pytest.raises(ValueError, match="other unknowns"):
        fl.steady_state(more, guess=fl.steady_state(fewer))


def test_newton_meets_hebbian_units_with_their_weights_at_rest():
    """Weights relax to k N N^T at whatever rates: with them there Newton's method converges from nearly any start.

    From the same starts it reaches a state 15 times of 25 with weights that move along its steps.
    """
    n = 60
    problem = fl.discretize(fl.WilsonCowan(k=4.7 / n * (1 - np.eye(n)), s=-1.0))
    starts, reached = list(islice(problem.starts(0.0, np.zeros(0)), 25)), 0
    for _, start in starts:
        y = problem.relaxed(0.0, start)
        rates = start[:n]
        assert y[:n] == pytest.approx(rates, abs=0)
        assert y[n:].reshape(n, n) == pytest.approx(problem.model.k * np.outer(rates, rates), rel=1e-12, abs=1e-12)
        with suppress(fl.NotConverged):
            reached += newton(problem, start).residual < 1e-10
    assert reached >= 20
    assert fl.discretize(fl.NoisyLIF()).relaxed is None


def test_a_hundred_equal_units_fire_as_the_equation_of_one_says():
    """N = sig(k n N^3 + s) where all n weights are k N^2; the n^2 weights are eliminated, no sparse LU of them made."""
    n, k, s = 100, 0.03, -2.0
    problem = fl.discretize(fl.WilsonCowan(k=np.full((n, n), k), s=[fl.Piecewise((1.0,), (2.0, s))] * n))
    N = brentq(lambda N: 1 / (1 + np.exp(-(k * n * N**3 + s))) - N, 0.0, 0.5, xtol=1e-15)
    silent = fl.steady_state(problem.at(**{f"s_{j}": s for j in range(n)}), guess=np.zeros(problem.size))
    assert silent.N == pytest.approx(np.full(n, N), rel=1e-12)
    assert silent.w == pytest.approx(np.full((n, n), k * N**2), rel=1e-12)
    assert silent.problem.jacobian(0.0, silent.y).whole is not None
    c = k * n * N**2 * N * (1 - N)  # (lambda + 1)^2 = c (lambda + 3) of all together, = c of what keeps the sum
    modes = [(c + np.sqrt(c**2 + 8 * c)) / 2 - 1, np.sqrt(c) - 1]
    assert fl.spectrum(silent.problem, silent, count=2).eigenvalues == pytest.approx(modes, rel=1e-11)
    run = fl.evolve(problem, {"N": 0.1, "w": 0.0}, 1.5, rtol=1e-6, progress=False)
    assert len(run.problem.driven) == 1  # what they share is asked for once
    two = fl.WilsonCowan(k=np.full((2, 2), k * n / 2), s=[fl.Piecewise((1.0,), (2.0, s))] * 2)
    other = fl.evolve(fl.discretize(two), {"N": 0.1, "w": 0.0}, 1.5, rtol=1e-9, progress=False)
    assert run.final.N == pytest.approx(np.full(n, other.final.N[0]), rel=2e-6)


@pytest.mark.parametrize(("current", "a", "beta"), [(0.7, 0.05, 10.0), (1.5, 0.002, 8.0)])
def test_a_narrow_density_at_rest_is_found_from_the_coarsest_mesh(current, a, beta):
    """1/N is T(0), where a T'' + (-v + I) T' - h T = -1, T' = 0 at both ends, by Chebyshev polynomials.

    On the first mesh the narrow density falls below zero, and no state was found, without a word.
    """
    v = chebyshev.chebpts2(401)
    basis = [chebyshev.chebvander(v, 400), *(np.zeros((401, 401)) for _ in range(2))]
    for k in range(401):
        unit = np.eye(401)[k]
        basis[1][:, k], basis[2][:, k] = (chebyshev.chebval(v, chebyshev.chebder(unit, m)) / 2.5**m for m in (1, 2))
    place = (0.5 + 2.5 * v)[:, None]
    rows = a * basis[2] + (current - place) * basis[1] - np.exp(beta * (place - 1)) * basis[0]
    rows[[0, -1]] = basis[1][[0, -1]]
    T = np.linalg.solve(rows, -(np.abs(v) < 1).astype(float))
    N = 1 / chebyshev.chebval(-0.2, T)
    (found,) = fl.steady_states(fl.discretize(EscapeNoise(current, 0.0, beta, a, (-2.0, 3.0)), tol=1e-4))
    assert found.N == pytest.approx(N, abs=found.error + 1e-9)  # what is lost to rounding in T
    assert found.error < 1e-6


def test_modes_that_only_turn_are_not_unstable():
    """Eigenvalues +- 2i, to rounding on either side of the axis."""
    (state,) = fl.steady_states(fl.discretize(Turning()))
    assert state.growth == pytest.approx(2j, abs=1e-12)
    assert state.stable


@pytest.mark.parametrize(("mass", "L"), [(1.05, 1.0), (1.3, 1.0), (0.9, 3.0), (30.0, 0.3)])
def test_cells_polarise_as_the_closed_form_says(mass, L):
    """n = mu/L e^{-mu z} holds 1/L, so that mu = mass - 1/L: decay lengths from 0.04 to 20 on one first mesh."""
    (state,) = fl.steady_states(fl.discretize(fl.CellPolarisation("exchange", L=L, mass=mass), tol=1e-4))
    assert abs(state.mu - (mass - 1 / L)) < min(state.errors["mu"] + 1e-12 * mass, 1e-9)
    assert abs(state.trace - state.mu / L) < 1e-11 * mass


@pytest.mark.parametrize(("mass", "L"), [(0.9, 1.0), (1.0, 1.0), (0.3, 3.0)])
def test_a_density_that_spreads_is_at_rest_on_no_mesh(mass, L):
    """Below 1/L nothing is at rest but 0; a long mesh that ends somewhere has a state, of the size 1/length."""
    found = fl.steady_states(fl.discretize(fl.CellPolarisation("exchange", L=L, mass=mass), tol=1e-3))
    assert not found
    assert "spreads beyond every mesh" in found.message
