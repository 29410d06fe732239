"""The microscopic law of a model: what one neuron of the network does. The model's equation is its limit of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Population:
    """Neurons of one kind. With the firing rates N_j of all populations, in their order in the law,

        dV = (f(V) + I(t)) dt + sum_j kicks_j N_j(t - delays_j) dt + sqrt(2 (a0 + sum_j noise_kicks_j N_j)) dW

    In a network of n_j neurons N_j dt is 1/n_j at every spike: a spike of population j moves V by kicks_j / n_j and
    adds Gaussian noise of variance 2 noise_kicks_j / n_j. A neuron fires when V reaches v_fire, rests for an
    exponential time of mean refractory_time (0: not at all), or for exactly `dead_time`, and begins again at v_reset.
    """

    name: str  # appended to N, R and n: "" where there is one population only
    kicks: tuple[float, ...]
    drift: Callable
    v_reset: float
    v_fire: float
    current: Any = 0.0  # a number or a function of t
    noise: float = 1.0
    noise_kicks: tuple[float, ...] = ()
    refractory_time: float = 0.0
    dead_time: float = 0.0
    delays: tuple[float, ...] = ()  # none: 0

    @property
    def rests(self) -> bool:
        """Whether a neuron is at no potential for a while after it has fired."""
        return self.refractory_time > 0 or self.dead_time > 0

    def delay(self, j: int) -> float:
        """After which it hears population j."""
        return self.delays[j] if self.delays else 0.0


@dataclass(frozen=True)
class Learning:
    """Synaptic weights w of the neurons, and how they follow the activity.

        dV = (f(V) + drive(w, Nbar)) dt + sqrt(2 a0) dW,     dw = change(w, N(w), Nbar) dt

    N(w) is the firing rate of neurons with weights near w: spikes per neuron of the network, time and unit of w; Nbar
    is its integral. Without activity change = -speed w. Weights stay in [w_min, w_max].
    """

    speed: float
    change: Callable
    drive: Callable
    w_min: float
    w_max: float


@dataclass(frozen=True)
class ParticleLaw:
    """A network: its populations, and what a neuron does when it fires.

    With escape_time > 0 a neuron fires at rate 1/escape_time while V > v_fire, and not when it gets there. With
    `resets`, (share, place) of which the shares add up to 1, it begins at a place drawn from these instead of v_reset.
    Where populations exchange neurons, or potentials end below, N_j is spikes of j per neuron of the whole network.
    """

    populations: tuple[Population, ...]
    escape_time: float = 0.0
    learning: Learning | None = None
    resets: tuple[tuple[float, float], ...] = ()
    exchange: tuple[tuple[float, ...], ...] = ()  # [i][j]: rate at which neurons of population i become those of j
    low: float = -math.inf  # where potentials end below
    leaves: tuple[float, ...] = ()  # k of each population, of which k n(low) leaves there
    shares: tuple[float | None, ...] = ()  # of the neurons at the start, where they change their population; None: open
    place: Any = None  # a `Cut` where the axis of this law counts, far up, the time that is left

    @property
    def mixes(self) -> bool:
        """Whether neurons change their population or potentials end below."""
        return bool(self.leaves)

    @property
    def rests(self) -> bool:
        """Whether any neuron is at no potential for a while after it has fired."""
        return any(population.rests for population in self.populations)

    def shared(self, name: str) -> Any:
        """What all populations have alike: `v_reset`, `v_fire`, ... Raises ValueError where they differ."""
        found = {getattr(population, name) for population in self.populations}
        if len(found) > 1:
            raise ValueError(f"populations have different {name}: {sorted(found)}; allowed is one for all")
        return found.pop()

    v_reset = property(lambda self: self.shared("v_reset"))
    v_fire = property(lambda self: self.shared("v_fire"))
    refractory_time = property(lambda self: self.shared("refractory_time"))
    dead_time = property(lambda self: self.shared("dead_time"))
