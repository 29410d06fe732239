"""Initial data on triangles, and triangle meshes from a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from skfem.mesh import MeshTri
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from ...meshing import strip, triangles
from ...meshing.strip import corners_of, refined
from ...problem import State
from ...translation import weak_form_of
from ..automatic import choose_nodes
from ..returned import multiple, reads_rate, require_alike_everywhere
from ..spaces import SpectralElement
from ..tensor.discretize import _Line
from ..tensor.initial import _density as checked_density
from ..tensor.lines import transports_in_w
from . import adapt
from .problem import OnTriangles, TriangleMesh
from .space import Triangles, shapes

DEFAULT_TOLERANCE = 1e-3  # triangles are for local refinement and cross-checks; six digits are for lines
_HIGHEST = 19  # order of quadrature on triangles that scikit-fem has
_TOO_COARSE = 0.2  # fraction of the mass that a mesh given by the user may misplace
_COARSEST = (8, 8)  # columns and rows that a mesh made from a tolerance begins with
_ROUNDS = 16
_LINES = 5  # lines w = const that V_min is chosen for


def discretize_triangles(model: Any, mesh: Any, space: Triangles | None, tol: float | None) -> OnTriangles:
    """The model's equations over v and w on triangles.

    mesh: a triangle mesh (`strip`, `read_mesh`), which stays as it is; None: a coarse strip that is refined for the
    initial data and follows the solution, tol being the size of what a triangle does not resolve (L2, relative).
    Raises ValueError for a mesh that does not fit the model.
    """
    space = Triangles() if space is None else space
    _require_readable(model)
    if mesh is None:
        tol = DEFAULT_TOLERANCE if tol is None else tol
        if not (isinstance(tol, int | float) and 0 < tol <= 0.1):
            raise ValueError(f"discretize: tol = {tol!r}; allowed are numbers in (0, 0.1]")
        mesh = strip(model, v_min=_lowest(model, tol), cells=_COARSEST)
    elif tol is not None:
        raise ValueError(f"discretize: tol = {tol!r} chooses a mesh, but a mesh was given; give one of the two")
    elif not isinstance(mesh, MeshTri):
        raise ValueError(
            f"discretize: mesh = {type(mesh).__name__}; allowed with Triangles is a MeshTri (strip, read_mesh)"
        )
    else:  # tags and node positions are checked, whoever made the mesh
        mesh = triangles(corners_of(mesh), model)
    return OnTriangles(TriangleMesh(model, mesh, space, tol, corners_of(mesh)), model)


def _require_readable(model: Any) -> None:
    """ValueError for terms that triangles would not read: what leaves at (V_F, w) enters at (V_R, w), all of it."""
    weak_form, kind = weak_form_of(model), type(model).__name__
    if len(weak_form.fields) != 1 or len(weak_form.lines) != 1:
        return  # refused by name where the terms are sorted out
    require_alike_everywhere(model, weak_form)
    field, line = weak_form.fields[0].name, weak_form.lines[0].name
    for over, wanted in (("firing", -1.0), ("reset", 1.0)):
        sources = [t for t in weak_form.terms if t.into == field and t.of is None and t.over == over]
        found = sum(multiple(model, weak_form, term) for term in sources)
        if abs(found - wanted) > 1e-12:
            names = ", ".join(repr(term.name) for term in sources) or "none"
            raise ValueError(
                f"Triangles: the terms of {kind} over {over!r} ({names}) are {found:.6g} {line} phi; allowed on "
                f"triangles is {wanted:g} {line} phi. Tensor() takes others."
            )
    for term in weak_form.terms:
        if term.into == field == term.of and not transports_in_w(term, field) and reads_rate(model, weak_form, term):
            raise ValueError(
                f"Term {term.name!r} of {kind}: on triangles coefficients of drift and noise may read s.w and numbers, "
                f"not s.{line}"
            )


def triangles_from_arrays(
    model: Any, arrays: Mapping[str, np.ndarray], space: Triangles, tol: float | None
) -> OnTriangles:
    """The problem that `OnTriangles.mesh_arrays` describes."""
    mesh = triangles(arrays["cells"], model)
    return OnTriangles(TriangleMesh(model, mesh, space, tol, arrays["coarsest"]), model)


def _lowest(model: Any, tol: float) -> float:
    """Where the mesh begins: the lowest potential that any of some lines w = const asks for."""
    lines = (
        _Line(model, float(w), float(model.v_reset), float(model.v_fire))
        for w in np.linspace(float(model.w_min), float(model.w_max), _LINES)
    )
    return min(float(choose_nodes(one, SpectralElement(), 1e-2 * tol)[0]) for one in lines)


def initial_on_triangles(problem: OnTriangles, start: Any) -> tuple[OnTriangles, np.ndarray, bool]:
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
    for _ in range(_ROUNDS):
        y = project(problem, density)
        marked = adapt.to_be_cut(problem, y)
        if not marked.any():
            break
        problem = problem.on_mesh(refined(problem.mesh, marked, problem.model))
    return problem, project(problem, density), _vanishes(problem, density)


def project(problem: OnTriangles, density: Callable) -> np.ndarray:
    """L2 projection of a density, scaled to mass 1. Raises ValueError where it has none on the mesh."""
    y = problem.operator.threshold.constrained(projection(problem, density))
    mass = float(problem.quantities["mass"] @ y)
    if not mass > 0:
        (v0, w0), (v1, w1) = problem.mesh.p.min(axis=1), problem.mesh.p.max(axis=1)
        raise ValueError(f"start: the density has no mass on [{v0:g}, {v1:g}] x [{w0:g}, {w1:g}]")
    return y / mass


def projection(problem: OnTriangles, function: Callable) -> np.ndarray:
    """Coefficients of the L2 projection of a function of v and w."""
    X, W = get_quadrature(RefTri, min(2 * problem.degree + 8, _HIGHEST))
    values, _ = shapes(problem.degree, X)
    return ((function(*problem.places(X)) * (2 * W)) @ values.T).ravel()


def _vanishes(problem: OnTriangles, density: Callable) -> bool:
    """Whether a density is zero at V_F, so that N(0) is finite."""
    w = np.linspace(problem.w_min, problem.w_max, 257)
    return bool(density(np.full(w.size, problem.v_fire), w).max() <= 1e-8 * density(*problem.nodes).max())


def _require_resolved(problem: OnTriangles, density: Callable, y: np.ndarray) -> None:
    """ValueError naming where cells are too large on a user's mesh that misplaces more than a fifth of the mass."""
    X, W = get_quadrature(RefTri, min(2 * problem.degree + 8, _HIGHEST))
    values, _ = shapes(problem.degree, X)
    places = problem.places(X)
    wanted, got = density(*places), y.reshape(len(problem.cells), -1) @ values
    weights = problem.area[:, None] * (2 * W)
    wrong = (weights * np.abs(got - wanted / np.sum(weights * wanted))).sum(axis=1)
    if wrong.sum() > _TOO_COARSE:
        worst = problem.cells[wrong > 0.1 * wrong.max()]
        (v0, w0), (v1, w1) = worst.min(axis=(0, 1)), worst.max(axis=(0, 1))
        raise ValueError(
            f"start: the mesh misplaces {100 * wrong.sum():.0f} % of the density; triangles with v in [{v0:.4g}, "
            f"{v1:.4g}] and w in [{w0:.4g}, {w1:.4g}] must be smaller, or let discretize(model, tol=..., "
            "space=Triangles()) choose the mesh"
        )


def _from_state(problem: OnTriangles, start: State) -> tuple[OnTriangles, np.ndarray, bool]:
    """A State as initial data: copied on its own mesh, projected exactly from other triangles, else at quadratures."""
    old = start.problem
    if getattr(old, "line_names", None) != problem.line_names or old.field_names != problem.field_names:
        raise ValueError(f"start: {start!r} has other unknowns than {type(problem.model).__name__}")
    if not isinstance(old, OnTriangles):
        view = old.field(old.field_names[0], start.y)
        if problem.tol is None:
            return problem, project(problem, lambda v, w: view(v, w)), True
        return initial_on_triangles(problem, lambda v, w: np.maximum(view(v, w), 0.0))
    same_ends = (old.v_reset, old.v_fire) == (problem.v_reset, problem.v_fire)
    if problem.tol is not None and same_ends and (old.w_min, old.w_max) == (problem.w_min, problem.w_max):
        problem = problem.on_cells(old.cells)  # the mesh that carried the state serves it best
    y = problem.operator.threshold.constrained(problem.received(start.y, old))
    return problem, y / (problem.quantities["mass"] @ y), True
