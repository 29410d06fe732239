"""Which files of a folder felif wrote: only those are ever replaced or deleted, whatever is asked.

felif-manifest.txt   one line a file, `kind<TAB>name`, appended before the file is written; a name that ends in / is a
                     folder with a manifest of its own. A file that is there and not in the list is somebody else's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

MANIFEST = "felif-manifest.txt"
_HEAD = "# What felif wrote in this folder: kind, file. It replaces and deletes nothing else here.\n"
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
        self._kinds = _read(self.folder)

    @property
    def names(self) -> list[str]:
        """What is there of this kind, in order."""
        return sorted(name for name, kind in self._kinds.items() if kind == self.kind and self._there(name))

    @property
    def listed(self) -> list[str]:
        """Every file of this kind that was begun, whether it is there or not."""
        return [name for name, kind in self._kinds.items() if kind == self.kind]

    def owns(self, name: str) -> bool:
        return self._kinds.get(name) == self.kind

    def others(self) -> set[str]:
        """Other kinds that have files in the folder."""
        return {kind for name, kind in self._kinds.items() if kind != self.kind and self._there(name)}

    def at(self, name: str) -> Path:
        """Where to write the file `name`, which is on the list from now on; its folder is made.

        Raises ValueError if it is there and not one of this kind.
        """
        path = self.folder / name
        if (link := _link(self.folder, name)) is not None:
            raise ValueError(f"{link} is a link to somewhere else, where nothing is written; move it.")
        if not self.owns(name):
            self.require_free(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.folder / MANIFEST, f"{self.kind}\t{name}\n")
            self._kinds[name] = self.kind
        elif path.is_dir() and not name.endswith("/"):
            raise ValueError(f"{path} is a folder, and felif writes a file there; move it or give another folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def require_free(self, name: str) -> None:
        """ValueError if there is something of that name which is not of this kind."""
        if not os.path.lexists(self.folder / name):
            return
        self._kinds = _read(self.folder)  # another process may write in the same folder
        if not self.owns(name):
            owner = self._kinds.get(name)
            whose = "was not written by felif" if owner is None else f"belongs to the {KINDS[owner]} there"
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
            elif self._there(name):
                (self.folder / name).unlink()
        kept = {name for name in self.names if name.endswith("/")}  # where somebody else has put something
        gone = set(chosen if names is not None else self.listed) - kept
        self._kinds = {name: kind for name, kind in self._kinds.items() if kind != self.kind or name not in gone}
        _write(self.folder, self._kinds)
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
    for kind in sorted(set(_read(folder).values()) - set(BESIDE_OTHERS)):
        Room(folder, kind).clear()
    if [path.name for path in folder.iterdir()] == [MANIFEST]:
        (folder / MANIFEST).unlink()
    _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def _read(folder: Path) -> dict[str, str]:
    """{name: kind}. A last line without its end, cut off by a kill, names a file that was never written."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    text = path.read_bytes().decode("utf-8", errors="replace")
    if not (text.startswith(_HEAD) or _HEAD.startswith(text)):
        raise ValueError(f"{path} was not written by felif, or is damaged: {text[:80]!r}.")
    lines = text.split("\n")[:-1]
    entries = [line.split("\t") for line in lines if line and not line.startswith("#")]
    for entry in entries:
        name = entry[-1]
        if len(entry) != 2 or entry[0] not in KINDS or name.startswith("/") or ".." in Path(name).parts:
            raise ValueError(f"{path} was not written by felif, or is damaged: {' '.join(entry)[:80]!r}.")
    return {name: kind for kind, name in entries}


def _write(folder: Path, kinds: dict[str, str]) -> None:
    from .files import write_text

    if kinds or (folder / MANIFEST).exists():
        write_text(folder / MANIFEST, _HEAD + "".join(f"{kind}\t{name}\n" for name, kind in kinds.items()))


def _append(path: Path, line: str) -> None:
    """One line at the end, also while other processes add theirs."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        _hold(handle)
        text = line if os.fstat(handle).st_size else _HEAD + line
        if os.write(handle, text.encode()) != len(text.encode()):
            raise OSError(f"{path} could not be written to its end: is the disk full?")
    finally:
        os.close(handle)


def _hold(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # not a POSIX system: appending is then as safe as the system makes it
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        return
