"""Simulated networks on disk; `loading` reads them.

run.json           model, settings, seed, versions, outcome, synchronous spikes
series.csv         one row a bin: its ends, N, R, ...
final.npz          the model, and at the end everything: series, batches, snapshots, spike times
particles.pvd      the snapshots in particles/ as points, for ParaView
network-000001.npz where each network is, and what was recorded of it so far: what it goes on from
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..output.manifest import Room, make_room
from ..output.model_files import packed
from ..output.points import COLLECTION, write_particles
from ..output.points import FOLDER as POINTS
from ..output.provenance import describe, provenance
from .checkpoints import FILES as NETWORKS

KIND = "particles"
FILES = ("run.json", "series.csv", "final.npz", NETWORKS, COLLECTION, f"{POINTS}/[0-9][0-9][0-9][0-9]*.vtp")
COLUMNS = ("v", "resting", "population", "batch", "w")


def save_particles(run: Any, folder: str | Path, overwrite: bool = False, points: bool = True) -> Path:
    """Write a ParticleRun as a folder; `points=False` leaves out the files for ParaView.

    Raises ValueError if the folder holds anything else, or such a run and `overwrite` is False.
    """
    path, model = Path(folder), packed(run.model)
    room = make_room(path, KIND, overwrite, FILES)
    write_results(run, room, model, points)
    description = describe_beginning(run.model, run.settings) | describe_end(run) | provenance()
    room.json("run.json", description)
    return path


def describe_beginning(model: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json says from the beginning."""
    return {
        "kind": KIND,
        "model": describe(model),
        "settings": {name: describe(value) for name, value in settings.items()},
        "seed": settings["seed"],
    }


def describe_end(run: Any) -> dict[str, Any]:
    """What run.json says at the end."""
    return {
        "outcome": {"name": run.outcome.name, "message": run.outcome.message},
        "events": [asdict(event) for event in run.events],
        "independent": run.independent,
        "wall_time": run.wall_time,
    }


def write_results(run: Any, room: Room, model: np.ndarray, points: bool = True) -> None:
    """series.csv, final.npz and the snapshots of a ParticleRun; `model`: `packed`."""
    arrays: dict[str, Any] = {"times": run.times, "model": model, "snapshot_times": np.array(sorted(run.snapshots))}
    arrays |= {f"series_{name}": values for name, values in run.series.items()}
    arrays |= {f"batches_{name}": values for name, values in run.batches.items()}
    arrays |= {f"spikes_{k}": times for k, times in enumerate(run.spikes)}
    for k, t in enumerate(sorted(run.snapshots)):
        for name in COLUMNS:
            values = getattr(run.snapshots[t], name)
            if values is not None:
                arrays[f"{name}_{k}"] = values
    room.series("series.csv", {"start": run.times[:-1], "end": run.times[1:], **run.series})
    room.npz("final.npz", arrays)
    if points:
        write_particles(run.snapshots, room)
