"""What makes densities on triangles nonnegative, triangle by triangle: little is changed, and every mean is kept.

First p is moved, at most 8 times, so that its worst Bernstein coefficient becomes zero, by the shortest way (in L2)
that keeps the mean. What is left is taken away by scaling,

    p <- q_T + theta_T (p - q_T),   theta_T the largest number in [0, 1] for which no coefficient is negative,

with q_T of the same mean: a constant or, where p is zero on V_F and shall stay so, a multiple of V_F - v.
The coefficients are those of p as a polynomial of four times its degree (12 at most), a lower bound of p everywhere, so
that it is nonnegative between points too. Means below zero, which the implicit part, being no monotone scheme, can
produce, are set to zero and all of p scaled to the mass it had.
Source of the scaling: X. Zhang, C.-W. Shu, J. Comput. Phys. 229 (2010) 3091-3120.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np

from .space import nodes, shapes
from .threshold import Threshold
from .tuning import LIMITING


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
    """`nonnegative` and `lowest` on one mesh; p is zero on V_F in the triangles `threshold.cells`."""

    def __init__(self, cells: np.ndarray, area: np.ndarray, degree: int, threshold: Threshold) -> None:
        self._area, raised = area, min(LIMITING.raised * degree, LIMITING.highest)
        self._bounds = bernstein(degree, raised)
        # tables with a row for every triangle of the threshold, behind one for all others
        self._row = np.zeros(len(cells), int)
        self._row[threshold.cells] = 1 + np.arange(len(threshold.cells))
        width = np.ptp(cells[:, :, 0])
        distance = cells[:, :, 0].max() - cells[threshold.cells][:, :, 0]  # V_F - v at the corners
        q = np.concatenate([np.ones((1, 3)), np.where(distance > 1e-9 * width, distance, 0.0)])
        q /= q.mean(axis=1, keepdims=True)
        # q is linear: its coefficients are values at equidistant points
        at_corners, at_points = (np.array([1 - X[0] - X[1], *X]) for X in (nodes(1), nodes(raised)))
        self._q = q @ at_points
        self._on_fire = self._q < 1e-9
        self._q_modes = np.zeros((len(q), len(self._bounds)))
        self._q_modes[:, :3] = np.linalg.solve(shapes(1, nodes(1))[0].T, (q @ at_corners).T).T
        # how coefficients move p at least: orthogonal projections that keep the mean, and zero on V_F
        kept = np.concatenate([np.eye(len(self._bounds))[None], threshold.vanishing])
        constant = kept[:, :, 0]
        kept = kept - constant[:, :, None] * constant[:, None, :] / constant[:, :1, None]
        self._ways = kept @ self._bounds
        self._lengths = (self._ways**2).sum(axis=1)
        self._lengths[self._lengths < LIMITING.stiff * self._lengths.max()] = np.inf
        self._memory: tuple[bytes, np.ndarray | None] = (b"", None)

    def lowest(self, y: np.ndarray) -> float:
        """A lower bound of p; what is rounding counts as zero."""
        table = y.reshape(len(self._area), -1)
        found = float(self._coefficients(table, self._row).min())
        return 0.0 if -2 * LIMITING.below * table[:, 0].max() <= found < 0.0 else found

    def _coefficients(self, table: np.ndarray, row: np.ndarray) -> np.ndarray:
        return np.where(self._on_fire[row], 0.0, table @ self._bounds)

    def nonnegative(self, y: np.ndarray) -> np.ndarray:
        """y without values below zero, but for rounding; y itself if it has none. The last one is kept."""
        key = y.tobytes()
        if self._memory[0] != key:
            found = self._limited(y)
            self._memory = (key, None if found is y else found)
        return y if self._memory[1] is None else self._memory[1]

    def _limited(self, y: np.ndarray) -> np.ndarray:
        given = y.reshape(len(self._area), -1)
        table = self._of_nonnegative_means(given)
        lowest = self._coefficients(table, self._row).min(axis=1)
        low = np.flatnonzero(lowest < -LIMITING.below * table[:, 0].max())
        if not len(low):
            return y if table is given else table.ravel()
        row, changed, number = self._row[low], table[low], np.arange(len(low))
        for _ in range(LIMITING.moves):
            coefficients = self._coefficients(changed, row)
            worst = coefficients.argmin(axis=1)
            depth = np.maximum(-coefficients[number, worst], 0.0)
            changed = changed + (depth / self._lengths[row, worst])[:, None] * self._ways[row, :, worst]
        means, coefficients = changed[:, :1], self._coefficients(changed, row)
        negative, aim, middle = coefficients < 0.0, means * self._q[row], means * self._q_modes[row]
        theta = np.where(negative, aim / np.where(negative, aim - coefficients, 1.0), 1.0).min(axis=1)
        table = table.copy()
        table[low] = middle + theta[:, None] * (changed - middle)
        return table.ravel()

    def _of_nonnegative_means(self, table: np.ndarray) -> np.ndarray:
        below = table[:, 0] < 0.0
        mass = self._area @ table[:, 0]
        if not below.any() or not mass > 0:
            return table
        table = np.where(below[:, None], 0.0, table)
        return table * (mass / (self._area @ table[:, 0]))
