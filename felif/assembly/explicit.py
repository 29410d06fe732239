"""The system where N is an explicit function of n: one flux, coefficients affine in N, no input in time, no R.

    F = A0 y + f0 + N (A1 y + f1),      N = (r0.y + c0) / (s - r1.y)

Everything is summed up once for given parameters; a stage of a time step is then two band products and two dot
products. Other systems go through `ScalarEquations` and the operator.
"""

from __future__ import annotations

import numpy as np

from ..algebra import Band, BandLowRank
from ..problem import Infeasible
from .operators import FormsOperator

_DENSE = 64  # unknowns up to which one dense product with everything is faster than band products


class ExplicitSystem:
    """F, N and their derivatives for coefficients constant_k + slope_k N of a FormsOperator."""

    def __init__(
        self, operator: FormsOperator, constants: list[float], slopes: list[float], own: float, empty: float
    ) -> None:
        """`own` is 1 for a scalar that is an integral (0 = -N + ...), 0 for a flux; `empty` is -dg/dN of no neurons."""
        weights = np.array([[1.0, *constants], [0.0, *slopes]])
        self._rows = np.ascontiguousarray(weights @ operator.rows[:, 0])
        (self._constant, feedback) = (weights @ operator.numbers[:, 0]).tolist()
        self._own, self._empty = own - feedback, empty
        self._band = operator.jacobian_band(constants)
        n = operator.size
        self._growth = Band.zeros(n, self._band.kl, self._band.ku)
        self._source, self._fired = np.zeros(n), np.zeros(n)
        if operator.vector is not None:
            self._source += operator.vector
        for constant, slope, part in zip(constants, slopes, operator.varying, strict=True):
            if part.band is not None:
                self._growth.data[...] += slope * part.band.data
            if part.vector is not None:
                self._source += constant * part.vector
                self._fired += slope * part.vector
        self._places = np.flatnonzero(self._fired)
        self._values = self._fired[self._places]
        single = len(self._places) == 1
        self._place = int(self._places[0]) if single else None
        self._value = float(self._values[0]) if single else 0.0
        self._has_source, self._grows = bool(self._source.any()), bool(self._growth.data.any())
        self._all: np.ndarray | None = None
        if n <= _DENSE:
            parts = [self._rows, self._band.dense(), *([self._growth.dense()] if self._grows else [])]
            self._all = np.ascontiguousarray(np.concatenate(parts))
            self._end = 2 + n

    def solve(self, y: np.ndarray) -> tuple[float, float]:
        """(N, -dg/dN). Raises Infeasible."""
        return self._solution(*self._rows.dot(y).tolist())

    def _solution(self, value: float, feedback: float) -> tuple[float, float]:
        slope = self._own - feedback
        if not slope > 0.0:
            raise Infeasible(f"no N satisfies its equation: 1 - f1.n = {slope / self._empty:.3g}")
        return (value + self._constant) / slope, slope

    def rate(self, y: np.ndarray) -> np.ndarray:
        """F."""
        if self._all is not None:
            everything = self._all.dot(y)
            N, _ = self._solution(*everything[:2].tolist())
            total = everything[2 : self._end]
            if self._grows:
                total += N * everything[self._end :]
        else:
            N, _ = self.solve(y)
            total = self._band @ y
            if self._grows:
                total = self._growth.add_product(N, y, total)
        if self._has_source:
            total += self._source
        if self._place is not None:  # a reset acts on one node
            total[self._place] += N * self._value
        else:
            total[self._places] += N * self._values
        return total

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """dN/dy, shape (1, size)."""
        N, slope = self.solve(y)
        return (self._rows[:1] + N * self._rows[1:]) / slope

    def jacobian(self, y: np.ndarray) -> BandLowRank:
        """dF/dy = band + dF/dN dN/dy."""
        N, slope = self.solve(y)
        column, band = self._fired, self._band
        if self._grows:
            column = self._growth @ y + column
            band = Band(band.data + N * self._growth.data, band.kl, band.ku)
        return BandLowRank(band, column[:, None], (self._rows[:1] + N * self._rows[1:]) / slope)
