"""response: how firing rates answer a small modulation of an input, of the noise or of any parameter.

A parameter p + epsilon e^{i omega t} moves the state by epsilon x e^{i omega t},

    (i omega M - J(i omega)) x = dF/dp + U dl,      ds = G x + Gamma dl + ds/dp,

with J(i omega) the linearisation of the discretised problem, delays as factors e^{-i omega d} included
(`solvers.delayed`), and ds the answer of the numbers. At omega = 0 it is the slope of the steady state, and its poles
i omega = lambda are the eigenvalues of the spectrum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..given.arguments import PROBLEM, STATE, TEXT, TIMES, checked, either, optional, several
from ..given.differences import central, forward
from ..problem import NotConverged, Problem, State
from ..solvers.border import Border, symmetry
from ..solvers.delayed import Delayed
from ..solvers.newton import newton
from .tuning import RESPONSE

CURRENTS = ("current", "current_E", "current_I")


@dataclass(frozen=True, eq=False)
class Response:
    """Answers of all numbers of a problem to modulations, complex: modulus and phase of ds / d(parameter).

    `response.N` is the part of the number N, shape (m, modulations), or of N for each population, shape
    (m, populations, modulations); the last is left out where one parameter is modulated.

    Attributes
    ----------
    state : State
        The steady state it was computed at, settled on its mesh.
    omega : array (m,) or float
        Angular frequencies.
    to : tuple of str
        What is modulated: names of parameters, `current_2` the entry of an array.
    values, errors : array (m, numbers, modulations)
        Without m for a number omega; the errors are those of elements of a higher degree.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> fl.response(problem, fl.steady_state(problem), [1.0, 2.0]).to
    ('current',)
    """

    state: State
    omega: Any
    to: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray

    def __getattr__(self, name: str) -> np.ndarray:
        state = self.__dict__.get("state")
        if state is None or name.startswith("__"):
            raise AttributeError(name)
        names = list(state.problem.scalar_names)
        if name in names:
            found = self.values[..., names.index(name), :]
        elif name in state.problem.groups:
            found = self.values[..., [names.index(one) for one in state.problem.layout.flattened(name)], :]
        else:
            raise AttributeError(f"this response has no {name!r}; it has: {', '.join(names)}")
        return found[..., 0] if len(self.to) == 1 else found

    def __repr__(self) -> str:
        count = np.size(self.omega)
        return (
            f"Response of {', '.join(self.state.problem.scalar_names)} to {', '.join(self.to)} at {count} frequencies"
        )


@checked(
    problem=PROBLEM,
    state=STATE,
    omega=TIMES,
    to=optional(either(TEXT, several(TEXT, "a row of names of parameters", 1))),
)
def response(problem: Problem, state: State, omega: ArrayLike, to: str | Sequence[str] | None = None) -> Response:
    """Linear response at a steady state to modulations of parameters at angular frequencies omega.

    Elements of a higher degree give the errors, and are taken where the problem was made from a tolerance that these
    exceed, relative to the largest response of each number.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    state : State
        A steady state of it.
    omega : float or array (m,)
        Angular frequencies, in radians per unit of time of the model.
    to : str or sequence of str
        Parameters, numbers or arrays (then each entry by itself); None: the currents, one for each population.

    Returns
    -------
    Response
        `.N`, `.values`, `.errors`, complex.

    Raises
    ------
    ValueError
        For a state that is not steady, for unknown parameters and those that shape the mesh, for frequencies that are
        not finite.
    NotConverged
        Where a frequency is an eigenvalue.

    Notes
    -----
    Source: N. Brunel, V. Hakim, Neural Computation 11 (1999) 1621-1671; M. J. E. Richardson, Phys. Rev. E 76 (2007)
    021919.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    >>> found = fl.response(problem, fl.steady_state(problem), [0.0, 10.0], to="current")
    >>> bool(abs(found.N[0]) > abs(found.N[1]))  # a slow modulation is followed better
    True
    """
    frequencies = np.atleast_1d(np.asarray(omega, float))
    if frequencies.ndim != 1 or not np.isfinite(frequencies).all() or not len(frequencies):
        raise ValueError(f"response: omega = {omega!r}; allowed are finite numbers")
    own = getattr(state, "problem", problem)
    if type(own.model) is not type(problem.model):
        raise ValueError(f"response: the state belongs to {own.model}, the problem is {problem.model}")
    entries = _entries(own, to)
    y = newton(own, state.y, t=state.t).y
    if np.abs(y - state.y).max() > RESPONSE.steady * np.abs(y).max():
        raise ValueError(f"response: {state!r} is no steady state; see steady_states")
    if 0.0 in frequencies and symmetry(own, y) is not None:
        raise ValueError("response: omega = 0 where the state may be rotated; allowed are other frequencies")
    here = _computed(own, y, frequencies, entries)
    errors = np.full(here.shape, np.nan)
    for _ in range(RESPONSE.rounds if own.enriched is not None else 0):
        richer, there = own.enriched(y)
        there = newton(richer, there, t=state.t).y
        better = _computed(richer, there, frequencies, entries)
        errors = RESPONSE.safety * np.abs(better - here)
        largest = np.abs(better).max(axis=(0, 2), keepdims=True)
        if own.tol is None or (errors <= own.tol * largest + 1e-14).all():
            break
        own, y, here = richer, there, better
    scalar = np.ndim(omega) == 0
    pick = (lambda a: a[0]) if scalar else (lambda a: a)
    where = float(omega) if scalar else frequencies
    return Response(State(own, state.t, y), where, tuple(entry[0] for entry in entries), pick(here), pick(errors))


def _entries(problem: Problem, to: str | Sequence[str] | None) -> list[tuple[str, str, int | None]]:
    """(label, parameter, entry of the array or None) of everything that is modulated."""
    model, allowed = problem.model, ", ".join(problem.parameter_names) or "none of this model"
    if to is None:
        to = [name for name in CURRENTS if hasattr(model, name)]
        if not to:
            raise ValueError(
                f"response: {type(model).__name__} has no current; say what is modulated, to = one of {allowed}"
            )
    names, found = [to] if isinstance(to, str) else list(to), []
    arrays = [f.name for f in dataclasses.fields(model) if problem.with_model is not None]
    for name in names:
        value = getattr(model, name, None)
        entries = getattr(model, "count", 1) if name in arrays and name in ("current", "a0") else 1
        if name in arrays and not callable(value) and value is not None and np.size(value) >= 1:
            size = max(np.size(value), entries)
            if size > 1 and np.ndim(value) <= 1:
                found += [(f"{name}_{k}", name, k) for k in range(size)]
                continue
        if name not in problem.parameter_names:
            raise ValueError(
                f"response: to = {name!r}; allowed are parameters that are numbers and shape no mesh: {allowed}"
            )
        found.append((name, name, None))
    return found


def _changed(problem: Problem, name: str, entry: int | None, change: float) -> Any:
    if entry is None:
        return problem.at(**{name: float(getattr(problem.model, name)) + change})
    value = np.asarray(getattr(problem.model, name), float)
    value = np.array(np.broadcast_to(value, (getattr(problem.model, "count", value.size),)))
    value[entry] += change
    return problem.with_model(dataclasses.replace(problem.model, **{name: value}))


def _slopes(problem: Problem, y: np.ndarray, name: str, entry: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(dF/dp, d(numbers)/dp) at fixed y and fixed delayed inputs: fourth order, one-sided where a side is refused."""
    value = np.ravel(getattr(problem.model, name))
    h = RESPONSE.step * max(abs(float(value[entry or 0] if len(value) > 1 else value[0])), 0.3)

    def at(change: float) -> np.ndarray:
        moved = _changed(problem, name, entry, change)
        return np.concatenate([moved.rate(0.0, y), moved.scalars(0.0, y)])

    try:
        slope = central(at, h)
    except ValueError:
        slope = forward(at, h)
    by_rate = slope[: problem.size]
    if entry is None and problem.threshold_transport is not None:
        by_rate = problem.parameter_derivative(0.0, y, name)
    return by_rate, slope[problem.size :]


