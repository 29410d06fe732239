"""Nothing that felif did not write is ever replaced or deleted."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.client import HTTPConnection
from importlib.util import find_spec

import pytest
from small_runs import HOW, PROBLEM, START, contents, evolve

import felif as fl
from felif.explore.server import Explorer
from felif.output import write_vtk
from felif.output.branch_vtk import write_branch_vtk
from felif.output.branches import save_branch
from felif.output.durable import streamed
from felif.output.manifest import MANIFEST, Room
from felif.study import load
from felif.study.cli import run as cli
from felif.study.running import read_results
from felif.study.running import run as run_study
from felif.study.sweep import sweep

pytestmark = pytest.mark.usefixtures("few_snapshots")

STUDY = '''"""Does it keep what is there?"""
from pathlib import Path
import felif as fl

def main(b: float = 0.5, out: Path | None = None):
    model = fl.NoisyLIF(b=b)
    problem = fl.discretize(model, fl.interval(model, cells=6, v_min=-5.0))
    how = {"rtol": 1e-3, "progress": False}
    folder = {"folder": fl.study.folder(out, "run"), "resume": True, "snapshots": 2}
    run = fl.evolve(problem, fl.Gaussian(-1.0, 0.25), 0.1, **folder, **how)
    return {"run": run, "saved": fl.evolve(problem, fl.Gaussian(-1.0, 0.25), 0.1, **how), "N": run.final.N}
'''


def simulated(b):
    how = {"neurons": 50, "t_end": 0.1, "start": START, "seed": 1, "snapshots": [0.1], "progress": False}
    return fl.simulate_particles(fl.NoisyLIF(b=b), **how)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """{kind: function of (folder, overwrite, which) that writes one of two results of that kind}."""
    path = tmp_path_factory.mktemp("studies") / "keeps.py"
    path.write_text(STUDY)
    study = load(path)
    runs = [fl.evolve(PROBLEM, START, t, rtol=1e-3, progress=False) for t in (0.1, 0.2)]
    particles = [simulated(b) for b in (0.1, 0.2)]
    law = fl.first_passage(fl.NoisyLIF(current=1.5))
    fits = [fl.fit(law.sample(60, seed=s), fl.NoisyLIF(current=1.0), ["current"]) for s in (1, 2)]
    found = fl.steady_states(PROBLEM)
    branches = [fl.continuation(PROBLEM, found[0], "b", bounds=(0.45, high)) for high in (0.55, 0.6)]
    pool = ThreadPoolExecutor(1)

    return {
        "run": lambda f, over, k: fl.evolve(
            PROBLEM, START, 0.1 + 0.1 * k, rtol=1e-3, folder=f, overwrite=over, snapshots=2, progress=False
        ),
        "saved run": lambda f, over, k: runs[k].save(f, overwrite=over, snapshots=2),
        "particles": lambda f, over, k: particles[k].save(f, overwrite=over),
        "fit": lambda f, over, k: fits[k].save(f, overwrite=over),
        "vtk": lambda f, over, k: write_vtk(runs[k], f, [0.0, 0.1], overwrite=over),
        "branch": lambda f, over, k: save_branch(branches[k], f, overwrite=over),
        "branch vtk": lambda f, over, k: write_branch_vtk(branches[k], f, rows=[0, 1], overwrite=over),
        "study": lambda f, over, k: run_study(study, {"b": 0.1 + k}, f, overwrite=over),
        "sweep": lambda f, over, k: sweep(study, {"b": [0.1 + k]}, f, pool, folders=True, overwrite=over),
    }


@pytest.fixture(scope="module")
def computed():
    """Those that are written while they are computed, and comparisons: as `made`."""
    bursting = fl.discretize(fl.RandomThresholdLIF(b=4.55), tol=1e-2)
    branch = fl.continuation(bursting, fl.steady_state(bursting), "b", bounds=(4.5, 4.65), progress=False)
    hopf, found = branch.hopfs[0], fl.steady_states(PROBLEM)
    how = {"neurons": 50, "t_end": 0.2, "start": START, "seed": 1, "networks": 2, "bins": 2, "progress": False}
    run = fl.evolve(PROBLEM, START, 0.2, rtol=1e-3, progress=False)
    compared = fl.compare(fl.simulate_particles(PROBLEM.model, **how), run)

    def curve(f, over, k):
        few = {"max_points": 1 + k, "stability": False, "progress": False}
        return fl.hopf_curve(bursting, hopf, "b", "tau", folder=f, overwrite=over, **few)

    return {
        "simulation": lambda f, over, k: fl.simulate_particles(
            PROBLEM.model, **how | {"seed": 1 + k}, folder=f, overwrite=over
        ),
        "continuation": lambda f, over, k: fl.continuation(
            PROBLEM, found[0], "b", (0.45, 0.55 + 0.01 * k), folder=f, overwrite=over, progress=False
        ),
        "curve": curve,
        "orbit": lambda f, over, k: fl.periodic_orbit(
            bursting, hopf, b=hopf.b + 0.01 * (1 + k), tol=1e-2, folder=f, overwrite=over, progress=False
        ),
        "comparison": lambda f, over, k: compared.save(f, overwrite=over),
    }


COMPUTED = ("simulation", "continuation", "curve", "orbit", "comparison")
KINDS = ("run", "saved run", "particles", "fit", "vtk", "branch", "branch vtk", "study", "sweep")
FOREIGN = (
    "mine.csv notes.txt recording.npz thesis.json movie.vtr picture.png mine.pvd steps-mine.npz .hidden "
    "fields/mine.vtu lines/mine.vtu particles/mine.vtp shards/mine.json points/mine/run.json mine/run.json "
    "mine/results.json run/mine.csv run/fields/mine.vtu saved/mine.txt points/000000/mine.csv "
    "points/000000/run/mine.csv"
).split()


def put(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"kind": None, "mine": name}))
    return folder / name


@pytest.mark.parametrize("kind", KINDS + COMPUTED)
def test_foreign_files_survive_whatever_is_asked_byte_for_byte(kind, made, computed, tmp_path):
    folder, made = tmp_path / "f", made | computed
    made[kind](folder, False, 0)
    written = set(contents(folder))
    assert folder / MANIFEST in written
    mine = [put(folder, name) for name in FOREIGN]
    assert not written & set(mine)
    before = contents(folder)
    with pytest.raises(ValueError, match="already holds|holds another|holds a finished"):
        made[kind](folder, False, 1)
    assert contents(folder) == before  # finished results are replaced only when asked
    made[kind](folder, True, 1)
    after = contents(folder)
    assert {path: after.get(path) for path in mine} == {path: before[path] for path in mine}
    assert any(after.get(path) != before[path] for path in written) or kind == "comparison"  # of the same again


def test_foreign_files_survive_commands_exports_and_the_explorer(made, tmp_path, monkeypatch, capsys):
    """In a folder of runs with files of the user, from within and from outside."""
    folder, pool = tmp_path / "f", ProcessPoolExecutor(1)
    made["saved run"](folder, False, 0)
    mine = {path: path.read_bytes() for path in (put(folder, name) for name in FOREIGN)}
    monkeypatch.chdir(folder)
    table = sweep(math_of, {"x": [1.0, 2.0]}, folder / "table", pool, progress=False)
    (folder / "own.py").write_text('"""?"""\ndef main(b: float = 1.0):\n    return {"y": b}\n')
    commands = [
        ["copy", "relaxation", "."],
        ["copy", "relaxation", "."],
        ["run", "own.py", "--out", "mine"],
        ["run", "own.py", "--out", "results"],
        ["sweep", "own.py", "--b", "0:1:2", "--out", "points", "--executor", "1"],
        ["sweep", "own.py", "--b", "0:1:2", "--out", "grid", "--executor", "1"],
        ["list", "."],
        ["view", ".", "--screenshot", "new.png"],
    ]
    codes = [cli(command) for command in commands]
    capsys.readouterr()
    assert codes == [0, 2, 2, 0, 2, 0, 0, 0]
    explorer = Explorer()
    try:
        threading.Thread(target=explorer.serve_forever, args=(0.05,), daemon=True).start()
        line = HTTPConnection("127.0.0.1", explorer.port, timeout=60)
        line.request("GET", "/choices")
        assert json.loads(line.getresponse().read())
        line.close()
    finally:
        explorer.shutdown()
        explorer.server_close()
    run = fl.load_run(folder)
    if find_spec("pyarrow"):
        with pytest.raises(ValueError, match="is there already"):
            table.to_parquet("mine.csv")
        table.to_parquet("mine.parquet")
    if find_spec("xarray"):
        run.to_xarray([0.05]).to_netcdf("mine.nc")
    run.plot("n.png")
    assert {path: path.read_bytes() for path in mine} == mine


def math_of(x: float = 1.0) -> dict:
    return {"y": x * x}


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_file_with_a_name_that_is_needed_is_refused_by_name(kind, made, tmp_path):
    made[kind](tmp_path / "f", False, 0)
    listed = [line.split("\t")[1] for line in (tmp_path / "f" / MANIFEST).read_text().splitlines()[1:]]
    needed = [name for name in listed if not name.endswith("/") and not name.startswith("shards")]
    for name in (needed[0], needed[-1]):  # no longer felif's, as far as the list says
        text = "".join(line for line in (tmp_path / "f" / MANIFEST).read_text().splitlines(True) if name not in line)
        changed = tmp_path / name.replace("/", "-")
        subprocess.run(["cp", "-r", tmp_path / "f", changed], check=True)
        (changed / MANIFEST).write_text(text)
        before = contents(changed)
        with pytest.raises(ValueError, match="neither replaced nor deleted|not empty and not|replaced or deleted") as e:
            made[kind](changed, True, 1)
        assert str(changed) in str(e.value)
        assert contents(changed) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_somebody_else_or_of_another_kind_is_left_alone(kind, made, tmp_path):
    for number, name in enumerate(("series.csv", "run.json", "branch.csv", "results.json", "sweep.json", "fields.pvd")):
        put(tmp_path / str(number), name)
        before = contents(tmp_path / str(number))
        try:
            made[kind](tmp_path / str(number), True, 0)
        except ValueError:
            assert contents(tmp_path / str(number)) == before
        else:  # exports may lie beside files of other names
            assert kind in ("vtk", "branch", "branch vtk")
            assert {path: contents(tmp_path / str(number))[path] for path in before} == before


def test_kinds_do_not_replace_each_other(made, tmp_path):
    for kind in KINDS:
        made[kind](tmp_path / kind, False, 0)
    before = contents(tmp_path)
    for there in KINDS:
        for kind in KINDS:
            same = there == kind or {there, kind} in ({"run", "saved run"}, {"vtk", "branch vtk"})
            beside = kind == "branch" or (there == "branch" and "vtk" in kind)
            beside |= "vtk" in kind and there in ("fit", "study", "sweep")
            if same or beside:
                continue
            with pytest.raises(ValueError, match="holds|belongs to"):
                made[kind](tmp_path / there, True, 1 if "run" in there else 0)
            assert contents(tmp_path / there) == {
                path: before[path] for path in before if path.is_relative_to(tmp_path / there)
            }
    assert contents(tmp_path) == before


def test_fields_of_the_same_run_are_made_anew_without_a_flag_and_in_its_own_folder(made, tmp_path):
    made["saved run"](tmp_path / "f", False, 0)
    run = fl.load_run(tmp_path / "f")
    mine = put(tmp_path / "f", "fields/0009.vtu")
    with pytest.raises(ValueError, match=r"0009\.vtu was not written by felif"):
        write_vtk(run, tmp_path / "f", [0.05])
    mine.unlink()
    write_vtk(run, tmp_path / "f", [0.05])
    assert [path.name for path in sorted((tmp_path / "f" / "fields").iterdir())] == ["0000.vtu"]
    with pytest.raises(ValueError, match="holds another run"):
        made["vtk"](tmp_path / "f", True, 1)


def test_a_study_deletes_the_runs_it_made_and_no_others(made, tmp_path):
    """A run of the user beside them, and one with the name of a result."""
    made["study"](tmp_path / "out", False, 0)
    made["run"](tmp_path / "out" / "my_run", False, 0)
    mine = contents(tmp_path / "out" / "my_run")
    made["study"](tmp_path / "out", True, 1)
    assert contents(tmp_path / "out" / "my_run") == mine
    assert read_results(tmp_path / "out")["run"].model.b == 1.1
    (tmp_path / "other").mkdir()
    made["study"](tmp_path / "first", False, 0)
    manifest = tmp_path / "first" / MANIFEST
    manifest.write_text("".join(line for line in manifest.read_text().splitlines(True) if "run/" not in line))
    before = contents(tmp_path / "first" / "run")
    with pytest.raises(ValueError, match="run.* was not written by felif"):
        made["study"](tmp_path / "first", True, 1)
    assert contents(tmp_path / "first" / "run") == before


def test_a_finished_study_is_not_read_for_another_main(tmp_path):
    path = tmp_path / "changing.py"
    path.write_text('"""?"""\nFACTOR = 2.0\ndef main(b: float = 1.0):\n    return {"y": FACTOR * b}\n')
    assert run_study(load(path), {}, tmp_path / "out").results["y"] == 2.0
    assert run_study(load(path), {}, tmp_path / "out", resume=True).results["y"] == 2.0
    path.write_text(path.read_text().replace("FACTOR = 2.0", "FACTOR = 3.00"))
    with pytest.raises(ValueError, match="results of another main of changing"):
        run_study(load(path), {}, tmp_path / "out", resume=True)
    assert run_study(load(path), {}, tmp_path / "out", overwrite=True).results["y"] == 3.0


def test_a_sweep_of_another_function_does_not_get_the_points_that_are_there(tmp_path):
    def of(power):
        def main(b: float = 1.0) -> dict:
            return {"y": b**power}

        return main

    pool = ThreadPoolExecutor(1)
    assert sweep(of(2), {"b": [3.0]}, tmp_path / "s", pool)["y"].tolist() == [9.0]
    assert sweep(of(2), {"b": [3.0]}, tmp_path / "s", pool)["y"].tolist() == [9.0]
    with pytest.raises(ValueError, match="holds another sweep: {'main'"):
        sweep(of(3), {"b": [3.0]}, tmp_path / "s", pool)
    assert sweep(of(3), {"b": [3.0]}, tmp_path / "s", pool, overwrite=True)["y"].tolist() == [27.0]


def test_what_a_link_leads_to_is_neither_replaced_nor_deleted(tmp_path):
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    evolve(folder=folder)
    subprocess.run(["rm", "-r", folder / "fields"], check=True)
    put(elsewhere, "0000.vtu")
    put(elsewhere, "0001.vtu")
    (folder / "fields").symlink_to(elsewhere)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"fields is a link to somewhere else"):
        fl.evolve(PROBLEM, START, 0.1, folder=folder, overwrite=True, **HOW)
    assert contents(tmp_path) == before
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match="nowhere is a link to nothing; give the name of a folder"):
        evolve(folder=tmp_path / "nowhere")


def test_a_list_that_felif_did_not_write_and_hidden_files_are_left_alone(tmp_path):
    mine = put(tmp_path / "mine", MANIFEST)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=f"{MANIFEST} was not written by felif"):
        fl.evolve(PROBLEM, START, 0.1, folder=mine.parent, overwrite=True, **HOW)
    assert contents(tmp_path) == before
    hidden = put(tmp_path / "run", ".run.json.tmp")
    before = hidden.read_bytes()
    evolve(folder=tmp_path / "run")
    assert hidden.read_bytes() == before


def test_two_processes_that_write_the_same_file_wait_for_each_other(tmp_path):
    """Both begin; the file and its line in the list are those of one of them, and nothing is left over."""
    first = Room(tmp_path, "sweep")
    begun, written = threading.Event(), []

    def slowly(path):
        begun.set()
        time.sleep(0.3)
        path.write_text("slow")
        written.append("slow")

    other = threading.Thread(target=lambda: first.file("sweep.csv", slowly, durable=False))
    other.start()
    begun.wait()
    Room(tmp_path, "sweep").file(
        "sweep.csv", streamed(lambda file: written.append(file.write(b"quick"))), durable=False
    )
    other.join()
    assert written == ["slow", 5]
    assert Room(tmp_path, "sweep").whole("sweep.csv").read_text() == "quick"
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.csv", "felif-manifest.txt"}
