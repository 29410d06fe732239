"""Meshes read from files give the same results as those made here; what is no mesh of a line is refused by name."""

from __future__ import annotations

import meshio
import numpy as np
import pytest

import felif as fl

NETWORK = fl.NoisyLIF(b=0.5)


def write(path, points, cells, **how):
    points = np.asarray(points, float)
    if points.ndim == 1:
        points = np.column_stack([points, 0 * points, 0 * points])
    meshio.write_points_cells(path, points, cells, **how)
    return path


def segments(count):
    return [("line", np.column_stack([np.arange(count), np.arange(1, count + 1)]))]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("new.msh", {"file_format": "gmsh"}),
        ("old.msh", {"file_format": "gmsh22", "binary": False}),
        ("line.vtk", {}),
        ("line.vtu", {}),
        ("line.inp", {}),
    ],
)
def test_a_mesh_from_a_file_is_the_mesh_that_was_written(tmp_path, name, how):
    made = fl.interval(NETWORK, v_min=-5.0, cells=9)
    nodes = np.sort(made.p[0])
    read = fl.read_mesh(write(tmp_path / name, nodes, segments(9), **how), NETWORK)
    assert np.sort(read.p[0]) == pytest.approx(nodes, rel=1e-15)  # 16 digits in text formats
    runs = [fl.evolve(fl.discretize(NETWORK, mesh), fl.Gaussian(0.0, 0.3), t_end=0.2) for mesh in (made, read)]
    assert runs[0].final.N == pytest.approx(runs[1].final.N, rel=1e-12)


def test_nodes_in_any_order_and_few_digits_are_put_right(tmp_path):
    """Mesh generators number as they like, and write 16 digits of thirds."""
    network = fl.NoisyLIF(v_reset=1 / 3, v_fire=2 / 3)
    nodes = np.array([0.6666666667, -3.0, 0.3333333333, -1.0])
    read = fl.read_mesh(write(tmp_path / "x.vtk", nodes, [("line", [[1, 3], [3, 2], [2, 0]])]), network)
    assert np.sort(read.p[0]).tolist() == [-3.0, -1.0, 1 / 3, 2 / 3]


def test_a_random_threshold_gets_its_cells_above(tmp_path):
    network = fl.RandomThresholdLIF()
    read = fl.read_mesh(write(tmp_path / "x.vtk", [-3.0, 1.0, 2.0, 2.5, 4.0], segments(4)), network)
    assert len(read.subdomains["above"]) == 2
    fl.discretize(network, read)


def test_a_mesh_that_ends_at_the_threshold_is_refused_for_a_random_one(tmp_path):
    read = fl.read_mesh(write(tmp_path / "x.vtk", [-3.0, 1.0, 2.0], segments(2)), fl.RandomThresholdLIF())
    with pytest.raises(ValueError, match="no cells named 'above'"):
        fl.discretize(fl.RandomThresholdLIF(), read)


def test_what_is_no_mesh_of_a_line_is_refused_by_name(tmp_path):
    triangle = write(tmp_path / "t.vtk", [[0, 0, 0], [1, 0, 0], [0, 1, 0.0]], [("triangle", [[0, 1, 2]])])
    gap = write(tmp_path / "gap.vtk", [-3.0, 1.0, 2.0, 3.0], [("line", [[0, 1], [2, 3]])])
    bent = write(tmp_path / "bent.vtk", [-3.0, 1.0, 2.0, -1.0], [("line", [[0, 1], [1, 2], [2, 3], [3, 0]])])
    off = write(tmp_path / "off.vtk", [-3.0, 1.1, 2.0], segments(2))
    garbage = tmp_path / "garbage.msh"
    garbage.write_text("this is no mesh")
    unknown = tmp_path / "mesh.banana"
    unknown.write_text("neither is this")
    for path, message in (
        (triangle, r"holds \['triangle'\]; allowed here are line cells"),
        (gap, "do not form one interval"),
        (bent, "do not form one interval"),
        (off, "no node lies exactly on v_reset = 1.0"),
        (garbage, "cannot be read"),
        (unknown, "cannot be read"),
        (tmp_path / "missing.msh", "does not exist"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            fl.read_mesh(path, NETWORK)
        assert path.name in str(caught.value)


def test_meshes_that_come_with_felif_are_found_by_name_but_a_file_of_the_user_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fl.read_mesh("neurons.msh", NETWORK).nelements == 36
    write(tmp_path / "neurons.msh", np.linspace(-4.0, 2.0, 7), segments(6), file_format="gmsh")
    assert fl.read_mesh("neurons.msh", NETWORK).nelements == 6
