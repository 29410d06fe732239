"""Many band systems at once against dense ones, line by line; transport across lines by both cores."""

import numpy as np
import pytest

from felif.algebra import Band, SingularMatrix, compiled
from felif.algebra.line_matrices import Combined, Lines, Separate, by_rows
from felif.algebra.transport_kernels import limited_slopes, polynomial_cells, suspect_cells

RANDOM = np.random.default_rng(3)
NOT_BUILT = pytest.mark.skipif(compiled.built() is None, reason="felif was installed without its compiled core")


@pytest.fixture(autouse=True, params=["python", pytest.param("compiled", marks=NOT_BUILT)])
def core(request, monkeypatch):
    monkeypatch.setenv("FELIF_CORE", request.param)


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


def cells_of_polynomials(cells=4, degree=3):
    """Bands of full blocks that share a corner: most of what lies outside of them is no part of the factors."""
    n = cells * degree
    dense = np.zeros((n, n))
    for first in range(0, n, degree):
        block = slice(first, min(first + degree + 1, n))
        dense[block, block] += RANDOM.normal(size=(block.stop - first, block.stop - first))
    rows, columns = np.nonzero(dense)
    return Band.from_coo(rows, columns, dense[rows, columns], n, degree, degree), dense


def test_what_lies_outside_of_cells_is_no_part_of_the_factors():
    (first, dense), (second, other) = cells_of_polynomials(), cells_of_polynomials()
    coefficients = RANDOM.normal(size=(2, 33))
    matrices = Combined(np.array([by_rows(first, 3), by_rows(second, 3)]), coefficients)
    factors, least = matrices.factor(20.0, np.ones(12), [])
    b, scale = RANDOM.normal(size=(12, 33)), RANDOM.normal(size=33)
    x = factors.solve(b, scale, np.zeros((1, 33)), None)
    for l in range(33):
        A = 20.0 * np.eye(12) - coefficients[0, l] * dense - coefficients[1, l] * other
        assert x[:, l] == pytest.approx(np.linalg.solve(A, scale[l] * b[:, l]), abs=1e-13)
        assert matrices.__matmul__(b)[:, l] == pytest.approx((20.0 * np.eye(12) - A) @ b[:, l], abs=1e-13)
    assert least > 0
    if compiled.library() is not None:  # of 12 rows of 7 entries, 4 blocks of 16 with a corner in common
        assert factors.data.shape[1] < 12 * 5.5


def test_factors_may_lie_where_others_have_been():
    operator, _ = combined()
    b, mass = RANDOM.normal(size=(13, 70)), np.ones(13)
    held, before = operator.factor(40.0, mass), operator.factor(50.0, mass).solve(b)
    np.testing.assert_array_equal(operator.factor(50.0, mass).solve(b), before)  # in memory that was given back
    assert held.solve(b) == pytest.approx(operator.factor(40.0, mass).solve(b), abs=1e-15)


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


def transported(kind, core, monkeypatch, nodes=6):
    monkeypatch.setenv("FELIF_CORE", core)
    random, cells, n = np.random.default_rng(5), 9, 7
    p, c, out = random.random((n, cells * nodes)), random.normal(size=cells * nodes), np.zeros((n, cells * nodes))
    below, above, alpha = random.normal(size=(3, cells + 1))
    mass = 1 + random.random(n)
    if kind == "slopes":
        limited_slopes(p, 1 + random.random(cells * nodes), *random.normal(size=(3, cells * nodes + 1)), mass, out)
        return out
    blend = np.where(random.random(cells) < 0.5, random.random(cells), 0.0)
    inner, volume, ends = (
        random.random((cells, nodes - 1)),
        random.normal(size=(nodes, nodes)),
        random.random((2, nodes)),
    )
    polynomial_cells(p, c, below, above, alpha, blend, inner, volume, *ends, mass, out)
    return out


@NOT_BUILT
@pytest.mark.parametrize(("kind", "nodes"), [("cells", 1), ("cells", 2), ("cells", 6), ("cells", 9), ("slopes", 3)])
def test_both_cores_transport_alike(kind, nodes, monkeypatch):
    one, other = (transported(kind, core, monkeypatch, nodes) for core in ("compiled", "python"))
    assert np.abs(one).max() > 0.1
    np.testing.assert_allclose(one, other, atol=1e-13)


@pytest.mark.parametrize("nodes", [2, 6])
def test_cells_with_negative_values_are_found_on_whichever_line_they_are(nodes):
    samples = np.abs(np.random.default_rng(1).random((15, nodes)))
    samples /= samples.sum(axis=1, keepdims=True)
    p = np.ones((5, 11, nodes))
    assert not suspect_cells(p, samples, 1e-7).size
    p[3, 4], p[0, 10, 0], p[2, 7] = -1e-3, -30.0, -1e-8
    assert suspect_cells(p, samples, 1e-7).tolist() == [4, 10]  # 7: what it may lack is left alone
