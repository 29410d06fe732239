"""Reading a run folder: finished, still running, or left behind by a process that was killed.

What is read is what felif wrote: every file is compared with its checksum (`listing`) when it is read, and those that
are read when they are asked for, the steps, are there and as long as they should be.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, checked
from ..given.memory import remembered
from ..given.warning import warn
from .listing import Listing
from .manifest import KINDS
from .series_files import read_npz, read_series
from .vtk import read_pvd

READERS = {  # what folders are, by the kind in their run.json
    None: "a run in time: read it with load_run",
    "particles": "a simulation of particles: read it with load_particles",
    "fit": "a fit: read it with load_fit",
    "comparison": "the tables of a comparison",
}
ANY = "any"
MARKS = "folder_"  # prefix of what the writer itself keeps in final.npz and the steps
OWN = ("rows", "bytes", "sha256", "chunks", "snapshots", "axis", "schedule")


class Steps(Sequence):
    """steps-0001.npz and states-0001.npz, ... of a run: each is read, and verified, when it is asked for.

    The two of one number are one mapping. `small(k)` has what is in steps-....npz, `states(k)` the rest, which is big:
    of those the last few that were asked for are kept.
    """

    def __init__(self, listing: Listing, count: int) -> None:
        self._listing, self._count = listing, count
        self._sums = {name: listing.complete(name) for k in range(1, count + 1) for name in self._names(k)}
        self._kept: dict[str, dict[str, np.ndarray]] = {}

    def _names(self, number: int) -> list[str]:
        names = [chunk_name(number), states_name(number)]
        return names if self._listing.is_there(names[1]) else names[:1]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(self._count))]
        k = range(self._count)[index]
        small = {name: values for name, values in self.small(k).items() if not name.startswith(MARKS)}
        return small | (self.states(k) if states_name(k + 1) in self._sums else {})

    def small(self, index: int) -> dict[str, np.ndarray]:
        """What is in steps-....npz, with the rows of series.csv."""
        return self._read(chunk_name(index + 1))

    def states(self, index: int) -> dict[str, np.ndarray]:
        """What is in states-....npz."""
        name = states_name(index + 1)
        found = self._kept.get(name)
        return remembered(self._kept, name, self._read(name), 2) if found is None else found

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(found.size for found in self._sums.values())

    def _read(self, name: str) -> dict[str, np.ndarray]:
        path = self._listing.whole(name)
        if self._listing.entries[name].sum != self._sums.get(name):
            raise ValueError(f"{self._listing.folder}: {name} was replaced since the run was read.")
        return read_npz(path)

    def series(self) -> dict[str, np.ndarray]:
        """series.csv made again from the rows that the steps brought. ValueError where one of them is damaged."""
        parts = [self.small(k) for k in range(self._count)]
        names = next(([str(name) for name in p[MARKS + "columns"]] for p in parts if p[MARKS + "rows"].size), [])
        table = np.concatenate(
            [part[MARKS + "rows"].reshape(-1, len(names)) for part in parts if names] or [np.zeros((0, 0))]
        )
        return dict(zip(names, table.T.copy(), strict=True))


class RunFolder:
    """What a run folder holds: `read_folder`.

    Attributes
    ----------
    path : path
        The folder.
    description : dict
        run.json.
    checkpoint : dict of arrays or None
        final.npz; None before the first.
    series : dict of arrays
        series.csv, read when asked for.
    chunks : sequence of mappings of names to arrays
        steps-0001.npz, ..., read when asked for.
    snapshots : list of (t, file)
        What ParaView opens.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.description = read_description(path, None)
        self.listing = Listing(path, KINDS)
        self.checkpoint: dict[str, np.ndarray] | None = None
        self.marks: dict[str, np.ndarray] = {}
        if self.listing.is_there("final.npz"):
            arrays = read_npz(self.listing.whole("final.npz"))
            self.checkpoint = {name: value for name, value in arrays.items() if not name.startswith(MARKS)}
            self.marks = {name: arrays[MARKS + name] for name in OWN if MARKS + name in arrays}
            if len(self.marks) != len(OWN):
                raise ValueError(f"{path}: final.npz was not written by this version of felif.")
        finished = self.description.get("outcome") is not None
        if self.checkpoint is None and finished:
            raise ValueError(f"{path}: final.npz is missing.")
        self.chunks = Steps(self.listing, int(self.marks.get("chunks", 0)))

    @cached_property
    def snapshots(self) -> list[tuple[float, Path]]:
        """(t, file) of every snapshot."""
        return [(t, self.path / name) for t, name in read_pvd(self.path)]

    @cached_property
    def series(self) -> dict[str, np.ndarray]:
        """The columns of series.csv. Where that is damaged they come from the steps, with a warning that says so.

        Rows of a killed run may go beyond its last steps, and both beyond the checkpoint.
        """
        entry = self.listing.entries.get("series.csv")
        if entry is None or entry.sum is None:
            return {}  # killed before it was begun
        try:
            return self._series()
        except ValueError as damage:
            if not self.marks:
                raise
            series = self.chunks.series()
            warn(f"{damage} Its rows are those that the steps hold.")
            return series

    def _series(self) -> dict[str, np.ndarray]:
        grows = self.description.get("outcome") is None
        path = self.listing.whole("series.csv", grows)
        return read_series(path, self.listing.entries["series.csv"].sum.size)


@checked(folder=FOLDER)
def read_folder(folder: str | Path) -> RunFolder:
    """Everything in a run folder, finished, running or killed. Numbers come back to the same bits.

    Series and steps are read when they are asked for.

    Parameters
    ----------
    folder : path
        Of a run.

    Returns
    -------
    RunFolder
        `.description` (run.json), `.series`, `.snapshots`, `.checkpoint`.

    Raises
    ------
    ValueError
        Naming the file which is missing, damaged or not what felif wrote: at once, but for damage within series and
        steps, which is found when they are read.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-3, folder="runs/c", snapshots=2)
    >>> bool((fl.read_folder("runs/c").series["N"] == run.series["N"]).all())
    True
    """
    return RunFolder(Path(folder))


def chunk_name(number: int) -> str:
    return f"steps-{number:04d}.npz"


def states_name(number: int) -> str:
    return f"states-{number:04d}.npz"


def read_description(folder: Path, wanted: str | None = ANY) -> dict[str, Any]:
    """run.json of a folder. Raises ValueError where there is none, or it is of another kind than `wanted`."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder.")
    if not (folder / "run.json").exists():
        raise ValueError(f"{folder} is not a run folder: run.json is missing.")
    description = read_json(folder, "run.json")
    if wanted != ANY and (kind := description.get("kind")) != wanted:
        missing = READERS[wanted].partition(":")[0].removeprefix("a ")
        raise ValueError(f"{folder} holds no {missing}, but {READERS.get(kind, kind)}.")
    return description


def read_json(folder: str | Path, name: str) -> dict[str, Any]:
    """A JSON file as felif wrote it, an object. ValueError that names it where it is missing, damaged or changed."""
    try:
        found = json.loads(Listing(folder, KINDS).whole(name).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder}: {name} cannot be read ({error}).") from None
    if not isinstance(found, dict):
        raise ValueError(f"{folder}: {name} holds no description.")
    return found


def states_of(chunks: Steps, index: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """States and dense output of the k-th mesh of a piece of a run."""
    arrays = chunks.states(index)
    return arrays[f"states_{k}"], arrays[f"dense_{k}"]
