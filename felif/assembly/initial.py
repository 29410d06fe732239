"""Initial states: densities made into vectors of a problem, normalised, checked, and resolved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Infeasible, State
from . import adapt, spaces
from .projection import from_moments, tied_moments

_TOO_COARSE = 0.2  # fraction of the mass that a mesh given by the user may misplace
_ROUNDS = 40
_VANISHES = 1e-12  # density at V_F over the largest one
_NOISE = 1e-2  # change of a rate by finer cells next to V_F, above which it is noise of the projection


@dataclass(frozen=True)
class Gaussian:
    """exp(-(v - mean)^2 / (2 variance)), cut at V_F and normalised there.

    boundary_layer = l > 0 multiplies it by 1 - exp(-((V_F - v)/l)^4), which vanishes at V_F: N(0) is then finite.
    """

    mean: float = 0.0
    variance: float = 0.25
    boundary_layer: float = 0.0

    def __post_init__(self) -> None:
        _finite(self, "mean")
        _finite(self, "variance", positive=True)
        _layer(self)

    def __call__(self, v: np.ndarray) -> np.ndarray:
        return np.exp(-((v - self.mean) ** 2) / (2 * self.variance))

    @property
    def features(self) -> tuple[float, ...]:
        """Points near which the density varies: a quadrature must not step over them."""
        width = math.sqrt(self.variance)
        return tuple(self.mean + k * width for k in (-9, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9))


@dataclass(frozen=True)
class Uniform:
    """Constant on [low, high], zero elsewhere; boundary_layer as for Gaussian."""

    low: float
    high: float
    boundary_layer: float = 0.0

    def __post_init__(self) -> None:
        _finite(self, "low")
        _finite(self, "high")
        _layer(self)
        if self.low >= self.high:
            raise ValueError(f"Uniform: low = {self.low!r}; allowed is a number below high = {self.high!r}")

    def __call__(self, v: np.ndarray) -> np.ndarray:
        return ((v >= self.low) & (v <= self.high)) / (self.high - self.low)

    @property
    def features(self) -> tuple[float, ...]:
        return (self.low, self.high)

    breakpoints = features


Density = Callable[[np.ndarray], Any]


def _finite(owner: Any, name: str, positive: bool = False) -> None:
    value = getattr(owner, name)
    if not isinstance(value, int | float | np.number) or not math.isfinite(value) or (positive and value <= 0):
        allowed = "a positive number" if positive else "a finite number"
        raise ValueError(f"{type(owner).__name__}: {name} = {value!r}; allowed is {allowed}")


def _layer(owner: Any) -> None:
    _finite(owner, "boundary_layer")
    if owner.boundary_layer < 0:
        raise ValueError(f"{type(owner).__name__}: boundary_layer = {owner.boundary_layer!r}; allowed is a number >= 0")


def initial(problem: Any, start: Any) -> tuple[Any, np.ndarray, bool]:
    """(problem, y, compatible) for an initial state on `problem`, or on a finer mesh if it was made from a tolerance.

    start: a density (a callable, unnormalised), a State (of this or another mesh), or a mapping from the names of
    fields and differential scalars to densities and values; scalars not named start at 0, fields share what mass is
    left. `compatible` says whether the density vanishes at V_F, i.e. whether N(0) is finite. Raises ValueError.
    """
    if isinstance(start, State):
        return _from_state(problem, start)
    densities, values = _split_start(problem, start)
    densities = {
        name: Profile(name, density, problem.v_fire, above=_lives_above(problem, name))
        for name, density in densities.items()
    }
    cells = problem.cells
    for profile in densities.values():
        if problem.tol is not None:
            cells = _reach(cells, profile, problem.tol)
        profile.check(cells)
    masses = _masses(problem, values)
    if problem.tol is None:
        y = _project(problem, densities, values, masses)
        _require_resolved(problem, densities, y)
    else:
        problem, y = _resolve(problem, cells, densities, values, masses)
    tolerance = problem.tol or 1e-8
    compatible = all(p.end <= tolerance * p.peak for p in densities.values())
    return problem, y, compatible


def _lives_above(problem: Any, name: str) -> bool:
    return problem.layout.tied[name] is None


def _split_start(problem: Any, start: Any) -> tuple[dict[str, Density], dict[str, float]]:
    fields, scalars = problem.field_names, problem.layout.differential
    if isinstance(start, Mapping):
        unknown = set(start) - {*fields, *scalars}
        if unknown or any(name not in start for name in fields):
            raise ValueError(f"start: names {sorted(start)}; allowed are {[*fields, *scalars]}, all fields among them")
        given = dict(start)
    elif callable(start):
        given = dict.fromkeys(fields, start)
    else:
        raise ValueError(
            f"start: {start!r}; "
            "allowed are Gaussian, Uniform, a callable density, a State, or a mapping of names to those"
        )
    values = {name: float(given.get(name, 0.0)) for name in scalars}
    if any(not 0 <= value < 1 for value in values.values()):
        raise ValueError(f"start: scalars {values}; allowed are numbers in [0, 1)")
    for name in fields:
        if not callable(given[name]):
            raise ValueError(f"start: {name} = {given[name]!r}; allowed are densities (Gaussian, Uniform, a callable)")
    return {name: given[name] for name in fields}, values


class Profile:
    """A density given by the user, evaluated safely."""

    def __init__(self, name: str, density: Density, v_fire: float, above: bool) -> None:
        self.name, self._density, self._v_fire, self._above = name, density, v_fire, above
        self.features = np.array(getattr(density, "features", ()), float)
        self.breakpoints = np.array(getattr(density, "breakpoints", ()), float)
        self._layer = float(getattr(density, "boundary_layer", 0.0))
        self.peak = self.end = 0.0

    def __call__(self, v: np.ndarray) -> np.ndarray:
        try:
            values = np.asarray(self._density(v), float)
        except (TypeError, ValueError):  # float(v), if v > 1: a density written for one number
            values = np.empty(0)
        if values.shape != np.shape(v):
            values = np.array([float(self._density(float(x))) for x in np.ravel(v)]).reshape(np.shape(v))
        if self._layer:
            values = values * -np.expm1(-((np.abs(self._v_fire - v) / self._layer) ** 4))
        bad = ~np.isfinite(values)
        if bad.any():
            raise ValueError(
                f"start: the density {self.name} is {values[bad][0]} at v = {np.asarray(v)[bad][0]:.6g}; "
                "allowed are finite numbers"
            )
        if np.any(values < 0):
            at = np.argmin(values)
            raise ValueError(
                f"start: the density {self.name} is {np.ravel(values)[at]:.6g} at v = {np.ravel(v)[at]:.6g}; "
                "allowed are numbers >= 0"
            )
        return values

    def points(self, cells: np.ndarray) -> np.ndarray:
        """Ends of the pieces on which this density is integrated: cells, its features, and a fine grid."""
        low, high = cells[0], cells[-1]
        inner = np.concatenate([self.features, self.breakpoints, np.linspace(low, high, 129)])
        return np.unique(np.concatenate([cells, inner[(inner > low) & (inner < high)]]))

    def quadrature(self, cells: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(points, weights, density values) of a composite Gauss rule."""
        ends, (x, w) = self.points(cells), spaces.gauss(count)
        widths = np.diff(ends)
        points = (ends[:-1, None] + widths[:, None] * x).ravel()
        return points, (widths[:, None] * w).ravel(), self(points)

    def check(self, cells: np.ndarray) -> None:
        """Sets peak and end value; ValueError where nothing lies on the mesh."""
        points, weights, values = self.quadrature(cells, 6)
        self.peak = float(values.max(initial=0.0))
        self.mass = float(weights @ values)
        if not self.mass > 0:
            raise ValueError(
                f"start: the density {self.name} has no mass on [{cells[0]:g}, {cells[-1]:g}]"
                + ("" if self._above else f", below v_fire = {self._v_fire:g}")
                + "; if it is narrow, use Gaussian or Uniform, which know where they are"
            )
        self.end = 0.0 if self._above else float(self(np.array([self._v_fire]))[0])


