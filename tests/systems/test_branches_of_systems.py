"""Branches of systems over any axes: Hopf points, branch points of a symmetry, orbits, and what parameters share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ive

import felif as fl

RING = fl.Populations(coupling=-np.roll(np.eye(5), 1, axis=0), current=1.0, strength=5.8)


def hazard(s, x):
    return 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2))


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (fl.Populations(coupling=[[0.8, -1.5], [0.0, -0.5]], current=[0.5, 0.1], a1=0.1), {"coupling_0_1": -0.7}),
        (fl.Populations(coupling=[[0.8, -1.5], [0.6, -0.5]], tau=[0.1, 0.2]), {"strength": 0.0, "a0": 0.7}),
        (fl.CellPolarisation("exchange"), {"L": 0.5, "mass": 0.7}),
        (fl.Kuramoto(K=2.0, A=1.05), {"K": 3.0, "D": 0.7, "omega": 0.2}),
        (fl.TimeElapsed(hazard, tau=0.1), {"tau": 0.3}),
        (fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[-0.5, -2.8]), {"s_1": -1.0, "k_0_1": 3.0}),
        (fl.AdaptiveLIF(), {"a0": 0.5, "tau_w": 2.0}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_a_problem_with_other_parameters_is_the_one_discretised_with_them(model, change):
    """What is shared between them are forms and patterns; entries of arrays are named by their places."""
    problem = fl.discretize(model, tol=1e-2, space=fl.SpectralElement(3))
    y = 0.1 + np.random.default_rng(0).random(problem.size)
    problem.jacobian(0.0, y)  # makes the pattern
    shared = problem.at(**change)
    alone = type(problem)(shared.model, shared.model.equations(), problem.lines, problem.space, None, problem.again)
    assert shared.rate(0.0, y) == pytest.approx(alone.rate(0.0, y), rel=1e-13, abs=1e-13)
    x = np.random.default_rng(1).random(problem.size)
    assert shared.jacobian(0.0, y) @ x == pytest.approx(alone.jacobian(0.0, y) @ x, rel=1e-12, abs=1e-12)
    assert not np.allclose(shared.rate(0.0, y), problem.rate(0.0, y), rtol=1e-6, atol=0)


def test_entries_that_do_not_exist_are_refused_by_name():
    problem = fl.discretize(fl.WilsonCowan(k=[[1.0, 0.0], [0.0, 1.0]], s=[0.0, 1.0]))
    with pytest.raises(ValueError, match="has no parameter 's_2'"):
        problem.at(s_2=1.0)
    with pytest.raises(ValueError, match=r"'k_0' = None .* allowed are k_0_0, \.\.\., s_0, \.\.\."):
        fl.continuation(problem, fl.steady_state(problem, guess=np.zeros(6)), "k_0", (0.0, 1.0))


def test_a_ring_of_inhibitory_populations_loses_stability_where_the_closed_response_says():
    """arg K(i omega) = -pi/5 and beta |K| = 1, by parabolic cylinder functions: residual 1e-12."""
    problem = fl.discretize(RING, tol=1e-5)
    branch = fl.continuation(problem, fl.steady_state(problem), "strength", (5.8, 6.1), max_step=5.0)
    (hopf,) = branch.hopfs
    assert (hopf.strength, hopf.frequency) == pytest.approx((5.936664158195, 1.509718619473), rel=1e-6)
    assert hopf.details["criticality"] < 0
    assert not branch.unaccounted


def test_oscillators_synchronise_at_a_branch_point_of_the_uniform_density():
    """K_c = 2 D, where two eigenvalues that a rotation makes of each other cross; r = I_1(K r/D)/I_0(K r/D) beyond."""
    problem = fl.discretize(fl.Kuramoto(K=0.9, D=0.5), tol=1e-6)
    uniform = fl.continuation(problem, fl.steady_state(problem), "K", (0.9, 1.2), max_step=5.0)
    (point,) = uniform.branch_points
    assert point.K == pytest.approx(1.0, abs=1e-10)
    assert not uniform.unaccounted
    synchronous = fl.continuation(problem, point, "K", (0.9, 1.6), max_step=10.0, stability=False)
    assert min(state.K for state in synchronous) > 1 - 1e-9
    for state in synchronous:
        if state.K > 1.01:
            r = brentq(lambda r, K=state.K: r - ive(1, 2 * K * r) / ive(0, 2 * K * r), 1e-2, 1.0, xtol=1e-14)
            assert state.r == pytest.approx(r, abs=1e-9)


def test_two_groups_of_oscillators_synchronise_later():
    """2 D (1 + (delta/D)^2) for natural frequencies +-delta, delta < D: z' = (+-i delta - D) z + K (z_1 + z_2)/4."""
    model = fl.Kuramoto(K=1.2, D=0.5, frequencies=((-0.25, 0.25), (0.5, 0.5)))
    problem = fl.discretize(model, tol=1e-4)
    branch = fl.continuation(problem, fl.steady_state(problem), "K", (1.15, 1.35), max_step=5.0)
    assert [point.K for point in branch.branch_points] == pytest.approx([1.25], abs=1e-9)


def test_rates_with_hebbian_weights_turn_about_a_hopf_point():
    """Fixed points by mpmath with 30 digits; the cycle by Dormand-Prince of order 8 at 1e-13."""
    problem = fl.discretize(fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[0.9, -2.8]))
    near = fl.steady_state(problem, guess=np.array([0.38, 0.52, 2.6, -4.55, 8.7, -0.8]))
    branch = fl.continuation(problem, near, "s_0", (0.8, 1.2), N_max=100.0, max_step=5.0)
    (hopf,) = branch.hopfs
    assert (hopf.s_0, hopf.frequency) == pytest.approx((0.993666526821, 1.772133126574), rel=1e-10)
