"""Inhibitory networks whose data press against V_F: N begins at infinity and pushes everybody away from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erfcx

import felif as fl
from felif.firing import initial_layer


def evolved(model, start, t_end=0.2, tol=1e-6, **given):
    return fl.evolve(fl.discretize(model, tol=tol), start, t_end, rtol=tol, progress=False, **given)


HOSTILE = {
    "density 1e3": (fl.NoisyLIF(b=-1.0), fl.Uniform(2 - 1e-3, 2.0)),
    "density 1e4": (fl.NoisyLIF(b=-10.0), fl.Uniform(2 - 1e-4, 2.0)),
    "density 1e6": (fl.NoisyLIF(b=-1.0), fl.Uniform(2 - 1e-6, 2.0)),
    "strong inhibition": (fl.NoisyLIF(b=-1e3), fl.Uniform(1.9, 2.0)),
    "half a Gaussian": (fl.NoisyLIF(b=-1.0), lambda v: np.exp(-((v - 2) ** 2) / 2e-8)),
    "a step that nobody announced": (fl.NoisyLIF(b=-100.0), lambda v: 1.0 * (v > 1.9)),
    "a refractory state": (fl.RefractoryLIF(b=-10.0, tau=0.2), fl.Uniform(2 - 1e-4, 2.0)),
    "within 1e-6 of V_F": (fl.NoisyLIF(b=-1.0), fl.Gaussian(2 - 1e-6, 1e-14)),
}


@pytest.mark.parametrize(("model", "start"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_data_are_integrated(model, start):
    run = evolved(model, start, tol=1e-4)
    assert run.outcome.name == "finished"
    assert np.isfinite(run.final.y).all()
    assert run.final.N > 0
    assert all(drift < 1e-9 for drift in run.drift.values())


@pytest.mark.parametrize(("b", "width"), [(-1.0, 1e-3), (-10.0, 1e-2)])
def test_the_rate_begins_as_the_half_space_problem_says(b, width):
    """N sqrt(t) -> gamma sqrt(a)/b, sqrt(pi) gamma e^(gamma^2) erfc(gamma) = b n_0(V_F) (docs/theory.md, section 6)."""
    run = evolved(fl.NoisyLIF(b=b), fl.Uniform(2 - width, 2.0), 1e-3)
    gamma = brentq(lambda g: np.sqrt(np.pi) * g * erfcx(g) - b / width, -26, 0)
    t = np.array([1e-4, 1e-3]) * width**2
    assert run.sample("N", t) * np.sqrt(t) == pytest.approx([gamma / b] * 2, rel=0.02)
    assert np.isinf(run.series["N"][0])


@pytest.mark.parametrize(
    ("model", "width"),
    [(fl.NoisyLIF(b=-1.0), 0.03), (fl.NoisyLIF(b=-10.0, a0=0.5), 0.3), (fl.RefractoryLIF(b=-5.0, tau=0.1), 0.1)],
)
def test_the_rate_is_that_of_the_plain_projection_where_both_work(model, width, tune):
    start, times = fl.Uniform(2 - width, 2.0), np.array([1e-3, 1e-2, 0.1, 0.2])
    with_layer = evolved(model, start).sample("N", times)
    tune(initial_layer, "LAYER", strong=-np.inf)
    without = evolved(model, start).sample("N", times)
    assert not np.array_equal(with_layer, without)
    assert with_layer == pytest.approx(without, rel=3e-6)


def test_a_thinner_first_layer_changes_nothing(tune):
    model, start, times = fl.NoisyLIF(b=-10.0), fl.Uniform(2 - 0.03, 2.0), np.array([1e-3, 0.1])
    found = evolved(model, start).sample("N", times)
    tune(initial_layer, "LAYER", width=1e-4)
    assert found == pytest.approx(evolved(model, start).sample("N", times), rel=2e-6)


def test_the_error_bar_of_such_a_run_holds():
    model, start = fl.NoisyLIF(b=-10.0), fl.Uniform(2 - 1e-2, 2.0)
    run, exact = evolved(model, start, tol=1e-4), evolved(model, start, tol=1e-7)
    for t in (1e-3, 0.1):
        assert abs(run.sample("N", t) - exact.sample("N", t)) < 3 * run.error("N", t) < 1e-2 * exact.sample("N", t)
