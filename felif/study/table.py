"""The table of a sweep, by columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..given.arguments import FILE, FLAG, FOLDER, checked, whole
from .grid import Grid
from .sweep_folder import read_chunks, read_sweep

if TYPE_CHECKING:
    import numpy as np

    from ..output.manifest import Room

STATUS = ("ok", "failed", "crashed")
_PIECE = 1 << 16  # values of a column that are held as Python objects
_EXACT = 2**53  # largest whole number up to which floats are exact


@dataclass(frozen=True)
class Column:
    """Values of one type, and where there are none (None: nowhere)."""

    values: np.ndarray
    absent: np.ndarray | None = None

    def array(self) -> np.ndarray:
        """Numbers with nan, other things with None where there are none."""
        import numpy as np

        if self.absent is None:
            return self.values
        if self.values.dtype.kind in "if":
            return np.where(self.absent, np.nan, self.values)
        values = self.values.astype(object)
        values[self.absent] = None
        return values

    def tolist(self, start: int, stop: int) -> list[Any]:
        """As Python objects, None where there are none."""
        values = self.values[start:stop].tolist()
        if self.absent is None:
            return values
        return [None if gone else value for value, gone in zip(values, self.absent[start:stop].tolist(), strict=True)]

    def at(self, places: np.ndarray) -> Column:
        return Column(self.values[places], None if self.absent is None else self.absent[places])


@dataclass(frozen=True)
class Table:
    """The finished points of a sweep, in the order of the grid: `table["b"]` is a column.

    Columns are options, results, "index", "status", "wall_time", "message". Where a point has no result of a name (it
    failed, or main returned None) a number is nan, anything else None. A result with the name of an option is
    NAME.result.

    Attributes
    ----------
    folder : path
        Of the sweep.
    size : int
        Points of the whole grid.
    columns : dict
        By name; `names` lists them.
    attempts : array of int
        How often each was computed.

    Examples
    --------
    >>> import felif as fl
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def square(x: float = 2.0) -> dict:
    ...     return {"y": x * x}
    >>> table = fl.sweep(square, {"x": [1.0, 2.0]}, "runs/table", ThreadPoolExecutor(1), progress=False)
    >>> len(table), table.counts["ok"]
    (2, 2)
    """

    folder: Path
    size: int  # points of the whole grid
    columns: dict[str, Column] = field(repr=False)
    attempts: np.ndarray = field(repr=False)  # how often each was computed

    def __len__(self) -> int:
        return len(self.attempts)

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.columns)

    def __getitem__(self, name: str) -> np.ndarray:
        """An option or a result at every finished point. Raises ValueError if there is none of that name."""
        if name not in self.columns:
            raise ValueError(f"The sweep has no column {name!r}. It has: {', '.join(self.columns)}.")
        return self.columns[name].array()

    @property
    def counts(self) -> dict[str, int]:
        """How many points are "ok", "failed", "crashed", "missing"."""
        status = self.columns["status"].values
        found = {name: int((status == name).sum()) for name in STATUS}
        return {**found, "missing": self.size - len(self)}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict a finished point, with every column; None where it has no value."""
        return self.part(0, len(self))

    @checked(start=whole(), stop=whole())
    def part(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Some of the rows, one dict a finished point.

        Parameters
        ----------
        start, stop : int
            From which, and before which.

        Returns
        -------
        list of dict
        """
        return [dict(zip(self.columns, row, strict=True)) for row in self._tuples(start, stop)]

    def _tuples(self, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
        return zip(*(column.tolist(start, stop) for column in self.columns.values()), strict=True)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, one row a finished point. Raises ImportError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(f"to_pandas needs pandas ({error}): pip install 'felif[tables]'") from None
        return pandas.DataFrame({name: column.array() for name, column in self.columns.items()})

    @checked(path=FILE, overwrite=FLAG)
    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """The table as an Apache Parquet file, with its types; what is absent is null.

        Parameters
        ----------
        path : path
            The file.
        overwrite : bool
            Replace one that is there.

        Returns
        -------
        path

        Raises
        ------
        ImportError
            Without pyarrow.
        ValueError
            For a file that is there.
        """
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError(f"to_parquet needs pyarrow ({error}): pip install 'felif[tables]'") from None
        path = Path(path)
        if path.is_dir() or (path.exists() and not overwrite):
            what = "a folder" if path.is_dir() else "there already; overwrite=True replaces it"
            raise ValueError(f"path = {str(path)!r} is {what}.")
        arrays = {n: pyarrow.array(column.values, mask=column.absent) for n, column in self.columns.items()}
        pyarrow.parquet.write_table(pyarrow.table(arrays), path)
        return path


@checked(folder=FOLDER)
def read_table(folder: str | Path) -> Table:
    """The finished points of a sweep, also while it runs or after it was killed.

    Parameters
    ----------
    folder : path
        Of a sweep, as given to `felif.sweep` or as --out to `felif sweep`.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If it holds no sweep, or a file of it is damaged.

    Examples
    --------
    >>> import felif as fl
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def square(x: float = 2.0) -> dict:
    ...     return {"y": x * x}
    >>> table = fl.sweep(square, {"x": [1.0, 2.0]}, "runs/read", ThreadPoolExecutor(1), progress=False)
    >>> fl.read_table("runs/read")["y"].tolist()
    [1.0, 4.0]
    """
    import numpy as np

    grid = Grid(read_sweep(folder))
    own = {name: _Growing() for name in ("index", "attempt", "status", "wall_time", "message")}
    results: dict[str, _Growing] = {}
    count = 0
    for chunk in read_chunks(folder):
        for name, values in own.items():
            values.add(count, chunk[name])
        for name, values in chunk["results"].items():
            results.setdefault(name, _Growing()).add(count, values)
        count += len(chunk["index"])
    index, attempt, status = (own[name].column(count).values for name in ("index", "attempt", "status"))
    index, attempt = index.astype(int), attempt.astype(int)
    order = np.lexsort((status == "ok", attempt, index))  # of two jobs at once that with results counts
    last = order[np.append(index[order][1:] != index[order][:-1], True)] if count else order
    index = index[last]
    columns = {"index": Column(index)}
    columns |= {name: _column(grid.column(name, index)) for name in grid.names}
    columns["status"] = Column(status[last])
    taken = {*columns, "wall_time", "message"}
    for name, values in results.items():
        columns[f"{name}.result" if name in taken else name] = values.column(count).at(last)
    columns |= {name: own[name].column(count).at(last) for name in ("wall_time", "message")}
    return Table(Path(folder), grid.size, columns, attempt[last])


def write_csv(room: Room, table: Table) -> None:
    """sweep.csv: a column for every name that occurs; numbers to their last digit, empty where a row has none."""
    from ..output.durable import streamed

    def write(file: BinaryIO) -> None:
        for start in range(0, max(1, len(table)), _PIECE):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerows([] if start else [table.names])
            writer.writerows(table._tuples(start, start + _PIECE))
            file.write(text.getvalue().encode())

    room.file("sweep.csv", streamed(write), durable=False)


class _Growing:
    """A column that is added to; rows in between have no value."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._places: list[tuple[int, int]] = []  # (first row, rows) of what is in `_values`
        self._columns: list[tuple[list[tuple[int, int]], Column]] = []
        self._known: dict[Any, Any] = {}  # one object for equal texts

    def add(self, row: int, values: list[Any]) -> None:
        self._places.append((row, len(values)))
        self._values += values
        if len(self._values) >= _PIECE:
            self._settle()

    def _settle(self) -> None:
        if self._values:
            self._columns.append((self._places, _column(self._values, self._known)))
            self._values, self._places = [], []

    def column(self, count: int) -> Column:
        """All of it, in a table of so many rows."""
        import numpy as np

        self._settle()
        if len(self._columns) == 1 and sum(n for _, n in self._columns[0][0]) == count:
            return self._columns[0][1]
        held = [column.values for _, column in self._columns if column.absent is None or not column.absent.all()]
        kinds = {values.dtype.kind for values in held}
        large = kinds == {"i", "f"} and any(abs(v).max() > _EXACT for v in held if v.dtype.kind == "i")
        same = len(kinds) == 1 or (kinds == {"i", "f"} and not large)
        dtype = np.result_type(*held) if same else object if kinds else float
        values, absent = np.zeros(count, dtype), np.ones(count, bool)
        for places, column in self._columns:
            start = 0
            for row, length in places:
                part = slice(start, start := start + length)
                there = slice(row, row + length)
                absent[there] = False if column.absent is None else column.absent[part]
                values[there] = np.where(absent[there], values[there], column.values[part])
        return Column(values, absent if absent.any() else None)


def _column(values: Sequence[Any] | np.ndarray, known: dict[Any, Any] | None = None) -> Column:
    """Whole numbers, floats or truth values as arrays of their type, all else as objects."""
    import numpy as np

    if isinstance(values, np.ndarray):
        return Column(values)
    kinds = set(map(type, values))
    absent = np.array([value is None for value in values]) if type(None) in kinds else None
    kinds -= {type(None)}
    if kinds == {bool}:
        return Column(np.array([bool(value) for value in values]), absent)
    whole = max((abs(value) for value in values if isinstance(value, int)), default=0)
    if kinds <= {int, float} and kinds != {int} and whole <= _EXACT:
        return Column(np.array([np.nan if value is None else value for value in values], float), absent)
    if kinds == {int} and whole < 2**63:
        return Column(np.array([0 if value is None else value for value in values], np.int64), absent)
    known = {} if known is None else known
    same = (known.setdefault(value, value) if isinstance(value, str) else value for value in values)
    return Column(np.fromiter(same, object, len(values)), absent)
