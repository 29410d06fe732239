"""Coefficients are analytic functions of scalars and parameters: complex steps against differences.

Every derivative that felif takes of a coefficient is one complex step. abs, max, .real and the like have none or a
wrong one, and nothing later on would notice.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import gauss
from ..given.fields import written_for
from ..given.parameters import Parameters, fixed_parameters, parameters_of
from ..translation.coefficients import STEP
from ..translation.weak_form import Term, WeakForm
from .tuning import LANGUAGE

RANGES = {"algebraic": (0.0, 4.0), "differential": (0.0, 1.0), "input": (-3.0, 3.0)}
PIECES = (8, 11)  # of a scalar's range, twice: Gauss's rule may by chance be right for a kink
_POINTS, _WEIGHTS = gauss(8)


def require_analytic(model: Any, weak_form: WeakForm, term: Term) -> None:
    """ValueError, naming the term, unless its coefficient is a finite number with derivatives by complex steps."""
    m = parameters_of(model)
    ranges = {s.name: RANGES["algebraic" if s.algebraic else "differential"] for s in weak_form.scalars}
    values = {name: 0.3 * high for name, (_, high) in ranges.items()}
    for given in weak_form.inputs:
        value = getattr(model, given.parameter)
        values[given.name] = 0.37 if given.of is not None or callable(value) else float(value)
        if given.of is not None:
            ranges[given.name] = RANGES["algebraic"]
    if any(len(field.over) == 2 for field in weak_form.fields):
        values["w"] = np.linspace(float(model.w_min), float(model.w_max), LANGUAGE.weights)[:, None]
    read = _Reading(term, values)
    with written_for(term.name, "coefficient"):
        found = _number(term, term.coefficient(read, m), "")
    if found.ndim and "w" not in values:
        raise ValueError(f"Term {term.name!r}: its coefficient has the shape {found.shape}; allowed is a number")
    for name in read.names:
        if name in ranges:
            along = lambda z, name=name: term.coefficient(SimpleNamespace(**{**values, name: z}), m)
            not_analytic(term, f"s.{name}", along, *ranges[name])
    for name, value in vars(m).items():
        if name not in fixed_parameters(model) and isinstance(value, int | float) and not isinstance(value, bool):
            _require_slope(term, values, m, name, float(value))


class _Reading:
    """`s` with these values, which remembers what is read."""

    def __init__(self, term: Term, values: dict[str, Any]) -> None:
        self.__dict__.update(_term=term, _values=values, names=[])

    def __getattr__(self, name: str) -> Any:
        if name not in self._values:
            raise ValueError(
                f"Term {self._term.name!r} reads s.{name}, which is no scalar or input. "
                f"There are: {', '.join(self._values)}."
            )
        if name not in self.names:
            self.names.append(name)
        return self._values[name]


def _number(term: Term, value: Any, where: str) -> np.ndarray:
    """The values of a coefficient at real arguments. Raises ValueError for what are no finite real numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        shown = repr(value) if array.dtype.kind not in "fiu" or array.ndim == 0 else array[~np.isfinite(array)][0]
        raise ValueError(f"Term {term.name!r}: its coefficient is {shown}{where}; allowed are finite real numbers")
    return array


def _require_slope(term: Term, values: dict[str, Any], m: Parameters, name: str, value: float) -> None:
    """ValueError where the complex step in a parameter is not the derivative, as for abs(m.b)."""
    for x in (value, 1.25 * value + 0.1):
        for step in (1e-4 * (1 + abs(x)), 1e-4 * abs(x), 1e-6 * abs(x)):  # coefficients may bend on the scale of x
            try:
                s = SimpleNamespace(**values)
                high, low, stepped = (
                    np.asarray(term.coefficient(s, Parameters(**{**vars(m), name: z})))
                    for z in (x + step, x - step, complex(x, STEP))
                )
            except (TypeError, ValueError):  # a parameter that only takes certain values is asked for no derivative
                return
            slope, steps = (high - low) / (2 * step or 1.0), np.imag(stepped) / STEP
            size = np.abs(slope) + np.abs(steps) + 1e-12 * (1 + np.abs(high)) / (step or 1.0)
            if not np.isfinite(slope).all() or (np.abs(slope - steps) <= 1e-3 * size).all():
                break
        else:
            raise ValueError(
                f"Term {term.name!r}: its coefficient is no analytic function of m.{name}: at m.{name} = {x:.6g} its "
                f"slope is {np.ravel(slope)[0]:.6g} by differences and {np.ravel(steps)[0]:.6g} by a complex step. "
                "Avoid abs, max, min and .real."
            )


