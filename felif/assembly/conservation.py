"""What a model declares conserved is conserved by its terms, and every scalar has an equation."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..firing.over_v import OverV
from ..given.identity import is_own
from ..given.parameters import parameters_of
from ..problem import Infeasible
from ..translation.weak_form import CELLS, WeakForm, probe
from .language import changed_form, places_of
from .tuning import LANGUAGE

_AMOUNTS = (0.1, 10.0, 1e3)  # of N, at which conservation is looked at


def require_conserved(problem: OverV) -> None:
    """ValueError where a scalar has no equation, or where the terms change what is declared conserved."""
    equations = problem.equations
    if not equations.empty_slope > 0:
        names = ", ".join(equations.algebraic)
        raise ValueError(
            f"{type(problem.model).__name__}: {names} has no equation: without activity its slope is "
            f"{equations.empty_slope:.3g} and must be positive. What is a flux must leave through 'firing'."
        )
    sources = [t for t in problem.weak_form.terms if t.of is None or t.of != t.into or t.over != CELLS]
    functions = [t.form for t in sources] + [t.coefficient for t in problem.weak_form.terms]
    if not problem.conserved or all(function is None or is_own(function) for function in functions):
        return  # what felif's own terms conserve is known
    if equations.inputs:
        equations = copy.copy(equations)
        equations.inputs = dict.fromkeys(equations.inputs, lambda t: 0.37)
    smooth = _positive_state(problem)
    for amount in _AMOUNTS:
        y = _with_activity(equations, smooth, amount)
        c = equations.coefficients(0.0, y)
        band, F = equations.operator.jacobian_band(c), equations.operator.rate(y, c)
        for name, weights in problem.conserved.items():
            per_rate = problem.mass.solve(weights)  # M is symmetric
            change, size = float(per_rate @ F), float(np.abs(per_rate) @ np.abs(F))
            rounding = 8 * np.finfo(float).eps * float(np.abs(per_rate).max() * (np.abs(band.data).sum(axis=0) @ y))
            if not abs(change) <= LANGUAGE.conserved * size + rounding:
                N = ", ".join(
                    f"{k} = {v:.4g}" for k, v in zip(equations.algebraic, _scalars(equations, y), strict=True)
                )
                raise ValueError(
                    f"Conserved {name!r} of {type(problem.model).__name__} is not conserved by its terms: where {N} it "
                    f"changes at the rate {change:.6g}. What leaves must enter somewhere, with the same weight; "
                    "a source that is spread out must have the integral 1 over the mesh, which must resolve it."
                )


def _positive_state(problem: OverV) -> np.ndarray:
    """A smooth positive density, zero at V_F where it must be, and scalars that are not zero."""
    y = np.full(problem.size, 0.1)
    width = problem.length
    for name in problem.field_names:
        z = (problem.nodes - problem.landings[0]) / width
        values = np.exp(-0.3 * z**2) * (1.3 + np.sin(2.0 * z))
        if problem.layout.tied[name] is not None:
            values = values * (1.0 - z)
        y[problem.layout.slice(name)] = values[: problem.layout.free(name)]
    return y


def _with_activity(equations: Any, y: np.ndarray, amount: float) -> np.ndarray:
    """y times a factor from which the largest algebraic scalar is about `amount`, or as much as there can be."""
    low, high = 1e-12, 1e6
    for _ in range(30):
        middle = float(np.sqrt(low * high))
        try:
            enough = float(np.abs(_scalars(equations, middle * y)).max(initial=0.0)) >= amount
        except Infeasible:
            enough = True
        low, high = (low, middle) if enough else (middle, high)
        if high < 1.5 * low:
            break
    return low * y


def _scalars(equations: Any, y: np.ndarray) -> list[float]:
    s = equations.solve(0.0, y)[0]
    return [float(getattr(s, name)) for name in equations.algebraic]


def parameters_of_sources(model: Any, weak_form: WeakForm) -> frozenset[str]:
    """Parameters that the user's coefficients of sources, reactions and scalars read, unless all is felif's own."""
    read: set[str] = set()
    values = {u.name: 0.37 for u in (*weak_form.scalars, *weak_form.inputs)}
    m = parameters_of(model)

    class Recorded:
        def __getattr__(self, name: str) -> Any:
            read.add(name)
            return getattr(m, name)

    for term in weak_form.terms:
        if term.coefficient is None or is_own(term.coefficient):
            continue
        if term.of is None or term.into != term.of or np.any(probe(term, places_of(model, weak_form, term.over)[0])[2]):
            term.coefficient(SimpleNamespace(**values), Recorded())
    return frozenset(read)


def require_as_before(old: WeakForm, new: Any, weak_form: WeakForm, parameters: Any) -> None:
    """ValueError where other parameters change a form, which stays as assembled, or what the terms conserve."""
    kind = type(new.model).__name__
    if weak_form is not old and (changed := changed_form(old, weak_form, new.model)) is not None:
        names = " or ".join(map(repr, parameters))
        raise ValueError(
            f"parameter {names} of {kind} is read by a form, that of the term {changed!r}, which is assembled once: "
            "read it in a coefficient as m.<name>, or declare it by fixed(...)"
        )
    if not new._assembled.in_sources.isdisjoint(parameters):
        require_conserved(new)
