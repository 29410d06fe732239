"""Inputs from the past: which are read, and which empty a number, the neurons that a dead time keeps silent."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..weakform import Delayed
from .on_axes import OnAxes
from .operator import Operator, restricted
from .piece import Piece
from .tuning import STATES


def heard_and_emptied(layout: Any, pieces: list[Piece], model: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(which entries of X any piece reads; {delayed input: places in X of the numbers that its entries empty, or -1}).

    A number R is emptied by N(t - D), a delayed input, where dR/dt = N(t) - N(t - D) and nothing else: R is then the
    integral of N over the time D, so that at rest N(t - D) = R / D.
    """
    heard = np.zeros(layout.size, bool)
    for piece in pieces:
        for matrix in (piece.matrix, piece.values, *(piece.upwind or ()), *piece.reads.values()):
            if matrix is not None:
                heard[matrix.indices[matrix.data != 0]] = True
    delayed = [given for given in layout.equations.inputs if isinstance(given, Delayed)]
    emptied = {given.name: np.full(len(layout.indices(given.name)), -1) for given in delayed}
    for u in layout.numbers if delayed else ():
        rows = layout.indices(u.name)
        own = [restricted(piece, rows) for piece in pieces if piece.term.into == u.name]
        change = Operator(own, len(rows), layout.size, model, sparse.csr_matrix((len(rows), layout.size)))
        for given in (given for given in delayed if layout.shapes[given.of] == layout.shapes[u.name]):
            found = np.ones(len(rows), bool)
            for seed in (1, 2):
                X = np.random.default_rng(seed).uniform(0.3, 0.9, layout.size)
                filled = X[layout.indices(given.of)] - X[layout.indices(given.name)]
                found &= np.abs(change.residual(X) - filled) <= STATES.same
            emptied[given.name] = np.where(found, rows, emptied[given.name])
    return heard, emptied


def lags(equations: Any, model: Any) -> dict[str, float]:
    """{delayed input: how long ago}."""
    return {given.name: given.of_model(model) for given in equations.inputs if isinstance(given, Delayed)}


def delays_of(system: OnAxes) -> dict[str, tuple[str, float]]:
    """{entry of a delayed input that is heard: (the scalar, how long ago)}."""
    layout, found = system.selected, {}
    for given in (given for given in layout.equations.inputs if isinstance(given, Delayed)):
        heard, names = layout.heard[layout.indices(given.name)].tolist(), layout.flattened(given.name)
        pairs = zip(heard, names, layout.flattened(given.of), strict=True)
        found |= {name: (of, given.of_model(system.model)) for late, name, of in pairs if late}
    return found


def held_of(system: OnAxes) -> dict[str, str]:
    """{entry of a delayed input: the number that it empties, the silent of a dead time}."""
    layout = system.selected
    numbers = {
        k: name
        for u in layout.numbers
        for k, name in zip(layout.indices(u.name).tolist(), layout.flattened(u.name), strict=True)
    }
    return {
        entry: numbers[k]
        for name, rests in layout.emptied.items()
        for entry, k in zip(layout.flattened(name), rests.tolist(), strict=True)
        if k >= 0
    }


def heard_late(system: OnAxes) -> tuple[list[tuple[int, str, float]], np.ndarray]:
    """(place in X, scalar, how long ago) of what is heard late, and the places of what comes late and is not heard."""
    layout, late, unheard = system.selected, [], [np.zeros(0, int)]
    for given in (given for given in layout.inputs if isinstance(given, Delayed)):
        entries, lag = layout.indices(given.name), given.of_model(system.model)
        places, heard = layout.position[entries], layout.heard[entries]
        names = np.array(layout.flattened(given.of))[heard].tolist()
        late += [(place, name, lag) for place, name in zip(places[heard].tolist(), names, strict=True)]
        unheard.append(places[~heard])
    return late, np.concatenate(unheard)


def slopes_of(system: OnAxes) -> dict[str, str]:
    """{what is heard late: the unknown whose derivative it is}."""
    flat = system.layout.flattened
    delayed = [given for given in system.equations.inputs if isinstance(given, Delayed) and given.slope_of]
    pairs = [pair for given in delayed for pair in zip(flat(given.of), flat(given.slope_of), strict=True)]
    return dict(pairs)
