# ruff: noqa: E402 - a variable of the environment is set before numba is imported
"""Compiled: all neurons of a network through one step, and the network through many. Import this inside functions.

One step of a neuron with the linear drift m - g V and noise a is the exact transition of the Ornstein-Uhlenbeck
process. Between x and y below the threshold the path has touched V_F with probability

    exp(-(V_F - x) (V_F - y) g / (a sinh(g h))),

exact if the threshold were straight where time is S = (e^{2 g t} - 1)/(2 g) and the path Brownian (it is curved there,
by O(h^2)). Given that it has, z = S_T/(S_h - S_T) of the first time T is inverse Gaussian. What remains of the step is
walked from V_R. Other drifts take Heun's step (weak order 2 for constant noise) and a Brownian path between its ends.

Source of both laws: Revuz & Yor, Continuous martingales and Brownian motion, III.3; the substitution z makes the
density of the first time, d0 T^{-3/2} (h-T)^{-1/2} exp(-d0^2/(4aT) - d1^2/(4a(h-T))), that of Wald.
"""

from __future__ import annotations

import math
import os

# Threads that wait for the others must sleep: spinning, they lose milliseconds a step when the machine has other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when the first parallel function starts

import numpy as np
from numba import njit, prange

from .random_numbers import exponential, fill_normal, normal, uniform

BLOCK = 512  # neurons whose normal variates are drawn at once: they stay in the first-level cache
_NEGLIGIBLE = 28.0  # crossings of probability below e^-28 are not drawn
# entries of a row of `steps`: what all neurons of a population do in a step
G, M, A, H, T0, CLOCK, KICK, DECAY, SHIFT, SPREAD, SLOPE, V_R, V_F, TAU, EPS, TABLE = range(16)
ENTRIES = 16


@njit(cache=True)
def transition(g, m, a, h):
    """(decay, shift, standard deviation, -log probability of a crossing per squared distance) over a time h."""
    if g == 0.0:
        decay, shift, variance, sinh = 1.0, m * h, 2.0 * a * h, h
    else:
        decay = math.exp(-g * h)
        shift, variance, sinh = -m * math.expm1(-g * h) / g, -a * math.expm1(-2.0 * g * h) / g, math.sinh(g * h) / g
    return decay, shift, math.sqrt(variance), 1.0 / (a * sinh) if a * sinh > 1e-290 else 1e290


@njit(cache=True)
def table_drift(table, v):
    """f(v) between the points of a table (lowest point, points per unit, values ...), beyond it on its end pieces."""
    z = (v - table[0]) * table[1]
    j = min(max(np.int64(z), 0), table.size - 4)
    return table[2 + j] + (z - j) * (table[3 + j] - table[2 + j])


@njit(cache=True)
def _crossing_time(below, beyond, g, a, h, state):
    """First time in (0, h) of a path that starts `below` the threshold, ends `beyond` away from it, and has met it."""
    scale = math.exp(g * h)
    whole = h if g == 0.0 else math.expm1(2.0 * g * h) / (2.0 * g)
    mean = below / max(scale * beyond, 1e-300)
    z = mean
    if a > 0.0:
        w = mean * normal(state) ** 2 * (a * whole) / (below * below)
        z = mean / (1.0 + w + math.sqrt(w * (w + 2.0)))
        if uniform(state) * (mean + z) > mean:
            z = mean * (mean / z)
    fraction = z / (1.0 + z) if z < 1e300 else 1.0
    return min(h, fraction * h if g == 0.0 else math.log1p(2.0 * g * whole * fraction) / (2.0 * g))


@njit(cache=True)
def _firing_time(x, y, left, c, slope, state):
    """Time in (0, left) at which a neuron that goes from x to y fires; -1 if it does not."""
    if c[EPS] == 0.0:
        below, beyond = c[V_F] - x, c[V_F] - y
        if beyond > 0.0:
            q = below * beyond * slope
            if q > _NEGLIGIBLE or uniform(state) > math.exp(-q):
                return -1.0
        return _crossing_time(below, abs(beyond), c[G], c[A], left, state)
    if x > c[V_F]:  # symmetric splitting: the first half of the step belongs to x, the second to y
        wait = c[EPS] * exponential(state)
        if wait < 0.5 * left:
            return wait
    if y > c[V_F]:
        wait = c[EPS] * exponential(state)
        if wait < 0.5 * left:
            return 0.5 * left + wait
    return -1.0


@njit(cache=True)
def _reset(c, state):
    """Where a neuron begins again: V_R, or drawn from the places that follow the ENTRIES: (share up to here, place)."""
    if c.size == ENTRIES:
        return c[V_R]
    k, chance = ENTRIES, uniform(state)
    while k + 2 < c.size and chance > c[k]:
        k += 2
    return c[k + 1]


