"""Coefficients c(s, m): which of them vary, their values, and their derivatives by one complex step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..given.parameters import Parameters
from .weak_form import Term, WeakForm

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


def constant_of(term: Term, weak_form: WeakForm, m: Parameters) -> float | None:
    """The coefficient's value if it depends on no scalar and no input for these parameters (a1 = 0), else None.

    Raises ValueError, naming the term, for a coefficient that is not analytic, as far as that shows at two points.
    """
    if term.coefficient is None:
        return 1.0
    names = weak_form.read
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
