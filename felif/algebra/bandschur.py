"""A = band - B D^-1 C with sparse B, C and D: many densities side by side, coupled through numbers of their own."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..given.libraries import lapack, sparse
from .band import Band, BandFactors, SingularMatrix
from .bordered import PinnedBand, Small, by_parts
from .lowrank import BandLowRank
from .sparse import refilled

_REMEMBERED = 8  # kinds of borders: of steady states, of curves, of modes, ...


class Shared:
    """Columns of B that may share a right-hand side, because no block of the band has entries of two of them.

    colour   of every column; `count` of them
    owner    (count, n): the column whose entries a row of that colour has, or one more than there are
    """

    def __init__(self, block: np.ndarray, B: Any, C: Any) -> None:
        """`block`: of every unknown, see `blocks_of`. B, C: (n, r) and (r, n), with the places of their entries, row by
        row, in `rows` and `columns`, or sparse."""
        B, C = _with_places(B), _with_places(C)
        n, r = B.shape
        self.block = block
        pairs = np.unique(B.columns * n + block[B.rows])
        blocks_of = np.split(pairs % n, np.searchsorted(pairs // n, np.arange(1, r)))
        taken = np.full((1, int(block[-1]) + 1), r)
        self.colour = np.zeros(r, int)
        for column, blocks in enumerate(blocks_of):
            free = np.flatnonzero((taken[:, blocks] == r).all(axis=1))
            if not len(free):
                taken, free = np.vstack([taken, np.full((1, taken.shape[1]), r)]), [len(taken)]
            self.colour[column] = free[0]
            taken[free[0], blocks] = column
        self.count, self.owner = len(taken), taken[:, block]
        self.places = B.rows, self.colour[B.columns]
        own = self.owner[:, C.columns]
        self.read = [np.flatnonzero(one < r) for one in own]  # entries of C that meet a column of this colour
        self.met = [(C.rows * r + one)[kept] for one, kept in zip(own, self.read, strict=True)]
        self._beside: dict[tuple, Beside] = {}

    def beside(self, B: Any, C: Any, pinned: list[tuple[int, int]], columns: np.ndarray, rows: np.ndarray) -> Beside:
        """What stands beside a band that is pinned and has a border; what has been seen before is remembered.

        columns, rows: where the border has entries.
        """
        key = tuple(pinned), columns.shape[1], np.packbits(columns).tobytes(), np.packbits(rows).tobytes()
        if key not in self._beside:
            if len(self._beside) == _REMEMBERED:
                self._beside.clear()
            n, count = len(self.block), len(pinned)
            at, across, which = *np.array(pinned, int).reshape(count, 2).T, np.arange(count)
            undone = sparse.csr_matrix((np.ones(count), (at, which)), (n, count))
            held = sparse.csr_matrix((np.ones(count), (which, across)), (count, n))
            right = sparse.hstack(_numbered(B, undone, sparse.csr_matrix(columns))).tocsr()
            left = sparse.vstack(_numbered(C, held, sparse.csr_matrix(rows))).tocsr()
            self._beside[key] = Beside(self.block, right, left)
        return self._beside[key]

    def right(self, data: np.ndarray) -> np.ndarray:
        """The columns of B, those of a colour added up."""
        found = np.zeros((self.owner.shape[1], self.count), data.dtype, order="F")
        found[self.places] = data
        return found

    def schur(self, D: np.ndarray, C: Any, through: np.ndarray) -> np.ndarray:
        """D - C X, of the columns X that `through` has added up."""
        S = D.astype(np.result_type(D, C.data, through)).ravel()
        for column, read, met in zip(through.T, self.read, self.met, strict=True):
            np.subtract.at(S, met, C.data[read] * column[C.indices[read]])
        return S.reshape(D.shape)

    def by_blocks(self, C: Any) -> tuple[np.ndarray, np.ndarray]:
        """(rows of C cut into their parts of each block (parts, n), places in (r, r + 1) of what these see of the
        columns of each colour (parts, count))."""
        C_rows, r = np.repeat(np.arange(C.shape[0]), np.diff(C.indptr)), len(self.colour)
        keys, first, part = np.unique(
            C_rows * len(self.block) + self.block[C.indices], return_index=True, return_inverse=True
        )
        rows = np.zeros((len(keys), C.shape[1]))
        rows[part, C.indices] = C.data
        return rows, C_rows[first, None] * (r + 1) + self.owner[:, C.indices[first]].T

    def times(self, through: np.ndarray, z: np.ndarray) -> np.ndarray:
        """X z, of the columns X that `through` has added up."""
        z = np.concatenate([z, np.zeros((1, *z.shape[1:]), z.dtype)])  # the last is of rows that no column has
        parts = zip(through.T, self.owner, strict=True)
        return sum((column if z.ndim == 1 else column[:, None]) * z[owner] for column, owner in parts)


def blocks_of(lowest: np.ndarray, highest: np.ndarray, n: int) -> np.ndarray:
    """Which of the blocks that no entry of a band joins an unknown is in; for every entry its lesser, larger index."""
    parted = np.bincount(lowest + 1, minlength=n + 1) - np.bincount(highest + 1, minlength=n + 1)
    return np.cumsum(np.cumsum(parted[:n]) == 0) - 1


class _Placed:
    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self.shape, self.columns = matrix.shape, matrix.indices.astype(np.int64)
        self.rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


class Beside:
    """Patterns of the columns beside a band and of what each is multiplied with; their entries number given values."""

    def __init__(self, block: np.ndarray, right: sparse.csr_matrix, left: sparse.csr_matrix) -> None:
        self._block, self._right, self._left = block, right, left
        self.shared = Shared(block, right, left)

    @cached_property
    def transposed(self) -> Beside:
        return Beside(self._block, self._left.T.tocsr(), self._right.T.tocsr())

    def filled(self, right: np.ndarray, left: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """(right, left) with these values."""
        pairs = (self._right, right), (self._left, left)
        return tuple(refilled(pattern, values[pattern.data]) for pattern, values in pairs)


def _numbered(*parts: sparse.csr_matrix) -> list[sparse.csr_matrix]:
    """Matrices whose entries are numbered from 0 on, one after the other."""
    starts = np.cumsum([0, *(part.nnz for part in parts)])
    return [refilled(part, np.arange(start, start + part.nnz)) for part, start in zip(parts, starts, strict=False)]


def _with_places(matrix: Any) -> Any:
    return _Placed(matrix) if sparse.issparse(matrix) else matrix


class BandSchur:
    """What is left of y where 0 = C y + D z: a band and, for each entry of z, a column and a row.

    The columns of different densities share right-hand sides, so that a factorisation takes as many solutions of the
    band as one density has columns, and one dense system of the size of z.
    """

    def __init__(
        self, band: Band, B: sparse.csr_matrix, C: sparse.csr_matrix, D: sparse.csr_matrix, shared: Shared
    ) -> None:
        self.band, self.B, self.C, self.D, self.shared = band, B, C, D, shared

    @property
    def n(self) -> int:
        return self.band.n

    @cached_property
    def low_rank(self) -> BandLowRank:
        """The same with U = B and G = -D^-1 C, which is dense, for what is asked for seldom."""
        return BandLowRank(self.band, np.asfortranarray(self.B.toarray()), -self._by_D(self.C.toarray()))

    @property
    def U(self) -> np.ndarray:
        return self.low_rank.U

    @property
    def G(self) -> np.ndarray:
        return self.low_rank.G

    def transpose(self) -> BandSchur:
        B, C = self.C.T.tocsr(), self.B.T.tocsr()
        return BandSchur(self.band.transpose(), B, C, self.D.T.tocsr(), Shared(self.shared.block, B, C))

    def dense(self) -> np.ndarray:
        return self.low_rank.dense()

    def magnitudes(self, x: np.ndarray) -> np.ndarray:
        """sum_j |a_ij x_j|, part by part: what rounding errors of A x are relative to."""
        x = np.abs(x)
        through = np.abs(self._by_D(np.eye(self.D.shape[0]))) @ (abs(self.C) @ x)
        return Band(np.abs(self.band.data), self.band.kl, self.band.ku) @ x + abs(self.B) @ through

    def plus(self, U: np.ndarray, G: np.ndarray) -> BandSchur:
        """A + U G."""
        B, C = sparse.hstack([self.B, U]).tocsr(), sparse.vstack([self.C, G]).tocsr()
        D = sparse.block_diag([self.D, -sparse.identity(len(G))]).tocsr()
        return BandSchur(self.band, B, C, D, Shared(self.shared.block, B, C))

    def bordered(
        self, columns: np.ndarray, rows: np.ndarray, corner: np.ndarray | None = None, **how: Any
    ) -> BorderedSchur:
        """LU factors of [A - shift mass, columns; rows, corner]."""
        return BorderedSchur(self, columns, rows, corner, **how)

    @cached_property
    def _factors_of_D(self) -> tuple[np.ndarray, np.ndarray]:
        return _factored(self.D.toarray(), "the equations of the algebraic unknowns are singular")

    def _by_D(self, b: np.ndarray, transposed: int = 0) -> np.ndarray:
        return _solved(self._factors_of_D, b, transposed)

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        return self.band @ x - self.B @ self._by_D(self.C @ x)

    def transposed_product(self, x: np.ndarray) -> np.ndarray:
        """A^T x (not conjugated)."""
        return self.band.transposed_product(x) - self.C.T @ self._by_D(self.B.T @ x, 1)

    def factor(self, shift: complex = 0.0, mass: Band | None = None) -> FactoredSchur:
        """LU factors of `shift * mass - A` (mass = None: `-A`); raises SingularMatrix."""
        return FactoredSchur(self, shift, mass)


class FactoredSchur:
    """LU factors of W = shift * mass - A: those of L = shift * mass - band, and of S = D + C L^-1 B.

    W x = b where L x - B z = b and D z = -C x, so z = -S^-1 C L^-1 b and x = L^-1 b + L^-1 B z.
    """

    def __init__(self, matrix: BandSchur, shift: complex, mass: Band | None) -> None:
        self._band, self._C, self._shared = BandFactors(matrix.band, shift, mass), matrix.C, matrix.shared
        self._through = self._band.solve(matrix.shared.right(matrix.B.data))
        S = matrix.shared.schur(matrix.D.toarray(), matrix.C, -self._through)
        self._small = _factored(S, "the Schur matrix of the algebraic unknowns is singular")

    def solve(self, b: np.ndarray) -> np.ndarray:
        """W^-1 b for b of shape (n,) or (n, m)."""
        x = self._band.solve(b)
        return x - self._shared.times(self._through, _solved(self._small, self._C @ x))


class BorderedSchur:
    """LU factors of [W B'; C' D'] with W = A - shift * mass, as `Bordered`, with z kept.

    What stands beside the band, the columns of A, what undoes pins and the border, shares right-hand sides.
    """

    def __init__(
        self,
        matrix: BandSchur,
        columns: np.ndarray,
        rows: np.ndarray,
        corner: np.ndarray | None = None,
        *,
        shift: complex = 0.0,
        mass: Band | None = None,
        held: np.ndarray | None = None,
    ) -> None:
        corner = np.zeros((len(rows), columns.shape[1])) if corner is None else np.asarray(corner)
        kinds = [part.dtype.kind for part in (matrix.band.data, columns, rows, corner, matrix.B, matrix.C, matrix.D)]
        self._real = not isinstance(shift, complex) and "c" not in kinds
        self._band = band = PinnedBand(matrix.band, shift, mass, held, self._real)
        r, count, self._k = matrix.D.shape[0], len(band.pinned), len(rows)
        border = columns != 0, rows != 0
        self._beside = matrix.shared.beside(matrix.B, matrix.C, band.pinned, *border)
        right = np.concatenate([matrix.B.data, band.strength, columns[border[0]]])
        self._values = right, np.concatenate([matrix.C.data, np.ones(count), rows[border[1]]])
        self._right, self._left = self._beside.filled(*self._values)
        self._shared = self._beside.shared
        self._corner = np.zeros((r + count + self._k,) * 2, np.result_type(matrix.D, corner))
        self._corner[:r, :r], self._corner[r + count :, r + count :] = matrix.D.toarray(), corner
        #: what undoes pins is not part of the matrix by which solutions are refined
        self._pins, self._plain = slice(r, r + count), (matrix.band, shift, mass)
        self._through = band.solve(self._shared.right(self._right.data))
        whole = self._corner.copy()
        whole.flat[r * (len(whole) + 1) : (r + count) * (len(whole) + 1) : len(whole) + 1] = -1.0
        self._small = Small(self._shared.schur(whole, self._left, self._through))

    @cached_property
    def _transposed(self) -> tuple[Any, Any, Shared, np.ndarray]:
        """(left^T, right^T, which columns of the first share right-hand sides, what the band makes of them)."""
        turned = self._beside.transposed
        right, left = turned.filled(*reversed(self._values))
        return right, left, turned.shared, self._band.solve(turned.shared.right(right.data), 1)

    def solve(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W x + B z = f and C x + D z = g."""
        return self._refined(f, g, refine, 0)

    def solve_transposed(self, f: np.ndarray, g: np.ndarray, refine: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(x, z) with W^T x + C^T z = f and B^T x + D^T z = g (transposed, not conjugated); f (n,) or (n, columns)."""
        return self._refined(f, g, refine, 1)

    def _refined(self, f: np.ndarray, g: np.ndarray, refine: int, transposed: int) -> tuple[np.ndarray, np.ndarray]:
        if self._real and (np.iscomplexobj(f) or np.iscomplexobj(g)):
            return by_parts(self.solve_transposed if transposed else self.solve, f, g, refine)
        below = np.zeros((len(self._corner), *f.shape[1:]), np.result_type(g, float))
        below[len(below) - self._k :] = g
        x, s = self._once(f, below, transposed)
        (band, shift, mass), right, left, D = self._plain, self._right, self._left, self._corner
        if transposed:
            band, D = band.transpose(), D.T
            right, left, _, _ = self._transposed
        for _ in range(refine):
            s[self._pins] = 0.0
            over = f - band @ x - right @ s
            if shift:
                over = over + shift * (mass.transposed_product(x) if transposed else mass @ x)
            under = below - left @ x - D @ s
            under[self._pins] = 0.0
            dx, ds = self._once(over, under, transposed)
            x, s = x + dx, s + ds
        return x, s[len(s) - self._k :]

    def _once(self, f: np.ndarray, g: np.ndarray, transposed: int) -> tuple[np.ndarray, np.ndarray]:
        x = self._band.solve(f, transposed)
        left, shared, through = self._left, self._shared, self._through
        if transposed:
            _, left, shared, through = self._transposed
        s = self._small.solve(g - left @ x, transposed)
        return x - shared.times(through, s), s


def _factored(A: np.ndarray, why: str) -> tuple[np.ndarray, np.ndarray]:
    lu, pivots, info = (lapack.dgetrf if A.dtype == np.float64 else lapack.zgetrf)(A)
    if info != 0 or not np.isfinite(lu.diagonal()).all():
        raise SingularMatrix(why)
    return lu, pivots


def _solved(factors: tuple[np.ndarray, np.ndarray], b: np.ndarray, transposed: int = 0) -> np.ndarray:
    real = factors[0].dtype == np.float64
    if real and np.iscomplexobj(b):
        return _solved(factors, b.real, transposed) + 1j * _solved(factors, b.imag, transposed)
    return (lapack.dgetrs if real else lapack.zgetrs)(*factors, b, trans=transposed)[0]
