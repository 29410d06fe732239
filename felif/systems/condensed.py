"""A system along one axis as the compiled core takes it: what is affine in numbers is read off from its Jacobians.

    F = sum_k z_k (A_k y + f_k),      g = sum_k z_k (r_k . y + rho_k),      z = (1, inputs, numbers, algebraic unknowns)

A_k and r_k are what the Jacobian gains in the columns of densities where z_k is one, f_k and rho_k its own column where
everything is zero. Whether that is all there is shows at states drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..algebra import compiled
from ..algebra.lanes import Condensed, Lanes
from ..given.inputs import input_value
from ..spaces import Line
from ..weakform import Given
from .on_axes import OnAxes
from .operator import STEP
from .tuning import CHECKS


def condensed(system: OnAxes) -> Condensed | None:
    """None where the core does not take the system.

    That is: densities over more than one axis, a periodic one or one without noise, terms that join cells apart or are
    not affine in numbers, conditions, more numbers than it has room for.
    """
    layout = system.selected
    names = tuple(input_functions(system))
    numbers = layout.n_y - layout.n_fields
    if not _fits(system, layout, numbers, 1 + len(names) + numbers + layout.n_z):
        return None
    lanes = _lanes(system, layout, numbers)
    heard = np.array([name in names for given in layout.inputs for name in layout.flattened(given.name)], bool)
    first_z = layout.n_y + layout.n_z
    entries = np.concatenate([first_z + np.flatnonzero(heard), np.arange(layout.n_fields, first_z)])
    with np.errstate(all="ignore"):
        read = _read(system._operator, entries, layout.n_fields)
    arrays = None if read is None else _arrays(system, lanes, read, entries)
    if arrays is None:
        return None
    if system.tol is not None:
        arrays |= _watched(system, lanes)
    numbers = {"ends": len(arrays.get("end_place", ())), "fields": len(lanes.first), "worthwhile": -1, "relative": 1}
    numbers |= {"cells": next(iter(system.lines.values())).count, "undershoot": np.inf}
    return lanes.handed_over(arrays, names, system.scalar_names, system.constraint.empty, **numbers)


def _fits(system: OnAxes, layout: Any, numbers: int, count: int) -> bool:
    lines, equations = list(system.lines.values()), system.equations
    alone = len(lines) == 1 and lines[0].continuous and not lines[0].periodic and not equations.conditions
    return (
        alone
        and layout.n_fields > 0
        and all(not equations.lines(u) for u in (*layout.algebraic, *layout.numbers))
        and compiled.LOWEST_DEGREE <= lines[0].degree <= compiled.HIGHEST_DEGREE
        and layout.n_z <= compiled.MOST_ALGEBRAIC
        and layout.n_z + numbers == len(system.scalar_names) <= compiled.MOST_SCALARS
        and not {*system.scalar_names} & {*system.functionals}
        and count <= compiled.MOST_Z
    )


def input_functions(system: OnAxes) -> dict[str, Callable[[float], float]]:
    """{an input that is heard: its value at a time}."""
    layout, found = system.selected, {}
    for given in layout.inputs:
        if isinstance(given, Given):
            value = getattr(system.model, given.parameter)
            constant = lambda t, value=value: value
            found[given.name] = partial(input_value, given.parameter, value) if callable(value) else constant
            continue
        lag, heard = given.of_model(system.model), layout.heard[layout.indices(given.name)]
        for name, of, late in zip(layout.flattened(given.name), layout.flattened(given.of), heard, strict=True):
            if late:
                found[name] = lambda t, of=of, lag=lag: system.history(of, t - lag)
    return found


def _lanes(system: OnAxes, layout: Any, numbers: int) -> Lanes:
    (line,) = system.lines.values()
    densities = [
        places
        for u in layout.fields
        for places in layout.position[layout.indices(u.name)].reshape(-1, line.size)  # the axis is the last of u
    ]
    used = (line.count + 1) * len(densities) + numbers
    count = -(-used // compiled.LANES) * compiled.LANES
    index, first, lane = np.full((line.degree + 1, count), -1), [], 0
    for places in densities:
        index[:, lane : lane + line.count] = places[line.dofs].T
        index[0, lane + line.count] = places[line.dofs[-1, -1]]
        first.append(lane)
        lane += line.count + 1
    index[0, lane : lane + numbers] = layout.n_fields + np.arange(numbers)
    return Lanes.numbered(index, system.size, first)


def _read(operator: Any, entries: np.ndarray, n_fields: int) -> tuple[np.ndarray, ...] | None:
    """(data of the Jacobian at z = 1, data gained by each other entry of z, R where all is zero), None where R is not
    affine in densities and in numbers."""
    rows, columns = operator.pattern
    X, of_fields = np.zeros(operator.shape[1]), columns < n_fields
    nothing = np.zeros(0, int)  # beside what never changes, what does would drown in rounding
    parts = [part for part in operator.entries.parts if operator.moving[part.piece].reads]
    moving = replace(operator.entries, fixed=nothing, of_fixed=nothing, parts=parts)
    own, source, zero = operator.jacobian(X), operator.residual(X), operator.jacobian(X, entries=moving)
    gained = np.zeros((len(entries), len(own)))
    for k, entry in enumerate(entries.tolist()):
        X[entry] = 1.0
        gained[k] = operator.jacobian(X, entries=moving) - zero
        X[entry] = 0.0
    heard = [
        (np.flatnonzero(columns == entry), np.flatnonzero(gained[k] * of_fields)) for k, entry in enumerate(entries)
    ]
    random = np.random.default_rng(4)
    size = np.maximum(np.abs(own), np.abs(gained).max(axis=0, initial=0.0))
    for scale in CHECKS.sizes:
        X[:n_fields], z = random.random(n_fields), scale * random.normal(size=len(entries))
        X[entries] = z
        there = np.where(of_fields, own + z @ gained, own)
        room = np.where(of_fields, size * (1 + np.abs(z).sum()), size)
        for k, (at, some) in enumerate(heard):
            weighted = gained[k, some] * X[columns[some]]
            there[at] += np.bincount(rows[some], weighted, operator.shape[0])[rows[at]]
            room[at] += np.bincount(rows[some], np.abs(weighted), operator.shape[0])[rows[at]]
        if not (np.abs(operator.jacobian(X) - there) <= CHECKS.entry * (room + STEP)).all():
            return None
    return own, gained, source


def _arrays(
    system: OnAxes, lanes: Lanes, read: tuple[np.ndarray, ...], entries: np.ndarray
) -> dict[str, np.ndarray] | None:
    """Matrices, rows, sources, mass and what is conserved, in lanes; None where a term joins what is in no one cell."""
    (own, gained, source), count = read, 1 + len(entries)
    layout, (rows, columns) = system.layout, system._operator.pattern
    n_y, n_z, n_fields = layout.n_y, layout.n_z, layout.n_fields
    data = np.concatenate([own[None], gained])
    inner = (rows < n_fields) & (columns < n_fields) & data.any(axis=0)
    width = int(np.abs(rows - columns)[inner].max(initial=0))
    if width > lanes.degree or data[:, (rows >= n_fields) & (rows < n_y) & (columns < n_fields)].any():
        return None
    moving = [k for k, entry in enumerate(data) if k == 0 or entry[inner].any()]
    bands = np.zeros((len(moving), 2 * width + 1, n_y))
    bands[:, width + (rows - columns)[inner], columns[inner]] = data[np.ix_(moving, inner)]
    A = lanes.matrices(bands, width)
    if np.count_nonzero(A) != np.count_nonzero(bands):
        return None
    weights = np.zeros((len(moving), count))
    weights[np.arange(len(moving)), moving] = 1.0
    in_rows = (rows >= n_y) & (columns < n_fields)
    functionals = np.zeros((count, n_z, n_y))
    functionals[:, rows[in_rows] - n_y, columns[in_rows]] = data[:, in_rows]
    sources = np.zeros((count, n_y + n_z))  # of F and g, where densities are zero
    sources[0] = source
    of_entry = np.full(layout.n_y + n_z + layout.n_in, -1)
    of_entry[entries] = np.arange(1, count)
    by_number = of_entry[columns] > 0
    sources[of_entry[columns[by_number]], rows[by_number]] = own[by_number]
    arrays = lanes.forms(A, weights, functionals, sources[:, n_y:], sources[:, :n_y])
    arrays |= lanes.quantities(system.mass.data[0], system.conserved.values(), range(n_fields, n_y))
    return arrays | {"integral": np.zeros(n_z)}


def _watched(system: OnAxes, lanes: Lanes) -> dict[str, np.ndarray]:
    """The two highest modes of every cell, and the ends, over what `changes.adapted` allows of the largest value."""
    ((name, line),) = system.lines.items()
    top = Line(np.array([0.0, 1.0]), line.degree).modes(np.eye(line.degree + 1))[:, 0, -2:].T
    tops = np.zeros((2, lanes.degree + 1, lanes.count))
    for first in lanes.first:
        tops[:, :, first : first + line.count] = top[:, :, None] / system.tol
    axis = system.equations.axis(name)
    free = [np.isinf(axis.low), np.isinf(axis.high)]  # ends; the last node is that of a lane of its own
    places = np.array([[first, first + line.count] for first in lanes.first])[:, free].ravel()
    limits = np.full(len(places), system.tol**2)
    return {"tops": tops, "first_lane": np.array(lanes.first), "end_place": places, "end_limit": limits}


def scalar_values(system: OnAxes, times: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The scalars of many states, (times, scalars): all at once where the system was read as affine in numbers."""
    found = None if system.condensed is None or not system.layout.n_z else _all_at_once(system, times, states)
    if found is None:  # no system of that kind, or a state without scalars, which says so
        return np.array([system.scalars(t, y) for t, y in zip(times.tolist(), states, strict=True)])
    return found


def _all_at_once(system: OnAxes, times: np.ndarray, states: np.ndarray) -> np.ndarray | None:
    layout, arrays, T = system.layout, system.condensed.arrays, len(times)
    count, n_z = arrays["numbers"].shape
    rows = arrays["rows"].reshape(count * n_z, -1)[:, arrays["place"]]
    g = (states @ rows.T).reshape(T, count, n_z) + arrays["numbers"]
    functions = input_functions(system)
    inputs = np.array([[functions[name](t) for name in system.condensed.input_names] for t in times.tolist()])
    differential = states[:, layout.n_fields :]
    known = np.hstack([np.ones((T, 1)), inputs.reshape(T, -1), differential])
    own = -g[:, known.shape[1] :].swapaxes(1, 2)
    if not np.isfinite(own).all() or not (np.linalg.eigvals(own).real > 0).all():
        return None
    solved = np.linalg.solve(own, np.einsum("tk,tka->ta", known, g[:, : known.shape[1]])[..., None])[..., 0]
    return np.hstack([solved, differential])
