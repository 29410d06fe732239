"""`rate_map`: the steady rates of a model at many parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..assembly import discretize
from ..given.arguments import FLAG, MODEL, array, checked, mapping, number, optional, whole
from ..given.parameters import Points
from ..given.types import Executor, Model
from ..output.frames import grid_frame
from ..parallel.spreading import spread
from ..problem import Problem
from ..runs.common_mesh import a_few, common
from ..solvers.frozen import Frozen
from ..solvers.stability import counted
from ..solvers.steady_state import stability_of
from .rates_at_rest import Rates, RestingNeurons
from .states import steady_states
from .tuning import RESPONSE


@dataclass(frozen=True, eq=False)
class RateMap:
    """What `rate_map` found; arrays have the shape of the grid, one axis a parameter, unless `paired`.

    Attributes
    ----------
    model : model
        As given.
    parameters : dict
        name -> values along its axis.
    N : array
        Steady rates, rising along the last axis; NaN where there are fewer than that axis is long, 0 for one below
        e^-300.
    slope : array
        d log out / d log N there, out being the rate of a neuron in a network that fires at N; NaN if unknown.
    stable : array or None
        1 where all eigenvalues of the linearisation have negative real parts, 0 where not, NaN where they cannot be
        counted; None where it was not asked.
    count : array of int
        How many there are.
    complete : array of bool
        Whether bounds show that there are no others with N <= 1e4.

    Examples
    --------
    >>> import felif as fl
    >>> found = fl.rate_map(fl.NoisyLIF(), {"b": [1.5]}, stability=False)
    >>> found.N.round(6).tolist()
    [[0.192364, 2.289126]]
    """

    model: Model
    parameters: dict[str, np.ndarray]
    N: np.ndarray
    slope: np.ndarray
    stable: np.ndarray | None
    count: np.ndarray
    complete: np.ndarray

    def to_pandas(self) -> Any:
        """A row a point: its parameters, the rates N_0, N_1, ..., how many there are. Needs the extra `xarray`."""
        columns = {f"N_{k}": self.N[..., k] for k in range(self.N.shape[-1])}
        if self.stable is not None:
            columns |= {f"stable_{k}": self.stable[..., k] for k in range(self.N.shape[-1])}
        return grid_frame("to_pandas", self.parameters, self.count.shape, columns | {"count": self.count})

    def __repr__(self) -> str:
        numbers, counts = np.unique(self.count, return_counts=True)
        states = ", ".join(f"{k} with {n} rates" for n, k in zip(numbers.tolist(), counts.tolist(), strict=True))
        return f"RateMap({self.count.size} points of {type(self.model).__name__}: {states})"


@checked(
    model=MODEL,
    parameters=mapping(array("finite numbers"), "{name of a parameter: its values}"),
    paired=FLAG,
    stability=FLAG,
    tol=number(above=0.0, most=0.1),
    workers=optional(whole(1)),
)
def rate_map(
    model: Model,
    parameters: Mapping[str, Sequence[float]],
    *,
    paired: bool = False,
    stability: bool = True,
    tol: float = 1e-6,
    workers: int | None = None,
    executor: Executor | None = None,
) -> RateMap:
    """All steady rates of a model at every point of a grid of parameters.

    Where the model is one leaky population whose drift and noise are affine in its rate, rates come from bounds of the
    mean interval (see `felif.stationary.rates_at_rest`), to 1e-11 of log N; elsewhere from `steady_states`, point by
    point, to tol. A slope above 1 is an eigenvalue above 0.

    Parameters
    ----------
    model : model
        Holds the values of the parameters that do not vary.
    parameters : mapping of str to sequence of float
        name -> values; every combination of them is a point.
    paired : bool
        The values stand side by side: the k-th of each is a point.
    stability : bool
        Whether to say which states are stable: by the eigenvalues at each, which takes most of the time.
    tol : float
        Of `discretize` for stability, and where a point is left to `steady_states`.
    workers : int
        Threads, by default one a processor.
    executor : int, str or Executor
        In place of threads: a number of processes, "dask://HOST:PORT", "dask", "mpi", a dask Client or any
        `concurrent.futures.Executor`, as for `sweep`; the model goes there by value.

    Returns
    -------
    RateMap

    Raises
    ------
    ValueError
        For unknown parameters and values that are not as said, and where the model has no N, and an executor
        that cannot be used.
    RuntimeError
        Where workers of an executor give no answer.

    Examples
    --------
    >>> import felif as fl
    >>> fl.rate_map(fl.NoisyLIF(), {"b": [0.5, 1.5, 4.0]}, stability=False).count.tolist()
    [1, 2, 0]
    """
    if workers is not None and executor is not None:
        raise ValueError(f"rate_map: workers = {workers} with an executor; allowed is one of them")
    points = Points.of("rate_map", model, parameters, paired)
    problem = discretize(points.at(0), tol=tol)
    if "N" not in problem.scalar_names:
        raise ValueError(f"rate_map: model = {model!r}; allowed are models with a firing rate N")
    try:
        neurons = RestingNeurons(problem, points)
    except ValueError:
        neurons = None
    if executor is not None:
        parts = np.array_split(np.arange(points.count), -(-points.count // RESPONSE.sent))
        shared = _Shared(points, tol, neurons is not None, stability)
        sent = [row for part in spread("rate_map", executor, _rows, shared, parts) for row in part]
        found, states = [row for row, _ in sent], [row for _, row in sent]
    else:
        parts = np.array_split(np.arange(points.count), -(-points.count // RESPONSE.chunk))
        with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            if neurons is not None:
                found = [row for part in pool.map(neurons.rates, parts) for row in part]
            else:
                found = list(pool.map(lambda point: _by_discretisation(points.at(point), tol), range(points.count)))
            states = []
            if stability:
                counts = _Counts(problem, points, neurons) if neurons is not None else None
                states = list(pool.map(lambda k: _stable(points, k, found[k], tol, counts), range(points.count)))
    stable = _table(states, points.shape) if stability else None
    return RateMap(
        model,
        points.axes,
        _table([row.N for row in found], points.shape),
        _table([row.slope for row in found], points.shape),
        stable,
        np.array([len(row.N) for row in found]).reshape(points.shape),
        np.array([row.complete for row in found]).reshape(points.shape),
    )


@dataclass(frozen=True)
class _Shared:
    """What all points share, in other processes."""

    points: Points
    tol: float
    at_rest: bool  # whether `RestingNeurons` serves them
    stability: bool

    @cached_property
    def neurons(self) -> RestingNeurons:
        return RestingNeurons(discretize(self.points.at(0), tol=self.tol), self.points)

    @cached_property
    def counts(self) -> _Counts:
        return _Counts(discretize(self.points.at(0), tol=self.tol), self.points, self.neurons)


def _rows(shared: _Shared, part: np.ndarray) -> list[tuple[Rates, np.ndarray | None]]:
    """The rates and their stability at points, in another process."""
    points, tol, which = shared.points, shared.tol, part.tolist()
    found = shared.neurons.rates(part) if shared.at_rest else [_by_discretisation(points.at(k), tol) for k in which]
    if not shared.stability:
        return [(rates, None) for rates in found]
    counts = shared.counts if shared.at_rest else None
    return [(rates, _stable(points, k, rates, tol, counts)) for k, rates in zip(which, found, strict=True)]


def _table(rows: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    return table.reshape(*shape, longest)


def _by_discretisation(model: Model, tol: float) -> Rates:
    found = steady_states(discretize(model, tol=tol))
    N = np.array([state.N for state in found])
    return Rates(N, np.full(len(N), np.nan), found.complete, np.array([_known(state) for state in found]))


class _Counts:
    """Stability of states whose rates are known: by the argument principle, on a mesh that serves most of them."""

    def __init__(self, problem: Problem, points: Points, neurons: RestingNeurons) -> None:
        self._problem, self._points = problem, points
        C = np.ones(len(problem.conserved))
        self._totals = C if problem.totals is None else np.asarray(problem.totals, float)
        self._moving = Frozen(problem, 0.0, self._totals).moving
        if problem.delays or len(self._moving) != 1 or problem.end is not None:
            return
        few = a_few(np.arange(points.count))
        known = zip(few, neurons.rates(np.array(few)), strict=True)
        fitting = [self._at(point).fitting(np.array([N])).problem.cells for point, row in known for N in row.N if N > 0]
        self._problem = problem.on_cells(common(problem, fitting))

    def _at(self, point: int) -> Frozen:
        values = {name: float(column[point]) for name, column in self._points.table.items()}
        return Frozen(self._problem.at(**values), 0.0, self._totals, self._moving)

    def stable(self, point: int, rates: Rates) -> np.ndarray | None:
        """1 for stable states, 0 for others; None where `steady_states` must say."""
        if self._problem.delays or len(self._moving) != 1:
            return None
        frozen = self._at(point)
        found = np.zeros(len(rates.N))
        for k, (N, slope) in enumerate(zip(rates.N.tolist(), rates.slope.tolist(), strict=True)):
            if slope > 1:  # an eigenvalue above 0
                continue
            growing = self._growing(frozen, np.array([N])) if N > 0 else None
            if growing is None:
                return None
            found[k] = float(growing == 0)
        return found

    def _growing(self, frozen: Frozen, N: np.ndarray) -> int | None:
        if not np.abs(frozen.excess(N)).max() < RESPONSE.serves:
            frozen = frozen.fitting(N)
            if not np.abs(frozen.excess(N)).max() < RESPONSE.serves:
                return None
        return counted(frozen.problem, frozen.solve(N)[1])


def _stable(points: Points, point: int, rates: Rates, tol: float, counts: _Counts | None) -> np.ndarray:
    """1 for stable states, 0 for others; NaN where `steady_states` has no state at a rate, or cannot count modes."""
    if rates.stable is not None:
        return rates.stable
    if not len(rates.N):
        return np.zeros(0)
    if counts is not None and (known := counts.stable(point, rates)) is not None:
        return known
    states = steady_states(discretize(points.at(point), tol=tol))
    found = np.full(len(rates.N), np.nan)
    for k, N in enumerate(rates.N):
        near = min(states, key=lambda state: abs(state.N - N), default=None)
        if near is not None and abs(near.N - N) <= 10 * (near.error + tol * N):
            found[k] = _known(near)
    return found


def _known(state: Any) -> float:
    """1 for a stable state, 0 for another, NaN where its modes cannot be counted."""
    stable = stability_of(state)[0]
    return np.nan if stable is None else float(stable)
