"""Branches of steady states: toys with known branches, then networks against their closed forms."""

from dataclasses import dataclass

import numpy as np
import pytest
from bifurcations import Circle, Cubic, Exchange, Fold, Pitchfork, Transcritical

import felif as fl
from felif.analysis import exact
from felif.problem import State
from felif.solvers.continuation import continuation
from felif.solvers.stability import leading


def on(problem, *y):
    return State(problem, 0.0, np.array(y, float))


@pytest.fixture(scope="module")
def network():
    return fl.discretize(fl.NoisyLIF(b=0.0), tol=1e-8)


@pytest.fixture(scope="module")
def branch(network):
    return continuation(network, fl.steady_states(network)[0], "b", bounds=(-10.0, 4.0))


def test_the_branch_of_a_toy_turns_at_its_fold():
    branch = continuation(Fold(), on(Fold(), 1.0), "mu", bounds=(-1, 2))
    assert branch.folds[0].parameter == pytest.approx(0.0, abs=1e-12)
    assert branch.outcome.name == "bound"
    x = np.array([point.y[0] for point in branch])
    assert np.allclose(branch.table["mu"], x**2, atol=1e-12)
    assert np.array_equal(branch.table["stable"], x > 1e-12)


def test_rows_stand_in_the_order_of_arc_length_from_one_end_to_the_other():
    branch = continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=(-2, 2))
    x = np.array([point.y[0] for point in branch])
    assert np.all(np.diff(x) > 0)
    assert np.all(np.diff(branch.table["arclength"]) > 0)
    assert branch.table["mu"][[0, -1]] == pytest.approx([-2, 2], abs=1e-12)
    assert [fold.mu for fold in branch.folds] == pytest.approx([2 / np.sqrt(27), -2 / np.sqrt(27)], abs=1e-12)


def test_a_branch_that_closes_is_walked_once():
    branch = continuation(Circle(), on(Circle(), 1.0), "mu", bounds=(-2, 2))
    assert branch.outcome.name == "closed"
    assert [fold.mu for fold in branch.folds] == pytest.approx([1, -1], abs=1e-12)


def test_totals_are_kept_and_their_eigenvalue_is_left_out():
    branch = continuation(Exchange(), on(Exchange(), 1.2, -0.2), "mu", bounds=(-1, 1))
    assert all(point.y.sum() == pytest.approx(1.0, abs=1e-13) for point in branch)
    assert branch.folds[0].N == pytest.approx(0.5, abs=1e-10)
    assert all(len(point.eigenvalues) == 1 for point in branch)


@pytest.mark.parametrize(("toy", "start"), [(Pitchfork(), (0.0, 0.0)), (Transcritical(), (1.0,))])
def test_branch_points_are_found_and_the_crossing_branch_is_followed(toy, start):
    branch = continuation(toy, on(toy, *start), "mu", bounds=(-2, 2))
    point = branch.branch_points[0]
    assert point.mu == pytest.approx(0.0, abs=1e-10)
    crossing = continuation(toy, point, "mu", bounds=(-2, 2))
    x, mu = np.array([point.y[0] for point in crossing]), crossing.table["mu"]
    assert np.allclose(mu, x**2 if isinstance(toy, Pitchfork) else x - 1, atol=1e-9)
    assert np.ptp(x) > 2  # both sides
    assert not crossing.folds  # the pitchfork's turn at the branch point is none


@dataclass(frozen=True)
class Rivals(fl.ExcitatoryInhibitoryLIF):
    """Two equal populations that inhibit each other: b_EI = -b_IE."""

    def __post_init__(self):
        pass


def test_rival_populations_part_at_a_branch_point():
    problem = fl.discretize(Rivals(b_IE=2.0, b_EI=-2.0, a0=2.0, current_E=2.0, current_I=2.0), tol=1e-6)
    branch = continuation(problem, fl.steady_states(problem)[0], "a0", bounds=(1.0, 2.5))
    (point,) = branch.branch_points
    assert point.N_E == pytest.approx(point.N_I, rel=1e-10)
    # an antisymmetric perturbation neither grows nor decays: b r'(m) = 1 with m = I - b N
    m = 2.0 - 2.0 * point.N_E
    T, slope = (f(m, point.a0, 1.0, 2.0) for f in (exact.passage_time, exact.passage_time_slope))
    assert -2.0 * slope / T**2 == pytest.approx(1.0, abs=1e-6)
    parted = continuation(problem, point, "a0", bounds=(1.0, 2.5))
    N_E, N_I = parted.table["N_E"], parted.table["N_I"]
    assert [N_E[0], N_I[0]] == pytest.approx([N_I[-1], N_E[-1]], rel=1e-6)
    assert abs(N_E[0] - N_I[0]) > 0.3
    assert parted[0].stable
    assert parted[-1].stable
    assert len(parted.branch_points) == 1


def test_without_stability_no_eigenvalues_are_computed():
    branch = continuation(Fold(), on(Fold(), 1.0), "mu", bounds=(-1, 2), stability=False)
    assert len(branch.folds) == 1
    assert branch[0].stable is None
    assert set(branch.table["unstable"]) == {-1}


