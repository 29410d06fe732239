"""What a rate does that goes up and down."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline


def last_cycle(t: np.ndarray, values: np.ndarray, level: float | None = None) -> dict[str, float | None]:
    """period, lowest and highest of a wave sampled at times, by cubic interpolation.

    The period is the time between its last two rises through a level, by default the middle of its extrema, and None
    where there are fewer.
    """
    wave = CubicSpline(t, values)
    fine = wave(np.linspace(t[0], t[-1], 20000))
    lowest, highest = float(fine.min()), float(fine.max())
    level = (lowest + highest) / 2 if level is None else level
    rises = [float(root) for root in wave.solve(level, extrapolate=False) if wave(root, 1) > 0]
    period = rises[-1] - rises[-2] if len(rises) > 1 else None
    return {"period": period, "lowest": lowest, "highest": highest}
