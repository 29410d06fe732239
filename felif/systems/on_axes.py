"""What the rooms `systems` and `firing` read of a problem of equations on elements along its axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..problem import Problem
from ..spaces import Line
from ..weakform import Equations
from .constraint import Constraint
from .layout import Layout
from .operator import Operator
from .schur import Schur


class OnAxes(Problem):
    """Densities over any axes beside numbers; `System` fulfils it. z is what is algebraic, X = (y, z, inputs)."""

    equations: Equations
    lines: Mapping[str, Line]  # elements along each axis
    layout: Layout  # where each unknown stands in (y, z, inputs)
    selected: Layout  # the same, once it is known which inputs from the past are heard
    again: Callable[..., Any]  # (model, mesh, space, tol) -> the system anew
    history: Callable[[str, float], float] | None  # (name, t) -> what was before the start; None: as at rest
    positive: bool  # whether backward Euler keeps densities >= 0
    pieces: list[Any]  # the terms as matrices on the rows of y and z
    constraint: Constraint  # the equations of z
    functionals: Mapping[str, tuple[np.ndarray, np.ndarray]]  # recorded integrals: where they stand in y, their weights
    kept: Mapping[str, tuple[np.ndarray, np.ndarray]]  # the same of what is conserved
    recorded: Any  # the functionals as a sparse matrix
    conserved_rows: Any  # what is conserved as one
    slopes: Mapping[str, str]  # {input that is a derivative in the past: the scalar it is of}
    relaxing: tuple[np.ndarray, np.ndarray] | None  # places in y of what relaxes to what others say, slopes
    groups: Mapping[str, tuple]  # {function of indices: its shape, its places in X}
    condensed: Any  # what the compiled core steps, or None
    full: Callable[[str, np.ndarray], np.ndarray]  # (unknown, y) -> its values at all nodes
    group: Callable[[str, float, np.ndarray], np.ndarray]  # (name, t, y) -> a function of indices. Raises Infeasible
    constraint_residual: Callable[[float, np.ndarray], tuple[np.ndarray, float]]  # (t, y) -> g, the size of its parts
    frozen_parts: Callable[..., Any]  # (t, y) -> the Jacobian as if no coefficient changed
    frozen_at: Callable[[float, np.ndarray], Any]  # (t, numbers) -> A with F = A y at these numbers
    met: Any  # what a density meets along the only axis of transport, or None
    on_lines: Callable[[Mapping[str, Line]], Any]  # the same model on other elements
    on_cells: Callable[[Mapping[str, np.ndarray]], Any]  # the same elements on other cells
    _inputs: Callable[[float, np.ndarray], None]  # (t, X): fills in the inputs
    _point: Callable[[float, np.ndarray], dict[str, Any]]  # (t, y) -> X, and what is known of it. Raises Infeasible
    _operator: Operator  # of all rows
    _scalar_places: np.ndarray  # of `scalar_names` in X
    _schur: Callable[[float, np.ndarray], Any]  # (t, y) -> the Jacobian with z eliminated
    _structure: Schur  # its pattern
