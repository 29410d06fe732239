"""Drifts that run away towards V_F: where the line may be cut, whatever V_F is, V_F = infinity included.

Far above the last place at which noise decides anything, a neuron follows V' = f(V) and all that matters is the time

    T(v) = int_v^{V_F} dv / f(v)

that it still needs. So f is kept up to a place v_c and constant above it, and V_F becomes v_c + f(v_c) T(v_c): the time
from v_c to the threshold is the same, and no mass is lost. What this changes is how noise, a/f(v_c)^2, and the current
m, m T/f(v_c), alter that time; v_c is where both have fallen below 1e-10 of the time scale of the neuron (a current
that is constant counts as part of f, and is no error).

Exponential neurons: v_c lies about 13 delta above v_soft and V_F one delta above v_c. Quadratic ones: V_F = 2 v_c.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..algebra import gauss
from ..translation.weak_form import THRESHOLD, Term, WeakForm
from .tuning import CUT

_POINTS, _WEIGHTS = gauss(20)


@dataclass(frozen=True)
class Cut:
    """The drift is constant above `last`; there the axis counts the time that is left, and it ends at `end`.

    drift     f with the input at which the times were taken
    top       the model's own V_F
    time      scale of the neuron's times
    part      of it by which the time from `last` is wrong
    """

    last: float
    end: float
    drift: Callable = field(repr=False, compare=False)
    top: float = field(repr=False, compare=False)
    time: float = field(repr=False, compare=False)
    part: float = field(repr=False, compare=False)

    @cached_property
    def speed(self) -> float:
        """f where it becomes constant."""
        return float(values(self.drift, np.array([self.last]))[0])

    @property
    def left(self) -> float:
        """Time from `last` to V_F."""
        return (self.end - self.last) / self.speed

    def wrong(self, more: float, noise: float) -> float:
        """By how much an input that is `more` and noise falsify the time from `last` to V_F; to first order."""
        return (abs(more) * self.left + noise / self.speed) / self.speed

    def axis(self, v: np.ndarray) -> np.ndarray:
        """Where potentials below the model's V_F lie on the axis."""
        v = np.asarray(v, float)
        above = v > self.last
        if not above.any():
            return v
        new = v.copy()
        new[above] = np.minimum(self.end - self.speed * self._times_left(v[above]), np.nextafter(self.end, 0.0))
        return new

    def potentials(self, x: np.ndarray) -> np.ndarray:
        """The potentials of points of the axis: where the drift alone needs the same time to V_F."""
        x = np.asarray(x, float)
        above = x > self.last
        if not above.any():
            return x
        v, left = self._table
        logarithm = np.log(np.maximum(self.end - x[above], 1e-300) / self.speed)
        places = np.interp(-logarithm, -np.log(left[:-1]), np.log(v[:-1] - self.last + self._unit))
        found = np.exp(places) - self._unit + self.last
        for _ in range(3):  # Newton on log T
            now = np.maximum(self._times_left(found), 1e-300)
            found = found + (np.log(now) - logarithm) * now * values(self.drift, found)
            found = np.clip(found, self.last, v[-2])
        new = x.copy()
        new[above] = found
        return new

    def slowed(self, v: np.ndarray) -> np.ndarray:
        """Potentials per unit of the axis there: what a density over v has to be multiplied by to be one over x."""
        result = np.ones(np.shape(v))
        above = v > self.last
        result[above] = values(self.drift, v[above]) / self.speed
        return result

    @cached_property
    def _unit(self) -> float:
        return self.speed * self.left

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """Potentials above `last`, and the times that are left there, until next to none is."""
        v, piece, step = [self.last], self.left, 0.05 * self._unit
        while v[-1] < self.top and piece > 1e-14 * self.left and len(v) < CUT.places:
            f, ahead = values(self.drift, v[-1] + step * np.array([0.0, 1.0]))
            step = min(step * min(0.2 * f / max(ahead - f, 1e-300), 2.0), self.top - v[-1])
            piece = float(_crossing(self.drift, np.array(v[-1:]), np.array([step]))[0])
            v.append(v[-1] + step)
        ends = np.array(v)
        return ends, travel_times(self.drift, ends, self.top)

    def _times_left(self, v: np.ndarray) -> np.ndarray:
        ends, left = self._table
        k = np.clip(np.searchsorted(ends, v, side="right"), 1, len(ends) - 1)
        return np.maximum(left[k] + _crossing(self.drift, v, ends[k] - v), 0.0)

    def of(self, form: WeakForm) -> WeakForm:
        """The weak form whose integrands read v no farther than `last`."""
        return dataclasses.replace(form, terms=tuple(self._term(term) for term in form.terms))

    def _term(self, term: Term) -> Term:
        if term.of is None or term.form is None:
            return term
        inner, last = term.form, self.last
        return dataclasses.replace(term, form=lambda n, phi, x: inner(n, phi, np.minimum(x, last)))


@dataclass(frozen=True)
class Capped:
    """A drift that is constant above `last`."""

    drift: Callable
    last: float

    def __call__(self, v: Any) -> Any:
        return self.drift(np.minimum(v, self.last))


def values(drift: Callable, v: np.ndarray) -> np.ndarray:
    """f at points v, infinite where it overflows."""
    with np.errstate(all="ignore"):
        try:
            f = np.asarray(drift(v), float)
        except (TypeError, ValueError):  # written for one number
            f = np.empty(0)
        if f.shape != v.shape:
            f = np.array([_one(drift, x) for x in v.tolist()])
    return f


def _one(drift: Callable, x: float) -> float:
    try:
        return float(drift(x))
    except OverflowError:
        return math.inf


