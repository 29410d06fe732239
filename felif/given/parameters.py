"""The parameters of a model: as coefficients read them, which of them may change, and the model with others."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from functools import cache
from numbers import Real
from types import SimpleNamespace
from typing import Any

import numpy as np


class Parameters(SimpleNamespace):
    """The model's parameters as `m`, numbers that a complex step may perturb."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ValueError(
            f"a coefficient reads parameter {name!r}, which the model does not have. It has: {', '.join(vars(self))}. "
            "Add the field to the dataclass or correct the coefficient."
        )


def parameters_of(model: Any) -> Parameters:
    return Parameters(**{name: getattr(model, name) for name in _names(type(model))})


def fixed_parameters(model: Any) -> frozenset[str]:
    return _fixed(type(model))


@cache
def _fixed(kind: type) -> frozenset[str]:
    return frozenset(f.name for f in dataclasses.fields(kind) if f.metadata.get("fixed"))


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


def changeable(model: Any) -> tuple[str, ...]:
    """Names of the numbers that `with_parameters` may change, in the order of the model."""
    values, fixed = vars(parameters_of(model)), fixed_parameters(model)
    return tuple(name for name, value in values.items() if name not in fixed and isinstance(value, int | float))


def value_of(model: Any, name: str) -> float:
    """The number of that name: a parameter, or an entry of one that is an array, such as coupling_0_1 or current_2.

    Raises ValueError naming those that are numbers.
    """
    place = _entry(model, name)
    value = getattr(model, name, None) if place is None else _at(getattr(model, place[0]), place[1])
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    values = (
        {f.name: getattr(model, f.name) for f in dataclasses.fields(model)} if dataclasses.is_dataclass(model) else {}
    )
    numbers = [k for k, v in values.items() if isinstance(v, Real) and not isinstance(v, bool)]
    arrays = [f"{k}_0{'_0' * (np.ndim(v) - 1)}, ..." for k, v in values.items() if _is_array(v)]
    raise ValueError(
        f"parameter {name!r} = {value!r} of {type(model).__name__} is no number that could be varied; "
        f"allowed are {', '.join([*numbers, *arrays])}"
    )


def _fields(model: Any) -> tuple[Any, ...]:
    return dataclasses.fields(model) if dataclasses.is_dataclass(model) else ()


def _is_array(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and np.ndim(np.asarray(value, object)) > 0


def _entry(model: Any, name: str) -> tuple[str, tuple[int, ...]] | None:
    """(the parameter, the place in it) of a name such as coupling_0_1, if there is such an entry."""
    for f in _fields(model):
        value, numbers = getattr(model, f.name), name.removeprefix(f.name + "_").split("_")
        if not name.startswith(f.name + "_") or f.metadata.get("fixed") or not _is_array(value):
            continue
        shape = np.shape(np.asarray(value, object))
        if len(numbers) == len(shape) and all(map(str.isdigit, numbers)):
            place = tuple(map(int, numbers))
            if all(k < count for k, count in zip(place, shape, strict=True)):
                return f.name, place
    return None


def _at(value: Any, place: tuple[int, ...]) -> Any:
    for k in place:
        value = value[k]
    return value


def _with_entry(value: Any, place: tuple[int, ...], number: float) -> Any:
    """A copy with another number at a place."""
    if isinstance(value, np.ndarray):
        changed = value.astype(float)
        changed[place] = number
        return changed
    first, *rest = place
    return [v if k != first else _with_entry(v, tuple(rest), number) if rest else number for k, v in enumerate(value)]


def with_parameters(model: Any, parameters: Mapping[str, Any]) -> Any:
    """The model with other parameters, or other entries of those that are arrays, as `at` of a problem needs it.

    Raises ValueError for unknown parameters and for those that shape forms or geometry (v_fire, drift, w_min, ...).
    """
    known, fixed = vars(parameters_of(model)), fixed_parameters(model)
    parameters = dict(parameters)
    for name in [name for name in parameters if name not in known]:
        place = _entry(model, name)
        if place is not None:
            now = parameters.get(place[0], getattr(model, place[0]))
            parameters[place[0]] = _with_entry(now, place[1], parameters.pop(name))
    for name, value in parameters.items():
        if name not in known:
            raise ValueError(f"{type(model).__name__} has no parameter {name!r}; it has: {', '.join(sorted(known))}")
        if name in fixed:
            raise ValueError(
                f"parameter {name!r} shapes the mesh or the forms, so `at` cannot change it; "
                f"call discretize again with {name}={value!r}"
            )
    return dataclasses.replace(model, **parameters)


@dataclasses.dataclass(frozen=True)
class Points:
    """A model at many parameters: all combinations of values, or values side by side.

    axes   name -> values, as they were given
    table  name -> values at all points, (count,)
    shape  of arrays with one entry a point
    """

    model: Any
    axes: dict[str, np.ndarray]
    table: dict[str, np.ndarray]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, who: str, model: Any, parameters: Mapping[str, Any], paired: bool) -> Points:
        """Raises ValueError for values that are no rows of numbers, and as the model does at any point."""
        axes = {name: np.atleast_1d(values) for name, values in parameters.items()}
        if not axes or any(values.ndim != 1 or not len(values) for values in axes.values()):
            raise ValueError(
                f"{who}: parameters = {parameters!r}; allowed is {{name of a parameter: a row of numbers}}"
            )
        counts = {name: len(values) for name, values in axes.items()}
        if paired and len(set(counts.values())) > 1:
            raise ValueError(f"{who}: paired = True with {counts} values; allowed are as many of each")
        rows = np.array(list(zip(*axes.values(), strict=True) if paired else itertools.product(*axes.values())))
        shape = (len(rows),) if paired else tuple(counts.values())
        points = cls(model, axes, dict(zip(axes, rows.T, strict=True)), shape)
        for point in range(points.count):
            points.at(point)
        return points

    @property
    def count(self) -> int:
        return int(np.prod(self.shape))

    def at(self, point: int) -> Any:
        """The model at a point. Raises ValueError as the model does."""
        values = {name: float(column[point]) for name, column in self.table.items()}
        fixed = fixed_parameters(self.model) & set(values)  # those that shape the mesh
        model = dataclasses.replace(self.model, **{name: values.pop(name) for name in fixed})
        return with_parameters(model, values)
