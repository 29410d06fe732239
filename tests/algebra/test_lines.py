"""Many band systems at once against dense ones, line by line."""

import numpy as np
import pytest

from felif.algebra import Band, SingularMatrix
from felif.algebra.lines import Combined, Lines, Separate, by_rows

RANDOM = np.random.default_rng(3)


def random_band(n, w):
    rows, cols = np.indices((n, n)).reshape(2, -1)
    inside = np.abs(rows - cols) <= w
    values = RANDOM.normal(size=inside.sum())
    return Band.from_coo(rows[inside], cols[inside], values, n, w, w)


def combined(n=13, w=3, lines=70, kinds=2):
    bands = [random_band(n, w) for _ in range(kinds)]
    coefficients = RANDOM.normal(size=(kinds, lines))
    rows = RANDOM.normal(size=(w, lines))
    dense = np.einsum("kl,kij->lij", coefficients, [band.dense() for band in bands])
    operator = Lines(Combined(np.array([by_rows(band, w) for band in bands]), coefficients), rows, into=4)
    return operator, dense


def separate(n=13, lines=70):
    data = RANDOM.normal(size=(n, 3, lines))
    data[0, 0] = data[-1, 2] = 0.0
    dense = np.zeros((lines, n, n))
    for d in (-1, 0, 1):
        for i in range(max(0, -d), min(n, n - d)):
            dense[:, i, i + d] = data[i, 1 + d]
    return Lines(Separate(data), RANDOM.normal(size=(1, lines)), into=4), dense


@pytest.mark.parametrize("make", [combined, separate])
def test_products_and_solves_are_those_of_every_line(make):
    operator, dense = make()
    n, _, lines = operator.bands.shape
    count = len(operator.rows)
    dense[:, 4, n - count :] += operator.rows.T
    x, mass = RANDOM.normal(size=(n, lines)), 1 + RANDOM.random(n)
    assert operator @ x == pytest.approx(np.einsum("lij,jl->il", dense, x), abs=1e-12)
    solved = operator.factor(40.0, mass).solve(x)
    for l in range(lines):
        exact = np.linalg.solve(40.0 * np.diag(mass) - dense[l], x[:, l])
        assert solved[:, l] == pytest.approx(exact, abs=1e-13)


def test_a_matrix_without_a_positive_pivot_is_refused():
    operator, _ = combined()
    with pytest.raises(SingularMatrix, match="pivot"):
        operator.factor(-40.0, np.ones(13))


def test_m_matrices_solve_to_nonnegative_numbers_without_any_rounding_below_zero():
    # loss on the diagonal, gain beside it, and what leaves at the end comes back: backward Euler keeps every sign
    n, lines = 40, 33
    left, right = RANDOM.random((2, n, lines)) * 10.0 ** RANDOM.uniform(-8, 4, (2, n, lines))
    data = np.zeros((n, 3, lines))
    data[:, 1] = -left - right
    data[0, 1], data[-1, 1] = -right[0], -left[-1] - right[-1]
    data[1:, 0], data[:-1, 2] = right[:-1], left[1:]
    operator = Lines(Separate(data), right[-1:], into=20)
    b = np.zeros((n, lines))
    b[7] = 1.0
    x = operator.factor(1e-3, np.ones(n)).solve(b)
    assert x.min() >= 0.0
    assert 1e-3 * x.sum(axis=0) == pytest.approx(1.0, rel=1e-9)
