"""Fluxes that keep densities >= 0: exponentially fitted along axes with noise, limited upwind along the others.

Between neighbouring nodes of an axis with noise, at the distance h, the flux is that of the stationary solution through
both values (Scharfetter & Gummel 1969), with drift b and noise a half way,

    J = (a / h) [B(-z) n_left - B(z) n_right],     z = h b / a,     B(z) = z / (e^z - 1).

From cell to cell of an axis without noise it is b times the value that a slope limited by both neighbours (van Albada,
van Leer & Roberts 1982) has at the face, a multiple theta in [0, 2] of the value of the cell it comes from. Masses are
lumped. At frozen coefficients (numbers, and theta) the matrix of dn/dt has no negative entry beside its diagonal, and
backward Euler solves with an M-matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from ..problem import Infeasible
from ..spaces import Line
from ..weakform import Term
from .faces import upwind
from .forms import kernels_of, read_by
from .on_axes import OnAxes
from .piece import Piece
from .tuning import MATRICES

_STEEPEST = (
    0.82  # of a slope where cells differ: theta stays in [0, 2], as van Albada's mean is at most 1.21 times each
)


def bernoulli(z: Any) -> Any:
    """z / (e^z - 1), also at complex z next to the real line."""
    small = np.abs(z) < MATRICES.series
    safe = np.where(small, 1.0, np.where(np.real(z) > MATRICES.largest, MATRICES.largest, z))
    return np.where(small, 1 - z / 2 + z * z / 12 * (1 - z * z / 60), safe / np.expm1(safe))


def is_own(term: Term, over: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a term moves what it is of along axes, all over them."""
    return term.into == term.of and bool(over[term.into]) and not term.at and term.matrix is None and not term.lands


def fitted(builder: Any, u: str) -> list[Piece]:
    """The pieces of drift and noise of an unknown along each of its axes with noise."""
    lines = [name for name in builder.over[u] if name in builder.lines]
    return [piece for b in lines if builder.lines[b].continuous for piece in _along(builder, u, b, lines)]


def _along(builder: Any, u: str, b: str, lines: list[str]) -> list[Piece]:
    line, cells = builder.lines[b], np.arange(builder.lines[b].count)
    middles = {b: ((line.cells[:-1] + line.cells[1:]) / 2, cells, np.ones(line.count))}
    places, weights, x = builder.grid(builder.over[u], {}, middles)
    cell, moving, names = places[b][1], [], []
    for term in (term for term in builder.equations.terms if is_own(term, builder.over) and term.into == u):
        kernels = kernels_of(term, lines, x, len(weights))
        if wrong := [pair for pair in kernels if b in pair and pair not in ((None, b), (b, b))]:
            raise ValueError(
                f"Term {term.called!r} multiplies derivatives (of the unknown, of the test function) along {wrong[0]}; "
                "allowed where densities are kept >= 0 are drift and noise along each axis"
            )
        if (None, b) in kernels or (b, b) in kernels:
            read = read_by(term, {*builder.over, *builder.order}, builder.indices, builder.m)
            names += [name for name in read if name not in names]
            moving.append((term, kernels.get((None, b), 0.0), kernels.get((b, b), 0.0)))
    if not moving:
        return []
    ends = [builder.rows(u, {**places, b: (line.cells[cell + k], cell)}, len(weights)) for k in (0, 1)]
    found = []
    for values, side in zip(ends, (-1.0, 1.0), strict=True):
        flux = _fitted(moving, line.widths[cell], side)
        term = replace(moving[0][0], coefficient=flux, name=f"flux of {u} along {b}")
        found.append(builder.at_points(term, names, places, ends[1] - ends[0], values, weights))
    return found


def _fitted(moving: list[tuple], h: np.ndarray, side: float) -> Callable[[Any, Any], Any]:
    """What J is of the value on the left (-1) or on the right (1)."""

    def coefficient(s: Any, m: Any) -> Any:
        drift, noise = 0.0, 0.0
        for term, f, a in moving:
            c = 1.0 if term.coefficient is None else term.coefficient(s, m)
            drift, noise = drift + c * f, noise - c * a
        return -side * noise / h * bernoulli(side * h * drift / noise)

    return coefficient


