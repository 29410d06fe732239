"""Files that are never seen half written: every one appears under its name only when complete."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


def temporary_name(path: Path) -> Path:
    """Where `path` is written before it is moved into place: hidden, in the same folder, reused after a kill."""
    return path.with_name(f".{path.name}.felif-tmp")


def atomic(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """`write(file)` to a temporary file, then move it to `path`: a kill leaves the old file or the new one."""
    with open(temporary_name(path), "wb") as file:
        write(file)
    os.replace(temporary_name(path), path)


def write_text(path: Path, text: str) -> None:
    atomic(path, lambda file: file.write(text.encode()))


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Arrays as `numpy.savez` writes them: the same arrays give the same bytes. Objects are refused (ValueError)."""
    plain = {name: np.asarray(value) for name, value in arrays.items()}
    for name, value in plain.items():
        if value.dtype.hasobject:
            raise ValueError(
                f"{path.name}: {name!r} is no plain array (dtype {value.dtype}); give numbers, text or bytes."
            )
    atomic(path, lambda file: np.savez(file, **plain))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file. Raises ValueError naming the file if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ValueError(f"{path.parent}: {path.name} is missing.") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.parent}: {path.name} cannot be read ({error}).") from None


def csv_line(values: Iterable[Any]) -> str:
    """Numbers in the shortest form that reads back to the same bits; infinity is `inf`, undefined is `nan`."""
    return ",".join([repr(float(value)) for value in values]) + "\n"


def write_series(path: Path, series: Mapping[str, np.ndarray]) -> None:
    """A whole series.csv at once, byte for byte as a run writes it step by step."""
    write_text(path, series_text(series))


def series_text(series: Mapping[str, np.ndarray]) -> str:
    rows = zip(*(np.asarray(column, float).tolist() for column in series.values()), strict=True)
    return ",".join(series) + "\n" + "".join(csv_line(row) for row in rows)


def read_series(path: Path) -> dict[str, np.ndarray]:
    """Columns of a series.csv, exactly as written. A last line without its end, cut off by a kill, is left out."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    header, *lines = text[: text.rfind("\n") + 1].splitlines() or [""]
    names = header.split(",") if header else []
    rows = []
    for number, line in enumerate(lines, start=2):
        try:
            row = [float(entry) for entry in line.split(",")]
        except ValueError:
            row = []
        if len(row) != len(names):
            raise ValueError(
                f"{path.parent}: {path.name} is damaged: line {number} is not {len(names)} numbers: {line[:80]!r}."
            )
        rows.append(row)
    columns = np.array(rows).reshape(len(rows), len(names)).T
    return {name: column.copy() for name, column in zip(names, columns, strict=True)}


def strict_json(value: Any) -> Any:
    """The same value made of what every JSON reader knows: numbers (infinite or undefined: null), text, lists, objects.

    Anything else becomes its `str`: run.json is for reading, not for building objects from.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict_json(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return strict_json(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [strict_json(entry) for entry in value]
    return str(value)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(strict_json(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")
