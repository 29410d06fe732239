"""What drives a single neuron: its drift as -g v + m or as a table, and its current averaged over a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .tuning import PLANNING

_GAUSS = (0.5 - np.sqrt(3) / 6, 0.5 + np.sqrt(3) / 6)


def affine(drift: Callable, population: Any, above: bool = False) -> tuple[float, float] | None:
    """(g, m) where the drift is m - g v to rounding on a wide interval up to V_F, or far `above` it, else None."""
    low, high = population.v_reset, population.v_fire
    v = np.linspace(low - 50 * (high - low), high + (10 if above else 0) * (high - low), 2001)
    f = _values(drift, v)
    if not np.isfinite(f).all():
        return None
    slope = (f[-1] - f[0]) / (v[-1] - v[0])
    start = f[0] - slope * v[0]
    exact = np.abs(f - start - slope * v).max() <= 1e-12 * (np.abs(f).max() + np.abs(start))
    return (-float(slope), float(start)) if exact else None


def tabulated(
    law: Any, drifts: list[tuple[float, float] | None], v: np.ndarray, dt: float, before: np.ndarray | None = None
) -> np.ndarray:
    """Rows (lowest point, points per unit, values ...) of the drifts that are not affine; zeros for the others.

    The table reaches over all potentials v; `before` is kept while it does.
    """
    count = len(law.populations)
    if all(pair is not None for pair in drifts):
        return np.zeros((count, 6))
    length = max(p.v_fire - p.v_reset for p in law.populations)
    noise = max(np.sqrt(2 * population.noise * dt) for population in law.populations)
    low, high = float(v.min()), max(float(v.max()), *(p.v_fire for p in law.populations))
    if before is not None:
        row = next(k for k in range(count) if drifts[k] is None)
        lowest, highest = before[row, 0], before[row, 0] + (before.shape[1] - 3) / before[row, 1]
        if lowest <= low and high <= highest:
            return before
    low = min(low, *(p.v_reset - 4 * length for p in law.populations)) - 4 * length
    high += 0.25 * length + 8 * noise
    curved = [(p.drift, p.noise) for p, pair in zip(law.populations, drifts, strict=True) if pair is None]
    size = PLANNING.points
    while size < PLANNING.most and not all(_fine(drift, noise, low, high, size) for drift, noise in curved):
        size *= 2
    points = np.linspace(low, high, size)
    tables = np.zeros((count, size + 2))
    for k, population in enumerate(law.populations):
        if drifts[k] is None:
            tables[k, 0], tables[k, 1] = low, (size - 1) / (high - low)
            tables[k, 2:] = _values(population.drift, points)
            if not np.isfinite(tables[k]).all():
                raise ValueError(f"drift: {population.drift} is not finite on [{low:.6g}, {high:.6g}]")
    return tables


def _fine(drift: Callable, noise: float, low: float, high: float, size: int) -> bool:
    """Whether lines between `size` points follow the drift to 1e-3 of it, or, where it is small, of what noise does.

    With a curvature f'' of the drift, noise does as much as a drift of (a^2 |f''|)^(1/3).
    """
    v = np.linspace(low, high, 2 * size - 1)
    f = _values(drift, v)
    if not np.isfinite(f).all():
        return True  # told below
    bent = np.abs(f[:-2:2] - 2 * f[1:-1:2] + f[2::2]) / 2
    curvature = 8 * bent / ((high - low) / (size - 1)) ** 2
    return bool(np.all(bent <= 1e-3 * (np.abs(f[1:-1:2]) + np.cbrt(noise**2 * curvature))))


def _values(drift: Callable, v: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        try:
            values = np.asarray(drift(v), float)
        except (TypeError, ValueError):  # written for one number
            values = np.empty(0)
        return values if values.shape == v.shape else np.array([float(drift(float(x))) for x in v])


def mean_current(current: Any, t0: float, t1: float) -> float:
    """Mean of I over [t0, t1]: two Gauss points on every piece between breakpoints; exact of recorded inputs."""
    if not callable(current):
        return float(current)
    parts = getattr(current, "parts", ())
    if any(hasattr(part, "mean") for _, part in parts):
        return current.rest + sum(k * mean_current(part, t0, t1) for k, part in parts)
    if hasattr(current, "mean"):
        return current.mean(t0, t1)
    inside = [t for t in getattr(current, "breakpoints", ()) if t0 < t < t1]
    ends = [t0, *inside, t1]
    total = 0.0
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        total += 0.5 * (b - a) * sum(float(current(a + x * (b - a))) for x in _GAUSS)
    mean = total / (t1 - t0)
    if not np.isfinite(mean):
        raise ValueError(f"current is {mean} near t = {t0:.6g}; allowed are finite numbers")
    return mean
