"""Writes the mesh files of this folder through meshio: `python meshes/make_meshes.py [FOLDER]`.

neurons.msh          MSH 4.1 ASCII, [-8, 2]:   cells shrink by a constant factor to 1e-3 on both sides of V_R = 1 and
                     below V_F = 2; for data that do not vanish at V_F and for blow-up
random_threshold.msh MSH 2.2 ASCII, [-8, 8]:   the same below V_F = 2, and cells above it, for RandomThresholdLIF

Both name their nodes on V_R and V_F as physical points "reset" and "firing", and their cells as "neurons".
"""

from __future__ import annotations

import sys
from pathlib import Path

import meshio
import numpy as np

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


def main(folder: Path) -> None:
    write(folder / "neurons.msh", below_threshold(), "gmsh")
    above = away_from(V_FIRE, V_MAX - V_FIRE)
    write(folder / "random_threshold.msh", np.concatenate([below_threshold(), above]), "gmsh22")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
