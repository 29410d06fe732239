"""The spatial operator behind a problem: F and the scalars' equations g as functions of y and the coefficients c.

Linear forms: F = sum c_k (K_k y + f_k), g = sum c_k (r_k y + rho_k), everything assembled once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..algebra import Band
from .assembler import Contribution


@dataclass(frozen=True, eq=False)
class FormsOperator:
    """Constant contributions summed up; varying ones kept apart, one for each varying coefficient."""

    affine = True  # g is affine in the coefficients
    positive = False

    size: int
    algebraic: int
    band: Band  # constant part, stored with the width of the widest
    vector: np.ndarray | None
    rows: np.ndarray  # (1 + varying, algebraic, size), the constant part first
    numbers: np.ndarray  # (1 + varying, algebraic)
    varying: tuple[Contribution, ...]

    @classmethod
    def build(
        cls,
        size: int,
        algebraic: int,
        width: int,
        constant: list[tuple[float, Contribution]],
        varying: list[Contribution],
    ) -> FormsOperator:
        band = Band.zeros(size, width, width)
        vector = np.zeros(size)
        rows = np.zeros((1 + len(varying), algebraic, size))
        numbers = np.zeros((1 + len(varying), algebraic))
        for value, part in constant:
            if part.band is not None:
                band.data[...] += value * part.band.data
            if part.vector is not None:
                vector += value * part.vector
            if part.rows is not None:
                rows[0] += value * part.rows
            if part.numbers is not None:
                numbers[0] += value * part.numbers
        for k, part in enumerate(varying, start=1):
            if part.rows is not None:
                rows[k] = part.rows
            if part.numbers is not None:
                numbers[k] = part.numbers
        return cls(size, algebraic, band, vector if vector.any() else None, rows, numbers, tuple(varying))

    @property
    def constant_source(self) -> bool:
        """Whether F has a part that depends neither on y nor on any scalar."""
        return self.vector is not None

    @property
    def moves(self) -> tuple[bool, ...]:
        """Which varying coefficients multiply a form of a field rather than a source."""
        return tuple(part.band is not None for part in self.varying)

    def project(self, y: np.ndarray) -> np.ndarray:
        """What g needs of y, shape (1 + varying, algebraic): g = row 0 + c . rows 1..."""
        return self.rows @ y + self.numbers

    def residual(self, projected: np.ndarray, c: list[complex]) -> list[complex]:
        """g for the coefficient values c, one number an algebraic scalar."""
        if self.algebraic == 1:
            total, k = projected[0], 1
            for value in c:
                total += value * projected[k]
                k += 1
            return [total]
        return [column[0] + sum(value * p for value, p in zip(c, column[1:], strict=True)) for column in projected]

    def prepare(self, y: np.ndarray) -> list:
        """`project` as nested lists of Python floats, scalar by scalar (fast to combine)."""
        projected = self.project(y)
        return projected[:, 0].tolist() if self.algebraic == 1 else projected.T.tolist()

    def residual_rows(self, y: np.ndarray, c: list[float]) -> np.ndarray:
        """dg/dy, shape (algebraic, size)."""
        total = self.rows[0]
        for value, rows, part in zip(c, self.rows[1:], self.varying, strict=True):
            if part.rows is not None:
                total = total + value * rows
        return total

    def rate(self, y: np.ndarray, c: list[float]) -> np.ndarray:
        """F."""
        total = self.band @ y
        if self.vector is not None:
            total += self.vector
        for k, band in self._bands:
            total = band.add_product(c[k], y, total)
        for k, places, values in self._sources:
            total[places] += c[k] * values
        return total

    @cached_property
    def _bands(self) -> list[tuple[int, Band]]:
        return [(k, part.band) for k, part in enumerate(self.varying) if part.band is not None]

    @cached_property
    def _sources(self) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Varying vectors by their nonzero entries: a reset is a single one."""
        vectors = [(k, part.vector) for k, part in enumerate(self.varying) if part.vector is not None]
        sparse = [(k, np.flatnonzero(vector), vector) for k, vector in vectors]
        return [(k, places, vector[places]) for k, places, vector in sparse if places.size]

    def jacobian_band(self, c: list[float]) -> Band:
        """dF/dy at fixed coefficients."""
        data = self.band.data
        for k, band in self._bands:
            data = data + c[k] * band.data
        return Band(data, self.band.kl, self.band.ku)

    def rate_along(self, y: np.ndarray, c: list[float], dc: list[float]) -> np.ndarray:
        """Derivative of F along a change dc of the coefficients."""
        total = np.zeros(self.size)
        for k, band in self._bands:
            if dc[k]:
                total += dc[k] * band.times(y)
        for k, places, values in self._sources:
            total[places] += dc[k] * values
        return total

    def residual_along(self, projected: list, c: list[float], dc: list[float]) -> list[float]:
        """Derivative of g along a change dc of the coefficients."""
        if self.algebraic == 1:
            return [sum(value * p for value, p in zip(dc, projected[1:], strict=True))]
        return [sum(value * p for value, p in zip(dc, column[1:], strict=True)) for column in projected]
