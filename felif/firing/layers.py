"""Drift and noise of a problem at points, at V_R and V_F: layers there, what remains of the equations as N grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..translation.weak_form import probe
from .dilated import rate_slope
from .over_v import OverV


def transport(problem: OverV, s: SimpleNamespace) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(drift, noise) at `landings` and V_F, for given scalars, of each field that vanishes at V_F."""
    table = {}
    for field, forms in problem.threshold_transport.items():
        drift, noise = np.zeros((2, len(problem.landings) + 1))
        for coefficient, convection, diffusion in forms:
            c = 1.0 if coefficient is None else coefficient(s, problem.parameters)
            drift, noise = drift + c * convection, noise + c * diffusion
        table[field] = drift, noise
    return table


def coefficients_at(problem: OverV, t: float, y: np.ndarray, field: str, v: np.ndarray) -> tuple[np.ndarray, ...]:
    """(drift, noise, growth rate) of a field at points v, at the scalars of y. Raises Infeasible."""
    s, m = problem.namespace(t, y), problem.parameters
    parts = [np.zeros_like(v) for _ in range(3)]
    for term in problem.weak_form.terms:
        if term.into == field == term.of:
            c = 1.0 if term.coefficient is None else float(np.real(term.coefficient(s, m)))
            for part, values in zip(parts, probe(term, v), strict=True):
                part += c * values
    return tuple(parts)


def boundary_layers(problem: OverV, t: float, y: np.ndarray) -> dict[str, dict[float, float]]:
    """For each field that vanishes at V_F: place -> width a/|drift| of the layers below V_F and V_R."""
    widths = {}
    for field, (drift, noise) in transport(problem, problem.namespace(t, y)).items():
        *at_landings, at_threshold = (noise / np.maximum(np.abs(drift), 1e-300)).tolist()
        widths[field] = {problem.top: at_threshold}
        rising = zip(problem.landings, at_landings, drift.tolist(), strict=False)
        widths[field] |= {place: width for place, width, speed in rising if speed > 0}
    return widths


def runaway(problem: OverV) -> tuple[float, float]:
    """(b, a1): what drift and noise at V_F gain by one unit of N."""
    form, totals = problem.weak_form, [0.0, 0.0]
    rate = next(s.name for s in form.scalars if s.algebraic == "flux")
    (field,) = {s.of for s in form.scalars if s.name == rate}
    end = np.array([problem.top])
    for term in (t for t in form.terms if t.into == field == t.of):
        slope = rate_slope(term, (*form.scalars, *form.inputs), problem.model, rate)
        convection, diffusion, _ = probe(term, end)
        totals[0] += slope * float(convection[0])
        totals[1] += slope * float(diffusion[0])
    return totals[0], totals[1]


def source_at(problem: OverV, term: Any) -> float:
    """The form of a source at its point."""
    place = problem.weak_form.places[term.over]
    return float(np.ravel(term.form(np.ones(1), np.array([[place]])))[0])


@dataclass(frozen=True)
class Returns:
    """Where neurons that fire are set back at that instant: shares of them at places, others spread out over v.

    Nowhere, if they wait in a differential scalar.
    """

    places: tuple[tuple[float, float], ...]  # (share, place), by place
    spread: tuple[tuple[float, Callable], ...]  # (factor, form of the source)

    def __bool__(self) -> bool:
        return bool(self.places or self.spread)

    @property
    def lowest(self) -> float:
        return self.places[0][1]

    def reach(self, top: float) -> float:
        """The mean way from these places to V_F."""
        return sum(share * (top - place) for share, place in self.places)


def returns(problem: OverV) -> Returns:
    """Where the neurons of a network with one firing rate are set back as they fire."""
    form = problem.weak_form
    rate = next(s for s in form.scalars if s.algebraic == "flux")
    places: dict[float, float] = {}
    spread = []
    for term in (t for t in form.terms if t.into == rate.of and t.of is None and t.over != rate.over):
        slope = rate_slope(term, (*form.scalars, *form.inputs), problem.model, rate.name)
        if not slope:
            continue
        if term.is_at_point:
            place = form.places[term.over]
            places[place] = places.get(place, 0.0) + slope * source_at(problem, term)
        else:
            spread.append((slope, term.form))
    return Returns(tuple((share, place) for place, share in sorted(places.items()) if share), tuple(spread))
