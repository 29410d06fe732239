"""A network whose neurons change their population, and whose potentials may end below, at V_min.

A step is split: half a step of exchange, exact, a step of all potentials, half a step of exchange. Potentials take
Heun's step and a Brownian path between its ends, on which V_F is met with the probability of a Brownian bridge. At
V_min paths are turned back (Skorokhod 1961): with m the lowest point of the free path, drawn from its law,

    L = max(V_min - m, 0),     V goes to its free end + L,     and the neuron leaves with probability 1 - exp(-k L / a),

which is Robin's condition: the mean of dL/dt is a n(V_min). Spikes of a step are heard, as drift and noise, in the next
one, so that the bias of a rate is of order dt; a step in which many fire at once ends the simulation.

Source: Karatzas & Shreve, Brownian motion and stochastic calculus, 3.6; Grebenkov, Phys. Rev. Lett. 125 (2020) 078102.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import expm

from ..problem import State
from .batches import Recording, make_chunks
from .checkpoints import Checkpoint, step_by_step
from .drive import mean_current
from .initial_neurons import draw_start
from .planning import Plan
from .tuning import NETWORK, PLANNING


def simulate_mixing(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    threads: int,
    watch: Callable[[float], None],
    place: Checkpoint,
) -> Recording:
    """Neurons of `ParticleLaw.exchange`, `low` and `leaves`; one thread."""
    law, dt, count = plan.law, plan.dt, len(plan.sizes)
    _require_followed(plan)
    first_draws, key = seed.spawn(2)
    key = key.generate_state(2, np.uint64)
    recorded, engine = place.read(plan) or (None, {})
    if recorded is None:
        _require_shares(plan, start)
        v, _ = draw_start(law, start, plan.sizes, np.random.default_rng(first_draws), {})
        engine = {"v": v, "kind": np.repeat(np.arange(count), plan.sizes), "gone": np.zeros(v.size, bool)}
    v, kind, gone = engine["v"], engine["kind"], engine["gone"].astype(bool)
    last = engine.get("rates", np.zeros(count))
    chunks, chunk_batch, counted = make_chunks(plan.sizes)
    batch_sizes = np.repeat(counted.sum(axis=1, keepdims=True), count, axis=1)
    own = recorded or Recording.begun(plan, chunks, chunk_batch, batch_sizes)
    coupled = any(any(p.kicks) or any(p.noise_kicks) for p in law.populations)
    exchanged, neurons = _half_step(law, dt), _Potentials(law, dt)

    def step(k: int) -> None:
        nonlocal kind, gone, last
        random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, k]))
        kind = exchanged(kind, random)
        fired, lost = neurons.step(v, kind, gone, k, last, random)
        kind, gone = exchanged(kind, random), gone | lost
        np.add.at(own.batches[plan.bin_of[k]], (own.batch_of[fired[0]], fired[1]), 1)
        own.rates[k] = np.bincount(fired[1], minlength=count) / v.size
        last = own.rates[k] / dt
        if coupled and len(fired[0]) > plan.event_size * v.size + 2:
            raise ValueError(
                f"dt = {dt!r}: {len(fired[0]) / v.size:.3g} spikes per neuron in the step to "
                f"t = {(k + 1) * dt:.6g}; allowed are {plan.event_size:.3g}: no synchronous spike is followed of "
                "neurons that change their population or have a V_min"
            )

    engine_now = lambda: {"v": v, "kind": kind, "gone": gone, "rates": last}
    return step_by_step(plan, own, place, watch, step, lambda: (v, gone, kind), engine_now)


def _require_followed(plan: Plan) -> None:
    """ValueError for what such a network does not have."""
    law = plan.law
    if plan.record:
        raise ValueError(
            f"record = {plan.record!r}; neurons that change their population or have a V_min keep no spike times: "
            "allowed is 0"
        )
    if law.rests or law.escape_time or law.place is not None or any(p.delays for p in law.populations):
        raise ValueError(
            "neurons that change their population or have a V_min rest, fire at random, hear each other late or run "
            "away; allowed are neurons that fire at V_F and begin again at once"
        )
    across = min(p.v_fire for p in law.populations) - law.low
    noise = max(p.noise for p in law.populations)
    if across < NETWORK.apart * np.sqrt(2 * noise * plan.dt):
        longest = (across / NETWORK.apart) ** 2 / (2 * noise)
        raise ValueError(f"dt = {plan.dt!r}: V_F and V_min are met in one step; allowed are steps up to {longest:.3g}")


def _require_shares(plan: Plan, start: Any) -> None:
    """ValueError where other shares of the neurons are simulated than begin in the populations."""
    held, total = np.array(plan.law.shares), sum(plan.sizes)
    if np.abs(held - np.array(plan.sizes) / total).max() > max(PLANNING.consistent, 1 / total):
        what = "start: a state with" if isinstance(start, State) else "the model begins with"
        raise ValueError(
            f"{what} {[round(m, 4) for m in held.tolist()]} of the neurons in the populations, of which neurons = "
            f"{plan.sizes} are simulated; allowed are numbers in these shares, and a state that nobody has left yet"
        )


def _half_step(law: Any, dt: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """The exchange of half a step: populations before -> after."""
    rates = np.array(law.exchange)
    if not rates.any():
        return lambda kind, random: kind
    below = np.cumsum(expm((rates - np.diag(rates.sum(axis=1))) * dt / 2), axis=1)[:, :-1]
    return lambda kind, random: (random.random(kind.size)[:, None] > below[kind]).sum(axis=1)


class _Potentials:
    """All potentials through a step."""

    def __init__(self, law: Any, dt: float) -> None:
        self.law, self.dt = law, dt
        column = lambda name: np.array([getattr(p, name) for p in law.populations], float)
        self.top, self.back, self.a0 = column("v_fire"), column("v_reset"), column("noise")
        self.kicks, self.leaves = column("kicks"), np.array(law.leaves)
        self.noise_kicks = np.array([p.noise_kicks or (0.0,) * len(self.top) for p in law.populations])
        self.ends = np.cumsum([share for share, _ in law.resets])[:-1]
        self.places = np.array([place for _, place in law.resets])

    def step(
        self, v: np.ndarray, kind: np.ndarray, gone: np.ndarray, step: int, rates: np.ndarray, random: Any
    ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """((who fires, as whose neuron), who leaves); v is moved."""
        dt, law = self.dt, self.law
        a = self.a0 + self.noise_kicks @ rates
        push = self.kicks @ rates
        push += [mean_current(p.current, dt * step, dt * (step + 1)) for p in law.populations]
        lost, nobody = np.zeros(v.size, bool), np.empty(0, int)
        fired, kinds = [nobody], [nobody]
        who = np.flatnonzero(~gone)
        left = np.full(who.size, dt)
        while who.size:
            k, x = kind[who], v[who]
            y = self._free(x, k, left, push[k], np.sqrt(2 * a[k] * left) * random.standard_normal(who.size))
            var = a[k] * left
            below, beyond = self.top[k] - x, self.top[k] - y
            with np.errstate(over="ignore"):
                meets = (beyond <= 0) | (random.random(who.size) < np.exp(-np.maximum(below * beyond, 0.0) / var))
            stays = ~meets
            v[who[stays]] = y[stays]
            if law.low > -np.inf:
                lost[who[stays]] = self._turned_back(v, who[stays], x[stays], k[stays], a[k[stays]], var[stays], random)
            who, k = who[meets], k[meets]
            fired.append(who), kinds.append(k)
            left = left[meets] * (1.0 - _first_meeting(below[meets], np.abs(beyond[meets]), var[meets], random))
            v[who] = self.back[k]
            if self.places.size:
                v[who] = self.places[np.searchsorted(self.ends, random.random(who.size))]
            again = left > 0
            who, left = who[again], left[again]
        return (np.concatenate(fired), np.concatenate(kinds)), lost

    def _free(self, x: np.ndarray, k: np.ndarray, h: np.ndarray, push: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Heun's step without ends."""
        slope, later = np.empty_like(x), np.empty_like(x)
        for kind, population in enumerate(self.law.populations):
            own = k == kind
            slope[own] = population.drift(x[own])
            ahead = x[own] + h[own] * (slope[own] + push[own]) + noise[own]
            later[own] = population.drift(np.maximum(ahead, self.law.low))
        return x + h * (0.5 * (slope + later) + push) + noise

    def _turned_back(
        self, v: np.ndarray, who: np.ndarray, x: np.ndarray, k: np.ndarray, a: np.ndarray, var: np.ndarray, random: Any
    ) -> np.ndarray:
        """Who leaves of those that stayed below V_F; v is turned back at V_min."""
        y = v[who]
        lowest = 0.5 * (x + y - np.sqrt((y - x) ** 2 - 4 * var * np.log(1.0 - random.random(who.size))))
        L = np.maximum(self.law.low - lowest, 0.0)
        v[who] = np.minimum(y + L, np.nextafter(self.top[k], -np.inf))
        return random.random(who.size) < -np.expm1(-self.leaves[k] * L / a)


def _first_meeting(below: np.ndarray, beyond: np.ndarray, var: np.ndarray, random: Any) -> np.ndarray:
    """The part of a step at which a Brownian path from `below` V_F to `beyond` it meets V_F first, given it does.

    z = T/(h - T) is inverse Gaussian with mean below/beyond and shape below^2/(2 var); see `neurons`.
    """
    z = random.wald(below / np.maximum(beyond, 1e-300 + 1e-12 * below), below**2 / (2 * var))
    return z / (1.0 + z)
