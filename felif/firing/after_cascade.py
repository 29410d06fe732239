"""The state right after a synchronous spike of several populations, see `firing.cascade`, and after a dead time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..problem import NotConverged
from ..systems.adapt import graded, shortest_at, transferred
from ..systems.on_axes import OnAxes
from ..translation import law_of
from .cascade import Cascade
from .dilated import further_down
from .synchronous import CumulativeMass
from .tuning import SPIKE


def after_cascade(problem: OnAxes, y: np.ndarray, found: Cascade) -> tuple[dict[str, Any], np.ndarray]:
    """(the state right after as initial data, populations of which all neurons wait; `emptied` makes them so).

    Densities are moved, those that have fired set down or waiting.
    """
    populations, (name,) = law_of(problem.model).populations, problem.field_names
    pairs = zip(populations, problem.field(name, y), found.shifts.tolist(), found.reached.tolist(), strict=True)
    densities, nobody = [_moved(one, density, x, most) for one, density, x, most in pairs], np.zeros(0, int)
    data: dict[str, Any] = {name: densities}
    for u in problem.layout.numbers:
        rests = np.array([one.rests for one in populations])
        waiting = problem.full(u.name, y) + np.where(rests, found.sizes, 0.0)
        nobody = np.flatnonzero(waiting >= 1 - SPIKE.nobody)
        data[u.name] = np.where(waiting >= 1 - SPIKE.nobody, 0.0, waiting)
    for i in nobody.tolist():
        densities[i] = _moved(populations[i], problem.field(name, y)[i], 0.0, 0.0)  # any
    return data, nobody


def emptied(problem: OnAxes, y: np.ndarray, nobody: np.ndarray) -> np.ndarray:
    """y with all neurons of these populations waiting."""
    layout, y = problem.layout, y.copy()
    density = layout.position[layout.indices(problem.field_names[0])].reshape(len(problem.conserved), -1)
    for i in nobody.tolist():
        y[density[i][density[i] >= 0]] = 0.0
        for u in layout.numbers:
            y[layout.position[layout.indices(u.name)][i]] = 1.0
    return y


def _moved(one: Any, density: Any, shift: float, reached: float) -> Callable[[np.ndarray], np.ndarray]:
    """n+(v) = sum_k n(v - X + k L) of those that fired k times: V_F - M + (k - 1) L <= v - X + k L < V_F - M + k L.

    Those that rest are not set down: k = 0 only. Edges are as sharp as noise leaves them at once: a jump between cells
    is spread by SPIKE.spread L, an error of its square, and below V_F there is a layer of SPIKE.layer L.
    """
    from scipy.special import ndtr

    length, gap = one.v_fire - one.v_reset, reached - shift
    laps = 0 if one.rests else int(max(reached, 0.0) / length) + 1
    top, bottom = one.v_fire - gap, one.v_reset - gap

    def below(v: np.ndarray, edge: float) -> np.ndarray:
        return ndtr((edge - v) / (SPIKE.spread * length)) if gap > 0 else np.where(v < edge, 1.0, 0.0)

    def after(v: np.ndarray) -> np.ndarray:
        found = np.maximum(density(np.minimum(v - shift, one.v_fire)), 0.0)
        for k in range(1, laps + 1):
            again = np.where(v - shift + k * length < one.v_fire, density(v - shift + k * length), 0.0)
            found = found + (1 - below(v, bottom)) * np.maximum(again, 0.0)
        return found * below(v, top) * -np.expm1(-((np.minimum(v - one.v_fire, 0.0) / (SPIKE.layer * length)) ** 2))

    return after


def set_down(problem: OnAxes, y: np.ndarray, returning: np.ndarray) -> tuple[Any, np.ndarray]:
    """(problem, y) with these fractions of the silent at V_R: nodal values there, which keep the mass.

    On a mesh made from a tolerance cells at V_R become short before.
    """
    populations, (name,), (axis,) = law_of(problem.model).populations, problem.field_names, problem.lines
    if problem.tol is not None:
        cells = problem.lines[axis].cells
        for one in (one for one, share in zip(populations, returning.tolist(), strict=True) if share > 0):
            while shortest_at(cells, one.v_reset) > SPIKE.at_reset * (one.v_fire - one.v_reset):
                cells = graded(cells, {one.v_reset: 1.0})
        finer = problem.on_cells({axis: cells})
        problem, y = finer, transferred(problem, finer, y)
    layout, y, nodes = problem.layout, y.copy(), problem.lines[axis].nodes
    density = layout.position[layout.indices(name)].reshape(len(populations), -1)
    (silent,) = (layout.position[layout.indices(u.name)] for u in layout.numbers)
    for i, one in enumerate(populations):
        if returning[i] > 0:
            at = density[i, int(np.argmin(np.abs(nodes - one.v_reset)))]
            y[at] += returning[i] / problem.mass.data[0][at]
            y[silent[i]] -= returning[i]
    return problem, y


def roomy(problem: OnAxes, densities: Any, shifts: np.ndarray, whole: Any) -> Any:
    """`problem` with cells below for neurons that are moved down. NotConverged on a mesh of the user without room.

    densities: before they are moved, on the mesh of `whole`.
    """
    (line,), (axis,) = whole.lines.values(), whole.lines
    cells, part = problem.lines[axis].cells, 0.1 * (problem.tol or SPIKE.lost)
    lowest = cells[0]
    for density, shift in zip(densities, shifts.tolist(), strict=True):
        if shift < 0:
            tail = CumulativeMass(line.cells, line.modes(density(line.nodes)[None])[0])
            below = tail(line.cells[:1]) - tail(line.nodes)
            lowest = min(lowest, float(line.nodes[np.searchsorted(np.maximum.accumulate(below), part)]) + shift)
    if not lowest < cells[0]:
        return problem
    if problem.tol is None:
        raise NotConverged(f"it moves neurons down to {lowest:.4g}, where the mesh has no cells")
    return problem.on_cells({axis: further_down(cells, lowest)})
