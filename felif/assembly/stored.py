"""A problem over v as arrays, for folders, and as what a copy of it is made from, for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..firing.over_v import OverV
from ..given.portable import require_portable
from ..meshing import tagged
from .recut import Raised
from .running_away import Cut

_NUMBERS = ("last", "end", "top", "time", "part")  # of a Cut; then what its drift was raised by, from within


def mesh_arrays(problem: OverV) -> dict[str, np.ndarray]:
    """What `on_arrays` makes this mesh from, for a folder: its cells, where its drift is cut."""
    arrays = {"cells": problem.cells}
    return arrays if problem.end is None else arrays | {"end": _end_array(problem.end)}


def on_arrays(problem: OverV, arrays: Mapping[str, np.ndarray]) -> Any:
    """This problem on the mesh that `mesh_arrays` described."""
    cells, end = arrays["cells"], arrays.get("end")
    if end is None or np.array_equal(end, _end_array(problem.end)):
        return problem.on_cells(cells)
    drift = _drift(problem.end)[0]
    for by in end[len(_NUMBERS) :].tolist():
        drift = Raised(drift, by)
    numbers = dict(zip(_NUMBERS, end.tolist(), strict=False))
    mesh = tagged(cells, problem.model, numbers["end"])
    make, like = type(problem._assembled), problem._assembled
    assembled = make(problem.model, mesh, like.space, like.tol, Cut(drift=drift, **numbers))
    return type(problem)(assembled, problem.model, problem.history)


def _end_array(end: Cut) -> np.ndarray:
    return np.array([*(getattr(end, name) for name in _NUMBERS), *_drift(end)[1]], float)


def _drift(end: Cut) -> tuple[Any, list[float]]:
    """(the model's own drift, what it was raised by, from within)."""
    drift, raised = end.drift, []
    while isinstance(drift, Raised):
        drift, raised = drift.drift, [drift.by, *raised]
    return drift, raised


def reduced(problem: OverV) -> tuple[Any, ...]:
    """For `pickle`: problems that share a discretisation still do."""
    require_portable(type(problem.model).__name__, model=problem.model)
    natural = vars(problem).get("natural")
    return _copied, (type(problem), problem._assembled, problem.model, problem.history, natural)


def _copied(kind: type, assembled: Any, model: Any, history: Any, natural: Any) -> Any:
    problem = kind(assembled.for_parameters(model), model, history)
    if natural is not None:
        problem.natural = natural
    return problem
