"""r (s M - J)^-1 b at many complex s at once, J a band matrix with low-rank part and M diagonal.

Spectral elements meet in single unknowns. In between, the pencil of one cell does not depend on its neighbours: its
eigenvalues, found once, eliminate the inside of every cell at every s (static condensation; Wilson, Int. J. Numer.
Meth. Eng. 8 (1974)), and a tridiagonal matrix is left, which is eliminated for all s together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .band import Band, SingularMatrix
from .lowrank import BandLowRank

_WIDEST = 32  # unknowns inside a cell, beyond which matrices are factored one by one


def resolvent(J: BandLowRank, mass: Band, row: np.ndarray, b: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """s -> row (s mass - J)^-1 b, for an array of s. Raises SingularMatrix."""
    ends = _separators(J.band) if mass.kl == mass.ku == 0 else np.zeros(0, int)
    if len(ends) < 2 or np.diff(ends).max() > _WIDEST:
        return lambda s: np.array([row @ J.factor(complex(x), mass).solve(b) for x in s])
    return Condensed(J, mass.data[0], np.vstack([row, J.G]), np.column_stack([b, J.U]), ends)


def _separators(band: Band) -> np.ndarray:
    """Unknowns i with A_kl = A_lk = 0 for all k < i < l, the first and the last one included."""
    n, reach = band.n, np.arange(band.n)
    for offset in range(1, min(max(band.kl, band.ku), n - 1) + 1):
        linked = np.zeros(n - offset, bool)
        if offset <= band.ku:
            linked |= band.data[band.ku - offset, offset:] != 0
        if offset <= band.kl:
            linked |= band.data[band.ku + offset, : n - offset] != 0
        reach[: n - offset][linked] = np.arange(offset, n)[linked]
    farthest = np.concatenate([[0], np.maximum.accumulate(reach)[:-1]])
    found = np.flatnonzero(farthest <= np.arange(n))
    return np.union1d(found, [n - 1])


class Condensed:
    """rows (s M - A)^-1 columns with the low-rank part of J, by eigenvalues of cells and elimination between them.

    Modes of cell e: eigenvalues `_poles[e]`; what they add to the tridiagonal matrix, right-hand sides, rows and the
    product of rows and columns is `_still[e]` at s = 0 and changes by a sum of residues times s/(s - pole).
    """

    def __init__(
        self, J: BandLowRank, mass: np.ndarray, rows: np.ndarray, columns: np.ndarray, ends: np.ndarray
    ) -> None:
        A, low, high = J.band, ends[:-1, None], ends[1:, None]
        self._rows, self._columns, self._mass, self._count = rows[:, ends], columns[ends], mass[ends], columns.shape[1]
        self._diagonal = A.entries(ends, ends)[:, None]
        self._above, self._below = A.entries(low, high), A.entries(high, low)
        i = low + 1 + np.arange(np.diff(ends).max() - 1)  # (cells, unknowns inside)
        real = i < high  # cells of fewer unknowns get modes that nothing belongs to
        i = np.where(real, i, 0)
        pair = real[:, :, None] & real[:, None, :]
        blocks = np.where(pair, A.entries(i[:, :, None], i[:, None, :]) / mass[i][:, :, None], -np.eye(i.shape[1]))
        right = np.concatenate([A.entries(i, low)[..., None], A.entries(i, high)[..., None], columns[i]], axis=2)
        right *= (real / mass[i])[:, :, None]
        left = np.stack([A.entries(low, i), A.entries(high, i), *rows[:, i]], axis=1) * real[:, None]
        self._poles, vectors = np.linalg.eig(blocks)
        self._still = -left @ np.linalg.solve(blocks, right)
        right, left = np.linalg.solve(vectors, right.astype(complex)), left @ vectors / self._poles[:, None, :]
        residues = left[:, :, None, :] * np.swapaxes(right, 1, 2)[:, None, :, :]  # (cells, left, right, modes)
        self._residues = np.swapaxes(residues.reshape(len(i), self._still[0].size, i.shape[1]), 1, 2)

    def __call__(self, s: np.ndarray) -> np.ndarray:
        s = np.asarray(s, complex)
        sums = (s[:, None] / (s[:, None] - self._poles[:, None, :])) @ self._residues
        sums = sums.reshape(len(self._poles), len(s), *self._still.shape[1:]) + self._still[:, None]
        diagonal = s * self._mass[:, None] - self._diagonal
        diagonal[:-1] -= sums[:, :, 0, 0]
        diagonal[1:] -= sums[:, :, 1, 1]
        above, below = -self._above - sums[:, :, 0, 1], -self._below - sums[:, :, 1, 0]
        x = np.repeat(self._columns[:, None, :], len(s), axis=1).astype(complex)
        x[:-1] += sums[:, :, 0, 2:]
        x[1:] += sums[:, :, 1, 2:]
        rows = np.repeat(self._rows.T[:, None, :], len(s), axis=1).astype(complex)
        rows[:-1] += sums[:, :, 2:, 0]
        rows[1:] += sums[:, :, 2:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            _eliminate(diagonal, above, below, x)
        if not np.isfinite(x).all():
            raise SingularMatrix("a pivot of the matrix between cells is zero")
        product = np.einsum("nsr,nsc->src", rows, x) + sums[:, :, 2:, 2:].sum(axis=0)
        if self._count == 1:
            return product[:, 0, 0]
        fed = np.linalg.solve(np.eye(self._count - 1) - product[:, 1:, 1:], product[:, 1:, :1])
        return product[:, 0, 0] + np.einsum("sr,sr->s", product[:, 0, 1:], fed[..., 0])


def _eliminate(diagonal: np.ndarray, above: np.ndarray, below: np.ndarray, x: np.ndarray) -> None:
    """Tridiagonal systems, one for every s, solved in x, of shape (unknowns, s, columns)."""
    for i in range(1, len(diagonal)):
        factor = below[i - 1] / diagonal[i - 1]
        diagonal[i] -= factor * above[i - 1]
        x[i] -= factor[:, None] * x[i - 1]
    x[-1] /= diagonal[-1][:, None]
    for i in range(len(diagonal) - 2, -1, -1):
        x[i] -= above[i][:, None] * x[i + 1]
        x[i] /= diagonal[i][:, None]
