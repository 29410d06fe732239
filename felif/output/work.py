"""Long computations on disk, piece by piece: killed anywhere, they go on to the same digits from the last piece there.

KIND.json          what was asked, versions, outcome (null while it goes on); run.json for simulations of particles
pieces-000001.npz  what was computed since the file before, in the order in which it was; durable when it is there

A computation hands over its pieces as arrays (`keep`) and, begun again, finds those that are there (`kept`): it
computes the others from them alone. Without a folder nothing is kept and nothing found.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..given.identity import differences, told
from .durable import lock
from .manifest import KINDS, Room, find_room
from .provenance import provenance
from .reading import read_json
from .series_files import read_npz
from .tuning import FILES

WAY_OUT = "Give another folder, or overwrite=True to replace it."
PIECES = "pieces-[0-9][0-9][0-9][0-9][0-9][0-9].npz"


class Work:
    """The pieces of one computation. Use it in a `with` block, which keeps what is waiting whatever happens."""

    def __init__(self, room: Room | None = None, description: Mapping[str, Any] | None = None) -> None:
        self.room, self.description = room, dict(description or {})
        self.finished = self.description.get("outcome") is not None
        self.show: Callable[[], None] | None = None  # called after pieces were kept, to write what people read
        self._pieces: list[tuple[str, dict[str, np.ndarray]]] = []
        self._waiting: list[tuple[str, dict[str, np.ndarray]]] = []
        self._files, self._due, self._held = 0, time.monotonic() + FILES.every, None
        if room is not None:
            self._held = _hold(room.folder)
            room.listing.settle([room.folder])
            self._read(room)

    def _read(self, room: Room) -> None:
        names = [name for name in room.names if name.startswith("pieces-")]
        while self._files < len(names) or room.listing.is_there(_file(self._files + 1)):
            self._files += 1
            name = _file(self._files)
            pieces: dict[tuple[int, str], dict[str, np.ndarray]] = {}
            for key, values in read_npz(room.whole(name)).items():
                number, part, array = key.split("/")
                pieces.setdefault((int(number), part), {})[array] = values
            self._pieces += [(part, pieces[number, part]) for number, part in sorted(pieces)]

    def kept(self, part: str) -> list[dict[str, np.ndarray]]:
        """The pieces of a part of the computation, in order."""
        given = [arrays for name, arrays in self._pieces if name == part]
        return given[self.description.get("given_up", {}).get(part, 0) :]

    def go_further(self, description: Mapping[str, Any], given_up: Sequence[str]) -> None:
        """The computation that is there is a part of the one that is asked for, but for what it said of these parts."""
        counts = Counter(name for name, _ in self._pieces if name in given_up)
        self.finished = False
        self.describe({**description, "outcome": None, "given_up": dict(counts)})

    def keep(self, part: str, arrays: Mapping[str, Any]) -> None:
        """Keep a piece: on disk within a second, or with the next one."""
        if self.room is None:
            return
        self._waiting.append((part, {name: np.array(value) for name, value in arrays.items()}))
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Put what is waiting on disk now."""
        if self.room is None or not self._waiting:
            return
        began = time.monotonic()
        arrays = {
            f"{number}/{part}/{name}": value
            for number, (part, piece) in enumerate(self._waiting)
            for name, value in piece.items()
        }
        self.room.npz(_file(self._files + 1), arrays)
        self._files, self._pieces, self._waiting = self._files + 1, self._pieces + self._waiting, []
        if self.show is not None:
            self.show()
        took = time.monotonic() - began
        self._due = began + took + max(FILES.every, took / FILES.share)

    def describe(self, description: Mapping[str, Any]) -> None:
        """Say more in KIND.json."""
        if self.room is not None:
            self.description |= description
            self.room.json(description_name(self.room.kind), self.description)

    def finish(self, description: Mapping[str, Any]) -> None:
        """Say how the computation ended."""
        self.flush()
        self.describe(description)

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            _let_go(self._held)
            self._held = None


@dataclass(frozen=True)
class Further:
    """What may be asked of a computation that is there, to have it go on: longer, further, more.

    names: of arguments that may differ; `refusal(what KIND.json says)`: why it is no part of what is asked for, or "";
    `description(what KIND.json says)`: what that says then. given_up: the parts that are computed anew.
    """

    names: Sequence[str]
    refusal: Callable[[Mapping[str, Any]], str]
    description: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    given_up: Sequence[str] = ()


def description_name(kind: str) -> str:
    return f"{kind}.json" if kind in ("branch", "orbit") else "run.json"


def open_work(
    who: str,
    kind: str,
    folder: str | Path | None,
    asked: Mapping[str, Any],
    files: Sequence[str],
    *,
    resume: bool = False,
    overwrite: bool = False,
    free: Sequence[str] = (),
    description: Mapping[str, Any] | None = None,
    further: Further | None = None,
) -> Work:
    """The work in a folder: new, or (`resume`) the one that is there, if it is the one that is `asked` for.

    further: which differences only make it go on.

    asked: name -> argument, compared by what they are (`identity.told`); `free`: names that may differ where None is
    asked. files: patterns of the names of the files of its result. description: what KIND.json says besides.

    Raises ValueError that names what differs, for a result that is there unless `resume` or `overwrite`, for a folder
    of something else, and while another process writes there.
    """
    if folder is None:
        return Work()
    path, name, asked = Path(folder), description_name(kind), _told(asked)
    room = find_room(path, kind, overwrite or resume, (name, PIECES, *files))
    if resume and name in room.names:
        stored = read_json(path, name)
        differing = differences(stored.get("asked") or {}, asked)
        differing = {what: pair for what, pair in differing.items() if not (what in free and pair[1] is None)}
        if stored.get("asked") is None and not overwrite:
            raise ValueError(
                f"{who}: {path} holds a {KINDS[kind]} that does not say what it was asked for: it cannot be compared "
                f"with what is asked now. {WAY_OUT}"
            )
        why = ""
        if differing and further is not None and {what.partition(".")[0] for what in differing} <= {*further.names}:
            why = further.refusal(stored)
            if not why:
                work = Work(room, stored)
                asked |= {what: stored["asked"][what] for what in free if asked[what] is None}
                work.go_further({"asked": asked, **further.description(stored)}, further.given_up)
                return work
        if differing and not overwrite:
            words = f"{in_words(differing)}{why and f' ({why})'}"
            raise ValueError(f"{who}: {path} holds another {KINDS[kind]}: {words}. {WAY_OUT}")
        if not differing:
            return Work(room, stored)
    _let_go(_hold(path))
    room.clear()
    stored = {**(description or {}), "asked": asked, "outcome": None, **provenance()}
    room.json(name, stored)
    return Work(room, stored)


def in_words(differing: Mapping[str, tuple[Any, Any]]) -> str:
    """What `identity.differences` found, as people read it."""
    return "; ".join(f"{name} = {said(new)} is asked, {said(old)} is there" for name, (old, new) in differing.items())


def said(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else text[:200] + " ..."


def _told(asked: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({name: told(value) for name, value in asked.items()}))


def _file(number: int) -> str:
    return f"pieces-{number:06d}.npz"


def _hold(folder: Path) -> int | None:
    """Keep other processes from writing there; a killed one lets go by itself. ValueError while one does."""
    if os.name != "posix":  # folders are no files there: two writers are the user's own care
        return None
    handle = os.open(folder, os.O_RDONLY)
    lock(handle, folder)
    return handle


def _let_go(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
