"""Weak forms that are known: of felif's own models, told by the parameters that their equations were made from.

A model whose `equations` read none of the parameters that changed has the same ones: coefficients read them from m.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from ..weakform import Equations

_KEPT = 8  # weak forms of one class
_known: dict[type, list[tuple[dict[str, Any], Any]]] = {}


def recalled(model: Any) -> Any:
    """The weak form of a model with the same values of all that its equations read, or None."""
    for values, form in _known.get(type(model), ()):
        if all(_same(getattr(model, name), value) for name, value in values.items()):
            return form
    return None


def noted(model: Any, translated: Callable[[Equations], Any]) -> Any:
    """What `translated` makes of the equations of a model, kept where it is known what they depend on."""
    kind = type(model)
    if (
        kind.__module__.partition(".")[0] != "felif"
        or not dataclasses.is_dataclass(kind)
        or not hasattr(model, "__dict__")
    ):
        return translated(model.equations())
    noting = object.__new__(_noting(kind))
    vars(noting).update(vars(model))
    reads: set[str] = set()
    object.__setattr__(noting, "_reads", reads)
    equations = noting.equations()
    if any(_holds(function, noting) for function in _functions(equations)):
        return translated(model.equations())
    form = translated(equations)
    if reads - {field.name for field in dataclasses.fields(model)}:  # something made of parameters, told by none
        return form
    values = {name: getattr(model, name) for name in reads}
    kept = _known.setdefault(kind, [])
    kept.insert(0, (values, form))
    del kept[_KEPT:]
    return form


@cache
def _noting(kind: type) -> type:
    """The same class, whose objects note in `_reads` which of the values that they hold are read."""

    def read(self: Any, name: str) -> Any:
        held = object.__getattribute__(self, "__dict__")
        if name in held and name != "_reads":
            held["_reads"].add(name)
        return object.__getattribute__(self, name)

    return type(kind.__name__, (kind,), {"__getattribute__": read, "__module__": kind.__module__})


def _functions(equations: Equations) -> Iterator[Any]:
    for term in equations.terms:
        yield from (term.form, term.coefficient, term.lands, *dict(term.at).values())
    for unknown in equations.unknowns:
        yield from dict(unknown.at).values()
    yield from (condition.value for condition in equations.conditions)


def _holds(function: Any, what: Any) -> bool:
    """Whether a function, or one that it encloses, encloses an object."""
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    held += [*(getattr(function, "__defaults__", None) or ())]
    return getattr(function, "__self__", None) is what or any(
        one is what or (callable(one) and _holds(one, what)) for one in held
    )


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, int | float | str) and a == b)
