"""All roots of a function on an interval, from enclosures of its values and slopes: isolated, or shown not to be there.

Branch and prune (Hansen & Walster, Global Optimization Using Interval Analysis, 2nd ed. (2004), ch. 9): a cell on which
the enclosure of f, or its mean value form f(middle) + [slopes] (x - middle), excludes 0 holds no root; one on which the
slopes exclude 0 holds one root at most, and one exactly where the signs at its ends differ; every other is halved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_CELLS = 40_000  # looked at before giving up on what is left


class Isolated(NamedTuple):
    """brackets  (low, high) with exactly one root each, sorted
    doubtful  (low, high) in which roots could be neither separated nor excluded
    """

    brackets: list[tuple[float, float]]
    doubtful: list[tuple[float, float]]


def isolate(
    f: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    enclose: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
    ends: np.ndarray,
    narrowest: float,
    most: int = _CELLS,
) -> Isolated:
    """Every root of f between the first and the last of `ends`, increasing numbers that are the first cells.

    f(x): values and how wrong they may be; enclose(x0, x1): bounds (f from, f to, f' from, f' to) on [x0, x1]; both of
    arrays. Cells narrower than `narrowest`, and those left after `most` cells, are doubtful.
    """
    ends = np.asarray(ends, float)
    value, _ = f(ends)
    x0, x1, f0, f1 = ends[:-1], ends[1:], value[:-1], value[1:]
    brackets: list[tuple[float, float]] = []
    doubtful: list[tuple[float, float]] = []
    seen = 0
    while x0.size:
        seen += x0.size
        middle = 0.5 * (x0 + x1)
        fm, em = f(middle)
        low, high, slope_low, slope_high = enclose(x0, x1)
        reach = 0.5 * (x1 - x0) * np.maximum(np.abs(slope_low), np.abs(slope_high))
        with np.errstate(invalid="ignore"):
            empty = (low > em) | (high < -em) | (np.abs(fm) - em > reach)
            monotone = ((slope_low > 0) | (slope_high < 0)) & ~empty
        crossing = monotone & ((f0 >= 0) != (f1 >= 0))
        brackets.extend(zip(x0[crossing].tolist(), x1[crossing].tolist(), strict=True))
        left = ~empty & ~monotone
        small = left & ((x1 - x0 <= narrowest) | (seen > most))
        doubtful.extend(zip(x0[small].tolist(), x1[small].tolist(), strict=True))
        left &= ~small
        x0, x1 = _halves(x0[left], middle[left], x1[left])
        f0, f1 = _halves(f0[left], fm[left], f1[left])

    return Isolated(sorted(brackets), _joined(sorted(doubtful)))


def _halves(left: np.ndarray, middle: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([left, middle]), np.concatenate([middle, right])


def _joined(cells: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Neighbouring cells as one."""
    joined: list[tuple[float, float]] = []
    for low, high in cells:
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined
