"""Bordered systems [W B; C D] (x, z) = (f, g) with W a band plus a few columns, singular or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack

from .band import SingularMatrix


class Bordered:
    """LU factors of [W B; C D] with W = A - shift * mass, A = band + U G; `solve` and `solve_transposed`.

    W may be singular (a conserved quantity, a fold) as long as the bordered matrix is not: only the band is factored,
    with -tau e_j e_j^T added at the places `pins`, and every column (U, what undoes the pins, B) goes into one small
    dense system, solved with pivoting. Rows whose band is empty (differential scalars, whose couplings all stand in
    U G) are pinned by themselves. One pin where a conserved density is large keeps the band well conditioned however
    rarely anything leaves it. A band that is singular to the last bit, at a shift that is an eigenvalue, is factored as
    one that is singular up to rounding: a pivot of zero becomes one of rounding. Every solve is refined once. Raises
    SingularMatrix where the bordered matrix is singular.
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
        pins: tuple[int, ...] = (),
    ) -> None:
        band, n, m = matrix.band, matrix.n, columns.shape[1]
        kl, ku = (band.kl, band.ku) if mass is None else (max(band.kl, mass.kl), max(band.ku, mass.ku))
        types = (band.data, columns, rows, matrix.U, matrix.G)
        real = not isinstance(shift, complex) and not any(np.iscomplexobj(part) for part in types)
        self._real, kind = real, float if real else complex
        work = np.zeros((2 * kl + ku + 1, n), kind, order="F")
        work[kl + ku - band.ku : kl + ku + band.kl + 1] = band.data
        if mass is not None and shift:
            work[kl + ku - mass.ku : kl + ku + mass.kl + 1] -= shift * mass.data
        diagonal = work[kl + ku]
        empty = np.flatnonzero(diagonal == 0)
        pinned = np.unique(np.concatenate([np.asarray(pins, int), empty[~work[:, empty].any(axis=0)]]))
        strength = np.where(np.real(diagonal[pinned]) > 0, -1.0, 1.0) * np.maximum(np.abs(diagonal[pinned]), 1e-300)
        strength[diagonal[pinned] == 0] = 1.0
        diagonal[pinned] -= strength
        self._matrix, self._columns, self._rows = matrix, columns, rows
        self._corner = np.zeros((rows.shape[0], m)) if corner is None else np.asarray(corner)
        self._shift, self._mass = shift, mass
        factor, self._trs = (lapack.dgbtrf, lapack.dgbtrs) if real else (lapack.zgbtrf, lapack.zgbtrs)
        size = np.abs(work).max(initial=0.0)
        self._band, self._pivots, info = factor(work, kl, ku, overwrite_ab=True)
        if info != 0:
            met = self._band[kl + ku]
            met[met == 0] = np.finfo(float).eps * (size or 1.0)
        self._kl, self._ku = kl, ku
        rank, count = matrix.U.shape[1], len(pinned)
        self._right = np.zeros((n, rank + count + m), kind, order="F")
        self._right[:, :rank], self._right[:, rank + count :] = matrix.U, columns
        self._right[pinned, rank + np.arange(count)] = strength
        self._left = np.zeros((rank + count + m, n), kind)
        self._left[:rank], self._left[rank + count :] = matrix.G, rows
        self._left[rank + np.arange(count), pinned] = 1.0
        self._inner = rank + count  # unknowns s = G x of the dense system, before z
        self._through = self._band_solve(self._right, 0)
        small = -(self._left @ self._through)
        small[np.arange(self._inner), np.arange(self._inner)] -= 1.0
        small[self._inner :, self._inner :] += self._corner
        if not np.isfinite(small).all():
            raise SingularMatrix("the bordered matrix is singular to working precision")
        #: rows scaled to one: they mix masses, rates and values of a density
        self._scale = np.maximum(np.abs(small).max(axis=1, initial=0.0), 1e-300)
        self._small = None
        if len(small):
            factor, self._small_trs = (lapack.dgetrf, lapack.dgetrs) if real else (lapack.zgetrf, lapack.zgetrs)
            *self._small, info = factor(small / self._scale[:, None])
            if info != 0:
                raise SingularMatrix("the bordered matrix is singular")
        self._through_left: np.ndarray | None = None

    def _band_solve(self, b: np.ndarray, transposed: int) -> np.ndarray:
        return self._trs(self._band, self._kl, self._ku, b, self._pivots, trans=transposed)[0]

    def solve(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W x + B z = f and C x + D z = g."""
        if self._real and (np.iscomplexobj(f) or np.iscomplexobj(g)):
            return self._by_parts(self.solve, f, g, refine)
        x, z = self._once(f, g)
        for _ in range(refine):
            residual = f - self._apply(x) - self._columns @ z
            dx, dz = self._once(residual, g - self._rows @ x - self._corner @ z)
            x, z = x + dx, z + dz
        return x, z

    def solve_transposed(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W^T x + C^T z = f and B^T x + D^T z = g (transposed, not conjugated)."""
        if self._real and (np.iscomplexobj(f) or np.iscomplexobj(g)):
            return self._by_parts(self.solve_transposed, f, g, refine)
        x, z = self._once_transposed(f, g)
        for _ in range(refine):
            residual = f - self._apply_transposed(x) - self._rows.T @ z
            dx, dz = self._once_transposed(residual, g - self._columns.T @ x - self._corner.T @ z)
            x, z = x + dx, z + dz
        return x, z

    @staticmethod
    def _by_parts(solve: Any, f: np.ndarray, g: np.ndarray, refine: int) -> tuple[np.ndarray, np.ndarray]:
        """Real factors and complex right-hand sides: real and imaginary part one after the other."""
        real, imaginary = solve(np.real(f), np.real(g), refine), solve(np.imag(f), np.imag(g), refine)
        return real[0] + 1j * imaginary[0], real[1] + 1j * imaginary[1]

    def _apply(self, x: np.ndarray) -> np.ndarray:
        result = self._matrix @ x
        return result - self._shift * (self._mass @ x) if self._shift else result

    def _apply_transposed(self, x: np.ndarray) -> np.ndarray:
        if not hasattr(self, "_flipped"):
            self._flipped = self._matrix.transpose()
            self._flipped_mass = self._mass.transpose() if self._shift else None
        result = self._flipped @ x
        return result - self._shift * (self._flipped_mass @ x) if self._shift else result

    def _once(self, f: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self._band_solve(f, 0)
        if self._small is None:
            return x, np.zeros(0)
        known = -(self._left @ x)
        known[self._inner :] += g
        s, _ = self._small_trs(*self._small, known / self._scale)
        return x - self._through @ s, s[self._inner :]

    def _once_transposed(self, f: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self._band_solve(f, 1)
        if self._small is None:
            return x, np.zeros(0)
        if self._through_left is None:
            self._through_left = self._band_solve(np.asfortranarray(self._left.T), 1)
        known = -(self._right.T @ x)
        known[self._inner :] += g
        s = self._small_trs(*self._small, known, trans=1)[0] / self._scale
        return x - self._through_left @ s, s[self._inner :]
