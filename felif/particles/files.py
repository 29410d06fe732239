"""Simulated networks on disk, and back.

run.json           model, settings, seed, versions, outcome, synchronous spikes
series.csv         one row a bin: its ends, N, R, ...
final.npz          everything: series, batches, snapshots, spike times, the model
particles.pvd      the snapshots in particles/ as points, for ParaView
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, MODEL, checked, optional
from ..output.files import read_npz
from ..output.manifest import Room, make_room
from ..output.model_files import packed, unpacked
from ..output.points import COLLECTION, write_particles
from ..output.points import FOLDER as POINTS
from ..output.provenance import describe, provenance
from ..output.reading import read_description
from ..problem import Outcome

_KIND = "particles"
_FILES = ("run.json", "series.csv", "final.npz", COLLECTION, f"{POINTS}/[0-9][0-9][0-9][0-9]*.vtp")
_COLUMNS = ("v", "resting", "population", "batch", "w")


def save_particles(run: Any, folder: str | Path, overwrite: bool = False, points: bool = True) -> Path:
    """Write a ParticleRun as a folder; `points=False` leaves out the files for ParaView.

    Raises ValueError if the folder holds anything else, or such a run and `overwrite` is False.
    """
    path, model = Path(folder), packed(run.model)
    room = make_room(path, _KIND, overwrite, _FILES)
    description = {
        "kind": _KIND,
        "model": describe(run.model),
        "settings": {name: describe(value) for name, value in run.settings.items()},
        "seed": run.settings["seed"],
        "outcome": {"name": run.outcome.name, "message": run.outcome.message},
        "events": [asdict(event) for event in run.events],
        "independent": run.independent,
        "wall_time": run.wall_time,
        **provenance(),
    }
    arrays: dict[str, Any] = {"times": run.times, "model": model, "snapshot_times": np.array(sorted(run.snapshots))}
    arrays |= {f"series_{name}": values for name, values in run.series.items()}
    arrays |= {f"batches_{name}": values for name, values in run.batches.items()}
    arrays |= {f"spikes_{k}": times for k, times in enumerate(run.spikes)}
    for k, t in enumerate(sorted(run.snapshots)):
        for name in _COLUMNS:
            values = getattr(run.snapshots[t], name)
            if values is not None:
                arrays[f"{name}_{k}"] = values
    room.series("series.csv", {"start": run.times[:-1], "end": run.times[1:], **run.series})
    room.npz("final.npz", arrays)
    if points:
        write_particles(run.snapshots, room)
    room.json("run.json", description)
    return path


@checked(folder=FOLDER, model=optional(MODEL))
def load_particles(folder: str | Path, model: Any = None) -> Any:
    """The ParticleRun in a folder, as it was saved; `model`: that of the run, where it cannot be found again.

    ValueError where a file is missing, damaged or of another kind.
    """
    from .run import ParticleEvent, ParticleRun, Snapshot

    path = Path(folder)
    description = read_description(path, _KIND)
    arrays = read_npz(Room(path, _KIND).whole("final.npz"))
    model = unpacked(arrays["model"], folder, given=model)

    def starting(prefix: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}

    snapshots = {}
    for k, t in enumerate(arrays["snapshot_times"].tolist()):
        columns = {name: arrays.get(f"{name}_{k}") for name in _COLUMNS}
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
