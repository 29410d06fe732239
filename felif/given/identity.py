"""What tells functions and parameters apart: within a process (`identity`), and between what was asked and what is
stored (`told`)."""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .types import Discretised

_INSTALLED = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "site-packages", "dist-packages", "<frozen")
NOT_COMPARABLE = "that cannot be compared"
_FEW = 8  # entries of an array that are told one by one


def is_user_file(file: str) -> bool:
    """Whether a file of code is neither felif's nor Python's nor of an installed library."""
    return not any(part in file for part in _INSTALLED)


def identity(function: Any) -> Any:
    """What tells two functions apart that may be made anew at every call: code, closure, defaults, the bound object."""
    return _identity(function, ())


def _identity(function: Any, within: tuple[int, ...]) -> Any:
    function = getattr(function, "py_func", function)  # what a compiler of functions was given
    if not hasattr(function, "__closure__") or id(function) in within:
        return function
    code = function.__code__
    within = (*within, id(function))
    kept = tuple(_identity(value, within) if callable(value) else value for value in held(function))
    defaults = (function.__defaults__, tuple((function.__kwdefaults__ or {}).items()))
    return code, kept, *defaults, getattr(function, "__self__", None)


def told(value: Any) -> Any:
    """A parameter as JSON holds it, equal for equal values in any process: functions by code, closure, defaults and the
    globals they read, arrays by value, dataclasses by their fields (classes of the user by their methods, too)."""
    return _told(value, ())


def _told(value: Any, within: tuple[int, ...]) -> Any:
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | complex):
        return value if isinstance(value, float) and np.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return f"bytes ({_hash(bytes(value))})"
    if isinstance(value, np.ndarray):
        if value.ndim and value.size <= _FEW and value.dtype.kind in "biuf":
            return [_told(entry, within) for entry in value.tolist()]
        shape = " x ".join(map(str, value.shape))
        return f"array of {shape} {value.dtype} ({_hash(value.tolist() if value.dtype.hasobject else value.tobytes())})"
    if hasattr(value, "tocoo"):  # a sparse matrix, in any format
        entries = value.tocsr().sorted_indices()
        parts = [np.asarray(part).tobytes() for part in (entries.data, entries.indptr, entries.indices)]
        return f"sparse array of {' x '.join(map(str, value.shape))} {value.dtype} ({_hash(parts)})"
    if id(value) in within:
        return "itself"
    within = (*within, id(value))
    if isinstance(value, list | tuple):
        return [_told(entry, within) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted((_told(entry, within) for entry in value), key=repr)
    if isinstance(value, Mapping):
        return {str(key): _told(entry, within) for key, entry in value.items()}
    if isinstance(value, type):
        return _class(value, within)
    if isinstance(value, types.ModuleType):
        return value.__name__
    if dataclasses.is_dataclass(value):
        fields = {field.name: _told(getattr(value, field.name), within) for field in dataclasses.fields(value)}
        return {"class": _class(type(value), within), **fields}
    if isinstance(value, functools.partial):
        return {"partial": _told((value.func, value.args, value.keywords), within)}
    value = getattr(value, "py_func", value)  # what a compiler of functions was given
    if hasattr(value, "__closure__"):
        return _function(value, within)
    if isinstance(value, types.BuiltinFunctionType | np.ufunc):
        bound = getattr(value, "__self__", None)
        of = getattr(value, "__module__", None) or "numpy"
        return f"{of if isinstance(bound, types.ModuleType | None) else _told(bound, within)}.{value.__name__}"
    return _object(value, within)


def _function(function: Any, within: tuple[int, ...]) -> str:
    code = function.__code__
    parts = [list(held(function)), function.__defaults__, function.__kwdefaults__, getattr(function, "__self__", None)]
    name = f"{function.__module__}.{function.__qualname__}"
    if not is_user_file(code.co_filename):
        bare = all(not part for part in parts)
        return name if bare else f"{name} ({_hash(_told(parts, within))})"
    space = function.__globals__
    read = {name: _told(space[name], within) for name in sorted(_globals(code)) if name in space}
    return f"{function.__qualname__} (code {_hash([_code(code), _told(parts, within), read])})"


def held(function: Any) -> list[Any]:
    """What a function holds of where it was made."""
    held = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # not filled yet
            held.append(None)
    return held


def is_own(function: Any) -> bool:
    """Whether a function, and all that it holds, is felif's own: looked at by felif's tests."""
    kind = function if hasattr(function, "__code__") else type(function)
    if (kind.__module__ or "").partition(".")[0] != "felif":
        return False
    return all(is_own(value) for value in held(function) if callable(value))


def is_of_numbers(function: Any) -> bool:
    """Whether a function is felif's own and holds nothing that can change: numbers, names, functions of that kind."""
    if function is None or isinstance(function, int | float | str):
        return True
    if isinstance(function, tuple):
        return all(map(is_of_numbers, function))
    if not callable(function) or not is_own(function):
        return False
    if isinstance(function, types.FunctionType):
        return all(map(is_of_numbers, (*held(function), *(function.__defaults__ or ()))))
    parameters = getattr(type(function), "__dataclass_params__", None)
    return bool(parameters and parameters.frozen) and all(map(is_of_numbers, vars(function).values()))


def _code(code: types.CodeType) -> list[Any]:
    """Everything of a code object that makes it do what it does: neither lines nor files."""
    consts = [_code(c) if isinstance(c, types.CodeType) else [type(c).__name__, _told(c, ())] for c in code.co_consts]
    return [code.co_code.hex(), consts, code.co_names, code.co_argcount, code.co_kwonlyargcount, code.co_flags]


def _globals(code: types.CodeType) -> set[str]:
    found = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_globals(c) for c in code.co_consts if isinstance(c, types.CodeType)))


