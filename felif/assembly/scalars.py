"""The scalars' own small system: g(N; y, t) = 0 for the algebraic scalars, given y, inputs and parameters.

For one scalar N and coefficients affine in it, g = f0.n - (1 - f1.n) N, so N = f0.n / (1 - f1.n) is an explicit
function of n; 1 - f1.n <= 0 is blow-up (Infeasible). Other models take Newton's method with complex-step derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.identity import is_own
from ..given.inputs import input_value
from ..given.parameters import Parameters
from ..problem import Infeasible
from ..translation.coefficients import STEP
from .explicit import ExplicitSystem

_NEWTON_STEPS = 40
_SIZES = np.array([0.0, 1e-3, 0.03, 0.2, 0.6, 1.2, 2.4, 3.3, 5.1, 9.0, 27.0, 120.0, 1e3, 1e5])

Past = Callable[[str, float], float]  # (name of a scalar, time) -> its value then


class ScalarEquations:
    """Solves for the algebraic scalars of one problem and knows every coefficient's value and slopes there."""

    def __init__(self, model: Any, assembled: Any, m: Parameters, history: Past | None = None) -> None:
        weak_form, layout = assembled.weak_form, assembled.layout
        self.m, self._terms = m, weak_form.terms
        self.operator, self._varying = assembled.operator(m)
        self.algebraic, self.names = layout.algebraic, (*layout.algebraic, *layout.differential)
        self._number = len(layout.algebraic)
        self._differential = tuple((name, layout.offsets[name]) for name in layout.differential)
        self._is_integral = [s.algebraic == "integral" for s in weak_form.scalars if s.algebraic]
        self.inputs: dict[str, Callable[[float], float]] = {}
        self.driven: dict[str, Callable[[float], Any]] = {}  # parameters that are functions of t, as the user gave them
        self._constants: dict[str, float] = {}
        # scalar -> (delayed input, factor): what that input is of the scalar at rest, for want of a history
        self._delayed: dict[str, tuple[tuple[str, float], ...]] = {}
        self._history, self._lags = history, dict[str, tuple[str, float]]()
        for given in weak_form.inputs:
            value = getattr(model, given.parameter)
            if given.of is not None and history is None:
                source, factor = (given.of, 1.0) if given.held is None else (given.held, 1.0 / float(value))
                self._delayed[source] = (*self._delayed.get(source, ()), (given.name, factor))
            elif given.of is not None:
                self._lags[given.name] = given.of, float(value)
                self.inputs[given.name] = lambda t, of=given.of, delay=float(value): history(of, t - delay)
            elif callable(value):
                self.driven[given.parameter] = value
                self.inputs[given.name] = partial(input_value, given.parameter, value)
            else:
                self._constants[given.name] = float(value)
        self._input_names = tuple(i.name for i in weak_form.inputs)
        self._affine = self._number > 0 and self.operator.affine and self._find_affine()
        self.empty_slope = self._slope_of_the_empty_network(layout.size)
        #: where N is an explicit function of n alone, the system in closed form
        self.explicit: ExplicitSystem | None = None
        if self._affine and self._number == 1 and not self.inputs and not self._differential:
            self.explicit = ExplicitSystem.of(
                self.operator, self._constant, self._rate_slopes, self._own_slope, self.empty_slope
            )

    # values -----------------------------------------------------------------------------------------------------

    def known(self, t: float, y: np.ndarray) -> SimpleNamespace:
        """Namespace `s` with inputs and differential scalars, the algebraic ones to come."""
        s = SimpleNamespace(**self._constants)
        for name, function in self.inputs.items():
            setattr(s, name, self._input(name, function, t))
        for name, place in self._differential:
            self.assign(s, name, float(y[place]))
        return s

    def assign(self, s: SimpleNamespace, name: str, value: complex) -> None:
        """s.name = value, and what a delayed input is at rest for as long as nothing is known of the past."""
        setattr(s, name, value)
        for other, factor in self._delayed.get(name, ()):
            setattr(s, other, factor * value)

    @staticmethod
    def _input(name: str, function: Callable[[float], float], t: float) -> float:
        value = function(t)
        if value - value != 0.0:  # a past that is not finite
            raise Infeasible(f"input {name} is {value!r} at t = {t!r}")
        return value

    def coefficients(self, t: float, y: np.ndarray) -> list[float]:
        """Values of the varying coefficients at the scalars of y."""
        return self._affine_solution(t, y)[2] if self._affine and self._number == 1 else self.solve(t, y)[1]

    def solve(self, t: float, y: np.ndarray) -> tuple[SimpleNamespace, list[float], Any, float]:
        """(s with every scalar, coefficients, what g needs of y, det(-dg/dN)). Raises Infeasible."""
        s = self.known(t, y)
        if self._affine and self._number == 1:
            value, slope, c = self._affine_solution(t, y)
            self.assign(s, self.names[0], value)
            return s, c, self.operator.prepare(y), slope
        prepared = self.operator.prepare(y)
        newton = self._newton_for_one if self._number == 1 else self._newton
        determinant = newton(s, prepared) if self._number else 1.0
        m = self.m
        return s, [c(s, m) for c in self._varying], prepared, determinant

    def _affine_solution(self, t: float, y: np.ndarray) -> tuple[float, float, list[float]]:
        """(N, -dg/dN, coefficients) where every coefficient is constant + slope N + (part of I and R)."""
        offset = self._constant
        for name, function in self.inputs.items():
            value = self._input(name, function, t)
            offset = [o + value * k for o, k in zip(offset, self._slopes[name], strict=True)]
        for name, place in self._differential:
            value = float(y[place])
            offset = [o + value * k for o, k in zip(offset, self._slopes[name], strict=True)]
        prepared = self.operator.prepare(y)
        g, slope = prepared[0], self._own_slope
        for o, k, p in zip(offset, self._rate_slopes, prepared[1:], strict=True):
            g += o * p
            slope -= k * p
        if not slope > 0.0:
            raise self._infeasible(slope)
        value = g / slope
        return value, slope, [o + k * value for o, k in zip(offset, self._rate_slopes, strict=True)]

    def input_at(self, name: str, times: np.ndarray) -> np.ndarray:
        """Values of an input at many times. Raises Infeasible."""
        if name in self._lags and (many := getattr(self._history, "many", None)) is not None:
            of, delay = self._lags[name]
            return many(of, times - delay)
        return np.array([self._input(name, self.inputs[name], t) for t in times.tolist()])

    def require_solvable(self, own: np.ndarray) -> None:
        """Raises Infeasible unless the equations of the algebraic scalars have solutions, dg/dN (points, ...) given."""
        slopes = np.linalg.det(-own)
        good = slopes > 0
        if self._number > 1:
            good &= (np.linalg.eigvals(-own).real > 0).all(axis=1)
        if not good.all():
            raise self._infeasible(float(slopes[np.argmin(good)]))

    def of_many(self, times: np.ndarray, states: np.ndarray) -> SimpleNamespace:
        """`s` at many states, an array for every scalar and input. Raises Infeasible."""
        s = SimpleNamespace(**{name: np.full(len(times), value) for name, value in self._constants.items()})
        if not (self._affine and self._number == 1):
            each = [self.solve(t, y)[0] for t, y in zip(times.tolist(), states, strict=True)]
            names = vars(each[0]) if each else self.names
            return SimpleNamespace(**{name: np.array([getattr(one, name) for one in each]) for name in names})
        offset = np.array(self._constant)
        for name in self.inputs:
            setattr(s, name, self.input_at(name, times))
            offset = offset + np.outer(getattr(s, name), self._slopes[name])
        for name, place in self._differential:
            self.assign(s, name, states[:, place])
            offset = offset + np.outer(states[:, place], self._slopes[name])
        prepared = states @ self.operator.rows[:, 0].T + self.operator.numbers[:, 0]
        g = prepared[:, 0] + (offset * prepared[:, 1:]).sum(axis=1)
        slope = self._own_slope - prepared[:, 1:] @ self._rate_slopes
        if not (slope > 0).all():
            raise self._infeasible(float(slope[np.argmin(slope > 0)]))
        self.assign(s, self.names[0], g / slope)
        return s

    def _infeasible(self, slope: float, s: SimpleNamespace | None = None) -> ArithmeticError:
        names = ", ".join(self.algebraic)
        if slope == slope:
            return Infeasible(f"no {names} satisfies its equation: 1 - f1.n = {slope / self.empty_slope:.3g}")
        values = {} if s is None else {name: getattr(s, name).real for name in self.algebraic}
        for term in self._terms if s is not None else ():
            if term.coefficient in self._varying and not np.isfinite(complex(term.coefficient(s, self.m))):
                where = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
                return FloatingPointError(f"the coefficient of {term.name!r} is not finite at {where}")
        return FloatingPointError(f"the equation of {names} is not finite")

    def _newton(self, s: SimpleNamespace, prepared: Any) -> float:
        """Sets the algebraic scalars, from 0 upwards (g is convex in them), and returns det(-dg/dN)."""
        values, previous = np.zeros(self._number), np.inf
        for _ in range(_NEWTON_STEPS):
            self._set(s, values)
            g, slopes = np.array(self.residual(s, prepared)), self.residual_slopes(s, prepared)
            determinant = float(np.linalg.det(-slopes))
            if not (determinant > 0 and np.all(np.linalg.eigvals(-slopes).real > 0)):
                raise self._infeasible(determinant, s)
            change = -np.linalg.solve(slopes, g)
            values = values + change
            relative = float(np.max(np.abs(change) / np.maximum(np.abs(values), 1e-300)))
            if self._affine or relative <= 1e-15 or relative >= previous < 1e-12:
                self._set(s, values)
                return determinant
            previous = relative
        raise Infeasible(f"no {', '.join(self.algebraic)} found (last relative change {relative:.3g})")

    def _newton_for_one(self, s: SimpleNamespace, prepared: Any) -> float:
        """The same for one scalar: g and its slope from one complex step."""
        name, value, previous = self.algebraic[0], 0.0, np.inf
        for _ in range(_NEWTON_STEPS):
            self.assign(s, name, complex(value, STEP))
            g = complex(self.residual(s, prepared)[0])
            slope = -g.imag / STEP
            if not slope > 0.0:
                raise self._infeasible(slope, s)
            change = g.real / slope
            value += change
            relative = abs(change) / max(abs(value), 1e-300)
            if self._affine or relative <= 1e-15 or relative >= previous < 1e-12:
                self.assign(s, name, value)
                return slope
            previous = relative
        raise Infeasible(f"no {name} found (last relative change {relative:.3g})")

    def _set(self, s: SimpleNamespace, values: np.ndarray) -> None:
        for name, value in zip(self.algebraic, values.tolist(), strict=True):
            self.assign(s, name, value)

    # equations and slopes ---------------------------------------------------------------------------------------

    def residual(self, s: SimpleNamespace, prepared: Any) -> list[complex]:
        """g, one number an algebraic scalar."""
        m = self.m
        g = self.operator.residual(prepared, [c(s, m) for c in self._varying])
        return [
            value - getattr(s, name) if integral else value
            for value, integral, name in zip(g, self._is_integral, self.algebraic, strict=True)
        ]

    def residual_slopes(self, s: SimpleNamespace, prepared: Any) -> np.ndarray:
        """dg/d(algebraic scalars), by complex steps."""
        slopes = np.empty((self._number, self._number))
        for j, name in enumerate(self.algebraic):
            value = getattr(s, name)
            self.assign(s, name, complex(value, STEP))
            slopes[:, j] = np.imag(self.residual(s, prepared)) / STEP
            self.assign(s, name, value)
        return slopes

    def coefficient_slopes(self, s: SimpleNamespace, name: str) -> list[float]:
        """dc/d(scalar or input) of the varying coefficients."""
        if self._affine:
            return self._slopes[name]
        value, m = getattr(s, name), self.m
        self.assign(s, name, complex(value, STEP))
        slopes = [complex(c(s, m)).imag / STEP for c in self._varying]
        self.assign(s, name, value)
        return slopes

    def at(self, s: SimpleNamespace) -> list[float]:
        """The varying coefficients for a given `s`."""
        return [c(s, self.m) for c in self._varying]

    def own_slopes(self) -> np.ndarray:
        """The part -1 of dg/dN of scalars that are integrals, as a diagonal matrix to subtract."""
        return np.diag(np.array(self._is_integral, float))

    def affine_form(self) -> tuple[list[float], dict[str, list[float]]] | None:
        """(constant parts, slopes by scalar and input) of the varying coefficients, where all are affine in those."""
        return (self._constant, self._slopes) if self._affine else None

    # what kind of system this is --------------------------------------------------------------------------------

    def point(self, rate: float) -> SimpleNamespace:
        """`s` with every algebraic scalar equal to `rate`, inputs that are constant, and everything else 0."""
        s = SimpleNamespace(**{**dict.fromkeys((*self._input_names, *self.names), 0.0), **self._constants})
        for name in self.algebraic:
            self.assign(s, name, rate)
        return s

    def nothing(self) -> SimpleNamespace:
        """`s` with everything equal to 0."""
        return self._point(0.0)

    def _point(self, value: float) -> SimpleNamespace:
        return SimpleNamespace(**dict.fromkeys((*self._input_names, *self.names), value))

    def _find_affine(self) -> bool:
        """Whether every coefficient is affine in all scalars and inputs; sets their constants and slopes if so."""
        self._affine = False
        names = (*self.names, *self._input_names)
        tables = []
        for value in (0.37, 1.9):
            s = self._point(value)
            tables.append({name: self.coefficient_slopes(s, name) for name in names})
        if any(tables[0][name] != tables[1][name] for name in names):
            return False
        self._slopes = tables[0]
        self._constant = [float(c) for c in self.at(self._point(0.0))]
        if not all(map(is_own, self._varying)) and not self._affine_everywhere(names):
            return False
        for name, value in self._constants.items():
            self._constant = [o + value * k for o, k in zip(self._constant, self._slopes[name], strict=True)]
        self._rate_slopes, self._own_slope = self._slopes[self.names[0]], float(self._is_integral[0])
        return True

    def _affine_everywhere(self, names: tuple[str, ...]) -> bool:
        """Whether constants and slopes give a user's coefficients at all sizes of the scalars and inputs."""
        signs = np.where(np.arange(len(_SIZES)) % 2, -1.0, 1.0)
        points = [
            np.roll(_SIZES * (signs if name in self._input_names else 1.0), 5 * k) for k, name in enumerate(names)
        ]
        rows = [self._coefficients_at(dict(zip(names, row, strict=True))) for row in np.array(points).T.tolist()]
        expected, sizes = np.tile(self._constant, (len(_SIZES), 1)), np.tile(np.abs(self._constant), (len(_SIZES), 1))
        for name, values in zip(names, points, strict=True):
            parts = np.outer(values, self._slopes[name])
            expected, sizes = expected + parts, sizes + np.abs(parts)
        return bool(np.all(np.abs(np.array(rows) - expected) <= 1e-12 * sizes))

    def _coefficients_at(self, values: dict[str, float]) -> list[float]:
        try:
            return [float(c) for c in self.at(SimpleNamespace(**values))]
        except (ArithmeticError, ValueError, TypeError):  # not so large, or not of that sign
            return [np.nan] * len(self._varying)

    def _slope_of_the_empty_network(self, size: int) -> float:
        if not self._number:
            return 1.0
        slopes = self.residual_slopes(self._point(0.0), self.operator.prepare(np.zeros(size)))
        return float(-slopes[0, 0] if self._number == 1 else np.linalg.det(-slopes))
