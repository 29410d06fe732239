"""Meshes for densities at rest at given values of the scalars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..firing.over_v import OverV
from ..spaces import Space
from ..translation import weak_form_of
from .automatic import Flow
from .cell_sizes import Sizes
from .running_away import Cut
from .tuning import EXTENT


def fitting_nodes(
    model: Any, space: Space, tol: float, scalars: Mapping[str, float], t: float, end: Cut | None = None
) -> np.ndarray:
    """The same for the densities of all fields at given values of the scalars."""
    weak_form = weak_form_of(model)
    flows = [Flow(model, weak_form, end, field.name, scalars) for field in weak_form.fields]
    sizes = Sizes(flows[0], space, tol, others=[Sizes(flow, space, tol) for flow in flows[1:]])
    low = min(flow.cut(tol, t) for flow in flows)
    top = flows[0].top
    ends = [low, *sorted(flows[0].landings), *([] if end is None else [end.last]), top]
    parts = [sizes.nodes(a, b) for a, b in zip(ends, ends[1:], strict=False)]
    if any(flow.lives_above for flow in flows):
        parts.append(sizes.nodes(top, max(flow.cut_above(tol) for flow in flows if flow.lives_above)))
    return np.unique(np.concatenate(parts))


def mesh_at_rest(problem: OverV, t: float, scalars: np.ndarray) -> Any:
    """The problem on cells that fit the densities at rest when the scalars are these.

    None for a mesh of the user's, where nothing holds the neurons, and where they would rest so far from V_F, held down
    by the activity that is assumed, that cells of their width are too many: they do not fire then.
    """
    if problem.tol is None:
        return None
    given = dict(zip(problem.scalar_names, scalars.tolist(), strict=True))
    try:
        cells = fitting_nodes(problem.model, problem.space, problem.tol, given, t, problem.end)
        return problem.on_cells(cells) if len(cells) <= EXTENT.most_cells else None
    except ValueError:
        return None
