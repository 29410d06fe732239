"""Shape functions of the cells of a line, tabulated at quadrature points: what every form is integrated with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from ..translation.weak_form import CELLS
from .elements import cell_nodes, modal_transform


@lru_cache(64)
def _on_reference(degree: int, points: bytes) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Values and slopes of the shape functions of the cell [0, 1], shape (degree + 1, points), and their products."""
    t, modal = 2 * np.frombuffer(points) - 1, modal_transform(degree)
    values, slopes = legendre.legval(t, modal), legendre.legval(t, 2 * legendre.legder(modal))
    pairs = ((values, slopes), (slopes, slopes), (values, values))
    return values, slopes, tuple((n[:, None] * phi[None]).reshape(-1, len(t)) for n, phi in pairs)


@dataclass(eq=False)
class CellTable:
    """The shape functions of cells at the points of a rule.

    nodes  (degree + 1, cells): numbers of the nodes of the functions
    x      (1, cells, points): where the points are;  dx (cells, points): their weights
    values (degree + 1, cells, points), slopes (the same): of the functions
    """

    nodes: np.ndarray
    x: np.ndarray
    dx: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    width: np.ndarray  # (cells,)
    weights: np.ndarray  # (points,), on [0, 1]
    products: tuple[np.ndarray, ...]  # phi_j phi_i', phi_j' phi_i', phi_j phi_i on [0, 1], ((degree + 1)^2, points)
    _in_band: np.ndarray | None = None

    def in_band(self, width: int) -> np.ndarray:
        """Where the entries [j, i, cell] stand in the storage of a band matrix of this half width, by columns."""
        if self._in_band is None:
            rows, columns = self.nodes[None], self.nodes[:, None]
            self._in_band = (columns * 2 * width + width + rows).ravel()
        return self._in_band

    def matrices(self, convection: np.ndarray, diffusion: np.ndarray, reaction: np.ndarray) -> np.ndarray:
        """int convection n phi' - diffusion n' phi' + reaction n phi for n = phi_j, phi = phi_i: [j, i, cell].

        convection, diffusion, reaction: at the points, shape (cells, points).
        """
        count = len(self.nodes)
        total = np.zeros((count * count, len(self.dx)))
        for at_points, factor, products in zip(
            (convection, diffusion, reaction), (1.0, -1 / self.width, self.width), self.products, strict=True
        ):
            if at_points.any():
                total += products @ (at_points * self.weights).T * factor
        return total.reshape(count, count, -1)


def table(mesh: Any, degree: int, over: str, rule: tuple[np.ndarray, np.ndarray]) -> CellTable:
    """The table of the cells named `over`. rule: (points, weights) on [0, 1]."""
    ends, (points, weights) = np.sort(mesh.p[0]), rule
    which = np.arange(len(ends) - 1) if over == CELLS else np.asarray(mesh.subdomains[over])
    width = np.diff(ends)[which]
    values, slopes, products = _on_reference(degree, np.ascontiguousarray(points, float).tobytes())
    return CellTable(
        cell_nodes(degree, len(ends) - 1)[which].T,
        (ends[which, None] + width[:, None] * points)[None],
        width[:, None] * weights,
        np.broadcast_to(values[:, None], (degree + 1, len(which), len(points))),
        slopes[:, None] / width[:, None],
        width,
        np.asarray(weights),
        products,
    )
