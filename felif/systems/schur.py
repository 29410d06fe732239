"""From the entries of dR/dX to dF/dy, what is algebraic eliminated: a band and a few columns, where it is that."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..algebra import Band, BandLowRank, BandSchur, Shared, blocks_of
from ..algebra.peeling import PEELING, enough_hang_on_few
from ..algebra.sparse import SparseSchur, Whole, WholePattern, refilled
from ..given.libraries import sparse
from ..problem import Infeasible
from .tuning import MATRICES


class Schur:
    """Where each entry of a pattern goes; `at(data)` is the matrix.

    Rows are (y, z), columns (y, z, inputs).
    """

    def __init__(self, pattern: tuple[np.ndarray, np.ndarray], n_y: int, n_z: int, n_in: int, n_fields: int) -> None:
        rows, columns = pattern
        self.rows, self.columns, self.n_y, self.n_z = rows, columns, n_y, n_z
        y, z, inputs = (0, n_y), (n_y, n_y + n_z), (n_y + n_z, n_y + n_z + n_in)
        sides = {"F_y": (y, y), "F_z": (y, z), "g_y": (z, y), "g_z": (z, z), "F_in": (y, inputs), "g_in": (z, inputs)}
        self.blocks = {name: self._block(*side) for name, side in sides.items()}
        self._patterns: dict[str, sparse.csr_matrix] = {}
        self.numbers = np.arange(n_fields, n_y)
        furthest = self._furthest(n_fields)
        # rows that leave a band
        leaving = np.array([np.count_nonzero(furthest > k) for k in range(MATRICES.widest + 1)])
        few = n_z <= MATRICES.most_columns and len(self.numbers) <= MATRICES.most_columns and n_fields > 0
        self.is_band = bool(leaving[-1] <= MATRICES.most_rows) and few
        if self.is_band:
            self.reach = int(np.argmin(leaving))
            in_fields = (rows < n_fields) & (columns < n_fields)
            self._place(in_fields & (np.abs(rows - columns) <= self.reach), n_fields)

    def _furthest(self, n_fields: int) -> np.ndarray:
        """How far from the diagonal entries of the densities stand, in every row of theirs; the pattern is by rows."""
        starts = np.searchsorted(self.rows, np.arange(n_fields + 1))
        columns = self.columns[: starts[-1]]
        count = np.bincount(self.rows[: starts[-1]], columns < n_fields, n_fields).astype(int)
        some = np.flatnonzero(count)
        first, last = columns[starts[some]], columns[starts[some] + count[some] - 1]
        furthest = np.zeros(n_fields, int)
        furthest[some] = np.maximum(np.abs(some - first), np.abs(last - some))
        return furthest

    def _block(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[np.ndarray, tuple, tuple[int, int]]:
        """(entries of the pattern, where they go, shape); the pattern is by rows."""
        first, last = np.searchsorted(self.rows, rows)
        c = self.columns[first:last]
        pick = first + np.flatnonzero((c >= columns[0]) & (c < columns[1]))
        at = self.rows[pick] - rows[0], self.columns[pick] - columns[0]
        return pick, at, (rows[1] - rows[0], columns[1] - columns[0])

    def _place(self, inside: np.ndarray, n_fields: int) -> None:
        rows, columns, k = self.rows, self.columns, self.reach
        self._inside = np.flatnonzero(inside)
        self._flat = columns[inside] * (2 * k + 1) + k + rows[inside] - columns[inside]
        by_y = (rows < self.n_y) & (columns < self.n_y)
        other_column = by_y & (columns >= n_fields)
        dense_row = by_y & (columns < n_fields) & ~inside
        to_numbers, leaving = np.flatnonzero(other_column), np.flatnonzero(dense_row)
        dense_rows = np.unique(rows[leaving])
        # Beside the band: a column for every number, for every row that leaves the band and for all of z, and in the
        # same order what each is multiplied with: 0 = C y + D (...).
        self.first_z = first_z = len(self.numbers) + len(dense_rows)
        self.rank, n = first_z + self.n_z, self.n_y
        others, of_rows = np.arange(first_z), np.arange(len(self.numbers), first_z)
        (F_z, to, _), (g_y, by, _), (g_z, on, _) = (self.blocks[name] for name in ("F_z", "g_y", "g_z"))
        self.B = Placed(
            (n, self.rank),
            (to_numbers, rows[to_numbers], columns[to_numbers] - n_fields),
            (1.0, dense_rows, of_rows),
            (F_z, to[0], to[1] + first_z),
        )
        self.C = Placed(
            (self.rank, n),
            (1.0, np.arange(len(self.numbers)), self.numbers),
            (leaving, np.searchsorted(dense_rows, rows[leaving]) + len(self.numbers), columns[leaving]),
            (g_y, by[0] + first_z, by[1]),
        )
        self.D = Placed((self.rank, self.rank), (-1.0, others, others), (g_z, on[0] + first_z, on[1] + first_z))
        self.shared = None
        if self.rank > MATRICES.dense_columns:
            lowest, highest = np.sort([rows[inside], columns[inside]], axis=0)
            shared = Shared(blocks_of(lowest, highest, n), self.B, self.C)
            self.shared = shared if 2 * shared.count <= self.rank else None

    def pattern(self, which: str) -> sparse.csr_matrix:
        """Of a block."""
        if which not in self._patterns:
            _, at, shape = self.blocks[which]
            self._patterns[which] = _pattern(*at, shape)
        return self._patterns[which]

    @cached_property
    def of_whole(self) -> np.ndarray:
        """Entries of the pattern that stand in rows and columns of (y, z)."""
        return np.flatnonzero(self.columns < self.n_y + self.n_z)

    @cached_property
    def whole(self) -> WholePattern | None:
        """How the matrix of (y, z) is taken apart, where most of it can be eliminated at once."""
        n = self.n_y + self.n_z
        if n > PEELING.small and not enough_hang_on_few(self.rows, self.columns, n):
            return None
        rows, columns = self.rows[self.of_whole], self.columns[self.of_whole]
        found = WholePattern(rows, columns, self.n_y, n)
        return found if found.peeling.worthwhile else None

    def at(self, data: np.ndarray, constraint: Callable[[], Any] | None = None) -> Linearised:
        """The linearisation with these entries; `constraint` makes factors of -g_z, where it is known there."""
        return Linearised(self, data, constraint)


class _Solved:
    """Factors of -g_z where no constraint has any."""

    def __init__(self, linearised: Linearised) -> None:
        self._linearised = linearised

    def solve(self, g: np.ndarray) -> np.ndarray:
        return -self._linearised.by_g_z(g)


class Changes:
    """Changes of unknowns at places of (y, z): `changes @ dy`, without the dense matrix of `Linearised.gradient`."""

    def __init__(self, linearised: Linearised, places: np.ndarray) -> None:
        self._g_y, self._constraint, self._places = linearised.g_y, linearised.constraint, places

    def __matmul__(self, dy: np.ndarray) -> np.ndarray:
        return np.concatenate([dy, self._constraint.solve(self._g_y @ dy)])[self._places]


class Placed:
    """A matrix whose entries are some of the data, or always the same number."""

    def __init__(self, shape: tuple[int, int], *parts: tuple[np.ndarray | float, np.ndarray, np.ndarray]) -> None:
        """A part: (which of the data or a number, rows, columns)."""
        self.shape = shape
        self._given = [(part[0], len(part[1])) for part in parts]
        rows, columns = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
        self._order = np.lexsort([columns, rows])
        self.rows, self.columns = rows[self._order], columns[self._order]
        self._pattern = _pattern(self.rows, self.columns, shape)

    def _values(self, data: np.ndarray) -> np.ndarray:
        fixed = lambda value, n: np.full((*data.shape[:-1], n), value)
        parts = [fixed(part, n) if isinstance(part, float) else data[..., part] for part, n in self._given]
        return np.concatenate(parts, axis=-1)[..., self._order]

    def sparse(self, data: np.ndarray) -> sparse.csr_matrix:
        return refilled(self._pattern, self._values(data))

    def dense(self, data: np.ndarray) -> np.ndarray:
        found = np.zeros((*data.shape[:-1], *self.shape))
        found[..., self.rows, self.columns] = self._values(data)
        return found


def _pattern(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    starts = np.searchsorted(rows, np.arange(shape[0] + 1))
    return sparse.csr_matrix((np.zeros(len(rows)), columns, starts), shape)


class Linearised:
    """dF/dy and what goes with it at one state; what is dense at many, too, whose data have an axis of states first."""

    def __init__(self, structure: Schur, data: np.ndarray, constraint: Callable[[], Any] | None) -> None:
        self.structure, self._data, self._constraint = structure, data, constraint

    @cached_property
    def constraint(self) -> Any:
        """Factors of -g_z."""
        return self._constraint() if self._constraint is not None and self.structure.n_z else _Solved(self)

    def block(self, which: str) -> Any:
        """One block, sparse."""
        return refilled(self.structure.pattern(which), self._data[self.structure.blocks[which][0]])

    def dense_block(self, which: str) -> np.ndarray:
        """One block, dense."""
        pick, at, shape = self.structure.blocks[which]
        found = np.zeros((*self._data.shape[:-1], *shape))
        found[(..., *at)] = self._data[..., pick]
        return found

    @cached_property
    def jacobian(self) -> Any:
        s = self.structure
        if not s.is_band:
            blocks = [self.block(which) for which in ("F_y", "F_z", "g_y", "g_z")]
            return SparseSchur(*blocks, None if s.whole is None else Whole(s.whole, self._data[s.of_whole]))
        band = Band(self.band, s.reach, s.reach)
        if s.shared is not None:
            return BandSchur(band, *(part.sparse(self._data) for part in (s.B, s.C, s.D)), s.shared)
        return BandLowRank(band, np.asfortranarray(self.U), self.G)

    @property
    def band(self) -> np.ndarray:
        """What of dF/dy lies in the band."""
        s, width = self.structure, 2 * self.structure.reach + 1
        flat = np.zeros((*self._data.shape[:-1], s.n_y * width))
        flat[..., s._flat] = self._data[..., s._inside]
        return np.swapaxes(flat.reshape(*flat.shape[:-1], s.n_y, width), -1, -2)

    @property
    def U(self) -> np.ndarray:
        """The columns beside the band."""
        return self.structure.B.dense(self._data)

    @property
    def G(self) -> np.ndarray:
        """What each of them is multiplied with."""
        G = self.structure.C.dense(self._data)
        if self.structure.n_z:
            G[..., self.structure.first_z :, :] = self.dz_dy
        return G

    @property
    def g_y(self) -> sparse.csr_matrix:
        """Of the equations of z, sparse."""
        return self.block("g_y")

    @cached_property
    def dz_dy(self) -> np.ndarray:
        """-g_z^-1 g_y, dense."""
        return -self.by_g_z(self.dense_block("g_y"))

    def by_g_z(self, b: np.ndarray) -> np.ndarray:
        """g_z^-1 b."""
        if not self.structure.n_z:
            return b
        if self.structure.n_z > MATRICES.most_columns:
            g_z = self.block("g_z")
            nothing = sparse.csr_matrix((g_z.shape[0], 0))
            return SparseSchur(-g_z, nothing, nothing.T.tocsr(), sparse.csr_matrix((0, 0))).factor().solve(b)
        try:
            return np.linalg.solve(self.dense_block("g_z"), b)
        except np.linalg.LinAlgError as error:
            raise Infeasible("the equations of the algebraic unknowns are singular") from error

    def gradient(self, places: np.ndarray) -> np.ndarray:
        """d(unknowns)/dy at places of (y, z), shape (places, size)."""
        s = self.structure
        found = np.zeros((*self._data.shape[:-1], len(places), s.n_y))
        own = np.flatnonzero(places < s.n_y)
        found[..., own, places[own]] = 1.0
        algebraic = np.flatnonzero(places >= s.n_y)
        if len(algebraic):
            if s.n_z <= MATRICES.most_columns:
                found[..., algebraic, :] = self.dz_dy[..., places[algebraic] - s.n_y, :]
            else:
                unit = np.zeros((s.n_z, len(algebraic)))
                unit[places[algebraic] - s.n_y, np.arange(len(algebraic))] = 1.0
                nothing = sparse.csr_matrix((s.n_z, 0))
                g_z = -self.block("g_z").T
                solved = SparseSchur(g_z, nothing, nothing.T.tocsr(), sparse.csr_matrix((0, 0))).factor().solve(unit)
                found[algebraic] = -(self.block("g_y").T @ solved).T
        return found

    def z_along_inputs(self, slopes: np.ndarray) -> np.ndarray:
        """dz for a change of the inputs at fixed y."""
        return self.constraint.solve(self.block("g_in") @ slopes)

    def along_inputs(self, slopes: np.ndarray) -> np.ndarray:
        """dF for a change of the inputs at fixed y."""
        return self.block("F_in") @ slopes + self.block("F_z") @ self.z_along_inputs(slopes)

    def along_residual(self, change: np.ndarray) -> np.ndarray:
        """dF for a change of the equations (F, g) themselves, of size (y, z), at fixed y."""
        F, g = np.split(change, [self.structure.n_y])
        return F + self.block("F_z") @ self.constraint.solve(g)
