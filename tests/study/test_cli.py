"""The command line: what it prints, its exit codes, its errors of one line, and that it starts quickly."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from felif.given.shipped import shipped
from felif.study.cli import run
from felif.study.study import find

STUDY = '''"""What does b do?

    y' = b y,  y(0) = 1
"""
from __future__ import annotations
from pathlib import Path
from typing import Literal
import math
import felif as fl


def main(cells: int | None = None, t_end: float = 1.0, b: float = 1.0, b_EE: float = 0.0,
         drift: Literal["leaky", "quadratic"] = "leaky", verbose: bool = False) -> dict:
    """Solve it.

    Parameters
    ----------
    b
        Growth rate.
    drift
        Which drift.
    """
    if verbose:
        print("chatter")
    if b == 13:
        raise ValueError("b = 13;\\nallowed is any other number")
    if b == 14:
        {}["x"]
    if b == 15:
        raise fl.NotConverged("no solution for b = 15; lower b")
    return {"y": math.exp(b * t_end) + b_EE, "drift": drift}


CHEAP = {"t_end": 1.0}
EXPECTED = {"y": (math.e, 1e-12)}

if __name__ == "__main__":
    fl.study.run_script(main)
'''

SUMS = '''"""What is the sum?"""
from __future__ import annotations
import felif as fl


def main(terms: tuple[float, ...] = (1.0, 2.0)) -> dict:
    """Add.

    Parameters
    ----------
    terms
        What is added.
    """
    return {"total": sum(terms)}


CHEAP = {"terms": (1.0,)}
EXPECTED = {"total": (3.0, 1e-12)}

if __name__ == "__main__":
    fl.study.run_script(main)
'''


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A current directory with one study in ./studies."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "growth.py").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def felif(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from felif.study.cli import run; sys.exit(run())", *arguments],
        capture_output=True,
        text=True,
    )


def output(capsys, *arguments: str) -> str:
    """stdout of a command that succeeds and has nothing to complain about."""
    assert run(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


# starting -------------------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy_and_is_quick():
    program = (
        "import sys; from felif.study.cli import run; run(['--help']);"
        "sys.exit(', '.join({'numpy', 'scipy', 'skfem', 'matplotlib', 'pyvista', 'meshio'} & set(sys.modules)) or 0)"
    )
    seconds = {"felif": [], "what it needs": []}
    for _ in range(3):
        for name, one in [("felif", program), ("what it needs", "import cyclopts, rich.console, rich.table")]:
            start = time.perf_counter()
            answer = subprocess.run([sys.executable, "-c", one], capture_output=True, text=True)
            seconds[name].append(time.perf_counter() - start)
            assert (answer.returncode, answer.stderr) == (0, "")
    assert min(seconds["felif"]) < 3 * min(seconds["what it needs"])  # 1.5 measured, however busy the machine is


def test_a_script_does_what_felif_run_does(project):
    command = [sys.executable, "studies/growth.py", "--b", "2", "--json"]
    script = subprocess.run(command, capture_output=True, text=True)
    assert script.stderr == ""
    printed = json.loads(script.stdout)
    same = json.loads(felif("run", "growth", "--b", "2", "--json", "--overwrite").stdout)
    assert {**printed, "wall_time": 0} == {**same, "wall_time": 0}
    assert printed["folder"] == os.path.join("results", "growth")


def test_list_says_what_there_is_and_where_it_looked(capsys, project):
    text = output(capsys, "list")
    assert re.search(r"^growth +What does b do\?$", text, re.M)
    assert str(project / "studies") in text
    listed = json.loads(output(capsys, "list", "--json"))
    names = [study["name"] for study in listed["studies"]]
    assert {"growth", "spontaneous_activity"} <= set(names)
    assert names == sorted(names)
    assert [Path(place) for place in listed["looked_in"]] == [project / "studies", shipped("studies")]
    assert "No studies. Looked in" in output(capsys, "list", "nowhere")


def test_a_study_that_comes_with_felif_is_copied_to_be_changed_and_then_is_the_one_meant(capsys, project):
    output(capsys, "copy", "relaxation")
    copy = project / "studies" / "relaxation.py"
    assert copy.read_text() == (shipped("studies") / "relaxation.py").read_text()
    assert find("relaxation") == copy
    copy.write_text("mine")
    assert run(["copy", "relaxation"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert copy.read_text() == "mine"


def test_help_of_a_study_shows_its_own_options(capsys):
    text = output(capsys, "run", "growth", "--help")
    for part in (
        "y' = b y",
        "--b FLOAT",
        "Growth rate. [default: 1.0]",
        "--t-end",
        "--b-EE",
        "leaky, quadratic",
        "--resume",
    ):
        assert part in text
    assert "--executor" in output(capsys, "sweep", "growth", "--help")
    assert "STUDY" in output(capsys, "run", "--help")


# running --------------------------------------------------------------------------------------------------------------


def test_run_prints_numbers_and_where_they_are(capsys, project):
    text = output(capsys, "run", "growth")
    assert "2.718281828" in text
    assert "As expected." in text
    assert f"written to {os.path.join('results', 'growth')}" in text
    assert (project / "results" / "growth" / "results.json").exists()
    assert "xpected" not in output(
        capsys, "run", "growth", "--b", "2", "--overwrite"
    )  # EXPECTED says nothing about b = 2


def test_options_are_written_in_the_manner_of_python_or_of_command_lines(capsys):
    for name in ("--t-end", "--t_end"):
        printed = json.loads(output(capsys, "run", "growth", name, "0", "--b-EE=-3", "--json", "--overwrite"))
        assert printed["results"]["y"] == -2.0
    assert printed["options"]["t_end"] == 0.0
    printed = json.loads(output(capsys, "run", "growth", "--cells", "none", "--json", "--overwrite"))
    assert printed["options"]["cells"] is None


def test_a_study_is_found_by_its_path_and_writes_where_it_is_told(capsys, project, monkeypatch):
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    printed = json.loads(output(capsys, "run", str(project / "studies" / "growth.py"), "--out", "here", "--json"))
    assert printed["folder"] == "here"
    assert (project / "elsewhere" / "here" / "results.json").exists()


def test_json_is_alone_on_stdout_whatever_a_study_prints(capsys):
    assert run(["run", "growth", "--verbose", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["options"]["verbose"] is True
    assert captured.err == "chatter\n"


def test_resume_takes_the_options_of_the_folder(capsys, project):
    output(capsys, "run", "growth", "--b", "2", "--out", "first")
    assert json.loads(output(capsys, "run", "growth", "--resume", "first", "--json"))["options"]["b"] == 2.0


def test_an_interrupt_is_exit_code_130_and_says_how_to_go_on(project):
    (project / "studies" / "long.py").write_text(
        "'''Long?'''\nimport time\ndef main(b: float = 1.0):\n    print('started', flush=True)\n    time.sleep(60)\n"
    )
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also in a background job
    )
    program += "from felif.study.cli import run; sys.exit(run(['run', 'long']))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.count("\n") == 1
    assert f"--resume {os.path.join('results', 'long')}" in errors


def test_convergence_prints_a_table_with_orders(capsys):
    text = output(capsys, "convergence", "growth", "--b", "0.4,0.2,0.1", "--t_end", "2")
    assert text.splitlines()[0].split() == ["b", "y", "error", "order", "seconds"]
    rows = json.loads(output(capsys, "convergence", "growth", "--b", "0.4,0.2,0.1", "--result", "y", "--json"))["rows"]
    assert [row["value"] for row in rows] == [0.4, 0.2, 0.1]
    assert rows[-1]["error"] is None


# errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run grwoth", "Did you mean growth?"),
        ("run nothing", "There are: "),
        ("run nothing.py", "There is no file nothing.py"),
        ("run", "the study comes first"),
        ("run --json growth", "the study comes first"),
        ("rnu growth", 'Did you mean "run"?'),
        ("run growth --bb 2", "Unknown option: --bb."),
        ("run growth --tolerance 2", "--help shows the options"),
        ("run growth --b x", 'Invalid value for --b: unable to convert "x" into float.'),
        ("run growth --b", "requires an argument"),
        ("run growth --cells 2.5", 'Invalid value for --cells: "2.5" is no whole number.'),
        ("run growth --drift cubic", '"leaky", "quadratic"'),
        ("run growth 2", "2"),
        ("run growth --b 13", "b = 13; allowed is any other number"),
        ("run growth --b 14", "KeyError: 'x'"),
        ("run growth --b 15", "felif: no solution for b = 15; lower b\n"),
        ("run growth --resume nowhere", "there is no results.json"),
        ("run growth --out studies", "holds no run of a study"),
        ("convergence growth", "has no CONVERGENCE"),
        ("convergence growth --b 1,2 --t-end 1,2", "Only one option is refined"),
        ("convergence growth --b 1,2 --result z", "no result 'z'"),
        ("sweep growth", "grid is empty"),
        ("sweep growth --b 0:1", "start:stop:count"),
        ("sweep growth --b 0:1:1", "start:stop:count"),
        ("sweep growth --b 1,1", "comes twice"),
        ("sweep growth --cells 1:2:3", "whole number"),
        ("sweep growth --b 0,1 --shard 3/2", "shard = 3/2"),
        ("sweep growth --b 0,1 --shard two", "--shard two"),
        ("sweep growth --b 0,1 --executor 0", "executor = 0; allowed are a number of processes"),
        ("sweep growth --resume nowhere", "there is no sweep.json"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(capsys, command, message):
    assert run(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("felif: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_several_numbers_have_commas_between_them(capsys, project):
    (project / "studies" / "sums.py").write_text(SUMS)
    for told in (["--terms", "1,2.5"], ["--terms=-1,4.5"], ["--terms", "1", "--terms", "2.5"], ["--terms", "3.5"]):
        assert run(["run", "sums", *told, "--overwrite"]) == 0
        assert "3.5" in capsys.readouterr().out
    assert run(["run", "sums", "--terms", "1,x"]) == 2
    assert 'Invalid value for --terms: "1,x" is no list of numbers' in capsys.readouterr().err


def test_an_error_nobody_foresaw_says_where_its_traceback_is(capsys, project):
    assert run(["run", "growth", "--b", "14"]) == 2
    path = os.path.join("results", "growth", "traceback.txt")
    assert path in capsys.readouterr().err
    assert "KeyError" in (project / path).read_text()
