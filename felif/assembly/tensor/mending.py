"""What keeps densities on lines from falling below zero: polynomials in w that do are mended, their means kept.

On every line v = const and in every cell of w,

    p <- p + s(v) b(w),           b: the least function in L2 that is 1 where p is lowest, orthogonal to straight lines
    p <- m + (p - m)/(1 + s/m),   m(v): the mean of p over the cell; where the first does not do after some rounds

The first is the least change that keeps mean and slope, and brings p closer to all that are not negative there; the
second is Zhang and Shu's. s(v) is at least what p lacks, at nodes of v and between, and varies slowly with v, relative
to m: with kinks in v, p would be negative between the nodes, and steps in time small.
Source: X. Zhang, C.-W. Shu, J. Comput. Phys. 229 (2010) 3091-3120.
"""

from __future__ import annotations

import numpy as np

from ...algebra.transport_kernels import suspect_cells
from ...spaces import shapes
from .line_forms import LineForms
from .spaces import Axis
from .tuning import TRANSPORT


class Mender:
    """Mends densities p (n_v, n_w) on one mesh of v and one of w."""

    def __init__(self, forms: LineForms, axis: Axis) -> None:
        self._axis = axis
        v, d, cells = forms.nodes[:-1], forms.degree, len(forms.cells) - 1
        self._inner = inner = shapes(d, np.arange(2 * d) / (2 * d))
        finer = np.zeros((2 * d * cells, d * cells + 1))
        for cell in range(cells):
            finer[2 * d * cell : 2 * d * (cell + 1), d * cell : d * (cell + 1) + 1] = inner
        self._finer = np.ascontiguousarray(finer[:, :-1])  # values at nodes of v and half way between; p = 0 at V_F
        reach = TRANSPORT.slowly * (forms.cells[-1] - v[forms.into])
        between = np.ravel(forms.cells[:-1, None] + np.diff(forms.cells)[:, None] * np.arange(2 * d) / (2 * d))
        self._reach = np.abs(np.subtract.outer(v, between)) <= reach
        near = np.maximum(1 - (np.subtract.outer(v, v) / reach) ** 2, 0.0) ** 2 * forms.weights
        self._near = near / near.sum(axis=1, keepdims=True)

    def mended(self, p: np.ndarray) -> np.ndarray:
        """p with polynomials in w that fall below zero mended; p itself where none does.

        A mean below zero, which is not the making of transport in w, is left with its polynomial.
        """
        axis, tables = self._axis, self._axis.tables
        local = axis.by_cells(p)
        if local.shape[2] == 1:
            return p
        floor = TRANSPORT.below * p.max()
        # between these samples, by Bernstein's inequality, a polynomial falls by less than a tenth of its size
        suspect = suspect_cells(local, tables.samples[::2], floor)
        changed = {cell: self._cell(local[:, cell], floor) for cell in suspect.tolist()}
        changed = {cell: some for cell, some in changed.items() if some is not None}
        if not changed:
            return p
        result = p.copy()
        for cell, some in changed.items():
            axis.by_cells(result)[:, cell] = some
        return result

    def smallest(self, p: np.ndarray) -> float:
        """Smallest value of p, by values between nodes too: twice as many points in v, more than three times in w."""
        local, samples, lowest = self._axis.by_cells(p), self._axis.tables.samples[::2].T, 0.0  # p = 0 at V_F
        step, d = len(self._inner), self._inner.shape[1] - 1
        for first in range(0, len(self._finer), step):
            rows = slice(first * d // step, first * d // step + d + 1)
            values = np.tensordot(self._finer[first : first + step, rows], local[rows], 1) @ samples
            lowest = min(lowest, float(values.min()))
        return lowest

    def _cell(self, some: np.ndarray, floor: float) -> np.ndarray | None:
        """The polynomials (n_v, nodes) of one cell of w, mended; None where that is not needed."""
        tables, means = self._axis.tables, some @ self._axis.tables.weights
        for turn in range(TRANSPORT.rounds if some.shape[1] > 2 else 0):
            where, lacking = self._lacking(some)
            if lacking.max() <= floor:
                return some if turn else None
            x = where[lacking.argmax()]
            lacking = np.where(where == x, lacking, -(self._finer @ some) @ tables.samples[x])
            some = some + self._slowly(lacking, means, floor)[:, None] * tables.lifts[x]
        lacking = self._lacking(some)[1]
        if lacking.max() <= floor:
            return some
        rest = np.maximum(means, 0.0) + self._slowly(lacking, means, floor)
        scale = np.divide(means, rest, out=np.ones_like(means), where=means > 0)
        return means[:, None] + scale[:, None] * (some - means[:, None])

    def _lacking(self, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(sample of w, how much) by which polynomials are below zero there, at nodes of v and between."""
        finer = self._finer @ some
        where, depth = self._axis.lowest(finer)
        return where, np.where(finer @ self._axis.tables.weights > 0, -depth, 0.0)

    def _slowly(self, lacking: np.ndarray, means: np.ndarray, floor: float) -> np.ndarray:
        """At least what is lacking: the means times a factor that varies slowly with v."""
        finer = self._finer @ means
        factor = np.divide(lacking, finer, out=np.zeros_like(finer), where=(finer > 0) & (lacking > floor / 2))
        return self._near @ np.where(self._reach, factor, 0.0).max(axis=1) * np.maximum(means, 0.0)
