"""Spaces over (v, w): a space on the v-axis times discontinuous cells on the w-axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from ...algebra import gauss, lagrange
from ...given.arguments import shown
from ...spaces import ExponentialFitting, SpectralElement, is_integer, shapes
from .tuning import TRANSPORT


@dataclass(frozen=True)
class DG:
    """Polynomials of this degree in every cell of the w-axis, without continuity; order degree + 1 for smooth data.

    Nodes and quadrature points are Gauss's. Where a solution is not smooth the polynomial gives way to finite volumes
    around its nodes, smoothly in the size of its highest mode, so that the total variation stays bounded.

    Parameters
    ----------
    degree : int
        0 to 8.

    Notes
    -----
    Source: S. Hennemann, A. M. Rueda-Ramirez, F. J. Hindenlang, G. J. Gassner, J. Comput. Phys. 426 (2021) 109935.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Tensor(w=fl.DG(3)).w.degree
    3
    """

    degree: int = 5

    def __post_init__(self) -> None:
        if not is_integer(self.degree) or not 0 <= self.degree <= TRANSPORT.highest:
            raise ValueError(f"DG: degree = {shown(self.degree)}; allowed are integers from 0 to {TRANSPORT.highest}")


@dataclass(frozen=True)
class MUSCL:
    """Finite volumes on the w-axis with limited slopes: order 2, and no density becomes negative.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Tensor(v=fl.ExponentialFitting(), w=fl.MUSCL()).positive
    True
    """

    @property
    def degree(self) -> int:
        """0: one value a cell."""
        return 0


@dataclass(frozen=True)
class Tensor:
    """A density over (v, w): a space in v on every line w = const, and one in w across the lines.

    Tensor() is for accuracy; Tensor(v=ExponentialFitting(), w=MUSCL()) keeps p >= 0 (with BackwardEuler, its scheme by
    default).

    Parameters
    ----------
    v : SpectralElement or ExponentialFitting
        On every line.
    w : DG or MUSCL
        Across the lines.

    Raises
    ------
    ValueError
        For other spaces.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Tensor(v=fl.SpectralElement(4), w=fl.DG(2)).degree
    4
    """

    v: SpectralElement | ExponentialFitting = field(default_factory=SpectralElement)
    w: DG | MUSCL = field(default_factory=DG)

    def __post_init__(self) -> None:
        if not isinstance(self.v, SpectralElement | ExponentialFitting):
            raise ValueError(f"Tensor: v = {shown(self.v)}; allowed are SpectralElement(degree), ExponentialFitting()")
        if not isinstance(self.w, DG | MUSCL):
            raise ValueError(f"Tensor: w = {shown(self.w)}; allowed are DG(degree), MUSCL()")

    @property
    def positive(self) -> bool:
        """Whether the space parts never make a density negative."""
        return isinstance(self.v, ExponentialFitting) and self.w.degree == 0

    @property
    def degree(self) -> int:
        """Of the space in v."""
        return self.v.degree


@dataclass(frozen=True, eq=False)
class CellTables:
    """What a cell [0, 1] of polynomials of a degree needs, at its Gauss points."""

    points: np.ndarray
    weights: np.ndarray
    volume: np.ndarray  # [q, i]: weight_q phi_i'(x_q)
    left: np.ndarray  # phi_i(0)
    right: np.ndarray  # phi_i(1)
    modal: np.ndarray  # from nodal values to coefficients of Legendre polynomials of unit size
    samples: np.ndarray  # shape functions at points close enough to see where a polynomial is lowest
    lifts: np.ndarray  # [x]: the least function in L2, orthogonal to straight lines, that is 1 at sample x
    radius: float  # of the spectrum of transport at speed 1 through cells of width 1, whatever the upwinding


@lru_cache
def cell_tables(degree: int) -> CellTables:
    points, weights = gauss(degree + 1)
    t = 2 * points - 1
    inverse = np.linalg.inv(legendre.legvander(t, degree))
    identity = np.eye(degree + 1)
    slopes = 2 * np.array([legendre.legval(t, legendre.legder(row)) + 0 * t for row in identity]).T @ inverse
    left, right = (legendre.legvander(np.array([end]), degree)[0] @ inverse for end in (-1.0, 1.0))
    volume = weights[:, None] * slopes
    modal = inverse / np.sqrt(2 * np.arange(degree + 1) + 1)[:, None]
    at = sample_points(degree)
    samples = values_at(degree, at)
    higher = legendre.legvander(2 * at - 1, degree)[:, 2:]
    kernel = (higher * (2 * np.arange(2, degree + 1) + 1)) @ legendre.legvander(t, degree)[:, 2:].T
    lifts = kernel / np.einsum("xi,xi->x", kernel, samples)[:, None] if degree > 1 else np.zeros_like(samples)
    return CellTables(points, weights, volume, left, right, modal, samples, lifts, (degree + 1.0) * (degree + 2.0))


def sample_points(degree: int) -> np.ndarray:
    """Points of [0, 1], both ends included, among which a polynomial falls little lower than at them."""
    count = TRANSPORT.samples * degree
    return (1 - np.cos(np.pi * np.arange(count + 1) / count)) / 2 if degree else np.array([0.5])


def values_at(degree: int, x: np.ndarray) -> np.ndarray:
    """Values of the nodal shape functions of a cell at points x of [0, 1], shape (points, degree + 1)."""
    return lagrange(gauss(degree + 1)[0], x)


class Axis:
    """The w-axis: cells, and the nodes of their polynomials."""

    def __init__(self, cells: np.ndarray, space: DG | MUSCL) -> None:
        self.cells, self.space = np.asarray(cells, float), space
        self.tables = cell_tables(space.degree)
        self.widths = np.diff(self.cells)
        self.count = len(self.widths)
        self.nodes = (self.cells[:-1, None] + self.widths[:, None] * self.tables.points).ravel()
        self.weights = (self.widths[:, None] * self.tables.weights).ravel()
        self.size = len(self.nodes)

    def by_cells(self, values: np.ndarray) -> np.ndarray:
        """values[..., nodes] as (..., cells, degree + 1)."""
        return values.reshape(*values.shape[:-1], self.count, -1)

    def lowest(self, polynomials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(the sample at which each is lowest, how low it is near there) of polynomials (..., degree + 1) on cells.

        The second by a parabola through three samples, which are equally far from each other in the angle acos(x).
        """
        values = polynomials @ self.tables.samples.T
        before = np.concatenate([values[..., 1:2], values[..., :-1]], axis=-1)  # even in the angle at both ends
        after = np.concatenate([values[..., 1:], values[..., -2:-1]], axis=-1)
        bend = before - 2 * values + after
        valley = (values <= before) & (values <= after) & (bend > 0)
        depths = values - np.where(valley, (after - before) ** 2 / (8 * np.where(valley, bend, 1.0)), 0.0)
        at = depths.argmin(axis=-1)
        return at, np.take_along_axis(depths, at[..., None], axis=-1)[..., 0]

    def evaluate(self, values: np.ndarray, w: np.ndarray) -> np.ndarray:
        """The polynomials with these nodal values, shape (..., size), at points w: (..., len(w)); zero outside."""
        cell = np.clip(np.searchsorted(self.cells, w, side="right") - 1, 0, self.count - 1)
        shapes = values_at(self.space.degree, np.clip((w - self.cells[cell]) / self.widths[cell], 0.0, 1.0))
        inside = (w >= self.cells[0]) & (w <= self.cells[-1])
        return np.where(inside, np.einsum("...ci,ci->...c", self.by_cells(values)[..., cell, :], shapes), 0.0)


def evaluate_plane(
    cells: np.ndarray, degree: int, axis: Axis, full: np.ndarray, v: np.ndarray, w: np.ndarray
) -> np.ndarray:
    """The function with nodal values full[v-node, w-node] at as many v as w; zero outside."""
    in_v = np.clip(np.searchsorted(cells, v, side="right") - 1, 0, len(cells) - 2)
    in_w = np.clip(np.searchsorted(axis.cells, w, side="right") - 1, 0, axis.count - 1)
    x = np.clip((v - cells[in_v]) / (cells[in_v + 1] - cells[in_v]), 0.0, 1.0)
    z = np.clip((w - axis.cells[in_w]) / axis.widths[in_w], 0.0, 1.0)
    q = axis.space.degree
    rows = in_v[:, None] * degree + np.arange(degree + 1)
    columns = in_w[:, None] * (q + 1) + np.arange(q + 1)
    values = full[rows[:, :, None], columns[:, None, :]]
    result = np.einsum("pi,pij,pj->p", shapes(degree, x), values, values_at(q, z))
    inside = (v >= cells[0]) & (v <= cells[-1]) & (w >= axis.cells[0]) & (w <= axis.cells[-1])
    return np.where(inside, result, 0.0)
