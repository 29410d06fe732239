"""A run on disk: one folder that is readable at every moment, even when the process that writes it is killed.

run.json        model and parameters, mesh, space, tolerances, versions, wall time, outcome (null while running)
series.csv      one row an accepted step, grows
steps-0001.npz  times, meshes and rows of the steps since the file before; states-0001.npz their states, dense output
final.npz       the latest checkpoint: everything needed to go on, and how much of the other files belongs to it
fields.pvd      snapshots in fields/ for ParaView, with spacetime.vtr and view.py; over (v, w) also lines.pvd, lines/

felif-manifest.txt lists them with their checksums: nothing else in the folder is ever replaced or deleted.

A checkpoint is durable: once it is written, no loss of power takes it away, or anything that belongs to it. The steps
hold the rows of series.csv too, which is made again from them where it is damaged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .drawn import run_times
from .durable import Growing, Sum
from .manifest import FIELDS, Room, find_room
from .provenance import provenance
from .reading import MARKS, OWN, RunFolder, chunk_name, read_folder, states_name
from .series_files import csv_line, npz_of, series_text
from .tuning import FILES
from .vtk import FieldSeries

__all__ = ["RunFolder", "RunWriter", "read_folder"]

_FILES = (
    "run.json",
    "series.csv",
    "final.npz",
    "steps-[0-9][0-9][0-9][0-9]*.npz",
    "states-[0-9][0-9][0-9][0-9]*.npz",
    *FIELDS,
)


class RunWriter:
    """Writes a run folder while the run grows. Use it in a `with` block, which closes series.csv whatever happens.

    `snapshots`: times at which fields are due. `overwrite=True` replaces a run that is in the folder already.
    Raises ValueError if the folder holds a run and `overwrite` is False, or holds anything else.

    To go on to the same bytes after a kill, `chunk` and `checkpoint` must be called at the same steps.
    """

    def __init__(
        self,
        folder: str | Path,
        description: Mapping[str, Any],
        snapshots: Sequence[float] | np.ndarray = (),
        overwrite: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.room = _make_room(self.folder, overwrite)
        self.description = {"outcome": None, **description, **provenance()}
        self.schedule = np.unique(np.asarray(snapshots, float))
        self.fields = FieldSeries(self.folder, self.room)
        self.rows = self.chunks = 0
        self._names: tuple[str, ...] | None = None
        self.room.json("run.json", self.description, durable=False)
        series = self.room.grow("series.csv")
        self._begin(series)
        self._unsynced = ["run.json"]  # what must be forced onto the disk before it counts
        self._survives = False  # whether a checkpoint was

    def _begin(self, series: Growing) -> None:
        self._series: Growing | None = series
        self.room.note("series.csv", series.sum)
        self._lines: list[str] = []
        self._recent: list[list[float]] = []  # rows since the last chunk
        self._pending: dict[str, Any] = {}  # a chunk that waits for its checkpoint
        self._flushed = time.monotonic()

    @classmethod
    def reopen(
        cls,
        folder: str | Path,
        snapshots: Sequence[float] | np.ndarray = (),
        changes: Mapping[str, Any] | None = None,
    ) -> RunWriter:
        """Go on with a run from its checkpoint: whatever was written after it is removed.

        The times at which fields are due are those given at the start, and any given here; `changes`: of run.json.

        Raises ValueError if there is no run, no checkpoint, a file of the checkpoint is missing, or another process
        is still writing. Read the folder with `read_folder` afterwards.
        """
        self = cls.__new__(cls)
        self.folder = Path(folder)
        if not read_folder(folder).marks:
            raise ValueError(f"{folder}: final.npz is missing: no checkpoint was reached. Start the run again.")
        self.room = Room(self.folder, "run")
        series = self.room.grow("series.csv")
        stored = read_folder(folder)  # nobody else writes there any more
        self.description, marks = stored.description, stored.marks
        self.rows, self.chunks = int(marks["rows"]), int(marks["chunks"])
        self.schedule = np.union1d(marks["schedule"], np.asarray(snapshots, float))
        _as_it_was(series, Sum(int(marks["bytes"]), str(marks["sha256"])), stored)
        self._begin(series)
        kept = {name(number) for number in range(1, self.chunks + 1) for name in (chunk_name, states_name)}
        later = [name for name in self.room.names if name.startswith(("steps-", "states-")) and name not in kept]
        self.room.listing.settle([self.folder, self.folder / "fields", self.folder / "lines"])
        self.room.clear([*later, "spacetime.vtr"])
        self.fields = FieldSeries.reopen(self.folder, marks["snapshots"].tolist(), self.room, str(marks["axis"]))
        with open(self.folder / "series.csv", encoding="utf-8") as file:
            header = file.readline().removesuffix("\n")
        self._names = tuple(header.split(",")) if header else None
        self.description |= {"outcome": None, **(changes or {})}
        self.room.json("run.json", self.description)
        self._unsynced, self._survives = [], True
        return self

    def step(self, row: Mapping[str, float]) -> None:
        """Append a row to series.csv; the first one gives the header. On file within half a second.

        Raises ValueError when the names differ from those of the first row.
        """
        names = tuple(row)
        if self._names is None:
            self._names = names
            self._lines.append(",".join(names) + "\n")
        elif names != self._names:
            raise ValueError(f"{self.folder}: series.csv has the columns {self._names}, a step brings {names}.")
        self._lines.append(csv_line(row.values()))
        self._recent.append([float(value) for value in row.values()])
        self.rows += 1
        if time.monotonic() - self._flushed > FILES.flush_every:
            self.flush()

    def flush(self) -> None:
        """Put every row on file now. Where the disk is full (OSError) the file is as before, and the rows wait."""
        self._flushed = time.monotonic()
        if self._lines:
            if self._series is None:
                raise ValueError(f"{self.folder}: this run was closed; use RunWriter.reopen to go on.")
            self._series.write("".join(self._lines).encode())
            self._lines = []
            self.room.note("series.csv", self._series.sum)

    def chunk(self, arrays: Mapping[str, Any], states: Mapping[str, Any] | None = None) -> int:
        """The next steps-0001.npz, steps-0002.npz, ...: on file with the checkpoint, or chunk, that must follow.

        arrays: whatever the caller needs to load these steps again, and the rows since the last chunk. states: what is
        big of it, in a states-0001.npz of its own, which is not read before it is asked for. Returns the number.
        """
        if self._pending:
            self.room.files(self._pending, durable=False)
            self._unsynced += self._pending
            self.chunks += 1
        name, columns = chunk_name(self.chunks + 1), self._names or ()
        rows = np.array(self._recent).reshape(len(self._recent), len(columns))
        own = {MARKS + "rows": rows, MARKS + "columns": np.array(columns, str)}
        self._pending = {name: npz_of(name, {**_named(arrays, "chunk"), **own})}
        if states is not None:
            name = states_name(self.chunks + 1)
            self._pending[name] = npz_of(name, states)
        self._recent = []
        return self.chunks + 1

    def checkpoint(self, arrays: Mapping[str, Any], durable: bool = True, last: bool = False) -> None:
        """Replace final.npz. Rows, chunks and snapshots written so far belong to it; `reopen` drops later ones.

        `last`: `finish` follows. Where it follows at once, and nothing is there that a loss of power may not take away,
        the checkpoint is made durable there, with run.json.
        """
        durable = durable and not (last and not self._survives and not self.schedule.size)
        arrays = _named(arrays, "checkpoint")
        self.flush()
        marks = {
            "rows": self.rows,
            "bytes": self._series.sum.size,
            "sha256": self._series.sum.sha256,
            "chunks": self.chunks + bool(self._pending),
            "snapshots": np.array([t for t, _ in self.fields.entries]),
            "axis": self.fields.axis or "",
            "schedule": self.schedule,
        }
        final = {**arrays, **{MARKS + name: marks[name] for name in OWN}}
        if durable:
            self.room.sync(name for name in self._unsynced if name != "final.npz")
        self.room.files({**self._pending, "final.npz": npz_of("final.npz", final)}, durable)
        self._survives = self._survives or durable
        self._unsynced = [] if durable else list(dict.fromkeys([*self._unsynced, *self._pending, "final.npz"]))
        self.chunks = int(marks["chunks"])
        self._pending = {}

    def due(self, t: float) -> list[float]:
        """Scheduled snapshot times up to t that are not written yet: evaluate the run there and call `snapshot`."""
        first, end = np.searchsorted(self.schedule, [self.fields.latest, t], side="right")
        return self.schedule[first:end].tolist()

    def snapshot(self, state: Any, t: float | None = None) -> None:
        """Add the fields of a state to the series for ParaView; a time that is there already is not written again."""
        self.fields.add(state, t)

    def mend(self, at: Callable[[float], Any]) -> None:
        """Write snapshots again that are missing or damaged; `at(t)`: the state."""
        for t in list(self.fields.lost):
            self.fields.mend(at(t), t)

    def finish(self, description: Mapping[str, Any], run: Any = None) -> None:
        """Bring run.json up to date (outcome, wall time, ...), write spacetime.vtr, close the folder.

        `run`: if it ended before its last scheduled snapshot (a blow-up, an event), or wrote none of them, it is
        looked at again so that the snapshots show what there is.
        """
        self.flush()
        if run is not None and self.schedule.size and (not self.fields.entries or run.times[-1] < self.schedule[-1]):
            for t in run_times(run, self.schedule.size):
                self.snapshot(run.at(float(t)), float(t))
        self.fields.write_spacetime()
        self.description = {**self.description, **description}
        self.room.sync(name for name in self._unsynced if name != "run.json")
        self._unsynced = []
        self.room.json("run.json", self.description)
        self.close()

    def close(self) -> None:
        """Write the rows that are waiting and let go of the folder; run.json still says that the run goes on."""
        if self._series is not None:
            try:
                self.flush()
            finally:
                self._series.close()
                self._series = None

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _named(arrays: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    taken = [name for name in arrays if name.startswith(MARKS)]
    if taken:
        raise ValueError(f"{what}: the name {taken[0]!r} is the folder's own; no name may begin with {MARKS!r}.")
    return arrays


def _as_it_was(series: Growing, wanted: Sum, stored: RunFolder) -> None:
    """series.csv as it was at a checkpoint, from the steps where it is damaged."""
    series.seek(wanted.size)
    if series.sum != wanted:
        text = series_text(stored.chunks.series()).encode()
        if Sum.of_bytes(text) != wanted:
            raise ValueError(f"{stored.path}: series.csv is damaged, and the steps hold other rows.")
        series.seek(0)
        series.truncate()
        series.write(text)
    series.truncate()


def _make_room(folder: Path, overwrite: bool) -> Room:
    """An empty place for a run; only files that felif wrote as those of a run are ever deleted."""
    room = find_room(folder, "run", overwrite, _FILES)
    if "series.csv" in room.names:
        room.grow("series.csv").close()  # refuses where another process writes
    room.clear()
    return room
