"""What a finite mesh cuts off a density: the mass below V_min and above V_max, and meshes that reach far enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import gauss
from ..algebra.roots import root
from ..firing.layers import coefficients_at
from ..firing.over_v import OverV
from . import splitting
from .tuning import EXTENT

#: from V_min, in units of V_F - V_R: where a density is looked at first
_DISTANCES = np.concatenate([np.linspace(0.0, 8.0, 33), np.geomspace(9.0, 250.0, 40)])


def beyond(problem: OverV, t: float, y: np.ndarray) -> dict[str, tuple[float, float]]:
    """Mass of each field below and above the mesh, if the state goes on beyond its ends as a stationary one does.

    Below: n = n(V_min) exp(-int f/a), f and a the drift and noise at the scalars of y. Above (fields that live there):
    the decay length of a k^2 - f k = escape rate. Raises Infeasible.
    """
    known = problem.remembered(t, y)
    if "beyond" not in known:
        known["beyond"] = _beyond(problem, t, y)
    return known["beyond"]


def _beyond(problem: OverV, t: float, y: np.ndarray) -> dict[str, tuple[float, float]]:
    masses = {}
    for name in problem.field_names:
        values = problem.full(name, y)
        _, below = _profile_below(problem, t, y, name)
        above = 0.0 if problem.layout.tied[name] is not None else values[-1] * _length_above(problem, t, y, name)
        masses[name] = (values[0] * below[-1], above)
    return masses


def cut_off(problem: OverV, t: float, y: np.ndarray) -> np.ndarray:
    """Part of each conserved quantity that y, continued, has below V_min, shape (conserved,).

    The exact state restricted to the mesh solves the discrete equations with totals^2 / (totals + cut off) in place of
    the totals of y. What would sit above V_max is reflected there, not missing.
    """
    below = {name: parts[0] for name, parts in beyond(problem, t, y).items()}
    conserved = {quantity.name: quantity.weights for quantity in problem.weak_form.conserved}
    return np.array([sum(w * below.get(f, 0.0) for f, w in conserved[name].items()) for name in problem.conserved])


def cut_off_modes(
    problem: OverV, t: float, y: np.ndarray, values: np.ndarray, x: np.ndarray, z: np.ndarray
) -> np.ndarray:
    """Errors of eigenvalues of the linearisation at y that V_min causes; x, z (modes, size) with z.M x = 1.

    The flux of the exact mode through V_min is lambda times its mass beyond; the mesh has none there. First order in
    what is cut off; infinite where that says nothing, since the mode does not yet decay at V_min.
    """
    total = np.zeros(len(values))
    for name in problem.field_names:
        first = problem.layout.slice(name).start
        parts = _missing(problem, t, y, name, values)[1][:, 0]
        with np.errstate(invalid="ignore"):
            total += np.abs(values * z[:, first] * x[:, first]) * parts
    return np.where(np.isnan(total), np.inf, total)


def extended_for_modes(
    problem: OverV,
    t: float,
    y: np.ndarray,
    values: np.ndarray,
    x: np.ndarray,
    z: np.ndarray,
    limits: np.ndarray,
) -> tuple[Any, np.ndarray] | None:
    """(problem, y) on cells that reach so far that V_min changes each eigenvalue by a thirtieth of its limit.

    None if it is by less than the limit now, or if the mesh is the user's.
    """
    if problem.tol is None:
        return None
    lows = []
    for name in problem.field_names:
        first = problem.layout.slice(name).start
        distances, parts = _missing(problem, t, y, name, values)
        size = np.abs(values * z[:, first] * x[:, first])
        short = (parts * size[:, None] > limits[:, None] / EXTENT.enough).any(axis=0)
        if (parts[:, 0] * size > limits).any() and not short[-1]:
            lows.append(problem.cells[0] - distances[np.flatnonzero(short)[-1] + 1])
    if not lows:
        return None
    new = problem.on_cells(_longer(problem.cells, min(lows), problem.cells[-1]))
    return new, splitting.transfer(problem, new, y)


def require_reach(problem: OverV, t: float, y: np.ndarray, verb: str) -> None:
    """ValueError where a mesh cuts off so much of a state that nothing of first order can be said about it."""
    share = sum(abs(below) for below, _ in beyond(problem, t, y).values())
    if not share < EXTENT.too_much:
        raise ValueError(
            f"{verb}: V_min = {problem.cells[0]:g} of the mesh cuts off {100 * share / (1 + share):.3g} % of the "
            f"density, allowed is {100 * EXTENT.too_much:g} %: errors are of first order here. Let the mesh reach "
            "further"
        )


def extended(problem: OverV, t: float, y: np.ndarray, mass: float | None = None) -> tuple[Any, np.ndarray] | None:
    """(problem, y) on a mesh that cuts off less than `mass` (or tol); None if this one does, or is the user's."""
    cells = None if problem.tol is None else _reaching(problem, t, y, mass or problem.tol)
    new = None if cells is None else problem.on_cells(cells)
    return None if new is None else (new, splitting.transfer(problem, new, y))


