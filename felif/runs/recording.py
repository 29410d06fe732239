"""Runs on disk: what is written while a run grows; `restoring` reads it back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..evolution import Block, History, Piece, Segment, Trajectory
from ..output import RunWriter, times_of_snapshots
from ..output.listing import Listing
from ..output.manifest import KINDS
from ..output.model_files import packed
from ..output.provenance import describe, describe_mesh
from ..output.reading import Steps, states_of
from ..output.series_files import strict_json
from ..output.tuning import FILES
from ..problem import Problem, State
from .checks import Checks
from .settings import Settings
from .tuning import RECORDING


class Recorder:
    """An observer of an integration that writes its run folder."""

    each_step = False  # it need not be called after every step

    def __init__(
        self,
        writer: RunWriter,
        model: Mapping[str, np.ndarray],
        compatible: bool,
        before: Any = None,
        lets_go: bool = True,
    ) -> None:
        """`model`: `packed_model`. `before`: the run on file that is resumed; None from the start.

        `lets_go`: whether steps leave the memory once they are on file, where they are many.
        """
        self._writer, self._compatible = writer, compatible
        self._model = model
        resumed = before is not None
        self._earlier = before.events if resumed else ()
        self._offset = len(before.segments) - 1 if resumed else 0
        self._rows = 1 if resumed else 0  # the first row of a resumed trajectory is the last one on file
        self._segment = self._step = 0
        self._past = before.past.count if resumed and before.past is not None else 0  # steps of the history on file
        self._written_at = time.monotonic()
        self._first = before.segments[0] if resumed else None  # of the whole run
        self._begun = resumed  # whether the checks have seen the present segment
        self._checked = self._rows
        self.checks = before.checks if resumed else Checks()
        self._written: list[tuple[Segment, Block]] = []  # that are in memory still
        self._lets_go = lets_go
        self._steps: Steps | None = None

    def __call__(self, trajectory: Trajectory) -> None:
        self.rows(trajectory)
        for t in self._writer.due(trajectory.t):
            self._writer.snapshot(state_for_snapshot(trajectory, t), t)
        if trajectory.outcome.name != "running":
            return  # its end, where nothing goes on: `evolve` writes it, with what is said about it
        first = not self._writer.chunks
        if first or time.monotonic() - self._written_at > RECORDING.seconds_a_chunk or self._waiting(trajectory):
            self.chunk(trajectory, durable=not first)

    def _waiting(self, trajectory: Trajectory) -> bool:
        """Whether the steps that are not on file take so much memory that they should be."""
        waiting = trajectory.segments[self._segment :]
        steps = [len(segment.times) - 1 - (self._step if k == 0 else 0) for k, segment in enumerate(waiting)]
        sizes = [segment.bytes_a_step for segment in waiting]
        return sum(n * size for n, size in zip(steps, sizes, strict=True)) > RECORDING.bytes_a_chunk

    def rows(self, trajectory: Trajectory) -> None:
        """The rows of series.csv that are not written yet."""
        series = trajectory.series
        for index in range(self._rows, len(series["t"])):
            row = {name: float(values[index]) for name, values in series.items()}
            if index == 0 and not self._compatible:
                row.update(dict.fromkeys(trajectory.segments[0].problem.infinite_rates, float("inf")))
            self._writer.step(row)
        self._rows = len(series["t"])

    def chunk(self, trajectory: Trajectory, durable: bool = True, run: Any = None) -> None:
        """The steps since the last chunk, and the checkpoint that goes with them; of a `run` that ended, the last."""
        for part in self._parts(trajectory):
            self._write(trajectory, part)
        happened = json.dumps([_describe_event(event) for event in (*self._earlier, *trajectory.events)])
        texts = {**self._model, "events": np.frombuffer(happened.encode(), np.uint8)}
        self._check(trajectory)
        if run is not None:
            run.checks = self.checks
            texts["end"] = np.frombuffer(json.dumps(strict_json(describe_end(run))).encode(), np.uint8)
        self._writer.checkpoint(
            {**trajectory.checkpoint.to_arrays(), **texts, **self.checks.to_arrays()}, durable, run is not None
        )
        self._written_at = time.monotonic()
        self._let_go(trajectory)

    def _parts(self, trajectory: Trajectory) -> Iterator[list[tuple[int, int, Piece]]]:
        """The steps that are not on file, in parts of a bounded size: [(segment, its first step there, Piece)].

        A part has a segment once: readers number its pieces from the first.
        """
        part: list[tuple[int, int, Piece]] = []
        size = 0
        for number in range(self._segment, len(trajectory.segments)):
            segment, start = trajectory.segments[number], self._step if number == self._segment else 0
            if start == len(segment.times) - 1:
                part.append((number, start, segment.last_state()))
            for first, piece in segment.pieces(start, max(1, RECORDING.bytes_a_chunk // segment.bytes_a_step)):
                if part and (part[-1][0] == number or size > RECORDING.bytes_a_chunk):
                    yield part
                    part, size = [], 0
                part.append((number, first, piece))
                size += piece.dense.nbytes
        if part:
            yield part

    def _write(self, trajectory: Trajectory, part: list[tuple[int, int, Piece]]) -> None:
        arrays: dict[str, np.ndarray] = {"first_segment": np.array(self._offset + part[0][0])}
        states: dict[str, np.ndarray] = {}
        for k, (_, _, piece) in enumerate(part):
            for name, values in piece.problem.mesh_arrays().items():
                arrays[f"mesh_{name}_{k}"] = values
            arrays[f"times_{k}"] = piece.times
            states[f"states_{k}"], states[f"dense_{k}"] = piece.states, piece.dense
        past = trajectory.segments[-1].problem.history
        if past is not None:
            arrays["past"], self._past = past.values(self._past), past.count
        chunk = self._writer.chunk(arrays, states)
        for k, (number, first, piece) in enumerate(part):
            block = Block(first, len(piece.dense), partial(self._load, chunk - 1, k))
            self._written.append((trajectory.segments[number], block))

    def _check(self, trajectory: Trajectory) -> None:
        """The checks of what is new."""
        first = trajectory.segments[0] if self._first is None else self._first
        spikes = {event.time for event in (*self._earlier, *trajectory.events) if hasattr(event, "size")}
        for number in range(self._segment, len(trajectory.segments)):
            segment, start = trajectory.segments[number], self._step if number == self._segment else 0
            if number > self._segment or not self._begun:
                self.checks.begin(segment, first, spikes)
            for _, piece in segment.pieces(start):
                self.checks.steps(piece, first)
        self.checks.rows(tuple(trajectory.segments[-1].problem.conserved), trajectory.series, self._checked)
        self._segment, self._step = len(trajectory.segments) - 1, len(trajectory.segments[-1].times) - 1
        self._begun, self._checked = True, len(trajectory.series["t"])

    def _let_go(self, trajectory: Trajectory) -> None:
        """Steps that are on file leave the memory, where they are many."""
        if not self._lets_go or sum(segment.held for segment in trajectory.segments) <= FILES.in_memory:
            return
        if self._steps is None or len(self._steps) < self._writer.chunks:
            self._steps = Steps(Listing(self._writer.folder, KINDS), self._writer.chunks)
        for segment in trajectory.segments:
            mine = [block for of, block in self._written if of is segment]
            if segment.held and mine:
                segment.release(mine)
        self._written = []

    def _load(self, index: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        return states_of(self._steps, index, k)


def state_for_snapshot(trajectory: Trajectory, t: float) -> State:
    problem, y = trajectory.evaluate(t)
    return State(problem, t, y)


def packed_model(model: Any, past: History | None) -> dict[str, np.ndarray]:
    """A model and its history as they are stored. Raises ValueError for what cannot be, before a folder is touched."""
    return {"model": packed(model), "history": packed(None if past is None else past.before)}


def describe_run(problem: Problem, settings: Settings, compatible: bool, asked: Any) -> dict[str, Any]:
    """What run.json says from the beginning."""
    return {
        "model": describe(problem.model),
        "mesh": describe_mesh(problem),
        "space": describe(problem.space),
        "tol": problem.tol,
        "settings": settings.stored(),
        "compatible": compatible,
        "seed": None,
        "asked": asked,
    }


def describe_end(run: Any) -> dict[str, Any]:
    """What run.json says at the end."""
    return {
        "outcome": {"name": run.outcome.name, "message": run.outcome.message},
        "blow_up": None if run.blow_up is None else vars(run.blow_up),
        "events": [_describe_event(event) for event in run.events],
        "statistics": run.statistics,
        "drift": run.drift,
        "rounding": run.trajectory.rounding,
        "moment_defect": run.moment_defect,
        "wall_time": run.wall_time,
    }


def save(run: Any, folder: str | Path, overwrite: bool, snapshots: int | Sequence[float] | None) -> Path:
    """A run in memory as a folder."""
    due = times_of_snapshots(run.problem, float(run.times[0]), float(run.times[-1]), snapshots)
    description = describe_run(run.segments[0].problem, run.settings, run.compatible, run.asked)
    model = packed_model(run.model, run.past)
    with RunWriter(folder, description, due, overwrite=overwrite) as writer:
        recorder = Recorder(writer, model, run.compatible, lets_go=False)
        recorder.rows(run.trajectory)
        for t in writer.due(float(run.times[-1])):
            writer.snapshot(run.at(t), t)
        recorder.chunk(run.trajectory, run=run)
        writer.finish(describe_end(run), run)
    run.folder = Path(folder)
    return run.folder


def _describe_event(event: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(event).items() if name != "state"}
