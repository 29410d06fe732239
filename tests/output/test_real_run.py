"""A run of `evolve` as it lies on disk: a network that blows up, on a mesh that is refined on the way."""

import numpy as np
import pytest

import felif as fl
from felif.output import read_folder

pv = pytest.importorskip("pyvista")


@pytest.fixture(scope="module")
def run_and_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "blow_up"
    problem = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-4)
    return fl.evolve(problem, fl.Gaussian(-1.0, 0.5), t_end=10.0, rtol=1e-4, folder=folder, progress=False), folder


def test_paraview_gets_the_density_that_the_run_has(run_and_folder):
    run, folder = run_and_folder
    reader = pv.PVDReader(folder / "fields.pvd")
    assert len(reader.time_values) >= 101
    assert reader.time_values[-1] == run.times[-1] < 10.0
    sizes = set()
    for time in reader.time_values[::10] + reader.time_values[-1:]:
        reader.set_active_time_value(time)
        grid = reader.read()[0]
        sizes.add(grid.n_points)
        np.testing.assert_array_equal(grid["n"], run.at(time).n(grid.points[:, 0]))
    assert len(sizes) > 1  # the mesh was refined, and every snapshot has its own
    assert pv.read(folder / "spacetime.vtr").y.tolist() == reader.time_values


def test_the_series_on_disk_is_that_of_the_run(run_and_folder):
    run, folder = run_and_folder
    found = read_folder(folder)
    assert found.description["outcome"]["name"] == "blow_up"
    assert set(found.series) == set(run.series)
    for name, values in found.series.items():
        np.testing.assert_array_equal(values, run.series[name])
