"""Many small band matrices of the same shape, one a line: products, LU factors and solves of all of them together.

    A_l = sum_k c_k(l) B_k + u r_l^T,       r_l = sum_k c_k(l) r_k          (l = 0 ... lines - 1)

What differs from line to line is a few coefficients; u r_l^T, of rank one, is what leaves at one end and enters at u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import line_kernels
from .band import Band, SingularMatrix
from .line_kernels import BLOCK, compiled


def by_rows(band: Band, width: int) -> np.ndarray:
    """A band matrix as rows, shape (n, 2 width + 1): out[i, width + j - i] = A[i, j]."""
    n = band.n
    rows = np.zeros((n, 2 * width + 1))
    for offset in range(-band.kl, band.ku + 1):  # j - i
        columns = np.arange(max(0, offset), min(n, n + offset))
        rows[columns - offset, width + offset] = band.data[band.ku - offset, columns]
    return rows


@dataclass(frozen=True, eq=False)
class Combined:
    """A_l = sum_k coefficients[k, l] bands[k] without the rank-one part; bands (kinds, n, 2 w + 1) stored by rows."""

    bands: np.ndarray
    coefficients: np.ndarray  # (kinds, lines)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, width, lines)."""
        return *self.bands.shape[1:], self.coefficients.shape[1]

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        compiled(line_kernels.multiply)(self.bands, self.coefficients, x, y)
        return y

    def shifted(self, shift: float, mass: np.ndarray) -> np.ndarray:
        """shift diag(mass) - A_l in blocks of lines, shape (blocks, n, width, BLOCK)."""
        kinds, (n, width, lines) = len(self.bands), self.shape
        identity = np.zeros((1, n, width))
        identity[0, :, width // 2] = shift * mass
        bands = np.concatenate([identity, -self.bands]).reshape(kinds + 1, n * width)
        blocks = -(-lines // BLOCK)
        coefficients = np.ones((kinds + 1, blocks * BLOCK))
        coefficients[1:, :lines] = self.coefficients
        coefficients[1:, lines:] = self.coefficients[:, -1:]  # copies of the last line fill the last block
        coefficients = coefficients.reshape(kinds + 1, blocks, BLOCK).transpose(1, 0, 2)
        return np.matmul(bands.T, coefficients).reshape(blocks, n, width, BLOCK)


@dataclass(frozen=True, eq=False)
class Separate:
    """A_l with entries of its own, without the rank-one part: data[i, w + j - i, l], shape (n, 2 w + 1, lines)."""

    data: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.data.shape

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        compiled(line_kernels.multiply_each)(self.data, x, y)
        return y

    def shifted(self, shift: float, mass: np.ndarray) -> np.ndarray:
        """shift diag(mass) - A_l in blocks of lines, shape (blocks, n, width, BLOCK)."""
        n, width, lines = self.shape
        blocks = -(-lines // BLOCK)
        full = np.empty((n, width, blocks * BLOCK))
        full[..., :lines] = -self.data
        full[:, width // 2, :lines] += shift * mass[:, None]
        full[..., lines:] = full[..., lines - 1 : lines]
        return np.ascontiguousarray(full.reshape(n, width, blocks, BLOCK).transpose(2, 0, 1, 3))


@dataclass(frozen=True, eq=False)
class Lines:
    """All A_l: bands, and the rank-one part from the last `len(rows)` unknowns of a line to its unknown `into`."""

    bands: Combined | Separate
    rows: np.ndarray  # (count, lines): r_l on the last `count` unknowns
    into: int
    gain: float = 1.0  # u is `gain` at `into`

    def outflow(self, x: np.ndarray) -> np.ndarray:
        """r_l . x[:, l] of every line, shape (lines,)."""
        return np.einsum("kl,kl->l", self.rows, x[len(x) - len(self.rows) :])

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        """A_l x[:, l], shape (n, lines)."""
        y = self.bands @ x
        y[self.into] += self.gain * self.outflow(x)
        return y

    def factor(self, shift: float, mass: np.ndarray) -> FactoredLines:
        """LU factors of shift diag(mass) - A_l, all lines; mass (n,). Raises SingularMatrix.

        No pivoting: of a matrix whose symmetric part is positive definite, all pivots are positive. This one is if
        shift exceeds half the largest compression rate of the drift; a pivot that is not positive is refused.
        """
        return FactoredLines(self, shift, mass)


class FactoredLines:
    """LU factors of shift diag(mass) - A_l by the Sherman-Morrison formula on top of band factors."""

    __slots__ = ("_data", "_correction", "_rows", "_lines")

    def __init__(self, lines: Lines, shift: float, mass: np.ndarray) -> None:
        self._data = lines.bands.shifted(shift, mass)
        smallest = np.empty(len(self._data))
        compiled(line_kernels.factor)(self._data, smallest)
        if not smallest.min() > 0:
            raise SingularMatrix(f"lines: the pivot {smallest.min():.3g} is not positive; a smaller step makes it so")
        self._lines, self._rows = lines, lines.rows
        n, _, count = lines.bands.shape
        source = np.zeros((n, count))
        source[lines.into] = lines.gain
        column = self._solve_bands(source)
        denominator = 1.0 - lines.outflow(column)
        if not denominator.min() > 0:
            raise SingularMatrix("lines: the number of the rank-one part is not positive")
        self._correction = column / denominator

    def _solve_bands(self, b: np.ndarray) -> np.ndarray:
        x = np.empty(b.shape)
        compiled(line_kernels.solve)(self._data, np.ascontiguousarray(b), x)
        return x

    def solve(self, b: np.ndarray) -> np.ndarray:
        """x with (shift diag(mass) - A_l) x[:, l] = b[:, l]; b (n, lines)."""
        x = self._solve_bands(b)
        x += self._correction * self._lines.outflow(x)
        return x
