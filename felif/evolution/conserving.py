"""What rounding does to conserved quantities is taken out of every step, lest it add up over many of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..problem import Problem
from .tuning import CONTROL


class Conserving:
    """The conserved quantities of a problem, and where each of them stands."""

    def __init__(self, problem: Problem) -> None:
        self._rows = rows = problem.conserved_rows
        self._apart = not isinstance(rows, np.ndarray) and np.bincount(rows.indices).max(initial=0) <= 1
        if not self._apart:
            rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
            self._each = [(weights, (weights != 0).astype(float)) for weights in rows]

    def taken_out(self, y: np.ndarray, y1: np.ndarray, rounding: Callable[[], float]) -> float:
        """Brings y1 back to what y has, if what changed is rounding; returns how much that was.

        A scheme conserves quantities by itself; a defect above rounding is the problem's, and stays to be seen.

        rounding: what rounding in F may do to a quantity in this step.
        """
        if self._apart:
            return self._all_at_once(y, y1, rounding)
        total = 0.0
        for weights, carrier in self._each:
            before = float(weights @ y)
            defect = float(weights @ y1) - before
            if defect and (abs(defect) < CONTROL.rounding * abs(before) or abs(defect) < rounding()):
                y1 *= 1.0 - defect / (before + defect) * carrier
                total += abs(defect)
        return total

    def _all_at_once(self, y: np.ndarray, y1: np.ndarray, rounding: Callable[[], float]) -> float:
        before = self._rows @ y
        defects = self._rows @ y1 - before
        size = np.abs(defects)
        small = size < CONTROL.rounding * np.abs(before)
        if not (small | (size == 0)).all():
            small |= size < rounding()
        small &= size > 0
        share = np.divide(defects, before + defects, out=np.zeros(len(before)), where=small)
        rows = np.repeat(share, np.diff(self._rows.indptr))
        y1[self._rows.indices] *= 1.0 - rows
        return float(size[small].sum())
