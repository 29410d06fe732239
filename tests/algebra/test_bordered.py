"""Bordered band systems against dense ones, singular blocks included."""

import numpy as np
import pytest

from felif.algebra import Band, BandLowRank, Bordered, SingularMatrix


def system(seed=0, n=40, kind=float):
    random = np.random.default_rng(seed)
    band = Band(np.asfortranarray(random.standard_normal((6, n))), 3, 2)
    for i in range(6):  # outside the matrix
        for j in range(n):
            if not 0 <= j + i - 2 < n:
                band.data[i, j] = 0.0
    matrix = BandLowRank(band, np.asfortranarray(random.standard_normal((n, 2))), random.standard_normal((2, n)))
    return (
        matrix,
        random.standard_normal((n, 2)),
        random.standard_normal((2, n)),
        random.standard_normal((2, 2)),
        random,
    )


@pytest.mark.parametrize("shift", [0.0, 0.7, 0.3 + 1.1j])
def test_solves_agree_with_dense_algebra(shift):
    matrix, B, C, D, random = system()
    mass = Band.diagonal(np.linspace(1, 2, 40))
    dense = np.block([[matrix.dense() - shift * mass.dense(), B], [C, D]])
    f, g = random.standard_normal(40), random.standard_normal(2)
    factored = Bordered(matrix, B, C, D, shift=shift, mass=mass, held=np.eye(40)[[7, 21]])
    for solve, expected in (
        (factored.solve, np.linalg.solve(dense, np.r_[f, g])),
        (factored.solve_transposed, np.linalg.solve(dense.T, np.r_[f, g])),
    ):
        assert np.abs(np.concatenate(solve(f, g)) - expected).max() < 1e-11 * np.abs(expected).max()


def test_singular_block_with_an_empty_row_is_solved_to_rounding():
    """The random walk on a line, whose constants are conserved, beside a scalar that has no band row."""
    n = 30
    walk = Band.zeros(n + 1, 1, 1)
    walk.data[0, 1:n] = walk.data[2, : n - 1] = 1.0
    walk.data[1, :n] = -2.0
    walk.data[1, [0, n - 1]] = -1.0
    U, G = np.zeros((n + 1, 1), order="F"), np.zeros((1, n + 1))
    U[n, 0], G[0, n] = -3.0, 1.0
    ones = np.r_[np.ones(n), 0.0]
    factored = Bordered(BandLowRank(walk, U, G), ones[:, None], ones[None], held=np.eye(len(ones))[[4]])
    x, z = factored.solve(np.r_[np.zeros(n), 6.0], np.array([1.0]))
    assert x[:n] == pytest.approx(1 / n, rel=1e-13)
    assert x[n] == pytest.approx(-2.0)
    assert abs(z[0]) < 1e-15


@pytest.mark.parametrize("shift", [2.0, 5.0, 5.0 + 0j])
def test_an_eigenvalue_to_the_last_bit_is_a_shift_like_any_other(shift):
    """Elimination meets a zero, in the middle or at the end: the band has the eigenvalues 0 to 5."""
    band = Band(np.array([np.r_[0.0, np.ones(5)], np.arange(6.0)]), 0, 1)
    matrix = BandLowRank(band, np.zeros((6, 0), order="F"), np.zeros((0, 6)))
    B, C, f = np.arange(1.0, 7)[:, None], np.ones((1, 6)), np.linspace(-1, 1, 6)
    dense = np.block([[matrix.dense() - shift * np.eye(6), B], [C, np.zeros((1, 1))]])
    factored = Bordered(matrix, B, C, shift=shift, mass=Band.diagonal(np.ones(6)))
    for solve, transposed in ((factored.solve, dense), (factored.solve_transposed, dense.T)):
        expected = np.linalg.solve(transposed, np.r_[f, 3.0])
        assert np.concatenate(solve(f, np.array([3.0]))) == pytest.approx(expected, abs=1e-12)


def test_complex_right_hand_sides_of_a_real_matrix():
    matrix, B, C, D, random = system()
    f, g = random.standard_normal(40) + 1j * random.standard_normal(40), np.array([1.0, 2j])
    dense = np.block([[matrix.dense(), B], [C, D]])
    factored = Bordered(matrix, B, C, D)
    assert np.concatenate(factored.solve(f, g)) == pytest.approx(np.linalg.solve(dense, np.r_[f, g]), abs=1e-10)
    transposed = np.concatenate(factored.solve_transposed(f, g))
    assert transposed == pytest.approx(np.linalg.solve(dense.T, np.r_[f, g]), abs=1e-10)


def test_a_singular_bordered_matrix_is_refused():
    matrix, B, C, _, _ = system()
    with pytest.raises(SingularMatrix):
        Bordered(matrix, 0 * B, C)


