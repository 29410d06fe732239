"""How far a mesh reaches along an axis: what a density without activity is made of, and where it is negligible."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..spaces import Line
from ..weakform import Axis, Equations, Index, Term
from .adapt import of_cells
from .forms import kernels_of, read_by
from .on_axes import OnAxes

_FURTHEST = 1e3  # of an axis without an end on which nothing decays, in units of its scale


def further(system: OnAxes, mass: float) -> dict[str, Line]:
    """Lines that cut off less than `mass` of a density at rest towards infinite ends, of axes that end before."""
    lines = {}
    for name, line in system.lines.items():
        axis, cells = system.equations.axis(name), line.cells
        for side, end, width in ((-1.0, axis.low, line.widths[0]), (1.0, axis.high, line.widths[-1])):
            if np.isfinite(end):
                continue
            last = cells[0] if side < 0 else cells[-1]
            gap = side * (reach(system.model, system.equations, axis, side, float(np.sqrt(mass))) - last)
            if gap > 1e-9 * abs(last):
                more = last + side * np.linspace(0.0, gap, int(np.ceil(gap / width)) + 1)[1:]
                cells = np.sort(np.concatenate([cells, more]))
        if len(cells) > len(line.cells):
            lines[name] = of_cells(line, cells)
    return lines


def reach(model: Any, equations: Equations, axis: Axis, side: float, tol: float) -> float:
    """Where a density at rest without activity falls below tol^2, towards an infinite end."""
    start = next((end for end in (axis.low, axis.high) if np.isfinite(end)), 0.0)
    inner = [place for place in (start, *axis.points.values())]
    start = max(inner) if side > 0 else min(inner)
    distance = np.concatenate([np.linspace(0, 20, 2000), np.geomspace(20.01, _FURTHEST, 1000)]) * axis.scale
    x = start + side * distance
    ends = [_decays(model, equations, axis, u, side, distance, x, tol) for u in unknowns_over(equations, axis)]
    return float(start + side * max(ends, default=0.0))


def _decays(
    model: Any, equations: Equations, axis: Axis, u: Any, side: float, distance: np.ndarray, x: np.ndarray, tol: float
) -> float:
    """The distance, of those to x, at which a density at rest without activity is below tol^2, for all its entries."""
    furthest = 0.0
    for drift, noise, loss in zip(*at_rest(model, equations, axis, u, x), strict=True):
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


def at_rest(model: Any, equations: Equations, axis: Axis, u: Any, x: np.ndarray) -> np.ndarray:
    """Drift, noise and loss of a density without activity at x along an axis, a row each for every entry of indices."""
    entries = [equations.axis(name).count for name in u.over if isinstance(equations.axis(name), Index)]
    parts = np.zeros((3, int(np.prod(entries, dtype=int)), len(x)))
    for term, places, kernels in terms_along(model, equations, axis, u, x):
        c = _without_activity(model, equations, term, places)
        for part, sign, which in zip(
            parts, (1, -1, -1), ((None, axis.name), (axis.name,) * 2, (None, None)), strict=True
        ):
            part += sign * np.reshape(c * kernels.get(which, np.zeros(1)), (len(part), -1))
    return parts


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
            value = places.get(name, np.zeros(size, int) if isinstance(axis, Index) else inner(axis))
        else:
            given = next((i for i in equations.inputs if i.name == name and hasattr(i, "parameter")), None)
            number = None if given is None else getattr(model, given.parameter)
            value = number if isinstance(number, int | float) else 0.0
        setattr(s, name, value)
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.nan_to_num(np.real(term.coefficient(s, model))), (size,)).astype(float)


def unknowns_over(equations: Equations, axis: Axis) -> list[Any]:
    return [u for u in equations.unknowns if u.kind == "evolves" and axis.name in u.over]


def inner(axis: Axis) -> float:
    low = axis.low if np.isfinite(axis.low) else (axis.high if np.isfinite(axis.high) else 0.0) - 2 * axis.scale
    high = axis.high if np.isfinite(axis.high) else low + 2 * axis.scale
    return low + 0.381966 * (high - low)


def terms_along(model: Any, equations: Equations, axis: Axis, u: Any, x: np.ndarray) -> list[tuple[Term, dict, dict]]:
    """(term, places, kernels) of the terms of a density in its own equation, at x along the axis, for each entry of
    its indices one row of x after the other."""
    others = [a for a in equations.axes if a.name in u.over and a.name != axis.name]
    indices = [a for a in others if isinstance(a, Index)]
    entries = np.meshgrid(*[np.arange(a.count) for a in indices], indexing="ij")
    count = int(np.prod([a.count for a in indices], dtype=int))
    places: dict[str, Any] = {a.name: np.full(count * len(x), inner(a)) for a in others if isinstance(a, Axis)}
    places |= {a.name: np.repeat(k.ravel(), len(x)) for a, k in zip(indices, entries, strict=True)}
    places[axis.name] = np.tile(x, count)
    found, names = [], [name for name in u.over if isinstance(equations.axis(name), Axis)]
    for term in equations.terms:
        own = term.into == u.name == term.of and not term.at and term.matrix is None and term.lands is None
        if own:
            found.append((term, places, kernels_of(term, names, SimpleNamespace(**places), count * len(x))))
    return found
