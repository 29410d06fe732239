"""The rate of a single neuron and its slope, tabulated: integrals over w ask for them at very many drift centres.

log r and log r', without their Gaussian part (V_F - m)^2/(2a) below V_F, are analytic in m; interpolated at Chebyshev
points on panels of length sqrt(a)/2, with a border at V_F, they are exact to rounding (1e-15, relative to 1 + |log r|).
Far from V_F, where they vary like powers of |m - V_F|, panels grow with the distance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from .neuron_rate import passage_integrals
from .tuning import NEURON

_SIDE = NEURON.reach + NEURON.far_panels
_X = chebyshev.chebpts1(NEURON.nodes)
_TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(_X, NEURON.nodes - 1))


class RateTable:
    """log r(m) and r'(m) for one neuron; panels are filled when they are asked for first."""

    def __init__(self, a: float, v_reset: float, v_fire: float) -> None:
        self._neuron = (a, v_reset, v_fire)
        self._length = np.sqrt(a) / NEURON.panels_per_width
        self._coefficients = np.zeros((2, NEURON.nodes, 2 * _SIDE))
        self._known = np.zeros(2 * _SIDE, bool)

    def log_rate(self, m: np.ndarray) -> np.ndarray:
        return self._interpolated(0, m)

    def slope(self, m: np.ndarray) -> np.ndarray:
        """r'(m) = -T'(m)/T(m)^2, T the mean time between two spikes."""
        return np.exp(self._interpolated(1, m))

    def _interpolated(self, which: int, m: np.ndarray) -> np.ndarray:
        a, _, v_fire = self._neuron
        m = np.asarray(m, float)
        if not np.isfinite(m).all():
            raise ValueError(f"the drift centre m = {m[~np.isfinite(m)][0]} is not finite")
        place = _place((m.ravel() - v_fire) / self._length)
        panel = np.clip(np.floor(place), -_SIDE, _SIDE - 1)
        number = panel.astype(int) + _SIDE
        self._fill(number)
        c = self._coefficients[which][:, number]
        x = 2 * (place - panel) - 1
        below, last = c[-1], np.zeros_like(x)  # Clenshaw
        for k in range(NEURON.nodes - 2, 0, -1):
            below, last = c[k] + 2 * x * below - last, below
        smooth = (c[0] + x * below - last).reshape(m.shape)
        return smooth - 0.5 * np.minimum(m - v_fire, 0.0) ** 2 / a

    def _fill(self, panels: np.ndarray) -> None:
        missing = np.unique(panels[~self._known[panels]])
        if not missing.size:
            return
        a, v_reset, v_fire = self._neuron
        # a panel's points stay inside it, on one side of V_F
        m = v_fire + self._length * _distance(missing - _SIDE + 0.5 * (1 + _X[:, None]))
        _, k = passage_integrals(m.ravel(), a, v_reset, v_fire, order=1)
        values = np.array([-np.log(k[0]), np.log(k[1]) - 2 * np.log(k[0]) - 0.5 * np.log(a)]).reshape(2, *m.shape)
        self._coefficients[:, :, missing] = np.einsum("kj,ijp->ikp", _TO_COEFFICIENTS, values)
        self._known[missing] = True


def _place(distance: np.ndarray) -> np.ndarray:
    """Number of panels from V_F to a distance in units of the equal panels."""
    size = np.abs(distance)
    beyond = NEURON.reach + np.log(np.maximum(size, NEURON.reach) / NEURON.reach) / NEURON.growth
    return np.copysign(np.where(size < NEURON.reach, size, beyond), distance)


def _distance(place: np.ndarray) -> np.ndarray:
    """The inverse of `_place`."""
    size = np.abs(place)
    beyond = NEURON.reach * np.exp(NEURON.growth * np.maximum(size - NEURON.reach, 0.0))
    return np.copysign(np.where(size < NEURON.reach, size, beyond), place)


@lru_cache(maxsize=64)
def rate_table(a: float, v_reset: float, v_fire: float) -> RateTable:
    return RateTable(a, v_reset, v_fire)
