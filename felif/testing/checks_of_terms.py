"""Terms of a weak form looked at one by one: forms are linear, coefficients are analytic."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from skfem.element import DiscreteField

from .. import spaces
from ..algebra import gauss
from ..assembly.analytic import RANGES, not_analytic
from ..assembly.language import nonlinearity, places_of
from ..assembly.tuning import LANGUAGE
from ..given.parameters import Parameters, fixed_parameters, parameters_of
from ..problem import Problem
from ..translation.weak_form import CELLS, Term, WeakForm


class CheckFailed(ValueError):
    """A model is not what it must be; the message names the term or parameter and the numbers found.

    Examples
    --------
    >>> import felif as fl
    >>> issubclass(fl.testing.CheckFailed, ValueError)
    True
    """


def check_terms(model: Any, weak_form: WeakForm, rng: np.random.Generator) -> Iterator[tuple[str, str, float, float]]:
    """(kind, name, defect, allowed) for every form and coefficient."""
    for term in weak_form.terms:
        if term.form is not None:
            yield "form linear", term.name, _nonlinearity(model, weak_form, term), LANGUAGE.linear
    for term in weak_form.terms:
        if term.coefficient is not None:
            yield "coefficient analytic", term.name, _check_coefficient(model, weak_form, term, rng), LANGUAGE.analytic


# forms -----------------------------------------------------------------------------------------------------------


def _nonlinearity(model: Any, weak_form: WeakForm, term: Term) -> float:
    """Relative defect of form(a u + b w) = a form(u) + b form(w), in the field and in the test function."""
    try:
        return nonlinearity(weak_form, term, places_of(model, weak_form, term.over))
    except ValueError as error:
        raise CheckFailed(str(error)) from error
    except Exception as error:
        raise CheckFailed(f"Term {term.name!r}: its form cannot be evaluated: {error}") from error


# coefficients ----------------------------------------------------------------------------------------------------


def _check_coefficient(model: Any, weak_form: WeakForm, term: Term, rng: np.random.Generator) -> float:
    ranges = {s.name: RANGES["algebraic" if s.algebraic else "differential"] for s in weak_form.scalars}
    ranges |= {i.name: RANGES["input"] for i in weak_form.inputs}
    place = {"w": rng.uniform(float(model.w_min), float(model.w_max))} if weak_form.lines else {}
    worst = 0.0
    for name, (low, high) in ranges.items():
        others = {other: rng.uniform(*span) for other, span in ranges.items()} | place

        def along(z: complex, name: str = name, others: dict = others) -> Any:
            return term.coefficient(_Reading(term, {**others, name: z}), _parameters(model, term))

        worst = max(worst, _not_analytic(term, f"s.{name}", along, low, high))
    for name, (low, high) in _parameter_ranges(model).items():
        s = {other: rng.uniform(*span) for other, span in ranges.items()} | place

        def along(z: complex, name: str = name, s: dict = s) -> Any:
            return term.coefficient(_Reading(term, s), _parameters(model, term, **{name: z}))

        worst = max(worst, _not_analytic(term, f"m.{name}", along, low, high))
    return worst


class _Reading(SimpleNamespace):
    """The scalars a coefficient reads, with an error that names the term."""

    def __init__(self, term: Term, values: dict[str, complex]) -> None:
        super().__init__(**values)
        self.__dict__["_term"] = term

    def __getattr__(self, name: str) -> Any:
        known = ", ".join(key for key in self.__dict__ if key != "_term")
        raise CheckFailed(f"Term {self._term.name!r} reads s.{name}, which is no scalar or input; there are: {known}")


def _parameters(model: Any, term: Term, **changed: complex) -> Parameters:
    class Named(Parameters):
        def __getattr__(self, name: str) -> Any:
            raise CheckFailed(f"Term {term.name!r} reads m.{name}, which {type(model).__name__} does not have")

    return Named(**{**vars(parameters_of(model)), **changed})


def _parameter_ranges(model: Any) -> dict[str, tuple[float, float]]:
    """For each numeric parameter that `at` may change, values around it that the model's own checks accept."""
    ranges = {}
    for f in dataclasses.fields(model):
        value = getattr(model, f.name)
        if f.name in fixed_parameters(model) or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        reach = 0.5 * abs(value) or 0.1
        ends = []
        for end in (value - reach, value + reach):
            try:
                dataclasses.replace(model, **{f.name: end})
            except ValueError:
                end = float(value)
            ends.append(end)
        if ends[0] < ends[1]:
            ranges[f.name] = (ends[0], ends[1])
    return ranges


def _not_analytic(term: Term, name: str, c: Callable[[complex], Any], low: float, high: float) -> float:
    """`not_analytic`, whatever the coefficient raises."""
    try:
        return not_analytic(term, name, c, low, high)
    except CheckFailed:
        raise
    except ValueError as error:
        raise CheckFailed(str(error)) from error
    except Exception as error:
        raise CheckFailed(
            f"Term {term.name!r}: its coefficient cannot be evaluated along {name}: {type(error).__name__}: {error}"
        ) from error


# one term tested with one function -------------------------------------------------------------------------------


def value_tested(problem: Problem, term: Term, s: Any, y: np.ndarray, test: tuple[Callable, float] | None) -> float:
    """coefficient x form of a term at the state y, tested with (function, its constant slope), or with nothing.

    Integrated over the cells as the problem does, by the space's quadrature, or for sources by Gauss's rule, so that
    identities hold to rounding.
    """
    c = 1.0 if term.coefficient is None else float(term.coefficient(s, problem.parameters))
    if term.form is None:
        return c
    mesh, cells = problem.mesh, problem.cells
    if term.over in (mesh.boundaries or {}):
        x = mesh.p[0, mesh.boundaries[term.over]]
        return c * float(np.sum(term.form(_function(test, x), x[None])))
    chosen = np.arange(len(cells) - 1) if term.over == CELLS else np.asarray(mesh.subdomains[term.over])
    rule = gauss(LANGUAGE.source_points) if term.of is None else spaces.quadrature(problem.space, problem.degree)
    points, weights = rule
    left, widths = cells[chosen, None], np.diff(cells)[chosen, None]
    x = left + widths * points
    arguments = [] if term.of is None else [_field(problem, term.of, y, chosen, points, widths)]
    arguments += [] if test is None else [_function(test, x)]
    value = np.broadcast_to(term.form(*arguments, x[None]), x.shape)
    return c * float(np.sum(value * weights * widths))


def _function(test: tuple[Callable, float], x: np.ndarray) -> DiscreteField:
    return DiscreteField(test[0](x), np.full_like(x, test[1])[None])


def _field(
    problem: Problem, name: str, y: np.ndarray, which: np.ndarray, points: np.ndarray, widths: np.ndarray
) -> DiscreteField:
    """Values and slopes of a field at points of [0, 1] in each of the cells `which`."""
    modes = spaces.modes(problem.degree, problem.full(name, y), which)
    at = 2 * points - 1
    values = modes @ legendre.legvander(at, modes.shape[1] - 1).T
    slopes = legendre.legval(at, legendre.legder(modes.T)) * 2 / widths
    return DiscreteField(values, slopes[None])


def require_frozen(model: Any) -> str:
    """The name of its class; CheckFailed for anything but an instance of a frozen dataclass."""
    kind = type(model).__name__
    if dataclasses.is_dataclass(model) and not isinstance(model, type) and model.__dataclass_params__.frozen:
        return kind
    raise CheckFailed(f"{model!r} is no frozen dataclass: write @dataclass(frozen=True) above class {kind}")