def _project(
    problem: Any, densities: Mapping[str, Profile], values: Mapping[str, float], masses: Mapping[str, float]
) -> np.ndarray:
    """L2 projection that keeps all mass: what lies in the test function of V_F has fired."""
    moments = {}
    for name, profile in densities.items():
        points, weights, n = profile.quadrature(problem.cells, problem.degree + 3)
        cell = np.clip(np.searchsorted(problem.cells, points, side="right") - 1, 0, len(problem.cells) - 2)
        full = tied_moments(problem, cell, points, weights * n)
        moments[name] = full * (masses[name] / full.sum())
    y = from_moments(problem, moments, values)
    for quantity in problem.weak_form.conserved:  # exact but for rounding, which large slopes in tiny cells magnify
        weights = problem.conserved[quantity.name]
        total = sum(w * (masses[name] if name in masses else values[name]) for name, w in quantity.weights.items())
        if abs(weights @ y - total) < 1e-6 * abs(total):
            y = np.where(weights != 0, y * (total / (weights @ y)), y)
    return y


def _masses(problem: Any, values: Mapping[str, float]) -> dict[str, float]:
    """The mass of each field: what its conserved quantity, of total 1, leaves after the scalars, in equal shares."""
    masses = dict.fromkeys(problem.field_names, 1.0)
    for quantity in problem.weak_form.conserved:
        fields = [name for name in problem.field_names if name in quantity.weights]
        left = 1.0 - sum(w * values[name] for name, w in quantity.weights.items() if name not in fields)
        if not 0 < left <= 1:
            raise ValueError(
                f"start: the scalars {values} leave no mass for {fields}; allowed are values >= 0, sum < 1"
            )
        masses |= dict.fromkeys(fields, left / len(fields) if fields else 1.0)
    return masses


