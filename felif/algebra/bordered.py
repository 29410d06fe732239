"""Bordered systems [W B; C D] (x, z) = (f, g) with W a band plus a few columns, singular or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..given.libraries import lapack
from .band import SingularMatrix

_VANISHING = 8 * np.finfo(float).eps  # of a pivot, relative to the column of the band and of the shift


class PinnedBand:
    """LU factors of band - shift * mass with -tau e_i e_j^T added at `pinned`, with the taus in `strength`.

    Pinned are the largest entry of each row of `held` in the band, rows whose band is empty (differential scalars,
    whose couplings all stand beside it) and every column whose pivot vanishes to rounding (an eigenvalue of the band as
    the shift), at its pivot row. One pin where a conserved density is large keeps the band well conditioned however
    rarely anything leaves it; a scalar that holds more does not.
    """

    def __init__(self, band: Any, shift: complex, mass: Any, held: np.ndarray | None, real: bool) -> None:
        kl, ku = (band.kl, band.ku) if mass is None else (max(band.kl, mass.kl), max(band.ku, mass.ku))
        work = np.zeros((2 * kl + ku + 1, band.n), float if real else complex, order="F")
        work[kl + ku - band.ku : kl + ku + band.kl + 1] = band.data
        sizes = np.abs(band.data).max(axis=0, initial=0.0)
        if mass is not None and shift:
            work[kl + ku - mass.ku : kl + ku + mass.kl + 1] -= shift * mass.data
            sizes = np.maximum(sizes, np.abs(shift) * np.abs(mass.data).max(axis=0, initial=0.0))
        inside = band.data.any(axis=0)
        pins = [] if held is None else np.where(inside, np.abs(held), 0.0).argmax(axis=1).tolist()
        self.pinned, self.strength = self._pin(work, work[kl + ku], sizes, pins)
        factor, self._trs = (lapack.dgbtrf, lapack.dgbtrs) if real else (lapack.zgbtrf, lapack.zgbtrs)
        self._band, self._pivots, _ = factor(work, kl, ku)
        again = set()
        while (place := _vanishing(self._band[kl + ku], sizes, self._pivots)) is not None:
            row, column = place
            strength = sizes[column].item() or 1.0
            if place not in self.pinned:
                self.pinned.append(place)
                self.strength.append(strength)
            elif place not in again:
                raise SingularMatrix(f"band LU: the pivot {column} is rounding")
            if not self._band[kl + ku + 1 :, column].any():  # no row below: the pivot alone changes
                again.add(place)
                self._band[kl + ku, column] -= strength
            elif -ku <= row - column <= kl:
                work[kl + ku + row - column, column] -= strength
                self._band, self._pivots, _ = factor(work, kl, ku)
            else:
                raise SingularMatrix(f"band LU: the pivot {column} is rounding")
        self._kl, self._ku = kl, ku

    @staticmethod
    def _pin(
        work: np.ndarray, diagonal: np.ndarray, sizes: np.ndarray, pins: Sequence[int]
    ) -> tuple[list[tuple[int, int]], list[complex]]:
        """Takes strengths off the diagonal at `pins` and where a column is empty: ((row, column), ...), strengths."""
        empty = np.flatnonzero(diagonal == 0)
        pinned = set(pins)
        if empty.size:
            pinned |= set(empty[~work[:, empty].any(axis=0)].tolist())
        places, found = sorted(pinned), []
        for place in places:
            value = diagonal[place].item()
            strength = (-1.0 if value.real > 0 else 1.0) * (sizes[place].item() or 1.0)
            diagonal[place] = value - strength
            found.append(strength)
        return [(place, place) for place in places], found

    def solve(self, b: np.ndarray, transposed: int = 0) -> np.ndarray:
        """For b of shape (n,) or (n, m)."""
        return self._trs(self._band, self._kl, self._ku, b, self._pivots, trans=transposed)[0]


class Small:
    """LU factors of a small dense system, its rows scaled to one: they mix masses, rates and values of a density."""

    def __init__(self, matrix: np.ndarray) -> None:
        if not np.isfinite(matrix).all():
            raise SingularMatrix("the bordered matrix is singular to working precision")
        self._scale = np.maximum(np.abs(matrix).max(axis=1, initial=0.0), 1e-300)
        self.dtype = matrix.dtype
        real = matrix.dtype == np.float64
        factor, self._trs = (lapack.dgetrf, lapack.dgetrs) if real else (lapack.zgetrf, lapack.zgetrs)
        *self._lu, info = factor(matrix / self._scale[:, None])
        if info != 0:
            raise SingularMatrix("the bordered matrix is singular")

    def solve(self, b: np.ndarray, transposed: int = 0) -> np.ndarray:
        """For b of shape (n,) or (n, m)."""
        if transposed:
            return (self._trs(*self._lu, b, trans=1)[0].T / self._scale).T
        return self._trs(*self._lu, (b.T / self._scale).T)[0]


def by_parts(solve: Any, f: np.ndarray, g: np.ndarray, refine: int) -> tuple[np.ndarray, np.ndarray]:
    """Real factors and complex right-hand sides: real and imaginary part one after the other."""
    real, imaginary = solve(np.real(f), np.real(g), refine), solve(np.imag(f), np.imag(g), refine)
    return real[0] + 1j * imaginary[0], real[1] + 1j * imaginary[1]


class Bordered:
    """LU factors of [W B; C D] with W = A - shift * mass, A = band + U G; `solve` and `solve_transposed`.

    W may be singular (a conserved quantity, a fold) as long as the bordered matrix is not: only the band is factored,
    pinned where that is needed (`PinnedBand`), and every column (U, what undoes the pins, B) goes into one small
    dense system, solved with pivoting. Every solve is refined once. Raises SingularMatrix.
    """

    def __init__(
        self,
        matrix: Any,  # BandLowRank
        columns: np.ndarray,
        rows: np.ndarray,
        corner: np.ndarray | None = None,
        *,
        shift: complex = 0.0,
        mass: object = None,
        held: np.ndarray | None = None,
    ) -> None:
        n, m = matrix.n, columns.shape[1]
        kinds = [part.dtype.kind for part in (matrix.band.data, columns, rows, matrix.U, matrix.G)]
        self._real = real = not isinstance(shift, complex) and "c" not in kinds
        kind = float if real else complex
        self._band = band = PinnedBand(matrix.band, shift, mass, held, real)
        self._matrix, self._columns, self._rows = matrix, columns, rows
        self._corner = np.zeros((rows.shape[0], m)) if corner is None else np.asarray(corner)
        self._shift, self._mass = shift, mass
        rank, count = matrix.U.shape[1], len(band.pinned)
        self._right = np.zeros((n, rank + count + m), kind, order="F")
        self._right[:, :rank], self._right[:, rank + count :] = matrix.U, columns
        self._left = np.zeros((rank + count + m, n), kind)
        self._left[:rank], self._left[rank + count :] = matrix.G, rows
        for k, (row, column) in enumerate(band.pinned):
            self._right[row, rank + k], self._left[rank + k, column] = band.strength[k], 1.0
        self._inner = rank + count  # unknowns s = G x of the dense system, before z
        self._through = band.solve(self._right)
        small = -(self._left @ self._through)
        small.flat[: self._inner * (len(small) + 1) : len(small) + 1] -= 1.0
        small[self._inner :, self._inner :] += self._corner
        self._small = Small(small) if len(small) else None
        self._through_left: np.ndarray | None = None

    def solve(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W x + B z = f and C x + D z = g."""
        if self._real and (np.iscomplexobj(f) or np.iscomplexobj(g)):
            return by_parts(self.solve, f, g, refine)
        x, z = self._once(f, g)
        for _ in range(refine):
            residual = f - self._apply(x) - self._columns @ z
            dx, dz = self._once(residual, g - self._rows @ x - self._corner @ z)
            x, z = x + dx, z + dz
        return x, z

    def solve_transposed(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W^T x + C^T z = f and B^T x + D^T z = g (transposed, not conjugated); f (n,) or (n, columns)."""
        if self._real and (np.iscomplexobj(f) or np.iscomplexobj(g)):
            return by_parts(self.solve_transposed, f, g, refine)
        x, z = self._once_transposed(f, g)
        for _ in range(refine):
            residual = f - self._apply_transposed(x) - self._rows.T @ z
            dx, dz = self._once_transposed(residual, g - self._columns.T @ x - self._corner.T @ z)
            x, z = x + dx, z + dz
        return x, z

    def _apply(self, x: np.ndarray) -> np.ndarray:
        result = self._matrix @ x
        return result - self._shift * (self._mass @ x) if self._shift else result

    def _apply_transposed(self, x: np.ndarray) -> np.ndarray:
        result = self._matrix.transposed_product(x)
        return result - self._shift * self._mass.transposed_product(x) if self._shift else result

    def _once(self, f: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self._band.solve(f)
        if self._small is None:
            return x, np.zeros(0)
        known = -(self._left @ x)
        known[self._inner :] += g
        s = self._small.solve(known)
        return x - self._through @ s, s[self._inner :]

    def _once_transposed(self, f: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self._band.solve(f, 1)
        if self._small is None:
            return x, np.zeros(0)
        if self._through_left is None:
            self._through_left = self._band.solve(np.asfortranarray(self._left.T), 1)
        known = -(self._right.T @ x)
        known[self._inner :] += g
        s = self._small.solve(known, 1)
        return x - self._through_left @ s, s[self._inner :]


def _vanishing(pivots: np.ndarray, sizes: np.ndarray, swaps: np.ndarray) -> tuple[int, int] | None:
    """(row, column) of the first pivot of a band LU that is rounding; None where there is none."""
    small = ~(np.abs(pivots) > _VANISHING * sizes)
    if not small.any():
        return None
    column = int(small.argmax())
    rows = np.arange(len(pivots))
    for k, other in enumerate(swaps[: column + 1].tolist()):
        rows[[k, other]] = rows[[other, k]]
    return int(rows[column]), column
