"""Cells of any axis: split where a state is not resolved, and states carried to other cells and degrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..given.warning import warn
from ..spaces import Line
from ..weakform import Index
from .on_axes import OnAxes
from .tuning import MESHES


def refined(system: OnAxes, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(system, y on it, why) with every cell split that does not resolve y; None where all do."""
    lines = split(system, y) | resolving(system, t, y)
    if not lines:
        return None
    new = system.on_lines(lines)
    return new, transferred(system, new, y), f"cells of {', '.join(lines)} split"


def split(system: OnAxes, y: np.ndarray, data: bool = False) -> dict[str, Line]:
    """Lines with every cell split whose highest modes exceed tol of the largest value; of axes that have such cells.

    Along an axis of transport alone cells are split for initial `data` only: what jumps there is carried on as a jump,
    which no cells resolve, and `resolving` makes the cells that it is carried through serve.
    """
    lines = {}
    for name, line in system.lines.items():
        if not (line.continuous or data):
            continue
        worst = unresolved(system, name, y)
        span = line.cells[-1] - line.cells[0]
        early = system.size <= MESHES.small and not data and worst.max() > system.tol
        limit = system.tol * (MESHES.nearly if early else 1.0)
        smallest = MESHES.smallest * span
        if not line.continuous:
            whole = span if len(system.lines) > 1 else min(span, system.equations.axis(name).scale)
            smallest = MESHES.smallest_of_jumps * whole
        marked = (worst > limit) & (line.widths > smallest)
        if marked.any() and room_for(system, name, line.count + marked.sum()):
            lines[name] = _split(line, marked)
    return lines


def room_for(system: OnAxes, name: str, count: int) -> bool:
    """Whether an axis may have so many cells; where it may not, a warning says so."""
    if count > MESHES.most:
        text = f"{MESHES.most} cells along {name!r}, the most there may be, do not resolve the densities to tol = "
        warn(f"{text}{system.tol:g}; error_estimate says how far off a result is, and a wider tol needs fewer cells")
    return count <= MESHES.most


def resolving(system: OnAxes, t: float, y: np.ndarray) -> dict[str, Line]:
    """The line of a system along one axis of transport alone with cells that resolve what is met there; {} if they do.

    A cell carries the moments of a density exactly, however little it resolves the density itself. What moments do not
    say of the integral of a coefficient times the density is what the cell lacks of both; what its points do not say,
    whatever the density, is of the size of the square of what it lacks of the coefficient. And a cell spreads what it
    does not resolve over its width, which has to be one that the coefficient allows where that arrives.
    """
    if system.met is None:
        return {}
    ((name, line),) = system.lines.items()
    lacking = system.met.lacking(t, y)
    carried = np.minimum(unresolved(system, name, y), 1.0)
    density = np.minimum(MESHES.several * np.maximum(carried.max(), lacking), 1.0)
    marked = lacking * density > system.tol
    needed = lacking * 2.0**line.degree > system.tol  # cells twice as wide would not do
    marked |= (carried > system.tol) & (line.widths > line.widths[needed].min(initial=np.inf) * MESHES.about)
    marked &= line.widths > MESHES.smallest * (line.cells[-1] - line.cells[0])
    if not marked.any() or not room_for(system, name, line.count + marked.sum()):
        return {}
    return {name: _split(line, marked)}


def unresolved(system: OnAxes, axis: str, y: np.ndarray) -> np.ndarray:
    """Per cell of an axis: the two highest Legendre coefficients of densities over their largest values."""
    line, worst = system.lines[axis], np.zeros(system.lines[axis].count)
    for u in system.layout.fields:
        if axis in u.over:
            modes = np.abs(line.modes(relative(system, u, axis, y))[..., -2:]).sum(axis=-1)
            worst = np.maximum(worst, modes.max(axis=(0, 1)))
    return worst


def relative(system: OnAxes, u: Any, axis: str, y: np.ndarray) -> np.ndarray:
    """A density over its largest value, each entry of its indices by itself: (entries, others, nodes of the axis)."""
    values = np.moveaxis(system.full(u.name, y), u.over.index(axis), -1)
    entries = sum(isinstance(system.equations.axis(name), Index) for name in u.over)  # they come first
    values = values.reshape(int(np.prod(values.shape[:entries], dtype=int)), -1, values.shape[-1])
    return values / np.maximum(np.abs(values).max(axis=(1, 2), keepdims=True), MESHES.nothing)


