"""Folds, curves of folds and cusps, against closed forms."""

import numpy as np
import pytest
from bifurcations import Cubic
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

import felif as fl
from felif.analysis import exact
from felif.problem import State
from felif.solvers.continuation import continuation
from felif.solvers.curves import fold_curve


@pytest.fixture(scope="module")
def refractory():
    problem = fl.discretize(fl.RefractoryLIF(b=1.2, tau=0.1), tol=1e-8)
    return problem, continuation(problem, fl.steady_states(problem)[0], "b", bounds=(0.0, 4.0))


def test_the_folds_of_a_cubic_meet_in_its_cusp():
    toy = Cubic()
    branch = continuation(toy, State(toy, 0.0, np.array([-1.3])), "mu", bounds=(-2, 2))
    curve = fold_curve(toy, branch.folds[0], "mu", "nu", bounds={"mu": (-2, 2), "nu": (-1, 2)})
    mu, nu = curve.table["mu"], curve.table["nu"]
    assert np.allclose(mu**2, 4 * (nu / 3) ** 3, atol=1e-9)
    assert curve.cusps[0].mu == pytest.approx(0.0, abs=1e-12)
    assert curve.cusps[0].nu == pytest.approx(0.0, abs=1e-12)
    assert mu[0] * mu[-1] < 0


@cases(6)
@given(a=st.floats(0.5, 2.0), v_reset=st.floats(0.5, 1.4), current=st.floats(-0.3, 0.6))
def test_the_fold_of_any_network_is_that_of_its_closed_form(a, v_reset, current):
    model = fl.NoisyLIF(b=0.0, a0=a, v_reset=v_reset, current=current)
    expected = exact.folds(model)[0]
    problem = fl.discretize(model, tol=1e-8)
    start = fl.steady_states(problem)[0]
    branch = continuation(
        problem, start, "b", bounds=(-0.1, 1.3 * expected.b + 1), N_max=4 * expected.N, stability=False
    )
    assert len(branch.folds) == 1
    assert branch.folds[0].b == pytest.approx(expected.b, rel=1e-9)
    assert branch.folds[0].N == pytest.approx(expected.N, rel=1e-8)


def test_folds_are_found_where_the_mesh_moves_with_the_parameter():
    problem = fl.discretize(fl.NoisyLIF(b=1.5), tol=1e-8)
    branch = continuation(
        problem, fl.steady_states(problem)[0], "v_reset", bounds=(0.9, 1.5), N_max=1.0, stability=False
    )
    (fold,) = branch.folds
    expected = exact.folds(fl.NoisyLIF(v_reset=fold.v_reset))[0]
    assert fold.b == pytest.approx(expected.b, rel=1e-8)
    assert fold.N == pytest.approx(expected.N, rel=1e-6)


def test_a_refractory_network_has_two_folds(refractory):
    _, branch = refractory
    assert [fold.b for fold in branch.folds] == pytest.approx([2.193862816054697, 1.827569291790583], abs=1e-9)
    assert [point.unstable for point in branch.at(1.85)] == [0, 1, 0]


def test_its_folds_meet_in_a_cusp(refractory):
    problem, branch = refractory
    curve = fold_curve(
        problem, branch.folds[0], "b", "tau", bounds={"b": (1.5, 3.0), "tau": (0.05, 1.0)}, stability=False
    )
    (cusp,) = curve.cusps
    # closed form in 40 digits
    assert cusp.tau == pytest.approx(0.3254467330969838, abs=1e-9)
    assert cusp.b == pytest.approx(2.44953546218913, abs=1e-9)
    assert cusp.N == pytest.approx(0.6411371684440275, abs=1e-9)
    ends = [(curve[k].tau, curve[k].b) for k in (0, -1)]
    assert sorted(ends) == pytest.approx(np.array([(0.05, 1.579726051834629), (0.05, 2.146429138231881)]), abs=1e-8)
    for point in [point for point in curve if point.tau < 0.3][::5]:
        assert min(abs(fold.b - point.b) for fold in exact.folds(point.problem.model)) < 1e-8


def test_fold_curves_want_a_fold_and_two_parameters(refractory):
    problem, branch = refractory
    with pytest.raises(ValueError, match="allowed is a fold"):
        fold_curve(problem, branch[0], "b", "tau")
    with pytest.raises(ValueError, match="two different parameters"):
        fold_curve(problem, branch.folds[0], "b", "b")
    with pytest.raises(ValueError, match="bounds has the parameter 'a0'"):
        fold_curve(problem, branch.folds[0], "b", "tau", bounds={"a0": (0.0, 1.0)})
