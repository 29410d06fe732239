"""What is written for ParaView, read back by VTK's own readers. Nothing is rendered."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeProblem, FakeRun, density, row

from felif.output import snapshot_times, write_vtk
from felif.output.drawn import common_points, run_times
from felif.output.series_files import read_series
from felif.output.vtk import FieldSeries, read_pvd
from felif.problem import BlowUp, State
from felif.spaces import along

pv = pytest.importorskip("pyvista")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields")
    write_vtk(FakeRun(), folder)
    return folder


def test_every_snapshot_is_the_polynomial_at_its_time(folder):
    reader = pv.PVDReader(folder / "fields.pvd")
    assert reader.time_values == np.linspace(0.0, 1.0, 101).tolist()
    for time in reader.time_values:
        reader.set_active_time_value(time)
        grid = reader.read()[0]
        v = grid.points[:, 0]
        # cells of degree 3 are cut into 12 lines; the mesh is twice as fine after t = 0.5
        assert grid.n_cells == (48 if time <= 0.5 else 96)
        assert grid.n_points == grid.n_cells + 1
        assert np.all(grid.celltypes == pv.CellType.LINE)
        assert np.all(grid.points[:, 1:] == 0.0)
        assert np.all(np.diff(v) > 0.0)
        np.testing.assert_array_equal(grid["v"], v)
        np.testing.assert_array_equal(grid["n"], np.polynomial.polynomial.polyval(v, density(time)))


def test_scalars_are_field_data_and_an_infinite_rate_is_left_out(folder):
    reader = pv.PVDReader(folder / "fields.pvd")
    reader.set_active_time_value(0.5)
    data = reader.read()[0].field_data
    expected = {"t": 0.5, "N": 2.0, "R": 0.5, "V_R": 1.0, "V_F": 2.0}
    assert {name: data[name][0] for name in expected} == expected
    assert data["mass"][0] == FakeRun().at(0.5).n.integral()
    reader.set_active_time_value(0.0)
    assert np.isnan(reader.read()[0].field_data["N"][0])  # inf would stretch the axis of N(t) without end


def test_the_space_time_grid_holds_every_snapshot(folder):
    grid = pv.read(folder / "spacetime.vtr")
    v, t = grid.x, grid.y
    np.testing.assert_array_equal(t, np.linspace(0.0, 1.0, 101))
    assert (v[0], v[-1], v.size) == (-2.0, 2.0, 97)
    found = grid["n"].reshape(t.size, v.size)
    exact = np.array([np.polynomial.polynomial.polyval(v, density(time)) for time in t])
    np.testing.assert_allclose(found[-1], exact[-1], rtol=1e-14)
    # between the points of the coarser mesh, chords of length h = 1/12: h^2/8 max|n''| <= 7e-3 for |n''| <= 8
    np.testing.assert_allclose(found, exact, atol=7e-3)


def test_series_and_view_lie_beside_the_fields(folder):
    series = read_series(folder / "series.csv")
    assert {name: column[-1] for name, column in series.items()} == row(1.0)
    assert series["N"][0] == np.inf
    compile((folder / "view.py").read_text(), "view.py", "exec")
    assert repr(str(folder.resolve())) in (folder / "view.py").read_text()


def test_the_series_is_complete_after_every_snapshot(tmp_path):
    run, series = FakeRun(), FieldSeries(tmp_path)
    for count, t in enumerate((0.0, 1.0, 0.25, 0.25), start=1):  # one too many, one out of order
        series.add(run.at(t))
        times = pv.PVDReader(tmp_path / "fields.pvd").time_values
        assert times == sorted({0.0, 1.0, 0.25} if count >= 3 else [0.0, 1.0][:count])


def test_times_next_to_a_blow_up_stay_apart(tmp_path):
    close = 1.0 - 1e-12
    write_vtk(FakeRun(), tmp_path, [0.0, close, 1.0])
    assert pv.PVDReader(tmp_path / "fields.pvd").time_values == [0.0, close, 1.0]
    write_vtk(FakeRun(), tmp_path, [0.5])  # replaces the others
    assert read_pvd(tmp_path) == [(0.5, "fields/0000.vtu")]
    assert [path.name for path in (tmp_path / "fields").iterdir()] == ["0000.vtu"]


def test_several_fields_share_one_mesh(tmp_path):
    problem = FakeProblem(np.array([-1.0, 0.5, 2.0]), degree=1, field_names=("n", "m"))
    FieldSeries(tmp_path).add(State(problem, 0.5, density(0.5)))
    grid = pv.read(tmp_path / "fields" / "0000.vtu")
    assert grid.n_points == 3
    np.testing.assert_array_equal(grid["m"], -grid["n"])
    assert {"mass_n", "mass_m"} <= set(grid.field_data.keys())


def test_high_order_is_drawn_as_smooth_as_it_is():
    """sin on 8 cells, degree 6: the drawn line stays within 1e-3 of the curve, a pixel's width."""
    cells = np.linspace(0.0, 2.0 * np.pi, 9)
    v = along("v", cells, degree=6).points
    assert v.size == 8 * 24 + 1
    np.testing.assert_array_equal(v[::24], cells)
    fine = np.linspace(0.0, 2.0 * np.pi, 5000)
    assert np.abs(np.interp(fine, v, np.sin(v)) - np.sin(fine)).max() < 1e-3
    np.testing.assert_array_equal(along("v", cells, degree=1).points, cells)


