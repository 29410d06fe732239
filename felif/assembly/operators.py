"""The spatial operator behind a problem: F and the scalars' equations g as functions of y and the coefficients c.

Linear forms: F = sum c_k (K_k y + f_k), g = sum c_k (r_k y + rho_k), everything assembled once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..algebra import Band
from .forms import Contribution


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
    def moves(self) -> tuple[bool, ...]:
        """Which varying coefficients multiply a form of a field rather than a source."""
        return tuple(part.band is not None for part in self.varying)

    def project(self, y: np.ndarray) -> np.ndarray:
        """What g needs of y, shape (1 + varying, algebraic): g = row 0 + c . rows 1..."""
        return self.rows @ y + self.numbers

    def residual(self, projected: np.ndarray, c: list[complex]) -> list[complex]:
        """g for the coefficient values c, one number an algebraic scalar."""
        if self.algebraic == 1:
            total = projected[0]
            for value, p in zip(c, projected[1:], strict=True):
                total = total + value * p
            return [total]
        return [column[0] + sum(value * p for value, p in zip(c, column[1:], strict=True)) for column in projected]

    def prepare(self, y: np.ndarray) -> list:
        """`project` as nested lists of Python floats, scalar by scalar (fast to combine)."""
        projected = self.project(y)
        return projected[:, 0].tolist() if self.algebraic == 1 else projected.T.tolist()

    def residual_rows(self, y: np.ndarray, c: list[float]) -> np.ndarray:
        """dg/dy, shape (algebraic, size)."""
        if not c:
            return self.rows[0]
        return self.rows[0] + np.tensordot(np.asarray(c), self.rows[1:], axes=1)

    def rate(self, y: np.ndarray, c: list[float]) -> np.ndarray:
        """F."""
        total = self.band @ y
        if self.vector is not None:
            total += self.vector
        for value, part in zip(c, self.varying, strict=True):
            if part.band is not None:
                total += value * (part.band @ y)
            elif part.vector is not None:
                total += value * part.vector
        return total

    def jacobian_band(self, c: list[float]) -> Band:
        """dF/dy at fixed coefficients."""
        data = self.band.data
        for value, part in zip(c, self.varying, strict=True):
            if part.band is not None:
                data = data + value * part.band.data
        return Band(data, self.band.kl, self.band.ku)

    def rate_along(self, y: np.ndarray, c: list[float], dc: list[float]) -> np.ndarray:
        """Derivative of F along a change dc of the coefficients."""
        total = np.zeros(self.size)
        for value, part in zip(dc, self.varying, strict=True):
            if value:
                if part.band is not None:
                    total += value * (part.band @ y)
                elif part.vector is not None:
                    total += value * part.vector
        return total

    def residual_along(self, projected: list, c: list[float], dc: list[float]) -> list[float]:
        """Derivative of g along a change dc of the coefficients."""
        if self.algebraic == 1:
            return [sum(value * p for value, p in zip(dc, projected[1:], strict=True))]
        return [sum(value * p for value, p in zip(dc, column[1:], strict=True)) for column in projected]
