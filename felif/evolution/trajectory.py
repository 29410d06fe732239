"""What `integrate` returns: accepted steps, their dense output, the series, and why it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..problem import BlowUp, Outcome, Problem, State
from .checkpoint import Checkpoint
from .rows import Block, OnFile, Piece, Rows, interpolate

RUNNING = Outcome("running", "The integration has not stopped yet.")


class Segment:
    """Consecutive steps of one problem (one mesh).

    `times` (m+1,), `states` (m+1, size), `dense` (m, q, size): between times[j] and times[j+1], with
    theta = (t - times[j]) / (times[j+1] - times[j]) and D = dense[j],

        y(t) = (1-theta) states[j] + theta (states[j+1] + (1-theta) (D_0 + theta (D_1 + theta (D_2 + ...)))).

    Of a long run that is written to a folder states and dense output are on file (`OnFile`) and read when asked for.
    """

    def __init__(self, problem: Problem, scheme: str, t: float, y: np.ndarray, q: int) -> None:
        self._problem: Problem | Callable[[], Problem] = problem
        self.scheme = scheme
        self._times, self._states, self._dense = Rows(), Rows(problem.size), Rows(q, problem.size)
        self._blocks: list[Block] = []
        self._times.append(t)
        self._states.append(y)

    @classmethod
    def on_file(cls, problem: Callable[[], Problem], times: np.ndarray, blocks: Sequence[Block]) -> Segment:
        """Steps that are on file, all of them; `problem` makes the problem, when it is asked for."""
        self = cls.__new__(cls)
        self._problem, self.scheme, self._blocks = problem, "", list(blocks)
        self._times, self._states, self._dense = Rows.of(times), None, None
        return self

    @property
    def problem(self) -> Problem:
        if not hasattr(self._problem, "size"):
            self._problem = self._problem()
        return self._problem

    def append(self, t: float, y: np.ndarray, dense: np.ndarray) -> None:
        self._times.append(t)
        self._states.append(y)
        self._dense.append(dense)

    def extend(self, times: np.ndarray, states: np.ndarray, dense: np.ndarray) -> None:
        """Append many steps."""
        self._times.extend(times)
        self._states.extend(states)
        self._dense.extend(dense)

    def release(self, blocks: Sequence[Block]) -> None:
        """Keep no step in memory but the last state: `blocks` have all of them that were."""
        self._blocks += blocks
        last, self._states = self._states.array[-1].copy(), Rows(*self._states.array.shape[1:])
        self._states.append(last)
        self._dense = Rows(*self._dense.array.shape[1:])

    def in_memory(self) -> Segment:
        """The same steps, read from file."""
        states, dense = np.asarray(self.states), np.asarray(self.dense)
        read = Segment(self.problem, self.scheme, float(self.times[0]), states[0], dense.shape[1])
        read.extend(self.times[1:], states[1:], dense)
        return read

    def last_state(self) -> Piece:
        """The last state, and no step."""
        last = self.states[-1][None]
        return Piece(self.problem, self.times[-1:], last, np.zeros((0, *self.dense.shape[1:])))

    @property
    def bytes_a_step(self) -> int:
        return 8 * self.problem.size * (1 + (3 if self._dense is None else self._dense.array.shape[1]))

    @property
    def held(self) -> int:
        """Bytes of the steps in memory."""
        return 0 if self._dense is None else self._states.array.nbytes + self._dense.array.nbytes

    @property
    def times(self) -> np.ndarray:
        return self._times.array

    @property
    def states(self) -> Any:
        return OnFile(self._blocks, 0, self._states) if self._blocks else self._states.array

    @property
    def dense(self) -> Any:
        return OnFile(self._blocks, 1, self._dense) if self._blocks else self._dense.array

    def pieces(self, first: int = 0, most: float = np.inf) -> Iterator[tuple[int, Piece]]:
        """(number of its first step, Piece) from step `first` on: those on file block by block, of others `most`."""
        for block in self._blocks:
            if first < block.first + block.count:
                start = max(first, block.first)
                states, dense = (part[start - block.first :] for part in block.load())
                yield start, Piece(self.problem, self.times[start : start + len(states)], states, dense)
        if self._dense is None:
            return
        before, end = sum(block.count for block in self._blocks), len(self.times) - 1
        start = max(first, before)
        while start < end:
            stop = int(min(end, start + most))
            there = slice(start - before, stop - before)
            states = self._states.array[there.start : there.stop + 1]
            yield start, Piece(self.problem, self.times[start : stop + 1], states, self._dense.array[there])
            start = stop

    def evaluate(self, t: float) -> np.ndarray:
        """y(t) by dense output; exactly the stored state at an accepted time."""
        times, states = self.times, self.states
        if len(times) == 1:
            return states[0].copy()
        j = min(max(int(np.searchsorted(times, t, side="right")) - 1, 0), len(times) - 2)
        theta = (t - times[j]) / (times[j + 1] - times[j])
        return interpolate(states[j], states[j + 1], self.dense[j], theta)

    def evaluate_many(self, times: np.ndarray) -> np.ndarray:
        """y at each of these times, shape (len(times), size)."""
        if len(self.times) == 1:
            return np.repeat(np.asarray(self.states), len(times), axis=0)
        j = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        theta = ((times - self.times[j]) / (self.times[j + 1] - self.times[j]))[:, None]
        states, dense = self.states, self.dense
        powers = theta * (1 - theta) * theta ** np.arange(dense.shape[1])
        inner = np.matmul(powers[:, None, :], dense[j])[:, 0]
        return (1 - theta) * states[j] + theta * states[j + 1] + inner


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
    outcome: Outcome = RUNNING
    blow_up: BlowUp | None = None
    events: list[EventRecord] = field(default_factory=list)
    statistics: dict[str, int] = field(default_factory=dict)
    t_end: float = float("nan")
    rounding: float = 0.0  # sum of what was taken out of the conserved quantities, step by step
    _keys: tuple[str, ...] = ()
    _rows: Rows | None = None
    stored: Callable[[], Mapping[str, np.ndarray]] | None = None  # of a run on file: reads the series
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
        if self._rows is None and self.stored is not None:
            return dict(self.stored())
        return {name: self._rows.array[:, j] for j, name in enumerate(("t", "dt", *self._keys))}

    def let_go(self, stored: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Keep the series no longer: `stored` reads them from file, whenever they are asked for."""
        self._rows, self.stored = None, stored

    @property
    def last(self) -> dict[str, float]:
        """The newest entry of the series."""
        if self._rows is None:
            return {name: float(values[-1]) for name, values in self.series.items()}
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
