"""What is checked along a run, step by step: conserved quantities, signs, an identity that N must satisfy.

`Checks` takes in steps as they come, so that a long run need not be in memory, and can be stored and gone on with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..algebra import composite, gauss
from ..problem import Problem
from .tuning import BARS

_NUMBERS = ("defect", "largest", "integral", "value", "unit", "top", "first", "undershoot", "start", "lines")


class Checks:
    """Of the steps taken in so far.

    drift          largest departure of each conserved quantity from its value at the start
    moment_defect  max over steps of |M_1(t) - M_1(0) - int dM_1/dt| / max M_1, M_1 = int e^v n dv, its rate by the weak
                   form tested with e^v (see `felif.assembly.moments`), integrated by Gauss's rule on the dense output:
                   an independent check of N. None over (v, w)
    undershoot     max(-min n / max n): how far the density falls below zero, as it evolves
    """

    def __init__(self) -> None:
        self.conserved: dict[str, tuple[float, float]] = {}  # first value, largest departure
        self.defect = self.largest = self.integral = self.undershoot = self.lines = 0.0
        self.value = self.top = self.first = math.nan
        self.start, self.unit = math.inf, 1.0  # smallest max n that a mesh begins with; e^v of its upper end
        self._line: Any = None
        self._moment: tuple[Any, Any] = None, None  # of the problem that was asked for it last

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle`: without what is made again of the problem that is looked at next."""
        return {**vars(self), "_moment": (None, None)}

    # taking in ------------------------------------------------------------------------------------------------------

    def begin(self, segment: Any, first: Any, spikes: set[float]) -> None:
        """The steps of a segment follow; `first`: the first segment of the run, `spikes`: times of synchronous ones."""
        problem, y = segment.problem, segment.states[0]
        if problem.exponential_moment is not None:
            moment = self._moment_of(problem)
            self.top = problem.cells[-1] if math.isnan(self.top) else self.top
            self.unit = float(np.exp(problem.cells[-1] - self.top))
            value = float(moment.values(y))
            self.first = value if math.isnan(self.first) else self.first
            if not math.isnan(self.value) and segment.times[0] in spikes:  # a spike moves mass in no time
                self.first += self.unit * value - self.value
        if problem.largest_and_lowest is None:
            self.start = min(self.start, float(y.max()))
        self._states(problem, first, y[None])

    def steps(self, piece: Any, first: Any) -> None:
        """Steps of the segment that was begun."""
        problem, times = piece.problem, piece.times
        self._states(problem, first, piece.states[1:])
        if problem.exponential_moment is None:
            return
        if len(times) == 1:
            return
        moment, (at, weights) = self._moment_of(problem), composite(times, BARS.points_of_step)
        inside = piece.inside(gauss(BARS.points_of_step)[0]).reshape(at.size, -1)
        rates = moment.rates(at.ravel(), inside).reshape(at.shape)
        integrals = self.integral + np.cumsum(self.unit * (rates * weights).sum(axis=1))
        values = self.unit * moment.values(piece.states[1:])
        self.value, self.integral = float(values[-1]), float(integrals[-1])
        self.largest = max(self.largest, float(np.abs(values).max()), abs(self.first))
        self.defect = max(self.defect, float(np.abs(values - self.first - integrals).max()))

    def _moment_of(self, problem: Problem) -> Any:
        if self._moment[0] is not problem:
            self._moment = problem, problem.exponential_moment()
        return self._moment[1]

    def _states(self, problem: Problem, first: Any, states: np.ndarray) -> None:
        if problem.largest_and_lowest is not None and len(states):
            largest, lowest = problem.largest_and_lowest(states)
            some = largest > 0  # all neurons may wait in a refractory state
            self.undershoot = max(self.undershoot, float(np.max(-lowest[some] / largest[some], initial=0.0)))
        if problem.lines_stay:
            if self._line is None:
                self._line = first.problem.lines_at_start(first.states[0])
            self.lines = max(self.lines, problem.line_drift(self._line, states))

    def rows(self, conserved: Sequence[str], series: Mapping[str, np.ndarray], start: int = 0) -> None:
        """The rows of the series from `start` on."""
        for name in conserved:
            values = series[name][start:]
            if len(values):
                before, worst = self.conserved.get(name, (float(values[0]), 0.0))
                self.conserved[name] = before, float(np.maximum(worst, np.max(np.abs(values - before))))

    # asking ---------------------------------------------------------------------------------------------------------

    def drift(self, problem: Problem) -> dict[str, float]:
        found = {name: worst for name, (_, worst) in self.conserved.items()}
        return found | ({"C": self.lines} if problem.lines_stay else {})

    def moment_defect(self, problem: Problem) -> float | None:
        if problem.exponential_moment is None:
            return None
        return float(self.defect / self.largest) if self.largest else 0.0

    # stored ---------------------------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, np.ndarray]:
        names = list(self.conserved)
        return {
            "checks": np.array([float(getattr(self, name)) for name in _NUMBERS]),
            "checks_conserved": np.array([self.conserved[name] for name in names]).reshape(len(names), 2),
            "checks_names": np.array(names, str),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Checks:
        """Inverse of `to_arrays`."""
        self = cls()
        for name, value in zip(_NUMBERS, arrays["checks"].tolist(), strict=True):
            setattr(self, name, value)
        for name, (before, worst) in zip(
            arrays["checks_names"].tolist(), arrays["checks_conserved"].tolist(), strict=True
        ):
            self.conserved[name] = before, worst
        return self

    @classmethod
    def of(cls, segments: Sequence[Any], events: Sequence[Any]) -> Checks:
        """Of all steps of a run; the rows of its series are left out."""
        self, spikes = cls(), {event.time for event in events if hasattr(event, "size")}
        for segment in segments:
            self.begin(segment, segments[0], spikes)
            for _, piece in segment.pieces():
                self.steps(piece, segments[0])
        return self
