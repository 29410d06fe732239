"""What a simulation leaves, and how neurons are grouped: chunks that share a generator, batches for error bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .tuning import NETWORK


@dataclass
class Recording:
    """What one network did. Arrays over populations last; `batches` counts spikes but for synchronous ones."""

    rates: np.ndarray  # (steps, populations) spikes per neuron
    synchronous: np.ndarray
    resting: np.ndarray  # mean over the step
    batches: np.ndarray  # (bins, batches, populations)
    edges: np.ndarray  # of the bins, in steps
    batch_sizes: np.ndarray  # (batches, populations) neurons
    snapshots: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray | None]]  # step: (v, resting, w or populations)
    events: np.ndarray  # (events, 2 + populations)
    spikes: list[np.ndarray]
    batch_of: np.ndarray  # of every neuron
    steps_done: int
    eternal: bool

    @classmethod
    def begun(cls, plan: Any, chunks: np.ndarray, batch_of: np.ndarray, batch_sizes: np.ndarray) -> Recording:
        """Of a network that begins, whose neurons do not rest and never fire all at once."""
        count = batch_sizes.shape[1]
        rates, synchronous, resting = np.zeros((3, plan.steps, count))
        return cls(
            rates=rates,
            synchronous=synchronous,
            resting=resting,
            batches=np.zeros((len(plan.edges) - 1, len(batch_sizes), count), int),
            edges=plan.edges,
            batch_sizes=batch_sizes,
            snapshots={},
            events=np.empty((0, 2 + count)),
            spikes=[],
            batch_of=batch_of_neurons(chunks, batch_of),
            steps_done=0,
            eternal=False,
        )

    def at(self, step: int, now: tuple[np.ndarray, np.ndarray, np.ndarray | None]) -> Recording:
        """What is kept of it after so many steps, with how the neurons are now."""
        return replace(self, snapshots={**self.snapshots, step: now}, steps_done=step)

    def over(self, steps: int, edges: np.ndarray) -> Recording:
        """The same as the beginning of a recording of more steps, in bins that consist of those of this one."""
        if steps == len(self.rates) and np.array_equal(edges, self.edges):
            return self
        batches = np.zeros((len(edges) - 1, *self.batches.shape[1:]), self.batches.dtype)
        np.add.at(batches, np.searchsorted(edges, self.edges[:-1], side="right") - 1, self.batches)
        more = ((0, steps - len(self.rates)), (0, 0))
        series = {name: np.pad(getattr(self, name), more) for name in ("rates", "synchronous", "resting")}
        return replace(self, **series, batches=batches, edges=edges)


def make_chunks(sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, last, population) of every chunk; its batch; how many neurons a batch has in each population."""
    chunks, batch_of, offset = [], [], 0
    groups = min(NETWORK.batches, *(size for size in sizes if size))
    counted = np.zeros((groups, len(sizes)), int)
    for kind, size in enumerate(sizes):
        count = groups * math.ceil(size / (groups * NETWORK.chunk))
        ends = np.arange(count + 1) * size // max(count, 1)
        for k in range(count):
            chunks.append((offset + ends[k], offset + ends[k + 1], kind))
            batch_of.append(k * groups // count)
            counted[batch_of[-1], kind] += ends[k + 1] - ends[k]
        offset += size
    return np.array(chunks), np.array(batch_of), counted


def batch_of_neurons(chunks: np.ndarray, batch_of: np.ndarray) -> np.ndarray:
    """The batch of every neuron."""
    neurons = np.empty(chunks[-1, 1], int)
    for (low, high, _), batch in zip(chunks, batch_of, strict=True):
        neurons[low:high] = batch
    return neurons
