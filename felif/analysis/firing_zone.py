"""The zone above a random threshold: a neuron at v > V_F fires at rate 1/eps.

There the stationary density is e^{-y^2/4} D_{-nu}(y), nu = 1/eps. With the positive integrals

    M_k(y) = int_0^inf t^k exp(-t^2/2 - y t) dt = k! e^{y^2/4} D_{-k-1}(y)

the mean time between two spikes is J = I + eps + Q(y_F), Q = h R, R = M_{nu-1}/M_nu = D_{-nu}/(nu D_{-nu-1}): the time
from V_R to V_F, the time spent above V_F, the time lost to excursions back below. R, R' = E[1/t] E[t] - 1 and R'' are
moments of the density t^nu exp(-t^2/2 - y t), so nothing overflows or cancels for either sign of y.
"""

from __future__ import annotations

import numpy as np

from .neuron_rate import mills
from .tuning import NEURON


def ratio(y: np.ndarray, nu: float, order: int = 0) -> np.ndarray:
    """R and its first `order` <= 2 derivatives in y, shape (order + 1, len(y))."""
    peak, e, weight = _samples(y, nu)
    t = 1 + e  # t in units of the peak; `weight` is t^nu exp(...) du, so moments of t^nu dt carry one more t
    norm = np.sum(weight * t, axis=1)
    inverse = np.sum(weight, axis=1) / norm
    result = np.empty((order + 1, len(peak)))
    result[0] = inverse / peak
    if order:
        mean = 1 + np.sum(weight * t * e, axis=1) / norm
        spread = e - (mean - 1)[:, None]
        result[1] = np.sum(weight * spread**2, axis=1) / norm / mean
    if order > 1:
        variance = np.sum(weight * t * spread**2, axis=1) / norm
        result[2] = peak * (result[1] * mean - inverse * variance)
    return result


def excursions(y: np.ndarray, nu: float, order: int = 0) -> np.ndarray:
    """e^{-max(y,0)^2/2} Q^(k)(y), Q = h R, for k = 0..order <= 2, shape (order + 1, len(y))."""
    h, r = mills(y, order), ratio(y, nu, order)
    result = np.empty_like(r)
    result[0] = h[0] * r[0]
    if order:
        result[1] = h[1] * r[0] + h[0] * r[1]
    if order > 1:
        result[2] = h[2] * r[0] + 2 * h[1] * r[1] + h[0] * r[2]
    return result


def log_densities(y: np.ndarray, nu: float) -> tuple[np.ndarray, np.ndarray]:
    """log of e^{-y^2/2} M_{nu-1}(y) and of e^{-y^2/2} M_nu(y): the density above V_F and its integral from y on."""
    peak, e, weight = _samples(y, nu)
    top = nu * np.log(peak) - 0.5 * (nu / peak) ** 2
    return top + np.log(np.sum(weight, axis=1)), top + np.log(peak) + np.log(np.sum(weight * (1 + e), axis=1))


def _samples(y: np.ndarray, nu: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peak t* of t^nu exp(-t^2/2 - y t)/t, and nodes t = t* (1 + e) with weights of int ... du, u = log t.

    t* (t* + y) = nu; about it the exponent falls by nu (e - log(1+e)) + (t* e)^2/2, analytic in u: the trapezoidal rule
    converges exponentially.
    """
    y = np.atleast_1d(np.asarray(y, float))
    larger = 0.5 * (np.abs(y) + np.hypot(y, 2 * np.sqrt(nu)))
    peak = np.where(y > 0, nu / larger, larger)
    width = 1 / np.sqrt(peak**2 + nu)

    def drop(d: np.ndarray) -> np.ndarray:
        e = np.expm1(d)
        return nu * (e - d) + 0.5 * (peak if d.ndim == 1 else peak[:, None]) ** 2 * e**2

    edges = []
    for far in (np.full_like(peak, -NEURON.drop_of_zone / nu - 1), np.log1p(np.sqrt(2 * NEURON.drop_of_zone) / peak)):
        near = np.zeros_like(peak)
        for _ in range(60):
            middle = 0.5 * (near + far)
            beyond = drop(middle) > NEURON.drop_of_zone
            near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
        edges.append(far)
    step = np.minimum(0.35 * width, 0.08)
    count = int(np.ceil(np.max((edges[1] - edges[0]) / step)))
    step = (edges[1] - edges[0]) / count
    d = edges[0][:, None] + step[:, None] * np.arange(count + 1)
    return peak, np.expm1(d), step[:, None] * np.exp(-drop(d))
