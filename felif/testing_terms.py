"""Terms of a weak form looked at one by one: forms are linear, coefficients are analytic."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from skfem.element import DiscreteField

from .assembly import spaces
from .assembly.coefficients import STEP, Parameters, fixed_parameters, parameters_of
from .weakform import CELLS, Term, WeakForm

_RANGES = {"algebraic": (0.0, 4.0), "differential": (0.0, 1.0), "input": (-3.0, 3.0)}
_PIECES, _LEVELS = 8, 20  # of a scalar's range; how often one of them is halved in search of a kink
_ANALYTIC = 1e-8  # allowed defect of int c' = c(b) - c(a); Gauss's rule leaves less wherever c is smooth
_LINEAR = 1e-12


class CheckFailed(ValueError):
    """A model is not what it must be; the message names the term or parameter and the numbers found."""


def check_terms(model: Any, weak_form: WeakForm, rng: np.random.Generator) -> Iterator[tuple[str, str, float, float]]:
    """(kind, name, defect, allowed) for every form and coefficient."""
    for term in weak_form.terms:
        if term.form is not None:
            yield "form linear", term.name, _nonlinearity(model, weak_form, term, rng), _LINEAR
    for term in weak_form.terms:
        if term.coefficient is not None:
            yield "coefficient analytic", term.name, _check_coefficient(model, weak_form, term, rng), _ANALYTIC


# forms -----------------------------------------------------------------------------------------------------------


def _nonlinearity(model: Any, weak_form: WeakForm, term: Term, rng: np.random.Generator) -> float:
    """Relative defect of form(a u + b w) = a form(u) + b form(w), in the field and in the test function."""
    low, high = float(model.v_reset), float(model.v_fire)
    x = np.linspace(low, high, 9)[None] + (2 * (high - low) if term.over == "above" else 0.0)
    if weak_form.lines:
        x = np.stack([x[0], np.linspace(float(model.w_min), float(model.w_max), x.shape[1])])
    arguments = int(term.of is not None) + int(term.into in {f.name for f in weak_form.fields})
    pair = lambda: (rng.uniform(-1, 1, x.shape[1]), rng.uniform(-1, 1, x.shape))
    given = [pair() for _ in range(arguments)]
    worst = 0.0
    for place in range(arguments):
        u, w, (a, b) = pair(), pair(), rng.uniform(1, 2, 2)
        mixed = (a * u[0] + b * w[0], a * u[1] + b * w[1])
        values = []
        for argument in (mixed, u, w):
            fields = [*given[:place], argument, *given[place + 1 :]]
            try:
                value = term.form(*(DiscreteField(*f) for f in fields), x)
            except Exception as error:
                raise CheckFailed(f"Term {term.name!r}: its form cannot be evaluated: {error}") from error
            values.append(np.asarray(np.broadcast_to(value, x[0].shape), float))
        size = max(np.abs(v).max() for v in values) + 1e-300
        worst = max(worst, float(np.abs(values[0] - a * values[1] - b * values[2]).max() / size))
        if not worst <= _LINEAR:
            what = "field" if arguments == 2 and place == 0 or term.into not in _fields(weak_form) else "test function"
            raise CheckFailed(
                f"Term {term.name!r}: its form is not linear in its {what} (defect {worst:.3g}, relative). What is "
                "nonlinear must go through scalars, read by the coefficient."
            )
    return worst


def _fields(weak_form: WeakForm) -> set[str]:
    return {f.name for f in weak_form.fields}


# coefficients ----------------------------------------------------------------------------------------------------


def _check_coefficient(model: Any, weak_form: WeakForm, term: Term, rng: np.random.Generator) -> float:
    ranges = {s.name: _RANGES["algebraic" if s.algebraic else "differential"] for s in weak_form.scalars}
    ranges |= {i.name: _RANGES["input"] for i in weak_form.inputs}
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
    """Relative defect of c(b) - c(a) = int_a^b c', c' by complex steps; CheckFailed where it stays as b - a falls.

    abs, max and the like have no complex step or a wrong one; where a derivative jumps the defect does not fall.
    """
    ends = np.linspace(low, high, _PIECES + 1)
    worst = 0.0
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        for _ in range(_LEVELS):
            defect, differences, steps = _fundamental(term, name, c, a, b)
            if defect <= _ANALYTIC:
                break
            middle = (a + b) / 2  # into the worse half
            halves = [(a, middle), (middle, b)]
            a, b = max(halves, key=lambda half: _fundamental(term, name, c, *half)[0])
        else:
            raise CheckFailed(
                f"Term {term.name!r}: its coefficient is no analytic function of {name}: at {name} = {a:.6g} its "
                f"slope is {differences:.6g} by differences and {steps:.6g} by a complex step. Avoid abs, max, "
                "min, where, and functions that take real numbers only; smooth what has a kink."
            )
        worst = max(worst, defect)
    return worst


def _fundamental(term: Term, name: str, c: Callable[[complex], Any], a: float, b: float) -> tuple[float, float, float]:
    """(relative defect, mean slope by the difference of the end values, mean slope by complex steps) on [a, b]."""
    points, weights = spaces.gauss(8)
    values = [_value(term, name, c, float(x)).real for x in (a, b)]
    slopes = [_value(term, name, c, complex(a + (b - a) * x, STEP)).imag / STEP for x in points]
    differences, steps = (values[1] - values[0]) / (b - a), float(weights @ slopes)
    rounding = 1e-15 * max(map(abs, values)) / (b - a)
    size = max(abs(differences), max(map(abs, slopes))) + 1e-300
    return max(0.0, abs(differences - steps) - 4 * rounding) / size, differences, steps


def _value(term: Term, name: str, c: Callable[[complex], Any], x: complex) -> complex:
    kind = "complex" if isinstance(x, complex) else "real"
    try:
        value = complex(c(x))
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(
            f"Term {term.name!r}: its coefficient cannot be evaluated at {name} = {x:.6g} ({kind}): "
            f"{type(error).__name__}: {error}. It must be an analytic function of numbers; numpy's functions are."
        ) from error
    if not np.isfinite(value):
        raise CheckFailed(f"Term {term.name!r}: its coefficient is {value.real:g} at {name} = {x:.6g}")
    return value


# one term tested with one function -------------------------------------------------------------------------------


def value_tested(problem: Any, term: Term, s: Any, y: np.ndarray, test: tuple[Callable, float] | None) -> float:
    """coefficient x form of a term at the state y, tested with (function, its constant slope), or with nothing.

    Integrated over the cells with the space's own quadrature, so that identities hold to rounding.
    """
    c = 1.0 if term.coefficient is None else float(term.coefficient(s, problem.parameters))
    if term.form is None:
        return c
    mesh, cells = problem.mesh, problem.cells
    if term.over in (mesh.boundaries or {}):
        x = mesh.p[0, mesh.boundaries[term.over]]
        return c * float(np.sum(term.form(_function(test, x), x[None])))
    chosen = np.arange(len(cells) - 1) if term.over == CELLS else np.asarray(mesh.subdomains[term.over])
    total = 0.0
    for degree, alike, _ in spaces.alike(problem.degrees, len(cells) - 1):
        which = np.intersect1d(alike, chosen)
        points, weights = spaces.quadrature(problem.space, degree)
        left, widths = cells[which, None], np.diff(cells)[which, None]
        x = left + widths * points[0]
        arguments = [] if term.of is None else [_field(problem, term.of, y, which, points[0], widths)]
        arguments += [] if test is None else [_function(test, x)]
        value = np.broadcast_to(term.form(*arguments, x[None]), x.shape)
        total += float(np.sum(value * weights * widths))
    return c * total


def _function(test: tuple[Callable, float], x: np.ndarray) -> DiscreteField:
    return DiscreteField(test[0](x), np.full_like(x, test[1])[None])


def _field(
    problem: Any, name: str, y: np.ndarray, which: np.ndarray, points: np.ndarray, widths: np.ndarray
) -> DiscreteField:
    """Values and slopes of a field at points of [0, 1] in each of the cells `which`."""
    modes = spaces.modes(problem.degrees, problem.full(name, y), which)
    at = 2 * points - 1
    values = modes @ legendre.legvander(at, modes.shape[1] - 1).T
    slopes = legendre.legval(at, legendre.legder(modes.T)) * 2 / widths
    return DiscreteField(values, slopes[None])
