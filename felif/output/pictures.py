"""Surfaces as pyvista has them: n(v, t) over v and t, p(v, w) at a time, neurons as points; on a screen or in a file.

What is shown is what the files for ParaView hold.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..given.arguments import FOLDER, TIME, checked, optional
from .tuning import FIGURES
from .vtk import FieldSeries, write_vtk

_WINDOW = (1100, 850)
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@checked(t=optional(TIME))
def to_pyvista(run: Any, t: float | None = None) -> Any:
    """The density of a run as a grid of pyvista.

    t: a time; the grid is then that of a snapshot: line cells on points (v, 0, 0), or triangles on (v, w, 0), with the
    densities as point data and t, N, R, ... as field data. None: over v the rectilinear grid (v, t, 0) of all times,
    the surface n(v, t) (`.warp_by_scalar("n")`); over (v, w) the snapshot at the end.

    Raises ValueError for a time outside the run, and for a model without a density.
    """
    import pyvista

    with TemporaryDirectory(prefix="felif-") as place:
        if t is None and not run.problem.line_names:
            write_vtk(run, place)
            if Path(place, "spacetime.vtr").exists():
                return pyvista.read(Path(place, "spacetime.vtr"))
        series = FieldSeries(Path(place, "one"))
        series.add(run.final if t is None else run.at(t))
        return pyvista.read(series.folder / series.entries[0][1])


@checked(folder=FOLDER, t=optional(TIME))
def picture(folder: str | Path, screenshot: str | Path | None = None, t: float | None = None) -> Path | None:
    """Show what a folder holds for ParaView, in a window, or write it as a picture to `screenshot`.

    Of a run, or a branch written by `write_branch_vtk`: the surface n(v, t). Of a density over (v, w): p(v, w), of a
    simulation: its neurons, at the snapshot next to `t`, by default the last one. Returns the path of the picture.

    Raises ValueError for a folder that holds nothing of this, for an ending that is none of pictures, and where there
    is no screen for a window.
    """
    folder = Path(folder)
    if screenshot is not None and Path(screenshot).suffix.lower() not in ENDINGS:
        raise ValueError(f"view: screenshot = {str(screenshot)!r}; allowed are names that end in {', '.join(ENDINGS)}")
    kind, file = _what(folder)
    if screenshot is None and not _has_screen():
        raise ValueError(
            f"view: there is no screen for a window; write a picture with --screenshot FILE.png, or open {file} in "
            "ParaView"
        )
    import pyvista

    data = pyvista.read(file) if kind == "surface" else _snapshot(pyvista, file, t)
    if kind == "surface" and t is not None:
        raise ValueError(f"view: time = {t:g}; {file} is a surface of all times, so leave it out")
    axes = _axes(data, kind, folder)
    fields = [""] if kind == "neurons" else [name for name in data.point_data if name not in axes]
    plotter = pyvista.Plotter(
        off_screen=screenshot is not None,
        shape=(1, len(fields)),
        window_size=(_WINDOW[0] * len(fields), _WINDOW[1]),
        border=False,
    )
    for k, name in enumerate(fields):
        plotter.subplot(0, k)
        _draw(plotter, data, name, axes)
    if screenshot is None:
        plotter.show(title=f"felif: {folder}")
        return None
    path = Path(screenshot)
    path.parent.mkdir(parents=True, exist_ok=True)
    plotter.screenshot(str(path))
    plotter.close()
    return path


def _what(folder: Path) -> tuple[str, Path]:
    """(kind, file) of what is there to show."""
    plane = (folder / "lines.pvd").exists() or not (folder / "spacetime.vtr").exists()
    order = [("neurons", "particles.pvd"), ("plane", "fields.pvd") if plane else ("surface", "spacetime.vtr")]
    for kind, name in order:
        if (folder / name).exists():
            return kind, folder / name
    raise ValueError(
        f"view: {folder} holds no fields.pvd, spacetime.vtr or particles.pvd; allowed is the folder of a run or of a "
        "simulation, or what `write_branch_vtk` wrote of a branch"
    )


def _has_screen() -> bool:
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _snapshot(pyvista: Any, file: Path, t: float | None) -> Any:
    reader = pyvista.PVDReader(file)
    times = np.asarray(reader.time_values)
    reader.set_active_time_value(times[-1] if t is None else times[np.argmin(np.abs(times - t))])
    return reader.read()[0]


def _axes(data: Any, kind: str, folder: Path) -> tuple[str, str]:
    """The names of the two axes."""
    if kind == "surface":
        table = folder / "series.csv"
        along = table.exists() and "arclength" in table.read_text().partition("\n")[0].split(",")
        return data.GetXCoordinates().GetName() or "v", "arc length" if along else "t"
    named = {name: np.asarray(data[name]) for name in data.point_data}
    found = [next((n for n, x in named.items() if np.array_equal(x, data.points[:, k])), "") for k in (0, 1)]
    return found[0] or "v", found[1] or "place"


def _draw(plotter: Any, data: Any, name: str, axes: tuple[str, str]) -> None:
    """One field as a surface, or points where it is "", in a box with the true numbers at its axes."""
    plotter.set_background("white")
    flat = data.bounds[:4]
    corner, sizes = np.array([flat[0], flat[2], 0.0]), [flat[1] - flat[0] or 1.0, flat[3] - flat[2] or 1.0, 1.0]
    box = {"color": "black", "font_size": 14, "location": "outer", "n_xlabels": 5, "n_ylabels": 5, "n_zlabels": 4}
    box |= {"xtitle": axes[0], "ytitle": axes[1], "ztitle": name or "z"}
    if not name:
        colours = np.asarray(
            data["population" if "population" in data.point_data else data.point_data.keys()[0]], float
        )
        plotter.add_points((data.points - corner) / sizes, scalars=colours, cmap="coolwarm", point_size=4,
                           show_scalar_bar=False)  # fmt: skip
        plotter.show_bounds(bounds=[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], axes_ranges=[*flat, 0.0, 1.0], show_zaxis=False,
                            show_zlabels=False, **box)  # fmt: skip
        plotter.view_xy()
        return
    values = np.asarray(data[name], float)
    usual = float(np.quantile(values, FIGURES.seen))
    high = usual if 0.0 < 1.5 * usual < values.max() else float(values.max())
    surface = data.cast_to_structured_grid() if hasattr(data, "x") else data.extract_surface(algorithm=None)
    surface.points = (np.asarray(surface.points) - corner) / sizes
    heights = np.clip(np.asarray(surface[name], float), None, high)
    surface.points[:, 2] = FIGURES.height * heights / (high or 1.0)
    surface[name] = heights
    bar = {"title": f"{name}\n", "color": "black", "vertical": True, "height": 0.5, "position_x": 0.86, "fmt": "%.3g"}
    plotter.add_mesh(surface, scalars=name, cmap="viridis", smooth_shading=True, scalar_bar_args=bar)
    plotter.show_bounds(bounds=[0.0, 1.0, 0.0, 1.0, 0.0, FIGURES.height], axes_ranges=[*flat, 0.0, high], **box)
    plotter.camera_position = [(2.1, -1.5, 1.35), (0.5, 0.5, 0.1), (0.0, 0.0, 1.0)]
