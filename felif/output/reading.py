"""Reading a run folder: finished, still running, or left behind by a process that was killed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, checked
from .files import read_npz, read_series
from .manifest import Room
from .vtk import read_pvd

READERS = {  # what folders are, by the kind in their run.json
    None: "a run in time: read it with load_run",
    "particles": "a simulation of particles: read it with load_particles",
    "fit": "a fit: read it with load_fit",
    "comparison": "the tables of a comparison",
}
ANY = "any"
MARKS = "folder_"  # prefix of what the writer itself keeps in final.npz


@dataclass(frozen=True)
class RunFolder:
    """What a run folder holds: `read_folder`."""

    path: Path
    description: dict[str, Any]  # run.json
    series: dict[str, np.ndarray]  # series.csv
    chunks: list[dict[str, np.ndarray]]  # steps-0001.npz, ...
    checkpoint: dict[str, np.ndarray] | None  # final.npz; None before the first checkpoint
    snapshots: list[tuple[float, Path]]  # (t, file)


@checked(folder=FOLDER)
def read_folder(folder: str | Path) -> RunFolder:
    """Everything in a run folder, finished, running or killed. Numbers come back to the same bits.

    Rows of a killed run may go beyond its last chunk, and both beyond the checkpoint. Raises ValueError that names the
    folder and what is missing or damaged.
    """
    path = Path(folder)
    description = read_description(path, None)
    final = path / "final.npz"
    checkpoint = read_npz(final) if final.exists() else None
    if checkpoint is not None:
        checkpoint = {name: value for name, value in checkpoint.items() if not name.startswith(MARKS)}
    series = path / "series.csv"
    if not series.exists() and (checkpoint is not None or description.get("outcome") is not None):
        raise ValueError(f"{folder}: series.csv is missing.")
    if checkpoint is None and description.get("outcome") is not None:
        raise ValueError(f"{folder}: final.npz is missing.")
    listed = Room(path, "run").names  # none in a folder of an older version
    names = [file.name for file in path.glob("steps-*.npz") if not listed or file.name in listed]
    numbers = sorted(int(name[6:-4]) for name in names if name[6:-4].isdecimal())
    missing = sorted(set(range(1, numbers[-1] + 1)) - set(numbers)) if numbers else []
    if missing:
        raise ValueError(f"{folder}: {chunk_name(missing[0])} is missing.")
    return RunFolder(
        path=path,
        description=description,
        series=read_series(series) if series.exists() else {},  # killed before the first row
        chunks=[read_npz(path / chunk_name(number)) for number in numbers],
        checkpoint=checkpoint,
        snapshots=[(t, path / name) for t, name in read_pvd(path)],
    )


def chunk_name(number: int) -> str:
    return f"steps-{number:04d}.npz"


def read_description(folder: Path, wanted: str | None = ANY) -> dict[str, Any]:
    """run.json of a folder. Raises ValueError where there is none, or it is of another kind than `wanted`."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder.")
    try:
        description = json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        raise ValueError(f"{folder} is not a run folder: run.json is missing.") from None
    except ValueError as error:
        raise ValueError(f"{folder}: run.json cannot be read ({error}).") from None
    if not isinstance(description, dict):
        raise ValueError(f"{folder}: run.json does not describe a run.")
    if wanted != ANY and (kind := description.get("kind")) != wanted:
        missing = READERS[wanted].partition(":")[0].removeprefix("a ")
        raise ValueError(f"{folder} holds no {missing}, but {READERS.get(kind, kind)}.")
    return description
