"""A run of `evolve` as it lies on disk: a network that blows up, on a mesh that is refined on the way."""

import os
from pathlib import Path

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


@pytest.mark.skipif(os.name != "posix", reason="folders are forced onto the disk there")
@pytest.mark.parametrize(("snapshots", "calls"), [(0, 8), (2, 11)])
def test_what_a_run_needs_is_on_the_disk_when_it_returns_and_nothing_is_forced_twice(
    tmp_path, monkeypatch, snapshots, calls
):
    """Every file as it is, by its inode and content; `series.csv` is made again from the steps."""
    forced, fsync, count = {}, os.fsync, 0

    def noting(handle):
        nonlocal count
        count += 1
        found = os.fstat(handle)
        path = os.readlink(f"/proc/self/fd/{handle}") if os.path.exists("/proc/self/fd") else None
        forced[found.st_ino] = Path(path).read_bytes() if path and os.path.isfile(path) else None
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-2)
    how = {"folder": tmp_path / "x", "snapshots": snapshots, "progress": False, "rtol": 1e-3}
    fl.evolve(problem, fl.Gaussian(-1.0, 0.5), 0.1, **how)
    needed = [*(tmp_path / "x").glob("*.npz"), tmp_path / "x" / "run.json", tmp_path / "x" / "felif-manifest.txt"]
    assert len(needed) == 7
    for path in needed:
        assert forced.get(path.stat().st_ino, b"") in (None, path.read_bytes()), path.name
    assert (tmp_path / "x").stat().st_ino in forced
    assert count <= calls
    (tmp_path / "x" / "series.csv").write_text("t,dt\n")  # what a loss of power may leave of it
    with pytest.warns(UserWarning, match="Its rows are those that the steps hold"):
        assert len(fl.load_run(tmp_path / "x").times) > 3
