"""Sizes of cells: how wide they may be at every place, and meshes of cells that are no wider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..spaces import ExponentialFitting, Space
from ..translation.weak_form import THRESHOLD
from .tuning import EXTENT

_DEPTH = np.concatenate([[0.0], np.geomspace(1e-6, 0.5, 80)])  # where sizes of cells are looked at, from both ends


def in_equal_parts(v: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Cell ends from the first to the last of some places, between which `count` says how many cells there are."""
    cells = max(1, int(np.ceil(count[-1] - 1e-9)))
    nodes = np.interp(np.linspace(0, count[-1], cells + 1), count, v)
    nodes[[0, -1]] = v[[0, -1]]
    return nodes


def carried(bulk: np.ndarray, drift: np.ndarray, slope: np.ndarray, above_reset: np.ndarray) -> np.ndarray:
    """Widths where the drift carries the density up and noise is small: n is J/f there, as smooth as f."""
    smooth = drift / np.maximum(slope, 1e-100)
    return np.where(above_reset & (smooth > EXTENT.carried * bulk), smooth / EXTENT.carried, bulk)


def sampled(size: Callable[[np.ndarray], np.ndarray], v: np.ndarray, most: int) -> np.ndarray:
    """Points dense enough for the size function: none of their distances is far above the sizes at its ends.

    Raises ValueError where more than `most` points would be needed.
    """
    while True:
        h, gaps = size(v), np.diff(v)
        wide = gaps > 2 * np.minimum(h[1:], h[:-1])
        if not np.all(np.isfinite(h) & (h > 0)) or len(v) > most:
            raise _too_many(most, v, h)
        wide &= gaps > 1e-13 * (np.abs(v[1:]) + (v[-1] - v[0]))
        if not wide.any():
            return v
        v = np.sort(np.concatenate([v, (v[:-1] + v[1:])[wide] / 2]))


def _too_many(most: int, v: np.ndarray, h: np.ndarray) -> ValueError:
    return ValueError(
        f"discretize: no mesh of at most {most} cells on [{v[0]:.6g}, {v[-1]:.6g}], for the density would vary within "
        f"{np.nanmin(h):.3g} there; allowed are drift, noise and {THRESHOLD} for which it is less narrow, "
        "or a larger tol"
    )


class Sizes:
    """The size function h(v) of a `Flow`, and the meshes that follow it."""

    def __init__(
        self, flow: Any, space: Space, tol: float, start: float | None = None, others: Sequence[Sizes] = ()
    ) -> None:
        self._flow, self._others = flow, others
        degree = space.degree
        self._most = EXTENT.most_nodes // degree
        order = 2 if isinstance(space, ExponentialFitting) else degree + 1
        self._relative = 2.2 * (tol / 1e-4) ** (1 / order) if degree > 2 else 2.5 * tol ** (1 / order)
        if degree > 2:  # what is cheap enough to resolve ordinary initial data too, without another mesh
            self._relative = min(self._relative, EXTENT.widest * max(1.0, tol / 1e-3) ** (1 / order))
        if 2 < degree < 6:  # where V_F lies far in the tail of the density, the order 2 degree of the flux is needed
            self._relative = min(self._relative, 0.4 * degree * tol ** (1 / (2 * degree)))
        self._growth = 1.1 if degree > 2 else 0.35
        drift, noise, _ = flow.at_ends()
        layers = noise / np.maximum(np.abs(drift), 1e-300)
        self._scale = float(min(np.sqrt(noise[1]), flow.length))
        finest = self._scale * (0.5 * tol**0.3 if degree > 2 else 0.7 * self._relative)
        at_fire = min(float(layers[1]), flow.decay_above(flow.top)) if flow.lives_above else float(layers[1])
        self._sources = ((flow.top, min(finest, self._relative * at_fire)),)
        drift, noise, _ = flow.at(np.array(flow.landings))
        for place, speed, spread in zip(flow.landings, drift.tolist(), noise.tolist(), strict=True):
            if speed > 0:
                self._sources += ((place, self._relative * spread / speed),)
        if start is not None:
            drift, noise, _ = flow.at(np.array([start]))
            layer = min(0.1 * self._scale, self._relative * float(noise[0] / max(abs(drift[0]), 1e-300)))
            self._sources += ((start, layer),)

    def below(self, start: float) -> float:
        """A place below `start` that the density around it does not reach."""
        return start - 40 * self._sources[-1][1] / self._relative

    def size(self, v: np.ndarray) -> np.ndarray:
        flow, step = self._flow, (1e-7 if self._flow.bends else 1e-4) * self._flow.length
        drift, noise, _ = flow.at(np.concatenate([v, v + step, v - step]))
        slope = np.abs(drift[len(v) : 2 * len(v)] - drift[2 * len(v) :]) / (2 * step)
        bulk = np.sqrt(noise[: len(v)] / np.maximum(slope, 1e-300))
        if flow.bends:
            bulk = carried(bulk, drift[: len(v)], slope, v >= flow.landings[0])
        # far below everything the density is negligible, however steep
        h = self._relative * np.minimum(bulk, 2 * flow.length + 0.3 * np.abs(v - flow.landings[0]))
        for place, finest in self._sources:
            h = np.minimum(h, finest + self._growth * np.abs(v - place))
        for other in self._others:
            h = np.minimum(h, other.size(v))
        return h

    def nodes(self, low: float, high: float) -> np.ndarray:
        """Cell ends on [low, high], equidistributed with respect to dv/h(v)."""
        v = np.concatenate([low + _DEPTH * (high - low), high - _DEPTH[-2::-1] * (high - low)])
        if self._flow.bends:
            v = sampled(self.size, v, self._most)
        h = self.size(v)
        density = 1 / np.maximum(h, 1e-300)
        count = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(v))])
        if not count[-1] <= self._most:
            raise _too_many(self._most, v, h)
        return in_equal_parts(v, count)
