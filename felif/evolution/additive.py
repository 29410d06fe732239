"""One step of an additive (implicit-explicit) Runge-Kutta scheme: one part solved for, the rest explicit.

    M dy/dt = L y + [F(t, y) - L y],        L = problem.implicit_part(t_n, y_n), frozen over the step

Whatever L is, the order stays that of the scheme; L holds what is stiff and cheap to solve for. What a problem offers
for that, beside `rate`, `scalars` and the rest of the protocol:

    problem.implicit_part(t, y) -> L        L @ y;   L.remainder(t, y) = F(t, y) - L y, without cancellation;
                                            L.factor(shift).solve(b) = (shift M - L)^-1 b
    problem.step_limit(t, y) -> float       1 / (spectral radius of the explicit part): the CFL condition, times the
                                            tableau's `stability`, is the largest step that is ever made
    problem.mass                            a Band
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
from .stepper import StepFailed, Window
from .tableaux import AdditiveTableau
from .tuning import STEPPING


def is_additive(problem: Problem) -> bool:
    """Whether the problem splits itself into an implicit and an explicit part."""
    return problem.implicit_part is not None


def rounding_of_rate(problem: Problem, t: float, y: np.ndarray, h: float) -> float:
    """What rounding in F may do to a conserved quantity in a step: products of tiny cells are enormous, and cancel.

    0 for a problem that splits itself: nothing beyond ordinary rounding is forgiven there.
    """
    if is_additive(problem):
        return 0.0
    return float(np.finfo(float).eps * h * problem.jacobian(t, y).magnitudes(y).sum())


class AdditiveStepper:
    """Steps `M dy/dt = F(t, y)` by an `AdditiveTableau`: one factorisation, one solve a stage, no Newton.

    `limit`: the largest step from here that the explicit part allows; a step that ends where less is allowed fails.
    Slopes are kept as they come, multiplied by M: G_i explicit, I_i implicit.
    """

    def __init__(self, tableau: AdditiveTableau, problem: Problem, statistics: dict[str, int]) -> None:
        self.problem, self.tableau, self.statistics = problem, tableau, statistics
        self.mass, self._diagonal = problem.mass, problem.mass.alone
        self._limited = problem.limited
        self._starting = problem.starting
        stages = len(tableau.c)
        # of every stage the implicit slope, then the explicit one: what earlier stages give is one small product
        self._slopes = np.zeros((2 * stages, problem.size))
        self._implicit, self._explicit = self._slopes[::2], self._slopes[1::2]
        self._rows = np.stack([tableau.implicit, tableau.explicit], axis=2).reshape(stages, 2 * stages)
        self._weights = np.stack([tableau.b_implicit, tableau.b_explicit], axis=1).ravel()
        self._difference = self._weights - np.repeat(tableau.bhat, 2)
        # operations on whole states are made part by part: what one leaves is in the cache for the next
        length = STEPPING.part if self._diagonal is not None else problem.size
        self._parts = [slice(first, first + length) for first in range(0, problem.size, length)]
        self._lacking = np.zeros(problem.size)  # what the error estimate is solved from
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
        self.limit = STEPPING.reserve * self._largest(self._t0, y)
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
        if h * STEPPING.reserve > self.limit * (1 + 1e-12):
            allowed = self.limit / STEPPING.reserve
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
        self.error = factored.solve(self._lacking)
        if self._put_in is not None:
            self.error -= self._forgotten(h, factored)
        self._t, self._y, self._y1, self._h = t, y, y1, h
        return y1

    def _stages(self, t: float, y: np.ndarray, h: float, factored: Any) -> np.ndarray:
        gamma, known, right, at = self.tableau.gamma, np.empty_like(y), np.empty_like(y), np.empty_like(y)
        for i in range(1, len(self._c)):
            for part in self._parts:  # later slopes, of an attempt before, are not looked at
                np.matmul(self._rows[i, : 2 * i], self._slopes[: 2 * i, part], out=known[part])
                np.divide(known[part], gamma, out=right[part])
                right[part] += self._implicit[0, part]
            z, slope = factored.solve(right), self._implicit[i]
            for part in self._parts:
                slope[part] = self._times_mass(z, part)
                slope[part] /= h
                slope[part] -= known[part]
                slope[part] /= gamma
                np.add(y[part], z[part], out=at[part])
            self._explicit[i] = self._L.remainder(self._time(t + self._c[i] * h), at)
        return self._end(y, h)

    def _end(self, y: np.ndarray, h: float) -> np.ndarray:
        """y_1 from all slopes, and what its error is solved from."""
        y1, gamma, diagonal = np.empty_like(y), self.tableau.gamma, self._diagonal
        for part in self._parts:
            change, slopes = y1[part], self._slopes[:, part]
            np.matmul(self._weights, slopes, out=change)
            if diagonal is None:
                change[:] = self.mass.solve(change)
            else:
                change /= diagonal[part]
            change *= h
            change += y[part]
            np.divide(np.matmul(self._difference, slopes), gamma, out=self._lacking[part])
        return y1

    def _forgotten(self, h: float, factored: Any) -> np.ndarray:
        """The share in `error` of what was put in at the start: that of the same step of M dy/dt = L y from there."""
        gamma, stages, stage = self.tableau.gamma, len(self._c), self.tableau.implicit
        slopes = np.zeros((stages, self.problem.size))
        slopes[0] = self._L @ self._put_in
        for i in range(1, stages):
            known = stage[i, :i] @ slopes[:i]
            z = factored.solve(known / gamma + slopes[0])
            slopes[i] = (self._times_mass(z) / h - known) / gamma
        return factored.solve((self._difference[::2] @ slopes) / gamma)

    def _euler(self, t: float, y: np.ndarray, h: float, factored: Any) -> np.ndarray:
        """The one stage of a scheme that keeps signs: solved for y_1 itself, from what is nonnegative."""
        y1 = factored.solve(self._times_mass(y) / h + self._explicit[0])
        self._implicit[1] = self._times_mass(y1 - y) / h - self._explicit[0]
        self._explicit[1] = self._L.remainder(self._time(t + h), y1)
        np.divide(self._difference @ self._slopes, self.tableau.gamma, out=self._lacking)
        return y1

    def _time(self, t: float) -> float:
        return min(max(t, self._window.low), self._window.high)

    def _times_mass(self, x: np.ndarray, part: slice = slice(None)) -> np.ndarray:
        return self.mass @ x if self._diagonal is None else self._diagonal[part] * x[part]

    def dense(self) -> np.ndarray:
        """Coefficients D of the dense output of the last attempt: (2, size) of the cubic or (0, size) of the chord.

        The slope at either end is that of the last stage there, from its implicit relation: F at y itself would amplify
        what the explicit part has put into stiff modes.
        """
        if not self.tableau.hermite:
            return np.zeros((0, self.problem.size))
        first = self._implicit[0] + self._explicit[0] if self.slope is None else self.slope
        out, diagonal = np.empty((2, self.problem.size)), self._diagonal
        for part in self._parts:
            ends = first[part], self._implicit[-1, part] + self._explicit[-1, part]
            divided = [self.mass.solve(slope) if diagonal is None else slope / diagonal[part] for slope in ends]
            change = self._y1[part] - self._y[part]
            start, end = (self._h * slope for slope in divided)
            out[0, part], out[1, part] = start - change, 2 * change - start - end
        return out

    def accept(self) -> None:
        """The last stage's slope is one end of the next step's dense output."""
        self.slope = self._implicit[-1] + self._explicit[-1]
        self.statistics["limited"] += self._h >= self.limit * (1 - 1e-12)

    def forget(self) -> None:
        """The input jumps or the state was replaced: the slope is not the old one."""
        self.slope = None
