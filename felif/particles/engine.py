"""The network of neurons behind a model, simulated: `simulate`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .drive import affine, mean_current, tabulated
from .learning import simulate_learning
from .planning import Plan
from .recording import Recording, batch_of_neurons, make_chunks
from .sampling import draw_start, first_returns, silent_at_first

_ALONE = 20_000  # below so many neurons a step is too short for two threads
_EVENTS = 100_000


def simulate_networks(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    networks: int,
    threads: int | None,
    watch: Callable[[float], None],
) -> list[Recording]:
    """Independent networks with seeds of their own; `watch` is told the finished fraction now and then."""
    available = _threads(threads)
    seeds = seed.spawn(networks)
    simulate = _simulate if plan.law.learning is None else simulate_learning
    if networks == 1:
        alone = 1 if sum(plan.sizes) < _ALONE else available
        return [simulate(plan, start, seeds[0], alone, watch)]
    done = np.zeros(networks)

    def one(number: int) -> Recording:
        def progress(fraction: float) -> None:
            done[number] = fraction
            watch(float(done.mean()))

        return simulate(plan, start, seeds[number], 1, progress)

    with ThreadPoolExecutor(min(available, networks)) as pool:
        return list(pool.map(one, range(networks)))


def _threads(threads: int | None) -> int:
    from numba import config, set_num_threads

    available = min(config.NUMBA_NUM_THREADS, threads or os.cpu_count() or 1)
    # Needed for one thread, too: it loads what compiled functions that are read from numba's cache are linked against.
    set_num_threads(available)
    return available


def _simulate(
    plan: Plan, start: Any, seed: np.random.SeedSequence, threads: int, watch: Callable[[float], None]
) -> Recording:
    from . import kernels, stepping
    from .random_numbers import streams

    law, dt, steps = plan.law, plan.dt, plan.steps
    populations = len(law.populations)
    first_draws, streams_seed = seed.spawn(2)
    random = np.random.default_rng(first_draws)
    v, asleep = draw_start(law, start, plan.sizes, random, silent_at_first(law, plan.history))
    wake = np.full(v.size if law.rests else 1, -1.0)
    if law.dead_time > 0:
        wake[asleep] = first_returns(law, plan.history, plan.sizes, asleep, random)
    elif law.rests:
        wake[asleep] = law.refractory_time * random.exponential(size=int(asleep.sum()))
    asleep_first = np.array([part.mean() for part in np.split(asleep, np.cumsum(plan.sizes)[:-1])])
    chunks, batch_of, batch_sizes = make_chunks(plan.sizes)
    states = streams(streams_seed, len(chunks))
    buffers = np.empty((len(chunks), kernels.BLOCK))

    drifts = [affine(population.drift, law) for population in law.populations]
    g = np.array([0.0 if pair is None else pair[0] for pair in drifts])
    push = np.array([0.0 if pair is None else pair[1] for pair in drifts])
    a0 = np.array([population.noise for population in law.populations], float)
    kicks = np.array([population.kicks for population in law.populations], float)
    noise_kicks = np.array([p.noise_kicks or (0.0,) * populations for p in law.populations], float)
    lag = law.delay / dt
    past = math.ceil(lag) + 1
    rates = np.zeros((past + steps, populations))
    for j, population in enumerate(law.populations if lag else ()):
        for k in range(past):
            rates[k, j] = dt * plan.history("N" + population.name, (k - past + 0.5) * dt)
    synchronous, resting = np.zeros((steps, populations)), np.zeros((steps, populations))
    bins = len(plan.edges) - 1
    bin_of = np.clip(np.searchsorted(plan.edges, np.arange(steps), side="right") - 1, 0, bins - 1)
    batches = np.zeros((bins, len(batch_sizes), populations), int)
    events = np.full((_EVENTS, 2 + populations), -1.0)
    coupled = (kicks.any() and not lag) or noise_kicks.any()
    memory = np.zeros(stepping.MEMORY + 4 * populations)
    memory[stepping.MEMORY + 2 * populations : stepping.MEMORY + 3 * populations] = asleep_first
    memory[stepping.LEVEL] = stepping.DEEPEST if coupled else 0  # data may begin with any rate
    record = min(plan.record, v.size)
    rest = -law.dead_time if law.dead_time > 0 else law.refractory_time
    shares = np.cumsum([share for share, _ in law.resets])
    resets = np.array([(up_to, place) for up_to, (_, place) in zip(shares, law.resets, strict=True)], float).ravel()
    constants = np.array([law.v_reset, law.v_fire, rest, law.escape_time, *resets])

    heard: list[list[np.ndarray]] = [[] for _ in range(record)]
    kept: dict[int, tuple[np.ndarray, np.ndarray, None]] = {}
    wanted = sorted({*plan.snapshots, steps})
    block = int(np.clip(2e7 / v.size, 1, 2000))
    step, eternal, tables = 0, False, tabulated(law, drifts, v, dt)

    def keep() -> None:
        offset = np.repeat(memory[stepping.MEMORY : stepping.MEMORY + populations], plan.sizes)
        idle = wake > step * dt if law.rests else np.zeros(v.size, bool)
        kept[step] = (np.where(idle, law.v_reset, v + offset), idle, None)

    while True:
        if wanted and wanted[0] == step:
            keep()
            wanted.pop(0)
        if step == steps or eternal:
            break
        last = min(step + block, wanted[0])
        currents = np.array(
            [[mean_current(p.current, dt * k, dt * (k + 1)) for p in law.populations] for k in range(step, last)]
        )
        taken = last - step
        spikes = np.zeros((record, 16 * taken + 256 if record else 1))
        tables = tabulated(law, drifts, v, dt, tables)
        step, status, count = stepping.run_steps(
            step, last, dt, constants, np.array(plan.sizes, float), g, a0, kicks, noise_kicks, lag, currents + push,
            tables, chunks, batch_of, bin_of, v, wake, states, buffers, spikes, memory, rates, synchronous, resting,
            batches, events, threads, plan.event_size,
        )  # fmt: skip
        eternal = status == stepping.ETERNAL
        for i in range(record):
            if spikes[i, 0] >= spikes.shape[1]:
                raise ValueError(f"record: neuron {i} fires {spikes[i, 0]:g} times in {taken} steps; record fewer")
            heard[i].append(spikes[i, 1 : 1 + int(spikes[i, 0])])
        watch(step / steps)
    if eternal:
        keep()
    return Recording(
        rates=rates[past:],
        synchronous=synchronous,
        resting=resting,
        batches=batches,
        batch_sizes=batch_sizes,
        snapshots=kept,
        events=events[: int(np.count_nonzero(events[:, 0] >= 0))],
        spikes=[np.concatenate(times) if times else np.empty(0) for times in heard],
        batch_of=batch_of_neurons(chunks, batch_of),
        steps_done=step + 1 if eternal else step,
        eternal=eternal,
    )
