"""One step of an additive (implicit-explicit) Runge-Kutta scheme: one part solved for, the rest explicit.

    M dy/dt = L y + [F(t, y) - L y],        L = problem.implicit_part(t_n, y_n), frozen over the step

Whatever L is, the order stays that of the scheme; L holds what is stiff and cheap to solve for. What a problem offers
for that, beside `rate`, `scalars` and the rest of the protocol:

    problem.implicit_part(t, y) -> L        L @ y;   L.remainder(t, y) = F(t, y) - L y, without cancellation;
                                            L.factor(shift).solve(b) = (shift M - L)^-1 b
    problem.step_limit(t, y) -> float       1 / (spectral radius of the explicit part): the CFL condition, times the
                                            tableau's `stability`, is the largest step that is ever made
    problem.mass                            a Band, or anything with `@` and `solve`
    problem.limited(y) -> y                 (if offered) what a step has made, brought back to where densities lie
    problem.starting(y) -> y                (if offered) what a step starts from in place of y; y stays what is known

What `starting` changes stiff modes forget within a step: its share in the estimate of the error, as far as L goes, is
no error and is taken out. Otherwise a constraint that acts in every step would make steps as short as these modes.

Conserved quantities survive to rounding if every part keeps them: stages are solved for their increments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Problem
from .schemes import AdditiveTableau
from .stepper import MassMatrix, StepFailed, Window

_RESERVE = 0.9  # of the largest step: the explicit part changes within it


def is_additive(problem: Problem) -> bool:
    """Whether the problem splits itself into an implicit and an explicit part."""
    return problem.implicit_part is not None


def rounding_of_rate(problem: Problem, t: float, y: np.ndarray, h: float) -> float:
    """What rounding in F may do to a conserved quantity in a step: tiny cells have enormous entries that cancel.

    0 for a problem that splits itself: nothing beyond ordinary rounding is forgiven there.
    """
    if is_additive(problem):
        return 0.0
    J = problem.jacobian(t, y)
    largest = np.abs(J.band.data).max() if hasattr(J, "band") else abs(J.F_y).max()
    return 2e-15 * h * float(largest) * float(np.abs(y).max())


class AdditiveStepper:
    """Steps `M dy/dt = F(t, y)` by an `AdditiveTableau`: one factorisation, one solve a stage, no Newton.

    `limit`: the largest step from here that the explicit part allows; a step that ends where less is allowed fails.
    Slopes are kept as they come, multiplied by M: G_i explicit, I_i implicit.
    """

    def __init__(self, tableau: AdditiveTableau, problem: Problem, statistics: dict[str, int]) -> None:
        self.problem, self.tableau, self.statistics = problem, tableau, statistics
        self.mass = problem.mass if hasattr(problem.mass, "solve") else MassMatrix(problem.mass)
        self._limited = problem.limited
        self._starting = problem.starting
        stages = len(tableau.c)
        # the implicit slopes first, then the explicit ones: every combination is one small product
        self._slopes = np.zeros((2 * stages, problem.size))
        self._implicit, self._explicit = self._slopes[:stages], self._slopes[stages:]
        self._rows = [np.concatenate([tableau.implicit[i], tableau.explicit[i]]) for i in range(stages)]
        self._weights = np.concatenate([tableau.b_implicit, tableau.b_explicit])
        self._difference = self._weights - np.concatenate([tableau.bhat, tableau.bhat])
        self._c = tableau.c.tolist()
        self.slope: np.ndarray | None = None  # F at the end of the last step, for dense output
        self.contraction = 1.0  # what a checkpoint keeps of Newton's method
        self.error = np.zeros(problem.size)

    def begin(self, t: float, y: np.ndarray, window: Window) -> None:
        """Evaluates what every attempt of a step from (t, y) shares."""
        known, self._put_in = y, None
        if self._starting is not None and (y := self._starting(known)) is not known:
            self._put_in = y - known
        self._start = y
        self._window, self._t0 = window, window.inside(t)
        self.limit = _RESERVE * self._largest(self._t0, y)
        self._L = self.problem.implicit_part(self._t0, y)
        self._implicit[0] = self._L @ y
        self._explicit[0] = self._L.remainder(self._t0, y)

    def _largest(self, t: float, y: np.ndarray) -> float:
        return self.tableau.stability * self.problem.step_limit(t, y)

    def start_slope(self) -> np.ndarray:
        """dy/dt where the step begins."""
        return self.mass.solve(self._implicit[0] + self._explicit[0])

    def attempt(self, t: float, y: np.ndarray, h: float) -> np.ndarray:
        """y_1 at t + h. Raises Infeasible, SingularMatrix, StepFailed."""
        if h * _RESERVE > self.limit * (1 + 1e-12):
            allowed = self.limit / _RESERVE
            raise StepFailed("unstable_step", f"a step of {h:.4g} exceeds {allowed:.4g}, what the transport allows")
        gamma = self.tableau.gamma
        factored = self._L.factor(1.0 / (h * gamma))
        self.statistics["factorisations"] += 1
        step = self._euler if self.tableau.positive else self._stages
        y1 = step(t, self._start, h, factored)
        if self._limited is not None:
            y1 = self._limited(y1)
        if not np.isfinite(y1 @ y1):
            raise StepFailed("not_finite", "the right-hand side or the solution is not finite")
        if h > self._largest(self._time(t + h), y1) * (1 + 1e-12):
            allowed = self._largest(self._time(t + h), y1)
            raise StepFailed("unstable_step", f"a step of {h:.4g} exceeds {allowed:.4g}, what the transport allows")
        self.error = factored.solve((self._difference @ self._slopes) / gamma)
        if self._put_in is not None:
            self.error -= self._forgotten(h, factored)
        self._t, self._y, self._y1, self._h = t, y, y1, h
        return y1

    def _stages(self, t: float, y: np.ndarray, h: float, factored: Any) -> np.ndarray:
        gamma, start = self.tableau.gamma, self._implicit[0]
        for i in range(1, len(self._c)):
            known = self._known(i)
            z = factored.solve(known / gamma + start)
            self._implicit[i] = (self._times_mass(z) / h - known) / gamma
            self._explicit[i] = self._L.remainder(self._time(t + self._c[i] * h), y + z)
        return y + h * self.mass.solve(self._weights @ self._slopes)

    def _forgotten(self, h: float, factored: Any) -> np.ndarray:
        """The share in `error` of what was put in at the start: that of the same step of M dy/dt = L y from there."""
        gamma, stages, stage = self.tableau.gamma, len(self._c), self.tableau.implicit
        slopes = np.zeros((stages, self.problem.size))
        slopes[0] = self._L @ self._put_in
        for i in range(1, stages):
            known = stage[i, :i] @ slopes[:i]
            slopes[i] = (self._times_mass(factored.solve(known / gamma + slopes[0])) / h - known) / gamma
        return factored.solve((self._difference[:stages] @ slopes) / gamma)

    def _known(self, i: int) -> np.ndarray:
        """The part of stage i that earlier stages give; later slopes, of an attempt before, are not looked at."""
        row, stages = self._rows[i], len(self._c)
        return row[:i] @ self._implicit[:i] + row[stages : stages + i] @ self._explicit[:i]

    def _euler(self, t: float, y: np.ndarray, h: float, factored: Any) -> np.ndarray:
        """The one stage of a scheme that keeps signs: solved for y_1 itself, from what is nonnegative."""
        y1 = factored.solve(self._times_mass(y) / h + self._explicit[0])
        self._implicit[1] = self._times_mass(y1 - y) / h - self._explicit[0]
        self._explicit[1] = self._L.remainder(self._time(t + h), y1)
        return y1

    def _time(self, t: float) -> float:
        return min(max(t, self._window.low), self._window.high)

    def _times_mass(self, x: np.ndarray) -> np.ndarray:
        diagonal = getattr(self.mass, "diagonal", None)
        return self.problem.mass @ x if diagonal is None else diagonal * x

    def dense(self) -> np.ndarray:
        """Coefficients D of the dense output of the last attempt: (2, size) of the cubic or (0, size) of the chord.

        The slope at either end is that of the last stage there, from its implicit relation: F at y itself would amplify
        what the explicit part has put into stiff modes.
        """
        if not self.tableau.hermite:
            return np.zeros((0, self.problem.size))
        first = self._implicit[0] + self._explicit[0] if self.slope is None else self.slope
        change = self._y1 - self._y
        start, end = (self._h * self.mass.solve(slope) for slope in (first, self._implicit[-1] + self._explicit[-1]))
        return np.stack([start - change, 2 * change - start - end])

    def accept(self) -> None:
        """The last stage's slope is one end of the next step's dense output."""
        self.slope = self._implicit[-1] + self._explicit[-1]
        self.statistics["limited"] += self._h >= self.limit * (1 - 1e-12)

    def forget(self) -> None:
        """The input jumps or the state was replaced: the slope is not the old one."""
        self.slope = None
