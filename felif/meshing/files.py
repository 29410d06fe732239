"""Meshes from files (gmsh .msh and whatever else meshio reads)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from skfem import MeshLine, MeshTri

from .interval import line
from .strip import triangles

_SNAP = 1e-9  # relative: mesh generators write V_R and V_F with fewer digits than a float has


def read_mesh(path: str | Path, model: Any) -> MeshLine | MeshTri:
    """The mesh in a file, tagged for `model`: of line cells, or of triangles where the model has weights (w_min).

    The first coordinate is v, the second w. Nodes within 1e-9 (relative) of V_R, V_F, w_min and w_max are moved onto
    them. Raises ValueError, naming the file, where it cannot be read, holds no such cells, has no nodes on V_R or V_F,
    or where its triangles do not fill a rectangle.
    """
    path = Path(path)
    weights = hasattr(model, "w_min")
    kind = "triangle" if weights else "line"
    data = _read(path)
    cells = data.cells_dict.get(kind)
    if cells is None:
        raise ValueError(f"mesh file {str(path)!r} holds {sorted(data.cells_dict)}; allowed here are {kind} cells")
    points = np.asarray(data.points, float)
    thresholds = (float(model.v_reset), float(model.v_fire))
    try:
        if weights:
            ends = (float(model.w_min), float(model.w_max))
            plane = np.column_stack([_snapped(points[:, 0], thresholds), _snapped(points[:, 1], ends)])
            return triangles(plane[cells], model)
        nodes = np.unique(points[np.unique(cells), 0])
        if len(nodes) != len(cells) + 1:
            raise ValueError("its line cells do not form one interval along the first coordinate")
        return line(_snapped(nodes, thresholds), *thresholds)
    except ValueError as error:
        raise ValueError(f"mesh file {str(path)!r}: {error}") from error


def _read(path: Path) -> Any:
    import meshio

    if not path.is_file():
        raise ValueError(f"mesh file {str(path)!r} does not exist")
    try:
        # meshio ends the interpreter on files it cannot read, after printing why
        with contextlib.redirect_stdout(io.StringIO()) as said:
            return meshio.read(path)
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, Exception) else said.getvalue().strip() or "meshio gave up"
        raise ValueError(f"mesh file {str(path)!r} cannot be read: {reason}") from error


def _snapped(coordinates: np.ndarray, values: tuple[float, float]) -> np.ndarray:
    moved = coordinates.copy()
    for value in values:
        moved[np.abs(moved - value) <= _SNAP * max(1.0, abs(value))] = value
    return moved
