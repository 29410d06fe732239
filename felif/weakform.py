"""The language of models: a weak form is a list of named terms, coefficient(scalars, model) x form(fields).

For every test function phi of the tied space (phi(V_F) = phi(V_R) where the model resets what fires),

    d/dt (n, phi) = sum of terms        for a field n,
    d/dt R        = sum of terms        for a differential scalar R,
    0 = -N + sum of terms               for an algebraic scalar defined by an integral,

and an algebraic scalar that is a flux is whatever the boundary condition n = 0 makes it: the Lagrange multiplier of
that constraint, found from the equation of the test function that does not vanish there.

A field over ("v", "w") obeys the same sentences line by line in w: its forms of v act on every line, a scalar `along`
w is a function of w, coefficients may read s.w (points of the w-axis) and are then functions of w, and a form with
`dw(phi)` is transport in w, for which the discretisation supplies a stable flux between cells and none at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from .language import Conserved

CELLS = "cells"
_TAKEN = frozenset({"t", "dt", "w", "mass", "min_n"})  # columns of every run, and what coefficients read


@dataclass(frozen=True)
class Field:
    """A function of the coordinates `over`: a density, of v or of v and w."""

    name: str
    over: tuple[str, ...] = ("v",)

    def __post_init__(self) -> None:
        if self.over not in (("v",), ("v", "w")):
            raise ValueError(f"Field {self.name!r}: over={self.over!r}; allowed are ('v',) and ('v', 'w').")


@dataclass(frozen=True)
class Scalar:
    """A number that is solved for; with `along`, one at every point of that axis: a function.

    algebraic=False       a differential unknown (R): its terms are its time derivative
    algebraic="integral"  N = the sum of its terms at every instant
    algebraic="flux"      N is the outflow of the field `of` through the facets `over`, where that field vanishes;
                          `along` w: for every w
    """

    name: str
    algebraic: Literal[False, "integral", "flux"] = False
    of: str | None = None
    over: str | None = None
    along: str | None = None

    def __post_init__(self) -> None:
        if self.algebraic not in (False, "integral", "flux"):
            raise ValueError(
                f"Scalar {self.name!r}: algebraic={self.algebraic!r}; allowed are False, 'integral' and 'flux'."
            )
        if (self.algebraic == "flux") != (self.of is not None and self.over is not None):
            raise ValueError(
                f"Scalar {self.name!r}: a flux, and only a flux, names its field (`of`) and facets (`over`)."
            )
        if self.along not in (None, "w") or (self.along is not None and self.algebraic != "flux"):
            raise ValueError(
                f"Scalar {self.name!r}: along={self.along!r}, algebraic={self.algebraic!r}; "
                "allowed is along='w' for a flux, None otherwise."
            )


@dataclass(frozen=True)
class Input:
    """A quantity given from outside, read as `s.<name>`: the parameter `parameter`, a number or a function of t."""

    name: str
    parameter: str
    of: str | None = None  # lagged: the value of this scalar, a delay earlier; `parameter` is the delay
    held: str | None = None  # scalar that gains `of` and loses this input: at rest this input is held / delay


@dataclass(frozen=True)
class Term:
    """coefficient(s, m) x form, added to the equation of `into`.

    `form(n, phi, x)` where `of` names the field it is linear in, `form(phi, x)` where `of` is None; x[0] is the
    coordinate v (x[1] is w) and `dv(n)` the derivative. A term into a scalar has no test function: `form(n, x)`, or no
    form at all; `of` may then name a scalar along w, `form(N, x)`: its integral over w. `coefficient` reads scalars and
    inputs from `s`, parameters from `m`, and must be analytic in both (its derivatives are taken by one complex step);
    None stands for 1. `over` is "cells" or a named set of cells or facets.
    """

    name: str
    into: str
    form: Callable[..., Any] | None = None
    of: str | None = None
    coefficient: Callable[[Any, Any], Any] | None = None
    over: str = CELLS


@dataclass(frozen=True)
class WeakForm:
    """What a model returns: unknowns, inputs, terms and what they conserve."""

    unknowns: tuple[Field | Scalar, ...]
    terms: tuple[Term, ...]
    conserved: tuple[Conserved, ...] = ()
    inputs: tuple[Input, ...] = ()

    def __post_init__(self) -> None:
        for entries, kinds in ((self.unknowns, Field | Scalar), (self.terms, Term), (self.conserved, Conserved)):
            wrong = [entry for entry in entries if not isinstance(entry, kinds)]
            if wrong:
                raise ValueError(f"WeakForm: {wrong[0]!r} stands where {kinds} must")
        names = [u.name for u in self.unknowns] + [i.name for i in self.inputs]
        if taken := _TAKEN.intersection(names):
            raise ValueError(f"{sorted(taken)} are names of what every run records; choose others")
        if len(set(names)) != len(names):
            raise ValueError(f"names are used twice among unknowns and inputs: {names}")
        if len({term.name for term in self.terms}) != len(self.terms):
            raise ValueError(f"names of terms are used twice: {[term.name for term in self.terms]}")
        known = {u.name for u in self.unknowns}
        fields = {u.name for u in self.fields}
        lines = {u.name for u in self.lines}
        fluxes = {u.name: u.of for u in self.scalars if u.algebraic == "flux"}
        if len(set(fluxes.values())) < len(fluxes):
            raise ValueError(f"{sorted(fluxes)} are fluxes of the same field; a field has one")
        for term in self.terms:
            if term.into not in known:
                raise ValueError(
                    f"Term {term.name!r} goes into {term.into!r}, which is no unknown; there are {sorted(known)}"
                )
            if term.of is not None and term.of not in fields and (term.of not in lines or term.into in fields | lines):
                raise ValueError(f"Term {term.name!r} is of {term.of!r}, which is no field; there are {sorted(fields)}")
            if term.form is None and (term.into in fields or term.of is not None):
                raise ValueError(f"Term {term.name!r} needs a form")
            if term.form is None and term.over != CELLS:
                raise ValueError(f"Term {term.name!r} is over {term.over!r}, which means nothing without a form")
            for what, function in (("form", term.form), ("coefficient", term.coefficient)):
                if function is not None and not callable(function):
                    raise ValueError(f"Term {term.name!r}: its {what} is {function!r}; allowed is a function")
            if term.into in fluxes:
                raise ValueError(
                    f"Term {term.name!r} goes into {term.into!r}, a flux: what that is follows from the terms into "
                    f"{fluxes[term.into]!r}"
                )
        for given in self.inputs:
            if given.of is not None and given.of not in known - fields - lines:
                raise ValueError(f"Input {given.name!r} is a delayed {given.of!r}, which is no scalar")
            if given.held is not None and (
                given.of is None or given.held not in {s.name for s in self.scalars if s.algebraic is False}
            ):
                raise ValueError(
                    f"Input {given.name!r}: held={given.held!r}; allowed is a differential scalar, of a lag"
                )
        for scalar in self.scalars:
            if scalar.of is not None and scalar.of not in fields:
                raise ValueError(
                    f"Scalar {scalar.name!r} is the flux of {scalar.of!r}, which is no field: {sorted(fields)}"
                )
        over = {u.name: u.over for u in self.fields}
        for scalar in self.scalars:
            if scalar.algebraic == "flux" and over[scalar.of] != (("v",) if scalar.along is None else ("v", "w")):
                raise ValueError(
                    f"Scalar {scalar.name!r}: along={scalar.along!r}, but {scalar.of!r} is over {over[scalar.of]}; "
                    "the flux of a field over v is a number, that of a field over v and w is along w"
                )
        for quantity in self.conserved:
            stored = {u.name for u in self.unknowns if isinstance(u, Field) or u.algebraic is False}
            unknown = set(quantity.weights) - stored
            weights, name = dict(quantity.weights), quantity.name
            if unknown or not weights:
                raise ValueError(
                    f"Conserved {name!r} weighs {sorted(unknown)}, which are no unknowns that are stored; allowed are "
                    f"{sorted(stored)}"
                )
            if not all(isinstance(w, int | float) and math.isfinite(w) and w for w in weights.values()):
                raise ValueError(f"Conserved {name!r} weighs {weights}; allowed are numbers that are not 0")
            if name in _TAKEN - {"mass"} or name in names:
                raise ValueError(f"Conserved {name!r} has the name of something else; choose another")
            if name == "mass" and weights != dict.fromkeys(fields, 1.0):
                raise ValueError(f"Conserved 'mass' weighs {weights}; it is that of all fields")
        if len({quantity.name for quantity in self.conserved}) < len(self.conserved):
            raise ValueError(f"names of conserved quantities are used twice: {[q.name for q in self.conserved]}")

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(u for u in self.unknowns if isinstance(u, Field))

    @cached_property
    def scalars(self) -> tuple[Scalar, ...]:
        """Algebraic scalars first, then differential ones."""
        scalars = [u for u in self.unknowns if isinstance(u, Scalar)]
        return tuple(sorted(scalars, key=lambda u: u.algebraic is False))

    @property
    def lines(self) -> tuple[Scalar, ...]:
        """The scalars that are functions of w."""
        return tuple(u for u in self.scalars if u.along is not None)


class Slopes(tuple):
    """The derivatives of a function in v, or v and w, by number or by name."""

    def __getitem__(self, axis: Any) -> Any:
        return super().__getitem__({"v": 0, "w": 1}[axis] if isinstance(axis, str) else axis)


class Value(float):
    """A field or test function with one value and the same slopes everywhere, for forms that only compute with it."""

    def __new__(cls, value: float, *slopes: float) -> Value:
        self = super().__new__(cls, value)
        self.grad = Slopes(slopes)
        return self


def dv(u: Any) -> Any:
    """Derivative in v of a field or test function inside a form."""
    return u.grad[0]


def dw(u: Any) -> Any:
    """Derivative in w of a field or test function over v and w inside a form."""
    return u.grad[1]
