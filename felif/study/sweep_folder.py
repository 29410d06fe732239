"""A sweep on disk.

sweep.json              what is swept: study, options, grid; two sweeps never share a folder
shards/3f2a9c1e.jsonl   one file a call, which grows: a line a chunk of points, by columns, with the number of the
                        attempt; what a kill loses is the chunks under way
sweep.csv               the table: index, options, status, results, wall time, message; one row a finished point
points/000012/          one results folder a point, where asked for

felif-manifest.txt lists them (`felif.output.manifest`): nothing else in the folder is ever replaced or deleted.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..output.manifest import Room

SAME = ("attempt", "status", "message")  # one value for a chunk whose points agree


def read_sweep(folder: str | Path) -> dict[str, Any]:
    """sweep.json of a folder. Raises ValueError if there is none, or it is damaged."""
    from ..output.reading import read_json

    if not (Path(folder) / "sweep.json").exists():
        raise ValueError(f"{folder} holds no sweep: there is no sweep.json.")
    sweep = read_json(folder, "sweep.json")
    if not {"study", "grid", "fixed", "seeded"} <= set(sweep):
        raise ValueError(f"{Path(folder) / 'sweep.json'} was not written by `felif sweep`.")
    return sweep


def open_folder(folder: Path, sweep: Mapping[str, Any], overwrite: bool) -> Room:
    """Make `folder` the place of this sweep, or find that it is. Raises ValueError if it holds anything else."""
    from ..output.manifest import find_room

    room = find_room(folder, "sweep", True, ("sweep.json", "sweep.csv"))
    if overwrite:
        room.clear()
    elif "sweep.json" in room.names:
        there = read_sweep(folder)
        changed = [key for key in (*sweep, *(there.keys() - sweep.keys())) if there.get(key) != sweep.get(key)]
        if changed:
            was, now = ({key: one.get(key) for key in changed} for one in (there, sweep))
            raise ValueError(
                f"{folder} holds another sweep: {was}, not {now}. "
                "Give another folder (--out), or --overwrite to replace it."
            )
    room.json("sweep.json", sweep)
    return room


class Shard:
    """The file of this call: what was added is on the disk, and whole after a kill."""

    def __init__(self, room: Room) -> None:
        self.room, self.name = room, f"shards/{uuid.uuid4().hex[:8]}.jsonl"
        self.file = room.grow(self.name)
        room.note(self.name, self.file.sum)

    def add(self, chunks: Sequence[Mapping[str, Any]]) -> None:
        """Lines of chunks: {index, attempt, status, message, wall_time, results: {name: values}}, None for no value.

        Python's JSON, in which NaN and Infinity survive and floats keep their last digit.
        """
        for chunk in chunks:
            short = {name: chunk[name][0] for name in SAME if len(set(chunk[name])) == 1}
            self.file.write((json.dumps({**chunk, **short}, separators=(",", ":")) + "\n").encode())
        self.file.sync()
        self.room.note(self.name, self.file.sum)

    def close(self) -> None:
        self.file.close()


def read_chunks(folder: str | Path) -> Iterator[dict[str, Any]]:
    """What `Shard.add` was given, of every call: also while one runs, or after it was killed."""
    from ..output.manifest import Room

    room = Room(folder, "sweep")
    for name in (name for name in room.names if name.startswith("shards/")):
        try:
            path = room.whole(name, grows=True)
        except ValueError as error:
            raise ValueError(f"{error} Delete it to have its points computed again.") from None
        left = room.listing.entries[name].sum.size
        with path.open("rb") as file:
            while left > 0:
                line = file.readline()
                left -= len(line)
                chunk = json.loads(line)
                count = len(chunk["index"])
                yield chunk | {key: [chunk[key]] * count for key in SAME if not isinstance(chunk[key], list)}
