"""What a synchronous spike does to a network with constant noise: physical time stands still while kicks are delivered.

s counts the kicks delivered to every neuron, each moving it up by b; L = V_F - V_R. Neurons within b s of V_F have
fired, those within b s - L twice, and so on:

    tail(v) = int_v^{V_F} n,      G(s) = sum_{k >= 0} tail(V_F - b s + k L) = mass fired after s kicks,
    g(s) = G(s) - s               the queue: spikes fired but not delivered yet.

The event ends at D, the first sign change of g from + to -; none up to s = L/b: every neuron fires again and again at
once, eternal blow-up. After it  n+(v) = n(v - b D) + n(v - b D + L) 1_{V_R < v <= V_R + b D}.
Neurons with a refractory state fire once (G = tail) and wait in R. Derivation: docs/theory.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from . import spaces


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


def synchronous_spike(problem: Any, y: np.ndarray, kick: float, resets: bool, layer: float) -> Spike:
    """How many kicks of size `kick` = b the synchronous spike of a single-field network delivers.

    `layer`: width of the boundary layer at V_F that the state still has; the queue is looked at when it is used up.
    """
    reach = problem.v_fire - problem.v_reset
    values = problem.full(problem.field_names[0], y)
    tail = CumulativeMass(problem.cells, spaces.modes(problem.degrees, values, np.arange(len(problem.widths))))
    end = reach / kick if resets else (problem.v_fire - problem.cells[0]) / kick

    def queue(s: Any) -> np.ndarray:
        s = np.asarray(s, float)
        fired = tail(problem.v_fire - kick * s)
        if resets:  # k >= 1 only at s = L/b itself, within the first round
            fired = fired + np.where(kick * s > reach, tail(problem.v_fire - kick * s + reach), 0.0)
        return fired - s

    distances = (problem.v_fire - problem.nodes[::-1]) / kick
    grid = np.unique(np.concatenate([distances, np.linspace(0, end, 2001)]))
    grid = grid[(grid > 20 * layer / kick) & (grid <= end)]
    values = queue(grid)
    positive = np.flatnonzero(values > 0)
    if not positive.size:
        return Spike(0.0)
    ended = np.flatnonzero(values[positive[0] :] <= 0)
    if not ended.size:
        return Spike(np.inf)
    after = positive[0] + ended[0]
    from scipy.optimize import brentq

    return Spike(float(brentq(lambda s: float(queue([s])[0]), grid[after - 1], grid[after], xtol=1e-15, rtol=1e-14)))


class ShiftedDensity:
    """n+ as initial data: the density moved up by `shift`, what passed V_F set down above V_R (if it is reset)."""

    def __init__(self, problem: Any, name: str, y: np.ndarray, shift: float, resets: bool) -> None:
        self._density, self._shift, self._resets = problem.field(name, y), shift, resets
        self._v_reset, self._reach = problem.v_reset, problem.v_fire - problem.v_reset
        moved = problem.cells + shift
        again = moved - self._reach
        inside = (again > problem.v_reset) & (again < problem.v_reset + shift)
        ends = [problem.v_reset + shift] if resets else []
        self.breakpoints = np.array([end for end in ends if end < problem.v_fire])
        self.features = np.concatenate(
            [moved[moved < problem.v_fire], again[inside] if resets else [], self.breakpoints]
        )

    def __call__(self, v: np.ndarray) -> np.ndarray:
        n = np.maximum(self._density(v - self._shift), 0.0)
        if self._resets:
            landed = (v > self._v_reset) & (v <= self._v_reset + self._shift)
            n = n + np.where(landed, np.maximum(self._density(v - self._shift + self._reach), 0.0), 0.0)
        return n
