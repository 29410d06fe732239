"""A periodic orbit's equations at all its points: F, the scalars and their derivatives, with the past that it has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import Band, Linearisations
from ..problem import Problem


def delayed_names(problem: Problem) -> tuple[str, ...]:
    """The scalars that act with a delay."""
    return tuple(dict.fromkeys(name for name, _ in problem.delays.values()))


def past(problem: Problem, orbit: Any) -> Problem:
    """The problem whose delayed scalars are those of the orbit."""
    names = delayed_names(problem)
    if not names:
        return problem
    return problem.with_history(_Past(orbit, names))


class _Past:
    """history(name, t) of a periodic orbit."""

    def __init__(self, orbit: Any, names: tuple[str, ...]) -> None:
        self._mesh, self._period = orbit.mesh, orbit.period
        self._values = {name: orbit.S[:, k] for k, name in enumerate(names)}
        self._series = {name: orbit.mesh.function(values) for name, values in self._values.items()}

    def __call__(self, name: str, t: float) -> float:
        return self._series[name](t / self._period)

    def many(self, name: str, times: np.ndarray) -> np.ndarray:
        """At many times."""
        return self._mesh.evaluate(self._values[name], times / self._period)


def linearisations(problem: Problem, times: np.ndarray, states: np.ndarray, derivatives: bool) -> Linearisations:
    """F, the scalars and their derivatives at many states, at once where the problem can. Raises Infeasible."""
    hook = problem.at_points
    if hook is not None and (found := hook(times, states, derivatives)) is not None:
        return found
    each = [_one(problem, t, y, derivatives) for t, y in zip(times.tolist(), states, strict=True)]
    F, scalars, J, gradients, changes = zip(*each, strict=True)
    scalars = np.array(scalars).reshape(len(each), len(problem.scalar_names))
    if not derivatives:
        return Linearisations(np.array(F), scalars)
    by_inputs = {
        name: tuple(np.array(part) for part in zip(*(one[k] for one in changes), strict=True))
        for k, name in enumerate(problem.delays)
    }
    gradients = np.array(gradients)
    if not hasattr(J[0], "band"):
        return Linearisations(np.array(F), scalars, gradients=gradients, by_inputs=by_inputs, matrices=J)
    bands, U, G = (np.array(part) for part in zip(*((one.band.data, one.U, one.G) for one in J), strict=True))
    widths = J[0].band.kl, J[0].band.ku
    return Linearisations(np.array(F), scalars, widths, bands, U, G, gradients, by_inputs)


def _one(problem: Problem, t: float, y: np.ndarray, derivatives: bool) -> tuple[Any, ...]:
    """All at one state: problems remember the last that they were asked about."""
    F, scalars = problem.rate(t, y), problem.scalars(t, y) if problem.scalar_names else np.zeros(0)
    if not derivatives:
        return F, scalars, None, None, None
    gradient = problem.scalar_gradient(t, y) if problem.scalar_names else np.zeros((0, len(y)))
    return F, scalars, problem.jacobian(t, y), gradient, [problem.input_derivative(t, y, k) for k in problem.delays]


def mass_times(mass: Band, Y: np.ndarray) -> np.ndarray:
    """M y for all points of Y (m, size, s)."""
    if mass.kl == mass.ku == 0:
        return mass.data[0][:, None] * Y
    return np.stack([[mass @ np.ascontiguousarray(y) for y in piece.T] for piece in Y]).swapaxes(1, 2)
