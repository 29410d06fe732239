"""The public names, and the calls of the documents exactly as they are written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import felif as fl


def test_every_public_name_can_be_imported():
    for name in fl.__all__:
        assert getattr(fl, name) is not None
    assert set(fl.__all__) <= set(dir(fl))


def test_the_types_are_those_of_the_public_names():
    stub = Path(fl.__file__).with_name("__init__.pyi").read_text()
    typed = {name: module for module, name in re.findall(r"^from \.([\w.]+) import (\w+) as \2$", stub, re.M)}
    assert typed == fl._HOME
    assert set(re.findall(r"^from \. import (\w+) as \1$", stub, re.M)) == set(fl._MODULES)


def test_public_functions_and_classes_say_what_they_are():
    for name in fl.__all__:
        assert (getattr(fl, name).__doc__ or "").strip(), name


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="'felif' has no attribute 'NoisyLiF'"):
        fl.NoisyLiF  # noqa: B018


def modules_after(code):
    """Names of the modules that a fresh interpreter has loaded after running `code`."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_import_loads_nothing_heavy():
    assert not modules_after("import felif") & {"numpy", "scipy", "skfem", "matplotlib", "pyvista", "vtk"}


def test_a_run_loads_no_pictures():
    code = "import felif as fl; fl.evolve(fl.discretize(fl.NoisyLIF()), fl.Gaussian(), t_end=0.1)"
    assert not modules_after(code) & {"matplotlib", "pyvista", "vtk", "vtkmodules", "cyclopts"}


def test_the_calls_of_the_first_page(tmp_path):
    network = fl.NoisyLIF(b=0.5, a0=1.0, a1=0.0, v_reset=1.0, v_fire=2.0, current=0.0)
    problem = fl.discretize(network, tol=1e-8)
    mesh = fl.interval(network, v_min=-6.0, cells=13, grading=1.5)
    for space in (fl.SpectralElement(degree=6), fl.Lagrange(degree=2), fl.ExponentialFitting()):
        assert "n, N" in str(fl.discretize(network, mesh, space=space))
    run = fl.evolve(problem, fl.Gaussian(mean=0.0, variance=0.25), t_end=5.0, rtol=1e-6)
    assert run.outcome.name == "finished"
    assert "Reached t = 5" in run.outcome.message
    assert len(run.times) == len(run.series["N"]) == len(run.series["mass"])
    assert run.sample("N", [0.5, 1.0]).shape == (2,)
    assert isinstance(run.sample("N", 0.5), float)
    assert run.at(1.0).n(np.linspace(-3.0, 2.0, 11)).shape == (11,)
    assert run.final.n.integral() == pytest.approx(1.0, abs=1e-12)
    run.save(tmp_path / "first")
    assert fl.load_run(tmp_path / "first").final.N == run.final.N
    assert {"run.json", "series.csv", "final.npz"} <= {p.name for p in (tmp_path / "first").iterdir()}
    text = str(run)
    for part in ("finished", "steps", "conserved", "exponential moment"):
        assert part in text


def test_callables_and_states_start_runs():
    driven = fl.discretize(fl.NoisyLIF(b=-1.0, current=lambda t: 0.5 + 0.8 * np.sin(2 * t)))
    assert fl.evolve(driven, lambda v: np.exp(-(v**2)), t_end=1.0).final.N > 0
    problem = fl.discretize(fl.NoisyLIF(b=0.5))
    run = fl.evolve(problem, fl.Gaussian(), t_end=1.0)
    assert fl.evolve(problem.at(b=-2.0), run.final, t_end=1.0).final.N < run.final.N


@pytest.mark.parametrize(
    "model",
    [
        fl.RefractoryLIF(b=1.2, tau=0.3, a0=1.0, a1=0.0, v_reset=1.0, v_fire=2.0, current=0.0),
        fl.RandomThresholdLIF(b=8.0, eps=0.05, tau=1.0, a0=1.0, a1=0.0, v_reset=1.0, v_fire=2.0, current=0.0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_with_a_refractory_state(model):
    assert fl.testing.check_model(model).checks
    run = fl.evolve(fl.discretize(model), fl.Gaussian(mean=0.0, variance=0.25), t_end=2.0)
    assert run.final.R > 0
    assert run.series["total"] == pytest.approx(1.0, abs=1e-12)
    assert run.series["mass"] + run.series["R"] == pytest.approx(1.0, abs=1e-12)


def test_blow_up_is_an_outcome():
    blow = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5), t_end=10.0)
    assert blow.outcome.name == "blow_up"
    assert blow.blow_up.time == pytest.approx(3.41737, abs=1e-5)
    assert 0 < blow.blow_up.error < 1e-3
