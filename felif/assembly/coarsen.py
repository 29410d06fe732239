"""Meshes that give cells back: which neighbours to merge where a state no longer needs them, and the transfer to them.

The mesh chosen from the tolerance serves the model whatever its state; what a state made necessary beyond it (narrow or
discontinuous data, a layer at V_F that has gone) is merged again, never below that mesh and never across V_R or V_F.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import spaces
from ..algebra import gauss
from ..firing.layers import boundary_layers
from ..firing.over_v import OverV
from . import splitting
from .projection import from_moments, tied_moments
from .tuning import MERGING, SPLITTING

# content of a cell that is looked at, in units of that at which it is split
SMOOTH_CONTENT = MERGING.smooth * MERGING.slack


def coarsened(problem: OverV, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(problem, y, why) on a mesh of fewer cells, or None where that is not worth it."""
    pairs = problem.mergeable
    worth = worthwhile(problem)
    if np.count_nonzero(pairs) < worth:
        return None
    quiet = splitting.contents(problem, y) < SMOOTH_CONTENT * SPLITTING.unresolved * problem.tol
    if np.count_nonzero(pairs & quiet[1:] & quiet[:-1]) < worth:
        return None
    layers = _layer_ends(problem, t, y)
    if _removable(problem, quiet, layers) < worth:
        return None
    cells = _merged(problem, t, y, quiet, layers)
    if len(problem.cells) - len(cells) < worth:
        return None
    new = problem.on_cells(cells)
    return new, project(problem, new, y), f"{len(problem.cells) - len(cells)} cells merged"


def worthwhile(problem: OverV) -> float:
    """How many cells must be given back for a new mesh to be worth its making."""
    return max(MERGING.least, MERGING.share * len(problem.widths))


def mergeable(problem: OverV, cells: np.ndarray) -> np.ndarray:
    """For each pair of neighbours: whether their union crosses nothing and is no larger than the tolerance asks for."""
    low, inner, high = cells[:-2], cells[1:-1], cells[2:]
    natural = splitting.natural_widths(problem, low, high) * (1 + 1e-9)
    return (high - low <= natural) & ~np.isin(inner, (*problem.landings, problem.top))


def _chosen(problem: OverV, cells: np.ndarray, quiet: np.ndarray, layers: list[tuple[float, float]]) -> np.ndarray:
    """Pairs, by the cell end between them, that may be merged as far as their sizes are concerned."""
    pairs = mergeable(problem, cells) & quiet[1:] & quiet[:-1]
    for place, width in layers:
        last = int(np.searchsorted(cells, place)) - 2
        pairs[last] &= cells[last + 2] - cells[last] <= width
    widths = np.concatenate([[np.inf], np.diff(cells), [np.inf]])
    return _apart(pairs & (cells[2:] - cells[:-2] <= MERGING.steepest * np.minimum(widths[:-3], widths[3:])))


def _removable(problem: OverV, quiet: np.ndarray, layers: list[tuple[float, float]]) -> int:
    """How many cells would go if sizes alone decided: cheap, and often enough to know that it is not worth it."""
    cells = problem.cells
    while (chosen := _chosen(problem, cells, quiet, layers)).any():
        kept = np.concatenate([[True], ~chosen, [True]])
        cells, quiet = cells[kept], quiet[kept[:-1]]
    return len(problem.cells) - len(cells)


def _merged(
    problem: OverV, t: float, y: np.ndarray, quiet: np.ndarray, layers: list[tuple[float, float]]
) -> np.ndarray:
    """The cells left after merging pairs of pairs ... as long as content and scalars allow."""
    cells, quiet, degree = problem.cells, quiet.copy(), problem.degree
    fields = [problem.full(name, y) for name in problem.field_names]
    peaks = [problem.tol * float(full.max()) for full in fields]
    limits = MERGING.rate * problem.tol * (np.abs(problem.scalars(t, y)) + MERGING.floor)
    gradient = problem.scalar_gradient(t, y)
    weights = [np.array([problem.full(name, row) for row in gradient]) for name in problem.field_names]
    while True:
        chosen = _chosen(problem, cells, quiet, layers)
        if not chosen.any():
            return cells
        while chosen.any():  # choose, look, and leave out what does harm
            coarse = np.delete(cells, np.flatnonzero(chosen) + 1)
            nodes = spaces.node_positions(coarse, degree)
            values = [spaces.evaluate(problem.cells, degree, full, nodes) for full in fields]
            content = np.max([splitting.content(v, coarse, degree) for v in values], axis=0)
            home = np.clip(np.searchsorted(coarse, problem.nodes) - 1, 0, len(coarse) - 2)
            parts = zip(values, peaks, strict=True)
            harm = np.any(
                [splitting.undershoots(v, coarse, degree, MERGING.negative * peak) for v, peak in parts], axis=0
            )
            change = np.zeros((len(limits), len(coarse) - 1))
            for full, now, weight in zip(fields, values, weights, strict=True):
                error = spaces.evaluate(coarse, degree, now, problem.nodes) - full
                change += [np.bincount(home, row * error, len(coarse) - 1) for row in weight]
            harm |= (content > MERGING.slack * SPLITTING.unresolved * problem.tol) | (
                np.abs(change) > limits[:, None]
            ).any(axis=0)
            merged = np.flatnonzero(chosen)
            bad = merged[harm[merged - np.arange(len(merged))]]
            if not bad.size:
                break
            chosen[bad] = False
            quiet[bad] = False
        else:
            return cells
        quiet = np.delete(quiet, np.flatnonzero(chosen) + 1)
        cells = coarse


def _layer_ends(problem: OverV, t: float, y: np.ndarray) -> list[tuple[float, float]]:
    """(place, largest cell below it): half of what a layer needs, so that it does not ask for the cell back at once."""
    reach = problem.length
    return [
        (place, max(SPLITTING.layer_cells * layer, SPLITTING.thinnest * reach) / 2)
        for layers in boundary_layers(problem, t, y).values()
        for place, layer in layers.items()
    ]


def _apart(pairs: np.ndarray) -> np.ndarray:
    """Of overlapping pairs, every second one."""
    chosen, free = np.zeros(len(pairs), bool), True
    for j in np.flatnonzero(pairs):
        free = j == 0 or not chosen[j - 1]
        chosen[j] = free
    return chosen


def project(old: Any, new: Any, y: np.ndarray) -> np.ndarray:
    """The state y of `old` on `new`, whose cells are unions of those of `old`: the same moments against its functions.

    Every conserved quantity, and int v n, is what it was; cells that have not changed keep their values.
    """
    owner = np.searchsorted(new.cells, (old.cells[1:] + old.cells[:-1]) / 2) - 1
    lumped = spaces.has_lumped_mass(old.space)
    moments = dict.fromkeys(old.field_names, 0.0)
    degree = old.degree
    points, weights = spaces.lobatto(degree) if lumped else gauss(degree + 1)
    places = (old.cells[:-1, None] + old.widths[:, None] * points).ravel()
    measure, cell = old.widths[:, None] * weights, np.repeat(owner, len(points))
    for name in old.field_names:
        local = old.full(name, y)[old.cell_nodes]
        at_points = local if lumped else local @ spaces.shapes(degree, points).T
        moments[name] += tied_moments(new.cells, new.degree, cell, places, (measure * at_points).ravel())
    values = {name: float(y[old.layout.offsets[name]]) for name in old.layout.differential}
    return splitting.conserving(old, new, y, from_moments(new, moments, values))
