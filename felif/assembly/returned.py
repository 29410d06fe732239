"""Over (v, w): what fires must come back, and how much of it, on its own line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import parameters_of
from ..translation.weak_form import Term, WeakForm
from .tuning import LANGUAGE

_RATES = (0.37, 1.0, 2.0, 7.0)
TOTALS = (0.0, 0.01, 0.37, 1.9, 20.0)  # of the scalars that are numbers, at which coefficients are looked at


def weights_of(model: Any) -> np.ndarray:
    """Weights w, ends included, at which coefficients are looked at, shape (LANGUAGE.lines,)."""
    return np.linspace(float(model.w_min), float(model.w_max), LANGUAGE.lines)


def inputs_of(model: Any, weak_form: WeakForm) -> dict[str, float]:
    values = {given.name: getattr(model, given.parameter) for given in weak_form.inputs}
    return {name: 0.37 if callable(value) else float(value) for name, value in values.items()}


def multiple(model: Any, weak_form: WeakForm, term: Term) -> float:
    """k of a source k N phi at V_F or V_R, the same on every line and for every activity. Raises ValueError."""
    (line,) = weak_form.lines
    w, m, fixed = weights_of(model), parameters_of(model), inputs_of(model, weak_form)
    totals = [scalar.name for scalar in weak_form.scalars if scalar.along is None]
    place = weak_form.places[term.over]
    form, found = term.form(np.ones(LANGUAGE.lines), np.stack([np.full(LANGUAGE.lines, place), w])), []
    for total in TOTALS:
        for rate in _RATES:
            N = rate * (1 + 0.3 * np.cos(7.0 * w))
            s = SimpleNamespace(w=w, **fixed, **dict.fromkeys(totals, total), **{line.name: N})
            c = 1.0 if term.coefficient is None else term.coefficient(s, m)
            found.append(np.broadcast_to(np.asarray(c * form, float), (LANGUAGE.lines,)) / N)
    k = float(found[0][0])
    if not np.all(np.abs(np.array(found) - k) <= 1e-12 * abs(k)):
        raise ValueError(
            f"Term {term.name!r}: over (v, w) the coefficient of a source must be a number times {line.name}, the same "
            f"for every w and every activity; it is {np.min(found):.6g} to {np.max(found):.6g} times that"
        )
    return k


def reads_rate(model: Any, weak_form: WeakForm, term: Term) -> bool:
    """Whether a coefficient changes with the firing rate of its line."""
    (line,) = weak_form.lines
    w, m = weights_of(model), parameters_of(model)
    others = dict.fromkeys((scalar.name for scalar in weak_form.scalars if scalar.along is None), 0.37)
    at = lambda N: SimpleNamespace(w=w, **inputs_of(model, weak_form), **others, **{line.name: N})
    return term.coefficient is not None and any(
        np.any(term.coefficient(at(N + 0.0 * w), m) != term.coefficient(at(0.0 * w), m)) for N in _RATES
    )


def require_alike_everywhere(model: Any, weak_form: WeakForm) -> None:
    """ValueError for delays and terms of a density over (v, w) that no discretisation of it reads as written."""
    kind = type(model).__name__
    (field,) = weak_form.fields
    (line,) = weak_form.lines
    if any(given.of is not None for given in weak_form.inputs):
        raise ValueError(f"{kind}: delayed inputs over (v, w) are not supported")
    for term in weak_form.terms:
        if term.into not in (field.name, line.name) and term.of != line.name:
            raise ValueError(
                f"Term {term.name!r} ({term.of} -> {term.into}): over (v, w) a number is the integral of {line.name} "
                "along w; write that"
            )
        if term.into == field.name and term.of == field.name and term.over != "cells":
            raise ValueError(
                f"Term {term.name!r}: over (v, w) forms of {field.name} act in all cells, not {term.over!r}"
            )
        if term.into == field.name and term.of is None and term.over not in ("firing", "reset"):
            raise ValueError(
                f"Term {term.name!r}: over (v, w) a source is over 'firing' or 'reset', not over {term.over!r}"
            )
