"""Exponential fitting and backward Euler keep densities nonnegative, whatever the data, the network and the step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from randomised import cases

import felif as fl
from felif.assembly.fitted import bernoulli_of_minus, bernoulli_pair

NETWORKS = [
    lambda b: fl.NoisyLIF(b=b, a0=0.1, current=1.0),
    lambda b: fl.NoisyLIF(b=b, a1=0.3),
    lambda b: fl.RefractoryLIF(b=b, tau=0.05, current=3.0),
    lambda b: fl.RandomThresholdLIF(b=b, eps=0.02),
    lambda b: fl.NoisyLIF(b=b, current=lambda t: 5.0 * np.sin(3 * t)),
    lambda b: fl.ExcitatoryInhibitoryLIF(b_EE=max(b, 0.0), b_IE=abs(b), b_EI=1.0, b_II=0.5, tau=0.1),
]


def hostile(problem, seed):
    """All mass in a few nodes, nothing between them: as rough as data can be. R starts at 0."""
    rng = np.random.default_rng(seed)
    y = np.zeros(problem.size)
    for name in problem.field_names:
        nodes = problem.layout.free(name) - 1  # not the last one, where hardly any density is feasible
        y[problem.layout.offsets[name] + rng.choice(nodes, 3, replace=False)] = rng.uniform(0, 1, 3)
    for weights in problem.conserved.values():
        y[weights != 0] /= weights @ y
    return fl.State(problem, 0.0, y)


@cases(40)
@given(
    network=st.sampled_from(NETWORKS),
    b=st.floats(-20, 3),
    step=st.sampled_from([1e-5, 1e-3, 0.1, 1.0, 20.0]),
    cells=st.integers(6, 40),
    grading=st.floats(1, 3),
    seed=st.integers(0, 10**6),
)
def test_backward_euler_steps_never_go_below_zero(network, b, step, cells, grading, seed):
    model = network(b)
    mesh = fl.interval(model, v_min=-5.0, cells=cells, grading=grading)
    problem = fl.discretize(model, mesh, space=fl.ExponentialFitting())
    run = fl.evolve(problem, hostile(problem, seed), t_end=15 * step, scheme=fl.BackwardEuler(), fixed_step=step)
    assert run.series["min_n"].min() >= 0.0
    if run.times[-1] > 0:
        theta = np.linspace(0, run.times[-1], 23)
        names = run.problem.field_names
        assert min(getattr(run.at(t), name).values.min() for t in theta for name in names) >= 0.0  # between steps too


def test_adaptive_steps_keep_the_sign_through_a_burst():
    problem = fl.discretize(fl.RandomThresholdLIF(b=8.0), space=fl.ExponentialFitting(), tol=1e-2)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=3.0, scheme=fl.BackwardEuler(), rtol=1e-2)
    assert run.outcome.name == "finished"
    assert run.series["min_n"].min() >= 0.0


def test_the_frozen_matrix_is_an_m_matrix():
    """Off-diagonal entries >= 0, and columns sum to minus what leaves: then (M/h - A)^-1 >= 0 for every h."""
    model = fl.NoisyLIF(b=-3.0, a0=0.05, current=4.0)
    problem = fl.discretize(model, fl.interval(model, v_min=-4.0, cells=12), space=fl.ExponentialFitting())
    y = np.random.default_rng(0).uniform(0, 0.05, problem.size)
    matrix = problem.frozen(0.0, y).dense()
    assert (matrix - np.diag(np.diag(matrix))).min() >= 0.0
    # what leaves comes back at V_R; rounding of entries of 1e2
    assert np.abs(matrix.sum(axis=0)).max() < 1e-12 * np.abs(matrix).max()
    assert matrix @ y == pytest.approx(problem.rate(0.0, y), abs=1e-11 * np.abs(matrix).max())


def test_other_spaces_do_not_promise_positivity():
    model = fl.NoisyLIF()
    problem = fl.discretize(model, fl.interval(model))
    assert problem.frozen(0.0, np.zeros(problem.size)) is None


@cases(200)
@given(z=st.one_of(st.floats(-800, 800), st.floats(-0.1, 0.1)))
def test_bernoulli_functions_are_accurate_and_positive_everywhere(z):
    with mp.workdps(40):
        B = lambda x: x / mp.expm1(x) if x else mp.mpf(1)
        slope = lambda x: mp.mpf(-0.5) + x / 6 if abs(x) < 1e-9 else (mp.expm1(x) - x * mp.exp(x)) / mp.expm1(x) ** 2
        stepped = np.array([complex(z, 1e-30)])
        for value, exact in zip(bernoulli_pair(np.array([z])), (B(-mp.mpf(z)), B(mp.mpf(z))), strict=True):
            assert value[0] >= 0.0
            assert abs(value[0] - exact) <= 5e-16 * exact + mp.mpf("1e-250")  # two roundings
        for value, sign in zip(bernoulli_pair(stepped), (-1, 1), strict=True):
            exact = sign * slope(sign * mp.mpf(z))
            assert abs(value[0].imag / 1e-30 - exact) <= 1e-12 * abs(exact) + 1e-15
        one = bernoulli_of_minus(stepped[0])
        assert abs(one.real - B(-mp.mpf(z))) <= 5e-16 * B(-mp.mpf(z)) + mp.mpf("1e-250")
        # (1 - B)/(e^x - 1) loses two digits next to the series, at |x| = 0.01
        assert abs(one.imag / 1e-30 + slope(-mp.mpf(z))) <= 1e-13
