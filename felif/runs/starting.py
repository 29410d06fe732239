"""evolve: from a problem and an initial state to a run."""

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
from ..evolution import SCHEMES, BackwardEuler, Event, History, Scheme, Trajectory, breaking_points
from ..given.arguments import checked, is_finite, shown
from ..given.types import Past, Start
from ..output import RunWriter, times_of_snapshots
from ..problem import Problem
from .after_blow_up import Continue, require_followed
from .asked import KINDS, goes_on, what_is_asked
from .driving import finished, integrate_through, seen
from .fixed_steps import start_up
from .recording import Recorder, describe_run, packed_model
from .restoring import let_go
from .resuming import continue_run, finish, rates, watching
from .run import Run
from .settings import Settings
from .tuning import RECORDING


@checked(**KINDS)
def evolve(
    problem: Problem,
    start: Start,
    t_end: float,
    *,
    t_start: float = 0.0,
    rtol: float = 1e-6,
    atol: float | None = None,
    scheme: Scheme | None = None,
    events: Sequence[Event] = (),
    breakpoints: Sequence[float] = (),
    fixed_step: float | None = None,
    first_step: float | None = None,
    max_step: float = math.inf,
    max_steps: int | None = None,
    N_max: float = 1e5,
    history: Past = 0.0,
    after_blow_up: Continue | None = None,
    folder: str | Path | None = None,
    snapshots: int | Sequence[float] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    observers: Sequence[Callable[[Trajectory], None]] = (),
    progress: bool | None = None,
) -> Run:
    """The solution of a problem from an initial state up to t_end, or as far as it exists.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    start : Gaussian, Uniform, callable, State or mapping
        Any density (a callable, unnormalised), a State, or a mapping of names to those and to values of scalars
        ({"n": ..., "R": 0.1}). Densities that share a conserved quantity keep their proportions (`Conserved`).
    t_end, t_start : float
        In units of time of the model, t_end >= t_start.
    rtol, atol : float
        Tolerance of a step, relative to max n and to each scalar (N, R) itself.
    scheme : Rodas5P, ESDIRK43, TRBDF2, BackwardEuler or ARK43
        Rodas5P() by default; over (v, w), where transport in w is explicit within its CFL limit, ARK43(), and
        BackwardEuler() for spaces that keep p >= 0.
    events : sequence of Event
        What is to be noticed on the way.
    breakpoints : sequence of float
        Times at which an input jumps: steps land on them. Those of Piecewise are known, and functions of t are looked
        at before the run (`felif.given.inputs.landings`): jumps, and pulses that last longer than (t_end -
        t_start)/2048, are found; shorter ones must be named here.
    fixed_step : float
        Steps of this size, without control of the error. Behind data that do not vanish at V_F, and where that is heard
        after a delay, a 32nd of the run is divided under error control (not with BackwardEuler).
    first_step, max_step : float
        Size of the first step, and of the largest.
    max_steps : int
        The run stops after so many, with the outcome "max_steps".
    N_max : float
        A firing rate that exceeds this, rising, is taken for blow-up.
    history : float, callable or mapping
        Of a problem with a delay or dead time: N before t_start, a number, a function of t, or a mapping of scalars to
        those; with a dead time D the fraction int_{-D}^0 N is silent at first, and returns in time.
    after_blow_up : Continue
        Goes on with the physical solution after every synchronous spike (`run.events`); by default the run ends there.
    folder : path
        Write a run folder while running.
    snapshots : int or sequence of float
        How many, or at which times, go to ParaView; 101 by default.
    resume, overwrite : bool
        `resume` returns the run that is in the folder, or goes on with it, if it is the one that is asked for, if need
        be to a later t_end or with more steps. `overwrite` replaces a run; what felif did not write there is never
        touched.
    observers : sequence of callable
        Called with the trajectory after every step.
    progress : bool
        A bar on a terminal; None: where the run takes long.

    Returns
    -------
    Run
        Blow-up, events, a step that cannot be made: `run.outcome` says so, nothing is raised.

    Raises
    ------
    ValueError
        For bad input, before any work is done; for a folder with another model, start or setting, naming it; for a
        function of the user that returns no finite number, naming it and t. What such a function raises reaches the
        caller.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5))
    >>> run = fl.evolve(problem, fl.Gaussian(mean=0.0, variance=0.25), t_end=1.0)
    >>> run.outcome.name, round(float(run.sample("N", 1.0)), 6)
    ('finished', 0.135954)
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
    breaking = _breakpoints(float(t_start), float(t_end), delays, jumps, on_mesh.kinks)
    settings = Settings(
        scheme=scheme,
        core="python" if compiled.library() is None else "compiled",
        rtol=rtol,
        atol=atol,
        t_start=float(t_start),
        t_end=float(t_end),
        breakpoints=tuple(seen(on_mesh, breaking, float(t_start), float(t_end))),
        fixed_step=fixed_step,
        first_step=first_step,
        max_step=min([max_step, *delays]),
        max_steps=max_steps,
        N_max=N_max if after_blow_up is None else after_blow_up.N_max,
        after_blow_up=after_blow_up,
        events=tuple(event.name for event in events),
        initial=repr(start) if dataclasses.is_dataclass(start) else type(start).__name__,
        singular=not compatible,
    )
    _require_end(settings, delays, on_mesh.size, folder)
    settings = settings.but(start_up=start_up(settings))
    impossible = on_mesh.instant_blow_up(y, compatible)
    how = {"events": events, "checkpoint": None}
    if folder is None:
        observers = watching([past], observers, progress)
        trajectory = integrate_through(
            on_mesh, y, settings, t_end=t_end, observers=observers, impossible=impossible, **how
        )
        run = finished(trajectory, settings, time.perf_counter() - started, compatible, start)
        run.start, run.asked = start, asked
        return run
    integrate_through(
        on_mesh, y, settings, t_end=t_start, observers=(), **how
    )  # refuses bad settings before a folder is made
    due = times_of_snapshots(on_mesh, float(t_start), float(t_end), snapshots)
    description, model = describe_run(on_mesh, settings, compatible, asked), packed_model(on_mesh.model, past)
    with RunWriter(folder, description, due, overwrite=overwrite) as writer:
        recorder = Recorder(writer, model, compatible)
        observers = watching([past, recorder], observers, progress)
        trajectory = integrate_through(
            on_mesh, y, settings, t_end=t_end, observers=observers, impossible=impossible, **how
        )
        run = finished(trajectory, settings, time.perf_counter() - started, compatible, start)
        finish(writer, recorder, run)
    run.start, run.asked, run.folder = start, asked, Path(folder)
    let_go(run)
    return run


def _require_end(settings: Settings, delays: Sequence[float], size: int, folder: Any) -> None:
    """ValueError for a run whose steps cannot be made soon or, without a folder, not be held."""
    if settings.fixed_step is not None and settings.t_end - settings.fixed_step == settings.t_end:
        raise ValueError(
            f"evolve: fixed_step = {settings.fixed_step!r}; allowed are steps that t = {settings.t_end!r} sees"
        )
    longest = min([settings.fixed_step or math.inf, *delays])
    steps = min((settings.t_end - settings.t_start) / longest, settings.max_steps or math.inf)
    why = f"evolve: t_end = {settings.t_end!r}: {steps:.3g} steps of at most {longest:g} (fixed_step, delays)"
    if steps > RECORDING.most_steps:
        raise ValueError(f"{why}; allowed are at most {RECORDING.most_steps:g}, or max_steps")
    if folder is None and (held := 32.0 * size * steps) > RECORDING.most_bytes:
        raise ValueError(f"{why} take {held / 1e9:.2g} GB; give a folder, where they are kept, or max_steps")


def _breakpoints(
    start: float, end: float, delays: Sequence[float], jumps: Sequence[float], kinks: frozenset[float]
) -> list[float]:
    """Where steps land; behind a delay what jumped has a kink, and what had a kink is smooth."""
    jumping = breaking_points(start, end, delays, [t for t in jumps if t not in kinks])
    return sorted({*jumping, *(t for t in jumps if t in kinks and start < t < end)})


def _past(problem: Problem, history: Any, t_start: float) -> History | None:
    """The history of a delayed problem; None where nothing is delayed."""
    if not problem.delays:
        if history != 0.0:
            raise ValueError(
                f"evolve: history = {history!r}; nothing is delayed in {type(problem.model).__name__}: leave it out"
            )
        return None
    delayed, given = sorted({name for name, _ in problem.delays.values()} - {*problem.slopes}), history
    if isinstance(history, Mapping) and (unknown := sorted(set(history) - {*delayed}, key=str)):
        raise ValueError(f"evolve: history names {unknown}; delayed are {delayed}")
    for name, value in given.items() if isinstance(given, Mapping) else [(" and ".join(delayed), given)]:
        if not callable(value) and not is_finite(value):
            raise ValueError(
                f"evolve: history of {name} = {shown(value)}; allowed are a number, a function of t, a mapping to those"
            )
    past = History(history, float(t_start), rates(problem), problem.slopes)
    for name, delay in problem.delays.values():  # what the run will ask for first and last
        for t in (t_start - delay, t_start):
            past(name, t)
    return past
