"""Every root of the steady-state equation of a leaky network, with the argument that there are no others.

    f(x) = x + log T(m, a) = 0,    x = log N,    m = I + b N,    a = a0 + a1 N,    T = J + tau + d.

For the sharp threshold, with the K_k > 0 of `neuron_rate`, J = K_0, J_m = -K_1/sqrt(a), J_a = -K_2/(2a) = -J_mm/2;
since dK_k/dm = -K_{k+1}/sqrt(a), J, -J_m and -J_a all decrease in m and in a. On an interval of N both m and a are
monotone, so their values at two corners of the box (m, a) bound J, J_m and J_a there, hence f and

    f'(x) = 1 + N (b J_m + a1 J_a)/T.

A random threshold adds eps + Q(y_F) to J, y_F = (V_F - m)/sqrt(a): Q and Q' increase in y (Q = h R; h is absolutely
monotone, R a ratio of parabolic cylinder functions that increases and is convex: tests look at R'' > 0 over y and eps).
`isolate` then finds each root or excludes it. At the ends:

    N -> 0    below N_low, N (|b| |J_m| + a1 |J_a|)/T <= 1/2 on the whole box, so f increases from -infinity;
    N -> inf  above 1/(tau + eps + d) f > 0; without these, with h(y) between (-y)/(1 + y^2) and 1/(-y) for y < 0
              (Mills' ratio), W = V_F - V_R, a(N) = a0 + a1 N:
              b <= 0:  N T >= N W h(y_*)/sqrt(a(N)), y_* = min((V_R - m)/sqrt(a), 0) at N_high, increases in N;
              b > 0:   W/(b + (I - V_R)^+/N + a(N)/(N (m - V_F))) <= N T <= W/(b - (V_F - I)^+/N), m > V_F: beyond
                       N_high the one or the other keeps N T - 1 from changing its sign. For b = W both tend to 1,
                       N (N T - 1) to c = ((V_F + V_R)/2 - I)/W - a1/W^2, and N_high is where it is within a
                       tenth of c (asymptotics, not a bound; so within 1e-9 of b = W, too).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..algebra.isolation import isolate
from ..algebra.roots import root
from .firing_zone import excursions
from .leaky_network import Network
from .neuron_rate import mills, passage_integrals
from .tuning import ROOTS

_STARTS = -np.concatenate([np.arange(-3.0, 12.0, 0.75), np.geomspace(12.0, 690.0, 24)])


class LogRates(NamedTuple):
    """`roots` x = log N, sorted; `doubtful`: places (low, high) where f vanishes to rounding without showing if once,
    twice or never."""

    roots: np.ndarray
    doubtful: list[tuple[float, float]]


def log_rates(p: Network) -> LogRates:
    """log N of every steady state of a network with drift -v, in its units of time."""
    low, high = _lowest(p), _highest(p)
    top = max(high, low + 1.0)
    ends = np.linspace(low, top, int(np.ceil((top - low) / ROOTS.first)) + 1)
    found = isolate(lambda x: _value(p, x), lambda x0, x1: _enclosed(p, x0, x1), ends, ROOTS.narrowest)

    def f(x: float) -> float:
        return float(_value(p, np.array([x]))[0][0])

    roots = [root(f, *bracket) for bracket in found.brackets]
    if f(low) >= 0:  # f increases up to there
        below = low - 1.0
        while f(below) >= 0:
            below = 2 * below - low
        roots.append(root(f, below, low))
    return LogRates(np.sort(roots), found.doubtful)


class _Parts(NamedTuple):
    """Logarithms of J_sharp, |J_m| and |J_a| of the sharp threshold at (m, a)."""

    time: np.ndarray
    by_m: np.ndarray
    by_a: np.ndarray


def _parts(p: Network, m: np.ndarray, a: np.ndarray) -> _Parts:
    exponent, k = passage_integrals(m, a, p.v_reset, p.v_fire, order=2)
    with np.errstate(divide="ignore"):  # far above V_F K_2 underflows
        logs = exponent + np.log(k)
    return _Parts(logs[0], logs[1] - 0.5 * np.log(a), logs[2] - np.log(2 * a))


def _above(p: Network, y: np.ndarray, order: int = 1) -> np.ndarray:
    """log Q and, if `order` is 1, log Q' at y, shape (order + 1, len(y)); -inf without random threshold."""
    if p.eps == 0:
        return np.full((order + 1, y.size), -np.inf)
    q = excursions(y, 1 / p.eps, order)
    with np.errstate(divide="ignore"):
        return np.log(q) + 0.5 * np.maximum(y, 0.0) ** 2


def _total(p: Network, time: np.ndarray, excursion: np.ndarray) -> np.ndarray:
    """log T."""
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.logaddexp(time, excursion), np.log(p.shortest))


