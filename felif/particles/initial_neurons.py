"""Where the neurons of a simulation start: potentials drawn from a density, a state, or given one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..given.arguments import is_number, shown
from ..given.inputs import profile_values
from ..problem import State, require_below
from .tuning import PLANNING


def draw_start(
    law: Any, start: Any, sizes: tuple[int, ...], random: np.random.Generator, silent: Mapping[str, float]
) -> tuple:
    """(potentials, resting) of all populations one after the other, resting = True for neurons that begin at rest.

    start: potentials (an array; for several populations a mapping n_E, n_I), a density (a callable, unnormalised; for
    all populations), a list of them, one a population, a State of the equation, or a mapping as for `evolve`: densities
    n, n_E, ... and resting fractions R, ... `silent`: those that the history lets rest. Raises ValueError for anything
    else, and for potentials that are not finite or not below v_fire.
    """
    names = ["n" + population.name for population in law.populations]
    fractions = ["R" + population.name for population in law.populations]
    given = _by_population(start, names, fractions)
    for fraction, share in silent.items():
        if abs(float(given.setdefault(fraction, share)) - share) > PLANNING.consistent:
            raise ValueError(
                f"start: {fraction} = {float(given[fraction])!r}, but the history fires {share:.6g} within the dead "
                "time before the start; allowed is a history that agrees"
            )
    potentials, resting = [], []
    for population, name, fraction, size in zip(law.populations, names, fractions, sizes, strict=True):
        potentials.append(_potentials(law, population, name, given[name], size, random))
        share = given.get(fraction, 0.0)
        if not is_number(share):
            raise ValueError(f"start: {fraction} = {shown(share)}; allowed is a number in [0, 1]")
        share = float(share)
        if not 0 <= share <= 1 or (share > 0 and not population.rests):
            raise ValueError(f"start: {fraction} = {share!r}; allowed: in [0, 1], 0 without refractory state")
        resting.append(random.random(size) < share if share else np.zeros(size, bool))
    return np.concatenate(potentials), np.concatenate(resting)


def with_shares(law: Any, start: Any) -> Any:
    """The law of neurons that change their population, with the shares with which these begin.

    As for `evolve`: those that the model names; others in the proportions of the densities that are given, of which
    Gaussian, Uniform and potentials have the mass 1 each.
    """
    if not law.shares:
        return law
    names = ["n" + population.name for population in law.populations]
    given = _by_population(start, names, ["R" + population.name for population in law.populations])
    if isinstance(start, State):
        return replace(law, shares=tuple(float(given[name].integral()) for name in names))
    masses = [
        1.0
        if getattr(given[name], "normalised", not callable(given[name]))
        else float(_distribution(law, population, name, given[name])[-1][-1])
        for population, name in zip(law.populations, names, strict=True)
    ]
    named = sum(share for share in law.shares if share is not None)
    free = sum(mass for mass, share in zip(masses, law.shares, strict=True) if share is None)
    if named < 1 and not free > 0:
        raise ValueError(f"start: the density {', '.join(names)} is 0 everywhere; allowed is one with mass")
    shares = [
        (1.0 - named) * mass / free if share is None else share for mass, share in zip(masses, law.shares, strict=True)
    ]
    return replace(law, shares=tuple(shares))


def _by_population(start: Any, names: list[str], fractions: list[str]) -> dict[str, Any]:
    """What is given of each population: densities or potentials under `names`, who rests under `fractions`."""
    every, count = [*names, *fractions], len(names)
    if isinstance(start, State):
        unknowns = {*start.problem.field_names, *start.problem.scalar_names, *start.problem.groups}
        start = {name: getattr(start, name) for name in (*every, "n", "R") if name in unknowns}
    if not isinstance(start, Mapping):
        several = count > 1 and isinstance(start, list | tuple) and len(start) == count
        return dict(zip(names, start, strict=True)) if several else dict.fromkeys(names, start)
    given = dict(start)
    for of, entries in (("n", names), ("R", fractions)):
        if of in given and of not in entries:  # one for each entry of the index, or one for all
            value = given.pop(of)
            row = value if isinstance(value, list | tuple | np.ndarray) and np.shape(value) else [value] * count
            if len(row) != count:
                raise ValueError(f"start: {len(row)} values of {of}; allowed are {count}, or one for all")
            given |= dict(zip(entries, row, strict=True))
    if set(given) - {*every} or any(name not in given for name in names):
        raise ValueError(f"start: names {sorted(given)}; allowed are {every}, all {names} among them")
    return given


def silent_at_first(law: Any, history: Callable[[str, float], float]) -> dict[str, float]:
    """{R of a population with a dead time: the fraction that fired within it before the start}."""
    found = {"R" + p.name: float(_fired(p, history)[1][-1]) for p in law.populations if p.dead_time}
    for share in found.values():
        if share >= 1:
            raise ValueError(f"history: {share:.6g} spikes per neuron within the dead time; allowed are fractions < 1")
    return found


def _fired(population: Any, history: Callable[[str, float], float]) -> tuple[np.ndarray, np.ndarray]:
    """(times since t = -dead_time, spikes per neuron up to then)."""
    t = np.linspace(0.0, population.dead_time, PLANNING.places)
    rates = np.array([history("N" + population.name, x - population.dead_time) for x in t.tolist()])
    return t, np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(t))])


def first_returns(
    law: Any,
    history: Callable[[str, float], float],
    sizes: tuple[int, ...],
    asleep: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """When the neurons that begin at rest return: dead_time after a spike of the history, or after a random time."""
    times = []
    for population, own in zip(law.populations, np.split(asleep, np.cumsum(sizes)[:-1]), strict=True):
        count = int(own.sum())
        if population.dead_time > 0:
            t, spikes = _fired(population, history)
            times.append(np.interp(spikes[-1] * random.random(count), spikes, t))
        else:
            times.append(population.refractory_time * random.exponential(size=count))
    return np.concatenate(times)


def _potentials(law: Any, population: Any, name: str, given: Any, size: int, random: np.random.Generator) -> np.ndarray:
    if callable(given):
        return _from_density(law, population, name, given, size, random)
    try:
        v = np.asarray(given, float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"start: {name} = {given!r}; allowed are potentials, a density (Gaussian, Uniform, a callable), a State, "
            "or a mapping of names to those"
        ) from None
    if v.shape not in ((), (size,)):
        raise ValueError(f"start: {name} has shape {v.shape}; allowed is one potential, or {size}, one a neuron")
    v_fire = population.v_fire if law.place is None else law.place.top
    low = law.escape_time == 0 and not np.all(v < v_fire)
    if np.min(v) < law.low:
        raise ValueError(f"start: {name} holds the potential {np.min(v)}; allowed are numbers from V_min = {law.low}")
    if not np.isfinite(v).all() or low:
        bad = v[~np.isfinite(v) | (v >= v_fire if low else False)] if v.ndim else v
        raise ValueError(
            f"start: {name} holds the potential {np.ravel(bad)[0]}; allowed are finite numbers"
            + (f" below v_fire = {v_fire}" if low else "")
        )
    v = np.broadcast_to(v, (size,)).astype(float)
    return v if law.place is None else law.place.axis(v)


def _from_density(
    law: Any, population: Any, name: str, density: Any, size: int, random: np.random.Generator
) -> np.ndarray:
    """By inversion of the distribution function of the density, linear between the points of a fine grid."""
    points, values, below = _distribution(law, population, name, density)
    wanted = random.random(size) * below[-1]
    cell = np.clip(np.searchsorted(below, wanted, side="right") - 1, 0, points.size - 2)
    left, right, width = values[cell], values[cell + 1], points[cell + 1] - points[cell]
    rest = (wanted - below[cell]) / np.where(width > 0, width, 1.0)
    root = np.sqrt(np.maximum(left**2 + 2 * (right - left) * rest, 0.0))  # the density is linear within a cell
    part = np.where(left + root > 0, 2 * rest / np.where(left + root > 0, left + root, 1.0), 0.5)
    v = points[cell] + width * np.clip(part, 0.0, 1.0)
    if law.place is not None:
        v = law.place.axis(v)
    return v if law.escape_time > 0 else np.minimum(v, np.nextafter(population.v_fire, -np.inf))


def _distribution(law: Any, population: Any, name: str, density: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(points, values of a density there, its integral up to there)."""
    if law.escape_time == 0:
        require_below(name, density, population.v_fire)
    length = population.v_fire - population.v_reset
    top = population.v_fire if law.escape_time == 0 else population.v_fire + PLANNING.reach * length
    if law.place is not None:
        top = min(law.place.top, population.v_fire + length)
    points = np.linspace(population.v_fire - PLANNING.reach * length, top, PLANNING.places)
    features = np.array(sorted({*getattr(density, "features", ()), *getattr(density, "breakpoints", ())}), float)
    nodes = getattr(density, "nodes", None)  # a field of a State knows its mesh, and is zero beyond it
    if nodes is not None:
        points = np.linspace(np.min(nodes), np.max(nodes), PLANNING.places)
        if law.place is not None:  # as fine as that mesh
            points = np.interp(
                np.linspace(0.0, 1.0, PLANNING.places), np.linspace(0.0, 1.0, len(nodes)), np.sort(nodes)
            )
    elif features.size:
        inner = [np.linspace(a, b, 801) for a, b in zip(features[:-1], features[1:], strict=True)]
        ends = np.concatenate([[np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)] for x in features])
        points = np.unique(np.concatenate([points, *inner, ends]))
    points = np.unique(np.maximum(points[points <= top], law.low))
    values = _evaluate(name, density, points, population.v_fire)
    mass = np.flatnonzero(values > 0)
    if not mass.size and not law.shares:
        raise ValueError(f"start: the density {name} has no mass on [{points[0]:g}, {top:g}]")
    if nodes is None and not features.size and mass.size:  # once more, where it is
        low, high = points[max(mass[0] - 1, 0)], points[min(mass[-1] + 1, points.size - 1)]
        points = np.linspace(low, high, 4 * PLANNING.places)
        values = _evaluate(name, density, points, population.v_fire)
    return points, values, np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(points))])


