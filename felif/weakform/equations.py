"""What a model returns: its equations, and what they conserve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..given.fields import plainly, require_fields
from .terms import Term
from .unknowns import Axis, Delayed, Given, Index, Unknown

TAKEN = frozenset({"t", "dt", "mass", "min_n"})  # columns of every run
#: of states and columns of branches, beside which an unknown of that name could not be read
OF_RESULTS = frozenset("y problem state known residual error errors growth log_N".split())
OF_RESULTS |= frozenset("arclength stable unstable leading frequency within_tol kind period".split())


@dataclass(frozen=True)
class Conserved:
    """A quantity constant in time, 1 at the start: the sum of weights[name] x (integral of that unknown).

    Densities that it weighs, and entries of an index unless there is one such quantity for `each`, keep the proportions
    in which `evolve` is given them and are scaled together to what numbers leave of 1. Gaussian and Uniform count as
    densities of the mass 1. `Equations.masses` says where a density has another mass.

    Parameters
    ----------
    name : str
        The column of a run that holds it.
    weights : mapping of str to float
        {unknown that evolves: weight}; weights are not 0.
    each : str or None
        An index: one such quantity for each of its entries.

    Examples
    --------
    >>> import felif as fl
    >>> dict(fl.Conserved("total", {"n": 1.0, "R": 1.0}).weights)
    {'n': 1.0, 'R': 1.0}
    """

    name: str
    weights: Mapping[str, float]
    each: str | None = None

    __post_init__ = require_fields


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

    Parameters
    ----------
    axes : tuple of Axis and Index
        The coordinates.
    unknowns : tuple of Unknown
        What is computed.
    terms : tuple of Term
        The equations, one part after another.
    conserved : tuple of Conserved
        What does not change in time; `discretize` refuses a claim that the terms do not fulfil.
    inputs : tuple of Given and Delayed
        What coefficients read from outside or from the past.
    masses : mapping of str to float
        Integrals of densities at the start; with a Conserved of `each` entry, or none, those of each entry.
    symmetric_along : str or None
        A periodic axis along which every solution may be rotated.
    conditions : tuple
        Where the equations hold.

    Raises
    ------
    ValueError
        For names that are used twice or mean nothing, and for terms that do not fit the unknowns.

    Examples
    --------
    >>> import felif as fl
    >>> equations = fl.NoisyLIF().equations()
    >>> [unknown.name for unknown in equations.unknowns], equations.axis("v").high
    (['n', 'N'], 2.0)
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
        require_fields(self)
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
        if results := OF_RESULTS & set(known):
            raise ValueError(
                f"Equations: unknowns are called {sorted(results)}, as parts of states and branches; allowed are "
                f"other names than {sorted(OF_RESULTS)}"
            )
        for u in self.unknowns:
            if missing := set(u.over) - axes:
                raise ValueError(f"Unknown {u.name!r} is over {sorted(missing)}; the axes are {sorted(axes)}")
            indices = [isinstance(self.axis(name), Index) for name in u.over]
            if indices != sorted(indices, reverse=True):
                raise ValueError(f"Unknown {u.name!r} is over {u.over}; allowed are its indices first, then its axes")
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
            if isinstance(given, Delayed) and given.slope_of and given.slope_of not in {*known} - {given.of}:
                raise ValueError(
                    f"Delayed {given.name!r}: slope_of = {given.slope_of!r}; allowed is another of {sorted(known)}"
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
                raise ValueError(f"Term {term.called!r}: its {what} is {plainly(given)}; allowed is a function")

    def axis(self, name: str) -> Axis | Index:
        """The axis or index of that name.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Axis or Index
        """
        return next(axis for axis in self.axes if axis.name == name)

    def unknown(self, name: str) -> Unknown:
        """The unknown of that name.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Unknown
        """
        return next(u for u in self.unknowns if u.name == name)

    def lines(self, unknown: Unknown) -> tuple[str, ...]:
        """The axes, but for indices, that an unknown is over.

        Parameters
        ----------
        unknown : Unknown
            One of these equations.

        Returns
        -------
        tuple of str
        """
        return tuple(name for name in unknown.over if isinstance(self.axis(name), Axis))
