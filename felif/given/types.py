"""Types of what users give, for signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Any, Protocol

import numpy as np

Density = Callable[..., Any]  # v -> n(v), or (v, w) -> p(v, w), on arrays; Gaussian and Uniform are such


class Model(Protocol):
    """A dataclass whose fields are parameters, and which states its equations."""

    def equations(self) -> Any:
        """What the model says: `felif.Equations`, or a WeakForm inside felif."""


class Discretised(Protocol):
    """A Problem, as those see it who need no engine: its unknowns, its mesh, and what was before it begins."""

    size: int
    degree: int
    field_names: tuple[str, ...]
    mesh_arrays: Callable[[], Mapping[str, np.ndarray]] | None
    lines: Mapping[str, Any] | None
    cells: np.ndarray | None
    marks: Mapping[str, float]
    history: Any
    held: Mapping[str, Any]
    delays: Mapping[str, tuple[str, float]]


class Stated(Protocol):
    """A state of a problem, such as `run.final` or `steady_states(problem)[0]`."""

    t: float
    y: Any

    @property
    def problem(self) -> object:
        """On whose mesh it is."""


Start = Density | Stated | Mapping[str, Any]  # a density, a state, or densities and numbers by name
Past = float | Callable[[float], float] | Mapping[str, float | Callable[[float], float]]  # before the start, by name
Totals = Mapping[str, float] | Sequence[float] | np.ndarray | float  # of what is conserved
Times = float | Sequence[float] | np.ndarray
Profile = Callable[..., Any] | Sequence[float] | np.ndarray | float  # a function of w, or its values
Executor = futures.Executor | int | str  # of processes: an executor, how many, or "dask", "mpi", ...


class Evolved(Protocol):
    """A Run, as what reads it sees it."""

    model: Any
    times: Any
    series: Mapping[str, Any]
    segments: Sequence[Any]
    events: Sequence[Any]

    def at(self, t: float) -> Any:
        """The state at one time."""

    def sample(self, name: str, times: Any) -> Any:
        """A scalar at some times."""
