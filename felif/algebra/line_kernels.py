"""Compiled loops over many lines at once; plain Python here, compiled by `compiled` when first used.

Lines lie innermost, in blocks of BLOCK: every operation of an elimination is one on BLOCK neighbouring numbers, which
the compiler makes vector instructions of, and a block stays in the cache while it is eliminated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

BLOCK = 32


@lru_cache
def compiled(kernel: Callable) -> Callable:
    """The kernel as machine code, kept on disk between processes."""
    import numba

    return numba.njit(cache=True, error_model="numpy")(kernel)


def factor(data: np.ndarray, smallest: np.ndarray) -> None:
    """LU factors in place, without pivoting; data[b, i, k + j - i, l] = A_l[i, j], pivots stored as reciprocals.

    `smallest[b]`: the smallest pivot of each block.
    """
    blocks, n, width, lines = data.shape
    k = width // 2
    for b in range(blocks):
        least = np.inf
        for i in range(n):
            for l in range(lines):
                pivot = data[b, i, k, l]
                least = pivot if not pivot >= least else least  # a NaN too
                data[b, i, k, l] = 1.0 / pivot
            for r in range(i + 1, min(i + k + 1, n)):
                at = k + i - r
                for l in range(lines):
                    data[b, r, at, l] *= data[b, i, k, l]
                for d in range(1, min(k, n - 1 - i) + 1):
                    for l in range(lines):
                        data[b, r, at + d, l] -= data[b, r, at, l] * data[b, i, k + d, l]
        smallest[b] = least


def solve(data: np.ndarray, b: np.ndarray, x: np.ndarray) -> None:
    """x with A_l x[:, l] = b[:, l] from the factors; b, x: (n, lines)."""
    blocks, n, width, size = data.shape
    k, total = width // 2, b.shape[1]
    z = np.zeros((n, size))
    for block in range(blocks):
        first = block * size
        lines = min(size, total - first)
        for i in range(n):
            for l in range(lines):
                z[i, l] = b[i, first + l]
            for d in range(1, min(k, i) + 1):
                for l in range(size):
                    z[i, l] -= data[block, i, k - d, l] * z[i - d, l]
        for i in range(n - 1, -1, -1):
            for d in range(1, min(k, n - 1 - i) + 1):
                for l in range(size):
                    z[i, l] -= data[block, i, k + d, l] * z[i + d, l]
            for l in range(size):
                z[i, l] *= data[block, i, k, l]
            for l in range(lines):
                x[i, first + l] = z[i, l]


def multiply(bands: np.ndarray, coefficients: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """y[:, l] = sum_k coefficients[k, l] A_k x[:, l]; bands[k, i, w + j - i] = A_k[i, j]."""
    kinds, n, width = bands.shape
    w, lines = width // 2, x.shape[1]
    part = np.zeros(BLOCK)
    for first in range(0, lines, BLOCK):
        last = min(first + BLOCK, lines)
        for i in range(n):
            for l in range(first, last):
                y[i, l] = 0.0
            for k in range(kinds):
                part[:] = 0.0
                for j in range(max(0, i - w), min(n, i + w + 1)):
                    entry = bands[k, i, w + j - i]
                    if entry != 0.0:
                        for l in range(first, last):
                            part[l - first] += entry * x[j, l]
                for l in range(first, last):
                    y[i, l] += coefficients[k, l] * part[l - first]


def multiply_each(data: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """y[:, l] = A_l x[:, l]; data[i, w + j - i, l] = A_l[i, j]."""
    n, width, lines = data.shape
    w = width // 2
    for i in range(n):
        for l in range(lines):
            y[i, l] = 0.0
        for j in range(max(0, i - w), min(n, i + w + 1)):
            for l in range(lines):
                y[i, l] += data[i, w + j - i, l] * x[j, l]
