"""A semi-discrete system as the compiled core takes it: cell by cell, in lanes. See `core/core.h` for the arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import compiled


@dataclass(eq=False)
class Condensed:
    """`system` for the core, whose arrays live in `arrays`; what an integrator needs to know beside."""

    system: compiled.System
    arrays: dict[str, np.ndarray]
    input_names: tuple[str, ...]  # in the order of z
    scalar_names: tuple[str, ...]  # algebraic, then differential
    looks_at_each_step: bool  # whether `adapted` says something of every step, whatever the mesh
    empty: float  # the determinant of the equations of the algebraic scalars where there is no density


@dataclass(eq=False)
class Lanes:
    """Where unknowns stand: a lane a cell, one more behind each field and for each differential scalar."""

    degree: int
    count: int  # of lanes, a multiple of LANES
    index: np.ndarray  # (degree + 1, count): the unknown at a node of a lane, -1 for none
    place: np.ndarray  # (size,): where an unknown stands, the node times `count` plus the lane
    first: list[int]  # the first lane of each field

    @classmethod
    def numbered(cls, index: np.ndarray, size: int, first: list[int]) -> Lanes:
        """From the unknown at every node of every lane."""
        inner = index[:-1].ravel()
        place = np.empty(size, int)
        place[inner[inner >= 0]] = np.flatnonzero(inner >= 0)
        return cls(len(index) - 1, index.shape[1], index, place, first)

    def values(self, y: np.ndarray, nothing: float) -> np.ndarray:
        """A vector of unknowns in lanes, shape (degree, count)."""
        index = self.index[: self.degree]
        return np.where(index >= 0, y[index], nothing)

    def matrices(self, data: np.ndarray, width: int) -> np.ndarray:
        """Bands, shape (m, 2 width + 1, size), in lanes: (m, degree + 1, degree + 1, count)."""
        row, column = self.index[:, None], self.index[None, :]
        there = (row >= 0) & (column >= 0) & (np.abs(row - column) <= width)
        there[-1, -1] = False  # stands in the lane to the right
        diagonal, column = np.where(there, width + row - column, 0), np.where(there, column, 0)
        return np.where(there, data[:, diagonal, column], 0.0)

    def forms(
        self, A: np.ndarray, weights: np.ndarray, rows: np.ndarray, numbers: np.ndarray, sources: np.ndarray
    ) -> dict[str, np.ndarray]:
        """F = sum_m (weights z)_m A_m y + sum_z z f_z and g = sum_z z (r_z . y + rho_z): rows (z, algebraic, size),
        numbers (z, algebraic), sources (z, size)."""
        packed, (entry, where) = np.where(self.index[:-1] >= 0, rows[:, :, self.index[:-1]], 0.0), np.nonzero(sources)
        return {
            "A": A,
            "weights": weights,
            "rows": packed,
            "rows_lanes": extents(packed),
            "numbers": numbers,
            "source_start": np.searchsorted(entry, np.arange(len(rows) + 1)),
            "source_place": self.place[where],
            "source_value": sources[entry, where],
        }

    def quantities(
        self, mass: np.ndarray, conserved: Iterable[np.ndarray], differential: Iterable[int]
    ) -> dict[str, np.ndarray]:
        """Mass, what is conserved, and where the differential scalars stand in y."""
        conserved = list(conserved)
        return {
            "mass": self.values(mass, 1.0),
            "place": self.place,
            "differential_place": self.place[list(differential)],
            "invariant_weights": np.array([self.values(weights, 0.0) for weights in conserved]),
            "invariant_carriers": np.array([self.values((weights != 0) * 1.0, 0.0) for weights in conserved]),
        }

    def handed_over(
        self,
        arrays: Mapping[str, np.ndarray],
        inputs: Iterable[str],
        scalars: tuple[str, ...],
        empty: float,
        looks_at_each_step: bool = False,
        **numbers: Any,
    ) -> Condensed:
        """What the core takes; `numbers`: what of its `System` the arrays do not say."""
        arrays, inputs = aligned(arrays), tuple(inputs)
        system = compiled.System(
            degree=self.degree,
            lanes=self.count,
            size=len(self.place),
            inputs=len(inputs),
            differential=len(arrays["differential_place"]),
            algebraic=len(arrays["integral"]),
            matrices=len(arrays["weights"]),
            invariants=len(arrays["invariant_weights"]),
            **{name: compiled.pointer(array) for name, array in arrays.items()},
            **numbers,
        )
        return Condensed(system, arrays, inputs, scalars, looks_at_each_step, empty)


def aligned(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copies that begin at multiples of 64 bytes, with room for a vector of the core behind each, in one memory."""
    kinds = {name: np.int32 if array.dtype.kind in "ib" else np.float64 for name, array in arrays.items()}
    sizes = [array.size * np.dtype(kinds[name]).itemsize + 8 * compiled.LANES for name, array in arrays.items()]
    ends = np.cumsum([-(-size // 64) * 64 for size in sizes]).tolist()
    memory = np.zeros(ends[-1] + 64, np.uint8)
    shift, found = -compiled.pointer(memory) % 64, {}
    for (name, array), first in zip(arrays.items(), [0, *ends[:-1]], strict=True):
        found[name] = np.frombuffer(memory, kinds[name], array.size, shift + first).reshape(array.shape)
        found[name][...] = array
    return found


def extents(rows: np.ndarray) -> np.ndarray:
    """Lanes in which rows have entries, first and end, in multiples of LANES."""
    there = rows.any(axis=2)
    extents = np.zeros((*rows.shape[:2], 2), int)
    for j, a in np.argwhere(there.any(axis=-1)):
        found = np.flatnonzero(there[j, a])
        extents[j, a] = found[0] // compiled.LANES, found[-1] // compiled.LANES + 1
    return extents * compiled.LANES
