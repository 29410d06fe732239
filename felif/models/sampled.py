"""Recorded inputs: a current known at many times, followed by smooth splines with as few knots as accuracy needs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.interpolate import CubicSpline, PPoly, make_lsq_spline

from ..given.arguments import shown
from ..given.warning import warn

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(4)  # exact to degree 7: a cubic times a cubic
_ROUNDS = 12  # of halving intervals on which the spline is not as good as it must be
_FEWEST, _SPARING = 4096, 8  # intervals: at most so many, or one for so many samples
_FEW, _SURELY = 64, 4.0  # samples that say whether a cubic serves; times the tolerance, from which they are believed
_SMALLEST = 1e-9  # of the recording, an interval that is not halved


@dataclass(frozen=True, eq=False)
class Sampled:
    """A recorded input: `values` at `times`, lines ("linear") or a natural cubic spline ("cubic") between them.

    times, values  arrays of the same length, times increasing; or `Sampled.read(path)` for CSV and npy files
    tol            of what is left out: see below
    knots          intervals between knots, at most; by default 4096, or one for 8 samples where that is more

    Steps of a run need not be as short as the distance of samples. They see u*, the L2 projection of the recording u on
    twice differentiable cubic splines, with knots where the recording needs them, on which they land. What is left,
    d = u - u*, is orthogonal to all these splines: it oscillates about 0 within the distance of knots, and neurons,
    which add up their input, hardly notice. A rate answers to a fast input like the half-integral of it, so that

        |N - N*| <= N sqrt(|d| |int d|) / sqrt(a0)        at a time; of a mean over longer times the square of that

    Intervals are halved until `error`, the largest sqrt(|d| |int d|) over the range max u - min u, is below tol. Smooth
    recordings get few knots; at kinks and jumps they are as dense as it takes; of noise, which is smooth on no scale,
    as much is seen as `knots` allows, and a warning says what is left where `error` exceeds a thousandth.
    `recorded(t)` is u*(t), `recorded.between(t)` is u(t). Raises ValueError for what is no recording, and for times
    outside it. Source of the half-integral: Brunel, Chance, Fourcaud & Abbott, Phys. Rev. Lett. 86 (2001) 2186.

    >>> recorded = Sampled([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
    >>> round(recorded(0.25), 6)
    0.25
    """

    times: Sequence[float] | np.ndarray
    values: Sequence[float] | np.ndarray
    kind: Literal["linear", "cubic"] = "linear"
    tol: float = 1e-6
    knots: int | None = None

    def __post_init__(self) -> None:
        for name in ("times", "values"):
            object.__setattr__(self, name, _row(name, getattr(self, name)))
        if len(self.times) != len(self.values):
            raise ValueError(
                f"Sampled: {len(self.values)} values for {len(self.times)} times; allowed are as many values as times"
            )
        if len(self.times) < 2:
            raise ValueError(f"Sampled: times = {self.times.tolist()}; allowed are at least two samples")
        if (wrong := np.flatnonzero(np.diff(self.times) <= 0)).size:
            k = int(wrong[0])
            raise ValueError(
                f"Sampled: times[{k}] = {self.times[k]!r} is followed by times[{k + 1}] = {self.times[k + 1]!r}; "
                "allowed are increasing times"
            )
        if self.kind not in ("linear", "cubic"):
            raise ValueError(f"Sampled: kind = {shown(self.kind)}; allowed is one of 'linear', 'cubic'")
        if not (isinstance(self.tol, float | int) and 0 < self.tol <= 0.1):
            raise ValueError(f"Sampled: tol = {shown(self.tol)}; allowed is a number > 0 and <= 0.1")
        if self.knots is not None and not (isinstance(self.knots, int | np.integer) and self.knots >= 8):
            raise ValueError(f"Sampled: knots = {shown(self.knots)}; allowed is a whole number from 8, or None")

    @classmethod
    def read(cls, path: str | Path, *, time_unit: float = 1.0, **options: Any) -> Sampled:
        """From a CSV file with two columns, times and values (a first line of names is skipped), or an npy file (n, 2).

        time_unit: of the file in those of the model; 0.05 for milliseconds where the membrane time constant is 20 ms.
        `options`: kind, tol, knots. Raises ValueError that names the file for anything else.
        """
        try:
            if Path(path).suffix == ".npy":
                table = np.load(path, allow_pickle=False)
            else:
                lines = Path(path).read_text().splitlines()
                table = _table(lines)
            columns = np.asarray(table, float)
            if columns.ndim != 2 or columns.shape[1] != 2:
                raise ValueError(f"it has shape {columns.shape}")
        except (OSError, ValueError, UnicodeDecodeError) as error:
            raise ValueError(f"Sampled.read: {path}: {error}; allowed are two columns of numbers, csv or npy") from None
        return cls(columns[:, 0] * time_unit, columns[:, 1], **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sampled) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple:
        return self.kind, self.tol, self.knots, self.times.tobytes(), self.values.tobytes()

    def __repr__(self) -> str:
        low, high = self.times[[0, -1]].tolist()
        return f"Sampled({len(self.times)} samples from {low:g} to {high:g}, {self.kind})"

    @property
    def interval(self) -> tuple[float, float]:
        """The first and the last time: runs do not go beyond."""
        return float(self.times[0]), float(self.times[-1])

    def mean(self, t0: float, t1: float) -> float:
        """The mean of u over [t0, t1], exactly. Raises ValueError for times outside the recording."""
        low, high = (float(self._integral(self._inside(t))) for t in (t0, t1))
        return (high - low) / (t1 - t0)

    def _inside(self, t: float) -> float:
        """t, moved by rounding where the recording ends."""
        low, high = self.interval
        if low <= t <= high:
            return t
        if not low - 1e-9 * (high - low) <= t <= high + 1e-9 * (high - low):
            raise ValueError(f"Sampled: t = {t!r}; the recording lasts from {low:g} to {high:g}")
        return min(max(t, low), high)

    @cached_property
    def _cubic(self) -> CubicSpline:
        return CubicSpline(self.times, self.values, bc_type="natural")

    @cached_property
    def _integral(self) -> Any:
        if self.kind == "cubic":
            return self._cubic.antiderivative()
        slopes = np.diff(self.values) / np.diff(self.times)
        return PPoly(np.array([slopes, self.values[:-1]]), self.times).antiderivative()

    def between(self, t: Any) -> Any:
        """u(t) itself, between the samples."""
        return self._cubic(t) if self.kind == "cubic" else np.interp(t, self.times, self.values)

    @cached_property
    def _followed(self) -> tuple[list[float], list[list[float]], float]:
        """(knots, coefficients of the cubic from each knot on, error)."""
        spline, error = _fitted(self)
        return spline.x.tolist(), spline.c.T.tolist(), error

    @property
    def error(self) -> float:
        """The largest sqrt(|d| |int d|) over the range of the values: what tol bounds where `knots` allows it."""
        return self._followed[2]

    @cached_property
    def kinks(self) -> frozenset[float]:
        """Knots, at which the third derivative of u* jumps. Steps land on them: their errors are not seen across."""
        return frozenset(self.breakpoints)

    @cached_property
    def breakpoints(self) -> tuple[float, ...]:
        """Where steps land: on all knots."""
        return tuple(self._followed[0][1:-1])

    def __call__(self, t: float) -> float:
        knots, coefficients, _ = self._followed
        if not knots[0] <= t <= knots[-1]:
            t = self._inside(t)
        k = min(bisect_right(knots, t), len(coefficients)) - 1
        a, b, c, d = coefficients[k]
        x = t - knots[k]
        return ((a * x + b) * x + c) * x + d


def _row(name: str, values: Any) -> np.ndarray:
    try:
        row = np.array(values, float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"Sampled: {name} = {shown(values)}; allowed is a row of finite numbers") from None
    if row.ndim != 1:
        raise ValueError(f"Sampled: {name} has shape {row.shape}; allowed is a row of finite numbers")
    if (wrong := np.flatnonzero(~np.isfinite(row))).size:
        raise ValueError(f"Sampled: {name}[{wrong[0]}] = {row[wrong[0]]}; allowed are finite numbers")
    row.setflags(write=False)
    return row


def _table(lines: list[str]) -> np.ndarray:
    rows = [line.replace(";", ",").replace(",", " ").split() for line in lines if line.strip() and line[0] != "#"]
    try:
        list(map(float, rows[0]))
    except (ValueError, IndexError):
        rows = rows[1:]
    return np.array([[float(entry) for entry in row] for row in rows])


class _Pieces:
    """A recording on some intervals, cut at its samples: Gauss points within the pieces."""

    def __init__(self, recorded: Sampled, left: np.ndarray, right: np.ndarray) -> None:
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
        """sqrt(max |d| max |int d|) in every interval; int d begins at 0 in each."""
        total = np.cumsum((self.weights * residual).sum(axis=1))
        before = np.insert(total, 0, 0.0)[self.start]
        running = np.maximum.reduceat(np.abs(total - before[self.interval]), self.start)
        return np.sqrt(running * np.maximum.reduceat(np.abs(residual).max(axis=1), self.start))


def _legendre(x: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(x), x, 1.5 * x**2 - 0.5, 2.5 * x**3 - 1.5 * x])


def _fitted(recorded: Sampled) -> tuple[PPoly, float]:
    low, high = recorded.interval
    scale = float(np.ptp(recorded.values))
    if scale == 0.0:
        return PPoly(np.array([[0.0], [0.0], [0.0], [recorded.values[0]]]), np.array([low, high])), 0.0
    most = recorded.knots or max(_FEWEST, len(recorded.times) // _SPARING)
    edges = _graded(_first_edges(recorded, recorded.tol * scale, most))
    for last in [False] * _ROUNDS + [True]:
        spline, unseen = _projected(recorded, edges)
        bad = np.flatnonzero((unseen > recorded.tol * scale) & (np.diff(edges) > _SMALLEST * (high - low)))
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


def _first_edges(recorded: Sampled, tol: float, most: int) -> np.ndarray:
    """Ends of intervals on which one cubic serves, found by halving; no more than `most` of them.

    Where intervals hold many samples, some of them say already that one does not.
    """
    times, values = recorded.times, recorded.values
    edges, open_ = np.array(recorded.interval), np.array([True])
    while open_.any() and len(edges) - 1 + np.count_nonzero(open_) <= most:
        left, right = edges[:-1][open_], edges[1:][open_]
        every = len(times) // (_FEW * (len(edges) - 1))
        bad = np.zeros(len(left), bool)
        some = _Some(times[:: max(every, 1)], values[:: max(every, 1)])
        inside = right <= some.times[-1]
        if every > 1 and inside.any():
            pieces = _Pieces(some, left[inside], right[inside])
            bad[inside] = pieces.unseen(pieces.off(pieces.cubics())) > _SURELY * tol
        if not bad.all():
            pieces = _Pieces(recorded, left[~bad], right[~bad])
            bad[~bad] = pieces.unseen(pieces.off(pieces.cubics())) > tol
        bad &= right - left > _SMALLEST * (times[-1] - times[0])
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


def _projected(recorded: Sampled, edges: np.ndarray) -> tuple[PPoly, np.ndarray]:
    """The L2 projection on splines with these knots, by way of that on cubics, and what it leaves in every interval."""
    pieces = _Pieces(recorded, edges[:-1], edges[1:])
    half = 0.5 * np.diff(edges)
    t = (edges[:-1] + half)[:, None] + half[:, None] * _POINTS
    values = (pieces.cubics()[:, :, None] * _legendre(_POINTS)[:, None, :]).sum(axis=0)
    weights = np.sqrt(half[:, None] * _WEIGHTS)
    knots = np.concatenate([[edges[0]] * 3, edges, [edges[-1]] * 3])
    fitted = make_lsq_spline(t.ravel(), values.ravel(), knots, k=3, w=weights.ravel())
    spline = PPoly(PPoly.from_spline(fitted).c[:, 3:-3], edges)
    return spline, pieces.unseen(pieces.u - spline(pieces.t))
