"""What a synchronous spike does to a network with constant noise: physical time stands still while kicks are delivered.

s counts the kicks delivered to every neuron, each moving it up by b. Of those who fire the share p_j is set back to the
place r_j, from where the way to V_F is L_j = V_F - r_j; the neurons that have fired after s kicks are

    G(s) = tail(V_F - b s) + sum_j p_j G(s - L_j / b),      tail(v) = int_v^{V_F} n,
    g(s) = G(s) - s               the queue: spikes fired but not delivered yet.

The event ends at D, the first sign change of g from + to -. With L = sum_j p_j L_j,

    g(s) = tail(V_F - b s) - L/b + sum_j p_j g(s - L_j / b):

once tail(V_F - b s) >= L/b, and g > 0 since the longest way before s, no end comes: every neuron fires again and again
at once, eternal blow-up. After an event

    n+(v) = n(v - b D) + sum_j p_j q(v - b D + L_j) 1_{r_j < v <= r_j + b D},    q(v) = n(v) + sum_j p_j q(v + L_j).

Neurons with a refractory state fire once (G = tail) and wait in R. Derivation: docs/theory.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from .. import spaces
from ..problem import NotConverged
from .layers import Returns
from .over_v import OverV
from .tuning import SPIKE


class CumulativeMass:
    """tail(v) = mass above v of a piecewise polynomial with Legendre coefficients `modal` (cells, degree + 1)."""

    def __init__(self, cells: np.ndarray, modal: np.ndarray) -> None:
        self._cells, self._widths = cells, np.diff(cells)
        self._primitive = legendre.legint(modal, axis=1, lbnd=-1)  # of each cell, from its lower end, on [-1, 1]
        masses = self._primitive.sum(axis=1) * self._widths / 2  # P_k(1) = 1
        self._above = np.concatenate([np.cumsum(masses[::-1])[::-1], [0.0]])

    def __call__(self, v: Any) -> np.ndarray:
        v = np.clip(np.asarray(v, float), self._cells[0], self._cells[-1])
        cell = np.clip(np.searchsorted(self._cells, v, side="right") - 1, 0, len(self._widths) - 1)
        x = 2 * (v - self._cells[cell]) / self._widths[cell] - 1
        below = np.sum(legendre.legvander(x, self._primitive.shape[1] - 1) * self._primitive[cell], axis=-1)
        return self._above[cell] - below * self._widths[cell] / 2


@dataclass(frozen=True)
class Spike:
    """Kicks delivered until the queue is empty; inf for a spike that never ends, 0 for one that does not start."""

    kicks: float


class Laps:
    """Sums of ways L_j that neurons go from where they are set back to V_F, again and again, and how many of them do.

    With them  G(s) = sum_k parts_k tail(V_F - b s + sums_k),  and so for q: `sums` (laps,), 0 first; `parts` (laps,).
    """

    def __init__(self, returns: Returns, top: float, farthest: float) -> None:
        """Up to sums of `farthest`. Raises NotConverged where there are too many."""
        found, last = {0.0: 1.0}, {0.0: 1.0}
        ways = [(share, top - place) for share, place in returns.places]
        while last:
            new: dict[float, float] = {}
            for length, part in last.items():
                for share, way in ways:
                    total = float(f"{length + way:.12g}")  # the same ways in another order
                    if total <= farthest:
                        new[total] = new.get(total, 0.0) + part * share
            for total, part in new.items():
                found[total] = found.get(total, 0.0) + part
            last = new
            if len(found) > SPIKE.most_laps:
                raise NotConverged(f"a synchronous spike in which neurons fire again in over {SPIKE.most_laps} ways")
        self.sums = np.array(sorted(found))
        self.parts = np.array([found[total] for total in self.sums.tolist()])


def synchronous_spike(problem: OverV, y: np.ndarray, kick: float, returns: Returns, layer: float) -> Spike:
    """How many kicks of size `kick` = b the synchronous spike of a single-field network delivers.

    `layer`: width of the boundary layer at V_F that the state still has; the queue is looked at when it is used up.
    Raises NotConverged for a spike whose end is not found.
    """
    top = problem.top
    values = problem.full(problem.field_names[0], y)
    tail = CumulativeMass(problem.cells, spaces.modes(problem.degree, values, np.arange(len(problem.widths))))
    distances = (top - problem.nodes[::-1]) / kick
    longest = (top - returns.lowest if returns else top - problem.cells[0]) / kick
    enough = returns.reach(top) / kick if returns else 0.0
    begun = False
    for window in range(SPIKE.most_windows):
        start, end = window * longest, (window + 1) * longest
        laps = Laps(returns, top, kick * end)
        over = laps.sums < kick * start - (top - problem.cells[0])  # in which all neurons are
        pairs = [*zip(laps.sums[~over].tolist(), laps.parts[~over].tolist(), strict=True)]
        gone = float(laps.parts[over].sum() * tail([problem.cells[0]])[0])

        def queue(s: Any, pairs: list = pairs, gone: float = gone) -> np.ndarray:
            s = np.asarray(s, float)
            return sum((part * tail(top - kick * s + total) for total, part in pairs), np.full(s.shape, gone)) - s

        grid = np.unique(np.concatenate([distances, np.linspace(start, end, 2001)]))
        grid = grid[(grid > max(start, 20 * layer / kick)) & (grid <= end)]
        values = queue(grid)
        if not begun:
            positive = np.flatnonzero(values > 0)
            if not positive.size:
                return Spike(0.0)
            begun, grid, values = True, grid[positive[0] :], values[positive[0] :]
        ended = np.flatnonzero(values <= 0)
        if ended.size:
            from scipy.optimize import brentq

            before = grid[ended[0] - 1] if ended[0] else start
            return Spike(float(brentq(lambda s: queue([s])[0], before, grid[ended[0]], xtol=1e-15, rtol=1e-14)))
        if tail([top - kick * end])[0] >= enough:
            return Spike(np.inf)
    raise NotConverged(f"after {SPIKE.most_windows * longest:.4g} spikes per neuron a synchronous spike has not ended")


class ShiftedDensity:
    """n+ as initial data: the density moved up by `shift`, what passed V_F set down where it returns (if it does)."""

    def __init__(self, problem: OverV, name: str, y: np.ndarray, shift: float, returns: Returns) -> None:
        self._density, self._shift, self._top = problem.field(name, y), shift, problem.top
        top, moved, self._ways = problem.top, problem.cells + shift, []
        laps = Laps(returns, top, shift)
        landed, ends = [moved[moved < top]], []
        for share, place in returns.places:
            high = min(place + shift, top)
            back = shift - (top - place) - laps.sums  # from where they have come back
            some = high - back > problem.cells[0]
            self._ways.append((place, high, back[some], share * laps.parts[some]))
            again = np.add.outer(problem.cells, back[some]).ravel()
            landed.append(again[(again > place) & (again < high)])
            edges = (place + shift - laps.sums)[some]
            ends.extend(edges[(edges > place) & (edges < top)].tolist())
        self.breakpoints = np.unique(ends)
        self.features = np.concatenate([*landed, self.breakpoints])

    def __call__(self, v: np.ndarray) -> np.ndarray:
        n = np.maximum(self._density(v - self._shift), 0.0)
        for place, high, back, parts in self._ways:
            here = np.flatnonzero((v > place) & (v <= high))
            before = v.ravel()[here, None] - back
            which, lap = np.nonzero(before <= self._top)
            values = parts[lap] * np.maximum(self._density(before[which, lap]), 0.0)
            n.ravel()[here] += np.bincount(which, values, len(here))
        return n
