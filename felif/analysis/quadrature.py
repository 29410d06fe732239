"""Integrals of functions on an interval to rounding, and all the roots of a function that is costly to evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import brentq

from ..algebra import gauss
from ..problem import NotConverged
from .tuning import QUADRATURE

_X, _W = gauss(16)


def integrate(
    f: Callable[[np.ndarray], np.ndarray], low: float, high: float, breaks: Iterable[float] = (), rtol: float = 1e-14
) -> float:
    """int_low^high f dw, f a function of arrays; its error is about rtol int |f|, jumps and kinks included,
    or what rounding in f leaves.

    Panels with 16 Gauss points are halved until both halves agree with the whole; a kink costs some 40 panels, one of
    `breaks` none. inf where f is infinite; ValueError where it is not a number; NotConverged for what is noise.

    >>> round(integrate(np.exp, 0.0, 1.0) - np.expm1(1.0), 13)
    0.0
    """
    if not low < high:
        return 0.0
    inner = [x for x in breaks if low < x < high]
    edges = np.unique([low, *inner, high])
    left = (edges[:-1, None] + np.diff(edges)[:, None] * np.arange(QUADRATURE.panels) / QUADRATURE.panels).ravel()
    width = np.repeat(np.diff(edges) / QUADRATURE.panels, QUADRATURE.panels)
    value, size = _panels(f, left, width)
    total, scale, smallest = 0.0, float(size.sum()), 4e-16 * (high - low)
    error = np.full(left.shape, np.inf)  # of the panel that this one is half of
    while left.size:
        if not np.isfinite(value).all():
            return np.inf
        left = np.stack([left, left + 0.5 * width], axis=1)
        width = np.stack([0.5 * width, 0.5 * width], axis=1)
        halves, sizes = (part.reshape(left.shape) for part in _panels(f, left.ravel(), width.ravel()))
        scale = max(scale, float(sizes.sum()))
        defect = np.abs(halves.sum(1) - value)
        rounding = (defect > 0.25 * error) & (defect < 1e-10 * sizes.sum(1))  # of f itself: halving does not help
        open_ = (defect > max(0.1 * rtol * scale, QUADRATURE.tiny)) & (width[:, 0] > smallest) & ~rounding
        total += float(halves[~open_].sum())
        left, width, value = left[open_].ravel(), width[open_].ravel(), halves[open_].ravel()
        error = np.repeat(defect[open_], 2)
        if left.size > QUADRATURE.most:
            raise NotConverged(
                f"the integral over [{low:.6g}, {high:.6g}] does not settle on {QUADRATURE.most} panels, most of them "
                f"near {np.median(left):.6g}: is a function among the arguments noisy?"
            )
    return total


def _panels(f: Callable, left: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int f and int |f| of every panel."""
    points = left[:, None] + width[:, None] * _X
    values = np.asarray(f(points.ravel()), float).reshape(points.shape)
    if np.isnan(values).any():
        raise ValueError(f"the integrand is not a number at {points[np.isnan(values)][0]}")
    weights = width[:, None] * _W
    return np.sum(weights * values, 1), np.sum(weights * np.abs(values), 1)


def root(f: Callable[[float], float], low: float, high: float) -> float:
    """The root of f between low and high, to rounding of the larger of them."""
    eps = np.finfo(float).eps
    return float(brentq(f, low, high, xtol=eps * max(abs(low), abs(high)), rtol=4 * eps))


def roots(
    f: Callable[[float], float],
    low: float,
    high: float,
    polish: Callable[[float], float] | None = None,
    first: int = 33,
    depth: int = 22,
) -> list[float]:
    """All roots of a smooth f between low and high, sorted, each to rounding of `polish` (the same, more accurate).

    f is sampled at `first` points; an interval is halved as long as a curve through its ends and its middle might cross
    zero unseen, at most `depth` times: two roots closer than (high - low) 2^-depth/first are one or none. NotConverged
    for a function that oscillates more than can be followed.
    """
    f = _counted(f)
    points = [(float(x), float(f(float(x)))) for x in np.linspace(low, high, first)]
    if not np.isfinite([value for _, value in points]).all():
        raise ValueError(f"roots: f is not finite at {[x for x, value in points if not np.isfinite(value)][0]}")
    signs: list[tuple[float, float]] = []
    for a, b in zip(points[:-1], points[1:], strict=True):
        _bracket(f, a, b, depth, signs)
    found = [_within(polish or f, *bracket) for bracket in signs]
    return sorted({x for x in found if x is not None})


def _counted(f: Callable[[float], float]) -> Callable[[float], float]:
    asked = 0

    def counted(x: float) -> float:
        nonlocal asked
        asked += 1
        if asked > QUADRATURE.asked:
            raise NotConverged(
                f"{QUADRATURE.asked} values of f do not separate its roots, the last one at {x:.6g}: it oscillates"
            )
        return f(x)

    return counted


Point = tuple[float, float]


def _bracket(f: Callable, a: Point, b: Point, depth: int, signs: list[tuple[float, float]]) -> None:
    """Appends intervals in which f changes its sign once."""
    x = 0.5 * (a[0] + b[0])
    m = (x, float(f(x)))
    values = np.abs([a[1], m[1], b[1]])
    bend = abs(m[1] - 0.5 * (a[1] + b[1]))
    changes = np.sign([a[1], m[1], b[1]])
    if (changes == changes[0]).all() and changes[0] != 0:
        if values.min() > 4 * bend or depth == 0:
            return
    elif depth == 0 or (a[1] * b[1] < 0 and bend < 0.1 * abs(b[1] - a[1])):
        signs.extend((p[0], q[0]) for p, q in ((a, m), (m, b)) if p[1] * q[1] < 0 or p[1] == 0)
        return
    _bracket(f, a, m, depth - 1, signs)
    _bracket(f, m, b, depth - 1, signs)


def _within(f: Callable, low: float, high: float) -> float | None:
    """The root of f in [low, high], which may lie just outside if f was sampled less accurately."""
    for _ in range(3):
        at_low, at_high = f(low), f(high)
        if at_low == 0.0 or at_high == 0.0:
            return low if at_low == 0.0 else high
        if at_low * at_high < 0:
            return root(f, low, high)
        low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)
    return None
