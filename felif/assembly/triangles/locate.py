"""Which triangle a point lies in."""

from __future__ import annotations

import numpy as np

from .tuning import GEOMETRY


class Locator:
    """Finds triangles by their rows of w: each of equal bins holds the triangles that reach into it."""

    def __init__(self, corners: np.ndarray) -> None:
        self._origin = corners[:, 0]
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        determinant = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        # rows of the inverse of [a b]: reference coordinates of a point are inverse @ (point - origin)
        inverse = np.array([[b[:, 1], -b[:, 0]], [-a[:, 1], a[:, 0]]]) / determinant
        self._inverse = np.ascontiguousarray(np.moveaxis(inverse, 2, 0))
        w = corners[:, :, 1]
        self._low, self._high = float(w.min()), float(w.max())
        self._count = max(1, int(np.sqrt(len(corners))))
        first, last = self._bin(w.min(axis=1)), self._bin(w.max(axis=1))
        self._members = [np.flatnonzero((first <= k) & (k <= last)) for k in range(self._count)]

    def _bin(self, w: np.ndarray) -> np.ndarray:
        share = (w - self._low) / (self._high - self._low)
        return np.clip((share * self._count).astype(int), 0, self._count - 1)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(cell, X): the triangle of each point (2, n), -1 outside; its reference coordinates there, (2, n)."""
        cell, X = np.full(points.shape[1], -1), np.zeros(points.shape)
        bins = self._bin(points[1])
        order = np.argsort(bins, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(bins[order])) + 1):
            if not len(group):
                continue
            members = self._members[bins[group[0]]]
            step = max(1, GEOMETRY.points_at_once // len(members))
            for start in range(0, len(group), step):
                part = group[start : start + step]
                local = np.einsum(
                    "cij,cpj->ipc", self._inverse[members], points[:, part].T - self._origin[members][:, None]
                )
                least = np.minimum(np.minimum(local[0], local[1]), 1 - local[0] - local[1])
                best = np.argmax(least, axis=1)
                rows = np.arange(len(part))
                inside = least[rows, best] >= -GEOMETRY.outside
                cell[part[inside]] = members[best[inside]]
                X[:, part] = np.where(inside, local[:, rows, best], 0.0)
        return cell, X
