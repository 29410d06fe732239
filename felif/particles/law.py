"""The law that is simulated for a model: bounded where its drift runs away, with currents that say where they jump."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..assembly.running_away import bounded_law
from ..given.inputs import Landing
from ..translation import law_of

_UNNOTICED = 1e-3  # part of a neuron's time by which the time that a drift needs to run away may be wrong


def simulated_law(model: Any, t_end: float) -> Any:
    """The law of a model's neurons up to t_end: means of currents over steps are taken between their jumps."""
    law = law_of(model)
    populations = tuple(
        dataclasses.replace(population, current=Landing.of("current", population.current, 0.0, float(t_end)))
        for population in law.populations
    )
    return bounded_law(dataclasses.replace(law, populations=populations), _UNNOTICED)
