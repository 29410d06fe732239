"""check_model: is a model's weak form linear, differentiable, conservative, and are its parameters what they say?

For the package's own models and for those of users: run it once in a test of every model that is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..assembly import ExponentialFitting, Lagrange, SpectralElement, discretize
from ..given.arguments import SEED, checked
from ..given.differences import central, forward
from ..given.parameters import fixed_parameters
from ..given.text import model_text
from ..meshing import interval
from ..problem import Infeasible, Problem
from ..translation import has_equations, is_fast, weak_form_of
from ..translation.weak_form import WeakForm
from .checks_of_terms import CheckFailed, check_terms, require_frozen, value_tested
from .checks_over_planes import check_planes
from .findings import Check, ModelReport
from .tuning import CHECKS

__all__ = ["Check", "CheckFailed", "ModelReport", "check_model"]

_SPACES = (SpectralElement(4), Lagrange(2), ExponentialFitting())


@checked(seed=SEED)
def check_model(model: Any, *, seed: int = 0) -> ModelReport:
    """Checks a model's weak form and everything `discretize` derives from it, at random states of small problems.

    Every form is linear in its field and test function; every coefficient is an analytic function (complex step
    against real differences); on SpectralElement, Lagrange and (where the forms allow) ExponentialFitting the
    algebraic scalars satisfy their equations, the Jacobian and the derivatives in parameters, scalars and time agree
    with differences, F = A(s) y, declared quantities are conserved, and `problem.at` is the same as discretising again.
    Over (v, w), on Tensor (accurate and positive) and Triangles: totals are the integrals of their lines, what a step
    treats implicitly and what it does not add up to F and both conserve, linear solves solve.

    Parameters
    ----------
    model : model
        felif's own or a user's.
    seed : int
        Of the random states.

    Returns
    -------
    ModelReport
        What was checked, and in `.skipped` what was not.

    Raises
    ------
    CheckFailed
        A ValueError, naming the term, parameter or quantity and the numbers found.

    Examples
    --------
    >>> import felif as fl
    >>> report = fl.testing.check_model(fl.NoisyLIF(b=0.5))
    >>> all(check.found <= check.allowed for check in report.checks)
    True
    """
    require_frozen(model)
    if not has_equations(model):
        raise CheckFailed(f"{type(model).__name__} has no method equations()")
    try:
        fast = is_fast(model)
    except ValueError as error:
        raise CheckFailed(str(error)) from error
    if not fast:
        return _report_on_equations(model, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str, str], Check] = {}
    weak_form, skipped = _require_model(model), []
    for kind, subject, *numbers in check_terms(model, weak_form, rng):
        _record(found, Check(kind, subject, "", *numbers))
    if weak_form.lines:
        for check in check_planes(model, rng):
            _record(found, Check(*check))
        return ModelReport(model, tuple(found.values()), ())
    mesh = interval(model, v_min=float(9 * model.v_reset - 8 * model.v_fire), cells=8)
    for space in _SPACES:
        name = type(space).__name__
        try:
            problem = discretize(model, mesh, space=space)
        except ValueError as error:
            if not isinstance(space, ExponentialFitting):
                raise CheckFailed(f"{type(model).__name__} cannot be discretised with {space}: {error}") from error
            skipped += [f"{name}: {error}"]
            continue
        for kind, subject, *numbers in (checks := _Checks(model, mesh, space, problem, rng)).all():
            _record(found, Check(kind, subject, name, *numbers))
        skipped += [f"{name}: {reason}" for reason in checks.skipped]
    return ModelReport(model, tuple(found.values()), tuple(skipped))


def _report_on_equations(model: Any, rng: np.random.Generator) -> ModelReport:
    from ..systems.checking import check_equations as check

    require_frozen(model)
    try:
        checks = list(check(model, SpectralElement(4), rng))
    except ValueError as error:
        raise CheckFailed(f"{type(model).__name__} cannot be discretised: {error}") from error
    found: dict[tuple[str, str, str], Check] = {}
    for kind, subject, *numbers in checks:
        _record(found, Check(kind, subject, "", *numbers))
    return ModelReport(model, tuple(found.values()), ())


def _record(found: dict[tuple[str, str, str], Check], check: Check) -> None:
    if not check.found <= check.allowed:
        where = f" on {check.space}" if check.space else ""
        raise CheckFailed(
            f"{check.kind} {check.subject}{where}: defect {check.found:.3g}, allowed is {check.allowed:.0e}"
        )
    key = (check.kind, check.subject, check.space)
    if key not in found or not check.found <= found[key].found:
        found[key] = check


def _require_model(model: Any) -> WeakForm:
    kind = require_frozen(model)
    for name in ("v_reset", "v_fire"):
        if name not in {f.name for f in dataclasses.fields(model)}:
            raise CheckFailed(f"{kind} has no parameter {name!r}, on which every mesh has a node")
        if name not in fixed_parameters(model):
            raise CheckFailed(f"{kind}: {name!r} shapes the mesh; declare it by fixed(...)")
    weak_form = weak_form_of(model)
    for given in weak_form.inputs:
        if not hasattr(model, given.parameter):
            raise CheckFailed(f"Input {given.name!r} is the parameter {given.parameter!r}, which {kind} does not have")
    return weak_form


Defects = Iterator[tuple[str, str, float, float]]


class _Checks:
    """Everything that is looked at on one space, as (kind, subject, defect, allowed)."""

    def __init__(self, model: Any, mesh: Any, space: Any, problem: Problem, rng: np.random.Generator) -> None:
        self.model, self.mesh, self.space, self.problem, self.rng = model, mesh, space, problem, rng
        self.skipped: list[str] = []
        self.t = 0.3

    def all(self) -> Defects:
        for _ in range(CHECKS.states):
            y = self._state()
            yield from self._scalars(y)
            yield from self._derivatives(y)
            yield from self._conserved(y)
            yield from self._parameters(y)
            yield from self._time(y)
        yield from self._linear(y)
        self._fixed()

    def _state(self) -> np.ndarray:
        """Smooth positive densities, zero at V_F, scaled down until a firing rate exists; scalars between 0 and 1/2."""
        problem, rng = self.problem, self.rng
        y = np.zeros(problem.size)
        nodes, low, high = problem.nodes, problem.cells[0], problem.top
        width = problem.length
        for name in problem.field_names:
            x = (nodes - low) / (problem.cells[-1] - low)
            waves = 1 + sum(rng.uniform(-0.2, 0.2) * np.cos(k * np.pi * x + rng.uniform(0, 6)) for k in (1, 2, 3))
            tied = problem.layout.tied[name] is not None
            shape = -np.expm1(-(((high - nodes) / width) ** 2)) if tied else np.exp(-(((nodes - high) / width) ** 2))
            place = problem.layout.slice(name)
            y[place] = (0.2 * waves * shape / width)[: place.stop - place.start]
        for name in problem.layout.differential:
            y[problem.layout.offsets[name]] = rng.uniform(0.1, 0.5)
        for _ in range(40):
            if problem.margin(self.t, y) > 0.3:
                return y
            y *= 0.5
        raise CheckFailed(
            f"{model_text(self.model)}: no value of {problem.scalar_names} satisfies its equation, however small n is"
        )

    # what is computed from y -------------------------------------------------------------------------------------

    def _scalars(self, y: np.ndarray) -> Defects:
        """The equations of the algebraic scalars, by a quadrature of the terms that shares no code with the problem."""
        problem, s = self.problem, self.problem.namespace(self.t, y)
        slope = problem.mass.solve(problem.rate(self.t, y))
        for scalar in problem.weak_form.scalars:
            if scalar.algebraic == "integral":
                terms = [t for t in problem.weak_form.terms if t.into == scalar.name]
                summands = [value_tested(problem, t, s, y, None) for t in terms]
                defect = abs(getattr(s, scalar.name) - sum(summands))
                scale = sum(map(abs, summands)) + 1e-300
                yield "equation of scalar", scalar.name, defect / scale, CHECKS.rounding
            elif scalar.algebraic == "flux" and not isinstance(self.space, ExponentialFitting):
                # tested with v, which does not vanish at V_F: d/dt int v n = sum of terms only for the right flux
                terms = [t for t in problem.weak_form.terms if t.into == scalar.of]
                summands = [value_tested(problem, t, s, y, (lambda v: v, 1.0)) for t in terms]
                defect = abs(self._first_moment(scalar.of, slope) - sum(summands))
                scale = max(map(abs, summands)) + 1e-300
                yield "equation of scalar", scalar.name, defect / scale, CHECKS.rounding

    def _first_moment(self, field: str, slope: np.ndarray) -> float:
        """d/dt int v n for the slope dy/dt."""
        problem = self.problem
        place = problem.layout.slice(field)
        moment = float(problem.nodes[: place.stop - place.start] @ (problem.mass @ slope)[place])
        row = problem.tied_row(field)
        return moment if row is None else moment + problem.top * float(row @ slope)

    def _derivatives(self, y: np.ndarray) -> Defects:
        problem, t = self.problem, self.t
        change = y * self.rng.uniform(-1, 1, problem.size)
        along = lambda x: problem.rate(t, y + x * change)
        yield "Jacobian", "", _defect(problem.jacobian(t, y) @ change, _central(along, 1e-3)), CHECKS.differences
        if problem.scalar_names:
            along = lambda x: problem.scalars(t, y + x * change)
            defect = _defect(problem.scalar_gradient(t, y) @ change, _central(along, 1e-3))
            yield "scalar_gradient", "", defect, CHECKS.differences

    def _conserved(self, y: np.ndarray) -> Defects:
        slope = self.problem.mass.solve(self.problem.rate(self.t, y))
        for name, weights in self.problem.conserved.items():
            defect = abs(weights @ slope) / (np.abs(weights) @ np.abs(slope) + 1e-300)
            yield "conserved", name, defect, CHECKS.rounding

    def _linear(self, y: np.ndarray) -> Defects:
        problem, t = self.problem, self.t
        rate = problem.rate(t, y)
        try:
            frozen = problem.linear_at(t, problem.scalars(t, y))
        except ValueError as error:
            self._skip(str(error))
            return
        yield "F = A(s) y", "", _defect(frozen @ y, rate, problem.jacobian(t, y).band @ y), CHECKS.rounding

    # parameters and time -----------------------------------------------------------------------------------------

    def _parameters(self, y: np.ndarray) -> Defects:
        problem, t = self.problem, self.t
        for name in _numeric(self.model):
            value = float(getattr(self.model, name))
            step = 1e-3 * max(abs(value), 0.1)
            accepted = _accepted(self.model, name, [value - 2 * step, value + 4 * step])
            along = lambda x, name=name, value=value: problem.at(**{name: value + x}).rate(t, y)
            if not accepted[1]:
                continue
            try:
                problem.at(**{name: value + step})
            except ValueError as error:
                other = weak_form_of(dataclasses.replace(self.model, **{name: value + step}))
                if other.unknowns == problem.weak_form.unknowns:
                    raise CheckFailed(str(error)) from error
                self._skip(str(error))  # another value of this parameter is another set of unknowns
                continue
            differences = _central(along, step) if accepted[0] else forward(along, step)
            derivative = problem.parameter_derivative(t, y, name)
            scale = problem.rate(t, y) / max(abs(value), 1.0)
            yield "parameter_derivative", name, _defect(derivative, differences, scale), CHECKS.differences
            again = discretize(dataclasses.replace(self.model, **{name: value + step}), self.mesh, space=self.space)
            defect = _defect(along(step), again.rate(t, y))
            yield "at", name, defect, CHECKS.rounding

    def _time(self, y: np.ndarray) -> Defects:
        smooth = lambda t: 0.4 + 0.3 * np.sin(2 * t)
        for given in self.problem.weak_form.inputs:
            if given.of is not None:  # what the network did a delay ago
                driven = self.problem.with_history(lambda of, t: smooth(t))
            else:
                try:
                    driven = self.problem.at(**{given.parameter: smooth})
                except (ValueError, TypeError):
                    self._skip(f"{given.name}(t): the parameter {given.parameter!r} takes no functions")
                    continue
            derivative = driven.time_derivative(self.t, y, 1e-3)
            differences = _central(lambda x, driven=driven: driven.rate(self.t + x, y), 1e-3)
            yield "time_derivative", given.name, _defect(derivative, differences), CHECKS.differences

    def _fixed(self) -> None:
        for name in fixed_parameters(self.model):
            try:
                self.problem.at(**{name: getattr(self.model, name)})
            except ValueError:
                continue
            raise CheckFailed(f"problem.at accepts {name!r}, which is fixed")

    def _skip(self, reason: str) -> None:
        if reason not in self.skipped:
            self.skipped.append(reason)


def _numeric(model: Any) -> list[str]:
    """Parameters that are numbers and not fixed."""
    names = [f.name for f in dataclasses.fields(model) if f.name not in fixed_parameters(model)]
    values = {name: getattr(model, name) for name in names}
    return [name for name in names if isinstance(values[name], int | float) and not isinstance(values[name], bool)]


def _accepted(model: Any, name: str, values: list[float]) -> list[bool]:
    """Which values of a parameter the model's own checks let pass."""
    result = []
    for value in values:
        try:
            dataclasses.replace(model, **{name: value})
        except ValueError:
            result.append(False)
        else:
            result.append(True)
    return result


def _central(function: Callable[[float], np.ndarray], step: float) -> np.ndarray:
    try:
        return central(function, step)
    except Infeasible as error:
        raise CheckFailed(f"no firing rate exists next to a state where one does: {error}") from error


def _defect(one: np.ndarray, other: np.ndarray, scale: np.ndarray | None = None) -> float:
    """Largest difference, relative to the largest entry."""
    sizes = [np.abs(one).max(initial=0.0), np.abs(other).max(initial=0.0)]
    sizes += [] if scale is None else [np.abs(scale).max(initial=0.0)]
    return float(np.abs(one - other).max(initial=0.0) / (max(sizes) + 1e-300))
