"""What is known of steady states: each with its accuracy and stability, and all of them with what was found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np

from ..given.text import listed
from ..notebook import page, profile, shown
from ..output.frames import states_frame
from ..problem import NotConverged, Problem, State
from .nearest_fold import NearestFold
from .stability import grow, leading
from .tuning import SEARCH


class SteadyState(State):
    """A state with F(y) = 0, as a State (`.N`, `.n(v)`, `.t`, `.y`), with what is known of its accuracy and stability.

    Attributes
    ----------
    residual : float
        Sum of |F|, the rate at which mass is still being moved.
    error : float
        Estimate of |N - N_exact| (the largest over all scalars): the difference to the steady state in elements of a
        degree higher by two (by four below 4) on the same cells, with the mass that V_min cuts off, and rounding.
    errors : dict
        The same, scalar by scalar; computed when first asked for where a closed form says that they are below `tol`.
    growth : float or complex
        The nonzero eigenvalue of the linearisation with the largest real part.
    stable : bool
        Whether no mode grows; those within rounding of the imaginary axis, such as a phase that turns, do not.
    problem : Problem
        On the mesh that was adapted to this state.
    log_N : float
        log of N, also where N is lost in rounding and a closed form is known; nan where it is not.
    """

    def __init__(
        self,
        problem: Problem,
        t: float,
        y: np.ndarray,
        residual: float,
        errors: dict[str, float] | Callable[[], dict[str, float]],
    ) -> None:
        """`errors`: a function, asked late, where scalars are known to be accurate and not lost in rounding."""
        super().__init__(problem, t, y)
        self.residual, self._errors, self.known = residual, errors, callable(errors)
        for name, value in zip(problem.scalar_names, problem.scalars(t, y).tolist(), strict=True):
            lost = not callable(errors) and abs(value) <= SEARCH.small + errors[name]
            setattr(self, name, max(value, 0.0) if lost else value)
        first = float(getattr(self, problem.scalar_names[0], np.nan)) if problem.scalar_names else np.nan
        self.log_N = float(np.log(first)) if first > SEARCH.small else np.nan

    @cached_property
    def errors(self) -> dict[str, float]:
        return self._errors() if callable(self._errors) else self._errors

    @property
    def error(self) -> float:
        """The largest of `errors`."""
        return max(self.errors.values(), default=0.0)

    @property
    def state(self) -> State:
        """The same without estimates."""
        return State(self.problem, self.t, self.y)

    @cached_property
    def growth(self) -> complex | float:
        values = leading(self.problem, self.y, 1)
        first = complex(values[0]) if len(values) else complex(-np.inf)
        return complex(first.real, abs(first.imag)) if first.imag else first.real

    @property
    def stable(self) -> bool:
        """Whether no mode grows."""
        return not bool(grow(self.growth))

    @shown
    def _repr_html_(self) -> str:
        return page(repr(self), [profile(self)])

    def __repr__(self) -> str:
        scalars = listed(self.problem.scalar_names, lambda name: f"{name}={getattr(self, name):.12g}")
        stability = {True: "stable", False: "unstable", None: "of unknown stability"}[stability_of(self)[0]]
        return f"SteadyState({scalars}, error={self.error:.1e}, {stability})"


def stability_of(state: SteadyState) -> tuple[bool | None, complex | float]:
    """(whether it is stable, `growth`); None and nan where modes cannot be counted."""
    try:
        return state.stable, state.growth
    except NotConverged:
        return None, np.nan


class SteadyStates(Sequence):
    """Steady states found, sorted by the first scalar: a sequence of SteadyState.

    Attributes
    ----------
    complete : bool
        True where it was shown that there are no others between the rates that `message` names; False where the search
        may have missed some.
    message : str
        How many there are, why there are no others or what was searched.
    nearest_fold : point or None
        Where two of them meet when the model's first parameter (b) is varied; None if no fold was found.
    """

    def __init__(self, states: list[SteadyState], message: str, hint: Any, complete: bool = False) -> None:
        self._states, self._message, self._hint, self.complete = tuple(states), message, hint, complete

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, index: int) -> SteadyState: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SteadyState]: ...
    def __getitem__(self, index: Any) -> Any:
        return self._states[index]

    def __iter__(self) -> Iterator[SteadyState]:
        return iter(self._states)

    @cached_property
    def nearest_fold(self) -> NearestFold | None:
        return self._hint and self._hint()

    @property
    def message(self) -> str:
        """How many there are, whether that is all, and, where there is none, where the nearest fold is."""
        if self._states or self.nearest_fold is None:
            return self._message
        return f"{self._message} The nearest fold is at {self.nearest_fold}: two steady states meet there."

    def to_pandas(self) -> Any:
        """A row a state: scalars, their errors, stability, leading eigenvalue. Needs the extra `xarray`."""
        stable, growth = zip(*map(stability_of, self), strict=True) if self._states else ((), ())
        return states_frame("to_pandas", self._states, {"stable": stable, "growth": growth})

    @shown
    def _repr_html_(self) -> str:
        return page(repr(self), [profile(state) for state in self])

    def __repr__(self) -> str:
        return "\n".join([self.message, *(f"  {state!r}" for state in self)])
