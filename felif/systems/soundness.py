"""Coefficients are analytic, and what is declared conserved is conserved: tried at random states, refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Infeasible
from .on_axes import OnAxes
from .operator import STEP
from .piece import coefficient
from .tuning import CHECKS


def require_analytic(system: OnAxes) -> None:
    """ValueError, naming the term, unless complex steps of coefficients agree with real differences, both ways."""
    random = np.random.default_rng(4)
    for piece in system.pieces:
        for name in (name for name in piece.reads if not name.startswith("_")):  # `positive` limits slopes
            states = [sign * (0.2 + random.random(piece.reads[name].shape[1])) for sign in (1.0, -1.0)]
            reads = [{one: rows @ X for one, rows in piece.reads.items()} for X in states]
            with np.errstate(all="ignore"):  # beside it a coefficient that is nearly zero is rounding
                usual = max(float(np.abs(coefficient(piece, read, system.model)).max()) for read in reads)
            for read in reads:
                with np.errstate(all="ignore"):
                    slope = np.imag(coefficient(piece, read, system.model, (name, 1j * STEP))) / STEP
                    wrong = [_differs(piece, read, system.model, name, slope, usual, step) for step in CHECKS.changes]
                if np.all(wrong, axis=0).any():
                    raise ValueError(
                        f"Term {piece.term.called!r}: its coefficient has no complex step in s.{name}: it is not "
                        "analytic there. Avoid abs, max, min and .real"
                    )


def _differs(piece: Any, read: Any, model: Any, name: str, slope: np.ndarray, usual: float, step: float) -> np.ndarray:
    """Where the slope of a coefficient in a name is not its difference; next to a pole a shorter step may be better."""
    parts = [coefficient(piece, read, model, (name, k * step)) for k in (-2, -1, 1, 2)]
    real = (parts[0] - 8 * parts[1] + 8 * parts[2] - parts[3]) / (12 * step)
    size = np.abs(real) + np.abs(slope) + 1e-2 * usual + 1e-300
    return np.isfinite(real) & (np.abs(real - slope) > CHECKS.agrees * size)


def require_conserved(system: OnAxes) -> None:
    """ValueError, naming the quantity, unless c.F = 0 at random states for every conserved quantity c."""
    random = np.random.default_rng(3)
    for _ in range(CHECKS.tries):
        y = 0.1 + random.random(system.size)
        y *= 0.1 / max(float(system.mass.data[0] @ y), 1e-300)
        try:
            F = system.rate(0.0, y)
        except Infeasible:
            continue
        scale = np.abs(system.mass.data[0]) @ np.abs(y) + np.abs(F).max(initial=0.0)
        for name, weights in system.conserved.items():
            carried = weights / system.mass.data[0]
            change = float(carried @ F)
            if abs(change) > CHECKS.conserved * (float(np.abs(carried) @ np.abs(F)) + scale):
                raise ValueError(
                    f"discretize: {type(system.model).__name__} declares {name!r} conserved, and its terms change it "
                    f"by {change:.3g} a unit of time at a state where all terms together move {np.abs(F).sum():.3g}"
                )
