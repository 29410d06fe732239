"""Simulations of the network of neurons behind a model: `simulate_particles`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ..algebra import compiled
from ..given.arguments import FLAG, FOLDER, MODEL, POSITIVE, SEED, TIME, checked, optional, several, whole
from ..given.types import Past
from ..given.warning import warn
from ..output.model_files import packed
from ..output.progress import Bar
from ..output.work import Work, open_work
from . import plan_simulation, simulate_networks
from .checkpoints import network_name
from .further import further
from .initial_neurons import with_shares
from .loading import load_particles
from .particle_files import FILES, KIND, describe_beginning, describe_end, write_results
from .result import ParticleRun, collect
from .simulated_law import simulated_law
from .tuning import PLANNING


@checked(
    **dict.fromkeys(("threads", "bins"), optional(whole(1))),
    **{
        "model": MODEL,
        "t_end": TIME,
        "dt": POSITIVE,
        "record": whole(0),
        "networks": whole(1, 10**5),
        "seed": optional(SEED),
    },
    **{"snapshots": several(TIME, "a row of times"), "progress": optional(FLAG)},
    **{"folder": optional(FOLDER), "resume": FLAG, "overwrite": FLAG},
)
def simulate_particles(
    model: Any,
    *,
    neurons: int | Sequence[int] | Mapping[str, int],
    t_end: float,
    start: Any,
    dt: float = 1e-3,
    seed: int | None = None,
    networks: int = 1,
    threads: int | None = None,
    bins: int | None = None,
    snapshots: Sequence[float] = (),
    record: int = 0,
    history: Past = 0.0,
    event_size: float = 0.05,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> ParticleRun:
    """The network of neurons that a model is the limit of, from t = 0 to t_end.

        dV_i = (f(V_i) + I(t)) dt + sqrt(2 a0) dW_i + b/n sum of spikes,      V_i = V_F: a spike, V_i is reset to V_R

    with whatever else the model has: the law is that of its equations. Steps are exact for leaky neurons but for the
    curvature of the threshold: the bias of the rate is of order dt at most. Spikes that make others fire at the same
    instant are resolved: every spike kicks every neuron by b/n until none is left.

    Parameters
    ----------
    model : model
        Whose terms are those of neurons.
    neurons : int, sequence or mapping
        In each population, or for each one.
    t_end : float
        In units of time of the model.
    start : array, density, State or mapping
        Potentials, or as for `evolve`; a list: one a population.
    dt : float
        Longest step.
    seed : int
        None draws one; it is in `settings`. The result depends on it, not on `threads`.
    networks : int
        Independent ones, for error bars.
    threads : int
        None: all there are.
    bins : int
        Of the series, 200 at most by default.
    snapshots : sequence of float
        Times at which all potentials are kept (the end always is).
    record : int
        How many neurons' spike times are kept.
    history : float, callable or mapping
        N before t = 0, for delays; a number, a function of t, or a mapping N_E, N_I.
    event_size : float
        Spikes per neuron from which a synchronous spike is an event.
    folder : path
        Written while the networks are simulated: what `ParticleRun.save` writes, and until then where each network is,
        every two seconds or less often where that takes long; `load_particles` reads it at any time.
    resume, overwrite : bool
        `resume` returns the simulation that is in the folder, or goes on with it to the same digits, with any number of
        threads, if it is the one that is asked for (seed=None: with whatever seed), also to a later t_end, if its steps
        and bins divide that. `overwrite` replaces a simulation; what felif did not write there is never touched.
    progress : bool
        A bar on a terminal.

    Returns
    -------
    ParticleRun

    Raises
    ------
    ValueError
        For values that are not allowed, for another simulation in the folder, naming it, and while another process
        writes there.

    Examples
    --------
    >>> import felif as fl
    >>> how = {"neurons": 500, "t_end": 0.5, "dt": 0.01, "networks": 4, "seed": 1, "progress": False}
    >>> neurons = fl.simulate_particles(fl.NoisyLIF(b=0.5), start=fl.Gaussian(0.0, 0.25), **how)
    >>> neurons.final.v.shape
    (2000,)
    """
    began = time.monotonic()
    law = with_shares(simulated_law(model, t_end), start)
    plan = plan_simulation(
        law, neurons, t_end, dt, bins=bins, snapshots=snapshots, record=record, history=history, event_size=event_size
    )
    if networks * sum(plan.sizes) > PLANNING.most_neurons:
        raise ValueError(
            f"networks = {networks}; allowed are at most {PLANNING.most_neurons:g} neurons in all of them together"
        )
    asked = {"model": model, "neurons": plan.sizes, "networks": networks, "t_end": t_end, "dt": dt, "start": start}
    asked |= {"seed": seed, "bins": bins, "snapshots": snapshots, "record": record, "history": history}
    asked |= {"event_size": event_size}
    settings = {
        "neurons": list(plan.sizes),
        "networks": int(networks),
        "t_end": float(t_end),
        "dt": float(dt),
        "step": plan.dt,
        "record": plan.record,
        "bins": bins,
        "snapshots": list(snapshots),
        "event_size": float(event_size),
        "core": "python" if compiled.library() is None else "compiled",
        "start": "potentials" if isinstance(start, np.ndarray | list) else repr(start),
    }
    ends = further(partial(simulated_law, model), plan, settings, lambda k: Path(folder, network_name(k)).exists())
    how = {"resume": resume, "overwrite": overwrite, "free": ("seed",), "further": ends}
    with open_work("simulate_particles", KIND, folder, asked, FILES, **how) as work:
        if work.finished:
            return load_particles(folder, model)
        sequence = np.random.SeedSequence(work.description.get("seed", seed))
        settings["seed"] = int(sequence.entropy)
        if work.description.get("settings", settings)["core"] != settings["core"]:
            warn(f"simulate_particles: {folder} was written by the other core, {settings['core']} runs: digits differ")
        _begin(work, model, settings)
        lock = Lock()  # networks run in several threads
        with Bar(shown=bool(progress)) as bar:

            def watch(part: float) -> None:
                with lock:
                    bar(f"t = {part * t_end:.4g} of {t_end:.4g}, step {dt:.1e}", part)

            recordings = simulate_networks(plan, start, sequence, int(networks), threads, watch, work.room)
        run = collect(model, law, plan, recordings, settings, time.monotonic() - began)
        if work.room is not None:
            work.room.listing.read()  # networks have written there
            write_results(run, work.room, packed(model))
            work.finish(describe_end(run))
    return run


def _begin(work: Work, model: Any, settings: Mapping[str, Any]) -> None:
    """What the folder of a simulation says from the beginning: its settings, with the seed, and the model."""
    if work.room is not None and "settings" not in work.description:
        work.room.npz("final.npz", {"model": packed(model)})
        work.describe(describe_beginning(model, settings))
