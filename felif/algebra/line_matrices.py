"""Many small band matrices of the same shape, one a line: products, LU factors and solves of all of them together.

    A_l = sum_k c_k(l) B_k + u r_l^T,       r_l = sum_k c_k(l) r_k          (l = 0 ... lines - 1)

What differs from line to line is a few coefficients; u r_l^T, of rank one, is what leaves at one end and enters at u.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import compiled, line_kernels
from .band import Band, SingularMatrix

BLOCK = 32  # lines whose factors lie together in the compiled core, as in planes.h


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
        core = compiled.library()
        if core is None:
            return line_kernels.multiply(self.bands, self.coefficients, x)
        return _multiply(core, _structure(self, self.bands, self.coefficients), x)

    def factor(self, shift: float, mass: np.ndarray, memory: list) -> tuple[_CoreFactors | _Factors, float]:
        """LU factors of shift diag(mass) - A_l, without pivoting, and the smallest pivot; memory: as of `Lines`."""
        core = compiled.library()
        if core is not None:
            return _core_factors(core, _structure(self, self.bands, self.coefficients), shift, mass, memory)
        n, width, lines = self.shape
        data = -np.tensordot(self.bands, self.coefficients, axes=(0, 0)).reshape(n, width, lines)
        return _factors(data, shift, mass)


@dataclass(frozen=True, eq=False)
class Separate:
    """A_l with entries of its own, without the rank-one part: data[i, w + j - i, l], shape (n, 2 w + 1, lines)."""

    data: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.data.shape

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        core = compiled.library()
        return line_kernels.multiply_each(self.data, x) if core is None else _multiply(core, self._structure(), x)

    def factor(self, shift: float, mass: np.ndarray, memory: list) -> tuple[_CoreFactors | _Factors, float]:
        """LU factors of shift diag(mass) - A_l, without pivoting, and the smallest pivot; memory: as of `Lines`."""
        core = compiled.library()
        if core is not None:
            return _core_factors(core, self._structure(), shift, mass, memory)
        return _factors(-self.data, shift, mass)

    def _structure(self) -> compiled.Lines:
        return _structure(self, own=self.data)


def _structure(matrices: Combined | Separate, bands: Any = None, coefficients: Any = None, own: Any = None) -> Any:
    """What the compiled core is called with; it keeps what it points to."""
    n, width, lines = matrices.shape
    kept = [None if part is None else np.ascontiguousarray(part, float) for part in (bands, coefficients, own)]
    places = np.empty((3, n + 1), np.int64)
    structure = compiled.Lines(n, width // 2, lines, 0 if bands is None else len(bands))
    structure.bands, structure.coefficients, structure.own = (p if p is None else compiled.pointer(p) for p in kept)
    structure.low, structure.high, structure.start = map(compiled.pointer, places)
    structure.kept = (*kept, places)
    return structure


def _multiply(core: Any, structure: compiled.Lines, x: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(x, float)
    y = np.empty_like(x)
    core.felif_lines_multiply(ctypes.byref(structure), compiled.pointer(x), compiled.pointer(y))
    return y


def _core_factors(
    core: Any, structure: Any, shift: float, mass: np.ndarray, memory: list
) -> tuple[_CoreFactors, float]:
    entries = core.felif_lines_envelope(ctypes.byref(structure))
    mass, work = np.ascontiguousarray(mass, float), np.empty((entries, BLOCK))
    shape = -(-structure.lines // BLOCK), entries, BLOCK
    data = memory.pop() if memory else None
    if data is None or data.shape != shape:
        data = np.empty(shape)
    places = (compiled.pointer(part) for part in (mass, data, work))
    least = core.felif_lines_factor(ctypes.byref(structure), shift, *places)
    return _CoreFactors(core, structure, data, memory), least


def _factors(data: np.ndarray, shift: float, mass: np.ndarray) -> tuple[_Factors, float]:
    """`data`: of -A_l, which the factors take the place of."""
    data[:, data.shape[1] // 2] += shift * mass[:, None]
    return _Factors(data), line_kernels.factor(data)


@dataclass(frozen=True, eq=False)
class _CoreFactors:
    core: Any
    structure: compiled.Lines
    data: np.ndarray
    memory: list

    def __del__(self) -> None:
        self.memory[:] = [self.data]

    def solve(
        self, b: np.ndarray, scale: np.ndarray | None, rows: np.ndarray, correction: np.ndarray | None
    ) -> np.ndarray:
        """x of scale b, then x + correction times (rows . the last unknowns of x)."""
        given = [None if part is None else np.ascontiguousarray(part, float) for part in (b, scale, rows, correction)]
        x, work = np.empty(b.shape), np.empty((len(b), BLOCK))
        at = [None if part is None else compiled.pointer(part) for part in given]
        places = (*at[:2], len(rows), *at[2:], compiled.pointer(x), compiled.pointer(work))
        self.core.felif_lines_solve(ctypes.byref(self.structure), compiled.pointer(self.data), *places)
        return x


@dataclass(frozen=True, eq=False)
class _Factors:
    data: np.ndarray

    def solve(
        self, b: np.ndarray, scale: np.ndarray | None, rows: np.ndarray, correction: np.ndarray | None
    ) -> np.ndarray:
        """x of scale b, then x + correction times (rows . the last unknowns of x)."""
        x = line_kernels.solve(self.data, b if scale is None else b * scale)
        return x if correction is None else x + correction * _outflow(rows, x)


def _outflow(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.einsum("kl,kl->l", rows, x[len(x) - len(rows) :])


@dataclass(frozen=True, eq=False)
class Lines:
    """All A_l: bands, and the rank-one part from the last `len(rows)` unknowns of a line to its unknown `into`.

    memory: where factors that nobody needs any more leave theirs, which is large, for the next ones.
    """

    bands: Combined | Separate
    rows: np.ndarray  # (count, lines): r_l on the last `count` unknowns
    into: int
    gain: float = 1.0  # u is `gain` at `into`
    memory: list = field(default_factory=list)

    def outflow(self, x: np.ndarray) -> np.ndarray:
        """r_l . x[:, l] of every line, shape (lines,)."""
        return _outflow(self.rows, x)

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

    __slots__ = ("_factors", "_correction", "_rows")

    def __init__(self, lines: Lines, shift: float, mass: np.ndarray) -> None:
        self._factors, smallest = lines.bands.factor(shift, mass, lines.memory)
        if not smallest > 0:
            raise SingularMatrix(f"lines: the pivot {smallest:.3g} is not positive; a smaller step makes it so")
        self._rows = lines.rows
        n, _, count = lines.bands.shape
        source = np.zeros((n, count))
        source[lines.into] = lines.gain
        column = self._factors.solve(source, None, self._rows, None)
        denominator = 1.0 - lines.outflow(column)
        if not denominator.min() > 0:
            raise SingularMatrix("lines: the number of the rank-one part is not positive")
        self._correction = column / denominator

    def solve(self, b: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
        """x with (shift diag(mass) - A_l) x[:, l] = scale[l] b[:, l] (scale None: 1); b (n, lines)."""
        return self._factors.solve(b, scale, self._rows, self._correction)
