"""The microscopic law of a model: what one neuron of the network does. The model's equation is its limit of many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Population:
    """Neurons of one kind. With the firing rates N_j of all populations, in their order in the law,

        dV = (f(V) + I(t)) dt + sum_j kicks_j N_j(t - delay) dt + sqrt(2 (a0 + sum_j noise_kicks_j N_j)) dW

    In a network of n_j neurons N_j dt is 1/n_j at every spike: a spike of population j moves V by kicks_j / n_j and
    adds Gaussian noise of variance 2 noise_kicks_j / n_j.
    """

    name: str  # appended to N, R and n: "" where there is one population only
    kicks: tuple[float, ...]
    drift: Callable
    current: Any = 0.0  # a number or a function of t
    noise: float = 1.0
    noise_kicks: tuple[float, ...] = ()


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

    It fires when V reaches v_fire; with escape_time > 0 at rate 1/escape_time while V > v_fire. It then rests for an
    exponential time of mean refractory_time (0: not at all), or for exactly `dead_time`, and begins again at v_reset.
    Kicks arrive `delay` later. With `resets`, (share, place) of which the shares add up to 1, it begins at a place
    drawn from these instead.
    """

    populations: tuple[Population, ...]
    v_reset: float
    v_fire: float
    refractory_time: float = 0.0
    escape_time: float = 0.0
    delay: float = 0.0
    dead_time: float = 0.0
    learning: Learning | None = None
    resets: tuple[tuple[float, float], ...] = ()
    place: Any = None  # a `Cut` where the axis of this law counts, far up, the time that is left

    @property
    def rests(self) -> bool:
        """Whether a neuron is at no potential for a while after it has fired."""
        return self.refractory_time > 0 or self.dead_time > 0
