"""A part of a term as matrices, and its coefficient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.arguments import shown
from ..weakform import Term


@dataclass(eq=False)
class Piece:
    """One part of a term; `how` is "number", "index" or "points".

    matrix   T^T diag(w) S, or None with points; source: T^T w where nothing is multiplied
    tests, values, weights   T (P, rows), S (P, columns) or None, w (P,): with points
    blocks   for "index": the entry of the index that each row belongs to
    reads    {name: matrix (P or entries, columns)} of what the coefficient reads; coordinates: {name: values}
    upwind   of a face: S below and above, chosen by the sign of c w
    """

    term: Term
    how: str
    matrix: Any = None
    source: np.ndarray | None = None
    tests: Any = None
    values: Any = None
    weights: np.ndarray | None = None
    blocks: np.ndarray | None = None
    reads: dict[str, Any] = field(default_factory=dict)
    coordinates: dict[str, np.ndarray] = field(default_factory=dict)
    upwind: tuple[Any, Any] | None = None
    size: int = 1  # of the coefficient


def require_numbers(piece: Piece, X: np.ndarray, m: Any) -> None:
    """ValueError that names the term whose coefficient is no number, or not one a place."""
    with np.errstate(all="ignore"):
        read = {name: rows @ X for name, rows in piece.reads.items()}
        found = np.asarray(coefficient(piece, read, m))
    if found.dtype.kind not in "iufc" or (piece.how == "number" and found.ndim):
        said = shown(found if found.ndim else found[()])
        raise ValueError(f"Term {piece.term.called!r}: its coefficient is {said}; allowed is a number")


def coefficient(piece: Piece, read: Mapping[str, np.ndarray], m: Any, change: tuple[str, complex] | None = None) -> Any:
    """c: a number, or one an entry or a point, where `read` is what it reads, `change` added to what one name is.

    Where `read` has an axis of states before that of its places, so has c; functions are asked about one at a time.
    """
    function: Callable | None = piece.term.coefficient
    if function is None:
        return 1.0
    if next((value.ndim for value in read.values()), 1) == 2:
        each = [dict(zip(read, values, strict=True)) for values in zip(*read.values(), strict=True)]
        return np.array([coefficient(piece, one, m, change) for one in each]).reshape(len(each), piece.size)
    s = SimpleNamespace(**piece.coordinates)
    for name, value in read.items():
        value = value[0] if piece.how == "number" else value
        setattr(s, name, value if change is None or name != change[0] else value + change[1])
    found = function(s, m)
    if piece.how == "number" or (type(found) is np.ndarray and found.shape == (piece.size,)):
        return found
    return np.broadcast_to(np.asarray(found), (piece.size,))
