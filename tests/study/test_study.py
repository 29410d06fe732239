"""Studies: finding, loading, running into a folder, going on. With studies of a few lines that need no PDE."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import felif as fl
from felif.study import Study, check, load, of, studies
from felif.study.convergence import convergence
from felif.study.running import read_record, read_results, run

pytestmark = pytest.mark.usefixtures("few_snapshots")
MIDPOINT = '''"""How fast does the midpoint rule converge?

    S = h (f(h/2) + f(3h/2) + ...),   f(x) = cos(b x) on [0, t_end]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl


def main(cells: int | None = None, t_end: float = 1.0, b: float = 1.0, out: Path | None = None) -> dict:
    """Integrate.

    Parameters
    ----------
    cells
        Number of intervals; None: 10.
    b
        Wave number, at least 0.
    """
    if b < 0:
        raise ValueError(f"b = {b}; allowed is b >= 0")
    h = t_end / (cells or 10)
    x = h * (np.arange(cells or 10) + 0.5)
    return {"S": h * np.cos(b * x).sum(), "x": x, "rate": np.inf, "eigenvalue": 1 + 2j, "name": "midpoint"}


CHEAP = {"cells": 20}
EXPECTED = {"S": (0.8414709848078965, 1e-3)}  # sin 1
CONVERGENCE = {
    "option": "cells",
    "values": [4, 8, 16],
    "result": "S",
    "reference": lambda b, t_end, **others: np.sin(b * t_end) / b,
}


def figure(results):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot(results["x"])
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
'''


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return folder / f"{name}.py"


@pytest.fixture
def midpoint(tmp_path) -> Study:
    return load(write(tmp_path / "studies", "midpoint", MIDPOINT))


def test_listing_reads_studies_without_running_them(tmp_path):
    folder = tmp_path / "studies"
    write(folder, "boom", '"""Does it explode?"""\nraise RuntimeError\ndef main(): ...')
    write(folder, "helper", "x = 1")
    write(folder, "broken", "def main(:")
    found = studies(folder)
    assert list(found) == ["boom", "broken"]
    assert found["boom"][1] == "Does it explode?"
    assert "cannot be read" in found["broken"][1]


def test_a_study_is_its_signature_and_its_constants(midpoint):
    assert midpoint.defaults == {"cells": None, "t_end": 1.0, "b": 1.0}  # out is the runner's
    assert midpoint.takes_out
    assert midpoint.text.startswith("How fast")
    assert check(midpoint) == []
    assert "S is expected" in midpoint.deviations({})[0]
    assert "S = 0.5" in midpoint.deviations({"S": 0.5})[0]


def test_an_unknown_study_is_answered_with_the_folder_and_the_close_names(tmp_path, midpoint):
    with pytest.raises(ValueError, match=rf"{tmp_path}.*Did you mean midpoint"):
        load("midpiont", tmp_path / "studies")
    with pytest.raises(ValueError, match="no studies there"):
        load("midpoint", tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="no file"):
        load(tmp_path / "other.py")


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("b", "'b' needs a type and a default"),
        ("b: float", "'b' needs a type and a default"),
        ("**options", "cannot be an option"),
        ("json: bool = False", "'json' belongs to the command line"),
        ("b: Unknown = 1", "Unknown"),
    ],
)
def test_a_main_that_no_command_line_can_be_made_of_is_refused(tmp_path, signature, message):
    path = write(tmp_path, "bad", f"from __future__ import annotations\ndef main({signature}): return {{}}")
    with pytest.raises(ValueError, match=message):
        load(path)


def test_a_file_that_does_not_run_is_an_error_with_its_line(tmp_path):
    with pytest.raises(ValueError, match="bad.py, line 2: ZeroDivisionError"):
        load(write(tmp_path, "bad", "x = 1\nx / 0"))
    with pytest.raises(ValueError, match="bad.py, line 1: SyntaxError"):
        load(write(tmp_path, "bad", "def main(:"))
    with pytest.raises(ValueError, match="has no option 'degre'"):
        load(write(tmp_path, "bad", "def main(degree: int = 6): return {}\nCHEAP = {'degre': 2}"))


def test_results_come_back_from_the_folder_to_the_same_bits(tmp_path, midpoint):
    report = run(midpoint, {"b": 0.1}, tmp_path / "out")
    direct = midpoint.main(b=0.1)
    again = read_results(tmp_path / "out")
    assert again["S"] == report.results["S"] == direct["S"]
    assert np.array_equal(again["x"], direct["x"])
    assert (again["rate"], again["eigenvalue"], again["name"]) == (np.inf, 1 + 2j, "midpoint")
    assert (tmp_path / "out" / "figure.png").stat().st_size > 1000
    text = (tmp_path / "out" / "results.json").read_text()
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert record["status"] == "finished"
    assert record["options"] == {"cells": None, "t_end": 1.0, "b": 0.1}


def test_a_finished_run_is_replaced_on_demand_only_and_a_strange_folder_never(tmp_path, midpoint):
    run(midpoint, {}, tmp_path / "out")
    with pytest.raises(ValueError, match="holds a finished run of midpoint: --resume .* reads it, --overwrite"):
        run(midpoint, {"b": 2.0}, tmp_path / "out")
    run(midpoint, {"b": 2.0}, tmp_path / "out", overwrite=True)
    assert read_record(tmp_path / "out")["options"]["b"] == 2.0
    with pytest.raises(ValueError, match="holds no run of a study"):
        run(midpoint, {}, tmp_path / "studies")
    with pytest.raises(ValueError, match="is a file"):
        run(midpoint, {}, tmp_path / "studies" / "midpoint.py")


def test_going_on_uses_the_stored_options_and_computes_nothing_twice(tmp_path, midpoint):
    first = run(midpoint, {"b": 2.0}, tmp_path / "out")
    (tmp_path / "out" / "figure.png").unlink()
    again = run(midpoint, {}, tmp_path / "out", resume=True)
    assert again.options == first.options
    assert again.wall_time == first.wall_time  # read, not measured again
    assert (tmp_path / "out" / "figure.png").exists()
    with pytest.raises(ValueError, match="b = 2.0, not 3.0"):
        run(midpoint, {"b": 3.0}, tmp_path / "out", resume=True)


INTERRUPTED = '''"""Is it interrupted?"""
from pathlib import Path