def test_a_network_follows_its_closed_form_beyond_the_fold_up_to_large_rates(branch):
    assert branch.table["b"][0] == pytest.approx(-10, abs=1e-12)
    assert branch.table["N"][-1] == pytest.approx(20, abs=1e-10)
    assert {end.name for end in branch.ends} == {"bound", "N_max"}
    for point in branch[:: len(branch) // 8]:
        nearest = min(exact.steady_rates(point.problem.model), key=lambda N: abs(N - point.N))
        sensitivity = 1 / (1e-2 + abs(point.b - branch.folds[0].b))  # dN/db grows like its root at the fold
        assert point.N == pytest.approx(nearest, rel=1e-7 * sensitivity)


def test_a_network_loses_stability_at_its_fold_only(branch):
    fold = branch.folds[0]
    # 40 digits by closed form and elements
    assert fold.b == pytest.approx(2.10096776045578754, abs=1e-9)
    assert fold.N == pytest.approx(0.424224359786284124, abs=1e-9)
    below = branch.table["N"] < fold.N - 1e-9
    assert np.array_equal(branch.table["stable"], below)
    assert set(branch.table["unstable"][~below]) == {1}
    assert fold.eigenvalues[1] == pytest.approx(-3.001531866033262, rel=1e-7)


def test_eigenvalues_along_the_branch(branch):
    (lower,) = branch.at(0.5)
    assert lower.eigenvalues[0] == pytest.approx(-1.1099622657, abs=1e-7)
    stable, upper = branch.at(1.5)
    assert stable.N == pytest.approx(0.192364012568479359, rel=1e-9)
    assert upper.N == pytest.approx(2.289125707746862800, rel=1e-8)
    assert upper.eigenvalues[0] == pytest.approx(3.8817950745961, rel=1e-6)


def test_the_mesh_follows_the_boundary_layer(branch, network):
    assert branch[-1].problem.size > branch[0].problem.size >= network.size
    model = branch[-1].problem.model
    assert exact.drift_centre(model, 20.0) / 20.0 == pytest.approx(branch[-1].b, rel=1e-7)


@pytest.mark.parametrize(
    ("parameter", "bounds"),
    [("a0", (0.4, 2.0)), ("a1", (0.0, 0.5)), ("current", (-0.5, 1.0)), ("v_reset", (0.5, 1.2)), ("v_fire", (1.8, 2.3))],
)
def test_any_parameter_may_be_followed(parameter, bounds):
    problem = fl.discretize(fl.NoisyLIF(b=0.8, a0=1.0, a1=0.1), tol=1e-8)
    branch = continuation(problem, fl.steady_states(problem)[0], parameter, bounds)
    assert branch.outcome.name == "bound"
    assert branch.table[parameter][[0, -1]] == pytest.approx(bounds, abs=1e-12)
    assert not branch.folds
    for point in (branch[0], branch[-1]):
        assert getattr(point, parameter) == point.parameter
        assert point.N == pytest.approx(exact.steady_rates(point.problem.model)[0], rel=1e-6)
        assert point.n.integral() == pytest.approx(1.0, abs=1e-12)


def test_stability_of_many_unknowns_agrees_with_that_of_few():
    few, many = (fl.discretize(fl.NoisyLIF(b=1.5), tol=tol) for tol in (1e-8, 1e-13))
    assert many.size > 250 > few.size
    states = [fl.steady_states(problem)[0] for problem in (few, many)]
    values = [leading(state.problem, state.y, 2) for state in states]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_a_branch_says_what_it_is(branch):
    text = str(branch)
    assert "1 folds" in repr(branch)
    assert "fold" in text.split("\n", 1)[1]
    assert "N_max" in text
    assert "b=2.1009677604" in repr(branch.folds[0])
    with pytest.raises(AttributeError, match="tau"):
        _ = branch[0].tau


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("c", (0.0, 1.0)), "parameter 'c' = None"),
        (("drift", (0.0, 1.0)), "allowed are b, a0"),
        (("b", (1.0, 2.0)), "around b = 0"),
        (("b", (-1.0, np.inf)), "two finite numbers"),
    ],
)
def test_bad_input_is_refused(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        continuation(network, fl.steady_states(network)[0], *arguments)


def test_states_that_cannot_be_continued_are_refused(network):
    with pytest.raises(ValueError, match="allowed is a steady state"):
        continuation(network, 0.3, "b", bounds=(-1.0, 1.0))
    driven = fl.discretize(fl.NoisyLIF(current=np.cos), tol=1e-4)
    with pytest.raises(ValueError, match="depends on time"):
        continuation(driven, on(driven, *np.ones(driven.size)), "b", bounds=(-1.0, 1.0))
    with pytest.raises(ValueError, match="N_max"):
        continuation(network, fl.steady_states(network)[0], "b", bounds=(-1.0, 1.0), N_max=0.0)
