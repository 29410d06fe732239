"""Linear systems piece after piece, each of which begins where the one before ended, as collocation in time makes them.

    W_i x_i = b_i - (M y_{i-1}) (x) d,      y_i the last of the s points of x_i at every node,

with W_i = -(band_i + U_i G_i), factored by LAPACK. The sweeps go through the compiled core where it is there: loops
over the columns of a band take a fraction of LAPACK's time for one right-hand side.
"""

from __future__ import annotations

import ctypes

import numpy as np

from ..given.libraries import lapack
from . import compiled
from .band import Band, SingularMatrix


class Chain:
    """Factors of all pieces; unknowns are ordered node by node, the s points of each node together."""

    def __init__(
        self, bands: np.ndarray, kl: int, ku: int, U: np.ndarray, G: np.ndarray, mass: Band, first: np.ndarray
    ) -> None:
        """bands (pieces, n s, kl + ku + 1): LAPACK's storage, columns one after the other; U, G (pieces, rank, n s);
        first: d, (s,). Raises SingularMatrix."""
        pieces, total, _ = bands.shape
        rank, s = U.shape[1], len(first)
        self._kl, self._ku, self._n, self._s = kl, ku, mass.n, s
        self._lu = np.zeros((pieces, total, 2 * kl + ku + 1))
        np.negative(bands, out=self._lu[:, :, kl:])
        self._pivots = np.empty((pieces, total), np.int32)
        columns = np.empty((pieces, rank, total))
        for i in range(pieces):
            factored, self._pivots[i], info = lapack.dgbtrf(self._lu[i].T, kl, ku, overwrite_ab=True)
            if info:
                raise SingularMatrix(f"band LU: the pivot {info} is zero")
            self._lu[i] = factored.T
            columns[i] = lapack.dgbtrs(factored, kl, ku, U[i].T, self._pivots[i])[0].T if rank else 0.0
        small = np.eye(rank) - G @ np.swapaxes(columns, 1, 2)
        try:
            self._Q = np.linalg.solve(np.swapaxes(small, 1, 2), columns)
        except np.linalg.LinAlgError as error:
            raise SingularMatrix("the capacitance matrix of the low-rank part is singular") from error
        self._G, self._first = np.ascontiguousarray(G), np.ascontiguousarray(first)
        self._mass, reach = mass, max(mass.kl, mass.ku)
        self._core = compiled.library()
        if self._core is not None:
            exchanged = (self._pivots != np.arange(total)).any(axis=1)
            above = np.where(exchanged, kl + ku, ku).astype(np.int64)
            self._kept = (mass.widened(reach, reach).data, np.empty(rank + 1), above)
            own = [self._lu, self._Q, self._G, self._kept[0], self._first, self._kept[1], self._pivots, above]
            numbers = (pieces, self._n, s, kl, ku, rank, reach)
            self._chain = compiled.Chain(*numbers, *map(compiled.pointer, own))

    def __len__(self) -> int:
        return len(self._lu)

    def sweep(self, start: np.ndarray, right: np.ndarray | None = None, tolerance: float = 0.0) -> np.ndarray:
        """All x, shape (pieces, n, s), from y_0 and right-hand sides of that shape; exact, whatever the tolerance."""
        out = np.empty((len(self), self._n, self._s))
        if self._core is not None:
            start, right = np.ascontiguousarray(start), None if right is None else np.ascontiguousarray(right)
            places = [None if array is None else compiled.pointer(array) for array in (start, right, out)]
            self._core.felif_chain(ctypes.byref(self._chain), *places)
            return out
        y = start
        for i in range(len(self)):
            out[i] = self.solve(i, y, None if right is None else right[i])
            y = np.ascontiguousarray(out[i, :, -1])
        return out

    def solve(self, i: int, y: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
        """x of one piece that begins with y, shape (n, s)."""
        b = -np.outer(self._mass @ y, self._first)
        if right is not None:
            b += right
        if self._core is not None:
            self._core.felif_chain_piece(ctypes.byref(self._chain), i, compiled.pointer(b))
            return b
        x = lapack.dgbtrs(self._lu[i].T, self._kl, self._ku, b.ravel(), self._pivots[i])[0]
        return (x + (self._G[i] @ x) @ self._Q[i]).reshape(b.shape)