def _reaching(problem: OverV, t: float, y: np.ndarray, mass: float) -> np.ndarray | None:
    """Cells that reach so far that at most mass / 30 is cut off at either end, or None if `mass` at most is now.

    Above, where rates come from what lives above V_F however little that is, `mass` is a part of that.
    """
    if all(_is_held(problem, t, y, name, mass) for name in problem.field_names):
        return None
    cells, new = problem.cells, []
    for name, (below, above) in beyond(problem, t, y).items():
        values = problem.full(name, y)
        if abs(below) > mass:
            distance, masses = _profile_below(problem, t, y, name)
            left = (masses[-1] - masses) * abs(values[0])
            new.append(cells[0] - distance[np.argmax(left < mass / EXTENT.enough)])
        if above:
            limit = max(mass * _share_above(problem, values), EXTENT.rounding)
            if abs(above) > limit:
                length = _length_above(problem, t, y, name)
                new.append(cells[-1] + length * np.log(EXTENT.enough * abs(above) / limit))
    if not new:
        return None
    return _longer(cells, min(new), max(new))


def _is_held(problem: OverV, t: float, y: np.ndarray, field: str, mass: float) -> bool:
    """Whether at most `mass` is beyond the ends for certain: n(V_min) falls at least as fast as where f/a is least."""
    if problem.layout.tied[field] is None:  # it goes on above
        return False
    drift, noise, _ = coefficients_at(problem, t, y, field, problem.cells[0] - problem.length * _DISTANCES)
    least = float((drift / noise).min())
    return least > 0 and abs(float(y[problem.layout.slice(field).start])) <= mass * least


def _share_above(problem: OverV, values: np.ndarray) -> float:
    """What a density with these values has above V_F, at most 1."""
    first = int(np.searchsorted(problem.nodes, problem.top))
    return min(1.0, float(np.trapezoid(np.abs(values[first:]), problem.nodes[first:])))


def _longer(cells: np.ndarray, low: float, high: float) -> np.ndarray:
    """The cells and others beyond them."""
    parts = [cells]
    if low < cells[0]:
        parts.insert(0, cells[0] - _ends_beyond(cells[1] - cells[0], cells[0] - low)[::-1])
    if high > cells[-1]:
        parts.append(cells[-1] + _ends_beyond(cells[-1] - cells[-2], high - cells[-1]))
    return np.concatenate(parts)


def _ends_beyond(width: float, length: float) -> np.ndarray:
    """Distances of the far ends of cells that cover a length beyond a cell of this width.

    As wide as that one; where this takes more than EXTENT.most_beyond, since it belongs to a layer much thinner than
    what the density falls over, each wider than the last by the factor that needs as many.
    """
    count = int(min(np.ceil(length / width), EXTENT.most_beyond + 1))
    if count <= EXTENT.most_beyond:
        return length * np.arange(1, count + 1) / count
    from scipy.special import logsumexp

    powers = np.arange(1, EXTENT.most_beyond + 1)
    factor = root(lambda x: logsumexp(x * powers) - np.log(length / width), 0.0, 20.0)
    ends = np.expm1(factor * powers)
    return length * ends / ends[-1]


def _profile_below(problem: OverV, t: float, y: np.ndarray, field: str) -> tuple[np.ndarray, np.ndarray]:
    """(distances below V_min, mass up to there per unit of n(V_min)); the last mass is all there is."""
    ends, drift, noise = _panels(problem, t, y, field)
    steps, slope, (points, weights) = np.diff(ends)[:, None], drift / noise, gauss(6)
    potential = np.concatenate([[0.0], np.cumsum(steps[:, 0] * (slope[:, 1:] @ weights))])
    inside = potential[:-1, None] + steps * points * (slope[:, :1] + slope[:, 1:]) / 2
    masses = np.concatenate([[0.0], np.cumsum(steps[:, 0] * (np.exp(-np.clip(inside, -600.0, 700.0)) @ weights))])
    if potential[-1] < EXTENT.fallen or potential.min() < -EXTENT.fallen:
        masses[-1] = np.inf  # nothing holds neurons there
    return ends, masses


