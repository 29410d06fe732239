"""A run on disk: one folder that is readable at every moment, even when the process that writes it is killed.

run.json        model and parameters, mesh, space, tolerances, versions, wall time, outcome (null while running)
series.csv      one row an accepted step, grows
steps-0001.npz  states and dense output of the steps since the file before
final.npz       the latest checkpoint: everything needed to go on, and how much of the other files belongs to it
fields.pvd      snapshots in fields/ for ParaView, with spacetime.vtr and view.py; over (v, w) also lines.pvd, lines/

felif-manifest.txt lists them: nothing else in the folder is ever replaced or deleted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .files import csv_line, read_npz, read_series, temporary_name, write_json, write_npz
from .manifest import FIELDS, MANIFEST, Room, find_room
from .provenance import provenance
from .reading import MARKS, RunFolder, chunk_name, read_description, read_folder
from .sampling import run_times
from .vtk import FieldSeries

__all__ = ["RunFolder", "RunWriter", "read_folder"]

FLUSH_EVERY = 0.5  # seconds
_FILES = ("run.json", "series.csv", "final.npz", "steps-[0-9][0-9][0-9][0-9]*.npz", *FIELDS)


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
        write_json(self.room.at("run.json"), self.description)
        self._open()

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
        self.description = read_description(self.folder)
        self.room = Room(self.folder, "run")
        path = self.folder / "final.npz"
        if not path.exists():
            raise ValueError(f"{folder}: final.npz is missing: no checkpoint was reached. Start the run again.")
        arrays = read_npz(path)
        try:
            marks = {name: arrays[MARKS + name] for name in ("rows", "bytes", "chunks", "snapshots", "schedule")}
        except KeyError as error:
            raise ValueError(f"{folder}: final.npz has no entry {error}; it was not written by felif.") from None
        self.rows, self.chunks = int(marks["rows"]), int(marks["chunks"])
        self.schedule = np.union1d(marks["schedule"], np.asarray(snapshots, float))
        for number in range(1, self.chunks + 1):
            if not (self.folder / chunk_name(number)).exists():
                raise ValueError(f"{folder}: {chunk_name(number)} is missing, which belongs to the checkpoint.")
        if not self.room.names:
            raise ValueError(
                f"{folder} was written by an older version, without a list of its files ({MANIFEST}), and is not "
                "changed. load_run reads it, and `save` puts what it reads into another folder."
            )
        self._open(truncate=int(marks["bytes"]))
        kept = {chunk_name(number) for number in range(1, self.chunks + 1)}
        later = [name for name in self.room.names if name.startswith("steps-") and name not in kept]
        for name in self.room.listed:  # what was under way when the process was killed
            temporary_name(self.folder / name).unlink(missing_ok=True)
        temporary_name(self.folder / MANIFEST).unlink(missing_ok=True)
        self.room.clear([*later, "spacetime.vtr"])
        self.fields = FieldSeries.reopen(self.folder, int(marks["snapshots"]), self.room)
        names = tuple(read_series(self.folder / "series.csv"))
        self._names = names or None
        self.description |= {"outcome": None, **(changes or {})}
        write_json(self.room.at("run.json"), self.description)
        return self

    def _open(self, truncate: int | None = None) -> None:
        path = self.folder / "series.csv"
        if truncate is not None and (not path.exists() or path.stat().st_size < truncate):
            raise ValueError(f"{self.folder}: series.csv is missing or shorter than at the checkpoint.")
        self.room.at(path.name)
        self._file: BinaryIO | None = open(path, "ab", buffering=0)  # unbuffered: what is written is on file
        _lock(self._file, self.folder)
        if truncate is not None:
            self._file.truncate(truncate)
        self._lines: list[str] = []
        self._flushed = time.monotonic()

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
        self.rows += 1
        if time.monotonic() - self._flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Put every row on file now."""
        self._flushed = time.monotonic()
        if self._lines:
            if self._file is None:
                raise ValueError(f"{self.folder}: this run was closed; use RunWriter.reopen to go on.")
            self._file.write("".join(self._lines).encode())
            self._lines = []

    def chunk(self, arrays: Mapping[str, Any]) -> None:
        """Write the next steps-0001.npz, steps-0002.npz, ...: whatever the caller needs to load these steps again."""
        self.chunks += 1
        write_npz(self.room.at(chunk_name(self.chunks)), arrays)

    def checkpoint(self, arrays: Mapping[str, Any]) -> None:
        """Replace final.npz. Rows, chunks and snapshots written so far belong to it; `reopen` drops later ones."""
        taken = [name for name in arrays if name.startswith(MARKS)]
        if taken:
            raise ValueError(
                f"checkpoint: the name {taken[0]!r} is the folder's own; no name may begin with {MARKS!r}."
            )
        self.flush()
        marks = {
            "rows": self.rows,
            "bytes": (self.folder / "series.csv").stat().st_size,
            "chunks": self.chunks,
            "snapshots": len(self.fields.entries),
            "schedule": self.schedule,
        }
        write_npz(self.room.at("final.npz"), {**arrays, **{MARKS + name: value for name, value in marks.items()}})

    def due(self, t: float) -> list[float]:
        """Scheduled snapshot times up to t that are not written yet: evaluate the run there and call `snapshot`."""
        first, end = np.searchsorted(self.schedule, [self.fields.latest, t], side="right")
        return self.schedule[first:end].tolist()

    def snapshot(self, state: Any, t: float | None = None) -> None:
        """Add the fields of a state to the series for ParaView; a time that is there already is not written again."""
        self.fields.add(state, t)

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
        write_json(self.room.at("run.json"), self.description)
        self.close()

    def close(self) -> None:
        """Write the rows that are waiting and let go of the folder; run.json still says that the run goes on."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_room(folder: Path, overwrite: bool) -> Room:
    """An empty place for a run; only files that felif wrote as those of a run are ever deleted."""
    room = find_room(folder, "run", overwrite, _FILES)
    if "series.csv" in room.names:
        with open(folder / "series.csv", "ab") as file:
            _lock(file, folder)
    room.clear()
    return room


def _lock(file: BinaryIO, folder: Path) -> None:
    """Keep other processes from writing the same run; a killed process lets go by itself."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system: there, two writers are the user's own care
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ValueError(f"{folder}: another process is writing this run; wait for it or stop it.") from None