def _resolve(
    problem: Any,
    cells: np.ndarray,
    densities: Mapping[str, Profile],
    values: Mapping[str, float],
    masses: Mapping[str, float],
) -> tuple[Any, np.ndarray]:
    """On these cells, split until the data are resolved; jumps of the data become cell ends."""
    wanted = np.concatenate([p.breakpoints for p in densities.values()])
    cells = np.unique(np.concatenate([cells, wanted[(wanted > cells[0]) & (wanted < cells[-1])]]))
    if problem.mass.kl == 0 and problem.degree >= 3:
        cells = _split_for(problem, cells, densities)
    if len(cells) != len(problem.cells):
        problem = problem.on_cells(cells)
    for _ in range(_ROUNDS):
        y = _project(problem, densities, values, masses)
        flags = adapt.unresolved(problem, y)
        flags |= adapt.undershooting(problem, y)
        if not flags.any():
            flags = _spurious_rate(problem, densities, values, masses, y)
        if not flags.any():
            return problem, y
        problem = problem.on_cells(adapt.split(problem.cells, flags))
    return problem, _project(problem, densities, values, masses)


def _split_for(problem: Any, cells: np.ndarray, densities: Mapping[str, Profile]) -> np.ndarray:
    """Cells split until they resolve the densities, looked at through a lumped projection: nothing is assembled yet."""
    degree, smallest = problem.degree, adapt.SMALLEST * (problem.v_fire - problem.v_reset)
    weights = spaces.lobatto(degree)[1]
    for _ in range(_ROUNDS):
        widths = cells[1:] - cells[:-1]
        nodes = np.arange(len(widths))[:, None] * degree + np.arange(degree + 1)
        mass = np.bincount(nodes.ravel(), (widths[:, None] * weights).ravel())
        flags = np.zeros(len(widths), bool)
        for name, profile in densities.items():
            points, w, n = profile.quadrature(cells, degree + 3)
            cell = np.clip(np.searchsorted(cells, points, side="right") - 1, 0, len(widths) - 1)
            shapes = spaces.shapes(degree, (points - cells[cell]) / widths[cell])
            values = (
                np.bincount(nodes[cell].ravel(), ((w * n / profile.mass)[:, None] * shapes).ravel(), len(mass)) / mass
            )
            if problem.layout.tied[name] is not None:
                values[-1] = 0.0
            flags |= adapt.content(values, cells, degree) > adapt.UNRESOLVED * problem.tol
        flags &= widths > smallest
        if not flags.any():
            break
        cells = adapt.split(cells, flags)
    return cells


def _spurious_rate(
    problem: Any,
    densities: Mapping[str, Profile],
    values: Mapping[str, float],
    masses: Mapping[str, float],
    y: np.ndarray,
) -> np.ndarray:
    """The last cells below V_F, to be split, where data that vanish there fire at a rate that is projection noise.

    Next to data concentrated at V_F a density of relative size tol suffices for a rate that is huge, negative, or none.
    """
    none = np.zeros(len(problem.widths), bool)
    if any(p.end > _VANISHES * p.peak for p in densities.values()):
        return none  # N starts from infinity, however small the density at V_F
    flags, last = none.copy(), int(np.searchsorted(problem.cells, problem.v_fire))
    flags[max(0, last - 3) : last] = True
    flags &= problem.widths > adapt.SMALLEST * (problem.v_fire - problem.v_reset)
    if not flags.any():
        return none
    finer = problem.on_cells(adapt.split(problem.cells, flags))
    here, there = _rates(problem, y), _rates(finer, _project(finer, densities, values, masses))
    if here is not None and there is not None and np.all(abs(here - there) < _NOISE * (1 + abs(there))):
        return none
    return flags