def _computed(problem: Problem, y: np.ndarray, frequencies: np.ndarray, entries: list) -> np.ndarray:
    parts = Delayed.at(problem, y)
    slopes = [_slopes(parts.fixed, y, name, entry) for _, name, entry in entries]
    rows = [problem.scalar_names.index(name) for name, _ in problem.delays.values()] if len(parts.delays) else []
    border, conserved = Border(problem, y), np.zeros(len(problem.conserved))
    found = np.empty((len(frequencies), len(problem.scalar_names), len(entries)), complex)
    for m, omega in enumerate(frequencies.tolist()):
        point = 1j * omega
        J = parts.jacobian(point) if len(rows) else parts.instantaneous
        try:
            system = border.around(J, shift=point)
        except ArithmeticError as error:
            raise NotConverged(f"response: i omega = {point} is an eigenvalue ({error})") from error
        for k, (by_rate, by_scalar) in enumerate(slopes):
            driven = parts.driven(point, by_scalar[rows].astype(complex)) if len(rows) else np.zeros(0)
            x, _ = system.solve(-(by_rate + parts.U @ driven) + 0j, conserved + 0j)
            dl = driven + (parts.lags(point) @ x if len(rows) else 0.0)
            found[m, :, k] = parts.gradient @ x + parts.by_inputs @ dl + by_scalar
    return found
