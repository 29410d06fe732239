"""Periodic orbits as arrays, and back; what `periodic_orbit` leaves in its folder.

orbits.csv   a row an orbit between the Hopf point and the target: parameters, period, largest and smallest values
orbit.csv    the scalars of the orbit at the target over its period
orbit.json   what was asked, versions, the outcome (null while orbits are followed)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..output.work import Further, Work
from .collocation import TimeMesh
from .orbit import PeriodicOrbit, path_table
from .orbit_system import Line, Orbit

FILES = ("orbits.csv", "orbit.csv")
_PARTS = ("Y", "S", "ends", "numbers")


def further(reach: Mapping[str, Any]) -> Further:
    """How orbits that are there lead on to a target further along their line, or to more of them."""
    return Further(("parameters", "max_orbits"), partial(_beyond, reach), lambda stored: {"reach": reach}, ("end",))


def _beyond(reach: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    """Why the orbits that are there are not on the way."""
    there, (asked, begun) = stored.get("reach"), map(np.array, (reach["way"], stored.get("unit", [])))
    if there is None:
        return "an older felif wrote it, which did not say how far it reaches"
    if there["max_orbits"] > reach["max_orbits"]:
        return "it goes on to more orbits only"
    if asked.shape != begun.shape or np.abs(asked - share(asked, begun) * begun).max() > 1e-12 * np.abs(asked).max():
        return "it goes on along the line from the Hopf point to the target that is there only"
    further = share(asked, begun) >= share(np.array(there["way"]), begun)
    return "" if further else "the target that is asked lies before the one that is there"


def share(way: np.ndarray, unit: np.ndarray) -> float:
    """theta at the end of a way along the line of a unit."""
    return float(way @ unit / (unit @ unit))


def known_arrays(line: Line, known: Sequence[tuple[float, Orbit]]) -> dict[str, np.ndarray]:
    """Orbits with their places along the branch, on one line of problems."""
    arrays = {f"family_{name}": values for name, values in line.family.as_arrays().items()}
    for k, (place, orbit) in enumerate(known):
        numbers = np.array([place, orbit.period, orbit.theta, orbit.mesh.s])
        own = zip(_PARTS, (orbit.Y, orbit.S, orbit.mesh.ends, numbers), strict=True)
        arrays |= {f"{name}_{k}": values for name, values in own}
    return arrays


def known_from(arrays: Mapping[str, np.ndarray], line: Line) -> tuple[Line, list[tuple[float, Orbit]]]:
    """What `known_arrays` told; `line`: that of the orbits before, used again where its mesh is the same."""
    family = {name.removeprefix("family_"): v for name, v in arrays.items() if name.startswith("family_")}
    own = line.family.from_arrays(family)
    line = line if own is line.family else replace(line, family=own)
    known, meshes = [], []
    for k in range(sum(name.startswith("Y_") for name in arrays)):
        Y, S, ends, numbers = (arrays[f"{name}_{k}"] for name in _PARTS)
        place, period, theta, s = numbers.tolist()
        meshes = [mesh for mesh in meshes if np.array_equal(mesh.ends, ends)] or [TimeMesh(ends, int(s))]
        known.append((place, Orbit(meshes[0], Y, period, theta, S)))
    return line, known


def show_path(path: Sequence[tuple[Line, Orbit]], totals: np.ndarray, work: Work) -> None:
    """orbits.csv of the orbits so far."""
    if path:
        _write(work, "orbits.csv", path_table(list(path), totals), durable=False)


def keep_orbit(orbit: PeriodicOrbit, work: Work) -> None:
    """The orbit as people read it; columns that take long are left out."""
    if work.room is None or work.finished:
        return
    _write(work, "orbits.csv", orbit.path)
    work.room.series("orbit.csv", {"t": orbit.times, **orbit.series})
    names = orbit.line.family.names
    found = {"parameters": {name: float(orbit.path[name][-1]) for name in names}, "period": orbit.period}
    work.finish(found | {"unresolved": orbit.unresolved, "outcome": "the orbit at the target was found"})


def _write(work: Work, name: str, table: Mapping[str, np.ndarray], durable: bool = True) -> None:
    known = [column for column in table if table.known(column)]
    work.room.series(name, {column: table[column] for column in known}, durable)
