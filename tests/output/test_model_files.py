"""What a folder stores of a model, without code, and how a model is found again."""

from __future__ import annotations

import functools
import json
import os
import pickle
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from damage import seal
from scipy import sparse

import felif as fl
from felif.output.model_files import packed, unpacked

START = fl.Gaussian(-1.0, 0.3)


def wave(t):
    return 0.3 * np.sin(t)


def rising(t, slope):
    return slope * t


@dataclass(frozen=True)
class Ramp:
    slope: float

    def __call__(self, t):
        return self.slope * t


@pytest.mark.parametrize(
    "value",
    [
        fl.NoisyLIF(b=0.1 + 0.2, v_fire=2.0, current=fl.Piecewise([1.0], [0.0, 2.0])),
        fl.NoisyLIF(drift=fl.Exponential(delta=0.2, v_soft=1.0), v_fire=float("inf")),
        fl.NoisyLIF(current=wave),
        fl.NoisyLIF(current=Ramp(0.1)),
        fl.NoisyLIF(current=np.sin),
        fl.NoisyLIF(current=functools.partial(rising, slope=0.1)),
        fl.NoisyLIF(current=functools.partial(np.multiply, 0.1)),
        fl.Populations(coupling=np.array([[0.0, 1.0], [-1.0, 0.25]])),
        fl.Populations(coupling=sparse.csr_matrix(([0.5, 2.0], ([0, 2], [1, 0])), shape=(3, 3))),
        {"N_E": 0.1, "N_I": wave},
        (1, 2.5, None, True, "text", float("-inf"), 1j, np.float64(3.5), [1, {"a": (2,)}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_a_value_comes_back_as_it_was(value, tmp_path):
    again = unpacked(packed(value), tmp_path)
    assert type(again) is type(value)
    assert packed(again).tobytes() == packed(value).tobytes()


def test_a_nan_comes_back(tmp_path):
    assert np.isnan(unpacked(packed(float("nan")), tmp_path))


def test_functions_of_another_session_are_demanded_and_compared(tmp_path):
    script = tmp_path / "elsewhere.py"
    folder = tmp_path / "run"
    script.write_text(
        "import felif as fl\n"
        "strength = 0.5\n"
        "def make(): return fl.NoisyLIF(b=0.2, delay=0.1, current=lambda t: strength * t)\n"
        "before = lambda t: 0.1 + 0.01 * t\n"
        "if __name__ == '__main__':\n"
        "    p = fl.discretize(make())\n"
        f"    fl.evolve(p, fl.Gaussian(-1.0, 0.3), 0.2, history=before, folder={str(folder)!r}, snapshots=0)\n"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, str(script)], check=True, env={**os.environ, "PYTHONPATH": root}, timeout=120)
    with pytest.raises(ValueError, match=r"the model holds .*lambda.*: give it again, model=\.\.\."):
        fl.load_run(folder)
    assert fl.read_folder(folder).series["N"][-1] > 0
    space = runpy.run_path(str(script), run_name="elsewhere")
    with pytest.raises(ValueError, match=r"the history holds .*lambda.*: give it again, history=\.\.\."):
        fl.load_run(folder, space["make"]())
    run = fl.load_run(folder, space["make"](), space["before"])
    assert run.final.N == fl.read_folder(folder).series["N"][-1]
    assert fl.resume(folder, t_end=0.3, model=space["make"](), history=space["before"]).times[-1] == 0.3
    space["make"].__globals__["strength"] = 0.6
    with pytest.raises(ValueError, match="model: current = .* is given, .* is stored"):
        fl.load_run(folder, space["make"](), space["before"])
    with pytest.raises(ValueError, match="model: b = 0.3 is given, 0.2 is stored"):
        fl.load_run(folder, fl.NoisyLIF(b=0.3, delay=0.1))


def test_a_function_that_changed_is_not_taken_for_the_old_one(tmp_path, monkeypatch):
    content = json.loads(packed(fl.NoisyLIF(current=wave)).tobytes())
    entry = content["value"]["fields"]["current"]
    entry["told"] = entry["told"].replace("code ", "code 0")
    with pytest.raises(ValueError, match="the function .*wave, which has changed"):
        unpacked(np.frombuffer(json.dumps(content).encode(), np.uint8), tmp_path)


def crafted(value):
    return np.frombuffer(json.dumps({"python": "3.11", "told": None, "value": value}).encode(), np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        {"function": "os:system", "told": '"posix.system"', "file": None},
        {"function": "subprocess:run", "told": '"subprocess.run"', "file": None},
        {"function": "numpy:save", "told": '"numpy.save"', "file": None},
        {"function": "builtins:exec", "told": '"builtins.exec"', "file": None},
        {"function": "felif.output.series_files:npz_of", "told": '"felif.output.series_files.npz_of"', "file": None},
        {"object": "subprocess:Popen", "told": "Popen", "file": None, "fields": {"args": "touch x"}},
        {
            "object": "felif.output.manifest:Room",
            "told": "Room",
            "file": None,
            "fields": {"folder": "x", "kind": "run"},
        },
        {"object": "nowhere:Model", "told": "Model", "file": None, "fields": {}},
        {"sparse": "system", "told": None, "parts": [], "shape": []},
    ],
    ids=lambda value: str(next(iter(value.values()))),
)
def test_what_does_more_than_mathematics_is_not_looked_up(value, tmp_path):
    with pytest.raises(ValueError, match="the model holds"):
        unpacked(crafted(value), tmp_path)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("kind", ["run", "particles", "fit"])
def test_a_pickle_in_a_folder_is_not_read(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = fl.NoisyLIF()
    if kind == "run":
        fl.evolve(fl.discretize(model), START, 0.05, folder="f", snapshots=0)
    elif kind == "particles":
        fl.simulate_particles(model, neurons=200, t_end=0.05, start=START, seed=1).save("f")
    else:
        fl.fit(np.random.default_rng(1).gamma(3.0, 0.5, 200), model, ["current"], membrane_time=1.0).save("f")
    with np.load("f/final.npz") as archive:
        arrays = dict(archive)
    np.savez("f/final.npz", **{**arrays, "model": np.frombuffer(pickle.dumps(Bomb()), np.uint8)})
    read = {"run": fl.load_run, "particles": fl.load_particles, "fit": fl.load_fit}[kind]
    with pytest.raises(ValueError, match="final.npz is damaged or was changed"):
        read("f")
    seal("f", "final.npz")  # by somebody who knows of the checksums
    with pytest.raises(ValueError, match="not executed, or is damaged"):
        read("f")
    assert not Path("exploded").exists()


def test_no_module_of_felif_reads_pickles():
    """Sweeps send a study to their own processes; nothing that is read from a file is unpickled."""
    sources = {path.name: path.read_text() for path in Path(fl.__file__).parent.rglob("*.py")}
    found = {name for name, text in sources.items() if "pickle.load" in text or "allow_pickle=True" in text}
    assert found == {"travel.py"}


def test_partial_functions_of_what_is_not_found_are_demanded(tmp_path):
    value = fl.NoisyLIF(current=functools.partial(lambda slope, t: slope * t, 0.1))
    content = packed(value)
    del value
    with pytest.raises(ValueError, match="the model holds .*lambda"):
        unpacked(content, tmp_path)
