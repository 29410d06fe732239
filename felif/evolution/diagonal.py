"""One step of a diagonally implicit Runge-Kutta pair, its stages solved by Newton's method."""

from __future__ import annotations

import numpy as np

from ..problem import Infeasible, Problem
from .step_control import ErrorNorm
from .stepper import StepFailed, Window
from .tableaux import DiagonallyImplicitTableau


class DiagonallyImplicitStepper:
    """Steps `M dy/dt = F(t, y)` by a `DiagonallyImplicitTableau`.

    Stage i solves M z = h gamma F(t_i, base + z) for the increment z, and its slope is k_i = z / (h gamma): linear
    invariants then hold to rounding of z, whatever Newton leaves. The matrix M/(h gamma) - J is exact at the beginning
    of the step, kept while it contracts by `SLOW` an iteration, and made anew at the current iterate when it does not.
    """

    SLOW = 0.1
    MAX_ITERATIONS = 12

    def __init__(
        self, tableau: DiagonallyImplicitTableau, problem: Problem, statistics: dict[str, int], norm: ErrorNorm
    ) -> None:
        self.problem, self.tableau, self.statistics, self.norm = problem, tableau, statistics, norm
        stages, n = len(tableau.c), problem.size
        self._k = np.zeros((stages, n))
        self._rows = [np.ascontiguousarray(tableau.A[i, :i]) for i in range(stages)]
        self._c = tableau.c.tolist()
        self._gamma = tableau.gamma
        self._difference = tableau.b - tableau.bhat
        self.slope: np.ndarray | None = None  # dy/dt at the end of the last accepted step, from the implicit relation
        self.contraction = 1.0  # estimate of theta/(1-theta) from the last solves: saves the confirming iteration
        self.error = np.zeros(n)

    def begin(self, t: float, y: np.ndarray, window: Window) -> None:
        """Evaluates what every attempt of a step from (t, y) shares."""
        self._window, self._t0 = window, window.inside(t)
        self._J = self.problem.jacobian(self._t0, y)
        self._explicit = False  # a slope M^-1 F of incompatible data is enormous and no guess for a stage
        if self.slope is None:
            self.slope = self.problem.mass.solve(self.problem.rate(self._t0, y))
            self._explicit = True
        self._k[0] = self.slope

    def start_slope(self) -> np.ndarray:
        """dy/dt where the step begins."""
        return self.slope

    def attempt(self, t: float, y: np.ndarray, h: float) -> np.ndarray:
        """y_1 at t + h. Raises Infeasible, SingularMatrix, StepFailed."""
        k, low, high = self._k, self._window.low, self._window.high
        step = h * self._gamma
        self._factor(self._J, step)
        for i in range(1, len(self._c)):
            base = y + h * (self._rows[i] @ k[:i])
            guess = np.zeros_like(base) if i == 1 and self._explicit else step * k[i - 1]
            z = self._newton(min(max(t + self._c[i] * h, low), high), base, guess, step)
            k[i] = z / step
        y1 = base + z
        y1 = self._positive(min(t + h, high), y, y1, h)
        raw = h * (self._difference @ k)
        self.error = self._factored.solve(self.problem.mass @ raw / step)
        self._h, self._change = h, y1 - y
        if not np.isfinite(y1 @ y1):
            raise StepFailed("not_finite", "the right-hand side or the solution is not finite")
        return y1

    def _positive(self, t: float, y: np.ndarray, y1: np.ndarray, h: float) -> np.ndarray:
        """Backward Euler's last solve, with the scalars of its own result: nonnegative where the space allows."""
        if self.tableau.order > 1:
            return y1
        frozen = self.problem.frozen(t, y1)
        if frozen is None:
            return y1
        y1 = frozen.factor(1.0 / h, self.problem.mass).solve(self.problem.mass @ y / h)
        self.statistics["factorisations"] += 1
        self._k[-1] = (y1 - y) / h
        return y1

    def _newton(self, t: float, base: np.ndarray, guess: np.ndarray, step: float) -> np.ndarray:
        """The increment of a stage; where Newton's way from the guess leads nowhere at the start, from `_frozen`."""
        try:
            return self._iterate(t, base, guess, step)
        except (Infeasible, StepFailed):
            if not self._explicit or self.problem.linear_at is None:
                raise
        return self._iterate(t, base, self._frozen(t, base, step), step)

    def _frozen(self, t: float, base: np.ndarray, step: float) -> np.ndarray:
        """The increment with drift and noise frozen, first without activity, then at the activity this gives.

        From data that do not vanish at V_F Newton's first iterate is far off: the rate there is that of the jump.
        """
        problem, U = self.problem, base
        scalars = np.zeros(len(problem.scalar_names))
        for _ in range(2):
            try:
                frozen = problem.linear_at(t, scalars)
            except ValueError as reason:  # a source that is no multiple of the scalars
                raise Infeasible(str(reason)) from reason
            U = frozen.factor(1.0 / step, problem.mass).solve(self.problem.mass @ base / step)
            self.statistics["factorisations"] += 1
            scalars = problem.scalars(t, U)
        return U - base

    def _iterate(self, t: float, base: np.ndarray, guess: np.ndarray, step: float) -> np.ndarray:
        problem, norm, target = self.problem, self.norm, self.norm.newton_target
        z, factor_is_current, previous = guess, False, None
        rate = self.contraction**0.8
        for iteration in range(self.MAX_ITERATIONS):
            U = base + z
            try:
                F = problem.rate(t, U)
            except Infeasible:
                if iteration > 0 or z is not guess:
                    raise
                z, U = np.zeros_like(base), base  # the extrapolated guess lies where there is no rate; the base may not
                F = problem.rate(t, U)
            change = self._factored.solve(F - self.problem.mass @ z / step)
            z = z + change
            self.statistics["newton_iterations"] += 1
            size = norm.of_change(change)
            if not np.isfinite(size):
                raise StepFailed("not_finite", "the right-hand side or the solution is not finite")
            if previous is not None:
                theta = size / previous if previous > 0 else 0.0
                if theta < 1:
                    rate = max(theta / (1 - theta), 1e-10)
                elif size * norm.rtol < 1e-9:
                    return z  # only rounding is left to move
                elif factor_is_current and iteration > 3:
                    raise StepFailed("newton_failed", "Newton's iteration for a stage diverges")
                if theta > self.SLOW and size > target:
                    self._factor(problem.jacobian(t, base + z), step)
                    factor_is_current = True
            if rate * size <= target and (previous is None or theta < 1):
                self.contraction = max(rate, 1e-10)
                return z
            previous = size
        raise StepFailed("newton_failed", f"Newton's iteration for a stage made {self.MAX_ITERATIONS} iterations")

    def _factor(self, J, step: float) -> None:
        self._factored = J.factor(1.0 / step, self.problem.mass)
        self.statistics["factorisations"] += 1

    def dense(self) -> np.ndarray:
        """Coefficients D of the dense output of the last attempt: (2, size) of the cubic or (0, size) of the chord."""
        if not self.tableau.hermite:
            return np.zeros((0, self.problem.size))
        start, end = self._h * self._k[0], self._h * self._k[-1]
        return np.stack([start - self._change, 2 * self._change - start - end])

    def accept(self) -> None:
        """The last slope is the first one of the next step."""
        self.slope = self._k[-1].copy()

    def forget(self) -> None:
        """The input jumps or the state was replaced: the slope is not the old one."""
        self.slope = None
