"""Currents that change: smooth, in steps, discontinuous; and what of a user's function is ever called."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import felif as fl

START = fl.Gaussian(0.0, 0.25)
TIGHT = {"rtol": 1e-9}


def by_hand(values, times, t_end):
    """One run for each value, started from the state the one before ended with."""
    state, begin, samples = START, 0.0, {}
    for value, end in zip(values, [*times, t_end], strict=True):
        problem = fl.discretize(fl.NoisyLIF(b=0.5, current=value), fl.interval(fl.NoisyLIF(), cells=14))
        run = fl.evolve(problem, state, t_end=end, t_start=begin, **TIGHT)
        samples |= {t: run.sample("N", t) for t in np.linspace(begin, end, 5)[1:]}
        state, begin = run.final, end
    return samples


def with_current(current, **settings):
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=current), fl.interval(fl.NoisyLIF(), cells=14))
    return fl.evolve(problem, START, t_end=1.0, **settings)


def test_steps_of_a_piecewise_current_are_restarts_at_the_jump():
    expected = by_hand((0.0, 2.0, -1.0), (0.3, 0.55), 1.0)
    run = with_current(fl.Piecewise((0.3, 0.55), (0.0, 2.0, -1.0)), **TIGHT)
    assert {0.3, 0.55} <= set(run.times)
    for t, N in expected.items():
        # a step control of its own on each piece: within a few tolerances of each other
        assert run.sample("N", t) == pytest.approx(N, rel=1e-8)


def test_a_discontinuous_function_with_breakpoints_is_the_same_as_piecewise():
    jumping = lambda t: 2.0 if 0.3 <= t < 0.55 else -1.0 if t >= 0.55 else 0.0
    run = with_current(jumping, breakpoints=[0.3, 0.55], **TIGHT)
    piecewise = with_current(fl.Piecewise((0.3, 0.55), (0.0, 2.0, -1.0)), **TIGHT)
    times = np.linspace(0.1, 1.0, 31)
    assert run.sample("N", times) == pytest.approx(piecewise.sample("N", times), rel=1e-10)


def test_the_jump_may_belong_to_either_side():
    late = with_current(lambda t: 2.0 if t > 0.5 else 0.0, breakpoints=[0.5], **TIGHT)
    early = with_current(lambda t: 2.0 if t >= 0.5 else 0.0, breakpoints=[0.5], **TIGHT)
    assert late.final.N == early.final.N


def test_breakpoints_outside_the_run_do_no_harm():
    run = with_current(fl.Piecewise((-1.0, 5.0), (7.0, 0.3, 9.0)), **TIGHT)
    assert run.final.N == pytest.approx(with_current(0.3, **TIGHT).final.N, rel=1e-9)


@pytest.mark.parametrize("scheme", [fl.Rodas5P(), fl.ESDIRK43(), fl.TRBDF2(), fl.BackwardEuler()], ids=repr)
def test_a_users_function_is_only_called_with_real_times_inside_the_run(scheme):
    seen = []

    def current(t):
        seen.append(t)
        assert type(t) is float
        return abs(np.sin(2 * t)) if isinstance(t, float) else None  # not analytic: any other argument would show

    run = with_current(current, scheme=scheme, rtol=1e-3, breakpoints=[np.pi / 2])
    assert run.outcome.name == "finished"
    assert min(seen) >= 0.0
    assert max(seen) <= 1.0


def test_functions_of_the_math_module_are_welcome():
    import math

    run = with_current(lambda t: math.sin(3 * t) + max(0.0, t - 0.5), rtol=1e-6)
    assert run.outcome.name == "finished"


def test_a_smooth_current_costs_no_order():
    """Rodas5P sees dI/dt: halving fixed steps divides the error by 2^5 or more."""
    current = lambda t: 1.0 + np.sin(4 * t)
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=current), fl.interval(fl.NoisyLIF(), cells=14))
    start = fl.evolve(problem, START, t_end=0.2, rtol=1e-10).final
    rates = [fl.evolve(problem, start, t_start=0.2, t_end=1.0, fixed_step=h).final.N for h in (0.1, 0.05, 0.00625)]
    errors = np.abs(np.array(rates[:2]) - rates[2])
    assert np.log2(errors[0] / errors[1]) > 4.5


def test_a_current_that_is_not_finite_is_refused_with_its_time():
    with pytest.raises(ValueError, match=r"current\(0\.5.*\) = nan; allowed"):
        with_current(lambda t: 1.0 if t < 0.5 else float("nan"))


def test_piecewise_checks_its_arguments():
    for times, values, message in (
        ((1.0,), (0.0,), "1 values for 1 times"),
        ((1.0, 1.0), (0, 1, 2), "increasing times"),
        ((np.nan,), (0, 1), "finite numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            fl.Piecewise(times, values)


def test_piecewise_takes_the_new_value_at_its_time():
    steps = fl.Piecewise((1.0, 2.0), (0.0, 3.0, 5.0))
    assert [steps(t) for t in (-1.0, 0.999, 1.0, 1.5, 2.0, 9.0)] == [0.0, 0.0, 3.0, 3.0, 5.0, 5.0]


@dataclasses.dataclass(frozen=True)
class HeldByItsCoefficients(fl.LearningLIF):
    """A user's model whose coefficient holds the model itself and does not read m."""

    gain: float = 1.0

    def equations(self):
        own = super().equations()
        terms = [
            dataclasses.replace(term, coefficient=lambda s, m: self.gain) if term.name == "noise" else term
            for term in own.terms
        ]
        return dataclasses.replace(own, terms=tuple(terms))


@pytest.mark.parametrize("space", [fl.Tensor(), fl.Triangles()], ids=lambda space: type(space).__name__)
def test_over_two_axes_a_coefficient_that_holds_the_model_is_that_of_the_parameters_asked_for(space):
    learning = HeldByItsCoefficients(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    strip = fl.strip(learning, v_min=-5.0, cells=(8, 4)) if isinstance(space, fl.Triangles) else None
    mesh = strip or (fl.interval(learning, v_min=-5.0, cells=8), np.linspace(-1.0, 0.0, 5))
    moved = fl.discretize(learning, mesh, space=space).at(gain=2.0)
    anew = fl.discretize(dataclasses.replace(learning, gain=2.0), mesh, space=space)
    y = np.random.default_rng(0).random(moved.size)
    assert moved.rate(0.0, y) == pytest.approx(anew.rate(0.0, y), rel=1e-13, abs=1e-13)
