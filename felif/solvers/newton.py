"""Newton's method for F(t, y) = 0, C y = totals, with the linear systems of `Border`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra import SingularMatrix
from ..problem import Infeasible, NotConverged, Problem
from .border import Border, conservation
from .tuning import NEWTON


@dataclass(frozen=True, eq=False)
class Solved:
    """y with F(t, y) = 0: sum |F|, the number of Newton steps, the relative size of the last one, its linear system."""

    y: np.ndarray
    residual: float
    iterations: int
    change: float
    system: Any


def newton(
    problem: Problem,
    y: np.ndarray,
    *,
    t: float = 0.0,
    totals: np.ndarray | None = None,
    steps: int = 30,
    rounding: float = NEWTON.rounding,
) -> Solved:
    """The steady state that Newton's method reaches from y: F(t, y) = 0, C y = totals (by default those of y).

    Steps are halved while they lead out of the set where firing rates exist or while the next simplified correction
    grows (the natural monotonicity test). Raises NotConverged with what happened.
    """
    totals = conservation(problem) @ y if totals is None else np.asarray(totals, float)
    y, previous = np.array(y, float), np.inf
    try:
        F = problem.rate(t, y)
        for iteration in range(1, steps + 1):
            border = Border.still(problem, y)
            system = border.around(problem.jacobian(t, y))
            step, _ = system.solve(-F, border.missing(totals, y))
            size, scale = float(np.abs(step).max()), float(np.abs(y).max())
            if not np.isfinite(size):
                raise NotConverged("Newton's method met numbers that are not finite")
            converged = size <= rounding * scale
            if converged or (size <= NEWTON.stalled * scale and size >= 0.3 * previous):
                y = y + step if converged else y
                return _solved(problem, t, y, iteration, size / max(scale, 1e-300), system)
            y, F, fraction, following = _damped(problem, system, border, t, y, step, size, totals)
            last = float(np.abs(following).max())
            if fraction == 1.0 and last <= rounding * scale:
                return _solved(problem, t, y + following, iteration, last / max(scale, 1e-300), system)
            previous = size if fraction == 1.0 else np.inf
    except Infeasible as error:
        raise NotConverged(f"Newton's method left the states that have a firing rate: {error}") from error
    except SingularMatrix as error:
        raise NotConverged(f"Newton's method met a singular Jacobian: {error}") from error
    raise NotConverged(f"Newton's method did not converge in {steps} steps (last change {size / scale:.1e})")


def _solved(problem: Problem, t: float, y: np.ndarray, iteration: int, change: float, system: Any) -> Solved:
    return Solved(y, float(np.abs(problem.rate(t, y)).sum()), iteration, change, system)


def corrected(problem: Problem, y: np.ndarray, *, t: float, totals: np.ndarray, system: Any = None) -> Solved:
    """The steady state close to y to some digits more than y has: two steps with one linear system (that of a state
    near by, if it is given) where the second is far smaller, else `newton`."""
    border, start, sizes = Border.still(problem, y), y, []
    try:
        if system is None:
            system = border.around(problem.jacobian(t, y))
        for _ in range(2):
            step, _ = system.solve(-problem.rate(t, y), border.missing(totals, y))
            y = y + step
            sizes.append(float(np.abs(step).max()))
        if sizes[1] <= max(NEWTON.contracted * sizes[0], NEWTON.rounding * float(np.abs(y).max())):
            return _solved(problem, t, y, 2, sizes[1] / max(float(np.abs(y).max()), 1e-300), system)
    except (Infeasible, SingularMatrix):
        pass
    return newton(problem, start, t=t, totals=totals)


def _damped(
    problem: Problem,
    system: Any,
    border: Border,
    t: float,
    y: np.ndarray,
    step: np.ndarray,
    size: float,
    totals: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """(y, F, fraction, the step that would follow) after the largest of the steps 1, 1/2, 1/4, ... that passes the
    monotonicity test."""
    fraction = 1.0
    while fraction > 1e-4:
        try:
            trial = y + fraction * step if problem.relaxed is None else problem.relaxed(t, y + fraction * step)
            F = problem.rate(t, trial)
            following, _ = system.solve(-F, border.missing(totals, trial), refine=0)
            if np.abs(following).max() <= (1 - fraction / 4) * size or size <= 1e-6 * np.abs(y).max():
                return trial, F, fraction, following
        except Infeasible:
            pass
        fraction /= 2
    raise NotConverged("Newton's method found no step along which the residual falls")
