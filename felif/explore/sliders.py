"""What can be moved: a slider for every number of a model, of its drift, of the start and of time."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..models.drifts import Exponential, Leaky, Quadratic
from ..models.excitatory_inhibitory_lif import ExcitatoryInhibitoryLIF
from ..models.noisy_lif import NoisyLIF
from ..models.populations import Populations
from ..models.random_threshold_lif import RandomThresholdLIF
from ..models.refractory_lif import RefractoryLIF

DRIFTS = {kind.__name__: kind for kind in (Leaky, Exponential, Quadratic)}
_ENTRY = re.compile(r"(\w+?)((?:_\d)+)")  # coupling_0_1: an entry of an array


@dataclass(frozen=True)
class Slider:
    """A number of the page.

    symbol   as it is written in formulas, N_E with its index after the underscore
    low, high, value  ends of the slider, and where it is at first; numbers may be typed beyond the ends
    group    under which heading it is
    says     what it is, in a few words
    logarithmic  moves by factors
    along    (from, to): a branch of steady states can be followed in it, between these values or further
    drift    the drift whose number it is; "" for others
    """

    name: str
    symbol: str
    low: float
    high: float
    value: float
    group: str
    says: str
    logarithmic: bool = False
    along: tuple[float, float] | None = None
    drift: str = ""


# (low, high, group, what it is, logarithmic, the range of a branch)
_RANGES: dict[str, tuple[float, float, str, str, bool, tuple[float, float] | None]] = {
    "b": (-10.0, 5.0, "network", "connectivity, > 0 excitatory", False, (-4.0, 4.0)),
    "b_EE": (0.0, 5.0, "network", "from E to E", False, (0.0, 5.0)),
    "b_IE": (0.0, 8.0, "network", "from I to E, inhibits", False, (0.0, 8.0)),
    "b_EI": (0.0, 5.0, "network", "from E to I", False, (0.0, 5.0)),
    "b_II": (0.0, 5.0, "network", "from I to I, inhibits", False, (0.0, 5.0)),
    "coupling": (-15.0, 5.0, "network", "coupling", False, (-15.0, 3.0)),
    "strength": (0.0, 3.0, "network", "factor of all couplings", False, (0.0, 2.0)),
    "delay": (0.0, 2.0, "network", "from a spike to its effect", False, None),
    "noise_delay": (0.0, 2.0, "network", "from a spike to the noise it makes", False, None),
    "a0": (0.05, 5.0, "noise and input", "noise, half of sigma squared", True, (0.2, 3.0)),
    "a1": (0.0, 1.0, "noise and input", "noise that comes with activity", False, (0.0, 1.0)),
    "current": (-3.0, 5.0, "noise and input", "external current", False, (-2.0, 3.0)),
    "current_E": (-3.0, 5.0, "noise and input", "external current of E", False, (-2.0, 3.0)),
    "current_I": (-3.0, 5.0, "noise and input", "external current of I", False, (-2.0, 3.0)),
    "tau": (0.0, 3.0, "neuron", "mean refractory time", False, None),
    "tau_m": (0.1, 5.0, "neuron", "membrane time", True, (0.2, 3.0)),
    "dead_time": (0.0, 1.0, "neuron", "silent after a spike", False, None),
    "eps": (0.01, 1.0, "neuron", "mean time above V_F before a spike", True, (0.02, 0.5)),
    "v_reset": (-2.0, 1.9, "neuron", "reset potential", False, None),
    "v_fire": (1.0, 5.0, "neuron", "threshold", False, None),
}
_SYMBOLS = {"a0": "a_0", "a1": "a_1", "current": "I", "current_E": "I_E", "current_I": "I_I", "coupling": "b"}
_SYMBOLS |= {"noise_delay": "d_a"}
_SYMBOLS |= {"delay": "d", "dead_time": "D", "tau": "τ", "tau_m": "τ_m", "eps": "ε", "v_reset": "V_R", "v_fire": "V_F"}
_SYMBOLS |= {"strength": "s", "conductance": "g", "v_rest": "v_L", "offset": "c", "delta": "Δ", "v_soft": "v_T"}
_OF_DRIFTS = {
    "conductance": (0.1, 5.0, "leak conductance"),
    "v_rest": (-2.0, 3.0, "resting potential"),
    "offset": (-2.0, 5.0, "threshold of the current"),
    "delta": (0.05, 1.0, "sharpness of the spike"),
    "v_soft": (0.0, 3.0, "where the spike starts"),
}
_TIME = (
    Slider("t_end", "T", 0.1, 50.0, 10.0, "time", "end of the run, in membrane time constants", logarithmic=True),
    Slider("tol", "tol", 1e-8, 1e-3, 1e-4, "time", "accuracy of N in space and time", logarithmic=True),
)


@dataclass(frozen=True)
class Kind:
    """A model of the page: its class, the names of its populations, numbers that differ from those of the class."""

    of: type
    populations: tuple[str, ...] = ("",)
    values: tuple[tuple[str, float], ...] = ()
    arrays: tuple[tuple[str, int], ...] = ()  # parameters with an entry a population, or a matrix of them

    @property
    def name(self) -> str:
        return self.of.__name__

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """In the order of the model's fields, then those of its drift, of the start and of time."""
        own, given = [], dict(self.values)
        for field in dataclasses.fields(self.of):
            if field.name == "drift":
                own += [s for drift in DRIFTS.values() for s in _of_drift(drift)]
                continue
            for name in self._entries(field.name):
                default = given.get(name, given.get(field.name, field.default))
                own.append(_of_model(name, float(default), self.of))
        starts = [s for population in self.populations for s in _of_start(population)]
        return (*own, *starts, *_TIME)

    def _entries(self, name: str) -> list[str]:
        """The names of the numbers of a parameter: its own, or those of its entries."""
        names = [name]
        for _ in range(dict(self.arrays).get(name, 0)):
            names = [f"{entry}_{k}" for entry in names for k in range(len(self.populations))]
        return names


