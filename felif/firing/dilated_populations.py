"""Several populations to dilated time and back, with meshes for what a spike does there; see `systems.dilated`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..systems.adapt import transferred
from ..systems.dilated import DELIVERED, dilated
from ..systems.on_axes import OnAxes
from ..translation import law_of
from .cascade import kick_matrices
from .dilated import depth_of, further_down, short_below


def in_dilated_time(problem: OnAxes, t: float, y: np.ndarray, spikes: float) -> tuple[Any, np.ndarray]:
    """(problem in dilated time, its start), with cells below for what so many spikes of each population throw back."""
    B, A = kick_matrices(problem)
    depth = float(depth_of(np.minimum(B, 0.0).sum(axis=1), A.sum(axis=1), spikes).max())
    ((axis, line),) = problem.lines.items()
    roomy = problem.on_cells({axis: further_down(line.cells, line.cells[0] - depth)})
    return dilated(roomy, t, transferred(problem, roomy, y), B, A)


def in_physical_time(problem: OnAxes, other: Any, y: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    """(problem on the mesh of `other`, state, spikes per neuron) after the state y of a problem in dilated time."""
    plain = problem.on_lines(other.lines)
    state = np.zeros(plain.size)
    for name in (*plain.field_names, *(u.name for u in plain.layout.numbers)):
        state[plain.layout.of_y(name)] = y[other.layout.of_y(name)]
    (axis,) = plain.lines
    cells = plain.lines[axis].cells
    for one in law_of(problem.model).populations:
        cells = short_below(cells, one.v_fire, one.v_fire - one.v_reset)
    fine = plain.on_cells({axis: cells}).with_history(problem.history)
    return fine, transferred(plain, fine, state), other.full(DELIVERED, y)
