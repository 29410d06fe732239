"""What public callables accept: one check for each kind of argument, and one sentence for what is refused.

    @checked(problem=PROBLEM, t_end=number(), folder=optional(FOLDER), scheme=optional(choice("a", "b")))
    def evolve(problem, t_end, folder=None, scheme="a"): ...

An argument that is not what its kind allows is a ValueError `evolve: t_end = 'x'; allowed is a finite number` before
anything else happens. Numbers of numpy become Python's. What two arguments must be to each other is checked inside.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np

_LONGEST = 255  # bytes of the name of a file
_LONG = 100  # characters of a value in a message
_MOST_ENTRIES = 1_000_000  # of a sequence that is looked through; of an iterator, which may not end, a tenth


@dataclass(frozen=True)
class Kind:
    """What an argument may be: `read` gives the value as the callable gets it, or raises TypeError or ValueError."""

    allowed: str
    read: Callable[[Any], Any]


F = TypeVar("F", bound=Callable[..., Any])


def checked(**kinds: Kind) -> Callable[[F], F]:
    """A callable whose arguments are read by their kinds; the message of the ValueError names the callable."""

    def decorate(function: F) -> F:
        names = [name for name in inspect.signature(function).parameters]
        if unknown := set(kinds) - set(names):
            raise TypeError(f"{function.__qualname__} has no {sorted(unknown)}")
        who = function.__qualname__.removesuffix(".__call__")

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            read = [
                required(who, name, value, kinds[name]) if name in kinds else _plain(value)
                for name, value in zip(names, arguments, strict=False)
            ]
            read += arguments[len(read) :]
            for name, value in named.items():
                named[name] = required(who, name, value, kinds[name]) if name in kinds else _plain(value)
            return function(*read, **named)

        return cast(F, call)

    return decorate


def required(who: str, name: str, value: Any, kind: Kind) -> Any:
    """The value, read; ValueError that names the callable, the argument, its value and what is allowed."""
    try:
        return kind.read(value)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed is {kind.allowed}") from None


def value_of(function: Callable, state: Any) -> float:
    """function(state), a number: what users give as a quantity. What the function raises reaches them."""
    found = function(state)
    if not is_number(found):
        raise ValueError(f"{function!r} returns {shown(found)} at t = {state.t:.6g}; allowed is a number")
    return float(found)


def shown(value: Any) -> str:
    """A value in a message: numbers of numpy as numbers, long ones cut."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Integral) and abs(int(value)) > 10**20:
        return f"{'-' * (value < 0)}1e{len(str(abs(int(value)))) - 1} or more"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever an object of the user does
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= _LONG else text[:_LONG] + " ..."


