"""Drift and noise of a problem at points, at V_R and V_F: layers there, what remains of the equations as N grows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..translation.fields import probe
from .dilated import rate_slope


def transport(problem: Any, s: SimpleNamespace) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(drift, noise) at V_R and V_F, for given scalars, of each field that vanishes at V_F."""
    table = {}
    for field, forms in problem.threshold_transport.items():
        drift, noise = np.zeros(2), np.zeros(2)
        for coefficient, convection, diffusion in forms:
            c = 1.0 if coefficient is None else coefficient(s, problem.parameters)
            drift, noise = drift + c * convection, noise + c * diffusion
        table[field] = drift, noise
    return table


def coefficients_at(problem: Any, t: float, y: np.ndarray, field: str, v: np.ndarray) -> tuple[np.ndarray, ...]:
    """(drift, noise, growth rate) of a field at points v, at the scalars of y. Raises Infeasible."""
    s, m = problem.namespace(t, y), problem.parameters
    parts = [np.zeros_like(v) for _ in range(3)]
    for term in problem.weak_form.terms:
        if term.into == field == term.of:
            c = 1.0 if term.coefficient is None else float(np.real(term.coefficient(s, m)))
            for part, values in zip(parts, probe(term, v), strict=True):
                part += c * values
    return tuple(parts)


def boundary_layers(problem: Any, t: float, y: np.ndarray) -> dict[str, dict[float, float]]:
    """For each field that vanishes at V_F: place -> width a/|drift| of the layer below V_F, and below V_R."""
    widths = {}
    for field, (drift, noise) in transport(problem, problem.namespace(t, y)).items():
        at_reset, at_threshold = (noise / np.maximum(np.abs(drift), 1e-300)).tolist()
        widths[field] = {problem.v_fire: at_threshold}
        if drift[0] > 0:
            widths[field][problem.v_reset] = at_reset
    return widths


def runaway(problem: Any) -> tuple[float, float]:
    """(b, a1): what drift and noise at V_F gain by one unit of N."""
    form, totals = problem.weak_form, [0.0, 0.0]
    rate = next(s.name for s in form.scalars if s.algebraic == "flux")
    (field,) = {s.of for s in form.scalars if s.name == rate}
    end = np.array([problem.v_fire])
    for term in (t for t in form.terms if t.into == field == t.of):
        slope = rate_slope(term, form.inputs, form.scalars, problem.model, rate)
        convection, diffusion, _ = probe(term, end)
        totals[0] += slope * float(convection[0])
        totals[1] += slope * float(diffusion[0])
    return totals[0], totals[1]


def resets_at_once(problem: Any) -> bool:
    """Whether a neuron that fires is reset at that instant (else it waits in a differential scalar)."""
    form = problem.weak_form
    rate = next(s for s in form.scalars if s.algebraic == "flux")
    sources = [t for t in form.terms if t.into == rate.of and t.of is None and t.over != rate.over]
    return any(rate_slope(t, form.inputs, form.scalars, problem.model, rate.name) for t in sources)
