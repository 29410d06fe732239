"""One step of a Rosenbrock scheme: one Jacobian, one factorisation, as many solves as stages."""

from __future__ import annotations

import numpy as np

from ..problem import Problem
from .stepper import StepFailed, Window
from .tableaux import RosenbrockTableau


class RosenbrockStepper:
    """Steps `M dy/dt = F(t, y)` by a `RosenbrockTableau`; all arrays are allocated once.

    After `attempt` the attributes `error` (of y_1) and `dense()` describe the step just made.
    """

    def __init__(self, tableau: RosenbrockTableau, problem: Problem, statistics: dict[str, int]) -> None:
        stages, n = len(tableau.c), problem.size
        self.problem, self.tableau, self.statistics = problem, tableau, statistics
        # The two combinations a stage needs, y + sum a_ij k_j and sum C_ij k_j, are one small matrix product with the
        # rows y, k_0, k_1, ...
        self._rows_y_k = np.zeros((stages + 1, n))
        self._k = self._rows_y_k[1:]
        self._weights = [np.array([[1.0, *tableau.a[i, :i]], [0.0, *tableau.C[i, :i]]]) for i in range(stages)]
        self._earlier = [self._rows_y_k[: i + 1] for i in range(stages)]
        self._both = np.zeros((2, n))
        self._c, self._d = tableau.c.tolist(), tableau.d.tolist()
        self._increment = np.zeros(n)
        self._error_is_last_stage = np.array_equal(tableau.e, np.eye(stages)[-1])
        self.error = self._k[-1] if self._error_is_last_stage else np.zeros(n)

    def begin(self, t: float, y: np.ndarray, window: Window) -> None:
        """Evaluates what every attempt of a step from (t, y) shares."""
        self._t0 = window.inside(t)
        self._window = window
        self._F0 = self.problem.rate(self._t0, y)
        self._J = self.problem.jacobian(self._t0, y)

    def start_slope(self) -> np.ndarray:
        """dy/dt where the step begins."""
        return self.problem.mass.solve(self._F0)

    def attempt(self, t: float, y: np.ndarray, h: float) -> np.ndarray:
        """y_1 at t + h. Raises Infeasible, SingularMatrix, StepFailed."""
        tableau, problem, k, rate = self.tableau, self.problem, self._k, self.problem.rate
        low, high = self._window.low, self._window.high
        diagonal, mass = problem.mass.alone, problem.mass
        factored = self._J.factor(1.0 / (h * tableau.gamma), mass)
        self.statistics["factorisations"] += 1
        solve = factored.solve
        F_t = problem.time_derivative(self._t0, y, min(h, high - self._t0))
        both, weights, earlier, c, d = self._both, self._weights, self._earlier, self._c, self._d
        stage, right = both
        inverse_h = 1.0 / h
        scaled = diagonal * inverse_h if diagonal is not None else None
        self._rows_y_k[0] = y
        k[0] = solve(self._F0 if F_t is None else self._F0 + (h * d[0]) * F_t)
        for i in range(1, len(c)):
            np.dot(weights[i], earlier[i], out=both)
            if scaled is not None:
                right *= scaled
            else:
                right[:] = mass @ right
                right *= inverse_h
            right += rate(min(max(t + c[i] * h, low), high), stage)
            if F_t is not None and d[i] != 0.0:
                right += (h * d[i]) * F_t
            k[i] = solve(right)
        if not self._error_is_last_stage:
            np.dot(tableau.e, k, out=self.error)
        np.dot(tableau.b, k, out=self._increment)
        y1 = y + self._increment
        if not np.isfinite(y1 @ y1):
            raise StepFailed("not_finite", "the right-hand side or the solution is not finite")
        return y1

    def dense(self) -> np.ndarray:
        """Coefficients D, shape (q, size), of the dense output of the last attempt."""
        return self.tableau.H @ self._k

    def accept(self) -> None:
        """Rosenbrock schemes carry nothing to the next step."""

    def forget(self) -> None:
        """Rosenbrock schemes carry nothing across a jump either."""
