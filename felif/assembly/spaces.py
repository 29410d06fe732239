"""Finite-element spaces on a line: nodal elements of any degree, with the quadrature that belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.polynomial import legendre
from skfem.element import ElementH1
from skfem.refdom import RefLine


@dataclass(frozen=True)
class SpectralElement:
    """Nodal elements on Gauss-Lobatto-Legendre points, which are the quadrature points too: the mass is diagonal."""

    highest: ClassVar[int] = 16
    degree: int = 6

    def __post_init__(self) -> None:
        _require_degree(self, 2, self.highest)


@dataclass(frozen=True)
class Lagrange:
    """Continuous piecewise polynomials, integrated exactly (consistent mass); the flux is of order 2 degree."""

    highest: ClassVar[int] = 8
    degree: int = 2

    def __post_init__(self) -> None:
        _require_degree(self, 1, self.highest)


@dataclass(frozen=True)
class ExponentialFitting:
    """Scharfetter-Gummel fluxes on linear elements with lumped mass: order 2, and no density ever becomes negative.

    Source: Xu & Zikatanov, Math. Comp. 68 (1999), the edge-averaged finite element scheme, in one dimension.
    """

    @property
    def degree(self) -> int:
        return 1


Space = SpectralElement | Lagrange | ExponentialFitting


def _require_degree(space: SpectralElement | Lagrange, low: int, high: int) -> None:
    if not isinstance(space.degree, int | np.integer) or not low <= space.degree <= high:
        raise ValueError(
            f"{type(space).__name__}: degree = {space.degree!r}; allowed are integers from {low} to {high}"
        )


@lru_cache
def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Lobatto-Legendre points on [0, 1], sorted, and weights (sum 1); exact up to degree 2 degree - 1."""
    coefficients = np.zeros(degree + 1)
    coefficients[degree] = 1
    inner = np.sort(legendre.legroots(legendre.legder(coefficients)).real)
    for _ in range(3):  # Newton on P_k': companion-matrix roots lose digits
        inner -= legendre.legval(inner, legendre.legder(coefficients)) / legendre.legval(
            inner, legendre.legder(coefficients, 2)
        )
    points = np.r_[-1.0, (inner - inner[::-1]) / 2, 1.0]
    weights = 2 / (degree * (degree + 1) * legendre.legval(points, coefficients) ** 2)
    return (points + 1) / 2, weights / 2


@lru_cache
def gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points on [0, 1] and weights (sum 1)."""
    points, weights = legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


@lru_cache
def modal_transform(degree: int) -> np.ndarray:
    """Matrix from values at the Lobatto points to Legendre coefficients, shape (degree + 1, degree + 1)."""
    points, _ = lobatto(degree)
    return np.linalg.inv(legendre.legvander(2 * points - 1, degree))


def shapes(degree: int, x: np.ndarray) -> np.ndarray:
    """Values of the nodal shape functions at points x of [0, 1], shape (points, degree + 1)."""
    return legendre.legvander(2 * x - 1, degree) @ modal_transform(degree)


class NodalElement(ElementH1):
    """Line element with the Lobatto points as nodes."""

    nodal_dofs = 1
    refdom = RefLine

    def __init__(self, degree: int) -> None:
        nodes, _ = lobatto(degree)
        self.maxdeg = degree
        self.interior_dofs = degree - 1
        self.dofnames = ["u"] * degree
        #: position of each local degree of freedom among the sorted nodes: scikit-fem counts end points first
        self.order = np.r_[0, degree, 1:degree]
        self.doflocs = nodes[self.order][:, None]
        modal = modal_transform(degree)[:, self.order]
        self._value, self._slope = modal, 2 * legendre.legder(modal)
        self._tables: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def lbasis(self, X: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = self._table(X[0])
        return values[i], slopes[i][None]

    def _table(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All shape functions and slopes at x; kept, because a mesh is assembled on the same points as the last one."""
        key = x.tobytes()
        if key not in self._tables:
            if len(self._tables) > 32:
                self._tables.clear()
            t = 2 * x - 1
            self._tables[key] = legendre.legval(t, self._value), legendre.legval(t, self._slope)
        return self._tables[key]


@lru_cache
def element(space: Space) -> NodalElement:
    return NodalElement(space.degree)


def quadrature(space: Space) -> tuple[np.ndarray, np.ndarray]:
    """Points of shape (1, q) and weights of the rule all forms are integrated with."""
    points, weights = gauss(space.degree + 2) if isinstance(space, Lagrange) else lobatto(space.degree)
    return points[None], weights


def has_lumped_mass(space: Space) -> bool:
    return not isinstance(space, Lagrange)


def evaluate(cells: np.ndarray, degree: int, values: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The piecewise polynomial with these nodal values (sorted) at points v; zero outside the mesh.

    cells: the sorted cell ends, shape (c + 1,); values: shape (c degree + 1,).
    """
    cell = np.clip(np.searchsorted(cells, v, side="right") - 1, 0, len(cells) - 2)
    t = 2 * (v - cells[cell]) / (cells[cell + 1] - cells[cell]) - 1
    local = values[cell[:, None] * degree + np.arange(degree + 1)] @ modal_transform(degree).T
    inside = (v >= cells[0]) & (v <= cells[-1])
    return np.where(inside, np.sum(legendre.legvander(np.clip(t, -1, 1), degree) * local, axis=1), 0.0)


def node_positions(cells: np.ndarray, degree: int) -> np.ndarray:
    """All nodes of the space, sorted, shape (c degree + 1,)."""
    points, _ = lobatto(degree)
    inner = cells[:-1, None] + np.diff(cells)[:, None] * points[None, :-1]
    inner[:, 0] = cells[:-1]
    return np.r_[inner.ravel(), cells[-1]]