def cut(drift: Callable, noise: float, start: float, top: float, part: float = CUT.negligible) -> Cut | None:
    """Where the line ends for this drift, or None where it must reach to V_F itself.

    Only a convex drift that grows up to V_F runs away. Raises ValueError for V_F = infinity where the drift needs an
    infinite time to get there, or needs values beyond those of floating-point numbers.
    """
    v, f, low = _way(drift, noise, start, top)
    if v is None:
        if math.isinf(top):
            raise ValueError(
                f"{THRESHOLD} = inf: drift = {drift!r} takes an infinite time to infinity; allowed are drifts for "
                f"which int dv/f(v) converges (Exponential, Quadratic), or a finite {THRESHOLD}"
            )
        return None
    k = int(np.argmin(f))
    own = np.flatnonzero(f[k:] * (v[k:] - low) >= noise) + k  # noise no longer leads back to the minimum
    if not own.size:
        return None
    scale = max(abs(float(f[k])), float(f[own[0]]))
    left = travel_times(drift, v, top)
    time = float(left[own[0]])
    with np.errstate(all="ignore"):
        wrong = (left * scale + noise / f) / f
        thin = noise / f < CUT.thinnest * (v + f * left - start)
    above = (np.arange(len(v)) > own[0]) & (f > scale)
    place = np.flatnonzero(above & ((wrong <= part * time) | thin))
    place = place[wrong[place] <= max(CUT.worst, part) * time]
    if not place.size:
        if math.isinf(top):
            raise ValueError(
                f"{THRESHOLD} = inf: with noise {noise:.3g} the way of drift = {drift!r} to infinity cannot be cut off "
                "where the boundary layer is not too thin for floating-point numbers; allowed are more noise, or a "
                f"finite {THRESHOLD}"
            )
        return None
    last = float(v[place[0]])
    end = last + float(f[place[0]]) * float(left[place[0]])
    return Cut(last, end, drift, top, time, float(wrong[place[0]] / time)) if last < end < top else None


def _way(drift: Callable, noise: float, start: float, top: float) -> tuple[np.ndarray | None, np.ndarray | None, float]:
    """(points from the minimum of f upwards, f there, that minimum); None where f does not run away."""
    unit = math.sqrt(noise)
    top = top if math.isfinite(top) else max(start, 0.0) + 1e30 * max(unit, 1.0)
    reach = top - start
    steps = np.concatenate([[0.0], np.geomspace(1e-6 * min(unit, reach), reach, 4001)])
    v = start + steps
    f = values(drift, v)
    low = float(v[int(np.argmin(np.where(np.isnan(f), np.inf, f)))])
    width = max(abs(low - start) * 2e-2, 1e-3 * min(unit, reach))
    for _ in range(5):  # the minimum, closer
        near = np.linspace(max(low - width, start), min(low + width, top), 401)
        low, width = float(near[int(np.argmin(values(drift, near)))]), width / 50
    start = max(low, start)
    if not top > start:
        return None, None, low
    v = start + np.concatenate([[0.0], np.geomspace(1e-3 * min(unit, top - start), top - start, 6001)])
    f = values(drift, v)
    good = np.isfinite(f) & (f < 1e150)
    if not good.all():
        v, f = v[: int(np.argmin(good))], f[: int(np.argmin(good))]
    k = int(np.argmin(f)) if len(f) else 0
    v, f = v[k:], f[k:]
    if len(v) < 10 or not f[-1] > 0 or not np.all(np.diff(f) >= -1e-9 * np.abs(f[1:])):
        return None, None, low
    slope = np.diff(f) / np.diff(v)
    return (v, f, low) if slope[-1] > 2 * max(float(slope[0]), 0.0) else (None, None, low)


def travel_times(drift: Callable, v: np.ndarray, top: float) -> np.ndarray:
    """T(v) = int_v^{V_F} dv/f at increasing v; infinite below the last zero of f."""
    end = float(v[-1])
    tail = _tail(drift, end, top)
    pieces = _crossing(drift, v[:-1], np.diff(v))
    return np.append(np.cumsum(pieces[::-1])[::-1], 0.0) + tail


def _crossing(drift: Callable, low: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """int dv/f from each `low` on over its width; infinite where f is not positive."""
    points = low[:, None] + widths[:, None] * _POINTS
    f = values(drift, points.ravel()).reshape(points.shape)
    with np.errstate(all="ignore"):
        return np.where((f > 0).all(axis=1), widths * ((1 / f) @ _WEIGHTS), np.inf)


def _tail(drift: Callable, low: float, top: float) -> float:
    """int_low^{V_F} dv/f where f is huge: pieces that grow, until nothing is added."""
    total, width, v = 0.0, 1e-3 * max(abs(low), 1e-3), low
    while v < top:
        width = min(width, top - v)
        piece = float(_crossing(drift, np.array([v]), np.array([width]))[0])
        total, v, width = total + piece, v + width, 1.3 * width
        if not piece > 1e-18 * total or v > 1e200:
            break
    return total


def places(old: Cut | None, new: Cut | None, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(points of the old axis at the points x of the new one, what densities there are multiplied by)."""
    if old == new:
        return x, np.ones(len(x))
    inside = x < new.end if new is not None else np.ones(len(x), bool)
    v, factor = x.copy(), np.ones(len(x))
    if new is not None:
        v[inside] = new.potentials(x[inside])
        factor[inside] = new.slowed(v[inside])
    if old is not None:
        factor[inside] /= old.slowed(v[inside])
        v[inside] = old.axis(v[inside])
        v[~inside] = old.end
    return v, factor
