"""A network through many steps, its spikes delivered, also synchronous ones; the compiled core does the same.

Spikes of a step are delivered along it as far as the last step foretold them (where it had enough), the rest at its
end. Where that pushes nobody over V_F it is a shift of all potentials, applied with the next step; otherwise time
stands still and spikes are delivered generation by generation, each a ramp on which whoever meets V_F fires and takes
the rest of the ramp from V_R, until a generation is empty. Noise that grows with the rate is delivered with the kicks
over the following step while it is small against a0, by generations when it is not.

A step is halved, again and again, while kicks outrun noise, sum kicks N h > NETWORK.strength sqrt(2 a0 h), and the
rate is above its average over the last NETWORK.meanwhile dt; or while a(N) changes by more than a tenth a step. This
follows the run-up to a synchronous spike.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .neurons import (
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
from .tuning import NETWORK

# entries of `memory`, what a network carries from one call to the next; then, of each population: kicks and noise under
# way, who rests, rates that are foreseen
LEVEL, LAST, MEMORY = 0, 1, 3


def set_constants(steps: np.ndarray, law: Any, rest: Any, curved: np.ndarray, resets: np.ndarray) -> None:
    """What stays in rows of `steps`; curved: whether the drift of a population is a table."""
    steps[:, V_R], steps[:, V_F] = ([getattr(p, name) for p in law.populations] for name in ("v_reset", "v_fire"))
    steps[:, TAU], steps[:, EPS] = rest, law.escape_time
    steps[:, TABLE], steps[:, ENTRIES:] = curved, resets


def set_step(step: np.ndarray, g: float, m: float, a: float, h: float, t: float, clock: float, kick: float) -> None:
    """The step of a population: drift m - g V and noise a over a time h from t, after a kick."""
    step[[G, M, A, H, T0, CLOCK, KICK]] = g, m, a, h, t, clock, kick
    step[[DECAY, SHIFT, SPREAD, SLOPE]] = transition(0.0 if step[TABLE] else g, m, a, h)


def _count(network: Any) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """All spikes; then spikes per neuron, highest potential, fraction at rest of each population."""
    found, kind = network.neurons.found, network.neurons.chunks[:, 2]
    fired, resting = (np.bincount(kind, found[:, k] / network.sizes[kind], len(network.sizes)) for k in (0, 2))
    top = np.full(len(network.sizes), -np.inf)
    np.maximum.at(top, kind, found[:, 1])
    return float(found[:, 0].sum()), fired, top, resting


def _cascade(network: Any, t: float, kicks: np.ndarray, queue: np.ndarray, ahead: np.ndarray) -> tuple:
    """Deliver the queue (spikes per neuron) until it is empty; (what fires, generations, whether it never ends).

    ahead: how far its kicks have moved each population already.
    """
    neurons, steps = network.neurons, network.neurons.steps
    alone = len(steps) == 1 and not network.noise_kicks[0, 0] and not network.rest[0] and not network.resets
    lap = math.inf  # kicks from V_R to V_F
    if alone and kicks[0, 0] > 0:
        lap = (network.threshold[0] - network.reset[0]) / kicks[0, 0]
    longest, before, mark = NETWORK.longest + queue.max(), queue.max(), 0.0
    curved, total, delivered, generations, eternal = steps[:, TABLE].copy(), np.zeros(len(steps)), 0.0, 0, False
    steps[:, TABLE] = 0.0
    while queue.max() > 0.0 and not eternal:
        for p, step in enumerate(steps):
            push = float(kicks[p] @ queue) - ahead[p]
            set_step(step, 0.0, push, float(network.noise_kicks[p] @ queue), 1.0, t, 0.0, 0.0)
        ahead[:] = 0.0
        delivered += queue.max()
        advance(neurons)
        _, queue, *_ = _count(network)
        total += queue
        generations += 1
        if not alone:
            eternal = delivered > longest and queue.max() > 0.0
        elif delivered - mark >= lap:
            # Whoever fired fires again in every lap, and others join: what a lap did not shorten no lap will.
            eternal = queue.max() >= before and lap <= 1.0
            before, mark = queue.max(), delivered
    steps[:, TABLE] = curved
    return total, generations, eternal


def _level(network: Any, level: int, h: float, fired: np.ndarray, kicks: np.ndarray, heard: float) -> int:
    """How often the next step halves dt; it is twice as long as the last one at most.

    Updates network.memory[LAST:]: largest rate averaged over the past NETWORK.meanwhile dt, noise by spikes relative
    to a0 in the step before.
    """
    dt, a0, last = network.dt, network.a0, network.memory[LAST : LAST + 2]
    rate, noise = fired.max() / h, max(0.0, float((network.noise_kicks @ fired / (h * a0)).max()))
    chance = 3.0 * math.sqrt(2.0 / max(heard, 1.0))  # what rates of two steps differ by without meaning it
    grows = rate > (1.0 + 2.0 * NETWORK.change + chance) * last[0]
    strength = NETWORK.strength if grows else NETWORK.steady
    change = (abs(noise - last[1]) - (0.0 if grows else chance * noise)) / (NETWORK.change * (1.0 + noise))
    last[:] = last[0] + (rate - last[0]) * -math.expm1(-h / (NETWORK.meanwhile * dt)), noise
    needed = level - 1
    if heard >= NETWORK.counted:
        for noise_of, push in zip(a0.tolist(), (np.abs(kicks @ fired) / h).tolist(), strict=True):
            wanted = 2.0 * noise_of * (strength / push) * (strength / push) if push > 0.0 else math.inf
            if wanted < dt:
                needed = max(needed, math.ceil(math.log2(dt / wanted)))
        if change > 0.5:
            needed = max(needed, level + math.ceil(math.log2(change)))
    return max(0, min(NETWORK.deepest, needed))


def run_steps(network: Any, first: int, last: int, currents: np.ndarray) -> tuple[int, bool]:
    """`Network.run`."""
    neurons, dt, a0, populations = network.neurons, network.dt, network.a0, len(network.sizes)
    kicks, noise_kicks, rates = network.kicks, network.noise_kicks, network.rates
    late, past, made = network.lags > 0, network.past, network.events_made
    now, delayed = np.where(late, 0.0, kicks), np.where(late, kicks, 0.0)
    whole = np.floor(network.lags).astype(int)
    part, sources = network.lags - whole, np.arange(populations)
    noisy = bool(noise_kicks.any())
    coupled = noisy or bool(now.any())
    memory = network.memory
    pending, queue, at_rest, foreseen = memory[MEMORY:].reshape(4, populations)
    level, full = int(memory[LEVEL]), 1 << NETWORK.deepest
    for k in range(first, last):
        drive = currents[k - first]
        if late.any():
            at = past + k - whole
            heard_then = (1.0 - part) * rates[at, sources] + part * rates[at - 1, sources]
            drive = drive + (delayed * heard_then).sum(axis=1) / dt
        position = 0
        while position < full:
            while position % (full >> level):
                level += 1
            h, t = dt / (1 << level), dt * (k + position / full)
            ahead = now @ foreseen * h
            m, a = drive + ahead / h, a0
            if noisy:
                m, a = m + now @ queue / h, a + noise_kicks @ queue / h
            for p, step in enumerate(neurons.steps):
                set_step(step, network.g[p], m[p], a[p], h, t, 1.0, pending[p])
            pending[:] = queue[:] = 0.0
            advance(neurons)
            heard, fired, top, rest = _count(network)
            where = (network.bin_of[k], network.batch_of, neurons.chunks[:, 2])
            np.add.at(network.batches, where, neurons.found[:, 0].astype(int))
            rates[past + k] += fired
            network.resting[k] += 0.5 * (at_rest + rest) * h / dt
            at_rest[:] = rest
            foreseen[:] = fired / h if heard >= NETWORK.counted and not noisy else 0.0
            position += full >> level
            if not coupled:
                continue
            push, noise = now @ fired - ahead, noise_kicks @ fired
            if noisy:
                crowd = np.any((noise > 0.5 * a0 * h) | (push > 0.5 * np.sqrt(2.0 * a0 * h)))
            else:
                crowd = np.any(top + push >= network.threshold)
            level = _level(network, level, h, fired, now, heard)
            if crowd and not network.escape and fired.max() > 0.0:
                when = dt * (k + position / full)
                total, generations, eternal = _cascade(network, when, now, fired, ahead)
                foreseen[:] = 0.0
                rates[past + k] += total
                at_rest[network.rest != 0] += total[network.rest != 0]
                if eternal or total.max() >= network.event_size:
                    network.synchronous[k] += total
                    if made < len(network.events):
                        network.events[made] = when, generations, *(np.full_like(total, np.inf) if eternal else total)
                        made += 1
                    level = min(NETWORK.deepest, level + 4)
                if eternal:
                    return k, True
            elif noisy:
                queue[:] = fired
            else:
                pending[:] = push
        memory[LEVEL] = level
    return last, False
