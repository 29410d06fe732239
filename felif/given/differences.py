"""Slopes of functions by differences of fourth order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def central(function: Callable[[float], Any], step: float) -> Any:
    """The slope at 0."""
    below, low, high, above = (function(k * step) for k in (-2, -1, 1, 2))
    return (8 * (high - low) - (above - below)) / (12 * step)


def forward(function: Callable[[float], Any], step: float) -> Any:
    """The slope at 0, where the function is not asked below it."""
    f = [function(k * step) for k in range(5)]
    return (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * step)


def bent(function: Callable[[float], float], step: float, bend: float) -> float:
    """`forward` of a function that may have kinks: next to one, where slopes differ by `bend`, of first order."""
    f = [function(k * step) for k in range(5)]
    slopes = [(f[k + 1] - f[k]) / step for k in range(4)]
    if max(slopes) - min(slopes) > bend * (1 + max(map(abs, slopes))):
        return slopes[0]  # what is exact for polynomials goes beyond either slope
    return (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * step)
