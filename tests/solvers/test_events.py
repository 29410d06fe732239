"""Special points account for every change in the number of unstable modes, whatever the bounds and steps."""

import numpy as np
import pytest
from bifurcations import Pairs
from randomised import seeds

import felif as fl
from felif.problem import State
from felif.solvers.branch import Branch
from felif.solvers.continuation import continuation
from felif.solvers.stability import sorted_leading


def unaccounted(branch):
    """Steps between which the number of unstable modes changes otherwise than the special points there say."""
    wrong, last, between = [], None, []
    for point in branch:
        if point.kind:
            between.append(point.kind)
            continue
        if last is not None:
            pairs, reals = between.count("hopf"), len(between) - between.count("hopf")
            allowed = {abs(2 * i + j) for i in range(-pairs, pairs + 1, 2) for j in range(-reals, reals + 1, 2)}
            if abs(point.unstable - last.unstable) not in allowed:
                wrong.append((last, point))
        last, between = point, []
    assert branch.unaccounted == tuple(wrong)
    return wrong


def of_pairs(*growths, start=0.0, bounds=(-2.0, 2.0), folding=False, mu=-1.0, **settings):
    toy = Pairs(mu=mu, growths=growths, folding=folding)
    return continuation(
        toy, State(toy, 0.0, np.r_[np.zeros(2 * len(growths)), [start] * folding]), "mu", bounds, **settings
    )


def test_a_double_eigenvalue_that_rounding_splits_is_real():
    """As the dense solver returned those of the uniform density of oscillators, whose modes come in twos."""
    values = np.array([-2 + 0.5j, -2 - 0.5j, -0.066 + 1.1e-14j, -0.066 - 1.1e-14j, 0.3 + 1e-6j, 0.3 - 1e-6j])
    expected = [0.3 + 1e-6j, 0.3 - 1e-6j, -0.066, -0.066, -2 + 0.5j, -2 - 0.5j]
    assert np.array_equal(sorted_leading(values), expected)


@pytest.mark.parametrize("apart", [0.3, 1e-2, 1e-4, 1e-6])
def test_two_hopf_points_in_one_step(apart):
    branch = of_pairs(lambda mu: mu - 0.1, lambda mu: mu - 0.1 - apart)
    assert [(hopf.mu, hopf.frequency) for hopf in branch.hopfs] == [
        pytest.approx((0.1, 1.0), abs=1e-9),
        pytest.approx((0.1 + apart, 2.0), abs=1e-9),
    ]
    assert not unaccounted(branch)


def test_two_hopf_points_at_one_place():
    branch = of_pairs(lambda mu: mu - 0.1, lambda mu: mu - 0.1, lambda mu: -1.0 - mu**2)
    assert [hopf.mu for hopf in branch.hopfs] == pytest.approx([0.1, 0.1], abs=1e-9)
    assert sorted(hopf.frequency for hopf in branch.hopfs) == pytest.approx([1.0, 2.0], abs=1e-9)


def test_one_pair_leaves_where_another_comes():
    """The number of unstable modes is the same at both ends of the step."""
    branch = of_pairs(lambda mu: mu - 0.1, lambda mu: 0.11 - mu)
    assert [(hopf.mu, hopf.frequency) for hopf in branch.hopfs] == [
        pytest.approx((0.1, 1.0), abs=1e-9),
        pytest.approx((0.11, 2.0), abs=1e-9),
    ]


def test_a_fold_and_a_hopf_point_in_one_step():
    """w = sqrt(mu) turns at 0; the pair crosses where w = -.01, behind the fold."""
    branch = of_pairs(lambda w: -0.01 - w, start=1.0, mu=1.0, bounds=(-1.0, 2.0), folding=True)
    assert [fold.mu for fold in branch.folds] == pytest.approx([0.0], abs=1e-10)
    assert [hopf.mu for hopf in branch.hopfs] == pytest.approx([1e-4], abs=1e-9)
    assert sorted({branch[0].unstable, branch[-1].unstable}) == [0, 3]
    assert not unaccounted(branch)


@pytest.mark.parametrize("end", [0.1 + 1e-7, 0.1 + 1e-3, 0.1 - 1e-7])
def test_a_hopf_point_next_to_the_end_of_the_branch(end):
    branch = of_pairs(lambda mu: mu - 0.1, lambda mu: -1.0 - mu**2, bounds=(-2.0, end))
    assert [hopf.mu for hopf in branch.hopfs] == ([pytest.approx(0.1, abs=1e-9)] if end > 0.1 else [])


