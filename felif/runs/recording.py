"""Runs on disk: what is written while a run grows, and how it is read back and gone on with."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .after_blow_up import BlowUpEvent
from ..assembly import DG, MUSCL, ExponentialFitting, Lagrange, SpectralElement, Tensor, Triangles, discretize, plane_from_arrays
from ..assembly.densities import density_from_text
from ..evolution import Checkpoint, EventRecord, History, Segment, Trajectory
from ..meshing import line
from ..output.model_files import packed, unpacked
from ..output import RunWriter, snapshot_times
from ..output.provenance import describe, describe_mesh
from ..problem import BlowUp, Outcome, State
from .run import Run
from ..translation import is_fast

_STEPS_A_CHUNK, _SECONDS_A_CHUNK = 200, 2.0
_SPACES = {
    space.__name__: space for space in (SpectralElement, Lagrange, ExponentialFitting, Tensor, DG, MUSCL, Triangles)
}


class Recorder:
    """An observer of an integration that writes its run folder."""

    each_step = False  # it need not be called after every step

    def __init__(
        self,
        writer: RunWriter,
        model: Mapping[str, np.ndarray],
        compatible: bool,
        resumed_after: int | None = None,
        earlier: Sequence[Any] = (),
    ) -> None:
        """`model`: `packed_model`.

        `resumed_after`: number of segments of a resumed run on file, `earlier` its events; None from the start.
        """
        self._writer, self._compatible = writer, compatible
        self._model = model
        resumed = resumed_after is not None
        self._earlier = earlier
        self._offset = resumed_after - 1 if resumed else 0
        self._rows = 1 if resumed else 0  # the first row of a resumed trajectory is the last one on file
        self._segment = self._step = 0
        self._written_at = time.monotonic()

    def __call__(self, trajectory: Trajectory) -> None:
        self.rows(trajectory)
        for t in self._writer.due(trajectory.t):
            problem, y = trajectory.evaluate(t)
            self._writer.snapshot(State(problem, t, y), t)
        steps = trajectory.statistics["steps"]
        if steps == 1 or steps % _STEPS_A_CHUNK == 0 or time.monotonic() - self._written_at > _SECONDS_A_CHUNK:
            self.chunk(trajectory)

    def rows(self, trajectory: Trajectory) -> None:
        """The rows of series.csv that are not written yet."""
        series = trajectory.series
        for index in range(self._rows, len(series["t"])):
            row = {name: float(values[index]) for name, values in series.items()}
            if index == 0 and not self._compatible:
                row.update(dict.fromkeys(trajectory.segments[0].problem.infinite_rates, float("inf")))
            self._writer.step(row)
        self._rows = len(series["t"])

    def chunk(self, trajectory: Trajectory) -> None:
        """The steps since the last chunk, and the checkpoint that goes with them."""
        arrays: dict[str, np.ndarray] = {"first_segment": np.array(self._offset + self._segment)}
        for k, segment in enumerate(trajectory.segments[self._segment :]):
            start = self._step if k == 0 else 0
            for name, values in segment.problem.mesh_arrays().items():
                arrays[f"mesh_{name}_{k}"] = values
            arrays[f"times_{k}"] = segment.times[start:]
            arrays[f"states_{k}"] = segment.states[start:]
            arrays[f"dense_{k}"] = segment.dense[start:]
        self._writer.chunk(arrays)
        self._segment, self._step = len(trajectory.segments) - 1, len(trajectory.segments[-1].times) - 1
        happened = json.dumps([_describe_event(event) for event in (*self._earlier, *trajectory.events)])
        texts = {**self._model, "events": np.frombuffer(happened.encode(), np.uint8)}
        self._writer.checkpoint({**trajectory.checkpoint.to_arrays(), **texts})
        self._written_at = time.monotonic()


def packed_model(model: Any, past: History | None) -> dict[str, np.ndarray]:
    """A model and its history as they are stored. Raises ValueError for what cannot be, before a folder is touched."""
    return {"model": packed(model), "history": packed(None if past is None else past.before)}


def describe_run(problem: Any, settings: Mapping[str, Any], compatible: bool, asked: Any) -> dict[str, Any]:
    """What run.json says from the beginning."""
    return {
        "model": describe(problem.model),
        "mesh": describe_mesh(problem),
        "space": describe(problem.space),
        "tol": problem.tol,
        "settings": dict(settings),
        "compatible": compatible,
        "seed": None,
        "asked": asked,
    }


def describe_end(run: Run) -> dict[str, Any]:
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


def save(run: Run, folder: str | Path, overwrite: bool, snapshots: int) -> Path:
    """A run in memory as a folder."""
    due = snapshot_times(float(run.times[0]), float(run.times[-1]), snapshots)
    description = describe_run(run.segments[0].problem, run.settings, run.compatible, run.asked)
    model = packed_model(run.model, run.past)
    with RunWriter(folder, description, due, overwrite=overwrite) as writer:
        recorder = Recorder(writer, model, run.compatible)
        recorder.rows(run.trajectory)
        for t in writer.due(float(run.times[-1])):
            writer.snapshot(run.at(t), t)
        recorder.chunk(run.trajectory)
        writer.finish(describe_end(run), run)
    run.folder = Path(folder)
    return run.folder


# reading --------------------------------------------------------------------------------------------------------


def restore(stored: Any, model: Any = None, history: Any = None) -> Run:
    """A Run from what `read_folder` found; `model`, `history`: those of the run, where they cannot be found again."""
    description, path = stored.description, stored.path
    if stored.checkpoint is None:
        raise ValueError(f"{path}: the run was stopped before its first checkpoint; start it again")
    model = unpacked(stored.checkpoint["model"], path, given=model)
    if "history" not in stored.checkpoint:
        raise ValueError(f"{path}: final.npz holds no history; it is damaged")
    before = unpacked(stored.checkpoint["history"], path, "history", history)
    past = None if before is None else History(before, float(description["settings"]["t_start"]))
    segments = _segments(stored.chunks, model, past, _space(description, path), description["tol"])
    outcome = description.get("outcome")
    trajectory = Trajectory(
        segments,
        outcome=Outcome(**outcome) if outcome else Outcome("running", f"Stopped at t = {segments[-1].times[-1]:.10g}."),
        blow_up=_blow_up(description.get("blow_up")),
        statistics=description.get("statistics") or {},
        t_end=float(description["settings"]["t_end"]),
        rounding=float(stored.checkpoint.get("memory_rounding", 0.0)),
    )
    happened = json.loads(stored.checkpoint["events"].tobytes())
    spikes = sum(math.isfinite(event.get("size", math.inf)) for event in happened)  # each begins with a row of its own
    steps = sum(len(segment.times) - 1 for segment in segments)
    rows = steps + 1 + spikes
    table = {name: values[:rows] for name, values in stored.series.items()}
    for k in range(len(table["t"])):
        row = {name: float(values[k]) for name, values in table.items()}
        trajectory.record(row.pop("t"), row.pop("dt"), row)
    for event in happened:
        trajectory.events.append(_restored_event(event, trajectory))
    if past is not None:
        past.follow(trajectory)
    trajectory.checkpoint = Checkpoint.from_arrays(stored.checkpoint)
    if not trajectory.statistics:
        trajectory.statistics = {"steps": steps, "rejected": 0, "factorisations": 0, "remeshes": len(segments) - 1}
        trajectory.statistics |= {"undershoots": 0, "newton_iterations": 0}
    settings = description["settings"]
    run = Run(trajectory, settings, description.get("wall_time") or 0.0, description["compatible"])
    run.start = density_from_text(str(settings.get("initial")))  # others are functions, and not stored
    run.asked, run.folder = description.get("asked"), path
    return run


def _describe_event(event: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(event).items() if name != "state"}


def _restored_event(event: Mapping[str, Any], trajectory: Trajectory) -> Any:
    if "size" not in event:
        problem, y = trajectory.evaluate(event["time"])
        return EventRecord(event["name"], event["time"], State(problem, event["time"], y))
    if event["size"] == float("inf"):  # an eternal blow-up has no state after it
        return BlowUpEvent(**event, state=None)
    after = next(s for s in trajectory.segments if s.times[0] >= event["time"])
    return BlowUpEvent(**event, state=State(after.problem, event["time"], after.states[0]))


def _blow_up(entry: Mapping[str, Any] | None) -> BlowUp | None:
    """JSON has no infinity: a bar that is none is stored as null."""
    if not entry:
        return None
    return BlowUp(**{**entry, "error": np.inf if entry["error"] is None else entry["error"]})


def _segments(
    chunks: list[Mapping[str, np.ndarray]], model: Any, past: History | None, space: Any, tol: float | None
) -> list[Segment]:
    segments: list[Segment] = []
    for chunk in chunks:
        for k in range(sum(name.startswith("times_") for name in chunk)):
            times, states, dense = (chunk[f"{name}_{k}"] for name in ("times", "states", "dense"))
            mesh = {
                name.removeprefix("mesh_").removesuffix(f"_{k}"): values
                for name, values in chunk.items()
                if name.startswith("mesh_") and name.endswith(f"_{k}")
            }
            number = int(chunk["first_segment"]) + k
            if number == len(segments):
                problem = _on_mesh(model, space, tol, mesh, segments[-1].problem if segments else None)
                problem = problem if past is None else problem.with_history(past)
                segments.append(Segment(problem, "", times[0], states[0], dense.shape[1]))
            for j in range(len(dense)):
                segments[number].append(times[j + 1], states[j + 1], dense[j])
    return segments


def _on_mesh(model: Any, space: Any, tol: float | None, mesh: Mapping[str, np.ndarray], like: Any) -> Any:
    if like is not None:
        return like.on_arrays(mesh)
    if not is_fast(model):
        ends = {name.removeprefix("cells of "): cells for name, cells in mesh.items()}
        like = discretize(model, space=space, tol=tol) if tol is not None else discretize(model, ends, space=space)
    elif isinstance(space, Tensor | Triangles):
        like = plane_from_arrays(model, mesh, space, tol)
    elif tol is None:
        return discretize(model, line(mesh["cells"], float(model.v_reset), float(model.v_fire)), space=space)
    else:
        like = discretize(model, tol=tol, space=space)
    return like.on_arrays(mesh)


def _space(description: Mapping[str, Any], path: Path) -> Any:
    return _space_of(description["space"], path)


def _space_of(entry: Any, path: Path) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    rest = {name: _space_of(value, path) for name, value in entry.items() if name != "class"}
    if entry.get("class") not in _SPACES:
        raise ValueError(f"{path}: run.json names the space {entry.get('class')!r}; allowed are {', '.join(_SPACES)}")
    return _SPACES[entry["class"]](**rest)
