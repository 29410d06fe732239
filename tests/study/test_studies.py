"""Every study at its CHEAP size, through the runner: numbers as expected, a figure, files for ParaView."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import felif as fl
from felif.output import model_files
from felif.study import Study, load, studies
from felif.study.running import Report, read_results, run

STUDIES = Path(__file__).parents[2] / "studies"
NAMES = list(studies(STUDIES))
QUESTIONS = {"relaxation", "network", "blow_up", "refractory", "spontaneous_activity", "drifts"}
QUESTIONS |= {"bifurcation_in_b", "cusp_refractory", "spectral_gap", "entropy_decay", "delay_hopf"}
QUESTIONS |= {"excitatory_inhibitory"}
QUESTIONS |= {"learning", "representation_round_trip", "discrimination", "connectivity_from_rule"}
QUESTIONS |= {"blow_up_map", "blow_up_noise", "blow_up_error_bars", "after_blow_up", "inhibitory_bounds", "stefan"}
QUESTIONS |= {"particles_to_pde", "synchronous_event"}
QUESTIONS |= {"single_neuron", "fit_intervals"}
SYSTEMS = {"populations", "polarisation", "kuramoto", "time_elapsed", "voltage_conductance", "hebbian_pattern"}
SYSTEMS |= {"deterministic_limit", "adaptation", "who_synchronises", "conhaim", "brunel_2000"}  # without cells of v
QUESTIONS |= SYSTEMS


pytestmark = pytest.mark.usefixtures("few_snapshots")


def test_no_study_is_missing():
    assert set(NAMES) >= QUESTIONS


@pytest.mark.parametrize("name", NAMES)
def test_a_study_finds_what_it_expects_and_draws_it_and_opens_in_paraview(name, tmp_path):
    """With CHEAP; its results are those read back from the folder, its figure was made of them."""
    loaded = load(STUDIES / f"{name}.py")
    found = run(loaded, loaded.cheap, tmp_path / name)
    expects_its_numbers(found)
    is_found_again_by_another_process(found)
    draws_what_is_in_the_folder(found)
    opens_in_paraview(found)
    explains_itself(loaded)


def expects_its_numbers(report: Report) -> None:
    assert report.study.expected
    assert report.study.deviations(report.results) == []


def is_found_again_by_another_process(report: Report) -> None:
    """Its models hold what its file defines: what a process remembers of its own functions is not needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_files, "_stored_here", {})
        assert set(read_results(report.folder)) == set(report.results)


