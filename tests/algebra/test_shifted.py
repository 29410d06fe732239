"""Bands at many shifts, by the compiled core and by LAPACK, against dense matrices."""

import numpy as np
import pytest

from felif.algebra import Band, BandLowRank, krylov, resolvents

S = np.array([0.3 + 2j, -1.0 + 5j, 40.0 - 3j, 1e-6 + 1e-6j, -300.0 + 900j, 2.0])


def band(n, kl, ku, rng, diagonal):
    A = np.triu(np.tril(rng.normal(size=(n, n)), ku), -kl) + diagonal * np.eye(n)
    i, j = np.nonzero(A)
    return A, Band.from_coo(i, j, A[i, j], n, kl, ku)


@pytest.mark.parametrize(("n", "kl", "ku", "wide"), [(37, 3, 5, 0), (12, 6, 6, 0), (40, 1, 2, 3), (5, 0, 4, 1)])
def test_resolvents(core, n, kl, ku, wide):
    rng = np.random.default_rng(n)
    A, A_band = band(n, kl, ku, rng, -9.0)
    M, M_band = band(n, wide, wide, rng, 8.0)
    rows, columns = rng.normal(size=(2, n)), rng.normal(size=(n, 3))
    expected = np.array([rows @ np.linalg.solve(s * M - A, columns) for s in S])
    found = resolvents(A_band, M_band, rows, columns, S)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


def test_pivots_that_vanish(core):
    """s M - A has zeros on its diagonal: an LU that does not pivot divides by them."""
    rng = np.random.default_rng(0)
    n = 20
    A, A_band = band(n, 2, 2, rng, 0.0)
    A -= np.diag(np.diag(A) - 2.0)
    A_band.data[A_band.ku] = 2.0
    rows, columns = rng.normal(size=(1, n)), rng.normal(size=(n, 1))
    found = resolvents(A_band, Band.diagonal(np.ones(n)), rows, columns, np.array([2.0, 2.0 + 1j]))
    expected = [rows @ np.linalg.solve(s * np.eye(n) - A, columns) for s in (2.0, 2.0 + 1j)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    J = BandLowRank(A_band, np.zeros((n, 0)), np.zeros((0, n)))
    V, H = krylov(J, Band.diagonal(np.ones(n)), 2.0, rng.normal(size=n), 6)
    np.testing.assert_allclose(np.linalg.solve(2 * np.eye(n) - A, V[:6].T), V.T @ H, atol=1e-11 * np.abs(H).max())


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_krylov_spaces(core, rank):
    rng = np.random.default_rng(rank)
    n, steps, shift = 33, 9, 0.7
    A, A_band = band(n, 3, 2, rng, -8.0)
    M, M_band = band(n, 1, 1, rng, 7.0)
    U, G = rng.normal(size=(n, rank)), rng.normal(size=(rank, n))
    V, H = krylov(BandLowRank(A_band, U, G), M_band, shift, rng.normal(size=n), steps)
    assert V.shape == (steps + 1, n)
    assert H.shape == (steps + 1, steps)
    np.testing.assert_allclose(V @ V.T, np.eye(steps + 1), atol=1e-14)
    np.testing.assert_allclose(np.linalg.solve(shift * M - A - U @ G, M @ V[:-1].T), V.T @ H, atol=1e-12)


def test_an_invariant_space_ends_it(core):
    A = Band.diagonal(-np.array([1.0, 1.0, 4.0, 4.0, 9.0]))
    J = BandLowRank(A, np.zeros((5, 0)), np.zeros((0, 5)))
    V, H = krylov(J, Band.diagonal(np.ones(5)), 1.0, np.array([1.0, 1.0, 1.0, 0.0, 0.0]), 5)
    assert H.shape == (3, 2)
    assert len(V) == 3
    np.testing.assert_allclose(sorted(np.linalg.eigvals(H[:2])), [1 / 5, 1 / 2], rtol=1e-13)
