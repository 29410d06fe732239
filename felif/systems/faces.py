"""Upwind fluxes between the cells of an axis without noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..weakform import Term
from .forms import kernels_of
from .piece import Piece


def upwind(builder: Any, term: Term, names: list[str], over: list[str], b: str, inner: bool = True) -> list[Piece]:
    """Upwind fluxes between the cells of an axis without diffusion; the ends let nothing through.

    Where the mesh cuts off an axis that goes on, what leaves its last cell is spread over that cell: closing it
    would make modes that grow. inner: with the faces between cells.
    """
    axis, count = builder.equations.axis(b), builder.lines[b].count
    parts = _across(builder, term, names, over, b, builder.lines[b].faces) if inner else []
    if axis.high == np.inf:
        parts += _cut_end(builder, term, names, over, b, count - 1, 1)
    if axis.low == -np.inf:
        parts += _cut_end(builder, term, names, over, b, 0, 0)
    if not parts:
        return []
    tests, below, above = (sparse.vstack([part[k] for part in parts]).tocsr() for k in range(3))
    weights = np.concatenate([part[3] for part in parts])
    if term.coefficient is None:  # the side is known
        side = sparse.diags((weights < 0).astype(float))
        values = side @ below + (sparse.identity(len(weights)) - side) @ above
        return [builder.summed(Piece(term, "number"), tests, values.tocsr(), weights)]
    stacked = lambda k, name: [part[k][name] for part in parts]
    return [
        Piece(
            term,
            "points",
            tests=tests,
            weights=weights,
            size=len(weights),
            upwind=(below, above),
            coordinates={name: np.concatenate(stacked(4, name)) for name in parts[0][4]},
            reads={name: sparse.vstack(stacked(5, name)).tocsr() for name in parts[0][5]},
        )
    ]


def _cut_end(builder: Any, term: Term, names: list[str], over: list[str], b: str, cell: int, side: int) -> list[tuple]:
    """As `_across`, of the lower (0) or upper (1) end of the mesh."""
    line = builder.lines[b]
    place = line.cells[cell + side]
    found = _across(builder, term, names, over, b, [(cell, cell, place, place)])
    for k, (_, inside, _, weights, coordinates, reads) in enumerate(found):
        places, _, _ = builder.grid(over, {**term.at, b: place})
        n, inner = len(weights), line.cell == cell
        spread = 0.0
        for x, dx in zip(line.points[inner], line.dx[inner], strict=True):
            at = {**places, b: (np.full(n, x), np.full(n, cell))}
            spread = spread + dx / line.widths[cell] * builder.rows(term.into, at, n)
        end = {**places, b: (np.full(n, place), np.full(n, cell))}
        tests, nothing = builder.rows(term.into, end, n) - spread, 0.0 * inside
        both = (inside, nothing) if side else (nothing, inside)
        found[k] = (tests if side else -tests, *both, weights, coordinates, reads)
    return found


def _across(builder: Any, term: Term, names: list[str], over: list[str], b: str, faces: list[tuple]) -> list[tuple]:
    """(tests, values below, values above, weights, coordinates, reads) on faces, if anything crosses them.

    faces: (the cell below, the cell above, where the face is as the end of the one, and of the other), as of a `Line`.
    """
    if not faces:
        return []
    low, high, from_below, from_above = (np.array(part) for part in zip(*faces, strict=True))
    numbered = {b: (from_below, np.arange(len(faces)), np.ones(len(faces)))}
    places, weights, x = builder.grid(over, term.at, numbered)
    n, face = len(weights), places[b][1]
    kernel = kernels_of(term, [name for name in over if name not in builder.indices], x, n).get((None, b))
    if kernel is None:
        return []
    below = {**places, b: (from_below[face], low[face])}
    above = {**places, b: (from_above[face], high[face])}
    tests = builder.rows(term.into, below, n) - builder.rows(term.into, above, n)
    coordinates = {name: below[name][0] for name in names if name in builder.order}
    reads = {name: builder.rows(name, below, n) for name in names if name not in builder.order}
    both = builder.rows(term.of, below, n), builder.rows(term.of, above, n)
    return [(tests, *both, -weights * kernel, coordinates, reads)]