def _panels(problem: OverV, t: float, y: np.ndarray, field: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ends of panels as distances below V_min, drift, noise at the upper ends and Gauss's points of each)."""
    low, points = problem.cells[0], gauss(6)[0]
    drift, noise, _ = coefficients_at(problem, t, y, field, np.array([low]))
    width = max(problem.length, float(np.sqrt(noise[0])))
    length = min(float(noise[0] / max(drift[0], 1e-3 * noise[0] / width)), width)
    ends = np.concatenate([[0.0], length * np.cumsum(0.5 * 1.06 ** np.arange(EXTENT.panels))])
    v = low - ends[:-1, None] - np.diff(ends)[:, None] * np.concatenate([[0.0], points])
    drift, noise, _ = coefficients_at(problem, t, y, field, v.ravel())
    return ends, drift.reshape(v.shape), noise.reshape(v.shape)


def _missing(problem: OverV, t: float, y: np.ndarray, field: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distances d below V_min, parts (modes, len(d))): a mesh down to V_min - d changes an eigenvalue by the part of
    |lambda z x|, z and x as they are at the present V_min.

    M' = x, a x' = f x + lambda M for the mass M of a mode below v; x and M are made upwards from far below, exactly for
    f and a constant on a panel. With R = M/x the exact mode has |R| |x^2/n| there, n the stationary density. What the
    mesh has at V_min differs by the solution that goes down with the leak, so that nothing flows: x (1 + lambda R/J),
    J its flux. The perturbed inputs move the tail as a whole: R is at least that of n.
    """
    ends, drift, noise = _panels(problem, t, y, field)
    weights, steps = gauss(6)[1], np.diff(ends)
    f, a = drift[:, 1:] @ weights, noise[:, 1:] @ weights
    if np.sum(steps * f / a) < EXTENT.fallen:
        return ends, np.full((len(values), len(ends)), np.inf)
    values = np.append(np.asarray(values, complex), 0.0)  # the last one: n
    root = np.sqrt(f**2 + 4 * a * (values[:, None] + 1e-12j * (1 + np.abs(values[:, None]))))
    up, down = (f + root) / (2 * a), (f - root) / (2 * a)
    ratio, size = np.empty((len(values), len(ends)), complex), np.zeros((len(values), len(ends)))
    ratio[:, -1] = 1 / up[:, -1]
    with np.errstate(all="ignore"):
        lost = -np.expm1(-(up - down) * steps)  # of the part that goes down, across a panel
        left = 1 - lost
        mass = np.stack([lost, up * left - down]).transpose(2, 0, 1)  # of 1 and of R above, times (up - down) / x
        flow = np.stack([up - down * left, -up * down * lost]).transpose(2, 0, 1)
        grown, here = np.empty((len(steps), len(values))), ratio[:, -1]
        for i in range(len(steps) - 1, -1, -1):
            x = flow[i, 0] + flow[i, 1] * here
            here = (mass[i, 0] + mass[i, 1] * here) / x
            ratio[:, i], grown[i] = here, np.abs(x)
        growth = np.log(grown.T / np.abs(up - down)) + up.real * steps
        size[:, :-1] = np.cumsum(growth[:, ::-1], axis=1)[:, ::-1]
        off = values * ratio[:, 0] / (drift[0, 0] - noise[0, 0] * down[:, 0])
        decays = (root[:, 0].real > EXTENT.decays * np.abs(root[:, 0])) & (np.abs(1 + off) > EXTENT.decays)
        mixed = np.where(decays, 1 / np.abs(1 + off), np.inf)[:-1, None]
        grown = np.exp(np.minimum(2 * (size - size[:, :1]) - (size - size[:, :1])[-1], 700.0))
        parts = np.maximum(np.abs(ratio), np.abs(ratio[-1])) * grown
    parts = parts[:-1]
    return ends, np.concatenate([parts[:, :1] * mixed, parts[:, 1:]], axis=1)


def _length_above(problem: OverV, t: float, y: np.ndarray, field: str) -> float:
    drift, noise, growth = (float(part[0]) for part in coefficients_at(problem, t, y, field, problem.cells[-1:]))
    root = np.sqrt(max(drift**2 - 4 * noise * growth, 0.0))
    # 2 noise / (root - drift), without its cancellation for a strong drift
    return (
        float((root + drift) / max(-2 * growth, 1e-300)) if drift > 0 else float(2 * noise / max(root - drift, 1e-300))
    )
