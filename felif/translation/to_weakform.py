"""Equations as the weak form that the fast engines read: densities over v, or one over v and w, reset to points.

`weak_form_of` recognises that shape in the equations of a model and writes it as a `WeakForm`. Whatever has another
shape is told apart by `Elsewhere`, which says why; the general engine reads that as it is written.

The shape: an axis "v" from -inf to V_F, the parameter `v_fire` (to inf where neurons live above V_F too), and perhaps
an axis "w" from `w_min` to `w_max`; places are V_F, V_R = `v_reset`, and over v alone any points below a V_F that is
finite; what jumps is a flux through V_F and lands on these points; densities are coupled through numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.arguments import is_number
from ..given.inputs import places_of
from ..given.memory import remembered
from ..weakform import Axis, Delayed, Equations, Term, Unknown
from . import weak_form as weakform
from .places import why_without
from .recalled import noted, recalled
from .translated_forms import itself, lost, product, tested, wrapped
from .weak_form import ABOVE, CELLS, Field, Input, Scalar, Value, WeakForm

_MODELS = 64  # the latest are kept
_made: dict[int, tuple[Any, WeakForm | Elsewhere]] = {}  # by the id of a model, which is kept, too


class Elsewhere(ValueError):
    """Equations of a shape that the fast engines do not have; `why` says which part."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.why}"


def has_equations(model: Any) -> bool:
    """Whether this is a model: an object, no class, with equations."""
    return not isinstance(model, type) and hasattr(model, "equations")


def weak_form_of(model: Any) -> WeakForm:
    """The equations of a model as a weak form. Raises Elsewhere, and ValueError for what are no equations."""
    known, found = _made.get(id(model), (None, None))
    if known is not model:
        try:
            found = recalled(model) or noted(model, lambda equations: _translated(model, equations))
        except Elsewhere as reason:
            found = reason
        if getattr(type(model), "__dataclass_params__", None) and type(model).__dataclass_params__.frozen:
            remembered(_made, id(model), (model, found), _MODELS)
    if isinstance(found, Elsewhere):
        raise Elsewhere(*found.args)
    return found


def elsewhere(model: Any) -> str | None:
    """Why the fast engines do not read a model, but the one for any axes does; None where they do."""
    try:
        weak_form_of(model)
    except Elsewhere as reason:
        return reason.why
    return None


def is_fast(model: Any) -> bool:
    """Whether the fast engines read a model."""
    return elsewhere(model) is None


def _translated(model: Any, equations: Any) -> WeakForm:
    if not isinstance(equations, Equations):
        raise ValueError(f"{type(model).__name__}.equations() returns {equations!r}; allowed are Equations")
    with np.errstate(all="ignore"):  # coefficients are tried at values that may mean nothing
        return _Translation(model, equations).form()


