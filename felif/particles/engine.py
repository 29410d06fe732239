"""The network of neurons behind a model, simulated: `simulate`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .drive import affine, mean_current, tabulated
from .sampling import draw_start

BATCHES = 20  # groups of neurons of one network whose rates are kept apart
_CHUNK = 2048  # neurons that share a generator, at most
_ALONE = 20_000  # below so many neurons a step is too short for two threads
_RESOLVED = 0.05  # longest step in units of the time in which the drift changes
_EVENTS = 100_000


@dataclass(frozen=True)
class Plan:
    """What a simulation was asked for, checked; times are in steps of `dt`, which divides the length of the run."""

    law: Any
    sizes: tuple[int, ...]
    steps: int
    dt: float
    edges: np.ndarray  # of the bins, in steps
    snapshots: tuple[int, ...]
    record: int
    history: Callable[[str, float], float]
    event_size: float


@dataclass
class Recording:
    """What one network did. Arrays over populations last; `batches` counts spikes but for synchronous ones."""

    rates: np.ndarray  # (steps, populations) spikes per neuron
    synchronous: np.ndarray
    resting: np.ndarray  # mean over the step
    batches: np.ndarray  # (bins, batches, populations)
    batch_sizes: np.ndarray  # (batches, populations) neurons
    snapshots: dict[int, tuple[np.ndarray, np.ndarray]]  # step: (v, resting)
    events: np.ndarray  # (events, 2 + populations)
    spikes: list[np.ndarray]
    batch_of: np.ndarray  # of every neuron
    steps_done: int
    eternal: bool


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
    if networks == 1:
        alone = 1 if sum(plan.sizes) < _ALONE else available
        return [_simulate(plan, start, seeds[0], alone, watch)]
    done = np.zeros(networks)

    def one(number: int) -> Recording:
        def progress(fraction: float) -> None:
            done[number] = fraction
            watch(float(done.mean()))

        return _simulate(plan, start, seeds[number], 1, progress)

    with ThreadPoolExecutor(min(available, networks)) as pool:
        return list(pool.map(one, range(networks)))


def _threads(threads: int | None) -> int:
    from numba import config, set_num_threads

    available = min(config.NUMBA_NUM_THREADS, threads or os.cpu_count() or 1)
    # Needed for one thread, too: it loads what compiled functions that are read from numba's cache are linked against.
    set_num_threads(available)
    return available


def _chunks(sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, last, population) of every chunk; its batch; how many neurons a batch has in each population."""
    chunks, batch_of, offset = [], [], 0
    groups = min(BATCHES, min(sizes))
    counted = np.zeros((groups, len(sizes)), int)
    for kind, size in enumerate(sizes):
        count = groups * math.ceil(size / (groups * _CHUNK))
        ends = np.arange(count + 1) * size // count
        for k in range(count):
            chunks.append((offset + ends[k], offset + ends[k + 1], kind))
            batch_of.append(k * groups // count)
            counted[batch_of[-1], kind] += ends[k + 1] - ends[k]
        offset += size
    return np.array(chunks), np.array(batch_of), counted


def _simulate(
    plan: Plan, start: Any, seed: np.random.SeedSequence, threads: int, watch: Callable[[float], None]
) -> Recording:
    from . import kernels, stepping
    from .random_numbers import streams

    law, dt, steps = plan.law, plan.dt, plan.steps
    populations = len(law.populations)
    first_draws, streams_seed = seed.spawn(2)
    random = np.random.default_rng(first_draws)
    v, asleep = draw_start(law, start, plan.sizes, random)
    wake = np.full(v.size if law.refractory_time > 0 else 1, -1.0)
    if law.refractory_time > 0:
        wake[asleep] = law.refractory_time * random.exponential(size=int(asleep.sum()))
    asleep_first = np.array([part.mean() for part in np.split(asleep, np.cumsum(plan.sizes)[:-1])])
    chunks, batch_of, batch_sizes = _chunks(plan.sizes)
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
    memory = np.zeros(stepping.MEMORY + 3 * populations)
    memory[-populations:] = asleep_first
    memory[stepping.LEVEL] = stepping.DEEPEST if coupled else 0  # data may begin with any rate
    record = min(plan.record, v.size)
    constants = np.array([law.v_reset, law.v_fire, law.refractory_time, law.escape_time])

    heard: list[list[np.ndarray]] = [[] for _ in range(record)]
    kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    wanted = sorted({*plan.snapshots, steps})
    block = int(np.clip(2e7 / v.size, 1, 2000))
    step, eternal, tables = 0, False, tabulated(law, drifts, v, dt)

    def keep() -> None:
        offset = np.repeat(memory[stepping.MEMORY : stepping.MEMORY + populations], plan.sizes)
        idle = wake > step * dt if law.refractory_time > 0 else np.zeros(v.size, bool)
        kept[step] = (np.where(idle, law.v_reset, v + offset), idle)

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
        spikes = np.zeros((record, 16 * block + 256 if record else 1))
        tables = tabulated(law, drifts, v, dt, tables)
        step, status, count = stepping.run_steps(
            step, last, dt, constants, np.array(plan.sizes, float), g, a0, kicks, noise_kicks, lag, currents + push,
            tables, chunks, batch_of, bin_of, v, wake, states, buffers, spikes, memory, rates, synchronous, resting,
            batches, events, threads, plan.event_size,
        )  # fmt: skip
        eternal = status == stepping.ETERNAL
        for i in range(record):
            if spikes[i, 0] >= spikes.shape[1]:
                raise ValueError(f"record: neuron {i} fires {spikes[i, 0]:g} times in {block} steps; record fewer")
            heard[i].append(spikes[i, 1 : 1 + int(spikes[i, 0])])
        watch(step / steps)
    if eternal:
        keep()
    neurons = np.empty(v.size, int)
    for (low, high, _), batch in zip(chunks, batch_of, strict=True):
        neurons[low:high] = batch
    return Recording(
        rates=rates[past:],
        synchronous=synchronous,
        resting=resting,
        batches=batches,
        batch_sizes=batch_sizes,
        snapshots=kept,
        events=events[: int(np.count_nonzero(events[:, 0] >= 0))],
        spikes=[np.concatenate(times) if times else np.empty(0) for times in heard],
        batch_of=neurons,
        steps_done=step + 1 if eternal else step,
        eternal=eternal,
    )


def plan_simulation(
    law: Any,
    neurons: int | Sequence[int] | Mapping[str, int],
    t_end: float,
    dt: float,
    *,
    bins: int | None,
    snapshots: Sequence[float],
    record: int,
    history: Any,
    event_size: float,
) -> Plan:
    """Checked settings; raises ValueError naming what is not allowed."""
    sizes = _sizes(law, neurons)
    for name, value in (("t_end", t_end), ("dt", dt), ("event_size", event_size)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not (0 < value < math.inf):
            raise ValueError(f"{name} = {value!r}; allowed is a positive number")
    coarse = max(1, math.ceil(t_end / dt - 1e-9))  # steps as the user counts them
    stiffness = max(_stiffness(population.drift, law) for population in law.populations)
    finer = max(1, math.ceil(t_end / coarse * stiffness / _RESOLVED - 1e-9))
    steps = coarse * finer
    if steps > 1e9:
        raise ValueError(f"dt = {dt!r}: {steps:.3g} steps to t_end = {t_end!r}; allowed are at most 1e9")
    _whole("record", record, 0)
    if bins is None:
        bins = min(coarse, 200)
    _whole("bins", bins, 1)
    times = np.asarray(snapshots, float).ravel()
    if not np.all((times >= 0) & (times <= t_end)):
        raise ValueError(f"snapshots = {snapshots!r}; allowed are times in [0, {t_end!r}]")
    edges = np.unique(np.round(np.linspace(0, coarse, min(bins, coarse) + 1)).astype(int)) * finer
    marks = sorted({round(t / t_end * steps) for t in times.tolist()})
    return Plan(law, sizes, steps, t_end / steps, edges, tuple(marks), record, _history(history), event_size)


def _sizes(law: Any, neurons: Any) -> tuple[int, ...]:
    names = [population.name.lstrip("_") for population in law.populations]
    if isinstance(neurons, Mapping):
        if set(neurons) != set(names):
            raise ValueError(f"neurons = {neurons!r}; allowed are a number, or numbers for {names}")
        neurons = [neurons[name] for name in names]
    sizes = tuple(neurons) if isinstance(neurons, list | tuple) else (neurons,) * len(names)
    if len(sizes) != len(names):
        raise ValueError(f"neurons = {neurons!r}: {len(sizes)} numbers for {len(names)} populations")
    for size in sizes:
        _whole("neurons", size, 1)
    return tuple(int(size) for size in sizes)


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} = {value!r}; allowed is a whole number >= {least}")


def _stiffness(drift: Callable, law: Any) -> float:
    pair = affine(drift, law)
    if pair is not None:
        return abs(pair[0])
    v = np.linspace(law.v_reset - 3 * (law.v_fire - law.v_reset), law.v_fire, 2001)
    return float(np.abs(np.diff([float(drift(x)) for x in v])).max() / (v[1] - v[0])) / 4  # Heun: order 2


def _history(history: Any) -> Callable[[str, float], float]:
    def rate(name: str, t: float) -> float:
        given = history.get(name, 0.0) if isinstance(history, Mapping) else history
        try:
            value = float(given(t) if callable(given) else given)
        except TypeError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ValueError(f"history: {name} = {value!r} at t = {t:.6g}; allowed are numbers >= 0 or functions of t")
        return value

    return rate
