"""Dual-weighted residual of a run: the error of one functional at its end, and which cells and steps made it.

    J(y(T)) - J(y_h(T)) = z(0) . M (y(0) - y_h(0)) + int_0^T z . r dt - sum_k z . M [y_h](t_k) + higher order,
    r = F(t, y_h) - M dy_h/dt,      -M' dz/dt = (dF/dy)' z,   M' z(T) = dJ/dy

with y_h the dense output of the run, which jumps at t_k where cells are merged, and z the adjoint, integrated backward
along y_h; all of it in elements of a degree higher by two (four below 4) on the cells of the run and a few below V_min,
where y_h goes on as a density without flux would (`assembly.widened`). Becker & Rannacher, Acta Numerica 10 (2001).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra import gauss
from ..assembly.initial import projected
from ..assembly.tails import require_reach
from ..assembly.widened import Widened
from ..firing.layers import coefficients_at
from ..given.arguments import FUNCTION, RUN, TEXT, checked, either, value_of
from ..problem import Problem, State, require_one_axis
from .run import Run
from .tuning import BARS

_GAMMA = 1 - np.sqrt(0.5)  # of the L-stable two-stage scheme of order two
_POINTS, _WEIGHTS = gauss(3)


@dataclass(frozen=True)
class DualWeighted:
    """What a functional lacks at the end of a run: signed = data + sum(steps) + end.

    Attributes
    ----------
    signed : float
        J(exact) - J(run) to first order: add it to the run's value; `error` is its absolute value.
    data : float
        What the projection of the initial density, or State, on the first mesh contributes, with what V_min cuts off; 0
        for a State that was copied, and for a run from a folder, whose data are not known. An error that the State has
        of its own is not in it.
    cells : tuple of two arrays
        Ends of the cells of the last mesh, and what each contributes through elements and steps.
    steps : array (steps,)
        What each step of the run contributes, with the change of the mesh after it.
    end : float
        What the functional itself reads differently in richer elements at the end.
    """

    signed: float
    data: float
    cells: tuple[np.ndarray, np.ndarray]
    steps: np.ndarray
    end: float

    @property
    def error(self) -> float:
        """The absolute value of `signed`."""
        return abs(self.signed)


@checked(run=RUN, quantity=either(TEXT, FUNCTION))
def dual_weighted(run: Run, quantity: str | Callable[[State], float] = "N") -> DualWeighted:
    """The error of a scalar ("N", "R") or of a function of the State at the end of a run, by its adjoint.

    Seen: the projection of the data, elements, V_min, every change of the mesh, steps and dense output. Not seen:
    second order in the error, and V_max of a random threshold; `error_estimate` sees those too.

    Parameters
    ----------
    run : Run
        Of one density over v, without delays and synchronous spikes.
    quantity : str or callable
        A scalar, or a function of a State.

    Returns
    -------
    DualWeighted
        `.signed`, `.error`, and what data, cells, steps and the end contribute.

    Raises
    ------
    ValueError
        For a problem with delays, a run through a synchronous spike, a scalar the model does not have, and a mesh whose
        V_min cuts off more than a tenth of the density, of which first order says little.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-4)
    >>> found = fl.dual_weighted(run)
    >>> bool(found.error < 1e-3)
    True
    """
    require_one_axis(run.problem, "dual_weighted", over_v=True)
    if run.past is not None or run.events and any(hasattr(event, "size") for event in run.events):
        raise ValueError("dual_weighted: the run has a delay or goes through a blow-up, where only run.error applies")
    end, last = float(run.times[-1]), run.segments[-1]
    require_reach(last.problem, end, last.states[-1], "dual_weighted")
    ends = last.problem.cells
    by_cell, by_step = np.zeros(len(ends) - 1), []
    z, later, jump = None, None, 0.0
    for segment in reversed(run.segments):
        dual = _Dual(segment)
        if later is None:
            z, difference = _terminal(dual.wide, segment, quantity)
        else:
            z, change = _carried(dual, later, z)
            jump += change
        later = dual
        home = np.clip(np.searchsorted(ends, dual.richer.nodes, side="right") - 1, 0, len(ends) - 2)
        for j in reversed(range(len(segment.times) - 1)):
            z, parts = dual.back(j, z, end)
            by_step.append(float(parts.sum()) + jump)
            jump = 0.0
            for name in dual.richer.field_names:
                place = dual.richer.layout.slice(name)
                by_cell += np.bincount(home[: dual.richer.layout.free(name)], parts[place], len(by_cell))
    steps, data = np.array(by_step[::-1]), jump + _of_data(run, later, z)
    return DualWeighted(float(steps.sum()) + data + difference, data, (ends, by_cell), steps, difference)


def _carried(dual: _Dual, later: _Dual, z: np.ndarray) -> tuple[np.ndarray, float]:
    """(z in the space of an earlier segment, what the change of the mesh between the two contributes)."""
    t, before, after = float(later.segment.times[0]), dual.segment.states[-1], later.segment.states[0]
    x = later.wide.embedded(after)
    here = dual.wide.dual_from(later.richer, t, x, z)
    if dual.richer.size > later.richer.size:  # cells were merged
        return here, float(here @ (dual.mass @ (dual.wide.embedded(before) - dual.wide.of(later.wide, x))))
    return here, float(z @ (later.mass @ (later.wide.of(dual.wide, dual.wide.embedded(before)) - x)))


def _of_data(run: Run, first: _Dual, z: np.ndarray) -> float:
    """z . M (projection of the data in the richer space - the initial state of the run)."""
    start, here, y = run.start, first.segment.problem, first.segment.states[0]
    if start is None:
        return 0.0
    if isinstance(start, State) and np.array_equal(start.problem.cells, here.cells) and np.array_equal(start.y, y):
        return 0.0  # it was copied
    missing = projected(first.richer, start) - first.wide.embedded(y)
    return float(z @ (first.mass @ missing))


def value(quantity: str | Callable[[State], float], problem: Problem, t: float, y: np.ndarray) -> float:
    """A scalar by name, or a function of the State, at (t, y)."""
    if callable(quantity):
        return value_of(quantity, State(problem, t, y))
    return float(problem.scalars(t, y)[problem.scalar_names.index(quantity)])


def gradient(quantity: str | Callable[[State], float], problem: Problem, t: float, y: np.ndarray) -> np.ndarray:
    """d(quantity)/dy, shape (size,); of a function of the State by differences."""
    if not callable(quantity):
        return problem.scalar_gradient(t, y)[problem.scalar_names.index(quantity)]
    here, step = value(quantity, problem, t, y), 1e-6 * float(np.abs(y).max())
    shifted = (value(quantity, problem, t, y + step * unit) for unit in np.eye(problem.size))
    return np.array([(other - here) / step for other in shifted])


def _terminal(wide: Widened, segment: Any, quantity: Any) -> tuple[np.ndarray, float]:
    """z(T), M' z = dJ/dy at the end of the run, and how J reads the same functions in the richer space."""
    t, y, richer = float(segment.times[-1]), segment.states[-1], wide.problem
    if not callable(quantity) and quantity not in richer.scalar_names:
        raise ValueError(f"dual_weighted: {quantity!r}; allowed are {richer.scalar_names} or a function of a State")
    x = wide.embedded(y)
    difference = value(quantity, richer, t, x) - value(quantity, segment.problem, t, y)
    return richer.mass.transpose().solve(gradient(quantity, richer, t, x)), difference


