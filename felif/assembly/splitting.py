"""Meshes that follow a state: which cells to split or add, and the exact transfer to them.

Cells are only ever split or added at the ends, so the old density lies in the new space: values and every integral are
carried over to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import spaces
from ..firing.layers import boundary_layers
from ..firing.over_v import OverV
from ..problem import Problem
from .running_away import places
from .tuning import SPLITTING

UNDERSHOOT = "undershoot"  # stands in the reason for a new mesh


def content(values: np.ndarray, cells: np.ndarray, degree: int) -> np.ndarray:
    """`highest_modes` of values at all nodes."""
    widths = cells[1:] - cells[:-1]
    return highest_modes(values[spaces.cell_nodes(degree, len(widths))], widths, spaces.modal_transform(degree))


def highest_modes(local: np.ndarray, widths: np.ndarray, modal: np.ndarray) -> np.ndarray:
    """Size of the two highest Legendre modes of each cell, times its width; values (..., cells, degree + 1).

    `modal`: the matrix from the values in a cell to its modes.
    """
    degree = len(modal) - 1
    if degree >= 3:
        return np.abs(local @ modal[-2:].T).sum(axis=-1) * widths
    # low degree: how the highest derivative jumps to the neighbours says what the highest mode cannot
    highest = local @ modal[-1] / widths**degree
    jumps = np.abs(np.diff(highest, prepend=highest[..., :1], append=highest[..., -1:]))
    return (jumps[..., 1:] + jumps[..., :-1]) * (widths ** (degree + 1) / 8)


def contents(problem: OverV, y: np.ndarray) -> np.ndarray:
    """The largest content over the fields, shape (cells,)."""
    parts = [content(problem.full(name, y), problem.cells, problem.degree) for name in problem.field_names]
    return parts[0] if len(parts) == 1 else np.max(parts, axis=0)


def unresolved(problem: OverV, y: np.ndarray, part: float = 1.0) -> np.ndarray:
    """Cells whose two highest Legendre modes carry more than `part` of what the tolerance allows, a boolean array."""
    flags = contents(problem, y) > part * SPLITTING.unresolved * problem.tol
    return flags & (problem.widths > SPLITTING.smallest * problem.length)


def undershoots(values: np.ndarray, cells: np.ndarray, degree: int, least: float) -> np.ndarray:
    """Cells in which a density falls below -least and whose highest modes are of the size of that.

    Where they are not, the undershoot has come from elsewhere, or is what a split has carried over, and finer cells do
    nothing about it.
    """
    depth = -values[spaces.cell_nodes(degree, len(cells) - 1)].min(axis=1)
    return (depth > least) & (content(values, cells, degree) > SPLITTING.own * depth * np.diff(cells))


def undershooting(problem: OverV, y: np.ndarray) -> np.ndarray:
    """Cells to be split because a density falls below -tol times its maximum there."""
    flags = np.zeros(len(problem.widths), bool)
    if -float(y.min()) <= problem.tol * float(y.max()):
        return flags
    for name in problem.field_names:
        values = problem.full(name, y)
        flags |= undershoots(values, problem.cells, problem.degree, problem.tol * float(values.max()))
    return flags & (problem.widths > SPLITTING.finer * natural_widths(problem, problem.cells[:-1], problem.cells[1:]))


def natural_widths(problem: OverV, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Width of the cell that the tolerance asks for, whatever the state, halfway between low and high.

    Where it asks for none, below its V_min, the width grows with the distance to it.
    """
    natural, middle = problem.natural, (low + high) / 2
    place = np.minimum(np.maximum(np.searchsorted(natural, middle), 1), len(natural) - 1)
    beyond = np.maximum(natural[0] - middle, 0.0) + np.maximum(middle - natural[-1], 0.0)
    return natural[place] - natural[place - 1] + 2 * beyond


