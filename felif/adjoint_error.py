"""Dual-weighted residual of a run: the error of one functional at its end, and which cells and steps made it.

    J(y(T)) - J(y_h(T)) = int_0^T z . r dt + higher order,      r = F(t, y_h) - M dy_h/dt
    -M' dz/dt = (dF/dy)' z,   M' z(T) = dJ/dy

with y_h the dense output of the run, r its residual in elements of a degree higher by two (four below 4), and z the
adjoint there, integrated backward along y_h on the cells of the run. Becker & Rannacher, Acta Numerica 10 (2001) 1-102.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .algebra import Band, BandLowRank
from .assembly.spaces import gauss
from .assembly.tails import transport
from .problem import State
from .run import Run

_GAMMA = 1 - np.sqrt(0.5)  # of the L-stable two-stage scheme of order two
_GROWTH = 1.35  # of the steps away from T, where the adjoint of a rate is a distribution at V_F
_LEAST = 3  # steps of the adjoint in a step of the run
_FIRST = 0.01  # first step of the adjoint, in units of the time in which noise crosses the smallest cell
_POINTS, _WEIGHTS = gauss(3)


@dataclass(frozen=True)
class DualWeighted:
    """What a functional lacks at the end of a run.

    signed  J(exact) - J(run) to first order: add it to the run's value; `error` is its absolute value
    cells   (ends of the cells of the last mesh, what each contributes); scalars such as R have no cell
    steps   what each step of the run contributes, shape (steps,); they sum up to `signed`
    """

    signed: float
    cells: tuple[np.ndarray, np.ndarray]
    steps: np.ndarray

    @property
    def error(self) -> float:
        return abs(self.signed)


def dual_weighted(run: Run, quantity: str | Callable[[State], float] = "N") -> DualWeighted:
    """The error of a scalar ("N", "R") or of a function of the State at the end of a run, by its adjoint.

    Seen: what elements, remeshing by splitting, steps and dense output leave over. Not seen: the initial projection,
    V_min, merging of cells, and second order in the error; `error_estimate` sees all of them. Raises ValueError for a
    problem with delays, a run through a synchronous spike, and a scalar the model does not have.
    """
    if run.past is not None or run.events and any(hasattr(event, "size") for event in run.events):
        raise ValueError("dual_weighted: the run has a delay or goes through a blow-up, where only run.error applies")
    end, last = float(run.times[-1]), run.segments[-1]
    ends = last.problem.cells
    by_cell, by_step = np.zeros(len(ends) - 1), []
    z, after = None, None
    for segment in reversed(run.segments):
        if len(segment.times) == 1:
            continue
        richer, _ = segment.problem.enriched(segment.states[-1], by=4 if segment.problem.degree < 4 else 2)
        z = _terminal(richer, segment, quantity) if z is None else richer.received(State(after, 0.0, z))
        after, dual = richer, _Dual(richer, segment)
        home = np.clip(np.searchsorted(ends, richer.nodes, side="right") - 1, 0, len(ends) - 2)
        for j in reversed(range(len(segment.times) - 1)):
            z, parts = dual.back(j, z, end)
            by_step.append(float(parts.sum()))
            for name in richer.field_names:
                place = richer.layout.slice(name)
                by_cell += np.bincount(home[: richer.layout.free(name)], parts[place], len(by_cell))
    steps = np.array(by_step[::-1])
    return DualWeighted(float(steps.sum()), (ends, by_cell), steps)


def value(quantity: str | Callable[[State], float], problem: Any, t: float, y: np.ndarray) -> float:
    """A scalar by name, or a function of the State, at (t, y)."""
    if callable(quantity):
        return float(quantity(State(problem, t, y)))
    return float(problem.scalars(t, y)[problem.scalar_names.index(quantity)])


def gradient(quantity: str | Callable[[State], float], problem: Any, t: float, y: np.ndarray) -> np.ndarray:
    """d(quantity)/dy, shape (size,); of a function of the State by differences."""
    if not callable(quantity):
        return problem.scalar_gradient(t, y)[problem.scalar_names.index(quantity)]
    here, step = value(quantity, problem, t, y), 1e-6 * float(np.abs(y).max())
    shifted = (value(quantity, problem, t, y + step * unit) for unit in np.eye(problem.size))
    return np.array([(other - here) / step for other in shifted])


def _terminal(richer: Any, segment: Any, quantity: Any) -> np.ndarray:
    """z(T): M' z = dJ/dy at the end of the run."""
    t, y = float(segment.times[-1]), embedded(segment.problem, richer, segment.states[-1])
    if not callable(quantity) and quantity not in richer.scalar_names:
        raise ValueError(f"dual_weighted: {quantity!r}; allowed are {richer.scalar_names} or a function of a State")
    mass, size = richer.mass.transpose(), richer.size
    nothing = BandLowRank(Band.zeros(size, 0, 0), np.zeros((size, 0)), np.zeros((0, size)))
    return nothing.factor(1.0, mass).solve(gradient(quantity, richer, t, y))


