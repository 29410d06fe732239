"""Several populations to dilated time and back, with meshes for what a spike does there; see `systems.dilated`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..systems.adapt import transferred
from ..systems.dilated import DELIVERED, dilated
from ..systems.on_axes import OnAxes
from ..translation import law_of
from .cascade import kick_matrices
from .tuning import SPIKE


def in_dilated_time(problem: OnAxes, t: float, y: np.ndarray, spikes: float) -> tuple[Any, np.ndarray]:
    """(problem in dilated time, its start), with cells below for what so many spikes of each population throw back."""
    B, A = kick_matrices(problem)
    depth = max(
        (np.maximum(-B, 0.0).sum(axis=1) * spikes + SPIKE.deviations * np.sqrt(2 * A.sum(axis=1) * spikes)).tolist()
    )
    (axis,) = problem.lines
    cells = problem.lines[axis].cells
    new = [cells[0]]
    while new[-1] > cells[0] - depth:
        new.append(new[-1] - SPIKE.wider ** len(new) * (cells[1] - cells[0]))
    roomy = problem.on_cells({axis: np.concatenate([new[:0:-1], cells])})
    return dilated(roomy, t, transferred(problem, roomy, y), B, A)


def in_physical_time(problem: OnAxes, other: Any, y: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    """(problem on the mesh of `other`, state, spikes per neuron) after the state y of a problem in dilated time.

    Drift and noise at V_F are others from then on: a layer of no width begins there, and short cells hold it.
    """
    plain = problem.on_lines(other.lines)
    state = np.zeros(plain.size)
    for name in (*plain.field_names, *(u.name for u in plain.layout.numbers)):
        state[plain.layout.of_y(name)] = y[other.layout.of_y(name)]
    (axis,) = plain.lines
    cells = plain.lines[axis].cells
    for one in law_of(problem.model).populations:
        k = int(np.searchsorted(cells, one.v_fire))
        last, shortest = cells[k] - cells[k - 1], SPIKE.finest * (one.v_fire - one.v_reset)
        halves = max(0, int(np.ceil(np.log2(last / shortest))))
        cells = np.union1d(cells, cells[k] - last * 0.5 ** np.arange(1, halves + 1))
    fine = plain.on_cells({axis: cells}).with_history(problem.history)
    return fine, transferred(plain, fine, state), other.full(DELIVERED, y)
