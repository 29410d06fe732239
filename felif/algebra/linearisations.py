"""Equations at many states: values and derivatives as arrays with an axis of states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Linearisations:
    """F (points, size) and scalars (points, names) at many states, and derivatives: dF/dy = band + U G, or `matrices`.

    bands (points, kl + ku + 1, size), U (points, size, rank), G (points, rank, size); gradients of the scalars (points,
    names, size); by_inputs: for each delayed input the changes of F and of the algebraic scalars.
    """

    F: np.ndarray
    scalars: np.ndarray
    widths: tuple[int, int] = (0, 0)
    bands: np.ndarray | None = None
    U: np.ndarray | None = None
    G: np.ndarray | None = None
    gradients: np.ndarray | None = None
    by_inputs: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None
    matrices: Sequence[Any] | None = None  # of points, where they are no bands
