"""From one triangle mesh to another: the L2 projection, exact because it is integrated on the common refinement."""

from __future__ import annotations

import numpy as np
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from .space import modes, shapes
from .tuning import GEOMETRY


def transfer(old: np.ndarray, new: np.ndarray, degree: int, new_degree: int, y: np.ndarray) -> np.ndarray:
    """Coefficients of the L2 projection of y, from triangles `old` to `new`, both (cells, 3, 2) with sorted corners.

    Where the new triangles cut the old ones up, the density stays what it is; every integral against a polynomial of
    the new degree is kept on every new triangle, so mass is, and so is what lies between two lines of edges.
    """
    values = y.reshape(len(old), -1)
    result = np.zeros((len(new), modes(new_degree)))
    same_new, same_old = _common(new, old)
    shared = min(values.shape[1], result.shape[1])  # both bases are orthonormal and ascend in degree
    result[same_new, :shared] = values[same_old, :shared]
    left_new, left_old = (np.setdiff1d(np.arange(len(a)), same) for a, same in ((new, same_new), (old, same_old)))
    first, second = _candidates(new[left_new], old[left_old])
    first, second = left_new[first], left_old[second]
    if not len(first):
        return result.ravel()
    pieces, owner = overlaps(new[first], old[second])
    X, W = get_quadrature(RefTri, degree + new_degree)
    sides = pieces[:, 1:] - pieces[:, :1]
    x = pieces[:, 0, :, None] + np.einsum("nsc,sq->ncq", sides, X)  # (pieces, 2, points)
    weights = np.abs(_cross(sides[:, 0], sides[:, 1]))[:, None] * W
    into, outof = first[owner], second[owner]
    there = _evaluate(old[outof], x, degree)
    density = np.einsum("npm,nm->np", there, values[outof]) * weights
    moments = np.einsum("np,npm->nm", density, _evaluate(new[into], x, new_degree))
    area = np.abs(_cross(new[:, 1] - new[:, 0], new[:, 2] - new[:, 0])) / 2
    np.add.at(result, into, moments / area[into][:, None])
    return result.ravel()


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _evaluate(corners: np.ndarray, x: np.ndarray, degree: int) -> np.ndarray:
    """Basis functions of triangles (n, 3, 2) at points (n, 2, q): (n, q, modes)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    determinant = _cross(a, b)[:, None]
    d = np.moveaxis(x - corners[:, 0, :, None], 1, 2)
    X = np.array([_cross(d, b[:, None]) / determinant, _cross(a[:, None], d) / determinant])
    values, _ = shapes(degree, X.reshape(2, -1))
    return np.moveaxis(values.reshape(-1, *X.shape[1:]), 0, -1)


def _common(new: np.ndarray, old: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the triangles that are in both meshes."""
    rows = [np.ascontiguousarray(mesh.reshape(len(mesh), 6) + 0.0).view("V48").ravel() for mesh in (new, old)]
    _, here, there = np.intersect1d(*rows, return_indices=True)
    return here, there


def _candidates(new: np.ndarray, old: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of triangles whose bounding boxes overlap."""
    low_new, high_new, low_old, high_old = new.min(axis=1), new.max(axis=1), old.min(axis=1), old.max(axis=1)
    found: list[np.ndarray] = []
    step = max(1, GEOMETRY.pairs // max(1, len(old)))
    for start in range(0, len(new), step):
        part = slice(start, start + step)
        meet = (low_new[part, None] < high_old) & (low_old < high_new[part, None])
        first, second = np.nonzero(meet.all(axis=2))
        found.append(np.array([first + start, second]))
    return tuple(np.concatenate(found, axis=1)) if found else (np.zeros(0, int), np.zeros(0, int))


def overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (pieces, 3, 2) that the intersections first[i] & second[i] consist of, and i for each of them.

    Each polygon is cut by the three edges of `second` in turn (Sutherland & Hodgman, Commun. ACM 17 (1974) 32-42).
    """
    owner = np.arange(len(first))
    clip = second.copy()
    turned = _cross(clip[:, 1] - clip[:, 0], clip[:, 2] - clip[:, 0]) < 0
    clip[turned] = clip[turned][:, ::-1]
    polygon, count = first, np.full(len(first), 3)
    for k in range(3):
        start, side = clip[owner, k], clip[owner, (k + 1) % 3] - clip[owner, k]
        polygon, count = _cut(polygon, count, start, side)
        kept = count >= 3
        polygon, count, owner = polygon[kept], count[kept], owner[kept]
    pieces, owners = [], []
    for k in range(1, polygon.shape[1] - 1):
        has = count > k + 1
        pieces.append(polygon[has][:, [0, k, k + 1]])
        owners.append(owner[has])
    pieces, owners = np.concatenate(pieces), np.concatenate(owners)
    area = np.abs(_cross(pieces[:, 1] - pieces[:, 0], pieces[:, 2] - pieces[:, 0]))
    whole = np.abs(_cross(second[:, 1] - second[:, 0], second[:, 2] - second[:, 0]))[owners]
    kept = area > GEOMETRY.sliver * whole
    return pieces[kept], owners[kept]


def _cut(polygon: np.ndarray, count: np.ndarray, start: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of each polygon (n, m, 2), of which `count` corners are used, to the left of the line start + side."""
    size = polygon.shape[1]
    number = np.arange(size)
    used = number < count[:, None]
    distance = _cross(side[:, None], polygon - start[:, None])
    following = np.where(number + 1 < count[:, None], number + 1, 0)
    after, beyond = (
        np.take_along_axis(a, following.reshape(*following.shape, *[1] * (a.ndim - 2)), axis=1)
        for a in (polygon, distance)
    )
    crossing = used & (((distance > 0) & (beyond < 0)) | ((distance < 0) & (beyond > 0)))
    share = np.where(crossing, distance / np.where(crossing, distance - beyond, 1.0), 0.0)
    points = np.stack([polygon, polygon + share[..., None] * (after - polygon)], axis=2).reshape(len(polygon), -1, 2)
    valid = np.stack([used & (distance >= 0), crossing], axis=2).reshape(len(polygon), -1)
    order = np.argsort(~valid, axis=1, kind="stable")[:, : size + 1]
    return np.take_along_axis(points, order[..., None], axis=1), valid.sum(axis=1)
