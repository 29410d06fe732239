"""evolve: from a problem and an initial state to a run; resume and load_run: runs that are on disk."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .assembly import initial
from .evolution import ESDIRK43, TRBDF2, BackwardEuler, Event, Rodas5P, Trajectory, integrate
from .output import RunWriter, read_folder, snapshot_times
from .problem import BlowUp, Outcome
from .recording import Recorder, describe_end, describe_run, restore
from .run import Run

_SCHEMES = {scheme.__name__: scheme for scheme in (Rodas5P, ESDIRK43, TRBDF2, BackwardEuler)}
_COARSER = 30.0  # how much looser the companion run is that measures the error of a blow-up time


def evolve(
    problem: Any,
    start: Any,
    t_end: float,
    *,
    t_start: float = 0.0,
    rtol: float = 1e-6,
    atol: float | None = None,
    scheme: Any = Rodas5P(),
    events: Sequence[Event] = (),
    breakpoints: Sequence[float] = (),
    fixed_step: float | None = None,
    first_step: float | None = None,
    max_step: float = math.inf,
    max_steps: int | None = None,
    N_max: float = 1e5,
    folder: str | Path | None = None,
    snapshots: int | Sequence[float] = 101,
    resume: bool = False,
    overwrite: bool = False,
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """The solution of a problem from an initial state up to t_end, or as far as it exists.

    start        Gaussian, Uniform, any density (a callable, unnormalised), a State, or a mapping of names to those
                 and to values of scalars ({"n": ..., "R": 0.1})
    rtol, atol   tolerance of a step, relative to max n and to each scalar (N, R) itself
    scheme       Rodas5P(), ESDIRK43(), TRBDF2(), BackwardEuler()
    events       Event(name, function of the state, direction, terminal)
    breakpoints  times at which an input jumps (those of Piecewise are known): steps land on them
    folder       write a run folder while running; `snapshots` (a number or times) go to ParaView. resume=True goes on
                 with a run that was stopped in this folder, overwrite=True replaces it
    N_max        a firing rate that exceeds this, rising, is taken for blow-up

    Blow-up, events, a step that cannot be made: `run.outcome` says so, nothing is raised. Raises ValueError for bad
    input before any work is done.
    """
    if not isinstance(t_end, int | float) or not math.isfinite(t_end) or t_end < t_start:
        raise ValueError(f"evolve: t_end = {t_end!r}; allowed is a finite number >= t_start = {t_start!r}")
    if folder is not None and resume and (Path(folder) / "run.json").exists():
        return continue_run(folder, events=events, observers=observers, progress=progress)
    started = time.perf_counter()
    if not callable(getattr(problem, "on_cells", None)):
        raise ValueError(f"evolve: problem = {problem!r}; allowed is what discretize returns")
    on_mesh, y, compatible = initial(problem, start)
    settings = {
        "scheme": type(scheme).__name__,
        "rtol": rtol,
        "atol": atol,
        "t_start": float(t_start),
        "t_end": float(t_end),
        "breakpoints": sorted({*map(float, breakpoints), *on_mesh.breakpoints}),
        "fixed_step": fixed_step,
        "first_step": first_step,
        "max_step": None if math.isinf(max_step) else max_step,
        "max_steps": max_steps,
        "N_max": N_max,
        "events": [event.name for event in events],
        "initial": repr(start) if dataclasses.is_dataclass(start) else type(start).__name__,
    }
    impossible = _instant_blow_up(on_mesh, y, compatible, start)
    recorder, writer = None, None
    if folder is not None:
        due = snapshot_times(float(t_start), float(t_end), snapshots)
        writer = RunWriter(folder, describe_run(on_mesh, settings, compatible), due, overwrite=overwrite)
        recorder = Recorder(writer, on_mesh.model, compatible)
    trajectory = _integrate(
        on_mesh,
        y,
        settings,
        events=events,
        observers=_observers(recorder, observers, progress),
        checkpoint=None,
        scheme=scheme,
        t_end=float(t_start) if impossible else float(t_end),
    )
    blow_up = trajectory.blow_up
    if impossible:
        trajectory.outcome = Outcome("blow_up", impossible)
        blow_up = BlowUp(float(t_start), 0.0, math.inf, impossible)
    elif blow_up is not None and blow_up.time > t_start:
        blow_up = _with_mesh_error(problem, start, trajectory, settings, scheme)
    run = Run(trajectory, settings, time.perf_counter() - started, compatible, blow_up)
    if writer is not None:
        _finish(writer, recorder, run)
    return run


def load_run(folder: str | Path) -> Run:
    """The run in a folder, with its dense output; one that is still running or was killed as far as its last checkpoint.

    The model is unpickled: like any Python file, load only folders from people you trust. Raises ValueError that names
    the folder and what is missing.
    """
    return restore(read_folder(folder))


def resume(
    folder: str | Path,
    *,
    t_end: float | None = None,
    events: Sequence[Event] = (),
    progress: bool | None = None,
) -> Run:
    """Go on with a run that was stopped, from its last checkpoint, to the same digits as if it had not been.

    A finished run is returned as it is, unless `t_end` lies beyond its own. Events are functions and not stored: give
    them again. Raises ValueError for a folder without a run or with one that never reached a checkpoint.
    """
    return continue_run(folder, t_end=t_end, events=events, progress=progress)


def continue_run(
    folder: str | Path,
    *,
    t_end: float | None = None,
    events: Sequence[Event] = (),
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """`resume`, with observers."""
    stored = read_folder(folder)
    run = restore(stored)
    end = run.settings["t_end"] if t_end is None else float(t_end)
    if stored.description.get("outcome") is not None and not (run.outcome.name == "finished" and end > run.times[-1]):
        return run
    if end < run.times[-1]:
        raise ValueError(f"resume: t_end = {t_end!r}; allowed is a time after t = {run.times[-1]!r}, which is reached")
    names = [event.name for event in events]
    if names != run.settings["events"]:
        raise ValueError(f"resume: events = {names}; this run watches {run.settings['events']}: give the same")
    started = time.perf_counter()
    due = snapshot_times(float(run.times[-1]), end, 101) if t_end is not None else ()
    writer = RunWriter.reopen(folder, due)
    run = restore(read_folder(folder))  # what was written after the checkpoint is gone now
    settings = {**run.settings, "t_end": end}
    recorder = Recorder(writer, run.model, run.compatible, resumed_after=len(run.segments))
    _integrate(
        run.problem,
        run.final.y,
        settings,
        events=events,
        observers=_observers(recorder, observers, progress),
        checkpoint=run.checkpoint,
        scheme=_SCHEMES[settings["scheme"]](),
        t_end=end,
        finish=lambda trajectory: _finish_resumed(writer, recorder, run, settings, trajectory, started),
    )
    return load_run(folder)


def _integrate(problem: Any, y: Any, settings: dict, *, t_end: float, finish: Any = None, **how: Any) -> Trajectory:
    trajectory = integrate(
        problem,
        y,
        settings["t_start"],
        t_end,
        rtol=settings["rtol"],
        atol=settings["atol"],
        breakpoints=settings["breakpoints"],
        fixed_step=settings["fixed_step"],
        first_step=settings["first_step"],
        max_step=math.inf if settings["max_step"] is None else settings["max_step"],
        max_steps=settings["max_steps"],
        N_max=settings["N_max"],
        **how,
    )
    for observer in how["observers"]:
        close = getattr(observer, "close", None)
        if close is not None:
            close()
    if finish is not None:
        finish(trajectory)
    return trajectory


def _observers(recorder: Recorder | None, observers: Sequence[Any], progress: bool | None) -> list[Any]:
    bar: list[Any] = []
    if progress is not False:
        from .evolution.progress import Progress

        bar = [Progress()]
    return [*([] if recorder is None else [recorder]), *observers, *bar]


def _finish(writer: RunWriter, recorder: Recorder, run: Run) -> None:
    recorder.rows(run.trajectory)
    recorder.chunk(run.trajectory)
    writer.finish(describe_end(run), run)


def _finish_resumed(
    writer: RunWriter, recorder: Recorder, before: Run, settings: dict, trajectory: Trajectory, started: float
) -> None:
    """run.json of a resumed run: what it says is read from the whole run on file."""
    recorder.rows(trajectory)
    recorder.chunk(trajectory)
    writer.flush()
    whole = restore(read_folder(writer.folder))
    whole.outcome, whole.blow_up = trajectory.outcome, trajectory.blow_up
    whole.statistics = trajectory.statistics
    whole.events = [*before.events, *trajectory.events]
    whole.wall_time = before.wall_time + time.perf_counter() - started
    writer.finish({**describe_end(whole), "settings": settings}, whole)


def _instant_blow_up(problem: Any, y: Any, compatible: bool, start: Any) -> str | None:
    """Why no solution exists even for a short time, or None: data that do not vanish at V_F and noise that grows with N."""
    noise = getattr(problem.model, "a1", 0.0)
    if compatible or not noise:
        return None
    return (
        f"The initial density does not vanish at V_F = {problem.v_fire:g} and the noise grows with N (a1 = {noise:g}): "
        "N is infinite from the start. Give data that vanish there, for example by boundary_layer = 0.1 in Gaussian or Uniform."
    )


def _with_mesh_error(problem: Any, start: Any, trajectory: Trajectory, settings: dict, scheme: Any) -> BlowUp:
    """The blow-up with the difference to a companion run on a coarser mesh with looser steps in its error."""
    found = trajectory.blow_up
    rtol = min(_COARSER * settings["rtol"], 1e-2)
    on_mesh, y, _ = initial(problem.coarser(_COARSER), start)
    until = settings["t_start"] + 2 * (found.time - settings["t_start"])
    companion = _integrate(
        on_mesh, y, {**settings, "rtol": rtol}, t_end=until, scheme=scheme, events=(), observers=(), checkpoint=None
    ).blow_up
    if companion is None:
        return dataclasses.replace(
            found,
            error=found.time - settings["t_start"],
            message=found.message
            + " A companion run on a coarser mesh does not blow up: the mesh does not resolve this.",
        )
    return dataclasses.replace(found, error=found.error + abs(companion.time - found.time))
