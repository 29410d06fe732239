"""The rate of a single neuron and its slope, tabulated: integrals over w ask for them at very many drift centres.

log r and log r', without their Gaussian part (V_F - m)^2/(2a) below V_F, are analytic in m; interpolated at Chebyshev
points on panels of length sqrt(a)/2, with a border at V_F, they are exact to rounding (4e-15 measured, in the rate).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from .neuron import passage_integrals

_NODES = 16
_PANELS_PER_WIDTH = 2.0
_REACH = 400  # panels on either side of V_F; beyond, every value is computed by itself
_X = chebyshev.chebpts1(_NODES)
_TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(_X, _NODES - 1))


class RateTable:
    """log r(m) and r'(m) for one neuron; panels are filled when they are asked for first."""

    def __init__(self, a: float, v_reset: float, v_fire: float) -> None:
        self._neuron = (a, v_reset, v_fire)
        self._length = np.sqrt(a) / _PANELS_PER_WIDTH
        self._coefficients = np.zeros((2, _NODES, 2 * _REACH))
        self._known = np.zeros(2 * _REACH, bool)

    def log_rate(self, m: np.ndarray) -> np.ndarray:
        return self._interpolated(0, m)

    def slope(self, m: np.ndarray) -> np.ndarray:
        """r'(m) = -T'(m)/T(m)^2, T the mean time between two spikes."""
        return np.exp(self._interpolated(1, m))

    def _interpolated(self, which: int, m: np.ndarray) -> np.ndarray:
        a, _, v_fire = self._neuron
        m = np.asarray(m, float)
        place = (m.ravel() - v_fire) / self._length
        panel = np.floor(place)
        near = np.abs(panel + 0.5) < _REACH
        result = np.empty(place.shape)
        if not near.all():
            result[~near] = self._smooth(m.ravel()[~near])[which]
        number = panel[near].astype(int)
        self._fill(number + _REACH)
        c = self._coefficients[which][:, number + _REACH]
        x = 2 * (place[near] - number) - 1
        below, last = c[-1], np.zeros_like(x)  # Clenshaw
        for k in range(_NODES - 2, 0, -1):
            below, last = c[k] + 2 * x * below - last, below
        result[near] = c[0] + x * below - last
        return result.reshape(m.shape) - 0.5 * np.minimum(m - v_fire, 0.0) ** 2 / a

    def _smooth(self, m: np.ndarray) -> np.ndarray:
        """log r and log r' without the Gaussian part."""
        a = self._neuron[0]
        _, k = passage_integrals(m, *self._neuron, order=1)
        return np.array([-np.log(k[0]), np.log(k[1]) - 2 * np.log(k[0]) - 0.5 * np.log(a)])

    def _fill(self, panels: np.ndarray) -> None:
        missing = np.unique(panels[~self._known[panels]])
        if not missing.size:
            return
        # a panel's points stay inside it, on one side of V_F
        m = self._neuron[2] + self._length * (missing - _REACH + 0.5 * (1 + _X[:, None]))
        values = self._smooth(m.ravel()).reshape(2, *m.shape)
        self._coefficients[:, :, missing] = np.einsum("kj,ijp->ikp", _TO_COEFFICIENTS, values)
        self._known[missing] = True


@lru_cache(maxsize=64)
def rate_table(a: float, v_reset: float, v_fire: float) -> RateTable:
    return RateTable(a, v_reset, v_fire)
