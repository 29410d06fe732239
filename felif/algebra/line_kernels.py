"""Band matrices of many lines at once in numpy, all lines in every operation: where the compiled core was not built.

data[i, w + j - i, l] = A_l[i, j]. The compiled core (lines.h) does the same, block of lines by block of lines.
"""

from __future__ import annotations

import numpy as np


def factor(data: np.ndarray) -> float:
    """LU factors in place, without pivoting, pivots stored as reciprocals; the smallest pivot, NaN if there is one."""
    n, width, _ = data.shape
    w, least = width // 2, np.inf
    for i in range(n):
        least = np.minimum(least, data[i, w].min())
        np.divide(1.0, data[i, w], out=data[i, w])
        right = min(w, n - 1 - i)
        for r in range(i + 1, i + right + 1):
            at = w + i - r
            data[r, at] *= data[i, w]
            data[r, at + 1 : at + 1 + right] -= data[r, at] * data[i, w + 1 : w + 1 + right]
    return float(least)


def solve(data: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with A_l x[:, l] = b[:, l] from the factors; b, x: (n, lines)."""
    n, width, _ = data.shape
    w, x = width // 2, b.copy()
    for i in range(1, n):
        left = min(w, i)
        x[i] -= np.einsum("dl,dl->l", data[i, w - left : w], x[i - left : i])
    for i in range(n - 1, -1, -1):
        right = min(w, n - 1 - i)
        x[i] -= np.einsum("dl,dl->l", data[i, w + 1 : w + 1 + right], x[i + 1 : i + 1 + right])
        x[i] *= data[i, w]
    return x


def multiply(bands: np.ndarray, coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y[:, l] = sum_k coefficients[k, l] A_k x[:, l]; bands[k, i, w + j - i] = A_k[i, j]."""
    _, n, width = bands.shape
    w, y = width // 2, np.zeros_like(x)
    for i in range(n):
        first, last = max(0, i - w), min(n, i + w + 1)
        y[i] = np.einsum("kl,kl->l", coefficients, bands[:, i, w + first - i : w + last - i] @ x[first:last])
    return y


def multiply_each(data: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y[:, l] = A_l x[:, l]."""
    n, width, _ = data.shape
    w, y = width // 2, np.zeros_like(x)
    for d in range(-w, w + 1):
        rows = slice(max(0, -d), min(n, n - d))
        y[rows] += data[rows, w + d] * x[rows.start + d : rows.stop + d]
    return y
