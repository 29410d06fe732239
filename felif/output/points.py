"""Neurons as points for ParaView: one .vtp a snapshot, a .pvd that lists them with their times."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .manifest import Room
from .vtk_files import collection, write_points

FOLDER, COLLECTION = "particles", "particles.pvd"


def write_particles(snapshots: Mapping[float, Any], room: Room) -> Path:
    """Write snapshots of neurons (t, v, w or None, resting, population, batch) and return the path of particles.pvd.

    A neuron is the point (v, w), or, where it has no weight w, (v, y) with y its place among the neurons of its
    population, in (0, 1) for the first, (1, 2) for the second: a cloud that is dense where n(v) is large. Point data:
    v, w, resting, population, batch; field data: t.
    """
    files = []
    for number, t in enumerate(sorted(snapshots)):
        name = f"{FOLDER}/{number:04d}.vtp"
        snapshot = snapshots[t]
        height = _places(snapshot.population) if snapshot.w is None else snapshot.w
        points = np.column_stack([snapshot.v, height, np.zeros(snapshot.v.size)])
        write = partial(write_points, points=points, columns=_columns(snapshot), scalars={"t": snapshot.t})
        room.file(name, write, durable=False)
        files.append((float(t), name))
    return room.text(COLLECTION, collection(files), durable=False)


def _columns(snapshot: Any) -> dict[str, np.ndarray]:
    names = ("v", "w", "resting", "population", "batch")
    return {name: getattr(snapshot, name) for name in names if getattr(snapshot, name) is not None}


def _places(population: np.ndarray) -> np.ndarray:
    """Of every neuron among those of its population, scaled to (k, k + 1) for population k."""
    places = np.empty(population.size)
    for kind in np.unique(population):
        of = np.flatnonzero(population == kind)
        places[of] = kind + (np.arange(of.size) + 0.5) / of.size
    return places
