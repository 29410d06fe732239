"""What initial data have beyond the ends of a mesh: cells that reach as far, warnings, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..firing.over_v import OverV
from ..given.warning import warn
from ..translation.weak_form import THRESHOLD
from .densities import Profile
from .tuning import INITIAL


def reaching(cells: np.ndarray, profile: Profile, tol: float, above: bool) -> np.ndarray:
    """Cells that reach as far as a density, above V_F where it lives there."""
    cells = _reach(cells, profile, tol)
    return -_reach(-cells[::-1], profile, tol, -1)[::-1] if above else cells


def _reach(cells: np.ndarray, profile: Profile, tol: float, side: int = 1) -> np.ndarray:
    """Cells prepended, ever larger ones, while the density has mass below the first one. Raises ValueError.

    side = -1: the cells are mirrored, and it is the upper end that moves.
    """

    def mass_on(low: float, high: float) -> tuple[float, float]:
        ends = np.sort(side * np.array([low, high]))
        points, weights, values = profile.quadrature(ends, 6)
        return float(weights @ values), float(values.max())

    points, weights, values = profile.quadrature(np.sort(side * cells), 6)
    mass, peak, features = weights @ values, float(values.max()), side * profile.features
    for _ in range(INITIAL.rounds):
        width = cells[1] - cells[0]
        beyond, largest = mass_on(cells[0] - 4 * width, cells[0])
        known, peak = features[features < cells[0]], max(peak, largest)
        if beyond <= 0.1 * tol * mass and not (known.size and np.any(profile(side * known) > tol * peak)):
            return cells
        cells = np.concatenate([[cells[0] - 1.5 * width], cells])
        mass += beyond
    where = "below" if side > 0 else "above"
    raise ValueError(
        f"start: {profile.name} still has mass {where} v = {side * cells[0]:.3g}; allowed is a density of finite mass"
    )


def warn_of_cut(problem: OverV, name: str, density: Any, above: bool) -> None:
    """Warning where the ends of a user's mesh cut off what is seen of a density that knows its own shape."""
    low, high, nothing = float(problem.cells[0]), float(problem.cells[-1]), lambda v: 0.0
    for end, where, share in (
        (low, "below V_min", getattr(density, "share_below", nothing)(low)),
        (high, "above V_max", getattr(density, "share_above", nothing)(high) if above else 0.0),
    ):
        if share > INITIAL.cut:
            warn(
                f"start: {100 * share:.3g} % of the density {name} lies {where} = {end:g} of the mesh and is cut off; "
                "run.error contains what that does. Let the mesh reach further, or leave it to discretize(model, tol=)",
            )


def require_state_below(problem: OverV, name: str, view: Any, cells: np.ndarray) -> None:
    """ValueError where a State of another threshold has mass above this one."""
    profile = Profile(name, lambda v: np.maximum(view(v), 0.0), problem.top, above=True)
    masses = []
    for low, high in ((cells[0], problem.top), (problem.top, cells[-1])):
        inner = cells[(cells > low) & (cells < high)]
        _, weights, values = profile.quadrature(np.array([low, *inner, high]), 8)
        masses.append(float(weights @ values))
    share = masses[1] / sum(masses)
    if share > INITIAL.rounding:
        raise ValueError(
            f"start: {100 * share:.3g} % of the density {name} of the State lies above {THRESHOLD} = {problem.top:g}, "
            "where this model has no neurons"
        )


class Shares:
    """What of a density on known cells lies beyond a point."""

    def __init__(self, profile: Profile, cells: np.ndarray) -> None:
        self._profile, self._cells = profile, cells

    def share_below(self, v: float) -> float:
        points, weights, values = self._profile.quadrature(np.unique([*self._cells, v]), 8)
        return float((weights * values)[points < v].sum() / (weights @ values))

    def share_above(self, v: float) -> float:
        return 1.0 - self.share_below(v)
