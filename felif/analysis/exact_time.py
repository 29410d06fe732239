"""Time-dependent closed forms for one leaky neuron (b = 0): the threshold at rest, and an exact second moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erfcx, ndtr

from ..algebra import composite, gauss, lagrange
from ..given.arguments import POSITIVE, TIMES, checked, number
from .tuning import QUADRATURE

__all__ = ["ThresholdAtRest", "central_second_moment", "first_passage_density"]

_X = gauss(QUADRATURE.order)[0]
_PLACE, _LENGTH = number(least=-1e100, most=1e100), number(above=0.0, most=1e100)


@checked(t=TIMES, initial=number(least=0.0), a=POSITIVE)
def central_second_moment(t: Any, initial: float, a: float) -> np.ndarray:
    """E[(V - I)^2] at t for b = 0, I = (V_R + V_F)/2, from its value at t = 0:  a + (initial - a) e^{-2t}.

    A reset from V_F to V_R does not change (V - I)^2, so the moment decays as without threshold; with it the linearised
    equation has the eigenvalues -2, -4, ...

    Parameters
    ----------
    t : float or array
        Times.
    initial : float
        The moment at t = 0.
    a : float
        Noise.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> float(fl.analysis.exact_time.central_second_moment(0.0, 2.5, 1.0))
    2.5
    """
    return a + (initial - a) * np.exp(-2 * np.asarray(t, float))


@checked(t=TIMES, distance=_LENGTH, a=_LENGTH)
def first_passage_density(t: Any, distance: float, a: float) -> np.ndarray:
    """Density of the first passage time to V_F = I (the threshold at rest) from V_F - distance.

    With tau = a (e^{2t} - 1)/2, V becomes Brownian motion, so P(T > t) = erf(distance/sqrt(4 tau)) and
    f = a e^{2t} distance (4 pi)^{-1/2} tau^{-3/2} e^{-distance^2/(4 tau)}; 0 at t = 0.

    Parameters
    ----------
    t : float or array
        Times.
    distance : float
        Of the start from V_F, positive.
    a : float
        Noise.

    Returns
    -------
    array

    Examples
    --------
    >>> import felif as fl
    >>> float(fl.analysis.exact_time.first_passage_density(0.0, 1.0, 1.0))
    0.0
    """
    return _passage(np.asarray(t, float), distance, 0.0, a)


def _passage(t: np.ndarray, mean: float, variance: float, a: float) -> np.ndarray:
    """First passage density for distances with density exp(-(z - mean)^2/(2 variance)) on z > 0; 0 for t = 0."""
    t = np.maximum(t, 1e-190)  # tau^{-3/2} stays finite
    tau = 0.5 * a * np.expm1(2 * t)
    speed = a * np.exp(2 * t)
    if variance == 0:
        return speed * mean / np.sqrt(4 * np.pi) * tau**-1.5 * np.exp(-(mean**2) / (4 * tau))
    # int_0^inf z e^{-z^2/4tau - (z-mean)^2/2var} dz, the square completed: its maximum `nu`, its width sqrt(s)
    s = 2 * tau * variance / (2 * tau + variance)
    nu = 2 * tau * mean / (2 * tau + variance)
    x = nu / np.sqrt(s)
    moment = np.where(
        x > -5,
        np.sqrt(s) * np.exp(-0.5 * np.minimum(x**2, 1400)) + nu * np.sqrt(2 * np.pi) * ndtr(x),
        0.0,
    )
    weight = np.exp(-(mean**2) / (2 * (2 * tau + variance)))
    if mean < 0:  # the density is cut where it still rises: both terms nearly cancel
        q = -x / np.sqrt(2)
        moment = np.sqrt(s) * np.exp(-(q**2)) * (1 - np.sqrt(np.pi) * q * erfcx(q))
    norm = np.sqrt(2 * np.pi * variance) * ndtr(mean / np.sqrt(variance))
    return speed / np.sqrt(4 * np.pi) * tau**-1.5 * np.sqrt(s) * moment * weight / norm


class ThresholdAtRest:
    """N(t) of a neuron with drift I - v, I = V_F, by renewal:  N = f_0 + f_R * N  (f_0, f_R: first passage densities).

    Initial density exp(-(v - mean)^2/(2 variance)) on v < V_F, normalised; variance = 0 starts every neuron at `mean`.
    The equation for S = N - f_0, S = f_R * f_0 + f_R * S, has a smooth kernel and a smooth right side, also where f_0
    is infinite at t = 0. It is solved by collocation in panels of 20 Gauss points; call the result at 0 <= t <= t_end.

    Parameters
    ----------
    mean, variance : float
        Of the start.
    a : float
        Noise.
    v_reset, v_fire : float
        V_R and V_F.
    t_end : float
        The latest time.

    Raises
    ------
    ValueError
        For numbers that are not allowed.

    Examples
    --------
    >>> from felif.analysis.exact_time import ThresholdAtRest
    >>> N = ThresholdAtRest(mean=0.0, variance=0.25, a=1.0, v_reset=1.0, v_fire=2.0, t_end=1.0)
    >>> bool(N(1.0) > 0)
    True
    """

    @checked(
        **dict.fromkeys(("mean", "v_reset", "v_fire"), _PLACE),
        **{"variance": number(least=0.0, most=1e100), "a": _LENGTH, "t_end": POSITIVE},
    )
    def __init__(self, mean: float, variance: float, a: float, v_reset: float, v_fire: float, t_end: float) -> None:
        if not (v_reset < v_fire and (variance > 0 or mean < v_fire)):
            raise ValueError(
                f"mean = {mean}, variance = {variance}, v_reset = {v_reset}, v_fire = {v_fire}; "
                "allowed: v_reset < v_fire, mean < v_fire for variance 0"
            )
        self._start = (v_fire - mean, variance, a)
        self._reset = (v_fire - v_reset, 0.0, a)
        self._scale = (v_fire - v_reset) ** 2 / a
        self.t_end = t_end
        panels = t_end / min(0.08, self._scale / 12)
        if not panels <= QUADRATURE.most_panels:
            raise ValueError(
                f"t_end = {t_end!r}, a = {a!r}: that takes {panels:.3g} panels; allowed are {QUADRATURE.most_panels}, "
                "as for t_end <= 80 and a <= (v_fire - v_reset)^2"
            )
        panels = int(np.ceil(panels))
        self._length = t_end / panels
        self._S = self._solve(panels)

    def __call__(self, t: Any) -> np.ndarray:
        t = np.asarray(t, float)
        if ((t < 0) | (t > self.t_end * (1 + 1e-14))).any():
            raise ValueError(f"t = {t}; allowed is 0 <= t <= t_end = {self.t_end}")
        panel = np.minimum((t / self._length).astype(int), len(self._S) - 1)
        basis = lagrange(_X, (t / self._length - panel).ravel()).reshape(*t.shape, QUADRATURE.order)
        return _passage(t, *self._start) + np.sum(basis * self._S[panel], axis=-1)

    def _solve(self, panels: int) -> np.ndarray:
        h = self._length
        blocks = np.array([self._block(d) for d in range(panels)])
        source = self._source((h * (np.arange(panels)[:, None] + _X)).ravel()).reshape(panels, QUADRATURE.order)
        S = np.zeros((panels, QUADRATURE.order))
        inverse = np.linalg.inv(np.eye(QUADRATURE.order) - blocks[0])
        for k in range(panels):
            S[k] = inverse @ source[k]
            source[k + 1 :] += blocks[1 : panels - k] @ S[k]
        return S

    def _block(self, d: int) -> np.ndarray:
        """[i, j] = int f_R(d h + t_i - s) l_j(s) ds over one panel (over s < t_i for d = 0)."""
        h, block = self._length, np.zeros((QUADRATURE.order, QUADRATURE.order))
        for i, x in enumerate(_X):
            lags, weights = self._lags(h * max(0.0, d + x - 1), h * (d + x))
            if lags.size:
                block[i] = (weights * _passage(lags, *self._reset)) @ lagrange(_X, d + x - lags / h)
        return block

    def _lags(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """Quadrature in the lag: f_R varies over factors of 2 of the lag; below scale/200 it is under e^{-50}."""
        cuts = self._scale / 200 * 2.0 ** np.arange(8)
        return _composite(np.concatenate([[max(low, cuts[0])], cuts[(cuts > low) & (cuts < high)], [high]]))

    def _source(self, times: np.ndarray) -> np.ndarray:
        """f_R * f_0, with s = x^2 for the singularity of f_0 at s = 0; graded there and toward small lags t - s."""
        result = np.zeros_like(times)
        for i, t in enumerate(times):
            lags = self._scale / 200 * 2.0 ** np.arange(60)
            cuts = np.concatenate([[0.0], t * 4.0 ** np.arange(-30.0, 0.0), t - lags, np.arange(0.5, t, 0.5)])
            cuts = np.append(np.unique(cuts[(cuts >= 0) & (cuts < t - lags[0] / 2)]), t)
            x, weights = _composite(np.sqrt(cuts))
            result[i] = (2 * x * weights) @ (_passage(x**2, *self._start) * _passage(t - x**2, *self._reset))
        return result


def _composite(cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gauss points and weights on every interval between increasing `cuts`; empty ones are dropped."""
    (nodes, weights), keep = composite(cuts, QUADRATURE.order), np.diff(cuts) > 0
    return nodes[keep].ravel(), weights[keep].ravel()