@pytest.mark.parametrize("rounding", [-2e-12, 0.0, 2e-12])
def test_a_hopf_point_where_the_branch_begins(rounding):
    branch = of_pairs(lambda mu: mu + 1.0 + rounding, lambda mu: -1.0 - mu**2)
    assert [hopf.mu for hopf in branch.hopfs] == [pytest.approx(-1.0, abs=1e-9)]
    assert not unaccounted(branch)


def test_real_modes_that_become_a_pair_are_no_special_point():
    """(x, z): eigenvalues 1 +- sqrt(-mu), both unstable where they meet."""

    class Merging(Pairs):
        size = 2

        def DF(self, y):
            return [[1.0, -self.mu], [1.0, 1.0]]

        def F(self, y):
            return np.array(self.DF(y)) @ y

    toy = Merging(mu=-0.5)
    branch = continuation(toy, State(toy, 0.0, np.zeros(2)), "mu", bounds=(-0.9, 2.0))
    assert {point.kind for point in branch} == {""}
    assert set(branch.table["unstable"]) == {2}


def test_a_neutral_saddle_is_no_hopf_point():
    """Eigenvalues (mu +- sqrt(mu^2 + 4))/2: their sum passes 0 at mu = 0, as that of a pair does, but both are real."""

    class Saddle(Pairs):
        size = 2

        def DF(self, y):
            return [[self.mu, 1.0], [1.0, 0.0]]

        def F(self, y):
            return np.array(self.DF(y)) @ y

    toy = Saddle(mu=-0.5)
    branch = continuation(toy, State(toy, 0.0, np.zeros(2)), "mu", bounds=(-0.9, 2.0))
    assert {point.kind for point in branch} == {""}
    assert set(branch.table["unstable"]) == {1}


def test_a_branch_says_where_special_points_are_missing():
    branch = of_pairs(lambda mu: mu - 0.1)
    rest = Branch(branch.names, [point for point in branch if not point.kind], branch.ends, "")
    ((before, after),) = rest.unaccounted
    assert before.mu < 0.1 < after.mu
    assert "special points missing: 0 to 2 unstable modes" in str(rest)
    assert "missing" not in str(branch)


HOPFS = [(-1.68561565, 0.59066132), (-2.2260667, 1.7874803), (-3.2727596, 3.0092210), (-4.8536701, 4.2459414)]


@pytest.mark.parametrize(("low", "longest"), [(-4.0, 1.0), (-8.0, 1.0), (-60.0, 1.0)])
def test_hopf_points_of_a_long_delay_whatever_the_bounds(low, longest):
    """First values: characteristic equation in parabolic cylinder functions; at b = -60 four lie in one step."""
    problem = fl.discretize(fl.NoisyLIF(b=-0.05, a0=0.25, current=2.0, delay=5.0))
    branch = continuation(problem, fl.steady_states(problem)[0], "b", (low, 0.0), max_step=longest)
    expected = [one for one in HOPFS if one[0] > low]
    found = [(hopf.b, hopf.frequency) for hopf in branch.hopfs][::-1][: len(expected)]
    assert np.array(found) == pytest.approx(np.array(expected), abs=2e-5)
    assert not unaccounted(branch)
    assert branch.table["unstable"][0] == 2 * len(branch.hopfs)


@pytest.mark.parametrize("seed", seeds(1))
def test_special_points_of_random_networks_account_for_their_unstable_modes(seed):
    random = np.random.default_rng(seed)
    model = fl.NoisyLIF(b=-0.05, a0=random.uniform(0.2, 1.0), current=random.uniform(1, 3), delay=random.uniform(1, 5))
    problem = fl.discretize(model)
    start, low = fl.steady_states(problem)[0], -random.uniform(5, 30)
    lists = []
    for bounds in ((low, 0.0), (0.7 * low, 0.0)):
        branch = continuation(problem, start, "b", bounds)
        assert not unaccounted(branch)
        lists.append([hopf.b for hopf in branch.hopfs if hopf.b > 0.7 * low])
    assert lists[0] == pytest.approx(lists[1], rel=1e-4)
