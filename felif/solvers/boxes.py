"""All solutions of N_i = r_i(u_i, a_i), u = m0 + B N, a = a0 + A N in a box, by branch and bound.

u_i is the input of neuron i and a_i its noise; log r_i grows with both, and the slopes of 1/r_i fall in size (see
`firing.passage_times`), so a box of (log N, u) has exact bounds of everything. A box shrinks to what the equations
allow one by one, then to what the interval Newton step allows (Hansen & Sengupta, BIT 21 (1981) 203-211; Neumaier,
Interval Methods for Systems of Equations, 1990): with M the interval matrix of slopes at a centre c, F the residual
there, and Y the inverse of its middle, every root obeys (Y M)(x - c) = -Y F. Where the largest |1 - Y M| has a
spectral radius below 1 every matrix in M is regular and the box holds at most one root, which Newton's method finds or
further steps refute. Other boxes are cut in two. The error of the quadrature is added to all bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from .tuning import BOXES


class Rates(Protocol):
    """See `firing.resting_neurons`: u = m0 + mN N, a = a0 + aN N, and (log r, r_u/r, r_a/r) of all neurons."""

    count: int
    error: float  # of log r, times 1 + |log r|
    m0: np.ndarray
    mN: np.ndarray
    a0: np.ndarray
    aN: np.ndarray
    least: float  # noise below which it counts as this
    centres: np.ndarray  # inputs at which the neurons begin to fire by themselves

    def log_rate(self, u: np.ndarray, a: np.ndarray, slopes: bool = True) -> tuple[np.ndarray, ...]: ...


@dataclass
class Roots:
    """Points log N of roots, each (k,); boxes that were not decided, (low, high) of log N; how many were looked at."""

    found: list[np.ndarray] = field(default_factory=list)
    left: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    boxes: int = 0

    def add(self, z: np.ndarray, close: float = 1e-6) -> None:
        if not any(np.abs(z - other).max() < close for other in self.found):
            self.found.append(z)


class _Boxes(NamedTuple):
    """Bounds of z = log N and of u, each (B, k)."""

    z_low: np.ndarray
    z_high: np.ndarray
    u_low: np.ndarray
    u_high: np.ndarray

    def __getitem__(self, which) -> _Boxes:
        return _Boxes(*(part[which] for part in tuple(self)))

    def number(self) -> int:
        return len(self.z_low)

    def and_(self, other: _Boxes) -> _Boxes:
        return _Boxes(*(np.concatenate(pair) for pair in zip(tuple(self), tuple(other), strict=True)))

    def alive(self) -> np.ndarray:
        return ((self.z_low <= self.z_high) & (self.u_low <= self.u_high)).all(axis=1)


def all_roots(rates: Rates, highest: float, most: int) -> Roots:
    """Every root with N_i <= highest; once `most` boxes have been looked at the others are left."""
    k, roots = rates.count, Roots()
    boxes = _Boxes(*(np.full((1, k), end) for end in (BOXES.lowest, np.log(highest), -1e300, 1e300)))
    if k == 1:  # many at once cost what one does
        ends = np.concatenate([[BOXES.lowest], np.linspace(BOXES.first[0], np.log(highest), BOXES.first[1])])[:, None]
        boxes = _Boxes(ends[:-1], ends[1:], *(np.full((len(ends) - 1, 1), end) for end in (-1e300, 1e300)))
    while boxes.number():
        if roots.boxes >= most:
            roots.left += list(zip(boxes.z_low, boxes.z_high, strict=True))
            break
        rest, now = boxes[: -BOXES.batch], boxes[-BOXES.batch :]
        roots.boxes += now.number()
        boxes = rest.and_(_one_round(rates, now, roots))
    roots.found = [z for z in roots.found if z.max() <= np.log(highest)]
    return roots


def _one_round(rates: Rates, boxes: _Boxes, roots: Roots) -> _Boxes:
    """The boxes that are left after looking at each once, cut in two where they did not shrink."""
    before = boxes
    boxes, kept = _contracted(rates, boxes)
    before = before[kept]
    if not boxes.number():
        return boxes
    boxes, one, effect, start = _newton_step(rates, boxes)
    alive = boxes.alive()
    boxes, one, before, start = boxes[alive], one[alive], before[alive], start[alive]
    effect = effect[alive]
    if one.any():
        which = np.flatnonzero(one)
        z, good = polished(rates, start[one])
        pad = 1e-6 + 20 * rates.error * (1 + np.abs(z))
        inside = good & ((z >= boxes.z_low[one] - pad) & (z <= boxes.z_high[one] + pad)).all(axis=1)
        near = np.flatnonzero(good & ~inside & (z < 100).all(axis=1))
        if near.size:  # the only root from the box to there is outside of it
            inside[near] = _newton_step(rates, _with(rates, boxes[which[near]], z[near]))[1]
        for point in z[inside]:
            roots.add(point)
        open_ = np.ones(boxes.number(), bool)
        open_[which[inside]] = False
        boxes, effect, before = boxes[open_], effect[open_], before[open_]
    width = boxes.z_high - boxes.z_low
    small = (width <= BOXES.smallest[0] + 20 * rates.error * (1 + np.abs(boxes.z_low))).all(axis=1)
    root = np.sqrt(np.maximum(rates.a0 + np.exp(boxes.z_low) @ rates.aN.T, rates.least))
    room = BOXES.smallest[1] * root + 20 * rates.error * np.abs(rates.mN).max() * np.exp(boxes.z_high)
    small &= (boxes.u_high - boxes.u_low <= room).all(axis=1)
    roots.left += list(zip(boxes.z_low[small], boxes.z_high[small], strict=True))
    boxes, effect, before, room = boxes[~small], effect[~small], before[~small], room[~small]
    shrunk = ((boxes.z_high - boxes.z_low) < BOXES.shrink * (before.z_high - before.z_low)).any(axis=1)
    was = before.u_high - before.u_low  # rounding, where no rate moves an input
    shrunk |= ((boxes.u_high - boxes.u_low < BOXES.shrink * was) & (was > room)).any(axis=1)
    return boxes[shrunk].and_(_cut(rates, boxes[~shrunk], effect[~shrunk]))


def _with(rates: Rates, boxes: _Boxes, z: np.ndarray) -> _Boxes:
    """The smallest boxes that also hold the points z."""
    u = rates.m0 + np.exp(z) @ rates.mN.T
    return _Boxes(
        np.minimum(boxes.z_low, z), np.maximum(boxes.z_high, z), np.minimum(boxes.u_low, u), np.maximum(boxes.u_high, u)
    )


def _contracted(rates: Rates, boxes: _Boxes) -> tuple[_Boxes, np.ndarray]:
    """(boxes, which they are): inputs follow from rates, rates from inputs, one equation at a time."""
    kept = np.arange(boxes.number())
    up, down = np.maximum(rates.mN, 0.0), np.minimum(rates.mN, 0.0)
    with np.errstate(divide="ignore"):
        inverse = np.where(rates.mN != 0, 1 / np.where(rates.mN != 0, rates.mN, 1.0), np.inf)
    for _ in range(BOXES.sweeps):
        z_low, z_high, u_low, u_high = boxes
        N_low, N_high = np.exp(z_low), np.exp(z_high)
        slack = BOXES.rounding * (np.abs(rates.m0) + N_high @ np.abs(rates.mN).T)
        least, most = rates.m0 + N_low @ up.T + N_high @ down.T, rates.m0 + N_high @ up.T + N_low @ down.T
        u_low, u_high = np.maximum(u_low, least - slack), np.minimum(u_high, most + slack)
        for i, j in zip(*np.nonzero(rates.mN), strict=True):  # what the input of i leaves for the rate of j
            b = rates.mN[i, j]
            own = np.sort(b * np.stack([N_low[:, j], N_high[:, j]]), axis=0)
            room = (u_low[:, i] - slack[:, i] - most[:, i] + own[1], u_high[:, i] + slack[:, i] - least[:, i] + own[0])
            room = np.sort(np.stack(room) * inverse[i, j], axis=0)
            N_low[:, j], N_high[:, j] = np.maximum(N_low[:, j], room[0]), np.minimum(N_high[:, j], room[1])
        z_low = np.maximum(z_low, np.log(np.maximum(N_low, 1e-300)) - BOXES.rounding)
        z_high = np.minimum(z_high, np.maximum(np.log(np.maximum(N_high, 1e-300)) + BOXES.rounding, BOXES.lowest))
        some = (z_low <= z_high).all(axis=1) & (u_low <= u_high).all(axis=1) & (N_high >= 0).all(axis=1)
        z_low, z_high, u_low, u_high, old, kept = (
            x[some] for x in (z_low, z_high, u_low, u_high, boxes.z_high - boxes.z_low, kept)
        )
        a_low, a_high = _noise(rates, z_low, z_high)
        middle, mark = (u_low + u_high) / 2, np.sqrt(a_low)
        y_low, y_high = (np.arcsinh((u - rates.centres) / mark) for u in (u_low, u_high))
        cuts = [rates.centres + mark * np.sinh((1 - part) * y_low + part * y_high) for part in (0.25, 0.75)]
        cuts = [np.where((cut > u_low) & (cut < u_high), cut, middle) for cut in cuts]
        least, below, above, most = rates.log_rate(
            np.stack([u_low, *cuts, u_high]), np.stack([a_low, a_high, a_low, a_high]), slopes=False
        )[0]
        u_low = np.where(below + rates.error * (1 + np.abs(below)) < z_low, cuts[0], u_low)
        u_high = np.where(above - rates.error * (1 + np.abs(above)) > z_high, cuts[1], u_high)
        z_low = np.maximum(z_low, least - rates.error * (1 + np.abs(least)))
        z_high = np.minimum(z_high, most + rates.error * (1 + np.abs(most)))
        boxes = _Boxes(z_low, z_high, u_low, u_high)
        some = boxes.alive()
        gain = ((z_high - z_low) < 0.9 * old)[some]
        boxes, kept = boxes[some], kept[some]
        if not gain.any() or boxes.number() * rates.count <= BOXES.few:
            break
    return boxes, kept


def _noise(rates: Rates, z_low: np.ndarray, z_high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    up, down, N_low, N_high = np.maximum(rates.aN, 0.0), np.minimum(rates.aN, 0.0), np.exp(z_low), np.exp(z_high)
    low, high = rates.a0 + N_low @ up.T + N_high @ down.T, rates.a0 + N_high @ up.T + N_low @ down.T
    return np.maximum(low, rates.least), np.maximum(high, rates.least)


def _newton_step(rates: Rates, boxes: _Boxes) -> tuple[_Boxes, np.ndarray, np.ndarray, np.ndarray]:
    """(boxes, whether they hold one root at most, effect of cutting u_i and N_j, log N to start Newton's method from).

    Unknowns (N, u), F = (N - r(u, a0 + A N), u - m0 - B N), M = [1 - Q A, -P; -B, 1], P = r_u, Q = r_a.
    """
    k, number = rates.count, boxes.number()
    z_low, z_high, u_low, u_high = boxes
    N_low, N_high = np.exp(z_low), np.exp(z_high)
    a_low, a_high = _noise(rates, z_low, z_high)
    by_u, by_a, logs, crossed = _slope_bounds(rates, u_low, u_high, a_low, a_high)
    ends = np.exp(logs)
    P, Q = np.minimum(by_u * ends, BOXES.large), np.minimum(by_a * ends, BOXES.large)
    rise = logs[1] - logs[0]  # of log r_i over the box of u_i
    u_c, N_c = (u_low + u_high) / 2, (N_low + N_high) / 2
    for _ in range(2 if rates.aN.any() else 1):
        a_c = np.maximum(rates.a0 + N_c @ rates.aN.T, rates.least)
        log = rates.log_rate(u_c, a_c, slopes=False)[0]
        N_c = np.clip(np.exp(log), N_low, N_high)
    a_c = np.maximum(rates.a0 + N_c @ rates.aN.T, rates.least)
    if rates.aN.any():
        log = rates.log_rate(u_c, a_c, slopes=False)[0]
    F = np.concatenate([N_c - np.exp(log), u_c - rates.m0 - N_c @ rates.mN.T], axis=1)
    rounding = BOXES.rounding * (np.abs(rates.m0) + np.abs(u_c) + N_c @ np.abs(rates.mN).T)
    error = np.concatenate([rates.error * (1 + np.abs(log)) * np.exp(log), rounding], axis=1)
    middle, radius = np.zeros((2, number, 2 * k, 2 * k))
    middle[:, range(2 * k), range(2 * k)] = 1.0
    middle[:, :k, :k] -= Q.mean(axis=0)[:, :, None] * rates.aN
    radius[:, :k, :k] = (Q[1] - Q[0])[:, :, None] / 2 * np.abs(rates.aN)
    middle[:, range(k), range(k, 2 * k)] = -P.mean(axis=0)
    radius[:, range(k), range(k, 2 * k)] = (P[1] - P[0]) / 2
    middle[:, k:, :k] = -rates.mN
    # everything in units of the box
    unit = np.concatenate([N_high, np.maximum(u_high - u_low, BOXES.rounding * (1 + np.abs(u_c)))], axis=1)
    middle, radius = (
        np.clip(x * unit[:, None, :] / unit[:, :, None], -BOXES.large, BOXES.large) for x in (middle, radius)
    )
    usable = (np.abs(middle).max(axis=(1, 2)) < 1e30) & (np.abs(np.linalg.det(middle)) > 1e-12)
    middle[~usable] = np.eye(2 * k)
    Y = np.linalg.inv(middle)
    spread = np.abs(Y) @ radius + np.abs(Y @ middle - np.eye(2 * k)) + BOXES.rounding
    value, noise = np.einsum("bij,bj->bi", Y, F / unit), np.einsum("bij,bj->bi", np.abs(Y), error / unit)
    one = usable & (np.trace(spread, axis1=1, axis2=2) < 2 * k)
    one[one] = np.abs(np.linalg.eigvals(spread[one])).max(axis=1, initial=0.0) < 0.999
    c = np.concatenate([N_c, u_c], axis=1)
    low, high = np.concatenate([N_low, u_low], axis=1), np.concatenate([N_high, u_high], axis=1)
    for i in range(2 * k):  # (1 +- spread_ii) x_i = -value_i +- (sum over j of spread_ij |x_j|)
        own = spread[:, i, i]
        away = np.maximum(np.abs(low - c), np.abs(high - c)) / unit
        around = np.einsum("bj,bj->b", spread[:, i], away) - own * away[:, i] + noise[:, i]
        able = usable & (own < 1)
        grown, shrunk = 1 / np.where(able, 1 - own, 1.0), 1 / (1 + own)
        least, most = -value[:, i] - around, -value[:, i] + around
        least = np.where(least < 0, least * grown, least * shrunk) * unit[:, i] + c[:, i]
        most = np.where(most > 0, most * grown, most * shrunk) * unit[:, i] + c[:, i]
        slack = BOXES.rounding * np.abs(c[:, i])
        low[:, i] = np.where(able, np.maximum(low[:, i], least - slack), low[:, i])
        high[:, i] = np.where(able, np.minimum(high[:, i], most + slack), high[:, i])
    value *= unit
    start = np.log(np.clip(c[:, :k] - value[:, :k], np.maximum(N_low, 1e-300), np.maximum(N_high, 1e-300)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z_low = np.where(low[:, :k] > N_low, np.maximum(z_low, np.log(low[:, :k]) - BOXES.rounding), z_low)
        shorter = np.where(high[:, :k] > 0, np.log(high[:, :k]) + BOXES.rounding, -np.inf)
        z_high = np.where(high[:, :k] < N_high, np.minimum(z_high, shorter), z_high)
    # what cutting u_j, or N_j itself, takes from the ranges of all log r_i: its share in each of them
    heard = by_u[1][:, :, None] * np.abs(rates.mN) + by_a[1][:, :, None] * np.abs(rates.aN)
    along = np.maximum(logs[1] - crossed[0], crossed[1] - logs[0])  # of log r_i at one noise
    parts = np.minimum(heard, BOXES.large) * (np.minimum(along, 1.0) * N_high)[:, None, :]
    from_u = (parts * (np.minimum(1.0, rise / np.maximum(parts.sum(axis=2), 1e-300)))[:, :, None]).sum(axis=1)
    from_N = (by_a[1][:, :, None] * np.abs(rates.aN) * (N_high - N_low)[:, None, :]).max(axis=1)
    effect = np.nan_to_num(np.concatenate([from_u, BOXES.last * np.minimum(from_N, 300.0)], axis=1), posinf=300.0)
    return _Boxes(z_low, z_high, low[:, k:], high[:, k:]), one, effect, start


def _slope_bounds(rates: Rates, u_low, u_high, a_low, a_high) -> tuple[np.ndarray, ...]:
    """Bounds (2, B, k) of r_u/r and r_a/r, log r at both corners and at (u_low, a_high), (u_high, a_low).

    -T_u, -T_a and T fall with u and a, and log T is convex in u.
    """
    u, a = np.stack([u_low, u_high]), np.stack([a_low, a_high])
    log, by_u, by_a = rates.log_rate(u, a)
    factor, crossed = np.ones_like(log), log
    if rates.aN.any():
        crossed = rates.log_rate(u, a[::-1], slopes=False)[0]
        factor = np.exp(np.clip(crossed - log, -300, 300))
        # where it is not silent slopes are smaller than there
        factor[0] = np.where(log[0] <= BOXES.lowest, 1.1, factor[0])
    slack = np.array([[[1.0]], [[-1.0]]]) * (1e-7 if rates.error < 1e-8 else 1e-3)
    silent = log <= BOXES.lowest
    bounds = []
    for slope in (by_u, by_a):
        most, least = slope * factor * (1 + slack)
        bounds.append(np.stack([np.where(silent[0], 0.0, least), np.where(silent[1], 0.0, most)]))
    return bounds[0], bounds[1], log, crossed


def _cut(rates: Rates, boxes: _Boxes, effect: np.ndarray) -> _Boxes:
    """Both halves of boxes, cut across the u_i or N_j that matters most."""
    if not boxes.number():
        return boxes
    k, rows = rates.count, np.arange(boxes.number())
    z_low, z_high, u_low, u_high = (part.copy() for part in tuple(boxes))
    root = np.sqrt(np.maximum(rates.a0 + np.exp(boxes.z_low) @ rates.aN.T, rates.least))
    y = [np.arcsinh(np.maximum((u - rates.centres) / root, -30.0)) for u in (u_low, u_high)]
    thin = np.concatenate([y[1] - y[0] < BOXES.thin, z_high - z_low < BOXES.thin], axis=1)
    wide = np.concatenate([y[1] - y[0], z_high - z_low], axis=1)
    axis = np.argmax(np.where(thin, -1.0, effect + 1e-9 * wide), axis=1)
    halves = [[part.copy() for part in (z_low, z_high, u_low, u_high)] for _ in range(2)]
    of_u = axis < k
    r, j = rows[of_u], axis[of_u]
    place = rates.centres[j] + root[r, j] * np.sinh((y[0][r, j] + y[1][r, j]) / 2)
    place = np.where((place > u_low[r, j]) & (place < u_high[r, j]), place, (u_low[r, j] + u_high[r, j]) / 2)
    halves[0][3][r, j], halves[1][2][r, j] = place, place
    r, j = rows[~of_u], axis[~of_u] - k
    a, b = np.exp(z_low[r, j]), np.exp(z_high[r, j])
    scale = np.minimum((b - a) / np.maximum(effect[r, axis[~of_u]], 1e-300), b)
    place = np.log(np.maximum(np.sqrt((a + scale) * (b + scale)) - scale, 1e-300))
    place = np.where((place > z_low[r, j]) & (place < z_high[r, j]), place, (z_low[r, j] + z_high[r, j]) / 2)
    halves[0][1][r, j], halves[1][0][r, j] = place, place
    return _Boxes(*halves[0]).and_(_Boxes(*halves[1]))


def polished(rates: Rates, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(log N, whether converged) of Newton's method for (log N, u) from each row of z; steps of at most 2 in log N."""
    k, good = rates.count, np.zeros(len(z), bool)
    u = rates.m0 + np.exp(z) @ rates.mN.T
    M = np.zeros((len(z), 2 * k, 2 * k))
    M[:, range(2 * k), range(2 * k)] = 1.0
    for _ in range(BOXES.newton):
        N = np.exp(z)
        a = np.maximum(rates.a0 + N @ rates.aN.T, rates.least)
        log, by_u, by_a = rates.log_rate(u, a)
        active = log > BOXES.lowest
        M[:, :k, :k] = np.eye(k) - (by_a * active)[:, :, None] * rates.aN * N[:, None, :]
        M[:, range(k), range(k, 2 * k)] = -by_u * active
        M[:, k:, :k] = -rates.mN * N[:, None, :]
        F = np.concatenate([z - log, u - rates.m0 - N @ rates.mN.T], axis=1)
        size = np.abs(np.linalg.det(M))
        usable = (size > 1e-14) & (size < np.inf)
        step = -np.linalg.solve(np.where(usable[:, None, None], M, np.eye(2 * k)), F[:, :, None])[:, :, 0]
        size = np.abs(step[:, :k]).max(axis=1)
        step *= np.minimum(1.0, 2.0 / np.maximum(size, 1e-300))[:, None]
        z, u = np.clip(z + step[:, :k], BOXES.lowest, 100.0), u + step[:, k:]
        good = usable & (size < 1e-7 + rates.error)
        if good.all() and size.max(initial=0.0) < 1e-10:
            break
    return z, good
