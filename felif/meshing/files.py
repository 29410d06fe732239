"""Meshes from files (gmsh .msh and whatever else meshio reads)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from skfem import MeshLine

from .interval import line

_SNAP = 1e-9  # relative: mesh generators write V_R and V_F with fewer digits than a float has


def read_mesh(path: str | Path, model: Any) -> MeshLine:
    """The line mesh in a file, tagged for `model`: nodes within 1e-9 of V_R and V_F (relative) are moved onto them.

    Raises ValueError, naming the file, where it cannot be read, holds no line cells, or has no node on V_R or V_F.
    """
    import meshio

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"mesh file {str(path)!r} does not exist")
    try:
        # meshio ends the interpreter on files it cannot read, after printing why
        with contextlib.redirect_stdout(io.StringIO()) as said:
            data = meshio.read(path)
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, Exception) else said.getvalue().strip() or "meshio gave up"
        raise ValueError(f"mesh file {str(path)!r} cannot be read: {reason}") from error
    cells = data.cells_dict.get("line")
    if cells is None:
        raise ValueError(f"mesh file {str(path)!r} holds {sorted(data.cells_dict)}; allowed here are line cells")
    nodes = np.unique(np.asarray(data.points, float)[np.unique(cells), 0])
    if len(nodes) != len(cells) + 1:
        raise ValueError(f"mesh file {str(path)!r}: its line cells do not form one interval along the first coordinate")
    for value in (float(model.v_reset), float(model.v_fire)):
        nearest = int(np.argmin(np.abs(nodes - value)))
        if abs(nodes[nearest] - value) <= _SNAP * max(1.0, abs(value)):
            nodes[nearest] = value
    try:
        return line(nodes, float(model.v_reset), float(model.v_fire))
    except ValueError as error:
        raise ValueError(f"mesh file {str(path)!r}: {error}") from error
