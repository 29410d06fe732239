"""A periodic orbit as a result: its period, its scalars over time, its Floquet multipliers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..given.arguments import TEXT, TIME, TIMES, checked
from ..given.text import listed
from ..output.frames import frame
from ..problem import Problem, State
from .branch_columns import Table
from .family import parameter_value
from .floquet import multipliers
from .orbit_errors import extreme, orbit_errors, reported, scalar_series
from .orbit_points import past
from .orbit_system import Line, Linearised, Orbit
from .tuning import STABILITY


@dataclass(frozen=True, eq=False)
class PeriodicOrbit:
    """A periodic solution: `.period`, `.at(t)` (a State), `.sample(name, times)`, `.multipliers`, `.stable`.

    Attributes
    ----------
    times, series : array, dict of arrays
        Collocation times from 0 to the period, both included, and the scalars there.
    max, min : dict
        name -> the largest and smallest value of a scalar over the period.
    errors, error : dict, float
        Bounds of the errors of "period", "max N", "min N", ..., and the largest. Computed when asked for.
    unresolved : float
        Relative size of what the time mesh does not resolve of the scalars.
    path : mapping of str to array
        The orbits between the Hopf point and this one, as columns: parameters, "period", "max N", "min N", ..., and,
        computed when first asked for, their "error of period", "error of max N", ....
    """

    line: Line
    orbit: Orbit
    totals: np.ndarray
    unresolved: float
    path: Table

    @property
    def period(self) -> float:
        """In membrane time constants."""
        return float(self.orbit.period)

    @property
    def frequency(self) -> float:
        """2 pi / period."""
        return 2 * np.pi / self.period

    @property
    def problem(self) -> Problem:
        """With the parameters of the cycle."""
        return self.line.at(self.orbit.theta)

    @cached_property
    def times(self) -> np.ndarray:
        return self.period * np.concatenate([[0.0], self.orbit.mesh.points.ravel()])

    @cached_property
    def _scalars(self) -> np.ndarray:
        """At the points, shape (m, scalars, s)."""
        return scalar_series(self.line, self.orbit)

    @cached_property
    def series(self) -> dict[str, np.ndarray]:
        names = self.problem.scalar_names
        flat = {name: self._scalars[:, k].ravel() for k, name in enumerate(names)}
        return {name: np.concatenate([values[-1:], values]) for name, values in flat.items()}

    @checked(t=TIME)
    def at(self, t: float) -> State:
        """The state at a time.

        Parameters
        ----------
        t : float
            Any real number.

        Returns
        -------
        State
        """
        y = self.orbit.mesh.evaluate(self.orbit.Y, np.array([t / self.period]))[0]
        return State(past(self.problem, self.orbit), float(t), y)

    @checked(name=TEXT, times=TIMES)
    def sample(self, name: str, times: Any) -> np.ndarray:
        """A scalar at times, by the collocation polynomials.

        Parameters
        ----------
        name : str
            "N", "R", ...; of several populations N, with one column for each.
        times : float or array
            Any real numbers.

        Returns
        -------
        array

        Raises
        ------
        ValueError
            For an unknown name.
        """
        if name in self.problem.groups:
            asked = np.asarray(times, float)
            values = [getattr(self.at(t), name) for t in asked.ravel().tolist()]
            return np.array(values).reshape((*asked.shape, *np.shape(values[0])))
        if name not in self.problem.scalar_names:
            raise ValueError(
                f"name = {name!r}; allowed are {', '.join((*self.problem.groups, *self.problem.scalar_names))}"
            )
        k = self.problem.scalar_names.index(name)
        times = np.asarray(times, float)
        return self.orbit.mesh.evaluate(self._scalars[:, k : k + 1], times.ravel() / self.period).reshape(times.shape)

    @cached_property
    def max(self) -> dict[str, float]:
        return self._extremes(1.0)

    @cached_property
    def min(self) -> dict[str, float]:
        return self._extremes(-1.0)

    def _extremes(self, sign: float) -> dict[str, float]:
        names = self.problem.scalar_names
        return {name: extreme(self.orbit.mesh, self._scalars[:, k], sign) for k, name in enumerate(names)}

    @cached_property
    def errors(self) -> dict[str, float]:
        """Bounds of |value - exact value|, computed when asked for: "period", "max N", "min N" of every scalar.

        Against the orbit on finer meshes of time and of v (see `orbit_errors`), at the same parameters.
        """
        return orbit_errors(self.line, self.orbit, self.totals)

    @property
    def error(self) -> float:
        """The largest of `errors`."""
        return max(self.errors.values())

    @cached_property
    def multipliers(self) -> np.ndarray:
        """The leading Floquet multipliers, by modulus; the one that is 1 for every orbit is left out."""
        values = multipliers(Linearised(self.line, self.orbit, self.totals, with_theta=False))
        return np.delete(values, np.argmin(np.abs(values - 1)))

    @property
    def stable(self) -> bool:
        """Whether no Floquet multiplier grows: those within rounding of the unit circle do not."""
        return bool(np.all(np.abs(self.multipliers) <= 1 + STABILITY.rounding))

    def to_pandas(self) -> Any:
        """`series` over a period as a DataFrame, the index is t. Needs the extra `xarray`."""
        return frame("to_pandas", {"t": self.times, **self.series}, index="t")

    def __repr__(self) -> str:
        values = listed(self.max, lambda name: f"{name} in [{self.min[name]:.8g}, {self.max[name]:.8g}]")
        where = ", ".join(f"{name}={parameter_value(self.problem, name):.10g}" for name in self.line.family.names)
        return f"PeriodicOrbit({where}, period={self.period:.10g}, {values})"


class _Errors:
    """Errors of orbits, computed when the first column is asked for."""

    def __init__(self, orbits: list[tuple[Line, Orbit]], totals: np.ndarray) -> None:
        self.orbits, self.totals = orbits, totals

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        return [orbit_errors(line, orbit, self.totals) for line, orbit in self.orbits]

    def column(self, key: str) -> np.ndarray:
        return np.array([row[key] for row in self.rows])


def path_table(orbits: list[tuple[Line, Orbit]], totals: np.ndarray) -> Table:
    """`PeriodicOrbit.path` of orbits, each with the line of its mesh."""
    names, values = orbits[0][0].family.names, [reported(line, orbit) for line, orbit in orbits]
    columns = {name: [parameter_value(line.at(orbit.theta), name) for line, orbit in orbits] for name in names}
    columns |= {key: [row[key] for row in values] for key in values[0]}
    errors = _Errors(orbits, totals)
    late = {f"error of {key}": partial(errors.column, key) for key in values[0]}
    return Table({name: np.array(column) for name, column in columns.items()}, late)