def test_nothing_to_border():
    matrix, *_, random = system()
    f = random.standard_normal(40)
    x, z = Bordered(matrix, np.zeros((40, 0)), np.zeros((0, 40))).solve(f, np.zeros(0))
    assert matrix @ x == pytest.approx(f, abs=1e-10)
    assert z.shape == (0,)


@pytest.mark.parametrize("shift", [-1.0, -1.0 + 0j])
@pytest.mark.parametrize("defect", [0.0, 1e-17])
def test_a_shift_at_eigenvalues_of_the_band_is_solved_to_rounding(shift, defect):
    """Three equal eigenvalues of the band, two with a chain, that a low rank part moves away; whatever rounding is."""
    random = np.random.default_rng(5)
    n = 12
    band = Band(np.asfortranarray(random.standard_normal((4, n))), 1, 2)
    for i in range(4):  # outside the matrix
        band.data[i, [j for j in range(n) if not 0 <= j + i - 2 < n]] = 0.0
    band.data[2, [3, 4, 5, 8]], band.data[1, 4:6], band.data[3, 2:6], band.data[0, [3, 4, 5, 6]] = -1.0, 1.0, 0.0, 0.0
    band.data[2, 4] += defect
    band.data[[0, 1, 3], [8, 8, 8]] = 0.0
    low = random.standard_normal((n, 4)), random.standard_normal((4, n))
    matrix = BandLowRank(band, np.asfortranarray(low[0]), low[1])
    B, C = random.standard_normal((n, 1)), random.standard_normal((1, n))
    dense = np.block([[matrix.dense() - shift * np.eye(n), B], [C, np.zeros((1, 1))]])
    f, g = random.standard_normal(n), np.ones(1)
    factored = Bordered(matrix, B, C, shift=shift, mass=Band.diagonal(np.ones(n)))
    assert np.concatenate(factored.solve(f, g)) == pytest.approx(np.linalg.solve(dense, np.r_[f, g]), abs=1e-11)
    transposed = np.concatenate(factored.solve_transposed(f, g))
    assert transposed == pytest.approx(np.linalg.solve(dense.T, np.r_[f, g]), abs=1e-11)


@pytest.mark.parametrize("kind", [float, complex])
def test_a_last_pivot_of_the_first_row_is_held(kind):
    """Larger entries below the diagonal carry the first row to the last pivot, which the band does not reach."""
    n = 60
    band = Band(np.array([np.zeros(n), np.ones(n), np.full(n, 1.2)], kind), 1, 1)
    band.data[:, -1] = 1.0, 1.2, 0.0  # as the column before it
    random = np.random.default_rng(3)
    matrix = BandLowRank(band, np.asfortranarray(random.standard_normal((n, 1))), random.standard_normal((1, n)))
    B, C, f, g = random.standard_normal((n, 1)), random.standard_normal((1, n)), random.standard_normal(n), np.ones(1)
    dense = np.block([[matrix.dense(), B], [C, np.zeros((1, 1))]])
    factored = Bordered(matrix, B, C)
    assert np.concatenate(factored.solve(f, g)) == pytest.approx(np.linalg.solve(dense, np.r_[f, g]), abs=1e-9)
    transposed = np.concatenate(factored.solve_transposed(f, g))
    assert transposed == pytest.approx(np.linalg.solve(dense.T, np.r_[f, g]), abs=1e-9)


def test_a_band_is_not_held_by_a_scalar_that_holds_more():
    """A walk that drifts to the left, p_k = r^k, and a scalar beside it that has most of what is conserved."""
    n, r = 120, 0.5
    walk = Band.zeros(n + 1, 1, 1)
    walk.data[0, 1:n], walk.data[2, : n - 1] = 1.0, r  # to the left at rate 1, to the right at rate r
    walk.data[1, :n] = -(1.0 + r)
    walk.data[1, 0], walk.data[1, n - 1] = -r, -1.0
    U, G = np.zeros((n + 1, 1), order="F"), np.zeros((1, n + 1))
    U[[0, n], 0], G[0, [0, n]] = (1.0, -1.0), (-10.0, 1.0)  # s' = 10 p_0 - s, taken from p_0
    ones, y = np.ones(n + 1), np.r_[r ** np.arange(n), 10.0]
    factored = Bordered(BandLowRank(walk, U, G), y[:, None] / y.sum(), ones[None], held=(ones * y)[None])
    x, z = factored.solve(np.zeros(n + 1), np.array([y.sum()]), refine=0)
    assert x == pytest.approx(y, rel=1e-13, abs=1e-13)
    assert abs(z[0]) < 1e-13
