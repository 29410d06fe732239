"""A richer space that reaches further down than the mesh: errors of elements and of V_min are both seen there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import spaces
from ..algebra import composite
from ..firing.layers import coefficients_at
from ..firing.over_v import OverV
from ..problem import Infeasible
from . import splitting
from .automatic import Flow, choose_nodes
from .tuning import EXTENT
from .weighted import adjoint_values

_DECAY = (3.0, 7.0, 12.0)  # powers of e by which the density has fallen at the cell ends below V_min


class Widened:
    """`problem`: elements of a degree higher by `by`, on the cells of a problem and a few below its V_min.

    A state of the problem goes on below V_min as one without flux would: n = n(V_min) exp(-int f/a), drift f and noise
    a at the scalars of (t, y), a fixed profile for each field. Raises Infeasible where (t, y) has no scalars.
    """

    def __init__(self, problem: OverV, t: float, y: np.ndarray, by: int = 2) -> None:
        self.base, low = problem, problem.cells[0]
        cells = np.concatenate([ends_below(problem, t, y), problem.cells])
        wide = problem.on_cells(cells)
        self.problem, _ = wide.enriched(np.ones(wide.size), by, reach=False)
        nodes = self.problem.nodes
        self._count = int(np.searchsorted(nodes, low))
        self._profiles = {}
        for name in problem.field_names:
            self._profiles[name] = profile_below(problem, t, y, name, nodes[: self._count + 1])
        self._weights = self.problem.coupling(t, self.embedded(y))[2]

    def embedded(self, y: np.ndarray) -> np.ndarray:
        """y in this space: the same functions of v down to V_min, their profiles below, the same scalars."""
        base, new = self.base, self.problem

        def at(name: str) -> np.ndarray:
            full = base.full(name, y)
            values = spaces.evaluate(base.cells, base.degree, full, new.nodes)
            values[: self._count] = full[0] * self._profiles[name]
            return values

        return splitting.with_values(base, new, y, at)

    def dual_from(self, old: Any, t: float, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The adjoint z at a state x of another richer problem as one of this: the same test functions of v."""
        new, v = self.problem, np.clip(self.problem.nodes, old.cells[0], old.cells[-1])

        def at(name: str) -> np.ndarray:
            values = spaces.evaluate(old.cells, old.degree, adjoint_values(old, t, x, name, z), v)
            if name in self._weights:
                values[: new.layout.free(name)] += values[-1] * self._weights[name][new.layout.slice(name)]
            return values

        return splitting.with_values(old, new, z, at)

    def of(self, other: Widened, x: np.ndarray) -> np.ndarray:
        """The functions that x is in the space of another, interpolated here."""
        old, new = other.problem, self.problem
        at = lambda name: spaces.evaluate(old.cells, old.degree, old.full(name, x), new.nodes)
        return splitting.with_values(old, new, x, at)


def profile_below(problem: OverV, t: float, y: np.ndarray, name: str, ends: np.ndarray) -> np.ndarray:
    """exp(-int f/a) at all but the last of `ends`, over its value there: a density without flux below V_min."""
    v, weights = composite(ends, 6)
    drift, noise, _ = coefficients_at(problem, t, y, name, v.ravel())
    potential = ((drift / noise).reshape(v.shape) * weights).sum(axis=1)
    return np.exp(-np.cumsum(potential[::-1])[::-1])


def reaching(problem: OverV) -> np.ndarray | None:
    """Cells of a mesh given by the user, and others beyond its ends as far as its model has neurons.

    None where there are none there, or where no ends can be chosen: those of the user are then walls of the model.
    """
    cells = problem.cells
    try:
        wide = choose_nodes(Flow(problem.model), spaces.SpectralElement(), EXTENT.reached)
    except ValueError:
        return None
    low, high = wide[wide < cells[0] - (cells[1] - cells[0]) / 4], wide[wide > cells[-1] + (cells[-1] - cells[-2]) / 4]
    if problem.top == cells[-1]:
        high = high[:0]
    return np.concatenate([low, cells, high]) if low.size or high.size else None


