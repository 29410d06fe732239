"""What a rate does in the end: it goes up and down, or tends to a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline


@dataclass(frozen=True)
class Cycle:
    """The last oscillation of a series, which `begins` where it rises through the middle of its extrema.

    `change`: of the period, from the one before. Where it has settled, or does not rise twice, all three are None, and
    `lowest` and `highest` are those of all that was looked at.
    """

    begins: float | None
    period: float | None
    change: float | None
    lowest: float
    highest: float


def last_cycle(run: Any, name: str = "N", since: float = 0.5) -> Cycle:
    """The last oscillation of a series of a run, which is looked at from a part of its length on."""
    wave = smooth(run, name, since)
    t = np.append(wave.x, wave.derivative().roots(discontinuity=False, extrapolate=False))
    lowest, highest = float(wave(t).min()), float(wave(t).max())
    rises = [x for x in wave.solve((lowest + highest) / 2, extrapolate=False).tolist() if wave(x, 1) > 0]
    if highest - lowest < 0.05 * abs(lowest) or len(rises) < 2 or wave.x[-1] > 2.5 * rises[-1] - 1.5 * rises[-2]:
        return Cycle(None, None, None, lowest, highest)
    periods = np.diff(rises).tolist()
    change = abs(periods[-1] - periods[-2]) if len(periods) > 1 else None
    last = wave(t[(t >= rises[-2]) & (t <= rises[-1])])
    return Cycle(rises[-2], periods[-1], change, float(last.min()), float(last.max()))


def decay_rate(run: Any, name: str = "N", since: float = 0.6) -> float:
    """The slowest rate of N(t) = N_inf + c e^(-r t) + d e^(-s t) from a part of the length of the run on (Prony 1795).

    N at equal distances satisfies (E - 1)(E - x)(E - y) N = 0, E the shift by one sample, x = e^(-r h), y = e^(-s h);
    x + y and x y are a least-squares fit; where d e^(-s t) is gone, y fits rounding, and x is what is near the ratios.
    """
    t, h = np.linspace(since * run.times[-1], run.times[-1], 60, retstep=True)
    rise = np.diff(run.sample(name, t))
    weight = 1 / np.abs(rise[1:-1])  # all of the decay counts alike
    shifted = np.stack([rise[1:-1], rise[:-2]], axis=1) * weight[:, None]
    first, second = np.linalg.lstsq(shifted, rise[2:] * weight, rcond=None)[0]
    roots, ratio = np.roots([1.0, -first, -second]), np.median(rise[1:] / rise[:-1])
    return float(-np.log(np.abs(roots[np.argmin(np.abs(roots - ratio))])) / h)


def smooth(run: Any, name: str, since: float = 0.5) -> CubicSpline:
    """A series of a run as a cubic spline, which has roots and integrals, from a part of the length of the run on."""
    begins = since * run.times[-1]
    steps = np.append(begins, run.times[run.times > begins])
    t = np.interp(np.arange(8 * len(steps) - 7) / 8, np.arange(len(steps)), steps)
    return CubicSpline(t, run.sample(name, t))
