"""Interspike intervals from arrays and text files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np

KINDS = ("intervals", "times")


def read_intervals(
    path: str | Path, *, kind: Literal["intervals", "times"] = "intervals", column: int | str = 0, unit: float = 1.0
) -> np.ndarray:
    """Interspike intervals from a text or CSV file, one number a line.

    kind     "intervals", or "times" of spikes, whose differences are taken
    column   number or name (in the first line) of the column to read, where lines hold several
    unit     of the numbers, in the time unit wanted (0.001: milliseconds become seconds)

    Columns end at commas, semicolons, tabs or spaces; lines that begin with # are comments; the first line may hold
    names. Raises ValueError naming file and line for anything that is not a number, for a file without intervals,
    and for intervals that are not positive; OSError for a file that cannot be opened.
    """
    path = Path(path)
    if isinstance(unit, bool) or not isinstance(unit, int | float | np.number) or not 0 < unit < np.inf:
        raise ValueError(f"unit = {unit!r}; allowed is a positive number")
    if isinstance(column, bool) or not isinstance(column, int | np.integer | str):
        raise ValueError(f"column = {column!r}; allowed is the number or the name of a column")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark before the first number
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: {error}") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    names: list[str] = []
    if lines and not any(_number(cell) is not None for cell in _cells(lines[0][1])):
        names = _cells(lines.pop(0)[1])
    if isinstance(column, str):
        if column not in names:
            raise ValueError(f"{path}: column = {column!r}; there are {names or 'no names in the first line'}")
        column = names.index(column)
    values = []
    for number, line in lines:
        cells = _cells(line)
        value = _number(cells[column]) if -len(cells) <= column < len(cells) else None
        if value is None:
            raise ValueError(f"{path}, line {number}: {line!r} has no number in column {column}")
        values.append(value * unit)
    if not values:
        raise ValueError(f"{path} is empty: it holds no {kind}")
    return as_intervals(values, kind, str(path))


def as_intervals(data: Any, kind: str = "intervals", where: str = "intervals") -> np.ndarray:
    """Checked intervals, an array, from intervals or times of spikes.

    A list of arrays holds separate recordings: no interval is taken between two of them. Raises ValueError for an empty
    array, for values that are not finite, intervals that are not positive, times that do not increase.
    """
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}; allowed are {KINDS}")
    if isinstance(data, list | tuple) and any(np.ndim(part) for part in data):
        parts = [as_intervals(part, kind, f"{where}[{k}]") for k, part in enumerate(data)]
        return np.concatenate(parts)
    try:
        values = np.asarray(list(data) if isinstance(data, Iterable) and not hasattr(data, "dtype") else data, float)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {type(data).__name__}; allowed is an array of numbers") from None
    if np.asarray(data).dtype == bool:
        raise ValueError(f"{where}: truth values; allowed is an array of numbers")
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{where}: shape {values.shape}; allowed is a row of at least one number")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{where}: entry {bad[0]} is {values[bad[0]]}; allowed are finite numbers")
    if kind == "times":
        if values.size < 2:
            raise ValueError(f"{where}: one spike; allowed are times of at least two")
        values = np.diff(values)
        bad = np.flatnonzero(values <= 0)
        if bad.size:
            raise ValueError(f"{where}: spike {bad[0] + 1} is not after spike {bad[0]}; allowed are increasing times")
    bad = np.flatnonzero(values <= 0)
    if bad.size:
        raise ValueError(f"{where}: entry {bad[0]} is {values[bad[0]]}; allowed are positive numbers")
    return values


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in re.split(r"\s*[,;\t]\s*|\s+", line)]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
