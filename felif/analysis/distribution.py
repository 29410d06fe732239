"""Densities of a state over one variable, and their distribution functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from ..algebra import in_a_row
from .tuning import QUADRATURE


@dataclass(frozen=True)
class Marginal:
    """A density over `axis` ("v" or "w") between the points `cells`, polynomial or smooth between two of them.

    What it does not depend on is integrated over.
    """

    name: str
    axis: str
    density: Callable[[np.ndarray], np.ndarray]
    cells: np.ndarray

    def distribution(self) -> Callable[[np.ndarray], np.ndarray]:
        """int^x of the density, 0 below and constant above `cells`; Gauss on 16 pieces of a cell, cubic between."""
        cells = self.cells
        points = np.append(
            (cells[:-1, None] + np.diff(cells)[:, None] * np.arange(QUADRATURE.cuts) / QUADRATURE.cuts).ravel(),
            cells[-1],
        )
        x, w = in_a_row(points, QUADRATURE.points_of_piece)
        pieces = (np.asarray(self.density(x)) * w).reshape(-1, QUADRATURE.points_of_piece).sum(axis=1)
        below = np.concatenate([[0.0], np.cumsum(pieces)])
        spline = CubicHermiteSpline(points, below, np.asarray(self.density(points)))
        return lambda x: spline(np.clip(x, points[0], points[-1]))


def marginals(state: Any, name: str) -> list[Marginal]:
    """The density `name` of a state over v; of one over an index and v one for each entry, name_0, name_1, ...

    Of a density over (v, w) both marginals: its own name, and C over w.
    """
    density, problem = getattr(state, name), state.problem
    cells = np.asarray(problem.lines["v"].cells if problem.cells is None else problem.cells)
    if isinstance(density, tuple):
        return [Marginal(f"{name}_{k}", "v", part, cells) for k, part in enumerate(density)]
    if np.ndim(density.nodes) == 1:
        return [Marginal(name, "v", density, cells)]
    weights = np.unique(state.C.nodes)
    at, by = in_a_row(weights, QUADRATURE.points_of_piece)
    over_v = Marginal(name, "v", lambda v: density(np.asarray(v)[:, None], at[None, :]) @ by, cells)
    return [over_v, Marginal("C", "w", state.C, weights)]