def reached(problem: OverV, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """(problem, y) on a mesh that goes beyond the ends of the user's, as far as the model has neurons."""
    cells = reaching(problem)
    if cells is None:
        return problem, y
    wide = problem.on_cells(cells)
    return wide, continued(problem, wide, y)


def truncation(problem: OverV) -> str:
    """What the ends of a mesh visibly cut off the stationary density without activity, in words; else nothing."""
    flow, parts = Flow(problem.model, problem.weak_form), []
    low, high = float(problem.cells[0]), float(problem.cells[-1])
    try:
        below = flow.share_below(low)
        if below > EXTENT.visible:
            parts.append(f"V_min = {low:g} cuts off {100 * below:.2g} %, where {flow.cut(EXTENT.reached):.3g} would do")
    except ValueError:
        pass  # walls of the model
    if flow.lives_above:
        decay = flow.decay_above(problem.top)
        above = math.exp(-(high - problem.top) / decay)
        if above > EXTENT.visible:
            wanted = problem.top - decay * math.log(EXTENT.reached)
            parts.append(f"V_max = {high:g} cuts off {100 * above:.2g} % of what is above V_F; {wanted:.3g} would do")
    return "" if not parts else f"The mesh is too short for the density: {', '.join(parts)}."


def continued(problem: OverV, wide: Any, y: np.ndarray) -> np.ndarray:
    """y on a mesh with the same cells and others beyond: below V_min without flux, nobody above V_max."""
    result, count = splitting.transfer(problem, wide, y), int(np.searchsorted(wide.nodes, problem.cells[0]))
    for name in problem.field_names:
        first = wide.layout.slice(name).start
        try:
            below = profile_below(problem, 0.0, y, name, wide.nodes[: count + 1])
        except Infeasible:
            continue
        result[first : first + count] = result[first + count] * np.minimum(below, 10.0)
    return splitting.conserving(problem, wide, y, result)


def ends_below(problem: OverV, t: float, y: np.ndarray) -> np.ndarray:
    """Cell ends below V_min, sorted, down to where a density without flux has all but vanished; none if none does."""
    low, width = problem.cells[0], problem.length
    ends = []
    for name in problem.field_names:
        drift, noise, _ = coefficients_at(problem, t, y, name, np.array([low]))
        length = float(noise[0] / max(drift[0], 1e-2 * noise[0] / width))
        distance = np.concatenate([[0.0], length * np.cumsum(0.3 * 1.06 ** np.arange(EXTENT.panels_beyond))])
        drift, noise, _ = coefficients_at(problem, t, y, name, low - distance)
        slope = drift / noise
        fallen = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(distance))])
        if np.all(slope > 0) and fallen[-1] > _DECAY[-1]:
            ends.append(np.interp(_DECAY, fallen, distance))
    return low - np.max(ends, axis=0)[::-1] if ends else np.zeros(0)


def element_rates(problem: OverV, t: float, y: np.ndarray, name: str, scalars: np.ndarray) -> np.ndarray:
    """What each cell contributes to the rates of its own nodes in a field, V_F included, shape (cells, degree + 1).

    Drift and noise are frozen at `scalars`; without sources. The
    diagonal entry of a node that two cells share is divided so that no cell creates mass.
    """
    place = problem.layout.slice(name)
    band, free, nodes = problem.linear_at(t, scalars).band, problem.layout.free(name), problem.cell_nodes
    rows, columns = np.broadcast_arrays(nodes[:, :, None], nodes[:, None, :])
    inside = (rows < free) & (columns < free) & (rows - columns <= band.kl) & (columns - rows <= band.ku)
    local = np.zeros(rows.shape)
    i, j = rows[inside] + place.start, columns[inside] + place.start
    local[inside] = band.data[band.ku + i - j, j]
    for cell in range(len(nodes) - 1):
        whole = local[cell, -1, -1]
        local[cell, -1, -1] = -local[cell, :-1, -1].sum()
        local[cell + 1, 0, 0] = whole - local[cell, -1, -1]
    rates = np.einsum("cij,cj->ci", local, problem.full(name, y)[nodes])
    if problem.layout.tied[name] is not None:
        rates[-1, -1] = -rates[-1, :-1].sum()
    return rates
