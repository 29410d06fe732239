"""The implicit part over (v, w): all lines at once, frozen over a step but for the first-order effect of Nbar."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...algebra import SingularMatrix, add_to
from .over_lines import OverLines


class FrozenLines:
    """L of `implicit_part`: the lines at one Nbar, and to first order what a change of Nbar does to them.

        L y = A(Nbar_n) y + u g.y,      u = dA/dNbar y_n,  g = dNbar/dy

    The rest is of second order on the lines, and transport across them, which vanishes at V_F like p itself. Without
    the second part the drift's change, left to explicit stages, would lift p off zero at V_F, and N read from its slope
    there would be noise: 50 times as many steps at rtol 1e-7. It is left out where signs are to be kept.
    """

    def __init__(self, problem: OverLines, t: float, y: np.ndarray) -> None:
        self.problem = problem
        p = problem.plane(y)
        activity = problem.activity(t, y)
        self.Nbar, self._c = activity.Nbar, activity.c
        self.lines = problem.forms.lines(activity.c, activity.rows)
        self._u = self._g = None
        if not problem.space.positive:
            change = problem.forms.slope(activity, p, problem.w_weights)
            if change is not None:
                self._u = change.ravel()
                self._g = problem.total_gradient(t, y)

    def __matmul__(self, y: np.ndarray) -> np.ndarray:
        problem = self.problem
        product = self.lines @ problem.plane(y)
        product *= problem.w_weights
        return _plus(product.ravel(), self._u, 0.0 if self._g is None else _dot(self._g, y))

    def remainder(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y) - L y."""
        problem, forms = self.problem, self.problem.forms
        p = problem.plane(y)
        activity = problem.activity(t, y)
        N, Nbar = activity.N, activity.Nbar
        total = forms.change(self._c, activity.c, p, problem.w_weights)
        if total is None:
            total = np.zeros(problem.shape)
        else:
            total[forms.into] += forms.gain * (N - self.lines.outflow(p)) * problem.w_weights
        problem.transport.add(t, p, N, Nbar, total)
        return _plus(total.ravel(), self._u, 0.0 if self._g is None else -_dot(self._g, y))

    def factor(self, shift: float) -> FactoredFrozenLines:
        """Factors of shift M - L. Raises SingularMatrix."""
        return FactoredFrozenLines(self.problem, self.lines.factor(shift, self.problem.v_weights), self._u, self._g)


class FactoredFrozenLines:
    """(shift M - L)^-1: every line has the weight of its w-node as a factor; u g^T by the Sherman-Morrison formula."""

    def __init__(self, problem: OverLines, factored: Any, u: np.ndarray | None, g: np.ndarray | None) -> None:
        self._problem, self._factored, self._column, self._g = problem, factored, None, g
        self._scale = 1.0 / problem.w_weights
        if u is not None:
            column = self._on_lines(u)
            denominator = 1.0 - _dot(g, column)
            if denominator == 0:
                raise SingularMatrix("the number of the part of rank one is zero")
            self._column = column / denominator

    def _on_lines(self, b: np.ndarray) -> np.ndarray:
        problem = self._problem
        return self._factored.solve(problem.plane(b), self._scale).ravel()

    def solve(self, b: np.ndarray) -> np.ndarray:
        x = self._on_lines(b)
        return _plus(x, self._column, 0.0 if self._column is None else _dot(self._g, x))


def _dot(g: np.ndarray, y: np.ndarray) -> float:
    """g . y of the last unknowns, which the others do not change."""
    return float(g @ y[y.size - g.size :])


def _plus(x: np.ndarray, column: np.ndarray | None, factor: float) -> np.ndarray:
    """x + factor column, in the place of x."""
    return x if column is None else add_to(x, factor, column)
