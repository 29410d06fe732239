"""Shape functions of the cells of a line, tabulated at quadrature points: what every form is integrated with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import legendre
from skfem.element import DiscreteField
from skfem.mesh import MeshLine

from ..weakform import CELLS
from .spaces import Degrees, alike, modal_transform


@lru_cache(64)
def _on_reference(degree: int, points: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes of the shape functions of the cell [0, 1] at points, shape (degree + 1, points)."""
    t, modal = 2 * np.frombuffer(points) - 1, modal_transform(degree)
    return legendre.legval(t, modal), legendre.legval(t, 2 * legendre.legder(modal))


@dataclass(eq=False)
class CellTable:
    """The shape functions of cells of one degree at the points of a rule.

    nodes  (degree + 1, cells): numbers of the nodes of the functions
    x      (1, cells, points): where the points are;  dx (cells, points): their weights
    values (degree + 1, cells, points), slopes (the same): of the functions
    """

    nodes: np.ndarray
    x: np.ndarray
    dx: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    def function(self, j: int) -> DiscreteField:
        """The j-th function of every cell, as forms take it."""
        return DiscreteField(self.values[j], self.slopes[j][None])

    @cached_property
    def pairs(self) -> tuple[DiscreteField, DiscreteField, np.ndarray, np.ndarray]:
        """(n, phi, rows, columns) of all pairs of functions, [j, i, cell, point], and where they go, [j, i, cell]."""
        n = DiscreteField(self.values[:, None], self.slopes[None, :, None])
        phi = DiscreteField(self.values[None], self.slopes[None, None])
        return n, phi, *np.broadcast_arrays(self.nodes[None], self.nodes[:, None])


def tables(
    mesh: MeshLine, degrees: Degrees, over: str, rule: Callable[[int], tuple[np.ndarray, np.ndarray]]
) -> list[CellTable]:
    """One table for each degree among the cells named `over`. rule: degree -> (points, weights) on [0, 1]."""
    ends = np.sort(mesh.p[0])
    widths, found = np.diff(ends), []
    for degree, which, nodes in alike(degrees, len(widths)):
        if over != CELLS:
            here = np.isin(which, mesh.subdomains[over])
            which, nodes = which[here], nodes[here]
        if len(which):
            points, weights = rule(degree)
            width = widths[which, None]
            values, slopes = _on_reference(degree, np.ascontiguousarray(points, float).tobytes())
            shape = (degree + 1, len(which), len(points))
            values = np.broadcast_to(values[:, None], shape)
            x = (ends[which, None] + width * points)[None]
            found.append(CellTable(nodes.T, x, width * weights, values, slopes[:, None] / width))
    return found
