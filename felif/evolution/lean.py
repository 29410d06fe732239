"""The compiled core alone: a run of which only the scalars at some times are wanted, without a trajectory.

What the core cannot decide by itself (the mesh may not serve, N has run away, a step fails) ends it.
"""

from __future__ import annotations

from ctypes import byref
from math import inf, nan

import numpy as np

from ..algebra import compiled
from .blow_up import BlowUpWatch
from .bursts import progress, scheme_of
from .schemes import Rodas5P, tableau_of
from .tuning import STEPPING


class Lean:
    """Memory for runs of systems of one shape, one at a time."""

    def __init__(self, size: int, scalars: int, rtol: float, atol: float, N_max: float, rate: int) -> None:
        tableau = tableau_of(Rodas5P(), False)
        self._core = compiled.library()
        self._scheme = scheme_of(tableau)[0]
        self._times, self._errors = np.empty((2, STEPPING.capacity))
        self._scalars = np.empty((STEPPING.capacity, scalars))
        self._states, self._dense = np.empty((STEPPING.capacity, size)), np.empty((STEPPING.capacity, 3, size))
        arrays = (self._times, self._errors, self._scalars, self._states, self._dense)
        self._steps = compiled.Steps(*map(compiled.pointer, arrays))
        self._inputs, self._y, self._work = compiled.Inputs(), np.empty(size), np.empty(0)
        self._rtol, self._caution, self._atol, self._N_max, self._rate = rtol, tableau.caution, atol, N_max, rate
        self.code = compiled.LANDED  # why the last run came back

    @property
    def y(self) -> np.ndarray:
        """The state that the last run came to."""
        return self._y

    def progress(self, times: np.ndarray) -> compiled.Progress:
        """That of a run from the first of these times to the last."""
        p = progress(self._rtol * self._caution, self._rtol, self._atol)
        p.t, p.h, p.low, p.high, p.max_step, p.N_max, p.rate = times[0], nan, -inf, inf, inf, self._N_max, self._rate
        p.tiny, p.span = 1e-10 * abs(times[-1] - times[0]), times[-1] - times[0]
        p.control_starting, p.capacity = True, STEPPING.capacity
        p.coarsening_every = p.until_coarsening = STEPPING.coarsened_every
        return p

    def run(self, system: compiled.System, y: np.ndarray, times: np.ndarray) -> np.ndarray | None:
        """Scalars at the times but the first, at which y is, shape (times, scalars); None where the core came back."""
        found = np.full((len(times), self._scalars.shape[1]), nan)
        self.follow(system, y, times, found, self.progress(times))
        return found if self.code == compiled.LANDED else None

    def follow(
        self,
        system: compiled.System,
        y: np.ndarray,
        times: np.ndarray,
        found: np.ndarray,
        p: compiled.Progress,
        k: int = 1,
        watch: BlowUpWatch | None = None,
    ) -> int:
        """The number of the time that was not reached, `code` says why: from y on, times[k] being the next one.

        Scalars at the times go to `found`, the rise of N to `watch`, and `p` has what the next mesh goes on with.
        """
        needed = self._core.felif_work(byref(system)) + 8
        if len(self._work) < needed:
            self._work = np.empty(needed)
        start = compiled.pointer(self._work)
        p.N_max, self._y[:] = self._N_max, y
        arguments = (
            *map(byref, (system, self._scheme, self._inputs, p, self._steps)),
            compiled.pointer(self._y),
            start + -start % 64,
        )
        for _ in range(STEPPING.most_bursts + len(times)):
            p.end = times[k]
            self.code = code = self._core.felif_burst(*arguments)
            if watch is not None and p.made:
                rates, errors = self._scalars[: p.made, self._rate], self._errors[: p.made]
                watch.record_many(self._times[: p.made], rates, errors, self._rtol)
            if code == compiled.LANDED:
                found[k] = self._scalars[p.made - 1]
                k += 1
                if p.finer:
                    self.code = compiled.LOOK_AT_MESH
                if p.finer or k == len(times):
                    return k
            elif code != compiled.FULL and not (code == compiled.RISING and watch is not None and not watch.rising):
                return k
        return k
