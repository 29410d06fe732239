"""Types of what users give, for signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Density = Callable[..., Any]  # v -> n(v), or (v, w) -> p(v, w), on arrays; Gaussian and Uniform are such


class Model(Protocol):
    """A dataclass whose fields are parameters, and which states its equations."""

    def equations(self) -> Any:
        """What the model says: `felif.Equations`, or a WeakForm inside felif."""


class Stated(Protocol):
    """A state of a problem, such as `run.final` or `steady_states(problem)[0]`."""

    problem: Any
    t: float
    y: Any


Start = Density | Stated | Mapping[str, Any]  # a density, a state, or densities and numbers by name
