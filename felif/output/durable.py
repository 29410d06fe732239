"""Bytes that are on the disk: writing that notices what was not written, and waits for what was."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Sum:
    size: int
    sha256: str

    @classmethod
    def of_bytes(cls, data: bytes) -> Sum:
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def of(cls, path: Path, size: int | None = None) -> Sum:
        """Of a file, or of its first `size` bytes. Raises OSError where it cannot be read."""
        with open(path, "rb") as file:
            if size is None:
                return cls(os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest())
            found, left = hashlib.sha256(), size
            while left and (piece := file.read(min(left, 1 << 20))):
                found.update(piece)
                left -= len(piece)
            return cls(size - left, found.hexdigest())


def temporary_name(path: Path) -> Path:
    """Where `path` is written before it is moved into place: hidden, in the same folder, reused after a kill."""
    return path.with_name(f".felif-tmp.{path.name}")


def real_name(path: Path) -> Path:
    """Inverse of `temporary_name`."""
    return path.with_name(path.name.removeprefix(temporary_name(Path("x")).name[:-1]))


def lock(handle: int, folder: Path | None = None) -> None:
    """Keep other processes out of an open file or folder: wait for them or, with a `folder`, close it (ValueError).

    A killed process lets go by itself. A system, or a file system, without locks leaves it to the user.
    """
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX if folder is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError(f"{folder}: another process is writing there; wait for it or stop it.") from None
    except (ImportError, OSError):
        return


class Growing:
    """A file that is appended to, with its checksum on the way: all of what is given is on file, or nothing of it.

    Raises ValueError while another process writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        lock(self._handle, path.parent)
        self._size, self._found = 0, hashlib.sha256()

    def seek(self, size: int) -> None:
        """Go on from its first `size` bytes, of which `sum` is known then. What is behind stays until `truncate`."""
        self._size, self._found = 0, hashlib.sha256()
        with open(self.path, "rb") as file:
            while self._size < size and (piece := file.read(min(size - self._size, 1 << 20))):
                self._found.update(piece)
                self._size += len(piece)

    def fileno(self) -> int:
        if self._handle is None:
            raise ValueError(f"{self.path} was closed.")
        return self._handle

    @property
    def sum(self) -> Sum:
        return Sum(self._size, self._found.hexdigest())

    def truncate(self) -> None:
        os.ftruncate(self.fileno(), self._size)

    def write(self, data: bytes) -> None:
        write_all(self.fileno(), data, self.path)
        self._size += len(data)
        self._found.update(data)

    def sync(self) -> None:
        os.fsync(self.fileno())

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class _Noticing(io.FileIO):
    """A file that remembers why it could not be written: libraries that write archives hide it behind errors."""

    failed: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failed = error
            raise


def streamed(write: Callable[[BinaryIO], Any]) -> Callable[[Path], None]:
    """What `Listing.replace` takes, of a function that writes to an open file."""

    def to_path(path: Path) -> None:
        raw = _Noticing(path, "wb")
        try:
            with io.BufferedWriter(raw, 1 << 16) as file:
                write(file)
        except Exception:
            if raw.failed is not None:
                raise raw.failed from None
            raise

    return to_path


def complete(path: Path, write: Callable[[Path], Any]) -> None:
    """The temporary file of `path`, written."""
    try:
        write(temporary_name(path))
    except BaseException as error:
        temporary_name(path).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritten(path, error) from None
        raise


def unwritten(path: Path, reason: OSError) -> OSError:
    """What is said where a file could not be written."""
    why = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "it became too large"}
    text = why.get(reason.errno or 0, reason.strerror or str(reason))
    return OSError(reason.errno or errno.EIO, f"{path} could not be written, {text}; what the folder held is whole")


def write_all(handle: int, data: bytes, path: Path, durable: bool = False) -> None:
    """All of `data` at the end of a file, on the disk if `durable`; where that fails it is as it was (OSError)."""
    size, left = os.fstat(handle).st_size, memoryview(data)
    try:
        while left:
            count = os.write(handle, left)
            if count == 0:
                raise OSError(errno.ENOSPC, "nothing was written")
            left = left[count:]
        if durable:
            os.fsync(handle)
    except BaseException as error:
        os.ftruncate(handle, size)
        if isinstance(error, OSError):
            raise unwritten(path, error) from None
        raise


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not path.is_dir():  # some file systems cannot do it for folders
            raise unwritten(path, error) from None
    finally:
        os.close(handle)
