"""Sums over points taken cell by cell, and unions of patterns, against sparse products and sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from felif.spaces import Line
from felif.systems import cells
from felif.systems.keys import united


def on_plane(line, other, derivative=False):
    """Rows of the products of two bases at all Gauss points, the second axis fastest."""
    x, y = (part.ravel() for part in np.meshgrid(line.points, other.points, indexing="ij"))
    (c, v), (d, w) = line.rows(x, derivative=derivative), other.rows(y)
    columns = (c[:, :, None] * other.size + d[:, None, :]).reshape(len(x), -1)
    values = (v[:, :, None] * w[:, None, :]).reshape(len(x), -1)
    size, starts = line.size * other.size, np.arange(len(x) + 1) * columns.shape[1]
    return sparse.csr_matrix((values.ravel(), columns.ravel(), starts), (len(x), size))


@pytest.mark.parametrize("continuous", [True, False])
def test_sums_by_cells_are_the_sparse_products(continuous, tune):
    line, other = Line(np.array([0.0, 0.3, 1.0, 1.2]), 4, continuous), Line(np.array([0.0, 1.0, 3.0]), 3)
    here, slopes = on_plane(line, other), on_plane(line, other, derivative=True)
    weights = np.random.default_rng(1).normal(size=here.shape[0])
    expected = (slopes.T @ sparse.diags(weights) @ here).toarray()
    found, sums = {}, None
    for few in (0, 10**9):  # by cells, as a sparse product
        tune(cells, "MATRICES", entries=few)
        sums = cells.CellSums(here.shape[1])
        found[few] = [sums.product(slopes, here, weights).toarray() for _ in range(2)]
        assert len(sums._patterns) == (few == 0)
    for product in (*found[0], *found[10**9]):
        assert np.abs(product - expected).max() < 1e-13 * np.abs(expected).max()


def test_points_that_are_in_no_cells_of_equal_size_are_summed_too(tune):
    tune(cells, "MATRICES", entries=0)
    line = Line(np.array([0.0, 0.3, 1.0]), 3)
    columns, values = line.rows(np.array([0.1, 0.2, 0.5]))
    rows = sparse.csr_matrix((values.ravel(), columns.ravel(), np.arange(4) * 4), (3, line.size))
    found = cells.CellSums(line.size).product(rows, rows, np.array([1.0, -2.0, 3.0]))
    assert found.toarray() == pytest.approx((rows.T @ sparse.diags([1.0, -2.0, 3.0]) @ rows).toarray(), abs=1e-15)


def test_unions_of_keys_are_those_of_sets():
    random = np.random.default_rng(3)
    parts = [np.unique(random.integers(0, 60, k)) for k in (30, 0, 12, 40)]
    parts.append(parts[0])
    union, places = united(parts)
    assert union.tolist() == sorted(set(np.concatenate(parts).tolist()))
    assert all(np.array_equal(union[at], part) for at, part in zip(places, parts, strict=True))
    assert united([np.zeros(0, int)])[0].size == 0
