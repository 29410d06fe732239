"""The network of neurons behind a model, simulated: `simulate`."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..output.manifest import Room
from .checkpoints import Checkpoint
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
    room: Room | None = None,
) -> list[Recording]:
    """Independent networks with seeds of their own; `watch` is told the finished fraction now and then.

    With a `room` their states are kept there, and those that are there are gone on with.
    """
    available = _threads(threads)
    seeds, places = seed.spawn(networks), [Checkpoint(room, number) for number in range(networks)]
    simulate = _simulate if plan.law.learning is None else simulate_learning
    if networks == 1:
        alone = 1 if sum(plan.sizes) < _ALONE else available
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


def _threads(threads: int | None) -> int:
    from numba import config, set_num_threads

    available = min(config.NUMBA_NUM_THREADS, threads or os.cpu_count() or 1)
    # Needed for one thread, too: it loads what compiled functions that are read from numba's cache are linked against.
    set_num_threads(available)
    return available


def _simulate(
    plan: Plan,
    start: Any,
    seed: np.random.SeedSequence,
    threads: int,
    watch: Callable[[float], None],
    place: Checkpoint,
) -> Recording:
    from . import kernels, stepping

    law, dt, steps = plan.law, plan.dt, plan.steps
    populations = len(law.populations)
    chunks, batch_of, batch_sizes = make_chunks(plan.sizes)
    buffers = np.empty((len(chunks), kernels.BLOCK))

    drifts = [affine(population.drift, law) for population in law.populations]
    g = np.array([0.0 if pair is None else pair[0] for pair in drifts])
    push = np.array([0.0 if pair is None else pair[1] for pair in drifts])
    a0 = np.array([population.noise for population in law.populations], float)
    kicks = np.array([population.kicks for population in law.populations], float)
    noise_kicks = np.array([p.noise_kicks or (0.0,) * populations for p in law.populations], float)
    lag = law.delay / dt
    past = math.ceil(lag) + 1
    coupled = (kicks.any() and not lag) or noise_kicks.any()
    before = place.read()
    recorded, engine = before or (None, _beginning(plan, start, seed, len(chunks), bool(coupled)))
    v, wake, states, memory = (engine[name] for name in ("v", "wake", "states", "memory"))
    rates = np.zeros((past + steps, populations))
    for j, population in enumerate(law.populations if lag else ()):
        for k in range(past):
            rates[k, j] = dt * plan.history("N" + population.name, (k - past + 0.5) * dt)
    bins = len(plan.edges) - 1
    bin_of = np.clip(np.searchsorted(plan.edges, np.arange(steps), side="right") - 1, 0, bins - 1)
    events = np.full((_EVENTS, 2 + populations), -1.0)
    if recorded is None:
        synchronous, resting = np.zeros((steps, populations)), np.zeros((steps, populations))
        batches = np.zeros((bins, len(batch_sizes), populations), int)
    else:
        rates[past:], events[: len(recorded.events)] = recorded.rates, recorded.events
        synchronous, resting, batches = recorded.synchronous, recorded.resting, recorded.batches
    record = min(plan.record, v.size)
    rest = -law.dead_time if law.dead_time > 0 else law.refractory_time
    shares = np.cumsum([share for share, _ in law.resets])
    resets = np.array([(up_to, place) for up_to, (_, place) in zip(shares, law.resets, strict=True)], float).ravel()
    constants = np.array([law.v_reset, law.v_fire, rest, law.escape_time, *resets])

    step, eternal = (0, False) if recorded is None else (recorded.steps_done - recorded.eternal, recorded.eternal)
    heard = [[] for _ in range(record)] if recorded is None else [[times] for times in recorded.spikes]
    wanted = sorted({*plan.snapshots, steps})
    kept = {} if recorded is None else {k: taken for k, taken in recorded.snapshots.items() if k in wanted or eternal}
    wanted = [k for k in wanted if k not in kept]
    block = int(np.clip(2e7 / v.size, 1, 2000))
    tables = engine["tables"] if "tables" in engine else tabulated(law, drifts, v, dt)

    def here() -> tuple[np.ndarray, np.ndarray, None]:
        offset = np.repeat(memory[stepping.MEMORY : stepping.MEMORY + populations], plan.sizes)
        idle = wake > step * dt if law.rests else np.zeros(v.size, bool)
        return np.where(idle, law.v_reset, v + offset), idle, None

    def recording(snapshots: dict) -> Recording:
        return Recording(
            rates=rates[past:],
            synchronous=synchronous,
            resting=resting,
            batches=batches,
            batch_sizes=batch_sizes,
            snapshots=snapshots,
            events=events[: int(np.count_nonzero(events[:, 0] >= 0))],
            spikes=[np.concatenate(times) if times else np.empty(0) for times in heard],
            batch_of=batch_of_neurons(chunks, batch_of),
            steps_done=step + 1 if eternal else step,
            eternal=eternal,
        )

    def keep() -> None:
        if place.room is None:
            return
        arrays = {"v": v, "wake": wake, "states": states, "memory": memory, "tables": tables}
        place.write(recording({**kept, step: here()}), arrays)

    if recorded is None:
        keep()
    while not eternal:
        if wanted and wanted[0] == step:
            kept[step] = here()
            wanted.pop(0)
        if step == steps:
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
        if eternal:
            kept[step] = here()
        if place.due() or eternal or step == steps:
            keep()
        watch(step / steps)
    return recording(kept)


def _beginning(
    plan: Plan, start: Any, seed: np.random.SeedSequence, chunks: int, coupled: bool
) -> dict[str, np.ndarray]:
    """The neurons at t = 0, their generators, and what a network carries from one call of its steps to the next."""
    from . import stepping
    from .random_numbers import streams

    law, populations = plan.law, len(plan.law.populations)
    first_draws, streams_seed = seed.spawn(2)
    random = np.random.default_rng(first_draws)
    v, asleep = draw_start(law, start, plan.sizes, random, silent_at_first(law, plan.history))
    wake = np.full(v.size if law.rests else 1, -1.0)
    if law.dead_time > 0:
        wake[asleep] = first_returns(law, plan.history, plan.sizes, asleep, random)
    elif law.rests:
        wake[asleep] = law.refractory_time * random.exponential(size=int(asleep.sum()))
    asleep_first = np.array([part.mean() for part in np.split(asleep, np.cumsum(plan.sizes)[:-1])])
    memory = np.zeros(stepping.MEMORY + 4 * populations)
    memory[stepping.MEMORY + 2 * populations : stepping.MEMORY + 3 * populations] = asleep_first
    memory[stepping.LEVEL] = stepping.DEEPEST if coupled else 0  # data may begin with any rate
    return {"v": v, "wake": wake, "states": streams(streams_seed, chunks), "memory": memory}
