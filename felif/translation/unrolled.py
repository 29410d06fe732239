"""Equations over an index of populations and v as a weak form with one density a population: n_0, N_0, n_1, N_1, ...

What equals a sum of numbers, such as the input of a population, is put in where it is read. Places are named by what
they are to a population: "firing" is where its density is held at zero, "reset" the one place where neurons enter it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..weakform import Axis, Delayed, Equations, Given, Index
from ..weakform import Term as LanguageTerm
from .to_weakform import Elsewhere
from .translated_forms import wrapped
from .weak_form import CELLS, Field, Input, Scalar, Term, WeakForm


def is_indexed(equations: Any) -> bool:
    """Whether these are equations of densities over one index and v."""
    kinds = [type(axis) for axis in getattr(equations, "axes", ())]
    return sorted(kind.__name__ for kind in kinds) == ["Axis", "Index"] and any(
        isinstance(axis, Axis) and axis.name == "v" for axis in equations.axes
    )


def unrolled(model: Any, equations: Equations) -> tuple[WeakForm, np.ndarray, np.ndarray]:
    """(the weak form, V_R and V_F of each population). Raises Elsewhere for what has another shape."""
    return _Unrolled(model, equations).form()


class _Unrolled:
    def __init__(self, model: Any, equations: Equations) -> None:
        self.model, self.equations = model, equations
        (self.index,) = (axis for axis in equations.axes if isinstance(axis, Index))
        held = [u for u in equations.unknowns if u.kind == "holds"]
        densities = [u for u in equations.unknowns if u.kind == "evolves" and "v" in u.over]
        if len(held) != 1 or len(densities) != 1 or held[0].over != (self.index.name,):
            raise self._elsewhere("over an index, allowed is one density over it and v that is held at zero at V_F")
        self.density, self.flux = densities[0].name, held[0].name
        self.fire = self._each(held[0].at["v"])
        self.reset = np.full(self.index.count, np.nan)
        self.numbers = {u.name: u for u in equations.unknowns if u.name != self.density}
        self.inputs = {given.name: given for given in equations.inputs}
        self._dense: dict[int, np.ndarray] = {}

    def _elsewhere(self, why: str) -> Elsewhere:
        return Elsewhere(type(self.model).__name__, why)

    def _x(self, k: int, v: Any = None) -> SimpleNamespace:
        return SimpleNamespace(**{self.index.name: k, "v": v})

    def _each(self, place: Any) -> np.ndarray:
        """A place of each population."""
        ks = np.arange(self.index.count)
        return np.array([float(place(self._x(k))) if callable(place) else float(place) for k in ks])

    def _named(self, name: str, k: int) -> str:
        over = self.numbers[name].over if name in self.numbers else ()
        if name in self.inputs and isinstance(self.inputs[name], Delayed):
            over = self.numbers[self.inputs[name].of].over
        return f"{name}_{k}" if over else name

    def form(self) -> tuple[WeakForm, np.ndarray, np.ndarray]:
        count = range(self.index.count)
        unknowns: list[Any] = [Field(f"{self.density}_{k}") for k in count]
        unknowns += [Scalar(f"{self.flux}_{k}", "flux", f"{self.density}_{k}", "firing") for k in count]
        for u in self.numbers.values():
            if u.kind == "evolves":
                entries = count if u.only is None else u.only
                unknowns += [Scalar(self._named(u.name, k)) for k in (entries if u.over else [0])]
        inputs: list[Input] = []
        for given in self.equations.inputs:
            if isinstance(given, Given):
                inputs.append(Input(given.name, given.parameter))
                continue
            for k in count if self.numbers[given.of].over else [0]:
                inputs.append(Input(self._named(given.name, k), given.of_model(self.model), self._named(given.of, k)))
        terms = [part for term in self.equations.terms for k in count for part in self._terms(term, k)]
        if np.isnan(self.reset).any():
            raise self._elsewhere(f"nothing enters {self.density!r} of population {int(np.isnan(self.reset).argmax())}")
        return WeakForm(tuple(unknowns), tuple(terms), (), tuple(inputs)), self.reset, self.fire

    # terms ------------------------------------------------------------------------------------------------------

    def _terms(self, term: LanguageTerm, k: int) -> list[Term]:
        name, into = f"{term.called} of {k}", term.into
        u = self.numbers.get(into)
        if u is not None and (u.kind == "equals" or (u.only is not None and k not in u.only) or (not u.over and k)):
            return []
        if set(term.at) - {"v"} or any(isinstance(place, tuple) for place in term.at.values()):
            raise self._elsewhere(f"the term {term.called!r} acts at {dict(term.at)}")
        if u is not None:
            if term.of == self.density or term.at or term.lands:
                raise self._elsewhere(f"the term {term.called!r} goes from a density into a number that evolves")
            return [Term(name, self._named(into, k), None, None, lambda s, m: self._value(term, k, s, m))]
        into = f"{into}_{k}"
        if term.of == self.density and term.lands is None and not term.at:
            form = wrapped(lambda u, phi, x: term.form(u, phi, self._x(k, x.v)), "u, phi", ("v",))
            return [Term(name, into, form, into, lambda s, m: self._coefficient(term, k, s, m), CELLS)]
        if term.of == self.density or not term.at:
            raise self._elsewhere(f"the term {term.called!r} moves neurons that do not fire")
        place = float(self._each(term.at["v"])[k])
        value = lambda s, m: self._value(term, k, s, m, place)
        if term.lands is None:
            return [Term(name, into, lambda phi, x: phi, None, value, self._over(place, k, term))]
        landing = term.lands(self._x(k, np.full(1, place)))
        if isinstance(landing, list) or set(landing) != {"v"}:
            raise self._elsewhere(f"the term {term.called!r} lands on {landing}")
        if self._over(place, k, term) != "firing":
            raise self._elsewhere(f"the term {term.called!r} is no jump of a flux from V_F")
        if value(SimpleNamespace(**dict.fromkeys(self._names(), 1.0)), self.model) == 0:
            return []
        to = float(np.ravel(landing["v"])[0])
        return [
            Term(f"{name}: firing", into, lambda phi, x: -phi, None, value, "firing"),
            Term(f"{name}: reset", into, lambda phi, x: phi, None, value, self._over(to, k, term)),
        ]

    def _names(self) -> list[str]:
        every = [*(name for name in self.numbers), *self.inputs]
        return [self._named(name, k) for name in every for k in range(self.index.count)]

    def _over(self, place: float, k: int, term: LanguageTerm) -> str:
        if place == self.fire[k]:
            return "firing"
        if np.isnan(self.reset[k]):
            self.reset[k] = place
        if place != self.reset[k]:
            raise self._elsewhere(f"{term.called!r} is at v = {place:g}, neither V_R = {self.reset[k]:g} nor V_F")
        return "reset"

    # numbers ----------------------------------------------------------------------------------------------------

    def _read(self, name: str, k: int, s: Any, m: Any) -> Any:
        """A number, or its entry k, from the numbers that are not sums of others."""
        u = self.numbers.get(name)
        if u is None or u.kind != "equals":
            known = u is None or u.only is None or k in u.only
            return getattr(s, self._named(name, k)) if known else 0.0
        return sum(self._value(term, k, s, m) for term in self.equations.terms if term.into == name)

    def _is_indexed(self, name: str) -> bool:
        return name == self.density or bool(self.numbers[name].over)

    def _row(self, term: LanguageTerm, k: int) -> np.ndarray:
        if id(term) not in self._dense:
            matrix = term.matrix.toarray() if hasattr(term.matrix, "toarray") else term.matrix
            self._dense[id(term)] = np.asarray(matrix, float)
        return self._dense[id(term)][k]

    def _coefficient(self, term: LanguageTerm, k: int, s: Any, m: Any) -> Any:
        return 1.0 if term.coefficient is None else term.coefficient(_Entry(self, k, s, m), m)

    def _value(self, term: LanguageTerm, k: int, s: Any, m: Any, place: float | None = None) -> Any:
        """Coefficient times form times what a term is of, for a test function that is 1."""
        if term.of == self.density:
            raise self._elsewhere(f"the term {term.called!r} is an integral of a density")
        if term.matrix is not None:
            row = self._row(term, k)
            return sum((row[j] * self._read(term.of, j, s, m) for j in np.flatnonzero(row).tolist()), 0.0)
        if term.of in self.numbers and self.numbers[term.of].over and not self._is_indexed(term.into):
            raise self._elsewhere(f"the term {term.called!r} is a sum over populations without a matrix")
        value, x = 1.0 if term.of is None else self._read(term.of, k, s, m), self._x(k, place)
        if term.form is not None:
            value = value * (term.form(1.0, x) if term.of is None else term.form(1.0, 1.0, x))
        return value * self._coefficient(term, k, s, m)


class _Entry:
    """`s` as a coefficient of entry k reads it."""

    def __init__(self, whole: _Unrolled, k: int, s: Any, m: Any) -> None:
        self._whole, self._k, self._s, self._m = whole, k, s, m

    def __getattr__(self, name: str) -> Any:
        if name == self._whole.index.name:
            return self._k
        return self._whole._read(name, self._k, self._s, self._m)