def split(cells: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Each flagged cell halved."""
    return np.sort(np.concatenate([cells, (cells[:-1][flags] + cells[1:][flags]) / 2]))


def _ahead(flags: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The flagged cells and two neighbours on either side that are as large: what is sharp moves there next."""
    finest = np.where(flags, widths, np.inf)
    for _ in range(SPLITTING.buffer):
        padded = np.concatenate([[np.inf], finest, [np.inf]])
        near = np.minimum(padded[:-2], padded[2:])
        finest = np.where(widths >= 0.9 * near, np.minimum(finest, near), finest)
    return np.isfinite(finest)


def transfer(old: Any, new: Any, y: np.ndarray) -> np.ndarray:
    """The state y of `old` on `new`, whose cells split or extend those of `old`, or whose axis is another."""
    x, factor = places(old.end, new.end, new.nodes)
    at = lambda name: factor * spaces.evaluate(old.cells, old.degree, old.full(name, y), x)
    return conserving(old, new, y, with_values(old, new, y, at))


def with_values(old: Any, new: Any, y: np.ndarray, at: Callable[[str], np.ndarray]) -> np.ndarray:
    """A vector of the unknowns of `new`: `at` of each density its values at all nodes, the other numbers as in y."""
    result = np.zeros(new.size)
    for name in old.field_names:
        result[new.layout.slice(name)] = at(name)[: new.layout.free(name)]
    for name in old.layout.differential:
        result[new.layout.offsets[name]] = y[old.layout.offsets[name]]
    return result


def conserving(old: Problem, new: Problem, y: np.ndarray, result: np.ndarray) -> np.ndarray:
    """`result`, which is y of `old` on `new` and exact but for rounding, with that taken out of what is conserved."""
    for name, weights in new.conserved.items():
        result[weights != 0] *= (old.conserved[name] @ y) / (weights @ result)
    return result


def outgrown(problem: OverV, y: np.ndarray) -> tuple[bool, bool]:
    """Whether the density has reached the lower or the upper end: n times its decay length there exceeds tol."""
    low, high = problem.decay_lengths
    densities = [problem.layout.slice(name) for name in problem.field_names]
    bottom = max(abs(float(y[density.start])) for density in densities)
    top = max(abs(float(y[density.stop - 1])) for density in densities) if high else 0.0
    return bottom * low > problem.tol, top * high > SPLITTING.top * problem.tol


def thinnest(problem: OverV, place: float) -> float:
    """Width of the thinnest layer below V_R or V_F that the mesh follows."""
    return (SPLITTING.thinnest if place == problem.top else SPLITTING.thinnest_reset) * problem.length


def layer_cells(problem: OverV, t: float, y: np.ndarray) -> np.ndarray:
    """Cell ends to add next to V_F and below V_R, where drift or a sharp reset squeezes n into a layer a/|drift|.

    Halves of the neighbouring cell, three more than needed, so that the next ones are there when the layer shrinks
    further, in all layers at once that shrink together. Layers at V_F thinner than 1e-6 (V_F - V_R) are not followed: a
    blow-up time is then known to 1e-12, and data that do not vanish at V_F start with an infinitely thin one.
    """
    added, asked = [np.zeros(0)], False
    for field, layers in boundary_layers(problem, t, y).items():
        for place, layer in layers.items():
            cell = int(np.searchsorted(problem.cells, place)) - 1
            width, wanted = problem.widths[cell], max(SPLITTING.layer_cells * layer, thinnest(problem, place))
            content = np.abs(problem.full(field, y)[problem.cell_nodes[cell]]).max()
            if content * width > 1e-3 * problem.tol:
                asked |= bool(width > wanted)
                halves = int(np.ceil(np.log2(width / wanted))) + SPLITTING.ahead
                added.append(place - width * 0.5 ** np.arange(1, halves + 1))
    return np.concatenate(added) if asked else added[0]


def adapted(problem: OverV, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(problem, y, why) on a mesh that resolves y, or None where the present one does."""
    cells, reasons = problem.cells, []
    flags = unresolved(problem, y)
    negative = undershooting(problem, y)
    if flags.any():
        reasons.append(f"{np.count_nonzero(flags)} cells split")
    negative &= ~flags
    if negative.any():
        flags |= negative
        reasons.append(f"{np.count_nonzero(negative)} cells split for an {UNDERSHOOT}")
    if flags.any():
        cells = split(cells, _ahead(flags, problem.widths))
    layers = layer_cells(problem, t, y)
    if layers.size:
        # an end of a layer may be the middle of a cell just split, up to rounding
        new = np.abs(layers[:, None] - cells).min(axis=1) > 1e-10 * (1 + np.abs(layers))
        cells = np.unique(np.concatenate([cells, layers[new]]))
        reasons.append(f"{layers.size} cells in layers at V_F and V_R")
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
