"""Band storage and band + low rank against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

from felif.algebra import Band, BandLowRank, SingularMatrix

shapes = st.tuples(st.integers(1, 12), st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**31))


def random_band(n, kl, ku, seed, kind=float):
    """(Band, the same matrix dense)."""
    rng = np.random.default_rng(seed)
    dense = rng.uniform(-1, 1, (n, n)) + (1j * rng.uniform(-1, 1, (n, n)) if kind is complex else 0)
    i, j = np.indices((n, n))
    dense[(i - j > kl) | (j - i > ku)] = 0
    rows, cols = np.nonzero(dense)
    band = Band.zeros(n, kl, ku, kind)
    band.data[ku + rows - cols, cols] = dense[rows, cols]
    return band, dense


@cases(60)
@given(shape=shapes, kind=st.sampled_from([float, complex]))
def test_products_and_transposes_agree_with_dense_matrices(shape, kind):
    band, dense = random_band(*shape, kind)
    x = np.random.default_rng(1).uniform(-1, 1, shape[0])
    assert np.array_equal(band.dense(), dense)
    assert band @ x == pytest.approx(dense @ x, abs=1e-14)  # a sum of at most nine products of numbers below 1
    assert np.array_equal(band.transpose().dense(), dense.T)
    assert band.transposed_product(x) == pytest.approx(dense.T @ x, abs=1e-14)
    wide = band.widened(shape[1] + 2, shape[2] + 1)
    assert np.array_equal(wide.dense(), dense)
    assert wide @ x == pytest.approx(dense @ x, abs=1e-14)
    if kind is float:
        total = np.ones(shape[0])
        assert wide.add_product(2.0, x, total) is total
        assert total == pytest.approx(1 + 2 * dense @ x, abs=1e-14)


@cases(60)
@given(shape=shapes, kind=st.sampled_from([float, complex]))
def test_systems_are_solved_as_dense_ones_are(shape, kind):
    band, dense = random_band(*shape, kind)
    heavy = Band(band.data.copy(order="F"), band.kl, band.ku)
    heavy.data[band.ku] += 20.0  # more than the 8 sqrt(2) that a row holds beside it
    dense = dense + 20.0 * np.eye(shape[0])
    x = np.random.default_rng(1).uniform(-1, 1, shape[0])
    for _ in range(2):  # the factors are kept
        assert heavy.solve(dense @ x) == pytest.approx(x, abs=1e-12)


def test_triplets_are_summed():
    band = Band.from_coo(np.array([0, 1, 1]), np.array([0, 0, 0]), np.array([1.0, 2.0, 3.0]), 2, 1, 0)
    assert band.dense().tolist() == [[1, 0], [5, 0]]


def test_triplets_outside_the_band_are_refused():
    with pytest.raises(ValueError, match="outside the band"):
        Band.from_coo(np.array([0]), np.array([1]), np.array([1.0]), 2, 1, 0)


def test_diagonal_matrices_multiply_entry_by_entry():
    band = Band.diagonal(np.array([1.0, 2.0]))
    assert (band @ np.array([3.0, 4.0])).tolist() == [3, 8]


def random_system(n, kl, ku, seed, rank=2):
    band, dense = random_band(n, kl, ku, seed)
    rng = np.random.default_rng(seed + 1)
    U, G = np.asfortranarray(rng.uniform(-1, 1, (n, rank))), rng.uniform(-1, 1, (rank, n))
    return BandLowRank(band, U, G), dense + U @ G


@cases(60)
@given(shape=shapes, rank=st.integers(0, 3), shift=st.sampled_from([20.0, 15 + 8j]))
def test_solves_agree_with_dense_algebra(shape, rank, shift):
    """shift beyond the norm of A: well conditioned whatever A is."""
    matrix, dense = random_system(*shape, rank)
    n = shape[0]
    mass, mass_dense = random_band(n, 1, 1, shape[3] + 2)
    mass.data[1] += 4.0
    mass_dense = mass_dense + 4.0 * np.eye(n)
    rng = np.random.default_rng(3)
    b, several = rng.uniform(-1, 1, n), np.asfortranarray(rng.uniform(-1, 1, (n, 3)))
    for M, M_dense in ((None, None), (mass, mass_dense)):
        # without a mass matrix the factors are those of -A, which may be anything: only with one is it well conditioned
        if M is None and np.linalg.cond(dense) > 1e6:
            continue
        factored = matrix.factor(shift, M) if M is not None else matrix.factor()
        full = shift * M_dense - dense if M is not None else -dense
        tolerance = 1e-15 * np.linalg.cond(full) * 100
        assert np.allclose(full @ factored.solve(b), b, rtol=0, atol=tolerance)
        assert np.allclose(full @ factored.solve(several), several, rtol=0, atol=tolerance)
    assert matrix @ b == pytest.approx(dense @ b, abs=1e-13)
    assert matrix.transpose().dense() == pytest.approx(dense.T, abs=1e-14)


def test_singular_bands_and_singular_sums_are_reported():
    empty = np.zeros((3, 0))
    with pytest.raises(SingularMatrix, match="pivot"):
        BandLowRank(Band.zeros(3, 1, 1), empty, empty.T).factor()
    # I - u u^T with |u| = 1 is singular although the band is not; two columns, so that a small system is solved
    U = np.asfortranarray(np.eye(3)[:, :2])
    with pytest.raises(SingularMatrix, match="low-rank"):
        BandLowRank(Band.diagonal(-np.ones(3)), U, U.T.copy()).factor()
