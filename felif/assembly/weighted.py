"""Forms weighted by a stationary density P, and P to nearly full relative accuracy: for Hardy/Poincare inequalities.

A finite-element density is accurate relative to its maximum; where it is tiny its own values say nothing. With the
drift f and noise a of the state, below V_F and without reaction,

    P(v) = int_v^{V_F} J(s) exp(Phi(v) - Phi(s)) / a(s) ds,    Phi' = f/a,

J the flux, which is N between V_R and V_F, and grows from place to place where neurons enter at several: an integral of
a positive function, taken cell by cell from V_F downward (no difference of large numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from ..algebra import Band, composite, gauss
from ..firing.layers import coefficients_at, source_at
from ..firing.over_v import OverV
from ..spaces import modal_transform
from .tuning import WEIGHTED


@dataclass(frozen=True, eq=False)
class WeightedForms:
    """int P u' v' and int P u v on the nodal values first:last, with natural conditions; P is scaled to 1.

    Outside that range P is negligible. `noise` is the smallest a, the only one where noise does not depend on v.
    """

    stiffness: Band
    mass: Band
    noise: float
    first: int
    last: int


def weighted_forms(problem: OverV, t: float, y: np.ndarray, field: str) -> WeightedForms:
    """The forms weighted by a field of the steady state y. Raises Infeasible.

    Cells are divided for integration until P changes by a factor of at most about e^2 in each part.
    """
    degree = problem.degree
    drift, noise, growth = coefficients_at(problem, t, y, field, problem.nodes)
    steepest = np.abs(drift / noise)[problem.cell_nodes].max(axis=1) * problem.widths
    parts = np.clip(np.ceil(steepest / WEIGHTED.decay), 1, WEIGHTED.parts).astype(int)
    ends = np.concatenate([[0.0], np.cumsum(np.repeat(problem.widths / parts, parts))]) + problem.cells[0]
    owner = np.repeat(np.arange(len(parts)), parts)
    v, weights = composite(ends, degree + 6)
    flux = _flux(problem, t, y, field, (ends[1:] + ends[:-1]) / 2)
    if np.any(growth) or problem.layout.tied[field] is None or flux is None:
        P = problem.field(field, y)(v)
        good = P.min(axis=1) > WEIGHTED.negligible * P.max()
    else:
        drift, noise, _ = (part.reshape(v.shape) for part in coefficients_at(problem, t, y, field, v.ravel()))
        P = integrated(ends, flux, drift / noise, noise)
        good = P.max(axis=1) > WEIGHTED.vanished * P.max()
    low, high = _longest_run(np.bincount(owner, ~good) == 0)
    kept = (owner >= low) & (owner < high)
    owner, v = owner[kept], v[kept]
    widths = problem.widths[owner][:, None]
    density = P[kept] / P.max() * weights[kept]
    x = (v - problem.cells[owner][:, None]) / widths
    values, slopes = _shapes(degree, x)
    nodes = problem.cell_nodes[owner] - problem.cell_nodes[low, 0]
    n = int(nodes.max()) + 1
    rows, cols = np.broadcast_arrays(nodes[:, :, None], nodes[:, None, :])
    bands = [
        Band.from_coo(rows.ravel(), cols.ravel(), np.einsum("cq,cqi,cqj->cij", w, f, f).ravel(), n, degree, degree)
        for w, f in ((density / widths**2, slopes), (density, values))
    ]
    first = int(problem.cell_nodes[low, 0])
    return WeightedForms(*bands, float(noise.min()), first, first + n)


def _longest_run(good: np.ndarray) -> tuple[int, int]:
    """The longest run of good cells, as (first, last + 1)."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]])))
    runs = ends.reshape(-1, 2)
    low, high = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return int(low), int(high)


def _flux(problem: OverV, t: float, y: np.ndarray, field: str, v: np.ndarray) -> np.ndarray | None:
    """J at places between points at which neurons enter, up to a factor; None where they enter along the line."""
    s, m, flux = problem.namespace(t, y), problem.parameters, np.zeros(len(v))
    for term in (q for q in problem.weak_form.terms if q.into == field and q.of is None and q.over != "firing"):
        if not term.is_at_point:
            return None
        place = problem.weak_form.places[term.over]
        c = 1.0 if term.coefficient is None else float(np.real(term.coefficient(s, m)))
        flux[v > place] += c * source_at(problem, term)
    return flux / np.abs(flux).max() if flux.any() else None


def integrated(ends: np.ndarray, flux: np.ndarray, slope: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """P at the Gauss points of every interval, up to a factor, from the top one down; flux in each, slope = f/a."""
    points, weights = gauss(slope.shape[1])
    partial = _integration(slope.shape[1])
    P, end = np.empty_like(slope), 0.0
    for c in range(len(slope) - 1, -1, -1):
        width = ends[c + 1] - ends[c]
        potential = width * (partial @ slope[c])  # Phi at the points, from the lower end
        total = width * float(weights @ slope[c])
        source, start = np.zeros(len(points)), 0.0
        if flux[c]:
            inner = flux[c] * np.exp(-potential) / noise[c]
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


def _shapes(degree: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes of the nodal basis at points x of [0, 1], shape (*x.shape, degree + 1)."""
    modal = modal_transform(degree)
    return legendre.legvander(2 * x - 1, degree) @ modal, 2 * legendre.legvander(
        2 * x - 1, degree - 1
    ) @ legendre.legder(modal)


def adjoint_values(problem: OverV, t: float, y: np.ndarray, field: str, z: np.ndarray) -> np.ndarray:
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
