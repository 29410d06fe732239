"""Settings to begin with: figures of the lecture on networks of integrate-and-fire neurons, and what adds to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A named setting: `values` as `Setting.of` takes them, `along` the parameter of its bifurcation diagram."""

    name: str
    says: str
    values: dict[str, Any] = field(default_factory=dict)
    along: str = "b"


PRESETS = (
    Preset(
        "One neuron forgets",
        "Without connections the density tends to its steady state exponentially: total desynchronisation.",
        {"model": "NoisyLIF", "b": 0.0, "t_end": 5.0},
    ),
    Preset(
        "Inhibition",
        "Inhibitory networks (b < 0) exist for all times and settle.",
        {"model": "NoisyLIF", "b": -1.5, "t_end": 5.0},
    ),
    Preset(
        "Two steady states",
        "Between V_F − V_R and the fold at b = 2.10 there are two; the network settles into the lower one.",
        {"model": "NoisyLIF", "b": 1.5, "t_end": 10.0},
    ),
    Preset(
        "Blow-up: b is large",
        "Above the fold there is no steady state: the firing rate becomes infinite in finite time.",
        {"model": "NoisyLIF", "b": 3.0, "mean": -1.0, "variance": 0.5, "boundary_layer": 0.5, "t_end": 10.0},
    ),
    Preset(
        "Blow-up: data near V_F",
        "Data concentrated near V_F blow up although a stable steady state exists.",
        {"model": "NoisyLIF", "b": 1.5, "mean": 1.5, "variance": 0.005, "boundary_layer": 0.5, "t_end": 0.2},
    ),
    Preset(
        "Noise does not help",
        "An inhibitory network whose noise grows with its activity, a = a₀ + a₁N, blows up too.",
        {
            "model": "NoisyLIF",
            "b": -1.5,
            "a1": 1.0,
            "mean": 1.5,
            "variance": 0.005,
            "boundary_layer": 0.05,
            "t_end": 0.1,
        },
        "a1",
    ),
    Preset(
        "Refractory, and still a blow-up",
        "A refractory state does not prevent the blow-up.",
        {"model": "RefractoryLIF", "b": 3.0, "tau": 0.1, "mean": -1.0, "variance": 0.5, "t_end": 20.0},
    ),
    Preset(
        "Spontaneous activity",
        "With a random threshold and a refractory state the network bursts by itself between two Hopf points.",
        {"model": "RandomThresholdLIF", "b": 5.0, "t_end": 22.0},
    ),
    Preset(
        "Delayed inhibition oscillates",
        "Spikes that arrive late: an inhibitory network that does not settle.",
        {"model": "NoisyLIF", "b": -60.0, "delay": 1.0, "boundary_layer": 0.5, "t_end": 45.0},
        "current",
    ),
    Preset(
        "Exponential neurons",
        "A more realistic drift in place of −v: spikes run away by themselves, V_F only cuts them off.",
        {"model": "NoisyLIF", "drift": "Exponential", "b": 0.5, "v_fire": 3.0, "t_end": 10.0},
    ),
    Preset(
        "Excitation and inhibition",
        "Two populations: the excitatory one lifts both, the inhibitory one holds them back.",
        {
            "model": "ExcitatoryInhibitoryLIF",
            "b_EE": 3.0,
            "b_IE": 4.0,
            "b_EI": 0.6,
            "b_II": 0.0,
            "mean_E": -0.5,
            "variance_E": 0.5,
            "boundary_layer_E": 0.7,
            "mean_I": 0.2,
            "variance_I": 0.3,
            "boundary_layer_I": 0.7,
            "t_end": 12.0,
        },
        "b_EE",
    ),
    Preset(
        "Populations of two",
        "The same in the language of any number of populations, on the general engine: slower to answer.",
        {"model": "Populations", "t_end": 5.0},
        "strength",
    ),
)
