"""row (s M - J)^-1 b at many s at once, against dense solves one by one."""

import numpy as np
import pytest

from felif.algebra import Band, BandLowRank, SingularMatrix, resolvent
from felif.algebra.resolvent import Condensed

S = np.array([0.3 + 2j, -1.0 + 5j, 40.0 - 3j, 1e-6 + 1e-6j, -300.0 + 900j])


def cells_of(sizes, rng, coupled=True):
    """A matrix of cells that share their end unknowns, of these sizes inside."""
    n = sum(sizes) + len(sizes) + 1
    A, low = np.zeros((n, n)), 0
    for size in sizes:
        high = low + size + 1
        A[low : high + 1, low : high + 1] += rng.normal(size=(size + 2, size + 2)) - 3 * (size + 2) * np.eye(size + 2)
        low = high
    return A


def banded(A):
    i, j = np.nonzero(A)
    return Band.from_coo(i, j, A[i, j], len(A), int(max(i - j)), int(max(j - i)))


def dense(A, U, G, mass, row, b):
    return np.array([row @ np.linalg.solve(s * mass - A - U @ G, b.astype(complex)) for s in S])


@pytest.mark.parametrize("rank", [0, 1, 3])
@pytest.mark.parametrize("sizes", [(4, 4, 4), (9, 2, 0, 5), (0, 0, 0, 0, 0), (7,)], ids=str)
def test_cells_are_condensed(sizes, rank):
    rng = np.random.default_rng(len(sizes) + rank)
    A = cells_of(sizes, rng)
    n = len(A)
    U, G, row, b, mass = (rng.normal(size=shape) for shape in ((n, rank), (rank, n), n, n, n))
    mass = 0.5 + np.abs(mass)
    found = resolvent(BandLowRank(banded(A), U, G), Band.diagonal(mass), row, b)
    assert isinstance(found, Condensed)
    expected = dense(A, U, G, np.diag(mass), row, b)
    np.testing.assert_allclose(found(S), expected, rtol=1e-11, atol=1e-13 * np.abs(expected).max())


def test_matrices_without_cells_and_with_other_masses_are_factored_one_by_one():
    rng = np.random.default_rng(0)
    n, none = 60, np.zeros((60, 0))
    A = np.triu(np.tril(rng.normal(size=(n, n)), 2), -2) - 9 * np.eye(n)  # five diagonals: no unknown separates others
    row, b = rng.normal(size=(2, n))
    for mass in (np.eye(n), np.eye(n) + 0.1 * np.eye(n, k=1)):
        found = resolvent(BandLowRank(banded(A), none, none.T), banded(mass), row, b)
        assert not isinstance(found, Condensed)
        np.testing.assert_allclose(found(S), dense(A, none, none.T, mass, row, b), rtol=1e-11)


def test_a_singular_matrix_is_said_to_be_one():
    A = np.diag([-1.0, -2.0, -3.0])
    none = np.zeros((3, 0))
    found = resolvent(BandLowRank(banded(A), none, none.T), Band.diagonal(np.ones(3)), np.ones(3), np.ones(3))
    with pytest.raises(SingularMatrix, match="pivot"):
        found(np.array([-2.0 + 0j]))
