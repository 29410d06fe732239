"""Stages of sparse matrices, decoupled up to what they differ by, against dense systems."""

import numpy as np
import pytest
from scipy import sparse

from felif.algebra import Band, SingularMatrix, StageChain
from felif.algebra.sparse import SparseSchur
from felif.solvers.collocation import TimeMesh


def matrices(rng, n, m, count):
    """Sparse, with m algebraic unknowns, all of one pattern and not far from each other."""
    first = [sparse.random(n, n, 0.2, random_state=1) - 2 * sparse.identity(n)]
    first += [sparse.random(n, m, 0.5, random_state=2), sparse.random(m, n, 0.5, random_state=3)]
    first += [sparse.identity(m) * 1.5]
    differing = lambda A: A.multiply(1 + 0.3 * rng.normal(size=A.shape)).tocsr()
    return [SparseSchur(*map(differing, first)) for _ in range(count)]


@pytest.mark.parametrize("m", [0, 1])
@pytest.mark.parametrize("s", [2, 5])
def test_pieces_one_after_the_other(s, m):
    rng, pieces, n = np.random.default_rng(s), 3, 12
    D, scale, mass = TimeMesh(np.linspace(0, 1, pieces + 1), s).D, rng.uniform(0.1, 0.5, pieces), rng.uniform(1, 2, n)
    J = matrices(rng, n, m, pieces * s)
    y, right = rng.normal(size=n), rng.normal(size=(pieces, n, s))
    chain = StageChain(J, Band.diagonal(mass), D, scale)
    for b in (right, None):
        found, start = chain.sweep(y, b), y
        for i in range(pieces):
            blocks = [scale[i] * A.dense() for A in J[i * s : (i + 1) * s]]
            W = np.kron(D[:, 1:], np.diag(mass)) - sparse.block_diag(blocks).toarray()
            own = (0.0 if b is None else b[i]) - np.outer(mass * start, D[:, 0])
            expected = np.linalg.solve(W, own.T.ravel()).reshape(s, n).T
            np.testing.assert_allclose(found[i], expected, rtol=1e-9, atol=1e-10)
            start = found[i, :, -1].copy()
    rough = chain.sweep(y, right, 1e-3)
    assert 1e-9 < np.abs(rough / chain.sweep(y, right) - 1).mean() < 1e-2  # as exact as asked for


def test_matrices_without_an_inverse():
    zero = sparse.csr_matrix((4, 4))
    nothing = SparseSchur(zero, zero[:, :0], zero[:0], zero[:0, :0])
    with pytest.raises(SingularMatrix):
        StageChain([nothing] * 2, Band.diagonal(np.zeros(4)), TimeMesh(np.array([0.0, 1.0]), 2).D, np.ones(1))
