"""What keeps shocks in w from oscillating: where C(w) = int p dv jumps, triangles lose what varies with w inside them.

    dp/dt = ... - tau_T (p - P p),      P: the L2 projection on polynomials of v alone on each triangle T
    tau_T = 40 beta_T / h_T min(1, (2 s_T)^4),   beta_T: the largest |N dc/dN| on its edges
    s_T = max over the w in T of   |int [p] n_w| + |int h [p_w] n_w|,   over the largest C

Only a speed c that depends on N makes shocks, and only as fast as beta, so there is no damping where it does not. h is
the extent of a triangle in w. The integrals are taken along all facets that a line w = const meets, whatever their v:
on a line of edges the first is the jump of C. For a shock passes through all v at once, also where p is small, as it is
at V_F, where the speed is read from it; and errors of p as a function of v, which no shock makes, cancel. They are of
order h^(k+1) where p is smooth, and s_T^4 of order h^(4k+4); at a shock they are of order 1, and p becomes a
function of v alone on the triangles there, for which the Rusanov flux is a finite volume scheme. The mass of every
triangle is kept.
Source: the idea of damping by jumps is that of J. Lu, Y. Liu, C.-W. Shu, SIAM J. Numer. Anal. 59 (2021) 1299-1324.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from skfem.mesh import MeshTri
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from .space import shapes
from .tuning import LIMITING


class Damping:
    """tau_T and P on one mesh."""

    def __init__(
        self,
        mesh: MeshTri,
        degree: int,
        jump: sparse.csr_matrix,
        slope_jump: sparse.csr_matrix,
        dw: np.ndarray,
        sides: list[np.ndarray],
    ) -> None:
        """`jump`, `slope_jump`: [p] and [p_w] at the points of the inner facets, facet by facet; `dw`: n_w ds there."""
        self._sides, self._count = sides, len(sides[0])
        corners = mesh.p[:, mesh.t]
        self.heights = np.ptp(corners[1], axis=0)
        height = np.repeat((self.heights[sides[0]] + self.heights[sides[1]]) / 2, len(dw) // self._count)
        self._jump, self._slope_jump = self._by_facet(dw) @ jump, self._by_facet(dw * height) @ slope_jump
        self._lines = Lines(corners[1], mesh.p[1][mesh.facets[:, mesh.f2t[1] != -1]])
        (v0, v1, v2), (w0, w1, w2) = corners
        self._widths = np.abs((v1 - v0) * (w2 - w0) - (v2 - v0) * (w1 - w0)) / 2 / self.heights
        self._basis = _functions_of_v(mesh, degree)

    def _by_facet(self, weights: np.ndarray) -> sparse.csr_matrix:
        """Rows that sum up values at points with these weights, facet by facet."""
        count = len(weights) // self._count
        ends = np.arange(self._count + 1) * count
        return sparse.csr_matrix((weights, np.arange(len(weights)), ends), (self._count, len(weights)))

    def shocks(self, y: np.ndarray) -> np.ndarray:
        """s_T of every triangle."""
        lines = self._lines
        C = lines.between(self._widths * y[:: self._basis.shape[1]])
        jumps = sum(np.abs(lines.across(rows @ y)) for rows in (self._jump, self._slope_jump))
        return lines.largest(jumps) / (np.abs(C).max() + 1e-300)

    def rates(self, y: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """tau_T of every triangle; `speed`: the largest |N dc/dN| on each inner facet."""
        fastest = np.zeros(len(self.heights))
        for cells in self._sides:
            np.maximum.at(fastest, cells, speed)
        return LIMITING.strength * np.minimum((self.shocks(y) / LIMITING.shock) ** 4, 1.0) * fastest / self.heights

    def apply(self, y: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """-tau_T (p - P p), as coefficients."""
        table = y.reshape(len(rates), -1)
        kept = np.einsum("eij,ej->ei", self._basis, np.einsum("eji,ej->ei", self._basis, table))
        change = -rates[:, None] * (table - kept)
        change[:, 0] = 0.0  # up to rounding it is
        return change.ravel()


class Lines:
    """The lines w = const through the vertices, and the intervals between them: what lies on each of them, in turn."""

    def __init__(self, cells: np.ndarray, facets: np.ndarray) -> None:
        """`cells` (3, triangles), `facets` (2, facets): w of their corners."""
        levels = np.unique(cells)
        self._size = 2 * len(levels) - 1  # level 0, interval 0, level 1, ...
        self._cells = self._range(levels, cells)
        low, high = self._range(levels, facets)
        across = low + 1 < high  # a facet belongs to the intervals it crosses, and to a level if it lies there
        self._facets = low + across, high - across

    @staticmethod
    def _range(levels: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return 2 * np.searchsorted(levels, w.min(axis=0)), 2 * np.searchsorted(levels, w.max(axis=0)) + 1

    def _summed(self, low: np.ndarray, high: np.ndarray, values: np.ndarray) -> np.ndarray:
        steps = np.bincount(low, values, self._size + 1) - np.bincount(high, values, self._size + 1)
        return np.cumsum(steps)[:-1]

    def across(self, values: np.ndarray) -> np.ndarray:
        """Sums of the values of facets, on every level and interval."""
        return self._summed(*self._facets, values)

    def between(self, values: np.ndarray) -> np.ndarray:
        """Sums of the values of triangles, on those intervals (and levels within) that they cover."""
        low, high = self._cells
        return self._summed(low + 1, high - 1, values)

    def largest(self, values: np.ndarray) -> np.ndarray:
        """For every triangle the largest of the values on its levels and intervals."""
        pairs = np.stack(self._cells, axis=1).ravel()
        return np.maximum.reduceat(np.append(values, 0.0), pairs)[::2]


def _functions_of_v(mesh: MeshTri, degree: int) -> np.ndarray:
    """Orthonormal coefficients of the polynomials of v on every triangle, (cells, modes, degree + 1)."""
    X, W = get_quadrature(RefTri, 2 * degree)
    values, _ = shapes(degree, X)
    v = np.einsum("cn,sn->cs", mesh.p[0, mesh.t].T, np.array([1 - X[0] - X[1], X[0], X[1]]).T)
    centred = (v - v.mean(axis=1, keepdims=True)) / np.ptp(mesh.p[0, mesh.t], axis=0)[:, None]
    powers = centred[..., None] ** np.arange(degree + 1)
    return np.linalg.qr(np.einsum("iq,q,eqj->eij", values, 2 * W, powers))[0]
