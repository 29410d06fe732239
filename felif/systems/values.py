"""Unknowns as functions: of one axis, of two, or one for each entry of an index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import FieldValue, PlaneField
from ..weakform import Index
from .on_axes import OnAxes


def field_value(system: OnAxes, name: str, values: np.ndarray) -> Any:
    """The function with these nodal values, in the shape of the unknown; a tuple of them over an index first."""
    over = system.equations.unknown(name).over
    if over and isinstance(system.equations.axis(over[0]), Index):
        return tuple(_of_axes(system, over[1:], part) for part in values)
    return _of_axes(system, over, values)


def _of_axes(system: OnAxes, over: tuple[str, ...], values: np.ndarray) -> Any:
    if len(over) == 1:
        line = system.lines[over[0]]
        order = np.argsort(line.nodes, kind="stable")
        return FieldValue(line.nodes[order], values[order], lambda x: line.evaluate(values, x), line.weights[order])
    if len(over) != 2 or any(name not in system.lines for name in over):
        raise ValueError(f"a function over {over} is no function of one or two axes")
    first, second = (system.lines[name] for name in over)

    def evaluate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        columns, rows = first.rows(x)
        others, along = second.rows(y)
        found = np.einsum("pi,pj,pij->p", rows, along, values[columns[:, :, None], others[:, None, :]])
        inside = (x >= first.cells[0]) & (x <= first.cells[-1]) & (y >= second.cells[0]) & (y <= second.cells[-1])
        return np.where(inside, found, 0.0)

    nodes = np.array(np.meshgrid(first.nodes, second.nodes, indexing="ij")).reshape(2, -1)
    return PlaneField(nodes, values.ravel(), evaluate, np.outer(first.weights, second.weights).ravel())
