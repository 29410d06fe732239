"""Interspike intervals from arrays, objects with units and files. What could be read in two ways is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..given.arguments import FILE, FLAG, checked, is_finite, required, shown
from .interval_binary import read_binary
from .interval_names import factor_of, kind_of, unit_said
from .interval_tables import Train, intervals_of, split
from .interval_text import read_text
from .interval_units import (
    TIME_UNITS,
    UNIT_NAMES,
    entries_of,
    is_row,
    numbers_of,
    own_unit,
    refuse_masked,
    scalars_of,
)

KINDS = ("intervals", "times")
LAYOUTS = (None, "rows", "columns")


@checked(padding=FLAG)
def read_intervals(
    path: Any,
    *,
    kind: Literal["intervals", "times"] | None = None,
    column: int | str | None = None,
    unit: float | str | None = None,
    train: int | str | bool | None = None,
    layout: Literal["rows", "columns"] | None = None,
    padding: bool = False,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> np.ndarray:
    r"""Interspike intervals from a file, or from several.

    Text: cells may be quoted; lines that begin with # are comments; the first line holds names if none of its cells is
    a number. One separator (comma, semicolon, tab, bar, blanks) serves the whole file, with the same number of cells
    in every line. A comma within a number needs decimal=","; thousands separators are not read.
    Arrays: .npy, .npz, and .mat up to version 7 (vectors, matrices with `layout`, cell arrays: one train a cell).

    Parameters
    ----------
    path : path or list of paths
        Several files are separate trains.
    kind : {"intervals", "times"}
        "times" of spikes, whose differences are taken (in decimals, as they are written); by default intervals, and
        refused where the name of the column says times ("spike_times", "t (s)").
    column : int or str
        Number (from 0) or name of the column to read, where there are several; in .mat and .npz files the name of the
        variable.
    unit : float or str
        Of the numbers, in the time unit wanted (0.001: milliseconds become seconds); where the column's name says a
        unit ("isi_ms", "t [us]") the one wanted, "s", "ms", ..., which must be given unless it says s.
    train : int, str or False
        The column that names the neuron, trial, ... of every line: no interval is taken between two of them; False
        where other columns look as if they did, and do not.
    layout : {"rows", "columns"}
        Every line (row of an array), or every column, is a train.
    padding : bool
        Blank cells and NaN at the end of a train are no spikes.
    delimiter, decimal, encoding : str
        Of text, where the file itself does not tell; " " stands for any number of blanks.

    Returns
    -------
    array
        Intervals in the unit wanted.

    Raises
    ------
    ValueError
        Naming file and line for anything that is not a number, for whatever may be read in two ways, for a file without
        intervals, intervals that are not positive, times that do not increase.
    OSError
        For a file that cannot be opened.

    Examples
    --------
    >>> import felif as fl
    >>> with open("spikes.csv", "w") as file:
    ...     _ = file.write("t_ms\n10\n25\n45\n")
    >>> fl.read_intervals("spikes.csv", kind="times", unit="s").tolist()
    [0.015, 0.02]
    """
    _check_unit(unit)
    column, train = _check(kind, column, train, layout, padding)
    for name, value in (("delimiter", delimiter), ("decimal", decimal), ("encoding", encoding)):
        allowed = {"delimiter": "a single character", "decimal": "'.' or ','", "encoding": "the name of one"}[name]
        good = isinstance(value, str) and (name == "encoding" or len(value) == 1)
        if value is not None and (not good or (name == "decimal" and value not in ".,") or value in ("\n", "\r", '"')):
            raise ValueError(f"{name} = {value!r}; allowed is {allowed}")
    text = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding}
    paths = list(path) if isinstance(path, list | tuple) else [path]
    trains: list[Train] = []
    for one in paths:
        if not isinstance(one, str | Path):
            raise ValueError(f"path = {one!r}; allowed is the path of a file, or a list of them")
        file = Path(required("read_intervals", "path", one, FILE))
        if file.is_dir():
            raise ValueError(f"path = {str(file)!r} is a folder; allowed is the path of a file, or a list of them")
        if file.suffix.lower() not in (".npy", ".npz", ".mat"):
            choice = {"column": column, "train": train, "layout": layout, "padding": padding}
            trains += read_text(file, kind == "times", **choice, **text)
            continue
        if given := [name for name, value in text.items() if value is not None]:
            raise ValueError(f"{file} is no text; allowed without {', '.join(given)}")
        data, left, name = read_binary(file, column)
        found = _trains(data, kind or "intervals", str(file), None, left, train, layout)
        trains += [replace(one, name=one.name or name) for one in found]
    if not trains:
        raise ValueError(f"path = {path!r}; allowed is the path of a file, or a list of them")
    if isinstance(unit, str) and not any(one.name and unit_said(one.name) for one in trains):
        raise ValueError(
            f"unit = {unit!r} is the unit wanted, but no name in {trains[0].where} says which unit the numbers have; "
            "without unit= they are taken as they are, and a number is a factor (unit=0.001: ms become s)"
        )
    return _joined(trains, kind, unit, padding)


@checked(padding=FLAG)
def as_intervals(
    data: Any,
    kind: str | None = None,
    where: str = "intervals",
    *,
    unit: float | str | None = None,
    column: int | str | None = None,
    train: int | str | bool | None = None,
    layout: Literal["rows", "columns"] | None = None,
    padding: bool = False,
) -> np.ndarray:
    """Checked intervals, an array, from intervals or times of spikes.

    Parameters
    ----------
    data : array, list of arrays, or table
        Real numbers; a list of arrays holds separate trains: no interval is taken between two of them; tables
        (DataFrames, structured arrays, arrays of two dimensions) with `column`, `train`, `layout` as in
        `read_intervals`.
    kind : {"intervals", "times"}
        Of what is given; "intervals" by default.
    where : str
        What messages call it.
    unit : float or str
        Plain numbers: a factor, 1 by default. Objects with units of their own (neo, quantities, pint, astropy,
        timedelta64, arrays whose `attrs` have "units"): the name of the unit wanted, "s" by default ("ms", "us", "ns",
        "min", "h").
    column, train, layout
        As in `read_intervals`.
    padding : bool
        NaN at the end of a train are no spikes.

    Returns
    -------
    array
        Intervals in the unit wanted.

    Raises
    ------
    ValueError
        For an empty array, truth values, complex numbers and text, masked entries, values that are not finite,
        intervals that are not positive, times that do not increase, units that are not of time, and for a train of
        spikes that is given as intervals.

    Examples
    --------
    >>> import felif as fl
    >>> fl.as_intervals([[0.0, 1.0, 3.0], [5.0, 9.0]], kind="times").tolist()  # two trains
    [1.0, 2.0, 4.0]
    """
    column, train = _check(kind, column, train, layout, padding)
    _check_unit(unit)
    trains = _trains(data, kind or "intervals", where, unit, column, train, layout)
    units = {one.has_unit for one in trains}
    if len(units) > 1:
        plain = next(one.where for one in trains if not one.has_unit)
        raise ValueError(f"{where}: {plain} has no unit, others have; allowed are all or none")
    return _joined(trains, kind, unit, padding)


def _check_unit(unit: Any) -> None:
    if isinstance(unit, str) and unit not in TIME_UNITS:
        raise ValueError(f"unit = {unit!r}; allowed are a positive number and {UNIT_NAMES}")
    if unit is not None and not isinstance(unit, str) and not (is_finite(unit) and unit > 0):
        raise ValueError(f"unit = {shown(unit)}; allowed is a positive number, or the name of a unit of time")


def _check(kind: Any, column: Any, train: Any, layout: Any, padding: Any) -> tuple[Any, Any]:
    if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        raise ValueError(f"kind = {kind!r}; allowed are {KINDS}")
    for name, value in (("column", column), ("train", train)):
        fine = isinstance(value, int | np.integer | str) and not isinstance(value, bool)
        if not fine and value is not None and not (name == "train" and value is False):
            raise ValueError(f"{name} = {value!r}; allowed is the number or the name of a column")
    if not (layout is None or isinstance(layout, str)) or layout not in LAYOUTS:
        raise ValueError(f"layout = {layout!r}; allowed are 'rows' and 'columns'")
    if not isinstance(padding, bool):
        raise ValueError(f"padding = {padding!r}; allowed are True and False")
    return tuple(int(x) if isinstance(x, np.integer) else x for x in (column, train))


def _told(train: Any) -> bool:
    return train is not None and train is not False


def _joined(trains: list[Train], kind: str | None, unit: float | str | None, padding: bool) -> np.ndarray:
    parts = []
    for one in trains:
        factor = 1.0 if one.has_unit else factor_of(unit, one.name, one.where)
        parts.append(intervals_of(one, kind_of(kind, one.name, one.where), factor, padding, len(trains) == 1))
    found = np.concatenate(parts)
    if not found.size:
        raise ValueError(f"{trains[0].where}: {len(trains)} trains without an interval; allowed is at least one")
    return found


def _trains(data: Any, kind: str, where: str, unit: Any, column: Any, train: Any, layout: Any) -> list[Train]:
    refuse_masked(data, where)
    if is_row(data):
        data = entries_of(data, where)
        rows = [_is_train(part) for part in data]
        if any(rows):
            if column is not None or _told(train) or layout is not None:
                raise ValueError(f"{where}: a list of trains; column, train and layout are for tables")
            if not all(rows):
                k = rows.index(False)
                raise ValueError(f"{where}: entry {k} is {data[k]!r} among trains; allowed are arrays of numbers")
            return list(_each(data, kind, where, unit))
        if any(own_unit(part) is not None for part in data):
            return [scalars_of(data, unit, where)]
    table = _table(data)
    if table is None:
        one = _named(data, unit, kind, where, [], 0)
        if not (column is None or column in (0, -1)) or _told(train):
            raise ValueError(f"{where}: a row of numbers; column = {column!r}, train = {train!r} are for tables")
        return [one]
    names, columns, rows_too = table
    if layout is not None:
        if column is not None or _told(train):
            raise ValueError(f"{where}: layout = {layout!r}: all are trains; column = {column!r}, train = {train!r}")
        if layout == "rows" and not rows_too:
            raise ValueError(f"{where}: layout = 'rows' is for arrays of numbers; allowed is column=")
        parts = list(data) if layout == "rows" else columns
        return list(_each(parts, kind, where, unit))
    hint = 'layout="rows" or "columns" if every row or column is a train'
    if column is None and rows_too:
        raise ValueError(f"{where}: shape {np.shape(data)}; give column=, or {hint}")
    j, labels = split(names, [np.asarray(c).tolist() for c in columns], column, train, where, hint)
    if labels is None:
        return [_named(columns[j], unit, kind, f"{where}[{names[j]!r}]" if names else where, names, j)]
    parts = {label: _taken(columns[j], chosen) for label, chosen in labels.items()}
    return [_named(part, unit, kind, f"{where} of train {label!r}", names, j) for label, part in parts.items()]


def _named(data: Any, unit: Any, kind: Any, where: str, names: list[Any], j: int) -> Train:
    name = names[j] if names else getattr(data, "name", None)  # of a Series
    return replace(numbers_of(data, unit, kind, where), name=name if isinstance(name, str) else None)


def _each(parts: Any, kind: str, where: str, unit: Any) -> Iterator[Train]:
    for k, part in enumerate(parts):
        row = entries_of(part, where) if is_row(part) else part
        if isinstance(row, list) and any(own_unit(entry) is not None for entry in row):
            yield scalars_of(row, unit, f"{where}[{k}]")
        else:
            yield _named(row, unit, kind, f"{where}[{k}]", [], 0)


def _is_train(part: Any) -> bool:
    return is_row(part) or getattr(part, "ndim", 0) > 0


def _table(data: Any) -> tuple[list[Any], list[Any], bool] | None:
    """Names and columns of a table, and whether its rows could be trains as well."""
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        names = list(data.columns)
        return names, [data.iloc[:, j] for j in range(len(names))], False
    if fields := getattr(getattr(data, "dtype", None), "names", None):
        return list(fields), [data[name] for name in fields], False
    if getattr(data, "ndim", 0) == 2:
        return [], [data[:, j] for j in range(data.shape[1])], True
    return None


def _taken(column: Any, chosen: np.ndarray) -> Any:
    return column.iloc[chosen] if hasattr(column, "iloc") else column[chosen]
