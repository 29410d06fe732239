"""Matrices most of whose unknowns hang on few others: their factors, against dense ones, and what stops them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from felif.algebra.peeling import Peeling, WeakPivot


def units_and_weights(n, seed=1, own=2.0):
    """n units, n^2 weights that each hear two of them, and n sums over the weights of a unit."""
    random, size = np.random.default_rng(seed), n * n + 2 * n
    i, j = np.divmod(np.arange(n * n), n)
    weight, unit, total = np.arange(n * n), n * n + np.arange(n), n * n + n + np.arange(n)
    places = [(weight, unit[i]), (weight, total[j]), (total[i], weight), (total[i], unit[j]), (unit, total)]
    rows, columns = (np.concatenate([part[k] for part in places]) for k in range(2))
    A = sparse.coo_matrix((random.normal(0, 1 / n, len(rows)), (rows, columns)), (size, size)).tocsr()
    A = (A + own * sparse.identity(size)).tocoo()
    return A, Peeling(A.row.astype(int), A.col.astype(int), size)


@pytest.mark.parametrize("turn", [1.0, 1.0 + 0.3j])
def test_solutions_are_those_of_the_dense_matrix(turn):
    A, plan = units_and_weights(9)
    assert [level.n for level in plan.levels][0] == 18  # all weights go at once
    values, dense = A.data * turn, A.toarray() * turn
    factors, b = plan.factor(values), np.random.default_rng(2).normal(size=(A.shape[0], 2)) * turn
    for right in (b, b[:, 0]):
        assert np.abs(dense @ factors.solve(right) - right).max() < 1e-12
        assert np.abs(dense.T @ factors.solve(right, "T") - right).max() < 1e-12


def test_what_is_left_may_be_sparse():
    random, n = np.random.default_rng(5), 400
    ring = sparse.diags([np.full(n, 3.0), np.full(n - 1, -1.0), np.full(n - 1, -1.2)], [0, 1, -1]).tocsr()
    far = sparse.random(n, n, 0.0005, random_state=3, data_rvs=lambda k: random.normal(0, 0.2, k))
    A = (ring + far).tocoo()
    plan, b = Peeling(A.row.astype(int), A.col.astype(int), n), random.normal(size=n)
    assert plan.worthwhile
    assert not plan.dense
    for side, M in (("N", A), ("T", A.T)):
        assert np.abs(M @ plan.factor(A.data).solve(b, side) - b).max() < 1e-12


def test_pivots_that_are_small_beside_their_row_and_column_are_refused():
    A, plan = units_and_weights(9)
    with pytest.raises(WeakPivot):
        plan.factor(np.where(A.row == A.col, 1e-6, A.data))


def test_a_mesh_is_left_as_it_is():
    """Nothing can be eliminated from nine-point stencils without adding entries."""
    line = sparse.diags([1.0, 1.0, 1.0], [-1, 0, 1], (20, 20))
    A = sparse.kron(line, line).tocoo()
    assert not Peeling(A.row.astype(int), A.col.astype(int), 400).worthwhile


@pytest.mark.parametrize("size", [9, 4])  # levels and what is left dense; what is small is dense as a whole
@pytest.mark.parametrize("turn", [1.0, 1.0 + 0.3j])
def test_a_border_is_taken_along_and_the_matrix_may_be_singular(size, turn):
    A, plan = units_and_weights(size)
    n, random = A.shape[0], np.random.default_rng(4)
    eigenvalues = np.linalg.eigvals(A.toarray())
    values = (A.data - np.where(A.row == A.col, eigenvalues[np.abs(eigenvalues - 2.0).argmax()], 0.0)) * turn
    dense = sparse.csr_matrix((values, (A.row, A.col)), (n, n)).toarray()
    assert np.linalg.svd(dense, compute_uv=False)[-1] < 1e-13
    columns, rows, corner = random.normal(size=(n, 2)), random.normal(size=(2, n)) * turn, np.zeros((2, 2))
    whole = np.block([[dense, columns], [rows, corner]])
    factors, b = plan.factor(values, (columns, rows, corner)), random.normal(size=(n + 2, 3)) * turn
    for right in (b, b[:, 0]):
        assert np.abs(whole @ factors.solve(right) - right).max() < 1e-11
        assert np.abs(whole.T @ factors.solve(right, "T") - right).max() < 1e-11
