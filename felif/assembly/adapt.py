"""Meshes that follow a state: which cells to split or add, and the exact transfer to them.

Cells are only ever split or added at the ends, so the old density lies in the new space: values and every integral are
carried over to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import spaces

_UNRESOLVED = 300.0  # times tol: size of a cell's highest modes, times its width, above which it is split
_LAYER_CELLS = 2.0  # widths of the boundary layer a/|drift| that the last cell may span
_SMALLEST = 1e-9  # cell, in units of V_F - V_R


def unresolved(problem: Any, y: np.ndarray) -> np.ndarray:
    """Cells whose two highest Legendre modes carry more than the tolerance allows, as a boolean array."""
    degree, widths = problem.degree, problem.widths
    flags = np.zeros(len(widths), bool)
    for name in problem.field_names:
        values = problem.full(name, y)
        local = values[problem.cell_nodes]
        if degree >= 3:
            high = np.abs(local @ spaces.modal_transform(degree)[-2:].T).sum(axis=1) * widths
        else:  # low degree: how the highest derivative jumps to the neighbours says what the highest mode cannot
            derivative = local @ spaces.modal_transform(degree)[-1] / widths**degree
            jumps = np.abs(np.diff(derivative, append=derivative[-1])) + np.abs(np.diff(derivative, prepend=derivative[0]))
            high = jumps * widths ** (degree + 1) / 8
        flags |= high > _UNRESOLVED * problem.tol
    return flags & (widths > _SMALLEST * (problem.v_fire - problem.v_reset))


def split(cells: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Each flagged cell halved."""
    return np.sort(np.concatenate([cells, (cells[:-1][flags] + cells[1:][flags]) / 2]))


def transfer(old: Any, new: Any, y: np.ndarray) -> np.ndarray:
    """The state y of `old` on `new`, whose cells split or extend those of `old`."""
    result = np.zeros(new.size)
    for name in old.field_names:
        values = spaces.evaluate(old.cells, old.degree, old.full(name, y), new.nodes)
        result[new.layout.slice(name)] = values[: new.layout.free(name)]
    for name in old.layout.differential:
        result[new.layout.offsets[name]] = y[old.layout.offsets[name]]
    for name, functional in new.conserved.items():  # exact but for rounding, which is taken out
        carrier = functional != 0
        result[carrier] *= (old.conserved[name] @ y) / (functional @ result)
    return result


def outgrown(problem: Any, y: np.ndarray) -> tuple[bool, bool]:
    """Whether the density has reached the lower or the upper end: n times its decay length there exceeds tol."""
    low, high = problem.decay_lengths
    places = [problem.layout.slice(name) for name in problem.field_names]
    bottom = max(abs(float(y[place.start])) for place in places)
    top = max(abs(float(y[place.stop - 1])) for place in places) if high else 0.0
    return bottom * low > problem.tol, top * high > problem.tol


def boundary_layer(problem: Any, t: float, y: np.ndarray) -> float:
    """Width of the last cell below V_F that the boundary layers there call for; inf where it is narrow enough."""
    width, wanted = problem.widths[-1], np.inf
    for field, layer in problem.boundary_layers(t, y).items():
        content = np.abs(problem.full(field, y)[-problem.degree - 1 :]).max()
        if width > _LAYER_CELLS * layer and content * width > 1e-3 * problem.tol:
            wanted = min(wanted, _LAYER_CELLS * layer)
    return wanted


def adapted(problem: Any, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(problem, y, why) on a mesh that resolves y, or None where the present one does."""
    cells, reasons = problem.cells, []
    flags = unresolved(problem, y)
    if flags.any():
        cells = split(cells, flags)
        reasons.append(f"{np.count_nonzero(flags)} cells split")
    layer = boundary_layer(problem, t, y)
    if np.isfinite(layer):
        width = cells[-1] - cells[-2]
        if width > layer:  # halves, so that the next ones are already there when the layer shrinks further
            halves = int(np.ceil(np.log2(width / layer))) + 1
            cells = np.concatenate([cells[:-1], cells[-1] - width * 0.5 ** np.arange(1, halves + 1), cells[-1:]])
            reasons.append(f"boundary layer at V_F of width {layer / _LAYER_CELLS:.2g}")
    low, high = outgrown(problem, y)
    if low:
        cells = np.concatenate([[2 * cells[0] - cells[1]], cells])
        reasons.append(f"extended down to {cells[0]:.4g}")
    if high:
        cells = np.concatenate([cells, [2 * cells[-1] - cells[-2]]])
        reasons.append(f"extended up to {cells[-1]:.4g}")
    if not reasons:
        return None
    new = problem.on_cells(cells)
    return new, transfer(problem, new, y), ", ".join(reasons)
