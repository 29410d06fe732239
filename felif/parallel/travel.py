"""Functions and what they hold, by value: to processes that have felif, and neither the user's files nor a checkout.

Everything goes by cloudpickle, in flight only: nothing is ever read back from a folder. Modules of the user (those that
are neither felif's, Python's nor an installed library's) go with whatever is read of them.
"""

from __future__ import annotations

import dis
import functools
import io
import pickle
import sys
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .. import __version__

SCRIPT = "felif_study_"  # how the names of modules made of the files of studies begin


def packed(value: Any, what: str, functions: Iterable[Any] = ()) -> bytes:
    """A value for `unpacked` in another process, which holds these functions of the user.

    Raises ValueError, naming `what` it is, where it holds what cannot be copied.
    """
    import cloudpickle
    from cloudpickle.cloudpickle import list_registry_pickle_by_value

    own = [module for module in list(sys.modules.values()) if _is_users(module)]
    later = _imported_later(tuple(functions))
    own = list({module.__name__: module for module in [*own, *later.values()]}.values())
    before = list_registry_pickle_by_value()
    added = [module for module in own if module.__name__ not in before and module.__name__ != "__main__"]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    names = {module.__name__ for module in own} | {"__main__"}

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, thing: Any) -> Any:
            if isinstance(thing, functools._lru_cache_wrapper) and thing.__module__ in names:
                return _cached, (thing.__wrapped__, thing.cache_parameters())
            return super().reducer_override(thing)

    file = io.BytesIO()
    try:
        Pickler(file).dump((later, value))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{what} cannot go to other processes: {' '.join(str(error).split())}. What it reads of its module goes "
            "with it: no open files, locks or connections; make them inside of the function."
        ) from error
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)
    return f"{_here()}\n".encode() + file.getvalue()


@lru_cache(maxsize=4)
def unpacked(data: bytes) -> Any:
    """What was `packed`. ImportError where this process has another felif or another Python, or lacks a library."""
    head, _, rest = data.partition(b"\n")
    if head.decode() != _here():
        raise ImportError(f"here is {_here()}, where the work comes from {head.decode()}: the same is needed")
    later, value = pickle.loads(rest)
    for name, module in later.items():
        sys.modules.setdefault(name, module)
    return value


def _here() -> str:
    return f"felif {__version__} with Python {sys.version_info.major}.{sys.version_info.minor}"


def _cached(function: Any, parameters: dict[str, Any]) -> Any:
    return lru_cache(**parameters)(function)


def _is_users(module: Any) -> bool:
    from ..given.identity import is_user_file

    file = getattr(module, "__file__", None)
    if not isinstance(module, types.ModuleType) or sys.modules.get(module.__name__) is not module:
        return False
    return module.__name__.startswith(SCRIPT) or (isinstance(file, str) and file.endswith(".py") and is_user_file(file))


def _imported_later(functions: Iterable[Any]) -> dict[str, types.ModuleType]:
    """Modules of the user that functions, or others of their modules, import when they are called."""
    from ..given.identity import is_user_file

    modules = [sys.modules.get(getattr(function, "__module__", "")) for function in functions]
    others = [f for module in modules if _is_users(module) for f in vars(module).values()]
    found = {}
    for name in {n for f in (*functions, *others) if isinstance(f, types.FunctionType) for n in _names(f.__code__)}:
        spec = find_spec(top) if (top := name.partition(".")[0]) not in sys.modules else None
        origin = getattr(sys.modules.get(top), "__file__", None) if spec is None else spec.origin
        if isinstance(origin, str) and origin.endswith(".py") and is_user_file(origin) and top != "__main__":
            found[name] = import_module(name)
    return found


def _names(code: types.CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME" and step.argval:
            yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)