def limited(builder: Any, term: Term, names: list[str], over: list[str], b: str) -> list[Piece]:
    """The pieces of a drift along an axis without noise: of what comes from below a face, and from above."""
    line = builder.lines[b]
    below, above = (np.array([face[k] for face in line.faces], int) for k in (0, 1))
    numbers = np.arange(len(below))
    places, weights, x = builder.grid(over, {}, {b: (line.cells[below + 1], numbers, np.ones(len(below)))})
    face = places[b][1]
    kernel = kernels_of(term, [name for name in over if name in builder.lines], x, len(weights)).get((None, b))
    ends = upwind(builder, term, names, over, b, inner=False)
    if kernel is None:
        return ends
    weights = weights * kernel
    row = lambda cell: builder.rows(term.of, {**places, b: (line.nodes[line.dofs[cell, 0]], cell)}, len(face))
    tests, found = row(above[face]) - row(below[face]), []
    for upwards, cell in ((True, below[face]), (False, above[face])):
        before, after = _neighbours(line, cell)
        theta = _limited(term, weights > 0, upwards, line, (before, cell, after))
        at = {**places, b: (places[b][0], cell)}
        piece = builder.at_points(replace(term, coefficient=theta), names, at, tests, row(cell), weights)
        piece.reads |= {"_before": row(before), "_here": row(cell), "_after": row(after)}
        found.append(piece)
    return found + ends


def _neighbours(line: Line, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of each cell; at an end of the axis the cell itself: its slope is 0."""
    if line.periodic:
        return (cell - 1) % line.count, (cell + 1) % line.count
    return np.maximum(cell - 1, 0), np.minimum(cell + 1, line.count - 1)


def _limited(term: Term, positive: np.ndarray, upwards: bool, line: Line, cells: tuple) -> Callable[[Any, Any], Any]:
    """c theta where it carries something away from the cell in the middle of `cells`, 0 elsewhere."""
    before, here, after = (line.widths[cell] for cell in cells)
    back, ahead, side = (here + before) / 2, (here + after) / 2, 1.0 if upwards else -1.0
    reach = side * here / 2 * np.minimum(1.0, 2 * _STEEPEST * np.minimum(back, ahead) / here)

    def coefficient(s: Any, m: Any) -> Any:
        c = np.asarray(1.0 if term.coefficient is None else term.coefficient(s, m))
        there = np.real(s._here) > MATRICES.nobody
        each = np.where(there, s._here, 1.0)  # slopes are relative: nothing overflows where densities are next to 0
        rises, goes_on = (s._here - s._before) / (back * each), (s._after - s._here) / (ahead * each)
        product, squares = rises * goes_on, rises * rises + goes_on * goes_on
        alike = there & (np.real(product) > 0)
        slope = np.where(alike, product * (rises + goes_on) / np.where(alike, squares, 1.0), 0.0)
        theta = 1.0 + reach * slope
        theta = np.where(np.real(theta) < 0, 0.0, np.where(np.real(theta) > 2, 2.0, theta))  # at iterates below 0
        return np.where(((np.real(c) > 0) == positive) == upwards, c * theta, 0.0)

    return coefficient


def frozen_parts(system: OnAxes, t: float, y: np.ndarray) -> Any:
    """The linearisation at y as if no coefficient changed."""
    return system._structure.at(system._operator.jacobian(system._point(t, y)["X"], frozen=True))


def frozen(system: OnAxes, t: float, y: np.ndarray) -> Any:
    """A with F = A y at the coefficients of y, that keeps densities >= 0; None where the space does not."""
    return system.frozen_parts(t, y).jacobian if system.positive else None


def require_positive(system: OnAxes) -> None:
    """ValueError where a density is taken from where it is not."""
    y = 0.5 + np.random.default_rng(3).random(system.size)
    y *= 0.1 / float(system.mass.data[0] @ y)
    try:
        linear = system.frozen_parts(0.0, y)
    except Infeasible:
        return
    kept = linear.block("F_y")
    taken = [kept - sparse.diags(kept.diagonal())]
    if (into := linear.block("F_z")).nnz:
        through = into @ linear.dz_dy
        taken.append(sparse.csr_matrix(through - np.diag(np.diag(through))))
    if min(matrix.min() for matrix in taken) < -MATRICES.negative * abs(kept).max():
        raise ValueError(
            f"discretize: space = {system.space!r}: a term of {type(system.model).__name__} takes a density from where "
            "it is not; allowed are drift and noise along axes, rates of the place they empty, and what lands"
        )
