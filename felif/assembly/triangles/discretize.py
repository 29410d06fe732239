"""(model, mesh) -> a problem on triangles; triangle meshes from a tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from skfem.mesh import MeshTri

from ...meshing import strip, triangles
from ...meshing.strip import corners_of
from ...spaces import SpectralElement
from ...translation import weak_form_of
from ..automatic import choose_nodes
from ..returned import multiple, reads_rate, require_alike_everywhere
from ..tensor.discretize import flow_on_line
from ..tensor.line_forms import transports_in_w
from .assembled import TriangleMesh
from .problem import OnTriangles
from .space import Triangles
from .tuning import REFINEMENT

DEFAULT_TOLERANCE = 1e-3  # triangles are for local refinement and cross-checks; six digits are for lines
_COARSEST = (8, 8)  # columns and rows that a mesh made from a tolerance begins with


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
        mesh = strip(model, v_min=_lowest(model, tol), cells=_COARSEST)
    elif not isinstance(mesh, MeshTri):
        raise ValueError(
            f"discretize: mesh = {type(mesh).__name__}; allowed with Triangles is a MeshTri (strip, read_mesh)"
        )
    else:  # tags and node positions are checked, whoever made the mesh
        mesh = triangles(corners_of(mesh), model)
    return OnTriangles(TriangleMesh(model, mesh, space, tol, corners_of(mesh), discretize_triangles), model)


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
    return OnTriangles(TriangleMesh(model, mesh, space, tol, arrays["coarsest"], discretize_triangles), model)


def _lowest(model: Any, tol: float) -> float:
    """Where the mesh begins: the lowest potential that any of some lines w = const asks for."""
    places = np.linspace(float(model.w_min), float(model.w_max), REFINEMENT.lines).tolist()
    return min(float(choose_nodes(flow_on_line(model, w), SpectralElement(), 1e-2 * tol)[0]) for w in places)
