"""Linear systems M dy/dt = J y, M y(0) = b, at any time at once, by inversion of the Laplace transform.

    y^(s) = (s M - J)^-1 b,      f(t) = (1/2 pi i) int e^{st} c.y^(s) ds

on parabolas s = s0 + (sigma + i u)^2 around the spectrum, which lies on the real axis left of s0. The midpoint rule in
u converges geometrically; one parabola serves all times of a window (Weideman & Trefethen, Math. Comp. 76 (2007)).

For the first passage of a diffusion, c.y^ ~ exp(-l sqrt(s - s0)) and f ~ exp(-l^2/4t), l the distance over sqrt(noise):
vertex sigma, step and number of nodes are chosen for that, so that f is accurate relative to itself, however small. A
density far narrower than its mean is not of that form, nor one with a narrow front (little noise, then a long random
rest), which neighbouring windows betray; these are Fourier series on an interval that holds them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from ..algebra import Band, BandLowRank, resolvent
from ..algebra.band import SingularMatrix
from ..problem import NotConverged
from .tuning import LAPLACE


class Decay:
    """First passage out of a linear system: survival S(t) = total.y(t), density f(t) = output.y(t) = -S'(t).

    total, output: rows; length: l. digits: accuracy of f relative to itself, as a power of ten.
    terms: of a Fourier series, at most.
    `mean`, `second_moment`: of the time of passage. `slowest`: lambda_1, S ~ exp(lambda_1 t) in the end.
    Raises NotConverged where passages are so rare that rounding hides them.
    """

    def __init__(
        self,
        J: BandLowRank,
        mass: Band,
        b: np.ndarray,
        *,
        total: np.ndarray,
        output: np.ndarray,
        length: float,
        digits: float = 12.0,
        terms: int = LAPLACE.most,
    ) -> None:
        acting = np.any(J.U != 0, axis=0)
        self._J, self._mass, self._b = BandLowRank(J.band, J.U[:, acting], J.G[acting]), mass, b
        self._total, self._output = total, output
        self._log, self._terms = digits * math.log(10.0), terms
        self._windows: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, float]] = {}
        try:
            factored = self._J.factor(0.0, mass)
        except SingularMatrix as error:
            raise NotConverged(f"passage: nothing decays ({error})") from error
        x0 = factored.solve(b)
        x1 = factored.solve(mass @ x0)
        self.mean, self.second_moment = float(total @ x0), 2 * float(total @ x1)
        if not (self.mean > 0 and self.mean**2 < self.second_moment < 1e30 * self.mean**2):
            found = f"mean {self.mean!r}, second moment {self.second_moment!r}"
            raise NotConverged(f"passage: {found}: passages are so rare that rounding hides them")
        if self.mean > LAPLACE.rarest * min(1.0, length**2):
            raise NotConverged(f"passage: the mean time {self.mean:.3g} is so long that rounding hides what leaves")
        self.slowest = self._slowest(x1)
        self.narrow = self.cv**2 < LAPLACE.narrow
        self._series = self.narrow
        self.vertex, self._length = self._shape(length)

    @cached_property
    def _transform(self) -> Callable[[np.ndarray], np.ndarray]:
        """s -> f^(s)."""
        return resolvent(self._J, self._mass, self._output, self._b)

    @property
    def cv(self) -> float:
        """Standard deviation over mean."""
        return math.sqrt(self.second_moment / self.mean**2 - 1)

    def _slowest(self, x: np.ndarray) -> float | None:
        """lambda_1 by inverse iteration with shifts that follow the decay of `total`; None if it does not settle."""
        shift, previous, change = 0.0, math.inf, math.inf
        for _ in range(LAPLACE.steps):
            x = x / np.abs(x).max()
            try:
                new = self._J.factor(shift, self._mass).solve(self._mass @ x)
            except SingularMatrix:
                return shift
            value = shift - float(self._total @ x) / float(self._total @ new)
            last, change = change, abs(value - previous)
            if change < 1e-12 * abs(value) or (1e-7 * abs(value) > change >= last):  # settled, or down to rounding
                return value
            x, previous, shift = new, value, value * (1 - 1e-9)
        return None

    def _shape(self, length: float) -> tuple[float, float]:
        """(s0, l) such that f ~ t^(-3/2) exp(-l^2/4t + s0 t), roughly: s0 = lambda_1 and the given l.

        Of a narrow f those of the inverse Gaussian density of the same mean and cv. In between, the saddle point of the
        mean must not lie right of s = 0.
        """
        gaussian = -1 / (2 * self.mean * self.cv**2)
        if self.narrow:
            return gaussian, 2 * self.mean * math.sqrt(-gaussian)
        s0 = -0.5 / self.mean if self.slowest is None else self.slowest
        return s0, min(length, 2 * self.mean * math.sqrt(-s0))

    def _time(self, fallen: float, sign: int) -> float:
        """t before (sign < 0) or after the peak where (l/2 - q t)^2/t = fallen, q^2 = -s0: f is down by e^-fallen."""
        q, root = math.sqrt(-self.vertex), math.sqrt(fallen)
        far = root + math.sqrt(fallen + 2 * self._length * q)
        return (self._length / far if sign < 0 else far / (2 * q)) ** 2

    @property
    def first(self) -> float:
        """Time before which f is extrapolated."""
        return self._time(LAPLACE.vanished_narrow if self.narrow else LAPLACE.vanished, -1)

    @property
    def last(self) -> float:
        """Time after which f is extrapolated."""
        return self._time(LAPLACE.vanished_narrow, 1) if self._series else math.inf

    def require_all(self) -> None:
        """Everything decays: there are moments."""

    def require_times(self, longest: float) -> None:
        """All times are allowed."""

    def panels(self) -> np.ndarray:
        """Times between which f is smooth, from where it begins to where most have fired."""
        first, end = self.first, self.mean * (1 + 12 * self.cv)
        return np.geomspace(first, end, 2 + int(8 * math.log(end / first)))

    # values -----------------------------------------------------------------------------------------------------

    def evaluate(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(f, S) at times >= 0, arrays of their shape. Extrapolated as C t^(-3/2) exp(-l^2/4t + s0 t), C exp(s0 t)."""
        times, first, last = np.asarray(times, float), self.first, self.last
        t = np.clip(times, first, last)
        f, S = np.zeros(t.shape), np.ones(t.shape)
        exponents = self._length**2 / (4 * t)
        ladder = _ladder(self._log, self._length**2 / (4 * first))
        steep = np.searchsorted([rung[0] for rung in ladder], exponents)
        flat = np.ceil(np.log(np.minimum(exponents / LAPLACE.lowest, 1.0)) / math.log(LAPLACE.ratio)).astype(int)
        index = np.zeros(t.shape, int) if self._series else np.where(exponents <= LAPLACE.lowest, flat, steep)
        wanted = np.unique(index)
        if self._series:
            self._expand()
        else:
            self._open(wanted.tolist(), ladder)
            if not self._agree(ladder):
                self._windows, self._series = {}, True
                return self.evaluate(times)
        for k in wanted.tolist():
            here = index == k
            s, density, distribution, limit = self._windows[k]
            f[here], S[here] = 0.0, limit
            for part in np.array_split(np.arange(len(s)), math.ceil(len(s) / LAPLACE.block)):
                waves = np.exp(np.multiply.outer(t[here], s[part]))
                f[here] += (waves @ density[part]).real
                S[here] -= (waves @ distribution[part]).real
        early = times < first
        if early.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = first / times[early]
                change = self._length**2 / (4 * first) * (ratio - 1) + self.vertex * first * (1 - 1 / ratio)
                f[early] *= np.where(times[early] > 0, ratio**1.5 * np.exp(-change), 0.0)
            S[early] = 1.0
        if (late := times > last).any():
            fall = np.exp((self.slowest or self.vertex) * (times[late] - last))
            f[late], S[late] = f[late] * fall, S[late] * fall
        return f, S

    def _expand(self) -> None:
        """One window for all times, on the imaginary axis: s = i step (k + 1/2), of a period that holds all of f."""
        if 0 not in self._windows:
            step = 2 * math.pi / (LAPLACE.period * self._time(LAPLACE.vanished, 1))
            vanished = math.exp(-self._log)
            if abs(self._transform(np.array([1j * step * (self._terms - 0.5)]))[0]) > vanished:
                raise NotConverged(
                    f"passage: the density is too narrow or too steep for its mean, {self.mean:.3g}: "
                    f"{self._terms} terms of a Fourier series do not give it"
                )
            s, f, small = np.zeros(0, complex), np.zeros(0, complex), None
            while small is None and len(s) < self._terms:
                more = 1j * step * (np.arange(len(s), len(s) + LAPLACE.chunk) + 0.5)
                s, f = np.append(s, more), np.append(f, self._transform(more))
                small = _vanished(f, vanished)
            nodes, weights = s[:small], step / np.pi * f[:small]
            self._windows[0] = nodes, weights, weights / nodes, 0.5

    def _agree(self, ladder: list[tuple[float, float, float, int]]) -> bool:
        """Whether neighbouring windows have the same f where they meet: not so if f has a front that is narrow for it.

        A front at t0 is a factor e^{-s t0} of the transform, which grows on the left of the parabolas.
        """
        differences, largest = [0.0], 0.0
        for k in [k for k in self._windows if k + 1 in self._windows]:
            t = self._length**2 / (4 * ladder[max(k, 0)][0] * LAPLACE.ratio ** min(k, 0))
            here, there = (float((np.exp(s * t) @ w).real) for s, w, _, _ in (self._windows[k], self._windows[k + 1]))
            differences.append(abs(here - there))
            largest = max(largest, abs(here), abs(there))
        rounding = LAPLACE.rounding * self.mean / min(1.0, self._length**2)
        return max(differences) <= (LAPLACE.agree * math.exp(-self._log) + rounding) * largest

    def _open(self, wanted: list[int], ladder: list[tuple[float, float, float, int]]) -> None:
        """Windows of these rungs of the ladder: (nodes s, weights of f, weights of F, limit), S = limit - F.

        The transform f^/s of F = 1 - S has a pole at s = 0, at a distance c from the parabola in u: what it does to
        the midpoint rule is 1/(1 + exp(2 pi c/step)) exactly.
        """
        new, wanted = [], [*wanted, wanted[0] - 1] if len(wanted) == 1 else wanted  # a neighbour, to compare with
        for k in [k for k in wanted if k not in self._windows]:
            top, sigma, step, count = ladder[max(k, 0)]
            shortest = self._length**2 / (4 * top * LAPLACE.ratio ** min(k, 0))
            sigma, step = sigma / math.sqrt(shortest), step / math.sqrt(shortest)
            limit = 0.5 * (1 + math.tanh(math.pi * (sigma - math.sqrt(-self.vertex)) / step))
            new.append((k, sigma + 1j * step * (np.arange(count) + 0.5), step, limit))
        if new:
            f = self._transform(self.vertex + np.concatenate([z for _, z, _, _ in new]) ** 2)
            ends = np.cumsum([len(z) for _, z, _, _ in new])[:-1]
            for (k, z, step, limit), part in zip(new, np.split(f, ends), strict=True):
                s, weights = self.vertex + z**2, 2 * step / np.pi * z * part
                self._windows[k] = s, weights, weights / s, limit


