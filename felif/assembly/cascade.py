"""What a synchronous spike does to several populations that excite each other, with constant noise.

Physical time stands still while kicks are delivered: D_j spikes per neuron of population j move every neuron of i by
x_i = sum_j b_ij D_j. Neurons within x of V_F have fired, those within x - L, L = V_F - V_R, twice, and so on:

    tail_i(v) = int_v^{V_F} n_i,      G_i(x) = sum_{k >= 0} tail_i(V_F - x + k L),      D = G(B D).

Where b_ij >= 0 it does not matter in which order spikes arrive: the event is the limit of D <- G(B D), generation by
generation, from the queue that a blow-up begins with, the least solution above it. Neurons that rest fire once, and
wait. Where a population that fires inhibits another, the order decides who fires, and the equations do not say it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Infeasible, NotConverged
from ..translation import law_of
from .transport import CumulativeMass

_LONGEST = 200.0  # spikes per neuron after which an event that has not ended is called eternal
_FINER = 1.25  # steps of the size of a queue
_POWERS, _DIRECTION, _PART = 60, 1e-7, 1e-5  # power iteration: steps, accuracy, part below which nobody fires
_GENERATIONS = 20_000
_SAME = 1e-13
_THINNEST = 1e-9  # layer that is looked at


@dataclass(frozen=True)
class Cascade:
    """Spikes per neuron of each population, and how far they move its neurons; infinite for one that never ends."""

    sizes: np.ndarray
    shifts: np.ndarray


def unfollowed_cascade(problem: Any) -> str | None:
    """Why the law of a synchronous spike of several populations is not known; None if it is."""
    try:
        law = law_of(problem.model)
    except ValueError as reason:
        return str(reason)
    if law.escape_time or law.resets:
        return "its neurons fire at random above V_F, or are reset at random"
    if any(any(one.noise_kicks) for one in law.populations):
        return "its noise grows with the rates; with several populations allowed is constant noise"
    if any(one.dead_time for one in law.populations) or problem.delays:
        return "several populations hear each other late, or return after a dead time; allowed are no delays"
    if extra := {u.name for u in problem.layout.numbers} - {"R"}:
        return f"it has the numbers {sorted(extra)}; allowed is R, in which neurons wait"
    return None


class _Network:
    """G and B at a state."""

    def __init__(self, problem: Any, t: float, y: np.ndarray) -> None:
        law = law_of(problem.model)
        (name,), (self.line,) = problem.field_names, problem.lines.values()
        self.densities, self.populations = problem.field(name, y), law.populations
        modes = self.line.modes(problem.full(name, y))
        self.tails = [CumulativeMass(self.line.cells, modal) for modal in modes]
        self.B = np.array([one.kicks for one in law.populations])
        flux = next(u.name for u in problem.layout.algebraic if u.kind == "holds")
        try:
            push = self.B @ problem.group(flux, t, y)
        except Infeasible:  # data from which the spike begins at once: no layer yet
            push = np.full(len(self.B), np.inf)
        self.layers = np.array(
            [
                max(one.noise / max(abs(_value(one.current, t) + float(one.drift(one.v_fire)) + x), 1e-300), _THINNEST)
                for one, x in zip(law.populations, push.tolist(), strict=True)
            ]
        )

    def fired(self, shifts: np.ndarray) -> np.ndarray:
        """G."""
        found = np.zeros(len(shifts))
        for i, (one, tail, x) in enumerate(zip(self.populations, self.tails, shifts.tolist(), strict=True)):
            length = one.v_fire - one.v_reset
            laps = 1 if one.rests else int(max(x, 0.0) / length) + 1
            places = one.v_fire - x + length * np.arange(laps)
            found[i] = float(tail(places[places < one.v_fire]).sum()) if x > 0 else 0.0
        return found


def _value(current: Any, t: float) -> float:
    return float(current(t)) if callable(current) else float(current)


def cascade(problem: Any, t: float, y: np.ndarray) -> Cascade:
    """The synchronous spike of a network from a state at which its rates blow up; of size 0 where there is no queue.

    Raises NotConverged where a population that fires inhibits others.
    """
    network = _Network(problem, t, y)
    B, at_most = network.B, np.maximum(network.B, 0.0)
    start = _queue(network, at_most)
    if start is None:
        return Cascade(np.zeros(len(B)), np.zeros(len(B)))
    sizes = _settled(lambda D: network.fired(at_most @ D), start)
    fires = sizes > 0
    if (B[:, fires] < 0).any():
        i, j = np.argwhere((B < 0) & fires).tolist()[0]
        raise NotConverged(
            f"population {j} inhibits population {i} while it fires: who fires with whom depends on the order in which "
            "spikes arrive, which the equations do not say"
        )
    return Cascade(sizes, B @ sizes)


def _queue(network: _Network, B: np.ndarray) -> np.ndarray | None:
    """Spikes D with G(B D) > D wherever D > 0, of the first sizes at which there are such; None if there are none.

    For every size the direction is that of G(B D) ~ D, by power iteration. On a path of such D, from the queue that
    the blow-up leaves to larger ones, none exceeds the least solution of D = G(B D): where they touched first it would
    be G(B D) <= D.
    """
    size, found = float(network.layers.min() / B.sum(axis=1).max(initial=1e-300)), None
    while size < _LONGEST:
        ray = np.ones(len(B))  # within the layer everything dies out, and does not come back
        for _ in range(_POWERS):
            fired = network.fired(size * (B @ ray))
            if not fired.max() > 0:
                break
            before, ray = ray, ray + fired / fired.max()
            ray = ray / ray.max()
            if np.abs(ray - before).max() < _DIRECTION:
                break
        on = ray > _PART
        D = np.where(on, size * ray, 0.0)
        if (network.fired(B @ D)[on] > D[on]).all():
            found = D
        elif found is not None:
            break
        size *= _FINER
    return found


def _settled(generation: Callable[[np.ndarray], np.ndarray], D: np.ndarray) -> np.ndarray:
    """The limit of D <- G(B D), which grows."""
    for _ in range(_GENERATIONS):
        after = np.maximum(generation(D), D)
        if after.max() > _LONGEST:
            return np.full(len(D), np.inf)
        if (after - D <= _SAME * (1 + D)).all():
            return after
        D = after
    raise NotConverged(f"after {_GENERATIONS} generations, {D.max():.6g} spikes per neuron, it has not ended")


def after_cascade(problem: Any, t: float, y: np.ndarray, found: Cascade) -> dict[str, Any]:
    """The state right after as initial data: densities moved up, those that have fired set down or waiting."""
    network, (name,) = _Network(problem, t, y), problem.field_names
    pairs = zip(network.populations, network.densities, found.shifts.tolist(), strict=True)
    data: dict[str, Any] = {name: [_moved(one, density, x) for one, density, x in pairs]}
    for u in problem.layout.numbers:
        rests = np.array([one.rests for one in network.populations])
        waiting = problem.full(u.name, y) + np.where(rests, found.sizes, 0.0)
        if (waiting >= 1 - 1e-10).any():
            raise NotConverged(f"all neurons of population {int(np.argmax(waiting))} wait after it")
        data[u.name] = waiting
    return data


def _moved(one: Any, density: Any, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    """n+(v) = n(v - x) + sum_{k >= 1} n(v - x + k L) on (V_R, V_F), the second part of those that do not rest."""
    length = one.v_fire - one.v_reset
    laps = 0 if one.rests else int(max(shift, 0.0) / length) + 1

    def after(v: np.ndarray) -> np.ndarray:
        found = np.maximum(density(v - shift), 0.0)
        for k in range(1, laps + 1):
            landed = (v > one.v_reset) & (v - shift + k * length < one.v_fire)
            found = found + np.where(landed, np.maximum(density(v - shift + k * length), 0.0), 0.0)
        return found

    return after
