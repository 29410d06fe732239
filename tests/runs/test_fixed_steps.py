"""Fixed steps where rates are singular: behind data that do not vanish at V_F, and where they are heard late."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

MODEL = fl.NoisyLIF(b=-1.4, a0=0.37, v_reset=0.3, v_fire=1.3, current=0.5, delay=0.13)
START, TIMES = fl.Gaussian(-0.4, 0.15), np.array([0.1, 0.2, 0.3, 0.4])  # n(V_F) = 8e-5: N(0) is infinite


@pytest.fixture(scope="module")
def problem():
    return fl.discretize(MODEL, tol=1e-8)


@pytest.fixture(scope="module")
def exact(problem):
    """By steps under error control at 1e-11, which differ from those at 1e-13 by 1e-13."""
    return fl.evolve(problem, START, 0.4, rtol=1e-11).sample("N", TIMES)


@pytest.mark.parametrize(("scheme", "ratio", "left"), [(fl.TRBDF2(), 3.5, 2e-6), (fl.Rodas5P(), 0.0, 2e-8)])
def test_a_singular_rate_that_is_heard_late_costs_no_order(problem, exact, scheme, ratio, left):
    """Before, N was off by 1e-6 at h = 0.01 with Rodas5P and by 2e-4 with TRBDF2, and every scheme of first order."""
    errors = [
        np.abs(fl.evolve(problem, START, 0.4, scheme=scheme, fixed_step=step).sample("N", TIMES) - exact).max()
        for step in (0.01, 0.005)
    ]
    assert errors[0] / errors[1] > ratio
    assert errors[1] < left


@pytest.mark.parametrize("steps", [10, 24, 40, 45, 52])
def test_a_run_stopped_under_error_control_or_behind_it_goes_on_to_the_same_bits(problem, steps, tmp_path):
    how = {"fixed_step": 0.02, "scheme": fl.TRBDF2()}
    whole = fl.evolve(problem, START, 0.4, **how)
    fl.evolve(problem, START, 0.4, **how, folder=tmp_path / "run", max_steps=steps)
    run = fl.resume(tmp_path / "run", max_steps=1000)
    assert len(whole.times) > steps + 2
    np.testing.assert_array_equal(run.times, whole.times)
    np.testing.assert_array_equal(run.final.y, whole.final.y)
