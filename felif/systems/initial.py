"""Initial states of a system: densities over any axes at the nodes, normalised, on cells that resolve them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.inputs import first_jump
from ..given.memory import remembered
from ..given.silent import require_consistent, silent_at_start
from ..problem import BeyondEquations, Infeasible, State, require_below
from ..weakform import Index
from .adapt import resolving, split, transferred
from .moments import with_moments
from .on_axes import OnAxes
from .reach import longer_lines
from .tuning import MESHES, STATES


def initial_state(system: OnAxes, start: Any) -> tuple[Any, np.ndarray, bool]:
    """(system, y, compatible): y from a density, a list with one for each entry of an index, a mapping, or a State.

    Of a system made from a tolerance the mesh reaches as far as the data, and cells are split until they resolve them.
    `compatible`: whether densities vanish where they are held at zero. Raises ValueError naming what is wrong.
    """
    if system.tol is None or system.history is not None or not _stays(start):
        return _initial_state(system, start)
    known = vars(system).setdefault("initial_states", {})
    found = known.get(start)
    if found is None:
        found = remembered(known, start, _initial_state(system, start), STATES.kept)
    on_mesh, y, compatible = found
    return on_mesh, y.copy(), compatible


def _stays(start: Any) -> bool:
    """Whether data are a frozen dataclass, such as a Gaussian, that says all of itself by its fields."""
    return is_dataclass(start) and type(start).__dataclass_params__.frozen and type(start).__hash__ is not None


def _initial_state(system: OnAxes, start: Any) -> tuple[Any, np.ndarray, bool]:
    if isinstance(start, State):
        if start.problem.lines is None or start.problem.field_names != system.field_names:
            raise ValueError(f"start = {start!r} has other unknowns than {type(system.model).__name__}")
        same = all(line is system.lines.get(name) for name, line in start.problem.lines.items())
        y = start.y.copy() if same else transferred(start.problem, system, start.y)
        _require_consistent(system, y, set(system.layout.offsets))
        _require_continuous(system, y)
        return system, y, True
    named = system.model.as_unknowns(start, system.history) if hasattr(system.model, "as_unknowns") else start
    given = _by_name(system, named)
    y, compatible = _interpolated(system, given)
    for _ in range(STATES.rounds if system.tol is not None else 0):
        lines = longer_lines(system, y) or split(system, y, data=True) or _resolving(system, y)
        if not lines:
            break
        system = system.on_lines(lines)
        y, compatible = _interpolated(system, given)
    if system.equations.conditions:
        try:
            system.scalars(_start_of(system), y)
        except BeyondEquations as error:
            raise ValueError(f"start: {error}") from error
    _require_continuous(system, y)
    return system, y, compatible


def _resolving(system: OnAxes, y: np.ndarray) -> dict[str, Any]:
    """`adapt.resolving` at the start; nothing where no scalars belong to y, which is said later."""
    try:
        return resolving(system, _start_of(system), y)
    except Infeasible:
        return {}


def _start_of(system: OnAxes) -> float:
    return 0.0 if system.history is None else system.history.t_start


def _require_continuous(system: OnAxes, y: np.ndarray) -> None:
    """ValueError where the past of what has a derivative jumps, or does not end at its value at the start."""
    if system.history is None or not system.slopes:
        return
    values = dict(zip(system.scalar_names, system.scalars(_start_of(system), y).tolist(), strict=True))
    for name in set(system.slopes.values()):
        before = system.history(name, _start_of(system))
        if abs(before - values[name]) > STATES.continuous * max(1.0, abs(before)):
            raise ValueError(
                f"start: {name} = {values[name]:.10g}, but its history ends at {before:.10g}, so that it would jump "
                "when that is heard; allowed is a history that ends where the run begins"
            )
        since = _start_of(system) - max(lag for of, lag in system.delays.values() if system.slopes.get(of, of) == name)
        past = lambda t, name=name: system.history(name, t)
        if (t := first_jump(f"history of {name}", past, since, _start_of(system), STATES.continuous)) is not None:
            raise ValueError(
                f"start: the history of {name} jumps at t = {t:.10g}, and so would what hears it; allowed is a "
                f"continuous history from t = {since:.10g} on"
            )


def _by_name(system: OnAxes, start: Any) -> dict[str, Any]:
    names = [u.name for u in (*system.layout.fields, *system.layout.numbers)]
    if isinstance(start, Mapping):
        if unknown := set(start) - set(names):
            raise ValueError(f"start names {sorted(unknown)}; allowed are {', '.join(names)}")
        missing = set(system.field_names) - set(start)
        if missing:
            raise ValueError(f"start lacks a density for {', '.join(sorted(missing))}")
        return dict(start)
    if len(system.field_names) != 1:
        raise ValueError(f"start = {start!r}; allowed is a mapping of {', '.join(names)} to densities and values")
    return {system.field_names[0]: start}


def _interpolated(system: OnAxes, given: Mapping[str, Any]) -> tuple[np.ndarray, bool]:
    layout, y, compatible = system.layout, np.zeros(system.size), True
    for u in layout.numbers:
        free = layout.position[layout.indices(u.name)] >= 0
        value = np.asarray(given.get(u.name, 0.0), float)
        if not np.isfinite(value).all():
            raise ValueError(f"start: {u.name} = {given[u.name]!r}; allowed are finite numbers")
        try:
            values = np.broadcast_to(value, layout.shapes[u.name]).ravel()
        except ValueError:
            raise ValueError(
                f"start: {u.name} has the shape {value.shape}; allowed is {layout.shapes[u.name]} or a number"
            ) from None
        if value.ndim and values[~free].any():
            raise ValueError(f"start: {u.name} = {given[u.name]!r}; allowed is 0 but for the entries {u.only}")
        y[layout.of_y(u.name)] = values[free]
    silent = silent_at_start(system)
    for u in (u for u in layout.numbers if silent and u.name in given):
        _require_consistent(system, y, set(layout.flattened(u.name)))
    for name, value in silent.items():
        y[layout.offsets[name]] = value
    for u in layout.fields:
        entries = layout.indices(u.name)
        position, values = layout.position[entries], _at_nodes(system, u, given[u.name])
        nobody = (position < 0) & ~np.isin(entries, layout.held)
        values = np.where(nobody.reshape(values.shape), 0.0, values)
        largest = np.abs(values).max()
        if not np.isfinite(values).all() or values.min() < -STATES.negative * largest:
            raise ValueError(
                f"start: the density {u.name} is {values.min():.3g} somewhere; allowed are finite values >= 0"
            )
        values = _by_moments(system, u, given[u.name], values)
        flat = values.ravel()
        compatible &= bool((np.abs(flat[position < 0]) <= STATES.vanishes * largest).all())
        free = position >= 0
        y[position[free]] = flat[free]
    _normalise(system, given, y)
    return y, compatible


def _require_consistent(system: OnAxes, y: np.ndarray, names: set[str]) -> None:
    """ValueError where numbers that a dead time keeps silent are not what the history says."""
    for name, value in silent_at_start(system).items():
        if name in names:
            require_consistent(name, float(y[system.layout.offsets[name]]), value)


def _at_nodes(system: OnAxes, u: Any, density: Any) -> np.ndarray:
    nodes, shape = system.layout.nodes(u.name), system.layout.shapes[u.name]
    first = system.equations.axis(u.over[0])
    if isinstance(first, Index):
        if isinstance(density, Sequence) and len(density) != first.count:
            raise ValueError(f"start: {len(density)} densities of {u.name}; allowed are {first.count}, or one for all")
        densities = density if isinstance(density, Sequence) else [density] * first.count
    else:
        densities = [density]
    for one in densities:
        if not callable(one):
            raise ValueError(f"start: the density {u.name} = {one!r}; allowed is a function of {', '.join(u.over)}")
    axes = nodes[1:] if isinstance(first, Index) else nodes
    grids = np.meshgrid(*axes, indexing="ij")
    found = [np.broadcast_to(np.asarray(one(*grids), float), grids[0].shape) for one in densities]
    return np.reshape(found, shape) * _layers(system, u, densities)


def _by_moments(system: OnAxes, u: Any, density: Any, values: np.ndarray) -> np.ndarray:
    """Values at the nodes; those that give the moments of data that are not resolved, where moments are what counts.

    Cells of axes of transport carry moments, elements that keep densities >= 0 are volumes around nodes, and where data
    jump inside a cell its nodes do not say where.
    """
    lines = [system.lines[name] for name in u.over if name in system.lines]
    if not system.positive and all(line.continuous or line.degree < 2 for line in lines):
        return values
    densities = density if isinstance(density, Sequence) else [density]
    if any(line.continuous for line in lines) and any(getattr(one, "boundary_layer", 0.0) for one in densities):
        return values
    found, tol = np.empty(values.shape), system.tol or MESHES.coarsest
    for entry in np.ndindex(values.shape[: -len(lines)]):  # of each index, which come first
        found[entry] = with_moments(lines, _along(system, u, density, entry), values[entry], tol, system.positive)
    if not np.isfinite(found).all():
        raise ValueError(f"start: the density {u.name} is not finite somewhere; allowed are finite values >= 0")
    return found


def _along(system: OnAxes, u: Any, density: Any, entry: tuple[int, ...]) -> Callable[..., np.ndarray]:
    """A density along its axes, for an entry of each index; of the first each may have a density of its own."""
    one = density[entry[0]] if isinstance(density, Sequence) else density
    behind = [nodes[k] for nodes, k in zip(system.layout.nodes(u.name)[1:], entry[1:], strict=False)]

    def at(*x: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(one(*(np.full(x[0].shape, k) for k in behind), *x), float), x[0].shape)

    return at


def _layers(system: OnAxes, u: Any, densities: Sequence[Any]) -> np.ndarray:
    """What the `boundary_layer` of data multiplies them with, which falls to 0 where they are held at zero.

    Raises ValueError where nothing is held, and for data too much of which lies beyond.
    """
    layout, each = system.layout, (-1, *(1 for _ in u.over[1:])) if len(densities) > 1 else ()
    depths = np.reshape([float(getattr(one, "boundary_layer", 0.0)) for one in densities], each)
    factor, held = np.ones(layout.shapes[u.name]), [h for h in system.equations.unknowns if h.of == u.name]
    if depths.any() and not held:
        raise ValueError(
            f"start: the density {u.name} = {next(one for one in densities if one.boundary_layer)!r}; allowed is "
            f"boundary_layer = 0: nothing holds {u.name} at zero"
        )
    x = dict(zip(u.over, np.meshgrid(*layout.nodes(u.name), indexing="ij"), strict=True))
    for holder in held:
        ((axis, place),) = holder.at.items()
        ends = np.broadcast_to(place(SimpleNamespace(**x)) if callable(place) else place, factor.shape)
        if (ends > system.equations.axis(axis).low).all():
            for one, end in zip(densities, ends.reshape(len(densities), -1), strict=True):
                require_below(u.name, one, float(end.max()))
        distance = np.divide(ends - x[axis], depths, out=np.full(factor.shape, np.inf), where=depths > 0)
        factor *= -np.expm1(-(distance**4))
    return factor


def _normalise(system: OnAxes, given: Mapping[str, Any], y: np.ndarray) -> None:
    """Scales densities so that what is conserved is as the model says; they keep the proportions they are given in.

    What is `normalised`, as a Gaussian is, has the mass 1 before, and so has what no conserved quantity weighs.
    """
    fields, masses, mass = system.layout.fields, system.equations.masses, system.mass.data[0]
    weighed = {name for quantity in system.equations.conserved for name in quantity.weights}
    owner = np.full(len(y), -1)
    for k, u in enumerate(fields):
        rows = _entries(system, u)
        densities = given[u.name] if isinstance(given[u.name], Sequence) else [given[u.name]] * len(rows)
        for row, one in zip(rows, densities, strict=True):
            owner[row] = k
            if row.size and (u.name not in weighed or getattr(one, "normalised", False)):
                _scale(y, row, mass[row], masses.get(u.name, 1.0), u.name)
    parts = zip(system.totals, system.kept.values(), strict=True)
    for total, (at, weights) in sorted(parts, key=lambda part: len(part[1][0])):  # the one with most numbers is last
        shared = np.zeros(len(at), bool)
        for k, u in enumerate(fields):
            own = owner[at] == k
            if u.name in masses and own.any():
                _scale(y, at[own], mass[at[own]], masses[u.name], u.name)
            shared |= own & (u.name not in masses)
        if shared.any():
            left = total - float(weights[~shared] @ y[at[~shared]])
            if not left > 0:
                raise ValueError(f"start: what is given holds {total - left:g} of the mass {total:g}; allowed is less")
            names = ", ".join(u.name for k, u in enumerate(fields) if (owner[at[shared]] == k).any())
            _scale(y, at[shared], weights[shared], left, names)


def _scale(y: np.ndarray, at: np.ndarray, weights: np.ndarray, total: float, names: str) -> None:
    """Scales a part of y to a total."""
    held = float(weights @ y[at])
    if not held > 0:
        raise ValueError(f"start: the density {names} is 0 everywhere; allowed is one with a positive integral")
    y[at] *= total / held


def _entries(system: OnAxes, u: Any) -> list[np.ndarray]:
    """Where y has each entry of the first index of a density, or all of one without an index."""
    first, layout = system.equations.axis(u.over[0]), system.layout
    places = layout.position[layout.indices(u.name)].reshape(first.count if isinstance(first, Index) else 1, -1)
    return [row[row >= 0] for row in places]
