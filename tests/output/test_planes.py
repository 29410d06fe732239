"""Densities over (v, w) as ParaView and people see them: series of changing triangle meshes, N(w) and C(w) as lines."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.output import plot_run, plot_spacetime, write_vtk
from felif.output.drawn import drawn_densities
from felif.output.vtk import FieldSeries, read_pvd
from felif.problem import State

pv = pytest.importorskip("pyvista")

LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)
SPACES = {
    "triangles": {"mesh": fl.strip(LEARNING, cells=(8, 4)), "space": fl.Triangles(2)},
    "lines": {"mesh": (fl.interval(LEARNING, cells=6), np.linspace(-1, 0, 5)), "space": fl.Tensor(w=fl.DG(2))},
}


def start(v, w):
    return (630 * w**4 * (1 + w) ** 4) * np.exp(-((v - 0.3) ** 2) / 0.6) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


@pytest.fixture(scope="module")
def run():
    """Triangles that are cut on the way."""
    problem = fl.discretize(LEARNING, space=fl.Triangles(2), tol=3e-3)
    return fl.evolve(problem, start, 1.5, rtol=1e-3, progress=False)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planes") / "run"
    run.save(folder, snapshots=7)
    return folder


def read(folder, name):
    """(t, grid) of every snapshot of a series."""
    reader = pv.PVDReader(folder / name)
    for t in reader.time_values:
        reader.set_active_time_value(t)
        yield t, reader.read()[0]


def test_the_series_shows_the_density_on_the_mesh_of_each_time(run, folder):
    assert run.statistics["remeshes"] >= 1
    counts = set()
    for t, grid in read(folder, "fields.pvd"):
        state = run.at(t)
        assert grid.n_cells == 16 * len(state.problem.cells)  # degree 2: sides cut into 4
        assert np.all(grid.celltypes == pv.CellType.TRIANGLE)
        assert np.all(grid.points[:, 2] == 0.0)
        np.testing.assert_array_equal(grid.points[:, 0], grid["v"])
        np.testing.assert_array_equal(grid.points[:, 1], grid["w"])
        assert grid.compute_cell_sizes()["Area"].sum() == pytest.approx(np.ptp(grid["v"]))
        middle = grid.cell_centers().points
        drawn = grid.point_data_to_cell_data()["p"]
        np.testing.assert_allclose(drawn, state.p(middle[:, 0], middle[:, 1]), atol=0.05)
        assert grid.field_data["Nbar"][0] == state.Nbar
        assert grid.field_data["mass"][0] == pytest.approx(1.0)
        counts.add(grid.n_cells)
    assert len(counts) > 1


def test_the_functions_of_w_are_a_series_of_lines_of_their_own(run, folder):
    assert [t for t, _ in read(folder, "lines.pvd")] == [t for t, _ in read(folder, "fields.pvd")]
    for t, grid in read(folder, "lines.pvd"):
        state = run.at(t)
        assert np.all(grid.celltypes == pv.CellType.LINE)
        w = grid["w"]
        assert np.all(np.diff(w) >= 0)
        np.testing.assert_array_equal(grid.points, np.column_stack([w, 0 * w, 0 * w]))
        inner = np.diff(w, prepend=-2.0, append=1.0).clip(0)
        inner = (inner[1:] > 0) & (inner[:-1] > 0)  # not at ends of edges, where the two sides differ
        np.testing.assert_allclose(grid["N"][inner], state.N(w[inner]), atol=1e-5)
        np.testing.assert_allclose(grid["C"][inner], state.C(w[inner]), atol=1e-5)
    surface = pv.read(folder / "spacetime.vtr")
    assert set(surface.point_data) == {"N", "C"}
    assert (surface.x[0], surface.x[-1]) == (-1.0, 0.0)
    np.testing.assert_array_equal(surface.y, [t for t, _ in read_pvd(folder)])


def test_the_folder_has_its_view_and_can_be_replaced(run, folder):
    text = (folder / "view.py").read_text()
    compile(text, "view.py", "exec")
    assert "lines.pvd" in text
    run.save(folder, overwrite=True, snapshots=2)
    assert len(list((folder / "fields").iterdir())) == len(list((folder / "lines").iterdir())) == 2
    run.save(folder, overwrite=True, snapshots=7)


def test_a_series_is_reopened_with_its_lines(run, tmp_path):
    series = FieldSeries(tmp_path)
    for t in (0.0, 0.5, 1.0):
        series.add(run.at(t))
    again = FieldSeries.reopen(tmp_path, [0.0, 0.5])
    assert again.latest == 0.5
    assert sorted(p.name for p in (tmp_path / "lines").iterdir()) == ["0000.vtu", "0001.vtu"]
    right = (tmp_path / "lines" / "0001.vtu").read_bytes()
    (tmp_path / "lines" / "0001.vtu").unlink()
    again = FieldSeries.reopen(tmp_path, [0.0, 0.5])
    assert again.lost == [0.5]
    again.mend(run.at(0.5), 0.5)
    assert (tmp_path / "lines" / "0001.vtu").read_bytes() == right


@pytest.mark.parametrize("name", SPACES)
def test_jumps_between_cells_are_drawn_as_jumps(name):
    problem = fl.discretize(LEARNING, **SPACES[name])
    y = np.random.default_rng(0).normal(size=problem.size)
    state = State(problem, 0.0, y)
    surface, fields = drawn_densities(state)
    values = fields["p"]
    assert np.isfinite(values).all()
    corner = surface.points[surface.triangles]
    (ax, ay), (bx, by) = (corner[:, 1] - corner[:, 0]).T, (corner[:, 2] - corner[:, 0]).T
    areas = np.abs(ax * by - ay * bx) / 2
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(np.ptp(surface.points[:, 0]))
    # the same place belongs to several cells, each with a value of its own
    places, counts = np.unique(surface.points, axis=0, return_counts=True)
    assert counts.max() > 1
    w, inside = surface.second
    assert len(np.unique(w)) < len(w)
    assert np.all((inside >= -1) & (inside <= 0))
    assert len(places) < len(values)


@pytest.mark.parametrize("name", SPACES)
def test_pictures_are_drawn(name, tmp_path):
    problem = fl.discretize(LEARNING, **SPACES[name])
    run = fl.evolve(problem, start, 0.05, rtol=1e-2, progress=False)
    figure = plot_run(run, tmp_path / "run.png")
    assert [axes.get_xlabel() for axes in figure.axes[:3]] == ["$v$", "$t$", "$t$"]
    assert "p(v,w)" in figure.axes[0].get_title(loc="left")
    plot_spacetime(run, tmp_path / "rates.png", name="N")
    assert (tmp_path / "run.png").stat().st_size > 20_000
    with pytest.raises(ValueError, match="'R'; allowed are N, C"):
        plot_spacetime(run, name="R")


def test_a_run_over_lines_is_written_too(tmp_path):
    problem = fl.discretize(LEARNING, **SPACES["lines"])
    run = fl.evolve(problem, start, 0.05, rtol=1e-2, progress=False)
    write_vtk(run, tmp_path, times=[0.0, 0.05])
    grids = [grid for _, grid in read(tmp_path, "fields.pvd")]
    assert len(grids) == 2
    # 6 cells of degree 6 in v, 12 pieces each; 4 cells of degree 2 in w, 4 pieces each; two triangles a rectangle
    assert grids[0].n_cells == 2 * 6 * 12 * 4 * 4
    assert grids[1].field_data["Nbar"][0] == run.final.Nbar