def draws_what_is_in_the_folder(report: Report) -> None:
    picture = (report.folder / "figure.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000  # an empty pair of axes has 6 kB at this resolution


def opens_in_paraview(report: Report) -> None:
    runs = [name for name, value in report.results.items() if isinstance(value, fl.Run)]
    assert runs
    for name in runs:
        fields = report.results[name].problem.field_names
        assert (report.folder / name / "fields.pvd").exists() == bool(fields)
        assert (report.folder / name / "series.csv").exists()


def explains_itself(study: Study) -> None:
    assert study.text.splitlines()[0].endswith("?")
    assert "Expected" in study.text
    explained = inspect.getdoc(study.main)  # Python 3.13 takes the indentation away by itself
    for option in study.options:
        assert f"\n{option.name}\n" in explained, f"{option.name} is not explained"


def study(name: str) -> Study:
    return load(STUDIES / f"{name}.py")


@pytest.mark.parametrize(("a0", "eigenvalue"), [(0.5, -1.05672333209863069), (2.0, -1.35306753003502166)])
def test_relaxation_at_other_noise(a0, eigenvalue):
    results = study("relaxation").main(a0=a0, tol=1e-8, rtol=1e-8)
    assert results["eigenvalue"] == pytest.approx(eigenvalue, rel=1e-12)  # closed form
    # N - N_inf has fallen to 1e-6 N_inf, the error of N is 1e-9: 1e-3 of it
    assert results["rate_density"] == pytest.approx(-eigenvalue, rel=1e-3)


def test_blow_up_times_lie_within_their_error_bars():
    cheap = study("blow_up")
    results = cheap.main(**cheap.cheap)
    for name in ("large_b", "concentrated"):
        exact, _ = cheap.expected[f"time_{name}"]
        assert abs(results[f"time_{name}"] - exact) < results[f"error_{name}"] < 1e-3 * exact


def test_without_coupling_strong_enough_nothing_blows_up_and_figures_are_made_all_the_same(tmp_path):
    report = run(study("blow_up"), {"b": 0.5, "b_concentrated": 0.2, "t_end": 1.0, "tol": 1e-4}, tmp_path / "out")
    assert report.results["time_large_b"] is None
    assert report.results["outcome_concentrated"] == "finished"
    assert (tmp_path / "out" / "figure.png").exists()


def test_bursts_at_stronger_coupling():
    results = study("spontaneous_activity").main(b=8.0, tol=1e-6, rtol=1e-6, t_end=8.0)
    assert results["period"] == pytest.approx(1.090061974, abs=2e-6)  # 1e-6 a step, N_max a little worse
    assert results["N_max"] == pytest.approx(4.4778902, rel=1e-5)
    assert results["N_min"] == pytest.approx(0.1226533038, rel=1e-5)


def test_below_the_hopf_point_activity_dies_out(tmp_path):
    report = run(study("spontaneous_activity"), {"b": 2.0, "tol": 1e-5, "rtol": 1e-6, "t_end": 20.0}, tmp_path / "out")
    assert report.results["period"] is None
    assert report.results["activity"].final.N == pytest.approx(0.094630559109346, rel=1e-5)  # closed form


@pytest.mark.parametrize(("a0", "bound"), [(0.5, 2.105416049446609605), (2.0, 0.674648785964139513)])
def test_entropy_decays_no_slower_than_hardy_and_poincare_allow_at_other_noise(a0, bound):
    results = study("entropy_decay").main(a0=a0, tol=1e-8, rtol=1e-8)
    assert results["bound"] == pytest.approx(a0 * bound, rel=1e-8)
    assert results["above_bound"] == 0.0
    assert max(results["identity_quadratic"], results["identity_entropy"]) < 1e-6


def test_the_identity_of_the_entropy_holds_with_coupling_too():
    results = study("entropy_decay").main(b=-2.0, t_end=2.0, tol=1e-8, rtol=1e-8)
    assert max(results["identity_quadratic"], results["identity_entropy"]) < 1e-6


def test_a_fold_of_two_populations_on_the_closed_curve():
    results = study("excitatory_inhibitory").main(b_EE=1.0, b_IE=0.75, b_EI=0.5, b_II=0.25, tol=1e-7, t_end=0.5)
    assert results["fold_b_EE"] == pytest.approx([2.401621609983], abs=1e-7)  # closed form


OPTIONS = {  # cheaper, or a start that a fixed mesh of so few cells resolves
    "blow_up": {"b_concentrated": 0.2},
    "spectral_gap": {"points": 2, "runs": 2, "b_min": -1.0, "b_max": 1.0, "t_end": 4.0},
    "blow_up_map": {"points": 2, "rows": 2, "d_min": 1.0},
    "blow_up_error_bars": {"cases": 2},
    "after_blow_up": {"t_long": 0.3},
    "particles_to_pde": {"neurons": 320, "networks": 2, "t_long": 1.0},
    "synchronous_event": {"neurons": 640, "networks": 3, "dt": 5e-4, "t_end": 0.03},
    "single_neuron": {"neurons": 20, "intervals": 5},
    "fit_intervals": {"datasets": 2, "count": 100, "profiles": 0},
    "inhibitory_bounds": {"distance": 0.6, "connectivities": (0.0, -1.0)},
}


# densities over (v, w), for which the exponential moment is not followed
PLANES = {
    "learning",
    "representation_round_trip",
    "discrimination",
    "connectivity_from_rule",
    "learning_2d_convergence",
}


LONG = {"delay_hopf", "excitatory_inhibitory", "cusp_refractory", "bifurcation_in_b"}


@pytest.mark.parametrize("name", sorted(LONG))
def test_long_studies_begin_on_a_mesh_of_so_many_cells(name, monkeypatch):
    class Begun(Exception):
        pass

    def discretize(model, mesh=None, **how):
        raise Begun(mesh.nelements)

    monkeypatch.setattr("felif.assembly.discretize", discretize)
    with pytest.raises(Begun, match="24"):
        study(name).main(cells=24)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PLANES | SYSTEMS | LONG])
def test_studies_take_a_mesh_by_its_number_of_cells(name):
    options = {"cells": 24, "t_end": 0.3} | OPTIONS.get(name, {})
    assert study(name).main(**options)["defect"] is not None


@pytest.mark.parametrize("name", ["learning", "representation_round_trip"])
def test_studies_of_learning_take_a_number_of_cells_of_w(name):
    results = study(name).main(cells=6, t_end=0.1, rtol=1e-4)
    runs = [value for value in results.values() if isinstance(value, fl.Run)]
    assert all(run.problem.axis.count == 6 for run in runs)
    assert max(run.drift["mass"] for run in runs) < 1e-13
