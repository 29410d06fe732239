"""A degree for every cell, from the decay of its Legendre coefficients |a_k| ~ C exp(-s k).

Where they decay fast the density is smooth: a higher degree resolves it with fewer unknowns than smaller cells, and a
lower one may do. Where they decay slowly the cell is split. Meshes that carry degrees: SpectralElement(degree, lowest)
on a mesh chosen from a tolerance. Houston & Suli, Comput. Methods Appl. Mech. Engrg. 194 (2005) 229-243.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import legendre

from . import spaces
from .automatic import Flow
from .weighted import integrated

_SLACK = 0.03  # content of a cell of lower degree, in units of the content at which it is raised again
_SHARE = 0.2  # part of the unknowns that lower degrees must give back for a new mesh to be worth its making
_AHEAD = 0.2  # content that raised cells aim at, in units of that at which they are raised
_STEEPEST, _PARTS = 2.0, 200  # change of Phi in a part of a cell; parts of a cell
_BUFFER = 2  # neighbours of a raised cell whose degree follows, one less for each


def inherited(old: np.ndarray, degrees: spaces.Degrees, cells: np.ndarray) -> spaces.Degrees:
    """Degrees on other cells: of the cell around each, or the highest of those it unites; beyond the ends the last."""
    if not isinstance(degrees, np.ndarray):
        return degrees
    inside = 1e-3 * (cells[1:] - cells[:-1])
    first = np.clip(np.searchsorted(old, cells[:-1] + inside, side="right") - 1, 0, len(degrees) - 1)
    last = np.clip(np.searchsorted(old, cells[1:] - inside, side="right") - 1, 0, len(degrees) - 1)
    return np.array([degrees[a : b + 1].max() for a, b in zip(first.tolist(), last.tolist(), strict=True)])


def decay(modes: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """The rates s of the cells: slope of the line fitted to log max(|a_k|, |a_(k-1)|), 1 <= k <= degree."""
    size = np.abs(modes)
    k = np.arange(1, modes.shape[1])
    envelope = np.maximum(size[:, 1:], size[:, :-1])
    logs = np.log(np.maximum(envelope, 1e-16 * size.max(axis=1, keepdims=True) + 1e-300))
    weight = (k <= degrees[:, None]).astype(float)
    centred = k - (weight @ k / degrees)[:, None]
    return -np.sum(weight * centred * logs, axis=1) / np.sum(weight * centred**2, axis=1)


def raised(problem: Any, y: np.ndarray, flags: np.ndarray, limit: float) -> np.ndarray:
    """Degrees that bring the content of flagged cells below limit, where that costs no more unknowns than splitting."""
    degrees, every = problem.degrees.copy(), np.arange(len(problem.widths))
    for name in problem.field_names:
        modes = spaces.modes(problem.degrees, problem.full(name, y), every)
        content = (np.abs(modes[every, problem.degrees]) + np.abs(modes[every, problem.degrees - 1])) * problem.widths
        excess = np.log(np.maximum(content / (_AHEAD * limit), 1.0))
        rate = np.maximum(decay(modes, problem.degrees), 1e-3)
        wanted = problem.degrees + np.ceil(excess / rate).astype(int)
        halvings = np.ceil(excess / (problem.degrees * np.log(2)))
        cheap = wanted - problem.degrees <= (2.0**halvings - 1) * problem.degrees
        wanted = np.maximum(wanted, problem.degrees + 2 * flags)
        smooth = cheap & (wanted <= problem.degree)
        degrees[smooth] = np.maximum(degrees[smooth], wanted[smooth])
    for _ in range(_BUFFER):  # what is sharp moves there next
        padded = np.concatenate([[0], np.where(degrees > problem.degrees, degrees, 0), [0]])
        degrees = np.maximum(degrees, np.maximum(padded[:-2], padded[2:]) - 1)
    return degrees


def sufficient(modes: np.ndarray, widths: np.ndarray, limit: float, lowest: int) -> np.ndarray:
    """The smallest degrees whose two highest modes, and all beyond them, stay below `limit` in content."""
    tail = np.cumsum(np.abs(modes[:, ::-1]), axis=1)[:, ::-1] * widths[:, None]
    enough = np.concatenate([tail <= limit, np.ones((len(tail), 1), bool)], axis=1)
    return np.clip(np.argmax(enough, axis=1) + 1, lowest, modes.shape[1] - 1)


def required(problem: Any, cells: np.ndarray, limit: float) -> spaces.Degrees:
    """Degrees that the tolerance asks for on these cells whatever the state: the lowest below its V_min.

    Where |a_p| ~ exp(-s p) = limit in the cell of the tolerance's own mesh, s grows by log 2 with every halving.
    """
    natural, degrees = problem.natural
    if not isinstance(degrees, np.ndarray):
        return degrees
    halvings = np.log2(np.maximum(inherited(natural, np.diff(natural), cells) / np.diff(cells), 1.0))
    degrees, fall = inherited(natural, degrees, cells), max(-np.log(_SLACK * limit), 1.0)
    fewer = np.ceil(degrees / (1 + halvings * np.log(2) * degrees / fall)).astype(int)
    return np.where(cells[1:] <= natural[0], problem.space.lowest, np.maximum(fewer, problem.space.lowest))


def for_densities(problem: Any, cells: np.ndarray, looked_at: list[np.ndarray], limit: float) -> spaces.Degrees:
    """Degrees of these cells for densities with such values at nodes of the highest degree, and for what follows."""
    degrees = required(problem, cells, limit)
    if isinstance(degrees, np.ndarray):
        every = np.arange(len(cells) - 1)
        for values in looked_at:
            modes = spaces.modes(problem.degree, values, every)
            wanted = sufficient(modes, np.diff(cells), _SLACK * limit, problem.space.lowest)
            degrees = np.maximum(degrees, wanted)
    return degrees


def lowered(problem: Any, t: float, y: np.ndarray, limit: float, allowed: np.ndarray) -> np.ndarray | None:
    """Degrees that do for y, not below the required ones; None if that saves too few unknowns. Raises Infeasible.

    limit: content at which a degree is raised; allowed: change of each scalar that one cell may cause.
    """
    degrees, every = problem.degrees, np.arange(len(problem.widths))
    new = np.minimum(degrees, required(problem, problem.cells, limit))
    if (degrees - new).sum() < _SHARE * len(problem.nodes):
        return None
    fields = [problem.full(name, y) for name in problem.field_names]
    for full in fields:
        modes = spaces.modes(degrees, full, every)
        new = np.maximum(new, sufficient(modes, problem.widths, _SLACK * limit, problem.space.lowest))
    new = np.minimum(new, degrees)
    gradient = problem.scalar_gradient(t, y)
    home = np.clip(np.searchsorted(problem.cells, problem.nodes) - 1, 0, len(every) - 1)
    nodes, change = spaces.node_positions(problem.cells, new), np.zeros((len(allowed), len(every)))
    for name, full in zip(problem.field_names, fields, strict=True):
        less = spaces.evaluate(problem.cells, degrees, full, nodes)
        error = spaces.evaluate(problem.cells, new, less, problem.nodes) - full
        change += [np.bincount(home, problem.full(name, row) * error, len(every)) for row in gradient]
    new = np.where((np.abs(change) > allowed[:, None]).any(axis=0), degrees, new)
    return new if (degrees - new).sum() >= _SHARE * len(problem.nodes) else None


def natural(model: Any, space: spaces.Space, limit: float, cells: np.ndarray, end: Any = None) -> spaces.Degrees:
    """Degrees that the stationary density of the model asks for at the slowest and fastest rates expected.

    P = C int_{max(v, V_R)}^{V_F} exp(Phi(v) - Phi(s)) / a(s) ds with Phi' = f/a, at frozen activity. Where neurons live
    above V_F there is no such formula: the highest degree.
    """
    if getattr(space, "lowest", None) is None:
        return space.degree
    flow, widths = Flow(model, end=end), np.diff(cells)
    degrees = np.full(len(widths), space.lowest)
    if flow.lives_above:
        return np.full(len(widths), space.degree)
    middle = (cells[1:] + cells[:-1]) / 2
    for rate in flow.rate_range():
        drift, noise, _ = flow.at(np.concatenate([cells, middle]), rate)
        steep = np.abs(drift / noise)
        steep = np.maximum(np.maximum(steep[: len(widths)], steep[1 : len(cells)]), steep[len(cells) :])
        P, x, weights, owner = _stationary(flow, rate, cells, steep)
        table = legendre.legvander(x, space.degree) * (weights * P)[:, None]
        modes = np.array([np.bincount(owner, column, len(widths)) for column in table.T]).T
        modes *= (2 * np.arange(space.degree + 1) + 1) / (modes[:, 0] @ widths)
        degrees = np.maximum(degrees, sufficient(modes, widths, _SLACK * limit, space.lowest))
    return degrees


def _stationary(flow: Flow, rate: float, cells: np.ndarray, steep: np.ndarray) -> tuple[np.ndarray, ...]:
    """(P, places in [-1, 1] of the cell, weights of sum 1 in each cell, the cell) at points that resolve exp(Phi).

    Where there are several places to land, as many land at each.
    """
    widths, (points, weights) = np.diff(cells), spaces.gauss(8)
    parts = np.clip(np.ceil(steep * widths / _STEEPEST), 1, _PARTS).astype(int)
    owner = np.repeat(np.arange(len(widths)), parts)
    first = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
    lower = cells[owner] + widths[owner] * first / parts[owner]
    x = (first[:, None] + points) / parts[owner, None]
    v = cells[owner, None] + widths[owner, None] * x
    drift, noise, _ = (np.reshape(part, v.shape) for part in flow.at(v.ravel(), rate))
    flux = np.searchsorted(np.sort(flow.landings), lower + widths[owner] / parts[owner] / 2) / len(flow.landings)
    P = integrated(np.append(lower, cells[-1]), flux, drift / noise, noise)
    share = np.broadcast_to(weights / parts[owner, None], v.shape)
    return P.ravel(), 2 * x.ravel() - 1, share.ravel(), np.repeat(owner, len(points))
