"""The side of a sweep that runs in worker processes."""

from __future__ import annotations

import errno
import io
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..parallel.travel import unpacked

Point = tuple[int, dict[str, Any]]  # index, options
Chunk = dict[str, Any]  # index, status, message, wall_time, files: one entry a point; results: {name: entries}


def run_points(study: bytes, points: Sequence[Point], folder: tuple[str, int] | None) -> Chunk:
    """Run points of a sweep.

    study   a `Study`, packed
    folder  of the sweep, in which each point gets one of its own, and the time of its sweep.json, by which it is known;
            None for none. Where it cannot be reached from here the folders of points go back as archives

    Where a disk is full they end there: `full` says so.
    """
    loaded, _ = unpacked(study)
    chunk: Chunk = {"index": [], "status": [], "message": [], "wall_time": [], "results": {}, "files": {}}
    for index, options in points:
        start = time.perf_counter()
        try:
            if folder is None:
                numbers = _numbers(_run(loaded, options, None), loaded.name)
            elif _is_here(*folder):
                numbers = _numbers(_run(loaded, options, _folder_of_point(folder[0], index)), loaded.name)
            else:
                with tempfile.TemporaryDirectory() as scratch:
                    out = Path(scratch) / f"{index:06d}"
                    try:
                        numbers = _numbers(_run(loaded, options, out), loaded.name)
                    finally:
                        chunk["files"][index] = _archived(out)
            status, message = "ok", ""
        except (Exception, SystemExit) as error:
            if _is_full(error):
                chunk["full"] = error.strerror or str(error)
                break
            numbers, status, message = {}, "failed", _said(error)
        _append(
            chunk, [index], [status], [message], [time.perf_counter() - start], {n: [v] for n, v in numbers.items()}
        )
    return chunk


def run_many(study: bytes, points: Sequence[Point], folder: None) -> Chunk:
    """Compute points of a sweep by `many` of the study; where it raises, halves of them, until one point is named."""
    loaded, rows = unpacked(study)
    chunk: Chunk = {"index": [], "status": [], "message": [], "wall_time": [], "results": {}, "files": {}}
    waiting = [list(points)]
    while waiting:
        part = waiting.pop()
        start, count = time.perf_counter(), len(part)
        status, message, results = "ok", "", {}
        try:
            results = _columns(loaded.many(**_given_rows(loaded, part, rows)), loaded.name, count)
        except (Exception, SystemExit) as error:
            if _is_full(error):
                chunk["full"] = error.strerror or str(error)
                break
            if count > 1:
                waiting += [part[count // 2 :], part[: count // 2]]
                continue
            status, message = "failed", _said(error)
        spent = (time.perf_counter() - start) / count
        _append(chunk, [index for index, _ in part], [status] * count, [message] * count, [spent] * count, results)
    return chunk


def extract(archive: bytes, folder: Path) -> None:
    """The folder of a point that came back as an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(folder)


def _append(chunk: Chunk, index: list, status: list, message: list, wall_time: list, results: dict[str, list]) -> None:
    before = len(chunk["index"])
    for name, values in (("index", index), ("status", status), ("message", message), ("wall_time", wall_time)):
        chunk[name] += values
    for name in {**chunk["results"], **results}:
        column = chunk["results"].setdefault(name, [None] * before)
        column += results.get(name) or [None] * len(index)


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _is_full(error: BaseException) -> bool:
    """Whether there is no room on a disk: that is not the fault of a point, which is left to the next call."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _run(study: Any, options: Mapping[str, Any], out: Path | None) -> dict[str, Any]:
    from .running import run

    resume = out is not None and (out / "results.json").exists()
    return run(study, options, out, resume=resume, draw=False).results


def _is_here(folder: str, written: int) -> bool:
    """Whether a folder of that name here is the one of the sweep: its sweep.json was written at that time."""
    try:
        return (Path(folder) / "sweep.json").stat().st_mtime_ns == written
    except OSError:
        return False


def _folder_of_point(folder: str, index: int) -> Path:
    return _room(folder).at(f"points/{index:06d}/")


@lru_cache(maxsize=1)
def _room(folder: str) -> Any:
    """The room of a sweep, whose list is as long as the sweep: read once by each worker."""
    from ..output.manifest import Room

    return Room(folder, "sweep")


def _archived(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file.getvalue()


def _numbers(results: Mapping[str, Any], study: str) -> dict[str, Any]:
    """What a table can hold: numbers and text; of a Run its outcome, and the time of its blow-up."""
    from .running import split

    plain, _, runs = split(results, study)
    for name, value in runs.items():
        plain[f"{name}.outcome"] = value.outcome.name
        if getattr(value, "blow_up", None) is not None:
            plain[f"{name}.blow_up_time"] = float(value.blow_up.time)
    return plain


def _given_rows(study: Any, points: Sequence[Point], rows: Sequence[str]) -> dict[str, Any]:
    """What `many` is called with: rows of values, and the one value of all other options that it takes."""
    import inspect

    import numpy as np

    complete = [study.complete(options) for _, options in points]
    taken = inspect.signature(study.many).parameters
    return {name: np.array([o[name] for o in complete]) if name in rows else complete[0][name] for name in taken}


def _columns(results: Any, study: str, count: int) -> dict[str, list[Any]]:
    """Results of `many` as lists. Raises ValueError for what is not one number or text a point."""
    import numpy as np

    if not isinstance(results, Mapping):
        raise ValueError(f"many of the study {study} returned {type(results).__name__}; it returns {{name: array}}.")
    columns = {}
    for name, values in results.items():
        array = np.asarray(values)
        if array.shape != (count,) or not all(
            value is None or isinstance(value, bool | int | float | str) for value in array.tolist()
        ):
            raise ValueError(
                f"many of the study {study} returned {name} of shape {array.shape} and type {array.dtype} for {count} "
                "points; allowed is one number or text a point."
            )
        columns[name] = array.tolist()
    return columns
