"""Which files of a folder felif wrote: only those are ever replaced or deleted, whatever is asked.

`Room`: the files of one kind in one folder, by the list of that folder (`listing`: felif-manifest.txt). A file that is
there and not in the list is somebody else's. Every folder of felif is written by `Room.json`, `text`, `npz`, `series`,
`file` (whole files: complete or not there, with a checksum, durable where `durable`) and read by `whole`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .durable import Growing, Sum, streamed, sync, temporary_name
from .listing import MANIFEST, Entry, Listing
from .series_files import npz_of, series_text, strict_json

KINDS = {  # in words
    "run": "run in time",
    "particles": "simulation of particles",
    "fit": "fit",
    "comparison": "comparison",
    "study": "run of a study",
    "sweep": "sweep",
    "branch": "branch",
    "orbit": "periodic orbit",
    "vtk": "series for ParaView",
}
BESIDE_OTHERS = ("branch", "vtk")  # may share a folder with whatever has other names
_DESCRIPTIONS = ("run.json", "results.json", "sweep.json", "branch.json", "orbit.json")
FIELDS = ("fields.pvd", "fields/[0-9][0-9][0-9][0-9]*.vtu", "spacetime.vtr", "view.py")


class Room:
    """The files of one kind in one folder. `at(name)` before a file is written; `clear()` deletes them."""

    def __init__(self, folder: str | Path, kind: str) -> None:
        self.folder, self.kind = Path(folder), kind
        self.listing = Listing(self.folder, KINDS)

    @property
    def names(self) -> list[str]:
        """What is there of this kind, in order."""
        return sorted(name for name, entry in self._entries.items() if entry.kind == self.kind and self._there(name))

    @property
    def listed(self) -> list[str]:
        """Every file of this kind that was begun, whether it is there or not."""
        return [name for name, entry in self._entries.items() if entry.kind == self.kind]

    @property
    def _entries(self) -> dict[str, Entry]:
        return self.listing.entries

    def owns(self, name: str) -> bool:
        return name in self._entries and self._entries[name].kind == self.kind

    def others(self) -> set[str]:
        """Other kinds that have files in the folder."""
        return {e.kind for name, e in self._entries.items() if e.kind != self.kind and self._there(name)}

    # writing --------------------------------------------------------------------------------------------------------

    def at(self, name: str) -> Path:
        """Where to make the folder `name`, which ends in /: on the list from now on.

        Raises ValueError if it is there and not one of this kind.
        """
        path = self._place(name)
        if not self.owns(name):
            self.listing.append({name: Entry(self.kind)})
        return path

    def _place(self, name: str) -> Path:
        """The path of `name`, whose folder is made; ValueError if something is there that is not of this kind."""
        path = self.folder / name
        if (link := _link(self.folder, name)) is not None:
            raise ValueError(f"{link} is a link to somewhere else, where nothing is written; move it.")
        if not self.owns(name):
            self.require_free(name)
        elif path.is_dir() and not name.endswith("/"):
            raise ValueError(f"{path} is a folder, and felif writes a file there; move it or give another folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def files(self, files: Mapping[str, Callable[[Path], Any]], durable: bool = True) -> None:
        """Write files, all of them or none, each in place of the one before: `files[name](path)` writes to a path.

        What is written survives a loss of power unless `durable` is False, as for pictures, which can be made again.
        OSError in a sentence where it cannot be written: the folder is then as it was.
        """
        for name in files:
            self._place(name)
        self.listing.replace(self.kind, files, durable)

    def file(self, name: str, write: Callable[[Path], Any], durable: bool = True) -> Path:
        """One file, by a function that writes to a path; that has a temporary name with the same ending."""
        self.files({name: write}, durable)
        return self.folder / name

    def text(self, name: str, text: str, durable: bool = True) -> Path:
        return self.file(name, streamed(lambda file: file.write(text.encode())), durable)

    def json(self, name: str, value: Mapping[str, Any], durable: bool = True) -> Path:
        """Strict JSON (`files.strict_json`): what is infinite or undefined is null."""
        content = json.dumps(strict_json(value), indent=2, allow_nan=False, ensure_ascii=False)
        return self.text(name, content + "\n", durable)

    def npz(self, name: str, arrays: Mapping[str, Any], durable: bool = True) -> Path:
        """Arrays as `numpy.savez` writes them: the same arrays give the same bytes. ValueError for objects."""
        return self.file(name, npz_of(name, arrays), durable)

    def series(self, name: str, series: Mapping[str, Any], durable: bool = True) -> Path:
        """Columns of numbers, byte for byte as a run writes them step by step."""
        return self.text(name, series_text(series), durable)

    def sync(self, names: Iterable[str]) -> None:
        """Wait until files that were written without `durable` are on the disk."""
        for name in names:
            sync(self.folder / name)

    def grow(self, name: str) -> Growing:
        """A file that is appended to; `note` puts what is in it on the list."""
        return Growing(self._place(name))

    def note(self, name: str, found: Sum) -> None:
        """On the list: the file `name`, which grows, holds so much now."""
        self.listing.append({name: Entry(self.kind, found)})

    # reading --------------------------------------------------------------------------------------------------------

    def whole(self, name: str, grows: bool = False) -> Path:
        """Path of a file to read, which is what felif wrote there; else a ValueError that names it."""
        return self.listing.whole(name, grows)

    def require_free(self, name: str) -> None:
        """ValueError if there is something of that name which is not of this kind."""
        if not os.path.lexists(self.folder / name):
            return
        self.listing.read()  # another process may write in the same folder
        if not self.owns(name):
            owner = self._entries.get(name)
            whose = "was not written by felif" if owner is None else f"belongs to the {KINDS[owner.kind]} there"
            raise ValueError(
                f"{self.folder / name} {whose}: it is neither replaced nor deleted. "
                "Move it, or give another name for the folder."
            )

    def clear(self, names: Iterable[str] | None = None) -> None:
        """Delete what is of this kind (of it, `names`), and take it off the list. Folders within lose what is felif's.

        What describes the folder goes first: after a kill in the middle it is no result any more, and replaceable.
        """
        chosen = self.names if names is None else [name for name in names if self.owns(name)]
        for name in sorted(chosen, key=lambda name: name not in _DESCRIPTIONS):
            if name.endswith("/"):
                _clear_folder(self.folder / name)
                continue
            temporary_name(self.folder / name).unlink(missing_ok=True)
            if self._there(name):
                (self.folder / name).unlink()
        kept = {name for name in self.names if name.endswith("/")}  # where somebody else has put something
        gone = set(chosen if names is not None else self.listed) - kept
        mine = self.kind
        self.listing.rewrite(lambda there: {n: e for n, e in there.items() if e.kind != mine or n not in gone})
        for parent in {(self.folder / name).parent for name in chosen} - {self.folder}:
            _remove_if_empty(parent)

    def _there(self, name: str) -> bool:
        path = self.folder / name
        if _link(self.folder, name) is not None:
            return False
        return path.is_dir() if name.endswith("/") else path.is_file() or path.is_symlink()


def _link(folder: Path, name: str) -> Path | None:
    """The first folder on the way to `name` (it included, if it is one) that is a link: what is there is not ours."""
    parts = Path(name).parts[: None if name.endswith("/") else -1]
    ways = (folder.joinpath(*parts[: k + 1]) for k in range(len(parts)))
    return next((way for way in ways if way.is_symlink()), None)


def find_room(folder: str | Path, kind: str, overwrite: bool, patterns: Sequence[str]) -> Room:
    """Room for a result of a `kind` whose files have names of `patterns`; nothing is deleted yet (`Room.clear`).

    Raises ValueError, before anything is touched, for a folder that holds other things, for a file with a name that is
    needed and that felif did not write, and for a result of this kind unless `overwrite`.
    """
    path, what = Path(folder), KINDS[kind]
    if os.path.lexists(path) and not path.is_dir():
        there = "a link to nothing" if path.is_symlink() and not path.exists() else "a file"
        raise ValueError(f"{folder} is {there}; give the name of a folder for the {what}.")
    path.mkdir(parents=True, exist_ok=True)
    room = Room(path, kind)
    cleared = (path / MANIFEST).is_file() and not room.others()  # only files of others are left
    if not room.names and not cleared and kind not in BESIDE_OTHERS:
        there = [entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.name != MANIFEST]
        if there and not room.others() and any(name in there for name in _DESCRIPTIONS):
            raise ValueError(
                f"{folder} is not empty and not a {kind} folder that may be replaced: it holds no {what} with a list "
                f"of what felif wrote ({MANIFEST}), as older versions kept none. Nothing there is replaced or deleted: "
                "remove it yourself, or give another name."
            )
        if there:
            others = " and a ".join(KINDS[other] for other in sorted(room.others()))
            held = f", but a {others}" if others else ""
            raise ValueError(
                f"{folder} is not empty and not a {kind} folder: it holds no {what}{held}; give another name."
            )
    for name in room.listed:
        if (link := _link(path, name)) is not None:
            raise ValueError(f"{link} is a link to somewhere else, where nothing is replaced; move it.")
    for found in (found for pattern in patterns for found in sorted(path.glob(pattern))):
        room.require_free(found.relative_to(path).as_posix())
    if room.names and not overwrite:
        raise ValueError(f"{folder} already holds a {what}; give another name, or overwrite=True to replace it.")
    return room


def make_room(folder: str | Path, kind: str, overwrite: bool, patterns: Sequence[str]) -> Room:
    """`find_room`, and what is there of this kind is deleted."""
    room = find_room(folder, kind, overwrite, patterns)
    room.clear()
    return room


def _clear_folder(folder: Path) -> None:
    """Delete what a manifest lists of a folder, but for what may have been put beside it later."""
    for kind in sorted({entry.kind for entry in Listing(folder, KINDS).entries.values()} - set(BESIDE_OTHERS)):
        Room(folder, kind).clear()
    if [path.name for path in folder.iterdir()] == [MANIFEST]:
        (folder / MANIFEST).unlink()
    _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
