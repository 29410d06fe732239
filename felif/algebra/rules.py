"""Gauss's rule, what is composed of it, and polynomials through points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre


@lru_cache
def gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points on [0, 1] and weights (sum 1)."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


def composite(ends: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss's rule on every cell between successive ends: points and weights, both (cells, count)."""
    points, weights = gauss(count)
    widths = np.diff(ends)[:, None]
    return ends[:-1, None] + widths * points, widths * weights


def in_a_row(ends: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same points and weights, both (cells * count,)."""
    points, weights = composite(ends, count)
    return points.ravel(), weights.ravel()


def lagrange(nodes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Polynomials that are 1 at one of the nodes in [0, 1] and 0 at the others, at points x, shape (x, nodes)."""
    degree = len(nodes) - 1
    return legendre.legvander(2 * x - 1, degree) @ np.linalg.inv(legendre.legvander(2 * nodes - 1, degree))