def main(steps: int = 3, out: Path | None = None):
    done = 0
    if out is not None and (out / "note").exists():
        done = int((out / "note").read_text())
    for step in range(done, steps):
        if step == 2 and done == 0:
            raise KeyboardInterrupt
        (out / "note").write_text(str(step + 1))
    return {"computed": steps - done}
'''


def test_an_interrupted_run_goes_on_only_when_told_to(tmp_path):
    study = load(write(tmp_path, "interrupted", INTERRUPTED))
    with pytest.raises(KeyboardInterrupt):
        run(study, {"steps": 5}, tmp_path / "out")
    assert read_record(tmp_path / "out")["status"] == "interrupted"
    with pytest.raises(ValueError, match="unfinished run of interrupted: --resume"):
        run(study, {"steps": 5}, tmp_path / "out")
    assert run(study, {}, tmp_path / "out", resume=True).results == {"computed": 3}


def test_a_failure_leaves_its_traceback_in_the_folder(tmp_path, midpoint):
    with pytest.raises(ValueError, match="b >= 0"):
        run(midpoint, {"b": -1.0}, tmp_path / "out")
    assert read_record(tmp_path / "out")["status"] == "failed"
    assert "line" in (tmp_path / "out" / "traceback.txt").read_text()
    run(midpoint, {"b": 1.0}, tmp_path / "out")
    assert not (tmp_path / "out" / "traceback.txt").exists()


@pytest.mark.parametrize("returned", ["{'f': main}", "{'a/b': 1}", "[1]", "{'ragged': [[1], [1, 2]]}"])
def test_results_that_cannot_be_kept_are_refused(tmp_path, returned):
    study = load(write(tmp_path, "bad", f"def main(b: float = 1.0): return {returned}"))
    with pytest.raises(ValueError, match="The study bad returned"):
        run(study, {}, tmp_path / "out")


RELAXATION = '''"""Does a network forget its initial state?"""
from pathlib import Path
import felif as fl

def main(cells: int = 5, degree: int = 4, t_end: float = 0.1, b: float = 0.5, out: Path | None = None):
    network = fl.NoisyLIF(b=b)
    problem = fl.discretize(network, fl.interval(network, v_min=-4.0, cells=cells), space=fl.SpectralElement(degree))
    start = fl.Gaussian(0.0, 0.25)
    written = fl.evolve(problem, start, t_end=t_end, folder=fl.study.folder(out, "written"), resume=True)
    return {"written": written, "saved": fl.evolve(problem, start, t_end=t_end / 2), "N": written.final.N}

SPACETIME = "written"

def figure(results):
    return results["written"].plot()
'''


def test_runs_are_kept_as_run_folders_whether_main_wrote_them_or_not(tmp_path):
    study = load(write(tmp_path, "relaxation", RELAXATION))
    report = run(study, {}, tmp_path / "out")
    for name, t_end in (("written", 0.1), ("saved", 0.05)):
        assert fl.load_run(tmp_path / "out" / name).times[-1] == t_end
    assert report.results["written"].final.N == report.results["N"]
    assert {path.name for path in report.files} == {"figure.png", "spacetime_written.png", "fields.pvd"}
    run(study, {"t_end": 0.2}, tmp_path / "out", overwrite=True)  # not a continuation of what is there
    assert fl.load_run(tmp_path / "out" / "written").times[-1] == 0.2


# convergence tables ---------------------------------------------------------------------------------------------------


def test_the_order_of_the_midpoint_rule_is_two(midpoint):
    table = convergence(midpoint)
    assert [row.value for row in table.rows] == [4, 8, 16]
    assert [row.order for row in table.rows[1:]] == pytest.approx([2.0, 2.0], abs=0.01)  # next term: h^2/10
    assert "exact S" in str(table)


def test_the_exact_value_follows_the_other_options(midpoint):
    assert convergence(midpoint, fixed={"b": 2.0}).rows[-1].order == pytest.approx(2.0, abs=0.01)


def test_without_an_exact_value_the_finest_is_the_reference():
    def main(h: float = 0.1, extra: float = 1.0) -> dict:
        return {"value": np.array([1.0, extra + h**3])}

    table = convergence(main, "h", [0.4, 0.2, 0.1, 0.05])
    assert table.rows[-1].error is None
    assert [row.order for row in table.rows[1:-1]] == pytest.approx([3.0, 3.0], abs=1e-9)  # exact power
    assert "last line" in str(table)


def test_a_table_that_cannot_be_made_says_why(midpoint):
    with pytest.raises(ValueError, match="has no CONVERGENCE"):
        convergence(of(midpoint.main))
    with pytest.raises(ValueError, match="at least two values"):
        convergence(midpoint, "cells", [4])
    with pytest.raises(ValueError, match="no option 'degree'"):
        convergence(midpoint, "degree", [4, 8])
    with pytest.raises(ValueError, match="no result 'T'"):
        convergence(midpoint, result="T")
    with pytest.raises(ValueError, match="different shapes"):
        convergence(midpoint, result="x", reference=np.zeros(3))
    with pytest.raises(ValueError, match="is no number"):
        convergence(midpoint, result="name")
