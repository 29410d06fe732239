"""A network whose synaptic weights follow its activity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .batches import Recording, make_chunks
from .checkpoints import Checkpoint, step_by_step
from .drive import affine
from .initial_neurons import draw_weighted
from .network import advance, helpers
from .neurons import ENTRIES, Neurons
from .planning import Plan
from .random_numbers import generator
from .stepping import set_constants, set_step
from .tuning import NETWORK


def simulate_learning(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    threads: int,
    watch: Callable[[float], None],
    place: Checkpoint,
) -> Recording:
    """The law of `Learning`, neuron by neuron.

    N(w) is counted on hat functions of w, n^(1/3) of them, so that both their width and the noise of the count vanish
    in large networks. It and Nbar are averages over the time in which some 100 spikes fall (500 in Phi, a product of
    two counts), 0.02 at most; that is how late neurons hear of each other. Weights take the exact step of dw = speed
    (Phi - w) dt, Phi constant over it.
    """
    law, rule, dt = plan.law, plan.law.learning, plan.dt
    if plan.record:
        raise ValueError(f"record = {plan.record!r}; a network that learns keeps no spike times: allowed is 0")
    recorded, engine = place.read(plan) or (None, {})
    if recorded is None:
        first_draws, generator_seed = seed.spawn(2)
        v, w = draw_weighted(law, start, plan.sizes[0], np.random.default_rng(first_draws))
        engine = {"v": v, "w": w, "place": generator(generator_seed), "means": np.zeros(2)}
    v, w = engine["v"], engine["w"]
    chunks, batch_of, batch_sizes = make_chunks(plan.sizes)
    (population,) = law.populations
    g, push = affine(population.drift, population)
    neurons = Neurons(
        chunks=chunks,
        v=v,
        wake=np.full(1, -1.0),
        steps=np.zeros((1, ENTRIES)),
        tables=np.zeros((1, 6)),
        place=engine["place"],
        found=np.zeros((len(chunks), 3)),
        spikes=np.zeros((v.size, 1)),
    )
    set_constants(neurons.steps, law, 0.0, np.zeros(1), np.empty(0))

    weights = WeightAxis(rule.w_min, rule.w_max, v.size)
    own = recorded or Recording.begun(plan, chunks, batch_of, batch_sizes)
    bin_of, nobody, decay = plan.bin_of, np.zeros(v.size, bool), -np.expm1(-rule.speed * dt)
    activity, total = engine["means"].tolist()
    weights.values = engine.get("weights", weights.values)

    def step(k: int) -> None:
        nonlocal activity, total
        set_step(neurons.steps[0], g, push, population.noise, dt, k * dt, 1.0, 0.0)
        neurons.spikes[:] = 0.0
        neurons.pulls = np.ascontiguousarray(rule.drive(w, activity), float)
        advance(neurons, helped)
        fired = neurons.found[:, 0]
        own.rates[k, 0] = fired.sum() / v.size
        own.batches[bin_of[k], :, 0] += np.bincount(batch_of, fired, len(batch_sizes)).astype(int)
        rate = own.rates[k, 0] / dt
        activity += _share(NETWORK.heard, v.size * activity, dt) * (rate - activity)
        share = _share(NETWORK.learned, v.size * total, dt)
        total += share * (rate - total)
        if rule.speed > 0:
            weights.hear(w, neurons.spikes[:, 0], dt, share)
            w[:] += decay / rule.speed * rule.change(w, weights.rate(w), total)
            np.clip(w, rule.w_min, rule.w_max, out=w)

    def engine_now() -> dict[str, np.ndarray]:
        means = np.array([activity, total])
        return {"v": v, "w": w, "place": neurons.place, "weights": weights.values, "means": means}

    with helpers(threads) as helped:
        return step_by_step(plan, own, place, watch, step, lambda: (v, nobody, w), engine_now)


class WeightAxis:
    """N(w): spikes per neuron of the network, time and unit of w, on hat functions over [w_min, w_max]."""

    def __init__(self, low: float, high: float, neurons: int) -> None:
        self.cells = max(4, round(neurons ** (1 / 3)))
        self.low, self.width, self.neurons = low, (high - low) / self.cells, neurons
        self.values = np.zeros(self.cells + 1)

    def _place(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.clip((w - self.low) / self.width, 0.0, self.cells - 1e-9)
        cell = place.astype(int)
        return cell, place - cell

    def hear(self, w: np.ndarray, spikes: np.ndarray, dt: float, share: float) -> None:
        """Move `share` of the way to the rates of this step."""
        who = np.flatnonzero(spikes)
        cell, part = self._place(w[who])
        now = np.bincount(cell, spikes[who] * (1 - part), self.values.size)
        now += np.bincount(cell + 1, spikes[who] * part, self.values.size)
        now[[0, -1]] *= 2  # half a hat
        self.values += share * (now / (self.neurons * dt * self.width) - self.values)

    def rate(self, w: np.ndarray) -> np.ndarray:
        cell, part = self._place(w)
        return (1 - part) * self.values[cell] + part * self.values[cell + 1]


def _share(spikes: int, rate: float, dt: float) -> float:
    """How much of an average over `spikes` a step renews."""
    return -float(
        np.expm1(
            -dt / np.clip(spikes / max(rate, spikes / NETWORK.longest_average), dt, max(dt, NETWORK.longest_average))
        )
    )
