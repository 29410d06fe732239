"""`evolve_many`: one model at many parameters, from one state, at some times."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra import compiled
from ..assembly import discretize, initial
from ..assembly.family import Family, OnePoint
from ..evolution.lean import Lean
from ..given.arguments import FLAG, MODEL, POSITIVE, TIME, TIMES, array, checked, mapping, number, optional, whole
from ..given.parameters import Points
from ..given.types import Model, Start
from ..output.frames import grid_frame
from ..parallel.spreading import spread
from ..problem import Problem
from .starting import evolve

_RISING = 50.0  # a rate from which a point is left to `evolve`
_FINER = 0.5  # of the tolerance from which the common mesh is made
_TRIED = 9  # points, at most, whose meshes make the common one
_LONGEST = 1000  # points a thread takes at a time, at most
_SENT = 200  # points that go to an executor at a time


@dataclass(frozen=True, eq=False)
class Many:
    """What `evolve_many` found; arrays have the shape of the grid, one axis a parameter, unless `paired`.

    Attributes
    ----------
    model : model
        As given.
    parameters : dict
        name -> values along its axis.
    times : array (m,)
        Where scalars are known.
    series : dict
        name -> values, the last axis is that of the times; NaN from where a solution ceased to exist.
    outcome, message : arrays of str
        "finished", "blow_up", ... as in `Run.outcome.name`, and the sentence.
    blow_up_time, blow_up_error : arrays
        NaN where there is none.
    alone : array of bool
        Whether a point was left to `evolve`, which adapts its mesh and finds its blow-up.

    Examples
    --------
    >>> import felif as fl
    >>> many = fl.evolve_many(fl.NoisyLIF(), {"b": [0.5, 3.0]}, fl.Gaussian(-1.0, 0.5), [5.0], tol=1e-3)
    >>> many.outcome.tolist()
    ['finished', 'blow_up']
    """

    model: Any
    parameters: dict[str, np.ndarray]
    times: np.ndarray
    series: dict[str, np.ndarray]
    outcome: np.ndarray
    message: np.ndarray
    blow_up_time: np.ndarray
    blow_up_error: np.ndarray
    alone: np.ndarray

    @property
    def N(self) -> np.ndarray:
        """The firing rate."""
        return self.series["N"]

    def to_pandas(self) -> Any:
        """A row a point: its parameters, every scalar at the last time, how it ended. Needs the extra `xarray`."""
        columns = {name: values[..., -1] for name, values in self.series.items()}
        columns |= {"outcome": self.outcome, "blow_up_time": self.blow_up_time, "blow_up_error": self.blow_up_error}
        return grid_frame("to_pandas", self.parameters, self.outcome.shape, columns)

    def __repr__(self) -> str:
        names, counts = np.unique(self.outcome.astype(str), return_counts=True)
        ends = ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
        return (
            f"Many({self.outcome.size} points of {type(self.model).__name__}: {ends}; {self.alone.sum()} on their own)"
        )


@checked(
    model=MODEL,
    parameters=mapping(array("finite numbers"), "{name of a parameter: its values}"),
    times=TIMES,
    t_start=TIME,
    tol=number(above=0.0, most=0.1),
    paired=FLAG,
    workers=optional(whole(1)),
    N_max=POSITIVE,
)
def evolve_many(
    model: Model,
    parameters: Mapping[str, Sequence[float]],
    start: Start,
    times: Sequence[float],
    *,
    t_start: float = 0.0,
    tol: float = 1e-6,
    paired: bool = False,
    workers: int | None = None,
    executor: Any = None,
    N_max: float = 1e5,
) -> Many:
    """The scalars (N, R, ...) of a model at some times, from one initial state, at every point of a grid of parameters.

    The compiled core runs all points on a common mesh, made for points at the ends of the grid and four times as
    accurate as asked. Points that it cannot serve go to `discretize` and `evolve` one by one: those whose mesh must
    follow the solution, whose rate rises above 50 (a blow-up perhaps), and all where the model is none of one dimension
    whose coefficients are affine in the rates, has inputs that depend on time or delays, where a parameter shapes the
    mesh, or where the core was not built. Both give the same up to the tolerance.

    Parameters
    ----------
    model : model
        Holds the values of the parameters that do not vary.
    parameters : mapping of str to sequence of float
        name -> values; every combination of them is a point.
    start : Gaussian, Uniform, callable or mapping
        As for `evolve`.
    times : sequence of float
        Increasing, from t_start on.
    t_start : float
        When the state is `start`.
    tol : float
        Of the mesh and of the steps, as tol of `discretize` and rtol of `evolve`.
    paired : bool
        The values stand side by side: the k-th of each is a point.
    workers : int
        Threads, by default one a processor.
    executor : int, str or Executor
        In place of threads: a number of processes, "dask://HOST:PORT", "dask", "mpi", a dask Client or any
        `concurrent.futures.Executor`, as for `sweep`; the model and the start go there by value.
    N_max : float
        As for `evolve`.

    Returns
    -------
    Many

    Raises
    ------
    ValueError
        For unknown parameters, and for values and times that are not as said, and an executor that cannot be used.
    RuntimeError
        Where workers of an executor give no answer.

    Examples
    --------
    >>> import felif as fl
    >>> many = fl.evolve_many(fl.NoisyLIF(), {"b": [-1.0, 0.0, 0.5]}, fl.Gaussian(0.0, 0.25), [0.5, 1.0], tol=1e-3)
    >>> many.N.shape
    (3, 2)
    """
    if workers is not None and executor is not None:
        raise ValueError(f"evolve_many: workers = {workers} with an executor; allowed is one of them")
    times = np.atleast_1d(times)
    if times.ndim != 1 or not len(times) or times[0] < t_start or not np.all(np.diff(times) > 0):
        raise ValueError(
            f"evolve_many: times = {times.tolist()}; allowed are increasing numbers from t_start = {t_start:g} on"
        )
    points = Points.of("evolve_many", model, parameters, paired)
    shape = points.shape
    work = _Work(points, start, np.unique([t_start, *times]), tol, N_max)
    cells, family = work.common_mesh()
    if executor is not None:
        parts = np.array_split(np.arange(points.count), -(-points.count // _SENT))
        found = [point for part in spread("evolve_many", executor, _points, (work, cells), parts) for point in part]
    else:
        workers = workers or os.cpu_count() or 1
        parts = np.array_split(np.arange(points.count), max(-(-points.count // _LONGEST), 8 * workers))
        with ThreadPoolExecutor(workers) as pool:
            found = [point for part in pool.map(lambda part: work.points(family, part), parts) for point in part]
    scalars = np.array([point.scalars[-len(times) :] for point in found])
    series = {name: scalars[..., k].reshape(*shape, len(times)) for k, name in enumerate(work.names)}

    def gathered(of: str, kind: Any) -> np.ndarray:
        values = np.empty(len(found), kind)
        values[:] = [getattr(point, of) for point in found]
        return values.reshape(shape)

    return Many(
        model,
        points.axes,
        times,
        series,
        gathered("outcome", object),
        gathered("message", object),
        gathered("blow_up_time", float),
        gathered("blow_up_error", float),
        gathered("alone", bool),
    )


@dataclass
class _Point:
    scalars: np.ndarray
    outcome: str = "finished"
    message: str = ""
    blow_up_time: float = math.nan
    blow_up_error: float = math.nan
    alone: bool = False


class _Work:
    """What all points share, and what goes to other processes."""

    def __init__(self, given: Points, start: Any, times: np.ndarray, tol: float, N_max: float) -> None:
        self.given, self.start, self.times, self.tol, self.N_max = given, start, times, tol, N_max
        self.names = discretize(given.at(0), tol=tol).scalar_names

    # the common mesh --------------------------------------------------------------------------------------------

    def common_mesh(self) -> tuple[np.ndarray | None, Family | None]:
        """The cells of a common mesh and the points on it; None where there is none that serves the points."""
        if compiled.library() is None:
            return None, None
        problem = discretize(self.given.at(0), tol=self.tol)
        if problem.line_names or problem.lines is not None or set(self.given.table) - set(problem.parameter_names):
            return None, None
        if problem.condensed is None or problem.delays or problem.driven:
            return None, None
        try:
            cells = self._common_cells(problem)
            return cells, self.family(cells)
        except ValueError:
            return None, None

    def family(self, cells: np.ndarray | None) -> Family | None:
        """The points on that mesh."""
        if cells is None or compiled.library() is None:
            return None
        problem = discretize(self.given.at(0), tol=self.tol).on_cells(cells)
        on_mesh, y, compatible = initial(problem, self.start)
        if on_mesh.end is not None:
            return None
        family = Family(on_mesh, self.given)
        self.y, self.first = y, family.scalars(y)
        if not compatible:
            self.first[:, [on_mesh.scalar_names.index(name) for name in on_mesh.infinite_rates]] = math.inf
            self.first[~family.starts(y)] = math.nan
        return family

    def _common_cells(self, problem: Problem) -> np.ndarray:
        """Cells as fine as those that some points, the ends of the grid among them, came to use."""
        meshes = [problem.cells]
        for point in np.unique(np.linspace(0, self.given.count - 1, _TRIED).astype(int)):
            tried = evolve(
                discretize(self.given.at(point), tol=_FINER * self.tol),
                self.start,
                self.times[-1],
                t_start=self.times[0],
                rtol=self.tol,
                N_max=_RISING,
                progress=False,
            )
            meshes += [segment.problem.cells for segment in tried.trajectory.segments]
        return _common(meshes, problem)

    # points -----------------------------------------------------------------------------------------------------

    def points(self, family: Family | None, part: np.ndarray) -> list[_Point]:
        if family is None:
            return [self.alone(point) for point in part.tolist()]
        problem = family.problem
        rate = problem.scalar_names.index("N") if "N" in problem.scalar_names else 0
        lean = Lean(problem.size, len(problem.scalar_names), self.tol, 0.0, _RISING, rate)
        system, found = OnePoint(family), []
        for point in part.tolist():
            known = not np.isnan(self.first[point]).any()
            scalars = lean.run(system.at(point), self.y, self.times) if known else None
            if scalars is not None:
                scalars[0] = self.first[point]
            found.append(self.alone(point) if scalars is None else _Point(scalars))
        return found

    def alone(self, point: int) -> _Point:
        """By `evolve`, on a mesh of its own."""
        model = self.given.at(point)
        how = {"t_start": self.times[0], "rtol": self.tol, "N_max": self.N_max, "progress": False}
        run = evolve(discretize(model, tol=self.tol), self.start, self.times[-1], **how)
        there = self.times <= run.times[-1]
        scalars = np.full((len(self.times), len(self.names)), math.nan)
        for k, name in enumerate(self.names):
            scalars[there, k] = run.sample(name, self.times[there])
        blow = (math.nan, math.nan) if run.blow_up is None else (run.blow_up.time, run.blow_up.error)
        return _Point(scalars, run.outcome.name, run.outcome.message, *blow, True)


def _points(shared: tuple[_Work, np.ndarray | None], part: np.ndarray) -> list[_Point]:
    """Points in another process, which keeps the family for the next ones."""
    work, cells = shared
    if not hasattr(work, "there"):
        work.there = work.family(cells)
    return work.points(work.there, part)


def _common(meshes: list[np.ndarray], problem: Problem) -> np.ndarray:
    """Ends of cells that are nowhere wider than those of any of the meshes; V_R and V_F are among them."""
    ends = np.unique(np.concatenate(meshes))
    middles = 0.5 * (ends[1:] + ends[:-1])
    density = np.max([_cells_per_length(mesh, middles) for mesh in meshes], axis=0)
    along = np.concatenate([[0.0], np.cumsum(density * np.diff(ends))])  # how many cells it takes up to there
    fixed = np.unique([ends[0], *(place for place in problem.marks.values() if ends[0] < place <= ends[-1]), ends[-1]])
    cells = [ends[:1]]
    for low, high in itertools.pairwise(np.interp(fixed, ends, along)):
        count = max(1, math.ceil(high - low - 1e-9))
        cells.append(np.interp(np.linspace(low, high, count + 1)[1:], along, ends))
    cells = np.concatenate(cells)
    cells[np.searchsorted(cells, fixed - 1e-12 * np.ptp(fixed))] = fixed
    return cells


def _cells_per_length(mesh: np.ndarray, v: np.ndarray) -> np.ndarray:
    """1 / (width of the cell at v), 0 beyond the mesh."""
    cell = np.clip(np.searchsorted(mesh, v) - 1, 0, len(mesh) - 2)
    return np.where((v > mesh[0]) & (v < mesh[-1]), 1.0 / np.diff(mesh)[cell], 0.0)
