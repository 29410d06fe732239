"""felif-manifest.txt: what felif wrote in a folder, with checksums; reading verifies, writing is durable.

One line a file, `kind<TAB>name<TAB>bytes<TAB>SHA-256`, appended before the complete file is moved to its name, so that
a file that is there and not in the list is somebody else's. Of several lines of one name the last counts. A line
without the numbers is a folder with a list of its own (its name ends in /), or a file that was begun.

Every write of felif goes through here (`replaced`, `Listing.append`), by way of `manifest.Room`:

    written under a temporary name -> read back for its checksum -> fsync -> line in the list -> fsync -> moved into
    place -> fsync of the folder

so that at every moment, whatever is killed or loses power, a name holds the old file or the new one, and the list says
which. `Listing.whole(name)` is how every file is read: its path, if it is what felif wrote, else a ValueError that
names it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .durable import Sum, complete, lock, real_name, streamed, sync, temporary_name, unwritten, write_all
from .tuning import FILES

MANIFEST = "felif-manifest.txt"
HEAD = "# What felif wrote in this folder: kind, file, bytes, SHA-256. It replaces and deletes nothing else here.\n"


@dataclass(frozen=True)
class Entry:
    """What the list says of a name: whose it is, its checksum, and the one before, which a kill may have left there."""

    kind: str
    sum: Sum | None = None
    before: Sum | None = None


class Listing:
    """The list of one folder. `kinds`: those that lines may have."""

    def __init__(self, folder: str | Path, kinds: Mapping[str, str]) -> None:
        self.folder, self.kinds = Path(folder), kinds
        self.path = self.folder / MANIFEST
        self.read()

    def read(self) -> dict[str, Entry]:
        """{name: Entry}, anew. A last line without its end, cut off by a kill, names a file that was never written."""
        self.entries: dict[str, Entry] = {}
        self._lines = 0
        self.there = self.path.is_file()
        if not self.there:
            return self.entries
        text = self.path.read_bytes().decode("utf-8", errors="replace")
        if not (text.startswith(HEAD) or HEAD.startswith(text)):
            raise ValueError(f"{self.path} was not written by felif, in this version, or is damaged: {text[:80]!r}.")
        for line in text.split("\n")[1:-1]:
            kind, _, rest = line.partition("\t")
            name, *numbers = rest.split("\t")
            known = kind in self.kinds and name and not name.startswith("/") and ".." not in Path(name).parts
            if not known or (numbers and not _is_sum(numbers)):
                said = " ".join(line.split())[:80]
                raise ValueError(f"{self.path} was not written by felif, or is damaged: {said!r}.")
            self._note(name, kind, Sum(int(numbers[0]), numbers[1]) if numbers else None)
        return self.entries

    def _note(self, name: str, kind: str, found: Sum | None) -> None:
        old = self.entries.get(name)
        self.entries[name] = Entry(kind, found, None if old is None else old.sum)
        self._lines += 1

    # reading --------------------------------------------------------------------------------------------------------

    def whole(self, name: str, grows: bool = False) -> Path:
        """Path of the file `name`, which is what felif wrote.

        `grows`: a file that is appended to; only as much as the list knows is compared (`Entry.sum.size` bytes). Raises
        ValueError, naming the file, where it is missing, damaged, changed or not in the list.
        """
        while wrong := self._wrong(name, grows):
            known = dict(self.entries)  # a process that writes there may have been faster
            if self.read() == known and (wrong := self._wrong(name, grows)):
                raise ValueError(f"{self.folder}: {wrong}")
        return self.folder / name

    def _wrong(self, name: str, grows: bool) -> str | None:
        path, entry = self.folder / name, self.entries.get(name)
        if not path.is_file():
            return f"{name} is missing."
        if not self.there:
            return f"{MANIFEST} is missing, which has the checksum of {name}."
        if entry is None or entry.sum is None:
            return f"{name} has no checksum in {MANIFEST}: one of the two is damaged, or felif did not write {name}."
        try:
            size = path.stat().st_size
            right = size >= entry.sum.size if grows else size == entry.sum.size
            if right and Sum.of(path, entry.sum.size) == entry.sum:
                return None
            if entry.before is not None and temporary_name(path).exists() and Sum.of(path) == entry.before:
                return None  # killed between the line in the list and the move
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})."
        return f"{name} is damaged or was changed: it is not what felif wrote, by its checksum in {MANIFEST}."

    def complete(self, name: str) -> Sum:
        """The checksum of a file that is there and as long as it should be; what is in it is not read.

        Raises ValueError that names it otherwise.
        """
        path, entry = self.folder / name, self.entries.get(name)
        if entry is None or entry.sum is None or not path.is_file() or path.stat().st_size != entry.sum.size:
            self.whole(name)
        return self.entries[name].sum

    def is_there(self, name: str) -> bool:
        """Whether a file of that name is there, or ought to be: complete by the list, whatever happened to it."""
        path, entry = self.folder / name, self.entries.get(name)
        if path.exists() or entry is None or entry.sum is None:
            return path.exists()
        return entry.before is not None or not temporary_name(path).exists()

    # writing --------------------------------------------------------------------------------------------------------

    def append(self, entries: Mapping[str, Entry], durable: bool = False) -> None:
        """Lines at the end, also while other processes add theirs. On a full disk nothing is added (OSError)."""
        lines = "".join(_line(name, entry) for name, entry in entries.items())
        with _opened(self.path) as handle:
            size = _end(handle)
            write_all(handle, (lines if size else HEAD + lines).encode(), self.path, durable)
        self.there = True
        for name, entry in entries.items():
            self._note(name, entry.kind, entry.sum)
        if self._lines > 2 * len(self.entries) + FILES.spare:
            with suppress(OSError):  # on a full disk it stays as long as it is
                self.rewrite(lambda there: there)

    def rewrite(self, change: Callable[[dict[str, Entry]], dict[str, Entry]]) -> None:
        """The list with what `change` makes of its entries; other processes wait meanwhile."""
        if not self.path.exists():
            return
        with _opened(self.path):
            entries = change(self.read())
            before = {name: Entry(entry.kind, entry.before) for name, entry in entries.items() if entry.before}
            text = HEAD + "".join(_line(name, entry) for lines in (before, entries) for name, entry in lines.items())
            complete(self.path, streamed(lambda file: file.write(text.encode())))
            os.replace(temporary_name(self.path), self.path)
        self.read()

    def settle(self, folders: Iterable[Path]) -> None:
        """Remove what a process that was killed had under way in these folders; the list says what is there then."""
        for place in folders:
            for path in place.glob(temporary_name(Path("*")).name):
                name = real_name(path).relative_to(self.folder).as_posix()
                entry = self.entries.get(name)
                if entry is not None and entry.sum is not None and not self._is(name, entry.sum):
                    if self._is(name, entry.before):
                        self.append({name: Entry(entry.kind, entry.before)})
                    elif not (self.folder / name).exists():
                        self.rewrite(lambda there, name=name: {n: e for n, e in there.items() if n != name})
                path.unlink(missing_ok=True)

    def _is(self, name: str, found: Sum | None) -> bool:
        path = self.folder / name
        return found is not None and path.is_file() and path.stat().st_size == found.size and Sum.of(path) == found

    def replace(self, kind: str, files: Mapping[str, Callable[[Path], Any]], durable: bool = True) -> None:
        """Write files, all or none of them: `files[name](path)` writes a temporary one, which is moved to its name.

        `durable`: what is written survives a loss of power when this returns, and no earlier file is lost by one.
        Raises OSError in a sentence where the disk is full; the folder is then as it was.
        """
        paths = {name: self.folder / name for name in files}
        with ExitStack() as held:  # of two processes that write the same file, one after the other
            for path in sorted(paths.values()):
                held.enter_context(_opened(temporary_name(path)))
            self._replace(kind, files, paths, durable)

    def _replace(
        self, kind: str, files: Mapping[str, Callable[[Path], Any]], paths: Mapping[str, Path], durable: bool
    ) -> None:
        try:
            for name, path in paths.items():
                complete(path, files[name])
            entries = {name: Entry(kind, Sum.of(temporary_name(path))) for name, path in paths.items()}
            if durable:
                for path in paths.values():
                    sync(temporary_name(path))
            self.append(entries, durable)
        except BaseException:
            for path in paths.values():
                temporary_name(path).unlink(missing_ok=True)
            raise
        for path in paths.values():
            os.replace(temporary_name(path), path)
        if durable:
            for parent in {path.parent for path in paths.values()} | {self.folder}:
                sync(parent)


def _end(handle: int) -> int:
    """Length of a list that ends with a whole line; what a loss of power left of a line is cut off."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, min(size, 4096), max(0, size - 4096))
    if tail and not tail.endswith(b"\n"):
        size = size - len(tail) + tail.rfind(b"\n") + 1
        os.ftruncate(handle, size)
    return size


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A file, open and locked; if another process has replaced it meanwhile, the new one."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise unwritten(real_name(path), error) from None
        try:
            lock(handle)
            if os.name != "posix" or (path.exists() and os.path.samestat(os.fstat(handle), path.stat())):
                yield handle
                return
        finally:
            os.close(handle)


def _line(name: str, entry: Entry) -> str:
    numbers = "" if entry.sum is None else f"\t{entry.sum.size}\t{entry.sum.sha256}"
    return f"{entry.kind}\t{name}{numbers}\n"


def _is_sum(numbers: list[str]) -> bool:
    if len(numbers) != 2 or not numbers[0].isascii() or not numbers[0].isdecimal():
        return False
    return len(numbers[1]) == 64 and set(numbers[1]) <= set("0123456789abcdef")
