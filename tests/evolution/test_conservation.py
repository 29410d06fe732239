"""What is conserved stays so to rounding, and backward Euler keeps densities nonnegative."""

import numpy as np
import pytest
from toys import Diffusion

from felif.evolution import ESDIRK43, TRBDF2, BackwardEuler, Rodas5P, integrate

names = lambda scheme: type(scheme).__name__


@pytest.mark.parametrize("scheme", [Rodas5P(), ESDIRK43(), TRBDF2(), BackwardEuler()], ids=names)
def test_mass_drifts_less_than_1e_12_over_ten_thousand_steps(scheme):
    problem = Diffusion(size=40, ratio=0.75)  # cells from 0.25 down to 4e-6
    relaxed = integrate(problem, problem.start(), 0, 0.05).segments[-1].states[-1]
    run = integrate(problem, relaxed, 0, 10.0, scheme=scheme, rtol=1e-4, fixed_step=1e-3)
    assert run.outcome.name == "finished"
    assert run.statistics["steps"] >= 10_000
    mass = run.series["mass"]
    assert np.abs(mass - mass[0]).max() < 1e-12
    assert run.rounding < 1e-10  # taken out step by step: it is rounding and nothing else


@pytest.mark.parametrize("step", [1e-4, 1e-1, 10.0])
def test_backward_euler_with_frozen_scalars_never_goes_below_zero(step):
    problem = Diffusion()
    start = np.zeros(problem.size)
    start[3] = 1 / problem.widths[3]  # all mass in one cell: as rough as data can be
    run = integrate(problem, start, 0, 20 * step, scheme=BackwardEuler(), fixed_step=step)
    assert run.statistics["steps"] == 20
    assert run.series["min"].min() >= 0.0
    assert np.abs(run.series["mass"] - 1).max() < 1e-13


def test_backward_euler_keeps_the_sign_between_steps_too():
    problem = Diffusion()
    start = np.zeros(problem.size)
    start[3] = 1 / problem.widths[3]
    run = integrate(problem, start, 0, 0.1, scheme=BackwardEuler(), rtol=1e-2)
    assert min(run.evaluate(t)[1].min() for t in np.linspace(0, 0.1, 101)) >= 0.0


@pytest.mark.parametrize("scheme", [Rodas5P(), ESDIRK43(), TRBDF2()], ids=names)
def test_the_scalar_is_as_accurate_as_asked(scheme):
    problem = Diffusion()
    fine = integrate(problem, problem.start(), 0, 0.3, rtol=1e-10)
    run = integrate(problem, problem.start(), 0, 0.3, scheme=scheme, rtol=1e-5)
    exact = np.array([problem.scalars(t, fine.evaluate(t)[1])[0] for t in run.series["t"]])
    later = run.series["t"] > 1e-2  # before that nearly nobody fires, and N counts as less (ErrorNorm.COUNT)
    assert np.abs(run.series["N"] / exact - 1)[later].max() < 2e-4  # a hundred steps add up; ESDIRK43 sees a third


def test_a_loss_that_is_not_rounding_stays_to_be_seen():
    class Leaky(Diffusion):
        def rate(self, t, y):
            return super().rate(t, y) - 1e-3 * self.widths * y

    problem = Leaky()
    run = integrate(problem, problem.start(), 0, 1.0)
    assert run.series["mass"][-1] == pytest.approx(np.exp(-1e-3), abs=1e-7)
