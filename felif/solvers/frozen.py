"""Steady states as the fixed points of a few scalars: the problem is linear once drift and noise are frozen.

For scalars s, A(s) y = 0 with C y = totals is one linear system; its solution fires at rates out(s) = G(s) y, and every
steady state is a root of out(s) = s. Only the scalars that move A(s) count as unknowns (N, or one N per population).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..algebra import Bordered, SingularMatrix
from ..algebra.roots import roots_between, scanned
from ..problem import Problem
from .border import Border, conservation
from .tuning import SEARCH

_COARSE = 10.0 ** np.r_[-14.0, -11.0, -9.0, -7.5, np.arange(-6.0, 4.1, 0.5)]


class Frozen:
    """out(s) of a problem, s the values of the scalars that drift and noise depend on."""

    def __init__(self, problem: Problem, t: float, totals: np.ndarray, moving: list[int] | None = None) -> None:
        self.problem, self.t, self.totals = problem, t, totals
        self._start = conservation(problem).sum(axis=0)
        self._border = Border(problem, self._start)
        self._scalars = np.zeros(len(problem.scalar_names))
        self.moving = self._all_moving() if moving is None else moving
        self.names = [problem.scalar_names[j] for j in self.moving]
        self.evaluations = 0
        self._last: tuple = (None, None, None)  # the scalars that were asked for, and their system

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_last": (None, None, None)}  # factors are made again

    def _all_moving(self) -> list[int]:
        reference = self.problem.linear_at(self.t, self._scalars).band.data
        return [j for j in range(len(self._scalars)) if self._moves(j, reference)]

    def _moves(self, j: int, reference: np.ndarray) -> bool:
        s = self._scalars.copy()
        s[j] = 1.0
        return not np.array_equal(self.problem.linear_at(self.t, s).band.data, reference)

    def _matrix(self, s: np.ndarray) -> Any:
        full = self._scalars.copy()
        full[self.moving] = s
        return self.problem.linear_at(self.t, full)

    def solve(self, s: np.ndarray, refine: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(out, y): what fires in the stationary state y of the problem frozen at s. Raises SingularMatrix."""
        self.evaluations += 1
        known, system, A = self._last
        if known != (key := s.tobytes()):
            A, system = self._system(s)
            self._last = key, system, A
        problem = self.problem
        y, _ = system.solve(np.zeros(problem.size), self.totals, refine)
        if not np.isfinite(y).all():
            raise SingularMatrix(f"the problem frozen at {dict(zip(self.names, s, strict=True))} has no solution")
        self._start = y
        return (A.G @ y)[self.moving], y

    def _system(self, s: np.ndarray) -> tuple[Any, Bordered]:
        """(A(s), factors with what is conserved)."""
        A = self._matrix(s)
        self._border.hold(self._start)
        return A, self._border.around(A)

    def excess(self, s: np.ndarray) -> np.ndarray:
        """log(out/s), one number a scalar; -SEARCH.deep where nothing fires."""
        try:
            out, _ = self.solve(s)
        except SingularMatrix:
            return np.full(len(s), -SEARCH.deep)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.clip(
                np.where(out > 0, np.log(np.maximum(out, 1e-300) / s), -SEARCH.deep), -SEARCH.deep, SEARCH.deep
            )

    def fitting(self, s: np.ndarray) -> Frozen:
        """The same on a mesh that fits the densities which drift and noise at s hold; this one if it may not change."""
        hook = self.problem.mesh_at_rest
        full = self._scalars.copy()
        full[self.moving] = s
        better = hook(self.t, full) if hook else None
        return self if better is None else Frozen(better, self.t, self.totals, self.moving)


def roots_of_one(excess: Callable[[float], float]) -> list[float]:
    """log N at sign changes of the excess at all rates looked for, and the lowest where it begins above 0; some are
    spurious."""
    at_log = lambda z: excess(float(np.exp(z)))
    x, f = scanned(at_log, np.log(_COARSE), SEARCH.finest, SEARCH.deep)
    below = [] if f[0] > 0 else [float(np.log(SEARCH.lowest))]
    return [*below, *roots_between(at_log, x, f, within=1e-8)]
