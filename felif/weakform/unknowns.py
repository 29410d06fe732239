"""Axes and indices, the unknowns that live over them, and inputs from outside."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..given.fields import plainly, require_fields


@dataclass(frozen=True)
class Axis:
    """A coordinate on [low, high], both of which may be infinite, or on a circle.

    Parameters
    ----------
    name : str
        What forms and coefficients call it: x.v and s.v.
    low, high : float
        Its ends.
    points : mapping of str to float
        Named places, which are ends of cells on every mesh.
    periodic : bool
        `high` is `low` again.
    scale : float
        A length over which densities along this axis vary where nothing else says it, > 0.
    graded : mapping of float to float
        Finite ends and points next to which densities are not smooth: {place: exponent e > 0}. On meshes made from a
        tolerance cells shrink geometrically towards the place, down to scale (5000 tol)^e; error estimates compare with
        a mesh on which they shrink further.

    Raises
    ------
    ValueError
        For ends that are no numbers low < high, for points outside, and for graded places that are none of these.

    Examples
    --------
    >>> import math, felif as fl
    >>> fl.Axis("v", -math.inf, 2.0, points={"reset": 1.0}).high
    2.0
    """

    name: str
    low: float
    high: float
    points: Mapping[str, float] = field(default_factory=dict)
    periodic: bool = False
    scale: float = 1.0
    graded: Mapping[float, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_fields(self)
        ends = (self.low, self.high)
        if not all(map(_is_end, ends)) or not self.low < self.high:
            raise ValueError(
                f"Axis {self.name!r}: low, high = {', '.join(map(plainly, ends))}; allowed are numbers low < high"
            )
        if self.periodic and not all(map(math.isfinite, ends)):
            raise ValueError(f"Axis {self.name!r}: periodic on [{self.low!r}, {self.high!r}]; allowed are finite ends")
        for name, place in self.points.items():
            if not (_is_end(place) and self.low <= place <= self.high and math.isfinite(place)):
                raise ValueError(
                    f"Axis {self.name!r}: the point {name!r} = {plainly(place)} lies outside [{self.low}, {self.high}]"
                )
        if not (_is_end(self.scale) and 0 < self.scale < math.inf):
            raise ValueError(f"Axis {self.name!r}: scale = {plainly(self.scale)}; allowed are positive numbers")
        places = [place for place in (*ends, *self.points.values()) if math.isfinite(place)]
        powers = self.graded.items() if isinstance(self.graded, Mapping) else [(None, None)]
        if not all(place in places and _is_end(e) and 0 < e < math.inf for place, e in powers):
            raise ValueError(
                f"Axis {self.name!r}: graded = {plainly(self.graded)}; allowed is a mapping of finite ends and points "
                "to positive numbers"
            )


def _is_end(value: Any) -> bool:
    """Whether this is a number of a line, infinite ones included."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (abs(value) <= sys.float_info.max or abs(value) == math.inf)
    )


@dataclass(frozen=True)
class Index:
    """A discrete axis 0, ..., count - 1: populations, frequencies, units.

    Parameters
    ----------
    name : str
        Its name.
    count : int
        How many entries it has, >= 1.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Index("population", 3).count
    3
    """

    name: str
    count: int

    def __post_init__(self) -> None:
        require_fields(self)
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise ValueError(f"Index {self.name!r}: count = {plainly(self.count)}; allowed are whole numbers from 1")


@dataclass(frozen=True)
class Unknown:
    """A function of the axes and indices `over`, or a number.

    Parameters
    ----------
    name : str
        What forms, coefficients and states call it.
    over : tuple of str
        Names of its axes and indices; a number where there are none.
    kind : {"evolves", "equals", "holds"}
        "evolves": d/dt (u, phi) is the sum of its terms. "equals": (u, phi) is. "holds": the multiplier of `of` = 0 at
        a place, which is the flux that leaves there.
    of : str or None
        Of what "holds": the unknown that vanishes.
    at : mapping of str to float or callable
        Of what "holds": where, {axis: place}, an end of that axis; {axis: x -> place} is one for each entry of an
        index, the last of them that end: beyond its own place an entry is 0.
    only : tuple of int or None
        Of what evolves over one index: the entries that there are; at the others it is 0.

    Raises
    ------
    ValueError
        For another kind, and where `of` and `at` do not belong to it.

    Examples
    --------
    >>> import felif as fl
    >>> density = fl.Unknown("n", ("v",))
    >>> fl.Unknown("N", kind="holds", of="n", at={"v": 2.0}).kind
    'holds'
    """

    name: str
    over: tuple[str, ...] = ()
    kind: Literal["evolves", "equals", "holds"] = "evolves"
    of: str | None = None
    at: Mapping[str, float | Callable[[Any], Any]] = field(default_factory=dict)
    only: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        require_fields(self)
        if self.kind not in ("evolves", "equals", "holds"):
            raise ValueError(f"Unknown {self.name!r}: kind = {self.kind!r}; allowed are 'evolves', 'equals', 'holds'")
        if (self.kind == "holds") != (self.of is not None) or (self.kind == "holds") != bool(self.at):
            raise ValueError(
                f"Unknown {self.name!r}: what 'holds', and only that, names `of` what and `at` which place"
            )
        if self.only is not None and (self.kind != "evolves" or len(self.over) != 1):
            raise ValueError(
                f"Unknown {self.name!r}: only = {plainly(self.only)}; allowed for what evolves over one index"
            )


@dataclass(frozen=True)
class Given:
    """An input from outside, read as `s.<name>` by coefficients.

    Parameters
    ----------
    name : str
        What coefficients call it.
    parameter : str
        The parameter of the model that it is: a number, a function of t or Piecewise.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Given("I", "current").parameter
    'current'
    """

    name: str
    parameter: str

    __post_init__ = require_fields


@dataclass(frozen=True)
class Delayed:
    """An input, read as `s.<name>`: an unknown, some time earlier.

    Parameters
    ----------
    name : str
        What coefficients call it.
    of : str
        The unknown: a number, or one an entry of an index.
    delay : float or str
        A positive number, or the name of the parameter that is one, which `at` and `continuation` may then change.
    slope_of : str
        Where `of` is the time derivative of another unknown, that one: its past is given, and ends where a run begins.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Delayed("N_delayed", "N", "delay").of_model(fl.NoisyLIF(delay=0.5))
    0.5
    """

    name: str
    of: str
    delay: float | str
    slope_of: str = ""

    __post_init__ = require_fields

    def of_model(self, model: Any) -> float:
        """The delay of a model.

        Parameters
        ----------
        model : model
            The model with that parameter.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For what is no positive number.
        """
        value = getattr(model, self.delay, None) if isinstance(self.delay, str) else self.delay
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(
                f"Delayed {self.name!r}: the delay {self.delay!r} of {type(model).__name__} is {value!r}; allowed are "
                "positive numbers"
            )
        return float(value)