class _Dual:
    """Adjoint and residual along one segment, in elements of a higher degree that reach below V_min."""

    def __init__(self, segment: Any) -> None:
        t, y = float(segment.times[-1]), segment.states[-1]
        self.segment, self.wide = segment, Widened(segment.problem, t, y, by=4 if segment.problem.degree < 4 else 2)
        self.richer = self.wide.problem
        self.mass, self.dual_mass = self.richer.mass, self.richer.mass.transpose()
        problem = segment.problem
        _, noise, _ = coefficients_at(problem, t, y, problem.field_names[0], problem.cells[-1:])
        self.shortest = BARS.first * float(np.min(self.richer.widths)) ** 2 / float(noise[0])

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
        return np.array([self.wide.embedded(row) for row in rows])


def _at(coefficients: np.ndarray, theta: float) -> np.ndarray:
    return theta ** np.arange(len(coefficients)) @ coefficients


def _slope(coefficients: np.ndarray, theta: float) -> np.ndarray:
    k = np.arange(1, len(coefficients))
    return (k * theta ** (k - 1)) @ coefficients[1:]


def _pieces(t0: float, t1: float, end: float, shortest: float) -> list[tuple[float, float]]:
    """(later, earlier) ends of the steps of the adjoint, from t1 back to t0, short near the end of the run."""
    pieces, right, most = [], t1, (t1 - t0) / BARS.least
    while right > t0:
        h = min(most, max(shortest, (BARS.growth - 1) * (end - right)))
        left = t0 if right - 1.5 * h <= t0 else right - h
        pieces.append((right, left))
        right = left
    return pieces
