"""The Hardy/Poincare constant: reference values, its function, and the inequality with the spectral gap."""

import numpy as np
import pytest

import felif as fl
from felif.analysis.density import density

#: reference-values.md, b = 0, by a
VALUES = {0.5: 2.105416049446609605, 1.0: 1.185528251347093105, 2.0: 0.674648785964139513}


def solved(model, tol=1e-8, which=0):
    problem = fl.discretize(model, tol=tol)
    state = fl.steady_states(problem)[which]
    return fl.poincare(problem, state), state


@pytest.mark.parametrize("a", VALUES)
def test_reference_values_and_the_bound_on_the_gap(a):
    found, state = solved(fl.NoisyLIF(a0=a))
    assert found.eigenvalue == pytest.approx(VALUES[a], rel=1e-11)
    gap = fl.spectrum(state.problem, state, 1).gap
    assert 0.0027 < 1 - found.gap_bound / gap < 0.0047  # sharp to .28-.46 %


@pytest.mark.parametrize("tol", [1e-3, 1e-5])
def test_the_error_is_estimated(tol):
    found, _ = solved(fl.NoisyLIF(), tol)
    error = abs(found.eigenvalue - VALUES[1.0])
    assert error < tol * found.eigenvalue
    assert 0.5 < found.error / error < 2


@pytest.mark.parametrize("v_min", [-4.0, -5.0, -6.0])
def test_the_error_of_a_mesh_that_ends_early_is_estimated(v_min):
    model = fl.NoisyLIF()
    problem = fl.discretize(model, fl.interval(model, v_min=v_min, cells=16))
    found = fl.poincare(problem, fl.steady_state(problem))
    assert 0.5 < found.error / abs(found.eigenvalue - VALUES[1.0]) < 2


@pytest.mark.parametrize("model", [fl.NoisyLIF(b=1.5), fl.NoisyLIF(b=-4.0, a0=0.3)])
def test_the_eigenfunction_satisfies_its_equation_and_its_norms(model):
    """-(P u')' = lambda P u, tested with trial functions; int P u = 0, int P u^2 = 1."""
    found, state = solved(model, 1e-9)
    v = np.linspace(found.problem.cells[0], 2.0, 20001)[:-1]
    v = v + (2.0 - found.problem.cells[0]) / 40000  # midpoints
    step = v[1] - v[0]
    P, u = density(model, state.N, v), found.eigenfunction(v)
    slope = (found.eigenfunction(v + 1e-5) - found.eigenfunction(v - 1e-5)) / 2e-5
    assert step * P @ u == pytest.approx(0, abs=1e-6)
    assert step * P @ u**2 == pytest.approx(1, abs=1e-5)
    assert step * P @ slope**2 == pytest.approx(found.eigenvalue, rel=1e-4)
    for test, test_slope in ((v, 1 + 0 * v), (np.sin(v), np.cos(v))):
        assert step * P @ (slope * test_slope) == pytest.approx(found.eigenvalue * step * P @ (u * test), rel=1e-4)


def test_no_other_function_does_better():
    found, state = solved(fl.NoisyLIF(b=0.5))
    v = np.linspace(-9.0, 2.0, 20001)
    P = density(fl.NoisyLIF(b=0.5), state.N, v)
    P /= P.sum()
    random = np.random.default_rng(1)
    for _ in range(20):
        u = np.polynomial.chebyshev.chebval((v + 3.5) / 5.5, random.standard_normal(6))
        u -= P @ u
        assert P @ np.gradient(u, v) ** 2 >= found.eigenvalue * (P @ u**2)


def test_nearly_no_noise_is_the_gaussian_limit():
    """a0 = .02: P is a Gaussian of variance a, whose constant is 1/a."""
    found, _ = solved(fl.NoisyLIF(a0=0.02))
    assert found.eigenvalue == pytest.approx(50.0, rel=1e-9)


def test_small_noise_above_threshold():
    """P is nearly 1/(m - v) on [V_R, V_F] and falls by e^17 a cell below: pi^2 up to a per cent."""
    found, _ = solved(fl.NoisyLIF(b=0.5, a0=0.02, current=3.0))
    assert found.eigenvalue == pytest.approx(np.pi**2, rel=0.01)
    assert found.error < 1e-9


@pytest.mark.parametrize(
    "model", [fl.RefractoryLIF(b=1.0), fl.RandomThresholdLIF(b=1.0), fl.ExcitatoryInhibitoryLIF(0.5, 0.25, 0.25, 1.0)]
)
def test_other_models_have_one_too(model):
    found, _ = solved(model)
    assert 1.0 < found.eigenvalue < 2.0
    assert found.error < 1e-8 * found.eigenvalue


def test_bad_input_is_named():
    problem = fl.discretize(fl.NoisyLIF())
    state = fl.steady_state(problem)
    with pytest.raises(ValueError, match="field"):
        fl.poincare(problem, state, field="m")
    with pytest.raises(ValueError, match="belongs to"):
        fl.poincare(problem.at(b=0.5), state)
