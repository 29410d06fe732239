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


def samples(
    system: OnAxes, y: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    """(axes, points, triangles or None along one axis, {name: values}) that draw all densities over the same axes.

    Raises ValueError where there is none, or densities over different axes.
    """
    over = {tuple(name for name in u.over if name in system.lines) for u in system.layout.fields}
    if len(over) != 1 or len(axes := next(iter(over))) > 2:
        raise ValueError(
            f"There is no mesh of one or two axes to draw densities over {sorted(over)} on; write no snapshots"
        )
    places = [_dense(system.lines[name]) for name in axes]
    fields = {}
    for name in system.field_names:
        functions = system.field(name, y)
        parts = functions if isinstance(functions, tuple) else (functions,)
        for k, part in enumerate(parts):
            values = part(*np.meshgrid(*places, indexing="ij"))
            fields[f"{name}_{k}" if isinstance(functions, tuple) else name] = values.ravel()
    if len(axes) == 1:
        return axes, places[0], None, fields
    n, m = map(len, places)
    corner = (np.arange(n - 1)[:, None] * m + np.arange(m - 1)).ravel()
    lower = np.column_stack([corner, corner + m, corner + m + 1])
    triangles = np.concatenate([lower, np.column_stack([corner, corner + m + 1, corner + 1])])
    return axes, np.array(np.meshgrid(*places, indexing="ij")).reshape(2, -1).T, triangles, fields


def _dense(line: Any) -> np.ndarray:
    """Points between which a density may be drawn as a straight line."""
    pieces = 4 * line.degree
    inner = line.cells[:-1, None] + line.widths[:, None] * (np.arange(pieces) / pieces)
    return np.append(inner.ravel(), line.cells[-1])
