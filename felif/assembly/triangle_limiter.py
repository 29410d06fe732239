"""What keeps densities on triangles nonnegative: polynomials that fall below zero are scaled about their means.

    p <- m_T + theta_T (p - m_T),   theta_T = min(1, m_T / (m_T - min p)),   m_T: the mean of p on the triangle T

For the minimum stands a lower bound: the least Bernstein coefficient of p as a polynomial of a higher degree, so that p
is nonnegative everywhere, not only at some points. The mass of every triangle is kept.

Triangles that touch V_F evolve without: there p is zero only up to the error of the scheme, N(w) is read from how it is
so, and any change would be felt in N for a time h^2/a, at every step. They are scaled where p is looked at. Where the
implicit part, which is not monotone, makes a mean negative, it is set to zero and all of p scaled to the mass it had.
Source: X. Zhang, C.-W. Shu, J. Comput. Phys. 229 (2010) 3091-3120.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np

from .triangle_space import nodes, shapes

_RAISED, _HIGHEST = (
    4,
    12,
)  # times the degree, at most: that of the Bernstein polynomials
_BELOW = 1e-10  # of the largest mean: what is rounding


@lru_cache
def bernstein(degree: int, raised: int) -> np.ndarray:
    """Bernstein coefficients, of degree `raised`, of the basis functions, shape (modes, coefficients)."""
    X = nodes(raised)
    x, y = X
    powers = [(raised - i - j, i, j) for j in range(raised + 1) for i in range(raised + 1 - j)]
    table = np.array(
        [(1 - x - y) ** a * x**b * y**c / (factorial(a) * factorial(b) * factorial(c)) for a, b, c in powers]
    )
    return np.linalg.solve(factorial(raised) * table.T, shapes(degree, X)[0].T).T


class Limiter:
    """Scalings on one mesh of triangles, corners `cells` (cells, 3, 2)."""

    def __init__(self, cells: np.ndarray, area: np.ndarray, degree: int) -> None:
        self._area = area
        self._bounds = bernstein(degree, min(_RAISED * degree, _HIGHEST))
        v = cells[:, :, 0]
        self.at_fire = v.max(axis=1) > v.max() - 1e-9 * np.ptp(v)

    def evolved(self, y: np.ndarray) -> np.ndarray:
        """y with nonnegative means, and nonnegative on the triangles that do not touch V_F; y itself if it is so."""
        table = self._nonnegative_means(y.reshape(len(self._area), -1))
        return self._scaled(table, ~self.at_fire).ravel()

    def shown(self, y: np.ndarray) -> np.ndarray:
        """y, nonnegative on the triangles that touch V_F wherever their means are."""
        return self._scaled(y.reshape(len(self._area), -1), self.at_fire).ravel()

    def _nonnegative_means(self, table: np.ndarray) -> np.ndarray:
        means = table[:, 0]
        if means.min() >= 0.0 or not (mass := self._area @ means) > 0:
            return table
        table = table.copy()
        table[:, 0] = np.maximum(means, 0.0)
        return table * (mass / (self._area @ table[:, 0]))

    def _scaled(self, table: np.ndarray, among: np.ndarray) -> np.ndarray:
        means = table[:, 0]
        lowest = (table @ self._bounds).min(axis=1)
        low = np.flatnonzero(among & (lowest < -_BELOW * means.max()) & (means >= 0.0))
        if not len(low):
            return table
        table = table.copy()
        table[low, 1:] *= (means[low] / (means[low] - lowest[low]))[:, None]
        return table
