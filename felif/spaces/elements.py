"""Finite-element spaces on a line: nodal elements of any degree, with the quadrature that belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.polynomial import legendre

from ..algebra import gauss
from ..given.arguments import shown

_FEW = 2000  # points at which it is remembered how functions are evaluated


@dataclass(frozen=True)
class SpectralElement:
    """Nodal elements on Gauss-Lobatto-Legendre points, which are the quadrature points too: the mass is diagonal.

    Parameters
    ----------
    degree : int
        Of the polynomials, 2 to 16.

    Raises
    ------
    ValueError
        For other degrees.

    Examples
    --------
    >>> import felif as fl
    >>> network = fl.NoisyLIF(b=0.5)
    >>> fl.discretize(network, fl.interval(network, cells=10), space=fl.SpectralElement(degree=4)).size
    40
    """

    highest: ClassVar[int] = 16
    degree: int = 6

    def __post_init__(self) -> None:
        _require_degree(self, 2, self.highest)


@dataclass(frozen=True)
class Lagrange:
    """Continuous piecewise polynomials, integrated exactly (consistent mass); the flux is of order 2 degree.

    Parameters
    ----------
    degree : int
        Of the polynomials, 1 to 8.

    Raises
    ------
    ValueError
        For other degrees.

    Examples
    --------
    >>> import felif as fl
    >>> network = fl.NoisyLIF(b=0.5)
    >>> fl.discretize(network, fl.interval(network, cells=10), space=fl.Lagrange(2)).size
    20
    """

    highest: ClassVar[int] = 8
    degree: int = 2

    def __post_init__(self) -> None:
        _require_degree(self, 1, self.highest)


@dataclass(frozen=True)
class ExponentialFitting:
    """Scharfetter-Gummel fluxes on linear elements with lumped mass: order 2, and no density ever becomes negative.

    Notes
    -----
    Source: Xu & Zikatanov, Math. Comp. 68 (1999), the edge-averaged finite element scheme, in one dimension. Along
    axes without noise there is one value a cell, with slopes limited as by van Albada, van Leer & Roberts (1982).

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), space=fl.ExponentialFitting(), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.2, scheme=fl.BackwardEuler(), rtol=1e-2)
    >>> bool(run.series["min_n"].min() >= 0)
    True
    """

    @property
    def degree(self) -> int:
        """1, that of linear elements."""
        return 1


Space = SpectralElement | Lagrange | ExponentialFitting


def is_integer(value: object) -> bool:
    """Whether this is a whole number of Python or numpy; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _require_degree(space: SpectralElement | Lagrange, low: int, high: int) -> None:
    if not is_integer(space.degree) or not low <= space.degree <= high:
        raise ValueError(
            f"{type(space).__name__}: degree = {shown(space.degree)}; allowed are integers from {low} to {high}"
        )


@lru_cache
def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Lobatto-Legendre points on [0, 1], sorted, and weights (sum 1); exact up to degree 2 degree - 1.

    Of degree 0 the middle.
    """
    if degree == 0:
        return np.array([0.5]), np.ones(1)
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
def modal_transform(degree: int) -> np.ndarray:
    """Matrix from values at the Lobatto points to Legendre coefficients, shape (degree + 1, degree + 1)."""
    points, _ = lobatto(degree)
    return np.linalg.inv(legendre.legvander(2 * points - 1, degree))


def shapes(degree: int, x: np.ndarray) -> np.ndarray:
    """Values of the nodal shape functions at points x of [0, 1], shape (points, degree + 1)."""
    return legendre.legvander(2 * x - 1, degree) @ modal_transform(degree)


def quadrature(space: Space, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on [0, 1] and weights of the rule all forms are integrated with, in cells of this degree."""
    return gauss(degree + 2) if isinstance(space, Lagrange) else lobatto(degree)


def has_lumped_mass(space: Space) -> bool:
    return not isinstance(space, Lagrange)


def cell_nodes(degree: int, cells: int) -> np.ndarray:
    """Numbers of the nodes of each cell, shape (cells, degree + 1)."""
    return np.arange(cells)[:, None] * degree + np.arange(degree + 1)


def modes(degree: int, values: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Legendre coefficients in these cells of the function with these nodal values, shape (len(cell), degree + 1)."""
    return values[cell[:, None] * degree + np.arange(degree + 1)] @ modal_transform(degree).T


def evaluate(cells: np.ndarray, degree: int, values: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The piecewise polynomial with these nodal values (sorted) at points v; zero outside the mesh.

    cells: the sorted cell ends, shape (c + 1,); values: at all nodes.
    """
    kept = _basis if len(v) <= _FEW else _basis.__wrapped__
    cell, inside, basis = kept(np.asarray(cells, float).tobytes(), np.asarray(v, float).tobytes(), degree)
    return np.where(inside, np.sum(basis * modes(degree, values, cell), axis=1), 0.0)


@lru_cache(16)
def _basis(cells: bytes, v: bytes, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the cell of each point, whether it is inside, Legendre polynomials there), the same for many functions."""
    ends, points = np.frombuffer(cells), np.frombuffer(v)
    cell = np.clip(np.searchsorted(ends, points, side="right") - 1, 0, len(ends) - 2)
    t = 2 * (points - ends[cell]) / (ends[cell + 1] - ends[cell]) - 1
    inside = (points >= ends[0]) & (points <= ends[-1])
    return cell, inside, legendre.legvander(np.clip(t, -1, 1), degree)


def node_positions(cells: np.ndarray, degree: int) -> np.ndarray:
    """All nodes of the space, sorted."""
    inner = cells[:-1, None] + np.diff(cells)[:, None] * lobatto(degree)[0][:-1]
    inner[:, 0] = cells[:-1]
    return np.append(inner.ravel(), cells[-1])
