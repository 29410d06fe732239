"""Triangulated rectangles: node lines on V_R and V_F, tags that survive refinement; anything else refused."""

from __future__ import annotations

import runpy
from pathlib import Path

import meshio
import numpy as np
import pytest

import felif as fl
from felif.meshing import triangles
from felif.meshing.strip import corners_of, refined

LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5, v_reset=0.7, v_fire=1.9)
MESHES = Path(__file__).parents[2] / "meshes"


def lengths(mesh):
    """Length of each tagged line."""
    return {
        name: np.linalg.norm(np.diff(mesh.p[:, mesh.facets[:, facets]], axis=1), axis=0).sum()
        for name, facets in mesh.boundaries.items()
    }


def area(mesh):
    (ax, ay), (bx, by), (cx, cy) = corners_of(mesh).transpose(1, 2, 0)
    return np.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2


def test_columns_are_those_of_an_interval_and_rows_are_equal():
    mesh = fl.strip(LEARNING, v_min=-5.0, cells=(9, 4), grading=2.0)
    columns = fl.interval(LEARNING, v_min=-5.0, cells=9, grading=2.0).p[0]
    assert np.unique(mesh.p[0]) == pytest.approx(np.sort(columns), abs=0)
    assert np.unique(mesh.p[1]) == pytest.approx([-1, -0.75, -0.5, -0.25, 0], abs=0)
    assert mesh.nelements == 2 * 9 * 4
    assert lengths(mesh) == pytest.approx({"reset": 1, "firing": 1, "floor": 1, "w_min": 6.9, "w_max": 6.9})


def test_tags_are_found_again_after_refinement():
    mesh = fl.strip(LEARNING, v_min=-5.0, cells=(6, 3))
    random = np.random.default_rng(3)
    for _ in range(4):
        mesh = refined(mesh, random.uniform(size=mesh.nelements) < 0.2, LEARNING)
        assert lengths(mesh) == pytest.approx({"reset": 1, "firing": 1, "floor": 1, "w_min": 6.9, "w_max": 6.9})
        assert np.all(mesh.p[0, mesh.facets[:, mesh.boundaries["reset"]]] == LEARNING.v_reset)
        assert np.all(mesh.f2t[1, mesh.boundaries["reset"]] >= 0)
        assert area(mesh).sum() == pytest.approx(6.9)
    nodes = [np.unique(mesh.p[1, mesh.facets[:, mesh.boundaries[name]]]).tolist() for name in ("reset", "firing")]
    assert nodes[0] != nodes[1]


def test_the_same_corners_give_the_same_mesh_whatever_their_order_was():
    mesh = refined(fl.strip(LEARNING, cells=(5, 2)), np.arange(20) < 4, LEARNING)
    again = triangles(corners_of(mesh), LEARNING)
    assert np.array_equal(again.p, mesh.p)
    assert np.array_equal(again.t, mesh.t)
    assert np.array_equal(again.facets, mesh.facets)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cells": 5}, r"strip: cells = 5; allowed is two whole numbers"),
        ({"cells": (5, 0)}, r"strip: cells = \(5, 0\); allowed is two whole numbers"),
        ({"cells": (1, 5)}, r"interval: cells = 1"),
        ({"v_min": 0.8}, r"interval: v_min = 0.8; allowed is a number below v_reset = 0.7"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        fl.strip(LEARNING, **arguments)


def test_models_of_one_coordinate_have_no_rectangle():
    with pytest.raises(ValueError, match="NoisyLIF has no w_min and w_max"):
        fl.strip(fl.NoisyLIF())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[1:], "do not meet edge to edge|cover"),
        (lambda c: c * [1.0, 0.5], "w from -0.5 to 0.0; allowed are exactly"),
        (lambda c: np.where(c == 0.7, 0.6, c), r"no line of edges .* lies exactly on v_reset = 0.7"),
        (lambda c: c + [0.1, 0], "v reaches up to 2.0"),
        (lambda c: c[:, 0], r"triangles of shape \(20, 2\)"),
    ],
)
def test_triangulations_of_something_else_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        triangles(change(corners_of(fl.strip(LEARNING, cells=(5, 2)))), LEARNING)


def test_the_strip_of_the_mesh_folder_is_read_and_can_be_written_again(tmp_path):
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)
    mesh = fl.read_mesh(MESHES / "strip.msh", model)
    assert (len(mesh.boundaries["reset"]), len(mesh.boundaries["firing"])) == (10, 14)
    assert area(mesh).sum() == pytest.approx(8.0)
    runpy.run_path(str(MESHES / "make_meshes.py"))["write_strip"](tmp_path / "strip.msh")
    assert (tmp_path / "strip.msh").read_bytes() == (MESHES / "strip.msh").read_bytes()


def test_files_without_triangles_or_of_another_rectangle_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"neurons.msh.*allowed here are triangle cells"):
        fl.read_mesh(MESHES / "neurons.msh", LEARNING)
    with pytest.raises(ValueError, match=r"strip.msh.*v reaches up to 2.0.*v_fire = 1.9"):
        fl.read_mesh(MESHES / "strip.msh", LEARNING)


def test_nodes_written_with_few_digits_are_moved_onto_the_lines(tmp_path):
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: x, current=1.5, w_min=-1 / 3, v_reset=1 / 3, v_fire=5 / 3)
    mesh = fl.strip(model, v_min=-3.0, cells=(5, 3))
    points = np.round(np.column_stack([mesh.p.T, np.zeros(mesh.nvertices)]), 11)
    meshio.write_points_cells(tmp_path / "few.vtk", points, [("triangle", mesh.t.T)])
    again = fl.read_mesh(tmp_path / "few.vtk", model)
    assert lengths(again)["reset"] == pytest.approx(1 / 3)
    assert np.all(again.p[0, again.facets[:, again.boundaries["firing"]]] == 5 / 3)
