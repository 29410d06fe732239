"""Single VTK files: line cells, triangles, rectilinear grids, points.

VTK's modules are used directly: they load in a fifth of the time that pyvista takes, which reads the same files.
"""

from __future__ import annotations

import errno
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .tuning import FILES


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the end of the block: an import of VTK that is broken off ends the whole process."""
    own = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(own):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
        if came:
            own(*came[-1])


def _load() -> None:
    """What is used of VTK, imported once."""
    if "vtkmodules.vtkIOXML" not in sys.modules:
        with uninterrupted():
            for name in ("util.numpy_support", "vtkCommonCore", "vtkCommonDataModel", "vtkIOXML"):
                import_module(f"vtkmodules.{name}")


def collection(files: Sequence[tuple[float, str]]) -> str:
    """A .pvd: the files of a time series, (time, name)."""
    rows = [f'    <DataSet timestep="{t!r}" part="0" file="{name}"/>\n' for t, name in files]
    head = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1" byte_order="LittleEndian">\n'
    return head + "  <Collection>\n" + "".join(rows) + "  </Collection>\n</VTKFile>\n"


def write_line_mesh(
    path: Path, points: np.ndarray, fields: Mapping[str, np.ndarray], scalars: Mapping[str, float], axis: str = "v"
) -> None:
    """A .vtu of line cells between successive points (v, 0, 0), with point data and scalars as field data.

    `axis`: the name of the coordinate, which is point data too.
    """
    cells = np.column_stack([np.arange(points.size - 1), np.arange(1, points.size)])
    corners = np.column_stack([points, np.zeros((points.size, 2))])
    _write_cells(path, corners, cells, {**fields, axis: points}, scalars)


def write_triangle_mesh(
    path: Path,
    points: np.ndarray,
    cells: np.ndarray,
    fields: Mapping[str, np.ndarray],
    scalars: Mapping[str, float],
    axes: tuple[str, str] = ("v", "w"),
) -> None:
    """A .vtu of triangles `cells` (m, 3) of points (v, w, 0), `points` (n, 2): point data `fields` and the axes."""
    corners = np.column_stack([points, np.zeros(len(points))])
    _write_cells(path, corners, cells, {**fields, axes[0]: points[:, 0], axes[1]: points[:, 1]}, scalars)


def _write_cells(
    path: Path, corners: np.ndarray, ends: np.ndarray, fields: Mapping[str, np.ndarray], scalars: Mapping[str, float]
) -> None:
    """An unstructured grid whose cells, (m, 2) or (m, 3), are all lines or all triangles."""
    _load()
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import VTK_LINE, VTK_TRIANGLE, vtkCellArray, vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    number, each = ends.shape
    cells, points, grid = vtkCellArray(), vtkPoints(), vtkUnstructuredGrid()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, each * number + 1, each), deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(ends, np.int64).ravel(), deep=True),
    )
    points.SetData(_array("Points", corners))
    grid.SetPoints(points)
    grid.SetCells(VTK_LINE if each == 2 else VTK_TRIANGLE, cells)
    _attach(grid, fields, scalars)
    _write(vtkXMLUnstructuredGridWriter(), grid, path)


def write_rectilinear(
    path: Path, v: np.ndarray, times: np.ndarray, fields: Mapping[str, np.ndarray], axis: str = "v"
) -> None:
    """A .vtr on the grid (v, t, 0), or (w, t, 0); each field has shape (len(times), len(v))."""
    _load()
    from vtkmodules.vtkCommonDataModel import vtkRectilinearGrid
    from vtkmodules.vtkIOXML import vtkXMLRectilinearGridWriter

    grid = vtkRectilinearGrid()
    grid.SetDimensions(v.size, times.size, 1)
    grid.SetXCoordinates(_array(axis, v))
    grid.SetYCoordinates(_array("t", times))
    grid.SetZCoordinates(_array("z", np.zeros(1)))
    _attach(grid, {name: values.ravel() for name, values in fields.items()}, {})
    _write(vtkXMLRectilinearGridWriter(), grid, path)


def write_points(
    path: Path, points: np.ndarray, columns: Mapping[str, np.ndarray], scalars: Mapping[str, float]
) -> None:
    """A .vtp of points, shape (count, 3), with data at each and scalars as field data."""
    _load()
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    corners, vertices, data = vtkPoints(), vtkCellArray(), vtkPolyData()
    corners.SetData(_array("Points", points))
    ends, ids = np.arange(len(points) + 1), np.arange(len(points))
    vertices.SetData(numpy_to_vtkIdTypeArray(ends, deep=True), numpy_to_vtkIdTypeArray(ids, deep=True))
    data.SetPoints(corners)
    data.SetVerts(vertices)
    _attach(data, columns, scalars)
    _write(vtkXMLPolyDataWriter(), data, path)


def read_line_mesh(path: Path, axis: str = "v") -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Points and the fields on them, as `write_line_mesh` wrote them."""
    _load()
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    reader = vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput().GetPointData()
    arrays = {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)) for i in range(data.GetNumberOfArrays())}
    if axis not in arrays:
        raise ValueError(f"{path.parent.parent}: snapshot {path.name} cannot be read.")
    return arrays.pop(axis), arrays


def _array(name: str, values: np.ndarray) -> Any:
    _load()
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
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToZLib()
    shown = writer.GetGlobalWarningDisplay()
    writer.GlobalWarningDisplayOff()  # what it says of a full disk is said below, in one sentence
    try:
        written = writer.Write()
    finally:
        writer.SetGlobalWarningDisplay(shown)
    if not written:
        full = shutil.disk_usage(path.parent).free < FILES.page  # VTK does not say why, and removes what it wrote
        raise OSError(errno.ENOSPC if full else errno.EIO, "the disk is full" if full else "VTK could not write it")
