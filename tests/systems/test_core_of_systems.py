"""Systems along one axis in the compiled core, against the loop that integrates the same equations."""

from __future__ import annotations

import math

import numpy as np
import pytest

import felif as fl
from felif.algebra import compiled
from felif.evolution.loop import Integration

pytestmark = pytest.mark.skipif(compiled.built() is None, reason="felif was installed without its compiled core")
COUPLING = [[0.5, -0.3], [0.4, 0.1]]
RING = -3.0 * np.roll(np.eye(5), 1, axis=0)
NEURONS = fl.Gaussian(-0.8, 0.15)


def two(**parameters):
    return fl.Populations(coupling=COUPLING, **{"current": [0.5, 0.0], **parameters})


def by_both(monkeypatch, model, start, t_end, tol):
    """(run of the core, in which the loop makes no step, run of the loop)."""
    problem = fl.discretize(model, tol=tol)

    def refuses(_):
        raise AssertionError("the loop was asked for a step")

    with monkeypatch.context() as alone:
        alone.setenv("FELIF_CORE", "compiled")
        alone.setattr(Integration, "step_of_loop", refuses)
        core = fl.evolve(problem, start, t_end, rtol=tol, progress=False)
    with monkeypatch.context() as without:
        without.setenv("FELIF_CORE", "python")
        return core, fl.evolve(problem, start, t_end, rtol=tol, progress=False)


@pytest.mark.parametrize(
    ("model", "start"),
    [
        (two(), fl.Gaussian(0.0, 0.25)),
        (two(a1=0.1, v_fire=[2.0, 1.6]), NEURONS),  # six unknowns that are solved for
        (fl.Populations(coupling=RING, current=2.0), NEURONS),  # ten, whose existence discs decide
        (two(current=math.sin, tau=[0.2, 0.0], dead_time=[0.0, 0.1], delay=0.3), NEURONS),
        (fl.CellPolarisation("trace", mass=0.9), lambda z: np.exp(-(z**2))),
        (fl.CellPolarisation("exchange", L=0.7, mass=2.0), {"n": lambda z: np.exp(-(z**2)), "mu": 0.3}),
    ],
    ids=[
        "two populations",
        "noise of the network",
        "a ring of five",
        "inputs, delays and rest",
        "a cell",
        "a cell that exchanges",
    ],
)
def test_core_and_loop_take_the_same_steps(model, start, monkeypatch):
    core, loop = by_both(monkeypatch, model, start, 0.6, 1e-5)
    assert core.statistics == loop.statistics
    for name in core.problem.scalar_names:
        one, other = (run.sample(name, np.linspace(0.02, 0.6, 20)) for run in (core, loop))
        assert np.abs(one - other).max() < 1e-8 * (np.abs(other).max() + 1e-2), name
    assert core.series.keys() == loop.series.keys()
    times, problem = np.linspace(0.1, 0.6, 5), core.final.problem
    states = core.segments[-1].evaluate_many(np.full(5, core.times[-1])) + np.linspace(0.0, 1e-3, 5)[:, None]
    one_by_one = np.array([problem.scalars(t, y) for t, y in zip(times.tolist(), states, strict=True)])
    assert problem.scalar_values(times, states) == pytest.approx(one_by_one, rel=1e-12, abs=1e-14)
    assert max(core.drift.values()) < 1e-13


def test_a_blow_up_comes_when_the_loop_says(monkeypatch):
    runs = []
    for core in ("compiled", "python"):
        monkeypatch.setenv("FELIF_CORE", core)
        problem = fl.discretize(fl.CellPolarisation(mass=2.0), tol=1e-3)
        runs.append(fl.evolve(problem, lambda z: np.exp(-z), 1.0, rtol=1e-4, progress=False))
    assert [run.outcome.name for run in runs] == ["blow_up", "blow_up"]
    assert runs[0].times[-1] == pytest.approx(runs[1].times[-1], rel=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        fl.Populations(coupling=np.full((9, 9), 0.1)),  # eighteen unknowns that are solved for
        fl.Kuramoto(K=1.0),  # a circle
        fl.TimeElapsed(lambda a, N: 1.0 + 0.5 * N),  # transport
        fl.WilsonCowan(k=[[1.0]]),  # no density
    ],
    ids=["nine populations", "Kuramoto", "TimeElapsed", "WilsonCowan"],
)
def test_what_the_core_does_not_take(model):
    assert fl.discretize(model, tol=1e-2).condensed is None