class _Dual:
    """Adjoint and residual along one segment."""

    def __init__(self, richer: Any, segment: Any) -> None:
        self.richer, self.segment = richer, segment
        self.mass, self.dual_mass = richer.mass, richer.mass.transpose()
        t, y = float(segment.times[-1]), embedded(segment.problem, richer, segment.states[-1])
        _, noise, _ = transport(richer, t, y, richer.field_names[0], richer.cells[-1:])
        self.shortest = _FIRST * float(np.min(richer.widths)) ** 2 / float(noise[0])

    def back(self, j: int, z: np.ndarray, end: float) -> tuple[np.ndarray, np.ndarray]:
        """(z at the beginning of step j, contributions z_i r_i of each unknown) from z at its end."""
        t0, t1 = float(self.segment.times[j]), float(self.segment.times[j + 1])
        coefficients = self._polynomial(j)
        parts = np.zeros(self.richer.size)
        for right, left in _pieces(t0, t1, end, self.shortest):
            h = right - left
            middle = (left + right) / 2
            J = self.richer.jacobian(middle, _at(coefficients, (middle - t0) / (t1 - t0)))
            factored = J.transpose().factor(1 / (_GAMMA * h), self.dual_mass)
            first = factored.solve(self.dual_mass @ z) / (_GAMMA * h)
            slope = (first - z) / (_GAMMA * h)
            second = factored.solve(self.dual_mass @ (z + (1 - _GAMMA) * h * slope)) / (_GAMMA * h)
            for x, w in zip(_POINTS, _WEIGHTS, strict=True):
                t = left + x * h
                theta = (t - t0) / (t1 - t0)
                residual = self.richer.rate(t, _at(coefficients, theta))
                residual = residual - self.mass @ (_slope(coefficients, theta) / (t1 - t0))
                parts += w * h * (second + x * (z - second)) * residual
            z = second
        return z, parts

    def _polynomial(self, j: int) -> np.ndarray:
        """Coefficients in theta, lowest first, of the dense output of a step in the richer space."""
        y0, y1, dense = self.segment.states[j], self.segment.states[j + 1], self.segment.dense[j]
        rows = np.zeros((len(dense) + 2, len(y0)))
        rows[0], rows[1] = y0, y1 - y0
        for k, D in enumerate(dense):  # theta (1 - theta) theta^k D
            rows[k + 1] += D
            rows[k + 2] -= D
        return np.array([embedded(self.segment.problem, self.richer, row) for row in rows])


def _at(coefficients: np.ndarray, theta: float) -> np.ndarray:
    return theta ** np.arange(len(coefficients)) @ coefficients


def _slope(coefficients: np.ndarray, theta: float) -> np.ndarray:
    k = np.arange(1, len(coefficients))
    return (k * theta ** (k - 1)) @ coefficients[1:]


def embedded(problem: Any, richer: Any, y: np.ndarray) -> np.ndarray:
    """y in the richer space: the same functions of v, and the same scalars."""
    result = np.zeros(richer.size)
    for name in problem.field_names:
        result[richer.layout.slice(name)] = problem.field(name, y)(richer.nodes)[: richer.layout.free(name)]
    for name in problem.layout.differential:
        result[richer.layout.offsets[name]] = y[problem.layout.offsets[name]]
    return result


def _pieces(t0: float, t1: float, end: float, shortest: float) -> list[tuple[float, float]]:
    """(later, earlier) ends of the steps of the adjoint, from t1 back to t0, short near the end of the run."""
    pieces, right, most = [], t1, (t1 - t0) / _LEAST
    while right > t0:
        h = min(most, max(shortest, (_GROWTH - 1) * (end - right)))
        left = t0 if right - 1.5 * h <= t0 else right - h
        pieces.append((right, left))
        right = left
    return pieces
