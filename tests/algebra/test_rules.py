"""Gauss's rule on every cell against integrals of polynomials."""

import numpy as np

from felif.algebra import composite


def test_polynomials_of_degree_2_count_minus_1_are_integrated_in_every_cell():
    ends = np.array([-1.0, 0.5, 0.5, 2.0, 7.0])  # one of them empty
    points, weights = composite(ends, 3)
    assert points.shape == weights.shape == (4, 3)
    exact = np.diff(ends**6) / 6  # int x^5 dx
    np.testing.assert_allclose((points**5 * weights).sum(axis=1), exact, rtol=1e-14, atol=1e-14)
