"""How a run is made: the numbers that `evolve` was given and what follows from them on its mesh, packed once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..evolution import SCHEMES, Scheme
from .after_blow_up import Continue


@dataclass(frozen=True)
class Settings:
    """What `evolve` was given, see there, and:

    core         "compiled" or "python", which differ in the last digits
    breakpoints  those given, those of the inputs, and what follows from them by delays
    max_step     the given one, or the shortest delay
    singular     whether N falls from infinity at the start
    start_up     how long a run of fixed steps controls its error where it does (see `fixed_steps`); None: never
    initial      the initial data in words
    """

    scheme: Scheme
    core: str
    rtol: float
    atol: float | None
    t_start: float
    t_end: float
    breakpoints: tuple[float, ...]
    fixed_step: float | None
    first_step: float | None
    max_step: float
    max_steps: int | None
    N_max: float
    after_blow_up: Continue | None
    events: tuple[str, ...]
    initial: str
    singular: bool = False
    start_up: float | None = None

    def but(self, **changes: Any) -> Settings:
        return replace(self, **changes)

    def stored(self) -> dict[str, Any]:
        """As run.json has them: the scheme by name, null for what is infinite."""
        found = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        found["scheme"] = type(self.scheme).__name__
        found["max_step"] = None if math.isinf(self.max_step) else self.max_step
        found["after_blow_up"] = None if self.after_blow_up is None else asdict(self.after_blow_up)
        return found

    @classmethod
    def restored(cls, entry: Mapping[str, Any]) -> Settings:
        """From run.json; a folder that does not say which core ran was written by the loop in Python."""
        found = {"core": "python", "after_blow_up": None, **entry}
        found |= {name: tuple(found[name]) for name in ("breakpoints", "events")}
        found["scheme"] = SCHEMES[found["scheme"]]()
        found["max_step"] = math.inf if found["max_step"] is None else found["max_step"]
        if found["after_blow_up"] is not None:
            found["after_blow_up"] = Continue(**found["after_blow_up"])
        return cls(**found)
