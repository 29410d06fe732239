"""Gauss's rule, and what is composed of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


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
