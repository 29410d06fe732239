"""Exact identities of moments: the first two hold identically, the exponential one only as far as N is right."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.assembly.moments import ExponentialMoment
from felif.problem import State

START = fl.Gaussian(0.0, 0.25)


def integrals(problem, n, *functions):
    """int f n dv by Gauss's rule with twelve points a cell."""
    points, weights = np.polynomial.legendre.leggauss(12)
    widths = np.diff(problem.cells)[:, None]
    x = (problem.cells[:-1, None] + widths * (points + 1) / 2).ravel()
    w = (widths * weights / 2).ravel() * n(x)
    return [float(w @ f(x)) for f in functions]


@pytest.mark.parametrize("space", [fl.SpectralElement(5), fl.Lagrange(2), fl.Lagrange(4)], ids=repr)
@pytest.mark.parametrize("model", [fl.NoisyLIF(b=0.7, current=0.3), fl.NoisyLIF(b=-0.4, a0=0.5, a1=0.2)], ids=repr)
def test_the_first_two_moments_obey_their_equations_at_every_state(model, space):
    """M1' = -M1 + I + (b - V_F + V_R) N,   M2' = -2 M2 + 2 (I + b N) M1 + 2 (a0 + a1 N) - (V_F^2 - V_R^2) N.

    v and v^2 are test functions of these spaces, and the tied rows carry N: rounding, whatever the density.
    """
    problem = fl.discretize(model, fl.interval(model, v_min=-4.0, cells=8), space=space)
    nodes = problem.nodes
    y = np.random.default_rng(2).uniform(0.5, 1, problem.size) * ((2 - nodes) * (nodes + 4))[:-1]  # zero at both ends
    y /= problem.conserved["mass"] @ y
    rate, (N,) = problem.rate(0.0, y), problem.scalars(0.0, y)
    slope = np.linalg.solve(problem.mass.dense(), rate)
    row = problem.tied_row("n")
    last = 0.0 if row is None else float(row @ slope)  # (n_t, test function of V_F)
    found = [float(nodes[:-1] ** k @ rate) + 2.0**k * last for k in (1, 2)]
    M1, M2 = integrals(problem, problem.field("n", y), lambda v: v, lambda v: v**2)
    m, a = model.current + model.b * N, model.a0 + model.a1 * N
    expected = [-M1 + m - N, -2 * M2 + 2 * m * M1 + 2 * a - 3 * N]  # V_F - V_R = 1, V_F^2 - V_R^2 = 3
    assert found == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            fl.NoisyLIF(b=0.7, current=0.3, a1=0.1),
            lambda s, M, vM: (0.3 + 0.7 * s.N + 1 + 0.1 * s.N) * M - vM - s.N * (np.exp(2.0) - np.exp(1.0)),
        ),
        (
            fl.RefractoryLIF(b=0.7, tau=0.3),
            lambda s, M, vM: (0.7 * s.N + 1) * M - vM - s.N * np.exp(2.0) + s.R / 0.3 * np.exp(1.0),
        ),
    ],
    ids=["NoisyLIF", "RefractoryLIF"],
)
def test_the_exponential_moment_is_that_of_the_equation(model, expected):
    """d/dt int e^v n by hand for two models: the machinery assembles it from the terms."""
    problem = fl.discretize(model, fl.interval(model, v_min=-7.0, cells=14))
    final = fl.evolve(problem, START, t_end=0.3).final
    state = State(problem, final.t, final.y)  # whose N is that of y: with a1 > 0 that of the run is infinite at once
    M, vM = integrals(problem, state.n, np.exp, lambda v: v * np.exp(v))
    moment, unit = ExponentialMoment(problem), np.exp(problem.cells[-1])
    assert unit * moment.values(state.y) == pytest.approx(M, rel=1e-12)
    (rate,) = moment.rates(np.array([state.t]), state.y[None])
    assert unit * rate == pytest.approx(expected(state, M, vM), rel=1e-10)


def test_the_defect_falls_with_the_tolerance():
    defects = []
    for tol in (1e-4, 1e-6, 1e-8):
        run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=tol), START, t_end=1.0, rtol=tol)
        defects.append(run.moment_defect)
        assert run.moment_defect < 100 * tol
    assert defects[2] < defects[1] < defects[0]


@pytest.mark.parametrize(
    "model",
    [fl.RefractoryLIF(b=0.5), fl.RandomThresholdLIF(b=5.0), fl.NoisyLIF(drift=fl.Exponential(), v_fire=2.5)],
    ids=repr,
)
def test_the_defect_is_small_for_every_model(model):
    run = fl.evolve(fl.discretize(model), START, t_end=1.0)
    assert run.moment_defect < 1e-4  # 100 times the tolerance
    assert "exponential moment" in repr(run)


def test_the_defect_is_small_to_blow_up():
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5), t_end=10.0)
    assert run.outcome.name == "blow_up"
    assert run.moment_defect < 1e-4


def test_the_defect_is_large_on_a_hopeless_mesh():
    """A check that cannot fail is none: linear elements as wide as the distance from V_R to V_F."""
    model = fl.NoisyLIF(b=0.5)
    problem = fl.discretize(model, fl.interval(model, v_min=-5.0, cells=7, grading=1.0), space=fl.Lagrange(1))
    run = fl.evolve(problem, fl.Gaussian(-1.0, 1.0), t_end=2.0)
    good = fl.evolve(fl.discretize(model), fl.Gaussian(-1.0, 1.0), t_end=2.0)
    assert abs(run.final.N / good.final.N - 1) > 0.1
    assert run.moment_defect > 1e-2
    assert good.moment_defect < 1e-5
