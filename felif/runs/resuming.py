"""load_run and resume: runs that are on disk; what a run and a resumed one have in common."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..algebra import compiled
from ..evolution import Event, History, Trajectory, outcome_of
from ..given.arguments import FOLDER, MODEL, PAST, TIME, checked, optional
from ..given.types import Model, Past
from ..given.warning import warn
from ..output import RunWriter, read_folder, times_of_snapshots
from ..output.progress import Bar
from ..problem import Problem
from .asked import KINDS, prolonged, require_events
from .blow_up_error import with_mesh_error
from .driving import integrate_through, seen
from .recording import Recorder, describe_end, packed_model, state_for_snapshot
from .restoring import restore
from .run import Run
from .settings import Settings


@checked(folder=FOLDER, model=optional(MODEL), history=PAST)
def load_run(folder: str | Path, model: Model | None = None, history: Past | None = None) -> Run:
    """The run in a folder, with its dense output; one still running or killed, as far as its last checkpoint.

    Nothing in a folder is executed. A model is made again from its class and values, its functions are looked up among
    those of the modules that are loaded.

    Parameters
    ----------
    folder : path
        What `evolve(..., folder=...)` or `run.save` wrote.
    model, history : as given to `evolve`
        Of the run, where they cannot be found again (lambdas of another session).

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        Naming the folder and what is missing, or what of a model that is given is not what the run was made with.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-3, folder="runs/a", snapshots=2)
    >>> bool(fl.load_run("runs/a").final.N == run.final.N)
    True
    """
    return restore(read_folder(folder), model, history)


@checked(
    **{name: KINDS[name] for name in ("max_steps", "events", "progress")},
    folder=FOLDER,
    t_end=optional(TIME),
    model=optional(MODEL),
    history=PAST,
)
def resume(
    folder: str | Path,
    *,
    t_end: float | None = None,
    max_steps: int | None = None,
    model: Model | None = None,
    history: Past | None = None,
    events: Sequence[Event] = (),
    progress: bool | None = None,
) -> Run:
    """Go on with a run that was stopped, from its last checkpoint, to the same digits as if it had not been.

    A finished run is returned as it is, unless `t_end` lies beyond its own; so is one that made all its `max_steps`,
    unless more are allowed.

    Parameters
    ----------
    folder : path
        Of the run.
    t_end : float
        By default that of the run.
    max_steps : int
        Of the whole run.
    model, history : as given to `evolve`
        Where `load_run` needs them.
    events : sequence of Event
        Functions are not stored: give them again.
    progress : bool
        As for `evolve`.

    Returns
    -------
    Run
        The whole run.

    Raises
    ------
    ValueError
        For a folder without a run or with one that never reached a checkpoint, and for other events.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-3, folder="runs/b", snapshots=2)
    >>> float(fl.resume("runs/b", t_end=1.0).times[-1])
    1.0
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
    model: Model | None = None,
    history: Past | None = None,
    events: Sequence[Event] = (),
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """`resume`, with observers. `max_steps`: of the whole run, None for any number."""
    stored = read_folder(folder)
    run = restore(stored, model, history)
    end = run.settings.t_end if t_end is None else float(t_end)
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
    names = tuple(event.name for event in events)
    if names != run.settings.events:
        raise ValueError(f"resume: events = {[*names]}; this run watches {[*run.settings.events]}: give the same")
    require_events(folder, run.asked, events)
    if run.settings.core == "compiled" and compiled.library() is None:
        reason = "was written by the compiled core, which does not run here: last digits differ"
        warn(f"resume: {folder} {reason}")
    _go_on(folder, run, end, max_steps, events, observers, progress)
    same = run.model, None if run.past is None else run.past.before
    del run  # its times are read again
    return load_run(folder, *same)


def _go_on(
    folder: str | Path,
    run: Run,
    end: float,
    max_steps: int | None,
    events: Sequence[Event],
    observers: Sequence[Any],
    progress: bool | None,
) -> None:
    """The steps up to `end`, in the folder."""
    started, due, reached = time.perf_counter(), (), run.trajectory.t
    known = run.settings.breakpoints
    settings = run.settings.but(t_end=end, max_steps=max_steps)
    if end > run.settings.t_end:
        count = (run.asked or {}).get("snapshots")
        due = times_of_snapshots(run.problem, reached, end, count if isinstance(count, int) else None)
        settings = settings.but(breakpoints=tuple(seen(run.problem, known, reached, end)))
    same, model = (run.model, None if run.past is None else run.past.before), packed_model(run.model, run.past)
    changes = {"settings": settings.stored(), "asked": prolonged(run.asked, end, max_steps)}
    with RunWriter.reopen(folder, due, changes) as writer:
        run = restore(read_folder(folder), *same)  # what was written after the checkpoint is gone now
        past = run.past
        if past is not None:
            past = past.copy(rates(run.problem))
        recorder = Recorder(writer, model, run.compatible, before=run)
        writer.mend(partial(state_for_snapshot, run.trajectory))
        trajectory = integrate_through(
            run.problem if past is None else run.problem.with_history(past),
            run.final.y,
            settings,
            events=events,
            observers=watching([past, recorder], observers, progress),
            checkpoint=run.checkpoint,
            t_end=end,
            earlier=run.trajectory,
        )
        _finish_whole(writer, recorder, run, settings, trajectory, started)


def rates(problem: Problem) -> list[str]:
    """Scalars that are firing rates: what leaves at a threshold, so that their past is not negative."""
    unknowns = getattr(problem.equations, "unknowns", None)
    if unknowns is None:
        return problem.infinite_rates
    held = [unknown.name for unknown in unknowns if unknown.kind == "holds"]
    return [name for one in held for name in problem.layout.flattened(one)]


def watching(own: Sequence[Any], observers: Sequence[Any], progress: bool | None) -> list[Any]:
    bar = [] if progress is False else [showing(Bar())]
    own = [observer.follow if isinstance(observer, History) else observer for observer in own if observer is not None]
    return [*own, *observers, *bar]


def showing(bar: Bar) -> Callable[[Trajectory], None]:
    """An observer that shows the time reached, N and the step size."""

    def show(trajectory: Trajectory) -> None:
        last, start = trajectory.last, float(trajectory.segments[0].times[0])
        rate = f"N = {last['N']:.4g}, " if "N" in last else ""
        text = f"t = {last['t']:.4g} of {trajectory.t_end:.4g}, {rate}step {last['dt']:.1e}"
        bar(text, (last["t"] - start) / (trajectory.t_end - start))

    show.each_step, show.close = False, bar.close  # it may be called after several steps at once
    return show


def finish(writer: RunWriter, recorder: Recorder, run: Run) -> None:
    recorder.rows(run.trajectory)
    recorder.chunk(run.trajectory, run=run)
    writer.finish(describe_end(run), run)


def _finish_whole(
    writer: RunWriter, recorder: Recorder, before: Run, settings: Settings, trajectory: Trajectory, started: float
) -> None:
    """What a resumed run says about its end is of the whole run."""
    recorder.rows(trajectory)
    segments, events = [*before.segments, *trajectory.segments], [*before.events, *trajectory.events]
    if trajectory.blow_up is not None:
        trajectory.blow_up = with_mesh_error(segments, events, trajectory.blow_up, settings, before.start)
        if trajectory.outcome.name in ("blow_up", "jump"):
            trajectory.outcome = outcome_of(trajectory.blow_up)
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
