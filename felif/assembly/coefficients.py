"""Coefficients c(s, m): which of them vary, their values, and their derivatives by one complex step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..weakform import Term, WeakForm

STEP = 1e-30  # of the complex step: far below rounding, so that the derivative is exact to rounding


class _Reader:
    """Stands in for `s` once: remembers what a coefficient reads."""

    def __init__(self, names: tuple[str, ...], term: Term) -> None:
        self.__dict__.update(_names=names, _term=term, _read=set())

    def __getattr__(self, name: str) -> float:
        if name not in self._names:
            raise ValueError(
                f"Term {self._term.name!r} reads s.{name}, which is no scalar or input. "
                f"There are: {', '.join(self._names)}."
            )
        self._read.add(name)
        return 0.37


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


def constant_of(term: Term, weak_form: WeakForm, m: Parameters) -> float | None:
    """The coefficient's value if it depends on no scalar and no input for these parameters (a1 = 0), else None.

    Raises ValueError, naming the term, for a coefficient that is not analytic, as far as that shows at two points.
    """
    if term.coefficient is None:
        return 1.0
    names = (*(s.name for s in weak_form.scalars), *(i.name for i in weak_form.inputs))
    reader = _Reader(names, term)
    value = term.coefficient(reader, m)
    for name in reader._read:
        s = SimpleNamespace(**dict.fromkeys(names, 0.37))
        for point in (0.37, 1.9):
            setattr(s, name, complex(point, STEP))
            if _stepped(term, name, s, m).imag != 0.0:
                return None
        setattr(s, name, 1.9)
        if term.coefficient(s, m) != value:
            raise ValueError(
                f"Term {term.name!r}: its coefficient changes with s.{name}, but has no complex step there: it is not "
                "analytic. Avoid abs, max, min and .real; felif.testing.check_model says more."
            )
    return value


def _stepped(term: Term, name: str, s: Any, m: Parameters) -> complex:
    try:
        return complex(term.coefficient(s, m))
    except TypeError as error:
        raise ValueError(
            f"Term {term.name!r}: its coefficient cannot be evaluated at a complex s.{name} ({error}), so it has no "
            "derivative by a complex step. Use numpy's functions instead of those of math; avoid max and min."
        ) from error