def _vanished(f: np.ndarray, small: float) -> int | None:
    """How many terms there are when three in a row are small; None where there are not."""
    below = np.abs(f) <= small
    last = np.flatnonzero(below[7:] & below[6:-1] & below[5:-2]) if len(f) > 7 else below[:0]
    return int(last[0]) + 8 if len(last) else None


_ladders: dict[float, list[tuple[float, float, float, int]]] = {}


def _ladder(log: float, highest: float) -> list[tuple[float, float, float, int]]:
    """Windows in the exponent E = l^2/4t, upwards: (top, sigma, step, nodes), times in units of the shortest.

    They narrow where f falls steeply: each reaches as far as costs least per factor of time.
    """
    rungs = _ladders.get(log) or _ladders.setdefault(
        log, [(LAPLACE.lowest, *contour(LAPLACE.lowest, LAPLACE.ratio, log))]
    )
    while rungs[-1][0] < highest:
        low = rungs[-1][0]
        choices = [
            (contour(low * ratio, ratio, log), ratio) for ratio in np.geomspace(1.05, LAPLACE.ratio, 12).tolist()
        ]
        best, ratio = min(choices, key=lambda choice: choice[0][2] / math.log(choice[1]))
        rungs.append((low * ratio, *best))
    return rungs


def contour(exponent: float, ratio: float, log: float) -> tuple[float, float, int]:
    """(sigma, step, nodes with u > 0) for t in [1, ratio] and f = exp(-l^2/4t), exponent = l^2/4, to e^-log relative.

    At distance c from the parabola the integrand is exp(t (sigma -+ c - w)^2) f, w = l/2t: the midpoint rule errs by
    exp(t (sigma -+ c - w)^2 - 2 pi c/step), c < sigma on the side of the spectrum.
    """
    t = np.array([1.0, ratio])
    w = math.sqrt(exponent) / t
    sigma = np.linspace(w[1], w[0] + 8.0, 60)[1:, None, None]
    c = np.linspace(0.0, 1.0, 40)[None, 1:, None]
    inside = np.max((log + t * (sigma * (1 - c) - w) ** 2) / (sigma * c), axis=2).min(axis=1)
    outside = np.max((log + t * (sigma + 12 * c - w) ** 2) / (12 * c), axis=2).min(axis=1)
    inverse = np.maximum(inside, outside) / (2 * np.pi)  # of the step
    highest = np.sqrt(np.max((sigma[:, 0] - w) ** 2 + log / t, axis=1))
    best = int(np.argmin(highest * inverse))
    return float(sigma[best, 0, 0]), 1 / float(inverse[best]), math.ceil(highest[best] * inverse[best])
