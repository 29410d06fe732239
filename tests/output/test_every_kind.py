"""What every kind of result leaves for ParaView: each file opened by pyvista, grids by meshio too; pictures of them."""

from __future__ import annotations

import os
import subprocess
from shutil import which
from zlib import crc32

import meshio
import numpy as np
import pytest

import felif as fl
from felif.output.pictures import picture

pv = pytest.importorskip("pyvista")
LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5, w_min=-1.0, w_max=0.0)
NETWORK = fl.NoisyLIF(b=0.5)
OVER_W = lambda v, w: np.exp(-(v**2) - 8 * (w + 0.5) ** 2) * (2.0 - v)


def run_of(model, start, t_end=0.05, **how):
    def write(folder):
        problem = fl.discretize(model, **how)
        fl.evolve(problem, start, t_end, rtol=1e-2, folder=folder, snapshots=3, progress=False)

    return write


def simulation(model):
    return lambda folder: fl.simulate_particles(
        model, neurons=40, t_end=0.1, start=fl.Gaussian(), seed=1, snapshots=[0.05, 0.1], progress=False
    ).save(folder)


def branch(folder):
    problem = fl.discretize(NETWORK, tol=1e-2)
    fl.write_branch_vtk(
        fl.continuation(problem, fl.steady_states(problem)[0], "b", (0.4, 0.6), stability=False), folder
    )


