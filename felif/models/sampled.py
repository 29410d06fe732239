"""Recorded inputs: a current known at many times, followed by smooth splines with as few knots as accuracy needs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..given.arguments import FILE, FINITE, NUMBERS, POSITIVE, checked, choice, required, shown
from .sampled_splines import fitted


@dataclass(frozen=True, eq=False)
class Sampled:
    """A recorded input: `values` at `times`, lines ("linear") or a natural cubic spline ("cubic") between them.

    Steps of a run need not be as short as the distance of samples. They see u*, the L2 projection of the recording u on
    twice differentiable cubic splines, with knots where the recording needs them, on which they land. What is left,
    d = u - u*, is orthogonal to all these splines: it oscillates about 0 within the distance of knots, and neurons,
    which add up their input, hardly notice. A rate answers to a fast input like the half-integral of it, so that

        |N - N*| <= N sqrt(|d| |int d|) / sqrt(a0)        at a time; of a mean over longer times the square of that

    Intervals are halved until `error`, the largest sqrt(|d| |int d|) over the range max u - min u, is below tol. Smooth
    recordings get few knots; at kinks and jumps they are as dense as it takes; of noise, which is smooth on no scale,
    as much is seen as `knots` allows, and a warning says what is left where `error` exceeds a thousandth.
    `recorded(t)` is u*(t), `recorded.between(t)` is u(t).

    Parameters
    ----------
    times, values : array
        Of the same length, times increasing; `Sampled.read(path)` takes them from CSV and npy files.
    kind : {"linear", "cubic"}
        What is between the samples.
    tol : float
        Of what is left out, as said above.
    knots : int
        Intervals between knots, at most; by default 4096, or one for 8 samples where that is more.

    Raises
    ------
    ValueError
        For what is no recording, and for times outside it.

    Notes
    -----
    Source of the half-integral: Brunel, Chance, Fourcaud & Abbott, Phys. Rev. Lett. 86 (2001) 2186.

    Examples
    --------
    >>> import felif as fl
    >>> recorded = fl.Sampled([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
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
        required("Sampled", "kind", self.kind, choice("linear", "cubic"))
        if not (isinstance(self.tol, float | int) and 0 < self.tol <= 0.1):
            raise ValueError(f"Sampled: tol = {shown(self.tol)}; allowed is a number > 0 and <= 0.1")
        if self.knots is not None and not (isinstance(self.knots, int | np.integer) and self.knots >= 8):
            raise ValueError(f"Sampled: knots = {shown(self.knots)}; allowed is a whole number from 8, or None")

    @classmethod
    @checked(path=FILE, time_unit=POSITIVE)
    def read(cls, path: str | Path, *, time_unit: float = 1.0, **options: Any) -> Sampled:
        """From a CSV file with two columns, times and values (a first line of names is skipped), or an npy file (n, 2).

        Parameters
        ----------
        path : path
            Of the file. ValueError, naming it, for anything else.
        time_unit : float
            Of the file in those of the model; 0.05 for milliseconds where the membrane time constant is 20 ms.
        **options
            kind, tol, knots.

        Returns
        -------
        Sampled
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

    @checked(t0=FINITE, t1=FINITE)
    def mean(self, t0: float, t1: float) -> float:
        """The mean of u over [t0, t1], exactly.

        Parameters
        ----------
        t0, t1 : float
            Times t0 < t1 of the recording. ValueError for others.

        Returns
        -------
        float
        """
        if not t0 < t1:
            raise ValueError(f"Sampled.mean: t0 = {t0!r}, t1 = {t1!r}; allowed is t0 < t1")
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
    def _cubic(self) -> Any:
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.times.copy(), self.values.copy(), bc_type="natural")

    @cached_property
    def _integral(self) -> Any:
        if self.kind == "cubic":
            return self._cubic.antiderivative()
        from scipy.interpolate import PPoly

        slopes = np.diff(self.values) / np.diff(self.times)
        return PPoly(np.array([slopes, self.values[:-1]]), self.times.copy()).antiderivative()

    @checked(t=NUMBERS)
    def between(self, t: Any) -> Any:
        """u(t) itself, between the samples.

        Parameters
        ----------
        t : float or array
            Times of the recording.

        Returns
        -------
        float or array
        """
        return self._cubic(t) if self.kind == "cubic" else np.interp(t, self.times, self.values)

    @cached_property
    def _followed(self) -> tuple[list[float], list[list[float]], float]:
        """(knots, coefficients of the cubic from each knot on, error)."""
        spline, error = fitted(self)
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
