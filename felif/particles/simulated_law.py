"""The law that is simulated for a model: bounded where its drift runs away, with currents that say where they jump."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ..assembly.running_away import Capped, cut
from ..given.inputs import Landing
from ..translation import law_of
from .tuning import PLANNING


def simulated_law(model: Any, t_end: float) -> Any:
    """The law of a model's neurons up to t_end: means of currents over steps are taken between their jumps."""
    law = law_of(model, mixing=True)
    populations = tuple(
        dataclasses.replace(population, current=Landing.of("current", population.current, 0.0, float(t_end)))
        for population in law.populations
    )
    return _bounded(dataclasses.replace(law, populations=populations))


def _bounded(law: Any) -> Any:
    """A particle law that ends where its drift runs away, in terms of `cut`; the law itself where it does not.

    Raises ValueError for V_F = infinity and populations of different drifts.
    """
    drifts = {id(population.drift): population.drift for population in law.populations}
    if law.escape_time > 0 or law.learning is not None or len(drifts) > 1:
        if any(math.isinf(p.v_fire) for p in law.populations):
            raise ValueError("v_fire = inf; allowed for particles is one drift that reaches infinity, and a threshold")
        return law
    (drift,) = drifts.values()
    if len({(p.v_reset, p.v_fire) for p in law.populations}) > 1:
        return law
    end = cut(drift, max(p.noise for p in law.populations), law.v_reset, law.v_fire, PLANNING.unnoticed)
    if end is None:
        return law
    if law.resets:
        raise ValueError(f"a drift that runs away, {drift}, and a distribution of resets; allowed is one of them")
    capped = {"drift": Capped(drift, end.last), "v_fire": end.end}
    populations = tuple(dataclasses.replace(p, **capped) for p in law.populations)
    return dataclasses.replace(law, populations=populations, place=end)