def _class(kind: type, within: tuple[int, ...]) -> str:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if kind.__module__ == "builtins" or (file and not is_user_file(file)):
        return kind.__name__
    members = {}
    for base in (base for base in kind.__mro__ if base.__module__ == kind.__module__):
        fields = getattr(base, "__dataclass_fields__", {})
        for name, member in vars(base).items():
            member = getattr(member, "__func__", getattr(member, "fget", member))
            generated = dataclasses.is_dataclass(base) and getattr(member, "__code__", None) is not None
            if hasattr(member, "__code__"):
                told_apart = not (generated and member.__code__.co_filename == "<string>")
            else:  # a constant; fields are told with the object
                told_apart = not (name.startswith(("__", "_abc_")) or hasattr(member, "__get__") or name in fields)
            if told_apart:
                members[f"{base.__name__}.{name}"] = _told(member, (*within, id(kind)))
    return f"{kind.__name__} (code {_hash(members)})"


def _object(value: Any, within: tuple[int, ...]) -> Any:
    """State and Run by their numbers, others by what a copy of them is made from."""
    kind = type(value)
    if hasattr(value, "problem") and hasattr(value, "y"):
        return {
            "class": kind.__name__,
            "t": value.t,
            "y": _told(np.asarray(value.y), within),
            "on": mesh(value.problem),
        }
    if hasattr(value, "trajectory") and hasattr(value, "times"):
        return {"class": kind.__name__, "times": _told(value.times, within), "y": _told(value.final.y, within)}
    try:
        made = value.__reduce_ex__(2)  # attributes, slots, entries: all that a copy is made from
    except Exception:  # whatever an object of another library raises
        made = (None, (), getattr(value, "__dict__", None))
        if not made[2] or kind.__module__.split(".")[0] in sys.stdlib_module_names:  # an open file, a lock
            return f"{kind.__name__} {NOT_COMPARABLE} ({id(value)})"
    if isinstance(made, str):  # known by its name alone
        made = (made, (), getattr(value, "__dict__", None))
    cached = {n for base in kind.__mro__ for n, m in vars(base).items() if isinstance(m, functools.cached_property)}
    parts: list[Any] = []
    for part in (*made[:2], *(made[2] if made[2:] and isinstance(made[2], tuple) else made[2:3]), *made[3:]):
        if isinstance(part, dict):
            part = {name: entry for name, entry in part.items() if name not in cached}
        parts.append(list(part) if isinstance(part, Iterator) else part)
    return f"{_class(kind, within)} with {_hash(_told(parts, within))}"


def mesh(problem: Discretised) -> str:
    """The mesh of a problem; of equations without one, the number of their unknowns."""
    if problem.mesh_arrays is None:
        return f"{problem.size} unknowns"
    arrays = problem.mesh_arrays()
    if "cells" in arrays and set(arrays) <= {"cells", "end"}:
        told = _told([np.asarray(arrays["cells"], float), problem.degree], ())
        return f"{len(arrays['cells']) - 1} cells ({_hash(told)})"
    return f"mesh {_hash(_told(arrays, ()))}"


def _hash(value: Any) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else repr(value).encode()).hexdigest()[:12]


def differences(stored: Any, asked: Any, name: str = "") -> dict[str, tuple[Any, Any]]:
    """{what: (stored, asked)} where two values that were `told` differ."""
    if isinstance(stored, Mapping) and isinstance(asked, Mapping) and stored.get("class") == asked.get("class"):
        found: dict[str, tuple[Any, Any]] = {}
        for key in dict.fromkeys((*stored, *asked)):
            found |= differences(stored.get(key), asked.get(key), f"{name}.{key}" if name else key)
        return found
    return {} if stored == asked else {name: (stored, asked)}
