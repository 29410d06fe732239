"""Events: times at which a function of the state changes sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..problem import Problem, State
from .trajectory import interpolate


@dataclass(frozen=True)
class Event:
    """`function(state)` passes zero: upwards (direction 1), downwards (-1) or either way (0).

    A terminal event ends the integration, and the outcome is named after it; others are recorded in `events`.

    >>> Event("loud", lambda state: state.N - 10.0, direction=1).terminal
    True
    """

    name: str
    function: Callable[[State], float]
    direction: int = 0
    terminal: bool = True

    def __post_init__(self) -> None:
        if self.direction not in (-1, 0, 1):
            raise ValueError(f"direction of event {self.name!r} is {self.direction!r}; it must be -1, 0 or 1")
        if not callable(self.function):
            raise ValueError(f"function of event {self.name!r} is {self.function!r}; it must take a State")

    def crossed(self, before: float, after: float) -> bool:
        """True where a step from value `before` to value `after` passes zero; a start on zero does not count."""
        upwards, downwards = before < 0 <= after, before > 0 >= after
        return upwards and self.direction >= 0 or downwards and self.direction <= 0


@dataclass(frozen=True)
class Step:
    """An accepted step with its dense output."""

    problem: Problem
    t0: float
    t1: float
    y0: np.ndarray
    y1: np.ndarray
    dense: np.ndarray

    def at(self, theta: float) -> State:
        t = self.t1 if theta >= 1 else self.t0 + theta * (self.t1 - self.t0)
        return State(self.problem, t, interpolate(self.y0, self.y1, self.dense, theta))


def locate(
    events: Sequence[Event], before: Sequence[float], after: Sequence[float], step: Step
) -> list[tuple[float, Event]]:
    """(theta, event) of every event within the step, in order, ending with the first terminal one."""
    found = []
    for event, g0, g1 in zip(events, before, after, strict=True):
        if not event.crossed(g0, g1):
            continue
        theta = 1.0
        if g1 != 0 and np.isfinite(g0) and np.isfinite(g1):
            theta = brentq(lambda x, event=event: event.function(step.at(x)), 0.0, 1.0, xtol=1e-15, rtol=1e-14)
        found.append((float(theta), event))
    found.sort(key=lambda pair: pair[0])
    for position, (_, event) in enumerate(found):
        if event.terminal:
            return found[: position + 1]
    return found
