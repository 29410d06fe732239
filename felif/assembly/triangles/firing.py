"""N(w) on triangles and the numbers made of it: a fixed point, because the drift at V_F may read Nbar."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from ...algebra.roots import root
from ...given.parameters import Parameters
from ...problem import Infeasible
from .tuning import FORMS


class Firing:
    """N_h (see `triangles.threshold`) from p and the scalars, and the scalars from p.

    Only triangles that touch V_F and their edges count; what they hold is gathered once.
    """

    def __init__(self, operator: Any, forms: dict[str, list[Any]], points: Callable[[np.ndarray], Any]) -> None:
        """`forms`: of N, the summands of each scalar; `points`: the terms of the model at places (2, n)."""
        flux, trace = operator.threshold.flux, operator.trace
        in_cells = (flux @ operator.slope_v.T @ sparse.diags(operator.dx)).tocsc()
        of_jump, of_slope = (
            (flux @ rows.T @ sparse.diags(operator.facet_dx)).tocsc() for rows in (operator.jump, operator.mean_slope)
        )
        cells = np.flatnonzero(np.diff(in_cells.indptr))
        facets = np.flatnonzero(np.diff(of_jump.indptr) + np.diff(of_slope.indptr))
        self._cells, self._facets = points(operator.cells.x[:, cells]), points(operator.facets.x[:, facets])
        of_cells, of_facets = (operator.value, operator.slope_v), (operator.jump, operator.mean, operator.mean_slope)
        self._rows = [rows[cells].tocsr() for rows in of_cells] + [rows[facets].tocsr() for rows in of_facets]
        self._into = [in_cells[:, cells].tocsr(), of_jump[:, facets].tocsr(), of_slope[:, facets].tocsr()]
        self._penalty, self._nv = operator.penalty[facets], operator.nv[facets]
        self._namespace, self._names = operator.namespace, list(forms)
        one = np.ones(len(trace.dx))
        summed = [sum(form(one, trace.points[1:]) * trace.dx for form in summands) for summands in forms.values()]
        self._integrals = np.array([weights @ trace.at_points for weights in summed])

    def solve(self, y: np.ndarray, m: Parameters) -> tuple[Any, np.ndarray]:
        """(s with the scalars that are numbers, coefficients of N_h), by secants from 0 (Broyden 1965).

        Raises Infeasible where iterates do not settle, or settle where the margin is negative: a blow-up lies between;
        FloatingPointError where they are not finite.
        """
        p, known, last = self._at(y), np.zeros(len(self._names)), None
        inverse = np.eye(len(known))
        for _ in range(FORMS.most):
            flux = self._flux(p, self._numbers(known), m)
            values = self._integrals @ flux
            if not np.isfinite(values).all():
                raise FloatingPointError(f"a coefficient or p is not finite; the last iterate is {self._show(known)}")
            defect = known - values
            if np.all(np.abs(defect) <= 1e-15 * np.abs(values)):
                break
            if last is not None and np.any(defect != last[1]):
                step, change = known - last[0], defect - last[1]
                along = step @ inverse
                inverse += np.outer(step - inverse @ change, along) / (along @ change or 1.0)
            last = known, defect
            known = known - inverse @ defect
        if np.any(np.abs(defect) > 1e-12 * np.abs(values)):
            if (found := self._between(p, m)) is not None:
                return self._numbers(found), self._flux(p, self._numbers(found), m)
            raise Infeasible(f"{self._show(known)} does not satisfy its equation: N(w) then gives {self._show(values)}")
        if not np.linalg.det(inverse) > 0:
            raise Infeasible(f"{self._show(values)} is beyond the state in which N(w) rises as fast as what it makes")
        return self._numbers(values), flux

    def _between(self, p: list[np.ndarray], m: Parameters) -> np.ndarray | None:
        """A single scalar that secants did not find, where N(w) falls with it; None if it does not."""
        made = lambda x: float((self._integrals @ self._flux(p, self._numbers(np.array([x])), m))[0])
        if len(self._names) != 1 or not (most := made(0.0)) > max(made(most), 0.0):
            return None
        return np.array([root(lambda x: x - made(x), 0.0, most, within=1e-300)])

    def _show(self, values: np.ndarray) -> str:
        return ", ".join(f"{name} = {value:.6g}" for name, value in zip(self._names, values, strict=True))

    def _numbers(self, values: np.ndarray) -> SimpleNamespace:
        return self._namespace(dict(zip(self._names, values.tolist(), strict=True)))

    def _at(self, y: np.ndarray) -> list[np.ndarray]:
        return [rows @ y for rows in self._rows]

    def _flux(self, p: list[np.ndarray], s: Any, m: Parameters) -> np.ndarray:
        """Coefficients of N_h: what drift and noise bring to V_F."""
        value, slope, jump, mean, mean_slope = p
        into_cells, into_jump, into_slope = self._into
        through = self._facets.sum(0, s, m) * self._nv
        noise = self._facets.sum(1, s, m)
        across = through * mean + (0.5 * np.abs(through) + noise * self._penalty) * jump - noise * self._nv * mean_slope
        inside = self._cells.sum(0, s, m) * value - self._cells.sum(1, s, m) * slope
        return into_cells @ inside - into_jump @ across + into_slope @ (noise * self._nv * jump)

    def gradient(self, y: np.ndarray, s: Any, m: Parameters) -> np.ndarray:
        """d(scalars)/dy at y and its scalars s, shape (scalars, size)."""
        value, slope, jump, mean, mean_slope = self._rows
        through, noise = self._facets.sum(0, s, m) * self._nv, self._facets.sum(1, s, m)
        rows = []
        for weights in self._integrals:
            of_cells, of_jump, of_slope = (matrix.T @ weights for matrix in self._into)
            row = value.T @ (self._cells.sum(0, s, m) * of_cells) - slope.T @ (self._cells.sum(1, s, m) * of_cells)
            row -= mean.T @ (through * of_jump) - mean_slope.T @ (noise * self._nv * of_jump)
            row -= jump.T @ ((0.5 * np.abs(through) + noise * self._penalty) * of_jump - noise * self._nv * of_slope)
            rows.append(row)
        return np.linalg.solve(np.eye(len(rows)) - self._feedback(self._at(y), s, m), np.array(rows))

    def margin(self, y: np.ndarray, s: Any, m: Parameters) -> float:
        """The determinant that `gradient` divides by."""
        return float(np.linalg.det(np.eye(len(self._names)) - self._feedback(self._at(y), s, m)))

    def _feedback(self, p: list[np.ndarray], s: Any, m: Parameters) -> np.ndarray:
        """How the integrals of N_h change with what the scalars are taken to be, shape (scalars, scalars)."""
        here = np.array([getattr(s, name) for name in self._names])
        columns = []
        for step in FORMS.step * np.eye(len(here)):
            ends = here + step, np.maximum(here - step, np.minimum(here, 0.0))  # coefficients may need N >= 0
            high, low = (self._integrals @ self._flux(p, self._numbers(there), m) for there in ends)
            columns.append((high - low) / np.max(ends[0] - ends[1]))
        if not np.isfinite(columns).all():
            raise FloatingPointError(f"a coefficient is not finite near {self._show(here)}")
        return np.array(columns).T
