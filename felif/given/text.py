"""What is printed of models and of many numbers: short lines, whatever the number of populations or units."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import numpy as np

_MOST = 6  # entries of an array, or numbers that differ in an index alone, that are all printed


def model_text(model: Any) -> str:
    """A model as its `repr`, but of large arrays the shape alone."""
    if not dataclasses.is_dataclass(model) or isinstance(model, type):
        return repr(model)
    fields = [field.name for field in dataclasses.fields(model) if field.repr]
    return f"{type(model).__qualname__}({', '.join(f'{name}={_value(getattr(model, name))}' for name in fields)})"


def _value(value: Any) -> str:
    shape = getattr(value, "shape", ())
    if shape and int(np.prod(shape)) > _MOST:
        return f"<{' x '.join(map(str, shape))} {type(value).__name__}>"
    if isinstance(value, tuple | list) and len(value) > _MOST:
        return f"<{type(value).__name__} of {len(value)}>"
    return repr(value)


def few(names: Iterable[str]) -> list[str]:
    """Names, but of those that differ in a number behind them alone the first two, "..." and the last."""
    shown: list[str] = []
    for _, group in groupby(names, lambda name: re.sub(r"_\d+$", "", name)):
        alike = list(group)
        shown += alike if len(alike) <= _MOST else [*alike[:2], "...", alike[-1]]
    return shown


def listed(names: Iterable[str], told: Callable[[str], str] = str) -> str:
    """`few` of the names, told one after the other."""
    return ", ".join(name if name == "..." else told(name) for name in few(names))
