"""Writes the mesh files of this folder through meshio: `python meshes/make_meshes.py [FOLDER]`.

neurons.msh          MSH 4.1 ASCII, [-8, 2]:   cells shrink by a constant factor to 1e-3 on both sides of V_R = 1 and
                     below V_F = 2; for data that do not vanish at V_F and for blow-up
random_threshold.msh MSH 2.2 ASCII, [-8, 8]:   the same below V_F = 2, and cells above it, for RandomThresholdLIF
strip.msh            MSH 2.2 ASCII, [-6, 2] x [-1, 0]: irregular triangles (v, w) for LearningLIF; the line V_R = 1 has
                     fewer nodes than the line V_F = 2

The first two name their nodes on V_R and V_F as physical points "reset" and "firing", and their cells as "neurons"; the
third names its edges on those lines in the same way.
"""

from __future__ import annotations

import sys
from pathlib import Path

import meshio
import numpy as np
from scipy.spatial import Delaunay

V_MIN, V_RESET, V_FIRE, V_MAX = -8.0, 1.0, 2.0, 8.0
FINEST, FACTOR, LARGEST = 1e-3, 2.0, 1.0


def widths(length: float) -> np.ndarray:
    """Cell widths FINEST, FACTOR FINEST, ... up to LARGEST that fill `length`, after a common stretch."""
    cells = [FINEST]
    while sum(cells) < length:
        cells.append(min(FACTOR * cells[-1], LARGEST))
    return np.array(cells) * length / sum(cells)


def away_from(point: float, length: float) -> np.ndarray:
    """Cell ends beyond `point`: upwards for a positive length, downwards for a negative one."""
    return point + np.sign(length) * np.cumsum(widths(abs(length)))


def between(low: float, high: float) -> np.ndarray:
    """Cell ends inside [low, high], fine at both ends."""
    half = (high - low) / 2
    return np.concatenate([away_from(low, half), away_from(high, -half)])


def below_threshold() -> np.ndarray:
    return np.concatenate([away_from(V_RESET, V_MIN - V_RESET), between(V_RESET, V_FIRE), [V_RESET, V_FIRE]])


def write(path: Path, nodes: np.ndarray, file_format: str) -> None:
    """A chain of line cells on points (v, 0, 0), with named nodes on V_R and V_F."""
    v = np.unique(np.round(nodes, 12))
    marked = np.searchsorted(v, [V_RESET, V_FIRE])
    entities = [np.array([1]), np.array([2]), np.ones(len(v) - 1, int)]
    groups = [np.array([1]), np.array([2]), np.full(len(v) - 1, 3)]
    dimensions = np.ones((len(v), 1), int)  # entity (dimension, number) of each point: MSH 4.1 asks for it
    dimensions[marked] = 0
    numbers = np.ones((len(v), 1), int)
    numbers[marked, 0] = [1, 2]
    mesh = meshio.Mesh(
        np.column_stack([v, np.zeros((len(v), 2))]),
        [("vertex", marked[:1, None]), ("vertex", marked[1:, None]), ("line", np.arange(len(v) - 1)[:, None] + [0, 1])],
        point_data={"gmsh:dim_tags": np.hstack([dimensions, numbers])} if file_format == "gmsh" else {},
        cell_data={"gmsh:physical": groups, "gmsh:geometrical": entities},
        field_data={"reset": np.array([1, 0]), "firing": np.array([2, 0]), "neurons": np.array([3, 1])},
    )
    mesh.write(path, file_format=file_format, binary=False)


def irregular_strip() -> tuple[np.ndarray, np.ndarray]:
    """(points (n, 2), triangles): Delaunay triangulations of [-6, V_R] and [V_R, V_F] that share the nodes on V_R.

    Columns of nodes get closer towards V_F; inner nodes are moved about at random, by the same numbers every time.
    """
    random = np.random.default_rng(6)
    below, above = (
        [-6.0, -4.2, -3.0, -2.0, -1.2, -0.6, -0.1, 0.35, 0.7, V_RESET],
        [V_RESET, 1.3, 1.55, 1.75, 1.9, V_FIRE],
    )
    rows = dict(zip(below + above[1:], [4, 4, 5, 6, 8, 9, 10, 10, 10, 10, 11, 12, 12, 13, 14], strict=True))
    all_points, all_cells, count = [], [], 0
    columns = {}
    for place, pieces in rows.items():
        w = -np.arange(pieces + 1) / pieces
        w[1:-1] += 0.2 / pieces * random.uniform(-1, 1, pieces - 1)
        columns[place] = w
    for part in (below, above):
        # columns are as far apart as rows are, so that angles are good in the picture that Delaunay sees
        points = np.concatenate([np.column_stack([np.full(len(columns[v]), v), columns[v]]) for v in part])
        seen = np.concatenate(
            [np.column_stack([np.full(len(columns[v]), 0.09 * k), columns[v]]) for k, v in enumerate(part)]
        )
        cells = Delaunay(seen).simplices
        corners = seen[cells]
        (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
        all_cells.append(cells[np.abs(ax * by - ay * bx) > 1e-9] + count)
        all_points.append(points)
        count += len(points)
    points, numbers = np.unique(np.concatenate(all_points), axis=0, return_inverse=True)
    return points, numbers.ravel()[np.concatenate(all_cells)]


def write_strip(path: Path) -> None:
    points, cells = irregular_strip()
    edges = []
    for place in (V_RESET, V_FIRE):
        on = np.flatnonzero(points[:, 0] == place)
        on = on[np.argsort(points[on, 1])]
        edges.append(np.column_stack([on[:-1], on[1:]]))
    groups = [np.full(len(block), number) for number, block in enumerate([*edges, cells], start=1)]
    mesh = meshio.Mesh(
        np.column_stack([points, np.zeros(len(points))]),
        [("line", edges[0]), ("line", edges[1]), ("triangle", cells)],
        cell_data={"gmsh:physical": groups, "gmsh:geometrical": groups},
        field_data={"reset": np.array([1, 1]), "firing": np.array([2, 1]), "neurons": np.array([3, 2])},
    )
    mesh.write(path, file_format="gmsh22", binary=False)


def main(folder: Path) -> None:
    write_strip(folder / "strip.msh")
    write(folder / "neurons.msh", below_threshold(), "gmsh")
    above = away_from(V_FIRE, V_MAX - V_FIRE)
    write(folder / "random_threshold.msh", np.concatenate([below_threshold(), above]), "gmsh22")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
