"""What all problems of one discretisation share, whatever their parameters: made once, given to each of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from .. import spaces
from ..firing.over_v import OverV
from ..given.text import model_text
from .tuning import SPLITTING


def shared(assembled: Any) -> dict[str, Any]:
    """What problems take from what is assembled, by the names that they have for it.

    Other problems of the process may have the same: nobody can write into it.
    """
    layout, cells = assembled.layout, np.sort(assembled.mesh.p[0])
    found = {
        "layout": layout,
        "space": assembled.space,
        "marked": assembled.mesh,
        "tol": assembled.tol,
        "size": layout.size,
        "mass": assembled.mass,
        "nodes": layout.nodes,
        "cells": cells,
        "widths": np.diff(cells),
        "degree": assembled.space.degree,
        "cell_nodes": assembled.cell_nodes,  # (cells, degree + 1), see `spaces.cell_nodes`
        "landings": assembled.landings,  # V_R, and other places where neurons may enter
        "top": assembled.top,  # V_F, or where the line ends before it
        "length": assembled.top - assembled.landings[0],  # V_F - V_R, the unit of potentials
        "end": assembled.end,
        "scalar_names": (*layout.algebraic, *layout.differential),
        "field_names": tuple(field.name for field in assembled.weak_form.fields),
        "quantities": MappingProxyType(assembled.quantities),
        "conserved": MappingProxyType(assembled.conserved),
        "conserved_rows": np.array([*assembled.conserved.values()], float).reshape(-1, layout.size),
        "observers": np.array([*assembled.quantities.values()]),  # rows on y
        "places": [layout.offsets[name] for name in layout.differential],
    }
    inner = [assembled.mass.data, *assembled.quantities.values(), *assembled.conserved.values()]
    if assembled.tol is not None:  # a mesh of the user's stays as it is
        inner.append(assembled.mesh.p)
    for value in (*inner, *found.values()):
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return found


def highest_modes(assembled: Any) -> np.ndarray:
    """Rows for the two highest modes of every cell, over what is allowed of them (see `watch`)."""
    own = assembled.shared
    widths, count = own["widths"], len(own["widths"])
    modes = np.zeros((2, count, len(own["nodes"])))
    scale = widths / (SPLITTING.unresolved * assembled.tol)
    top = spaces.modal_transform(own["degree"])[-2:]
    modes[:, np.arange(count)[:, None], own["cell_nodes"]] = scale[:, None] * top[:, None, :]
    free = assembled.layout.free(own["field_names"][0])
    return np.ascontiguousarray(modes[:, :, :free].reshape(2 * count, free))


def describe(problem: OverV) -> str:
    """A problem as it is printed."""
    (low, high), widths = problem.cells[[0, -1]], np.diff(problem.cells)
    sizes = f"sizes {widths.min():.3g} to {widths.max():.3g}"
    unknowns = ", ".join([*problem.field_names, *problem.scalar_names])
    lines = [
        f"Problem: {model_text(problem.model)}",
        f"  unknowns   {unknowns}   ({problem.size} degrees of freedom)",
        "  terms      " + ", ".join(f"{t.name} -> {t.into}" for t in problem.weak_form.terms),
        f"  space      {problem.space} on {len(widths)} cells of [{low:g}, {high:g}], {sizes}",
        f"  conserved  {', '.join(problem.conserved) or 'nothing'}",
    ]
    chosen = "" if problem.tol is None else f"\n  mesh       chosen from tol = {problem.tol:g}; evolve may adapt it"
    return "\n".join(lines) + chosen
