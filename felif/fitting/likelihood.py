"""The likelihood of interspike intervals under a model, as a function of some of its parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..assembly.automatic import end_of
from ..given.memory import remembered
from ..given.portable import require_portable
from ..models.first_spike import FirstSpike
from ..output.progress import Bar
from ..problem import NotConverged
from .passage import passage_on, passage_problem
from .passage_law import FirstPassage
from .tuning import LIKELIHOOD

TIME = "membrane_time"  # the parameter that is no model's: the model's unit of time, in that of the data
POSITIVE = ("a0", "tau", "eps", TIME)
NONNEGATIVE = ("dead_time",)


class Likelihood:
    """log f(t_i; theta) of every interval.

    theta: coordinates of the free parameters in which likelihoods are nearly quadratic over wide ranges: log x of those
    that must be positive, sqrt(x) of a dead time, w asinh((x - V_R)/w) with w = V_F - V_R of potentials and currents,
    which is logarithmic far away. `scales`: a change of theta that matters; `limits`: where theta ends; `visited`: the
    log-likelihood of every theta at which it was asked for.
    """

    def __init__(self, intervals: np.ndarray, model: Any, names: tuple[str, ...], rate: float | None, time: float):
        self.intervals, self.model, self.names = intervals, model, names
        self.rate, self.time = rate, time
        self.evaluations = 0
        self._logarithmic = np.array([name in POSITIVE for name in names])
        self._rooted = np.array([name in NONNEGATIVE for name in names])
        end = end_of(model)  # V_F may be infinite
        self._origin = float(model.v_reset)
        self._width = (float(model.v_fire) if end is None else end.last) - self._origin
        self.start = self.theta([time if name == TIME else getattr(model, name) for name in names])
        plain = np.where(self._rooted, math.sqrt(float(intervals.mean()) / time), self._width)
        self.scales = np.where(self._logarithmic, 1.0, plain)
        self.limits = [(0.0, math.inf) if rooted else (-math.inf, math.inf) for rooted in self._rooted]
        self.visited: dict[bytes, float] = {}
        self._last: tuple[bytes, np.ndarray] | None = None
        self._laws: dict[bytes, tuple[FirstPassage, float]] = {}
        self._shape = np.array([name not in (TIME, *NONNEGATIVE) for name in names])
        self._bar, self._best = None, -math.inf
        self._base: tuple[np.ndarray, Any] | None = None
        self._kept = LIKELIHOOD.near

    def __getstate__(self) -> dict[str, Any]:
        require_portable(f"A fit of {type(self.model).__name__}", model=self.model)
        return {**vars(self), "_bar": None}

    def theta(self, values: Any) -> np.ndarray:
        values = np.asarray(values, float)
        positive = np.where(self._logarithmic, values, 1.0)  # where the logarithm is taken
        stretched = self._width * np.arcsinh((values - self._origin) / self._width)
        result = np.where(self._logarithmic, np.log(positive), stretched)
        return np.where(self._rooted, np.sqrt(np.where(self._rooted, values, 0.0)), result)

    def values(self, theta: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            stretched = self._origin + self._width * np.sinh(theta / self._width)
        result = np.where(self._logarithmic, np.exp(np.where(self._logarithmic, theta, 0.0)), stretched)
        return np.where(self._rooted, theta**2, result)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """d(values)/d(theta)."""
        with np.errstate(over="ignore"):
            plain = np.cosh(theta / self._width)
        return np.where(self._rooted, 2 * theta, np.where(self._logarithmic, self.values(theta), plain))

    def exists(self, theta: np.ndarray, j: int, x: float) -> bool:
        """Whether there is a model where theta_j = x."""
        moved = theta.copy()
        moved[j] = x
        try:
            self.at(moved)
        except ValueError:
            return False
        return True

    def at(self, theta: np.ndarray) -> tuple[Any, float]:
        """(model, membrane time). Raises ValueError where the model does not exist."""
        values = dict(zip(self.names, self.values(theta).tolist(), strict=True))
        time = values.pop(TIME, self.time)
        return dataclasses.replace(self.model, **values), time

    def passage(self, theta: np.ndarray) -> tuple[FirstPassage, float]:
        model, time = self.at(theta)
        neuron, silent = FirstSpike.between_spikes(model, self.rate)
        problem = self._discretized(neuron, theta)
        return passage_on(problem, neuron.v_reset, tol=LIKELIHOOD.tol, silent=silent, terms=LIKELIHOOD.terms), time

    @property
    def mesh_theta(self) -> np.ndarray:
        """The parameters whose mesh was used last."""
        return self._base[0]

    def _discretized(self, neuron: FirstSpike, theta: np.ndarray) -> Any:
        """On the mesh of the last parameters, where these are close to them and V_R, V_F are the same."""
        if self._base is not None:
            at, problem = self._base
            if (neuron.v_reset, neuron.v_fire) == (problem.model.v_reset, problem.model.v_fire) and np.all(
                (np.abs(theta - at) < self._kept * self.scales)[self._shape]
            ):
                return problem.at(model=neuron.model)
        problem = passage_problem(neuron, neuron.v_reset, 0.0, LIKELIHOOD.tol)
        if problem.size > LIKELIHOOD.largest:
            raise ValueError(f"fit: {neuron.model} needs {problem.size} unknowns; allowed are {LIKELIHOOD.largest}")
        self._base = theta.copy(), problem
        return problem

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Progress on a terminal, after two seconds: evaluations and the largest likelihood so far."""
        with Bar("fit") as self._bar:
            yield
        self._bar = None

    def logarithms(self, theta: np.ndarray) -> np.ndarray | None:
        """log f(t_i), or None where the model does not exist or hardly ever fires."""
        if self._last is not None and self._last[0] == theta.tobytes():
            return self._last[1]
        self.evaluations += 1
        try:
            density, time = self._density(theta)
        except (ValueError, NotConverged, OverflowError):
            return None
        logs = np.log(np.maximum(density, LIKELIHOOD.floor)) - math.log(time)
        self._last = (theta.tobytes(), logs)
        if self._bar is not None:
            self._best = max(self._best, float(logs.sum()))
            self._bar(f"{self.evaluations} evaluations, log-likelihood {self._best:.6g}")
        return logs

    def _density(self, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """(density at the intervals, membrane time); a membrane time and a dead time only shift and stretch a law."""
        model, time = self.at(theta)
        silent = float(getattr(model, "dead_time", 0.0))
        key = theta[self._shape].tobytes() + bytes([silent > 0])
        known = self._laws.get(key)
        if known is None:
            known = remembered(self._laws, key, (self.passage(theta)[0], silent), LIKELIHOOD.laws)
        law, dead = known
        return law.density(np.maximum(self.intervals / time - (silent - dead), 0.0)), time

    def impossible(self, theta: np.ndarray) -> bool:
        """No interval could be one of the model."""
        logs = self.logarithms(theta)
        return logs is None or bool(logs.max() <= math.log(LIKELIHOOD.floor) - math.log(self.at(theta)[1]) + 1)

    def total(self, theta: np.ndarray) -> float:
        key = theta.tobytes()
        if key not in self.visited:
            logs = self.logarithms(theta)
            self.visited[key] = -math.inf if logs is None else float(logs.sum())
        return self.visited[key]

    def seen(self, least: float) -> list[np.ndarray]:
        """Every theta visited with a log-likelihood >= least."""
        return [np.frombuffer(key) for key, total in self.visited.items() if total >= least]

    def scores(self, theta: np.ndarray, free: np.ndarray, sides: int = 2) -> np.ndarray | None:
        """d log f(t_i)/d theta_j for the free j, shape (intervals, free), by central or (sides = 1) forward differences
        on one mesh.
        """
        columns, middle = [], self.logarithms(theta) if sides == 1 else None
        self._kept = 2 * LIKELIHOOD.near
        try:
            for j in free:
                step = np.zeros(len(theta))
                step[j] = LIKELIHOOD.step * self.scales[j]
                above = self.logarithms(theta + step)
                below = middle if sides == 1 else self.logarithms(theta - step)
                if above is None or below is None:
                    return None
                columns.append((above - below) / (sides * step[j]))
        finally:
            self._kept = LIKELIHOOD.near
        return np.array(columns).T

    def moments(self, theta: np.ndarray) -> np.ndarray | None:
        """(log mean, log cv) of the intervals of the model, None where there are none."""
        try:
            passage, time = self.passage(theta)
        except (ValueError, NotConverged, OverflowError):
            return None
        return np.log([passage.mean * time, passage.cv])

    def information(self, theta: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Observed information -d2(log L)/d theta2 by second differences with these steps."""
        p, middle = len(theta), self.total(theta)
        moves = np.diag(steps)
        plus = np.array([self.total(theta + moves[j]) for j in range(p)])
        minus = np.array([self.total(theta - moves[j]) for j in range(p)])
        if not np.all(np.isfinite([*plus, *minus])):
            return np.full((p, p), np.nan)
        H = np.diag(plus + minus - 2 * middle)
        for i in range(p):
            for j in range(i):
                both = self.total(theta + moves[i] + moves[j]) + self.total(theta - moves[i] - moves[j])
                H[i, j] = H[j, i] = 0.5 * (both - plus[i] - plus[j] - minus[i] - minus[j] + 2 * middle)
        return -H / np.outer(steps, steps)
