"""What the language of models accepts is computed as written: what it cannot be is refused here, by name.

Forms are linear in what they are `of` and in the test function, coefficients are analytic (`assembly.analytic`),
noise is positive, every scalar has an equation, and what is declared conserved is conserved by the terms
(`assembly.conservation`). Checked by `discretize`; what only one discretisation cannot do is refused where that begins.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.arguments import is_finite
from ..given.fields import written_for
from ..given.identity import identity, is_own
from ..given.libraries import skfem
from ..given.memory import remembered
from ..given.parameters import fixed_parameters, parameters_of
from ..translation import require_places, weak_form_of
from ..translation.weak_form import ABOVE, CELLS, Term, WeakForm, probe
from .analytic import require_analytic
from .tuning import LANGUAGE

_IN_A_CELL = (np.arange(8) + 0.5) / 8  # points of a cell at which forms are looked at once more
_sound_forms: dict[Any, None] = {}
_sound_models: dict[Any, None] = {}


def require_sound(model: Any) -> None:
    """ValueError, naming the term, unless forms, coefficients, inputs and noise of a model are what they must be.

    What a user's function raises reaches the user. Models and forms that have passed are remembered.
    """
    key = hashable((type(model), model))
    if key is not None and key in _sound_models:
        return
    weak_form = weak_form_of(model)
    require_places(model, weak_form)
    _require_inputs(model, weak_form)
    for term in weak_form.terms if not weak_form.is_of_numbers else ():  # those are looked at by felif's tests
        _require_form(model, weak_form, term)
    for term in weak_form.terms:
        if term.coefficient is not None and not is_own(term.coefficient):
            require_analytic(model, weak_form, term)
    _require_noise(model, weak_form)
    _remember(_sound_models, key)


def _remember(memory: dict[Any, None], key: Any) -> None:
    if key is not None:
        remembered(memory, key, None, LANGUAGE.kept)


def hashable(key: Any) -> Any:
    """key, or None where it has no hash."""
    try:
        hash(key)
    except TypeError:
        return None
    return key


def shape_of(model: Any) -> tuple[Any, ...]:
    """What of a model is in its assembled arrays: its class and the parameters that `at` refuses to change."""
    values = [getattr(model, name) for name in sorted(fixed_parameters(model))]
    return type(model), *(id(value) if hashable(value) is None else value for value in values)


# inputs ----------------------------------------------------------------------------------------------------------


def _require_inputs(model: Any, weak_form: WeakForm) -> None:
    kind = type(model).__name__
    for given in weak_form.inputs:
        if not hasattr(model, given.parameter):
            raise ValueError(f"Input {given.name!r} is the parameter {given.parameter!r}, which {kind} does not have")
        value = getattr(model, given.parameter)
        number = is_finite(value)
        if given.of is not None and not (number and value > 0):
            raise ValueError(
                f"{kind}: {given.parameter} = {value!r}; allowed for the delay of {given.name!r} is a positive number"
            )
        if given.of is None and not (number or callable(value)):
            raise ValueError(
                f"{kind}: {given.parameter} = {value!r}; allowed for the input {given.name!r} are a finite number and "
                "a function of t"
            )


# forms -----------------------------------------------------------------------------------------------------------


def top_of(weak_form: WeakForm) -> float:
    """V_F, or a potential above V_R by max(1, |V_R|) where V_F is infinite."""
    low, high = weak_form.landings[0], weak_form.top
    return high if high < math.inf else low + max(1.0, abs(low))


def places_of(model: Any, weak_form: WeakForm, over: str) -> np.ndarray:
    """Points in the cells or on the facets of a term, shape (1 or 2, points)."""
    low, high, count = weak_form.landings[0], top_of(weak_form), LANGUAGE.places
    if over not in (CELLS, ABOVE):
        v = np.full(count, high if over == "firing" else weak_form.places[over])
    else:
        begin, end = (low - 2 * (high - low), high) if over == CELLS else (high, 2 * high - low)
        v = begin + (end - begin) * (np.arange(count) + 0.5) / count  # not the ends of cells, where functions may jump
    if not any(len(field.over) == 2 for field in weak_form.fields):
        return v[None]
    w = np.linspace(float(model.w_min), float(model.w_max), count)
    return np.stack([v, w[np.arange(count) * 4 % count]])


def _require_form(model: Any, weak_form: WeakForm, term: Term) -> None:
    if term.form is None:
        return
    x = places_of(model, weak_form, term.over)
    fields = {f.name for f in weak_form.fields}
    ends = x[:, [0, -1]].tobytes()
    kind = (term.of is not None, term.of in fields, term.into in fields, term.over, ends)
    key = hashable((identity(term.form), kind))
    if key is not None and key in _sound_forms:
        return
    nonlinearity(weak_form, term, x)
    if term.into in fields and term.of in fields and len(x) == 1:
        probe(term, x[0])
    _remember(_sound_forms, key)


def nonlinearity(weak_form: WeakForm, term: Term, x: np.ndarray) -> float:
    """Relative defect of form(a u + b w) = a form(u) + b form(w), in the field and in the test function.

    Raises ValueError, naming the term, where it is above LANGUAGE.linear, for values that are no finite numbers, and
    for forms whose value at a point depends on other points (n.mean(), np.gradient(n), x - x.mean()): their integral
    would depend on how the points are arranged.
    """
    fields = {f.name for f in weak_form.fields}
    places = [name for name, there in (("field", term.of is not None), ("test function", term.into in fields)) if there]
    facet = term.is_at_point
    rng, worst = np.random.default_rng(0), 0.0

    def pair() -> tuple[np.ndarray, np.ndarray]:
        return rng.choice([-1.0, 1.0], x.shape[1]) * 10.0 ** rng.uniform(-3, 3, x.shape[1]), rng.uniform(-1, 1, x.shape)

    def value(arguments: list[tuple[np.ndarray, np.ndarray]], x: np.ndarray = x) -> np.ndarray:
        """The form; a scalar along w has no derivative, as an argument neither."""
        made = [u if what == "field" and term.of not in fields else skfem.element.DiscreteField(u, slope)
                for what, (u, slope) in zip(places, arguments, strict=True)]  # fmt: skip
        try:
            with written_for(term.name, "form"):
                found = np.asarray(term.form(*made, x))
        except (AttributeError, IndexError) as error:
            raise ValueError(
                f"Term {term.name!r}: its form reads a coordinate that it does not have ({error}); "
                "on lines w is s.w, in coefficients"
            ) from error
        if found.dtype.kind not in "fiub" or not np.isfinite(found).all():
            at = (
                np.flatnonzero(~np.isfinite(np.broadcast_to(found, x.shape[1:]))) if found.dtype.kind in "fiub" else [0]
            )
            raise ValueError(
                f"Term {term.name!r}: its form is {np.ravel(found)[at[0] % found.size]} at v = {x[0, at[0]]:.6g}; "
                "allowed are finite real numbers"
            )
        if found.ndim and found.shape != x.shape[1:]:
            raise ValueError(
                f"Term {term.name!r}: its form has the shape {found.shape} at points of the shape {x.shape[1:]}; "
                "allowed is a value at each"
            )
        return np.broadcast_to(found, x.shape[1:]).astype(float)

    given = [pair() for _ in places]
    for place, what in enumerate(places):
        u, w, (a, b) = pair(), pair(), rng.uniform(1, 2, 2)
        mixed = (a * u[0] + b * w[0], a * u[1] + b * w[1])
        values = [value([*given[:place], one, *given[place + 1 :]]) for one in (mixed, u, w)]
        size = np.abs(values[0]) + np.abs(a * values[1]) + np.abs(b * values[2]) + 1e-300
        worst = max(worst, float((np.abs(values[0] - a * values[1] - b * values[2]) / size).max()))
        if not worst <= LANGUAGE.linear:
            raise ValueError(
                f"Term {term.name!r}: its form is not linear in its {what} (defect {worst:.3g}, relative). What is "
                "nonlinear must go through scalars, read by the coefficient."
            )
    if not facet:
        whole, part = value(given), slice(1, None, 3)
        alone = value([(u[part], slope[:, part]) for u, slope in given], x[:, part])
        size = np.abs(whole[part]) + np.abs(alone)
        if np.any(np.abs(whole[part] - alone) > LANGUAGE.linear * size):
            raise ValueError(
                f"Term {term.name!r}: the value of its form at a point depends on other points; allowed is a function "
                "of n, phi, their derivatives and x there. What is of the whole density is a scalar."
            )
    if not places:
        value([])
    elif facet and np.any(value([(u, 0 * slope) for u, slope in given]) != value(given)):
        raise ValueError(f"Term {term.name!r}: its form has a derivative over facets, {term.over!r}; use cells")
    return worst


def require_sound_on(model: Any, cells: np.ndarray) -> None:
    """ValueError unless a user's forms are linear at points of every cell of a mesh, too."""
    weak_form = weak_form_of(model)
    points = cells[:-1, None] + np.diff(cells)[:, None] * _IN_A_CELL
    for term in weak_form.terms:
        if term.form is None or is_own(term.form) or term.is_at_point:
            continue
        inside = points.ravel() if term.over == CELLS else points[cells[:-1] >= weak_form.top].ravel()
        if inside.size:
            nonlinearity(weak_form, term, inside[None])


