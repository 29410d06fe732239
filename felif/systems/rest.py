"""Where a search for steady states of a system begins: states at rest with coefficients frozen at many numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from .adapt import refined
from .on_axes import OnAxes
from .tuning import STATES


def totals_of(system: OnAxes) -> np.ndarray:
    """Of every conserved quantity what it is at the start: 1, or what the model says where that names all densities."""
    found, equations = [], system.equations
    for quantity in equations.conserved:
        densities = [name for name in quantity.weights if name in system.field_names]
        named = [quantity.weights[name] * equations.masses[name] for name in densities if name in equations.masses]
        count = 1 if quantity.each is None else equations.axis(quantity.each).count
        found += [sum(named) if named and len(named) == len(densities) else 1.0] * count
    return np.array(found)


def starts(system: OnAxes, t: float, totals: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """(system, y) to begin Newton's method from: the first from zero, the others from numbers of all sizes and signs.

    Where cells are so coarse that a density at rest falls below zero whatever the numbers, they are split, and it is
    looked again.
    """
    random = np.random.default_rng(11)
    if not system.layout.n_fields:
        yield system, np.zeros(system.size)
        for _ in range(STATES.free):
            yield system, _numbers(random, system.size)
        return
    count = system.size - system.layout.n_fields + system.layout.n_z
    tries = STATES.frozen if count and not _is_linear(system, t) else 1
    numbers = [np.zeros(count) if k == 0 else _numbers(random, count) for k in range(tries)]
    for _ in range(STATES.rounds):
        found = [_at_rest(system, t, given, totals) for given in numbers]
        held = [y for y in found if y is not None and _is_positive(system, y)]
        yield from ((system, y) for y in held)
        coarse = next((y for y in found if y is not None), None)
        if held or coarse is None or system.tol is None or (finer := refined(system, t, coarse)) is None:
            return
        system = finer[0]


def _at_rest(system: OnAxes, t: float, numbers: np.ndarray, totals: np.ndarray) -> np.ndarray | None:
    """The state at rest of densities where every coefficient reads these numbers; None where there is none."""
    C = np.array([*system.conserved.values()]).reshape(len(system.conserved), system.size)
    uniform = np.where(C != 0, 1.0, 0.0)
    E = uniform.T / np.maximum((uniform * C).sum(axis=1), 1e-300)
    none, y = np.zeros((len(C), len(C))), uniform.sum(axis=0)
    try:
        A = system.frozen_at(t, numbers)
        border = system.mass.data[0][:, None] * E
        for _ in range(STATES.pins):  # pinned where hardly anybody is, the band is nearly singular
            y, z = A.bordered(border, C, none, held=C * y).solve(np.zeros(system.size), totals)
            if np.abs(A @ y + border @ z).max() <= STATES.same * A.magnitudes(y).max():
                break
    except (SingularMatrix, ArithmeticError):
        return None
    return y if np.isfinite(y).all() else None


def _is_positive(system: OnAxes, y: np.ndarray) -> bool:
    """Whether no density is far below zero."""
    densities = y[: system.layout.n_fields]
    return bool(densities.min() >= -STATES.below * np.abs(densities).max())


def relaxing_of(system: OnAxes) -> tuple[np.ndarray, np.ndarray] | None:
    """(places in y, slopes) of unknowns that hang on few others and decay at a rate which nothing changes, such as n^2
    weights between n units; of a system of numbers alone, None where there are none."""
    whole = None if system.layout.n_fields or system.conserved else system._structure.whole
    if whole is None or not whole.peeling.levels:
        return None
    entries = system._operator.entries
    fixed = np.zeros(len(entries.rows), bool)
    fixed[entries.fixed] = True
    for part in entries.parts:
        fixed[part.where] = False
    own = np.flatnonzero((entries.rows == entries.columns) & fixed)
    slopes = np.zeros(system.size + system.layout.n_z)
    slopes[entries.rows[own]] = system._operator.jacobian(np.zeros(len(system.layout.columns)))[own]
    gone = whole.peeling.levels[0].gone
    gone = gone[(gone < system.size) & (slopes[gone] < 0)]
    return (gone, slopes[gone]) if len(gone) else None


def relaxed(system: OnAxes, t: float, y: np.ndarray) -> np.ndarray:
    """y with those unknowns at rest that relax to what the others say: Newton's method then meets the others alone."""
    if system.relaxing is None:
        return y
    places, slopes = system.relaxing
    found = y.copy()
    found[places] -= system.rate(t, y)[places] / slopes
    return found


def _is_linear(system: OnAxes, t: float) -> bool:
    """Whether no coefficient that matters to F changes with the state: the same matrix at three of them."""
    random, found = np.random.default_rng(7), []
    for scale in (0.0, 1.0, 5.3):
        X = np.zeros(len(system.layout.columns))
        X[: system.size + system.layout.n_z] = scale * random.random(system.size + system.layout.n_z)
        system._inputs(t, X)
        found.append(system._operator.jacobian(X))
    return all(np.array_equal(data, found[0]) for data in found[1:])


def _numbers(random: np.random.Generator, count: int) -> np.ndarray:
    signs = np.where(random.random(count) < 0.7, 1.0, -1.0)
    return signs * 10.0 ** random.uniform(*STATES.sizes, size=count)
