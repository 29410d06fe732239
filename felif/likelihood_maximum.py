"""The search for the parameters of the largest likelihood, and what the scores say about parameters."""

from __future__ import annotations

import math

import numpy as np

from .likelihood import STEP, Likelihood

_ITERATIONS, _MATCHING = 60, 60
_CLOSE = 1e-7  # squared distance from the maximum, in standard errors, at which it is reached
_PATIENCE, _FLAT, _SLOW = 8, 1e-3, 1.0  # gains in log-likelihood, in so many iterations, not worth going on; on a ridge
_RIDGE = 1e-2  # smallest singular value of the normalised scores there
_DAMPED = 1e12


def near(likelihood: Likelihood) -> np.ndarray:
    """The start given; where it explains the intervals worse than an exponential law, one of their mean and cv.

    Gauss-Newton steps in (log mean, log cv), the shortest ones where more than two parameters are free.
    """
    theta, data = likelihood.start, likelihood.intervals
    if likelihood.total(theta) > -len(data) * (1 + math.log(data.mean())) - 0.1 * len(data):
        return theta
    wanted = np.log([data.mean(), max(data.std() / data.mean(), 1e-3)])
    found = likelihood.moments(theta)
    for _ in range(_MATCHING):
        columns = []
        for move in np.diag(STEP * likelihood.scales):
            moved = likelihood.moments(theta + move)
            columns.append((moved - found) / move.sum() if moved is not None else np.zeros(2))
        # a change of scale 1 in a parameter counts as much as a factor e in a moment
        scaled = np.array(columns).T * likelihood.scales
        step = likelihood.scales * np.linalg.lstsq(scaled, wanted - found, rcond=1e-8)[0]
        step *= min(1.0, float(1 / np.max(np.abs(step) / likelihood.scales)))
        while (new := likelihood.moments(theta + step)) is None or _length(wanted - new) > _length(wanted - found):
            step = step / 2
            if np.max(np.abs(step) / likelihood.scales) < 1e-3:
                return theta
        theta, found = theta + step, new
        if _length(wanted - found) < 1e-2:
            break
    return theta


def _length(x: np.ndarray) -> float:
    return float(np.linalg.norm(x))


def maximise(likelihood: Likelihood, theta: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, int, bool]:
    """(theta, iterations, reached): Gauss-Newton steps with the scores' outer product for the information, damped."""
    value, damping = likelihood.total(theta), 1e-3
    before = [-math.inf] * _PATIENCE
    for iteration in range(1, _ITERATIONS + 1):
        scores = likelihood.scores(theta, free)
        if scores is None:
            return theta, iteration, False
        norms = np.maximum(np.linalg.norm(scores, axis=0), 1e-300)
        gradient, B = scores.sum(axis=0) / norms, (scores / norms).T @ (scores / norms)
        if gradient @ np.linalg.lstsq(B, gradient, rcond=1e-9)[0] < _CLOSE:  # along a ridge there is no gradient
            return theta, iteration, True
        while damping < _DAMPED:
            step = np.zeros(len(theta))
            step[free] = np.linalg.lstsq(B + damping * np.eye(len(B)), gradient, rcond=1e-9)[0] / norms
            step *= min(1.0, float(1 / np.max(np.abs(step) / likelihood.scales)))
            new = likelihood.total(theta + step)
            if new > value:
                theta, value, damping = theta + step, new, damping / 10
                break
            damping = max(10 * damping, 1e-3)
        else:
            return theta, iteration, False
        ridge = np.linalg.svd(scores / norms, compute_uv=False)[-1] < _RIDGE
        if value - before.pop(0) < (_SLOW if ridge else _FLAT):
            return theta, iteration, False
        before.append(value)
    return theta, _ITERATIONS, False


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
