"""A network of neurons that goes through steps: what it consists of, and which core makes them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra.compiled import library, pointer
from . import neurons, stepping
from .neurons import Neurons
from .random_numbers import ZIGGURAT

_int, _long, _double, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
_WORK_ROWS = 5  # as in stepping.h


class _Neurons(ctypes.Structure):
    """`Neurons` of network.h."""

    _fields_ = [
        *((name, _int) for name in ("chunks", "populations", "entries")),
        *((name, _long) for name in ("records", "columns", "table_size")),
        *((name, _pointer) for name in ("chunk", "v", "wake", "pulls", "tables", "steps", "ziggurat", "place")),
        *((name, _pointer) for name in ("spikes", "found")),
        *((name, _int) for name in ("next", "done", "stop")),
    ]


class _Network(ctypes.Structure):
    """`Network` of network.h."""

    _fields_ = [
        ("neurons", _pointer),
        *((name, _long) for name in ("first", "last", "past", "batches_count", "event_capacity")),
        *((name, _double) for name in ("dt", "event_size", "escape")),
        ("resets", _int),
        *((name, _pointer) for name in ("reset", "threshold", "rest", "lags", "sizes", "g", "a0", "kicks")),
        *((name, _pointer) for name in ("noise_kicks", "currents", "batch_of", "bin_of")),
        *((name, _pointer) for name in ("memory", "rates", "synchronous", "resting", "events", "batches", "work")),
        *((name, _long) for name in ("step", "events_made")),
    ]


@dataclass
class Helpers:
    """Threads that share the work of a step; `pool` is None where there is one only."""

    pool: Executor | None = None
    count: int = 0

    def call(self, core: Any, shared: _Neurons, function: Callable, argument: Any) -> Any:
        """function(argument) of the compiled core, helped; what it computes does not depend on who helps."""
        helping = [self.pool.submit(core.felif_help, ctypes.byref(shared)) for _ in range(self.count)]
        try:
            return function(ctypes.byref(argument))
        finally:
            shared.stop = 1
            wait(helping)


@contextmanager
def helpers(threads: int) -> Iterator[Helpers]:
    """`threads` - 1 helpers, of use to the compiled core only."""
    if threads == 1 or library() is None:
        yield Helpers()
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        yield Helpers(pool, threads - 1)


def available_threads(wanted: int | None) -> int:
    """As many as `wanted`, and as there are processors for this process."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, wanted or here)


def _shared(own: Neurons) -> _Neurons:
    return _Neurons(
        chunks=len(own.chunks),
        populations=len(own.steps),
        entries=own.steps.shape[1],
        records=len(own.spikes),
        columns=own.spikes.shape[1],
        table_size=own.tables.shape[1],
        chunk=pointer(own.chunks),
        v=pointer(own.v),
        wake=pointer(own.wake),
        pulls=None if own.pulls is None else pointer(own.pulls),
        tables=pointer(own.tables),
        steps=pointer(own.steps),
        ziggurat=pointer(ZIGGURAT),
        place=pointer(own.place),
        spikes=pointer(own.spikes),
        found=pointer(own.found),
        next=len(own.chunks),  # nothing to be taken yet
    )


def advance(own: Neurons, helped: Helpers) -> None:
    """One step of all neurons, as `own.steps` has it."""
    core = library()
    if core is None:
        neurons.advance(own)
    else:
        shared = _shared(own)
        helped.call(core, shared, core.felif_advance, shared)


@dataclass(eq=False)
class Network:
    """Neurons that hear of each other, and what is counted.

    Of each population: reset, threshold; rest: mean refractory time, minus a dead time. escape: mean time to fire above
    the threshold. kicks[p, j], noise_kicks[p, j]: from population j to p; lags[p, j]: delay in steps. rates[past + k,
    p], synchronous[k, p], resting[k, p]: spikes per neuron in step k; those of them in synchronous spikes; fraction at
    rest. batches[bin, batch, p]: spikes, but for synchronous ones. events[e]: time, generations, then spikes per neuron
    of each population, -1 where there is none yet. memory: what the network carries from one call to the next, see
    `stepping`.
    """

    neurons: Neurons
    dt: float
    event_size: float
    escape: float
    reset: np.ndarray
    threshold: np.ndarray
    rest: np.ndarray
    lags: np.ndarray
    sizes: np.ndarray
    g: np.ndarray
    a0: np.ndarray
    kicks: np.ndarray
    noise_kicks: np.ndarray
    batch_of: np.ndarray
    bin_of: np.ndarray
    memory: np.ndarray
    rates: np.ndarray
    synchronous: np.ndarray
    resting: np.ndarray
    batches: np.ndarray
    events: np.ndarray
    helped: Helpers = field(default_factory=Helpers)

    @property
    def past(self) -> int:
        """Steps before the first whose rates are kept."""
        return len(self.rates) - len(self.synchronous)

    @property
    def resets(self) -> int:
        """Places that are drawn from after a spike."""
        return (self.neurons.steps.shape[1] - neurons.ENTRIES) // 2

    @property
    def events_made(self) -> int:
        return int(np.count_nonzero(self.events[:, 0] >= 0))

    def run(self, first: int, last: int, currents: np.ndarray) -> tuple[int, bool]:
        """Steps first ... last - 1; (the next step, whether a synchronous spike never ends).

        currents[k, p]: mean over step first + k of what drives population p.
        """
        core = library()
        if core is None:
            return stepping.run_steps(self, first, last, currents)
        populations = len(self.sizes)
        work, shared = np.empty((_WORK_ROWS + populations, populations)), _shared(self.neurons)
        arrays = (
            "reset",
            "threshold",
            "rest",
            "lags",
            "sizes",
            "g",
            "a0",
            "kicks",
            "noise_kicks",
            "batch_of",
            "bin_of",
            "memory",
            "rates",
            "synchronous",
        )
        arrays += ("resting", "events", "batches")
        numbers = ("past", "dt", "event_size", "escape", "resets", "events_made")
        argument = _Network(
            neurons=ctypes.addressof(shared),
            first=first,
            last=last,
            batches_count=self.batches.shape[1],
            event_capacity=len(self.events),
            currents=pointer(currents),
            work=pointer(work),
            **{name: pointer(getattr(self, name)) for name in arrays},
            **{name: getattr(self, name) for name in numbers},
        )
        eternal = self.helped.call(core, shared, core.felif_network, argument)
        return argument.step, bool(eternal)
