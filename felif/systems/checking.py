"""Checks of a model over any axes: everything its discretisation derives from the equations, at random states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..given.differences import central
from ..problem import Infeasible
from .discretize import discretize_equations
from .on_axes import OnAxes
from .tuning import CHECKS

Found = tuple[str, str, float, float]  # kind, subject, defect, allowed


def check_equations(model: Any, space: Any, rng: np.random.Generator) -> Iterator[Found]:
    """(kind, subject, defect, allowed) of every check; what cannot be discretised raises ValueError."""
    system = discretize_equations(model, None, space, CHECKS.tolerance)
    for _ in range(CHECKS.states):
        y = _state(system, rng)
        if y is None:
            continue
        yield from _derivatives(system, y, rng)
        yield from _constraints(system, y)
        yield from _conservation(system, y)
    yield from _solves(system, rng)


def _state(system: OnAxes, rng: np.random.Generator) -> np.ndarray | None:
    """A positive random state at which the algebraic unknowns exist."""
    y = 0.5 + rng.random(system.size)
    y /= max(float(system.mass.data[0] @ y), 1e-300)
    for _ in range(12):
        try:
            system.scalars(0.0, y)
            return y
        except Infeasible:
            y = 0.3 * y
    return None


def _derivatives(system: OnAxes, y: np.ndarray, rng: np.random.Generator) -> Iterator[Found]:
    d = y * rng.standard_normal(system.size)
    for kind, subject, found, f in (
        ("Jacobian", "", system.jacobian(0.0, y) @ d, lambda z: system.rate(0.0, z)),
        ("scalar gradient", "", system.scalar_gradient(0.0, y) @ d, lambda z: system.scalars(0.0, z)),
    ):
        expected = central(lambda x, f=f: np.asarray(f(y + x * d)), 1e-4)
        if found.size:
            size = np.abs(expected).max() + np.abs(f(y)).max() + 1e-300
            yield kind, subject, float(np.abs(found - expected).max() / size), CHECKS.differences
    for name in system.parameter_names:
        p = float(getattr(system.model, name))
        step = 1e-3 * max(abs(p), 0.1)
        F = [system.at(**{name: p + k * step}).rate(0.0, y) for k in (0, 1, 2)]
        expected, found = (-1.5 * F[0] + 2 * F[1] - 0.5 * F[2]) / step, system.parameter_derivative(0.0, y, name)
        size = np.abs(expected).max() + np.abs(F[0]).max()
        yield "parameter derivative", name, float(np.abs(found - expected).max() / size), 1e-5


def _constraints(system: OnAxes, y: np.ndarray) -> Iterator[Found]:
    """What is algebraic satisfies its equations."""
    residual, size = system.constraint_residual(0.0, y)
    if len(residual):
        yield "algebraic equations", system.constraint.names, float(np.abs(residual).max() / size), CHECKS.rounding


def _conservation(system: OnAxes, y: np.ndarray) -> Iterator[Found]:
    F = system.rate(0.0, y)
    for name, weights in system.conserved.items():
        carried = weights / system.mass.data[0]
        yield "conserved", name, float(abs(carried @ F) / (np.abs(carried) @ np.abs(F) + 1e-300)), 1e-9


def _solves(system: OnAxes, rng: np.random.Generator) -> Iterator[Found]:
    y = _state(system, rng)
    if y is None:
        return
    J, b = system.jacobian(0.0, y), rng.standard_normal(system.size)
    x = J.factor(10.0, system.mass).solve(b)
    defect = 10.0 * (system.mass @ x) - J @ x - b
    yield "linear solve", "", float(np.abs(defect).max() / (np.abs(J.magnitudes(x)).max() + 1.0)), 1e-9
