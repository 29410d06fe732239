"""The implicit part over (v, w): all lines at once, frozen over a step but for the first-order effect of Nbar."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...algebra import SingularMatrix


class FrozenLines:
    """L of `implicit_part`: the lines at one Nbar, and to first order what a change of Nbar does to them.

        L y = A(Nbar_n) y + u g.y,      u = dA/dNbar y_n,  g = dNbar/dy

    The rest is of second order on the lines, and transport across them, which vanishes at V_F like p itself. Without
    the second part the drift's change, left to explicit stages, would lift p off zero at V_F, and N read from its slope
    there would be noise: 50 times as many steps at rtol 1e-7. It is left out where signs are to be kept.
    """

    def __init__(self, problem: Any, t: float, y: np.ndarray) -> None:
        self.problem = problem
        p = problem.plane(y)
        activity = problem.activity(t, y)
        self.Nbar, self._c = activity.Nbar, activity.c
        self.lines = problem.forms.lines(activity.c, activity.rows)
        self._u = self._g = None
        if not problem.space.positive:
            change = problem.forms.slope(activity, p)
            if change is not None:
                self._u = (change * problem.w_weights).ravel()
                self._g = problem.scalar_gradient(t, y)[0]

    def __matmul__(self, y: np.ndarray) -> np.ndarray:
        problem = self.problem
        product = ((self.lines @ problem.plane(y)) * problem.w_weights).ravel()
        return product if self._u is None else product + self._u * (self._g @ y)

    def remainder(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y) - L y."""
        problem, forms = self.problem, self.problem.forms
        p = problem.plane(y)
        activity = problem.activity(t, y)
        N, Nbar = activity.N, activity.Nbar
        change = forms.change(self._c, activity.c, p)
        if change is None:
            total = np.zeros(problem.shape)
        else:
            change[forms.into] += forms.gain * (N - self.lines.outflow(p))
            total = change * problem.w_weights
        problem.transport.add(t, p, N, Nbar, total)
        return total.ravel() if self._u is None else total.ravel() - self._u * (self._g @ y)

    def factor(self, shift: float) -> FactoredFrozenLines:
        """Factors of shift M - L. Raises SingularMatrix."""
        return FactoredFrozenLines(self.problem, self.lines.factor(shift, self.problem.v_weights), self._u, self._g)


class FactoredFrozenLines:
    """(shift M - L)^-1: every line has the weight of its w-node as a factor; u g^T by the Sherman-Morrison formula."""

    def __init__(self, problem: Any, factored: Any, u: np.ndarray | None, g: np.ndarray | None) -> None:
        self._problem, self._factored, self._column, self._g = problem, factored, None, g
        self._scale = 1.0 / problem.w_weights
        if u is not None:
            column = self._on_lines(u)
            denominator = 1.0 - g @ column
            if denominator == 0:
                raise SingularMatrix("the number of the part of rank one is zero")
            self._column = column / denominator

    def _on_lines(self, b: np.ndarray) -> np.ndarray:
        problem = self._problem
        return self._factored.solve(problem.plane(b), self._scale).ravel()

    def solve(self, b: np.ndarray) -> np.ndarray:
        x = self._on_lines(b)
        return x if self._column is None else x + self._column * (self._g @ x)
