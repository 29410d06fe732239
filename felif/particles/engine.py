"""The network of neurons behind a model, simulated: `simulate`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..output.manifest import Room
from . import stepping
from .batches import Recording, batch_of_neurons, make_chunks
from .checkpoints import Checkpoint
from .drive import affine, mean_current, tabulated
from .initial_neurons import draw_start, first_returns, silent_at_first
from .learning_network import simulate_learning
from .mixing_network import simulate_mixing
from .network import Network, available_threads, helpers
from .neurons import ENTRIES, Neurons
from .planning import Plan
from .random_numbers import generator
from .tuning import NETWORK


def simulate_networks(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    networks: int,
    threads: int | None,
    watch: Callable[[float], None],
    room: Room | None = None,
) -> list[Recording]:
    """Independent networks with seeds of their own; `watch` is told the finished fraction now and then.

    With a `room` their states are kept there, and those that are there are gone on with.
    """
    available = available_threads(threads)
    seeds, places = seed.spawn(networks), [Checkpoint(room, number) for number in range(networks)]
    simulate = simulate_learning if plan.law.learning is not None else simulate_mixing if plan.law.mixes else _simulate
    if networks == 1:
        alone = 1 if sum(plan.sizes) < NETWORK.alone else available
        return [simulate(plan, start, seeds[0], alone, watch, places[0])]
    done, stopped = np.zeros(networks), threading.Event()

    def one(number: int) -> Recording:
        def progress(fraction: float) -> None:
            done[number] = fraction
            watch(float(done.mean()))
            if stopped.is_set():
                raise _Stopped

        if stopped.is_set():
            raise _Stopped
        return simulate(plan, start, seeds[number], 1, progress, places[number])

    with ThreadPoolExecutor(min(available, networks)) as pool:
        try:
            return list(pool.map(one, range(networks)))
        except BaseException:  # also Ctrl-C: the pool waits for its threads before it ends
            stopped.set()
            raise


class _Stopped(Exception):
    """Another network has failed, or the user stops them all."""


def _simulate(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    threads: int,
    watch: Callable[[float], None],
    place: Checkpoint,
) -> Recording:
    law, dt, steps = plan.law, plan.dt, plan.steps
    drifts = [affine(population.drift, population, law.escape_time > 0) for population in law.populations]
    push = np.array([0.0 if pair is None else pair[1] for pair in drifts])
    recorded, engine = place.read(plan) or (None, _beginning(plan, start, seed))
    network, batch_sizes = _network(plan, drifts, recorded, engine)
    neurons, memory = network.neurons, network.memory
    v, record = neurons.v, min(plan.record, neurons.v.size)
    step, eternal = (0, False) if recorded is None else (recorded.steps_done - recorded.eternal, recorded.eternal)
    heard = [[] for _ in range(record)] if recorded is None else [[times] for times in recorded.spikes]
    wanted = sorted({*plan.snapshots, steps})
    kept = {} if recorded is None else {k: taken for k, taken in recorded.snapshots.items() if k in wanted or eternal}
    wanted = [k for k in wanted if k not in kept]
    block = int(np.clip(2e7 / v.size, 1, 2000))

    def here() -> tuple[np.ndarray, np.ndarray, None]:
        offset = np.repeat(memory[stepping.MEMORY : stepping.MEMORY + len(plan.sizes)], plan.sizes)
        idle = neurons.wake > step * dt if law.rests else np.zeros(v.size, bool)
        return np.where(idle, np.repeat(network.reset, plan.sizes), v + offset), idle, None

    def recording(snapshots: dict) -> Recording:
        return Recording(
            rates=network.rates[network.past :],
            synchronous=network.synchronous,
            resting=network.resting,
            batches=network.batches,
            edges=plan.edges,
            batch_sizes=batch_sizes,
            snapshots=snapshots,
            events=network.events[: network.events_made],
            spikes=[np.concatenate(times) if times else np.empty(0) for times in heard],
            batch_of=batch_of_neurons(neurons.chunks, network.batch_of),
            steps_done=step + 1 if eternal else step,
            eternal=eternal,
        )

    def keep() -> None:
        if place.room is not None:
            arrays = {name: getattr(neurons, name) for name in ("v", "wake", "place", "tables")}
            place.write(recording({**kept, step: here()}), {**arrays, "memory": memory})

    if recorded is None:
        keep()
    with helpers(threads) as network.helped:
        while not eternal:
            if wanted and wanted[0] == step:
                kept[step] = here()
                wanted.pop(0)
            if step == steps:
                break
            if step % block == 0:  # wherever simulations end and snapshots are taken
                neurons.tables = tabulated(law, drifts, v, dt, neurons.tables)
            last = min(step - step % block + block, wanted[0])
            currents = np.array(
                [[mean_current(p.current, dt * k, dt * (k + 1)) for p in law.populations] for k in range(step, last)]
            )
            taken = last - step
            neurons.spikes = spikes = np.zeros((record, 16 * taken + 256 if record else 1))
            step, eternal = network.run(step, last, currents + push)
            for i in range(record):
                if spikes[i, 0] >= spikes.shape[1]:
                    raise ValueError(f"record: neuron {i} fires {spikes[i, 0]:g} times in {taken} steps; record fewer")
                heard[i].append(spikes[i, 1 : 1 + int(spikes[i, 0])])
            if eternal:
                kept[step] = here()
            if place.due() or eternal or step == steps:
                keep()
            watch(step / steps)
    return recording(kept)


def _beginning(plan: Plan, start: Any, seed: np.random.SeedSequence) -> dict[str, np.ndarray]:
    """The neurons at t = 0, their generator, and what a network carries from one call of its steps to the next."""
    law, populations = plan.law, len(plan.sizes)
    first_draws, generator_seed = seed.spawn(2)
    random = np.random.default_rng(first_draws)
    v, asleep = draw_start(law, start, plan.sizes, random, silent_at_first(law, plan.history))
    wake = np.full(v.size if law.rests else 1, -1.0)
    if law.rests:
        wake[asleep] = first_returns(law, plan.history, plan.sizes, asleep, random)
    at_once = any(kick and not one.delay(j) for one in law.populations for j, kick in enumerate(one.kicks))
    coupled = at_once or any(any(population.noise_kicks) for population in law.populations)
    memory = np.zeros(stepping.MEMORY + 4 * populations)
    memory[stepping.LEVEL] = NETWORK.deepest if coupled else 0  # data may begin with any rate
    at_rest = memory[stepping.MEMORY + 2 * populations : stepping.MEMORY + 3 * populations]
    at_rest[:] = [part.mean() for part in np.split(asleep, np.cumsum(plan.sizes)[:-1])]
    return {"v": v, "wake": wake, "place": generator(generator_seed), "memory": memory}


def _network(
    plan: Plan,
    drifts: list[tuple[float, float] | None],
    recorded: Recording | None,
    engine: Mapping[str, np.ndarray],
) -> tuple[Network, np.ndarray]:
    """The network where it begins or was stopped; how many neurons its batches have in each population."""
    law, dt, steps, populations = plan.law, plan.dt, plan.steps, len(plan.sizes)
    chunks, batch_of, batch_sizes = make_chunks(plan.sizes)

    kicks = np.array([population.kicks for population in law.populations], float)
    noise_kicks = np.array([p.noise_kicks or (0.0,) * populations for p in law.populations], float)
    lags = np.array([[one.delay(j) for j in range(populations)] for one in law.populations]) / dt
    past = math.ceil(lags.max()) + 1
    rates = np.zeros((past + steps, populations))
    for j, population in enumerate(law.populations if lags.any() else ()):
        for k in range(past):
            rates[k, j] = dt * plan.history("N" + population.name, (k - past + 0.5) * dt)
    bins = len(plan.edges) - 1
    rest = np.array([one.refractory_time - one.dead_time for one in law.populations], float)
    shares = np.cumsum([share for share, _ in law.resets])
    resets = np.array([(up_to, place) for up_to, (_, place) in zip(shares, law.resets, strict=True)], float).ravel()
    neurons = Neurons(
        chunks=chunks,
        v=engine["v"],
        wake=engine["wake"],
        steps=np.zeros((populations, ENTRIES + resets.size)),
        tables=engine["tables"] if "tables" in engine else tabulated(law, drifts, engine["v"], dt),
        place=engine["place"],
        found=np.zeros((len(chunks), 3)),
        spikes=np.zeros((0, 1)),
    )
    stepping.set_constants(neurons.steps, law, rest, np.array([pair is None for pair in drifts]), resets)
    network = Network(
        neurons=neurons,
        dt=dt,
        event_size=float(plan.event_size),
        escape=law.escape_time,
        reset=np.array([one.v_reset for one in law.populations], float),
        threshold=np.array([one.v_fire for one in law.populations], float),
        rest=rest,
        lags=lags,
        sizes=np.array(plan.sizes, float),
        g=np.array([0.0 if pair is None else pair[0] for pair in drifts]),
        a0=np.array([population.noise for population in law.populations], float),
        kicks=kicks,
        noise_kicks=noise_kicks,
        batch_of=batch_of,
        bin_of=plan.bin_of,
        memory=engine["memory"],
        rates=rates,
        synchronous=np.zeros((steps, populations)) if recorded is None else recorded.synchronous,
        resting=np.zeros((steps, populations)) if recorded is None else recorded.resting,
        batches=np.zeros((bins, len(batch_sizes), populations), np.int64) if recorded is None else recorded.batches,
        events=np.full((NETWORK.events, 2 + populations), -1.0),
    )
    if recorded is not None:
        rates[past:], network.events[: len(recorded.events)] = recorded.rates, recorded.events
    return network, batch_sizes
