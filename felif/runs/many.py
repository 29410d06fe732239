"""`evolve_many`: one model at many parameters, from one state, at some times."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..algebra import compiled
from ..assembly import discretize, initial
from ..assembly.many_points import Family, OnePoint
from ..evolution.lean import Lean
from ..given.arguments import FLAG, MODEL, POSITIVE, ROW, TIME, TOLERANCE, array, checked, mapping, optional, whole
from ..given.parameters import Points
from ..given.types import Executor, Model, Start
from ..output.frames import grid_frame
from ..parallel.spreading import spread
from ..problem import Problem
from .common_mesh import a_few, common, layered
from .many_blow_ups import BlowUps, Meshes, meshes_of, part_of_tolerance
from .starting import evolve
from .tuning import MANY

RISES = "rises"  # a point that is left to the meshes for blow-ups


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

    model: Model
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
    times=ROW,
    t_start=TIME,
    tol=TOLERANCE,
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
    executor: Executor | None = None,
    N_max: float = 1e5,
) -> Many:
    """The scalars (N, R, ...) of a model at some times, from one initial state, at every point of a grid of parameters.

    The compiled core runs all points on a common mesh, made for points at the ends of the grid and more accurate than
    asked. Where many rates rise above 50, they are run on meshes with layers at V_F up to blow-ups whose errors
    companions measure. Errors of N grow like 1/(T - t) before a blow-up at T: steps are the more accurate the less time
    is left after one of `times`. Points that these meshes cannot serve go to `discretize` and `evolve` one by one, and
    all where the model is none of one dimension whose coefficients are affine in the rates, has inputs that depend on
    time or delays, where a parameter shapes the mesh, or the core was not built. Both give the same up to tol.

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
    times = np.asarray(times)
    if times[0] < t_start or not np.all(np.diff(times) > 0):
        raise ValueError(
            f"evolve_many: times = {times.tolist()}; allowed are increasing numbers from t_start = {t_start:g} on"
        )
    points = Points.of("evolve_many", model, parameters, paired)
    shape = points.shape
    work = _Work(points, start, np.unique([t_start, *times]), tol, N_max)
    cells, family = work.common_mesh()

    def of_all(which: np.ndarray, make: Callable, there: Callable, shared: Any) -> list[_Point]:
        """Points made by threads, or in other processes, which are sent what is shared."""
        if executor is not None:
            parts = np.array_split(which, -(-len(which) // MANY.sent))
            return [point for part in spread("evolve_many", executor, there, shared, parts) for point in part]
        threads = workers or os.cpu_count() or 1
        parts = np.array_split(which, max(-(-len(which) // MANY.longest), 8 * threads))
        with ThreadPoolExecutor(threads) as pool:
            return [point for part in pool.map(make, parts) for point in part]

    found = of_all(np.arange(points.count), partial(work.points, family), _points, (work, cells))
    rising = np.flatnonzero([point.outcome == RISES for point in found])
    if len(rising):
        meshes = meshes_of(work, a_few(rising)) if len(rising) >= MANY.worthwhile else None
        on_them = None if executor is not None or meshes is None else BlowUps(work, meshes)
        ends = of_all(rising, partial(_ended, work, on_them), _blow_ups, (work, meshes))
        for place, point in zip(rising.tolist(), ends, strict=True):
            found[place] = point
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


@dataclass(eq=False)
class _Work:
    """What all points share, and what goes to other processes."""

    given: Points
    start: Any
    times: np.ndarray
    tol: float
    N_max: float
    finer: float = field(default_factory=lambda: MANY.finer)  # of tol, for the common mesh

    @cached_property
    def names(self) -> tuple[str, ...]:
        return discretize(self.given.at(0), tol=self.tol).scalar_names

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
        return common(problem, self._meshes(a_few(np.arange(self.given.count)), MANY.rising))

    def _meshes(self, tried: list[int], N_max: float) -> list[np.ndarray]:
        """Those that some points came to use."""
        how = {"t_start": self.times[0], "rtol": self.tol, "N_max": N_max, "progress": False}
        problems = [discretize(self.given.at(point), tol=self.finer * self.tol) for point in tried]
        runs = [evolve(problem, self.start, self.times[-1], **how) for problem in problems]
        return [segment.problem.cells for run in runs for segment in run.trajectory.segments]

    def layered(self, cells: np.ndarray, tried: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """The common cells, as far as they hold the start, and those on which rates of points like these run away."""
        cells = self.family(cells).problem.cells
        return cells, layered(cells, self._meshes(tried, self.N_max))

    # points -----------------------------------------------------------------------------------------------------

    def points(self, family: Family | None, part: np.ndarray) -> list[_Point]:
        if family is None:
            return [self.alone(point) for point in part.tolist()]
        problem = family.problem
        rate = problem.scalar_names.index("N") if "N" in problem.scalar_names else 0
        lean = Lean(problem.size, len(problem.scalar_names), self.tol, 0.0, MANY.rising, rate)
        system, found = OnePoint(family), []
        for point in part.tolist():
            known = not np.isnan(self.first[point]).any()
            scalars = lean.run(system.at(point), self.y, self.times) if known else None
            if scalars is not None:
                scalars[0] = self.first[point]
            if scalars is None and known and lean.code == compiled.RISING:
                found.append(_Point(self.first[point], RISES))
            else:
                found.append(self.alone(point) if scalars is None else _Point(scalars))
        return found

    def alone(self, point: int) -> _Point:
        """By `evolve`, on a mesh of its own."""
        model = self.given.at(point)
        how = {"t_start": self.times[0], "rtol": self.tol, "N_max": self.N_max, "progress": False}
        run = evolve(discretize(model, tol=self.tol), self.start, self.times[-1], **how)
        ended = run
        if run.blow_up is not None and (part := part_of_tolerance(self.times, run.blow_up.time, self.tol)) < 1:
            how["rtol"] = part * self.tol
            run = evolve(discretize(model, tol=part * self.tol), self.start, self.times[-1], **how)
        there = self.times <= run.times[-1]
        scalars = np.full((len(self.times), len(self.names)), math.nan)
        for k, name in enumerate(self.names):
            scalars[there, k] = run.sample(name, self.times[there])
        blow = (math.nan, math.nan) if ended.blow_up is None else (ended.blow_up.time, ended.blow_up.error)
        return _Point(scalars, ended.outcome.name, ended.outcome.message, *blow, True)


def _points(shared: tuple[_Work, np.ndarray | None], part: np.ndarray) -> list[_Point]:
    """Points in another process, which keeps the family for the next ones."""
    work, cells = shared
    if not hasattr(work, "there"):
        work.there = work.family(cells)
    return work.points(work.there, part)


def _blow_ups(shared: tuple[_Work, Meshes | None], part: np.ndarray) -> list[_Point]:
    """Points whose rates run away in another process."""
    work, meshes = shared
    if not hasattr(work, "ladder"):
        work.ladder = None if meshes is None else BlowUps(work, meshes)
    return _ended(work, work.ladder, part)


def _ended(work: _Work, found: BlowUps | None, part: np.ndarray) -> list[_Point]:
    """Points whose rates run away: on common meshes, or alone where those do not serve."""
    follow = None if found is None else found.follower()
    points = []
    for point in part.tolist():
        ended = None if follow is None else follow(point)
        points.append(work.alone(point) if ended is None else _Point(*ended))
    return points
