"""What a finite mesh cuts off a density: the mass below V_min and above V_max, and meshes that reach far enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import adapt
from .forms import probe
from .spaces import gauss

_ENOUGH = 30.0  # the mass beyond an end that `extended` moves is at most tol / 30
_FALLEN = 40.0  # decay, in powers of e, after which nothing is left
_PANELS = 60
_FIRST_ORDER = 1.5  # margin of errors of first order on meshes of the user
_TOO_MUCH = 0.1  # part cut off beyond which they are refused


def beyond(problem: Any, t: float, y: np.ndarray) -> dict[str, tuple[float, float]]:
    """Mass of each field below and above the mesh, if the state goes on beyond its ends as a stationary one does.

    Below: n = n(V_min) exp(-int f/a), f and a the drift and noise at the scalars of y. Above (fields that live there):
    the decay length of a k^2 - f k = escape rate. Raises Infeasible.
    """
    known = problem.remembered(t, y)
    if "beyond" not in known:
        known["beyond"] = _beyond(problem, t, y)
    return known["beyond"]


def _beyond(problem: Any, t: float, y: np.ndarray) -> dict[str, tuple[float, float]]:
    masses = {}
    for name in problem.field_names:
        values = problem.full(name, y)
        _, below = _profile_below(problem, t, y, name)
        above = 0.0 if problem.layout.tied[name] is not None else values[-1] * _length_above(problem, t, y, name)
        masses[name] = (values[0] * below[-1], above)
    return masses


def cut_off(problem: Any, t: float, y: np.ndarray) -> np.ndarray:
    """Part of each conserved quantity that y, continued, has below V_min, shape (conserved,).

    The exact state restricted to the mesh solves the discrete equations with totals^2 / (totals + cut off) in place of
    the totals of y. What would sit above V_max is reflected there, not missing.
    """
    below = {name: parts[0] for name, parts in beyond(problem, t, y).items()}
    conserved = {quantity.name: quantity.weights for quantity in problem.weak_form.conserved}
    return np.array([sum(w * below.get(f, 0.0) for f, w in conserved[name].items()) for name in problem.conserved])


def cut_off_mode(problem: Any, t: float, y: np.ndarray, x: np.ndarray, z: np.ndarray) -> complex:
    """Relative error of an eigenvalue of the linearisation at y that V_min causes, z.M x = 1 of its eigenvectors.

    The flux of the exact mode through V_min is lambda times its mass beyond; the mesh has none there. The mode is taken
    to decay like the stationary density. First order in what is cut off, which a mesh of the user may do visibly.
    """
    total = 0.0
    for name in problem.field_names:
        _, below = _profile_below(problem, t, y, name)
        first = problem.layout.slice(name).start
        total = total + z[first] * x[first] * below[-1]
    return total if problem.tol is not None else _FIRST_ORDER * total


def require_reach(problem: Any, t: float, y: np.ndarray, verb: str) -> None:
    """ValueError where a mesh cuts off so much of a state that nothing of first order can be said about it."""
    share = sum(abs(below) for below, _ in beyond(problem, t, y).values())
    if not share < _TOO_MUCH:
        raise ValueError(
            f"{verb}: V_min = {problem.cells[0]:g} of the mesh cuts off {100 * share / (1 + share):.3g} % of the "
            f"density, allowed is {100 * _TOO_MUCH:g} %: errors are of first order here. Let the mesh reach further"
        )


def extended(problem: Any, t: float, y: np.ndarray, mass: float | None = None) -> tuple[Any, np.ndarray] | None:
    """(problem, y) on a mesh that cuts off less than `mass` (or tol); None if this one does, or is the user's."""
    cells = None if problem.tol is None else _reaching(problem, t, y, mass or problem.tol)
    new = None if cells is None else problem.on_cells(cells)
    return None if new is None else (new, adapt.transfer(problem, new, y))


def _reaching(problem: Any, t: float, y: np.ndarray, mass: float) -> np.ndarray | None:
    """Cells that reach so far that at most mass / 30 is cut off at either end, or None if `mass` at most is now."""
    cells, new = problem.cells, []
    for name, (below, above) in beyond(problem, t, y).items():
        values = problem.full(name, y)
        if abs(below) > mass:
            distance, masses = _profile_below(problem, t, y, name)
            left = (masses[-1] - masses) * abs(values[0])
            new.append(cells[0] - distance[np.argmax(left < mass / _ENOUGH)])
        if abs(above) > mass:
            length = _length_above(problem, t, y, name)
            new.append(cells[-1] + length * np.log(_ENOUGH * abs(above) / mass))
    if not new:
        return None
    low, high = min(new), max(new)
    parts = [cells]
    if low < cells[0]:
        count = int(np.ceil((cells[0] - low) / (cells[1] - cells[0])))
        parts.insert(0, np.linspace(low, cells[0], count, endpoint=False))
    if high > cells[-1]:
        count = int(np.ceil((high - cells[-1]) / (cells[-1] - cells[-2])))
        parts.append(np.linspace(cells[-1], high, count + 1)[1:])
    return np.concatenate(parts)


def transport(problem: Any, t: float, y: np.ndarray, field: str, v: np.ndarray) -> tuple[np.ndarray, ...]:
    """(drift, noise, growth rate) of a field at points v, at the scalars of y. Raises Infeasible."""
    s, m = problem.namespace(t, y), problem.parameters
    parts = [np.zeros_like(v) for _ in range(3)]
    for term in problem.weak_form.terms:
        if term.into == field == term.of:
            c = 1.0 if term.coefficient is None else float(np.real(term.coefficient(s, m)))
            for part, values in zip(parts, probe(term, v), strict=True):
                part += c * values
    return tuple(parts)


def _profile_below(problem: Any, t: float, y: np.ndarray, field: str) -> tuple[np.ndarray, np.ndarray]:
    """(distances below V_min, mass up to there per unit of n(V_min)); the last mass is all there is."""
    low, (points, weights) = problem.cells[0], gauss(6)
    drift, noise, _ = transport(problem, t, y, field, np.array([low]))
    width = max(problem.v_fire - problem.v_reset, float(np.sqrt(noise[0])))
    length = min(float(noise[0] / max(drift[0], 1e-3 * noise[0] / width)), width)
    ends = np.concatenate([[0.0], length * np.cumsum(0.5 * 1.06 ** np.arange(_PANELS))])
    steps = np.diff(ends)[:, None]
    places = np.concatenate([[0.0], points])
    v = low - ends[:-1, None] - steps * places
    drift, noise, _ = transport(problem, t, y, field, v.ravel())
    slope = (drift / noise).reshape(v.shape)
    potential = np.concatenate([[0.0], np.cumsum(steps[:, 0] * (slope[:, 1:] @ weights))])
    inside = potential[:-1, None] + steps * points * (slope[:, :1] + slope[:, 1:]) / 2
    masses = np.concatenate([[0.0], np.cumsum(steps[:, 0] * (np.exp(-np.minimum(inside, 700.0)) @ weights))])
    if potential[-1] < _FALLEN or potential.min() < -_FALLEN:
        masses[-1] = np.inf  # nothing holds neurons there
    return ends, masses


def _length_above(problem: Any, t: float, y: np.ndarray, field: str) -> float:
    drift, noise, growth = (float(part[0]) for part in transport(problem, t, y, field, problem.cells[-1:]))
    root = np.sqrt(max(drift**2 - 4 * noise * growth, 0.0))
    # 2 noise / (root - drift), without its cancellation for a strong drift
    return (
        float((root + drift) / max(-2 * growth, 1e-300)) if drift > 0 else float(2 * noise / max(root - drift, 1e-300))
    )
