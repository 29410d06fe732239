"""What a simulation is asked for: checked, and counted in steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import POSITIVE, required, shown
from .drive import affine
from .tuning import PLANNING


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

    @property
    def bin_of(self) -> np.ndarray:
        """The bin of every step."""
        return np.clip(np.searchsorted(self.edges, np.arange(self.steps), side="right") - 1, 0, len(self.edges) - 2)


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
        required("simulate_particles", name, value, POSITIVE)
    if t_end / dt > PLANNING.most_steps:
        raise ValueError(f"dt = {dt!r}: {t_end / dt:.3g} steps to t_end = {t_end!r}; allowed are at most 1e8")
    coarse = max(1, math.ceil(t_end / dt - 1e-9))  # steps as the user counts them
    longest = dt if math.isclose(coarse * dt, t_end, rel_tol=1e-15) else t_end / coarse  # dt: that of longer runs too
    stiffness = max(_stiffness(population, law.escape_time > 0) for population in law.populations)
    if law.escape_time > 0:
        stiffness = max(stiffness, 0.5 / law.escape_time)  # ten steps in the mean time above V_F
    finer = max(1, math.ceil(longest * stiffness / PLANNING.resolved - 1e-9))
    steps = coarse * finer
    if steps > PLANNING.most_steps:
        why = f", for something in this model changes within {1 / stiffness:.3g} (drift, eps)" if finer > 1 else ""
        raise ValueError(f"dt = {dt!r}: {steps:.3g} steps to t_end = {t_end!r}{why}; allowed are at most 1e8")
    if (held := steps * (24 * len(sizes) + 8)) > PLANNING.most_bytes:
        raise ValueError(
            f"dt = {dt!r}: {steps:.3g} steps to t_end = {t_end!r} take {held / 1e9:.2g} GB; allowed are 1.5"
        )
    _whole("record", record, 0)
    if bins is None:
        bins = min(coarse, 200)
    _whole("bins", bins, 1)
    try:
        times = np.asarray(snapshots, float).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"snapshots = {snapshots!r}; allowed are times in [0, {t_end!r}]") from None
    if not np.all((times >= 0) & (times <= t_end)):
        raise ValueError(f"snapshots = {snapshots!r}; allowed are times in [0, {t_end!r}]")
    edges = bin_edges(coarse, bins) * finer
    marks = sorted({round(t / t_end * steps) for t in times.tolist()})
    return Plan(law, sizes, steps, longest / finer, edges, tuple(marks), record, _history(law, history), event_size)


def bin_edges(steps: int, bins: int) -> np.ndarray:
    """Where bins end that are as long as whole steps allow."""
    return np.unique(np.round(np.linspace(0, steps, min(bins, steps) + 1)).astype(int))


def _sizes(law: Any, neurons: Any) -> tuple[int, ...]:
    names = [population.name.lstrip("_") for population in law.populations]
    if isinstance(neurons, Mapping):
        if set(neurons) != set(names):
            raise ValueError(f"neurons = {neurons!r}; allowed are a number, or numbers for {names}")
        neurons = [neurons[name] for name in names]
    sizes = tuple(neurons) if isinstance(neurons, list | tuple) else (neurons,) * len(names)
    if law.shares and isinstance(neurons, int | np.integer) and not isinstance(neurons, bool):
        sizes = tuple(round(neurons * len(names) * share) for share in law.shares)
    if len(sizes) != len(names):
        raise ValueError(f"neurons = {neurons!r}: {len(sizes)} numbers for {len(names)} populations")
    for size in sizes:
        _whole("neurons", size, 0 if law.shares and sum(sizes) else 1)
    if sum(sizes) > PLANNING.most_neurons:
        raise ValueError(f"neurons = {shown(neurons)}; allowed are at most {PLANNING.most_neurons:g} in all")
    return tuple(int(size) for size in sizes)


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} = {value!r}; allowed is a whole number >= {least}")


def _stiffness(population: Any, above: bool) -> float:
    pair, low, high = affine(population.drift, population, above), population.v_reset, population.v_fire
    if pair is not None:
        return abs(pair[0])
    v = np.linspace(low - 3 * (high - low), high, 2001)
    return float(np.abs(np.diff([float(population.drift(x)) for x in v])).max() / (v[1] - v[0])) / 4  # Heun: order 2


def _history(law: Any, history: Any) -> Callable[[str, float], float]:
    names = ["N" + population.name for population in law.populations]
    if isinstance(history, Mapping) and set(history) - set(names):
        raise ValueError(f"history: names {[*history]}; allowed are {names}")

    def rate(name: str, t: float) -> float:
        given = history.get(name, 0.0) if isinstance(history, Mapping) else history
        try:
            value = float(given(t) if callable(given) else given)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not 0 <= value < math.inf:
            told = shown(value if callable(given) else given)
            raise ValueError(f"history: {name} = {told} at t = {t:.6g}; allowed are numbers >= 0 or functions of t")
        return value

    for name in names:  # also where nothing is heard late
        rate(name, 0.0)
    return rate
