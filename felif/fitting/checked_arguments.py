"""What `fit` is asked, checked: ValueErrors that name the argument, its value and what is allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..given.arguments import is_finite
from ..translation import has_equations, weak_form_of
from .likelihood import TIME


def check_dead_time(model: Any, names: tuple[str, ...], data: np.ndarray, time: float) -> None:
    dead_time = getattr(model, "dead_time", None)
    if "dead_time" in names and not dead_time:
        raise ValueError(
            f"fit: dead_time = {dead_time!r} to begin with; allowed is a positive number where it is fitted"
        )
    if dead_time and TIME not in names and dead_time * time >= data.min():
        raise ValueError(
            f"fit: dead_time = {dead_time!r}; the smallest interval is {data.min() / time:.6g} membrane times: allowed "
            "are dead times below it"
        )


def names_of(parameters: Any) -> tuple[str, ...]:
    names = [parameters] if isinstance(parameters, str) else parameters
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"fit: parameters = {parameters!r}; allowed are names of parameters")
    return tuple(names)


def check_arguments(model: Any, names: tuple[str, ...], time: Any, rate: Any) -> None:
    if isinstance(model, type) or not dataclasses.is_dataclass(model) or not has_equations(model):
        raise ValueError(f"fit: model = {model!r}; allowed is a model")
    numbers = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    known = [k for k, v in numbers.items() if isinstance(v, int | float) and not isinstance(v, bool)] + [TIME]
    for given in weak_form_of(model).inputs:
        if given.of is None and callable(numbers[given.parameter]):
            raise ValueError(f"fit: {given.parameter} depends on time, so that intervals are not alike; give a number")
    if not names or len(set(names)) != len(names):
        raise ValueError(f"fit: parameters = {list(names)}; allowed are different names, at least one")
    for name in names:
        if name not in known:
            raise ValueError(f"fit: {type(model).__name__} has no number {name!r} to fit; there are {', '.join(known)}")
    if rate is not None and not (is_finite(rate) and rate >= 0):
        raise ValueError(f"fit: rate = {rate!r}; allowed is None or a number >= 0")
    if not (is_finite(time) and time > 0):
        raise ValueError(f"fit: membrane_time = {time!r}; allowed is a positive number")
