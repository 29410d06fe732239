"""Integrals of functions on an interval to rounding, and all the roots of a function that is costly to evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ..algebra import gauss
from ..algebra.roots import root, roots_between, scanned
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


def roots(
    f: Callable[[float], float], low: float, high: float, polish: Callable[[float], float] | None = None
) -> list[float]:
    """All roots of a smooth f between low and high, sorted, each to rounding of `polish` (the same, more accurate).

    Two roots closer than (high - low) 2^-28 are one or none (see `scanned`). NotConverged for a function that
    oscillates more than can be followed.
    """
    places = np.linspace(low, high, QUADRATURE.places)
    x, values = scanned(_counted(f), places, 2.0**-28 * (high - low))
    if polish is None:
        return roots_between(f, x, values)
    changes = np.flatnonzero(np.sign(values[:-1]) != np.sign(values[1:]))
    found = (_within(polish, x[k], x[k + 1]) for k in changes)
    return sorted({z for z in found if z is not None})


def _counted(f: Callable[[float], float]) -> Callable[[float], float]:
    asked = 0

    def counted(x: float) -> float:
        nonlocal asked
        asked += 1
        if asked > QUADRATURE.asked:
            raise NotConverged(
                f"{QUADRATURE.asked} values of f do not separate its roots, the last one at {x:.6g}: it oscillates"
            )
        if not np.isfinite(value := f(x)):
            raise ValueError(f"roots: f is not finite at {x}")
        return value

    return counted


def _within(f: Callable, low: float, high: float) -> float | None:
    """The root of f in [low, high], which may lie just outside if f was sampled less accurately."""
    for _ in range(3):
        at_low, at_high = f(low), f(high)
        if at_low == 0.0 or at_high == 0.0:
            return float(low if at_low == 0.0 else high)
        if at_low * at_high < 0:
            return root(f, low, high)
        low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)
    return None
