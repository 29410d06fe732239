"""What other tools take of a run: pictures, tables of pandas, datasets of xarray, grids of pyvista."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..given.arguments import AXES, FILE, ROW, TIME, TIMES, checked, optional


@checked(path=optional(FILE), times=optional(ROW), ax=optional(AXES))
def plot(self: Any, path: str | Path | None = None, times: Any = None, ax: Any = None) -> Any:
    """Figure with N(t) and the density at several times.

    Parameters
    ----------
    path : path
        Where it is written, if anywhere.
    times : sequence of float
        Of the densities; by default five between which the density changes by as much as between any other two.
    ax : matplotlib axes
        To draw on: of one N(t), of two the densities and N(t). ValueError for others.

    Returns
    -------
    matplotlib figure
    """
    from ..output import plot_run

    return plot_run(self, path, times, ax)


@checked(path=optional(FILE))
def plot_spacetime(self: Any, path: str | Path | None = None) -> Any:
    """Picture of n(v, t).

    Parameters
    ----------
    path : path
        Where it is written, if anywhere.

    Returns
    -------
    matplotlib figure
    """
    from ..output import plot_spacetime

    return plot_spacetime(self, path)


def to_pandas(self: Any) -> Any:
    """`series` as a DataFrame of pandas: a row an accepted step, the index is t. Needs the extra `xarray`."""
    from ..output.frames import frame

    return frame("to_pandas", self.series, index="t")


@checked(times=optional(TIMES))
def to_xarray(self: Any, times: Any = None) -> Any:
    """The run as a Dataset of xarray: N, mass, ... over t, densities over t and v (w, populations).

    `.to_netcdf(file)` stores it. Needs the extra `xarray`; `felif.output.datasets` says what there is.

    Parameters
    ----------
    times : sequence of float
        By default its accepted times, at most 201 of them.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    ValueError
        For times outside the run.
    """
    from ..output.datasets import run_dataset

    return run_dataset(self, times)


@checked(t=optional(TIME))
def to_pyvista(self: Any, t: float | None = None) -> Any:
    """The density as a grid of pyvista.

    Parameters
    ----------
    t : float
        By default n(v, t) of all times as a surface.

    Returns
    -------
    pyvista.DataSet

    Raises
    ------
    ValueError
        For a time outside the run, and a run without a density.
    """
    from ..output.pictures import to_pyvista

    return to_pyvista(self, t)
