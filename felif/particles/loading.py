"""Simulated networks from disk: finished ones, and those that are still simulated or were killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, MODEL, checked, optional
from ..given.types import Model
from ..output.manifest import Room
from ..output.model_files import unpacked
from ..output.reading import read_description
from ..output.series_files import read_npz
from ..problem import Outcome
from .checkpoints import network_name, read_network
from .further import stored_plan
from .particle_files import COLUMNS, KIND
from .result import ParticleEvent, ParticleRun, Snapshot, collect
from .simulated_law import simulated_law


@checked(folder=FOLDER, model=optional(MODEL))
def load_particles(folder: str | Path, model: Model | None = None) -> ParticleRun:
    """The ParticleRun in a folder; one still running or killed, as far as the last checkpoint of each network.

    Its outcome is "running" then, and series end where the last one is that has begun.

    Parameters
    ----------
    folder : path
        Of the simulation.
    model : model
        That of the run, where it cannot be found again.

    Returns
    -------
    ParticleRun

    Raises
    ------
    ValueError
        Where a file is missing, damaged or of another kind.

    Examples
    --------
    >>> import felif as fl
    >>> how = {"neurons": 100, "t_end": 0.2, "dt": 0.01, "seed": 1, "progress": False, "folder": "runs/neurons"}
    >>> neurons = fl.simulate_particles(fl.NoisyLIF(b=0.5), start=fl.Gaussian(0.0, 0.25), **how)
    >>> bool((fl.load_particles("runs/neurons").series["N"] == neurons.series["N"]).all())
    True
    """
    path = Path(folder)
    description = read_description(path, KIND)
    if description.get("outcome") is None:
        return _so_far(path, description, model)
    arrays = read_npz(Room(path, KIND).whole("final.npz"))
    model = unpacked(arrays["model"], folder, given=model)

    def starting(prefix: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}

    snapshots = {}
    for k, t in enumerate(arrays["snapshot_times"].tolist()):
        columns = {name: arrays.get(f"{name}_{k}") for name in COLUMNS}
        snapshots[t] = Snapshot(t, **columns)
    events = []
    for event in description["events"]:
        sizes = tuple(np.inf if size is None else size for size in event["sizes"])
        events.append(
            ParticleEvent(**{**event, "size": np.inf if event["size"] is None else event["size"], "sizes": sizes})
        )
    spikes = starting("spikes_")
    return ParticleRun(
        model=model,
        times=arrays["times"],
        series=starting("series_"),
        batches=starting("batches_"),
        independent=description["independent"],
        snapshots=snapshots,
        events=events,
        outcome=Outcome(**description["outcome"]),
        settings=description["settings"],
        spikes=[spikes[str(k)] for k in range(len(spikes))],
        wall_time=description["wall_time"],
    )


def _so_far(path: Path, description: Mapping[str, Any], model: Any) -> ParticleRun:
    """What the networks have recorded until now."""
    given = description["settings"]
    model = unpacked(read_npz(Room(path, KIND).whole("final.npz"))["model"], path, given=model)
    law = simulated_law(model, given["t_end"])
    plan = stored_plan(law, given)
    room = Room(path, KIND)
    begun = [name for name in map(network_name, range(given["networks"])) if room.listing.is_there(name)]
    if not begun:
        raise ValueError(f"{path}: no network has begun; simulate again with resume=True.")
    recordings = [read_network(room.whole(name), plan)[0] for name in begun]
    run = collect(model, law, plan, recordings, given, 0.0)
    reached = min(recording.steps_done for recording in recordings) * plan.dt
    return replace(run, outcome=Outcome("running", f"Stopped at t = {reached:.10g}."))
