"""Lines at rest: for every w the stationary density of a given mass, all of them at the same total activity.

On a line, 0 = A p + gain N e_R with A absorbing at V_F, so p = N q with q = -A^-1 gain e_R, and N = C / (mass of q).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...algebra import gauss
from ...algebra.line_matrices import Lines
from ...given.arguments import FUNCTION, required
from ...given.inputs import profile_values
from ...spaces import ExponentialFitting, SpectralElement
from ..splitting import split
from . import cells_in_w
from .line_forms import LineForms
from .over_lines import OverLines
from .spaces import DG, Axis, values_at
from .tuning import LINES


def line_profiles(problem: OverLines, t: float, Nbar: float) -> np.ndarray:
    """q of every line, shape (n_v, n_w). Raises SingularMatrix where the cells of v do not hold them."""
    forms = problem.forms
    lines = forms.lines(forms.coefficients(t, problem.w_nodes, Nbar))
    absorbing = Lines(lines.bands, np.zeros_like(lines.rows), lines.into, lines.gain)
    source = np.zeros(problem.shape)
    source[forms.into] = forms.gain
    return absorbing.factor(0.0, problem.v_weights).solve(source)


def stationary(problem: OverLines, t: float, Nbar: float, C: np.ndarray) -> np.ndarray:
    """y with every line at rest at the total activity Nbar and the masses C (at w-nodes)."""
    q = line_profiles(problem, t, Nbar)
    return (q * (C / (problem.v_weights @ q))).ravel()


def stationary_total(problem: OverLines, t: float, Nbar: float, C: np.ndarray) -> float:
    """What these lines fire in total."""
    q = line_profiles(problem, t, Nbar)
    return float(problem.total_weights @ (C / (problem.v_weights @ q)))


def with_connectivity(problem: OverLines, C: Any) -> tuple[OverLines, np.ndarray]:
    """(problem, C at its w-nodes): C projected in w, on cells that resolve it if the mesh was made from a tolerance.

    Raises ValueError for values that are negative or not finite, and for a C without mass.
    """
    required("steady_states", "C", C, FUNCTION)
    for _ in range(LINES.rounds):
        values = _projected(problem.axis, C)
        if problem.tol is None:
            break
        contents = cells_in_w.contents(problem.axis, np.ones(1), values[None])
        flags = (contents > LINES.unresolved_at_rest * problem.tol) & (
            problem.axis.widths > 1.5 * cells_in_w.smallest(problem)
        )
        if not flags.any():
            break
        problem = problem.on_cells(w_cells=split(problem.w_cells, flags))
    if not problem.w_weights @ values > 0:
        raise ValueError("steady_states: C has no mass; allowed is a function of w >= 0 that is positive somewhere")
    return problem, values


def _projected(axis: Axis, C: Callable) -> np.ndarray:
    q = axis.space.degree
    x, weights = gauss(q + 3)
    w = axis.cells[:-1, None] + axis.widths[:, None] * x
    values = profile_values("C", C, w.ravel()).reshape(w.shape)
    bad = ~np.isfinite(values) | (values < -1e-9 * np.abs(values).max())
    if bad.any():
        at = np.argmax(bad)
        raise ValueError(
            f"steady_states: C({w.ravel()[at]:.6g}) = {values.ravel()[at]:.6g}; allowed are finite numbers >= 0"
        )
    return ((values * weights) @ values_at(q, x) / axis.tables.weights).ravel()


def resolving(problem: OverLines, y: np.ndarray) -> OverLines | None:
    """The problem on cells of v that resolve y; None if these do, or were chosen by the user."""
    if problem.tol is None:
        return None
    flags = cells_in_w.unresolved_in_v(problem, y)
    return problem.on_cells(split(problem.cells, flags)) if flags.any() else None


def enriched(problem: OverLines, by: int) -> OverLines:
    """The same cells with elements of a degree higher by `by` in v and by one in w; fitted ones: halved cells of v.

    A tolerance becomes ten times tighter.
    """
    space, axis = problem.space, problem.axis
    w_space = DG(min(axis.space.degree + 1, 8)) if isinstance(axis.space, DG) else axis.space
    if isinstance(space.v, ExponentialFitting):
        forms = problem.forms.on_cells(split(problem.cells, np.ones(len(problem.widths), bool)))
    else:
        v_space = SpectralElement(min(space.v.degree + by, SpectralElement.highest))
        forms, space = LineForms(problem.model, problem.mesh, v_space), replace(space, v=v_space)
    tol = None if problem.tol is None else problem.tol / 10
    return type(problem)(forms, Axis(axis.cells, w_space), replace(space, w=w_space), tol, problem.base, problem.again)


def line_matrices(problem: OverLines, lines: Lines) -> np.ndarray:
    """M_v^-1 A_l with the reset, dense, shape (n_w, n_v, n_v)."""
    n, count = problem.shape
    matrices = np.empty((count, n, n))
    for j in range(n):  # column by column, all lines at once
        unit = np.zeros((n, count))
        unit[j] = 1.0
        matrices[:, :, j] = ((lines @ unit) / problem.v_weights[:, None]).T
    return matrices