class _Translation:
    def __init__(self, model: Any, equations: Equations) -> None:
        self.model, self.equations = model, equations
        self.axes = tuple(axis.name for axis in equations.axes)
        if self.axes not in (("v",), ("v", "w")) or not all(isinstance(axis, Axis) for axis in equations.axes):
            raise self._elsewhere(f"its axes are {list(self.axes)}, not 'v', or 'v' and 'w'")
        self.v_reset, self.v_fire = (self._parameter(name) for name in ("v_reset", "v_fire"))
        self._require_axes()
        self.fields = [u.name for u in equations.unknowns if u.kind == "evolves" and u.over]
        self.kinds = {u.name: u.kind for u in equations.unknowns}
        self._forbidden = {"v", *self.fields}
        self.points = {self.v_reset: "reset", self.v_fire: "firing"}

    def _elsewhere(self, why: str) -> Elsewhere:
        return Elsewhere(type(self.model).__name__, why)

    def _parameter(self, name: str) -> float:
        if not hasattr(self.model, name):
            raise self._elsewhere(why_without(self.equations, name))
        value = getattr(self.model, name)
        if not is_number(value):
            raise self._elsewhere(f"{name} = {value!r}, a place on every mesh, is no number")
        return float(value)

    def _require_axes(self) -> None:
        v, *others = self.equations.axes
        held = [u for u in self.equations.unknowns if u.kind == "holds"]
        high = self.v_fire if held else math.inf
        if (v.low, v.high) != (-math.inf, high) or v.periodic:
            raise self._elsewhere(f"the axis 'v' is [{v.low}, {v.high}], not [-inf, {high}]")
        for w in others:
            ends = self._parameter("w_min"), self._parameter("w_max")
            if (w.low, w.high) != ends or w.periodic or w.points:
                raise self._elsewhere(f"the axis 'w' is [{w.low}, {w.high}], not {list(ends)}")
        if graded := [axis.name for axis in self.equations.axes if axis.graded]:
            raise self._elsewhere(f"its axes {graded} are graded")
        if self.equations.symmetric_along or any(mass != 1 for mass in self.equations.masses.values()):
            raise self._elsewhere("it states masses or a symmetry")

    def form(self) -> WeakForm:
        """The weak form. Raises Elsewhere."""
        for place in self.equations.axes[0].points.values():
            self._named(place, "the axis 'v' has a point")
        unknowns = tuple(self._unknown(u) for u in self.equations.unknowns)
        if len(self.axes) == 2:
            self._require_plane()
        elif {u.of for u in self.equations.unknowns if u.kind == "holds"} not in (set(), set(self.fields)):
            raise self._elsewhere("some densities vanish at V_F, and others do not")
        terms = _told_apart([part for term in self.equations.terms for part in self._terms(term)])
        inputs = tuple(self._input(given, terms) for given in self.equations.inputs)
        if any(quantity.each is not None for quantity in self.equations.conserved):
            raise self._elsewhere("a conserved quantity is one for each entry of an index")
        if any(len(set(self.fields) & set(quantity.weights)) > 1 for quantity in self.equations.conserved):
            raise self._elsewhere("a conserved quantity is of several densities")
        points = tuple((name, place) for place, name in self.points.items())
        return WeakForm(unknowns, terms, self.equations.conserved, inputs, points)

    def _require_plane(self) -> None:
        """One density over (v, w), its flux along w, and an integral of that."""
        kinds = sorted((u.kind, u.over) for u in self.equations.unknowns)
        if kinds != [("equals", ()), ("evolves", ("v", "w")), ("holds", ("w",))]:
            raise self._elsewhere("over (v, w) it has more than a density, its flux and a number")
        if self.equations.inputs:
            raise self._elsewhere("over (v, w) it has inputs")

    def _unknown(self, u: Unknown) -> Field | Scalar:
        over = tuple(u.over)
        if u.kind == "evolves" and over in ((), self.axes):
            return Field(u.name, over) if over else Scalar(u.name)
        if u.kind == "equals" and not over:
            return Scalar(u.name, algebraic="integral")
        if u.kind == "holds" and dict(u.at) == {"v": self.v_fire}:
            return Scalar(u.name, "flux", u.of, "firing", along="w" if over else None)
        raise self._elsewhere(f"{u.name} {u.kind} over {list(over)} {dict(u.at) or ''}")

    # inputs -----------------------------------------------------------------------------------------------------

    def _input(self, given: Any, terms: tuple[weakform.Term, ...]) -> Input:
        if not isinstance(given, Delayed):
            return Input(given.name, given.parameter)
        if not isinstance(given.delay, str):
            raise self._elsewhere(f"the delay of {given.name} is {given.delay!r}, no name of a parameter")
        return Input(given.name, given.delay, of=given.of, held=self._held(given, terms))

    def _held(self, given: Delayed, terms: tuple[weakform.Term, ...]) -> str | None:
        """The number that gains what `given` is of and loses `given`, and nothing else: at rest given = held/delay."""
        names = [u.name for u in self.equations.unknowns] + [i.name for i in self.equations.inputs]
        random = np.random.default_rng(1)
        for name in (name for name, kind in self.kinds.items() if kind == "evolves" and name not in self.fields):
            own = [term for term in terms if term.into == name]
            for _ in range(2):
                s = SimpleNamespace(**dict(zip(names, random.uniform(0.3, 0.9, len(names)), strict=True)))
                try:
                    change = sum(1.0 if t.coefficient is None else t.coefficient(s, self.model) for t in own)
                except Exception:  # refused, and by name, where all coefficients are looked at
                    break
                if abs(change - (getattr(s, given.of) - getattr(s, given.name))) > 1e-12:
                    break
            else:
                return name
        return None

    # terms ------------------------------------------------------------------------------------------------------

    def _terms(self, term: Term) -> list[weakform.Term]:
        if term.matrix is not None:
            raise self._elsewhere(f"the term {term.called!r} has a matrix")
        self._require_numbers(term)
        if term.lands is not None:
            return self._jump(term)
        into, of, over = term.into, term.of, self._over(term)
        if into in self.fields and of in self.fields:
            if of != into or over not in (CELLS, ABOVE):
                raise self._elsewhere(f"the term {term.called!r} couples densities, or acts on one at a point")
            return [weakform.Term(term.called, into, self._form(term), of, term.coefficient, over)]
        if into in self.fields:
            form = self._form(term) if of is None else self._of_one(term)
            return [weakform.Term(term.called, into, form, None, self._times(term), over)]
        if of in self.fields or self._is_line(of):
            if self.kinds[into] == "evolves" or over not in (CELLS, ABOVE):
                raise self._elsewhere(
                    f"the term {term.called!r} goes from a function into a number that evolves, or from a point"
                )
            return [weakform.Term(term.called, into, self._tested_with_one(term), of, term.coefficient, over)]
        if of is None and term.form is not None:
            raise self._elsewhere(f"the term {term.called!r} is a form of nothing, into a number")
        if over != CELLS:
            raise self._elsewhere(f"the term {term.called!r} is at a place, between numbers")
        k = 1.0 if term.form is None else float(np.ravel(self._of_one(term)(1.0, np.zeros((2, 1))))[0])
        return [weakform.Term(term.called, into, None, None, self._times(term, k))]

    def _is_line(self, name: str | None) -> bool:
        return name in self.kinds and bool(self.equations.unknown(name).over)

    def _over(self, term: Term) -> str:
        at = dict(term.at)
        if not at:
            return CELLS
        place = at.pop("v", None)
        if not at and isinstance(place, tuple) and place == (self.v_fire, math.inf):
            return ABOVE
        if at or not is_number(place):
            raise self._elsewhere(f"the term {term.called!r} is at {dict(term.at)}, not at points of v")
        return self._named(float(place), f"the term {term.called!r} is")

    def _named(self, place: float, what: str) -> str:
        """The name of a point; Elsewhere where it is none of this shape."""
        if place in self.points:
            return self.points[place]
        if len(self.axes) == 2 or not place < self.v_fire < math.inf:
            raise self._elsewhere(f"{what} at v = {place!r}, not at V_R = {self.v_reset!r} or V_F = {self.v_fire!r}")
        return self.points.setdefault(place, f"point {len(self.points) - 1}")

    def _require_numbers(self, term: Term) -> None:
        """Elsewhere for a coefficient that reads v or a density."""
        if term.coefficient is None:
            return
        reads = _Reads()
        try:
            term.coefficient(reads, self.model)
        except Exception:  # refused, and by name, where all coefficients are looked at
            pass
        if found := self._forbidden & reads.__dict__["names"]:
            raise self._elsewhere(f"the coefficient of {term.called!r} reads {sorted(found)}")

    def _jump(self, term: Term) -> list[weakform.Term]:
        """What leaves at V_F, and what enters where it lands."""
        if term.of not in self.kinds or self.kinds[term.of] != "holds" or self._over(term) != "firing":
            raise self._elsewhere(f"the term {term.called!r} is no jump of a flux from V_F")
        if self.equations.unknown(term.of).of != term.into:
            raise self._elsewhere(f"the term {term.called!r} lands in another density than it leaves")
        lands, coefficient = term.lands, self._times(term)
        out, whole = lost, tested
        if term.form is not None:
            leaves, top = self._of_one(term), self.v_fire
            out = lambda phi, x: -leaves(phi, x)
            whole = lambda phi, x: leaves(phi, np.concatenate([np.full_like(x[:1], top), x[1:]]))
        found = [weakform.Term(f"{term.called}: firing", term.into, out, None, coefficient, "firing")]
        for over, share in self._landings(term).items():
            comes = whole
            if share != 1.0:  # not felif's own where `lands` is not
                comes = lambda phi, x, share=share: share * whole(phi, x) if lands else phi
            found.append(weakform.Term(f"{term.called}: reset", term.into, comes, None, coefficient, over))
        return found

    def _landings(self, term: Term) -> dict[str, float]:
        """How much of what jumps lands at each point; Elsewhere where it depends on v or w, or moves w."""
        x = SimpleNamespace(v=self.v_fire)
        if len(self.axes) == 2:
            x.w = np.linspace(self._parameter("w_min"), self._parameter("w_max"), 5)
        found: dict[str, float] = {}
        parts = places_of(term, x)
        if len(parts) == 1 and parts[0][0] == 1.0 and parts[0][1].keys() == {"v"}:
            if parts[0][1]["v"] is self.model.v_reset:
                return {"reset": 1.0}
        for weight, to in parts:
            stays = "w" not in to or np.array_equal(np.broadcast_to(to["w"], (5,)), getattr(x, "w", None))
            place = to.get("v", self.v_fire)
            if not stays or set(to) - set(self.axes) or np.ptp(place) or np.ptp(weight):
                raise self._elsewhere(f"the term {term.called!r} lands on {to}")
            over = self._named(float(np.ravel(place)[0]), f"the term {term.called!r} lands")
            found[over] = found.get(over, 0.0) + float(np.ravel(weight)[0])
        return found

    # functions --------------------------------------------------------------------------------------------------

    def _times(self, term: Term, k: float = 1.0) -> Callable[[Any, Any], Any] | None:
        """The coefficient, times the number that a term is of."""
        c, of = term.coefficient, term.of
        if of is None:
            return c
        if c is None:
            return (lambda s, m: getattr(s, of)) if k == 1.0 else (lambda s, m: k * getattr(s, of))
        return lambda s, m: k * getattr(s, of) * c(s, m)

    def _form(self, term: Term) -> Callable[..., Any]:
        if term.form is None:
            return tested if term.of is None else product
        return wrapped(term.form, "phi" if term.of is None else "u, phi", self.axes)

    def _of_one(self, term: Term) -> Callable[..., Any]:
        """The form of a number u at u = 1; ValueError where it is not linear in that."""
        if (form := term.form) is None:
            return tested
        x = SimpleNamespace(v=self.v_reset, w=0.0)
        for phi in (Value(0.7, 0.4, 0.2), Value(-0.3, 0.9, 0.5)):
            one, other = form(1.0, phi, x), form(-2.5, phi, x)
            if not np.all(np.abs(-2.5 * one - other) <= 1e-12 * np.abs(other)):
                raise ValueError(
                    f"Term {term.called!r}: its form is not linear in {term.of}; what is nonlinear belongs into the "
                    "coefficient, which reads unknowns from s"
                )
        return wrapped(form, "1, phi", self.axes)

    def _tested_with_one(self, term: Term) -> Callable[..., Any]:
        """The form into a number, where the test function is 1."""
        return itself if term.form is None else wrapped(term.form, "u, 1", self.axes)


def _told_apart(terms: list[weakform.Term]) -> tuple[weakform.Term, ...]:
    """The terms, those of one name numbered."""
    names = [term.name for term in terms]
    if len(set(names)) == len(names):
        return tuple(terms)
    numbers = [names[:k].count(name) + 1 for k, name in enumerate(names)]
    return tuple(
        replace(term, name=f"{term.name} {k}") if names.count(term.name) > 1 else term
        for term, k in zip(terms, numbers, strict=True)
    )


class _Reads:
    """Stands for `s`, and remembers what is read."""

    def __init__(self) -> None:
        self.__dict__["names"] = set()

    def __getattr__(self, name: str) -> float:
        self.__dict__["names"].add(name)
        return 0.37
