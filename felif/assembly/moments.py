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
from skfem import CellBasis
from skfem.element import DiscreteField

from ..weakform import CELLS, Term
from .spaces import element, gauss


class ExponentialMoment:
    """M_mu of the fields of a problem, and dM_mu/dt by the weak form."""

    def __init__(self, problem: Any, mu: float = 1.0) -> None:
        self._problem, self._mu = problem, mu
        self._top = float(problem.cells[-1])  # e^(mu (v - top)) <= 1: no overflow
        points, weights = gauss(problem.degree + 5)
        self._quadrature = points[None], weights
        self._bases: dict[str, CellBasis] = {}
        terms = [t for t in problem.weak_form.terms if t.into in problem.field_names]
        self._coefficients = [t.coefficient for t in terms]
        parts = [self._tested(t) for t in terms]
        self._rows = np.array([row for row, _ in parts])
        self._numbers = np.array([number for _, number in parts])
        mass = Term("mass", into="", of="", form=lambda n, phi, x: n * phi)
        self._value = sum(self._row(mass, name) for name in problem.field_names)

    def _basis(self, over: str) -> CellBasis:
        if over not in self._bases:
            problem = self._problem
            cells = None if over == CELLS else over
            self._bases[over] = CellBasis(
                problem.mesh, element(problem.space), quadrature=self._quadrature, elements=cells
            )
        return self._bases[over]

    def _test(self, x: np.ndarray) -> DiscreteField:
        values = np.exp(self._mu * (x[0] - self._top))
        return DiscreteField(values, self._mu * values[None])

    def _tested(self, term: Term) -> tuple[np.ndarray, float]:
        if term.of is not None:
            return self._row(term, term.of), 0.0
        mesh = self._problem.mesh
        if term.over in (mesh.boundaries or {}):
            points = mesh.p[:, mesh.boundaries[term.over]]
            return np.zeros(self._problem.size), float(np.sum(term.form(self._test(points), points)))
        basis = self._basis(term.over)
        x = np.asarray(basis.global_coordinates())
        return np.zeros(self._problem.size), float(np.sum(term.form(self._test(x), x) * basis.dx))

    def _row(self, term: Term, field: str) -> np.ndarray:
        """The term as a functional of the field's free nodal values."""
        problem, basis = self._problem, self._basis(term.over)
        rank = np.argsort(np.argsort(basis.doflocs[0]))
        x = np.asarray(basis.global_coordinates())
        phi, full = self._test(x), np.zeros(len(problem.nodes))
        for j in range(basis.Nbfun):
            values = np.sum(term.form(basis.basis[j][0], phi, x) * basis.dx, axis=-1)
            np.add.at(full, rank[basis.element_dofs[j]], values)
        row = np.zeros(problem.size)
        row[problem.layout.slice(field)] = full[: problem.layout.free(field)]
        return row

    def value(self, y: np.ndarray) -> float:
        """M_mu, in units of e^(mu v) at the upper end of the mesh."""
        return float(self._value @ y)

    def rate(self, t: float, y: np.ndarray) -> float:
        """dM_mu/dt that the weak form gives for y and the N of y."""
        problem = self._problem
        s: SimpleNamespace = problem.namespace(t, y)
        m = problem.parameters
        c = np.array([1.0 if f is None else f(s, m) for f in self._coefficients])
        return float(c @ (self._rows @ y + self._numbers))
