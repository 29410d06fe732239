"""Roots of functions of one number: where signs change on a grid, refined where two could hide between points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..given.libraries import optimize


def root(f: Callable[[float], float], low: float, high: float, within: float | None = None) -> float:
    """The root of f between low and high, where its signs differ, to `within`: by default to rounding of the larger."""
    eps = np.finfo(float).eps
    within = eps * max(abs(low), abs(high)) if within is None else within
    return float(optimize.brentq(f, low, high, xtol=within, rtol=4 * eps))


def secant(f: Callable[[float], float], first: float, second: float, within: float) -> float | None:
    """The root of f near two places, as soon as a step of the secant method is no longer than `within` or rounding
    leaves no slope; None where 30 steps do not lead there."""
    a, b, fa, fb = first, second, f(first), f(second)
    for _ in range(30):
        if fa == fb or abs(b - a) <= within:
            return float(b)
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        fb = f(b)
    return None


def roots_between(
    f: Callable[[float], float], x: np.ndarray, values: np.ndarray, within: float | None = None
) -> list[float]:
    """The roots of f at the sign changes of its values at x, and where it is 0 there, sorted."""
    x, signs = np.asarray(x, float), np.sign(values)
    found = [root(f, x[k], x[k + 1], within) for k in np.flatnonzero(signs[:-1] * signs[1:] < 0)]
    return sorted([*found, *x[signs == 0].tolist()])


def scanned(
    f: Callable[[float], float], x: np.ndarray, finest: float, deep: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """(points, values of f there) that separate its roots: points are added between those of x, down to a distance.

    An interval is halved as long as f, as curved as it is near by, might cross zero there twice more than its ends say:
    reach zero and return, or turn round between two signs. Not where |f| >= deep at both ends.
    """
    f_at = np.array([f(place) for place in x.tolist()])
    while len(doubtful := _doubtful(x, f_at, finest, deep)):
        middles = (x[doubtful] + x[doubtful + 1]) / 2
        x = np.insert(x, doubtful + 1, middles)
        f_at = np.insert(f_at, doubtful + 1, [f(place) for place in middles.tolist()])
    return x, f_at


def _doubtful(x: np.ndarray, f: np.ndarray, finest: float, deep: float) -> np.ndarray:
    width, rise = np.diff(x), np.diff(f)
    bend = np.zeros(len(x))
    bend[1:-1] = np.abs(np.diff(rise / width)) / (width[1:] + width[:-1]) * 2
    sag = np.maximum(bend[:-1], bend[1:]) * width**2 / 4  # twice the deviation from the chord
    same = (f[:-1] > 0) == (f[1:] > 0)
    far = np.where(same, np.minimum(np.abs(f[:-1]), np.abs(f[1:])), np.abs(rise) / 2)
    capped = np.minimum(np.abs(f[:-1]), np.abs(f[1:])) >= deep
    return np.flatnonzero((sag > far) & (width > finest) & ~capped)
