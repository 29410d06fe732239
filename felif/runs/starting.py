"""evolve: from a problem and an initial state to a run; resume and load_run: runs that are on disk."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..algebra import compiled
from ..assembly import initial
from ..evolution import BackwardEuler, Event, History, Trajectory, breaking_points
from ..given.arguments import FOLDER, MODEL, TIME, checked, is_finite, optional, shown
from ..given.types import Start
from ..given.warning import warn
from ..output import RunWriter, read_folder, snapshot_times
from ..problem import Problem
from .after_blow_up import Continue, require_followed
from .asked import KINDS, goes_on, prolonged, require_events, what_is_asked
from .driving import SCHEMES, blow_up_outcome, finished, integrate_through, seen, start_up, with_mesh_error
from .recording import Recorder, describe_end, describe_run, packed_model, state_for_snapshot
from .restoring import restore
from .run import Run


@checked(**KINDS)
def evolve(
    problem: Problem,
    start: Start,
    t_end: float,
    *,
    t_start: float = 0.0,
    rtol: float = 1e-6,
    atol: float | None = None,
    scheme: Any = None,
    events: Sequence[Event] = (),
    breakpoints: Sequence[float] = (),
    fixed_step: float | None = None,
    first_step: float | None = None,
    max_step: float = math.inf,
    max_steps: int | None = None,
    N_max: float = 1e5,
    history: float | Callable[[float], float] | Mapping[str, Any] = 0.0,
    after_blow_up: Continue | None = None,
    folder: str | Path | None = None,
    snapshots: int | Sequence[float] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """The solution of a problem from an initial state up to t_end, or as far as it exists.

    start        Gaussian, Uniform, any density (a callable, unnormalised), a State, or a mapping of names to those
                 and to values of scalars ({"n": ..., "R": 0.1})
    rtol, atol   tolerance of a step, relative to max n and to each scalar (N, R) itself
    scheme       Rodas5P() (the default), ESDIRK43(), TRBDF2(), BackwardEuler(); over (v, w), where transport in w is
                 explicit within its CFL limit, ARK43(), and BackwardEuler() for spaces that keep p >= 0
    events       Event(name, function of the state, direction, terminal)
    breakpoints  times at which an input jumps: steps land on them. Those of Piecewise are known, and functions of t are
                 looked at before the run (`felif.given.inputs.landings`): jumps, and pulses that last longer than
                 (t_end - t_start)/2048, are found; shorter ones must be named here
    fixed_step   steps of this size, without control of the error. From data that do not vanish at V_F the first of
                 them, up to a 32nd of the run, are divided under error control (not with BackwardEuler)
    history      of a problem with a delay or dead time: N before t_start, a number, a function of t, or a mapping of
                 scalars to those; with a dead time D the fraction int_{-D}^0 N is silent at first, and returns in time
    after_blow_up  Continue() goes on with the physical solution after every synchronous spike (`run.events`)
    folder       write a run folder while running; `snapshots` (a number, by default 101, or times) go to ParaView.
                 resume=True returns the run that is there, or goes on with it, if it is the one that is asked for, if
                 need be to a later t_end or with more steps; another model, start or setting is a ValueError that
                 names it. overwrite=True replaces a run; what felif did not write there is never touched
    N_max        a firing rate that exceeds this, rising, is taken for blow-up

    Blow-up, events, a step that cannot be made: `run.outcome` says so, nothing is raised. Raises ValueError for bad
    input before any work is done, and for a function of the user that returns no finite number, naming it and t. What
    such a function raises reaches the caller.
    """
    if t_end < t_start:
        raise ValueError(f"evolve: t_end = {t_end!r}; allowed is a finite number >= t_start = {t_start!r}")
    started = time.perf_counter()
    if problem.on_cells is None:
        raise ValueError(f"evolve: problem = {problem!r}; allowed is what discretize returns")
    scheme = SCHEMES[problem.default_scheme]() if scheme is None else scheme
    if problem.default_scheme == "ARK43" and isinstance(scheme, BackwardEuler):
        raise ValueError(
            f"evolve: scheme = BackwardEuler(); with {problem.space} allowed is ARK43(): explicit Euler steps across "
            "the lines are stable for spaces that keep p >= 0 only"
        )
    if after_blow_up is not None:
        require_followed(problem)
    how = {"scheme": scheme, "events": events, "after_blow_up": after_blow_up, "history": history, "rtol": rtol}
    how |= {"atol": atol, "breakpoints": breakpoints, "fixed_step": fixed_step, "first_step": first_step}
    how |= {"max_step": max_step, "max_steps": max_steps, "N_max": N_max, "snapshots": snapshots}
    asked = partial(what_is_asked, problem, start, t_start, t_end, how)
    if folder is not None:
        asked = asked()
    if folder is not None and resume and (Path(folder) / "run.json").exists():
        if goes_on(Path(folder), asked, overwrite):
            same = {"model": problem.model, "history": history if problem.delays else None}
            ends = {"t_end": float(t_end), "max_steps": max_steps}
            return continue_run(folder, **ends, **same, events=events, observers=observers, progress=progress)
        overwrite = True
    past = _past(problem, history, t_start)
    if past is not None and problem.held and problem.operator is not None and problem.operator.positive:
        raise ValueError(
            f"evolve: {problem.space} keeps no density positive with a dead time; allowed are other spaces"
        )
    on_mesh, y, compatible = initial(problem if past is None else problem.with_history(past), start)
    delays = [delay for _, delay in on_mesh.delays.values()]
    jumps = sorted({*map(float, breakpoints), *on_mesh.breakpoints})
    settings = {
        "scheme": type(scheme).__name__,
        "core": "python" if compiled.library() is None else "compiled",
        "rtol": rtol,
        "atol": atol,
        "t_start": float(t_start),
        "t_end": float(t_end),
        "breakpoints": breaking_points(float(t_start), float(t_end), delays, jumps),
        "fixed_step": fixed_step,
        "first_step": first_step,
        "max_step": None if math.isinf(min([max_step, *delays])) else min([max_step, *delays]),
        "max_steps": max_steps,
        "N_max": N_max if after_blow_up is None else after_blow_up.N_max,
        "after_blow_up": None if after_blow_up is None else dataclasses.asdict(after_blow_up),
        "events": [event.name for event in events],
        "initial": repr(start) if dataclasses.is_dataclass(start) else type(start).__name__,
    }
    settings["breakpoints"] = seen(on_mesh, settings["breakpoints"], float(t_start), float(t_end))
    settings["start_up"] = start_up(on_mesh, settings, scheme, compatible)
    impossible = on_mesh.instant_blow_up(y, compatible)
    how = {"scheme": scheme, "events": events, "checkpoint": None}
    if folder is None:
        observers = _observers([past], observers, progress)
        trajectory = integrate_through(
            on_mesh, y, settings, t_end=t_end, observers=observers, impossible=impossible, **how
        )
        run = finished(trajectory, settings, time.perf_counter() - started, compatible, start)
        run.start, run.asked = start, asked
        return run
    integrate_through(
        on_mesh, y, settings, t_end=t_start, observers=(), **how
    )  # refuses bad settings before a folder is made
    count = snapshots if snapshots is not None else 101 if on_mesh.field_names else 0
    due = snapshot_times(float(t_start), float(t_end), count)
    description, model = describe_run(on_mesh, settings, compatible, asked), packed_model(on_mesh.model, past)
    with RunWriter(folder, description, due, overwrite=overwrite) as writer:
        recorder = Recorder(writer, model, compatible)
        observers = _observers([past, recorder], observers, progress)
        trajectory = integrate_through(
            on_mesh, y, settings, t_end=t_end, observers=observers, impossible=impossible, **how
        )
        run = finished(trajectory, settings, time.perf_counter() - started, compatible, start)
        _finish(writer, recorder, run)
    run.start, run.asked, run.folder = start, asked, Path(folder)
    return run


@checked(folder=FOLDER, model=optional(MODEL))
def load_run(folder: str | Path, model: Any = None, history: Any = None) -> Run:
    """The run in a folder, with its dense output; one still running or killed, as far as its last checkpoint.

    Nothing in a folder is executed. A model is made again from its class and values, its functions are looked up among
    those of the modules that are loaded; `model` and `history` are those of the run where that is not possible (lambdas
    of another session). Raises ValueError that names the folder and what is missing, or what of a model that is given
    is not what the run was made with.
    """
    return restore(read_folder(folder), model, history)


@checked(**{name: KINDS[name] for name in ("max_steps", "events", "progress")}, folder=FOLDER, t_end=optional(TIME))
def resume(
    folder: str | Path,
    *,
    t_end: float | None = None,
    max_steps: int | None = None,
    model: Any = None,
    history: Any = None,
    events: Sequence[Event] = (),
    progress: bool | None = None,
) -> Run:
    """Go on with a run that was stopped, from its last checkpoint, to the same digits as if it had not been.

    A finished run is returned as it is, unless `t_end` lies beyond its own; so is one that made all its `max_steps`,
    unless more are allowed. Events are functions and not stored: give them again, and `model` and `history` where
    `load_run` needs them. Raises ValueError for a folder
    without a run or with one that never reached a checkpoint, and for other events.
    """
    if max_steps is None:
        max_steps = read_folder(folder).description.get("settings", {}).get("max_steps")
    same = {"model": model, "history": history}
    return continue_run(folder, t_end=t_end, max_steps=max_steps, **same, events=events, progress=progress)


def continue_run(
    folder: str | Path,
    *,
    t_end: float | None = None,
    max_steps: int | None = None,
    model: Any = None,
    history: Any = None,
    events: Sequence[Event] = (),
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """`resume`, with observers. `max_steps`: of the whole run, None for any number."""
    stored = read_folder(folder)
    run = restore(stored, model, history)
    end = run.settings["t_end"] if t_end is None else float(t_end)
    more = run.outcome.name == "max_steps" and (max_steps is None or max_steps > run.statistics["steps"])
    ended = run.outcome.name != "running"
    reached = run.trajectory.t
    if ended and not more and not (run.outcome.name == "finished" and end > reached):
        if stored.description.get("outcome") is None:  # it was killed at its very end
            with RunWriter.reopen(folder) as writer:
                writer.mend(partial(state_for_snapshot, run.trajectory))
                writer.finish(describe_end(run), run)
        return run
    if end < reached:
        raise ValueError(f"resume: t_end = {t_end!r}; allowed is a time after t = {reached!r}, which is reached")
    names = [event.name for event in events]
    if names != run.settings["events"]:
        raise ValueError(f"resume: events = {names}; this run watches {run.settings['events']}: give the same")
    require_events(folder, run.asked, events)
    if run.settings.get("core") == "compiled" and compiled.library() is None:
        reason = "was written by the compiled core, which does not run here: last digits differ"
        warn(f"resume: {folder} {reason}")
    started, due = time.perf_counter(), ()
    known = run.settings["breakpoints"]
    settings = {**run.settings, "t_end": end, "max_steps": max_steps}
    if end > run.settings["t_end"]:
        count = (run.asked or {}).get("snapshots")
        due = snapshot_times(reached, end, count if isinstance(count, int) else 101)
        settings["breakpoints"] = seen(run.problem, known, reached, end)
    same, model = (run.model, None if run.past is None else run.past.before), packed_model(run.model, run.past)
    changes = {"settings": settings, "asked": prolonged(run.asked, end, max_steps)}
    with RunWriter.reopen(folder, due, changes) as writer:
        run = restore(read_folder(folder), *same)  # what was written after the checkpoint is gone now
        past = run.past
        if past is not None:
            past = past.copy(_rates(run.problem))
        recorder = Recorder(writer, model, run.compatible, before=run)
        writer.mend(partial(state_for_snapshot, run.trajectory))
        trajectory = integrate_through(
            run.problem if past is None else run.problem.with_history(past),
            run.final.y,
            settings,
            events=events,
            observers=_observers([past, recorder], observers, progress),
            checkpoint=run.checkpoint,
            scheme=SCHEMES[settings["scheme"]](),
            t_end=end,
            earlier=run.trajectory,
        )
        _finish_resumed(writer, recorder, run, settings, trajectory, started)
    return load_run(folder, *same)


def _past(problem: Problem, history: Any, t_start: float) -> History | None:
    """The history of a delayed problem; None where nothing is delayed."""
    if not problem.delays:
        if history != 0.0:
            raise ValueError(
                f"evolve: history = {history!r}; nothing is delayed in {type(problem.model).__name__}: leave it out"
            )
        return None
    delayed, given = sorted({name for name, _ in problem.delays.values()}), history
    if isinstance(history, Mapping) and (unknown := sorted(set(history) - {*delayed}, key=str)):
        raise ValueError(f"evolve: history names {unknown}; delayed are {delayed}")
    for name, value in given.items() if isinstance(given, Mapping) else [(" and ".join(delayed), given)]:
        if not callable(value) and not is_finite(value):
            raise ValueError(
                f"evolve: history of {name} = {shown(value)}; allowed are a number, a function of t, a mapping to those"
            )
    past = History(history, float(t_start), _rates(problem))
    for name, delay in problem.delays.values():  # what the run will ask for first and last
        for t in (t_start - delay, t_start):
            past(name, t)
    return past


def _rates(problem: Problem) -> list[str]:
    """Scalars that are firing rates: what leaves at a threshold, so that their past is not negative."""
    unknowns = getattr(problem.equations, "unknowns", None)
    if unknowns is None:
        return problem.infinite_rates
    held = [unknown.name for unknown in unknowns if unknown.kind == "holds"]
    return [name for one in held for name in problem.layout.flattened(one)]


def _observers(own: Sequence[Any], observers: Sequence[Any], progress: bool | None) -> list[Any]:
    bar: list[Any] = []
    if progress is not False:
        from ..output.progress import Progress

        bar = [Progress()]
    own = [observer.follow if isinstance(observer, History) else observer for observer in own if observer is not None]
    return [*own, *observers, *bar]


def _finish(writer: RunWriter, recorder: Recorder, run: Run) -> None:
    recorder.rows(run.trajectory)
    recorder.chunk(run.trajectory, run=run)
    writer.finish(describe_end(run), run)


def _finish_resumed(
    writer: RunWriter, recorder: Recorder, before: Run, settings: dict, trajectory: Trajectory, started: float
) -> None:
    """What a resumed run says about its end is of the whole run."""
    recorder.rows(trajectory)
    segments, events = [*before.segments, *trajectory.segments], [*before.events, *trajectory.events]
    if trajectory.blow_up is not None:
        trajectory.blow_up = with_mesh_error(segments, events, trajectory.blow_up, settings, before.start)
        if trajectory.outcome.name == "blow_up":
            trajectory.outcome = blow_up_outcome(trajectory.blow_up)
    whole = Run(
        dataclasses.replace(trajectory, segments=segments, events=events),
        settings,
        before.wall_time + time.perf_counter() - started,
        before.compatible,
    )
    recorder.chunk(trajectory, run=whole)
    writer.flush()
    on_file = restore(read_folder(writer.folder), before.model, None if before.past is None else before.past.before)
    writer.finish(describe_end(whole), on_file)
