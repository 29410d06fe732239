"""Densities along a branch for ParaView."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..given.arguments import FLAG, FOLDER, checked, optional, several, whole
from ..problem import Problem
from .branches import BRANCH
from .vtk import new_series


@checked(
    branch=BRANCH,
    folder=FOLDER,
    rows=optional(several(whole(-(2**31)), "a row of whole numbers")),
    overwrite=FLAG,
)
def write_branch_vtk(
    branch: Any, folder: str | Path, rows: Sequence[int] | None = None, overwrite: bool = False
) -> Path:
    """Write the densities along a branch as a ParaView series whose time is the arc length.

    Beside the series come `spacetime.vtr` (densities over v and arc length), series.csv and view.py; every file carries
    the parameters and the scalars as field data.

    Parameters
    ----------
    branch : Branch
        Of steady states.
    folder : path
        Made if it is not there.
    rows : sequence of int
        Which points, by default all.
    overwrite : bool
        Replace a series of another branch; files that felif did not write are never replaced.

    Returns
    -------
    path
        `fields.pvd`, which ParaView opens.

    Raises
    ------
    ValueError
        For a folder with another series.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=1.0), tol=1e-3)
    >>> state, how = fl.steady_state(problem), {"stability": False, "progress": False}
    >>> branch = fl.continuation(problem, state, "b", bounds=(0.8, 1.2), **how)
    >>> fl.write_branch_vtk(branch, "runs/pictures", rows=[0, 1]).name
    'fields.pvd'
    """
    chosen: Iterable[int] = range(len(branch)) if rows is None else rows
    if wrong := [k for k in chosen if not -len(branch) <= k < len(branch)]:
        raise ValueError(f"write_branch_vtk: rows has {wrong[0]}; allowed are numbers of the {len(branch)} points")
    series = new_series(folder, {"t": branch.table["arclength"], **branch.table}, overwrite)
    for k in chosen:
        series.add(_Labelled(branch[k]), float(branch[k].arclength))
    series.write_spacetime()
    return series.folder / "fields.pvd"


class _Labelled:
    """A point of a branch as a State whose time is the arc length and whose scalars include the parameters."""

    def __init__(self, point: Any) -> None:
        self._point, self.t, self.problem = point, point.arclength, _Renamed(point.problem, point.names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_point"], name)


class _Renamed:
    def __init__(self, problem: Problem, names: tuple[str, ...]) -> None:
        self._problem, self.scalar_names = problem, (*names, *problem.scalar_names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_problem"], name)
