"""A mesh from a tolerance: where to cut the line and how large cells may be, from the model's own drift and noise."""

from __future__ import annotations

import math
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..weakform import CELLS
from .coefficients import parameters_of
from .forms import probe
from .spaces import ExponentialFitting, Space

_WIDEST = 1.25  # cell, in units of the local width of the density
_REACH = 400.0  # of the search for V_min, in units of V_F - V_R or of sqrt(a), whichever is larger
_BELOW = np.concatenate([np.linspace(0, 30, 600), np.geomspace(30.1, _REACH, 200)])  # where it looks
_DEPTH = np.concatenate([[0.0], np.geomspace(1e-6, 0.5, 80)])  # where sizes of cells are looked at, from both ends


def choose_nodes(model: Any, space: Space, tol: float) -> np.ndarray:
    """Sorted cell ends for `model`, graded toward V_F, nodes on V_R and V_F.

    V_min: where the stationary density of the slowest drift has fallen below tol (it decays like exp(int f/a)).
    Cell sizes follow h(v) = min(C l(v), h_0 + g |v - V_F|): l is the local width of the density, sqrt(a/|f'|) in the
    bulk and a/|f| in the layers at V_F and V_R; C = tol^(1/(degree + 1)) up to a factor, from the interpolation error.
    """
    flow = Flow(model)
    low = flow.cut(tol)
    sizes = _Sizes(flow, space, tol)
    parts = [sizes.nodes(low, flow.v_reset), sizes.nodes(flow.v_reset, flow.v_fire)]
    if flow.lives_above:
        parts.append(sizes.nodes(flow.v_fire, flow.cut_above(tol)))
    return np.unique(np.concatenate(parts))


