"""Places of entries as ascending keys, row * columns + column, and their unions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def canonical(matrix: Any) -> Any:
    """A csr matrix whose rows have every column once, ascending."""
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def keys_of(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """(ascending keys of the entries of a csr matrix, its data in that order)."""
    matrix = canonical(matrix)
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices, matrix.data


def united(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(the union of ascending keys, ascending; the place in it of each of the parts)."""
    base = max(parts, key=len)
    known: dict[int, tuple[np.ndarray, np.ndarray] | None] = {}  # place in base, and whether it is there; None: base
    for part in parts:
        if id(part) not in known:
            known[id(part)] = None if part is base or np.array_equal(part, base) else _looked_up(base, part)
    missing = {id(part): part[~known[id(part)][1]] for part in parts if known[id(part)] is not None}
    new = np.sort(np.concatenate([base[:0], *missing.values()]), kind="stable")
    new = new[np.append(True, new[1:] != new[:-1])] if len(new) else new
    of_base = np.arange(len(base)) + np.searchsorted(new, base) if len(new) else np.arange(len(base))
    of_new = np.arange(len(new)) + np.searchsorted(base, new)
    union = np.empty(len(base) + len(new), base.dtype)
    union[of_base], union[of_new] = base, new
    return union, [_places(part, known[id(part)], of_base, of_new, new) for part in parts]


def _looked_up(base: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(base):
        return np.zeros(len(part), int), np.zeros(len(part), bool)
    at = np.minimum(np.searchsorted(base, part), len(base) - 1)
    return at, base[at] == part


def _places(
    part: np.ndarray,
    found: tuple[np.ndarray, np.ndarray] | None,
    of_base: np.ndarray,
    of_new: np.ndarray,
    new: np.ndarray,
) -> np.ndarray:
    if found is None:
        return of_base
    at, there = found
    if there.all():
        return of_base[at]
    places = np.empty(len(part), int)
    places[there] = of_base[at[there]]
    places[~there] = of_new[np.searchsorted(new, part[~there])]
    return places
