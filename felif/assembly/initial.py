"""Initial states: densities made into vectors of a problem, normalised, checked, and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import spaces
from ..firing import layers
from ..firing.initial_layer import settled
from ..firing.over_v import OverV
from ..given.memory import remembered
from ..given.silent import require_consistent, silent_at_start, with_silent
from ..problem import Infeasible, State, require_below
from . import beyond_ends, splitting
from .densities import Density, Gaussian, Profile, Uniform
from .projection import from_moments
from .recut import at_start, on_axis
from .tuning import INITIAL, SPLITTING


def initial(problem: OverV, start: Any) -> tuple[Any, np.ndarray, bool]:
    """(problem, y, compatible) for an initial state on `problem`, or on a finer mesh if it was made from a tolerance.

    start: a density (a callable, unnormalised), a State (of this or another mesh), or a mapping from the names of
    fields and differential scalars to densities and values; scalars not named start at 0. `compatible` says
    whether the density vanishes at V_F, i.e. whether N(0) is finite. Raises ValueError.
    """
    if problem.initial_state is not None:  # over (v, w)
        return problem.initial_state(start)
    if isinstance(start, State):
        return _from_state(problem, start)
    if not isinstance(start, Gaussian | Uniform) or problem.tol is None or problem.held:
        return _from_density(problem, start)
    key, model = (id(problem.model), start), problem.model
    known = problem.initial_states.get(key)
    if known is None or known[0] is not model:
        alone = problem if problem.history is None else problem.with_history(None)
        known = remembered(problem.initial_states, key, (model, _from_density(alone, start)), INITIAL.kept)
    on_mesh, y, compatible = known[1]
    return on_mesh if problem.history is None else on_mesh.with_history(problem.history), y.copy(), compatible


def _from_density(problem: OverV, start: Any) -> tuple[Any, np.ndarray, bool]:
    start, problem = with_silent(problem, start), at_start(problem)
    densities, values, cells, ends = _profiles(problem, start)
    masses = _masses(problem, values)
    if problem.tol is None:
        y = _project(problem, densities, values, masses)
        _require_resolved(problem, densities, y)
    else:
        problem, y = _resolve(problem, cells, densities, values, masses)
    return problem, y, all(end <= (problem.tol or 1e-8) for end in ends)


def projected(problem: OverV, start: Any) -> np.ndarray:
    """The L2 projection of a density (a mapping, a State, as for `initial`) on the mesh of `problem` as it is."""
    densities, values, *_ = (_of_state if isinstance(start, State) else _profiles)(problem, start)
    return _project(problem, densities, values, _masses(problem, values))


def _profiles(problem: OverV, start: Any) -> tuple[dict[str, Profile], dict[str, float], np.ndarray, list[float]]:
    """(densities, values of scalars, cells that reach as far as those, densities at V_F over the largest ones)."""
    given, values = _split_start(problem, start)
    cells, profiles, ends = problem.cells, {}, []
    for name, density in given.items():
        above = _lives_above(problem, name)
        if not above:
            require_below(name, density, problem.top if problem.end is None else problem.end.top)
        profile = Profile(name, on_axis(density, problem.end), problem.top, above=above)
        if problem.tol is not None:
            cells = beyond_ends.reaching(cells, profile, _part(problem) * problem.tol, above)
        else:
            beyond_ends.warn_of_cut(problem, name, density, above)
        profile.check(cells)
        ends.append(profile.end / profile.peak)
        layer = problem.tol is not None and ends[-1] > problem.tol and not problem.held  # these must return in time
        after = settled(problem, profile) if layer else None
        if after is not None:
            profile = Profile(name, after, problem.top, above=False)
            profile.check(cells)
            if not layers.returns(problem):  # those who have fired wait
                values = {waiting: value + after.fired * (1 - value) for waiting, value in values.items()}
        profiles[name] = profile
    return profiles, values, cells, ends


def _lives_above(problem: OverV, name: str) -> bool:
    return problem.layout.tied[name] is None


def _split_start(problem: OverV, start: Any) -> tuple[dict[str, Density], dict[str, float]]:
    fields, scalars = problem.field_names, problem.layout.differential
    if isinstance(start, Mapping):
        unknown = set(start) - {*fields, *scalars}
        if unknown or any(name not in start for name in fields):
            raise ValueError(f"start: names {sorted(start)}; allowed are {[*fields, *scalars]}, all fields among them")
        given = dict(start)
    elif callable(start):
        given = dict.fromkeys(fields, start)
    else:
        raise ValueError(
            f"start: {start!r}; "
            "allowed are Gaussian, Uniform, a callable density, a State, or a mapping of names to those"
        )
    values = {name: float(given.get(name, 0.0)) for name in scalars}
    if any(not 0 <= value < 1 for value in values.values()):
        raise ValueError(f"start: scalars {values}; allowed are numbers in [0, 1)")
    for name in fields:
        if not callable(given[name]):
            raise ValueError(f"start: {name} = {given[name]!r}; allowed are densities (Gaussian, Uniform, a callable)")
    return {name: given[name] for name in fields}, values


def _project(
    problem: OverV, densities: Mapping[str, Profile], values: Mapping[str, float], masses: Mapping[str, float]
) -> np.ndarray:
    """L2 projection that keeps all mass: what lies in the test function of V_F has fired."""
    moments = {}
    for name, profile in densities.items():
        full = profile.moments(problem.cells, problem.degree)
        moments[name] = full * (masses[name] / full.sum())
    y = from_moments(problem, moments, values)
    for quantity in problem.weak_form.conserved:  # exact but for rounding, which large slopes in tiny cells magnify
        weights = problem.conserved[quantity.name]
        total = sum(w * (masses[name] if name in masses else values[name]) for name, w in quantity.weights.items())
        if abs(weights @ y - total) < 1e-6 * abs(total):
            y = np.where(weights != 0, y * (total / (weights @ y)), y)
    return y


def _masses(problem: OverV, values: Mapping[str, float]) -> dict[str, float]:
    """The mass of each field: what its conserved quantity, of total 1, leaves after the scalars."""
    masses = dict.fromkeys(problem.field_names, 1.0)
    for quantity in problem.weak_form.conserved:
        fields = [name for name in problem.field_names if name in quantity.weights]
        left = 1.0 - sum(w * values[name] for name, w in quantity.weights.items() if name not in fields)
        if not 0 < left <= 1:
            raise ValueError(
                f"start: the scalars {values} leave no mass for {fields}; allowed are values >= 0, sum < 1"
            )
        masses |= dict.fromkeys(fields, left)
    return masses


def _resolve(
    problem: OverV,
    cells: np.ndarray,
    densities: Mapping[str, Profile],
    values: Mapping[str, float],
    masses: Mapping[str, float],
) -> tuple[Any, np.ndarray]:
    """On these cells, split until the data are resolved; jumps of the data become cell ends."""
    wanted = np.concatenate([p.breakpoints for p in densities.values()])
    cells = np.unique(np.concatenate([cells, wanted[(wanted > cells[0]) & (wanted < cells[-1])]]))
    part = _part(problem)
    if problem.mass.kl == 0 and problem.degree >= 3:
        cells = _split_for(problem, cells, densities, part)
    if len(cells) != len(problem.cells):
        problem = problem.on_cells(cells)
    for _ in range(INITIAL.rounds):
        y = _project(problem, densities, values, masses)
        flags = splitting.unresolved(problem, y, part)
        flags |= splitting.undershooting(problem, y)
        if not flags.any():
            flags = _spurious_rate(problem, densities, values, masses, y)
        if not flags.any():
            return problem, y
        problem = problem.on_cells(splitting.split(problem.cells, flags))
    return problem, _project(problem, densities, values, masses)


def _part(problem: OverV) -> float:
    """Of the errors that data may have: 1, less where noise is small and the drift carries them to V_F as they are."""
    return 1.0 if problem.arrivals(0.0) is None else INITIAL.carried


def _split_for(problem: OverV, cells: np.ndarray, densities: Mapping[str, Profile], part: float) -> np.ndarray:
    """Cells split until they resolve the densities, looked at through a lumped projection: nothing is assembled yet."""
    degree, smallest = problem.degree, SPLITTING.smallest * problem.length
    weights, limit = spaces.lobatto(degree)[1], part * SPLITTING.unresolved * problem.tol
    for _ in range(INITIAL.rounds):
        widths = cells[1:] - cells[:-1]
        nodes = np.arange(len(widths))[:, None] * degree + np.arange(degree + 1)
        mass = np.bincount(nodes.ravel(), (widths[:, None] * weights).ravel())
        flags = np.zeros(len(widths), bool)
        for name, profile in densities.items():
            values = profile.moments(cells, degree) / (profile.mass * mass)
            if problem.layout.tied[name] is not None:
                values[-1] = 0.0
            flags |= splitting.content(values, cells, degree) > limit
        flags &= widths > smallest
        if not flags.any():
            break
        cells = splitting.split(cells, flags)
    return cells


def _spurious_rate(
    problem: OverV,
    densities: Mapping[str, Profile],
    values: Mapping[str, float],
    masses: Mapping[str, float],
    y: np.ndarray,
) -> np.ndarray:
    """The last cells below V_F, to be split, where data that vanish there fire at a rate that is projection noise.

    Next to data concentrated at V_F a density of relative size tol suffices for a rate that is huge, negative, or none.
    """
    none = np.zeros(len(problem.widths), bool)
    if any(p.end > INITIAL.vanishes * p.peak for p in densities.values()):
        return none  # N starts from infinity, however small the density at V_F
    flags, last = none.copy(), int(np.searchsorted(problem.cells, problem.top))
    flags[max(0, last - 3) : last] = True
    flags &= problem.widths > SPLITTING.smallest * problem.length
    if not flags.any():
        return none
    finer = problem.on_cells(splitting.split(problem.cells, flags))
    here, there = _rates(problem, y), _rates(finer, _project(finer, densities, values, masses))
    if here is not None and there is not None and np.all(abs(here - there) < INITIAL.noise * (1 + abs(there))):
        return none
    return flags


def _rates(problem: OverV, y: np.ndarray) -> np.ndarray | None:
    """The algebraic scalars; None where there are none that satisfy their equations."""
    try:
        return problem.scalars(0.0, y)[: len(problem.layout.algebraic)]
    except Infeasible:
        return None


def _require_resolved(problem: OverV, densities: Mapping[str, Profile], y: np.ndarray) -> None:
    """ValueError naming the cells that are needed where the user's mesh misplaces more than a fifth of the mass."""
    for name, profile in densities.items():
        points, weights, n = profile.quadrature(problem.cells, problem.degree + 3)
        values = spaces.evaluate(problem.cells, problem.degree, problem.full(name, y), points)
        scale = (weights @ values) / (weights @ n)
        wrong = weights * np.abs(values - scale * n)
        total = float(wrong.sum() / (weights @ np.abs(values)))
        if total > INITIAL.too_coarse:
            cell = np.clip(np.searchsorted(problem.cells, points, side="right") - 1, 0, len(problem.cells) - 2)
            share = np.bincount(cell, wrong, len(problem.cells) - 1)
            bad = np.flatnonzero(share > 0.1 * share.max())
            low, high = problem.cells[bad[0]], problem.cells[bad[-1] + 1]
            spread = np.sqrt(weights @ (n * (points - (weights @ (n * points)) / (weights @ n)) ** 2) / (weights @ n))
            raise ValueError(
                f"start: the mesh misplaces {100 * total:.0f} % of the density {name}; cells between v = {low:.6g} and "
                f"{high:.6g} must be at most about {max(spread, 1e-12):.2g} wide, "
                "or let discretize(model, tol=...) choose the mesh"
            )


