"""The compiled core alone: a run of which only the scalars at some times are wanted, without a trajectory.

What the core cannot decide by itself (the mesh may not serve, N has run away, a step fails) ends it.
"""

from __future__ import annotations

from ctypes import byref
from math import inf, nan

import numpy as np

from ..algebra import compiled
from .bursts import scheme_of
from .schemes import Rodas5P, tableau_of

_CAPACITY = 64
_MOST_BURSTS = 400  # of 64 steps


class Lean:
    """Memory for runs of systems of one shape, one at a time."""

    def __init__(self, size: int, scalars: int, rtol: float, atol: float, N_max: float, rate: int) -> None:
        tableau = tableau_of(Rodas5P(), False)
        self._core = compiled.library()
        self._scheme = scheme_of(tableau)[0]
        self._times, self._errors = np.empty((2, _CAPACITY))
        self._scalars = np.empty((_CAPACITY, scalars))
        self._states, self._dense = np.empty((_CAPACITY, size)), np.empty((_CAPACITY, 3, size))
        arrays = (self._times, self._errors, self._scalars, self._states, self._dense)
        self._steps = compiled.Steps(*map(compiled.pointer, arrays))
        self._inputs, self._y, self._work = compiled.Inputs(), np.empty(size), np.empty(0)
        self._rtol, self._caution, self._atol, self._N_max, self._rate = rtol, tableau.caution, atol, N_max, rate

    def run(self, system: compiled.System, y: np.ndarray, times: np.ndarray) -> np.ndarray | None:
        """Scalars at the times but the first, at which y is, shape (times, scalars); None where the core came back."""
        found = np.full((len(times), self._scalars.shape[1]), nan)
        needed = self._core.felif_work(byref(system)) + 8
        if len(self._work) < needed:
            self._work = np.empty(needed)
        start = compiled.pointer(self._work)
        p = compiled.Progress(rtol=self._rtol * self._caution, accepted_rtol=self._rtol, atol=self._atol, known=-1)
        p.t, p.h, p.low, p.high, p.max_step, p.N_max, p.rate = times[0], nan, -inf, inf, inf, self._N_max, self._rate
        p.tiny, p.span = 1e-10 * abs(times[-1] - times[0]), times[-1] - times[0]
        p.control_starting, p.capacity, p.coarsening_every, p.until_coarsening = True, _CAPACITY, 8, 8
        self._y[:] = y
        arguments = (
            *map(byref, (system, self._scheme, self._inputs, p, self._steps)),
            compiled.pointer(self._y),
            start + -start % 64,
        )
        bursts = 0
        for k in range(1, len(times)):
            p.end = times[k]
            while (code := self._core.felif_burst(*arguments)) != compiled.LANDED:
                bursts += 1
                if code != compiled.FULL or bursts > _MOST_BURSTS:
                    return None
            found[k] = self._scalars[p.made - 1]
            if p.finer:
                return None
        return found
