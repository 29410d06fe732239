"""Profile likelihoods: the largest likelihood with one parameter held, and the interval of values it does not exclude.

With D(x) = 2 (max log L - max_{theta_j = x} log L), the interval of level p is {x: D(x) <= q}, q the p-quantile of chi2
with one degree of freedom (Wilks 1938). It needs no quadratic likelihood: where D stays below q as x grows without
bound, the interval has no end there.

sqrt(D) is nearly linear in x, so ends are found by interpolation of x as a function of sqrt(D). Whatever theta a search
has come by with a likelihood that q does not exclude belongs to the interval of every parameter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from ..given.arguments import is_number, shown
from .likelihood import Likelihood
from .likelihood_maximum import match, maximise
from .tuning import PROFILE

FLAT, BOUND, LOST = "flat", "bound", "lost"


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

    def __init__(
        self, likelihood: Likelihood, theta: np.ndarray, maximum: float, covariance: np.ndarray, j: int
    ) -> None:
        self.likelihood, self.theta, self.maximum, self.j = likelihood, theta, maximum, j
        self.free = np.delete(np.arange(len(theta)), j)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = covariance[:, j] / covariance[j, j]
            self.error = float(np.sqrt(covariance[j, j]))
        self.slope = np.where(np.isfinite(slope), slope, 0.0)
        self.slope[j] = 1.0
        if not math.isfinite(self.error) or self.error <= 0:
            self.error = math.inf
        self.reach = min(self.error, PROFILE.first * likelihood.scales[j])

    def side(self) -> list[np.ndarray]:
        """The beginning of a path on one side, for `at`."""
        return [self.theta]

    def _guess(self, x: float, path: list[np.ndarray]) -> np.ndarray:
        """The path extrapolated: a parabola through its last three points, or with its direction at the estimate."""
        j, points = self.j, list({theta[self.j]: theta for theta in path[-3:]}.values())
        if x == path[-1][j]:
            return path[-1]
        if len(points) < 3 and path[0] is self.theta:
            points.append(self.theta + 1e-3 * (x - self.theta[j]) * self.slope)
        weights = [math.prod((x - b[j]) / (a[j] - b[j]) for b in points if b is not a) for a in points]
        guess = np.sum([weight * a for weight, a in zip(weights, points, strict=True)], axis=0)
        guess[j] = x
        return guess

    def _beginning(self, x: float, path: list[np.ndarray]) -> tuple[np.ndarray, float]:
        """(theta, log L) to begin at: the path extrapolated, or its last point where that is better."""
        guess = self._guess(x, path)
        height = self.likelihood.total(guess)
        if not self.maximum - height < PROFILE.astray / 2:
            plain = path[-1].copy()
            plain[self.j] = x
            if (other := self.likelihood.total(plain)) > height:
                return plain, other
        return guess, height

    def at(self, x: float, path: list[np.ndarray]) -> tuple[float, np.ndarray]:
        """(log L, theta) at theta_j = x; the path is extrapolated, and extended by theta where there is a likelihood.

        log L is -inf where the model does not exist or cannot be computed.
        """
        guess, height = self._beginning(x, path)
        if len(self.free) and self.maximum - height > PROFILE.lost_it:
            matched = match(self.likelihood, guess, self.free)
            if self.likelihood.total(matched) > height:
                guess = matched
        return self._ascend(guess, path)

    def _ascend(self, guess: np.ndarray, path: list[np.ndarray]) -> tuple[float, np.ndarray]:
        height = self.likelihood.total(guess)
        if len(self.free) and math.isfinite(height):
            guess, height = maximise(self.likelihood, guess, self.free, PROFILE.enough, sides=1)[:2]
        if height > self.maximum + PROFILE.better:
            raise Better(guess)
        if math.isfinite(height):
            path.append(guess)
        return height, guess

    def _outermost(self, way: int) -> float:
        """The estimate or the start, from where a side is followed far: an estimate may lie where nothing changes."""
        return way * max(way * self.theta[self.j], way * self.likelihood.start[self.j])

    def _climb(self, theta: np.ndarray) -> None:
        """Raise Better where theta lies on the slope of a larger maximum."""
        top = maximise(self.likelihood, theta, np.arange(len(theta)), PROFILE.enough, sides=1).theta
        if self.likelihood.total(top) > self.maximum + PROFILE.better:
            raise Better(top)

    def end(self, way: int, q: float) -> End:
        """The outermost x found with D = q on one side of the estimate. Raises Better.

        Likelihoods may have several maxima. Where sqrt(D) bends down, or was followed from another maximum, it is
        looked at beyond D = q too, for a further part of the interval.
        """
        root, start = math.sqrt(q), self.theta[self.j]
        path, near, points = self._seen(way, root)
        while True:
            end = self._march(way, root, path, near, points)
            if end.why or (path[0] is self.theta and abs(end.value - start) < PROFILE.bent * self.error * root):
                return end
            part = self._beyond(way, root, end.value, path)
            if part is None:
                return end
            path, near = part
            points = [near]

    def outside(self, end: End, way: int, q: float) -> bool:
        """Whether something was seen within the interval, but beyond this end of it."""
        seen = self.likelihood.seen(self.maximum - q / 2)
        return any(way * (theta[self.j] - end.value) > PROFILE.overlooked * self.reach for theta in seen)

    def _march(
        self,
        way: int,
        root: float,
        path: list[np.ndarray],
        near: tuple[float, float],
        points: list[tuple[float, float]],
    ) -> End:
        """The first x beyond near where sqrt(D) = root. near: (x, sqrt(D)) inside."""
        likelihood, j = self.likelihood, self.j
        scale, limit = likelihood.scales[j], likelihood.limits[j][way > 0]
        far: tuple[float, float] | None = None  # (x, sqrt(D)) outside; near: inside
        longest, tries = min(self.error * root, PROFILE.first * scale), 0
        for _ in range(PROFILE.steps):
            if far is None and way * (near[0] - self._outermost(way)) >= PROFILE.far * scale:
                return End(math.inf * way, FLAT)
            if far is None:
                x = near[0] + way * self._stride(way, root, near[0], points, longest)
            else:
                tries += 1
                x = self._between(root, near, far, points, tries)
            if way * (x - limit) >= 0:
                x = limit
            guess, height = self._beginning(x, path)
            if not math.isfinite(height):
                if abs(x - near[0]) < PROFILE.shortest * scale:
                    return End(math.inf * way, LOST) if likelihood.exists(path[-1], j, x) else End(near[0], BOUND)
                longest, far = abs(x - near[0]) / 4, None
                continue
            if self.maximum - height > (near[1] ** 2 + PROFILE.astray) / 2 and abs(x - near[0]) > PROFILE.short * scale:
                longest, far = abs(x - near[0]) / 3, None
                continue
            height, theta = self._ascend(guess, path)
            here = (x, math.sqrt(max(2 * (self.maximum - height), 0.0)))
            if way * (x - max(points, key=lambda p: way * p[0])[0]) > 0 and here[1] < points[-1][1] - PROFILE.falls:
                self._climb(theta)
            points.append(here)
            if abs(here[1] - root) < PROFILE.precise:
                return End(x)
            if here[1] > root:
                far = here
            elif x == limit:
                return End(x, BOUND)
            else:
                longest, near = min(PROFILE.grow * abs(x - near[0]), PROFILE.stride * scale), here
            if far is not None and abs(far[0] - near[0]) < PROFILE.precise * min(self.error, scale):
                return End(near[0])
        return End(math.inf * way, LOST)

    def _beyond(
        self, way: int, root: float, edge: float, path: list[np.ndarray]
    ) -> tuple[list[np.ndarray], tuple[float, float]] | None:
        """(path, near) in a further part of the interval, beyond one that ends at `edge`."""
        likelihood, j = self.likelihood, self.j
        limit, scale, width = likelihood.limits[j][way > 0], likelihood.scales[j], abs(edge - self.theta[j])
        last = min(path, key=lambda theta: abs(theta[j] - edge))
        before = [theta for theta in path if 0.3 * width < way * (last[j] - theta[j])]
        path, stride = [*sorted(before, key=lambda theta: way * theta[j])[-1:], last], min(width, PROFILE.first * scale)
        for _ in range(PROFILE.looks):
            x = path[-1][j] + way * stride
            if way * (x - limit) >= 0 or way * (x - self._outermost(way)) > PROFILE.far * scale:
                return None
            guess, height = self._beginning(x, path)
            if 2 * (self.maximum - height) > (root + PROFILE.beyond) ** 2 + PROFILE.astray:
                stride /= 3
                if stride < 0.1 * min(width, scale):
                    return None
                continue
            height, _theta = self._ascend(guess, path)
            r = math.sqrt(max(2 * (self.maximum - height), 0.0))
            if r < root:
                self._climb(path[-1])
                return path, (x, r)
            if r > root + PROFILE.beyond:
                return None
            stride = min(1.5 * stride, PROFILE.stride * scale)
        return None

    def _seen(self, way: int, root: float) -> tuple[list[np.ndarray], tuple[float, float], list[tuple[float, float]]]:
        """(path, near, points) to begin with: the estimate, or what was seen within the interval farther out."""
        likelihood, j, start = self.likelihood, self.j, float(self.theta[self.j])
        seen = likelihood.seen(self.maximum - root**2 / 2)
        outermost = max(seen, key=lambda theta: way * theta[j], default=self.theta)
        if way * (outermost[j] - start) > self.reach * root:
            before = [theta for theta in seen if way * (outermost[j] - theta[j]) > PROFILE.apart * likelihood.scales[j]]
            path = [*sorted(before, key=lambda theta: way * theta[j])[-1:], outermost]
            D = 2 * (self.maximum - likelihood.total(outermost))
            near = (float(outermost[j]), math.sqrt(max(D, 0.0)))
            return path, near, [near]
        points = [(start, 0.0)]
        if math.isfinite(self.error):
            points.append((start + way * 1e-3 * self.error, 1e-3))
        return self.side(), points[0], points

    def _stride(self, way: int, root: float, x: float, points: list[tuple[float, float]], longest: float) -> float:
        """The next stride outwards: to where sqrt(D) = root, extrapolated, where it rises."""
        rising = len(points) > 1 and points[-1][1] > points[-2][1]
        ahead = way * (_inverse(points[-3:], root) - x) if rising else math.inf
        return min(max(ahead, PROFILE.shrink * longest), longest) if ahead > 0 else longest

    def _between(self, root: float, near: tuple, far: tuple, points: list[tuple[float, float]], tries: int) -> float:
        """The next x in a bracket: by interpolation of its last three points, now and then the middle."""
        width = far[0] - near[0]
        if tries > 3 and tries % 2 == 0:
            return near[0] + width / 2
        share = (_inverse(points[-3:], root) - near[0]) / width
        if not 0 < share < 1:
            share = (root - near[1]) / (far[1] - near[1])
        return near[0] + width * min(max(share, PROFILE.margin), 1 - PROFILE.margin)


def _inverse(points: list[tuple[float, float]], root: float) -> float:
    """x where sqrt(D) = root, x a polynomial in sqrt(D) through (x, sqrt(D)); nan where two of those agree."""
    if len({r for _, r in points}) < len(points):
        return math.nan
    return sum(x * math.prod((root - s) / (r - s) for _, s in points if s != r) for x, r in points)


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

        Parameters
        ----------
        level : float
            Between 0 and 1.

        Returns
        -------
        low, high : float

        Raises
        ------
        ValueError
            For another level.
        """
        check_level(level)
        root = np.sign(self.values - self.estimate) * np.sqrt(2 * np.maximum(self.maximum - self.log_likelihood, 0.0))
        bound = math.sqrt(chi2.ppf(level, 1))
        return (
            float(np.interp(-bound, root, self.values)) if root[0] < -bound else -math.inf,
            float(np.interp(bound, root, self.values)) if root[-1] > bound else math.inf,
        )


def check_level(level: Any) -> None:
    if not is_number(level) or not 0 < level < 1:
        raise ValueError(f"level = {shown(level)}; allowed is a number between 0 and 1")
