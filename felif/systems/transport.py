"""What a density meets on its way along an axis of transport alone, and how much of it the cells do not resolve."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from ..algebra import gauss
from ..given.inputs import places_of
from ..weakform import Term
from .adapt import relative
from .forms import kernels_of
from .on_axes import OnAxes
from .piece import Piece, coefficient
from .pieces import Builder
from .tuning import MESHES


class Met:
    """Speeds along the axis, rates at which neurons leave, and all else that a density over it is multiplied by."""

    def __init__(self, system: OnAxes) -> None:
        ((self._axis, self._line),) = system.lines.items()
        self._system, self._factors = system, []
        equations, layout = system.equations, system.selected
        builder = Builder(equations, system.lines, layout.places, layout.size, system.model)
        self._lands = np.zeros(self._line.count, bool)
        for term in (term for term in equations.terms if term.matrix is None):
            self._look_at(builder, term)

    def _look_at(self, builder: Builder, term: Term) -> None:
        axis, line, layout = self._axis, self._line, self._system.layout
        names, over = builder.named(term)
        if isinstance(place := term.at.get(axis), int | float):
            self._lands[line.cell_at(place)] = True
        if axis not in over or axis in term.at:
            return
        places, weights, x = builder.grid(over, term.at)
        landing = [to[axis] for _, to in places_of(term, x) if axis in to] if term.lands is not None else []
        for place in landing:
            self._lands[line.cell_at(np.ravel(place))] = True
        if term.of is None or axis not in builder.over[term.of]:
            return
        shape = [len(line.points) if name == axis else builder.count(name) for name in over]
        for (of, test), kernel in kernels_of(term, [axis], x, len(weights), builder.linear).items():
            if of is None:
                piece = builder.at_points(term, names, places, None, None, kernel)
                if not layout.is_everything:
                    piece.reads = {name: rows @ layout.selection for name, rows in piece.reads.items()}
                self._factors.append((piece, test, bool(landing), (tuple(shape), over.index(axis))))

    def _values(self, X: np.ndarray, piece: Piece, shape: tuple[tuple[int, ...], int]) -> np.ndarray:
        """A factor at the points of every cell, (entries of indices, cells, points of a cell)."""
        c = np.real(coefficient(piece, {name: rows @ X for name, rows in piece.reads.items()}, self._system.model))
        values = np.moveaxis(np.reshape(c * piece.weights, shape[0]), shape[1], -1)
        return values.reshape(-1, self._line.count, self._line.degree + 2)

    def lacking(self, t: float, y: np.ndarray) -> np.ndarray:
        """Per cell: the two highest Legendre coefficients of a factor, over the largest mean that a cell has of it.

        Neurons that leave at a rate h while they cross a cell at the speed a are a share exp(-int h/a dx) when they
        have crossed it. What a cell lacks counts by the share that comes there.
        """
        X, line = self._system._point(t, y)["X"], self._line
        fields = [u.name for u in self._system.layout.fields]
        forth, back, leave = ({name: np.zeros(line.count) for name in fields} for _ in range(3))
        factors = [
            (piece.term, test, jumps, self._values(X, piece, shape)) for piece, test, jumps, shape in self._factors
        ]
        for term, test, jumps, c in factors:
            highest, lowest = c.max(axis=(0, 2)), c.min(axis=(0, 2))
            if test is not None:
                forth[term.of] += highest
                back[term.of] -= lowest
            elif jumps:
                leave[term.of] += lowest
            elif term.lands is None and term.into in fields:  # into another density, neurons stay where they are
                leave[term.of] -= highest
        most = lambda speeds: np.max(list(speeds.values()), axis=0)
        share = self._share(y, most(forth), most(back), np.maximum(np.min(list(leave.values()), axis=0), 0.0))
        found = np.zeros(line.count)
        for _, _, _, c in factors:
            c = c * share[:, None]
            met = np.abs(c).mean(axis=2).max(axis=1)  # the largest value is met in a part of a cell only
            c = c / np.maximum(met, MESHES.nothing)[:, None, None]
            modes = np.abs(c @ _of_points(line.degree).T)[..., -2:].sum(axis=-1)
            found = np.maximum(found, modes.max(axis=0))
        return found

    def _share(self, y: np.ndarray, forth: np.ndarray, back: np.ndarray, leave: np.ndarray) -> np.ndarray:
        """Of the neurons that are where most are, or that come back, the largest share that reaches each cell."""
        line, share = self._line, np.where(self._lands, 1.0, 0.0)
        for u in (u for u in self._system.layout.fields if self._axis in u.over):
            values = np.abs(relative(self._system, u, self._axis, y))[..., line.dofs]
            share = np.maximum(share, values.max(axis=(0, 1, 3)))
        passed = lambda a: np.exp(-line.widths * leave / np.maximum(a, MESHES.nothing)) * (a > 0)
        across = passed(forth), passed(back)
        cells = np.arange(line.count)
        for _ in range(2 if line.periodic else 1):
            for order, factor in ((cells, across[0]), (cells[::-1], across[1])):
                before = share[order[-1]] * factor[order[-1]] if line.periodic else 0.0
                for k in order:
                    share[k] = max(share[k], before)
                    before = share[k] * factor[k]
        return share


def met(system: OnAxes) -> Met | None:
    """What densities meet along the only axis of a system where that is one of transport alone; None elsewhere."""
    lines = list(system.lines.values())
    return Met(system) if len(lines) == 1 and not lines[0].continuous and lines[0].degree >= 2 else None


@lru_cache
def _of_points(degree: int) -> np.ndarray:
    """Legendre coefficients of a function at the Gauss points of a cell, one row each."""
    return np.linalg.inv(legendre.legvander(2 * gauss(degree + 2)[0] - 1, degree + 1))
