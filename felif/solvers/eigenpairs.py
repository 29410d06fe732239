"""Single eigenpairs of the linearisation at a steady state, J(lambda) x = lambda M x, by Newton on bordered systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..algebra import BandLowRank, SingularMatrix
from ..problem import Problem
from .border import Border, by_mass
from .delayed import Delayed
from .tuning import SPECTRA


@dataclass(frozen=True, eq=False)
class Pair:
    """An eigenvalue with its right and left eigenvector (of the conserving system: C x = 0)."""

    value: complex
    x: np.ndarray
    z: np.ndarray
    condition: float
    residual: float

    def conjugate(self) -> Pair:
        return Pair(self.value.conjugate(), self.x.conj(), self.z.conj(), self.condition, self.residual)


class _Reached(NamedTuple):
    """An eigenvalue and its right vector as far as Newton's method has come, with its bordered system there."""

    value: complex
    x: np.ndarray
    residual: float
    system: Any


def balance(problem: Problem, y: np.ndarray) -> np.ndarray:
    """d > 0 such that q = x / d is the variable in which the linearisation of one neuron is symmetric: sqrt(n / M)."""
    lumped = problem.mass @ np.ones(problem.size)
    floor = 1e-20 * np.abs(y).max()
    return np.sqrt(np.maximum(np.abs(y), floor) / np.abs(lumped))


class Linearisation:
    """J(lambda) of a problem at a steady state y, which depends on lambda with delays only."""

    def __init__(self, problem: Problem, y: np.ndarray) -> None:
        self.problem, self.y, self._parts = problem, y, Delayed.at(problem, y)
        self._border, self._balance = Border(problem, y), balance(problem, y)

    def jacobian(self, value: complex) -> BandLowRank:
        return self._parts.jacobian(value) if len(self._parts.delays) else self._parts.instantaneous

    def _slope(self, value: complex, x: np.ndarray) -> np.ndarray | float:
        """dJ/dlambda x, which is not zero with delays only."""
        if not len(self._parts.delays):
            return 0.0
        step = 1e-6 * (1 + abs(value))
        above, below = (self._parts.lags(value + sign * step) @ x for sign in (1, -1))
        return self._parts.U @ ((above - below) / (2 * step))

    def polished(self, value: complex, x: np.ndarray | None, distance: float) -> Pair:
        """The eigenpair that Newton reaches, unless it leaves for another one half the `distance` away."""
        if not value.imag:
            value, x = value.real, None if x is None else np.real(x)
        if x is None:
            x = self._inverse_iterated(value)
        start, best = value, None
        for _ in range(SPECTRA.steps):
            x = x / x[np.argmax(np.abs(x))]
            try:
                here, change, x = self._newton_step(value, x)
            except SingularMatrix:
                return self._pair(best) if best else self._defective(value, x)
            if best is not None and here.residual > 0.5 * best.residual:
                break  # down to rounding
            best, value = here, value + change
            if abs(change) <= SPECTRA.polished * (1 + abs(value)) or abs(value - start) > 0.5 * min(
                distance, 1 + abs(start)
            ):
                break
        return self._pair(best)

    def _newton_step(self, value: complex, x: np.ndarray) -> tuple[_Reached, complex, np.ndarray]:
        """(what is at hand, change of the eigenvalue, new right vector): Newton on (J - lambda M) x = 0, w.x = 1.

        One bordered system gives all: [T, M E, -s; C, 0, 0; w, 0, 0] with T = J - lambda M, s = (M - J') x.
        """
        problem, J = self.problem, self.jacobian(value)
        slope = problem.mass @ x - self._slope(value, x)
        row = np.conj(x) / (np.conj(x) @ x)
        system = self._border.around(J, columns=-slope[:, None], rows=row[None], shift=value)
        following, numbers = system.solve(np.zeros(len(x)), self._border.unit())
        if not np.isfinite(following).all():
            raise SingularMatrix("a defective eigenvalue")
        return _Reached(value, x, self._residual(J, value, x), system), numbers[-1], following

    def _pair(self, at: _Reached) -> Pair:
        """With the left vector, from the same system, and z.J x as its value: both vectors' errors times each other."""
        problem, value, x, k = self.problem, at.value, at.x, len(self._border.C)
        z, ends = at.system.solve_transposed(np.zeros(len(x)), self._border.unit())
        z = -z
        if k and abs(value) > SPECTRA.zero:  # from the deflated system to J itself: add rows l with l M = c, l J = 0
            z = z + (ends[:k] / value) @ by_mass(problem, self._border.C.T).T
        d = self._balance
        condition = float(np.linalg.norm((problem.mass @ z) * d) * np.linalg.norm(x / d))
        J = self.jacobian(value)
        better = value + z @ (J @ x - value * (problem.mass @ x))
        return Pair(complex(better), x, z, condition, self._residual(J, better, x))

    def _residual(self, J: BandLowRank, value: complex, x: np.ndarray) -> float:
        return float(np.abs(J @ x - value * (self.problem.mass @ x)).sum() / np.abs(J @ np.abs(x)).sum())

    def _defective(self, value: complex, x: np.ndarray) -> Pair:
        """The pair where Newton has no step: z.M x = 0, z from another border, |z| = 1; or x is one of several."""
        J, other = self.jacobian(value), np.random.default_rng(1).standard_normal((len(x), 1))
        try:
            system = self._border.around(J, columns=other, rows=np.conj(x)[None], shift=value)
            z, _ = system.solve_transposed(np.zeros(len(x)), self._border.unit())
        except SingularMatrix:
            z = self._inverse_iterated(value, left=True)
        return Pair(complex(value), x, z / np.linalg.norm(z), np.inf, self._residual(J, value, x))

    def _inverse_iterated(self, value: complex, left: bool = False) -> np.ndarray:
        """A right (or left) vector for an eigenvalue known well, by inverse iteration from noise."""
        near = value + 1e-7 * (1 + abs(value))
        system = self._border.around(self.jacobian(near), shift=near)
        x = np.random.default_rng(0).standard_normal(self.problem.size) * self._balance
        solve = system.solve_transposed if left else system.solve
        for _ in range(2):
            x, _ = solve(self.problem.mass @ x, np.zeros(len(self._border.C)), refine=0)
            x = x / x[np.argmax(np.abs(x))]
        return x

    def rounding(self, pair: Pair) -> float:
        """What rounding J does to an eigenvalue, eps |z| |J| |x|; to a double one with one eigenvector its root."""
        eps, J = np.finfo(float).eps, self.jacobian(pair.value)
        if not np.isfinite(pair.condition):
            return abs(pair.value) * float(np.sqrt(eps))
        x, z = np.abs(pair.x), np.abs(pair.z)
        return eps * float(z @ J.magnitudes(x))
