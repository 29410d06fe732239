"""The language of models over any axes: axes, indices, unknowns, and terms that say what leaves and where it lands.

A model has a method `equations()` that returns `Equations`. An unknown is a function of the axes and indices `over`
which it lives, a number where there are none:

    "evolves"  d/dt (u, phi) = sum of its terms, for every test function phi
    "equals"   (u, phi) = sum of its terms: an integral, a trace, an order parameter, the input of a population
    "holds"    the Lagrange multiplier of `of` = 0 at a place of an axis: the flux that leaves there, felif's N

One rule says what a term means: it lives on the union of the axes of `into`, of `of`, of `at`, and of those functions
that its coefficient reads; it is summed over the axes that `into` lacks, and what lacks an axis is constant along it.
`lands` is a map of places: what leaves at x enters at lands(x), int r u [phi(lands(x)) - phi(x)], so that a jump
conserves whatever it moves. Natural boundary conditions are those of no flux.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

TAKEN = frozenset({"t", "dt", "mass", "min_n"})  # columns of every run


@dataclass(frozen=True)
class Axis:
    """A coordinate on [low, high], both of which may be infinite, or on a circle.

    points    named places, which are ends of cells on every mesh
    periodic  `high` is `low` again
    scale     a length over which densities along this axis vary where nothing else says it
    """

    name: str
    low: float
    high: float
    points: Mapping[str, float] = field(default_factory=dict)
    periodic: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(isinstance(end, int | float) and end == end for end in ends) or not self.low < self.high:
            raise ValueError(
                f"Axis {self.name!r}: low, high = {self.low!r}, {self.high!r}; allowed are numbers low < high"
            )
        if self.periodic and not all(map(math.isfinite, ends)):
            raise ValueError(f"Axis {self.name!r}: periodic on [{self.low!r}, {self.high!r}]; allowed are finite ends")
        for name, place in self.points.items():
            if not (isinstance(place, int | float) and self.low <= place <= self.high and math.isfinite(place)):
                raise ValueError(
                    f"Axis {self.name!r}: the point {name!r} = {place!r} lies outside [{self.low}, {self.high}]"
                )
        if not (isinstance(self.scale, int | float) and 0 < self.scale < math.inf):
            raise ValueError(f"Axis {self.name!r}: scale = {self.scale!r}; allowed are positive numbers")


@dataclass(frozen=True)
class Index:
    """A discrete axis 0, ..., count - 1: populations, frequencies, units."""

    name: str
    count: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise ValueError(f"Index {self.name!r}: count = {self.count!r}; allowed are whole numbers from 1")


@dataclass(frozen=True)
class Unknown:
    """A function of the axes and indices `over`, or a number; see the head of this module for the kinds.

    of, at   of what "holds": the unknown that vanishes, and where: {axis: place}, an end of the axis; or {axis: x ->
             place}, one for each entry of an index, the last of them that end: beyond its own place an entry is 0
    only     of what evolves over one index: the entries that there are; at the others it is 0
    """

    name: str
    over: tuple[str, ...] = ()
    kind: Literal["evolves", "equals", "holds"] = "evolves"
    of: str | None = None
    at: Mapping[str, float | Callable[[Any], Any]] = field(default_factory=dict)
    only: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("evolves", "equals", "holds"):
            raise ValueError(f"Unknown {self.name!r}: kind = {self.kind!r}; allowed are 'evolves', 'equals', 'holds'")
        if not isinstance(self.over, tuple):
            raise ValueError(f"Unknown {self.name!r}: over = {self.over!r}; allowed is a tuple of names of axes")
        if (self.kind == "holds") != (self.of is not None) or (self.kind == "holds") != bool(self.at):
            raise ValueError(
                f"Unknown {self.name!r}: what 'holds', and only that, names `of` what and `at` which place"
            )
        if self.only is not None and (self.kind != "evolves" or len(self.over) != 1):
            raise ValueError(f"Unknown {self.name!r}: only = {self.only!r}; allowed for what evolves over one index")


@dataclass(frozen=True)
class Given:
    """An input from outside, read as `s.<name>`: a parameter of the model, a number or a function of t."""

    name: str
    parameter: str


@dataclass(frozen=True)
class Delayed:
    """An input, read as `s.<name>`: the unknown `of` (a number, or one an entry of an index) `delay` earlier.

    delay    a positive number, or the name of the parameter that is one, which `at` and `continuation` may then change
    """

    name: str
    of: str
    delay: float | str

    def of_model(self, model: Any) -> float:
        """The delay of a model. Raises ValueError for what is no positive number."""
        value = getattr(model, self.delay, None) if isinstance(self.delay, str) else self.delay
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(
                f"Delayed {self.name!r}: the delay {self.delay!r} of {type(model).__name__} is {value!r}; allowed are "
                "positive numbers"
            )
        return float(value)


@dataclass(frozen=True)
class Term:
    """coefficient(s, m) x form, added to the equation of `into`.

    form(u, phi, x) where `of` names the unknown or input u it is linear in, form(phi, x) without; x.v are places along
    the axis v, and `d(u, "v")` is a derivative. Into a number or a function of an index phi is 1. No form stands for
    u phi.
    coefficient(s, m) reads unknowns that are functions of axes of this term, inputs and coordinates from s, parameters
    from m; it is analytic in the unknowns and inputs (derivatives are taken by one complex step). None stands for 1.
    at       {axis: place}, or {axis: (low, high)} between ends of cells, where the term acts, instead of all along it;
             {axis: x -> place} is a place for each entry of an index
    lands    x -> {axis: place}, or [(weight, {axis: place}), ...]: what leaves enters there
    matrix   instead of a form: sum_j matrix[i, j] u_j, from the index of `of` to that of `into`; dense or scipy sparse
    """

    into: str
    of: str | None = None
    form: Callable[..., Any] | None = None
    coefficient: Callable[[Any, Any], Any] | None = None
    at: Mapping[str, float | tuple[float, float] | Callable[[Any], Any]] = field(default_factory=dict)
    lands: Callable[[Any], Any] | None = None
    matrix: Any = None
    name: str = ""

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.name or (f"{self.of} -> {self.into}" if self.of else f"source of {self.into}")


@dataclass(frozen=True)
class Conserved:
    """A quantity constant in time: the sum of weights[name] x (integral of that unknown).

    each     an index: one such quantity for each of its entries
    """

    name: str
    weights: Mapping[str, float]
    each: str | None = None


@dataclass(frozen=True)
class Condition:
    """The equations hold only where value(s, m) > 0, s as coefficients read it, but numbers and inputs only.

    message  what is said where they do not: no state is computed there
    """

    message: str
    value: Callable[[Any, Any], float]


@dataclass(frozen=True)
class Equations:
    """What a model returns: axes, unknowns, terms, inputs, and what they conserve.

    masses   integrals of densities at the start (of each entry of an index); of those not named what is left of 1,
             in equal shares
    symmetric_along  a periodic axis along which every solution may be rotated
    conditions  where the equations hold
    """

    axes: tuple[Axis | Index, ...]
    unknowns: tuple[Unknown, ...]
    terms: tuple[Term, ...]
    conserved: tuple[Conserved, ...] = ()
    inputs: tuple[Given | Delayed, ...] = ()
    masses: Mapping[str, float] = field(default_factory=dict)
    symmetric_along: str | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        for entries, kinds in (
            (self.axes, (Axis, Index)),
            (self.unknowns, Unknown),
            (self.terms, Term),
            (self.conserved, Conserved),
            (self.inputs, (Given, Delayed)),
            (self.conditions, (Condition,)),
        ):
            for entry in entries:
                if not isinstance(entry, kinds):
                    raise ValueError(f"Equations: {entry!r} stands where {kinds} must")
        names = [entry.name for entry in (*self.axes, *self.unknowns, *self.inputs)]
        if len(set(names)) < len(names) or TAKEN & set(names):
            raise ValueError(
                f"Equations: names of axes, unknowns and inputs are {names}; they must differ, and from {sorted(TAKEN)}"
            )
        axes, known = {axis.name for axis in self.axes}, {u.name: u for u in self.unknowns}
        for u in self.unknowns:
            if missing := set(u.over) - axes:
                raise ValueError(f"Unknown {u.name!r} is over {sorted(missing)}; the axes are {sorted(axes)}")
            if u.only is not None:
                count = getattr(self.axis(u.over[0]), "count", 0)
                if not u.only or not set(u.only) <= set(range(count)):
                    raise ValueError(
                        f"Unknown {u.name!r}: only = {u.only!r}; allowed are entries of an index, of which "
                        f"{u.over[0]!r} has {count}"
                    )
            if u.kind == "holds":
                self._require_held(u, known)
        for term in self.terms:
            self._require_term(term, axes, known)
        for given in self.inputs:
            if isinstance(given, Delayed) and (given.of not in known or self.lines(known[given.of])):
                raise ValueError(
                    f"Delayed {given.name!r} is of {given.of!r}; allowed are numbers and functions of an index"
                )
        if len({quantity.name for quantity in self.conserved}) < len(self.conserved):
            raise ValueError(f"names of conserved quantities are used twice: {[q.name for q in self.conserved]}")
        densities = {u.name: 1.0 for u in self.unknowns if u.kind == "evolves" and self.lines(u)}
        for quantity in self.conserved:
            wrong = [n for n in quantity.weights if n not in known or known[n].kind != "evolves"]
            if wrong or not quantity.weights:
                raise ValueError(f"Conserved {quantity.name!r} weighs {wrong}; allowed are unknowns that evolve")
            if not all(isinstance(w, int | float) and math.isfinite(w) and w for w in quantity.weights.values()):
                raise ValueError(
                    f"Conserved {quantity.name!r} weighs {dict(quantity.weights)}; allowed are numbers that are not 0"
                )
            if quantity.name in (TAKEN - {"mass"}) | set(names):
                raise ValueError(f"Conserved {quantity.name!r} has the name of something else; choose another")
            if quantity.name == "mass" and dict(quantity.weights) != densities:
                raise ValueError(f"Conserved 'mass' weighs {dict(quantity.weights)}; it is that of all densities")
            if quantity.each is not None and any(quantity.each not in known[n].over for n in quantity.weights):
                raise ValueError(f"Conserved {quantity.name!r}: each = {quantity.each!r} is no index of what it weighs")

    def _require_held(self, u: Unknown, known: Mapping[str, Unknown]) -> None:
        of = known.get(u.of)
        if of is None or of.kind != "evolves" or len(u.at) != 1 or not set(u.at) <= set(of.over):
            raise ValueError(
                f"Unknown {u.name!r} holds {u.of!r} at {dict(u.at)}; allowed is one that evolves, at a place of one of "
                "its axes"
            )
        if u.over != tuple(name for name in of.over if name not in u.at):
            raise ValueError(f"Unknown {u.name!r} is over {u.over}; it must be over the other axes of {u.of!r}")
        ((name, place),) = u.at.items()
        if any(other is not u and (other.of, other.at) == (u.of, u.at) for other in known.values()):
            raise ValueError(f"Unknown {u.name!r} and another one hold {u.of!r} at {dict(u.at)}; allowed is one")
        axis = self.axis(name)
        if isinstance(axis, Index) or axis.periodic or not (callable(place) or place in (axis.low, axis.high)):
            raise ValueError(
                f"Unknown {u.name!r} holds {u.of!r} at {name} = {place!r}; allowed are the ends of an axis"
            )

    def _require_term(self, term: Term, axes: set[str], known: Mapping[str, Unknown]) -> None:
        into = known.get(term.into)
        if into is None or into.kind == "holds":
            raise ValueError(f"Term {term.called!r} goes into {term.into!r}; allowed are unknowns that evolve or equal")
        if term.of is not None and term.of not in {*known, *(given.name for given in self.inputs)}:
            raise ValueError(f"Term {term.called!r} is of {term.of!r}, which is no unknown: {sorted(known)}")
        if term.at and (missing := set(term.at) - axes):
            raise ValueError(f"Term {term.called!r} acts at {sorted(missing)}; the axes are {sorted(axes)}")
        if term.matrix is not None and (term.form or term.at or term.lands or term.of is None):
            raise ValueError(f"Term {term.called!r} has a matrix: then it has `of`, and neither form, at nor lands")
        for what, given in (("form", term.form), ("coefficient", term.coefficient), ("lands", term.lands)):
            if given is not None and not callable(given):
                raise ValueError(f"Term {term.called!r}: its {what} is {given!r}; allowed is a function")

    def axis(self, name: str) -> Axis | Index:
        """The axis or index of that name."""
        return next(axis for axis in self.axes if axis.name == name)

    def unknown(self, name: str) -> Unknown:
        """The unknown of that name."""
        return next(u for u in self.unknowns if u.name == name)

    def lines(self, unknown: Unknown) -> tuple[str, ...]:
        """The axes, but for indices, that an unknown is over."""
        return tuple(name for name in unknown.over if isinstance(self.axis(name), Axis))


def d(u: Any, axis: str) -> Any:
    """Derivative along an axis of an unknown or a test function inside a form."""
    return u.grad[axis]


def drift(
    n: str, axis: str, f: Callable[[Any], Any], c: Callable[[Any, Any], Any] | None = None, name: str = ""
) -> Term:
    """- d/dx (c f(x) n) in the equation of n."""
    return Term(n, n, lambda u, phi, x: f(x) * u * d(phi, axis), c, name=name or f"drift of {n} along {axis}")


@cache
def _diffusion(axis: str) -> Callable[..., Any]:
    return lambda u, phi, x: -d(u, axis) * d(phi, axis)


def noise(
    n: str, axis: str, c: Callable[[Any, Any], Any] | None = None, a: Callable[[Any], Any] | None = None, name: str = ""
) -> Term:
    """d/dx (c a(x) dn/dx) in the equation of n; a = 1 by default."""
    form = _diffusion(axis) if a is None else (lambda u, phi, x: -a(x) * d(u, axis) * d(phi, axis))
    return Term(n, n, form, c, name=name or f"noise of {n} along {axis}")


def jump(
    n: str,
    of: str,
    lands: Callable[[Any], Any],
    *,
    at: Mapping[str, float] | None = None,
    rate: Callable[[Any], Any] | None = None,
    c: Callable[[Any, Any], Any] | None = None,
    name: str = "",
) -> Term:
    """What jumps leaves n where it is and enters n at lands(x): `of` is a flux, or n itself with a rate(x)."""
    form = None if rate is None else (lambda u, phi, x: rate(x) * u * phi)
    return Term(n, of, form, c, at or {}, lands, name=name or f"jump of {n}")


def exchange(source: str, target: str, rate: Callable[[Any, Any], Any]) -> tuple[Term, Term]:
    """Neurons of `source` become neurons of `target` at the rate(s, m), where they are."""
    return (
        Term(source, source, lambda u, phi, x: -u * phi, rate, name=f"{source} leaves for {target}"),
        Term(target, source, lambda u, phi, x: u * phi, rate, name=f"{source} becomes {target}"),
    )