def _from_state(problem: OverV, start: State) -> tuple[Any, np.ndarray, bool]:
    """A State as initial data: copied on its own mesh, projected (conservatively) to another."""
    old = start.problem
    if tuple(old.field_names) != tuple(problem.field_names) or old.layout.differential != problem.layout.differential:
        raise ValueError(
            f"start: a state of {type(old.model).__name__} has other unknowns than {type(problem.model).__name__}"
        )
    for name, silent in silent_at_start(problem).items():
        require_consistent(name, float(start.y[old.layout.offsets[name]]), silent)
    same = old.space == problem.space and np.array_equal(old.cells, problem.cells)
    if same:
        return problem, start.y.copy(), True
    serves = problem.tol is not None and old.tol is not None and old.tol <= problem.tol
    if serves and old.space == problem.space and (old.landings, old.top) == (problem.landings, problem.top):
        problem = problem.on_cells(old.cells)  # the mesh that carried the state serves it best
        return problem, start.y.copy(), True
    densities, values, cells = _of_state(problem, start)
    masses = _masses(problem, values)
    if problem.tol is not None:
        problem, y = _resolve(problem, cells, densities, values, masses)
        return problem, y, True
    y = _project(problem, densities, values, masses)
    _require_resolved(problem, densities, y)
    return problem, y, True


