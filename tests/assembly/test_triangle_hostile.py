"""Triangles where something is unusual: the highest degree, rules that vanish somewhere, rates hard to find."""

from __future__ import annotations

import numpy as np
import pytest
from skfem import MeshTri

import felif as fl
from felif.assembly.triangles.damping import Lines
from felif.assembly.triangles.initial import project
from felif.assembly.triangles.trace import full_lines
from felif.meshing.strip import corners_of, triangles

LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)


def start(v, w):
    return (w * (1 + w)) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * (2 - v)


def on(model, cells=(6, 4), degree=2, v_min=-5.0):
    return fl.discretize(model, fl.strip(model, v_min=v_min, cells=cells), space=fl.Triangles(degree))


def test_the_highest_degree_runs():
    run = fl.evolve(on(LEARNING, degree=fl.Triangles.highest), start, 0.02, rtol=1e-3, progress=False)
    assert run.outcome.name == "finished"
    assert run.drift["mass"] < 1e-13
    lines = fl.evolve(fl.discretize(LEARNING, tol=1e-4), start, 0.02, rtol=1e-5, progress=False)
    assert run.final.p(0.3, -0.5) == pytest.approx(lines.final.p(0.3, -0.5), rel=2e-3)


def test_weights_move_although_the_rule_holds_them_still_at_one_rate():
    """K = w, N = Nbar = 1: c = eps (K N Nbar - w) = 0 for all w."""
    hebb = fl.LearningLIF(eps=0.2, K=lambda w: w, sigma=lambda x: 4 * x, current=1.5)
    assert not on(hebb).lines_stay
    assert on(fl.LearningLIF(eps=0.0, K=-1.0, sigma=lambda x: 4 * x, current=1.5)).lines_stay


def test_a_response_that_needs_a_nonnegative_rate_is_not_asked_below_zero():
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=np.sqrt, current=0.0)
    quiet = lambda v, w: (w * (1 + w)) ** 4 * np.exp(-((v + 1.0) ** 2) / 0.1)
    run = fl.evolve(on(model, (12, 6)), quiet, 0.02, rtol=1e-3, progress=False)
    assert run.blow_up is None
    assert run.outcome.name in ("finished", "step_underflow")  # its slope is infinite at Nbar = 0


def test_a_run_that_cannot_start_can_be_looked_at():
    model = fl.LearningLIF(eps=0.0, K=0.0, sigma=lambda x: 50 * x, current=50.0, w_min=0.0, w_max=2.0)
    problem = on(model, (4, 2), v_min=-1.0)
    run = fl.evolve(problem, lambda v, w: np.exp(-((v - 1.5) ** 2) / 0.3) * (2 - v), 0.1, progress=False)
    assert run.outcome.name == "blow_up"
    assert "No firing rate exists at the start" in repr(run)
    assert np.isnan(run.series["Nbar"]).all()
    assert run.final.p.integral() == pytest.approx(1.0, abs=1e-2)


def test_a_rate_that_secants_miss_is_found_by_bisection():
    """A steep response on a coarse mesh: what N_h makes of Nbar falls from its largest to little within 0.01."""
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 20 * np.tanh(200 * x), current=1.5, w_min=-3.0)
    problem = on(model, degree=1)
    y = project(problem, lambda v, w: np.exp(-((v - 1.0) ** 2) / 0.6) * (2 - v))
    (Nbar,) = problem.scalars(0.0, y)
    s = problem.operator.namespace({"Nbar": float(Nbar)})
    firing = problem.operator.firing
    assert firing._between(firing._at(y), problem.parameters) == pytest.approx([Nbar], rel=1e-12)
    made = float((firing._integrals @ firing._flux(firing._at(y), s, problem.parameters))[0])
    assert made == pytest.approx(Nbar, rel=1e-9)


def test_lines_of_edges_are_found_where_files_round_them():
    mesh = fl.strip(LEARNING, cells=(5, 4))
    p = mesh.p.copy()
    inner = (p[1] > -1.0) & (p[1] < 0.0)
    p[1] += 1e-15 * np.random.default_rng(0).normal(size=p.shape[1]) * inner
    found = full_lines(corners_of(triangles(corners_of(MeshTri(p, mesh.t)), LEARNING)))
    assert found == pytest.approx([-1.0, -0.75, -0.5, -0.25, 0.0], abs=1e-14)


def test_facets_are_summed_on_the_lines_they_meet():
    """Vertices at w = 0, 1, 2: levels 0, 2, 4 and the intervals 1, 3 between them."""
    cells = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 2.0]]).T
    facets = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 2.0]]).T
    lines = Lines(cells, facets)
    assert lines.across(np.array([100.0, 10.0, 1.0])).tolist() == [0.0, 11.0, 101.0, 1.0, 0.0]
    assert lines.largest(np.array([0.0, 11.0, 101.0, 200.0, 0.0])).tolist() == [101.0, 200.0]


def test_steps_are_limited_by_what_damps_shocks_too(monkeypatch):
    strong = fl.LearningLIF(eps=0.2, K=-50.0, sigma=lambda x: 4 * x, current=1.5)
    problem = on(strong, (8, 16))
    y = project(problem, lambda v, w: (w > -0.47) * np.exp(-((v - 1.0) ** 2)) * (2 - v))
    with_it = 1 / problem.step_limit(0.0, y)
    monkeypatch.setattr(problem.operator.damping, "rates", lambda y, speed: np.zeros(1))
    assert with_it > 1.2 / problem.step_limit(0.0, y)
