"""A run from its folder: times and meshes at once, states and series when they are asked for where they are many."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..assembly import (
    DG,
    MUSCL,
    ExponentialFitting,
    Lagrange,
    SpectralElement,
    Tensor,
    Triangles,
    discretize,
    plane_from_arrays,
)
from ..assembly.densities import density_from_text
from ..evolution import Block, Checkpoint, EventRecord, History, Segment, Trajectory
from ..meshing import tagged
from ..output.model_files import unpacked
from ..output.reading import Steps, read_folder, states_of
from ..output.tuning import FILES
from ..problem import BlowUp, Outcome, State
from ..translation import is_fast
from .after_blow_up import BlowUpEvent
from .arrivals import counted_with
from .checks import Checks
from .run import Run
from .settings import Settings

_SPACES = {
    space.__name__: space for space in (SpectralElement, Lagrange, ExponentialFitting, Tensor, DG, MUSCL, Triangles)
}


def restore(stored: Any, model: Any = None, history: Any = None) -> Run:
    """A Run from what `read_folder` found; `model`, `history`: those of the run, where they cannot be found again."""
    description, path = stored.description, stored.path
    if stored.checkpoint is None:
        raise ValueError(f"{path}: the run was stopped before its first checkpoint; start it again")
    model = unpacked(stored.checkpoint["model"], path, given=model)
    if "history" not in stored.checkpoint:
        raise ValueError(f"{path}: final.npz holds no history; it is damaged")
    before, settings = unpacked(stored.checkpoint["history"], path, "history", history), _settings(description, path)
    past = None if before is None else History(before, settings.t_start)
    small = stored.chunks.size <= FILES.in_memory
    segments = _segments(stored.chunks, model, past, _space(description, path), description["tol"], small)
    if past is not None:
        past.slopes = segments[0].problem.slopes
    if description.get("outcome") is None and "end" in stored.checkpoint:  # killed before run.json said so
        description = {**description, **json.loads(stored.checkpoint["end"].tobytes())}
    outcome = description.get("outcome")
    happened = json.loads(stored.checkpoint["events"].tobytes())
    spikes = sum(math.isfinite(event.get("size", math.inf)) for event in happened)  # each begins with a row of its own
    steps = sum(len(segment.times) - 1 for segment in segments)
    trajectory = Trajectory(
        segments,
        outcome=Outcome(**outcome) if outcome else Outcome("running", f"Stopped at t = {segments[-1].times[-1]:.10g}."),
        blow_up=_blow_up(description.get("blow_up")),
        statistics=description.get("statistics") or {},
        t_end=settings.t_end,
        rounding=float(stored.checkpoint.get("memory_rounding", 0.0)),
    )
    trajectory.stored = _series_of(stored, steps + 1 + spikes)
    if small:
        trajectory.series  # noqa: B018  (verified at once)
    for event in happened:
        trajectory.events.append(_restored_event(event, trajectory))
        if past is not None and isinstance(trajectory.events[-1], BlowUpEvent):
            counted_with(segments[0].problem, trajectory.events[-1])
    trajectory.checkpoint = Checkpoint.from_arrays(stored.checkpoint)
    if not trajectory.statistics:
        trajectory.statistics = {"steps": steps, "rejected": 0, "factorisations": 0, "remeshes": len(segments) - 1}
        trajectory.statistics |= {"undershoots": 0, "newton_iterations": 0}
    run = Run(trajectory, settings, description.get("wall_time") or 0.0, description["compatible"])
    run.start = density_from_text(settings.initial)  # others are functions, and not stored
    run.asked, run.folder, run.checks = description.get("asked"), path, Checks.from_arrays(stored.checkpoint)
    return run


def let_go(run: Run) -> None:
    """Of a run that is on file, where its series are long: they are read from there when they are asked for."""
    if sum(values.nbytes for values in run.trajectory.series.values()) > FILES.in_memory:
        run.trajectory.let_go(_series_of(read_folder(run.folder), len(run.times)))


def _series_of(stored: Any, rows: int) -> Any:
    entry = stored.listing.entries.get("series.csv")
    return partial(_table, stored, rows, None if entry is None else entry.sum)


def _table(stored: Any, rows: int, known: Any) -> dict[str, np.ndarray]:
    """The rows of series.csv that belong to the steps."""
    table = {name: values[:rows] for name, values in stored.series.items()}
    if stored.listing.entries["series.csv"].sum != known:
        raise ValueError(f"{stored.path}: series.csv was replaced since the run was read.")
    if not table or len(table["t"]) < rows:
        raise ValueError(f"{stored.path}: series.csv has not the {rows} rows that belong to the steps.")
    return table


def _restored_event(event: Mapping[str, Any], trajectory: Trajectory) -> Any:
    if "size" not in event:
        problem, y = trajectory.evaluate(event["time"])
        return EventRecord(event["name"], event["time"], State(problem, event["time"], y))
    told = {**event, "sizes": tuple(event.get("sizes", ()))}
    if event["size"] == float("inf"):  # an eternal blow-up has no state after it
        return BlowUpEvent(**told, state=None)
    after = next(s for s in trajectory.segments if s.times[0] >= event["time"])
    return BlowUpEvent(**told, state=State(after.problem, event["time"], after.states[0]))


def _blow_up(entry: Mapping[str, Any] | None) -> BlowUp | None:
    """JSON has no infinity: a bar that is none is stored as null."""
    if not entry:
        return None
    return BlowUp(**{**entry, "error": np.inf if entry["error"] is None else entry["error"]})


def _segments(
    chunks: Steps, model: Any, past: History | None, space: Any, tol: float | None, in_memory: bool
) -> list[Segment]:
    """The steps of a run, of which states and dense output stay on file unless `in_memory`."""
    times: list[list[np.ndarray]] = []
    blocks: list[list[Block]] = []
    meshes: list[dict[str, np.ndarray]] = []
    values = []
    for index in range(len(chunks)):
        chunk = chunks.small(index)
        for k in range(sum(name.startswith("times_") for name in chunk)):
            number, part = int(chunk["first_segment"]) + k, chunk[f"times_{k}"]
            if number == len(times):
                times.append([part[:1]])
                blocks.append([])
                meshes.append(_arrays_of(chunk, f"mesh_{{}}_{k}"))
            before = sum(block.count for block in blocks[number])
            blocks[number].append(Block(before, len(part) - 1, partial(states_of, chunks, index, k)))
            times[number].append(part[1:])
        values += [chunk["past"]] if past is not None else []
    segments: list[Segment] = []

    def problem(number: int) -> Any:
        like = segments[0].problem if number else None
        found = _on_mesh(model, space, tol, meshes[number], like)
        return found if past is None else found.with_history(past)

    for number, parts in enumerate(times):
        segments.append(Segment.on_file(partial(problem, number), np.concatenate(parts), blocks[number]))
        parts.clear()
    if in_memory:
        segments[:] = [segment.in_memory() for segment in segments]
    if past is not None:
        ends, parts = np.concatenate([segment.times[1:] for segment in segments]), [v for v in values if len(v)]
        if parts:
            starts = np.concatenate([segment.times[:-1] for segment in segments])
            late = np.flatnonzero(starts > np.concatenate([starts[:1], ends[:-1]]))
            gaps = dict(zip(late.tolist(), starts[late].tolist(), strict=True))
            past.restore(segments[0].problem.scalar_names, ends, np.concatenate(parts), gaps)
    return segments


def _arrays_of(chunk: Mapping[str, np.ndarray], pattern: str) -> dict[str, np.ndarray]:
    start, _, end = pattern.partition("{}")
    names = [name for name in chunk if name.startswith(start) and name.endswith(end)]
    return {name.removeprefix(start).removesuffix(end): chunk[name] for name in names}


def _on_mesh(model: Any, space: Any, tol: float | None, mesh: Mapping[str, np.ndarray], like: Any) -> Any:
    if like is not None:
        return like.on_arrays(mesh)
    if not is_fast(model):
        ends = {name.removeprefix("cells of "): cells for name, cells in mesh.items()}
        like = discretize(model, space=space, tol=tol) if tol is not None else discretize(model, ends, space=space)
    elif isinstance(space, Tensor | Triangles):
        like = plane_from_arrays(model, mesh, space, tol)
    elif tol is None:
        return discretize(model, tagged(mesh["cells"], model), space=space)
    else:
        like = discretize(model, tol=tol, space=space)
    return like.on_arrays(mesh)


def _settings(description: Mapping[str, Any], path: Path) -> Settings:
    try:
        return Settings.restored(description["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the settings in run.json are not those of a run: {error}") from error


def _space(description: Mapping[str, Any], path: Path) -> Any:
    return _space_of(description["space"], path)


def _space_of(entry: Any, path: Path) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    rest = {name: _space_of(value, path) for name, value in entry.items() if name != "class"}
    if entry.get("class") not in _SPACES:
        raise ValueError(f"{path}: run.json names the space {entry.get('class')!r}; allowed are {', '.join(_SPACES)}")
    return _SPACES[entry["class"]](**rest)
