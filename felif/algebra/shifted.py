"""A band matrix beside a mass matrix at many shifts: resolvents between few columns, determinants, Krylov spaces.

Both come from the compiled core where it is there and its LU, which does not pivot, solves what it is given; else from
LAPACK.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import compiled
from .band import Band, SingularMatrix
from .bandschur import BandSchur
from .lowrank import BandLowRank

_SOLVED = 1e-11  # as in core.h
_INVARIANT = 1e-13  # part of a vector that is left by those before it, where a Krylov space ends


def resolvents(A: Band, mass: Band, rows: np.ndarray, columns: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """rows (s mass - A)^-1 columns for every complex shift s, shape (shifts, rows, columns). Raises SingularMatrix."""
    shifts = np.ascontiguousarray(shifts, complex)
    K, left = np.empty((len(shifts), len(rows), columns.shape[1]), complex), np.full(len(shifts), np.inf)
    core = compiled.library()
    if core is not None and K.size and A.data.dtype == float:
        system, kept = _system(A, mass, np.ascontiguousarray(columns.T, float), np.ascontiguousarray(rows, float))
        n, width, count = A.n, system.kl + system.ku + 1, columns.shape[1]
        work = np.empty(2 * compiled.LANES * (len(rows) * count + n * width + count * n))
        places = [compiled.pointer(array) for array in (K, left, work)]
        core.felif_resolvents(ctypes.byref(system), compiled.pointer(shifts), len(shifts), *places)
    for k in np.flatnonzero(~(left <= _SOLVED)):
        plain = BandLowRank(A, np.zeros((A.n, 0)), np.zeros((0, A.n)))
        K[k] = rows @ plain.factor(complex(shifts[k]), mass).solve(np.asfortranarray(columns, complex))
    return K


def determinants(J: BandLowRank | BandSchur, mass: Band, shifts: np.ndarray) -> np.ndarray:
    """det(1 - G (s mass - B)^-1 U) for every complex shift s, J = B + U G with a band B. Raises SingularMatrix."""
    if not isinstance(J, BandSchur):
        return np.linalg.det(np.eye(J.U.shape[1]) - resolvents(J.band, mass, J.G, J.U, shifts))
    # 1 - G ... U = D^-1 (D + C (s mass - B)^-1 U): columns of different densities share right-hand sides, of which
    # every row sees its part in each density
    (rows, places), r, D = J.shared.by_blocks(J.C), len(J.shared.colour), J.D.toarray()
    seen = resolvents(J.band, mass, rows, J.shared.right(J.B.data), shifts)
    S = np.zeros((len(shifts), r * (r + 1)), complex)  # the last column is of what no column has
    np.add.at(S, (slice(None), places.ravel()), seen.reshape(len(shifts), -1))
    (sign, size), (own_sign, own_size) = np.linalg.slogdet(D + S.reshape(-1, r, r + 1)[:, :, :r]), np.linalg.slogdet(D)
    if own_sign == 0:
        raise SingularMatrix("the equations of the algebraic unknowns are singular")
    return sign / own_sign * np.exp(size - own_size)


def krylov(J: Any, mass: Band, shift: float, start: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, H): orthonormal rows V with T V[k] = sum_j H[j, k] V[j], T = (shift mass - J)^-1 mass, V[0] along `start`.

    H is (k + 1, k) with k = steps, or fewer where the space is invariant. J is a BandLowRank, or what has a method
    `factor` as that has. Raises SingularMatrix.
    """
    n, core = len(start), compiled.library() if isinstance(J, BandLowRank) else None
    padded = -(-n // compiled.LANES) * compiled.LANES
    V, H = np.zeros((steps + 1, padded)), np.zeros((steps, steps + 1))
    V[0, :n] = start / np.linalg.norm(start)
    made = 0
    if core is not None and J.band.data.dtype == float:
        rank = J.U.shape[1]
        ends = np.zeros((2, rank, padded))
        ends[0, :, :n], ends[1, :, :n] = J.U.T, J.G
        system, kept = _system(J.band, mass, *ends)
        work = np.empty(n * (system.kl + system.ku + 1) + rank * (padded + rank + 1))
        places = [compiled.pointer(array) for array in (V, H, work)]
        made = core.felif_krylov(ctypes.byref(system), shift, steps, padded, *places)
    if made == 0:
        H[:] = 0.0
        made = _by_lapack(J, mass, shift, V[:, :n], H)
    return V[: made + 1, :n], H[:made, : made + 1].T


def _system(A: Band, mass: Band, U: np.ndarray, G: np.ndarray) -> tuple[compiled.Shifted, tuple[np.ndarray, ...]]:
    """What the core is given, and the arrays that it points to."""
    kl, ku = max(A.kl, mass.kl), max(A.ku, mass.ku)
    arrays = (A.widened(kl, ku).data, mass.widened(kl, ku).data, U, G, np.empty((4, A.n), np.int64))
    return compiled.Shifted(A.n, kl, ku, len(G), len(U), *map(compiled.pointer, arrays)), arrays


def _by_lapack(J: Any, mass: Band, shift: float, V: np.ndarray, H: np.ndarray) -> int:
    factored = J.factor(shift, mass)
    for k in range(len(H)):
        x = factored.solve(mass @ np.ascontiguousarray(V[k]))
        before = np.linalg.norm(x)
        if not np.isfinite(before):
            raise SingularMatrix("the shift is an eigenvalue to working precision")
        for _ in range(2):
            h = V[: k + 1] @ x
            x -= h @ V[: k + 1]
            H[k, : k + 1] += h
        H[k, k + 1] = norm = np.linalg.norm(x)
        if not norm > _INVARIANT * before:
            return k + 1
        V[k + 1] = x / norm
    return len(H)
