"""Neurons that change their state, and an axis that ends below: what the law of the particles has beside the rest.

The terms of it are taken out of the equations, and what is left is a network as `law` knows it:

    exchange    neurons of one density become neurons of another at a constant rate, where they are
    low         potentials end at V_min, where neurons are turned back
    leaves      k of Robin's condition: through V_min leaves k n(V_min), 0 where nobody does
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.inputs import places_of
from ..given.parameters import parameters_of
from ..weakform import Axis, Equations, Term
from .weak_form import Value

_AGREE = 1e-9  # relative difference of rates that are one
_PLACES = 2001  # along v, at which a rate that is said to be constant is looked at


@dataclass(frozen=True)
class Without:
    """A model without its exchange and its lower end."""

    model: Any
    v_reset: float
    v_fire: float
    rest: Equations = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        """Inputs are read from the model."""
        if name.startswith("__") or name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)

    def equations(self) -> Equations:
        return self.rest


@dataclass(frozen=True)
class Apart:
    """A model without them, and what was taken out, in the order of its densities."""

    without: Without
    exchange: tuple[tuple[float, ...], ...]  # [i][j]: the rate from i to j
    low: float
    leaves: tuple[float, ...]
    shares: tuple[float | None, ...]  # at the start, where the model names them


def taken_apart(model: Any, equations: Equations) -> Apart | None:
    """None for equations of another shape: they have more axes, or rates that are not constant or not balanced."""
    if len(equations.axes) != 1 or not isinstance(axis := equations.axes[0], Axis):
        return None
    fluxes = [u for u in equations.unknowns if u.kind == "holds"]
    densities = [u.name for u in equations.unknowns if u.kind == "evolves" and u.over == (axis.name,)]
    if axis.name != "v" or not axis.high < math.inf or sorted(u.of for u in fluxes) != sorted(densities):
        return None
    if equations.conditions or any(dict(u.at) != {"v": axis.high} for u in fluxes):
        return None
    landing = [p for t in equations.terms if t.lands for _, p in places_of(t, SimpleNamespace(v=axis.high))]
    if not landing or any(place.keys() != {"v"} or np.size(place["v"]) != 1 for place in landing):
        return None
    rates, lost = np.zeros((2, len(densities), len(densities)))
    leaves, kept = np.zeros(len(densities)), []
    v = _everywhere(axis, axis.high - float(np.ravel(landing[0]["v"])[0]))
    for term in equations.terms:
        if term.of not in densities or term.lands or term.matrix is not None:
            kept.append(term)
            continue
        i, at = densities.index(term.of), dict(term.at)
        if at == {"v": axis.low} and axis.low > -math.inf:
            k = _constant(term, model)
            if k is None or (parts := _parts(term, v[:1]))[0].any() or parts[1].any():
                return None
            if term.into in densities and term.into != term.of:
                return None
            if term.into == term.of:
                leaves[i] -= k * parts[2][0]
            continue
        if at or term.into not in densities:
            kept.append(term)
            continue
        transport, others, reaction = _parts(term, v)
        if not reaction.any() and term.into == term.of:
            kept.append(term)
            continue
        k = _constant(term, model)
        if k is None or transport.any() or others.any() or np.ptp(reaction) > _AGREE * np.abs(reaction).max():
            return None
        if term.into == term.of:
            lost[i, i] -= k * reaction[0]
        else:
            rates[i, densities.index(term.into)] += k * reaction[0]
    out = rates.sum(axis=1)
    if (rates < 0).any() or (leaves < 0).any() or not np.allclose(out, lost.diagonal(), rtol=_AGREE, atol=0.0):
        return None
    if not rates.any() and axis.low == -math.inf:
        return None
    own = Axis("v", -math.inf, axis.high, axis.points)
    terms = tuple(replace(t, coefficient=_of_model(t.coefficient)) for t in kept)
    rest = Equations((own,), equations.unknowns, terms, inputs=equations.inputs)
    without = Without(model, float(np.ravel(landing[0]["v"])[0]), float(axis.high), rest)
    shares = tuple(equations.masses.get(name) for name in densities)
    return Apart(without, tuple(map(tuple, rates.tolist())), float(axis.low), tuple(leaves.tolist()), shares)


def _parts(term: Term, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n phi' and what else has a slope of phi, n' phi, n phi) of a form at places."""
    form = term.form or (lambda u, phi, x: u * phi)
    one, slope, x = Value(1.0, 0.0), Value(0.0, 1.0), SimpleNamespace(v=v)
    if term.into != term.of and term.at:  # into a number, where the test function is 1
        return np.zeros(v.shape), np.zeros(v.shape), np.ones(v.shape)
    with np.errstate(all="ignore"):
        values = [form(one, slope, x), form(slope, slope, x), form(slope, one, x), form(one, one, x)]
    found = np.array([np.broadcast_to(np.asarray(value, float), v.shape) for value in values])
    moved, spread, mixed, reaction = found[:, np.isfinite(found).all(axis=0)]
    return np.abs(moved) + np.abs(spread), mixed, reaction


def _everywhere(axis: Axis, length: float) -> np.ndarray:
    """Places along v that see rates which are others on some stretch of it; `length` is V_F - V_R."""
    if axis.low > -math.inf:
        return np.linspace(axis.low, axis.high, _PLACES)
    return axis.high - abs(length) * np.concatenate([np.linspace(0, 10, _PLACES), np.geomspace(10, 1e3, _PLACES)])


def _constant(term: Term, model: Any) -> float | None:
    """The coefficient of a term, None where it is no constant: it reads something, whatever it makes of that."""
    if term.coefficient is None:
        return 1.0
    try:
        found = float(term.coefficient(SimpleNamespace(), parameters_of(model)))
    except (AttributeError, TypeError, ValueError):  # it reads numbers, places or densities
        return None
    return found if math.isfinite(found) else None


def _of_model(coefficient: Any) -> Any:
    return coefficient and (lambda s, m: coefficient(s, parameters_of(m.model)))
