"""The fold nearest in one parameter, from the curve p(N) of steady states over the firing rate: a hint, no certificate.

At fixed N the frozen problem fires at out(N; p); out = N determines p(N), and folds in p are its extrema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..algebra import SingularMatrix
from ..problem import Problem
from .frozen import Frozen
from .tuning import SEARCH

_STRIDE = 0.1 * np.log(10.0)  # along log N


@dataclass(frozen=True)
class NearestFold:
    """Where two steady states meet: `parameter` has the value `value` there, and the firing rate is N."""

    parameter: str
    value: float
    N: float

    def __str__(self) -> str:
        return f"{self.parameter} = {self.value:.9g} (N = {self.N:.6g})"


def nearest_fold(problem: Problem, t: float, totals: np.ndarray, N: float) -> NearestFold | None:
    """The fold nearest to `problem` in its first parameter, on the curve of steady states passing near N; or None."""
    names = problem.parameter_names
    if not names or not SEARCH.lowest < N < SEARCH.highest:
        return None
    name, value = names[0], float(getattr(problem.model, names[0]))
    curve = _Curve(problem, t, totals, name)
    z = np.log(N)
    try:
        middle = curve(z, value)
        sides = {way: [(z, middle), (z + way * _STRIDE, curve(z + way * _STRIDE, middle))] for way in (1.0, -1.0)}
    except (_Lost, ValueError):  # ValueError: a value the model does not allow
        return None
    found = []
    if _turns(sides[-1.0][1][1], middle, sides[1.0][1][1]):
        found.append(_extremum(curve, [sides[-1.0][1], (z, middle), sides[1.0][1]]))
    for way, points in sides.items():
        reach = min((abs(p - value) for p, _ in found), default=np.inf)
        found += _walk(curve, points, way, value, reach)
    if not found:
        return None
    p, z = min(found, key=lambda fold: abs(fold[0] - value))
    if problem.tol:  # again on a mesh made for it
        try:
            near = Frozen(problem.rebuilt(**{name: p}), t, totals, moving=[0])
            there = _Curve(near.fitting(np.exp([z])).problem, t, totals, name, follows=False)
            p, z = _extremum(
                there, [(z + shift, there(z + shift, p)) for shift in (-0.1 * _STRIDE, 0.0, 0.1 * _STRIDE)]
            )
        except (_Lost, ValueError):
            pass
    return NearestFold(name, p, float(np.exp(z)))


class _Lost(ArithmeticError):
    """No parameter value was found for a firing rate."""


class _Curve:
    """p(log N): the parameter at which N is a steady rate, by the secant method, slopes kept from call to call.

    On a mesh that fits for each decade of N, at the parameter where the curve first came there, if it `follows`.
    """

    def __init__(self, problem: Problem, t: float, totals: np.ndarray, name: str, follows: bool = True) -> None:
        self._problem, self._t, self._totals, self._name, self._follows = problem, t, totals, name, follows
        self._slope: float | None = None
        self._meshes: dict[int, Problem] = {}

    def _excess(self, z: float, p: float) -> float:
        decade = round(z / np.log(10.0)) if self._follows else 0
        if decade not in self._meshes:
            self._meshes[decade] = self._fitting(z, p) if self._follows else self._problem
        frozen = Frozen(self._meshes[decade].at(**{self._name: p}), self._t, self._totals, moving=[0])
        return float(frozen.excess(np.exp(np.array([z])))[0])

    def _fitting(self, z: float, p: float) -> Problem:
        there = Frozen(self._problem.at(**{self._name: p}), self._t, self._totals, moving=[0])
        return there.fitting(np.exp([z])).problem

    def __call__(self, z: float, p: float) -> float:
        f = self._excess(z, p)
        for _ in range(SEARCH.tries):
            if self._slope is None:
                step = 1e-3 * (1 + abs(p))
                self._slope = (self._excess(z, p + step) - f) / step
            if not abs(self._slope) > 1e-12 or not np.isfinite(self._slope):
                break
            step = float(np.clip(-f / self._slope, -(1 + abs(p)), 1 + abs(p)))
            p += step
            if abs(step) <= 1e-11 * (1 + abs(p)):
                return p
            before, f = f, self._excess(z, p)
            if abs(f) <= 1e-13:
                return p
            self._slope = (f - before) / step if abs(step) > 1e-7 * (1 + abs(p)) else self._slope
        self._slope = None
        raise _Lost


def _turns(before: float, middle: float, after: float) -> bool:
    return (middle - before) * (after - middle) < 0


def _walk(
    curve: Callable, points: list[tuple[float, float]], way: float, target: float, reach: float
) -> list[tuple[float, float]]:
    """[(p, log N)] of the first extremum in one direction, unless the curve first leaves `reach` around `target`."""
    points = list(points)
    for _ in range(SEARCH.strides):
        (z0, p0), (z1, p1) = points[-2:]
        if abs(p1 - target) > reach or not np.log(SEARCH.lowest) < z1 + way * _STRIDE < np.log(SEARCH.highest):
            break
        try:
            points.append((z1 + way * _STRIDE, curve(z1 + way * _STRIDE, 2 * p1 - p0)))
            if _turns(p0, p1, points[-1][1]):
                return [_extremum(curve, points[-3:])]
        except (_Lost, SingularMatrix, ValueError):
            break
    return []


def _extremum(curve: Callable, points: list[tuple[float, float]]) -> tuple[float, float]:
    """(p, log N) at the vertex of parabolas through three points, the last ones a hundredth of a stride apart."""
    for width in (0.1 * _STRIDE, 0.01 * _STRIDE, 0.0):
        z, p = (np.array(column) for column in zip(*points, strict=True))
        second, first, _ = np.polyfit(z - z[1], p, 2)
        vertex = float(np.clip(z[1] - first / (2 * second), z.min(), z.max()))
        at = curve(vertex, float(p[1]))
        if width:
            points = [(vertex + shift, curve(vertex + shift, at)) for shift in (-width, 0.0, width)]
    return at, vertex
