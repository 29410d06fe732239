"""Initial data over (v, w): densities projected on the lines, normalised, checked, and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...algebra import composite
from ...problem import Problem, State
from ..projection import tied_moments
from ..splitting import split
from ..tuning import INITIAL
from . import cells_in_w
from .over_lines import OverLines
from .spaces import values_at


def initial_state(problem: OverLines, start: Any) -> tuple[OverLines, np.ndarray, bool]:
    """(problem, y, compatible) on `problem`, or on finer cells if its mesh was made from a tolerance.

    start: a density p(v, w), unnormalised, of arrays that broadcast; a State of this or another tensor mesh; a mapping
    {"p": density}. `compatible`: it vanishes at V_F. C(w) and the mass are those of the data, projected in w.
    Raises ValueError.
    """
    if isinstance(start, State):
        return _from_state(problem, start)
    density = checked_density(problem, start)
    if problem.tol is None:
        return problem, *_projected(problem, density)
    problem = _reach(problem, density)
    for _ in range(INITIAL.rounds_on_lines):
        y, compatible = _projected(problem, density)
        in_v, in_w = cells_in_w.unresolved_in_v(problem, y), cells_in_w.unresolved(problem, y)
        if not in_v.any() and not in_w.any():
            return problem, y, compatible
        problem = problem.on_cells(
            split(problem.cells, in_v) if in_v.any() else None,
            split(problem.w_cells, in_w) if in_w.any() else None,
        )
    return problem, *_projected(problem, density)


def checked_density(problem: Problem, start: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """start as a checked function of (v, w), arrays that broadcast; its values have their common shape."""
    name = problem.field_names[0]
    if isinstance(start, Mapping):
        if set(start) != {name}:
            raise ValueError(f"start: names {sorted(start)}; allowed is {name!r}")
        start = start[name]
    if not callable(start):
        raise ValueError(
            f"start: {start!r}; allowed are a density of (v, w), a State, or a mapping {{{name!r}: density}}"
        )

    def density(v: np.ndarray, w: np.ndarray) -> np.ndarray:
        values = _evaluated(start, v, w)
        if values.min(initial=0.0) >= 0 and values.max(initial=0.0) < np.inf:
            return values
        v, w = np.broadcast_arrays(v, w)
        bad = ~np.isfinite(values) | (values < 0)
        at = np.argmax(bad)
        raise ValueError(
            f"start: the density {name} is {values.ravel()[at]:.6g} at v = {v.ravel()[at]:.6g}, "
            f"w = {w.ravel()[at]:.6g}; allowed are finite numbers >= 0"
        )

    return density


def _evaluated(start: Callable, v: np.ndarray, w: np.ndarray) -> np.ndarray:
    """start(v, w): of arrays that broadcast, else of arrays of one shape, else of numbers."""
    shape = np.broadcast_shapes(v.shape, w.shape)
    whole = [np.ascontiguousarray(part) for part in np.broadcast_arrays(v, w)]
    for given in [(v, w), whole] if v.shape != w.shape else [whole]:
        try:
            return np.broadcast_to(np.asarray(start(*given), float), shape)
        except (TypeError, ValueError, IndexError):
            continue
    try:  # written for two numbers
        pairs = zip(*(part.ravel().tolist() for part in whole), strict=True)
        return np.array([float(start(a, b)) for a, b in pairs]).reshape(shape)
    except TypeError as error:
        raise ValueError(f"start: {start!r} is no function of (v, w): {error}") from error


def _rule(cells: np.ndarray, count: int, pieces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cell, points, weights) of Gauss's rule on `pieces` equal parts of every cell."""
    ends = np.append(cells[:-1, None] + np.diff(cells)[:, None] * np.arange(pieces) / pieces, cells[-1])
    points, weights = composite(ends, count)
    return np.repeat(np.arange(len(cells) - 1), pieces * count), points.ravel(), weights.ravel()


