"""A mesh from a tolerance: where to cut the line and how large cells may be, from the model's own drift and noise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.inputs import input_value
from ..given.memory import memory_of_process, remembered
from ..given.parameters import parameters_of
from ..spaces import Space
from ..translation import weak_form_of
from ..translation.weak_form import CELLS, THRESHOLD, UNIT_TESTS, convection_of, probe
from .cell_sizes import Sizes
from .running_away import Cut, cut
from .tuning import EXTENT, MEMORY

_BELOW = np.concatenate([np.linspace(0, 30, 600), np.geomspace(30.1, EXTENT.reach, 200)])  # where it looks
_FINE_BELOW = np.concatenate([[0.0], np.geomspace(1e-11, EXTENT.reach, 3000)])  # the same where the drift bends

_known: dict[Any, tuple[Any, np.ndarray]] = memory_of_process()


def end_of(model: Any) -> Cut | None:
    """Where the line may end because the drift of the first field runs away, None where it goes on to V_F."""
    flow = Flow(model)
    if flow.lives_above or (np.isfinite(flow.top) and not flow.bends):
        return None
    noise = float(flow.at(np.array([flow.landings[0]]))[1][0])
    found = cut(flow.drift, noise, flow.landings[0], flow.top) if noise > 0 else None
    return None if found is None or max(flow.landings) >= found.last else found


def choose_nodes(
    flow: Flow,
    space: Space,
    tol: float,
    start: float | None = None,
    times: Sequence[float] = (0.0,),
    must_hold: bool = False,
) -> np.ndarray:
    """Sorted cell ends for a drift and a noise, graded toward V_F, nodes on V_R, V_F and other points.

    V_min: where the stationary density of the slowest drift has fallen below tol (it decays like exp(int f/a)).
    start: another place from which neurons begin; times: at which the drift is looked at for V_min; must_hold: a
    drift that holds nobody at the highest rate there may be is refused, as no mesh is extended later.
    Cell sizes follow h(v) = min(C l(v), h_0 + g |v - V_F|): l is the local width of the density, sqrt(a/|f'|) in the
    bulk and a/|f| in the layers at V_F and V_R; C = tol^(1/(degree + 1)) up to a factor, from the interpolation error.
    """
    if (told := flow.told(times) if flow.end is None else None) is None:
        return _chosen(flow, space, tol, start, times, must_hold)
    key = (id(flow.weak_form), flow.field, told, space, tol, start, must_hold)
    known = _known.get(key)
    if known is None:  # the weak form is held: no other has its id
        known = flow.weak_form, _chosen(flow, space, tol, start, times, must_hold)
    return remembered(_known, key, known, MEMORY.chosen)[1].copy()


def _chosen(
    flow: Flow, space: Space, tol: float, start: float | None, times: Sequence[float], must_hold: bool
) -> np.ndarray:
    sizes = Sizes(flow, space, tol, start)
    low = min(flow.cut(tol, t, must_hold) for t in times)
    if start is None:
        ends = [low, *sorted(flow.landings), flow.top]
    else:
        ends = [min(low, sizes.below(start)), *sorted({start, *flow.landings}), flow.top]
    if flow.end is not None:
        ends.insert(-1, flow.end.last)
    parts = [sizes.nodes(a, b) for a, b in zip(ends, ends[1:], strict=False)]
    if flow.lives_above:
        parts.append(sizes.nodes(flow.top, flow.cut_above(tol)))
    return np.unique(np.concatenate(parts))


class Flow:
    """Drift and noise of a field (the first) as functions of v; `scalars`: at these values, whatever the rate.

    where: what messages add to the model's name.
    """

    def __init__(
        self,
        model: Any,
        weak_form: Any = None,
        end: Cut | None = None,
        field: str | None = None,
        scalars: Mapping[str, float] | None = None,
        where: str = "",
    ) -> None:
        weak_form = weak_form_of(model) if weak_form is None else weak_form
        self.landings, self.top = weak_form.landings, weak_form.top if end is None else end.end
        self.length = self.top - self.landings[0]
        self.weak_form = weak_form = weak_form if end is None else end.of(weak_form)
        self.field, self._given = weak_form.fields[0].name if field is None else field, scalars
        self._m = parameters_of(model)
        self._terms = [t for t in weak_form.terms if t.into == self.field == t.of]
        sources = (t for t in weak_form.terms if t.into == self.field and t.of is None and t.over == CELLS)
        self._sources = [t.form for t in sources if callable(t.form)]
        self._scalars = [(s.name, bool(s.algebraic)) for s in weak_form.scalars]
        self._inputs = [(i.name, i.parameter, getattr(model, i.parameter)) for i in weak_form.inputs if i.of is None]
        self._delayed = [(i.name, i.of) for i in weak_form.inputs if i.of is not None]
        self.lives_above = not any(s.algebraic == "flux" and s.of == self.field for s in weak_form.scalars)
        self.model, self.end, self._where = model, end, where

    def __reduce__(self) -> tuple[Any, ...]:
        return Flow, (self.model, None, self.end, self.field, self._given)

    @cached_property
    def _at_ends(self) -> list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]]:
        """The forms at V_R and V_F."""
        return self.on(np.array([self.landings[0], self.top]))

    def on(self, v: np.ndarray) -> list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]]:
        """(term, convection, diffusion, reaction) of each form at points v, for `combine`."""
        return [(term, *probe(term, v)) for term in self._terms]

    @cached_property
    def bends(self) -> bool:
        """Whether the drift is not affine in v between V_R and V_F."""
        v = np.linspace(self.landings[0], self.top, 33)
        f = self.drift(v)
        straight = f[0] + (f[-1] - f[0]) * (v - v[0]) / (v[-1] - v[0])
        return bool(np.abs(f - straight).max() > 1e-9 * (np.abs(f).max() + 1e-300))

    @cached_property
    def _uneven(self) -> bool:
        """Whether evenly spread points do not see the way from V_R to V_F, nor what lies below it."""
        return self.bends or self._unit() > EXTENT.far * self.length

    def combine(
        self,
        forms: list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]],
        rate: float = 0.0,
        t: float = 0.0,
        inputs: Mapping[str, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate above V_F) where `forms` were probed, when every algebraic scalar is `rate`.

        inputs: at these values instead of those at time t.
        """
        drift, noise, escape = 0.0, 0.0, 0.0 * forms[0][1]
        coefficients = self._coefficients(rate, t, inputs)
        for c, (term, convection, diffusion, reaction) in zip(coefficients, forms, strict=True):
            drift, noise = drift + c * convection, noise + c * diffusion
            if term.over != CELLS:
                escape = escape - c * reaction
        return drift, noise, escape

    def _coefficients(self, rate: float, t: float, inputs: Mapping[str, float] | None = None) -> tuple[Any, ...]:
        s = SimpleNamespace(**{name: rate if algebraic else 0.0 for name, algebraic in self._scalars})
        vars(s).update(inputs or {})
        for name, parameter, value in self._inputs:
            if inputs is None or name not in inputs:
                setattr(s, name, input_value(parameter, value, t) if callable(value) else float(value))
        vars(s).update(self._given or {})
        for name, of in self._delayed:
            setattr(s, name, getattr(s, of))
        return tuple(1.0 if term.coefficient is None else term.coefficient(s, self._m) for term in self._terms)

    def told(self, times: Sequence[float]) -> tuple[Any, ...] | None:
        """All that meshes chosen at these times depend on besides the forms; None where it is no list of numbers."""
        if not self.weak_form.is_of_numbers:
            return None
        rates = self.rate_range
        told = tuple(self._coefficients(rate, t) for rate, t in {(0.0, 0.0), *itertools.product(rates, times)})
        numbers = all(isinstance(c, int | float) for coefficients in told for c in coefficients)
        return (rates, tuple(times), told) if numbers else None

    def at(self, v: np.ndarray, rate: float = 0.0, t: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate) at points v."""
        return self.combine(self.on(v), rate, t)

    def drift(self, v: np.ndarray) -> np.ndarray:
        """The drift without activity, where it overflows too."""
        forms = [(term, convection_of(term, v), 0.0, 0.0) for term in self._terms]
        return np.broadcast_to(self.combine(forms)[0], v.shape)

    @cached_property
    def rate_range(self) -> tuple[float, ...]:
        """Firing rates between which the mesh must serve: 0 and, where activity inhibits, the self-consistent one."""
        if self._given is not None or self.combine(self._at_ends, 1.0)[0][1] >= self.combine(self._at_ends, 0.0)[0][1]:
            return (0.0,)
        low = min(self.landings)
        v = np.linspace(low - 8 * self.length, self.top, 400)
        if self._uneven:  # where noise decides lies anywhere between
            v = self._spread(min(v[0], low - 8 * self._unit()))
        forms = self.on(v)
        low, high = 0.0, max(self._stationary_rate(v, forms, 0.0), 1e-12)
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (middle, high) if self._stationary_rate(v, forms, middle) > middle else (low, middle)
        return (0.0, high)

    def _stationary_rate(self, v: np.ndarray, forms: list, rate: float) -> float:
        """1 / (mean first-passage time to V_F from V_R, or above) at frozen activity; trapezoidal rule, a few per cent.

        Above: from the highest of `landings`, from which neurons fire most.
        """
        start = max(self.landings)
        drift, noise, _ = self.combine(forms, rate)
        if self._uneven:
            return 1.0 / self._passage_time(v, drift / noise, noise, start)
        step = v[1] - v[0]
        potential = np.concatenate([[0.0], np.cumsum((drift / noise)[1:] + (drift / noise)[:-1]) * step / 2])
        inner = np.exp(np.clip(potential[-1] - potential, -600, 600))
        inner = np.cumsum(inner[::-1])[::-1] * step
        inner[v < start] = inner[np.searchsorted(v, start)]
        return 1.0 / float(np.sum(np.exp(np.clip(potential - potential[-1], -600, 600)) * inner / noise) * step)

    def _passage_time(self, v: np.ndarray, slope: np.ndarray, noise: np.ndarray, start: float) -> float:
        """int P/a with P(v) = int_{max(v, start)}^{V_F} exp(Phi(v) - Phi(s)) ds, Phi' = f/a, from V_F down."""
        steps = np.diff(v)
        rises = np.clip((slope[1:] + slope[:-1]) / 2 * steps, -600, 600)
        rises = np.where(np.abs(rises) < 1e-12, 1e-12, rises)
        kept, gained = np.exp(-rises), np.where(v[:-1] >= start, -np.expm1(-rises) / rises * steps, 0.0)
        P = np.zeros(len(v))
        for i in range(len(v) - 2, -1, -1):
            P[i] = min(kept[i] * P[i + 1] + gained[i], 1e250)
        return float(np.sum((P / noise)[1:] * steps + (P / noise)[:-1] * steps) / 2)

    def _spread(self, low: float) -> np.ndarray:
        """Points from `low` to V_F, dense at V_R, at V_F and where the drift is smallest."""
        v = np.linspace(low, self.top, 400)
        smallest = v[int(np.argmin(np.where(v >= min(self.landings), np.abs(self.drift(v)), np.inf)))]
        away = np.geomspace(1e-9, 1.0, 300) * (self.top - low)
        places = np.array([[place] for place in (*self.landings, smallest, self.top)])
        v = np.unique(np.concatenate([v, places.ravel(), (places + away).ravel(), (places - away).ravel()]))
        return v[(v >= low) & (v <= self.top)]

    def share_below(self, low: float) -> float:
        """Part of the stationary density without activity below `low`; trapezoidal rule, a few per cent of it.

        Raises ValueError where the drift holds no neurons.
        """
        start = min(self.landings)
        v = np.unique(np.concatenate([np.linspace(min(self.cut(1e-8), low), self.top, 2000), [low, start]]))
        drift, noise, _ = self.at(v)
        slope, steps = drift / noise, np.diff(v)
        potential = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * steps)])
        rise = np.exp(np.clip(potential.max() - potential, None, 600.0))
        inner = np.concatenate([np.cumsum(((rise[1:] + rise[:-1]) / 2 * steps)[::-1])[::-1], [0.0]])
        inner[v < start] = inner[np.searchsorted(v, start)]
        density = np.exp(potential - potential.max()) * inner / noise
        parts = (density[1:] + density[:-1]) / 2 * steps
        return float(parts[v[1:] <= low].sum() / parts.sum())

    def cut(self, tol: float, t: float = 0.0, must_hold: bool = False) -> float:
        """V_min: below it lies less than about tol / 10 of the stationary mass, at the slowest drift expected."""
        width = self.length
        v = min(self.landings) - self._unit() * (_FINE_BELOW if self.bends else _BELOW)
        lowest, forms = self._lowest_source(v), self.on(v)
        for rate in self.rate_range:
            drift, noise, _ = self.combine(forms, rate, t)
            slope = drift / noise
            potential = np.concatenate([[0.0], -np.cumsum((slope[1:] + slope[:-1]) / 2 * np.abs(np.diff(v)))])
            # log of the mass below v: the density times its decay length
            below = potential - np.maximum.accumulate(potential) - np.log(np.maximum(slope * width, 1.0))
            enough = (below < np.log(tol / 30)) & (slope > 0)
            if self.bends:  # however little mass lies below V_R, the layer there is the source's
                enough &= potential < np.log(tol / 30) / 2
            if not enough.any() and rate > 0 and not must_hold:
                return float(v[-1])  # the rate is an upper bound where neurons rest or fire late
            if not enough.any():
                raise ValueError(
                    f"{self.model}{self._where}: the drift does not hold neurons above v = {v[-1]:g}, so no V_min can "
                    "be chosen; give a mesh (interval) or a drift that is positive at very negative v"
                )
            lowest = min(lowest, float(v[np.argmax(enough)]))
        return lowest

    def _lowest_source(self, v: np.ndarray) -> float:
        """The highest of the potentials v, from the lowest point downwards, below which no source brings anybody in."""
        lowest = float(v[0])
        for form in self._sources:
            height = sum(np.abs(np.broadcast_to(form(phi, v[None]), v.shape)) for phi in UNIT_TESTS)
            panels = (height[1:] + height[:-1]) / 2 * np.abs(np.diff(v))
            below = np.append(np.cumsum(panels[::-1])[::-1], 0.0)
            if below[0] > 0:
                lowest = min(lowest, float(v[np.argmax(below <= EXTENT.nobody * below[0])]))
        return lowest

    def _unit(self) -> float:
        """Width of the neuron's world: V_F - V_R or sqrt(a), or what is far for it if the drift leads far below V_R."""
        drift, noise, _ = self.at_ends()
        far = max(-float(drift[0]), 0.0) / self.leak_rate if self.leak_rate > 0 else 0.0
        return max(self.length, float(np.sqrt(noise[1])), 4 * far / EXTENT.reach)

    def at_ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate) at V_R and V_F, without activity."""
        return self.combine(self._at_ends)

    @property
    def leak_rate(self) -> float:
        """By how much the drift falls from V_R to V_F, over their distance: 1 / tau_m of a leaky neuron; 0 for none."""
        drift, _, _ = self.at_ends()
        return max(float(drift[0] - drift[1]) / self.length, 0.0)

    def decay_lengths(self, ends: np.ndarray) -> tuple[float, float]:
        """How far a density reaches beyond the two ends of a mesh, without activity; 0 above V_F where nobody is."""
        drift, noise, escape = self.at(ends)
        shortest = noise / (1e3 * self.length)
        low = noise[0] / max(drift[0], shortest[0])
        high = noise[1] / max(np.sqrt(max(drift[1], 0.0) ** 2 + 4 * noise[1] * escape[1]), shortest[1])
        return float(low), float(high) if self.lives_above else 0.0

    def decay_above(self, v: float, rate: float = 0.0) -> float:
        """Width of the layer of those who have not fired yet above V_F, sqrt(a eps) for a small escape time eps."""
        drift, noise, escape = (float(part[0]) for part in self.at(np.array([np.nextafter(v, np.inf)]), rate))
        return (drift + math.sqrt(drift**2 + 4 * noise * escape)) / max(2 * escape, 1e-300)

    def cut_above(self, tol: float, rate: float = 0.0) -> float:
        """V_max above V_F: n ~ exp(k (v - V_F)), a k^2 - f k = escape rate, has fallen below tol there."""
        v = self.top + self._unit() * np.linspace(0, 60, 4000)
        drift, noise, escape = self.at(v, rate)
        decay = (np.sqrt(drift**2 + 4 * noise * escape) - drift) / (2 * noise)
        fallen = np.concatenate([[0.0], np.cumsum((decay[1:] + decay[:-1]) / 2 * np.diff(v))])
        enough = fallen > np.log(30 / tol)
        if not enough.any():
            raise ValueError(
                f"{self.model}{self._where}: the density above {THRESHOLD} does not decay; give a mesh "
                "(interval, v_max)"
            )
        return float(v[np.argmax(enough)])
