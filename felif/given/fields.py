"""Fields of what users write in the language of models: each holds the kind of thing that it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Any

_FUNCTIONS = ("form", "coefficient", "lands")
_KINDS: dict[str, tuple[Any, str]] = {  # {name of a field: (classes, what is allowed)}
    **dict.fromkeys(("name", "parameter", "into", "kind"), (str, "a name")),
    **dict.fromkeys(("of", "each", "symmetric_along"), ((str, type(None)), "a name, or None")),
    **dict.fromkeys(("points", "at", "weights", "masses"), (Mapping, "a mapping of names to numbers")),
    **dict.fromkeys(("axes", "unknowns", "terms", "conserved", "inputs", "conditions"), ((tuple, list), "a tuple")),
    **{"periodic": (bool, "True or False"), "over": (tuple, "a tuple of names of axes")},
}


@cache
def _kinds_of(kind: type) -> tuple[tuple[str, Any, str], ...]:
    return tuple((one.name, *_KINDS[one.name]) for one in fields(kind) if one.name in _KINDS)


def require_fields(what: Any) -> None:
    """ValueError that names the first field of a dataclass which holds something else than it may."""
    for name, classes, allowed in _kinds_of(type(what)):
        value = getattr(what, name)
        names = value if classes in (tuple, Mapping) and isinstance(value, classes) else ()
        if not isinstance(value, classes) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"{type(what).__name__}: {name} = {plainly(value)}; allowed is {allowed}")
    for name in [one.name for one in fields(what) if one.name in _FUNCTIONS]:
        value = getattr(what, name)
        if value is not None and (not callable(value) or isinstance(value, type)):
            raise ValueError(f"{type(what).__name__}: {name} = {plainly(value)}; allowed is a function, or None")


def require_name(who: str, name: str, value: Any) -> None:
    """ValueError for what is no name."""
    if not isinstance(value, str):
        raise ValueError(f"{who}: {name} = {plainly(value)}; allowed is a name")


def plainly(value: Any) -> str:
    """As it is shown in a message: numbers of numpy as numbers."""
    return repr(value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value)


def named(name: Any, otherwise: str) -> Any:
    """A name, or what is said where none was given."""
    return otherwise if isinstance(name, str) and not name else name


@contextmanager
def written_for(term: str, part: str) -> Iterator[None]:
    """What a function of the user raises reaches the user, with a note of the term that the function belongs to."""
    try:
        yield
    except Exception as error:
        error.add_note(
            f"This is the {part} of the term {term!r}. It is called with arrays: functions of numpy, not those of math."
        )
        raise
