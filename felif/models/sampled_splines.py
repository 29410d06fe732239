"""Smooth splines that follow a recording, with knots where it needs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..given.warning import warn


@dataclass(frozen=True)
class Spline:
    """Splines through recorded inputs."""

    rounds: int = 12  # of halving intervals on which the spline is not as good as it must be
    fewest: int = 4096  # intervals: at most so many
    sparing: int = 8  # or one for so many samples
    few: int = 64  # samples that say whether a cubic serves
    surely: float = 4.0  # times the tolerance, from which they are believed
    smallest: float = 1e-9  # of the recording, an interval that is not halved


SPLINE = Spline()


_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(4)  # exact to degree 7: a cubic times a cubic
# int_{-1}^{x_i} of the cubic with given values at the points
_INTEGRALS = ((_POINTS[:, None] ** np.arange(1, 5) - (-1.0) ** np.arange(1, 5)) / np.arange(1, 5)) @ np.linalg.inv(
    np.vander(_POINTS, increasing=True)
)


class _Pieces:
    """A recording on some intervals, cut at its samples: Gauss points within the pieces."""

    def __init__(self, recorded: Any, left: np.ndarray, right: np.ndarray) -> None:
        """left, right: ends of intervals, in order of time, that do not overlap."""
        self.left, self.right = left, right
        first = np.searchsorted(recorded.times, left, side="right")
        last = np.maximum(np.searchsorted(recorded.times, right, side="left"), first)
        counts = last - first + 1  # pieces: samples strictly within, and one more
        self.start = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.interval = np.repeat(np.arange(len(left)), counts)
        number = np.arange(len(self.interval)) - self.start[self.interval]
        samples = recorded.times[np.minimum(first[self.interval] + number, len(recorded.times) - 1)]
        ends = np.where(number == counts[self.interval] - 1, right[self.interval], samples)
        begins = np.where(number == 0, left[self.interval], np.insert(ends[:-1], 0, 0.0))
        half = 0.5 * (ends - begins)
        self.t = (begins + half)[:, None] + half[:, None] * _POINTS
        self.weights = half[:, None] * _WEIGHTS
        self.u = recorded.between(self.t)

    def cubics(self) -> np.ndarray:
        """Coefficients (4, intervals) of the L2 projections on cubics, in Legendre polynomials."""
        moments = self.weights * self.u * self._legendre
        width = self.right - self.left
        return np.add.reduceat(moments.sum(axis=2), self.start, axis=1) * [[1.0], [3.0], [5.0], [7.0]] / width

    @cached_property
    def _legendre(self) -> np.ndarray:
        middle, half = 0.5 * (self.left + self.right), 0.5 * (self.right - self.left)
        return _legendre((self.t - middle[self.interval, None]) / half[self.interval, None])

    def off(self, cubics: np.ndarray) -> np.ndarray:
        """u minus cubics."""
        return self.u - (cubics[:, self.interval, None] * self._legendre).sum(axis=0)

    def unseen(self, residual: np.ndarray) -> np.ndarray:
        """sqrt(max |d| max |int d|) in every interval; int d begins at 0 in each, and counts within pieces, too."""
        total = np.cumsum((self.weights * residual).sum(axis=1))
        before = np.insert(total, 0, 0.0)
        within = (residual * (self.weights[:, :1] / _WEIGHTS[0])) @ _INTEGRALS.T
        sofar = np.column_stack([within + before[:-1, None], total]) - before[self.start][self.interval, None]
        running = np.maximum.reduceat(np.abs(sofar).max(axis=1), self.start)
        return np.sqrt(running * np.maximum.reduceat(np.abs(residual).max(axis=1), self.start))


def _legendre(x: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(x), x, 1.5 * x**2 - 0.5, 2.5 * x**3 - 1.5 * x])


def fitted(recorded: Any) -> tuple[Any, float]:
    from scipy.interpolate import PPoly

    low, high = recorded.interval
    scale = float(np.ptp(recorded.values))
    if scale == 0.0:
        return PPoly(np.array([[0.0], [0.0], [0.0], [recorded.values[0]]]), np.array([low, high])), 0.0
    most = recorded.knots or max(SPLINE.fewest, len(recorded.times) // SPLINE.sparing)
    edges = _graded(_first_edges(recorded, recorded.tol * scale, most))
    for last in [False] * SPLINE.rounds + [True]:
        spline, unseen = _projected(recorded, edges)
        bad = np.flatnonzero((unseen > recorded.tol * scale) & (np.diff(edges) > SPLINE.smallest * (high - low)))
        room = most - (len(edges) - 1)
        if not bad.size or room < 1 or last:
            break
        edges = _graded(_halved(edges, bad[np.argsort(-unseen[bad], kind="stable")[:room]]))
    error = float(unseen.max()) / scale
    if error > max(1e-3, recorded.tol):
        warn(
            f"Sampled: of {len(recorded.times)} samples, {len(edges) - 1} intervals leave out what may change a rate "
            f"by {error:.1g} of it at a time, {error**2:.1g} on average (see `error`); more knots= or a larger tol="
        )
    return spline, error


def _first_edges(recorded: Any, tol: float, most: int) -> np.ndarray:
    """Ends of intervals on which one cubic serves, found by halving; no more than `most` of them.

    Where intervals hold many samples, some of them say already that one does not.
    """
    times, values = recorded.times, recorded.values
    edges, open_ = np.array(recorded.interval), np.array([True])
    while open_.any() and len(edges) - 1 + np.count_nonzero(open_) <= most:
        left, right = edges[:-1][open_], edges[1:][open_]
        every = len(times) // (SPLINE.few * (len(edges) - 1))
        bad = np.zeros(len(left), bool)
        some = _Some(times[:: max(every, 1)], values[:: max(every, 1)])
        inside = right <= some.times[-1]
        if every > 1 and inside.any():
            pieces = _Pieces(some, left[inside], right[inside])
            bad[inside] = pieces.unseen(pieces.off(pieces.cubics())) > SPLINE.surely * tol
        if not bad.all():
            pieces = _Pieces(recorded, left[~bad], right[~bad])
            bad[~bad] = pieces.unseen(pieces.off(pieces.cubics())) > tol
        bad &= right - left > SPLINE.smallest * (times[-1] - times[0])
        which = np.flatnonzero(open_)[bad]
        edges = _halved(edges, which)
        open_ = np.zeros(len(edges) - 1, bool)
        moved = which + np.arange(len(which))
        open_[moved] = open_[moved + 1] = True
    return edges


@dataclass(frozen=True, eq=False)
class _Some:
    """Some of the samples of a recording, with lines between them."""

    times: np.ndarray
    values: np.ndarray

    def between(self, t: np.ndarray) -> np.ndarray:
        return np.interp(t, self.times, self.values)


def _halved(edges: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([edges, 0.5 * (edges[which] + edges[which + 1])]))


def _graded(edges: np.ndarray) -> np.ndarray:
    """Intervals halved until none is more than twice as long as its neighbour."""
    while True:
        widths = np.diff(edges)
        beside = np.minimum(np.append(widths[1:], np.inf), np.insert(widths[:-1], 0, np.inf))
        long = np.flatnonzero(widths > 2.5 * beside)
        if not long.size:
            return edges
        edges = _halved(edges, long)


def _projected(recorded: Any, edges: np.ndarray) -> tuple[Any, np.ndarray]:
    """The L2 projection on splines with these knots, by way of that on cubics, and what it leaves in every interval."""
    from scipy.interpolate import PPoly, make_lsq_spline

    pieces = _Pieces(recorded, edges[:-1], edges[1:])
    half = 0.5 * np.diff(edges)
    t = (edges[:-1] + half)[:, None] + half[:, None] * _POINTS
    values = (pieces.cubics()[:, :, None] * _legendre(_POINTS)[:, None, :]).sum(axis=0)
    weights = np.sqrt(half[:, None] * _WEIGHTS)
    knots = np.concatenate([[edges[0]] * 3, edges, [edges[-1]] * 3])
    fitted = make_lsq_spline(t.ravel(), values.ravel(), knots, k=3, w=weights.ravel())
    spline = PPoly(PPoly.from_spline(fitted).c[:, 3:-3], edges)
    return spline, pieces.unseen(pieces.u - spline(pieces.t))
