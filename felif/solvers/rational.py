"""Rational interpolants through samples of a function that is real on the real axis.

Source: the AAA algorithm, Nakatsukasa, Sete & Trefethen, SIAM J. Sci. Comput. 40 (2018), for matrices of functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Rational:
    """Values (m, k, k) at points (m,), continued as sum w_j values_j / (x - z_j) over sum w_j / (x - z_j)."""

    points: np.ndarray
    values: np.ndarray
    weights: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        away = x[:, None] - self.points
        away[away == 0] = 1e-15
        parts = self.weights / away
        parts /= parts.sum(axis=1)[:, None]
        k = self.values.shape[-1]
        return (parts @ self.values.reshape(len(self.points), -1)).reshape(-1, k, k)

    @classmethod
    def through(cls, x: np.ndarray, values: np.ndarray, accuracy: float) -> Rational:
        """From samples at x (n,) with Im x >= 0 and their conjugates, until they are met: greedy support points.

        Weights of conjugate points are conjugate, so the least-squares problem for them is real.
        """
        flat = values.reshape(len(x), -1)
        scale = max(float(np.abs(flat).max()), 1e-200)
        error, chosen = np.abs(flat - flat.mean(axis=0).real).max(axis=1), np.zeros(0, int)
        found = None
        for _ in range(40):
            taken = min(3, np.count_nonzero(error > accuracy * scale)) or 1
            error[chosen] = -1.0
            chosen = np.append(chosen, np.argsort(error)[-taken:])
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            z, f = x[chosen], flat[chosen]
            real = z.imag == 0
            weights = _weights(x[rest], flat[rest], z, f, real)
            pairs = ~real
            points = np.concatenate([z, z[pairs].conj()])
            found = cls(
                points,
                np.concatenate([values[chosen], values[chosen][pairs].conj()]),
                np.concatenate([weights, weights[pairs].conj()]),
            )
            if len(rest) < 4:
                break
            error = np.zeros(len(x))
            error[rest] = np.abs(found(x[rest]).reshape(len(rest), -1) - flat[rest]).max(axis=1)
            if error.max() <= accuracy * scale:
                break
        return found


def _weights(x: np.ndarray, fx: np.ndarray, z: np.ndarray, fz: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The weights w (conjugate ones at conjugate points) of length one that best make the interpolant meet fx."""
    one = (fx[:, None, :] - fz[None]) / (x[:, None] - z)[:, :, None]
    other = (fx[:, None, :] - fz.conj()[None]) / (x[:, None] - z.conj())[:, :, None]
    by_real = np.where(real[None, :, None], one, one + other)
    by_imaginary = (1j * (one - other))[:, ~real]
    columns = np.concatenate([by_real, by_imaginary], axis=1)
    columns = columns.transpose(0, 2, 1).reshape(-1, columns.shape[1])
    columns = np.vstack([columns.real, columns.imag])
    if len(columns) < columns.shape[1]:
        columns = np.vstack([columns, np.zeros((columns.shape[1] - len(columns), columns.shape[1]))])
    w = np.linalg.svd(np.linalg.qr(columns, mode="r"))[2][-1]
    weights = w[: len(z)].astype(complex)
    weights[~real] += 1j * w[len(z) :]
    return weights
