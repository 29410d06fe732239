"""Functions of time that a user gives: called safely, and looked at before a run for what its steps would not see."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import shown


@dataclass(frozen=True)
class Fast:
    """Where a function of time moves so fast that steps must land there."""

    samples: int = 4096  # of the time of a run: what lasts longer than 1/2048 of it is found
    # change between two samples, relative to the range, from which a function is said to move fast there
    visible: float = 0.02
    sudden: float = 50.0  # second difference over the median one, from which it does as well
    gap: int = 4  # samples by which two fast stretches are the same
    alone: int = 8  # times its own length, that a fast stretch comes after the one before
    long: int = 16  # samples, beyond which it does not matter how long a stretch is
    inside: int = 6  # times at which steps land within a fast stretch


FAST = Fast()


_GOLDEN = (math.sqrt(5) - 1) / 2
_LIBRARIES = frozenset({"felif", "numpy", "scipy", "skfem"}) | sys.stdlib_module_names


def input_value(name: str, function: Callable[[float], Any], t: float) -> float:
    """function(t), a finite number. What the function raises reaches whoever called felif.

    Raises ValueError naming the function, t and the value for anything but a finite real number.
    """
    try:
        value = function(t)
    except ArithmeticError as error:
        error.of_user = True  # integrators catch arithmetic errors of their own
        raise
    if isinstance(value, float | int) and value - value == 0:
        return float(value)
    try:
        if isinstance(value, str) or getattr(value, "ndim", 0):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name}({t!r}) = {value!r}; allowed is a function whose values are finite numbers")
    return number


def profile_values(name: str, function: Callable[[Any], Any], v: np.ndarray) -> np.ndarray:
    """function(v), real numbers of the shape of v; one number at a time where the function is written for those.

    Raises ValueError naming the function and v for anything else. They may be infinite or NaN.
    """
    try:
        values = np.asarray(function(v))
        if values.dtype.kind in "biuf" and values.shape == np.shape(v):
            return values.astype(float)
    except (TypeError, ValueError):  # float(v), if v > 1
        values = np.empty(0)
    if values.size > 1 and values.dtype.kind in "biufc":
        what = f"complex numbers, {values.ravel()[0]:.6g}," if values.dtype.kind == "c" else f"shape {values.shape}"
        raise ValueError(
            f"{name} returns {what} at an array v of shape {np.shape(v)}; allowed are as many real numbers"
        )
    return np.array([_one(name, function, x) for x in np.ravel(v).tolist()]).reshape(np.shape(v))


def _one(name: str, function: Callable[[Any], Any], x: float) -> float:
    value = function(x)
    good = not isinstance(value, str | bytes | complex | np.complexfloating) and not getattr(value, "ndim", 0)
    try:
        if good:
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} is {value!r} at v = {x:.6g}; allowed are finite numbers")


def is_of_user(error: BaseException) -> bool:
    """Whether an exception was raised by, or on behalf of, a function that is not felif's."""
    if getattr(error, "of_user", False):
        return True
    if type(error).__module__.partition(".")[0] == "felif":  # raised to be caught
        return False
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            return True
        frame = frame.tb_next
    return False