@njit(cache=True)
def _walk(i, x, y, left, v, wake, c, slope, pull, table, state, spikes):
    """Neuron i from x with `left` of the step left, y being proposed for its end; returns how often it fires."""
    fired = 0
    end = c[T0] + c[CLOCK] * c[H]
    while True:
        wait = _firing_time(x, y, left, c, slope, state) if left > 0.0 else -1.0
        if wait < 0.0:
            v[i] = y
            return fired
        left -= wait
        if i < spikes.shape[0]:
            spikes[i, 0] += 1.0
            if spikes[i, 0] < spikes.shape[1]:
                spikes[i, np.int64(spikes[i, 0])] = end - c[CLOCK] * left
        fired += 1
        if c[TAU] != 0.0:  # < 0: a dead time
            rest = c[TAU] * exponential(state) if c[TAU] > 0.0 else -c[TAU]
            wake[i] = end - c[CLOCK] * left + rest
            v[i] = c[V_R]
            if wake[i] >= end:
                return fired
            left = end - wake[i]
        x = _reset(c, state)
        y, slope = _propose(x, left, c, pull, table, state)


@njit(cache=True)
def _propose(x, left, c, pull, table, state):
    if c[TABLE] == 0.0:
        decay, shift, spread, slope = transition(c[G], c[M] + pull, c[A], left)
        return x * decay + shift + spread * normal(state), slope
    _, shift, spread, slope = transition(0.0, c[M], c[A], left)
    return _heun(x, left, shift + spread * normal(state), table), slope


@njit(cache=True)
def _heun(x, h, push, table):
    slope = table_drift(table, x)
    return x + push + 0.5 * h * (slope + table_drift(table, x + push + h * slope))


@njit(cache=True)
def _chunk(first, last, v, wake, c, pulls, table, state, buffer, spikes):
    """Neurons first..last-1 through the step c; (spikes, highest potential of those not at rest, how many rest).

    pulls: what is added to the drift m of each neuron; empty where there is nothing.
    """
    fired, resting, top = 0, 0, -np.inf
    kick, threshold, slope, tau, escapes = c[KICK], c[V_F], c[SLOPE], c[TAU], c[EPS] > 0.0
    decay, shift, spread, t0, h, end = c[DECAY], c[SHIFT], c[SPREAD], c[T0], c[H], c[T0] + c[CLOCK] * c[H]
    own_pulls = pulls.size > 0
    gain = h if c[G] == 0.0 else -math.expm1(-c[G] * h) / c[G]
    for start in range(first, last, BLOCK):
        size = min(BLOCK, last - start)
        if spread > 0.0:
            fill_normal(state, buffer, size)
        else:
            for j in range(size):
                buffer[j] = 0.0
        if c[TABLE] == 0.0:
            for j in range(size):
                buffer[j] = (v[start + j] + kick) * decay + shift + spread * buffer[j]
            if own_pulls:
                for j in range(size):
                    buffer[j] += gain * pulls[start + j]
        else:
            for j in range(size):
                buffer[j] = _heun(v[start + j] + kick, h, shift + spread * buffer[j], table)
        for j in range(size):
            i, y = start + j, buffer[j]
            x, left, own = v[i] + kick, h, slope
            if tau != 0.0 and wake[i] > t0:
                if wake[i] >= end:
                    resting += 1
                    continue
                x, left = _reset(c, state), end - wake[i]
                y, own = _propose(x, left, c, pulls[i] if own_pulls else 0.0, table, state)
            if escapes:
                quiet = x <= threshold and y <= threshold
            else:
                quiet = y < threshold and (threshold - x) * (threshold - y) * own > _NEGLIGIBLE
            if quiet:
                v[i] = y
                top = max(top, y)
            else:
                pull = pulls[i] if own_pulls else 0.0
                fired += _walk(i, x, y, left, v, wake, c, own, pull, table, state, spikes)
                if tau != 0.0 and wake[i] >= end:
                    resting += 1
                else:
                    top = max(top, v[i])
    return fired, top, resting


@njit(cache=True)
def _one_chunk(k, chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found):
    first, last, kind = chunks[k, 0], chunks[k, 1], chunks[k, 2]
    found[k, 0], found[k, 1], found[k, 2] = _chunk(
        first, last, v, wake, steps[kind], pulls, tables[kind], states[k], buffers[k], spikes
    )


@njit(cache=True, parallel=True, nogil=True)
def _all_chunks_at_once(chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found):
    for k in prange(chunks.shape[0]):
        _one_chunk(k, chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found)


@njit(cache=True, nogil=True)
def advance(chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found, threads):
    """One step of all neurons; found[k] = (spikes, highest potential, resting neurons) of chunk k."""
    if threads > 1:
        _all_chunks_at_once(chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found)
    else:
        for k in range(chunks.shape[0]):
            _one_chunk(k, chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found)
