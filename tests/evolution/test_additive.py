"""Implicit-explicit steps on problems of ten lines: order, error control, the limit on the step, what is refused."""

import numpy as np
import pytest
from toys import Oscillator, Toy, full

from felif.evolution import ARK43, BackwardEuler, Checkpoint, Rodas5P, integrate


class Split:
    """L y = A y with a stiff A, the rest explicit; what `implicit_part` returns."""

    def __init__(self, problem):
        self.problem = problem

    def __matmul__(self, y):
        return self.problem.stiff @ y

    def remainder(self, t, y):
        return self.problem.explicit(t, y)

    def factor(self, shift):
        return full(self.problem.stiff).factor(shift, self.problem.mass)


class Additive(Toy):
    """Toys that split themselves into `stiff` y and `explicit`."""

    limit = np.inf

    def rate(self, t, y):
        return self.stiff @ y + self.explicit(t, y)

    def implicit_part(self, t, y):
        return Split(self)

    def step_limit(self, t, y):
        return self.limit


class Nonlinear(Additive):
    """u' = -u + cos t - v (1+t) sin t, v' = -v^2 + u - cos t, solved by u = cos t, v = 1/(1+t)."""

    size, scalar_names, stiff = 2, ("v",), np.diag([-1.0, 0.0])

    def exact(self, t):
        return np.array([np.cos(t), 1 / (1 + t)])

    def explicit(self, t, y):
        u, v = y
        return np.array([np.cos(t) - np.sin(t) * v * (1 + t), -v * v + u - np.cos(t)])

    def scalars(self, t, y):
        return y[1:]

    def scalar_gradient(self, t, y):
        return np.array([[0.0, 1.0]])


