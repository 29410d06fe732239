"""For which models a synchronous spike can be followed: what it does to a neuron must be what its law assumes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..translation import Elsewhere, weak_form_of
from ..translation.weak_form import probe
from .layers import source_at
from .over_v import OverV

_RATES = (0.7, 10.0, 1e3, 1e5)


def unfollowed(problem: OverV) -> str | None:
    """Why the law of a synchronous spike is not that of this problem's terms; None if it is.

    In a spike N is a multiple of delta(t - T). Every neuron moves by the same amount (drift affine in N, the same for
    every v), what fires is set back to points at once or waits in one scalar, all of it, and nothing else sees N.
    """
    try:
        weak_form_of(problem.model)
    except Elsewhere as other:
        return f"the law of its synchronous spikes is not known: {other.why}"
    form, m = problem.weak_form, problem.parameters
    fluxes = [u for u in form.scalars if u.algebraic]
    if len(fluxes) != 1 or fluxes[0].algebraic != "flux":
        return "its firing rate is no flux through V_F, so that nothing fires at one instant"
    (rate,) = fluxes
    v = problem.landings[0] + problem.length * np.linspace(-3.0, 1.0, 41)
    returns = waits = 0.0
    kick = noise = 0.0 * v
    for term in form.terms:
        slopes = _slopes(problem, term, rate.name, m)
        if np.ptp(slopes) > 1e-9 * np.abs(slopes).max():
            return f"the coefficient of {term.name!r} is not affine in {rate.name}, or depends on other scalars with it"
        slope = float(slopes[0])
        if not slope or term.over == rate.over:
            continue
        if term.into == rate.of and term.of is not None:
            convection, diffusion, reaction = probe(term, v)
            if np.any(reaction):
                return f"the rate of the reaction {term.name!r} is infinite in a spike"
            kick, noise = kick + slope * convection, noise + slope * diffusion
        elif term.into == rate.of and term.is_at_point:
            returns += slope * source_at(problem, term)
        elif term.into == rate.of:
            return f"{term.name!r} sets neurons that fire down over {term.over!r}; allowed is a reset to points"
        else:
            waits += slope
    waiting = [t.into for t in form.terms if t.into in problem.layout.differential and _reads(problem, t, rate.name, m)]
    if (returns, waits, len(waiting)) not in ((1.0, 0.0, 0), (0.0, 1.0, 1)):
        return (
            f"of what fires, {returns:.6g} are set back and {waits:.6g} enter {waiting or 'no scalar'}; allowed "
            "is that all are set back, or that all wait in one scalar"
        )
    if waiting and len(problem.layout.differential) > 1:
        return f"it has the scalars {problem.layout.differential}; allowed is one, in which neurons wait"
    if not noise.any() and np.ptp(kick) > 1e-12 * np.abs(kick).max():
        return f"the drift that {rate.name} makes depends on v, from {kick.min():.6g} to {kick.max():.6g}"
    return None


def _slopes(problem: OverV, term: Any, rate: str, m: Any) -> np.ndarray:
    """(c(N) - c(0))/N for several N and values of the other scalars."""
    if term.coefficient is None:
        return np.zeros(1)
    found = []
    for other in (0.0, 0.2, 0.9):
        s = SimpleNamespace(
            **dict.fromkeys((u.name for u in (*problem.weak_form.scalars, *problem.weak_form.inputs)), other)
        )
        values = []
        for N in (0.0, *_RATES):
            setattr(s, rate, N)
            values.append(float(term.coefficient(s, m)))
        found += [(value - values[0]) / N for value, N in zip(values[1:], _RATES, strict=True)]
    return np.array(found)


def _reads(problem: OverV, term: Any, rate: str, m: Any) -> bool:
    return bool(np.any(_slopes(problem, term, rate, m)))
