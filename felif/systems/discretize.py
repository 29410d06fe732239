"""(model, mesh, space) -> System: cells along every axis, and which axes take discontinuous elements."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..spaces import Line
from ..weakform import Axis, Delayed, Equations, Index, Term
from .adapt import graded, shortest_at
from .forms import kernels_of, read_by
from .positive import require_positive
from .soundness import require_analytic, require_conserved
from .system import System

_FURTHEST = 1e3  # of an axis without an end on which nothing decays, in units of its scale
_GROWTH = 1.4  # of cells towards an infinite end
_MOST = 12  # cells between two named places, at first
_SAMPLES = 4000
_GRADED = 5000.0  # times tol: the smallest cell next to a place where a density is not smooth, see `Axis`


def discretize_equations(model: Any, mesh: Any, space: Any, tol: float | None) -> System:
    """A System on {axis: ends of cells}, or {axis: Line}, or on cells chosen from tol. Raises ValueError."""
    equations = model.equations()
    _require_places_and_delays(model, equations)
    degree = space.degree
    axes = [axis for axis in equations.axes if isinstance(axis, Axis)]
    lines = {}
    for axis in axes:
        if mesh is None:
            cells = _chosen(model, equations, axis, tol)
        elif not isinstance(mesh, Mapping) or axis.name not in mesh:
            raise ValueError(
                f"discretize: mesh = {mesh!r}; allowed is {{axis: ends of cells}} for {[a.name for a in axes]}"
            )
        else:
            cells = _given(axis, mesh[axis.name])
        continuous = _is_continuous(model, equations, axis)
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
    x = np.zeros(1) + _inner(axis)
    return any(
        (axis.name, axis.name) in found
        for u in _over(equations, axis)
        for _, _, found in _along(model, equations, axis, u, x)
    )


def _over(equations: Equations, axis: Axis) -> list[Any]:
    return [u for u in equations.unknowns if u.kind == "evolves" and axis.name in u.over]


def _inner(axis: Axis) -> float:
    low = axis.low if np.isfinite(axis.low) else (axis.high if np.isfinite(axis.high) else 0.0) - 2 * axis.scale
    high = axis.high if np.isfinite(axis.high) else low + 2 * axis.scale
    return low + 0.381966 * (high - low)


def _along(model: Any, equations: Equations, axis: Axis, u: Any, x: np.ndarray) -> list[tuple[Term, dict, dict]]:
    """(term, places, kernels) of the terms of a density in its own equation, at x along the axis, for each entry of
    its indices one row of x after the other."""
    others = [a for a in equations.axes if a.name in u.over and a.name != axis.name]
    indices = [a for a in others if isinstance(a, Index)]
    entries = np.meshgrid(*[np.arange(a.count) for a in indices], indexing="ij")
    count = int(np.prod([a.count for a in indices], dtype=int))
    places: dict[str, Any] = {a.name: np.full(count * len(x), _inner(a)) for a in others if isinstance(a, Axis)}
    places |= {a.name: np.repeat(k.ravel(), len(x)) for a, k in zip(indices, entries, strict=True)}
    places[axis.name] = np.tile(x, count)
    found, names = [], [name for name in u.over if isinstance(equations.axis(name), Axis)]
    for term in equations.terms:
        own = term.into == u.name == term.of and not term.at and term.matrix is None and term.lands is None
        if own:
            found.append((term, places, kernels_of(term, names, SimpleNamespace(**places), count * len(x))))
    return found


def _chosen(model: Any, equations: Equations, axis: Axis, tol: float) -> np.ndarray:
    """Cells to begin with: as far as a density at rest reaches without activity, and a few between named places."""
    low, high = axis.low, axis.high
    if not np.isfinite(low):
        low = _reach(model, equations, axis, -1.0, tol)
    if not np.isfinite(high):
        high = _reach(model, equations, axis, 1.0, tol)
    places = np.unique([low, high, *axis.points.values()])
    parts = [places[:1]]
    for a, b in zip(places, places[1:], strict=False):
        if b == high and not np.isfinite(axis.high):
            parts += [a + _growing(b - a, axis.scale), np.array([b])]
        elif a == low and not np.isfinite(axis.low):
            parts.append((b - _growing(b - a, axis.scale))[::-1])
            parts.append(np.array([b]))
        else:
            count = int(np.clip(np.ceil((b - a) / axis.scale), 4 if axis.periodic else 2, _MOST))
            parts.append(np.linspace(a, b, count + 1)[1:])
    cells = np.unique(np.concatenate(parts))
    for place, power in axis.graded.items():
        while shortest_at(cells, place) > axis.scale * min(1.0, _GRADED * tol) ** power:
            cells = graded(cells, {place: power})
    return cells


def _growing(length: float, scale: float) -> np.ndarray:
    """Distances below `length` from a finite end: cells of about the scale, wider and wider."""
    widths = [0.5 * scale]
    while sum(widths) < length:
        widths.append(max(0.5 * scale, min(_GROWTH * widths[-1], 0.25 * sum(widths))))
    ends = np.cumsum(widths)
    return ends[:-1] * (length / ends[-1])


def _reach(model: Any, equations: Equations, axis: Axis, side: float, tol: float) -> float:
    """Where a density at rest without activity falls below tol^2, towards an infinite end."""
    start = next((end for end in (axis.low, axis.high) if np.isfinite(end)), 0.0)
    inner = [place for place in (start, *axis.points.values())]
    start = max(inner) if side > 0 else min(inner)
    distance = np.concatenate([np.linspace(0, 20, 2000), np.geomspace(20.01, _FURTHEST, 1000)]) * axis.scale
    x = start + side * distance
    ends = [_decays(model, equations, axis, u, side, distance, x, tol) for u in _over(equations, axis)]
    return float(start + side * max(ends, default=0.0))


def _decays(
    model: Any, equations: Equations, axis: Axis, u: Any, side: float, distance: np.ndarray, x: np.ndarray, tol: float
) -> float:
    """The distance, of those to x, at which a density at rest without activity is below tol^2, for all its entries."""
    furthest = 0.0
    for drift, noise, loss in zip(*_at_rest(model, equations, axis, u, x), strict=True):
        if (noise > 0).all():
            slope = side * drift / noise
        elif (drift * side > 0).all():
            slope = -loss / np.abs(drift)
        else:
            furthest = max(furthest, 12 * axis.scale)
            continue
        steps = np.diff(distance) * (slope[1:] + slope[:-1]) / 2
        potential = np.concatenate([[0.0], np.cumsum(steps)])
        potential -= np.maximum.accumulate(potential)
        enough = np.flatnonzero(potential < 2 * np.log(tol) - 5)
        furthest = max(furthest, float(distance[enough[0] if len(enough) else -1]))
    return furthest


def _at_rest(model: Any, equations: Equations, axis: Axis, u: Any, x: np.ndarray) -> np.ndarray:
    """Drift, noise and loss of a density without activity at x along an axis, a row each for every entry of indices."""
    entries = [equations.axis(name).count for name in u.over if isinstance(equations.axis(name), Index)]
    parts = np.zeros((3, int(np.prod(entries, dtype=int)), len(x)))
    for term, places, kernels in _along(model, equations, axis, u, x):
        c = _without_activity(model, equations, term, places)
        for part, sign, which in zip(
            parts, (1, -1, -1), ((None, axis.name), (axis.name,) * 2, (None, None)), strict=True
        ):
            part += sign * np.reshape(c * kernels.get(which, np.zeros(1)), (len(part), -1))
    return parts


def _require_noise(model: Any, equations: Equations, axis: Axis, x: np.ndarray) -> None:
    """ValueError where noise without activity is negative at one of the places x."""
    for u in _over(equations, axis):
        noises = _at_rest(model, equations, axis, u, x)[1]
        if (noises < 0).any():
            at = int(np.argmin(noises.min(axis=0)))
            raise ValueError(
                f"{type(model).__name__}: the noise of {u.name} along {axis.name} without activity is "
                f"{noises[:, at].min():.6g} at {axis.name} = {x[at]:.6g}; allowed is a positive one: `noise`, with a "
                "positive coefficient"
            )


def _without_activity(model: Any, equations: Equations, term: Term, places: dict[str, np.ndarray]) -> np.ndarray:
    """The coefficient of a term at places where unknowns and inputs that are functions of time are 0."""
    size = len(next(iter(places.values())))
    if term.coefficient is None:
        return np.ones(size)
    known = {u.name for u in equations.unknowns} | {i.name for i in equations.inputs} | {a.name for a in equations.axes}
    indices = {a.name for a in equations.axes if isinstance(a, Index)}
    s = SimpleNamespace()
    for name in read_by(term, known, indices, model):
        value: Any = 0.0
        if name in known - {u.name for u in equations.unknowns} - {i.name for i in equations.inputs}:
            axis = equations.axis(name)
            value = places.get(name, np.zeros(size, int) if isinstance(axis, Index) else _inner(axis))
        else:
            given = next((i for i in equations.inputs if i.name == name and hasattr(i, "parameter")), None)
            number = None if given is None else getattr(model, given.parameter)
            value = number if isinstance(number, int | float) else 0.0
        setattr(s, name, value)
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.nan_to_num(np.real(term.coefficient(s, model))), (size,)).astype(float)
