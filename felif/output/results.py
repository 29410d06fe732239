"""Folders of results that are not runs in time: a simulation of particles, a fit, a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .reading import read_description


def make_room(folder: Path, kind: str, what: str, overwrite: bool, patterns: Sequence[str]) -> None:
    """An empty place for results of a `kind` (in words: `what`); only files of `patterns` are ever deleted.

    Raises ValueError if the folder holds anything else, or such results and `overwrite` is False.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give the name of a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        return
    if not (folder / "run.json").exists() or read_description(folder).get("kind") != kind:
        raise ValueError(f"{folder} is not empty and holds no {what}; give another name.")
    if not overwrite:
        raise ValueError(f"{folder} already holds a {what}; give another name, or overwrite=True to replace it.")
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()
