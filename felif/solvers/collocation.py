"""Periodic functions of time as piecewise polynomials, and M y' = T F(y) collocated at the Radau points of each piece.

Radau points because the stiff modes of a density must die out within a piece, which Gauss points do not let them; the
order at the ends of the pieces is 2 s - 1 for s points.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import roots_jacobi

from ..algebra import Band, Chain, Linearisations, StageChain
from .tuning import ORBITS


@dataclass(frozen=True, eq=False)
class TimeMesh:
    """Pieces of [0, 1] between `ends` (m + 1,), with s points in each, the last one at its end.

    A function is an array (m, ..., s) of values at the points; its value at the beginning of a piece is that at the end
    of the piece before.
    """

    ends: np.ndarray
    s: int

    @cached_property
    def c(self) -> np.ndarray:
        """0 and the s Radau points of [0, 1]."""
        return np.concatenate([[0.0], (1 + roots_jacobi(self.s - 1, 1.0, 0.0)[0]) / 2, [1.0]])

    @cached_property
    def widths(self) -> np.ndarray:
        return np.diff(self.ends)

    @cached_property
    def points(self) -> np.ndarray:
        """Times of all values, shape (m, s)."""
        return self.ends[:-1, None] + self.widths[:, None] * self.c[1:]

    @cached_property
    def weights(self) -> np.ndarray:
        """Of the integral over [0, 1], shape (m, s)."""
        powers = np.arange(self.s)
        return self.widths[:, None] * np.linalg.solve(self.c[1:] ** powers[:, None], 1 / (powers + 1))

    def over_last(self, length: float) -> np.ndarray:
        """Weights of the integral over [-length, 0], shape (periods, m, s), the last period before 0 first."""
        x, w = np.polynomial.legendre.leggauss(self.s)
        found = np.zeros((int(length) + 2, *self.points.shape))
        for ago in range(int(length) + 1):
            for i, (low, high) in enumerate(zip(self.ends, self.ends[1:], strict=False)):
                start = max(low, 1.0 - (length - ago))
                if start < high:
                    places = (start + (high - start) * (x + 1) / 2 - low) / self.widths[i]
                    row = (high - start) / 2 * w @ self.basis(places)
                    found[ago, i] += row[1:]
                    found[ago if i else ago + 1, i - 1, -1] += row[0]
        return found

    @cached_property
    def _barycentric(self) -> np.ndarray:
        return 1 / np.prod(self.c[:, None] - self.c[None, :] + np.eye(self.s + 1), axis=1)

    @cached_property
    def D(self) -> np.ndarray:
        """Derivatives at the s points of the polynomial with given values at 0 and the s points, shape (s, s + 1)."""
        return self.derivative_basis(self.c)[1:]

    def basis(self, x: np.ndarray) -> np.ndarray:
        """Lagrange polynomials of 0 and the points at x in [0, 1], shape (len(x), s + 1)."""
        gap = x[:, None] - self.c
        hit = np.abs(gap) < ORBITS.hit
        quotient = self._barycentric / np.where(hit, 1.0, gap)
        rows = quotient / quotient.sum(axis=1, keepdims=True)
        rows[hit.any(axis=1)] = hit[hit.any(axis=1)]
        return rows

    def derivative_basis(self, x: np.ndarray) -> np.ndarray:
        """Their derivatives at x, shape (len(x), s + 1)."""
        powers = np.arange(self.s + 1)
        coefficients = np.linalg.inv(self.c[:, None] ** powers)
        slopes = np.where(powers > 0, powers * x[:, None] ** np.maximum(powers - 1, 0), 0.0)
        return slopes @ coefficients

    @cached_property
    def top(self) -> np.ndarray:
        """Row that gives the coefficient of the highest Chebyshev polynomial on a piece, shape (s + 1,)."""
        return np.linalg.inv(np.polynomial.chebyshev.chebvander(2 * self.c - 1, self.s))[-1]

    def with_starts(self, values: np.ndarray) -> np.ndarray:
        """Values at 0 and the points of each piece, shape (m, ..., s + 1)."""
        return np.concatenate([np.roll(values[..., -1:], 1, axis=0), values], axis=-1)

    def locate(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(number of the piece, place in it) of times taken modulo 1."""
        times = np.mod(times, 1.0)
        piece = np.clip(np.searchsorted(self.ends, times, side="right") - 1, 0, len(self.widths) - 1)
        return piece, (times - self.ends[piece]) / self.widths[piece]

    def evaluate(self, values: np.ndarray, times: np.ndarray) -> np.ndarray:
        """A function at times, shape (len(times), ...)."""
        piece, place = self.locate(np.atleast_1d(times))
        return np.einsum("k...s,ks->k...", self.with_starts(values)[piece], self.basis(place))

    def function(self, values: np.ndarray) -> Callable[[float], float]:
        """A scalar function, values (m, s), of single times: `evaluate` in plain numbers, for one at a time."""
        ends, widths, nodes = self.ends.tolist(), self.widths.tolist(), self.c.tolist()
        pieces, weights = self.with_starts(values).tolist(), self._barycentric.tolist()

        def at(time: float) -> float:
            time %= 1.0
            piece = min(max(bisect_right(ends, time) - 1, 0), len(widths) - 1)
            place, above, below = (time - ends[piece]) / widths[piece], 0.0, 0.0
            for node, weight, value in zip(nodes, weights, pieces[piece], strict=True):
                gap = place - node
                if abs(gap) < ORBITS.hit:
                    return value
                above += weight / gap * value
                below += weight / gap
            return above / below

        return at

    def derivative(self, values: np.ndarray) -> np.ndarray:
        """Derivative in time at the points, shape of `values`."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        return (self.with_starts(values) @ self.D.T) / self.widths.reshape(shape)

    def moved(self, values: np.ndarray, mesh: TimeMesh) -> np.ndarray:
        """A function on another mesh."""
        flat = self.evaluate(values, mesh.points.ravel())
        return np.moveaxis(flat.reshape(*mesh.points.shape, *values.shape[1:-1]), 1, -1)

    def unresolved(self, values: np.ndarray) -> np.ndarray:
        """Highest coefficient of scalar functions (m, k, s) on each piece, relative to their range; shape (m,).

        What does not move but by rounding counts as resolved.
        """
        highest = np.abs(self.with_starts(values) @ self.top)
        span = values.max(axis=(0, 2)) - values.min(axis=(0, 2))
        moves = span > ORBITS.still * np.abs(values).max(axis=(0, 2))
        return (highest / np.where(moves, span, np.inf)).max(axis=1)

    def equidistributed(self, unresolved: np.ndarray, pieces: int) -> TimeMesh:
        """A mesh of so many pieces on which the highest coefficients are equal, smoothed over neighbours."""
        density = np.maximum(unresolved, 1e-3 * unresolved.max() + 1e-300) ** (1 / (self.s + 1)) / self.widths
        density = np.maximum(density, 0.2 * density.mean())
        density = (np.roll(density, 1) + 2 * density + np.roll(density, -1)) / 4
        count = np.concatenate([[0.0], np.cumsum(density * self.widths)])
        return TimeMesh(np.interp(np.linspace(0.0, count[-1], pieces + 1), count, self.ends), self.s)


def collocated(mesh: TimeMesh, mass: Band, at: Linearisations, scale: np.ndarray) -> Chain | StageChain:
    """LU of M (x) D - scale * diag(J_1 ... J_s) of all pieces, each of which begins where the one before ended.

    Unknowns are ordered node by node, the s points of each node together: a band s times as wide as the Jacobian's.
    scale: period x widths of the pieces.
    """
    if at.matrices is not None:
        return StageChain(at.matrices, mass, mesh.D, scale)
    m, s, n, (low, high) = len(scale), mesh.s, mass.n, at.widths
    kl, ku = (max(width * s, own * s + s - 1) for width, own in ((low, mass.kl), (high, mass.ku)))
    big = np.zeros((m, n, s, kl + ku + 1))  # every column of the band in one place
    bands = scale[:, None, None, None] * at.bands.reshape(m, s, -1, n)
    for j in range(s):
        big[:, :, j, ku - high * s : ku + low * s + 1 : s] = np.swapaxes(bands[:, j], 1, 2)
        for k in range(s):
            places = slice(ku - mass.ku * s + k - j, ku + mass.kl * s + k - j + 1, s)
            big[:, :, j, places] -= mesh.D[k, 1 + j] * mass.data.T
    rank = at.U.shape[2]
    U, G = np.zeros((m, s, rank, n, s)), np.zeros((m, s, rank, n, s))
    for j in range(s):
        U[:, j, :, :, j] = scale[:, None, None] * np.swapaxes(at.U.reshape(m, s, n, rank)[:, j], 1, 2)
        G[:, j, :, :, j] = at.G.reshape(m, s, rank, n)[:, j]
    flat = big.reshape(m, n * s, -1)
    return Chain(flat, kl, ku, U.reshape(m, s * rank, n * s), G.reshape(m, s * rank, n * s), mass, mesh.D[:, 0])
