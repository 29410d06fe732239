"""What the fast engines read: a weak form is a list of named terms, coefficient(scalars, model) x form(fields).

`translation` makes it of the equations of a model. For every test function phi of the tied space (phi(V_F) = phi(V_R)
where the model resets what fires),

    d/dt (n, phi) = sum of terms        for a field n,
    d/dt R        = sum of terms        for a differential scalar R,
    0 = -N + sum of terms               for an algebraic scalar defined by an integral,

and an algebraic scalar that is a flux is whatever the boundary condition n = 0 makes it: the Lagrange multiplier of
that constraint, found from the equation of the test function that does not vanish there.

A field over ("v", "w") obeys the same sentences line by line in w: its forms of v act on every line, a scalar `along`
w is a function of w, coefficients may read s.w (points of the w-axis) and are then functions of w, and a form with a
derivative of phi in w is transport in w, for which the discretisation supplies a stable flux between cells and none at
the ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import FunctionType
from typing import Any, Literal

import numpy as np

from ..given.identity import is_of_numbers
from ..weakform import Conserved

CELLS, ABOVE = "cells", "above"
PARAMETERS = {"reset": "v_reset", "firing": "v_fire"}  # of models, which say where these points are
THRESHOLD = PARAMETERS["firing"]
_FEW = 100  # places at which it is remembered what a form is


@dataclass(frozen=True)
class Field:
    """A function of the coordinates `over`: a density, of v or of v and w."""

    name: str
    over: tuple[str, ...] = ("v",)


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


@dataclass(frozen=True)
class Input:
    """A quantity given from outside, read as `s.<name>`: the parameter `parameter`, a number or a function of t."""

    name: str
    parameter: Any  # its name; of an equation over an index the delay itself
    of: str | None = None  # lagged: the value of this scalar, a delay earlier; `parameter` is the delay
    held: str | None = None  # scalar that gains `of` and loses this input: at rest this input is held / delay


@dataclass(frozen=True)
class Term:
    """coefficient(s, m) x form, added to the equation of `into`.

    `form(n, phi, x)` where `of` names the field it is linear in, `form(phi, x)` where `of` is None; x[0] is the
    coordinate v (x[1] is w) and `n.grad[0]` the derivative in v. A term into a scalar has no test function:
    `form(n, x)`, or no form at all; `of` may then name a scalar along w, `form(N, x)`: its integral over w.
    `coefficient` reads scalars and inputs from `s`, parameters from `m`, and must be analytic in both (its derivatives
    are taken by one complex step); None stands for 1. `over` is "cells", "above" (the cells above V_F), or the name of
    a point: "reset", "firing", or one of `WeakForm.points`.
    """

    name: str
    into: str
    form: Callable[..., Any] | None = None
    of: str | None = None
    coefficient: Callable[[Any, Any], Any] | None = None
    over: str = CELLS

    @property
    def is_at_point(self) -> bool:
        return self.over not in (CELLS, ABOVE)


@dataclass(frozen=True)
class WeakForm:
    """What a model returns: unknowns, inputs, terms and what they conserve."""

    unknowns: tuple[Field | Scalar, ...]
    terms: tuple[Term, ...]
    conserved: tuple[Conserved, ...] = ()
    inputs: tuple[Input, ...] = ()
    points: tuple[tuple[str, float], ...] = ()  # name and v: "reset", "firing", others; ends of cells on every mesh

    @cached_property
    def places(self) -> dict[str, float]:
        return dict(self.points)

    @property
    def top(self) -> float:
        """V_F."""
        return self.places["firing"]

    @property
    def length(self) -> float:
        """V_F - V_R, the unit of potentials."""
        return self.top - self.places["reset"]

    @cached_property
    def landings(self) -> tuple[float, ...]:
        """V_R, then other points below V_F."""
        return tuple(place for name, place in self.points if name != "firing")

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(u for u in self.unknowns if isinstance(u, Field))

    @cached_property
    def scalars(self) -> tuple[Scalar, ...]:
        """Algebraic scalars first, then differential ones."""
        scalars = [u for u in self.unknowns if isinstance(u, Scalar)]
        return tuple(sorted(scalars, key=lambda u: u.algebraic is False))

    @cached_property
    def read(self) -> tuple[str, ...]:
        """What coefficients may read of `s`."""
        return (*(s.name for s in self.scalars), *(i.name for i in self.inputs))

    @cached_property
    def is_of_numbers(self) -> bool:
        """Whether all that its forms and coefficients hold are numbers: what is made of them alone may be kept."""
        return all(is_of_numbers(function) for term in self.terms for function in (term.form, term.coefficient))

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


_VALUE, _SLOPE = UNIT_TESTS = Value(1.0, 0.0), Value(0.0, 1.0)


def convection_of(term: Term, points: np.ndarray) -> np.ndarray:
    """The part n phi' of a form at points where it may overflow."""
    value = term.form(_VALUE, _SLOPE, points[None])
    return value if getattr(value, "shape", None) == points.shape else np.full(points.shape, float(value))


def probe(term: Term, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pointwise coefficients (convection, diffusion, reaction) of a form in one field; arrays to read only.

    The form's integrand is convection n phi' - diffusion n' phi' + reaction n phi; ValueError if it has an n' phi part.
    What a form is at a few places, such as V_R, V_F and the ends of a mesh, and along the line from V_R to V_F, is
    remembered.
    """
    if points.size > _FEW or points.dtype != float or not isinstance(term.form, FunctionType):
        return _probed(term.form, term.name, points)
    return _remembered(term.form, term.name, points.tobytes(), points.shape)


@lru_cache(256)
def _remembered(form: Callable, name: str, points: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    found = tuple(map(np.array, _probed(form, name, np.frombuffer(points).reshape(shape))))
    for values in found:
        values.flags.writeable = False
    return found


def _probed(form: Callable, name: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, shape = points[None], points.shape

    def integrand(n: Value, phi: Value) -> np.ndarray:
        value = form(n, phi, x)
        return value if getattr(value, "shape", None) == shape else np.full(shape, float(value))

    mixed = form(_SLOPE, _VALUE, x)
    if mixed.any() if isinstance(mixed, np.ndarray) else mixed != 0.0:
        raise ValueError(f"Term {name!r} has a part n' phi; write it as -(n, phi') by integrating by parts")
    return integrand(_VALUE, _SLOPE), -integrand(_SLOPE, _SLOPE), integrand(_VALUE, _VALUE)
