"""The parameters that say where places are: V_R and V_F, and over (v, w) the ends of the axis of w."""

from __future__ import annotations

import math
from typing import Any

from ..given.arguments import is_finite, is_number
from ..weakform import Equations
from .weak_form import WeakForm


def require_places(model: Any, weak_form: WeakForm) -> None:
    """ValueError for places that are no finite numbers, or in the wrong order."""
    pairs = [("v_reset", "v_fire")] + [("w_min", "w_max")] * any(len(f.over) == 2 for f in weak_form.fields)
    for name in (name for pair in pairs for name in pair):
        value = getattr(model, name, None)
        if not is_finite(value) and not (name == "v_fire" and len(pairs) == 1 and value == math.inf):
            raise ValueError(f"discretize: {type(model).__name__}: {name} = {value!r}; allowed is a finite number")
    for low, high in pairs:
        if not getattr(model, low) < getattr(model, high):
            raise ValueError(
                f"discretize: {type(model).__name__}: {low} = {getattr(model, low)!r}; allowed are numbers below "
                f"{high} = {getattr(model, high)!r}"
            )


def why_without(equations: Equations, name: str) -> str:
    """Why equations of a model that has no parameter of that name are none of densities reset from V_F to V_R."""
    v = equations.axes[0]
    if v.low != -math.inf:
        return f"the axis 'v' begins at {v.low}, not at -inf"
    if name == "v_reset":
        places = [dict(term.at).get("v") for term in equations.terms]
        inside = any(is_number(place) and place not in (v.low, v.high) for place in places)
        if not inside and all(term.lands is None for term in equations.terms):
            return "no term brings neurons to a point of 'v'"
    what = {"v_reset": "V_R", "v_fire": "V_F"}.get(name, f"an end of the axis {name.partition('_')[0]!r}")
    return f"it has no parameter {name}, which says where {what} is"
