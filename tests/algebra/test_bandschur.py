"""A band with a column and a row for each of many numbers, D not inverted, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from felif.algebra import Band, BandLowRank, BandSchur, Shared, SingularMatrix, blocks_of, determinants

BLOCK, COUNT = 9, 5  # unknowns of a density, densities


class Places:
    """A pattern, row by row."""

    def __init__(self, matrix):
        coo = sparse.coo_matrix(sparse.csr_matrix(matrix))
        self.shape, self.rows, self.columns = matrix.shape, coo.row, coo.col


@pytest.fixture
def parts():
    """(band, B, C, D, shared): five densities, two numbers each, and one number that all of them hear."""
    random, n, r = np.random.default_rng(3), BLOCK * COUNT, 2 * COUNT + 1
    whole = sparse.block_diag([random.normal(size=(BLOCK, BLOCK)) for _ in range(COUNT)]).toarray()
    whole[np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > 2] = 0.0
    rows, columns = np.nonzero(whole)
    band = Band.from_coo(rows, columns, whole[rows, columns], n, 2, 2)
    B, C = np.zeros((n, r)), np.zeros((r, n))
    for k in range(COUNT):
        of = slice(k * BLOCK, (k + 1) * BLOCK)
        B[of, 2 * k : 2 * k + 2], C[2 * k, of] = random.normal(size=(BLOCK, 2)), random.normal(size=BLOCK)
    B[:, -1], C[-1, ::4] = random.normal(size=n), 1.0
    D = random.normal(size=(r, r)) * (random.random((r, r)) < 0.4) + 3 * np.eye(r)
    ends = np.sort([rows, columns], axis=0)
    return whole, band, B, C, D, Shared(blocks_of(*ends, n), Places(B), Places(C))


def test_the_columns_of_different_densities_share_right_hand_sides(parts):
    *_, shared = parts
    assert shared.count == 3  # two of every density, and the one of all of them


@pytest.mark.parametrize("shift", [0.0, 7.0, 7.0 + 2.0j])
def test_products_and_solutions_are_those_of_the_dense_matrix(parts, shift):
    whole, band, B, C, D, shared = parts
    A = whole - B @ np.linalg.solve(D, C)
    matrix = BandSchur(band, *map(sparse.csr_matrix, (B, C, D)), shared)
    n, random = len(A), np.random.default_rng(4)
    weights, x = random.random(n) + 0.5, random.normal(size=(n, 3))
    assert matrix @ x[:, 0] == pytest.approx(A @ x[:, 0], abs=1e-12)
    assert matrix.transposed_product(x[:, 0]) == pytest.approx(A.T @ x[:, 0], abs=1e-12)
    assert matrix.dense() == pytest.approx(A, abs=1e-12)
    factored = matrix.factor(shift, Band.diagonal(weights))
    W = shift * np.diag(weights) - A
    for b in (x[:, 0], x, x[:, 0] + 1j * x[:, 1] if isinstance(shift, complex) else x[:, 2]):
        assert np.abs(factored.solve(b) - np.linalg.solve(W, b)).max() < 1e-11
    low_rank = BandLowRank(band, matrix.U, matrix.G)
    assert low_rank.dense() == pytest.approx(A, abs=1e-12)


def test_determinants_are_quotients_of_those_of_dense_matrices(core, parts):
    """det(s M - A) = det(s M - band) det(1 - G (s M - band)^-1 U)."""
    whole, band, B, C, D, shared = parts
    matrix, n = BandSchur(band, *map(sparse.csr_matrix, (B, C, D)), shared), len(whole)
    weights, random = np.random.default_rng(5).random(n) + 0.5, np.random.default_rng(8)
    shifts = np.array([0.4 + 2.0j, 3.0 + 5.0j, 9.0])
    for one in (matrix, matrix.plus(random.normal(size=(n, 2)), random.normal(size=(2, n))), matrix.low_rank):
        expected = [np.linalg.det(s * np.diag(weights) - one.dense()) for s in shifts]
        expected /= np.array([np.linalg.det(s * np.diag(weights) - whole) for s in shifts])
        assert determinants(one, Band.diagonal(weights), shifts) == pytest.approx(expected, rel=1e-10)
    unsolvable = BandSchur(band, *map(sparse.csr_matrix, (B, C, 0 * D)), shared)
    with pytest.raises(SingularMatrix):
        determinants(unsolvable, Band.diagonal(weights), shifts)


@pytest.mark.parametrize("shift", [0.0, 7.0, 7.0 + 2.0j])
@pytest.mark.parametrize("pins", [[], [3, 14]])
def test_solutions_with_a_border_are_those_of_the_dense_matrix(parts, shift, pins):
    whole, band, B, C, D, shared = parts
    matrix, n = BandSchur(band, *map(sparse.csr_matrix, (B, C, D)), shared), len(whole)
    random = np.random.default_rng(6)
    weights, columns, rows = random.random(n) + 0.5, np.zeros((n, 3)), random.normal(size=(3, n))
    columns[:BLOCK, 0], columns[BLOCK : 2 * BLOCK, 1], columns[:, 2] = 1.0, 1.0, random.normal(size=n)
    corner, mass = random.normal(size=(3, 3)), Band.diagonal(weights) if shift else None
    W = whole - B @ np.linalg.solve(D, C) - shift * np.diag(weights)
    dense = np.block([[W, columns], [rows, corner]])
    factors = matrix.bordered(columns, rows, corner, shift=shift, mass=mass, held=np.eye(n)[pins])
    f, g = random.normal(size=n) + 0j, random.normal(size=3) + 1j * random.normal(size=3)
    for sides in ((f.real, g.real), (f, g)):
        assert np.concatenate(factors.solve(*sides)) == pytest.approx(np.linalg.solve(dense, np.r_[sides]), abs=1e-10)
        found = np.concatenate(factors.solve_transposed(*sides))
        assert found == pytest.approx(np.linalg.solve(dense.T, np.r_[sides]), abs=1e-10)
    both = np.concatenate(factors.solve_transposed(np.array([f, 2 * f]).T, np.array([g, g]).T, refine=0))
    assert both[:, 0] == pytest.approx(np.linalg.solve(dense.T, np.r_[f, g]), abs=1e-9)


def test_a_matrix_with_further_columns_and_its_transpose(parts):
    whole, band, B, C, D, shared = parts
    matrix, n, random = (
        BandSchur(band, *map(sparse.csr_matrix, (B, C, D)), shared),
        len(whole),
        np.random.default_rng(8),
    )
    U, G, x = random.normal(size=(n, 2)), random.normal(size=(2, n)), random.normal(size=n)
    A = whole - B @ np.linalg.solve(D, C) + U @ G
    moved = matrix.plus(U, G)
    assert moved @ x == pytest.approx(A @ x, abs=1e-12)
    assert moved.transpose() @ x == pytest.approx(A.T @ x, abs=1e-12)
    assert moved.factor(7.0, Band.diagonal(np.ones(n))).solve(x) == pytest.approx(
        np.linalg.solve(7.0 * np.eye(n) - A, x), abs=1e-11
    )
    assert (moved.magnitudes(x) >= np.abs(A) @ np.abs(x) - 1e-12).all()


def test_numbers_that_nothing_determines_are_refused(parts):
    _, band, B, C, D, shared = parts
    B, C, D = map(sparse.csr_matrix, (B, C, D))
    nothing = BandSchur(band, 0 * B, C, 0 * D, shared)
    with pytest.raises(SingularMatrix):
        nothing.factor(1.0, Band.diagonal(np.ones(BLOCK * COUNT)))