def test_a_fine_mesh_is_thinned_for_the_space_time_picture():
    crowded = np.unique(np.concatenate([np.linspace(-3.0, 2.0, 50), 1.0 + np.geomspace(1e-9, 0.9, 5000)]))
    points = common_points([crowded, np.linspace(-3.0, 2.0, 7)], most=300)
    assert 80 < points.size <= 301
    assert (points[0], points[-1]) == (-3.0, 2.0)
    assert np.diff(points)[points[:-1] > 1.0].mean() > 0.5 * 5.0 / 300  # the crowd is gone


def test_a_blow_up_is_looked_at_ever_more_closely():
    times = run_times(FakeRun(blow_up=BlowUp(1.0, 1e-6, 1e5, "")))
    assert (times[0], times[-1]) == (0.0, 1.0)
    assert np.diff(times)[-1] == pytest.approx(2.0**-30, rel=1e-6)


def test_snapshot_times_are_checked():
    np.testing.assert_array_equal(snapshot_times(0.0, 2.0, 3), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(snapshot_times(0.0, 2.0, [1.5, 0.5, 1.5]), [0.5, 1.5])
    assert snapshot_times(0.0, 2.0, 1) == [2.0]
    assert snapshot_times(0.0, 2.0, 0).size == 0
    for bad in ([2.5], [-0.1], [np.nan], -3):
        with pytest.raises(ValueError, match="snapshots"):
            snapshot_times(0.0, 2.0, bad)


def test_what_cannot_be_written_is_refused(tmp_path):
    problem = FakeProblem(np.array([0.0, 1.0]), field_names=())
    with pytest.raises(ValueError, match="no field"):
        FieldSeries(tmp_path).add(State(problem, 0.0, density(0.0)))
    with pytest.raises(ValueError, match="outside"):
        write_vtk(FakeRun(), tmp_path, [3.0])


def test_an_interrupt_while_vtk_is_imported_comes_when_it_has_been(tmp_path):
    """Broken off within VTK it would end the process, and with it whatever was not written yet."""
    script = """
import os, signal, sys
import numpy as np

signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "vtkmodules.util.numpy_support":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from felif.output.vtk_files import write_line_mesh
try:
    write_line_mesh("x.vtu", np.arange(3.0), {}, {})
except KeyboardInterrupt:
    print("interrupted", "vtkmodules.vtkIOXML" in sys.modules, end=" ")
write_line_mesh("x.vtu", np.arange(3.0), {}, {})
print(os.path.exists("x.vtu"))
"""
    how = {"cwd": tmp_path, "capture_output": True, "text": True, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    assert subprocess.run([sys.executable, "-c", script], **how).stdout == "interrupted True True\n"
