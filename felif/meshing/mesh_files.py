"""Meshes from files (gmsh .msh and whatever else meshio reads)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, Kind, checked
from ..given.libraries import skfem
from ..given.shipped import shipped
from ..given.types import Model
from ..translation.weak_form import PARAMETERS
from .interval import THRESHOLDS, marks_of, require_near, tagged
from .strip import triangles

_SNAP = 1e-9  # relative: mesh generators write V_R and V_F with fewer digits than a float has


@checked(path=Kind("the name of a file", FOLDER.read), model=THRESHOLDS)
def read_mesh(path: str | Path, model: Model) -> skfem.MeshLine | skfem.MeshTri:
    """The mesh in a file, tagged for a model: of line cells, or of triangles where the model has weights (w_min).

    The first coordinate is v, the second w. Nodes within 1e-9 (relative) of V_R, V_F, w_min and w_max are moved onto
    them.

    Parameters
    ----------
    path : path
        A file that meshio reads, or the name of one of felif's own: neurons.msh, random_threshold.msh, strip.msh.
    model : model
        Whose V_R and V_F must be nodes.

    Returns
    -------
    skfem.MeshLine or skfem.MeshTri

    Raises
    ------
    ValueError
        Naming the file and a place, where it cannot be read, holds no such cells, has no nodes on V_R or V_F, where
        cells do not fill an interval or a rectangle edge to edge (cracks, holes, overlaps, nodes that are there twice
        or lie on the middle of an edge), are flat, have coordinates that are no finite numbers or absurd, and for nodes
        that belong to no cell.

    Examples
    --------
    >>> import felif as fl
    >>> fl.read_mesh("neurons.msh", fl.NoisyLIF()).nelements
    36
    """
    path = Path(path)
    if len(path.parts) == 1 and not path.exists():
        own = shipped("meshes") / path
        path = own if own.is_file() else path
    weights = hasattr(model, "w_min")
    kind = "triangle" if weights else "line"
    data = _read(path)
    cells = data.cells_dict.get(kind)
    if cells is None:
        raise ValueError(f"mesh file {str(path)!r} holds {sorted(data.cells_dict)}; allowed here are {kind} cells")
    points = np.asarray(data.points, float)
    thresholds = tuple(marks_of(model)[name] for name in PARAMETERS)
    marks = (*marks_of(model).values(),)
    try:
        for v in points[:, 0][np.isfinite(points[:, 0])].tolist():
            require_near(v, *thresholds)
        _require_points(data, points, cells)
        if weights:
            ends = (float(model.w_min), float(model.w_max))
            plane = np.column_stack([_snapped(points[:, 0], thresholds), _snapped(points[:, 1], ends)])
            return triangles(plane[cells], model)
        if len(np.unique(cells)) != len(cells) + 1:
            raise ValueError("its line cells do not form one interval: nodes are there twice, or cells are missing")
        ends = np.sort(_snapped(points[:, 0], marks)[cells], axis=1)
        low, high = ends[np.lexsort(ends.T[::-1])].T
        if np.any(low[1:] != high[:-1]):
            raise ValueError("its line cells do not form one interval along the first coordinate")
        short = np.flatnonzero(high - low <= _SNAP * (thresholds[1] - thresholds[0]))
        if short.size:
            raise ValueError(f"a cell at v = {low[short[0]]:.6g} is {(high - low)[short[0]]:.3g} long: a node twice")
        return tagged(np.append(low, high[-1]), model).mesh
    except ValueError as error:
        raise ValueError(f"mesh file {str(path)!r}: {error}") from error


def _require_points(data: Any, points: np.ndarray, cells: np.ndarray) -> None:
    """ValueError for coordinates that are no numbers, points that no cell has, and a mesh that is not flat."""
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise ValueError(f"node {bad[0]} lies at {points[bad[0]].tolist()}")
    used = np.unique(np.concatenate([np.ravel(block.data) for block in data.cells]))
    if len(used) < len(points):
        lost = np.setdiff1d(np.arange(len(points)), used)
        raise ValueError(
            f"{lost.size} nodes belong to no cell, one of them at {points[lost[0]].tolist()}; "
            "allowed are files without them"
        )
    plane = 1 if cells.shape[1] == 2 else 2
    here = points[np.unique(cells)]
    spread = np.ptp(here[:, plane:], axis=0)
    if spread.size and spread.max() > 1e-9 * float(np.ptp(here[:, :plane], axis=0).max()):
        axis = plane + int(spread.argmax())
        raise ValueError(
            f"coordinate {axis + 1} of its nodes varies by {spread.max():.6g}; allowed is a "
            f"mesh of the first {'coordinate alone' if plane == 1 else 'two coordinates'}"
        )
    if plane == 2:
        size = np.ptp(here[:, :2], axis=0).max()
        order = here[np.lexsort(np.round(here[:, :2] / (_SNAP * size)).T)]
        twice = np.flatnonzero(np.abs(np.diff(order[:, :2], axis=0)).max(axis=1) <= _SNAP * size)
        if twice.size:
            raise ValueError(
                f"{twice.size} nodes are there twice, one of them at "
                f"{order[twice[0], :2].tolist()}: the triangles beside it do not hang together"
            )


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


def _snapped(coordinates: np.ndarray, values: tuple[float, ...]) -> np.ndarray:
    moved = coordinates.copy()
    for value in values:
        moved[np.abs(moved - value) <= _SNAP * max(1.0, abs(value))] = value
    return moved
