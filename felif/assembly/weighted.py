"""Forms weighted by a stationary density P, and P to nearly full relative accuracy: for Hardy/Poincare inequalities.

A finite-element density is accurate relative to its maximum; where it is tiny its own values say nothing. With the drift
f and noise a of the state, below V_F and without reaction,

    P(v) = N int_{max(v, V_R)}^{V_F} exp(Phi(v) - Phi(s)) / a(s) ds,    Phi' = f/a,

an integral of a positive function, taken cell by cell from V_F downward (no difference of large numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from ..algebra import Band
from .spaces import gauss, modal_transform
from .tails import transport

_NEGLIGIBLE = 1e-11  # of max P: a finite-element density below it is dropped, where no integral gives P


@dataclass(frozen=True, eq=False)
class WeightedForms:
    """int P u' v' and int P u v on nodal values at `nodes`, with natural conditions; the largest P is 1.

    `noise` is a: its smallest value, which is the value for all models with constant noise.
    """

    stiffness: Band
    mass: Band
    noise: float
    first: int  # number of the first node that belongs to the forms; the density is negligible outside
    last: int


def weighted_forms(problem: Any, t: float, y: np.ndarray, field: str) -> WeightedForms:
    """The forms weighted by a field of the steady state y. Raises Infeasible."""
    degree, cells, widths = problem.degree, problem.cells, problem.widths
    points, weights = gauss(degree + 6)
    v = cells[:-1, None] + widths[:, None] * points
    drift, noise, growth = (part.reshape(v.shape) for part in transport(problem, t, y, field, v.ravel()))
    if np.any(growth) or problem.layout.tied[field] is None:
        P = np.maximum(problem.field(field, y)(v), 0.0)
        keep = np.flatnonzero(P.max(axis=1) > _NEGLIGIBLE * P.max())
    else:
        P = _integrated(problem, drift / noise, noise)
        keep = np.flatnonzero(P.max(axis=1) > 1e-280 * P.max())
    kept = slice(keep[0], keep[-1] + 1)
    density = P[kept] / P.max() * weights
    values, slopes = _shapes(degree)
    local_mass = np.einsum("cq,qi,qj->cij", density * widths[kept, None], values, values)
    local_stiffness = np.einsum("cq,qi,qj->cij", density / widths[kept, None], slopes, slopes)
    nodes = problem.cell_nodes[kept] - problem.cell_nodes[keep[0], 0]
    rows, cols = np.broadcast_arrays(nodes[:, :, None], nodes[:, None, :])
    n = int(nodes.max()) + 1
    bands = [
        Band.from_coo(rows.ravel(), cols.ravel(), local.ravel(), n, degree, degree)
        for local in (local_stiffness, local_mass)
    ]
    first = int(problem.cell_nodes[keep[0], 0])
    return WeightedForms(*bands, float(noise.min()), first, first + n)


def _integrated(problem: Any, slope: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """P at the Gauss points of every cell, up to a factor, from the top cell down."""
    points, weights = gauss(slope.shape[1])
    partial = _integration(slope.shape[1])
    P, end = np.empty_like(slope), 0.0
    for c in range(len(slope) - 1, -1, -1):
        width = problem.widths[c]
        potential = width * (partial @ slope[c])  # Phi at the points, from the cell's lower end
        total = width * float(weights @ slope[c])
        source = np.zeros(len(points))
        start = 0.0
        if problem.cells[c] >= problem.v_reset - 1e-12 * width:
            inner = np.exp(-potential) / noise[c]
            start = width * float(weights @ inner)
            source = start - width * (partial @ inner)
        P[c] = np.exp(potential) * source + np.exp(potential - total) * end
        end = start + np.exp(-total) * end
        if end > 1e200:  # only ratios matter
            P[c:] /= end
            end = 1.0
    return P


@lru_cache
def _integration(count: int) -> np.ndarray:
    """Matrix from values at Gauss points on [0, 1] to integrals from 0 to each of them."""
    points, _ = gauss(count)
    x = 2 * points - 1
    to_modes = np.linalg.inv(legendre.legvander(x, count - 1))
    integrals = np.array([legendre.legval(x, legendre.legint(mode, lbnd=-1)) for mode in np.eye(count)]).T
    return integrals @ to_modes / 2


@lru_cache
def _shapes(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes (per unit of cell width) of the nodal basis at the Gauss points, shape (points, degree + 1)."""
    points, _ = gauss(degree + 6)
    modal = modal_transform(degree)
    x = 2 * points - 1
    return legendre.legvander(x, degree) @ modal, 2 * legendre.legvander(x, degree - 1) @ legendre.legder(modal)


def adjoint_values(problem: Any, t: float, y: np.ndarray, field: str, z: np.ndarray) -> np.ndarray:
    """Nodal values, V_F included, of the test function that the row vector z (of F) stands for.

    Its value at V_F makes z.F + phi(V_F) g stationary in the algebraic scalars, g = 0 their equations; without
    recurrent coupling it is the value at V_R.
    """
    U, own, weights = problem.coupling(t, y)
    ends = -np.linalg.solve(own.T, U[:, : len(own)].T @ z)
    tied = problem.layout.tied[field]
    place = problem.layout.slice(field)
    values = np.zeros(len(problem.nodes), np.result_type(z, float))
    values[: problem.layout.free(field)] = z[place]
    if tied is not None:
        values[-1] = ends[tied]
        if field in weights:
            values[:-1] -= ends[tied] * weights[field][place]
    return values
