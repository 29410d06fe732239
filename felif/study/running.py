"""Run a study into a folder, and read the folder again.

results.json     study, options, status (running, finished, failed, interrupted), results, Runs, wall time, versions
results.npz      the arrays among the results, and numbers that JSON does not know (inf, nan, complex)
NAME/            one run folder for every Run among the results
figure.png       what the study's `figure` makes of the results read back; spacetime_NAME.png where it asks for it
traceback.txt    where the study failed, if it did

felif-manifest.txt lists them (`felif.output.manifest`): nothing else in the folder is ever replaced or deleted.
"""

from __future__ import annotations

import json
import math
import re
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..output.manifest import Room
    from .study import Study

__all__ = ["Report", "read_record", "read_results", "run", "split"]


@dataclass(frozen=True)
class Report:
    """What `run` did: the results of main and the folder they are in."""

    study: Study
    options: dict[str, Any]
    results: dict[str, Any]
    folder: Path | None
    wall_time: float  # seconds
    files: tuple[Path, ...] = ()  # pictures, and what ParaView opens


def run(
    study: Study,
    options: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    draw: bool = True,
) -> Report:
    """Run a study and write its results into the folder `out` (None: nothing is written).

    `resume` goes on in a folder that a killed or interrupted run has left: Runs that main writes while it runs are
    continued, and the results of a finished run are only read (and drawn again). A folder with a run is replaced only
    if `overwrite`, or if the run failed and left no Run. Nothing but what felif wrote there is ever deleted.

    Raises ValueError for unknown options, for a folder that holds anything else, to resume with other options or a
    finished run of a main that has changed since, and whatever main raises.
    """
    complete = study.complete(options or {})
    record = None
    if out is not None and resume:
        record = read_record(out)
        complete = _continued(study, record, options or {}, Path(out))
    if out is None:
        start = time.perf_counter()
        results = _call(study, complete, None)
        return Report(study, complete, results, None, time.perf_counter() - start)
    out = Path(out)
    if record is None or record["status"] != "finished":
        record, computed = _compute(study, complete, out, resume, overwrite)  # keeps functions that models hold
    results = read_results(out)
    from ..output.manifest import Room

    room = Room(out, "study")
    with _noted(room):
        pictures = _draw(study, results, room) if draw else []
    series = [path for name in record["runs"] for path in sorted((out / name).glob("*.pvd"))]
    return Report(study, complete, results, out, record["wall_time"], (*pictures, *series))


def read_record(out: str | Path) -> dict[str, Any]:
    """results.json of a folder. Raises ValueError if it is missing or was not written by a study."""
    from ..output.reading import read_json

    if not (Path(out) / "results.json").exists():
        raise ValueError(f"{out} holds no run of a study: there is no results.json.")
    record = read_json(out, "results.json")
    if not {"study", "options", "status", "results", "runs", "wall_time"} <= set(record):
        raise ValueError(f"{Path(out) / 'results.json'} was not written by `felif run`.")
    return record


def read_results(out: str | Path) -> dict[str, Any]:
    """The results of a study from its folder: numbers and text, arrays, and Runs through `felif.load_run`.

    Raises ValueError unless the run is finished.
    """
    from ..output.manifest import Room
    from ..output.series_files import read_npz

    out, record = Path(out), read_record(out)
    if record["status"] != "finished":
        raise ValueError(f"{out}: the run is not finished ({record['status']}).")
    whole = Room(out, "study").whole("results.npz")
    arrays = {name: value if value.ndim else value.item() for name, value in read_npz(whole).items()}
    runs = {}
    if record["runs"]:
        from ..runs.resuming import load_run

        runs = {name: load_run(out / name) for name in record["runs"]}
    return {**record["results"], **arrays, **runs}