def _of_state(problem: OverV, start: State) -> tuple[dict[str, Profile], dict[str, float], np.ndarray]:
    """(densities, values of scalars, cells that reach as far as those) of a State of another mesh."""
    old = start.problem
    densities, cells = {}, problem.cells
    for name in problem.field_names:
        view = old.field(name, start.y)
        view, above = on_axis(view, problem.end), _lives_above(problem, name)
        if problem.end is None and not above and old.cells[-1] > problem.top:
            beyond_ends.require_state_below(problem, name, view, old.cells)
        profile = Profile(name, lambda v, view=view: np.maximum(view(v), 0.0), problem.top, above)
        profile.features = np.concatenate([old.cells, [old.cells[-1]]])
        if problem.tol is None:
            beyond_ends.warn_of_cut(problem, name, beyond_ends.Shares(profile, old.cells), above)
        else:
            cells = beyond_ends.reaching(cells, profile, _part(problem) * problem.tol, above)
            near = INITIAL.coincide * problem.length
            apart = np.abs(old.cells[:, None] - cells).min(axis=1) > near
            profile.breakpoints = old.cells[apart & (np.diff(old.cells, prepend=-np.inf) > near)]
        profile.check(cells)
        densities[name] = profile
    values = {name: float(start.y[old.layout.offsets[name]]) for name in problem.layout.differential}
    return densities, values, cells