TENSOR = {"space": fl.Tensor(), "tol": 0.1}
TRIANGLES = {"mesh": fl.strip(LEARNING, v_min=-3.0, cells=(4, 3)), "space": fl.Triangles(1)}
HAZARD = lambda s, x: 1 / (1 + np.exp(-4 * (s - 1 + x)))
KINDS = {  # name: (write it, the densities of fields.pvd, those of spacetime.vtr)
    "one population": (run_of(NETWORK, fl.Gaussian(), tol=1e-2), {"n"}, {"n"}),
    "two populations": (run_of(fl.ExcitatoryInhibitoryLIF(b_EE=0.5), fl.Gaussian(), tol=1e-2), *2 * ({"n_E", "n_I"},)),
    "Populations": (
        run_of(fl.Populations(coupling=[[0.5, -0.2], [0.1, 0.0]]), fl.Gaussian(), 0.01, tol=1e-2),
        *2 * ({"n_0", "n_1"},),
    ),
    "(v, w), product": (run_of(LEARNING, OVER_W, 0.01, **TENSOR), {"p"}, {"N", "C"}),
    "(v, w), triangles": (run_of(LEARNING, OVER_W, 0.01, **TRIANGLES), {"p"}, {"N", "C"}),
    "another axis": (run_of(fl.Kuramoto(K=1.0, D=0.5), lambda x: 1 + 0.1 * np.cos(x), tol=1e-2), {"rho"}, {"rho"}),
    "age": (run_of(fl.TimeElapsed(HAZARD, tau=0.2), lambda s: np.exp(-s), tol=1e-2), {"n"}, {"n"}),
    "(v, w), general": (
        run_of(fl.AdaptiveLIF(jump=0.5, current=1.5), lambda v, w: np.exp(-2 * v**2 - 4 * w**2) * (2.0 - v), 0.01,
               tol=0.1, space=fl.SpectralElement(2)), {"p"}, set()),
    "branch": (branch, {"n"}, {"n"}),
    "neurons": (simulation(NETWORK), set(), set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root, made = tmp_path_factory.mktemp("kinds"), {}

    def folder_of(name):
        if name not in made:
            KINDS[name][0](root / name)
            made[name] = root / name
        return made[name]

    return folder_of


def holds(grid, names):
    assert names <= set(grid.point_data)
    assert grid.n_points > 0
    assert np.isfinite(grid.points).all()
    for name in grid.point_data:
        assert np.isfinite(grid[name]).all()


@pytest.mark.parametrize("name", KINDS)
def test_every_file_for_paraview_is_opened_by_pyvista_and_grids_by_meshio(name, folders):
    folder, (_, fields, surface) = folders(name), KINDS[name]
    collections = sorted(folder.glob("*.pvd"))
    assert [file.name for file in collections] == (
        ["particles.pvd"] if name == "neurons" else ["fields.pvd", *(["lines.pvd"] if surface == {"N", "C"} else [])]
    )
    assert (folder / "view.py").exists() == (name != "neurons")
    listed = set()
    for collection in collections:
        reader = pv.PVDReader(collection)
        assert list(reader.time_values) == sorted(reader.time_values)
        assert len(reader.time_values) >= 2
        listed |= {collection.parent / part.path for part in reader.datasets}
        for t in reader.time_values:
            reader.set_active_time_value(t)
            grid = reader.read()[0]
            holds(grid, fields if collection.name == "fields.pvd" else surface)
            assert "t" in grid.field_data
    written = {file for ending in ("vtu", "vtp") for file in folder.rglob(f"*.{ending}")}
    assert written == listed
    for file in written:
        if file.suffix == ".vtu":
            read = meshio.read(file)
            assert {block.type for block in read.cells} <= {"line", "triangle"}
            assert all(np.isfinite(values).all() for values in read.point_data.values())
    assert (folder / "spacetime.vtr").exists() == bool(surface)
    if surface:
        holds(pv.read(folder / "spacetime.vtr"), surface)


@pytest.mark.parametrize("name", ["two populations", "(v, w), triangles", "neurons"])
def test_a_folder_is_a_picture(name, folders, tmp_path):
    path = picture(folders(name), tmp_path / "pictures" / "it.png")
    image = np.asarray(pv.read(path).point_data["PNGImage"])
    assert image.std() > 5.0  # it is not of one colour


@pytest.mark.skipif(
    not (which("pvpython") and which("xvfb-run")), reason="no ParaView without a screen on this machine"
)
@pytest.mark.parametrize("name", ["two populations", "(v, w), triangles"])
def test_paraview_itself_runs_the_script_of_a_folder_and_saves_what_it_shows(name, folders, tmp_path):
    first = 100 + crc32(os.fsencode(tmp_path)) % 30_000  # `xvfb-run -a` gives two that ask at once the same one
    for screen in range(first, first + 3):  # on a busy machine one may not be there in time
        command = ["xvfb-run", "-n", str(screen), "-s", "-screen 0 1280x1024x24"]
        command += ["pvpython", "view.py", str(tmp_path / "out.png")]
        ran = subprocess.run(command, cwd=folders(name), capture_output=True, text=True, timeout=120)
        if "bad X server connection" not in ran.stderr:
            break
    assert ran.returncode == 0, ran.stderr
    image = pv.read(tmp_path / "out.png")
    assert image.dimensions == (1600, 1000, 1)
    assert np.asarray(image.point_data["PNGImage"]).std() > 5.0


def test_a_run_as_a_grid_of_pyvista_holds_the_run():
    run = fl.evolve(fl.discretize(NETWORK, tol=1e-3), fl.Gaussian(-0.5), 0.5, rtol=1e-3, progress=False)
    surface, line = run.to_pyvista(), run.to_pyvista(0.2)
    t, v = surface.y, surface.x
    assert (t[0], t[-1]) == (0.0, 0.5)
    assert surface["n"].reshape(t.size, v.size)[50] == pytest.approx(run.at(t[50]).n(v), abs=1e-12)
    assert line["n"] == pytest.approx(run.at(0.2).n(line["v"]), abs=1e-12)
    assert line.field_data["N"][0] == run.at(0.2).N
    assert surface.warp_by_scalar("n").bounds[5] == pytest.approx(surface["n"].max())
    with pytest.raises(ValueError, match="0.6"):
        run.to_pyvista(0.6)
    plane = fl.evolve(fl.discretize(LEARNING, **TRIANGLES), OVER_W, 0.01, rtol=1e-2, progress=False)
    assert set(plane.to_pyvista().point_data) == {"p", "v", "w"}


def test_what_is_no_picture_is_refused_in_a_sentence(folders, tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    folder = folders("one population")
    with pytest.raises(ValueError, match="view: screenshot = 'n.txt'; allowed are names that end in .png"):
        picture(folder, "n.txt")
    with pytest.raises(ValueError, match="holds no fields.pvd, spacetime.vtr or particles.pvd; allowed is the folder"):
        picture(tmp_path, "n.png")
    with pytest.raises(ValueError, match="view: time = 0.1; .* is a surface of all times, so leave it out"):
        picture(folder, "n.png", 0.1)
    with pytest.raises(ValueError, match="view: there is no screen for a window; write a picture with --screenshot"):
        picture(folder)
