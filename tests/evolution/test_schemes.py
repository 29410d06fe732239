"""The tableaus satisfy their order conditions, and the schemes show the orders they claim."""

from math import prod

import numpy as np
import pytest
from toys import Oscillator, Smooth, Stiff

from felif import evolution
from felif.evolution import ESDIRK43, BackwardEuler, Rodas5P, integrate

SCHEMES = [scheme() for name, scheme in evolution.SCHEMES.items() if name != "ARK43"]  # for that, test_additive.py
DIAGONAL = SCHEMES[1:]
names = lambda scheme: type(scheme).__name__


def trees(order):
    """Rooted trees with `order` nodes, as sorted tuples of subtrees."""
    return [()] if order == 1 else sorted({tuple(forest) for forest in forests(order - 1)})


def forests(nodes):
    if nodes == 0:
        return [()]
    return [tuple(sorted((t, *rest))) for k in range(1, nodes + 1) for t in trees(k) for rest in forests(nodes - k)]


def size(tree):
    return 1 + sum(map(size, tree))


def density(tree):
    return size(tree) * prod(map(density, tree))


def weight(tree, alpha, beta):
    """Elementary weights Phi_i: beta behind a node with one branch, alpha otherwise (Hairer and Wanner, IV.7)."""
    matrix = beta if len(tree) == 1 else alpha
    return prod((matrix @ weight(branch, alpha, beta) for branch in tree), start=np.ones(len(alpha)))


def defect(order, b, alpha, beta):
    """Largest violation of an order condition up to `order`."""
    every = [tree for p in range(1, order + 1) for tree in trees(p)]
    return max(abs(b @ weight(tree, alpha, beta) - 1 / density(tree)) for tree in every)


def rosenbrock_coefficients(tableau):
    """alpha, Gamma, b and the weights of the error estimate before the transformation of variables."""
    gamma = np.linalg.inv(np.eye(len(tableau.c)) / tableau.gamma - tableau.C)
    return tableau.a @ gamma, gamma, tableau.b @ gamma, tableau.e @ gamma


def test_there_are_nine_trees_of_order_five():
    assert [len(trees(p)) for p in range(1, 6)] == [1, 1, 2, 4, 9]


def test_rodas5p_satisfies_the_conditions_of_order_five_and_its_embedded_formula_those_of_four():
    alpha, gamma, b, e = rosenbrock_coefficients(Rodas5P().tableau)
    assert defect(5, b, alpha, alpha + gamma) < 1e-13  # coefficients are published with 16 digits
    assert defect(4, b - e, alpha, alpha + gamma) < 1e-13
    assert defect(5, b - e, alpha, alpha + gamma) > 1e-6


def test_rodas5p_evaluates_time_where_its_coefficients_say():
    tableau = Rodas5P().tableau
    alpha, gamma, _, _ = rosenbrock_coefficients(tableau)
    assert tableau.c == pytest.approx(alpha.sum(axis=1), abs=1e-13)
    assert tableau.d == pytest.approx(gamma.sum(axis=1), abs=1e-13)


@pytest.mark.parametrize(("scheme", "embedded"), list(zip(DIAGONAL, [3, 3, 2], strict=True)), ids=map(names, DIAGONAL))
def test_runge_kutta_pairs_satisfy_their_order_conditions(scheme, embedded):
    tableau = scheme.tableau
    A = tableau.A
    assert defect(tableau.order, tableau.b, A, A) < 1e-15 * 10
    assert defect(tableau.order + 1, tableau.b, A, A) > 1e-4
    assert defect(embedded, tableau.bhat, A, A) < 1e-15 * 10


def test_esdirk43_has_stage_order_two():
    tableau = ESDIRK43().tableau
    assert (tableau.A @ tableau.c)[1:] == pytest.approx(tableau.c[1:] ** 2 / 2, abs=1e-15)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_no_stage_looks_beyond_the_step(scheme):
    assert np.all(scheme.tableau.c >= 0)
    assert np.all(scheme.tableau.c <= 1 + 1e-15)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_observed_order_in_time_is_that_of_the_scheme_and_of_its_dense_output(scheme):
    problem, samples = Smooth(), np.linspace(0, 2, 151)
    end, between = [], []
    for steps in (20, 40, 80):
        run = integrate(problem, problem.exact(0), 0, 2, scheme=scheme, fixed_step=2 / steps)
        assert run.statistics["steps"] == steps
        end.append(np.abs(run.segments[-1].states[-1] - problem.exact(2)).max())
        between.append(max(np.abs(run.evaluate(t)[1] - problem.exact(t)).max() for t in samples))
    # The last two step sizes; ESDIRK43 shows 4.2 and Rodas5P 5.0 here.
    assert np.log2(end[-2] / end[-1]) == pytest.approx(scheme.tableau.order, abs=0.25)
    assert np.log2(between[-2] / between[-1]) > scheme.tableau.dense_order - 0.1


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_the_error_follows_the_tolerance(scheme, rtol):
    problem = Smooth()
    run = integrate(problem, problem.exact(0), 0, 2, scheme=scheme, rtol=rtol)
    error = max(np.abs(run.evaluate(t)[1] - problem.exact(t)).max() for t in np.linspace(0, 2, 50))
    # Errors of one sign add up over the steps: 580 of backward Euler at 1e-5, 10 of Rodas5P.
    assert error < 30 * rtol * max(1, run.statistics["steps"] / 100)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_stiff_transient_is_damped_in_steps_much_longer_than_it(scheme):
    run = integrate(Stiff(1e9), [3.0], 0, 1, scheme=scheme, rtol=1e-3, fixed_step=0.05)
    state = run.segments[-1].states[-1]
    assert state == pytest.approx(np.cos(1.0), abs=1e-2 if isinstance(scheme, BackwardEuler) else 1e-5)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_stiff_start_is_followed_and_then_forgotten(scheme):
    run = integrate(Stiff(1e6), [3.0], 0, 2, scheme=scheme, rtol=1e-4)
    assert run.series["dt"][1] < 1e-7  # the first step sees the transient of length 1e-6
    assert run.series["dt"].max() > 1e-3
    t = run.series["t"]
    exact = np.cos(t) + 2 * np.exp(-1e6 * t)
    assert np.abs(run.segments[0].states[:, 0] - exact).max() < 2e-2  # of 3; a worst case of few steps a decade
    assert run.segments[0].states[-1, 0] == pytest.approx(np.cos(2), abs=5e-4)


@pytest.mark.parametrize("scheme", DIAGONAL, ids=names)
def test_newton_solves_a_linear_problem_in_about_two_iterations_a_stage(scheme):
    run = integrate(Oscillator(), [1.0, 0.0], 0, 1, scheme=scheme, fixed_step=0.01)
    implicit = len(scheme.tableau.c) - 1
    assert run.statistics["newton_iterations"] <= 2 * implicit * run.statistics["steps"]
    assert run.statistics["factorisations"] <= run.statistics["steps"] + 1
