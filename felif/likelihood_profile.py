"""Profile likelihoods: the largest likelihood with one parameter held, and the interval of values it does not exclude.

With D(x) = 2 (max log L - max_{theta_j = x} log L), the interval of level p is {x: D(x) <= q}, q the p-quantile of chi2
with one degree of freedom (Wilks 1938). It needs no quadratic likelihood: where D stays below q as x grows without
bound, the interval has no end there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from .likelihood import Likelihood
from .likelihood_maximum import match, maximise

_PRECISE = 4e-3  # of the square root of D, at an end of an interval
_ENOUGH = 2e-3  # squared distance from the maximum over the other parameters, in standard errors
_ASTRAY = 5.0  # log-likelihood below the maximum, beyond which other starts are tried
_FAR = 7.0  # scales from the estimate (a factor 1000 of a positive parameter) to which a side is followed
_STRIDE, _FIRST, _SHORTEST = 1.0, 0.5, 1e-3  # of the search for an end, in scales
_SIDES, _REFINED = 60, 30  # steps at most: along a side, towards its end
FLAT, BOUND, LOST = "flat", "bound", "lost"
_BETTER = 1e-2  # log-likelihood above the maximum from which on another maximum has been found


class Better(Exception):
    """A point of larger likelihood than the maximum was met: `theta`."""

    def __init__(self, theta: np.ndarray) -> None:
        super().__init__("a larger likelihood was found away from the estimate")
        self.theta = theta


@dataclass(frozen=True)
class End:
    """One end of an interval; `why` it is where D is still below q, or "".

    FLAT: D was followed far without rising to q; BOUND: there is no model beyond; LOST: D could not be computed beyond.
    """

    value: float
    why: str = ""


class ProfilePath:
    """max over the others of log L along one parameter, followed from the estimate outwards."""

    def __init__(self, likelihood: Likelihood, theta: np.ndarray, covariance: np.ndarray, j: int) -> None:
        self.likelihood, self.theta, self.j = likelihood, theta, j
        self.maximum = likelihood.total(theta)
        self.free = np.delete(np.arange(len(theta)), j)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = covariance[:, j] / covariance[j, j]
            self.error = float(np.sqrt(covariance[j, j]))
        self.slope = np.where(np.isfinite(slope), slope, 0.0)
        self.slope[j] = 1.0
        if not math.isfinite(self.error) or self.error <= 0:
            self.error = math.inf

    def side(self) -> list[np.ndarray]:
        """The beginning of a path on one side, for `at`."""
        return [self.theta]

    def at(self, x: float, path: list[np.ndarray]) -> tuple[float, np.ndarray]:
        """(log L, theta) at theta_j = x; the path is extrapolated, and extended by theta where there is a likelihood.

        log L is -inf where the model does not exist or cannot be computed.
        """
        last = path[-1]
        if len(path) > 1 and path[-1][self.j] != path[-2][self.j]:
            slope = (path[-1] - path[-2]) / (path[-1][self.j] - path[-2][self.j])
        else:
            slope = self.slope
        guess = last + (x - last[self.j]) * slope
        guess[self.j] = x
        height = self.likelihood.total(guess)
        if len(self.free):
            if not self.maximum - height < _ASTRAY:  # extrapolated too far
                plain = last.copy()
                plain[self.j] = x
                if (other := self.likelihood.total(plain)) > height:
                    guess, height = plain, other
            if self.maximum - height > 20:  # far off: the moments of the intervals lead back to the ridge
                matched = match(self.likelihood, guess, self.free)
                if self.likelihood.total(matched) > height:
                    guess = matched
            if math.isfinite(self.likelihood.total(guess)):
                guess = maximise(self.likelihood, guess, self.free, _ENOUGH)[0]
        height = self.likelihood.total(guess)
        if height > self.maximum + _BETTER:
            raise Better(guess)
        if math.isfinite(height):
            path.append(guess)
        return height, guess

    def end(self, way: int, q: float) -> End:
        """Where D = q on one side of the estimate. Raises Better."""
        likelihood, j, start = self.likelihood, self.j, self.theta[self.j]
        scale, limit = likelihood.scales[j], likelihood.limits[j]
        root, path = math.sqrt(q), self.side()
        near, far = (start, 0.0), None  # (x, sqrt(D)) inside and outside
        stride = min(self.error * root, _FIRST * scale)
        for _ in range(_SIDES):
            x = near[0] + way * stride
            if way * (x - limit[way > 0]) >= 0:
                x = limit[way > 0]
            height, _theta = self.at(x, path)
            if not math.isfinite(height):
                if stride < _SHORTEST * scale:
                    return self._open(way, LOST) if likelihood.exists(path[-1], j, x) else End(near[0], BOUND)
                stride /= 4
                continue
            D = math.sqrt(max(2 * (self.maximum - height), 0.0))
            if D > root:
                far = (x, D)
                break
            if x == limit[way > 0]:
                return End(x, BOUND)
            if abs(x - start) >= _FAR * scale:
                return self._open(way, FLAT)
            gained = (D - near[1]) / max(abs(x - near[0]), 1e-300)
            near = (x, D)
            wanted = 1.1 * (root - D) / gained if gained > 0 else math.inf
            stride = min(max(wanted, 0.5 * stride), 3 * stride, _STRIDE * scale)
        if far is None:
            return self._open(way, LOST)
        return End(self._crossing(near, far, root, [path[-2], path[-1]] if len(path) > 1 else path))

    def _crossing(self, near: tuple, far: tuple, root: float, path: list[np.ndarray]) -> float:
        """sqrt(D) = root between two points, by the method of Illinois; sqrt(D) is nearly linear."""
        (a, below), (b, above) = (near[0], near[1] - root), (far[0], far[1] - root)
        x = b
        for _ in range(_REFINED):
            x = b - above * (b - a) / (above - below)
            closest = min(path, key=lambda theta: abs(theta[self.j] - x))
            height, theta = self.at(x, [closest])
            if not math.isfinite(height):
                return a
            path.append(theta)
            value = math.sqrt(max(2 * (self.maximum - height), 0.0)) - root
            if abs(value) < _PRECISE:
                break
            if (value > 0) == (above > 0):
                below = below / 2 if b == x or (above > 0 and value > 0.5 * above) else below
                b, above = x, value
            else:
                a, below = x, value
        return x

    def _open(self, way: int, why: str) -> End:
        return End(math.inf * way, why)


@dataclass(frozen=True)
class Profile:
    """Profile likelihood of one parameter: the largest log-likelihood at each of its `values`, the others free."""

    name: str
    values: np.ndarray
    log_likelihood: np.ndarray
    estimate: float
    maximum: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Where 2 (max - profile) is below the quantile of chi2 with one degree of freedom; inf beyond the values.

        Raises ValueError for a level that is not between 0 and 1.
        """
        check_level(level)
        root = np.sign(self.values - self.estimate) * np.sqrt(2 * np.maximum(self.maximum - self.log_likelihood, 0.0))
        bound = math.sqrt(chi2.ppf(level, 1))
        return (
            float(np.interp(-bound, root, self.values)) if root[0] < -bound else -math.inf,
            float(np.interp(bound, root, self.values)) if root[-1] > bound else math.inf,
        )


def check_level(level: Any) -> None:
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise ValueError(f"level = {level!r}; allowed is a number between 0 and 1")
