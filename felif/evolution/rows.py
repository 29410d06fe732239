"""Rows in memory, and rows on file that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Problem


class Rows:
    """An array that grows by rows: `append` is O(1) amortised, `array` a view of what is there."""

    def __init__(self, *shape: int) -> None:
        self._data = np.empty((16, *shape))
        self._count = 0

    @classmethod
    def of(cls, array: np.ndarray) -> Rows:
        """The rows of an array, which is not copied."""
        self = cls.__new__(cls)
        self._data, self._count = array, len(array)
        return self

    def append(self, row: Any) -> None:
        self.reserve(1)[self._count] = row
        self._count += 1

    def extend(self, rows: np.ndarray) -> None:
        """Append many rows, shape (count, ...)."""
        self.reserve(len(rows))
        self._data[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def reserve(self, count: int) -> np.ndarray:
        """Room for `count` more rows; all memory, the rows that are there first."""
        if self._count + count > len(self._data):
            larger = np.empty((max(2 * self._count, self._count + count), *self._data.shape[1:]))
            larger[: self._count] = self._data[: self._count]
            self._data = larger
        return self._data

    def filled(self, count: int) -> None:
        """Says that `count` rows behind the last one were written in the memory of `reserve`."""
        self._count += count

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> np.ndarray:
        return self._data[: self._count]


@dataclass(frozen=True)
class Block:
    """Consecutive steps on file: `load()` gives states (count + 1, size) and dense output (count, q, size)."""

    first: int
    count: int
    load: Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Piece:
    """Consecutive steps of a segment in memory, as in a Segment."""

    problem: Problem
    times: np.ndarray
    states: np.ndarray
    dense: np.ndarray

    def inside(self, theta: np.ndarray) -> np.ndarray:
        """y by dense output at these parts of every step, in (0, 1): shape (steps, len(theta), size)."""
        powers = (theta * (1 - theta))[:, None] * theta[:, None] ** np.arange(self.dense.shape[1])
        straight = [x[:, None] * part[:, None] for x, part in ((self.states[:-1], 1 - theta), (self.states[1:], theta))]
        return straight[0] + straight[1] + np.matmul(powers, self.dense[: len(self.times) - 1])


def interpolate(y0: np.ndarray, y1: np.ndarray, dense: np.ndarray, theta: float) -> np.ndarray:
    """The dense output of a step at theta in [0, 1]; y0 and y1 themselves at the ends."""
    if theta <= 0.0 or theta >= 1.0:
        return (y0 if theta <= 0.0 else y1).copy()
    powers = theta * (1 - theta) * theta ** np.arange(len(dense))
    return (1 - theta) * y0 + theta * y1 + powers @ dense


class OnFile:
    """States or dense output of a segment whose first steps are on file: indexed, iterated and converted as an array.

    `np.asarray` reads all of them. `part`: 0 for states, 1 for dense output; `rows`: those in memory, None for none.
    """

    def __init__(self, blocks: Sequence[Block], part: int, rows: Rows | None) -> None:
        self._blocks, self._part, self._rows = blocks, part, rows
        self._ends = np.cumsum([block.count for block in blocks])

    def __len__(self) -> int:
        there = int(self._ends[-1])
        return there + (1 - self._part if self._rows is None else len(self._rows))

    @property
    def shape(self) -> tuple[int, ...]:
        if self._rows is not None:
            return len(self), *self._rows.array.shape[1:]
        return len(self), *self._blocks[0].load()[self._part].shape[1:]

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, int | np.integer):
            j = range(len(self))[index]
            if self._rows is not None and j >= self._ends[-1]:
                return self._rows.array[j - int(self._ends[-1])]
            number = min(int(np.searchsorted(self._ends, j, side="right")), len(self._blocks) - 1)
            return self._blocks[number].load()[self._part][j - self._blocks[number].first]
        if isinstance(index, slice):
            index = np.arange(len(self))[index]
        if isinstance(index, np.ndarray) and index.ndim == 1 and index.dtype.kind == "i" and index.size:
            return np.array([self[int(j)] for j in index])
        return np.asarray(self)[index]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[j] for j in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        parts = [block.load()[self._part][: block.count] for block in self._blocks]
        if self._rows is not None:
            parts.append(self._rows.array)
        elif self._part == 0:
            parts.append(self[-1][None])
        return np.concatenate(parts).astype(dtype or float, copy=False)
