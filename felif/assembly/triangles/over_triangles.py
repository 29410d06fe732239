"""What the modules of this room read of a problem over (v, w) on triangles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from skfem.mesh import MeshTri

from ...given.parameters import Parameters
from ..plane import OverPlane
from .operator import TriangleOperator


class OverTriangles(OverPlane):
    """One density, a polynomial on every triangle; `OnTriangles` fulfils it."""

    operator: TriangleOperator
    parameters: Parameters  # `m` of coefficients
    mesh: MeshTri
    cells: np.ndarray  # corners of the triangles, (cells, 3, 2)
    coarsest: np.ndarray  # those that the problem was made with; no mesh of evolve is coarser
    area: np.ndarray  # of the triangles
    w_min: float
    w_max: float
    nodes: np.ndarray  # (2, nodes): of the polynomials on all triangles
    quantities: Mapping[str, np.ndarray]  # functionals of y that may be asked for, the mass among them
    places: Callable[[np.ndarray], np.ndarray]  # points of the reference triangle -> (v, w) on all triangles
    received: Callable[[np.ndarray, Any], np.ndarray]  # (y, problem it is of) -> y here, projected
    resumed: Callable[[np.ndarray, Any], np.ndarray]  # the same, as a run goes on from it
    on_cells: Callable[[np.ndarray], OverTriangles]  # the same on other triangles
    on_mesh: Callable[[MeshTri], OverTriangles]
