"""Whether matrices grow, against their eigenvalues."""

import numpy as np
import pytest

from felif.algebra.elimination import grow


@pytest.mark.parametrize("n", [1, 2, 5])
def test_many_grow_where_each_has_eigenvalues_with_positive_real_parts(n):
    random = np.random.default_rng(n)
    off = random.normal(size=(200, n, n))
    matrices = np.eye(n) * random.uniform(-0.1, 2.0, (200, 1, 1)) + 0.4 * off
    growing = np.array([(np.linalg.eigvals(one).real > 0).all() for one in matrices])
    assert 0 < growing.sum() < 200
    assert grow(matrices[growing])
    assert [grow(one[None]) for one in matrices] == growing.tolist()
    assert not grow(matrices)
