"""Compiled: a network through many steps, its spikes delivered, also synchronous ones. Import this inside functions.

Spikes of a step are delivered along it as far as the last step foretold them (where it had COUNTED), the rest at its
end. Where that pushes nobody over V_F it is a shift of all potentials, applied with the next step; otherwise time
stands still and spikes are delivered generation by generation, each a ramp on which whoever meets V_F fires and takes
the rest of the ramp from V_R, until a generation is empty. Noise that grows with the rate is delivered with the kicks
over the following step while it is small against a0, by generations when it is not.

A step is halved, again and again, while kicks outrun noise, sum kicks N h > STRENGTH sqrt(2 a0 h), and the rate is
above its average over the last MEANWHILE dt; or while a(N) changes by more than a tenth a step. This follows the run-up
to a synchronous spike.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .kernels import (
    CLOCK,
    DECAY,
    ENTRIES,
    EPS,
    KICK,
    SHIFT,
    SLOPE,
    SPREAD,
    T0,
    TABLE,
    TAU,
    V_F,
    V_R,
    A,
    G,
    H,
    M,
    advance,
    transition,
)

STEADY, STRENGTH = 0.5, 0.1  # longest kicks in units of sqrt(2 a0 h), while the rate is steady and while it grows
CHANGE, MEANWHILE = 0.1, 20.0
COUNTED = 50  # spikes in a step from which its rate is trusted
DEEPEST = 20  # halvings of a step
LONGEST = 200.0  # spikes per neuron after which a synchronous spike that has not ended is called eternal
FINISHED, ETERNAL = 0, 1
# entries of `memory`, what a network carries from one call to the next; then kicks and noise under way, who rests
LEVEL, LAST, MEMORY = 0, 1, 3


@njit(cache=True)
def _set(step, g, m, a, h, t, clock, kick):
    step[G], step[M], step[A], step[H], step[T0], step[CLOCK], step[KICK] = g, m, a, h, t, clock, kick
    if step[TABLE] == 0.0:
        step[DECAY], step[SHIFT], step[SPREAD], step[SLOPE] = transition(g, m, a, h)
    else:
        step[DECAY], step[SHIFT], step[SPREAD], step[SLOPE] = transition(0.0, m, a, h)


@njit(cache=True)
def _dot(x, y):
    total = 0.0
    for k in range(x.size):
        total += x[k] * y[k]
    return total


@njit(cache=True)
def _largest(x):
    most = x[0]
    for k in range(1, x.size):
        most = max(most, x[k])
    return most


@njit(cache=True)
def _copy(x, y):
    for k in range(x.size):
        x[k] = y[k]


@njit(cache=True)
def _clear(x):
    for k in range(x.size):
        x[k] = 0.0


@njit(cache=True)
def _add(x, y):
    """x += y, entry by entry."""
    for k in range(x.size):
        x[k] += y[k]


@njit(cache=True)
def _count(chunks, found, sizes, fired, top, resting):
    """Sums over the chunks of each population, per neuron."""
    for p in range(sizes.size):
        fired[p], top[p], resting[p] = 0.0, -np.inf, 0.0
    total = 0.0
    for k in range(chunks.shape[0]):
        kind = chunks[k, 2]
        total += found[k, 0]
        fired[kind] += found[k, 0] / sizes[kind]
        resting[kind] += found[k, 2] / sizes[kind]
        top[kind] = max(top[kind], found[k, 1])
    return total


@njit(cache=True)
def _cascade(
    t, law, kicks, noise_kicks, sizes, queue, ahead, total,
    chunks, v, wake, steps, states, buffers, spikes, found, threads,
):  # fmt: skip
    """Deliver the queue (spikes per neuron) until it is empty; adds to `total` what fires. (generations, eternal).

    ahead: how far its kicks have moved each population already.
    """
    none, pulls = np.zeros((steps.shape[0], 6)), np.empty(0)
    populations = steps.shape[0]
    top, resting, delivered, generations = np.empty(populations), np.empty(populations), 0.0, 0
    alone = populations == 1 and noise_kicks[0, 0] == 0.0 and law[2] == 0.0 and law.size == 4
    lap = (law[1] - law[0]) / kicks[0, 0] if alone and kicks[0, 0] > 0 else math.inf  # kicks from V_R to V_F
    longest, before, mark = LONGEST + _largest(queue), _largest(queue), 0.0
    tables = np.empty(populations)
    for p in range(populations):
        tables[p], steps[p, TABLE] = steps[p, TABLE], 0.0
    eternal = False
    while _largest(queue) > 0.0:
        for p in range(populations):
            _set(steps[p], 0.0, _dot(kicks[p], queue) - ahead[p], _dot(noise_kicks[p], queue), 1.0, t, 0.0, 0.0)
            ahead[p] = 0.0
        delivered += _largest(queue)
        advance(chunks, v, wake, steps, pulls, none, states, buffers, spikes, found, threads)
        _count(chunks, found, sizes, queue, top, resting)
        _add(total, queue)
        generations += 1
        if alone:
            # Whoever fired fires again in every lap, and others join: what a lap did not shorten no lap will.
            if delivered - mark >= lap:
                eternal = _largest(queue) >= before and lap <= 1.0
                before, mark = _largest(queue), delivered
        else:
            eternal = delivered > longest and _largest(queue) > 0.0
        if eternal:
            break
    for p in range(populations):
        steps[p, TABLE] = tables[p]
    return generations, eternal


@njit(cache=True)
def _level(level, dt, h, fired, kicks, noise_kicks, a0, count, last):
    """How often the next step halves dt; it is twice as long as the last one at most. Updates `last`.

    last: (largest rate averaged over the past MEANWHILE dt, noise by spikes relative to a0 in the step before).
    """
    rate, noise = _largest(fired) / h, 0.0
    for p in range(a0.size):
        noise = max(noise, _dot(noise_kicks[p], fired) / (h * a0[p]))
    chance = 3.0 * math.sqrt(2.0 / max(count, 1.0))  # what rates of two steps differ by without meaning it
    grows = rate > (1.0 + 2.0 * CHANGE + chance) * last[0]
    strength = STRENGTH if grows else STEADY
    change = (abs(noise - last[1]) - (0.0 if grows else chance * noise)) / (CHANGE * (1.0 + noise))
    last[0], last[1] = last[0] + (rate - last[0]) * -math.expm1(-h / (MEANWHILE * dt)), noise
    needed = level - 1
    if count >= COUNTED:
        for p in range(a0.size):
            push = abs(_dot(kicks[p], fired)) / h
            if push > 0.0:
                wanted = 2.0 * a0[p] * (strength / push) ** 2
                if wanted < dt:
                    needed = max(needed, np.int64(math.ceil(math.log2(dt / wanted))))
        if change > 0.5:
            needed = max(needed, level + np.int64(math.ceil(math.log2(change))))
    return max(0, min(DEEPEST, needed))


@njit(cache=True, nogil=True)
def run_steps(
    first, last, dt, law, sizes, g, a0, kicks, noise_kicks, lag, currents, tables, chunks, batch_of, bin_of,
    v, wake, states, buffers, spikes, memory, rates, synchronous, resting, batches, events, threads, event_size,
):  # fmt: skip
    """Steps first..last-1 of length dt; (next step, status, events in all).

    law: v_reset, v_fire, refractory time (mean; minus a dead time), escape time; then resets: sums of shares, places.
    kicks[p, j], noise_kicks[p, j]: from population j to p. lag:
    delay in steps.  currents[k, p]: mean over step first + k. rates[past + k, p], synchronous[k, p], resting[k, p]:
    spikes per neuron in step k; those of them in synchronous spikes; fraction at rest.  batches[bin, batch, p]: spikes,
    but for synchronous ones.  events[e]: time, generations, then spikes per neuron of each population.
    """
    populations = g.size
    steps, pulls = np.zeros((populations, ENTRIES + law.size - 4)), np.empty(0)
    found = np.zeros((chunks.shape[0], 3))
    for p in range(populations):
        steps[p, V_R], steps[p, V_F], steps[p, TAU], steps[p, EPS] = law[0], law[1], law[2], law[3]
        steps[p, TABLE] = 1.0 if tables[p, 1] > 0.0 else 0.0
        steps[p, ENTRIES:] = law[4:]
    past = rates.shape[0] - synchronous.shape[0]
    now = kicks if lag == 0.0 else np.zeros((populations, populations))
    whole = np.int64(math.floor(lag))
    part = lag - whole
    noisy, coupled = False, False
    for p in range(populations):
        for j in range(populations):
            noisy |= noise_kicks[p, j] > 0.0
            coupled |= noise_kicks[p, j] > 0.0 or now[p, j] != 0.0
    pending, queue = memory[MEMORY : MEMORY + populations], memory[MEMORY + populations : MEMORY + 2 * populations]
    at_rest = memory[MEMORY + 2 * populations : MEMORY + 3 * populations]
    foreseen, ahead = memory[MEMORY + 3 * populations :], np.zeros(populations)
    fired, top, rest, total = np.empty(populations), np.empty(populations), np.empty(populations), np.empty(populations)
    level, count = np.int64(memory[LEVEL]), np.int64(0)
    while count < events.shape[0] and events[count, 0] >= 0.0:
        count += 1
    full = np.int64(1) << DEEPEST
    for k in range(first, last):
        position = np.int64(0)
        while position < full:
            while position % (full >> level):
                level += 1
            h, t = dt / (np.int64(1) << level), dt * (k + position / full)
            for p in range(populations):
                m, a = currents[k - first, p], a0[p]
                if lag > 0.0:
                    for j in range(populations):
                        m += (
                            kicks[p, j]
                            * ((1 - part) * rates[past + k - whole, j] + part * rates[past + k - whole - 1, j])
                            / dt
                        )
                ahead[p] = _dot(now[p], foreseen) * h
                m += ahead[p] / h
                if noisy:
                    m += _dot(now[p], queue) / h
                    a += _dot(noise_kicks[p], queue) / h
                _set(steps[p], g[p], m, a, h, t, 1.0, pending[p])
            _clear(pending)
            _clear(queue)
            advance(chunks, v, wake, steps, pulls, tables, states, buffers, spikes, found, threads)
            heard = _count(chunks, found, sizes, fired, top, rest)
            for c in range(chunks.shape[0]):
                batches[bin_of[k], batch_of[c], chunks[c, 2]] += np.int64(found[c, 0])
            _add(rates[past + k], fired)
            for p in range(populations):
                resting[k, p] += 0.5 * (at_rest[p] + rest[p]) * h / dt
            _copy(at_rest, rest)
            position += full >> level
            for p in range(populations):
                foreseen[p] = fired[p] / h if heard >= COUNTED and not noisy else 0.0
            if coupled:
                crowd = False
                for p in range(populations):
                    push, noise = _dot(now[p], fired) - ahead[p], _dot(noise_kicks[p], fired)
                    if noisy:
                        crowd |= noise > 0.5 * a0[p] * h or push > 0.5 * math.sqrt(2 * a0[p] * h)
                    else:
                        crowd |= top[p] + push >= law[1]
                level = _level(level, dt, h, fired, now, noise_kicks, a0, heard, memory[LAST : LAST + 2])
                if crowd and law[3] == 0.0 and _largest(fired) > 0.0:
                    _copy(queue, fired)
                    _clear(total)
                    generations, eternal = _cascade(
                        dt * (k + position / full), law, now, noise_kicks, sizes, queue, ahead, total,
                        chunks, v, wake, steps, states, buffers, spikes, found, threads,
                    )  # fmt: skip
                    _clear(queue)
                    _clear(foreseen)
                    _add(rates[past + k], total)
                    if law[2] != 0.0:
                        _add(at_rest, total)
                    if eternal or _largest(total) >= event_size:
                        _add(synchronous[k], total)
                        if count < events.shape[0]:
                            events[count, 0], events[count, 1] = dt * (k + position / full), generations
                            for p in range(populations):
                                events[count, 2 + p] = np.inf if eternal else total[p]
                            count += 1
                        level = min(DEEPEST, level + 4)
                    if eternal:
                        return k, ETERNAL, count
                elif noisy:
                    _copy(queue, fired)
                else:
                    for p in range(populations):
                        pending[p] = _dot(now[p], fired) - ahead[p]
        memory[LEVEL] = level
    return last, FINISHED, count
