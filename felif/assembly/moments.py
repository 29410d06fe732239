"""The exponential moment M_mu = int e^(mu v) n dv and its equation: an independent check of N.

Testing the weak form with phi = e^(mu v), which is not in the space, gives

    d/dt M_mu = sum of terms with phi = e^(mu v)
              = mu [(I + b N + mu a) M_mu - int v e^(mu v) n] - N (e^(mu V_F) - e^(mu V_R))     for NoisyLIF,

and the corresponding identity for every other model: each term is assembled with that one test function. A scheme
satisfies the first two moments identically but this one only as far as its N is right.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import gauss
from ..firing.over_v import OverV
from ..given.identity import is_own
from ..given.libraries import skfem
from ..spaces.tables import CellTable, table
from ..translation.weak_form import Term, probe


class ExponentialMoment:
    """M_mu of the fields of a problem, and dM_mu/dt by the weak form."""

    def __init__(self, problem: OverV, mu: float = 1.0) -> None:
        self._problem, self._mu = problem, mu
        self._top = float(problem.cells[-1])  # e^(mu (v - top)) <= 1: no overflow
        self._tables: dict[str, CellTable] = {}
        terms = [t for t in problem.weak_form.terms if t.into in problem.field_names]
        self._coefficients = [t.coefficient for t in terms]
        parts = [self._tested(t) for t in terms]
        self._rows = np.array([row for row, _ in parts])
        self._numbers = np.array([number for _, number in parts])
        mass = Term("mass", into="", of="", form=lambda n, phi, x: n * phi)
        self._value = sum(self._row(mass, name) for name in problem.field_names)

    def _on(self, over: str) -> CellTable:
        """The table of the shape functions with a rule that integrates e^(mu v) well."""
        if over not in self._tables:
            self._tables[over] = table(
                self._problem.marked, self._problem.degree, over, gauss(self._problem.degree + 5)
            )
        return self._tables[over]

    def _test(self, x: np.ndarray) -> skfem.element.DiscreteField:
        values = np.exp(self._mu * (x[0] - self._top))
        return skfem.element.DiscreteField(values, self._mu * values[None])

    def _tested(self, term: Term) -> tuple[np.ndarray, float]:
        if term.of is not None:
            return self._row(term, term.of), 0.0
        mesh = self._problem.marked
        if term.over in mesh.boundaries:
            points = mesh.p[:, mesh.boundaries[term.over]]
            return np.zeros(self._problem.size), float(np.sum(term.form(self._test(points), points)))
        part = self._on(term.over)
        return np.zeros(self._problem.size), float(np.sum(term.form(self._test(part.x), part.x) * part.dx))

    def _row(self, term: Term, field: str) -> np.ndarray:
        """The term as a functional of the field's free nodal values."""
        problem, part = self._problem, self._on(term.over)
        convection, diffusion, reaction = probe(term, part.x[0])
        phi = part.dx * np.exp(self._mu * (part.x[0] - self._top))
        by_value, by_slope = phi * (self._mu * convection + reaction), -phi * self._mu * diffusion
        local = (part.values * by_value).sum(axis=-1) + (part.slopes * by_slope).sum(axis=-1)
        full = np.bincount(part.nodes.ravel(), local.ravel(), len(problem.nodes))
        row = np.zeros(problem.size)
        row[problem.layout.slice(field)] = full[: problem.layout.free(field)]
        return row

    def values(self, states: np.ndarray) -> np.ndarray:
        """M_mu of many states (one a row), in units of e^(mu v) at the upper end of the mesh."""
        return states @ self._value

    def rates(self, times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """dM_mu/dt that the weak form gives for many states and their N."""
        total = states @ self._rows.T + self._numbers
        s, m = self._problem.equations.of_many(times, states), self._problem.parameters
        for k, coefficient in enumerate(self._coefficients):
            if coefficient is not None:
                total[:, k] *= self._at(coefficient, s, m)
        return total.sum(axis=1)

    @staticmethod
    def _at(coefficient: Any, s: SimpleNamespace, m: Any) -> Any:
        """A coefficient at many `s`: at once if it is felif's own, else one after the other."""
        if is_own(coefficient):
            return coefficient(s, m)
        rows = zip(*(values.tolist() for values in vars(s).values()), strict=True)
        return np.array([coefficient(SimpleNamespace(**dict(zip(vars(s), row, strict=True))), m) for row in rows])


def exponential_moment(problem: OverV) -> ExponentialMoment:
    """The identity of int e^v n dv that checks N."""
    return ExponentialMoment(problem)
