"""p = 0 on V_F, exactly, and N(w): what must flow out there so that it stays so.

A triangle with an edge on V_F keeps to the polynomials of degree k that vanish there. Its rate r, given against every
polynomial of degree k, is then met up to a part that belongs to V_F,

    r = r_0 + (N_h, phi)_{V_F}:     r_0 against those that vanish on V_F,   N_h of degree k on each edge,

and as both together have as many dimensions as r, this defines N_h: the multiplier of p = 0. All polynomials remain
test functions, constants and powers of w among them, so that nothing is lost.

With `vertices` the same is done where a triangle touches V_F in one vertex, and p is zero on all of V_F from every
side. The multiplier there is a number lambda, which leaves as lambda delta(w - w_vertex), projected on polynomials of
degree k on the edge beside it. So nothing has to be done about the sign of p at V_F, but N(w) is less smooth: its error
is up to 1.3 times that without (3 times with degree 1). Without `vertices`, p is zero there up to the jumps of p.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from skfem.mesh import MeshTri

from .space import modes, tabulate
from .trace import Trace


class Threshold:
    """`flux`: coefficients of N_h from a rate; `cells`, `vanishing`: triangles concerned, projections on what is 0."""

    def __init__(self, mesh: MeshTri, degree: int, trace: Trace, vertices: bool) -> None:
        self._number, size = modes(degree), mesh.nelements * modes(degree)
        conditions = [_edges(trace)] + ([_vertices(mesh, degree, trace)] if vertices else [])
        number = len(trace.cells) * (degree + 1)
        self.flux, cells, vanishing = sparse.csr_matrix((number, size)), [], []
        for there, vanish, into, place in conditions:  # triangles, what is zero, where its multipliers go
            dual = np.linalg.solve(vanish @ vanish.transpose(0, 2, 1), vanish)
            self.flux = self.flux + _blocks(into @ dual, place, there * self._number, (number, size))
            cells.append(there)
            vanishing.append(np.eye(self._number) - vanish.transpose(0, 2, 1) @ dual)
        self.cells, self.vanishing = np.concatenate(cells), np.concatenate(vanishing)
        kept = np.broadcast_to(np.eye(self._number), (mesh.nelements, *[self._number] * 2)).copy()
        kept[self.cells] = self.vanishing
        kept = sparse.bsr_matrix((kept, np.arange(mesh.nelements), np.arange(mesh.nelements + 1))).tocsr()
        back = self.flux @ trace.inflow  # where what enters at V_R reaches these triangles
        if back.nnz:
            self.flux = sparse.csr_matrix(spsolve((sparse.identity(number) - back).tocsc(), self.flux.tocsc()))
        self._change = (kept @ trace.inflow @ self.flux + kept - sparse.identity(size)).tocsr()
        for matrix in (self.flux, self._change):
            matrix.data[np.abs(matrix.data) < 1e-15 * np.abs(matrix.data).max()] = 0.0
            matrix.eliminate_zeros()

    def closed(self, rate: np.ndarray) -> np.ndarray:
        """A rate against all test functions, as that of a p that stays zero on V_F; what leaves there enters at V_R.

        Of a matrix of such rates as well.
        """
        return rate + self._change @ rate

    def constrained(self, y: np.ndarray) -> np.ndarray:
        """The nearest p that is zero on V_F with the mean it has on every triangle."""
        table = y.reshape(-1, self._number).copy()
        old, constant = table[self.cells], self.vanishing[:, :, 0]
        new = np.einsum("nij,nj->ni", self.vanishing, old)
        table[self.cells] = new + ((old[:, 0] - new[:, 0]) / constant[:, 0])[:, None] * constant
        return table.ravel()


def _edges(trace: Trace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triangles, Legendre coefficients on their edges, and what multipliers of those mean for N_h."""
    degree = trace.degree
    values = trace.projector @ trace.value.data.reshape(len(trace.cells), trace.count, -1)
    dual = (2 * np.arange(degree + 1) + 1) / trace.lengths[:, None]
    return trace.cells, values, dual[:, :, None] * np.eye(degree + 1), np.arange(len(trace.cells)) * (degree + 1)


def _vertices(mesh: MeshTri, degree: int, trace: Trace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triangles that touch V_F in a vertex, the value there, and delta(w - w_vertex) on the edge beside them."""
    corners = mesh.p[:, mesh.t]  # (2, 3, cells)
    touching = corners[0] > mesh.p[0].max() - 1e-9 * np.ptp(mesh.p[0])
    touching[:, trace.cells] = False
    cells = np.flatnonzero(touching.any(axis=0))
    points = corners[:, touching[:, cells].argmax(axis=0), cells]
    values = tabulate(mesh, degree, cells, points)[0][:, None, :]
    node = np.abs(trace.ends[:, None] - points[1]).argmin(axis=0)
    inside = corners[1][:, cells].mean(axis=0) > points[1]  # on which side: so lines of edges are not crossed
    above = (inside | (node == 0)) & (node < len(trace.lengths))
    edge, degrees = np.where(above, node, node - 1), np.arange(degree + 1)
    end = np.where(above, -1.0, 1.0)[:, None] ** degrees  # Legendre polynomials there
    return cells, values, ((2 * degrees + 1) * end / trace.lengths[edge][:, None])[:, :, None], edge * (degree + 1)


def _blocks(blocks: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """The sum of dense blocks (n, p, q), at places (row, column)."""
    _, p, q = blocks.shape
    rows = np.broadcast_to(row[:, None, None] + np.arange(p)[:, None], blocks.shape)
    columns = np.broadcast_to(column[:, None, None] + np.arange(q), blocks.shape)
    return sparse.csr_matrix((blocks.ravel(), (rows.ravel(), columns.ravel())), shape)
