"""Densities to start from, and how they are evaluated safely."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..algebra import in_a_row
from ..given.arguments import checked, is_finite, number, shown
from ..given.inputs import profile_values
from ..given.memory import memory_of_process, remembered
from ..translation.weak_form import THRESHOLD
from .projection import tied_moments
from .tuning import MEMORY

_known: dict[Any, tuple[dict, dict]] = memory_of_process()


@dataclass(frozen=True)
class Gaussian:
    """The density exp(-(v - mean)^2 / (2 variance)), cut at V_F and normalised there.

    A model without neurons above V_F refuses one of which more than a twentieth lies there (one half with a boundary
    layer, which shapes it near V_F anyway): what was written is then not what would be run.

    Parameters
    ----------
    mean, variance : float
        In units of v; variance > 0.
    boundary_layer : float
        l > 0 multiplies it by 1 - exp(-((V_F - v)/l)^4), which vanishes at V_F: N(0) is then finite.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Gaussian(mean=0.0, variance=0.25).share_below(0.0)
    0.5
    """

    normalised: ClassVar[bool] = True

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
    def allowed_beyond(self) -> float:
        """Largest part that may be cut off at V_F: a tail has no end, but the bulk must not lie there."""
        return 0.5 if self.boundary_layer else 0.05

    @checked(v=number(infinite=True))
    def share_below(self, v: float) -> float:
        """Part of the uncut density below v.

        Parameters
        ----------
        v : float
            A potential.

        Returns
        -------
        float
            In [0, 1].
        """
        return 0.5 * math.erfc((self.mean - v) / math.sqrt(2 * self.variance))

    @checked(v=number(infinite=True))
    def share_above(self, v: float) -> float:
        """Part of the uncut density above v.

        Parameters
        ----------
        v : float
            A potential.

        Returns
        -------
        float
            In [0, 1].
        """
        return 0.5 * math.erfc((v - self.mean) / math.sqrt(2 * self.variance))

    @property
    def features(self) -> tuple[float, ...]:
        """Points near which the density varies: a quadrature must not step over them."""
        width = math.sqrt(self.variance)
        return tuple(self.mean + k * width for k in (-9, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9))


@dataclass(frozen=True)
class Uniform:
    """The density that is constant on [low, high] and zero elsewhere.

    Refused where high lies above V_F by more than rounding and no neurons live there.

    Parameters
    ----------
    low, high : float
        low < high, in units of v.
    boundary_layer : float
        As for Gaussian.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Uniform(low=-1.0, high=1.0).share_above(0.5)
    0.25
    """

    normalised: ClassVar[bool] = True
    allowed_beyond: ClassVar[float] = 1e-12  # it has an end, which can be V_F

    low: float
    high: float
    boundary_layer: float = 0.0

    def __post_init__(self) -> None:
        _finite(self, "low")
        _finite(self, "high")
        _layer(self)
        if self.low >= self.high:
            raise ValueError(f"Uniform: low = {shown(self.low)}; allowed is a number below high = {shown(self.high)}")

    def __call__(self, v: np.ndarray) -> np.ndarray:
        return ((v >= self.low) & (v <= self.high)) / (self.high - self.low)

    @checked(v=number(infinite=True))
    def share_below(self, v: float) -> float:
        """Part of the uncut density below v.

        Parameters
        ----------
        v : float
            A potential.

        Returns
        -------
        float
            In [0, 1].
        """
        return min(max((v - self.low) / (self.high - self.low), 0.0), 1.0)

    @checked(v=number(infinite=True))
    def share_above(self, v: float) -> float:
        """Part of the uncut density above v.

        Parameters
        ----------
        v : float
            A potential.

        Returns
        -------
        float
            In [0, 1].
        """
        return min(max((self.high - v) / (self.high - self.low), 0.0), 1.0)

    @property
    def features(self) -> tuple[float, ...]:
        """Points near which the density varies: its two ends."""
        return (self.low, self.high)

    breakpoints = features


Density = Callable[[np.ndarray], Any]


def density_from_text(text: str) -> Gaussian | Uniform | None:
    """The density whose repr this is; None for any other text."""
    found = re.fullmatch(r"(Gaussian|Uniform)\((.*)\)", re.sub(r"np\.\w+\(([^()]*)\)", r"\1", text))
    if found is None:
        return None
    values = dict(part.split("=") for part in found[2].split(", "))
    kind = {"Gaussian": Gaussian, "Uniform": Uniform}[found[1]]
    return kind(**{name: float(value) for name, value in values.items()})


def _finite(owner: Any, name: str, positive: bool = False) -> None:
    value = getattr(owner, name)
    if not is_finite(value) or (positive and value <= 0):
        allowed = "a positive number" if positive else "a finite number"
        raise ValueError(f"{type(owner).__name__}: {name} = {shown(value)}; allowed is {allowed}")


def _layer(owner: Any) -> None:
    _finite(owner, "boundary_layer")
    if owner.boundary_layer < 0:
        raise ValueError(f"{type(owner).__name__}: boundary_layer = {owner.boundary_layer!r}; allowed is a number >= 0")


class Profile:
    """A density given by the user, evaluated safely."""

    def __init__(self, name: str, density: Density, top: float, above: bool) -> None:
        self.name, self._density, self._top, self._above = name, density, top, above
        self.features = np.array(getattr(density, "features", ()), float)
        self.breakpoints = np.array(getattr(density, "breakpoints", ()), float)
        self._layer = float(getattr(density, "boundary_layer", 0.0))
        self.peak = self.end = 0.0
        self._rules: dict[tuple[bytes, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._moments: dict[tuple[bytes, int | bytes], np.ndarray] = {}
        if type(density) in (Gaussian, Uniform):
            known = _known.get((density, top), (self._rules, self._moments))
            self._rules, self._moments = remembered(_known, (density, top), known, MEMORY.profiles)

    def __call__(self, v: np.ndarray) -> np.ndarray:
        values = profile_values(f"start: the density {self.name}", self._density, v)
        if self._layer:
            values = values * -np.expm1(-((np.abs(self._top - v) / self._layer) ** 4))
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
        inner = np.concatenate(
            [self.features, self.breakpoints, np.linspace(low, high, 9 if self.features.size else 129)]
        )
        return np.unique(np.concatenate([cells, inner[(inner > low) & (inner < high)]]))

    def quadrature(self, cells: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(points, weights, density values) of a composite Gauss rule; kept, as the same cells come again."""
        key = cells.tobytes(), count
        if (rule := self._rules.get(key)) is None:
            points, weights = in_a_row(self.points(cells), count)
            rule = remembered(self._rules, key, (points, weights, self(points)), MEMORY.profiles)
        return rule

    def moments(self, cells: np.ndarray, degree: int) -> np.ndarray:
        """int n phi_i for every node of these cells, shape (nodes,)."""
        key = cells.tobytes(), degree
        if (moments := self._moments.get(key)) is None:
            points, weights, values = self.quadrature(cells, degree + 3)
            cell = np.clip(np.searchsorted(cells, points, side="right") - 1, 0, len(cells) - 2)
            moments = tied_moments(cells, degree, cell, points, weights * values)
            remembered(self._moments, key, moments, MEMORY.profiles)
        return moments

    def check(self, cells: np.ndarray) -> None:
        """Sets peak and end value; ValueError where nothing lies on the mesh."""
        points, weights, values = self.quadrature(cells, 6)
        self.peak = float(values.max(initial=0.0))
        self.mass = float(weights @ values)
        if not self.mass > 0:
            raise ValueError(
                f"start: the density {self.name} has no mass on [{cells[0]:g}, {cells[-1]:g}]"
                + ("" if self._above else f", below {THRESHOLD} = {self._top:g}")
                + "; if it is narrow, use Gaussian or Uniform, which know where they are"
            )
        self.end = 0.0 if self._above else float(self(np.array([self._top]))[0])
