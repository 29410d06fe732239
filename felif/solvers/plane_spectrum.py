"""The spectrum of a stationary state over (v, w), in the form of `Spectrum`."""

from __future__ import annotations

import numpy as np

from ..problem import Problem, State
from .modes import Mode, Spectrum
from .plane_modes import leading_on_lines
from .tuning import PLANES


def spectrum_over_the_plane(problem: Problem, state: State, count: int) -> Spectrum:
    """The spectrum over (v, w): eigenvalues and right modes, the conserved ones removed.

    Raises ValueError for a state that is not at rest, NotConverged.
    """
    t, y = state.t, state.y
    moving = float(np.abs(problem.rate(t, y)).sum())
    if moving > PLANES.moving:
        raise ValueError(f"spectrum: the state moves {moving:.3g} of the mass a unit of time; allowed is one at rest")
    values, vectors = leading_on_lines(problem, t, y, count)
    unknown, largest = np.full(len(values), np.nan), np.abs(vectors).max(axis=1)
    vectors = vectors / largest[:, None]
    residuals = [_defect(problem, t, y, value, x) for value, x in zip(values, vectors, strict=True)]
    return Spectrum(
        problem,
        state,
        values.real if not np.any(np.abs(values.imag) > 1e-9) else values,
        tuple(Mode(x, lambda name, x: problem.field(name, x)) for x in vectors),
        (),
        unknown,
        unknown,
        np.array(residuals),
        "Over (v, w) without left modes and error estimates; without learning every line is a population of its own, "
        "and eigenvalues lie as densely as the lines do.",
    )


def _defect(problem: Problem, t: float, y: np.ndarray, value: complex, x: np.ndarray) -> float:
    """sum |J x - lambda M x| / sum |J x|, J by differences."""
    h = 1e-5 * float(np.abs(y).max())
    Jx = sum(
        f * (problem.rate(t, y + h * p) - problem.rate(t, y - h * p)) / (2 * h) for f, p in ((1, x.real), (1j, x.imag))
    )
    return float(np.abs(Jx - value * problem.mass.data[0] * x).sum() / np.abs(Jx).sum())
