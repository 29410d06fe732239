"""(model, mesh, space) -> System: cells along every axis, and which axes take discontinuous elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..spaces import Line
from ..weakform import Axis, Delayed, Equations
from .adapt import graded, shortest_at
from .positive import require_positive
from .reach import at_rest, inner, reach, terms_along, unknowns_over
from .soundness import require_analytic, require_conserved
from .system import System
from .tuning import MESHES


def discretize_equations(model: Any, mesh: Any, space: Any, tol: float | None) -> System:
    """A System on {axis: ends of cells}, or {axis: Line}, or on cells chosen from tol. Raises ValueError."""
    equations = model.equations()
    _require_places_and_delays(model, equations)
    degree = space.degree
    axes = [axis for axis in equations.axes if isinstance(axis, Axis)]
    lines = {}
    for axis in axes:
        continuous = _is_continuous(model, equations, axis)
        if mesh is None:
            only = len(axes) == 1 and not continuous and np.isfinite([axis.low, axis.high]).all()
            finer = max(1.0, (tol / MESHES.coarsest) ** MESHES.transport) if only else 1.0
            cells = _chosen(model, equations, axis, tol, finer)
        elif not isinstance(mesh, Mapping) or axis.name not in mesh:
            raise ValueError(
                f"discretize: mesh = {mesh!r}; allowed is {{axis: ends of cells}} for {[a.name for a in axes]}"
            )
        else:
            cells = _given(axis, mesh[axis.name])
        lines[axis.name] = Line(cells, degree if continuous or degree > 1 else 0, continuous, axis.periodic)
        _require_noise(model, equations, axis, lines[axis.name].points)
    system = System(model, equations, lines, space, tol, discretize_equations)
    require_analytic(system)
    require_conserved(system)
    if system.positive:
        require_positive(system)
    return system


def _require_places_and_delays(model: Any, equations: Equations) -> None:
    for what in (*equations.unknowns, *equations.terms):
        for axis, place in what.at.items():
            if not (isinstance(place, tuple) or callable(place)) and not np.isfinite(place):
                raise ValueError(
                    f"{type(model).__name__}: something acts at {axis} = {place}; allowed are finite places, but for "
                    "the v_fire of a network that is otherwise like NoisyLIF"
                )
    for given in equations.inputs:
        if isinstance(given, Delayed):
            given.of_model(model)


def _given(axis: Axis, cells: Any) -> np.ndarray:
    if isinstance(cells, Line):
        return cells.cells
    cells = np.asarray(cells, float)
    allowed = "allowed are increasing numbers, two or more"
    if cells.ndim != 1 or len(cells) < 2 or not np.isfinite(cells).all() or not (np.diff(cells) > 0).all():
        raise ValueError(f"discretize: mesh[{axis.name!r}] = {cells!r}; {allowed}")
    wanted = [end for end in (axis.low, axis.high) if np.isfinite(end)] + list(axis.points.values())
    missing = [place for place in wanted if place not in cells]
    if missing or cells[0] < axis.low or cells[-1] > axis.high:
        raise ValueError(
            f"discretize: mesh[{axis.name!r}] from {cells[0]:g} to {cells[-1]:g} lacks {missing}; allowed are cells of "
            f"[{axis.low}, {axis.high}] with ends there"
        )
    return cells


def _is_continuous(model: Any, equations: Equations, axis: Axis) -> bool:
    """Whether anything diffuses along an axis."""
    x = np.zeros(1) + inner(axis)
    return any(
        (axis.name, axis.name) in found
        for u in unknowns_over(equations, axis)
        for _, _, found in terms_along(model, equations, axis, u, x)
    )


def _chosen(model: Any, equations: Equations, axis: Axis, tol: float, finer: float) -> np.ndarray:
    """Cells to begin with: as far as a density at rest reaches without activity, and a few between named places,
    `finer` times as many as there would be."""
    low, high = axis.low, axis.high
    if not np.isfinite(low):
        low = reach(model, equations, axis, -1.0, tol)
    if not np.isfinite(high):
        high = reach(model, equations, axis, 1.0, tol)
    places = np.unique([low, high, *axis.points.values()])
    parts = []
    for a, b in zip(places, places[1:], strict=False):
        if b == high and not np.isfinite(axis.high):
            ends = np.r_[a, a + _growing(b - a, axis.scale), b]
        elif a == low and not np.isfinite(axis.low):
            ends = np.r_[a, (b - _growing(b - a, axis.scale))[::-1], b]
        else:
            count = int(np.clip(np.ceil((b - a) / axis.scale), 4 if axis.periodic else 2, MESHES.first_cells))
            ends = np.linspace(a, b, count + 1)
        number = np.arange(len(ends))
        parts.append(np.interp(np.linspace(0, number[-1], int(np.ceil(finer * number[-1])) + 1), number, ends))
    cells = np.unique(np.concatenate(parts))
    for place, power in axis.graded.items():
        while shortest_at(cells, place) > axis.scale * min(1.0, MESHES.graded * tol) ** power:
            cells = graded(cells, {place: power})
    return cells


def _growing(length: float, scale: float) -> np.ndarray:
    """Distances below `length` from a finite end: cells of about the scale, wider and wider."""
    widths = [0.5 * scale]
    while sum(widths) < length:
        widths.append(max(0.5 * scale, min(MESHES.growth * widths[-1], 0.25 * sum(widths))))
    ends = np.cumsum(widths)
    return ends[:-1] * (length / ends[-1])


def _require_noise(model: Any, equations: Equations, axis: Axis, x: np.ndarray) -> None:
    """ValueError where noise without activity is negative at one of the places x."""
    for u in unknowns_over(equations, axis):
        noises = at_rest(model, equations, axis, u, x)[1]
        if (noises < 0).any():
            at = int(np.argmin(noises.min(axis=0)))
            raise ValueError(
                f"{type(model).__name__}: the noise of {u.name} along {axis.name} without activity is "
                f"{noises[:, at].min():.6g} at {axis.name} = {x[at]:.6g}; allowed is a positive one: `noise`, with a "
                "positive coefficient"
            )
