"""Cells of the w-axis that follow the state: shocks form in C(w), pass, and are resolved where they are.

A cell is split where its highest modes, in the mean over v, carry more than the tolerance allows, and two halves of a
former cell are merged where they would carry much less. Splitting is exact; merging is the L2 projection. Both keep
the integral over every cell of every line v = const, so mass and the integral of C are kept to rounding.
"""

from __future__ import annotations

import numpy as np

from ...algebra.transport_kernels import half_slopes
from ...spaces import modal_transform, shapes
from ..splitting import highest_modes, split
from ..tuning import SPLITTING
from .over_lines import OverLines
from .spaces import Axis, cell_tables, values_at
from .transport import Transport
from .tuning import LINES


def contents(axis: Axis, weights: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Size of the highest modes of every cell of w, times its width, integrated over v; p (n_v, n_w)."""
    return weights @ highest_modes(axis.by_cells(p), axis.widths, axis.tables.modal)


def unresolved(problem: OverLines, y: np.ndarray) -> np.ndarray:
    """Cells of w to be split, as a boolean array."""
    axis = problem.axis
    found = contents(axis, problem.v_weights, problem.plane(y)) > LINES.unresolved * problem.tol
    # finite volumes cost more accuracy than cells do: they are for what no cell resolves
    found |= _finite_volumes(problem, axis, problem.plane(y)) > LINES.share
    return found & (axis.widths > 1.5 * smallest(problem))


def _finite_volumes(problem: OverLines, axis: Axis, p: np.ndarray) -> np.ndarray:
    """Their share in every cell of an axis with these values; none where nothing moves."""
    if problem.lines_stay:
        return np.zeros(axis.count)
    return Transport(problem.forms, axis).finite_volumes(problem.v_weights @ p)


def smallest(problem: OverLines) -> float:
    """Width of cell below which none is split: a shock is never resolved, only confined."""
    length = problem.w_cells[-1] - problem.w_cells[0]
    return float(length * max(LINES.smallest, problem.tol**0.5))


def adapted(problem: OverLines, t: float, y: np.ndarray) -> tuple[OverLines, np.ndarray, str] | None:
    """(problem, y on it, why) with unresolved cells of v split, or of w with their neighbours; None if there are none.

    Raises Infeasible where no rate exists.
    """
    finer = refined_in_v(problem, t, y)
    if finer is not None:
        return finer
    flags = unresolved(problem, y)
    if not flags.any():
        return None
    wider = flags.copy()
    wider[1:] |= flags[:-1]
    wider[:-1] |= flags[1:]
    # what moves towards a fine cell must find its neighbour at most twice as large
    wider &= problem.axis.widths > 1.5 * smallest(problem)
    new = problem.on_cells(w_cells=split(problem.w_cells, wider))
    return new, transferred(problem, new, y), "cells of w split"


def coarsened(problem: OverLines, t: float, y: np.ndarray) -> tuple[OverLines, np.ndarray, str] | None:
    """(problem, y on it, why) with halves merged that are no longer needed; None where that is not worth it."""
    axis = problem.axis
    first = siblings(axis.cells, problem.base)
    if not len(first):
        return None
    keep = np.ones(len(axis.cells), bool)
    keep[first + 1] = False
    coarse = Axis(axis.cells[keep], axis.space)
    merged = _across(axis, coarse, problem.plane(y))
    found = contents(coarse, problem.v_weights, merged)
    cell = np.searchsorted(coarse.cells, axis.cells[first], side="right") - 1
    share = _finite_volumes(problem, coarse, merged)
    good = first[(found[cell] < LINES.merged * LINES.unresolved * problem.tol) & (share[cell] == 0)]
    if len(good) < max(1, min(LINES.worth, axis.count // 10)):
        return None
    keep[:] = True
    keep[good + 1] = False
    new = problem.on_cells(w_cells=axis.cells[keep])
    return new, new.limited(transferred(problem, new, y)), "cells of w merged"


def siblings(cells: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Indices of cells that, with the next one, are the two halves of a former cell."""
    widths = np.diff(cells)
    parent = np.clip(np.searchsorted(base, cells[:-1] + 0.5 * widths) - 1, 0, len(base) - 2)
    place = (cells[:-1] - base[parent]) / widths
    same = np.isclose(widths[:-1], widths[1:], rtol=1e-6) & (parent[:-1] == parent[1:])
    even = np.abs(np.round(place[:-1]) % 2) < 0.5
    return np.flatnonzero(same & even)


def thick_in_v(problem: OverLines, t: float, y: np.ndarray) -> np.ndarray:
    """The last cell of v, flagged where it spans several widths of the layer on a line that fires.

    Or where what lies in it makes much of what fires now: it is the mesh that brings Nbar near blow-up then.
    """
    flags = np.zeros(len(problem.widths), bool)
    N, Nbar = problem.rates(t, y)
    firing = N > LINES.fires * np.abs(N).max()
    if firing.any():
        layer = problem.forms.layers(t, problem.w_nodes, Nbar)[firing].min()
        width, thinnest = problem.widths[-1], SPLITTING.thinnest * problem.length
        thick = width > SPLITTING.layer_cells * layer or problem.margin(t, y) < LINES.margin
        flags[-1] = thick and width > SPLITTING.layer_cells * thinnest
    return flags


def unresolved_in_v(problem: OverLines, y: np.ndarray) -> np.ndarray:
    """Cells of v whose highest modes, integrated over the lines, carry more than the tolerance allows."""
    degree, lines = problem.degree, problem.w_weights
    full = np.concatenate([problem.plane(y), np.zeros((1, problem.shape[1]))])
    local = full[np.arange(len(problem.widths))[:, None] * degree + np.arange(degree + 1)]
    if degree >= 3:
        total = np.abs(modal_transform(degree)[-2:] @ local).sum(axis=1) @ lines * problem.widths
    else:  # as `content` in one dimension
        slopes = np.einsum("k,ckl->cl", modal_transform(degree)[-1], local) / problem.widths[:, None] ** degree
        jumps = np.abs(np.diff(slopes, axis=0)) @ lines
        total = (np.pad(jumps, (1, 0)) + np.pad(jumps, (0, 1))) * problem.widths ** (degree + 1) / 8
    flags = total > SPLITTING.unresolved * problem.tol
    return flags & (problem.widths > SPLITTING.smallest * problem.length)


def refined_in_v(problem: OverLines, t: float, y: np.ndarray) -> tuple[OverLines, np.ndarray, str] | None:
    """(problem, y on it, why) with unresolved cells of v halved, which is exact; None where all are resolved."""
    if problem.cut_off_lines(y) > problem.tol / 3:
        cells = problem.cells
        new = problem.on_cells(np.concatenate([[cells[0] - 1.5 * (cells[1] - cells[0])], cells]))
        return new, transferred(problem, new, y), "a cell of v prepended"
    flags = unresolved_in_v(problem, y) | thick_in_v(problem, t, y)
    if not flags.any():
        return None
    new = problem.on_cells(split(problem.cells, flags))
    return new, transferred(problem, new, y), "cells of v split"


def transferred(old: OverLines, new: OverLines, y: np.ndarray) -> np.ndarray:
    """y on cells of w that are halves or unions of the old ones, and on parts of cells of v; degrees may rise."""
    p = _across(old.axis, new.axis, old.plane(y))
    same = old.degree == new.degree and np.array_equal(old.cells, new.cells)
    return np.ascontiguousarray(p if same else _along(old, new, p)).ravel()


def _along(old: OverLines, new: OverLines, p: np.ndarray) -> np.ndarray:
    """p on the free nodes of v of the new problem: the same lines, nothing below them, their masses as before."""
    full = np.concatenate([p, np.zeros((1, p.shape[1]))])
    v = new.nodes[:-1]
    cell = np.clip(np.searchsorted(old.cells, v, side="right") - 1, 0, len(old.widths) - 1)
    x = np.clip((v - old.cells[cell]) / old.widths[cell], 0.0, 1.0)
    nodes = cell[:, None] * old.degree + np.arange(old.degree + 1)
    result = np.einsum("ik,ikl->il", shapes(old.degree, x), full[nodes])
    if new.cells[0] < old.cells[0]:
        result[v < old.cells[0]] = 0.0
        before, after = old.v_weights @ p, new.v_weights @ result
        result *= np.where(after != 0, before / np.where(after != 0, after, 1.0), 1.0)
    return result


def _across(old: Axis, new: Axis, p: np.ndarray) -> np.ndarray:
    """p (n_v, old.size) on the new cells: evaluated where a cell was split, projected where cells were merged."""
    q = old.space.degree
    if new.space.degree != q:  # richer polynomials on the same cells
        return old.evaluate(p, new.nodes)
    tables = cell_tables(q)
    result = np.empty((len(p), new.count, q + 1))
    by_cells = old.by_cells(p)
    middles = (new.cells[1:] + new.cells[:-1]) / 2
    cell = np.clip(np.searchsorted(old.cells, middles, side="right") - 1, 0, old.count - 1)
    inside = (old.cells[cell] <= new.cells[:-1]) & (old.cells[cell + 1] >= new.cells[1:])
    kept = np.flatnonzero(inside)
    x = (new.by_cells(new.nodes)[kept] - old.cells[cell[kept], None]) / old.widths[cell[kept], None]
    shapes = values_at(q, x.ravel()).reshape(len(kept), q + 1, q + 1)
    result[:, kept] = np.einsum("vcj,cij->vci", by_cells[:, cell[kept]], shapes)
    if q == 0:
        moved = middles[kept] - (old.cells[1:] + old.cells[:-1])[cell[kept]] / 2
        result[:, kept, 0] += 2 * half_slopes(p, old.widths)[:, cell[kept]] * moved  # a split keeps signs
    for j in np.flatnonzero(~inside):
        parts = np.flatnonzero((old.cells[:-1] >= new.cells[j]) & (old.cells[1:] <= new.cells[j + 1]))
        total = 0.0
        for part in parts:
            z = (old.by_cells(old.nodes)[part] - new.cells[j]) / new.widths[j]
            total = total + (by_cells[:, part] * (old.widths[part] * tables.weights)) @ values_at(q, z)
        result[:, j] = total / (new.widths[j] * tables.weights)
    same = np.flatnonzero(inside & (new.widths == old.widths[cell]))
    result[:, same] = by_cells[:, cell[same]]
    return result.reshape(len(p), -1)
