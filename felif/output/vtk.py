"""Fields as a time series for ParaView: one .vtu a snapshot, a .pvd that lists them with their times.

Every snapshot carries its own mesh, so the mesh may change in time, and the series is readable after every snapshot.
VTK's modules are used directly: they load in a fifth of the time that pyvista takes, which reads the same files.
"""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .files import temporary_name, write_series, write_text
from .sampling import common_points, run_times, sample_points, scalars_of


class FieldSeries:
    """`fields.pvd` and `fields/0000.vtu`, `fields/0001.vtu`, ... numbered in the order of writing."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.entries: list[tuple[float, str]] = []  # (time, file) in the order of writing; the .pvd is sorted by time

    @classmethod
    def reopen(cls, folder: str | Path, count: int) -> FieldSeries:
        """The first `count` snapshots of a folder; later ones are deleted. ValueError when some of them are missing."""
        series = cls(folder)
        listed = {file: time for time, file in read_pvd(series.folder)}
        for number in range(count):
            name = _file_name(number)
            if name not in listed or not (series.folder / name).exists():
                raise ValueError(f"{series.folder}: snapshot {name} is missing, which belongs to the checkpoint.")
            series.entries.append((listed[name], name))
        kept = {name for _, name in series.entries}
        if listed:
            series._write_pvd()  # before the files go, so that it never names one that is not there
        for path in (series.folder / "fields").glob("*.vtu"):
            if f"fields/{path.name}" not in kept:
                path.unlink()
        return series

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
        problem = state.problem
        if not getattr(problem, "field_names", ()) or not hasattr(problem, "cells"):
            raise ValueError("This problem has no field on a mesh to write for ParaView; write no snapshots of it.")
        points = sample_points(problem)
        fields = {name: getattr(state, name)(points) for name in problem.field_names}
        if not self.entries:
            (self.folder / "fields").mkdir(parents=True, exist_ok=True)
            copy_view(self.folder)
        name = _file_name(len(self.entries))
        write_line_mesh(self.folder / name, points, fields, {**scalars_of(state), "t": t})
        self.entries.append((t, name))
        self._write_pvd()

    def _write_pvd(self) -> None:
        rows = [f'    <DataSet timestep="{t!r}" part="0" file="{name}"/>\n' for t, name in sorted(self.entries)]
        head = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1" byte_order="LittleEndian">\n'
        text = head + "  <Collection>\n" + "".join(rows) + "  </Collection>\n</VTKFile>\n"
        write_text(self.folder / "fields.pvd", text)

    def write_spacetime(self) -> None:
        """`spacetime.vtr`: every field on one rectilinear grid (v, t), the surface that the snapshots are cuts of."""
        snapshots = [(t, *read_line_mesh(self.folder / name)) for t, name in sorted(self.entries)]
        if not snapshots:
            return
        v = common_points([points for _, points, _ in snapshots])
        times = np.array([t for t, _, _ in snapshots])
        fields = {
            name: np.array([np.interp(v, points, fields[name], left=0.0, right=0.0) for _, points, fields in snapshots])
            for name in snapshots[0][2]
        }
        write_rectilinear(self.folder / "spacetime.vtr", v, times, fields)


def write_vtk(run: Any, folder: str | Path, times: Sequence[float] | None = None) -> Path:
    """Write the fields of a run for ParaView and return `folder/fields.pvd`.

    `times`: where to look at the run, by default 101 times evenly spaced and more towards a blow-up. Beside the series
    come `spacetime.vtr`, `view.py` (`paraview --script=view.py`) and, unless it is a run's own folder, the series.csv
    that N(t) is drawn from. Snapshots already in the folder are replaced. Raises ValueError for a time outside the run.
    """
    folder = Path(folder)
    series = FieldSeries.reopen(folder, 0)
    for t in run_times(run) if times is None else np.unique(np.asarray(times, float)):
        series.add(run.at(float(t)), float(t))
    series.write_spacetime()
    if not (folder / "run.json").exists():
        write_series(folder / "series.csv", run.series)
    return folder / "fields.pvd"


def read_pvd(folder: str | Path) -> list[tuple[float, str]]:
    """(time, file) of every snapshot in `folder/fields.pvd`, by time; empty where no snapshot was written."""
    path = Path(folder) / "fields.pvd"
    if not path.exists():
        return []
    try:
        entries = ElementTree.parse(path).getroot().iter("DataSet")
        return sorted((float(entry.attrib["timestep"]), entry.attrib["file"]) for entry in entries)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise ValueError(f"{folder}: fields.pvd cannot be read ({error}).") from None


def copy_view(folder: Path) -> None:
    """The script that shows the folder in ParaView, beside the data it shows."""
    script = Path(__file__).with_name("view.py").read_text()
    write_text(folder / "view.py", script.replace('WRITTEN_TO = ""', f"WRITTEN_TO = {str(folder.resolve())!r}"))


def write_line_mesh(
    path: Path, points: np.ndarray, fields: Mapping[str, np.ndarray], scalars: Mapping[str, float]
) -> None:
    """A .vtu of line cells between successive points (v, 0, 0), with point data and scalars as field data."""
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import VTK_LINE, vtkCellArray, vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    lines = points.size - 1
    ends = np.column_stack([np.arange(lines), np.arange(1, lines + 1)]).ravel()
    cells, corners, grid = vtkCellArray(), vtkPoints(), vtkUnstructuredGrid()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, 2 * lines + 1, 2), deep=True), numpy_to_vtkIdTypeArray(ends, deep=True)
    )
    corners.SetData(_array("Points", np.column_stack([points, np.zeros((points.size, 2))])))
    grid.SetPoints(corners)
    grid.SetCells(VTK_LINE, cells)
    _attach(grid, {**fields, "v": points}, scalars)
    _write(vtkXMLUnstructuredGridWriter(), grid, path)


def write_rectilinear(path: Path, v: np.ndarray, times: np.ndarray, fields: Mapping[str, np.ndarray]) -> None:
    """A .vtr on the grid (v, t, 0); each field has shape (len(times), len(v))."""
    from vtkmodules.vtkCommonDataModel import vtkRectilinearGrid
    from vtkmodules.vtkIOXML import vtkXMLRectilinearGridWriter

    grid = vtkRectilinearGrid()
    grid.SetDimensions(v.size, times.size, 1)
    grid.SetXCoordinates(_array("v", v))
    grid.SetYCoordinates(_array("t", times))
    grid.SetZCoordinates(_array("z", np.zeros(1)))
    _attach(grid, {name: values.ravel() for name, values in fields.items()}, {})
    _write(vtkXMLRectilinearGridWriter(), grid, path)


def read_line_mesh(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Points v and the fields on them, as `write_line_mesh` wrote them."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    reader = vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput().GetPointData()
    arrays = {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)) for i in range(data.GetNumberOfArrays())}
    if "v" not in arrays:
        raise ValueError(f"{path.parent.parent}: snapshot {path.name} cannot be read.")
    return arrays.pop("v"), arrays


def _file_name(number: int) -> str:
    return f"fields/{number:04d}.vtu"


def _array(name: str, values: np.ndarray) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    array = numpy_to_vtk(np.ascontiguousarray(values, float), deep=True)
    array.SetName(name)
    return array


def _attach(grid: Any, fields: Mapping[str, np.ndarray], scalars: Mapping[str, float]) -> None:
    for name, values in fields.items():
        grid.GetPointData().AddArray(_array(name, values))
    grid.GetPointData().SetActiveScalars(next(iter(fields)))
    for name, value in scalars.items():
        # an infinite rate would stretch every axis without end; undefined is left out of a chart
        grid.GetFieldData().AddArray(_array(name, np.array([value if np.isfinite(value) else np.nan])))


def _write(writer: Any, grid: Any, path: Path) -> None:
    writer.SetFileName(str(temporary_name(path)))
    writer.SetInputData(grid)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToZLib()
    if not writer.Write():
        raise OSError(f"VTK could not write {path}.")
    os.replace(temporary_name(path), path)
