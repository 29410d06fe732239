"""Discontinuous polynomials on triangles, in a basis that is orthonormal on each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.polynomial import legendre

from ...given.arguments import shown
from ...given.libraries import skfem
from ...spaces import is_integer


@dataclass(frozen=True)
class Triangles:
    """Discontinuous Galerkin on triangles over v and w: polynomials of total degree `degree` on each.

    Symmetric interior penalty in v (the only direction with diffusion), upwind fluxes for the drift in v, Rusanov
    fluxes in w. p is shown nonnegative, see `triangles.limiter`.

    Parameters
    ----------
    degree : int
        Total degree of the polynomials.
    positive : bool
        Steps start from what is shown, and p is zero on V_F at vertices too (`triangles.threshold`); less accurate, and
        more steps at small rtol.

    Notes
    -----
    Source: Arnold, Brezzi, Cockburn & Marini, SIAM J. Numer. Anal. 39 (2002) 1749-1779.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> problem = fl.discretize(learning, fl.strip(learning, cells=(6, 3)), space=fl.Triangles(1))
    >>> problem.model is learning
    True
    """

    highest: ClassVar[int] = 6
    degree: int = 2
    positive: bool = False

    def __post_init__(self) -> None:
        if not is_integer(self.degree) or not 1 <= self.degree <= self.highest:
            raise ValueError(f"Triangles: degree = {shown(self.degree)}; allowed are integers from 1 to {self.highest}")
        if not isinstance(self.positive, bool):
            raise ValueError(f"Triangles: positive = {shown(self.positive)}; allowed are True and False")


def modes(degree: int) -> int:
    """Number of basis functions on a triangle."""
    return (degree + 1) * (degree + 2) // 2


def _products(degree: int, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products of Legendre polynomials by ascending total degree: values (n, points), slopes (n, 2, points)."""
    x, y = legendre.legvander(2 * X[0] - 1, degree).T, legendre.legvander(2 * X[1] - 1, degree).T
    eye = np.eye(degree + 1)
    dx = np.array([2 * legendre.legval(2 * X[0] - 1, legendre.legder(row)) for row in eye])
    dy = np.array([2 * legendre.legval(2 * X[1] - 1, legendre.legder(row)) for row in eye])
    pairs = [(total - j, j) for total in range(degree + 1) for j in range(total + 1)]
    values = np.array([x[i] * y[j] for i, j in pairs])
    slopes = np.array([[dx[i] * y[j], x[i] * dy[j]] for i, j in pairs])
    return values, slopes


@lru_cache
def _coefficients(degree: int) -> np.ndarray:
    """Rows: the orthonormal basis in terms of `_products`; by Gram-Schmidt, so ascending in degree too."""
    X, W = skfem.quadrature.get_quadrature(skfem.refdom.RefTri, 2 * degree)
    values, _ = _products(degree, X)
    _, r = np.linalg.qr((np.sqrt(2 * W) * values).T)
    return np.linalg.inv(r * np.sign(np.diag(r))[:, None]).T


def shapes(degree: int, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (modes, points) and slopes (modes, 2, points) at points X (2, points) of the reference triangle.

    The mean of phi_i phi_j over the triangle is 1 if i = j, else 0; phi_0 = 1; phi_i with i >= modes(d) has mean 0
    against every polynomial of degree d.
    """
    values, slopes = _products(degree, X)
    change = _coefficients(degree)
    values, slopes = change @ values, np.einsum("ij,jkp->ikp", change, slopes)
    values[0], slopes[0] = 1.0, 0.0
    return values, slopes


def tabulate(mesh: skfem.MeshTri, degree: int, cells: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Basis functions of `cells` (n,) at `points` (2, n), one point a cell: values and v-slopes, each (n, modes)."""
    mapping = mesh.mapping()
    X = mapping.invF(points[:, :, None], cells)[:, :, 0]
    values, slopes = shapes(degree, X)
    inverse = mapping.invDF(np.zeros((2, 1)), cells)[:, 0, :, 0]  # (reference, n): d(reference)/dv
    return values.T, np.einsum("ikn,kn->ni", slopes, inverse)


@lru_cache
def nodes(degree: int) -> np.ndarray:
    """Equidistant points of the reference triangle, corners included, (2, points): where extremes are looked for."""
    k = max(degree, 1)
    return np.array([(i / k, j / k) for j in range(k + 1) for i in range(k + 1 - j)]).T
