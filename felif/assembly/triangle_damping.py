"""What keeps shocks in w from oscillating: triangles whose neighbours disagree lose what varies with w inside them.

    dp/dt = ... - tau_T (p - P p),      P: the L2 projection on polynomials of v alone on each triangle T
    tau_T = 5 alpha_T / h_T min(1, (2 s_T)^2),   s_T = sum over the edges of T of |n_w| (|[p]| + h_T |[p_w]|) / max|p|

alpha_T is the largest wave speed, h_T the extent of T in w; jumps are means over an edge. They are of order h^(k+1)
where p is smooth, and the damping of twice that; at a shock they are of order 1, and p becomes a function of v alone on
the triangles there, for which the Rusanov flux is a finite volume scheme. The mass of every triangle is kept; without
transport in w there is no damping.
Source: the idea is that of J. Lu, Y. Liu, C.-W. Shu, SIAM J. Numer. Anal. 59 (2021) 1299-1324.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from skfem.mesh import MeshTri
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from .triangle_space import shapes

_STRENGTH = 5.0
_SHOCK = 0.5  # jumps, summed over the edges, over the largest mean value of p: there the damping is full


class Damping:
    """tau_T and P on one mesh."""

    def __init__(
        self,
        mesh: MeshTri,
        degree: int,
        jump: sparse.csr_matrix,
        slope_jump: sparse.csr_matrix,
        nw: np.ndarray,
        sides: list[np.ndarray],
        weights: np.ndarray,
    ) -> None:
        """`jump`, `slope_jump`: [p] and [p_w] at the points of the inner facets, facet by facet; `weights` of means."""
        self._jump, self._slope_jump, self._sides, self._weights = jump, slope_jump, sides, weights
        self._nw = np.abs(nw.reshape(-1, len(weights))[:, 0])
        self.heights = np.ptp(mesh.p[1, mesh.t], axis=0)
        self._basis = _functions_of_v(mesh, degree)

    def rates(self, y: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """tau_T of every triangle; `speed`: largest wave speed on each inner facet."""
        size = np.abs(y[:: self._basis.shape[1]]).max() + 1e-300
        jumps, slopes = (
            (np.abs(rows @ y).reshape(len(self._nw), -1) @ self._weights) * self._nw / size
            for rows in (self._jump, self._slope_jump)
        )
        total, fastest = np.zeros(len(self.heights)), np.zeros(len(self.heights))
        for cells in self._sides:
            np.add.at(total, cells, jumps + self.heights[cells] * slopes)
            np.maximum.at(fastest, cells, speed)
        return _STRENGTH * np.minimum((total / _SHOCK) ** 2, 1.0) * fastest / self.heights

    def apply(self, y: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """-tau_T (p - P p), as coefficients."""
        table = y.reshape(len(rates), -1)
        kept = np.einsum("eij,ej->ei", self._basis, np.einsum("eji,ej->ei", self._basis, table))
        change = -rates[:, None] * (table - kept)
        change[:, 0] = 0.0  # up to rounding it is
        return change.ravel()


def _functions_of_v(mesh: MeshTri, degree: int) -> np.ndarray:
    """Orthonormal coefficients of the polynomials of v on every triangle, (cells, modes, degree + 1)."""
    X, W = get_quadrature(RefTri, 2 * degree)
    values, _ = shapes(degree, X)
    v = np.einsum("cn,sn->cs", mesh.p[0, mesh.t].T, np.array([1 - X[0] - X[1], X[0], X[1]]).T)
    centred = (v - v.mean(axis=1, keepdims=True)) / np.ptp(mesh.p[0, mesh.t], axis=0)[:, None]
    powers = centred[..., None] ** np.arange(degree + 1)
    return np.linalg.qr(np.einsum("iq,q,eqj->eij", values, 2 * W, powers))[0]
