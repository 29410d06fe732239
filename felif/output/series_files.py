"""Arrays, columns of numbers and JSON as files hold them: `manifest.Room` writes them, these functions read them."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .durable import streamed
from .tuning import FILES


def npz_of(name: str, arrays: Mapping[str, Any]) -> Callable[[Path], None]:
    """What writes arrays to a path as npz. ValueError for objects, before anything is written."""
    plain = {key: np.asarray(value) for key, value in arrays.items()}
    for key, value in plain.items():
        if value.dtype.hasobject:
            raise ValueError(f"{name}: {key!r} is no plain array (dtype {value.dtype}); give numbers, text or bytes.")
    return streamed(lambda file: np.savez(file, **plain))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file. Raises ValueError naming the file if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ValueError(f"{path.parent}: {path.name} is missing.") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.parent}: {path.name} cannot be read ({error}).") from None


def csv_line(values: Iterable[Any]) -> str:
    """Numbers in the shortest form that reads back to the same bits; infinity is `inf`, undefined is `nan`."""
    return ",".join([repr(float(value)) for value in values]) + "\n"


def series_text(series: Mapping[str, np.ndarray]) -> str:
    rows = zip(*(np.asarray(column, float).tolist() for column in series.values()), strict=True)
    return ",".join(series) + "\n" + "".join(csv_line(row) for row in rows)


def read_series(path: Path, size: int = -1) -> dict[str, np.ndarray]:
    """Columns of a series.csv, or of its first `size` bytes, exactly as written: views of one table.

    A last line without its end, cut off by a kill, is left out. Raises ValueError that names the line that is none.
    """
    with open(path, "rb") as file:
        head = file.readline() if size else b""
        if not head.endswith(b"\n") or len(head) > size >= 0:
            return {}
        names = head.decode("utf-8", errors="replace").removesuffix("\n").split(",")
        left = None if size < 0 else size - len(head)
        count = sum(piece.count(b"\n") for piece in _pieces(file, left))
        file.seek(len(head))
        table, row = np.empty((count, len(names))), 0
        for piece in _pieces(file, left):
            rows = piece.count(b"\n")
            if rows:  # the last piece may be a line that was cut off
                table[row : row + rows] = _table(path, piece, rows, names, row)
            row += rows
    return dict(zip(names, table.T, strict=True))


def _pieces(file: BinaryIO, size: int | None) -> Iterator[bytes]:
    """Whole lines of a file, FILES.piece bytes at a time; at the end what is left of a line."""
    rest = b""
    while data := file.read(FILES.piece if size is None else min(FILES.piece, size)):
        size = None if size is None else size - len(data)
        lines, end, after = (rest + data).rpartition(b"\n")
        rest = after
        if end:
            yield lines + end
    yield rest


def _table(path: Path, piece: bytes, count: int, names: Sequence[str], before: int) -> np.ndarray:
    """The numbers of `count` lines, `before` of which came before; ValueError that names the line that has others."""
    text = piece.decode("utf-8", errors="replace")
    text = text[: text.rfind("\n") + 1]
    try:
        table = np.loadtxt(io.StringIO(text), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        table = None
    if table is None or table.shape != (count, len(names)):  # an empty line is passed over
        return _line_by_line(path, text, names, before + 2)
    return table


def _line_by_line(path: Path, body: str, names: Sequence[str], first: int) -> np.ndarray:
    rows = []
    for number, line in enumerate(body.split("\n")[:-1], start=first):
        try:
            row = [float(entry) for entry in line.split(",")]
        except ValueError:
            row = []
        if len(row) != len(names):
            raise ValueError(
                f"{path.parent}: {path.name} is damaged: line {number} is not {len(names)} numbers: {line[:80]!r}."
            )
        rows.append(row)
    return np.array(rows).reshape(len(rows), len(names))


def strict_json(value: Any) -> Any:
    """The same value made of what every JSON reader knows: numbers (infinite or undefined: null), text, lists, objects.

    Anything else becomes its `str`: run.json is for reading, not for building objects from.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict_json(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return strict_json(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [strict_json(entry) for entry in value]
    return str(value)
