"""Triangulated rectangles of potentials v and synaptic weights w, with node lines exactly on V_R and V_F."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..given.arguments import checked, number, several, whole
from ..given.libraries import skfem
from ..given.types import Model
from ..translation.weak_form import PARAMETERS
from .interval import RESET, THRESHOLDS, TOP, interval, marks_of, require_near

_FLAT = 1e-10  # twice the area of a triangle over the square of its longest side


@checked(
    model=THRESHOLDS,
    v_min=number(least=-1e100),
    cells=several(whole(1), "two whole numbers from 1", least=2, most=2),
    grading=number(most=100.0),
)
def strip(model: Model, v_min: float = -6.0, cells: tuple[int, int] = (13, 8), grading: float = 1.5) -> skfem.MeshTri:
    """[v_min, V_F] x [w_min, w_max] cut into cells[0] x cells[1] rectangles of two triangles each.

    The columns are those of `interval`, with node lines exactly on V_R and V_F; the rows are equal.

    Parameters
    ----------
    model : model
        A model with weights: V_R and V_F, w_min, w_max.
    v_min : float
        Lower end in v, below V_R.
    cells : tuple of two int
        Numbers of columns and rows.
    grading : float
        Of the columns toward V_F; 1 is uniform.

    Returns
    -------
    skfem.MeshTri
        With the facets "reset" (v = V_R), "firing" (v = V_F), "floor" (v = v_min), "w_min" and "w_max".

    Raises
    ------
    ValueError
        For values that are not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> fl.strip(learning, cells=(8, 4)).nelements
    64
    """
    low, high = _weights_of(model, "strip")
    columns, rows = cells
    v = np.sort(interval(model, v_min=v_min, cells=columns, grading=grading).p[0])
    w = np.linspace(low, high, rows + 1)
    mesh = skfem.MeshTri.init_tensor(v, w)
    return triangles(corners_of(mesh), model)


def triangles(corners: np.ndarray, model: Any) -> skfem.MeshTri:
    """The tagged mesh of these triangles, corners (cells, 3, 2): the same corners give the same mesh to the bit.

    Facet sets are predicates of the coordinates, found again on every mesh. Raises ValueError where the triangles do
    not fill [v_min, V_F] x [w_min, w_max], or where no line of facets lies exactly on v = V_R.
    """
    low, high = _weights_of(model, "mesh")
    corners = np.asarray(corners, float)
    if corners.ndim != 3 or corners.shape[1:] != (3, 2) or not np.all(np.isfinite(corners)):
        raise ValueError(f"mesh: triangles of shape {corners.shape}; allowed are finite corners (cells, 3, 2)")
    points, numbers = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    cells = np.sort(numbers.reshape(-1, 3), axis=1).T
    mesh = skfem.MeshTri(np.ascontiguousarray(points.T), np.ascontiguousarray(cells.astype(np.int32)))
    v, w = mesh.p
    reset, fire = (marks_of(model)[name] for name in PARAMETERS)
    (floor, top), ends = ((float(x.min()), float(x.max())) for x in (v, w))
    if top != fire or ends != (low, high):
        raise ValueError(
            f"mesh: v reaches up to {top!r}, w from {ends[0]!r} to {ends[1]!r}; "
            f"allowed are exactly {TOP} = {fire!r}, w_min = {low!r} and w_max = {high!r}"
        )
    require_near(floor, reset, fire)
    if not floor < reset:
        raise ValueError(f"mesh: v begins at {floor!r}; it must reach below {RESET} = {reset!r}")
    (x0, x1, x2), (y0, y1, y2) = v[cells], w[cells]
    area = np.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)).sum() / 2
    whole = (fire - floor) * (high - low)
    if abs(area - whole) > 1e-9 * whole or mesh.nvertices - mesh.nfacets + mesh.nelements != 1:
        raise ValueError(
            f"mesh: the triangles cover {area:g} of the rectangle [{floor:g}, {fire:g}] x [{low:g}, {high:g}], "
            f"which has {whole:g}, or do not meet edge to edge; allowed are triangulations of a rectangle"
        )
    _require_whole(mesh, (floor, fire), (low, high))
    places = {"reset": (0, reset), "firing": (0, fire), "floor": (0, floor), "w_min": (1, low), "w_max": (1, high)}
    tags = {name: facets_on(mesh, axis, value) for name, (axis, value) in places.items()}
    for name in PARAMETERS:
        ends = mesh.p[1, mesh.facets[:, tags[name]]]
        if abs(np.ptp(ends, axis=0).sum() - (high - low)) > 1e-9 * (high - low):
            value = f"{PARAMETERS[name]} = {places[name][1]!r}"
            raise ValueError(f"mesh: no line of edges from w_min to w_max lies exactly on {value}. Put nodes there.")
    return mesh.with_boundaries(tags)


def _require_whole(mesh: skfem.MeshTri, v_ends: tuple[float, float], w_ends: tuple[float, float]) -> None:
    """ValueError naming a place where triangles are flat, or an edge inside the rectangle belongs to one only."""
    corners = corners_of(mesh)
    sides = corners - np.roll(corners, 1, axis=1)
    lengths = np.sqrt((sides**2).sum(axis=2))
    doubled = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    flat = np.flatnonzero(doubled <= _FLAT * lengths.max(axis=1) ** 2)
    if flat.size:
        v, w = corners[flat[0]].mean(axis=0)
        raise ValueError(f"mesh: {flat.size} triangles have no area, one of them at v = {v:.6g}, w = {w:.6g}")
    ends = mesh.p[:, mesh.facets[:, mesh.boundary_facets()]]  # (2, end, facet)
    outer = np.zeros(ends.shape[2], bool)
    for axis, places in ((0, v_ends), (1, w_ends)):
        for place in places:
            outer |= np.all(ends[axis] == place, axis=0)
    if not outer.all():
        v, w = ends[:, :, np.flatnonzero(~outer)[0]].mean(axis=1)
        raise ValueError(
            f"mesh: {np.count_nonzero(~outer)} edges inside the rectangle belong to one triangle only, one of them at "
            f"v = {v:.6g}, w = {w:.6g}: a crack (nodes twice), a hole, or a node in the middle of an edge"
        )


def facets_on(mesh: skfem.MeshTri, axis: int, value: float) -> np.ndarray:
    """Facets whose two ends have this coordinate, exactly: halving an edge on a line leaves its ends on that line."""
    return np.flatnonzero(np.all(mesh.p[axis, mesh.facets] == value, axis=0))


def corners_of(mesh: skfem.MeshTri) -> np.ndarray:
    """Corners of all triangles, shape (cells, 3, 2)."""
    return np.ascontiguousarray(mesh.p[:, mesh.t].transpose(2, 1, 0))


def refined(mesh: skfem.MeshTri, marked: np.ndarray, model: Any) -> skfem.MeshTri:
    """The marked triangles cut into four, their neighbours as conformity asks (red, green, blue), tagged again."""
    untagged = skfem.MeshTri(mesh.p, mesh.t)  # scikit-fem drops tags, with a warning
    return triangles(corners_of(untagged.refined(np.flatnonzero(marked))), model)


def _weights_of(model: Any, what: str) -> tuple[float, float]:
    try:
        return float(model.w_min), float(model.w_max)
    except AttributeError:
        raise ValueError(
            f"{what}: {type(model).__name__} has no w_min and w_max; a rectangle is for densities over v and w"
        ) from None
