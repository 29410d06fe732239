"""What is declared conserved is conserved by the terms: tried at random states, and refused by name where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Infeasible

_ROUNDING = 1e-9
_TRIES = 3


def require_conserved(system: Any) -> None:
    """ValueError, naming the quantity, unless c.F = 0 at random states for every conserved quantity c."""
    random = np.random.default_rng(3)
    for _ in range(_TRIES):
        y = 0.1 + random.random(system.size)
        y *= 0.1 / max(float(system.mass.data[0] @ y), 1e-300)
        try:
            F = system.rate(0.0, y)
        except Infeasible:
            continue
        scale = np.abs(system.mass.data[0]) @ np.abs(y) + np.abs(F).max(initial=0.0)
        for name, weights in system.conserved.items():
            carried = weights / system.mass.data[0]
            change = float(carried @ F)
            if abs(change) > _ROUNDING * (float(np.abs(carried) @ np.abs(F)) + scale):
                raise ValueError(
                    f"discretize: {type(system.model).__name__} declares {name!r} conserved, and its terms change it "
                    f"by {change:.3g} a unit of time at a state where all terms together move {np.abs(F).sum():.3g}"
                )