def _projected(problem: OverLines, density: Callable) -> tuple[np.ndarray, bool]:
    """L2 projection in w, and in v one that keeps every line's mass; what lies in V_F's test function has fired.

    Polynomials in w that fall below zero are mended.
    """
    axis, q = problem.axis, problem.space.w.degree
    points = 4 * (q + 3)
    _, w, _ = _rule(axis.cells, q + 3, 4)
    _, in_cell, w_weights = _rule(np.array([0.0, 1.0]), q + 3, 4)
    shapes = w_weights[:, None] * values_at(q, in_cell)  # of a cell of length 1
    cell, v, v_weights = _rule(problem.cells, problem.degree + 3, 2)
    identity = np.diag(v_weights)
    in_v = np.array([tied_moments(problem.cells, problem.degree, cell, v, row) for row in identity]).T
    full, largest = np.empty((len(in_v), axis.size)), 0.0
    together = max(1, INITIAL.points // (points * len(v)))  # cells of w whose values stay in the cache
    for first in range(0, axis.count, together):
        cells = slice(first, min(first + together, axis.count))
        values = density(v[:, None], w[None, cells.start * points : cells.stop * points])
        largest = max(largest, float(values.max()))
        on_lines = (values.reshape(-1, points) @ shapes).reshape(len(v), -1, q + 1) * axis.widths[cells, None]
        nodes = slice(cells.start * (q + 1), cells.stop * (q + 1))
        full[:, nodes] = in_v @ (on_lines.reshape(len(v), -1) / axis.weights[nodes])
    inner = full[:-1]
    inner[problem.forms.into] += full[-1]
    y = problem.mender.mended(inner / problem.v_weights[:, None]).ravel()
    mass = float(problem.mass.data[0] @ y)
    if not mass > 0:
        v_ends, w_ends = problem.cells[[0, -1]], problem.w_cells[[0, -1]]
        raise ValueError(
            f"start: the density has no mass on [{v_ends[0]:g}, {v_ends[1]:g}] x [{w_ends[0]:g}, {w_ends[1]:g}]"
        )
    at_end = density(np.full((1, 1), problem.top), w[None, :])
    compatible = bool(at_end.max() <= (problem.tol or 1e-8) * largest)
    return y / mass, compatible


def _reach(problem: OverLines, density: Callable) -> OverLines:
    """Cells of v prepended while the density has mass below them. Raises ValueError where that does not end."""
    cells = problem.cells
    w = np.linspace(*problem.w_cells[[0, -1]], 65)
    for _ in range(INITIAL.rounds_on_lines):
        beyond = np.array([cells[0] - 4 * (cells[1] - cells[0]), cells[0]])
        if _mass(density, beyond, w) <= 0.1 * problem.tol * _mass(density, cells, w):
            break
        cells = np.concatenate([[cells[0] - 1.5 * (cells[1] - cells[0])], cells])
    else:
        raise ValueError(
            f"start: {problem.field_names[0]} still has mass below v = {cells[0]:.3g}; "
            "allowed is a density of finite mass"
        )
    return problem if len(cells) == len(problem.cells) else problem.on_cells(cells)


def _mass(density: Callable, cells: np.ndarray, w: np.ndarray) -> float:
    """Integral over v, summed over the lines w."""
    _, v, weights = _rule(cells, 6, 8)
    return float(weights @ density(v[:, None], w[None, :]).sum(axis=1))


def _from_state(problem: OverLines, start: State) -> tuple[OverLines, np.ndarray, bool]:
    """A State as initial data: copied on its own mesh, interpolated in v and projected in w to another."""
    old = start.problem
    if old.line_names != problem.line_names or old.field_names != problem.field_names:
        raise ValueError(f"start: {start!r} has other unknowns than {type(problem.model).__name__}")
    same = old.space == problem.space
    if same and np.array_equal(old.cells, problem.cells) and np.array_equal(old.w_cells, problem.w_cells):
        return problem, start.y.copy(), True
    if same and problem.tol is not None and (old.landings, old.top) == (problem.landings, problem.top):
        problem = problem.on_cells(old.cells, old.w_cells)  # the mesh that carried the state serves it best
        return problem, start.y.copy(), True
    view = old.field(old.field_names[0], start.y)
    y, _ = _projected(problem, lambda v, w: np.maximum(view(*np.broadcast_arrays(v, w)), 0.0))
    return problem, y, True
