"""The search for the parameters of the largest likelihood, and what the scores say about parameters."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .likelihood import Likelihood
from .tuning import CLIMB, LIKELIHOOD

MAXIMUM, LIMIT, STOPPED = "maximum", "limit", "stopped"
_MEAN, _BOTH = slice(1), slice(2)  # of the moments


def near(likelihood: Likelihood) -> np.ndarray:
    """The start given; where it explains the intervals worse than an exponential law, one of their mean and cv.

    Raises ValueError where no model with these parameters has such a mean and cv.
    """
    theta, data = likelihood.start, likelihood.intervals
    exponential = -len(data) * (1 + math.log(data.mean())) - 0.1 * len(data)
    if likelihood.total(theta) > exponential:
        return theta
    for which in (_MEAN, _BOTH):  # the mean alone is often enough, and where neurons fire rarely all have the same cv
        theta = max(theta, match(likelihood, theta, np.arange(len(theta)), which), key=likelihood.total)
        if likelihood.total(theta) > exponential:
            return theta
    if len(theta) > 1:
        wanted, found = _moments(data), likelihood.moments(theta)
        if found is None or _length(wanted - found) > CLIMB.apart:
            has = "none" if found is None else "mean {:.3g}, cv {:.3g}".format(*np.exp(found))
            raise ValueError(
                f"intervals: their mean is {data.mean():.3g} and their cv {math.exp(wanted[1]):.3g}; no model was "
                f"found that has both (nearest: {has}): too far apart to begin there; allowed is a model nearer to "
                "them, or the membrane_time in their unit"
            )
    return theta


def _moments(data: np.ndarray) -> np.ndarray:
    return np.log([data.mean(), max(data.std() / data.mean(), 1e-3)])


def match(likelihood: Likelihood, theta: np.ndarray, free: np.ndarray, which: slice = _BOTH) -> np.ndarray:
    """Free parameters moved so that the law has the mean and cv of the intervals, as far as it can.

    Gauss-Newton steps in (log mean, log cv), the shortest ones where more than two parameters are free.
    """
    wanted, scales = _moments(likelihood.intervals)[which], likelihood.scales[free]

    def moments(at: np.ndarray) -> np.ndarray | None:
        values = likelihood.moments(at)
        return values if values is None else values[which]

    found = moments(theta)
    if found is None:
        return theta
    for _ in range(CLIMB.matching):
        columns = []
        for j in free:
            move = np.zeros(len(theta))
            move[j] = LIKELIHOOD.step * likelihood.scales[j]
            moved = moments(theta + move)
            columns.append((moved - found) / move.sum() if moved is not None else np.zeros(len(wanted)))
        # a change of scale 1 in a parameter counts as much as a factor e in a moment
        scaled = np.array(columns).T * scales
        step = np.zeros(len(theta))
        step[free] = scales * np.linalg.lstsq(scaled, wanted - found, rcond=1e-8)[0]
        step *= min(1.0, float(1 / max(np.max(np.abs(step) / likelihood.scales), 1e-300)))
        whole, before = step, _length(wanted - found)
        while (new := moments(theta + step)) is None or _length(wanted - new) > before:
            step = step / 2
            if np.max(np.abs(step) / likelihood.scales) < 1e-3:
                return theta
        theta, found = theta + step, new
        if _length(wanted - found) < 1e-2 or (step is not whole and _length(wanted - found) > CLIMB.creeps * before):
            break
    return theta


def _length(x: np.ndarray) -> float:
    return float(np.linalg.norm(x))


class Found(NamedTuple):
    """Where a search ended: theta, an estimate of the maximum there, iterations, MAXIMUM, LIMIT or STOPPED."""

    theta: np.ndarray
    height: float
    iterations: int
    how: str


def maximise(
    likelihood: Likelihood,
    theta: np.ndarray,
    free: np.ndarray,
    close: float = CLIMB.close,
    sides: int = 2,
    most: int = CLIMB.iterations,
) -> Found:
    """Gauss-Newton steps with the scores' outer product for the information, damped.

    They end where the squared distance from the maximum, in standard errors, is below `close`, as the scores tell or,
    where it was nearly so, as the gain of the step agrees with what they foretold. `sides` of the scores' differences.
    Where steps gain little, in a bent valley, it is followed in longer ones (`_follow`).
    MAXIMUM, known to a thousandth where steps get shorter slowly; LIMIT where the likelihood hardly rises any more
    although a parameter goes on and on, so that its supremum is approached, not attained; STOPPED where neither is
    known.
    """
    value, damping, follows = likelihood.total(theta), 1e-3, CLIMB.follows
    before = [(-math.inf, theta)] * CLIMB.patience
    for iteration in range(1, most + 1):
        scores = likelihood.scores(theta, free, sides)
        if scores is None:
            return Found(theta, value, iteration, STOPPED)
        norms = np.maximum(np.linalg.norm(scores, axis=0), 1e-300)
        gradient, B = scores.sum(axis=0) / norms, (scores / norms).T @ (scores / norms)
        distance = gradient @ np.linalg.lstsq(B, gradient, rcond=1e-9)[0]  # along a ridge there is no gradient
        if distance < close:
            return Found(theta, value + distance / 2, iteration, MAXIMUM)
        while damping < CLIMB.damped:
            step = np.zeros(len(theta))
            step[free] = np.linalg.lstsq(B + damping * np.eye(len(B)), gradient, rcond=1e-9)[0] / norms
            short = min(1.0, float(1 / np.max(np.abs(step) / likelihood.scales)))
            step *= short
            if short < 1 and gradient @ (step[free] * norms) < CLIMB.nothing * close:
                return Found(theta, value, iteration, LIMIT)
            new = likelihood.total(theta + step)
            if new > value:
                gain = new - value
                theta, value, damping = theta + step, new, damping / 10
                break
            damping = max(10 * damping, 1e-3)
        else:
            return Found(theta, value, iteration, MAXIMUM if distance < CLIMB.noise else STOPPED)
        if distance < CLIMB.nearly * close and abs(gain - distance / 2) < close / 2:
            return Found(theta, value, iteration, MAXIMUM)
        height, place = before.pop(0)
        if value - height < CLIMB.flat:
            far = np.max(np.abs(theta - place) / likelihood.scales) > CLIMB.goes_on
            first, second = before[3][0] - height, value - before[3][0]  # gains, of four iterations each
            # the second: what is left of a geometric series
            near = distance < CLIMB.noise or second**2 < CLIMB.flat * (first - second)
            return Found(theta, value, iteration, LIMIT if far else MAXIMUM if near else STOPPED)
        before.append((value, theta))
        if sides == 2 and len(free) > 1 and value - height < CLIMB.slow and distance < CLIMB.fitting and follows:
            follows, theta, value = follows - 1, *_follow(likelihood, theta, theta - place, free)
            if value > before[-1][0] + CLIMB.slow:
                before = [(-math.inf, theta)] * CLIMB.patience
    return Found(theta, value, most, STOPPED)


def _follow(
    likelihood: Likelihood, theta: np.ndarray, direction: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, float]:
    """A valley followed: the parameter that moves most moves on, the others to their maximum, as long as it gains."""
    scales, value = likelihood.scales, likelihood.total(theta)
    j = int(np.argmax(np.abs(direction) / scales))
    others, stride = free[free != j], direction[j]
    for _ in range(CLIMB.strides):
        found = maximise(likelihood, theta + direction * (stride / direction[j]), others, CLIMB.rough, 1, CLIMB.brief)
        new = likelihood.total(found.theta)
        if new > value:
            gain, direction = new - value, found.theta - theta
            theta, value, stride = found.theta, new, math.copysign(min(2 * abs(stride), scales[j]), stride)
            if gain < CLIMB.flat:
                break
        else:
            stride = -stride / 4
        if abs(stride) < CLIMB.shortest * scales[j]:
            break
    return theta, value


def told_apart(scores: np.ndarray, names: tuple[str, ...], least: float) -> str:
    """What intervals do not tell apart, in a sentence; empty if they tell all parameters."""
    norms = np.linalg.norm(scores, axis=0)
    if np.any(norms == 0):
        return f"The intervals do not depend on {', '.join(np.array(names)[norms == 0])}."
    _, singular, rows = np.linalg.svd(scores / norms, full_matrices=False)
    weak = rows[singular < least]
    if not len(weak):
        return ""
    mixed = [name for name, column in zip(names, np.abs(weak).max(axis=0), strict=True) if column > 0.05]
    which = " and ".join([", ".join(mixed[:-1]), mixed[-1]]) if len(mixed) > 1 else mixed[0]
    return f"Intervals do not tell {which} apart: fix {len(weak)} of them and fit the rest."
