"""The points of a sweep: what is swept, and the options of every point."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .study import Study

MOST = 10**7  # points of a sweep
BLOCK = (100, 1000, 32)  # points that `many` gets at a time: at least, at most, and how many blocks between the two


def definition(
    study: Study, grid: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any], folders: bool = False
) -> dict[str, Any]:
    """sweep.json of a sweep: what makes it the same sweep as another one.

    `folders`: every point has a folder, which `many` of the study does not make.

    Raises ValueError for options the study does not have, an empty axis, an option both swept and fixed, values that
    are no numbers, text or lists.
    """
    from ..given.identity import told

    study.complete({**grid, **fixed})
    if not grid:
        raise ValueError("grid is empty: give the values of at least one option, as in --b 0:3:31 or {'b': [0, 1, 2]}.")
    axes = {
        name: [getattr(value, "tolist", lambda value=value: value)() for value in values]
        for name, values in grid.items()
    }
    for name, values in axes.items():
        if not values:
            raise ValueError(f"grid: the option {name!r} has no values.")
        if name in fixed:
            raise ValueError(f"The option {name!r} is both swept and fixed at {fixed[name]!r}.")
    if (count := math.prod(map(len, axes.values()))) > MOST:
        raise ValueError(f"The grid has {count:.3g} points; allowed are at most {MOST:g}.")
    plan = {"study": study.name, "grid": axes, "fixed": dict(fixed), "main": told(study.main)}
    plan["seeded"] = "seed" in study.defaults
    if not folders and columns_of(study, plan) is not None:
        plan["many"] = told(study.many)
    try:
        return json.loads(json.dumps(plan, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"grid: the values are kept in sweep.json: finite numbers, text and lists. {error}") from None


def columns_of(study: Study, plan: Mapping[str, Any]) -> set[str] | None:
    """The options that `many` takes as rows of values; None where it does not take all that are given, or is not."""
    if study.many is None:
        return None
    parameters = inspect.signature(study.many).parameters
    if not {*plan["grid"], *plan["fixed"], *(["seed"] if plan["seeded"] else [])} <= set(parameters):
        return None
    return {name for name, parameter in parameters.items() if "ndarray" in str(parameter.annotation)}


class Grid:
    """All points of a sweep, the last option varying fastest; the seed is the index of the point unless it is given."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.axes = {name: [_value(v) for v in values] for name, values in plan["grid"].items()}
        self.fixed = {name: _value(value) for name, value in plan["fixed"].items()}
        self.seeded = plan["seeded"] and "seed" not in {**self.axes, **self.fixed}
        self.size = math.prod(map(len, self.axes.values()))
        strides, stride = {}, self.size
        for name, values in self.axes.items():
            stride //= len(values)
            strides[name] = stride
        self._strides = strides

    @property
    def names(self) -> list[str]:
        """Options, in the order of the table."""
        return [*self.fixed, *self.axes, *(["seed"] if self.seeded else [])]

    def options(self, index: int) -> dict[str, Any]:
        """The options of a point that are given, by its index."""
        options = dict(self.fixed)
        for name, values in self.axes.items():
            options[name] = values[index // self._strides[name] % len(values)]
        return options | ({"seed": index} if self.seeded else {})

    def column(self, name: str, index: np.ndarray) -> list[Any] | np.ndarray:
        """An option at many points."""
        import numpy as np

        if name in self.fixed:
            return [self.fixed[name]] * len(index)
        if name not in self.axes:
            return index
        values = self.axes[name]
        place = index // self._strides[name] % len(values)
        kinds = {type(value) for value in values}
        if kinds == {float} or kinds == {int}:
            return np.array(values)[place]
        return [values[k] for k in place.tolist()]

    def blocks(self, rows: set[str]) -> Iterator[list[int]]:
        """Indices of points that differ in the options `rows` only, so many at a time that depend on the grid alone."""
        import numpy as np

        apart = [name for name in self.axes if name not in rows]
        least, most, count = BLOCK
        length = min(most, max(least, -(-self.size // count)))
        index = np.arange(self.size)
        group = np.zeros(self.size, int)
        for name in apart:
            values = self.axes[name]
            group = group * len(values) + index // self._strides[name] % len(values)
        order = np.argsort(group, kind="stable")
        ends = [0, *(np.flatnonzero(np.diff(group[order])) + 1).tolist(), self.size]
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            for first in range(start, end, length):
                yield order[first : min(end, first + length)].tolist()


def axis(text: str, convert: Callable[[str], Any]) -> list[Any]:
    """Values of an option from the command line: `0:3:31` (start:stop:count, both ends included), `0,1,2` or one value.

    `convert` makes a value of a text. Raises ValueError for what is neither, and for values that come twice.
    """
    parts = text.split(":")
    if len(parts) == 3:
        start, stop = convert(parts[0]), convert(parts[1])
        if any(
            isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) for end in (start, stop)
        ):
            raise ValueError(f"{text}: start:stop:count is for numbers; give a list a,b,c.")
        if not parts[2].isdecimal() or (count := int(parts[2])) < 1 or (count == 1 and start != stop):
            raise ValueError(f"{text}: start:stop:count ends in a number of values, at least 2.")
        values = [start + (stop - start) * k / (count - 1) for k in range(count - 1)] + [stop]
        if isinstance(start, int) and isinstance(stop, int):
            if any(value != round(value) for value in values):
                raise ValueError(f"{text}: the option is a whole number, and {values[1]} is none; change the count.")
            values = [round(value) for value in values]
    else:
        values = [convert(part) for part in text.split(",")]
    if len(set(values)) < len(values):
        raise ValueError(f"{text}: a value comes twice.")
    return values


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