def split(results: Mapping[str, Any], study: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Results sorted into (numbers and text, arrays, Runs). Raises ValueError for names and values that are none."""
    import numpy as np

    if not isinstance(results, Mapping):
        raise ValueError(f"The study {study} returned {type(results).__name__}; main returns {{name: result}}.")
    plain, arrays, runs = {}, {}, {}
    for name, value in results.items():
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(f"The study {study} returned a result named {name!r}; use letters, digits and _ - .")
        if hasattr(value, "save") and hasattr(value, "outcome"):
            runs[name] = value
            continue
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            plain[name] = value
            continue
        try:
            array = np.asarray(value)
        except ValueError:  # a ragged list
            array = np.array(None)
        if array.dtype.kind not in "biufcU":
            raise ValueError(
                f"The study {study} returned {name} = {type(value).__name__}; "
                "results are numbers, text, arrays or Runs."
            )
        arrays[name] = array
    return plain, arrays, runs


def _call(study: Study, options: Mapping[str, Any], out: Path | None) -> dict[str, Any]:
    results = study.main(**options, **({"out": out} if study.takes_out else {}))
    split(results, study.name)
    return dict(results)


def _compute(study: Study, options: dict[str, Any], out: Path, resume: bool, overwrite: bool) -> tuple:
    from ..given.identity import told
    from ..output.provenance import provenance

    record = {"study": study.name, "file": str(study.path), "status": "running", "options": _jsonable(study, options)}
    record |= {"results": {}, "runs": {}, "wall_time": None, "main": told(study.main), **provenance()}
    room = _make_room(study, out, resume, overwrite)
    room.json("results.json", record)
    start = time.perf_counter()
    try:
        with _noted(room):
            results = study.main(**options, **({"out": out} if study.takes_out else {}))
            plain, arrays, runs = split(results, study.name)
            for name, value in plain.items():
                if isinstance(value, float) and not math.isfinite(value):
                    arrays[name] = value
            room.npz("results.npz", arrays)
            for name, value in runs.items():
                written = getattr(value, "folder", None)
                if written is None or Path(written).resolve() != (out / name).resolve():  # else main wrote it
                    value.save(room.at(f"{name}/"))
            summary = {
                name: {"outcome": value.outcome.name, "message": value.outcome.message} for name, value in runs.items()
            }
            record |= {"status": "finished", "results": plain, "runs": summary}
    except KeyboardInterrupt:
        record["status"] = "interrupted"
        raise
    except BaseException as error:
        record |= {"status": "failed", "message": f"{type(error).__name__}: {error}"}
        raise
    finally:
        record["wall_time"] = time.perf_counter() - start
        room.json("results.json", record)
    return read_record(out), results


def _continued(study: Study, record: Mapping[str, Any], options: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Options of the run in a folder; those given as well must be the same."""
    from ..given.identity import told

    if record["study"] != study.name:
        raise ValueError(f"{out} holds a run of the study {record['study']}, not of {study.name}.")
    stored = study.complete(record["options"])
    for name, value in _jsonable(study, options).items():
        if value != stored[name]:
            raise ValueError(f"{out} holds a run with {name} = {stored[name]}, not {value}: leave the option out.")
    if record["status"] == "finished" and (was := record.get("main")) != (now := told(study.main)):
        raise ValueError(
            f"{out} holds the results of another main of {study.name}: {was}, now {now}. "
            f"Give another folder (--out), or --overwrite to replace them."
        )
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}


def _make_room(study: Study, out: Path, resume: bool, overwrite: bool) -> Room:
    """A folder that holds nothing of an earlier run, except the Runs to go on with."""
    from ..output.manifest import find_room

    names = ["results.json", "results.npz", "traceback.txt"] + ["figure.png"] * (study.figure is not None)
    names += [f"spacetime_{name}.png" for name in study.spacetime]
    room = find_room(out, "study", True, names)
    if not room.names:
        return room
    folders = [name for name in room.names if name.endswith("/")]
    if resume:
        room.clear([name for name in room.names if name != "results.json" and name not in folders])
        return room
    status = read_record(out)["status"] if "results.json" in room.names else "interrupted"
    if not overwrite and (status != "failed" or folders):
        unfinished = status in ("running", "interrupted")
        what = f"{'an unfinished' if unfinished else 'a ' + status} run of {study.name}"
        raise ValueError(
            f"{out} holds {what}: --resume {out} {'goes on with it' if status != 'finished' else 'reads it'}, "
            "--overwrite replaces it, --out gives another folder."
        )
    room.clear()
    return room


class _noted:
    """Leave the traceback of an exception in the folder, and a note of where it is on the exception."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def __enter__(self) -> None:
        self.room.clear(["traceback.txt"])

    def __exit__(self, kind: type | None, error: BaseException | None, _: Any) -> None:
        if isinstance(error, Exception):
            path = self.room.text("traceback.txt", "".join(traceback.format_exception(error)), durable=False)
            error.add_note(f"Traceback: {path}")


def _draw(study: Study, results: Mapping[str, Any], room: Room) -> list[Path]:
    if study.figure is None and not study.spacetime:
        return []
    import matplotlib

    matplotlib.use("Agg")  # files only: works without a screen
    import matplotlib.pyplot as plt

    from ..output.style import save_figure

    written = []
    if study.figure is not None:
        figure = study.figure(dict(results))
        if not hasattr(figure, "savefig"):
            raise ValueError(
                f"figure of the study {study.name} returned {type(figure).__name__}, not a matplotlib Figure."
            )
        written.append(room.file("figure.png", partial(save_figure, figure), durable=False))
        plt.close(figure)
    for name in study.spacetime:
        if name not in results or not hasattr(results[name], "plot_spacetime"):
            raise ValueError(f"SPACETIME of the study {study.name} names {name!r}, which is no Run among its results.")
        written.append(room.file(f"spacetime_{name}.png", results[name].plot_spacetime, durable=False))
    return written


def _jsonable(study: Study, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as results.json holds them. Raises ValueError where it cannot hold them."""
    try:
        return json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The options of the study {study.name} are kept in results.json: numbers, text and lists. {error}"
        ) from None