KINDS = {
    kind.name: kind
    for kind in (
        Kind(NoisyLIF, values=(("b", 0.5),)),
        Kind(RefractoryLIF, values=(("b", 0.5),)),
        Kind(RandomThresholdLIF, values=(("b", 5.0),)),
        Kind(ExcitatoryInhibitoryLIF, ("E", "I"), (("b_EE", 0.5), ("b_IE", 0.75), ("b_EI", 0.5), ("b_II", 0.25))),
        Kind(
            Populations,
            ("0", "1"),
            (("coupling_0_0", 0.5), ("coupling_0_1", -0.75), ("coupling_1_0", 0.5), ("coupling_1_1", -0.25)),
            (("coupling", 2), ("current", 1), ("a0", 1), ("v_reset", 1)),
        ),
    )
}


def kind_of(name: str) -> Kind:
    """The model of that name. ValueError that says which there are, and why another one of felif's is none of them."""
    if name in KINDS:
        return KINDS[name]
    allowed = f"allowed are {', '.join(KINDS)}"
    others = {"LearningLIF", "VoltageConductance"}
    if name in others:
        raise ValueError(f"explore: {name} is a density over a plane, and the page draws densities over v; {allowed}")
    if name in {"AdaptiveLIF", "CellPolarisation", "Kuramoto", "TimeElapsed", "WilsonCowan"}:
        raise ValueError(f"explore: the page has no sliders for {name}; {allowed}")
    raise ValueError(f"explore: model = {name!r}; {allowed}")


def _of_model(name: str, default: float, model: type) -> Slider:
    parameter, places = _parts(name)
    low, high, group, says, logarithmic, along = _RANGES[parameter]
    if model is RandomThresholdLIF and parameter == "b":
        low, high, along = -5.0, 20.0, (-2.0, 20.0)
    if parameter == "tau" and default > 0.0:  # it is a parameter that cannot vanish
        low, logarithmic, along = 0.01, True, (0.05, 3.0)
    index = "".join(str(place) for place in places)
    symbol = _SYMBOLS.get(parameter, parameter)
    if index:
        symbol = f"{symbol}{',' if '_' in symbol else '_'}{index}"
        says = f"from {places[1]} to {places[0]}" if len(places) == 2 else f"{says} of population {index}"
    return Slider(name, symbol, low, high, default, group, says, logarithmic, along)


def _of_drift(drift: Callable[..., Any]) -> list[Slider]:
    """The numbers of a drift; `Quadratic(offset=0)` by itself never rests, so that the page begins with offset 1."""
    found = []
    for field in dataclasses.fields(drift):
        low, high, says = _OF_DRIFTS[field.name]
        default = 1.0 if field.name == "offset" else float(field.default)
        name = f"drift_{field.name}"
        found.append(Slider(name, _SYMBOLS[field.name], low, high, default, "neuron", says, drift=drift.__name__))
    return found


def _of_start(population: str) -> list[Slider]:
    index = f"_{population}" if population else ""
    whose = f" of {population}" if population else ""
    comma = f",{population}" if population else ""
    return [
        Slider(f"mean{index}", f"v_0{comma}", -3.0, 1.9, 0.0, "start", f"centre of the Gaussian{whose}"),
        Slider(f"variance{index}", f"σ²{index}", 0.002, 2.0, 0.25, "start", f"its variance{whose}", True),
        Slider(
            f"boundary_layer{index}", f"ℓ{index}", 0.0, 1.0, 0.0, "start", f"layer in which it vanishes at V_F{whose}"
        ),
    ]


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    """The parameter and the place in it: coupling_0_1 is ("coupling", (0, 1))."""
    found = _ENTRY.fullmatch(name)
    if name in _RANGES or found is None:
        return name, ()
    return found[1], tuple(int(place) for place in found[2].split("_")[1:])
