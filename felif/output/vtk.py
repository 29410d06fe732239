"""Fields as a time series for ParaView: one .vtu a snapshot, a .pvd that lists them with their times.

Every snapshot carries its own mesh, so the mesh may change in time, and the series is readable after every snapshot.
A density over (v, w) is a series of triangle meshes; beside it, `lines.pvd` is the series of N(w) and C(w).
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FLAG, FOLDER, TIMES, checked, optional
from .drawn import DRAWN, common_points, drawn_densities, run_times, scalars_of
from .listing import Listing
from .manifest import FIELDS, KINDS, Room, make_room
from .series_files import series_text
from .vtk_files import collection, read_line_mesh, write_line_mesh, write_rectilinear, write_triangle_mesh

_PARTS = ("fields", "lines", "spacetime", "view")


class FieldSeries:
    """`fields.pvd` and `fields/0000.vtu`, `fields/0001.vtu`, ... numbered in the order of writing.

    Over (v, w) also `lines.pvd` and `lines/0000.vtu`, ...
    """

    def __init__(self, folder: str | Path, room: Room | None = None) -> None:
        """`room`: whose files these are; by default a series of its own."""
        self.folder = Path(folder)
        self.room = Room(self.folder, "vtk") if room is None else room
        self.entries: list[tuple[float, str]] = []  # (time, file) in the order of writing; the .pvd is sorted by time
        self.lost: list[float] = []  # times of snapshots that are damaged
        self._has_lines = False
        self.axis: str | None = "v"  # of the surface over an axis and time; None where there is none

    @classmethod
    def reopen(
        cls, folder: str | Path, times: Sequence[float], room: Room | None = None, axis: str = "v"
    ) -> FieldSeries:
        """The first snapshots of a folder, those at `times`; later ones are deleted.

        `lost`: the times of those that are missing or damaged, for `mend`. `axis`: as `axis` of the series was.
        """
        series = cls(folder, room)
        series.axis, series._has_lines = axis or None, "lines.pvd" in series.room.listed
        series.entries = [(float(t), _file_name(number)) for number, t in enumerate(times)]
        for t, name in series.entries:
            try:
                for file in series._files(name):
                    series.room.whole(file)
            except ValueError:
                series.lost.append(t)
        kept = {file for _, name in series.entries for file in series._files(name)}
        if "fields.pvd" in series.room.listed:
            series._write_pvd()  # before the files go, so that it never names one that is not there
        series.room.clear(name for name in series.room.names if name.endswith(".vtu") and name not in kept)
        return series

    def mend(self, state: Any, t: float) -> None:
        """Write the snapshot at a time of `lost` again."""
        self._draw(state, t, next(name for time, name in self.entries if time == t))
        self.lost.remove(t)

    def _files(self, name: str) -> list[str]:
        return [name, _line_name(name)] if self._has_lines else [name]

    @property
    def latest(self) -> float:
        """Time of the last snapshot; -inf before the first."""
        return max((time for time, _ in self.entries), default=-math.inf)

    def add(self, state: Any, t: float | None = None) -> None:
        """Write the fields of a State; a time that is there already is not written again.

        Raises ValueError for a problem without a field or without a mesh to draw it on.
        """
        t = float(state.t if t is None else t)
        if any(t == time for time, _ in self.entries):
            return
        name = _file_name(len(self.entries))
        self._draw(state, t, name)
        self.entries.append((t, name))
        self._write_pvd()

    def _draw(self, state: Any, t: float, name: str) -> None:
        problem = state.problem
        at, fields = drawn_densities(state)
        self.axis = at.axes[0] if at.triangles is None else None
        self._has_lines = bool(problem.line_names)
        if not self.entries:
            copy_view(self.room)
        scalars = {**scalars_of(state), "t": t}
        if self._has_lines:
            w, inside = at.second
            lines = {line: getattr(state, line)(inside) for line in problem.line_names}
            self._write(_line_name(name), write_line_mesh, w, lines, scalars, at.axes[1])
        if at.triangles is None:
            self._write(name, write_line_mesh, at.points, fields, scalars, self.axis)
        else:
            self._write(name, write_triangle_mesh, at.points, at.triangles, fields, scalars, at.axes)

    def _write(self, name: str, write: Callable[..., None], *what: Any) -> None:
        """A picture, which can be made again: it need not survive a loss of power."""
        self.room.file(name, lambda path: write(path, *what), durable=False)

    def _write_pvd(self) -> None:
        for kind in ("lines", "fields") if self._has_lines else ("fields",):
            files = [(t, name.replace("fields", kind)) for t, name in sorted(self.entries)]
            self.room.text(f"{kind}.pvd", collection(files), durable=False)

    def write_spacetime(self) -> None:
        """`spacetime.vtr`: every field on one rectilinear grid (v, t), the surface that the snapshots are cuts of.

        Over (v, w) it is a grid (w, t) with N and C.
        """
        axis = "w" if self._has_lines else self.axis
        if axis is None:
            return
        files = [(t, _line_name(name) if self._has_lines else name) for t, name in sorted(self.entries)]
        snapshots = [(t, *read_line_mesh(self.room.whole(name), axis)) for t, name in files]
        if not snapshots:
            return
        x = common_points([points for _, points, _ in snapshots])
        times = np.array([t for t, _, _ in snapshots])
        fields = {
            name: np.array([np.interp(x, points, fields[name], left=0.0, right=0.0) for _, points, fields in snapshots])
            for name in snapshots[0][2]
        }
        self._write("spacetime.vtr", write_rectilinear, x, times, fields, self.axis or "v")


@checked(run=DRAWN, folder=FOLDER, times=optional(TIMES), overwrite=FLAG)
def write_vtk(run: Any, folder: str | Path, times: Sequence[float] | None = None, overwrite: bool = False) -> Path:
    """Write the fields of a run for ParaView and return `folder/fields.pvd`.

    `times`: where to look at the run, by default 101 times evenly spaced and more towards a blow-up. Beside the series
    come `spacetime.vtr`, `view.py` (`paraview --script=view.py`) and, unless it is a run's own folder, the series.csv
    that N(t) is drawn from. Snapshots of the same run are replaced, those of another only with overwrite=True,
    and files that felif did not write never. Raises ValueError for a time outside the run.
    """
    chosen = run_times(run) if times is None else np.unique(np.asarray(times, float))
    for t in (*chosen[:1], *chosen[-1:]):
        run.at(float(t))  # refuses times outside before anything is replaced
    series = new_series(folder, run.series, overwrite)
    for t in chosen:
        series.add(run.at(float(t)), float(t))
    series.write_spacetime()
    return series.folder / "fields.pvd"


def new_series(folder: str | Path, table: Mapping[str, np.ndarray], overwrite: bool) -> FieldSeries:
    """An empty series of fields, with series.csv, in place of one with the same table, or any if `overwrite`.

    In the folder of a run it is a part of that run, and only that run's own. Raises ValueError where it would replace
    anything else.
    """
    folder = Path(folder)
    there = folder / "series.csv"
    same = there.is_file() and there.read_text(errors="replace").startswith(series_text(table))
    of_run = Room(folder, "run")
    if "run.json" in of_run.names:
        if not same:
            raise ValueError(f"{folder} holds another run; give another name.")
        room = of_run
        for name in (name for pattern in FIELDS for name in folder.glob(pattern)):
            room.require_free(name.relative_to(folder).as_posix())
        room.clear([name for name in room.names if name.partition("/")[0].partition(".")[0] in _PARTS])
        return FieldSeries(folder, room)
    room = make_room(folder, "vtk", overwrite or same, (*FIELDS, "series.csv"))
    room.series("series.csv", table, durable=False)
    return FieldSeries(folder, room)


def read_pvd(folder: str | Path) -> list[tuple[float, str]]:
    """(time, file) of every snapshot in `folder/fields.pvd`, by time; empty where no snapshot was written."""
    listing = Listing(folder, KINDS)
    if not listing.is_there("fields.pvd"):
        return []
    path = listing.whole("fields.pvd")
    try:
        entries = ElementTree.parse(path).getroot().iter("DataSet")
        return sorted((float(entry.attrib["timestep"]), entry.attrib["file"]) for entry in entries)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise ValueError(f"{folder}: fields.pvd cannot be read ({error}).") from None


def copy_view(room: Room) -> None:
    """The script that shows the folder in ParaView, as view.py beside the data it shows."""
    script = Path(__file__).with_name("view.py").read_text()
    where = str(room.folder.resolve())
    room.text("view.py", script.replace('WRITTEN_TO = ""', f"WRITTEN_TO = {where!r}"), durable=False)


def _file_name(number: int) -> str:
    return f"fields/{number:04d}.vtu"


def _line_name(name: str) -> str:
    """The file of N(w) and C(w) that belongs to a snapshot of the density."""
    return name.replace("fields", "lines")
