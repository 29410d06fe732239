"""Where the networks of a simulation are, on disk: each in one file, replaced now and then, from which it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ..output.manifest import Room
from ..output.series_files import read_npz
from .batches import Recording, batch_of_neurons, make_chunks
from .planning import Plan
from .tuning import NETWORK

FILES = "network-[0-9][0-9][0-9][0-9][0-9][0-9].npz"
_ENGINE, _SNAPSHOT = "engine_", "snapshot_"
_COLUMNS = ("v", "resting", "w")
_PLAIN = [field.name for field in fields(Recording) if field.name not in ("snapshots", "spikes", "batch_of")]


class Checkpoint:
    """Where one network is: what was recorded, and the arrays of its engine. Without a room nothing is kept."""

    def __init__(self, room: Room | None, number: int) -> None:
        self.room = None if room is None else Room(room.folder, room.kind)  # its own: networks run in several threads
        self.name = network_name(number)
        self._due = time.monotonic() + NETWORK.every

    def read(self, plan: Plan) -> tuple[Recording, dict[str, np.ndarray]] | None:
        """(what was recorded so far, arrays of the engine); None where the network has not begun."""
        there = self.room is not None and self.room.listing.is_there(self.name)
        return read_network(self.room.whole(self.name), plan) if there else None

    def due(self) -> bool:
        return self.room is not None and time.monotonic() >= self._due

    def write(self, recording: Recording, engine: Mapping[str, Any]) -> None:
        if self.room is None:
            return
        began = time.monotonic()
        arrays = {name: np.asarray(getattr(recording, name)) for name in _PLAIN}
        arrays["spikes"] = np.concatenate([np.empty(0), *recording.spikes])
        arrays["spike_counts"] = np.array([len(times) for times in recording.spikes], int)
        for step, columns in recording.snapshots.items():
            arrays |= {
                f"{_SNAPSHOT}{step}_{name}": values
                for name, values in zip(_COLUMNS, columns, strict=True)
                if values is not None
            }
        self.room.npz(self.name, arrays | {_ENGINE + name: values for name, values in engine.items()})
        took = time.monotonic() - began
        self._due = began + took + max(NETWORK.every, took / NETWORK.share)


def step_by_step(
    plan: Plan,
    own: Recording,
    place: Checkpoint,
    watch: Callable[[float], None],
    step: Callable[[int], None],
    now: Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]],
    engine: Callable[[], Mapping[str, Any]],
) -> Recording:
    """`own` after all steps that are left, snapshots and checkpoints taken on the way.

    now: how the neurons are; engine: what `step` goes on from.
    """
    wanted = {*plan.snapshots, plan.steps}
    own.snapshots = {k: taken for k, taken in own.snapshots.items() if k in wanted}
    if not own.steps_done:
        place.write(own.at(0, now()), engine())
    for k in range(own.steps_done, plan.steps + 1):
        if k in wanted:
            own.snapshots[k] = tuple(column.copy() for column in now())
        if k == plan.steps:
            break
        step(k)
        if place.due() or k + 1 == plan.steps:
            place.write(own.at(k + 1, now()), engine())
        if k % 64 == 0:
            watch(k / plan.steps)
    own.steps_done = plan.steps
    return own


def network_name(number: int) -> str:
    return f"network-{number + 1:06d}.npz"


def read_network(path: Any, plan: Plan) -> tuple[Recording, dict[str, np.ndarray]]:
    """What `Checkpoint.write` wrote, of the same plan or a shorter one. ValueError naming a file that is damaged."""
    arrays = read_npz(path)
    engine = {name.removeprefix(_ENGINE): values for name, values in arrays.items() if name.startswith(_ENGINE)}
    steps = {int(name.split("_")[1]) for name in arrays if name.startswith(_SNAPSHOT)}
    try:
        plain = {name: arrays[name] for name in _PLAIN}
        plain["batch_of"] = batch_of_neurons(*make_chunks(plan.sizes)[:2])
        plain |= {"steps_done": int(plain["steps_done"]), "eternal": bool(plain["eternal"])}
        ends = np.cumsum(arrays["spike_counts"])[:-1]
        spikes = np.split(arrays["spikes"], ends) if len(arrays["spike_counts"]) else []
        columns = {step: [arrays.get(f"{_SNAPSHOT}{step}_{name}") for name in _COLUMNS] for step in sorted(steps)}
    except KeyError as error:
        raise ValueError(f"{path.parent}: {path.name} has no entry {error}; it was not written by felif.") from None
    snapshots = {step: tuple(values) for step, values in columns.items()}
    return Recording(**plain, snapshots=snapshots, spikes=spikes).over(plan.steps, plan.edges), engine
