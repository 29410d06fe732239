"""What the command line prints: results for people and for programs, errors in one line."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .running import Report
    from .table import Table

SHOWN = 20  # rows of a sweep, and failed points


def relative(path: Path) -> str:
    """A path as seen from the current directory, if it is below it."""
    path = Path(os.path.abspath(path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def print_json(value: Mapping[str, Any]) -> None:
    """Strict JSON: a number that is infinite or undefined is null, a path text."""
    from ..output.series_files import strict_json

    print(json.dumps(strict_json(value), indent=2, allow_nan=False, ensure_ascii=False))


def run_dict(report: Report) -> dict[str, Any]:
    """A run of a study for `--json`; a Run is its outcome."""
    from .running import split

    plain, arrays, runs = split(report.results, report.study.name)
    expected = _expected(report)
    return {
        "study": report.study.name,
        "options": report.options,
        "results": {**plain, **arrays},
        "runs": {name: {"outcome": run.outcome.name, "message": run.outcome.message} for name, run in runs.items()},
        "as_expected": None if expected is None else not expected,
        "deviations": expected or [],
        "folder": relative(report.folder),
        "files": [relative(path) for path in report.files],
        "wall_time": report.wall_time,
    }


def run_text(report: Report) -> str:
    """A run of a study for people: numbers, how the Runs ended, whether it is as expected, where everything is."""
    width = max(map(len, report.results), default=0)
    lines = [f"{report.study.name}: {(report.study.text or '(no docstring)').splitlines()[0]}", ""]
    lines += [f"  {name:{width}}  {_value(value)}" for name, value in report.results.items()]
    expected = _expected(report)
    if expected is not None:
        lines += ["", *(f"Not as expected: {text}" for text in expected)] if expected else ["", "As expected."]
    lines += ["", f"{report.wall_time:.3g} s, written to {relative(report.folder)}"]
    for path in report.files:
        what = "open in ParaView: " if path.suffix == ".pvd" else "picture: "
        lines.append(f"  {what}{relative(path)}")
    return "\n".join(lines)


def sweep_text(table: Table) -> str:
    """A sweep for people: its first rows, what failed and why, where the table is."""
    columns = [name for name in table.names if name != "message"]
    shown = table.part(0, SHOWN)
    rows = [[_cell(row[name], 3 if name == "wall_time" else 10) for name in columns] for row in shown]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = ["  ".join(map(str.rjust, line, widths)) for line in [columns, *rows]]
    if len(table) > SHOWN:
        lines.append(f"... {len(table) - SHOWN} more")
    bad = (table["status"] != "ok").nonzero()[0].tolist()
    worst = [row for k in bad[:SHOWN] for row in table.part(k, k + 1)]
    lines += ["", *(f"point {row['index']} {row['status']}: {row['message']}" for row in worst)]
    if len(bad) > SHOWN:
        lines.append(f"... {len(bad) - SHOWN} more; all messages are in the table")
    counts = ", ".join(f"{count} {status}" for status, count in table.counts.items() if count or status == "ok")
    return "\n".join([*lines, f"{counts}; table: {relative(table.folder / 'sweep.csv')}"])


def one_line(error: BaseException) -> str:
    """What went wrong: the message where it was written for users, else with the kind of error and its place."""
    text = str(error)
    known = isinstance(error, ValueError | OSError) or type(error).__module__.split(".")[0] in ("felif", "cyclopts")
    if not known:
        frames = traceback.extract_tb(error.__traceback__)
        place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
        text = " ".join([f"{type(error).__name__}: {text}{place}", *getattr(error, "__notes__", ())])
    if type(error).__name__ == "UnknownOptionError" and "Did you mean" not in text:
        text += " --help shows the options."
    return " ".join(text.split())


def _expected(report: Report) -> list[str] | None:
    """Deviations from EXPECTED; None if it says nothing about these options."""
    study = report.study
    if not study.expected or report.options not in (study.defaults, {**study.defaults, **study.cheap}):
        return None
    return study.deviations(report.results)


def _value(value: Any) -> str:
    if hasattr(value, "outcome"):
        return f"{value.outcome} ({value.statistics['steps']} steps, {value.wall_time:.3g} s)"
    if hasattr(value, "shape"):
        shape = " x ".join(map(str, value.shape))
        if value.size and value.dtype.kind in "biuf":
            known = value[value == value]
            missing = f", {value.size - known.size} missing" if known.size < value.size else ""
            if not known.size:
                return f"{shape} numbers, all missing"
            return f"{shape} numbers from {known.min():.6g} to {known.max():.6g}{missing}"
        return f"{shape} entries"
    return _cell(value)


def _cell(value: Any, digits: int = 10) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
