"""Initial data on triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from ...meshing.strip import refined
from ...problem import State
from ..tensor.initial import checked_density
from ..tuning import INITIAL
from . import refinement
from .over_triangles import OverTriangles
from .space import shapes


def initial_on_triangles(problem: OverTriangles, start: Any) -> tuple[OverTriangles, np.ndarray, bool]:
    """(problem, y, compatible) on `problem`, or on a finer mesh if its mesh was made from a tolerance.

    start: a density p(v, w), unnormalised, of arrays that broadcast; a State over (v, w) of any mesh; {"p": density}.
    The L2 projection, of mass 1. `compatible`: it vanishes at V_F. Raises ValueError.
    """
    if isinstance(start, State):
        return _from_state(problem, start)
    density = checked_density(problem, start)
    if problem.tol is None:
        y = project(problem, density)
        _require_resolved(problem, density, y)
        return problem, y, _vanishes(problem, density)
    for _ in range(INITIAL.rounds_on_triangles):
        y = project(problem, density)
        marked = refinement.to_be_cut(problem, y)
        if not marked.any():
            break
        problem = problem.on_mesh(refined(problem.mesh, marked, problem.model))
    return problem, project(problem, density), _vanishes(problem, density)


def project(problem: OverTriangles, density: Callable) -> np.ndarray:
    """L2 projection of a density, scaled to mass 1. Raises ValueError where it has none on the mesh."""
    y = problem.operator.threshold.constrained(projection(problem, density))
    mass = float(problem.quantities["mass"] @ y)
    if not mass > 0:
        (v0, w0), (v1, w1) = problem.mesh.p.min(axis=1), problem.mesh.p.max(axis=1)
        raise ValueError(f"start: the density has no mass on [{v0:g}, {v1:g}] x [{w0:g}, {w1:g}]")
    return y / mass


def projection(problem: OverTriangles, function: Callable) -> np.ndarray:
    """Coefficients of the L2 projection of a function of v and w."""
    X, W = get_quadrature(RefTri, min(2 * problem.degree + 8, INITIAL.highest))
    values, _ = shapes(problem.degree, X)
    return ((function(*problem.places(X)) * (2 * W)) @ values.T).ravel()


def _vanishes(problem: OverTriangles, density: Callable) -> bool:
    """Whether a density is zero at V_F, so that N(0) is finite."""
    w = np.linspace(problem.w_min, problem.w_max, 257)
    return bool(density(np.full(w.size, problem.top), w).max() <= 1e-8 * density(*problem.nodes).max())


def _require_resolved(problem: OverTriangles, density: Callable, y: np.ndarray) -> None:
    """ValueError naming where cells are too large on a user's mesh that misplaces more than a fifth of the mass."""
    X, W = get_quadrature(RefTri, min(2 * problem.degree + 8, INITIAL.highest))
    values, _ = shapes(problem.degree, X)
    places = problem.places(X)
    wanted, got = density(*places), y.reshape(len(problem.cells), -1) @ values
    weights = problem.area[:, None] * (2 * W)
    wrong = (weights * np.abs(got - wanted / np.sum(weights * wanted))).sum(axis=1)
    if wrong.sum() > INITIAL.too_coarse:
        worst = problem.cells[wrong > 0.1 * wrong.max()]
        (v0, w0), (v1, w1) = worst.min(axis=(0, 1)), worst.max(axis=(0, 1))
        raise ValueError(
            f"start: the mesh misplaces {100 * wrong.sum():.0f} % of the density; triangles with v in [{v0:.4g}, "
            f"{v1:.4g}] and w in [{w0:.4g}, {w1:.4g}] must be smaller, or let discretize(model, tol=..., "
            "space=Triangles()) choose the mesh"
        )


def _from_state(problem: OverTriangles, start: State) -> tuple[OverTriangles, np.ndarray, bool]:
    """A State as initial data: copied on its own mesh, projected exactly from other triangles, else at quadratures."""
    old = start.problem
    if old.line_names != problem.line_names or old.field_names != problem.field_names:
        raise ValueError(f"start: {start!r} has other unknowns than {type(problem.model).__name__}")
    if not isinstance(old, type(problem)):
        view = old.field(old.field_names[0], start.y)
        if problem.tol is None:
            return problem, project(problem, lambda v, w: view(v, w)), True
        return initial_on_triangles(problem, lambda v, w: np.maximum(view(v, w), 0.0))
    same_ends = (old.landings, old.top) == (problem.landings, problem.top)
    if problem.tol is not None and same_ends and (old.w_min, old.w_max) == (problem.w_min, problem.w_max):
        problem = problem.on_cells(old.cells)  # the mesh that carried the state serves it best
    y = problem.operator.threshold.constrained(problem.received(start))
    return problem, y / (problem.quantities["mass"] @ y), True