def _split(line: Line, marked: np.ndarray) -> Line:
    middles = (line.cells[:-1] + line.cells[1:])[marked] / 2
    return of_cells(line, np.sort(np.concatenate([line.cells, middles])))


def of_cells(line: Line, cells: np.ndarray) -> Line:
    """The same elements on other cells."""
    return Line(cells, line.degree, line.continuous, line.periodic)


def thinned(system: OnAxes) -> dict[str, Line]:
    """Every second end of a cell, and the named places."""
    found = {}
    for name, line in system.lines.items():
        keep = np.arange(line.count + 1) % 2 == 0
        axis = system.equations.axis(name)
        keep |= np.isin(line.cells, [line.cells[0], line.cells[-1], *axis.points.values()])
        found[name] = of_cells(line, line.cells[keep])
    return found


def richer(system: OnAxes, by: int) -> Any:
    """With elements of a degree higher by `by`, on the same cells but next to places where densities are not smooth.

    Elements that keep densities >= 0 have one degree: all their cells are halved.
    """
    lines = {}
    for name, line in system.lines.items():
        places = system.equations.axis(name).graded
        cells = graded(graded(line.cells, places), places)
        if system.positive:
            lines[name] = _split(line, np.ones(line.count, bool))
        else:
            lines[name] = Line(cells, line.degree + by, line.continuous, line.periodic)
    return system.on_lines(lines)


def graded(cells: np.ndarray, places: Mapping[float, float]) -> np.ndarray:
    """The cells next to these places, {place: exponent} as of an `Axis`, divided once more, close to the place."""
    new = []
    for place, power in places.items():
        k, share = int(np.searchsorted(cells, place)), MESHES.shrinking**power
        new += [place + share * (cells[other] - place) for other in (k - 1, k + 1) if 0 <= other < len(cells)]
    return np.unique(np.concatenate([cells, new])) if new else cells


def shortest_at(cells: np.ndarray, place: float) -> float:
    """The width of the shortest cell that ends at a place."""
    k = int(np.searchsorted(cells, place))
    return float(min(abs(cells[other] - place) for other in (k - 1, k + 1) if 0 <= other < len(cells)))


def transferred(old: OnAxes, new: OnAxes, y: np.ndarray) -> np.ndarray:
    """y of one discretisation on another of the same unknowns, interpolated; what is conserved is kept to rounding."""
    found = np.zeros(new.size)
    for u in (*old.layout.fields, *old.layout.numbers):
        values = old.full(u.name, y)
        for k, axis in enumerate(u.over):
            if axis in old.lines:
                values = _along(old.lines[axis], new.lines[axis], values, k)
        position = new.layout.position[new.layout.indices(u.name)]
        found[position[position >= 0]] = values.ravel()[position >= 0]
    before = old.conserved_rows @ y
    for total, (at, weights) in zip(before.tolist(), new.kept.values(), strict=True):
        if after := float(weights @ found[at]):
            found[at[at < new.layout.n_fields]] *= 1 + (total - after) / after
    return found


def _along(old: Line, new: Line, values: np.ndarray, k: int) -> np.ndarray:
    """Values at the nodes of another line, along one dimension; inside their cells where elements are discontinuous."""
    values = np.moveaxis(values, k, -1)
    middle = (new.cells[:-1] + new.cells[1:])[:, None] / 2
    x = np.empty(new.size)
    inside = middle + (new.nodes[new.dofs] - middle) * (1.0 if new.continuous else 1 - 1e-13)
    x[new.dofs[::-1]] = inside[::-1]
    columns, rows = old.rows(np.clip(x, old.cells[0], old.cells[-1]))
    found = np.einsum("...pi,pi->...p", values[..., columns], rows)
    if not old.periodic:
        found = np.where((x < old.cells[0]) | (x > old.cells[-1]), 0.0, found)
    return np.moveaxis(found, -1, k)
