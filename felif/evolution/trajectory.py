"""What `integrate` returns: accepted steps, their dense output, the series, and why it stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..problem import BlowUp, Outcome, Problem, State
from .checkpoint import Checkpoint


class Rows:
    """An array that grows by rows: `append` is O(1) amortised, `array` a view of what is there."""

    def __init__(self, *shape: int) -> None:
        self._data = np.empty((16, *shape))
        self._count = 0

    def append(self, row: Any) -> None:
        self.reserve(1)[self._count] = row
        self._count += 1

    def extend(self, rows: np.ndarray) -> None:
        """Append many rows, shape (count, ...)."""
        self.reserve(len(rows))
        self._data[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def reserve(self, count: int) -> np.ndarray:
        """Room for `count` more rows; all memory, the rows that are there first."""
        if self._count + count > len(self._data):
            larger = np.empty((max(2 * self._count, self._count + count), *self._data.shape[1:]))
            larger[: self._count] = self._data[: self._count]
            self._data = larger
        return self._data

    def filled(self, count: int) -> None:
        """Says that `count` rows behind the last one were written in the memory of `reserve`."""
        self._count += count

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> np.ndarray:
        return self._data[: self._count]


class Segment:
    """Consecutive steps of one problem (one mesh).

    `times` (m+1,), `states` (m+1, size), `dense` (m, q, size): between times[j] and times[j+1], with
    theta = (t - times[j]) / (times[j+1] - times[j]) and D = dense[j],

        y(t) = (1-theta) states[j] + theta (states[j+1] + (1-theta) (D_0 + theta (D_1 + theta (D_2 + ...)))).
    """

    def __init__(self, problem: Problem, scheme: str, t: float, y: np.ndarray, q: int) -> None:
        self.problem, self.scheme = problem, scheme
        self._times, self._states, self._dense = Rows(), Rows(problem.size), Rows(q, problem.size)
        self._times.append(t)
        self._states.append(y)

    def append(self, t: float, y: np.ndarray, dense: np.ndarray) -> None:
        self._times.append(t)
        self._states.append(y)
        self._dense.append(dense)

    def extend(self, times: np.ndarray, states: np.ndarray, dense: np.ndarray) -> None:
        """Append many steps."""
        self._times.extend(times)
        self._states.extend(states)
        self._dense.extend(dense)

    @property
    def times(self) -> np.ndarray:
        return self._times.array

    @property
    def states(self) -> np.ndarray:
        return self._states.array

    @property
    def dense(self) -> np.ndarray:
        return self._dense.array

    def evaluate(self, t: float) -> np.ndarray:
        """y(t) by dense output; exactly the stored state at an accepted time."""
        times = self.times
        if len(times) == 1:
            return self.states[0].copy()
        j = min(max(int(np.searchsorted(times, t, side="right")) - 1, 0), len(times) - 2)
        theta = (t - times[j]) / (times[j + 1] - times[j])
        return interpolate(self.states[j], self.states[j + 1], self.dense[j], theta)

    def evaluate_many(self, times: np.ndarray) -> np.ndarray:
        """y at each of these times, shape (len(times), size)."""
        if len(self.times) == 1:
            return np.repeat(self.states, len(times), axis=0)
        j = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        theta = ((times - self.times[j]) / (self.times[j + 1] - self.times[j]))[:, None]
        powers = theta * (1 - theta) * theta ** np.arange(self.dense.shape[1])
        inner = np.matmul(powers[:, None, :], self.dense[j])[:, 0]
        return (1 - theta) * self.states[j] + theta * self.states[j + 1] + inner


def interpolate(y0: np.ndarray, y1: np.ndarray, dense: np.ndarray, theta: float) -> np.ndarray:
    """The dense output of a step at theta in [0, 1]; y0 and y1 themselves at the ends."""
    if theta <= 0.0 or theta >= 1.0:
        return (y0 if theta <= 0.0 else y1).copy()
    powers = theta * (1 - theta) * theta ** np.arange(len(dense))
    return (1 - theta) * y0 + theta * y1 + powers @ dense


def through_steps(times: np.ndarray, values: np.ndarray, breaks: Sequence[float], t: float, count: int = 6) -> float:
    """A series at t by the polynomial through the `count` steps around it, none of them beyond a break.

    What implicit-explicit steps end at is more accurate than their dense output, where stiff modes lower the order;
    a number that reads steep slopes of the state, like N, shows that first.
    """
    low = max((b for b in breaks if b < t), default=-np.inf)
    high = min((b for b in breaks if b >= t), default=np.inf)
    first, end = np.searchsorted(times, [low, high], side="left")
    end += end < len(times) and times[end] == high
    first += not np.isfinite(values[first])  # data that do not vanish at V_F
    start = max(first, min(int(np.searchsorted(times, t)) - count // 2, end - count))
    x, y = times[start : min(start + count, end)], values[start : min(start + count, end)]
    if len(x) == 0:
        raise ValueError(f"no step is known near t = {t!r}")
    weights = [np.prod([(t - b) / (a - b) for b in x if b != a]) for a in x]
    return float(np.dot(weights, y))


def restrict(y0: np.ndarray, y1: np.ndarray, dense: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """(end, dense) of the same polynomial on the first part [0, theta] of the step."""
    end = interpolate(y0, y1, dense, theta)
    padded = np.concatenate([dense, np.zeros((1, len(y0)))])
    shorter = np.zeros_like(padded)
    for j in range(len(dense) - 1, -1, -1):  # the coefficient of theta^(j+2) is D_(j+1) - D_j
        shorter[j] = shorter[j + 1] - theta ** (j + 2) * (padded[j + 1] - padded[j])
    return end, shorter[:-1]


@dataclass(frozen=True)
class EventRecord:
    """An event that happened: its name, when, and the state there."""

    name: str
    time: float
    state: State


@dataclass(eq=False)
class Trajectory:
    """The accepted steps of an integration.

    `segments`: one for every mesh; `outcome`: why it stopped; `blow_up`: None or where the solution ends; `events`:
    what happened on the way (`EventRecord`); `statistics`: steps, rejected, factorisations, remeshes,
    undershoots (remeshes because n fell below zero by more than the tolerance), newton_iterations; `checkpoint`: to go
    on from. While it is still running the outcome is named "running".
    """

    segments: list[Segment]
    outcome: Outcome = field(default_factory=lambda: Outcome("running", "The integration has not stopped yet."))
    blow_up: BlowUp | None = None
    events: list[EventRecord] = field(default_factory=list)
    statistics: dict[str, int] = field(default_factory=dict)
    t_end: float = float("nan")
    rounding: float = 0.0  # sum of what was taken out of the conserved quantities, step by step
    _keys: tuple[str, ...] = ()
    _rows: Rows | None = None
    _checkpoint: Any = None  # a Checkpoint, or while running a function that makes one

    def record(self, t: float, dt: float, observed: Mapping[str, float]) -> None:
        if self._rows is None:
            self._keys = tuple(observed)
            self._rows = Rows(2 + len(self._keys))
        self._rows.append([t, dt, *[observed[key] for key in self._keys]])

    def record_many(self, times: np.ndarray, steps: np.ndarray, observed: np.ndarray) -> None:
        """`record` of many accepted steps; observed: one row a step, in the order of the first record."""
        self._rows.extend(np.column_stack([times, steps, observed]))

    @property
    def t(self) -> float:
        """The time reached."""
        return float(self.segments[-1].times[-1])

    @property
    def series(self) -> dict[str, np.ndarray]:
        """One entry an accepted step, the start included: "t", "dt" (0 at the start) and what the problem observes."""
        return {name: self._rows.array[:, j] for j, name in enumerate(("t", "dt", *self._keys))}

    @property
    def last(self) -> dict[str, float]:
        """The newest entry of the series."""
        return dict(zip(("t", "dt", *self._keys), self._rows.array[-1].tolist(), strict=True))

    @property
    def checkpoint(self) -> Checkpoint:
        """Where `integrate(..., checkpoint=...)` goes on; during a run, after the last accepted step."""
        return self._checkpoint() if callable(self._checkpoint) else self._checkpoint

    @checkpoint.setter
    def checkpoint(self, checkpoint: Checkpoint | Callable[[], Checkpoint]) -> None:
        self._checkpoint = checkpoint

    def evaluate(self, t: float) -> tuple[Problem, np.ndarray]:
        """(problem, y) at time t by dense output. Raises ValueError outside the times covered.

        Between steps what problems offer as `limited` is applied as it was to the steps: interpolation in time may
        leave where densities lie.
        """
        first, last = float(self.segments[0].times[0]), float(self.t)
        if not first <= t <= last:
            raise ValueError(f"t = {t!r} lies outside the times covered by this run, [{first!r}, {last!r}]")
        for segment in self.segments:
            if t <= segment.times[-1]:
                problem, y = segment.problem, segment.evaluate(t)
                limited = problem.limited
                return problem, y if limited is None or t in segment.times else limited(y)
        raise ValueError(f"t = {t!r} is not a number within [{first!r}, {last!r}]")
