"""Moments of densities over products of axes: what data are that cells do not resolve, such as those that jump.

The value at a node is the integral of the density times its shape function, over the mass of the node. Shape functions
add up to 1, and places are combinations of them: the mass and the first moments are those of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from ..spaces import Line, lobatto
from .tuning import STATES

_INSET = 1e-12  # of a cell: what jumps at its ends belongs to its neighbours

Density = Callable[..., np.ndarray]  # of places along each axis, arrays of one length


def with_moments(lines: Sequence[Line], density: Density, values: np.ndarray, tol: float, positive: bool) -> np.ndarray:
    """Values at the nodes; at those of cells that do not resolve the density to tol what gives its moments.

    positive: next to jumps, where elements are volumes around nodes.
    """
    size = float(np.abs(values).max())
    marked = _jumps(lines, density, values, size) if positive else _modes(lines, values) > tol * size
    if not marked.any():
        return values
    nodes = np.stack(_of_cells(lines, [line.dofs for line in lines]), axis=-1)
    taken = np.zeros(values.shape, bool)
    taken[tuple(np.moveaxis(nodes[marked], -1, 0))] = True
    sharing = taken[tuple(np.moveaxis(nodes, -1, 0))].reshape(*marked.shape, -1).any(axis=-1)
    cells, found = np.argwhere(sharing), np.zeros(values.shape)
    parts = moments(lines, cells, density, STATES.halvings, size)
    np.add.at(found, tuple(np.moveaxis(nodes[sharing], -1, 0)), parts)
    return np.where(taken, found / reduce(np.multiply.outer, [line.weights for line in lines]), values)


def moments(
    lines: Sequence[Line],
    cells: np.ndarray,
    density: Density,
    halvings: int,
    size: float,
    before: np.ndarray | None = None,
) -> np.ndarray:
    """Integrals of a density of about this size times each shape function, over products of `cells`, one a row.

    Along the first axis, of the integrals along the others at its points; `before`: where each row is along axes that
    came before. A part of a cell is halved where its integral is not that of its halves, up to so many times; what
    lies between the points of a cell is not seen, as where an edge that bends just reaches it.
    """
    before = np.empty((len(cells), 0)) if before is None else before
    if not lines:
        return density(*before.T)
    line, (x, w) = lines[0], lobatto(lines[0].degree + 2)
    x = _INSET + (1 - 2 * _INSET) * x  # next to the ends, where a jump would not be seen from further inside

    def integrals(row: np.ndarray, low: np.ndarray, width: np.ndarray) -> np.ndarray:
        places, each = low[:, None] + width[:, None] * x, np.repeat(row, len(x))
        along = np.column_stack([before[each], places.ravel()])
        inner = moments(lines[1:], cells[each, 1:], density, halvings, size, along)
        _, shapes = line.rows(places.ravel(), cells[each, 0])
        shapes, inner = (of.reshape(*places.shape, *of.shape[1:]) for of in (shapes, inner))
        return np.einsum("pq,pqi,pq...->pi...", width[:, None] * w, shapes, inner)

    row, low, width = np.arange(len(cells)), line.cells[cells[:, 0]], line.widths[cells[:, 0]]
    volume = reduce(np.multiply, [one.widths[k] for one, k in zip(lines, cells.T, strict=True)])
    allowed = STATES.moments * 10.0 ** (len(lines) - 1) * size * volume  # the inner ones are not exact, either
    whole = integrals(row, low, width)
    found, most = np.zeros_like(whole), STATES.intervals + 8 * len(cells)
    for left in reversed(range(halvings)):
        row, low, width = (np.repeat(of, 2) for of in (row, low, width / 2))
        low[1::2] += width[1::2]
        halves = integrals(row, low, width)
        both = halves[::2] + halves[1::2]
        done = np.abs(whole - both).reshape(len(whole), -1).max(axis=1) <= allowed[row[::2]]
        done |= left == 0 or len(row) > most
        np.add.at(found, row[::2][done], both[done])
        if done.all():
            return found
        row, low, width, whole = (of[np.repeat(~done, 2)] for of in (row, low, width, halves))
    return whole


def _of_cells(lines: Sequence[Line], along: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What each cell has along each axis, (its cells, so many), in the shape (cells of all, so many along each)."""
    count, found = len(lines), []
    for k, own in enumerate(along):
        shape = [1] * 2 * count
        shape[k], shape[count + k] = own.shape
        found.append(own.reshape(shape))
    return np.broadcast_arrays(*found)


def _modes(lines: Sequence[Line], values: np.ndarray) -> np.ndarray:
    """The two highest Legendre coefficients along any axis, the largest in each product of cells."""
    worst = np.zeros([line.count for line in lines])
    for k, line in enumerate(lines):
        found = np.abs(line.modes(np.moveaxis(values, k, -1))[..., -2:]).sum(axis=-1)
        found = np.moveaxis(found, -1, k)
        for j, other in enumerate(lines):
            if j != k:
                found = np.moveaxis(np.moveaxis(found, j, -1)[..., other.dofs].max(axis=-1), -1, j)
        worst = np.maximum(worst, found)
    return worst


def _jumps(lines: Sequence[Line], density: Density, values: np.ndarray, size: float) -> np.ndarray:
    """Where the density jumps inside a product of cells, or between its corners and the nodes there."""
    shape = tuple(line.count for line in lines)
    cells = np.indices(shape).reshape(len(lines), -1).T
    apart = np.subtract(*(moments(lines, cells, density, halvings, size) for halvings in (0, 1)))
    volume = reduce(np.multiply.outer, [line.widths for line in lines])
    marked = np.abs(apart).reshape(*shape, -1).max(axis=-1) > STATES.jump * volume * size
    inside = [line.cells[:-1, None] + line.widths[:, None] * np.array([1e-9, 1 - 1e-9]) for line in lines]
    corners = _of_cells(lines, inside)
    there = density(*(of.ravel() for of in corners)).reshape(corners[0].shape)
    at_nodes = values[tuple(_of_cells(lines, [line.dofs[:, [0, -1]] for line in lines]))]
    return marked | (np.abs(there - at_nodes) > STATES.jump * size).reshape(*shape, -1).any(axis=-1)
