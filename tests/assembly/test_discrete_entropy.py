"""Exponential fitting with backward Euler is a Markov chain for b = 0: every relative entropy decays at every step.

The step matrix (M/h - A)^-1 M/h is nonnegative, conserves sum m_i n_i and leaves the discrete steady state P as it is.
For convex H, sum m_i P_i H(n_i/P_i) then cannot grow (Jensen's inequality, column by column), whatever h and the mesh.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

import felif as fl

CONVEX = {
    "quadratic": lambda h: (h - 1) ** 2,
    "entropy": lambda h: np.where(h > 0, h * np.log(np.maximum(h, 1e-300)), 0.0) - h + 1,
    "distance": lambda h: np.abs(h - 1),
    "largest part": lambda h: np.maximum(h - 2, 0.0),
}


@cases(25)
@given(
    a0=st.floats(0.02, 2.0),
    current=st.floats(-1.0, 3.0),
    cells=st.integers(6, 60),
    grading=st.floats(1.0, 3.0),
    step=st.sampled_from([1e-4, 1e-2, 1.0, 50.0]),
    seed=st.integers(0, 10**6),
)
def test_every_entropy_decays_at_every_step(a0, current, cells, grading, step, seed):
    neuron = fl.NoisyLIF(b=0.0, a0=a0, current=current)
    mesh = fl.interval(neuron, v_min=-4.0, cells=cells, grading=grading)
    problem = fl.discretize(neuron, mesh, space=fl.ExponentialFitting())
    (mass,) = problem.conserved.values()
    P = stationary(problem, mass)
    rng = np.random.default_rng(seed)
    n = rng.uniform(size=problem.size) ** 8 * P  # rough: ratios over many orders of magnitude
    start = fl.State(problem, 0.0, n / (mass @ n))
    run = fl.evolve(problem, start, 12 * step, scheme=fl.BackwardEuler(), fixed_step=step, progress=False)
    states = np.concatenate([segment.states for segment in run.segments])
    assert states.min() >= 0.0
    for name, H in CONVEX.items():
        entropy = (H(states / P) * P) @ mass
        rounding = 1e-11 * (1 + entropy[0])
        assert np.all(np.diff(entropy) <= rounding), name
    quadratic = (CONVEX["quadratic"](states / P) * P) @ mass
    assert quadratic[-1] < quadratic[0]


def stationary(problem, mass):
    """Kernel of A, by inverse iteration: positive by Perron and Frobenius."""
    matrix = problem.jacobian(0.0, np.zeros(problem.size)).dense()
    m = problem.mass.data[0]
    P = np.ones(problem.size)
    for _ in range(60):
        P = np.linalg.solve(np.diag(m) - 1e3 * matrix, m * P)
        P = P / (mass @ P)
    assert P.min() > 0
    assert np.abs(matrix @ P).max() < 1e-9 * np.abs(matrix).max()
    return P


def test_the_entropies_of_high_order_elements_need_not_decay():
    """Why the option exists: a jump on six cells of degree 6 has negative values, for which h log h means nothing."""
    neuron = fl.NoisyLIF(b=0.0)
    problem = fl.discretize(neuron, tol=1e-3)
    run = fl.evolve(problem, fl.Uniform(-1.0, 0.3), 0.01, progress=False)
    assert run.undershoot > 1e-3
    fitted = fl.discretize(neuron, tol=1e-3, space=fl.ExponentialFitting())
    kept = fl.evolve(fitted, fl.Uniform(-1.0, 0.3), 0.01, scheme=fl.BackwardEuler(), rtol=1e-2, progress=False)
    assert kept.undershoot == pytest.approx(0.0, abs=1e-15)
