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
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..weakform import Term, WeakForm

NEGLIGIBLE = 1e-10  # part of the neuron's time scale by which the time from v_c to V_F may be wrong
_WORST = 1e-5  # the same where little noise would make the layer at V_F thinner than ...
_THINNEST = 1e-11  # ... this part of the line
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(20)


@dataclass(frozen=True)
class Cut:
    """The drift is constant above `last`; there the axis counts the time that is left, and V_F is `v_fire`."""

    last: float
    v_fire: float

    def of(self, form: WeakForm) -> WeakForm:
        """The weak form whose integrands read v no farther than `last`."""
        return dataclasses.replace(form, terms=tuple(self._term(term) for term in form.terms))

    def _term(self, term: Term) -> Term:
        if term.of is None or term.form is None:
            return term
        inner, last = term.form, self.last
        return dataclasses.replace(term, form=lambda n, phi, x: inner(n, phi, np.minimum(x, last)))


def bounded_law(law: Any, part: float) -> Any:
    """A particle law that ends where its drift runs away, in terms of `cut`; the law itself where it does not.

    Raises ValueError for V_F = infinity and populations of different drifts.
    """
    drifts = {id(population.drift): population.drift for population in law.populations}
    if law.escape_time > 0 or law.learning is not None or len(drifts) > 1:
        if math.isinf(law.v_fire):
            raise ValueError("v_fire = inf; allowed for particles is one drift that reaches infinity, and a threshold")
        return law
    (drift,) = drifts.values()
    end = cut(drift, max(p.noise for p in law.populations), law.v_reset, law.v_fire, part)
    if end is None:
        return law
    populations = tuple(dataclasses.replace(p, drift=Capped(drift, end.last)) for p in law.populations)
    return dataclasses.replace(law, populations=populations, v_fire=end.v_fire, place=Place(drift, end, law.v_fire))


@dataclass(frozen=True)
class Place:
    """Where potentials below `v_fire` lie on an axis that counts the time left above `end.last`."""

    drift: Callable
    end: Cut
    v_fire: float

    def __call__(self, v: np.ndarray) -> np.ndarray:
        above = v > self.end.last
        if not above.any():
            return v
        high, back = np.unique(np.append(v[above], self.end.last), return_inverse=True)
        left = travel_times(self.drift, high, self.v_fire)
        new = v.copy()
        new[above] = self.end.v_fire - (self.end.v_fire - self.end.last) * (left / left[0])[back.ravel()][:-1]
        return np.minimum(new, np.nextafter(self.end.v_fire, -np.inf))


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


def cut(drift: Callable, noise: float, v_reset: float, v_fire: float, part: float = NEGLIGIBLE) -> Cut | None:
    """Where the line ends for this drift, or None where it must reach to V_F itself.

    Only a convex drift that grows up to V_F runs away. Raises ValueError for V_F = infinity where the drift needs an
    infinite time to get there, or needs values beyond those of floating-point numbers.
    """
    v, f, low = _way(drift, noise, v_reset, v_fire)
    if v is None:
        if math.isinf(v_fire):
            raise ValueError(
                f"v_fire = inf: drift = {drift!r} takes an infinite time to infinity; allowed are drifts for which "
                "int dv/f(v) converges (Exponential, Quadratic), or a finite v_fire"
            )
        return None
    k = int(np.argmin(f))
    own = np.flatnonzero(f[k:] * (v[k:] - low) >= noise) + k  # noise no longer leads back to the minimum
    if not own.size:
        return None
    scale = max(abs(float(f[k])), float(f[own[0]]))
    left = travel_times(drift, v, v_fire)
    time = float(left[own[0]])
    with np.errstate(all="ignore"):
        wrong = (left * scale + noise / f) / f
        thin = noise / f < _THINNEST * (v + f * left - v_reset)
    above = (np.arange(len(v)) > own[0]) & (f > scale)
    place = np.flatnonzero(above & ((wrong <= part * time) | thin))
    place = place[wrong[place] <= max(_WORST, part) * time]
    if not place.size:
        if math.isinf(v_fire):
            raise ValueError(
                f"v_fire = inf: with noise {noise:.3g} the way of drift = {drift!r} to infinity cannot be cut off "
                "where the boundary layer is not too thin for floating-point numbers; allowed are more noise, or a "
                "finite v_fire"
            )
        return None
    last = float(v[place[0]])
    end = last + float(f[place[0]]) * float(left[place[0]])
    return Cut(last, end) if last < end < v_fire else None


def _way(
    drift: Callable, noise: float, v_reset: float, v_fire: float
) -> tuple[np.ndarray | None, np.ndarray | None, float]:
    """(points from the minimum of f upwards, f there, that minimum); None where f does not run away."""
    unit = math.sqrt(noise)
    top = v_fire if math.isfinite(v_fire) else max(v_reset, 0.0) + 1e30 * max(unit, 1.0)
    reach = top - v_reset
    steps = np.concatenate([[0.0], np.geomspace(1e-6 * min(unit, reach), reach, 4001)])
    v = v_reset + steps
    f = values(drift, v)
    low = float(v[int(np.argmin(np.where(np.isnan(f), np.inf, f)))])
    width = max(abs(low - v_reset) * 2e-2, 1e-3 * min(unit, reach))
    for _ in range(5):  # the minimum, closer
        near = np.linspace(max(low - width, v_reset), min(low + width, top), 401)
        low, width = float(near[int(np.argmin(values(drift, near)))]), width / 50
    start = max(low, v_reset)
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


def travel_times(drift: Callable, v: np.ndarray, v_fire: float) -> np.ndarray:
    """T(v) = int_v^{V_F} dv/f at increasing v; infinite below the last zero of f."""
    end = float(v[-1])
    tail = _tail(drift, end, v_fire)
    widths = np.diff(v)
    points = v[:-1, None] + widths[:, None] * (_POINTS + 1) / 2
    f = values(drift, points.ravel()).reshape(points.shape)
    with np.errstate(all="ignore"):
        pieces = np.where((f > 0).all(axis=1), widths / 2 * ((1 / f) @ _WEIGHTS), np.inf)
    return np.append(np.cumsum(pieces[::-1])[::-1], 0.0) + tail


def _tail(drift: Callable, low: float, v_fire: float) -> float:
    """int_low^{V_F} dv/f where f is huge: pieces that grow, until nothing is added."""
    total, width, v = 0.0, 1e-3 * max(abs(low), 1e-3), low
    while v < v_fire:
        width = min(width, v_fire - v)
        points = v + width * (_POINTS + 1) / 2
        f = values(drift, points)
        piece = float(width / 2 * ((1 / f) @ _WEIGHTS))
        total, v, width = total + piece, v + width, 1.3 * width
        if not piece > 1e-18 * total or v > 1e200:
            break
    return total
