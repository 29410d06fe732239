"""First passage with a current that depends on time: the equation of FirstSpike carried in time by `evolve`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import in_a_row
from ..evolution import Event
from ..models.first_spike import COUNT
from ..problem import NotConverged, Problem, State
from .tuning import PASSAGE


class Course:
    """Survival and density of the time of passage along a run; times count from its start."""

    slowest = None

    def __init__(self, run: Any) -> None:
        self.run = run
        self._start = float(run.times[0])
        self._end = float(run.times[-1])
        self._place = run.problem.layout.offsets[COUNT]
        self._total = run.problem.conserved["total"].copy()
        self._total[self._place] = 0.0
        self._left = float(self._total @ run.final.y)
        self.mean, self.second_moment = self._moments()

    def require_all(self) -> None:
        """Raises NotConverged where neurons are left at the end of the run."""
        if self._left > 10 * PASSAGE.left:
            raise NotConverged(
                f"first_passage: at t = {self._end:g} the neuron has not fired with probability {self._left:.3g}, "
                "so that its interval has no mean and no quantiles; give a later t_end"
            )

    def require_times(self, longest: float) -> None:
        """Raises ValueError for times that the run has not reached."""
        if longest > self._end - self._start and self._left > 10 * PASSAGE.left:
            raise ValueError(f"t = {longest!r}; allowed are times up to t_end - t_start = {self._end - self._start!r}")

    @classmethod
    def of(cls, problem: Problem, b: np.ndarray, t_start: float, t_end: float | None, tol: float) -> Course:
        from ..runs.starting import evolve

        mass = problem.mass
        y = b / mass.data[0] if mass.kl == 0 else np.linalg.solve(mass.dense(), b)
        fired = Event("fired", lambda state: getattr(state, COUNT) - (1 - PASSAGE.left), direction=1, terminal=True)
        run = evolve(
            problem,
            State(problem, t_start, y),
            t_start + PASSAGE.longest_wait if t_end is None else t_end,
            t_start=t_start,
            rtol=max(tol, 1e-11),
            events=(fired,),
            progress=False,
        )
        return cls(run)

    def evaluate(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        f, S = np.zeros(len(times)), np.zeros(len(times))
        for k, t in enumerate((self._start + times).tolist()):
            if t <= self._end:
                problem, y = self.run.trajectory.evaluate(t)
                f[k], S[k] = problem.rate(t, y)[self._place], self._total @ y
        return f, S

    def panels(self) -> np.ndarray:
        """The steps of the run."""
        return np.concatenate([segment.times for segment in self.run.segments]) - self._start

    def _moments(self) -> tuple[float, float]:
        """int S dt and int 2 t S dt, by Gauss's rule on every step."""
        mean = second = 0.0
        for segment in self.run.segments:
            t, weight = in_a_row(segment.times, 5)
            S = segment.evaluate_many(t) @ self._total
            mean += float(weight @ S)
            second += float(weight @ (2 * (t - self._start) * S))
        return mean, second
