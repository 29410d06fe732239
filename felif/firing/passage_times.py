"""The mean time T between two spikes of one neuron at frozen drift f(v) + m and noise a, for many (m, a) at once.

    T = int_{V_R}^{V_F} du/a int_{-inf}^u exp(-int_w^u (f + m)/a) dw

As a function of m it is the Laplace transform of a positive measure: log(T + tau) is convex and T falls (Siegert 1951;
Ricciardi 1977). Where f falls everywhere it falls with a too: a q' + f q = -f' u' <= 0 for the second derivative q of
the mean time u(v) to V_F, so u is concave, and dT/da is the mean of int q along a path. Where f is linear,
T = int h dy with h(y) = int_0^inf exp(s y - s^2/2) ds, and T_m, T_a, T_mm fall in size with m and a, by T_a ~ T_mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .tuning import LAYER

_X, _W = np.polynomial.legendre.leggauss(36)
_X, _W = 0.5 * (_X + 1), 0.5 * _W  # on (0, 1)


class Times(NamedTuple):
    """log T and the relative slopes -T_m/T, -T_a/T, arrays of one shape."""

    log: np.ndarray
    by_m: np.ndarray
    by_a: np.ndarray


class LinearNeuron(NamedTuple):
    """Drifts m + f0 - g v, g > 0, of one neuron or of several (arrays, along the last axis): to rounding."""

    conductance: Any
    offset: Any
    start: Any
    top: float

    error = 1e-9  # of log T, times 1 + |log T|
    falls = True  # T_a < 0, and the sizes of T_m, T_a fall with m and a

    @property
    def centre(self) -> Any:
        """The input m at which drift alone carries the neuron to V_F."""
        return self.conductance * self.top - self.offset

    def __call__(self, m: np.ndarray, a: np.ndarray, slopes: bool = True) -> Times:
        g, shape = self.conductance, np.shape(m)
        root = np.sqrt(a / g)
        top = ((self.centre - m) / g / root).ravel()
        top = np.minimum(np.maximum(top, -1e9), LAYER.highest)
        length = ((self.top - self.start) / root).ravel()
        low, total = top - length, np.zeros(len(top))
        some = (top > 0).nonzero()[0]
        if some.size:
            high = top[some]
            width = np.minimum(np.minimum(length[some], high), LAYER.drop / np.maximum(high, 1e-3))
            total[some] += width * (_mills(high[:, None] - width[:, None] * _X) @ _W)
        some = (low < 0).nonzero()[0]
        if some.size:  # h ~ -1/y: in the variable log(1 - y)
            near = 1 + np.maximum(-top[some], 0.0)
            width = np.log1p((1 - low[some] - near) / near)
            stretch = near[:, None] * np.exp(width[:, None] * _X)
            total[some] += width * ((_mills(1 - stretch) * stretch) @ _W)
        total = total.reshape(shape)
        log = np.log(total / g)
        if not slopes:
            return Times(log, log, log)
        top, low = top.reshape(shape), low.reshape(shape)
        upper, lower = _mills(top), _mills(low)
        curvature = (_mills_slope(top, upper) - _mills_slope(low, lower)) / root**2 / (2 * g)
        return Times(log, (upper - lower) / root / g / total, curvature / total)


class Neuron:
    """Any drift m + f(v), up to `highest`: a table of log T over m (and a), interpolated by cubic splines."""

    error = 2e-5  # of log T, times 1 + |log T|
    falls = False  # with noise: nothing is known of it

    def __init__(self, drift: Callable, start: float, top: float, noise: tuple[float, float], highest: float):
        """`drift`: f at points v; `noise`: the smallest and the largest a. Raises ValueError where nothing holds it."""
        self._drift, self._ends = drift, (start, top)
        self.centre = -float(drift(np.linspace(start, top, 200)).min())  # m at which it begins to fire by itself
        low, high = np.log(noise)
        self._log_a = np.linspace(low, high, 2 + int(4 * (high - low))) if high > low else np.array([low])
        last = np.arcsinh(max(highest - self.centre, 1.0) / np.exp(low / 2))
        self._x = np.linspace(np.arcsinh(-LAYER.highest), last, 40 + int(12 * last))
        table = np.array([self._row(a) for a in np.exp(self._log_a)])
        if len(table) == 1:
            from scipy.interpolate import CubicSpline

            self._spline = CubicSpline(self._x, table[0])
        else:
            from scipy.interpolate import RectBivariateSpline

            self._spline = RectBivariateSpline(self._log_a, self._x, table, kx=min(3, len(table) - 1))

    def __call__(self, m: np.ndarray, a: np.ndarray, slopes: bool = True) -> Times:
        root = np.sqrt(a)
        y = (np.asarray(m, float) - self.centre) / root
        x = np.clip(np.arcsinh(y), self._x[0], self._x[-1])
        by_x = -1 / (root * np.sqrt(1 + y * y))
        if len(self._log_a) == 1:
            return Times(self._spline(x), by_x * self._spline(x, 1), np.zeros_like(x))
        log_a = np.log(a)
        slope = self._spline.ev(log_a, x, dy=1)
        by_a = (y / np.sqrt(1 + y * y) * slope / 2 - self._spline.ev(log_a, x, dx=1)) / a
        return Times(self._spline.ev(log_a, x), by_x * slope, by_a)

    def _row(self, a: float) -> np.ndarray:
        m = self.centre + np.sqrt(a) * np.sinh(self._x)
        grid = self._grid(a, float(m[0]))
        halves = np.sort(np.concatenate([grid, (grid[1:] + grid[:-1]) / 2]))
        return (4 * self._log_times(m, a, halves) - self._log_times(m, a, grid)) / 3

    def _grid(self, a: float, lowest: float) -> np.ndarray:
        """Ends of panels, V_R among them: equal parts of int sqrt(|f'|/a) dv, or of log f where f alone decides."""
        start, top = self._ends
        unit = max(top - start, np.sqrt(a))
        below = start - unit * np.concatenate([np.linspace(0, 12, 400), np.geomspace(12.03, 1e4, 800)])
        slope = (self._drift(below) + lowest) / a
        potential = np.concatenate([[0.0], -np.cumsum((slope[1:] + slope[:-1]) / 2 * np.abs(np.diff(below)))])
        enough = (potential < np.maximum.accumulate(potential) - LAYER.drop) & (slope > 0)
        if not enough.any():
            raise ValueError(f"the drift {self._drift} does not hold a neuron that receives {lowest:.4g}")
        parts = []
        for low, high in ((below[np.argmax(enough)], start), (start, top)):
            ends = high - (high - low) * np.geomspace(1e-8, 1, 400)
            v = np.unique(np.concatenate([np.linspace(low, high, 2000), ends]))
            f = self._drift(v)
            bend = np.abs(np.diff(f) / np.diff(v))
            size = np.abs(f[1:] + f[:-1]) / 2
            carried = np.where(size > 4 * abs(lowest) + 1, bend / size, np.inf)
            count = np.cumsum(np.minimum(np.sqrt(bend / a), 4 * carried) * np.diff(v)) * LAYER.per_unit
            number = 8 + int(count[-1])
            parts.append(np.interp(np.linspace(0, count[-1], number + 1), np.concatenate([[0.0], count]), v))
        return np.concatenate([parts[0][:-1], parts[1]])

    def _log_times(self, m: np.ndarray, a: float, ends: np.ndarray) -> np.ndarray:
        """Q' = 1 - r Q, r = (f + m)/a, exactly in each panel at the mean of r; log int Q/a; second order."""
        widths, middles = np.diff(ends), (ends[1:] + ends[:-1]) / 2
        apart = widths / np.sqrt(12)
        means = (self._drift(middles - apart) + self._drift(middles + apart)) / 2
        Q, total = np.zeros(len(m)), np.zeros(len(m))
        first = int(np.searchsorted(middles, self._ends[0]))
        with np.errstate(over="ignore"):
            for k, (w, f) in enumerate(zip(widths.tolist(), means.tolist(), strict=True)):
                x = (f + m) * (w / a)
                x[np.abs(x) < 1e-6] = 1e-6
                kept = np.exp(-x)
                part = (1 - kept) / x
                if k >= first:
                    total += w / a * (Q * part + w * (1 - part) / x)
                Q = np.minimum(Q * kept + w * part, 1e290)
        return np.log(np.minimum(total, 1e290))


class Mixture:
    """Neurons that begin at one of several places: the mean of their times, T = sum of shares T_j."""

    def __init__(self, kinds: Sequence[Any], shares: Sequence[float]) -> None:
        self._kinds, self._log_shares = kinds, np.log(shares)
        self.error, self.centre = max(kind.error for kind in kinds), kinds[0].centre
        self.falls = all(kind.falls for kind in kinds)

    def __call__(self, m: np.ndarray, a: np.ndarray, slopes: bool = True) -> Times:
        log, by_m, by_a = (np.array(part) for part in zip(*(kind(m, a, slopes) for kind in self._kinds), strict=True))
        log += self._log_shares.reshape(-1, *[1] * np.ndim(m))
        total = np.logaddexp.reduce(log, axis=0)
        parts = np.exp(log - total)
        return Times(total, (parts * by_m).sum(axis=0), (parts * by_a).sum(axis=0))


def _mills(y: np.ndarray) -> np.ndarray:
    """h(y) = int_0^inf exp(s y - s^2/2) ds for y <= LAYER.highest."""
    from scipy.special import erfcx

    return np.sqrt(np.pi / 2) * erfcx(-y / np.sqrt(2))


def _mills_slope(y: np.ndarray, h: np.ndarray) -> np.ndarray:
    """h' = 1 + y h, by its asymptotic series where that cancels."""
    square = 1 / np.maximum(y * y, 100.0)
    return np.where(y < -40, square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square))), 1 + y * h)
