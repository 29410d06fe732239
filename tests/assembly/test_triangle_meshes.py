"""Triangle meshes that follow a solution: exact transfers, points found, the reference values, runs gone on with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import felif as fl
from felif.assembly.triangles.initial import project, projection
from felif.assembly.triangles.locate import Locator
from felif.assembly.triangles.refinement import behind_others, to_be_cut
from felif.assembly.triangles.transfer import overlaps, transfer
from felif.meshing.strip import corners_of, refined

LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)

TOL, SETTINGS = 2e-3, {"rtol": 1e-4, "snapshots": 3, "progress": False}


def start(v, w):
    return (630 * w**4 * (1 + w) ** 4) * np.exp(-((v - 0.3) ** 2) / 0.6) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


def cut(mesh, seed, share=0.3):
    return refined(mesh, np.random.default_rng(seed).uniform(size=mesh.nelements) < share, LEARNING)


def area(corners):
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def test_overlaps_of_triangles_tile_them():
    random = np.random.default_rng(5)
    coarse = corners_of(fl.strip(LEARNING, v_min=-1.0, cells=(4, 2)))
    moved = random.uniform([-1.0, -1.0], [2.0, 0.0], size=(40, 3, 2))
    first, second = (a.ravel() for a in np.meshgrid(np.arange(40), np.arange(len(coarse)), indexing="ij"))
    pieces, owner = overlaps(moved[first], coarse[second])
    covered = np.bincount(first[owner], area(pieces), minlength=40)
    assert covered == pytest.approx(area(moved), rel=1e-12)


def test_a_transfer_to_finer_triangles_and_back_changes_nothing():
    mesh = fl.strip(LEARNING, cells=(8, 4))
    coarse, fine = corners_of(mesh), corners_of(cut(cut(mesh, 0), 1))
    y = np.random.default_rng(2).normal(size=6 * len(coarse))
    there = transfer(coarse, fine, 2, 2, y)
    assert transfer(fine, coarse, 2, 2, there) == pytest.approx(y, abs=1e-12)
    same, more = transfer(coarse, coarse, 2, 2, y), transfer(coarse, coarse, 2, 3, y)
    assert np.array_equal(same, y)
    assert np.array_equal(more.reshape(len(coarse), -1)[:, :6].ravel(), y)


def test_a_transfer_between_meshes_that_are_not_nested_keeps_moments():
    one = fl.discretize(LEARNING, cut(fl.strip(LEARNING, cells=(8, 4)), 0), space=fl.Triangles(2))
    other = fl.discretize(LEARNING, cut(fl.strip(LEARNING, cells=(7, 3)), 1), space=fl.Triangles(2))
    y = project(one, start)
    there = transfer(one.cells, other.cells, 2, 2, y)
    for function in (lambda v, w: 1 + 0 * v, lambda v, w: w**2, lambda v, w: v * w):
        before, after = (
            projection(problem, function) @ (problem.mass.data[0] * state)
            for problem, state in ((one, y), (other, there))
        )
        assert after == pytest.approx(before, rel=1e-12)


def test_triangles_above_the_reset_are_as_fine_in_w_as_busy_ones_below_it():
    height = np.array([0.1, 1.0, 0.15, 1.0])[:, None]  # below V_R and busy; above: tall, short, elsewhere
    v = np.array([0.0, 1.0, 1.0, 1.0])[:, None] + [0.0, 1.0, 0.0]
    w = np.array([0.0, 0.0, 0.0, 2.0])[:, None] + height * [0.0, 0.0, 1.0]
    corners, busy = np.stack([v, w], axis=2), np.array([True, False, False, False])
    assert behind_others(corners, 1.0, busy).tolist() == [False, True, False, False]
    assert not behind_others(corners, 1.0, ~np.ones(4, bool)).any()


def test_points_are_found_in_their_triangles():
    corners = corners_of(cut(cut(fl.strip(LEARNING, cells=(6, 3)), 0), 1))
    locate = Locator(corners)
    points = np.random.default_rng(0).uniform([-6.0, -1.0], [2.0, 0.0], size=(500, 2)).T
    cell, X = locate(points)
    a = corners[cell]
    again = a[:, 0] + X[0][:, None] * (a[:, 1] - a[:, 0]) + X[1][:, None] * (a[:, 2] - a[:, 0])
    assert again == pytest.approx(points.T, abs=1e-12)
    assert np.all(X >= -1e-9)
    assert locate(np.array([[-6.1, 2.1, 0.0], [-0.5, -0.5, 0.1]]))[0].tolist() == [-1, -1, -1]
    assert np.all(locate(corners.reshape(-1, 2).T)[0] >= 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("triangles") / "run"


@pytest.fixture(scope="module")
def run(folder):
    problem = fl.discretize(LEARNING, space=fl.Triangles(2), tol=TOL)
    return fl.evolve(problem, start, 1.0, folder=folder, **SETTINGS)


def test_the_reference_values_of_learning_on_meshes_that_change(run):
    """The values are those of lines with spectral elements, confirmed by finite volumes."""
    assert run.statistics["remeshes"] >= 1
    assert run.sample("Nbar", [0.25, 0.5, 1.0]) == pytest.approx([0.3132451128, 0.3719775948, 0.3880724248], abs=1e-4)
    C = run.final.C
    moments = [C.weights @ (C.nodes**j * C.values) for j in (1, 2)]
    assert moments == pytest.approx([-0.4531872259, 0.2205941661], abs=2e-4)
    assert run.drift["mass"] < 1e-12
    assert run.series["variation_C"].max() < 1.05 * 6.6  # of the exact C at t = 1, the largest


def test_a_new_mesh_leaves_no_trace_in_the_rate(run):
    """dNbar/dt over the first steps on a new mesh is no further from that of lines than over the last on the old."""
    lines = fl.evolve(fl.discretize(LEARNING, tol=1e-4), start, 1.0, rtol=1e-5, progress=False)

    def error(segment, part):
        times = segment.times[part]
        rates = [segment.problem.scalars(0.0, y)[0] for y in segment.states[part]]
        return np.abs(np.diff(rates - lines.sample("Nbar", times)) / np.diff(times)).max()

    for before, after in zip(run.segments[:-1], run.segments[1:], strict=True):
        rates = [
            float(s.problem.scalars(0.0, y)[0]) for s, y in ((before, before.states[-1]), (after, after.states[0]))
        ]
        assert rates[0] == pytest.approx(rates[1], rel=1e-3, abs=2e-4)
        assert error(after, slice(0, 3)) < error(before, slice(-3, None)) + 0.05


def test_the_mesh_is_fine_where_the_density_is(run):
    problem, y = run.problem, run.final.y
    assert not to_be_cut(problem, y).any()
    coarse, _, _ = (p := fl.discretize(LEARNING, space=fl.Triangles(2), tol=TOL)).initial_state(start)
    assert len(p.cells) < len(coarse.cells) < len(problem.cells)
    far = problem.cells[:, :, 0].max(axis=1) < -3.0
    assert problem.area[far].min() > 4 * problem.area[~far].min()


def test_triangles_that_are_no_longer_needed_are_given_back():
    problem = fl.discretize(LEARNING, space=fl.Triangles(2), tol=1e-2)
    problem, y, _ = problem.initial_state(start)
    fine = problem.on_mesh(cut(cut(problem.mesh, 0, 0.8), 1, 0.8))
    there = fine.received(fl.State(problem, 0.0, y))
    assert problem.coarsened(0.0, y) is None
    coarse, back, why = fine.coarsened(0.0, there)
    assert len(coarse.cells) < 0.7 * len(fine.cells)
    assert f"{len(fine.cells)} triangles became" in why
    assert coarse.conserved["mass"] @ back == pytest.approx(1.0, rel=1e-14)
    assert not to_be_cut(coarse, back).any()
    v, w = np.linspace(-2, 2, 40)[:, None], np.linspace(-1, 0, 41)
    before, after = (np.ravel(p.field("p", x)(v, w)) for p, x in ((problem, y), (coarse, back)))
    assert np.linalg.norm(after - before) < 0.1 * np.linalg.norm(before)  # a few triangles, 3 tol each


class Stop(BaseException):
    """As a keyboard interrupt."""


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(run, folder, tmp_path):
    """Stopped after the mesh has changed, with steps behind the last checkpoint."""
    late = len(run.segments[0].times) + 2

    def interrupt(trajectory):
        if trajectory.statistics["steps"] == late:
            raise Stop

    problem = fl.discretize(LEARNING, space=fl.Triangles(2), tol=TOL)
    with pytest.raises(Stop):
        fl.evolve(problem, start, 1.0, folder=tmp_path / "run", observers=[interrupt], **SETTINGS)
    again = fl.resume(tmp_path / "run", progress=False)
    assert np.array_equal(again.final.y, run.final.y)
    assert np.array_equal(again.problem.cells, run.problem.cells)
    assert (tmp_path / "run" / "series.csv").read_bytes() == (folder / "series.csv").read_bytes()
    for name in ("fields/0002.vtu", "lines/0002.vtu", "lines.pvd", "spacetime.vtr"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes()


def test_a_loaded_run_is_the_run(run, folder):
    again = fl.load_run(folder)
    assert np.array_equal(again.final.y, run.final.y)
    assert again.sample("Nbar", 0.3) == run.sample("Nbar", 0.3)
    assert [len(s.problem.cells) for s in again.segments] == [len(s.problem.cells) for s in run.segments]


def test_without_learning_every_weight_keeps_its_neurons_while_the_mesh_changes():
    problem = fl.discretize(dataclasses.replace(LEARNING, eps=0.0), space=fl.Triangles(2), tol=TOL)
    run = fl.evolve(problem, start, 0.3, rtol=1e-4, progress=False)
    assert run.drift["C"] < 1e-12
    assert run.drift["mass"] < 1e-13
