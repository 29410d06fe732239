"""Branches drawn, saved and exported."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import felif as fl
from felif.output.branch_vtk import write_branch_vtk
from felif.output.branches import plot_branch, read_branch, save_branch
from felif.output.vtk import read_line_mesh, read_pvd
from felif.solvers.continuation import continuation
from felif.solvers.curves import fold_curve


@pytest.fixture(scope="module")
def branch():
    problem = fl.discretize(fl.RefractoryLIF(b=1.5, tau=0.1), tol=1e-4)
    return continuation(problem, fl.steady_states(problem)[0], "b", bounds=(1.0, 3.0))


def test_a_bifurcation_diagram_shows_stability_and_folds(branch, tmp_path):
    figure = plot_branch(branch, tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$b$", "$N$")
    styles = [line.get_linestyle() for line in axes.lines if line.get_linestyle() != "None"]
    assert styles[:3] == ["-", "--", "-"]  # up to the first fold, between the folds, beyond
    assert {"stable", "unstable", "fold"} <= {text.get_text() for text in axes.get_legend().get_texts()}
    (folds,) = [line for line in axes.lines if line.get_label() == "fold"]
    assert folds.get_xdata() == pytest.approx([fold.b for fold in branch.folds])
    with pytest.raises(ValueError, match="name = 'M'"):
        plot_branch(branch, name="M")


def test_cycles_are_drawn_by_their_largest_and_smallest_rate(branch):
    cycles = SimpleNamespace(path={"b": np.array([1.9, 2.0]), "max N": np.array([4.0, 5.0]), "min N": np.array([2, 1])})
    (axes,) = plot_branch(branch, orbits=[cycles]).axes
    drawn = [line for line in axes.lines if line.get_color() == "C2" and line.get_marker() == "."]
    assert [list(line.get_ydata()) for line in drawn] == [[4, 5], [2, 1]]


def test_a_curve_of_folds_is_drawn_over_its_two_parameters(branch):
    curve = fold_curve(branch[0].problem, branch.folds[0], "b", "tau", bounds={"b": (1.7, 3), "tau": (0.08, 1)})
    (axes,) = plot_branch(curve).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$b$", r"$\tau$")
    assert "cusp" in {text.get_text() for text in axes.get_legend().get_texts()}


def test_a_saved_branch_is_read_back_to_the_same_bits(branch, tmp_path):
    table, states = read_branch(save_branch(branch, tmp_path / "branch"))
    for name, column in branch.table.items():
        assert np.array_equal(table[name], column.astype(float))
    assert all(np.array_equal(y, point.y) for y, point in zip(states, branch, strict=True))
    assert list(table["kind"]) == [point.kind for point in branch]
    description = json.loads((tmp_path / "branch" / "branch.json").read_text())
    assert [special["kind"] for special in description["special_points"]].count("fold") == 2
    with pytest.raises(ValueError, match="branch.csv is missing"):
        read_branch(tmp_path)


def test_densities_along_a_branch_open_in_paraview(branch, tmp_path):
    pvd = write_branch_vtk(branch, tmp_path / "fields", rows=range(0, len(branch), 10))
    snapshots = read_pvd(pvd.parent)
    assert [t for t, _ in snapshots] == pytest.approx(branch.table["arclength"][::10])
    points, fields = read_line_mesh(pvd.parent / snapshots[1][1])
    assert fields["n"] == pytest.approx(branch[10].n(points), abs=1e-14)
    assert 'Name="b"' in (pvd.parent / snapshots[1][1]).read_bytes().decode("latin1")
    assert {"series.csv", "spacetime.vtr", "view.py"} <= {path.name for path in pvd.parent.iterdir()}
