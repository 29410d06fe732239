"""How far a periodic orbit may be from that of the model: the same equations on finer meshes of time and of v.

The orbit at the same parameters is solved again with every piece of time cut in two, in elements of a degree higher by
two (four below 4), on cells that reach further where the mesh may change, with the mass that V_min cuts off. What is
reported is twice the difference, as the richer space has an error too, and what rounding leaves.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from ..algebra import SingularMatrix
from ..problem import Infeasible, NotConverged, Problem
from .collocation import TimeMesh
from .orbit_points import linearisations, past
from .orbit_system import Line, Orbit, carried, correct_orbit, on_mesh_for, phase_row
from .tuning import ERRORS


def orbit_errors(line: Line, orbit: Orbit, totals: np.ndarray) -> dict[str, float]:
    """Bounds of |value - exact value| of what `reported` says; inf where the finer meshes have no such orbit."""
    here = reported(line, orbit)
    try:
        there = reported(*_finer(line, orbit, totals))
    except (NotConverged, SingularMatrix, Infeasible):
        return dict.fromkeys(here, np.inf)
    return {
        name: ERRORS.safety * abs(there[name] - value) + ERRORS.rounding_of_orbits * abs(value)
        for name, value in here.items()
    }


def reported(line: Line, orbit: Orbit) -> dict[str, float]:
    """The period and the extremes of every scalar: "period", "max N", "min N", ..."""
    values, names = scalar_series(line, orbit), line.at(orbit.theta).scalar_names
    found = {"period": float(orbit.period)}
    for k, name in enumerate(names):
        found |= {f"max {name}": extreme(orbit.mesh, values[:, k], 1.0)}
        found |= {f"min {name}": extreme(orbit.mesh, values[:, k], -1.0)}
    return found


def extreme(mesh: TimeMesh, values: np.ndarray, sign: float) -> float:
    """The largest (sign = 1) or smallest (-1) value over the period of a function with values (m, s) at the points."""
    places, pieces = np.linspace(0.0, 1.0, ERRORS.fine), sign * mesh.with_starts(values)
    fine = pieces @ mesh.basis(places).T
    i, j = np.unravel_index(np.argmax(fine), fine.shape)
    around = places[max(j - 1, 0)], places[min(j + 1, ERRORS.fine - 1)]
    found = minimize_scalar(
        lambda x: -float(mesh.basis(np.array([x]))[0] @ pieces[i]),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(sign * max(-found.fun, fine[i, j]))


def scalar_series(line: Line, orbit: Orbit) -> np.ndarray:
    """The scalars at the points, shape (m, scalars, s)."""
    problem = past(line.at(orbit.theta), orbit)
    values = linearisations(problem, *orbit.samples, False).scalars
    return np.moveaxis(values.reshape(*orbit.mesh.points.shape, values.shape[1]), 2, 1)


def _finer(line: Line, orbit: Orbit, totals: np.ndarray) -> tuple[Line, Orbit]:
    ends = orbit.mesh.ends
    guess = orbit.on(TimeMesh(np.sort(np.append(ends, (ends[1:] + ends[:-1]) / 2)), orbit.mesh.s))
    problem = line.at(orbit.theta)
    if problem.enriched is None:  # differential equations have no space
        return line, _solved(line, guess, totals)
    tol, mean = problem.tol, np.einsum("ij,inj->n", orbit.mesh.weights, orbit.Y)
    wider = (
        on_mesh_for(problem, orbit, lambda p, y, t: p.extended(t, y, max(ERRORS.further * tol, ERRORS.least)))
        if tol
        else problem
    )
    richer, _ = wider.enriched(carried(problem, wider, mean), by=4 if problem.degree < 4 else 2)
    line, guess = line.on(richer), guess.carried(problem, richer)
    found = _solved(line, guess, totals)
    beyond = _beyond(line.at(found.theta), found)
    return line, _solved(line, found, totals**2 / (totals + beyond)) if beyond.any() else found


def _solved(line: Line, guess: Orbit, totals: np.ndarray) -> Orbit:
    return correct_orbit(line, totals, guess, phase_row(line, guess, guess), None, exact=True)[0]


def _beyond(problem: Problem, orbit: Orbit) -> np.ndarray:
    """What V_min cuts off of each conserved quantity, on average over the period."""
    problem, parts = past(problem, orbit), []
    for end, piece in zip(orbit.mesh.ends[1:], orbit.Y, strict=True):
        parts.append(problem.cut_off(orbit.period * end, np.ascontiguousarray(piece[:, -1])))
    return np.maximum(orbit.mesh.widths @ np.array(parts), 0.0)