def changed_form(one: WeakForm, other: WeakForm, model: Any) -> str | None:
    """The name of a term whose form differs between two weak forms of a model, None if all agree."""
    known = {term.name: term for term in one.terms}
    for b in other.terms:
        a = known.get(b.name, b)  # a term that other parameters add
        if a.form is None or b.form is None or a.form is b.form:
            if a.form is not b.form:
                return a.name
            continue
        try:
            if identity(a.form) == identity(b.form):
                continue
        except Exception:  # what the closures hold cannot be compared: looked at below
            pass
        x, fields = places_of(model, one, a.over), {f.name for f in one.fields}
        u = 1 + 0.5 * np.sin(np.arange(x.shape[1]))
        arguments = [skfem.element.DiscreteField(u, u * x)] * ((a.of is not None) + (a.into in fields))
        if not np.array_equal(a.form(*arguments, x), b.form(*arguments, x)):
            return a.name
    return None


# noise -------------------------------------------------------------------------------------------------------


def _require_noise(model: Any, weak_form: WeakForm) -> None:
    """ValueError where noise without activity is negative, or none at a V_F whose flux it makes."""
    if weak_form.lines:
        return
    m, kind = parameters_of(model), type(model).__name__
    s = SimpleNamespace(**dict.fromkeys((u.name for u in weak_form.scalars), 0.0))
    for given in weak_form.inputs:
        value = getattr(model, given.parameter)
        if callable(value):
            return  # what it is then, is seen when it is there
        setattr(s, given.name, 0.0 if given.of is not None else float(value))
    v = np.concatenate([places_of(model, weak_form, CELLS)[0], [top_of(weak_form)]])
    tied = {scalar.of for scalar in weak_form.scalars if scalar.algebraic == "flux"}
    for field in weak_form.fields:
        total = np.zeros(len(v))
        for term in (t for t in weak_form.terms if t.into == field.name == t.of and t.over == CELLS):
            c = 1.0 if term.coefficient is None else float(term.coefficient(s, m))
            total = total + c * probe(term, v)[1]
        worst = int(np.argmin(total))
        if total[worst] < 0 or (field.name in tied and total[-1] == 0):
            at, a = (v[worst], total[worst]) if total[worst] < 0 else (v[-1], 0.0)
            raise ValueError(
                f"{kind}: the noise of {field.name} without activity is {a:.6g} at v = {at:.6g}; allowed is a positive "
                f"one: `noise`, with a positive coefficient"
            )