def not_analytic(term: Term, name: str, c: Callable[[Any], Any], low: float, high: float) -> float:
    """Relative defect of c(b) - c(a) = int_a^b c', c' by complex steps; ValueError where it stays as b - a falls.

    abs, max and the like have no complex step or a wrong one; where a derivative jumps the defect does not fall.
    """
    grids = [low + (high - low) * np.linspace(0.0, 1.0, pieces + 1) ** LANGUAGE.uneven for pieces in PIECES]
    left, right = (np.concatenate([grid[part] for grid in grids]) for part in (slice(-1), slice(1, None)))
    defects, worst = _fundamental(term, name, c, left, right)[0], 0.0
    for a, b, defect in zip(left, right, defects.tolist(), strict=True):
        for _ in range(LANGUAGE.levels):
            if defect <= LANGUAGE.analytic:
                break
            middle = (a + b) / 2
            halves = np.array([a, middle]), np.array([middle, b])
            both, differences, steps = _fundamental(term, name, c, *halves)
            j = int(np.argmax(both))  # into the worse half
            a, b, defect = halves[0][j], halves[1][j], float(both[j])
        else:
            raise ValueError(
                f"Term {term.name!r}: its coefficient is no analytic function of {name}: at {name} = {a:.6g} its "
                f"slope is {differences[j]:.6g} by differences and {steps[j]:.6g} by a complex step. Avoid abs, max, "
                "min, where, and functions that take real numbers only; smooth what has a kink."
            )
        worst = max(worst, defect)
    return worst


def _fundamental(
    term: Term, name: str, c: Callable[[Any], Any], a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every piece [a, b]: relative defect, mean slope by the end values, mean slope by complex steps."""
    width = b - a
    ends = _values(term, name, c, np.concatenate([a, b])).real
    inside = _values(term, name, c, (a[:, None] + width[:, None] * _POINTS).ravel() + 1j * STEP)
    values = ends.reshape(*ends.shape[:-1], 2, -1)
    slopes = inside.imag.reshape(*inside.shape[:-1], len(a), -1) / STEP
    differences, steps = (values[..., 1, :] - values[..., 0, :]) / width, slopes @ _WEIGHTS
    rounding = 1e-15 * np.abs(values).max(axis=-2) / width
    size = np.maximum(np.abs(differences), np.abs(slopes).max(axis=-1)) + 1e-300
    defect = np.maximum(0.0, np.abs(differences - steps) - 4 * rounding) / size
    lines = lambda array: array.reshape(-1, len(a))  # over (v, w): all lines
    worst = lines(defect).argmax(axis=0), np.arange(len(a))
    return lines(defect)[worst], lines(differences)[worst], lines(steps)[worst]


def _values(term: Term, name: str, c: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """c at the points x (the last axis), all at once where c allows, as complex numbers. Raises ValueError."""
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(c(x))
        if found.dtype.kind in "fciub" and found.shape[-1:] in ((1,), x.shape, ()):
            found = np.broadcast_to(found, np.broadcast_shapes(found.shape, x.shape)).astype(complex)
        else:
            raise TypeError
    except Exception:  # written for single numbers
        found = np.stack([_one_value(term, name, c, z) for z in x.tolist()], axis=-1)
    bad = ~np.isfinite(found)
    if bad.any():
        at = np.argwhere(bad)[0]
        raise ValueError(
            f"Term {term.name!r}: its coefficient is {found[tuple(at)].real:g} at {name} = {x[at[-1]].real:.6g}"
        )
    return found


def _one_value(term: Term, name: str, c: Callable[[Any], Any], z: complex) -> np.ndarray:
    try:
        found = np.asarray(c(z)) + 0j
    except Exception as error:
        if not isinstance(z, complex):
            raise
        raise ValueError(
            f"Term {term.name!r}: its coefficient cannot be evaluated at a complex {name} ({type(error).__name__}: "
            f"{error}), so it has no derivative by a complex step. It must be an analytic function of numbers: use "
            "numpy's functions instead of those of math; avoid max and min."
        ) from error
    return found[..., 0] if found.ndim else found
