"""Who is silent when a run with a dead time starts: those that its history let fire within that time before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .types import Discretised

_CONSISTENT = 1e-6  # fraction of neurons by which a silent state may differ from its history


def with_silent(problem: Discretised, start: Any) -> Any:
    """`start` with what a dead time holds at first: int_{-D}^0 N of the history. ValueError if it says otherwise."""
    silent = silent_at_start(problem)
    if not silent or not (callable(start) or isinstance(start, Mapping)):
        return start
    given = dict(start) if isinstance(start, Mapping) else dict.fromkeys(problem.field_names, start)
    for name, value in silent.items():
        if name in given:
            require_consistent(name, float(given[name]), value)
    return given | silent


def silent_at_start(problem: Discretised) -> dict[str, float]:
    """Scalar -> int_{t-D}^t of the rate that fills it, over the history before the start."""
    if problem.history is None:
        return {}
    silent = {}
    for name, scalar in problem.held.items():
        of, delay = problem.delays[name]
        value = problem.history.before_start(of, delay)
        if not 0 <= value < 1:
            raise ValueError(
                f"history: the integral of {of} over the dead time {delay:g} is {value:.6g}, the fraction that is "
                "silent at the start; allowed are fractions in [0, 1)"
            )
        silent[scalar] = value
    return silent


def require_consistent(name: str, given: float, silent: float) -> None:
    if abs(given - silent) > _CONSISTENT:
        raise ValueError(
            f"start: {name} = {given:.10g}, but the history fires {silent:.10g} within the dead time before the start; "
            f"allowed is a history that agrees: history=N for a steady state, or leave {name} out"
        )