def is_number(value: Any) -> bool:
    """Whether a value is a real number that a float holds, not a truth value; infinities and NaN are."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    try:
        float(value)
    except (OverflowError, TypeError):  # TypeError: times of numpy, which pass for whole numbers
        return False
    return True


def is_finite(value: Any) -> bool:
    """Whether a value is a finite real number."""
    return is_number(value) and math.isfinite(value)


def _require(condition: Any) -> None:
    if not condition:
        raise ValueError


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def number(
    *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf, infinite: bool = False
) -> Kind:
    """A number > above, >= least, <= most; inf only if `infinite`."""

    def read(value: Any) -> Any:
        _require(is_number(value) and not math.isnan(value) and (infinite or math.isfinite(value)))
        _require(above < value and least <= value <= most or value == above == -math.inf)
        value = _plain(value)
        return value if isinstance(value, int | float) else float(value)  # of fractions

    bounds = [f"> {above:g}" if above != 0 else "> 0"] if above > -math.inf else []
    bounds += [f">= {least:g}"] if least > -math.inf else []
    bounds += [f"<= {most:g}"] if most < math.inf else []
    words = "a number" if infinite else "a finite number"
    return Kind(" ".join([words, " and ".join(bounds)]).strip(), read)


def whole(least: int = 0, most: int = 2**62) -> Kind:
    """A whole number from `least` to `most`."""

    def read(value: Any) -> int:
        _require(isinstance(value, Integral) and not isinstance(value, bool | np.bool_ | np.timedelta64))
        _require(least <= value <= most)
        return int(value)

    return Kind(f"a whole number from {least}{f' to {most}' if most < 2**62 else ''}", read)


def optional(kind: Kind) -> Kind:
    """None as well."""
    return Kind(f"{kind.allowed}, or None", lambda value: None if value is None else kind.read(value))


def either(*kinds: Kind) -> Kind:
    """What the first of some kinds that accepts it reads."""

    def read(value: Any) -> Any:
        for kind in kinds:
            try:
                return kind.read(value)
            except (TypeError, ValueError, OverflowError, ArithmeticError):
                continue
        raise ValueError

    return Kind(", or ".join(kind.allowed for kind in kinds), read)


def choice(*values: str) -> Kind:
    """One of some words."""

    def read(value: Any) -> Any:
        _require(isinstance(value, str) and value in values)
        return value

    return Kind(f"one of {', '.join(map(repr, values))}", read)


def several(kind: Kind, what: str, least: int = 0, most: int = _MOST_ENTRIES) -> Kind:
    """A sequence of things of one kind, as a tuple."""

    def read(value: Any) -> tuple:
        _require(isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping))
        _require(not hasattr(value, "__len__") or len(value) <= most)
        limit = most if hasattr(value, "__len__") else min(most, _MOST_ENTRIES // 10)
        try:
            entries = tuple(kind.read(entry) for entry in itertools.islice(value, limit + 1))
        except (IndexError, KeyError, RuntimeError):  # of an object that cannot be gone through after all
            raise ValueError from None
        _require(least <= len(entries) <= limit)
        return entries

    return Kind(what, read)


def mapping(kind: Kind, what: str) -> Kind:
    """A mapping of names to things of one kind."""

    def read(value: Any) -> dict[str, Any]:
        _require(isinstance(value, Mapping) and all(isinstance(name, str) for name in value))
        return {name: kind.read(entry) for name, entry in value.items()}

    return Kind(what, read)


def array(what: str, finite: bool = True) -> Kind:
    """Numbers, finite ones unless `finite` is False: one, or an array of them."""

    def read(value: Any) -> np.ndarray:
        _require(not isinstance(value, str | bytes | bytearray | bool | Mapping | set) and value is not None)
        _require(not np.ma.is_masked(value))  # numpy would read what is hidden
        values = np.asarray(value)
        _require(values.dtype.kind in "iuf" or (values.size == 0 and values.dtype.kind != "O"))
        values = values.astype(float)
        _require(not finite or np.isfinite(values).all())
        return values

    return Kind(what, read)


def instance(what: str, *classes: type) -> Kind:
    """An object of a class."""

    def read(value: Any) -> Any:
        _require(isinstance(value, classes))
        return value

    return Kind(what, read)


def having(what: str, *attributes: str) -> Kind:
    """An object, not a class, with some attributes: what felif knows by what it does."""

    def read(value: Any) -> Any:
        _require(not isinstance(value, type) and all(hasattr(value, name) for name in attributes))
        return value

    return Kind(what, read)


def _read_flag(value: Any) -> bool:
    _require(isinstance(value, bool | np.bool_))
    return bool(value)


def _read_text(value: Any) -> str:
    _require(isinstance(value, str) and value)
    return value


def _read_function(value: Any) -> Callable:
    _require(callable(value) and not isinstance(value, type))
    return value


def _read_folder(value: Any) -> Any:
    _require(isinstance(value, str | os.PathLike) and os.fspath(value))
    _require(b"\0" not in os.fsencode(value) and max(map(len, os.fsencode(value).split(b"/"))) <= _LONGEST)
    return value


def _read_row(value: Any) -> np.ndarray:
    values = NUMBERS.read(value)
    _require(values.ndim < 2 and values.size)
    return np.atleast_1d(values)


def _read_axes(value: Any) -> list:
    given = list(np.ravel(np.asarray(value, object)))
    _require(all(hasattr(one, "plot") and hasattr(one, "figure") for one in given))
    return given


def _read_model(value: Any) -> Any:
    stated = callable(getattr(value, "equations", None))
    _require(dataclasses.is_dataclass(value) and not isinstance(value, type) and stated)
    return value


FINITE = number()
FLAG = Kind("True or False", _read_flag)
TEXT = Kind("a name", _read_text)
FUNCTION = Kind("a function", _read_function)
FOLDER = Kind("the name of a folder", _read_folder)
FILE = Kind("the name of a file", _read_folder)
MODEL = Kind("a model: a dataclass with a method equations(), such as NoisyLIF(b=0.5)", _read_model)
PROBLEM = having("what discretize returns", "on_cells", "model")
SYSTEM = having(
    "what discretize returns", "size", "mass", "scalar_names"
)  # equations F(y) = 0 of any origin, without a mesh
STATE = having("a state, such as steady_states(problem)[0] or run.final", "problem", "y")
RUN = having("a run that evolve or load_run returned", "trajectory", "final", "times")
LEARNING = having("a learning network such as LearningLIF(eps=0.2)", "sigma", "w_min", "w_max")
BOUNDS = Kind(
    "two numbers, low < high",
    lambda value: _ordered(several(number(infinite=True), "", 2, 2).read(value)),
)
POSITIVE = number(above=0.0)
TOLERANCE = number(above=0.0, most=0.1)
SEED = whole(0, 2**128)
GUESS = optional(either(STATE, array("numbers >= 0 for the rates, or a vector y")))
TIMES = array("a finite number, or a row of them")
NUMBERS = array("a finite number, or an array of them")
ROW = Kind("a finite number, or a row of them", _read_row)
AXES = Kind("axes of matplotlib, one or two", _read_axes)
VALUES = array("a number, or an array of them", finite=False)
ANY = Kind("anything", lambda value: value)
PAST = optional(either(number(), FUNCTION, mapping(either(number(), FUNCTION), "a mapping of scalars to those")))
NAMED = mapping(ANY, "a mapping of names to values")
TIME = Kind("a finite number, at most 1e10 in size", number(least=-1e10, most=1e10).read)  # its digits end at 1e-6


def _ordered(pair: tuple) -> tuple:
    _require(pair[0] < pair[1])
    return pair