def _evaluate(name: str, density: Any, v: np.ndarray, v_fire: float) -> np.ndarray:
    values = profile_values(f"start: the density {name}", density, v)
    layer = float(getattr(density, "boundary_layer", 0.0))
    if layer:
        values = values * -np.expm1(-((np.abs(v_fire - v) / layer) ** 4))
    if getattr(density, "nodes", None) is not None:
        values = np.maximum(values, 0.0)  # a density of finite elements may undershoot by its error
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        raise ValueError(
            f"start: the density {name} is {values[bad][0]:.6g} at v = {v[bad][0]:.6g}; allowed are numbers >= 0"
        )
    return values


def draw_weighted(law: Any, start: Any, size: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Potentials and weights of a network that learns.

    start: a density p(v, w) (a callable, unnormalised, or the mapping {"p": density}), a State, or a pair of arrays (v,
    w).
    """
    low, high = law.learning.w_min, law.learning.w_max
    density = start.get("p") if isinstance(start, Mapping) else getattr(start, "p", start)
    if isinstance(density, tuple | list) and len(density) == 2:
        v = _potentials(law, law.populations[0], "p", density[0], size, random)
        w = np.broadcast_to(np.asarray(density[1], float), (size,)).copy()
        if not np.all((w >= low) & (w <= high)):
            raise ValueError(f"start: weights from {w.min()} to {w.max()}; allowed are numbers in [{low}, {high}]")
        return v, w
    if not callable(density):
        raise ValueError(f"start: {start!r}; allowed are a density of (v, w), a State, or a pair of arrays (v, w)")
    length = law.v_fire - law.v_reset
    bottom, top, bottom_w, top_w = law.v_fire - PLANNING.reach * length, law.v_fire, low, high
    for count in (1200, 800):  # where it is, then what it is there
        v, w = (a + (b - a) * (np.arange(count) + 0.5) / count for a, b in ((bottom, top), (bottom_w, top_w)))
        values = np.broadcast_to(np.asarray(density(v[:, None], w[None, :]), float), (count, count))
        if isinstance(start, State):
            values = np.maximum(values, 0.0)  # finite elements may undershoot by their error
        if not np.isfinite(values).all() or values.min() < 0 or not values.max() > 0:
            raise ValueError(
                f"start: the density has values from {values.min()} to {values.max()}; allowed: >= 0, some > 0"
            )
        step, step_w = v[1] - v[0], w[1] - w[0]
        rows, columns = (np.flatnonzero(values.max(axis=k) > 1e-12 * values.max()) for k in (1, 0))
        bottom, top = max(v[rows[0]] - 2 * step, bottom), min(v[rows[-1]] + 2 * step, law.v_fire)
        bottom_w, top_w = max(w[columns[0]] - 2 * step_w, low), min(w[columns[-1]] + 2 * step_w, high)
    below = np.cumsum(values.ravel())
    cell = np.minimum(np.searchsorted(below, random.random(size) * below[-1], side="right"), below.size - 1)
    i, j = np.unravel_index(cell, values.shape)
    drawn = v[i] + (random.random(size) - 0.5) * step
    return np.minimum(drawn, np.nextafter(law.v_fire, -np.inf)), w[j] + (random.random(size) - 0.5) * step_w
