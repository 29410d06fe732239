"""Where steady states lie: all places there are where rates can be bounded, else what many searches find.

A problem whose populations are neurons that see each other through their rates (`problem.neurons`) becomes one equation
a population, log r_i(N) = log N_i; its roots are isolated by `boxes`. Other problems are searched frozen at many values
of their scalars, on meshes that fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from ..problem import Infeasible
from .boxes import all_roots, polished
from .frozen import Frozen, roots_of_one
from .tuning import BOXES, SEARCH

_MOST = {1: 4_000, 2: 20_000, 3: 60_000}  # boxes that are looked at


@dataclass(frozen=True)
class Candidates:
    """Values of every scalar (scalars,), whether there are no others, and what is to be said of the search."""

    names: tuple[str, ...]  # of the rates
    places: list[int]  # of theirs among the scalars
    scalars: list[np.ndarray]
    complete: bool
    remark: str
    excess: Callable[[np.ndarray], np.ndarray] | None = None  # of one rate: log N -> log(out/N), at many
    exact: bool = False  # whether they are those of the model, up to what rounding makes of them


def candidates(frozen: Frozen) -> Candidates:
    """Of the steady states with rates up to SEARCH.highest."""
    hook = frozen.problem.neurons
    neurons, why = hook(frozen.t, frozen.totals, SEARCH.highest) if hook else (None, "the problem has no populations")
    if neurons is None:
        return _of_frozen(frozen, why)
    places = [frozen.problem.scalar_names.index(name) for name in neurons.names]

    def excess(z: np.ndarray) -> np.ndarray:
        return neurons.log_rates(np.exp(z).reshape(-1, 1)).reshape(np.shape(z)) - z

    def result(found: list[np.ndarray], complete: bool, remark: str) -> Candidates:
        scalars = [neurons.scalars(np.where(z > BOXES.lowest + 1, np.exp(z), 0.0)) for z in found]
        of_one = excess if neurons.count == 1 else None
        return Candidates(neurons.names, places, scalars, complete, remark, of_one, neurons.error < BOXES.exact)

    if not neurons.affine:
        return result(_searched(neurons), False, _SEARCHED.format("drift or noise is not affine in the rates"))
    roots = all_roots(neurons, SEARCH.highest, _MOST.get(neurons.count, SEARCH.most_of_many))
    if not roots.left and neurons.bounded:
        return result(roots.found, True, _BOUNDED)
    low, high = np.array(roots.left).reshape(-1, 2, neurons.count).transpose(1, 0, 2)
    for z in _searched(neurons, (low + high) / 2):
        roots.add(z, SEARCH.close)
    if not neurons.bounded:
        why = "how a rate depends on the noise has no proven bounds for this drift"
        return result(roots.found, False, _SEARCHED.format(why))
    ranges = ", ".join(
        f"{name} from {np.exp(a):.3g} to {np.exp(b):.3g}"
        for name, a, b in zip(neurons.names, low.min(axis=0), high.max(axis=0), strict=True)
    )
    left = f"of {roots.boxes:,} boxes of rates {len(low):,} were left undecided, with {ranges}"
    return result(roots.found, False, f"There may be others: {left}.")


_BOUNDED = "Bounds of every rate show that there is no other."
_SEARCHED = "There may be others: {}, so Newton's method was started from many places instead of bounding every rate."
_SCANNED = "There may be others: {}, so rates were scanned, finer where two could hide, instead of bounding them."


def _add(found: list[np.ndarray], z: np.ndarray) -> None:
    if not any(np.abs(z - other).max() < SEARCH.close * (1 + np.abs(z).max()) for other in found):
        found.append(z)


def _places(count: int, k: int) -> np.ndarray:
    """Rates spread evenly over what is looked at, in log N, with all of them silent and all of them 1.

    The additive sequence of the powers of 1/g, g^(k+1) = g + 1, which leaves no large gaps.
    """
    g = 2.0
    for _ in range(40):
        g = (1 + g) ** (1 / (k + 1))
    spread = (0.5 + np.arange(1, count + 1)[:, None] * g ** -np.arange(1.0, k + 1)) % 1
    return np.concatenate(
        [np.log(1e-10) + spread * np.log(SEARCH.highest / 1e-10), np.full((1, k), BOXES.lowest), np.zeros((1, k))]
    )


def _searched(neurons: Any, more: np.ndarray | None = None) -> list[np.ndarray]:
    """log N of the roots that Newton's method reaches from many places, and from where the network itself goes."""
    k = neurons.count
    starts = _places(SEARCH.starts * k, k)
    starts = starts if more is None else np.concatenate([starts, more[:: max(1, len(more) // 200)]])
    slow = starts.copy()
    for _ in range(SEARCH.steps):  # towards what fires: the rates that a network at rest drifts to
        slow += 0.3 * np.clip(neurons.log_rates(np.exp(slow)) - slow, -2, 2)
    starts = np.clip(np.concatenate([starts, slow]), BOXES.lowest, np.log(SEARCH.highest))
    ends, good = polished(neurons, starts) if neurons.affine else _newton(neurons, starts)
    found: list[np.ndarray] = []
    for z in ends[good & (ends <= np.log(SEARCH.highest)).all(axis=1)]:
        _add(found, z)
    return found


def _newton(neurons: Any, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for rates without slopes: these from differences in log N."""
    k, good, step = neurons.count, np.zeros(len(z), bool), 1e-6
    for _ in range(SEARCH.steps):
        g = neurons.log_rates(np.exp(z)) - z
        shifted = z[:, None, :] + step * np.eye(k)
        J = neurons.log_rates(np.exp(shifted).reshape(-1, k)).reshape(len(z), k, k) - shifted - g[:, None, :]
        change = -np.einsum("bij,bj->bi", np.linalg.pinv(J.transpose(0, 2, 1) / step), g)
        size = np.abs(change).max(axis=1)
        z = np.clip(
            z + change * np.minimum(1.0, 1.5 / np.maximum(size, 1e-300))[:, None], BOXES.lowest, np.log(SEARCH.highest)
        )
        good = (size < 1e-6) & (np.abs(g).max(axis=1) < 1e-5 + 300 * neurons.error)
        if good.all():
            break
    return z, good


# problems that are no network of neurons -------------------------------------------------------------------------


def _of_frozen(frozen: Frozen, why: str) -> Candidates:
    """Of the problem frozen at its scalars."""
    if not frozen.moving:
        return _of_linear(frozen)
    return _of_one(frozen, why) if len(frozen.moving) == 1 else _of_several(frozen, why)


def _of_linear(frozen: Frozen) -> Candidates:
    frozen = frozen.fitting(np.zeros(0))
    problem = frozen.problem
    try:
        scalars = [problem.scalars(frozen.t, frozen.solve(np.zeros(0), refine=1)[1])]
    except (SingularMatrix, Infeasible) as error:
        return Candidates(problem.scalar_names[:1], [0], [], False, f"The linear system has no solution: {error}.")
    remark = "Drift and noise are the same whatever fires, so there is no other."
    return Candidates(problem.scalar_names[:1], [*range(min(1, len(scalars[0])))], scalars, True, remark)


def _of_one(frozen: Frozen, why: str) -> Candidates:
    """A scan over log N, on a mesh for each decade."""
    meshes: dict[int, Frozen] = {}

    def excess(N: float) -> float:
        decade = round(float(np.log10(N)))
        if decade not in meshes:
            meshes[decade] = frozen.fitting(np.array([10.0**decade])) if decade > -3 else frozen
        return float(meshes[decade].excess(np.array([N]))[0])

    roots = [np.array([z]) for z in roots_of_one(excess)]
    return _at_roots(frozen, roots, _SCANNED.format(why), np.vectorize(lambda z: excess(float(np.exp(z))), [float]))


def _of_several(frozen: Frozen, why: str) -> Candidates:
    """Deflated Newton on the excess of the problem frozen at its scalars, from many places, on meshes that fit."""
    roots: list[np.ndarray] = []
    for start in _places(SEARCH.frozen_starts * len(frozen.moving), len(frozen.moving)):
        there = frozen.fitting(np.exp(start))
        for _ in range(3):  # again from the same place, away from what is known
            found = _deflated_newton(there, start, roots)
            if found is None:
                break
            roots.append(found)
    return _at_roots(frozen, roots, _SEARCHED.format(why))


def _at_roots(frozen: Frozen, roots: list[np.ndarray], remark: str, excess: Callable | None = None) -> Candidates:
    scalars = np.zeros((len(roots), len(frozen.problem.scalar_names)))
    scalars[:, frozen.moving] = np.exp(np.array(roots).reshape(len(roots), len(frozen.moving)))
    return Candidates(tuple(frozen.names), frozen.moving, [*scalars], False, remark, excess)


def _deflated_newton(frozen: Frozen, z: np.ndarray, known: list[np.ndarray]) -> np.ndarray | None:
    """A root of the excess over z = log s that is not among `known`, or None.

    Deflation (Farrell, Birkisson & Funke, SIAM J. Sci. Comput. 37 (2015)): Newton on the excess times
    prod (1 + 1/|z - z_i|^2), whose step is the plain one divided by 1 + grad(log of the product) . step.
    """
    k = len(z)
    value = frozen.excess(np.exp(z))
    for _ in range(SEARCH.steps):
        slopes = np.empty((k, k))
        for j in range(k):
            shifted = z.copy()
            shifted[j] += 1e-6
            slopes[:, j] = (frozen.excess(np.exp(shifted)) - value) / 1e-6
        try:
            step = -np.linalg.solve(slopes, value)
        except (np.linalg.LinAlgError, SingularMatrix, Infeasible):
            return None
        away = sum((_repulsion(z - other) for other in known), np.zeros(k)) @ step
        step = step / (1 - away) if abs(1 - away) > 1e-8 else -step
        step *= min(1.0, 1.5 / max(np.abs(step).max(), 1e-300))
        z = z + step
        if not (np.log(1e-14) < z.min() and z.max() < np.log(SEARCH.highest)):
            return None
        value = frozen.excess(np.exp(z))
        if np.abs(step).max() < 1e-6 and np.abs(value).max() < 1e-6:
            return None if any(np.abs(z - other).max() < SEARCH.close for other in known) else z
    return None


def _repulsion(d: np.ndarray) -> np.ndarray:
    """Gradient of log(1 + 1/|d|^2)."""
    square = max(float(d @ d), 1e-300)
    return -2 * d / (square * (square + 1))
