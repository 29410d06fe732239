"""Terms as matrices: each term becomes pieces  T^T [w c(s) (S X)]  with rows T of tests and S of unknowns at points.

X holds all unknowns, and behind them the inputs. How a coefficient is applied depends on the axes it reads, and that is
the only switch: numbers only -> one matrix times a number; indices -> its rows times what the coefficient is for each
entry of the index; other axes -> at points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from ..given.inputs import places_of
from ..spaces import Line
from ..weakform import Equations, Index, Term
from .cells import CellSums
from .faces import upwind
from .forms import kernels_of, read_by
from .piece import Piece
from .positive import fitted, is_own, limited


class Builder:
    """Makes the pieces of all terms on given elements; `places`: {name: slice of X} of unknowns and inputs."""

    def __init__(
        self, equations: Equations, lines: Mapping[str, Line], places: Mapping[str, slice], size: int, m: Any
    ) -> None:
        self.equations, self.lines, self.places, self.size, self.m = equations, lines, places, size, m
        self.over = {u.name: u.over for u in equations.unknowns}
        for given in equations.inputs:
            self.over[given.name] = self.over[given.of] if hasattr(given, "of") else ()
        self.order = [axis.name for axis in equations.axes]
        self.indices = {axis.name for axis in equations.axes if isinstance(axis, Index)}
        self._sums, self._known = CellSums(size), {}
        self.linear = vars(equations).setdefault("linear_terms", set())  # found to be so on the first mesh
        self.positive = any(line.degree <= 1 for line in lines.values())

    def pieces(self) -> list[Piece]:
        found = [piece for term in self.equations.terms for piece in self._of(term)]
        if self.positive:
            found += [piece for u in self.equations.unknowns for piece in fitted(self, u.name)]
        return found

    def count(self, axis: str) -> int:
        """Unknowns along an axis."""
        return self.equations.axis(axis).count if axis in self.indices else self.lines[axis].size

    # points -----------------------------------------------------------------------------------------------------

    def grid(
        self, axes: Sequence[str], at: Mapping[str, Any], known: Mapping[str, tuple] | None = None
    ) -> tuple[dict, np.ndarray, SimpleNamespace]:
        """({axis: (places, cells or None)}, weights, x for forms) of the product of quadratures along `axes`.

        known: {axis: (places, cells, weights)} instead of its quadrature.
        """
        parts = []
        for name in axes:
            if name in (known or {}):
                parts.append(known[name])
            elif callable(at.get(name)):
                parts.append((np.full(1, np.nan), None, np.ones(1)))
            elif isinstance(at.get(name), tuple):
                line, inside = self.lines[name], self._inside(name, *at[name])
                parts.append(tuple(part[inside] for part in (line.points, line.cell, line.dx)))
            elif name in at:
                parts.append((np.array([float(at[name])]), None, np.ones(1)))
            elif name in self.indices:
                parts.append((np.arange(self.count(name)), None, np.ones(self.count(name))))
            else:
                line = self.lines[name]
                parts.append((line.points, line.cell, line.dx))
        shapes = np.meshgrid(*[np.arange(len(p[0])) for p in parts], indexing="ij") if parts else []
        places, weights = {}, np.ones(1)
        for name, (x, cell, _), k in zip(axes, parts, [s.ravel() for s in shapes], strict=True):
            places[name] = (x[k], None if cell is None else cell[k])
        for _, _, w in parts:
            weights = np.kron(weights, w)
        x = SimpleNamespace(**{name: x for name, (x, _) in places.items()})
        for name in (name for name in axes if callable(at.get(name))):
            found = np.broadcast_to(np.asarray(at[name](x), float), weights.shape)
            places[name] = found, None
            setattr(x, name, found)
        return places, weights, x

    def _inside(self, axis: str, low: float, high: float) -> np.ndarray:
        """Which points of an axis lie in [low, high]. Raises ValueError unless these are ends of cells."""
        line = self.lines[axis]
        for end in (low, high):
            if line.cells[0] < end < line.cells[-1] and end not in line.cells:
                raise ValueError(
                    f"a term acts at {axis} in [{low}, {high}]; allowed are ends of cells: name the points"
                )
        return (line.points > low) & (line.points < high)

    def rows(self, name: str, places: Mapping[str, Any], n: int, along: str | None = None, above: bool = True) -> Any:
        """The values of an unknown or input at points, or derivatives `along` an axis: sparse (n, size)."""
        columns, values, size = np.zeros((n, 1), int), np.ones((n, 1)), 1
        for axis in self.over[name]:
            x, cell = places[axis]
            if axis in self.indices:
                c, v = np.asarray(x)[:, None], np.ones((n, 1))
            else:
                c, v = self.lines[axis].rows(x, cell, along == axis, above)
            columns = (columns[:, :, None] * self.count(axis) + c[:, None, :]).reshape(n, -1)
            values = (values[:, :, None] * v[:, None, :]).reshape(n, -1)
            size *= self.count(axis)
        if along is not None and along not in self.over[name]:
            values = np.zeros_like(values)
        start = self.places[name].start
        ends = np.arange(n + 1) * columns.shape[1]
        found = sparse.csr_matrix((values.ravel(), columns.ravel() + start, ends), (n, self.size))
        if not (columns[:, 1:] > columns[:, :-1]).all():
            found.sum_duplicates()
        return found

    def _everywhere(self, name: str, places: Mapping[str, Any], n: int, along: str | None, key: Any) -> Any:
        """`rows`, kept where they are at all points of the axes `key`."""
        if key is None:
            return self.rows(name, places, n, along)
        if (key, name, along) not in self._known:
            self._known[key, name, along] = self.rows(name, places, n, along)
        return self._known[key, name, along]

    # one term ---------------------------------------------------------------------------------------------------

    def _of(self, term: Term) -> list[Piece]:
        if term.matrix is not None:
            return [self.coupling(term)]
        names, over = self.named(term)
        places, weights, x = self.grid(over, term.at)
        n = len(weights)
        lines = [name for name in over if name not in self.indices]
        found, key = [], None if term.at else tuple(over)
        for (a, b), kernel in kernels_of(term, lines, x, n, self.linear).items():
            if self.positive and b in lines and is_own(term, self.over):
                if not self.lines[b].continuous:
                    found += limited(self, term, names, over, b)
                continue  # noise, and drift where there is noise: `fitted`
            values = None if term.of is None else self._everywhere(term.of, places, n, a, key)
            tests = self._tests(term, places, x, n, b, key)
            found.append(self._piece(term, names, places, tests, values, weights * kernel, n))
            if a is None and b in lines and term.of is not None and not self.lines[b].continuous:
                if b in term.at:
                    raise ValueError(f"Term {term.called!r}: transport without noise acts all along {b!r}")
                found += upwind(self, term, names, over, b)
        return found

    def named(self, term: Term) -> tuple[list[str], list[str]]:
        """What the coefficient of a term reads, and the axes that the term is over, in their order."""
        names = read_by(term, {*self.over, *self.order}, self.indices, self.m)
        axes = {*self.over[term.into], *(self.over[term.of] if term.of else ()), *term.at}
        for name in names:
            axes |= {name} if name in self.order else set(self.over[name])
        return names, [name for name in self.order if name in axes]

    def _tests(self, term: Term, places: Mapping, x: SimpleNamespace, n: int, along: str | None, key: Any) -> Any:
        """Rows of the test function: where it is, or, of what jumps, where it lands minus where it is."""
        here = self._everywhere(term.into, places, n, along, key)
        if term.lands is None:
            return here
        if along is not None:
            raise ValueError(f"Term {term.called!r}: what lands is no derivative of the test function")
        tests = -here
        for weight, to in places_of(term, x):
            there = dict(places)
            for axis, place in to.items():
                if axis not in self.order:
                    raise ValueError(f"Term {term.called!r} lands at {axis!r}; the axes are {self.order}")
                there[axis] = (np.broadcast_to(np.asarray(place), (n,)), None)
                self._require_inside(term, axis, there[axis][0])
            tests = tests + sparse.diags(np.broadcast_to(np.asarray(weight, float), (n,))) @ self.rows(
                term.into, there, n
            )
        return tests

    def _require_inside(self, term: Term, axis: str, places: np.ndarray) -> None:
        if axis in self.indices or self.lines[axis].periodic:
            return
        cells = self.lines[axis].cells
        if not ((places >= cells[0]) & (places <= cells[-1])).all():
            wrong, whole = float(places[(places < cells[0]) | (places > cells[-1])][0]), self.equations.axis(axis)
            said = f"Term {term.called!r} lands at {axis} = {wrong:g}, outside "
            if not whole.low <= wrong <= whole.high:
                raise ValueError(said + f"the axis, [{whole.low:g}, {whole.high:g}]")
            raise ValueError(
                said + f"the mesh, [{cells[0]:g}, {cells[-1]:g}]; every mesh reaches to the named points of an axis: "
                f"Axis({axis!r}, ..., {{'reset': {wrong:g}}})"
            )

    def coupling(self, term: Term) -> Piece:
        """A matrix from one index to another."""
        into, of = self.over[term.into], self.over[term.of]
        rows, columns = (1 if not over else self.count(over[0]) for over in (into, of))
        matrix = sparse.csr_matrix(term.matrix)
        if len(into) > 1 or len(of) > 1 or {*into, *of} - self.indices or matrix.shape != (rows, columns):
            raise ValueError(
                f"Term {term.called!r} has a matrix of shape {matrix.shape}; allowed is ({rows}, {columns}), between "
                "functions of one index"
            )
        if term.coefficient is not None:
            raise ValueError(f"Term {term.called!r} has a matrix and a coefficient; allowed is one of them")
        tests = self.rows(term.into, {a: (np.arange(rows), None) for a in into}, rows)
        wide = sparse.csr_matrix(
            (matrix.data, matrix.indices + self.places[term.of].start, matrix.indptr), (rows, self.size)
        )
        return Piece(term, "number", matrix=(tests.T @ wide).tocsr())

    def _piece(
        self, term: Term, names: list[str], places: Mapping, tests: Any, values: Any, weights: np.ndarray, n: int
    ) -> Piece:
        coordinates = {name: places[name][0] for name in names if name in self.order}
        read = {name: self.over[name] for name in names if name not in self.order}
        axes = set(coordinates).union(*read.values()) if names else set()
        if not axes:
            reads = {name: self.rows(name, {}, 1) for name in read}
            return self.summed(Piece(term, "number", reads=reads), tests, values, weights)
        moved = set() if term.lands is None else self._moved(term, places)
        if axes <= self.indices and axes <= set(self.over[term.into]) - moved:
            order = [name for name in self.order if name in axes]
            grid, _, _ = self.grid(order, {})
            size = int(np.prod([self.count(name) for name in order]))
            piece = Piece(term, "index", size=size)
            piece.coordinates = {name: grid[name][0] for name in coordinates}
            piece.reads = {name: self.rows(name, grid, size) for name in read}
            piece.blocks = self._blocks(term.into, order)
            return self.summed(piece, tests, values, weights)
        return self.at_points(term, names, places, tests, values, weights)

    def at_points(
        self, term: Term, names: list[str], places: Mapping, tests: Any, values: Any, weights: np.ndarray
    ) -> Piece:
        """A piece whose coefficient, which reads `names`, is evaluated at every point."""
        n = len(weights)
        coordinates = {name: places[name][0] for name in names if name in self.order}
        reads = {name: self.rows(name, places, n) for name in names if name not in self.order}
        return Piece(
            term, "points", tests=tests, values=values, weights=weights, reads=reads, coordinates=coordinates, size=n
        )

    def _moved(self, term: Term, places: Mapping) -> set[str]:
        x = SimpleNamespace(**{name: x for name, (x, _) in places.items()})
        return {axis for _, to in places_of(term, x) for axis in to}

    def _blocks(self, into: str, order: list[str]) -> np.ndarray:
        """Entry of the product of the indices `order` for every row of X (0 for rows of other unknowns)."""
        over = self.over[into]
        shape = [self.count(name) for name in over]
        numbers = np.meshgrid(*[np.arange(count) for count in shape], indexing="ij")
        entry = np.zeros(shape, int)
        for name in order:
            entry = entry * self.count(name) + numbers[over.index(name)]
        blocks = np.zeros(self.size, int)
        blocks[self.places[into]] = entry.ravel()
        return blocks

    def summed(self, piece: Piece, tests: Any, values: Any, weights: np.ndarray) -> Piece:
        if values is None:
            piece.source = tests.T @ weights
        else:
            piece.matrix = self._sums.product(tests.tocsr(), values, weights)
        return piece