class Flow:
    """Drift and noise of the first field as functions of v, for given values of the scalars."""

    def __init__(self, model: Any, weak_form: Any = None) -> None:
        weak_form = model.weak_form() if weak_form is None else weak_form
        self.v_reset, self.v_fire = float(model.v_reset), float(model.v_fire)
        self.field = weak_form.fields[0].name
        self._m = parameters_of(model)
        self._terms = [t for t in weak_form.terms if t.into == self.field == t.of]
        self._scalars = [(s.name, bool(s.algebraic)) for s in weak_form.scalars]
        self._inputs = [(i.name, getattr(model, i.parameter)) for i in weak_form.inputs if i.of is None]
        self._delayed = [i.name for i in weak_form.inputs if i.of is not None]
        self.lives_above = not any(s.algebraic == "flux" and s.of == self.field for s in weak_form.scalars)
        self.model = model

    @cached_property
    def _at_ends(self) -> list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]]:
        """The forms at V_R and V_F."""
        return self.on(np.array([self.v_reset, self.v_fire]))

    def on(self, v: np.ndarray) -> list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]]:
        """(term, convection, diffusion, reaction) of each form at points v, for `combine`."""
        return [(term, *probe(term, v)) for term in self._terms]

    def combine(
        self, forms: list[tuple[Any, np.ndarray, np.ndarray, np.ndarray]], rate: float = 0.0, t: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate above V_F) where `forms` were probed, when every algebraic scalar is `rate`."""
        s = SimpleNamespace(**{name: rate if algebraic else 0.0 for name, algebraic in self._scalars})
        for name, value in self._inputs:
            setattr(s, name, float(value(t)) if callable(value) else float(value))
        for name in self._delayed:
            setattr(s, name, rate)
        drift, noise, escape = 0.0, 0.0, 0.0 * forms[0][1]
        for term, convection, diffusion, reaction in forms:
            c = 1.0 if term.coefficient is None else term.coefficient(s, self._m)
            drift, noise = drift + c * convection, noise + c * diffusion
            if term.over != CELLS:
                escape = escape - c * reaction
        return drift, noise, escape

    def at(self, v: np.ndarray, rate: float = 0.0, t: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate) at points v."""
        return self.combine(self.on(v), rate, t)

    def rate_range(self) -> tuple[float, ...]:
        """Firing rates between which the mesh must serve: 0 and, where activity inhibits, the self-consistent one."""
        if self.combine(self._at_ends, 1.0)[0][1] >= self.combine(self._at_ends, 0.0)[0][1]:
            return (0.0,)
        v = np.linspace(self.v_reset - 8 * (self.v_fire - self.v_reset), self.v_fire, 400)
        forms = self.on(v)
        low, high = 0.0, max(self._stationary_rate(v, forms, 0.0), 1e-12)
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (middle, high) if self._stationary_rate(v, forms, middle) > middle else (low, middle)
        return (0.0, high)

    def _stationary_rate(self, v: np.ndarray, forms: list, rate: float) -> float:
        """1 / (mean first-passage time from V_R to V_F) at frozen activity; trapezoidal rule, a few per cent."""
        drift, noise, _ = self.combine(forms, rate)
        step = v[1] - v[0]
        potential = np.concatenate([[0.0], np.cumsum((drift / noise)[1:] + (drift / noise)[:-1]) * step / 2])
        inner = np.exp(np.clip(potential[-1] - potential, -600, 600))
        inner = np.cumsum(inner[::-1])[::-1] * step
        inner[v < self.v_reset] = inner[np.searchsorted(v, self.v_reset)]
        return 1.0 / float(np.sum(np.exp(np.clip(potential - potential[-1], -600, 600)) * inner / noise) * step)

    def share_below(self, low: float) -> float:
        """Part of the stationary density without activity below `low`; trapezoidal rule, a few per cent of it.

        Raises ValueError where the drift holds no neurons.
        """
        v = np.unique(np.concatenate([np.linspace(min(self.cut(1e-8), low), self.v_fire, 2000), [low, self.v_reset]]))
        drift, noise, _ = self.at(v)
        slope, steps = drift / noise, np.diff(v)
        potential = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * steps)])
        rise = np.exp(np.clip(potential.max() - potential, None, 600.0))
        inner = np.concatenate([np.cumsum(((rise[1:] + rise[:-1]) / 2 * steps)[::-1])[::-1], [0.0]])
        inner[v < self.v_reset] = inner[np.searchsorted(v, self.v_reset)]
        density = np.exp(potential - potential.max()) * inner / noise
        parts = (density[1:] + density[:-1]) / 2 * steps
        return float(parts[v[1:] <= low].sum() / parts.sum())

    def cut(self, tol: float, t: float = 0.0) -> float:
        """V_min: below it lies less than about tol / 10 of the stationary mass, at the slowest drift expected."""
        width = self.v_fire - self.v_reset
        v = self.v_reset - self._unit() * _BELOW
        lowest, forms = self.v_reset, self.on(v)
        for rate in self.rate_range():
            drift, noise, _ = self.combine(forms, rate, t)
            slope = drift / noise
            potential = np.concatenate([[0.0], -np.cumsum((slope[1:] + slope[:-1]) / 2 * np.abs(np.diff(v)))])
            # log of the mass below v: the density times its decay length
            below = potential - np.maximum.accumulate(potential) - np.log(np.maximum(slope * width, 1.0))
            enough = (below < np.log(tol / 30)) & (slope > 0)
            if not enough.any():
                raise ValueError(
                    f"{self.model}: the drift does not hold neurons above v = {v[-1]:g}, so no V_min can be chosen; "
                    "give a mesh (interval) or a drift that is positive at very negative v"
                )
            lowest = min(lowest, float(v[np.argmax(enough)]))
        return lowest

    def _unit(self) -> float:
        """Width of the neuron's world: V_F - V_R or sqrt(a), whichever is larger."""
        _, noise, _ = self.at_ends()
        return max(self.v_fire - self.v_reset, float(np.sqrt(noise[1])))

    def at_ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(drift, noise, escape rate) at V_R and V_F, without activity."""
        return self.combine(self._at_ends)

    def decay_lengths(self, ends: np.ndarray) -> tuple[float, float]:
        """How far a density reaches beyond the two ends of a mesh, without activity; 0 above V_F where nobody is."""
        drift, noise, escape = self.at(ends)
        shortest = noise / (1e3 * (self.v_fire - self.v_reset))
        low = noise[0] / max(drift[0], shortest[0])
        high = noise[1] / max(np.sqrt(max(drift[1], 0.0) ** 2 + 4 * noise[1] * escape[1]), shortest[1])
        return float(low), float(high) if self.lives_above else 0.0

    def decay_above(self, v: float, rate: float = 0.0) -> float:
        """Width of the layer of those who have not fired yet above V_F, sqrt(a eps) for a small escape time eps."""
        drift, noise, escape = (float(part[0]) for part in self.at(np.array([np.nextafter(v, np.inf)]), rate))
        return (drift + math.sqrt(drift**2 + 4 * noise * escape)) / max(2 * escape, 1e-300)

    def cut_above(self, tol: float, rate: float = 0.0) -> float:
        """V_max above V_F: n ~ exp(k (v - V_F)), a k^2 - f k = escape rate, has fallen below tol there."""
        v = self.v_fire + self._unit() * np.linspace(0, 60, 4000)
        drift, noise, escape = self.at(v, rate)
        decay = (np.sqrt(drift**2 + 4 * noise * escape) - drift) / (2 * noise)
        fallen = np.concatenate([[0.0], np.cumsum((decay[1:] + decay[:-1]) / 2 * np.diff(v))])
        enough = fallen > np.log(30 / tol)
        if not enough.any():
            raise ValueError(f"{self.model}: the density above v_fire does not decay; give a mesh (interval, v_max)")
        return float(v[np.argmax(enough)])


class _Sizes:
    """The size function h(v) and the meshes that follow it."""

    def __init__(self, flow: Flow, space: Space, tol: float) -> None:
        self._flow = flow
        degree = space.degree
        order = 2 if isinstance(space, ExponentialFitting) else degree + 1
        self._relative = 2.2 * (tol / 1e-4) ** (1 / order) if degree > 2 else 2.5 * tol ** (1 / order)
        local = getattr(space, "lowest", None) is not None  # degrees follow the state: what it needs comes with it
        if degree > 2 and not local:  # what is cheap enough to resolve ordinary initial data too, without another mesh
            self._relative = min(self._relative, _WIDEST * max(1.0, tol / 1e-3) ** (1 / order))
        if 2 < degree < 6:  # where V_F lies far in the tail of the density, the order 2 degree of the flux is needed
            self._relative = min(self._relative, 0.4 * degree * tol ** (1 / (2 * degree)))
        self._growth = 1.1 if degree > 2 else 0.35
        drift, noise, _ = flow.at_ends()
        layers = noise / np.maximum(np.abs(drift), 1e-300)
        self._scale = float(min(np.sqrt(noise[1]), flow.v_fire - flow.v_reset))
        finest = self._scale * (0.5 * tol**0.3 if degree > 2 else 0.7 * self._relative)
        finest = np.sqrt(finest * self._scale) if local else finest
        at_fire = min(float(layers[1]), flow.decay_above(flow.v_fire)) if flow.lives_above else float(layers[1])
        self._sources = ((flow.v_fire, min(finest, self._relative * at_fire)),)
        if drift[0] > 0:
            self._sources += ((flow.v_reset, self._relative * float(layers[0])),)

    def size(self, v: np.ndarray) -> np.ndarray:
        flow, step = self._flow, 1e-4 * (self._flow.v_fire - self._flow.v_reset)
        drift, noise, _ = flow.at(np.concatenate([v, v + step, v - step]))
        slope = np.abs(drift[len(v) : 2 * len(v)] - drift[2 * len(v) :]) / (2 * step)
        bulk = np.sqrt(noise[: len(v)] / np.maximum(slope, 1e-300))
        # far below everything the density is negligible, however steep
        h = self._relative * np.minimum(bulk, 2 * (flow.v_fire - flow.v_reset) + 0.3 * np.abs(v - flow.v_reset))
        for place, finest in self._sources:
            h = np.minimum(h, finest + self._growth * np.abs(v - place))
        return h

    def nodes(self, low: float, high: float) -> np.ndarray:
        """Cell ends on [low, high], equidistributed with respect to dv/h(v)."""
        v = np.concatenate([low + _DEPTH * (high - low), high - _DEPTH[-2::-1] * (high - low)])
        density = 1 / self.size(v)
        count = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(v))])
        cells = max(1, int(np.ceil(count[-1])))
        nodes = np.interp(np.linspace(0, count[-1], cells + 1), count, v)
        nodes[[0, -1]] = low, high
        return nodes