def _value(p: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f and its rounding."""
    N = np.exp(x)
    m, a = p.current + p.b * N, p.a0 + p.a1 * N
    exponent, k = passage_integrals(m, a, p.v_reset, p.v_fire)
    log_T = _total(p, exponent + np.log(k[0]), _above(p, (p.v_fire - m) / np.sqrt(a), 0)[0])
    return x + log_T, ROOTS.rounding * (1 + np.abs(x) + np.abs(log_T))


def _enclosed(p: Network, x0: np.ndarray, x1: np.ndarray) -> tuple[np.ndarray, ...]:
    """Bounds of f and f' on [x0, x1]."""
    N0, N1 = np.exp(x0), np.exp(x1)
    m = np.sort([p.current + p.b * N0, p.current + p.b * N1], axis=0)
    a = np.array([p.a0 + p.a1 * N0, p.a0 + p.a1 * N1])
    slow, fast = (_Parts(*part) for part in np.moveaxis(np.array(_parts(p, m, a)), 1, 0))
    d = p.v_fire - m  # the first is the larger
    y = np.array([np.where(d[1] > 0, d[1] / np.sqrt(a[1]), d[1] / np.sqrt(a[0]))])
    y = np.vstack([y, np.where(d[0] > 0, d[0] / np.sqrt(a[0]), d[0] / np.sqrt(a[1]))])
    least, largest = np.split(_above(p, y.ravel()), 2, axis=1)
    T = _total(p, fast.time, least[0]), _total(p, slow.time, largest[0])
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.exp(x0 + fast.by_m - T[1]), np.exp(x1 + slow.by_m - T[0])
        noise = np.exp(x0 + fast.by_a - T[1]), np.exp(x1 + slow.by_a - T[0])
        low = 1 - max(p.b, 0.0) * mean[1] - min(p.b, 0.0) * mean[0] - p.a1 * noise[1]
        high = 1 - max(p.b, 0.0) * mean[0] - min(p.b, 0.0) * mean[1] - p.a1 * noise[0]
        if p.eps > 0:
            change = _change_of_threshold(p, N0, N1, a, y)
            part = np.exp(least[1] - T[1]), np.exp(largest[1] - T[0])
            low = low + np.where(change[0] > 0, change[0] * part[0], change[0] * part[1])
            high = high + np.where(change[1] > 0, change[1] * part[1], change[1] * part[0])
    return x0 + T[0], x1 + T[1], np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf)


def _change_of_threshold(p: Network, N0: Any, N1: Any, a: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of N dy_F/dN = -N b/sqrt(a) - N a1 y_F/(2a)."""
    drift = np.sort([-p.b * N0 / np.sqrt(a[1]), -p.b * N1 / np.sqrt(a[0])], axis=0)  # N and 1/a, each at its bound
    part = 0.5 * p.a1 * N0 / a[0], 0.5 * p.a1 * N1 / a[1]  # a1 N/a increases in N
    low, high = np.minimum(-part[0] * y[1], -part[1] * y[1]), np.maximum(-part[0] * y[0], -part[1] * y[0])
    return drift[0] + low, drift[1] + high


def _lowest(p: Network) -> float:
    """x below which f' >= 1/2."""
    x = _STARTS
    good = _enclosed(p, np.full(x.size, -700.0), x)[2] >= 0.5
    return float(x[np.argmax(good)]) if good.any() else -700.0


def _highest(p: Network) -> float:
    """x above which f does not change its sign."""
    if p.shortest > 0:
        return -np.log(p.shortest)
    width = p.v_fire - p.v_reset
    N = (abs(p.current) + width + abs(p.v_fire) + np.sqrt(p.a0)) / (width + abs(p.b))
    top = ROOTS.top * (1 + N)
    while N < top and not _settled(p, N, width):
        N *= 2
    return float(np.log(N))


def _settled(p: Network, N: float, width: float) -> bool:
    m, a = p.current + p.b * N, p.a0 + p.a1 * N
    if p.b <= 0:
        y = min((p.v_reset - m) / np.sqrt(a), 0.0)
        return N * width * float(mills(np.array([y]), 0)[0, 0]) / np.sqrt(a) >= 1
    if m <= p.v_fire:
        return False
    if abs(p.b - width) < ROOTS.equal * width:
        limit = (0.5 * (p.v_fire + p.v_reset) - p.current) / width - p.a1 / width**2
        return abs(N * np.expm1(_value(p, np.array([np.log(N)]))[0][0]) - limit) < 0.1 * abs(limit)
    slowest = p.b - max(p.v_fire - p.current, 0.0) / N
    fastest = p.b + max(p.current - p.v_reset, 0.0) / N + a / (N * (m - p.v_fire))
    return width >= fastest or (slowest > 0 and width <= slowest)
