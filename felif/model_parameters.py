"""The parameters of a model: as coefficients read them, which of them may change, and the model with others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


class Parameters(SimpleNamespace):
    """The model's parameters as `m`, numbers that a complex step may perturb."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ValueError(
            f"a coefficient reads parameter {name!r}, which the model does not have. It has: {', '.join(vars(self))}. "
            "Add the field to the dataclass or correct the coefficient."
        )


def parameters_of(model: Any) -> Parameters:
    return Parameters(**{f.name: getattr(model, f.name) for f in dataclasses.fields(model)})


def fixed_parameters(model: Any) -> frozenset[str]:
    return frozenset(f.name for f in dataclasses.fields(model) if f.metadata.get("fixed"))


def changeable(model: Any) -> tuple[str, ...]:
    """Names of the numbers that `with_parameters` may change, in the order of the model."""
    values, fixed = vars(parameters_of(model)), fixed_parameters(model)
    return tuple(name for name, value in values.items() if name not in fixed and isinstance(value, int | float))


def with_parameters(model: Any, parameters: Mapping[str, Any]) -> Any:
    """The model with other parameters, as `at` of a problem needs it.

    Raises ValueError for unknown parameters and for those that shape forms or geometry (v_fire, drift, w_min, ...).
    """
    known, fixed = vars(parameters_of(model)), fixed_parameters(model)
    for name, value in parameters.items():
        if name not in known:
            raise ValueError(f"{type(model).__name__} has no parameter {name!r}; it has: {', '.join(sorted(known))}")
        if name in fixed:
            raise ValueError(
                f"parameter {name!r} shapes the mesh or the forms, so `at` cannot change it; "
                f"call discretize again with {name}={value!r}"
            )
    return dataclasses.replace(model, **parameters)