def landings(
    name: str, function: Callable[[float], Any], start: float, end: float, samples: int = FAST.samples
) -> list[float]:
    """Times in (start, end) on which steps must land so that they see all of a function of time.

    The function is evaluated at `samples` times, spread evenly but for a shift that no period is a multiple of. Where
    it changes by more than 2 % of its range from one sample to the next, or bends far more than it mostly does, it is
    looked at more closely: jumps are found to the last digit by halving, and every such stretch gets its two ends and a
    few times in between, from where the error control of the steps sees the rest. Whatever lasts longer than two of the
    samples, (end - start)/2048 by default, is met by one of them. From where the function fails it is not looked at.

    >>> landings("current", lambda t: 50.0 if 1 < t < 1.01 else 0.0, 0.0, 2.0)
    [1.0, 1.01]
    """
    if not end > start:
        return []
    shifts = np.arange(1, samples + 1) * _GOLDEN % 1.0
    times = np.concatenate([[start], start + (np.arange(samples) + shifts) * ((end - start) / samples), [end]])
    values = np.array(_values(name, function, times.tolist()))
    missing = times[len(values) : len(values) + 1].tolist()  # where it fails: steps land there, and see it
    if len(values) < 3 or np.ptp(values) == 0.0:
        return missing
    times, moves = times[: len(values)], np.abs(np.diff(values))
    visible = FAST.visible * float(np.ptp(values))
    fast, before = _fast(times, values, moves > visible), -samples
    known: set[float] = set()  # jumps, which may lie at both ends
    found: set[float] = set()
    for first, last in _stretches(np.flatnonzero(fast).tolist()):
        jumps = {}
        for k in range(first, last + 1):
            if moves[k] > 1e-2 * visible:
                jumps[k] = _jump(name, function, times[k : k + 2].tolist(), values[k : k + 2].tolist())
        known.update(t for t in jumps.values() if t is not None)
        beside = {k + j for k, t in jumps.items() if t is not None for j in (-1, 0, 1)}
        smooth = [k for k in range(first, last + 1) if fast[k] and (k not in beside or moves[k] > visible)]
        smooth = [k for k in smooth if jumps.get(k) is None]
        # else steps are still as short as they must be
        alone = first - before > FAST.alone * min(last - first, FAST.long)
        if smooth and alone:
            picked = {smooth[round(j * (len(smooth) - 1) / FAST.inside)] for j in range(FAST.inside + 1)}
            found.update(times[k] for k in picked.union(smooth[: FAST.inside // 2], {smooth[-1] + 1}))
        before = last
    return sorted(known.union(missing, (float(t) for t in found if start < t < end)))


def require_recorded(name: str, function: Any, start: float, end: float) -> None:
    """ValueError for an input that is known in an `interval` which does not cover [start, end]."""
    first, last = getattr(function, "interval", (-math.inf, math.inf))
    room = 1e-9 * (last - first) if math.isfinite(last - first) else 0.0
    if start < first - room or end > last + room:
        raise ValueError(
            f"{name} = {function!r} is known from t = {first:g} to {last:g}; allowed are times within, not "
            f"{start:g} to {end:g}"
        )


@dataclass(frozen=True)
class Landing:
    """A function of time with the times on which steps must land to see all of it (`landings`)."""

    name: str
    function: Callable[[float], Any]
    breakpoints: tuple[float, ...]

    @classmethod
    def of(cls, name: str, function: Any, start: float, end: float) -> Any:
        """A number, and a function that says itself where it jumps, stay what they are."""
        require_recorded(name, function, start, end)
        if not callable(function) or hasattr(function, "breakpoints"):
            return function
        return cls(name, function, tuple(landings(name, function, start, end)))

    def __call__(self, t: float) -> float:
        return input_value(self.name, self.function, t)


def _values(name: str, function: Callable[[float], Any], times: list[float]) -> list[float]:
    """Values up to the first time at which there is none: a run that gets there says why."""
    values = []
    try:
        for t in times:
            value = function(t)
            plain = type(value) is float and value - value == 0.0
            values.append(value if plain else input_value(name, function, t))
    except Exception:
        pass
    return values


def _fast(times: np.ndarray, values: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """For each interval between samples whether the function moves fast there."""
    steps = np.diff(times)
    bends = np.abs(np.diff(np.diff(values) / steps))
    rounding = 1e-12 * float(np.abs(values).max() / steps.min())
    sudden = np.flatnonzero(bends > FAST.sudden * float(np.median(bends)) + rounding)
    fast = moving.copy()
    fast[sudden] = fast[sudden + 1] = True
    return fast


def _stretches(fast: list[int]) -> list[tuple[int, int]]:
    """(first, last) of runs of fast intervals, those with few slow ones between them taken together."""
    stretches: list[tuple[int, int]] = []
    for k in fast:
        if stretches and k - stretches[-1][1] <= FAST.gap:
            stretches[-1] = (stretches[-1][0], k)
        else:
            stretches.append((k, k))
    return stretches


def first_jump(name: str, function: Callable[[float], Any], start: float, end: float, least: float) -> float | None:
    """The first time between two others at which a function jumps by more than `least`; None where it does not."""
    times = np.linspace(start, end, FAST.samples).tolist()
    values = [input_value(name, function, t) for t in times]
    for k in np.flatnonzero(np.abs(np.diff(values)) > least).tolist():
        if (t := _jump(name, function, times[k : k + 2], values[k : k + 2])) is not None:
            return t
    return None


def _jump(name: str, function: Callable[[float], Any], ends: list[float], values: list[float]) -> float | None:
    """The time at which a function jumps between two samples, None where it does not."""
    (a, b), (low, high) = ends, values
    least = 0.3 * abs(high - low)
    while a < (middle := 0.5 * (a + b)) < b:
        value = input_value(name, function, middle)
        if abs(value - low) >= abs(high - value):
            b, high = middle, value
        else:
            a, low = middle, value
        if abs(high - low) < least:
            return None
    return min((a, b), key=lambda t: len(repr(t)))


def places_of(term: Any, x: Any) -> list[tuple[Any, Mapping[str, Any]]]:
    """Where what leaves at x enters, by `term.lands`: [(weight, {axis: place}), ...]. ValueError for anything else."""
    found = term.lands(x)
    parts = found if isinstance(found, list) else [(1.0, found)]
    for part in parts:
        good = isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], Mapping)
        numbers = [part[0], *part[1].values()] if good else []
        if not good or not all(np.asarray(number).dtype.kind in "iuf" for number in numbers):
            raise ValueError(
                f"Term {term.called!r}: lands returns {shown(found)}; allowed are {{axis: place}} and "
                "[(weight, {axis: place}), ...]"
            )
        if np.isnan(np.concatenate([np.ravel(number) for number in numbers])).any() or np.min(part[0]) < 0:
            raise ValueError(
                f"Term {term.called!r}: lands returns {shown(found)}; allowed are numbers, and weights from 0"
            )
    return parts
