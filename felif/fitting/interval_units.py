"""Numbers of arrays and of objects with units (neo, quantities, pint, astropy, pandas, xarray), which are converted."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .interval_tables import Train
from .tuning import LIKELIHOOD

_SECONDS = {
    1.0: "s sec secs second seconds",
    1e-3: "ms msec msecs millisecond milliseconds",
    1e-6: "us \N{MICRO SIGN}s \N{GREEK SMALL LETTER MU}s usec usecs microsecond microseconds",
    1e-9: "ns nsec nsecs nanosecond nanoseconds",
    60.0: "min minute minutes",
    3600.0: "h hr hour hours",
}
TIME_UNITS = {name: seconds for seconds, names in _SECONDS.items() for name in names.split()}
_SHORT = {seconds: names.split()[0] for seconds, names in _SECONDS.items()}
UNIT_NAMES = ", ".join(_SHORT.values())
_MISSING = object()


def numbers_of(data: Any, unit: Any, kind: str, where: str) -> Train:
    """An array as it is, or converted to `unit` (a name of a unit; seconds) where it has a unit of its own."""
    if isinstance(data, str | bytes | Mapping) or isinstance(data, set | frozenset) or _is_path(data):
        hint = "; read_intervals reads files" if isinstance(data, str | bytes) or _is_path(data) else ""
        raise ValueError(f"{where}: {type(data).__name__}; allowed is an array of numbers{hint}")
    if hasattr(data, "spiketrains"):
        raise ValueError(f"{where}: {type(data).__name__}; allowed are its spiketrains")
    refuse_masked(data, where)
    own = own_unit(data)
    wrapped = None if isinstance(data, np.ndarray) else getattr(data, "data", None)
    if own is None and hasattr(wrapped, "units"):  # xarray around pint
        own, data = own_unit(wrapped), wrapped
    if own is None:
        return Train(_plain(data, where), where)
    if hasattr(data, "times") and kind != "times":
        raise ValueError(f"{where}: {type(data).__name__} holds times, kind = {kind!r}; allowed is kind='times'")
    converted = _converted(data, own, _target(unit, own, where), where)
    refuse_masked(converted, where)
    return Train(_plain(converted, where), where, has_unit=True)


def scalars_of(entries: list[Any], unit: Any, where: str) -> Train:
    """A list of single numbers, each with a unit of its own."""
    values = np.empty(len(entries))
    for k, entry in enumerate(entries):
        own = own_unit(entry)
        if own is None or getattr(entry, "ndim", 0):
            raise ValueError(f"{where}: entry {k} is {entry!r}, others have a unit; allowed are all or none")
        refuse_masked(entry, f"{where}: entry {k}")
        converted = np.asarray(_converted(entry, own, _target(unit, own, where), f"{where}: entry {k}"))
        values[k] = _plain(converted.reshape(1), f"{where}: entry {k}")[0]
    return Train(values, where, has_unit=True)


def _target(unit: Any, own: str, where: str) -> float:
    """Seconds in the unit that is wanted."""
    if unit is None or isinstance(unit, str):
        return TIME_UNITS["s" if unit is None else unit]
    raise ValueError(
        f"{where} has a unit of its own ({own}), unit = {unit!r}; allowed is the unit wanted: {UNIT_NAMES}"
    )


def is_row(data: Any) -> bool:
    """Whether data is a list, or an iterable without a type of its own, whose entries may be trains."""
    if isinstance(data, list | tuple):
        return True
    if isinstance(data, np.ndarray) and data.dtype == object and data.ndim == 1 and not hasattr(data, "units"):
        return True
    if hasattr(data, "iloc"):  # tables of pandas
        return False
    simple = not isinstance(data, str | bytes | Mapping | set | frozenset) and not _is_path(data)
    return simple and isinstance(data, Iterable) and not hasattr(data, "dtype") and not hasattr(data, "units")


def entries_of(data: Any, where: str) -> list[Any]:
    """The entries of a row, which may be an iterator: ValueError for one that does not seem to end."""
    found = list(itertools.islice(data, None if hasattr(data, "__len__") else LIKELIHOOD.most_entries + 1))
    if len(found) > LIKELIHOOD.most_entries and not hasattr(data, "__len__"):
        raise ValueError(
            f"{where}: an iterator of more than {LIKELIHOOD.most_entries} entries; allowed are arrays and lists"
        )
    return found


def _is_path(data: Any) -> bool:
    return hasattr(data, "__fspath__")


def refuse_masked(data: Any, where: str) -> None:
    for part in (data, getattr(data, "magnitude", None), getattr(data, "value", None)):
        if isinstance(part, np.ma.MaskedArray) and (masked := int(np.ma.getmaskarray(part).sum())):
            raise ValueError(
                f"{where}: {masked} of {part.size} entries are masked; allowed are arrays without masked entries "
                "(.compressed() leaves them out)"
            )


def own_unit(data: Any) -> str | None:
    """Name of the unit that an object carries."""
    if getattr(getattr(data, "dtype", None), "kind", "") == "m":
        return str(data.dtype)
    if callable(getattr(data, "rescale", None)) or callable(getattr(data, "to", None)):
        for name in ("units", "unit"):
            if (unit := getattr(data, name, None)) is not None:
                return str(getattr(unit, "dimensionality", unit)) if hasattr(data, "rescale") else str(unit)
    attributes = getattr(data, "attrs", None)
    for unit in (getattr(data, "units", None), getattr(data, "unit", None), *_named(attributes)):
        if isinstance(unit, bytes):
            unit = unit.decode(errors="replace")
        if isinstance(unit, str):
            return unit
    if not hasattr(data, "columns") and not hasattr(data, "index"):  # of pandas, where units is an entry
        unit = getattr(data, "units", _MISSING)
        if unit is _MISSING:
            unit = getattr(data, "dimensions", _MISSING) if isinstance(data, np.ndarray) else _MISSING
        return None if unit is _MISSING or callable(unit) else str(unit)
    return None


def _named(attributes: Any) -> list[Any]:
    return [attributes.get(name) for name in ("units", "unit")] if hasattr(attributes, "get") else []


def _converted(data: Any, own: str, target: float, where: str) -> Any:
    """Magnitudes in units of `target` seconds, converted by the object itself or by the name of its unit."""
    if getattr(getattr(data, "dtype", None), "kind", "") == "m":
        array = np.asarray(data)
        if np.datetime_data(array.dtype)[0] in ("generic", "Y", "M"):
            raise ValueError(f"{where}: {own}; allowed are units of time of a fixed length")
        ticks, step = array.astype("int64"), np.timedelta64(1, np.datetime_data(array.dtype)[0])
        step = step * np.datetime_data(array.dtype)[1]
        nanoseconds = float(step / np.timedelta64(1, "ns")) if step >= np.timedelta64(1, "ns") else None
        seconds = nanoseconds * 1e-9 if nanoseconds else float(step / np.timedelta64(1, "as")) * 1e-18
        if np.isnat(array).any():
            raise ValueError(f"{where}: entry {int(np.argmax(np.isnat(array)))} is NaT; allowed are finite numbers")
        return ticks * seconds / target
    for method in ("rescale", "to"):
        convert = getattr(data, method, None)
        if callable(convert) and (hasattr(data, "units") or hasattr(data, "unit")):
            try:
                converted = convert(_SHORT[target])
            except Exception as error:  # of libraries that felif does not know
                raise ValueError(f"{where}: {own} cannot be converted to {_SHORT[target]}: {error}") from None
            for name in ("magnitude", "value"):
                if hasattr(converted, name):
                    return getattr(converted, name)
            return converted
    if own not in TIME_UNITS:
        raise ValueError(f"{where}: unit {own!r}; allowed are {UNIT_NAMES}, or plain numbers and a factor")
    values = _plain(data, where)
    seconds = TIME_UNITS[own]
    return (
        values if seconds == target else values * seconds / target if seconds > target else values / (target / seconds)
    )


def _plain(data: Any, where: str) -> np.ndarray:
    """A real array; its kind of numbers is kept, so that differences are taken before anything is rounded."""
    if isinstance(data, list | tuple):
        return _listed(data, where)
    try:
        array = np.asarray(data)
    except Exception as error:
        raise ValueError(f"{where}: {type(data).__name__}; allowed is an array of numbers ({error})") from None
    if array.dtype.kind == "b":
        raise ValueError(f"{where}: truth values; allowed is an array of numbers")
    if array.dtype.kind == "O" and array.ndim == 1:
        return _listed(array.tolist(), where)
    if array.dtype.kind not in "iuf" or array.ndim == 0:
        what = array.dtype if array.ndim else type(data).__name__
        raise ValueError(f"{where}: {what}; allowed is an array of numbers that are real")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _listed(entries: Any, where: str) -> np.ndarray:
    for k, entry in enumerate(entries):
        if isinstance(entry, bool | np.bool_):
            raise ValueError(f"{where}: truth values; allowed is an array of numbers (entry {k} is {entry!r})")
        refuse_masked(entry, f"{where}: entry {k}")
        one = not isinstance(entry, str | bytes | list | tuple) and np.ndim(entry) == 0
        if not one or not isinstance(getattr(entry, "item", lambda e=entry: e)(), numbers.Real):
            try:
                entry = float(entry) if type(entry).__name__ == "Decimal" else _MISSING
            except ValueError:
                entry = _MISSING
            if entry is _MISSING:
                raise ValueError(f"{where}: entry {k} is {entries[k]!r}; allowed is an array of numbers")
    array = np.asarray(entries) if len(entries) else np.empty(0)
    try:
        return array.astype(float) if array.dtype.kind == "O" else array
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{where}: {type(entries).__name__}; allowed is an array of numbers") from None
