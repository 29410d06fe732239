"""How far a mesh reaches along an axis: what a density without activity is made of, and where it is negligible."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..spaces import Line
from ..weakform import Axis, Equations, Index, Term
from .adapt import of_cells, relative, room_for, unresolved
from .forms import kernels_of, read_by
from .on_axes import OnAxes
from .tuning import MESHES


def further(system: OnAxes, y: np.ndarray, share: float, at_rest: bool = False) -> dict[str, Line]:
    """Lines to where densities fall below `share` of their largest values, towards infinite ends that are too near.

    at_rest: so far that a density at rest without activity is below `share`, too: what y was not yet, it may become.
    Where cells do not resolve y, it oscillates up to the ends: what is no more than that is no reason to go further.
    """
    lines = {}
    for name, line in system.lines.items():
        axis, cells = system.equations.axis(name), line.cells
        beyond = lambda side, least, name=name, axis=axis: max(
            _missing(system, y, u, name, side, least) for u in unknowns_over(system.equations, axis)
        )
        for side, end in ((-1.0, axis.low), (1.0, axis.high)):
            if np.isfinite(end):
                continue
            width, last = (line.widths[0], cells[0]) if side < 0 else (line.widths[-1], cells[-1])
            gap = beyond(side, share)
            if gap > 0 and line.continuous and system.tol is not None:
                lacking = unresolved(system, name, y).max()
                gap = beyond(side, max(share, lacking)) if lacking > system.tol else gap
            if at_rest:
                gap = max(gap, side * (reach(system.model, system.equations, axis, side, np.sqrt(share)) - last))
            if gap > MESHES.noticed * width:
                more = last + side * width * np.arange(1, int(np.ceil(gap / width)) + 1)
                cells = np.sort(np.concatenate([cells, more]))
        if len(cells) > line.count + 1:
            lines[name] = of_cells(line, cells)
    return lines


def longer_lines(system: OnAxes, y: np.ndarray) -> dict[str, Line]:
    """`further` as the tolerance of a system asks for a state of a run; not along one axis of transport of several."""
    lines, several = further(system, y, system.tol**2), len(system.lines) > 1
    lines = {name: line for name, line in lines.items() if line.continuous or not several}
    return {name: line for name, line in lines.items() if room_for(system, name, line.count)}


def _missing(system: OnAxes, y: np.ndarray, u: Any, axis: str, side: float, share: float) -> float:
    """How far beyond an end of the mesh a density is above `share` of its largest value; it decays as in the last cell.

    Where it grows there, towards an end that holds it back, as over the scale of the axis.
    """
    line, values = system.lines[axis], np.abs(relative(system, u, axis, y))
    at, before = (line.dofs[0, 0], line.dofs[0, -1]) if side < 0 else (line.dofs[-1, -1], line.dofs[-1, 0])
    width = float(line.widths[0] if side < 0 else line.widths[-1])
    end, inner_end = values[..., at], values[..., before]
    rate = np.log(np.maximum(inner_end, MESHES.nothing) / np.maximum(end, MESHES.nothing)) / width
    distance = np.log(np.maximum(end / share, 1.0)) / np.maximum(rate, 1 / system.equations.axis(axis).scale)
    return float(distance.max(initial=0.0))


def spreads(system: OnAxes, y: np.ndarray) -> str:
    """Why densities fit no mesh, or nothing: towards an end at infinity one still is large where the mesh ends."""
    for name, line in system.lines.items() if system.tol is not None else ():
        axis = system.equations.axis(name)
        for u in unknowns_over(system.equations, axis):
            values = np.abs(relative(system, u, name, y))
            for end, at, place in ((axis.low, line.dofs[0, 0], 0), (axis.high, line.dofs[-1, -1], -1)):
                share = float(values[..., at].max(initial=0.0))
                if np.isinf(end) and share > system.tol:
                    where = f"{name} = {line.cells[place]:g}"
                    return f"{u.name} is {share:.2g} of its largest value at {where}: it spreads beyond every mesh"
    return ""


def reach(model: Any, equations: Equations, axis: Axis, side: float, tol: float) -> float:
    """Where a density at rest without activity falls below tol^2, towards an infinite end."""
    start = next((end for end in (axis.low, axis.high) if np.isfinite(end)), 0.0)
    inner = [place for place in (start, *axis.points.values())]
    start = max(inner) if side > 0 else min(inner)
    distance = np.concatenate([np.linspace(0, 20, 2000), np.geomspace(20.01, MESHES.furthest, 1000)]) * axis.scale
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
    """Densities over an axis."""
    return [u for u in equations.unknowns if u.kind == "evolves" and axis.name in u.over]


def inner(axis: Axis) -> float:
    """A place inside an axis that is none of its symmetric ones."""
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
