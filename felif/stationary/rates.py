"""`rate_map`: the steady rates of a model at many parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..assembly import discretize
from ..given.arguments import FLAG, MODEL, array, checked, mapping, number, optional, whole
from ..given.parameters import Points
from ..given.types import Model
from ..output.frames import grid_frame
from .rest import Rates, RestingNeurons
from .states import steady_states

_CHUNK = 2000  # points at a time


@dataclass(frozen=True, eq=False)
class RateMap:
    """What `rate_map` found; arrays have the shape of the grid, one axis a parameter, unless `paired`.

    parameters  name -> values along its axis
    N           steady rates, rising along the last axis; NaN where there are fewer than that axis is long, 0 for one
                below e^-300
    slope       d log out / d log N there, out being the rate of a neuron in a network that fires at N; NaN if unknown
    stable      whether all eigenvalues of the linearisation have negative real parts; None where it was not asked
    count       how many there are
    complete    whether bounds show that there are no others with N <= 1e4
    """

    model: Any
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
) -> RateMap:
    """All steady rates of a model at every point of a grid of parameters.

    parameters  name -> values; every combination of them is a point. paired=True: the values stand side by side
    stability   whether to say which states are stable: by the eigenvalues at each, which takes most of the time
    tol         of `discretize` for stability, and where a point is left to `steady_states`
    workers     threads, by default one a processor

    Where the model is one leaky population whose drift and noise are affine in its rate, rates come from bounds of the
    mean interval (see `felif.stationary.rest`), to 1e-11 of log N; elsewhere from `steady_states`, point by point, to
    tol. A slope above 1 is an eigenvalue above 0.

    Raises ValueError for unknown parameters and values that are not as said, and where the model has no N.
    """
    points = Points.of("rate_map", model, parameters, paired)
    problem = discretize(points.at(0), tol=tol)
    if "N" not in problem.scalar_names:
        raise ValueError(f"rate_map: model = {model!r}; allowed are models with a firing rate N")
    parts = np.array_split(np.arange(points.count), -(-points.count // _CHUNK))
    try:
        neurons = RestingNeurons(problem, points)
    except ValueError:
        neurons = None
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        if neurons is not None:
            found = [row for part in pool.map(neurons.rates, parts) for row in part]
        else:
            found = list(pool.map(lambda point: _by_discretisation(points.at(point), tol), range(points.count)))
        stable = None
        if stability:
            rows = pool.map(lambda k: _stable(points.at(k), found[k], tol), range(points.count))
            stable = _table(list(rows), points.shape)
    return RateMap(
        model,
        points.axes,
        _table([row.N for row in found], points.shape),
        _table([row.slope for row in found], points.shape),
        stable,
        np.array([len(row.N) for row in found]).reshape(points.shape),
        np.array([row.complete for row in found]).reshape(points.shape),
    )


def _table(rows: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    return table.reshape(*shape, longest)


def _by_discretisation(model: Any, tol: float) -> Rates:
    found = steady_states(discretize(model, tol=tol))
    N = np.array([state.N for state in found])
    return Rates(N, np.full(len(N), np.nan), found.complete, np.array([float(state.stable) for state in found]))


def _stable(model: Any, rates: Rates, tol: float) -> np.ndarray:
    """1 for stable states, 0 for others; NaN where `steady_states` has no state at a rate."""
    if rates.stable is not None:
        return rates.stable
    if not len(rates.N):
        return np.zeros(0)
    states = steady_states(discretize(model, tol=tol))
    found = np.full(len(rates.N), np.nan)
    for k, N in enumerate(rates.N):
        near = min(states, key=lambda state: abs(state.N - N), default=None)
        if near is not None and abs(near.N - N) <= 10 * (near.error + tol * N):
            found[k] = float(near.stable)
    return found
