"""Linear functionals below one another."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..given.libraries import sparse

_FEW = 8  # functionals, up to which they are a dense matrix


def stacked(functionals: Collection[tuple[np.ndarray, np.ndarray]], n: int) -> Any:
    """The matrix (count, n) of rows given as (places, weights), sparse where they are many."""
    places, weights = ([*part] for part in zip(*functionals, strict=True)) if functionals else ([], [])
    starts = np.cumsum([0, *map(len, places)])
    found = sparse.csr_matrix(
        (np.concatenate([np.zeros(0), *weights]), np.concatenate([np.zeros(0, int), *places]), starts),
        (len(functionals), n),
    )
    return found.toarray() if len(functionals) <= _FEW else found
