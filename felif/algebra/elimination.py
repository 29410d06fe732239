"""The matrix of the algebraic unknowns, factored: those that are sums of the others leave it before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..given.libraries import lapack, sparse


@dataclass(frozen=True)
class _Elimination:
    """What is eliminated before a factorisation."""

    few: int = 8  # unknowns, up to which none is eliminated
    scalings: int = 16  # of Gershgorin's discs
    deepest: int = 8  # sums of sums of ... that are solved one after the other


_ELIMINATION = _Elimination()


class Elimination:
    """Where entries of g_z go, whose pattern is `rows`, `columns`; `fixed`: those that are the same at every state.

    Where none hears itself through others, they are solved for one after the other. Else an unknown whose own equation
    is a fixed sum of others that stay, such as the input of a population, is eliminated.

    dense   size of the matrix that is left to be factored
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, count: int, fixed: np.ndarray) -> None:
        self.rows, self.columns, self.count = rows, columns, count
        self._on_diagonal = rows == columns
        many = count > _ELIMINATION.few
        self.depth = _depth(rows, columns, count)
        self._triangular = many and self.depth is not None
        self.out = np.zeros(count, bool)
        if many and not self._triangular:
            candidate = np.bincount(rows[~fixed], minlength=count) == 0
            candidate &= np.isin(np.arange(count), rows[rows == columns])
            between = candidate[rows] & candidate[columns] & (rows != columns)
            candidate[rows[between]] = False
            self.out = candidate
        self.dense = 0 if self._triangular else int(count - self.out.sum())
        self.kept, self.gone = np.flatnonzero(~self.out), np.flatnonzero(self.out)
        m = len(self.kept)
        place = np.where(self.out, np.cumsum(self.out), np.cumsum(~self.out)) - 1
        r, c = place[rows], place[columns]
        row_out, column_out = self.out[rows], self.out[columns]
        self._own = np.flatnonzero(row_out & column_out)  # on the diagonal, one for each that is gone
        self._stay, self._hang = np.flatnonzero(~row_out & ~column_out), np.flatnonzero(~row_out & column_out)
        self._give = np.flatnonzero(row_out & ~column_out)
        self._at = r[self._stay] * m + c[self._stay]
        self._hung, self._given = (r[self._hang], c[self._hang]), (r[self._give], c[self._give])
        # What is gone passes on the sum that it is: every entry that reads it meets every entry of its sum.
        starts = np.searchsorted(self._given[0], np.arange(len(self.gone) + 1))
        counts = np.diff(starts)[self._hung[1]]
        self._first = np.repeat(np.arange(len(self._hang)), counts)
        inner = np.arange(len(self._first)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._second = starts[self._hung[1]][self._first] + inner
        self._through = self._hung[0][self._first] * m + self._given[1][self._second]

    def factor(self, data: np.ndarray) -> Eliminated | Triangular:
        """With these entries."""
        if self._triangular:
            return Triangular(self, data)
        m, diagonal = len(self.kept), data[self._own]
        hung, given = data[self._hang], data[self._give]
        given = given / diagonal[self._given[0]]
        S = np.bincount(self._at, data[self._stay], m * m)
        if len(hung):
            S -= np.bincount(self._through, hung[self._first] * given[self._second], m * m)
        return Eliminated(self, S.reshape(m, m), diagonal, hung, given)

    def passed_up(self, hung: np.ndarray, gone: np.ndarray) -> np.ndarray:
        """What unknowns that are gone add to the equations of those that stay."""
        return np.bincount(self._hung[0], hung * gone[self._hung[1]], len(self.kept))

    def passed_down(self, given: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """The sums that unknowns that are gone are of those that stay."""
        return np.bincount(self._given[0], given * kept[self._given[1]], len(self.gone))

    def grows(self, data: np.ndarray) -> bool:
        """Whether all eigenvalues of -g_z have positive real parts: by Gershgorin's discs where these say so."""
        own, diagonal = self._on_diagonal, -self.diagonal(data)
        if self.depth is not None:
            return bool((diagonal > 0).all())
        if not (diagonal > 0).all():
            return self._all_positive(data)
        off = np.where(own, 0.0, np.abs(data)) / diagonal[self.rows]
        scale = np.ones(self.count)  # of the unknowns: discs hold for all of them
        for _ in range(_ELIMINATION.scalings if self.count > 2 else 1):
            radius = np.bincount(self.rows, off * scale[self.columns], self.count)
            if (radius < scale).all():
                return True
            scale = 1.0 + radius
        return self._all_positive(data)

    def beside_diagonal(self, data: np.ndarray) -> sparse.csr_matrix:
        """g_z without its diagonal; its entries are by rows."""
        off = ~self._on_diagonal
        starts = np.searchsorted(self.rows[off], np.arange(self.count + 1))
        return sparse.csr_matrix((data[off], self.columns[off], starts), (self.count, self.count))

    def diagonal(self, data: np.ndarray) -> np.ndarray:
        """Of g_z."""
        own = self._on_diagonal
        return np.bincount(self.rows[own], data[own], self.count)

    def _all_positive(self, data: np.ndarray) -> bool:
        A = np.zeros((self.count, self.count))
        A[self.rows, self.columns] = -data
        if self.count == 2:
            return bool(A.trace() > 0 and A[0, 0] * A[1, 1] > A[0, 1] * A[1, 0])
        return bool((lapack.dgeev(A, compute_vl=0, compute_vr=0)[0] > 0).all())


def grow(A: np.ndarray) -> bool:
    """Whether all eigenvalues of many matrices (matrices, n, n) have positive real parts, see `Elimination.grows`."""
    diagonal = np.einsum("pii->pi", A)
    if (diagonal > 0).all():
        off = np.abs(A) / diagonal[:, :, None]
        np.einsum("pii->pi", off)[:] = 0.0
        scale, sure = np.ones((len(A), A.shape[1], 1)), np.zeros(len(A), bool)
        for _ in range(_ELIMINATION.scalings):
            radius = off @ scale
            sure |= (radius < scale).all(axis=(1, 2))
            if sure.all():
                return True
            scale = 1.0 + radius
        A = A[~sure]
    return bool((np.linalg.eigvals(A).real > 0).all())


def _depth(rows: np.ndarray, columns: np.ndarray, count: int) -> int | None:
    """How many unknowns at most stand one behind the other; None where one stands behind itself, or too many do."""
    off = rows != columns
    depth = np.zeros(count, int)
    for _ in range(_ELIMINATION.deepest):
        before = depth.copy()
        np.maximum.at(depth, rows[off], before[columns[off]] + 1)
        if np.array_equal(depth, before):
            return int(depth.max(initial=0))
    return None


class Triangular:
    """-g_z where no unknown hears itself through others."""

    def __init__(self, where: Elimination, data: np.ndarray) -> None:
        self._depth, self._diagonal = where.depth, where.diagonal(data)
        self._off = where.beside_diagonal(data)

    @property
    def determinant(self) -> float:
        return float(np.prod(-self._diagonal))

    def solve(self, g: np.ndarray) -> np.ndarray:
        """z with -g_z z = g."""
        z = -g / self._diagonal
        for _ in range(self._depth):
            z = -(g + self._off @ z) / self._diagonal
        return z


class Eliminated:
    """LU factors of -g_z and its determinant."""

    def __init__(
        self, where: Elimination, S: np.ndarray, diagonal: np.ndarray, hung: np.ndarray, given: np.ndarray
    ) -> None:
        self._where, self._diagonal, self._hung, self._given = where, diagonal, hung, given
        self._lu, self._pivots, _ = lapack.dgetrf(-S)

    @property
    def determinant(self) -> float:
        swapped = np.count_nonzero(self._pivots != np.arange(len(self._pivots)))
        found = float(np.prod(self._lu.diagonal())) * float(np.prod(-self._diagonal))
        return found * (-1.0 if swapped % 2 else 1.0)

    def solve(self, g: np.ndarray) -> np.ndarray:
        """z with -g_z z = g."""
        where = self._where
        if not len(where.gone):
            return lapack.dgetrs(self._lu, self._pivots, g)[0]
        z, rest = np.empty(len(g)), g[where.gone] / self._diagonal
        kept = g[where.kept] - where.passed_up(self._hung, rest)
        z[where.kept] = kept = lapack.dgetrs(self._lu, self._pivots, kept)[0]
        z[where.gone] = -rest - where.passed_down(self._given, kept)
        return z
