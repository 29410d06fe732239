"""Events: times at which a function of the state changes sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from ..algebra.roots import root
from ..given.arguments import FLAG, FUNCTION, TEXT, Kind, required, whole
from ..problem import Outcome, Problem, State
from .rows import interpolate
from .trajectory import EventRecord, restrict

_DIRECTION = Kind("-1, 0 or 1", whole(-1, 1).read)
_OF_A_STATE = Kind("a function of a State", FUNCTION.read)


@dataclass(frozen=True)
class Event:
    """`function(state)` passes zero: upwards (direction 1), downwards (-1) or either way (0).

    Parameters
    ----------
    name : str
        What the outcome, or the entry of `run.events`, is called.
    function : callable
        A function of a State that returns a number, such as state.N - 10.
    direction : {0, 1, -1}
        Which way it passes zero.
    terminal : bool
        A terminal event ends the integration, and the outcome is named after it; others are recorded in `run.events`.

    Raises
    ------
    ValueError
        For values that are not allowed, and while running for a function that returns no number.

    Examples
    --------
    >>> import felif as fl
    >>> loud = fl.Event("loud", lambda state: state.N - 0.1, direction=1)
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5)), fl.Gaussian(0.0, 0.25), t_end=5.0, events=[loud])
    >>> run.outcome.name, round(float(run.final.N), 9)
    ('loud', 0.1)
    """

    name: str
    function: Callable[[State], float]
    direction: int = 0
    terminal: bool = True

    def __post_init__(self) -> None:
        required("Event", "name", self.name, TEXT)
        required("Event", "direction", self.direction, _DIRECTION)
        required("Event", "function", self.function, _OF_A_STATE)
        required("Event", "terminal", self.terminal, FLAG)

    def value(self, state: State) -> float:
        """function(state) as a number.

        Parameters
        ----------
        state : State
            At any time of a run.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            Naming the event and t, for what is no number that can pass zero.
        """
        found = self.function(state)
        if not isinstance(found, bool | np.bool_ | str) and not getattr(found, "ndim", 0):
            try:
                number = float(found)
            except (TypeError, ValueError):
                number = nan
            if number == number:
                return number
        raise ValueError(
            f"event {self.name!r} is {found!r} at t = {state.t!r}; allowed is a number that passes zero where the "
            "event is, such as state.N - 10 (not state.N > 10)"
        )

    def crossed(self, before: float, after: float) -> bool:
        """True where a step from value `before` to value `after` passes zero; a start on zero does not count.

        Parameters
        ----------
        before, after : float
            Values at both ends of a step.

        Returns
        -------
        bool
        """
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
            theta = root(lambda x, event=event: event.value(step.at(x)), 0.0, 1.0, within=1e-15)
        found.append((float(theta), event))
    found.sort(key=lambda pair: pair[0])
    for position, (_, event) in enumerate(found):
        if event.terminal:
            return found[: position + 1]
    return found


def happened(
    events: Sequence[Event], before: Sequence[float], step: Step, records: list[EventRecord]
) -> tuple[list[float], tuple[float, Outcome] | None]:
    """(values at the end of a step, (theta, outcome) if an event ends the run there); what happened is recorded."""
    after = [event.value(step.at(1.0)) for event in events]
    for theta, event in locate(events, before, after, step):
        state = step.at(theta)
        records.append(EventRecord(event.name, state.t, state))
        if event.terminal:
            return after, (theta, Outcome(event.name, f"Event {event.name!r} at t = {state.t:.10g}."))
    return after, None


def until_event(
    run: Any, t1: float, y1: np.ndarray, dense: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, Outcome | None]:
    """(time, state, dense output, outcome) of the step that begins where `run` stands, up to a terminal event in it."""
    t, y = run.t, run.y
    step = Step(run.problem, t, t1, y, y1, dense)
    run.event_values, ending = happened(run.events, run.event_values, step, run.trajectory.events)
    if ending is None:
        return t1, y1, dense, None
    theta, outcome = ending
    if theta < 1.0:
        y1, dense = restrict(y, y1, dense, theta)
        t1 = t + theta * (t1 - t)
    return t1, y1, dense, outcome