class Follower(Additive):
    """x'' = -x, explicit; u' = -k (u - x) + x', with stiffness k implicit: u = x = sin t."""

    size = 3

    def __init__(self, stiffness):
        self.stiff = np.array([[-stiffness, stiffness, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    def exact(self, t):
        return np.array([np.sin(t), np.sin(t), np.cos(t)])

    def explicit(self, t, y):
        return np.array([y[2], y[2], -y[1]])


class Pushed(Follower):
    """u is put off x, by 1e-3, wherever a step starts; within a step it has forgotten that."""

    def starting(self, y):
        return y + np.array([1e-3, 0.0, 0.0])


class Upwind(Additive):
    """u_t + u_x = nu u_xx on a circle: upwind transport explicit, diffusion implicit; mass and signs are kept."""

    def __init__(self, cells=32, nu=0.01):
        h, self.size = 1 / cells, cells
        eye = np.eye(cells)
        self.stiff = nu / h**2 * (np.roll(eye, 1, axis=0) + np.roll(eye, -1, axis=0) - 2 * eye)
        self.h, self.limit = h, h / 2  # 1 / spectral radius
        self.conserved = {"mass": np.full(cells, h)}

    def explicit(self, t, y):
        return (np.roll(y, 1) - y) / self.h

    def observe(self, t, y):
        return {"mass": float(self.h * y.sum()), "min": float(y.min())}


def errors(scheme, problem, steps, t_end=1.0):
    found = []
    for n in steps:
        run = integrate(problem, problem.exact(0.0), 0.0, t_end, scheme=scheme, fixed_step=t_end / n)
        found.append(np.abs(run.segments[0].states[-1] - problem.exact(t_end)).max())
    return np.array(found)


@pytest.mark.parametrize(("scheme", "order"), [(ARK43(), 4), (BackwardEuler(), 1)])
def test_the_order_is_the_one_claimed(scheme, order):
    found = errors(scheme, Nonlinear(), (10, 20, 40))
    assert np.log2(found[:-1] / found[1:]) == pytest.approx(order, abs=0.25)


def test_stiffness_in_the_implicit_part_costs_no_steps():
    # stage order 2 lowers the order of what is stiff, hardly what it costs: the error stays that of the tolerance
    for stiffness in (1e2, 1e6):
        problem = Follower(stiffness)
        run = integrate(problem, problem.exact(0.0), 0.0, 2.0, scheme=ARK43(), rtol=1e-6)
        assert run.outcome.name == "finished"
        assert run.statistics["steps"] < 60
        assert run.segments[0].states[-1] == pytest.approx(problem.exact(2.0), abs=1e-5)


def test_the_error_follows_the_tolerance_and_dense_output_follows_the_solution():
    problem = Nonlinear()
    found = []
    for rtol in (1e-4, 1e-7):
        run = integrate(problem, problem.exact(0.0), 0.0, 3.0, scheme=ARK43(), rtol=rtol)
        t = np.linspace(0.0, 3.0, 101)
        off = [np.abs(run.evaluate(s)[1] - problem.exact(s)).max() for s in t]
        found.append(max(off))
    assert found[0] < 1e-3
    assert found[1] < 1e-6


def test_no_step_exceeds_what_the_explicit_part_allows():
    run = integrate(Upwind(), 1 + np.sin(2 * np.pi * np.arange(32) / 32), 0.0, 1.0, scheme=ARK43(), rtol=1e-3)
    assert run.outcome.name == "finished"
    assert run.series["dt"].max() <= 0.9 * 4.0 * Upwind().h / 2 * (1 + 1e-12)
    assert 0 < run.statistics["limited"] <= run.statistics["steps"]
    assert run.series["mass"] == pytest.approx(1.0, abs=1e-14)


def test_a_fixed_step_beyond_the_limit_is_an_outcome():
    run = integrate(Upwind(), np.ones(32), 0.0, 1.0, scheme=ARK43(), fixed_step=0.1)
    assert run.outcome.name == "unstable_step"
    assert "0.0625" in run.outcome.message


def test_euler_steps_keep_signs():
    start = np.zeros(32)
    start[3] = 32.0
    run = integrate(Upwind(nu=1e-3), start, 0.0, 0.5, scheme=BackwardEuler(), rtol=1e-2)
    assert run.outcome.name == "finished"
    assert run.series["min"].min() >= 0.0
    assert run.series["mass"] == pytest.approx(1.0, abs=1e-13)


def test_a_checkpoint_goes_on_to_the_same_bits():
    problem, start = Upwind(), 1 + np.sin(2 * np.pi * np.arange(32) / 32)
    whole = integrate(problem, start, 0.0, 1.0, scheme=ARK43(), rtol=1e-5)
    first = integrate(problem, start, 0.0, 1.0, scheme=ARK43(), rtol=1e-5, max_steps=4)
    kept = Checkpoint.from_arrays(first.checkpoint.to_arrays())
    second = integrate(problem, start, 0.0, 1.0, scheme=ARK43(), rtol=1e-5, checkpoint=kept)
    assert np.array_equal(second.segments[-1].states[-1], whole.segments[-1].states[-1])
    assert second.statistics == whole.statistics


def test_schemes_that_do_not_fit_a_problem_are_refused():
    with pytest.raises(ValueError, match="ARK43"):
        integrate(Upwind(), np.ones(32), 0.0, 1.0, scheme=Rodas5P())
    with pytest.raises(ValueError, match="does not split itself"):
        integrate(Oscillator(), np.ones(Oscillator().size), 0.0, 1.0, scheme=ARK43())


def test_what_is_put_in_where_a_step_starts_makes_no_steps_shorter_if_it_is_forgotten_within_one():
    """Thousands if the estimate of its error held it."""
    start = np.array([0.0, 0.0, 1.0])
    runs = [integrate(kind(1e4), start, 0.0, 2.0, scheme=ARK43(), rtol=1e-6) for kind in (Follower, Pushed)]
    steps = [run.statistics["steps"] for run in runs]
    assert steps[1] == pytest.approx(steps[0], abs=2)
    assert runs[1].segments[-1].states[-1] == pytest.approx(runs[0].segments[-1].states[-1], abs=1e-5)
