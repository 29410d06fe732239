"""Models on disk as plain data: nothing that is read back is executed.

    numbers, text, containers, arrays, sparse matrices    their values
    objects of dataclasses                                module:class and fields
    functions                                             module:name and a hash of what they compute
    functools.partial                                     the function and what it is given
    everything else                                       a hash

Classes and functions are looked up, never imported: dataclasses and functions of felif's models, of modules of the user
that are loaded, mathematics of numpy, scipy and math, and what this process stored itself. What is not there, or is no
longer what it was, is demanded of the user; what the user gives is compared with what is stored.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import importlib
import json
import platform
import re
import sys
import types
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..given.identity import NOT_COMPARABLE, differences, held, is_user_file, told

_SPARSE = ("csr_array", "csr_matrix", "csc_array", "csc_matrix", "bsr_array", "bsr_matrix")
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc)
_CODE = re.compile(r"code [0-9a-f]{12}")  # of bytes that differ between versions of Python
_stored_here: Any = weakref.WeakValueDictionary()  # what was told of a function -> the function


class _Missing(Exception):
    """Something that cannot be found again, in words."""


def packed(model: Any) -> np.ndarray:
    """A model, or its history, as bytes of JSON. Raises ValueError for what has no value of its own."""
    try:
        content = {"python": _python(), "told": told(model), "value": _stored(model)}
        return np.frombuffer(json.dumps(content).encode(), np.uint8)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{model} cannot be stored: {error}") from error


def unpacked(content: np.ndarray, folder: str | Path, name: str = "model", given: Any = None) -> Any:
    """What was `packed`; `given` in its place if that is the same.

    Raises ValueError for a part that cannot be found again and has to be given as `name`, for what is given and differs
    from what is stored, and for what older versions stored.
    """
    try:
        entry = json.loads(content.tobytes())
        python, stored, value = entry["python"], entry["told"], entry["value"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder}: the {name} in final.npz was stored by a version of felif that stored code, which is not "
            "executed, or is damaged. felif.read_folder reads the series, states and fields; to go on, evolve again "
            "into another folder"
        ) from None
    if given is not None:
        same = python == _python()
        differing = differences(*(told_now if same else _without_code(told_now) for told_now in (stored, _told(given))))
        if differing:
            said = "; ".join(f"{what} = {new} is given, {old} is stored" for what, (old, new) in differing.items())
            raise ValueError(f"{folder}: {name}: {said}")
        return given
    try:
        return _restored(value)
    except _Missing as missing:
        raise ValueError(
            f"{folder}: the {name} holds {missing}: give it again, {name}=..., or import its module first. "
            "felif.read_folder reads the series, states and fields without it"
        ) from None


def _told(value: Any) -> Any:
    return json.loads(json.dumps(told(value)))


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _without_code(value: Any) -> Any:
    """What was told in another version of Python, without the hashes that are others there."""
    if isinstance(value, str):
        return _CODE.sub("code", value)
    if isinstance(value, list):
        return [_without_code(entry) for entry in value]
    return {key: _without_code(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def _stored(value: Any) -> Any:
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, float) and not isinstance(value, np.generic):
        return value if np.isfinite(value) else {"float": repr(value)}
    if isinstance(value, complex) and not isinstance(value, np.generic):
        return {"complex": [_stored(value.real), _stored(value.imag)]}
    if isinstance(value, list):
        return [_stored(entry) for entry in value]
    if isinstance(value, tuple | set | frozenset) and not hasattr(value, "_fields"):
        return {type(value).__name__: [_stored(entry) for entry in value]}
    if isinstance(value, dict):
        return {"dict": [[_stored(key), _stored(entry)] for key, entry in value.items()]}
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        scalar = isinstance(value, np.generic)
        return {"array": data, "dtype": value.dtype.str, "shape": list(value.shape), "scalar": scalar}
    if type(value).__name__ in _SPARSE and hasattr(value, "indptr"):
        parts = [_stored(getattr(value, name)) for name in ("data", "indices", "indptr")]
        return {"sparse": type(value).__name__, "parts": parts, "shape": list(value.shape)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _stored(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
        kind = type(value)
        return {"object": _named(kind), "told": told(kind), "file": _file(kind), "fields": fields}
    if isinstance(value, functools.partial):
        return {"partial": [_stored(part) for part in (value.func, list(value.args), value.keywords)]}
    if isinstance(value, _FUNCTIONS):
        return {"function": _named(value), "told": _remembered(value), "file": _file(value)}
    if isinstance(value, Mapping):
        return _stored(dict(value))
    return {"unknown": type(value).__name__, "told": _remembered(value)}


def _remembered(value: Any) -> str:
    """What is told of a function or object, by which this process finds it again."""
    _require_comparable(value, ())
    hashed = json.dumps(told(value))
    try:
        _stored_here[hashed] = value
    except TypeError:  # an object without weak references
        pass
    return hashed


def _require_comparable(value: Any, within: tuple[int, ...]) -> None:
    """ValueError where nothing tells whether a part of it is the same in another process: files, locks."""
    if id(value) in within or isinstance(value, types.ModuleType | type):
        return
    if NOT_COMPARABLE in str(told(value)):
        raise ValueError(f"nothing tells whether {value!r} is the same when the run is read; use plain values there")
    parts = held(value) if isinstance(value, types.FunctionType) else list(getattr(value, "__dict__", {}).values())
    for part in parts:
        _require_comparable(part, (*within, id(value)))


def _restored(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return [_restored(part) for part in entry] if isinstance(entry, list) else entry
    if "float" in entry:
        return float(entry["float"])
    if "complex" in entry:
        return complex(*map(_restored, entry["complex"]))
    for kind in (tuple, set, frozenset):
        if kind.__name__ in entry:
            return kind(_restored(part) for part in entry[kind.__name__])
    if "dict" in entry:
        return {_restored(key): _restored(part) for key, part in entry["dict"]}
    if "array" in entry:
        values = np.frombuffer(base64.b64decode(entry["array"]), entry["dtype"]).reshape(entry["shape"])
        return values[()] if entry["scalar"] else values.copy()
    if entry.get("sparse") in _SPARSE:
        kind = getattr(importlib.import_module("scipy.sparse"), entry["sparse"])
        return kind(tuple(map(_restored, entry["parts"])), shape=tuple(entry["shape"]))
    if "object" in entry:
        kind = _looked_up(entry["object"], entry["file"], _is_data)
        if told(kind) != entry["told"]:
            raise _Missing(f"an object of {entry['object']}, a class that has changed")
        return kind(**{name: _restored(part) for name, part in entry["fields"].items()})
    if "partial" in entry:
        function, arguments, keywords = map(_restored, entry["partial"])
        return functools.partial(function, *arguments, **keywords)
    if entry["told"] in _stored_here:
        return _stored_here[entry["told"]]
    if "function" in entry:
        found = _looked_up(entry["function"], entry["file"], _is_mathematics)
        if json.dumps(told(found)) != entry["told"]:
            raise _Missing(f"the function {entry['function']}, which has changed")
        return found
    raise _Missing(f"an object of {entry.get('unknown')}, which is no dataclass")


def _named(value: Any) -> str:
    bound = getattr(value, "__self__", None)
    module = bound.__name__ if isinstance(bound, types.ModuleType) else getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", getattr(value, "__name__", type(value).__name__))
    return f"{module or 'numpy'}:{name}"


def _file(value: Any) -> str | None:
    return getattr(sys.modules.get(getattr(value, "__module__", None) or ""), "__file__", None)


def _looked_up(name: str, file: str | None, allowed: Callable[[types.ModuleType, Any], bool]) -> Any:
    """A class or function by module:name, among modules that are loaded (a script is another module when imported)."""
    module, _, qualified = name.partition(":")
    if module.startswith("felif.models."):
        importlib.import_module(module)
    places = [sys.modules.get(module)]
    places += [m for m in list(sys.modules.values()) if file and getattr(m, "__file__", None) == file]
    for place in places:
        found = place
        for part in qualified.split("."):
            found = getattr(found, part, None)
        if found is not None and allowed(place, found):
            return found
    raise _Missing(f"{name}, which is not loaded")


def _is_data(module: types.ModuleType, found: Any) -> bool:
    """A class that only holds values: a dataclass, not one of Python's own library."""
    standard = module.__name__.split(".")[0] in sys.stdlib_module_names - {"__main__"}
    return isinstance(found, type) and dataclasses.is_dataclass(found) and not standard


def _is_mathematics(module: types.ModuleType, found: Any) -> bool:
    """A function of numbers: of math, a ufunc, of felif's models or of a module of the user.

    Any other function of Python or a library might do something to files when it is called.
    """
    if isinstance(found, np.ufunc):
        return True
    users = isinstance(found, types.FunctionType) and is_user_file(found.__code__.co_filename)
    own = isinstance(found, types.FunctionType) and module.__name__.startswith("felif.models.")
    return users or own or (module.__name__ == "math" and isinstance(found, types.BuiltinFunctionType))
