"""What a run asks a density over v about its threshold: may N be infinite, may it blow up at once, what excites it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .layers import runaway
from .over_v import OverV


def infinite_rates(problem: OverV) -> list[str]:
    """Scalars that are infinite at t = 0 when the initial density does not vanish at V_F."""
    return [scalar.name for scalar in problem.weak_form.scalars if scalar.algebraic == "flux"]


def feedback(problem: OverV) -> tuple[float, float] | None:
    """(b, a1) as the threshold sees them; None where nothing is known: several populations, or no flux."""
    if len(problem.field_names) > 1 or not infinite_rates(problem):
        return None
    return runaway(problem)


def instant_blow_up(problem: OverV, y: np.ndarray, compatible: bool) -> str | None:
    """Why a firing rate exists for no time, or None: data that do not vanish at V_F where activity feeds on itself."""
    if compatible or len(infinite_rates(problem)) != 1 or len(problem.field_names) != 1:
        return None
    return impossible(problem, y, *problem.feedback)


def impossible(problem: OverV, y: np.ndarray, kick: float, noise: float) -> str | None:
    """The same for data that do not vanish at V_F, with feedback b = kick on the drift and a1 = noise there."""
    where = f"The initial density does not vanish at V_F = {problem.top:g} and"
    if noise > 0:
        return f"{where} the noise grows with N (a1 = {noise:g}): N is infinite from the start."
    near = problem.cells[max(-6, -len(problem.cells))]  # beyond the cells where the projection oscillates
    if kick <= 0 or problem.top - near >= 1e-2 * problem.length:
        return None
    height = float(problem.field(problem.field_names[0], y)(np.array([near]))[0])
    if kick * height >= 1:
        return f"{where} b n(V_F) = {kick * height:.4g} >= 1: no firing rate exists."
    return None


def as_data(problem: OverV, y: np.ndarray) -> dict[str, Any]:
    """A state as initial data for another mesh: densities, cut at zero, and differential scalars."""
    data: dict[str, Any] = {
        name: lambda v, density=problem.field(name, y): np.maximum(density(v), 0.0) for name in problem.field_names
    }
    return data | {name: max(0.0, float(y[problem.layout.offsets[name]])) for name in problem.layout.differential}


def largest_and_lowest(problem: OverV, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest and the smallest value of the densities of many states (one a row)."""
    densities = states[:, : problem.size - len(problem.layout.differential)]
    return densities.max(axis=1), densities.min(axis=1)
