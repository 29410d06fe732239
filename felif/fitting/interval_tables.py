"""Trains of spikes in tables: the column that is read, the column that tells trains apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import localcontext
from typing import Any

import numpy as np

from .tuning import LIKELIHOOD, PASSAGE

_NAMES_TRAINS = re.compile(
    r"(?:^|[\s_.-])(?:cell|neuron|unit|train|trial|id|gid|sender|channel|electrode|cluster|sweep|subject)s?(?:$|[\s_.-])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Train:
    """Times of spikes, or intervals, of one neuron as they were found."""

    values: np.ndarray  # one row of numbers, or of decimals (objects)
    where: str
    lines: Sequence[int] | None = None  # of a file, one an entry
    has_unit: bool = False  # of its own, which has been converted
    name: str | None = None  # of the column, or variable, that they are from

    def at(self, k: int) -> str:
        return f"{self.where}, line {self.lines[k]}" if self.lines else self.where


def intervals_of(train: Train, kind: str, factor: float, padding: bool, alone: bool) -> np.ndarray:
    """Checked intervals of a train, times `factor`. One that is not `alone` may be too short to hold any."""
    values = train.values
    floats = values.astype(float)
    if values.ndim == 1 and padding:
        kept = np.flatnonzero(~np.isnan(floats))
        size = int(kept[-1]) + 1 if kept.size else 0
        values, floats = values[:size], floats[:size]
    if values.ndim != 1 or (alone and values.size == 0):
        raise ValueError(f"{train.where}: shape {values.shape}; allowed is a row of at least one number")
    bad = np.flatnonzero(~np.isfinite(floats))
    if bad.size:
        raise ValueError(f"{train.at(bad[0])}: entry {bad[0]} is {values[bad[0]]!s}; allowed are finite numbers")
    if kind == "times":
        if values.size < 2:
            if alone:
                raise ValueError(f"{train.where}: one spike; allowed are times of at least two")
            return np.empty(0)
        bad = np.flatnonzero(~(values[1:] > values[:-1]).astype(bool))
        if bad.size:
            k = int(bad[0]) + 1
            raise ValueError(
                f"{train.at(k)}: spike {k} is not after spike {k - 1} ({values[k - 1]!s}, then {values[k]!s}); allowed "
                "are increasing times of one neuron (train= tells neurons apart)"
            )
        floats = _differences(values)
        if values.dtype.kind == "f":
            resolution = float(np.spacing(np.abs(values).max()))
            if resolution > LIKELIHOOD.resolution * floats.mean():
                raise ValueError(
                    f"{train.where}: {values.dtype} tells times that are {resolution:.2g} apart, the mean interval is "
                    f"{floats.mean():.2g}; allowed are times since a later start, or with more digits"
                )
    with np.errstate(over="ignore", under="ignore"):
        intervals = floats * factor
    bad = np.flatnonzero(~((intervals > 0) & (intervals <= PASSAGE.longest)))
    if bad.size:
        shown, most = floats[bad[0]] if floats[bad[0]] <= 0 else intervals[bad[0]], f", at most {PASSAGE.longest:g}"
        words = f"allowed are positive numbers{most if shown > 0 else ''}"
        raise ValueError(f"{train.at(bad[0])}: entry {bad[0]} is {float(shown)}; {words}")
    return intervals


def _differences(times: np.ndarray) -> np.ndarray:
    """Of increasing times, without rounding of decimals and whole numbers."""
    if times.dtype.kind in "iu":
        whole = times.astype(np.uint64)  # modulo 2^64, as the differences, which are positive
        return (whole[1:] - whole[:-1]).astype(float)
    if times.dtype.kind == "O":
        with localcontext() as context:
            context.prec = 60
            return (times[1:] - times[:-1]).astype(float)
    if times.dtype.itemsize < 8:
        times = times.astype(float)
    return np.diff(times).astype(float)


def place(names: Sequence[Any], count: int, column: Any, what: str, where: str) -> int:
    """Number of the column that is asked for by number or name."""
    if isinstance(column, str):
        found = [j for j, name in enumerate(names) if isinstance(name, str) and name == column]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{where}: {what} = {column!r}; columns {found} have that name: give the number of one")
        raise ValueError(f"{where}: {what} = {column!r}; there are {list(names) or 'no names in the first line'}")
    if not -count <= column < count:
        raise ValueError(
            f"{where} has no number in column {column}: {what} = {column}, there are columns 0 to {count - 1}"
        )
    j = int(column) % count
    if any(not isinstance(name, str) and name == column for name in names) and names[j] != column:
        raise ValueError(f"{where}: {what} = {column!r} is the name of another column; give a table with other names")
    return j


def split(
    names: Sequence[Any], columns: Sequence[Any], column: Any, train: Any, where: str, or_else: str
) -> tuple[int, dict[Any, np.ndarray] | None]:
    """The column to read, and the lines of every train (None: they are all of one).

    Raises ValueError where several columns could be meant, or where another column looks as if it told trains apart.
    """
    count = len(columns)
    there = [str(name) for name in names] or f"numbers 0 to {count - 1}"
    if column is None and count > 1:
        raise ValueError(f"{where}: {count} columns ({there}); give column=, or {or_else}")
    j = place(names, count, 0 if column is None else column, "column", where)
    if train is not None and train is not False:
        i = place(names, count, train, "train", where)
        if i == j:
            raise ValueError(f"{where}: train = {train!r} is the column that is read; allowed is another one")
        return j, _groups(columns[i], f"{where}: train = {train!r}")
    if train is None:
        for i, cells in enumerate(columns):
            if i != j and _tells_apart(str(names[i]) if names else "", cells):
                name = names[i] if names else i
                raise ValueError(
                    f"{where}: column {name!r} may tell neurons or trials apart; give train={name!r}, or "
                    "train=False if all lines are of one train"
                )
    return j, None


def _groups(labels: Any, where: str) -> dict[Any, np.ndarray]:
    """Lines of every label, in the order in which labels come first."""
    lines: dict[Any, list[int]] = {}
    for k, label in enumerate(labels):
        if label is None or label != label or label == "":
            raise ValueError(f"{where}: entry {k} is {label!r}; allowed is the name of a train in every line")
        lines.setdefault(label, []).append(k)
    same: dict[float, Any] = {}
    for label in lines:
        try:
            number = float(label)
        except (TypeError, ValueError):
            continue
        if number in same:
            raise ValueError(f"{where}: {same[number]!r} and {label!r} may be one train or two; write it in one way")
        same[number] = label
    return {label: np.array(found) for label, found in lines.items()}


def _tells_apart(name: str, cells: Any) -> bool:
    """Whether a column looks like names of neurons: few, or whole numbers or words, that come again."""
    try:
        different = set(cells)
    except TypeError:
        return False
    if len(different) < 2:
        return False
    if _NAMES_TRAINS.search(name) or 2 * len(different) <= len(cells):
        return True
    return len(different) < len(cells) and not any(_is_fraction(cell) for cell in different)


def _is_fraction(cell: Any) -> bool:
    try:
        return float(cell) % 1 != 0
    except (TypeError, ValueError):
        return False
