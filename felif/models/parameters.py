"""Parameters of models: which shape the geometry, what values are allowed, and inputs in steps."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from ..given.arguments import is_finite, number, required, several, shown
from ..given.differences import central, forward


def fixed(default: Any) -> Any:
    """A dataclass field that shapes forms or geometry: `problem.at` refuses to change it."""
    return field(default=default, metadata={"fixed": True})


def require_number(model: Any, name: str, *, positive: bool = False, nonnegative: bool = False) -> None:
    """ValueError unless the parameter is a finite real number (and positive, or not negative)."""
    value = getattr(model, name)
    allowed = "a positive number" if positive else "a number >= 0" if nonnegative else "a finite number"
    if not is_finite(value) or (positive and value <= 0) or (nonnegative and value < 0):
        raise ValueError(f"{type(model).__name__}: {name} = {shown(value)}; allowed is {allowed}")
    if isinstance(value, np.generic):
        object.__setattr__(model, name, value.item())


def require_threshold_above_reset(model: Any) -> None:
    require_number(model, "v_reset")
    if not _runs_away(model):
        require_number(model, "v_fire")
    if model.v_reset >= model.v_fire:
        raise ValueError(
            f"{type(model).__name__}: v_reset = {model.v_reset!r} is not below v_fire = {model.v_fire!r}; "
            "allowed is v_reset < v_fire"
        )


def _runs_away(model: Any) -> bool:
    """Whether V_F is infinite and the drift gets there in a finite time; ValueError where V_F is and it does not."""
    if not (isinstance(model.v_fire, Real) and model.v_fire == math.inf and hasattr(model, "drift")):
        return False
    require_callable(model, "drift")
    if not reaches_infinity(model.drift):
        raise ValueError(
            f"{type(model).__name__}: v_fire = inf; allowed is a finite number, for drift = {model.drift!r} needs an "
            "infinite time to get there: V_F may be infinite where int dv/f(v) converges (Exponential, Quadratic)"
        )
    return True


def require_network(model: Any) -> None:
    """Checks what every network of integrate-and-fire neurons has: v_reset, v_fire, b, a0, a1, current, drift."""
    require_threshold_above_reset(model)
    require_number(model, "b")
    require_number(model, "a0", positive=True)
    require_number(model, "a1", nonnegative=True)
    require_input(model, "current")
    require_callable(model, "drift")


def require_input(model: Any, name: str) -> None:
    if not callable(getattr(model, name)):
        require_number(model, name)


def require_callable(model: Any, name: str) -> None:
    value = getattr(model, name)
    if not callable(value):
        raise ValueError(f"{type(model).__name__}: {name} = {shown(value)}; allowed is a function of v")


@dataclass(frozen=True)
class Piecewise:
    """An input that is constant between `times`; steps of a run land on them.

    Parameters
    ----------
    times : sequence of float, shape (m,)
        Increasing times at which the value jumps.
    values : sequence of float, shape (m + 1,)
        values[0] before times[0], values[k] from times[k - 1] on.

    Raises
    ------
    ValueError
        For times that do not increase, numbers that are not finite, and lengths that do not fit.

    Examples
    --------
    >>> import felif as fl
    >>> pulse = fl.Piecewise(times=(1.0, 2.0), values=(0.0, 3.0, 0.0))
    >>> pulse(1.5), pulse(2.0)
    (3.0, 0.0)
    """

    times: Sequence[float]
    values: Sequence[float]
    in_steps: ClassVar[bool] = True  # constant between its breakpoints

    def __post_init__(self) -> None:
        for name in ("times", "values"):
            numbers = required("Piecewise", name, getattr(self, name), several(number(), "a row of finite numbers"))
            object.__setattr__(self, name, tuple(map(float, numbers)))
        if len(self.values) != len(self.times) + 1:
            raise ValueError(
                f"Piecewise: {len(self.values)} values for {len(self.times)} times; "
                "allowed is one value more than times"
            )
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise ValueError(f"Piecewise: times = {self.times}; allowed are increasing times")

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """The times at which the value jumps."""
        return self.times

    def __call__(self, t: float) -> float:
        return self.values[bisect_right(self.times, t)]


@dataclass(frozen=True)
class Tabulated:
    """A function of w from its `values` at equidistant points of [w_min, w_max]: linear in between, constant outside.

    >>> float(Tabulated((0.0, 1.0, 4.0), w_min=0.0, w_max=2.0)(1.5))
    2.5
    """

    values: tuple[float, ...]
    w_min: float
    w_max: float

    @cached_property
    def breakpoints(self) -> np.ndarray:
        return np.linspace(self.w_min, self.w_max, len(self.values))

    def __call__(self, w: Any) -> Any:
        return np.interp(w, self.breakpoints, self.values)


def require_profile(model: Any, name: str, w_min: float, w_max: float) -> None:
    """ValueError unless the parameter is a function of w, an array or a number; the latter two become functions."""
    kind, value = type(model).__name__, getattr(model, name)
    if not callable(value):
        allowed = "allowed is a function of w, a number, or at least two finite values from w_min to w_max"
        try:
            table = np.asarray(value, float)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{kind}: {name} = {shown(value)}; {allowed}") from None
        table = np.repeat(table, 2) if table.ndim == 0 else table
        if table.ndim != 1 or len(table) < 2 or not np.isfinite(table).all():
            raise ValueError(f"{kind}: {name} = {shown(value)}; {allowed}")
        object.__setattr__(model, name, Tabulated(tuple(table.tolist()), w_min, w_max))
        return
    w = np.linspace(w_min, w_max, 17)
    try:
        values = np.broadcast_to(np.asarray(value(w), float), w.shape)
    except (TypeError, ValueError) as error:  # if w > 0, math.exp(w): written for one number
        raise ValueError(
            f"{kind}: {name} cannot be evaluated at an array of weights ({error}); "
            "allowed is a function of arrays: use numpy's functions, np.where in place of if"
        ) from error
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{kind}: {name}({float(w[bad[0]])}) = {values[bad[0]]}; allowed are finite values")


def along_the_real_axis(function: Callable[[Any], Any], x: Any) -> Any:
    """function(x), where a complex x + i h becomes function(x) + i h function'(x): the function sees real arguments.

    The slope comes from differences of fourth order, one-sided just above 0, so that a function given for x >= 0 is
    not asked elsewhere; its relative error is about 1e-12.
    """
    if not np.iscomplexobj(x):
        return function(x)
    real, step = x.real, 1e-3 * (1 + abs(x.real))
    difference = forward if 0 <= real < 2 * step else central
    return function(real) + 1j * x.imag * difference(lambda change: function(real + change), step)


def reaches_infinity(drift: Callable[[Any], Any]) -> bool:
    """Whether V' = f(V) takes a finite time from some v to infinity, int dv/f < inf: v/f(v) falls as v is doubled."""
    times = []
    for v in (2.0**k for k in range(30, 91)):
        try:
            with np.errstate(all="ignore"):
                f = float(drift(v))
        except OverflowError:
            f = math.inf
        if not f > 0:
            return False
        times.append(v / f)
    return times[-1] <= 1e-3 * times[30] or times[-1] == 0.0


InputValue = float | Callable[[float], float] | Piecewise
