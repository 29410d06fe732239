"""Derivatives of a semi-discrete system through its scalars: what the Jacobian and its relatives are made of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import BandLowRank
from ..firing.over_v import OverV
from ..given.differences import forward
from ..given.parameters import Parameters, fixed_parameters
from ..translation.coefficients import STEP
from .scalars import ScalarEquations


def linearise(
    equations: ScalarEquations,
    places: list[int],
    s: SimpleNamespace,
    c: list[float],
    prepared: Any,
    y: np.ndarray,
    transport: bool = True,
) -> tuple[Any, ...]:
    """(s, c, prepared, U, G, dg/dN) at y: columns U = dF/d(scalar), rows G = d(scalar)/dy.

    `places`: where the differential scalars stand in y. Without `transport`, drift and noise are frozen at s.
    """
    operator, names, number = equations.operator, equations.names, len(equations.algebraic)
    directions, slopes = [], []
    for name in names:
        dc = equations.coefficient_slopes(s, name)
        if not transport:
            dc = [0.0 if moves else slope for slope, moves in zip(dc, operator.moves, strict=True)]
        directions.append(operator.rate_along(y, c, dc))
        slopes.append(operator.residual_along(prepared, c, dc))
    U = np.array(directions).T if directions else np.zeros((len(y), 0))
    slopes = np.array(slopes).reshape(len(names), number).T
    own = slopes[:, :number] - equations.own_slopes()
    G = np.zeros((len(names), len(y)))
    for k, place in enumerate(places):
        G[number + k, place] = 1.0
    if number:
        rows = operator.residual_rows(y, c) + slopes[:, number:] @ G[number:]
        G[:number] = rows / -own[0, 0] if number == 1 else -np.linalg.solve(own, rows)
    return s, c, prepared, U, G, own


def linear_at(equations: ScalarEquations, places: list[int], size: int, t: float, scalars: np.ndarray) -> BandLowRank:
    """A(s) with F = A(s) y wherever the scalars of y are s; ValueError if a source is no multiple of the scalars."""
    operator, zero = equations.operator, np.zeros(size)
    s = equations.known(t, zero)
    for name, value in zip(equations.names, scalars, strict=True):
        equations.assign(s, name, float(value))
    c = equations.at(s)
    _, _, _, U, G, _ = linearise(equations, places, s, c, operator.prepare(zero), zero, transport=False)
    if operator.constant_source or np.abs(_sources_left(equations, s, c)).max(initial=0.0) > 1e-12:
        raise ValueError("this model has a source that is no multiple of its scalars")
    return BandLowRank(operator.jacobian_band(c), np.asfortranarray(U), G)


def _sources_left(equations: ScalarEquations, s: SimpleNamespace, c: list[float]) -> np.ndarray:
    """What is left of the source coefficients after subtracting their linear part in the scalars."""
    moves = equations.operator.moves
    left = np.array([0.0 if moving else value for value, moving in zip(c, moves, strict=True)])
    for name in equations.names:
        slopes, value = equations.coefficient_slopes(s, name), getattr(s, name)
        left -= [0.0 if moving else slope * value for slope, moving in zip(slopes, moves, strict=True)]
    return left


def parameter_derivative(
    problem: OverV, assembled: Any, linearised: tuple[Any, ...], y: np.ndarray, name: str
) -> np.ndarray:
    """dF/d(parameter) at fixed y, through the algebraic scalars too."""
    value = getattr(problem.model, name, None)
    if name in fixed_parameters(problem.model) or isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"F has no derivative in {name!r} = {value!r}: it is fixed, unknown or not a number")
    s, *_, U, _, own = linearised
    operator, varying = assembled.unmerged
    m = Parameters(**{**vars(problem.parameters), name: complex(value, STEP)})
    stepped = SimpleNamespace(**vars(s))
    for given in problem.weak_form.inputs:
        if given.parameter == name and given.of is None:
            setattr(stepped, given.name, complex(value, STEP))
        if given.parameter == name and given.held is not None and problem.history is None:
            setattr(stepped, given.name, getattr(s, given.held) / complex(value, STEP))
    perturbed = [complex(f(stepped, m)) for f in varying]
    c, dc = [z.real for z in perturbed], [z.imag / STEP for z in perturbed]
    total = operator.rate_along(y, c, dc)
    if len(own):
        g = np.array(operator.residual_along(operator.prepare(y), c, dc))
        total -= U[:, 0] * (g[0] / own[0, 0]) if len(own) == 1 else U[:, : len(own)] @ np.linalg.solve(own, g)
    return total


def time_derivative(problem: OverV, t: float, y: np.ndarray, step: float) -> np.ndarray | None:
    """dF/dt at fixed y; inputs are differenced forward, inside [t, t + step]."""
    inputs = problem.equations.inputs
    slopes = {name: forward(lambda x, f=f: float(f(t + x)), min(step / 4, 1e-3)) for name, f in inputs.items()}
    changes = [slope * problem.input_derivative(t, y, name)[0] for name, slope in slopes.items() if slope]
    return sum(changes, np.zeros(problem.size)) if inputs else None


def input_derivative(
    equations: ScalarEquations, linearised: tuple[Any, ...], y: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """(dF, d(algebraic scalars)) by one input."""
    s, c, prepared, U, _, own = linearised
    operator, dc = equations.operator, equations.coefficient_slopes(s, name)
    scalars = -np.linalg.solve(own, np.array(operator.residual_along(prepared, c, dc)))
    return operator.rate_along(y, c, dc) + U[:, : len(own)] @ scalars, scalars


def pulse(equations: ScalarEquations, y: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """(change of M y, 1 - f1.n) for one neuron that fires at y through the algebraic scalar `name`.

    Its recurrent current makes f1.n further neurons fire. Spaces that guarantee n >= 0 leave that kick out: shifting a
    density by a difference of first order would break it.
    """
    operator, s = equations.operator, equations.nothing()
    c, slopes = equations.at(s), equations.coefficient_slopes(s, name)
    if operator.positive:
        slopes = [0.0 if moves else slope for slope, moves in zip(slopes, operator.moves, strict=True)]
    feedback = operator.residual_along(operator.prepare(y), c, slopes)
    return operator.rate_along(y, c, slopes), -feedback[equations.algebraic.index(name)]
