"""All neurons of a network through one step, arrays at a time: what runs where the compiled core was not built.

One step of a neuron with the linear drift m - g V and noise a is the exact transition of the Ornstein-Uhlenbeck
process. Between x and y below the threshold the path has touched V_F with probability

    exp(-(V_F - x) (V_F - y) g / (a sinh(g h))),

exact if the threshold were straight where time is S = (e^{2 g t} - 1)/(2 g) and the path Brownian (it is curved there,
by O(h^2)). Given that it has, z = S_T/(S_h - S_T) of the first time T is inverse Gaussian. What remains of the step is
walked from V_R. Other drifts take Heun's step (weak order 2 for constant noise) and a Brownian path between its ends.
The compiled core (neurons.h) does the same with the same random numbers.

Source of both laws: Revuz & Yor, Continuous martingales and Brownian motion, III.3; the substitution z makes the
density of the first time, d0 T^{-3/2} (h-T)^{-1/2} exp(-d0^2/(4aT) - d1^2/(4a(h-T))), that of Wald.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .random_numbers import GOLDEN, drawn, exponential, normals, uniform, words
from .tuning import NETWORK

# entries of a row of `steps`: what all neurons of a population do in a step; then (sum of shares, place) of resets
G, M, A, H, T0, CLOCK, KICK, DECAY, SHIFT, SPREAD, SLOPE, V_R, V_F, TAU, EPS, TABLE, ENTRIES = range(17)


@dataclass(eq=False)
class Neurons:
    """Neurons that go through steps together.

    chunks (chunks, 3): first neuron, the one after the last, population; v, wake: potentials, ends of rests (one entry
    where nobody rests); steps (populations, ENTRIES + 2 resets); tables (populations, size): drifts; place (1,): of the
    generator; found (chunks, 3): spikes, highest potential of those awake, who rests; spikes: a row for every neuron
    that is recorded, how many and their times; pulls: what is added to the drift of each neuron, or None.
    """

    chunks: np.ndarray
    v: np.ndarray
    wake: np.ndarray
    steps: np.ndarray
    tables: np.ndarray
    place: np.ndarray
    found: np.ndarray
    spikes: np.ndarray
    pulls: np.ndarray | None = None


def transition(g: float, m: Any, a: float, h: Any) -> tuple[Any, Any, Any, Any]:
    """(decay, shift, standard deviation, -log probability of a crossing per squared distance) over times h."""
    if g == 0.0:
        decay, shift, variance, sinh = 1.0 + 0.0 * h, m * h, 2.0 * a * h, h
    else:
        decay = np.exp(-g * h)
        shift, variance, sinh = -m * np.expm1(-g * h) / g, -a * np.expm1(-2.0 * g * h) / g, np.sinh(g * h) / g
    return decay, shift, np.sqrt(variance), 1.0 / np.where(a * sinh > 1e-290, a * sinh, 1e-290)


def advance(neurons: Neurons) -> None:
    """One step of all neurons, as `steps` has it."""
    chunks, found = neurons.chunks, neurons.found
    for kind in range(len(neurons.steps)):
        own = np.flatnonzero(chunks[:, 2] == kind)
        first, last = int(chunks[own[0], 0]), int(chunks[own[-1], 1])
        starts = chunks[own, 0] - first
        fired, resting = _Part(neurons, kind, first, last).step()
        awake = np.where(resting, -np.inf, neurons.v[first:last])
        found[own, 0] = np.add.reduceat(fired, starts)
        found[own, 1] = np.maximum.reduceat(awake, starts)
        found[own, 2] = np.add.reduceat(resting.astype(float), starts)
    neurons.place += chunks[-1:, 1].astype(np.uint64) * GOLDEN


class _Part:
    """One population during one step."""

    def __init__(self, neurons: Neurons, kind: int, first: int, last: int) -> None:
        self.neurons, self.first, self.last = neurons, first, last
        self.row, self.table = neurons.steps[kind], neurons.tables[kind]
        self.c = self.row.tolist()
        self.end = self.c[T0] + self.c[CLOCK] * self.c[H]
        self.rests = self.c[TAU] != 0.0

    def step(self) -> tuple[np.ndarray, np.ndarray]:
        """(how often each neuron fires, who rests at the end)."""
        c, part = self.c, slice(self.first, self.last)
        v, pulls = self.neurons.v[part], self.neurons.pulls
        word = words(self.neurons.place, self.first, self.last)
        noise = c[SPREAD] * normals(word) if c[SPREAD] > 0.0 else 0.0
        x = v + c[KICK]
        if c[TABLE]:
            y = self.heun(x, c[H], c[SHIFT] + noise)
        else:
            y = x * c[DECAY] + c[SHIFT] + noise
            if pulls is not None:
                y += (c[H] if c[G] == 0.0 else -math.expm1(-c[G] * c[H]) / c[G]) * pulls[part]
        if c[EPS] > 0.0:
            quiet = (x <= c[V_F]) & (y <= c[V_F])
        else:
            quiet = (y < c[V_F]) & ((c[V_F] - x) * (c[V_F] - y) * c[SLOPE] > NETWORK.negligible)
        if self.rests:
            wake = self.neurons.wake[part]
            asleep, quiet = self.asleep(wake), quiet & (wake <= c[T0])
        else:
            asleep = np.zeros(v.size, bool)
        v[quiet] = y[quiet]
        self.fired = np.zeros(v.size)
        self.who = np.flatnonzero(~quiet & ~asleep)
        self.generators = word[self.who]
        self.x, self.y = x[self.who], y[self.who]
        self.left, self.slope = np.full(self.who.size, c[H]), np.full(self.who.size, c[SLOPE])
        if self.rests:
            waking = np.flatnonzero(wake[self.who] > c[T0])
            self.left[waking] = self.end - wake[self.who[waking]]
            self.begin_again(waking)
        self.walk()
        return self.fired, self.asleep(wake) if self.rests else asleep

    def asleep(self, wake: np.ndarray) -> np.ndarray:
        return (wake > self.c[T0]) & (wake >= self.end)

    def walk(self) -> None:
        """Who may fire from x with `left` of the step left, y being proposed for its end; until it is over for all."""
        c, neurons = self.c, self.neurons
        active = np.arange(self.who.size)
        while active.size:
            wait = self.firing_times(active)
            settled = active[wait < 0.0]
            neurons.v[self.first + self.who[settled]] = self.y[settled]
            active, wait = active[wait >= 0.0], wait[wait >= 0.0]
            self.left[active] -= wait
            now, i = self.end - c[CLOCK] * self.left[active], self.first + self.who[active]
            self.fired[self.who[active]] += 1
            heard = i < len(neurons.spikes)
            rows = neurons.spikes[: len(neurons.spikes)]
            rows[i[heard], 0] += 1
            place = rows[i[heard], 0].astype(int)
            fits = place < rows.shape[1]
            rows[i[heard][fits], place[fits]] = now[heard][fits]
            if self.rests:  # below 0: a dead time
                rest = c[TAU] * exponential(self.generators, active) if c[TAU] > 0.0 else -c[TAU]
                neurons.wake[i] = now + rest
                neurons.v[i] = c[V_R]
                awake = neurons.wake[i] < self.end
                active, i = active[awake], i[awake]
                self.left[active] = self.end - neurons.wake[i]
            self.begin_again(active)

    def begin_again(self, who: np.ndarray) -> None:
        """x where a neuron begins again: V_R, or drawn; y where it would be after what is left."""
        c, resets = self.c, self.row[ENTRIES:]
        self.x[who] = c[V_R]
        if resets.size:
            chosen = np.searchsorted(resets[:-2:2], uniform(self.generators, who), side="left")
            self.x[who] = resets[2 * chosen + 1]
        left, noise = self.left[who], normals(drawn(self.generators, who))
        pull = 0.0 if self.neurons.pulls is None else self.neurons.pulls[self.first + self.who[who]]
        over = transition(0.0 if c[TABLE] else c[G], c[M] + pull, c[A], left)
        decay, shift, spread, self.slope[who] = over
        if c[TABLE]:
            self.y[who] = self.heun(self.x[who], left, shift + spread * noise)
        else:
            self.y[who] = self.x[who] * decay + shift + spread * noise

    def firing_times(self, who: np.ndarray) -> np.ndarray:
        """Times in (0, left) at which neurons that go from x to y fire; -1 where they do not."""
        c, x, y, left = self.c, self.x[who], self.y[who], self.left[who]
        wait = np.full(who.size, -1.0)
        if c[EPS] == 0.0:
            below, beyond = c[V_F] - x, c[V_F] - y
            q = np.where(beyond > 0.0, below * beyond * self.slope[who], 0.0)
            fires = (q <= NETWORK.negligible) & (left > 0.0)
            asked = np.flatnonzero(fires & (beyond > 0.0))
            fires[asked] = uniform(self.generators, who[asked]) <= np.exp(-q[asked])
            wait[fires] = self.crossing_times(who[fires], below[fires], np.abs(beyond[fires]))
            return wait
        for half, place in ((0.0, x), (0.5, y)):  # symmetric splitting: the first half belongs to x, the second to y
            open_ = np.flatnonzero((wait < 0.0) & (place > c[V_F]) & (left > 0.0))
            own = c[EPS] * exponential(self.generators, who[open_])
            early = own < 0.5 * left[open_]
            wait[open_[early]] = half * left[open_[early]] + own[early]
        return wait

    def crossing_times(self, who: np.ndarray, below: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """First times in (0, left) of paths that start `below` the threshold, end `beyond` away, and have met it."""
        g, a, h = self.c[G], self.c[A], self.left[who]
        whole = h if g == 0.0 else np.expm1(2.0 * g * h) / (2.0 * g)
        mean = below / np.maximum(np.exp(g * h) * beyond, 1e-300)
        z = mean
        if a > 0.0:
            with np.errstate(over="ignore"):
                w = mean * normals(drawn(self.generators, who)) ** 2 * (a * whole) / (below * below)
                z = mean / (1.0 + w + np.sqrt(w * (w + 2.0)))
                z = np.where(uniform(self.generators, who) * (mean + z) > mean, mean * (mean / z), z)
        with np.errstate(invalid="ignore"):
            fraction = np.where(z < 1e300, z / (1.0 + z), 1.0)
        return np.minimum(h, fraction * h if g == 0.0 else np.log1p(2.0 * g * whole * fraction) / (2.0 * g))

    def drift(self, v: np.ndarray) -> np.ndarray:
        """f(v) between the points of a table (lowest point, points per unit, values ...), beyond it on its ends."""
        z = (v - self.table[0]) * self.table[1]
        j = np.clip(z, 0.0, self.table.size - 4).astype(int)
        return self.table[2 + j] + (z - j) * (self.table[3 + j] - self.table[2 + j])

    def heun(self, x: np.ndarray, h: Any, push: np.ndarray) -> np.ndarray:
        slope = self.drift(x)
        return x + push + 0.5 * h * (slope + self.drift(x + push + h * slope))
