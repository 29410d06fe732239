"""Coefficients c(s, m): which of them vary, their values, and their derivatives by one complex step."""

from __future__ import annotations

import dataclasses
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


def constant_of(term: Term, weak_form: WeakForm, m: Parameters) -> float | None:
    """The coefficient's value if it depends on no scalar and no input for these parameters (a1 = 0), else None."""
    if term.coefficient is None:
        return 1.0
    names = (*(s.name for s in weak_form.scalars), *(i.name for i in weak_form.inputs))
    reader = _Reader(names, term)
    value = term.coefficient(reader, m)
    for name in reader._read:
        for point in (0.37, 1.9):
            s = SimpleNamespace(**dict.fromkeys(names, 0.37))
            setattr(s, name, complex(point, STEP))
            if complex(term.coefficient(s, m)).imag != 0.0:
                return None
    return value
