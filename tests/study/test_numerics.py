"""The options that studies share: one text wherever they are asked for, Runs and checks among the results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import felif as fl
from felif.parallel import packed
from felif.study import load, studies
from felif.study.cli import run as command
from felif.study.numerics import NUMERICAL, TEXTS
from felif.study.running import run

pytestmark = pytest.mark.usefixtures("few_snapshots")
STUDIES = Path(__file__).parents[2] / "studies"
STUDY = '''"""Does it settle?"""

import felif as fl

@fl.study.numerics(cells=None, tol=1e-3, t_end=0.1, rtol=1e-3)
def main(solver, b: float = 0.5, kick: float = 0.0) -> dict:
    """Evolve a Gaussian.

    kick: How much b is larger
        than it is.
    """
    run = solver.evolve("settles", fl.NoisyLIF(b=b + kick), fl.Gaussian(0.0, 0.25))
    return {"N": run.final.N, "cells": run.problem.mesh.nelements, **solver.ends()}
'''


@pytest.fixture
def settling(tmp_path):
    (tmp_path / "settling.py").write_text(STUDY)
    return load(tmp_path / "settling.py")


def explained(main) -> dict[str, str]:
    """Options and their texts, from the docstring that main has."""
    parameters = main.__doc__.partition("----------\n")[2]
    return dict(re.findall(r"^(\w+)\n    (.*)$", parameters, re.MULTILINE))


def test_options_are_those_of_the_study_and_the_shared_ones(settling):
    assert settling.defaults == {"cells": None, "tol": 1e-3, "t_end": 0.1, "rtol": 1e-3, "b": 0.5, "kick": 0.0}
    assert {option.name: option.type for option in settling.options} == {
        **{name: NUMERICAL[name] for name in ("cells", "tol", "t_end", "rtol")},
        "b": float,
        "kick": float,
    }
    assert explained(settling.main)["kick"] == "How much b is larger than it is."


def test_a_text_is_the_same_wherever_an_option_is_not_explained_by_the_study(capsys, monkeypatch):
    """In the docstrings of all studies, and as `felif run` shows it."""
    monkeypatch.setenv("COLUMNS", "200")
    for name in studies(STUDIES):
        study = load(STUDIES / f"{name}.py")
        texts, source = explained(study.main), study.path.read_text()
        assert list(texts) == [option.name for option in study.options]
        for option, text in texts.items():
            assert text == TEXTS.get(option) or f"\n    {option}: " in source, f"{option} of {name}"
    assert command(["run", "blow_up", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for option in ("degree", "tol", "t_end", "rtol", "a0", "a1"):
        assert TEXTS[option] in shown, option


def test_results_are_completed_by_the_runs_and_what_they_say_of_themselves(settling):
    results = settling.main(cells=12)
    run = results["settles"]
    assert (results["cells"], run.times[-1]) == (12, 0.1)
    assert (results["outcome_settles"], results["time_settles"], results["error_settles"]) == ("finished", None, None)
    assert results["mass_drift"] == run.drift["mass"]
    assert results["min_n"] == run.series["min_n"].min()
    assert results["defect"] == run.moment_defect / 1e-3
    assert settling.deviations(results) == []
    assert "mass_drift = 1.0, expected 0.0" in settling.deviations({**results, "mass_drift": 1.0})[0]


def test_runs_are_written_while_they_run_and_read_on_the_way_back(settling, tmp_path):
    report = run(settling, {}, tmp_path / "out")
    assert report.results["settles"].final.N == report.results["N"]
    again = run(settling, {}, tmp_path / "out", resume=True)
    assert again.results["N"] == report.results["N"]
    assert json.loads((tmp_path / "out" / "results.json").read_text())["options"]["kick"] == 0.0


def test_a_main_goes_to_other_processes_by_value(settling, tmp_path):
    (tmp_path / "sent").write_bytes(packed(settling, "The study", [settling.main]))
    program = "import sys; from felif.parallel import unpacked; study = unpacked(open(sys.argv[1], 'rb').read())"
    program += "; print(study.main(b=0.25)['N'])"
    elsewhere = [sys.executable, "-c", program, str(tmp_path / "sent")]
    (tmp_path / "settling.py").unlink()
    answer = subprocess.run(elsewhere, capture_output=True, text=True, cwd=Path(fl.__file__).parents[1])
    assert float(answer.stdout) == pytest.approx(settling.main(b=0.25)["N"], rel=1e-12), answer.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("    kick: How", "    how: How"), "how is explained, but no option"),
        (("kick: float", "push: float"), "kick is explained, but no option"),
        (("    kick: How much b is larger\n        than it is.\n", ""), "kick is not explained"),
        (("rtol=1e-3", "atol=1e-3"), "atol; allowed are mesh, cells, degree, tol, t_end, rtol"),
        (("rtol=1e-3", "rtol=0.0"), "rtol = 0.0; allowed is a finite number > 0"),
    ],
)
def test_an_option_without_a_text_or_a_meaning_is_refused(tmp_path, change, message):
    assert change[0] in STUDY
    (tmp_path / "bad.py").write_text(STUDY.replace(*change))
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "bad.py")