def _rates(problem: Any, y: np.ndarray) -> np.ndarray | None:
    """The algebraic scalars; None where there are none that satisfy their equations."""
    try:
        return problem.scalars(0.0, y)[: len(problem.layout.algebraic)]
    except Infeasible:
        return None


def _reach(cells: np.ndarray, profile: Profile, tol: float) -> np.ndarray:
    """Cells prepended, ever larger ones, while the density has mass below the first one."""
    points, weights, values = profile.quadrature(cells, 6)
    mass, peak = weights @ values, float(values.max())
    for _ in range(_ROUNDS):
        width = cells[1] - cells[0]
        points, weights, values = profile.quadrature(np.array([cells[0] - 4 * width, cells[0]]), 6)
        known = profile.features[profile.features < cells[0]]
        beyond, peak = weights @ values, max(peak, float(values.max()))
        if beyond <= 0.1 * tol * mass and not (known.size and np.any(profile(known) > tol * peak)):
            return cells
        cells = np.concatenate([[cells[0] - 1.5 * width], cells])
        mass += beyond
    return cells


def _require_resolved(problem: Any, densities: Mapping[str, Profile], y: np.ndarray) -> None:
    """ValueError naming the cells that are needed where the user's mesh misplaces more than a fifth of the mass."""
    for name, profile in densities.items():
        points, weights, n = profile.quadrature(problem.cells, problem.degree + 3)
        values = spaces.evaluate(problem.cells, problem.degree, problem.full(name, y), points)
        scale = (weights @ values) / (weights @ n)
        wrong = weights * np.abs(values - scale * n)
        total = float(wrong.sum() / (weights @ np.abs(values)))
        if total > _TOO_COARSE:
            cell = np.clip(np.searchsorted(problem.cells, points, side="right") - 1, 0, len(problem.cells) - 2)
            share = np.bincount(cell, wrong, len(problem.cells) - 1)
            bad = np.flatnonzero(share > 0.1 * share.max())
            low, high = problem.cells[bad[0]], problem.cells[bad[-1] + 1]
            spread = np.sqrt(weights @ (n * (points - (weights @ (n * points)) / (weights @ n)) ** 2) / (weights @ n))
            raise ValueError(
                f"start: the mesh misplaces {100 * total:.0f} % of the density {name}; cells between v = {low:.6g} and "
                f"{high:.6g} must be at most about {max(spread, 1e-12):.2g} wide, "
                "or let discretize(model, tol=...) choose the mesh"
            )


def _from_state(problem: Any, start: State) -> tuple[Any, np.ndarray, bool]:
    """A State as initial data: copied on its own mesh, projected (conservatively) to another."""
    old = start.problem
    if tuple(old.field_names) != tuple(problem.field_names) or old.layout.differential != problem.layout.differential:
        raise ValueError(
            f"start: a state of {type(old.model).__name__} has other unknowns than {type(problem.model).__name__}"
        )
    if old.space == problem.space and np.array_equal(old.cells, problem.cells):
        return problem, start.y.copy(), True
    if (
        problem.tol is not None
        and old.space == problem.space
        and (old.v_reset, old.v_fire) == (problem.v_reset, problem.v_fire)
    ):
        problem = problem.on_cells(old.cells)  # the mesh that carried the state serves it best
        return problem, start.y.copy(), True
    densities = {}
    for name in problem.field_names:
        view = old.field(name, start.y)
        profile = Profile(
            name, lambda v, view=view: np.maximum(view(v), 0.0), problem.v_fire, _lives_above(problem, name)
        )
        profile.features = np.concatenate([old.cells, [old.cells[-1]]])
        profile.check(problem.cells)
        densities[name] = profile
    values = {name: float(start.y[old.layout.offsets[name]]) for name in problem.layout.differential}
    masses = _masses(problem, values)
    y = _project(problem, densities, values, masses)
    _require_resolved(problem, densities, y)
    return problem, y, True
