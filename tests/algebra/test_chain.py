"""Solutions piece after piece, by the compiled core and by LAPACK, against one dense system for all of them."""

import numpy as np
import pytest

from felif.algebra import Band, Chain, SingularMatrix


@pytest.mark.parametrize(
    ("n", "s", "kl", "ku", "rank", "reach", "diagonal"),
    [
        (7, 3, 4, 2, 2, 0, 0.0),  # which needs pivots
        (5, 2, 3, 5, 0, 1, 0.0),
        (13, 5, 9, 6, 2, 0, 40.0),  # which needs none: four columns at once
        (9, 4, 5, 11, 1, 1, 3.0),  # which needs some
    ],
)
def test_pieces_one_after_the_other(core, n, s, kl, ku, rank, reach, diagonal):
    rng, pieces = np.random.default_rng(n), 3
    W = [np.triu(np.tril(rng.normal(size=(n * s, n * s)), ku), -kl) + diagonal * np.eye(n * s) for _ in range(pieces)]
    bands = np.zeros((pieces, n * s, kl + ku + 1))
    for one, A in zip(bands, W, strict=True):
        for i, j in zip(*np.nonzero(A), strict=True):
            one[j, ku + i - j] = -A[i, j]
    U, G = rng.normal(size=(2, pieces, rank, n * s))
    M = np.triu(np.tril(rng.normal(size=(n, n)), reach), -reach)
    i, j = np.nonzero(M)
    first, y, right = rng.normal(size=s), rng.normal(size=n), rng.normal(size=(pieces, n, s))
    chain = Chain(bands, kl, ku, U, G, Band.from_coo(i, j, M[i, j], n, reach, reach), first)
    for b in (right, None):
        found, start = chain.sweep(y, b), y
        for k in range(pieces):
            own = (0.0 if b is None else b[k]) - np.outer(M @ start, first)
            expected = np.linalg.solve(W[k] - U[k].T @ G[k], own.ravel()).reshape(n, s)
            np.testing.assert_allclose(found[k], expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())
            alone = chain.solve(k, start, None if b is None else b[k])
            np.testing.assert_allclose(alone, found[k], rtol=1e-13, atol=1e-14 * np.abs(expected).max())
            start = found[k, :, -1].copy()


def test_a_singular_piece():
    with pytest.raises(SingularMatrix):
        Chain(
            np.zeros((1, 4, 3)), 1, 1, np.zeros((1, 0, 4)), np.zeros((1, 0, 4)), Band.diagonal(np.ones(2)), np.ones(2)
        )
