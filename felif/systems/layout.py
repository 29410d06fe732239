"""Where every unknown stands: in X, which holds everything, in y, what evolves, and in z, what does not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.libraries import sparse
from ..spaces import Line
from ..weakform import Delayed, Equations, Index


class Layout:
    """Places of unknowns.

    places     {name: slice of X} of unknowns and inputs; `size` of X
    columns    entries of X that are variables: y, then z, then inputs; `n_y`, `n_z`, `n_in` of them
    selection  sparse (size, variables): X from the variables; what is delayed is what is now where there is no past,
               and what a dead time returns is what rests over that time (`select`)
    held       entries of X that something holds at zero
    rows       rows of the equations of y and z: that of what is held zero is the equation of what holds it
    """

    def __init__(self, equations: Equations, lines: Mapping[str, Line], past: bool) -> None:
        self.equations, self.lines = equations, lines
        self.shapes = {u.name: tuple(self._count(name) for name in u.over) for u in equations.unknowns}
        for given in equations.inputs:
            self.shapes[given.name] = self.shapes[given.of] if isinstance(given, Delayed) else ()
        self.places, self.size = {}, 0
        for name, shape in self.shapes.items():
            count = int(np.prod(shape, dtype=int))
            self.places[name] = slice(self.size, self.size + count)
            self.size += count
        found = {u.name: self._held(u) for u in equations.unknowns if u.kind == "holds"}
        held = {name: at for name, (at, _) in found.items()}
        beyond = [far for _, far in found.values()]
        missing = [np.delete(self.indices(u.name), u.only) for u in equations.unknowns if u.only is not None]
        self.held = np.concatenate([np.zeros(0, int), *held.values()])
        zero = np.concatenate([self.held, *beyond, *missing])
        evolving = [u for u in equations.unknowns if u.kind == "evolves"]
        self.fields = [u for u in evolving if equations.lines(u)]
        self.numbers = [u for u in evolving if not equations.lines(u)]
        self.algebraic = [u for u in equations.unknowns if u.kind != "evolves"]
        free = [np.setdiff1d(self.indices(u.name), zero) for u in (*self.fields, *self.numbers)]
        y = np.concatenate([np.zeros(0, int), *free])
        z = np.concatenate([np.zeros(0, int), *[self.indices(u.name) for u in self.algebraic]])
        rows = [held[u.name] if u.kind == "holds" else self.indices(u.name) for u in self.algebraic]
        self.inputs = [given for given in equations.inputs if past or not isinstance(given, Delayed)]
        inputs = np.concatenate([np.zeros(0, int), *[self.indices(given.name) for given in self.inputs]])
        self.n_y, self.n_z, self.n_in = len(y), len(z), len(inputs)
        self.n_fields = sum(len(part) for part in free[: len(self.fields)])
        self.columns = np.concatenate([y, z, inputs])
        self.rows = np.concatenate([y, np.zeros(0, int), *rows])
        self.position = np.full(self.size, -1)  # of an entry of X among the columns
        self.position[self.columns] = np.arange(len(self.columns))

    @cached_property
    def offsets(self) -> dict[str, int]:
        """{name of a number, or of an entry: its place in y}, of those that evolve."""
        return {
            name: int(at)
            for u in self.numbers
            for name, at in zip(self.flattened(u.name), self.position[self.indices(u.name)], strict=True)
            if at >= 0
        }

    def select(self, heard: np.ndarray, emptied: Mapping[str, np.ndarray], delays: Mapping[str, float]) -> None:
        """Makes the selection.

        heard    of X: whether any term reads it
        emptied  {delayed input: for each entry the place in X of the number that it empties, -1 where it empties none}
        """
        self.heard, self.emptied = heard, emptied
        column, factor = self.position.copy(), np.ones(self.size)
        for given in self.equations.inputs:
            if given not in self.inputs:
                own, rests = self.indices(given.name), emptied[given.name]
                column[own] = self.position[np.where(rests >= 0, rests, self.indices(given.of))]
                factor[own] = np.where(rests >= 0, 1 / delays[given.name], 1.0)
        known = np.flatnonzero(column >= 0)
        shape = (self.size, len(self.columns))
        self.selection = sparse.csr_matrix((factor[known], (known, column[known])), shape)
        own = np.arange(self.size)
        #: rows and variables are those of X, in its order
        self.is_everything = np.array_equal(self.rows, own) and np.array_equal(self.columns, own)

    def _count(self, axis: str) -> int:
        found = self.equations.axis(axis)
        return found.count if isinstance(found, Index) else self.lines[axis].size

    def _held(self, u: Any) -> tuple[np.ndarray, np.ndarray]:
        """Entries of X that are zero because u holds them, in the order of u; and those beyond them."""
        over = self.equations.unknown(u.of).over
        ((axis, place),) = u.at.items()
        if not self.lines[axis].continuous:
            raise ValueError(
                f"Unknown {u.name!r} holds {u.of!r}, which nothing makes continuous along {axis!r}: no noise"
            )
        everything = np.moveaxis(self.indices(u.of).reshape(self.shapes[u.of]), over.index(axis), -1)
        if not callable(place):
            return everything[..., self.lines[axis].end(place)].ravel(), np.zeros(0, int)
        others = [name for name in over if name != axis]
        grid = np.meshgrid(*self.nodes(u.name), indexing="ij")
        places = np.broadcast_to(place(SimpleNamespace(**dict(zip(others, grid, strict=True)))), grid[0].shape)
        cells, nodes = self.lines[axis].cells, self.lines[axis].nodes
        upper = places.max() == cells[-1]
        if not np.isin(places, cells).all() or not (upper or places.min() == cells[0]):
            raise ValueError(
                f"Unknown {u.name!r} holds {u.of!r} at {axis} = {places.tolist()}; allowed are named points of the "
                "axis, the last of them its end"
            )
        at = np.argmin(np.abs(nodes - places[..., None]), axis=-1)
        far = nodes > places[..., None] if upper else nodes < places[..., None]
        far &= np.arange(len(nodes)) != at[..., None]
        return np.take_along_axis(everything, at[..., None], -1).ravel(), everything[far]

    def indices(self, name: str) -> np.ndarray:
        """Entries of X of an unknown or input."""
        return np.arange(self.places[name].start, self.places[name].stop)

    def of_y(self, name: str) -> np.ndarray:
        """Places in y of what is free of an unknown that evolves."""
        position = self.position[self.indices(name)]
        return position[position >= 0]

    def weights(self, name: str) -> np.ndarray:
        """The lumped mass of every entry of an unknown: the integral over its axes, the sum over its indices."""
        weights = np.ones(1)
        for axis in self.equations.unknown(name).over:
            found = self.equations.axis(axis)
            weights = np.kron(weights, np.ones(found.count) if isinstance(found, Index) else self.lines[axis].weights)
        return weights

    def nodes(self, name: str) -> list[np.ndarray]:
        """Along each axis of an unknown: nodes, or numbers of an index."""
        found = []
        for axis in self.equations.unknown(name).over:
            entry = self.equations.axis(axis)
            found.append(np.arange(entry.count) if isinstance(entry, Index) else self.lines[axis].nodes)
        return found

    def flattened(self, name: str) -> tuple[str, ...]:
        """Names of the entries of a number (one) or of a function of indices: N_0, N_1, ..., w_0_1."""
        shape = self.shapes[name]
        return tuple("_".join([name, *map(str, k)]) for k in np.ndindex(*shape)) if shape else (name,)
