"""Numbers of a steady state on a mesh made for them: solve - estimate - mark - refine - transfer.

The dual-weighted residual of a functional J, with F, J and dF/dy in elements of a degree higher by two (four below 4),

    J(exact) - J(y_h) = -z . F(y_h) + mu . (change of the totals) + [J(y_h) there - J(y_h) here] + higher order,
    (dF/dy)' z + c' mu = dJ/dy,     z . M E = 0,        c the conserved functionals, carried by E

says how wrong J is and which cells make it so. The richer space reaches below V_min (see `assembly.widened`), so that
what is cut off there is seen too. Becker & Rannacher, Acta Numerica 10 (2001) 1-102.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import spaces
from ..algebra import SingularMatrix
from ..assembly import splitting
from ..assembly.tails import require_reach
from ..assembly.weighted import adjoint_values
from ..assembly.widened import Widened, element_rates, ends_below
from ..given.arguments import FUNCTION, GUESS, PROBLEM, TEXT, TOLERANCE, checked, either, optional
from ..problem import Infeasible, NotConverged, Problem, State, require_one_axis
from ..runs.adjoint_error import gradient, value
from ..solvers import settling, steady
from ..solvers.border import Border, conservation
from ..solvers.newton import newton
from ..solvers.steady_state import SteadyState
from ..solvers.tuning import SEARCH
from .tuning import RESPONSE


@dataclass(frozen=True)
class SteadyValue:
    """A functional of a steady state, with its error bar and the mesh it was found on.

    Attributes
    ----------
    value : float
        J of `state`; value + signed is better, but without a bar.
    signed : float
        J(exact) - value to first order: what elements, quadrature and V_min leave over.
    error : float
        The bar: the size of `signed`, how far value + signed is from the same on the first mesh, and rounding.
    state : State
        The steady state on the last mesh; `state.problem` serves for further work.
    cells : tuple of two arrays
        Its cell ends, and the size of what each cell contributes to `signed`.
    rounds : tuple of (unknowns, value, error)
        Of every mesh on the way.
    first : SteadyState
        On the mesh that the tolerance chose, with which the loop began.
    """

    value: float
    signed: float
    error: float
    state: State
    cells: tuple[np.ndarray, np.ndarray]
    rounds: tuple[tuple[int, float, float], ...]
    first: SteadyState

    def __repr__(self) -> str:
        return f"SteadyValue({self.value:.12g} +- {self.error:.1e}, {self.rounds[-1][0]} unknowns)"


@checked(problem=PROBLEM, quantity=either(TEXT, FUNCTION), guess=GUESS, tol=optional(TOLERANCE))
def steady_value(
    problem: Problem, quantity: str | Callable[[State], float] = "N", guess: Any = None, *, tol: float | None = None
) -> SteadyValue:
    """A functional of the steady state near `guess`, to a relative error of `tol` with as few cells as that takes.

    The steady state is found on the mesh that the tolerance chose (`steady_state`); the loop begins again with the
    cells that V_min, V_R and V_F delimit, and splits those that matter, or goes further down. On a mesh given by the
    user nothing is split: the value there, with its error.

    Parameters
    ----------
    problem : Problem
        Of one density over v.
    quantity : str or callable
        A scalar ("N", "R") or a function of a State (a moment, lambda state: state.n(1.5)), smooth in the state.
    guess : State, float or array
        As for `steady_state`.
    tol : float
        In (0, 0.1]; that of the problem by default.

    Returns
    -------
    SteadyValue
        `.value`, `.error`, and the state on its mesh.

    Raises
    ------
    NotConverged
        Where there is no steady state.
    ValueError
        For an unknown quantity and a tol that is not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> found = fl.steady_value(fl.discretize(fl.NoisyLIF(b=0.5)), "N", tol=1e-8)
    >>> round(found.value, 8), found.error < 1e-8
    (0.13477508, True)
    """
    require_one_axis(problem, "steady_value", over_v=True)
    if not callable(quantity) and quantity not in problem.scalar_names:
        raise ValueError(f"steady_value: {quantity!r}; allowed are {problem.scalar_names} or a function of a State")
    tol = (problem.tol or 0.1) if tol is None else tol
    first = steady.steady_state(problem, guess)
    here, y, t = first.problem, first.y, first.t
    require_reach(here, t, y, "steady_value")
    totals, known, rounds = conservation(here) @ y, value(quantity, here, t, y), []
    if problem.tol is not None:
        known += _estimate(here, t, y, totals, quantity)[0]
        here = problem.on_cells(np.unique([here.cells[0], *here.landings, here.top, here.cells[-1]]))
    while True:
        try:
            if here is not first.problem:
                y = newton(here, here.received(first), t=t, totals=totals).y
            else:
                y = first.y
            signed, rounding, cells, below = _estimate(here, t, y, totals, quantity)
        except (NotConverged, Infeasible, SingularMatrix):
            if here is first.problem:
                raise
            here = _split(here, _wider(here, first.problem), first.problem)
            continue
        J = value(quantity, here, t, y)
        unseen = abs(J + signed - known) if problem.tol is not None else 0.0
        error = RESPONSE.margin * (abs(signed) + rounding + unseen)
        rounds.append((here.size, J, error))
        if error <= tol * max(abs(J), SEARCH.small) or here is first.problem:
            return SteadyValue(J, signed, error, State(here, t, y), (here.cells, cells), tuple(rounds), first)
        if unseen > abs(signed) + rounding:  # a layer so thin that the richer elements do not see it either
            cells, below = splitting.contents(here, y), 0.0
        further = ends_below(here, t, y)[-1:] if below > cells.max() else ()
        if len(further):
            here = here.on_cells(np.concatenate([further, here.cells]))
        else:
            here = _split(here, _marked(cells), first.problem)


def _estimate(
    problem: Problem, t: float, y: np.ndarray, totals: np.ndarray, quantity: Any
) -> tuple[float, float, np.ndarray, float]:
    """(signed, rounding; what each cell and what V_min contributes, without signs)."""
    wide = Widened(problem, t, y, by=4)
    richer, x = wide.problem, wide.embedded(y)
    F, border = richer.rate(t, x), Border(richer, x)
    system = border.around(richer.jacobian(t, x))
    z, mu = system.solve_transposed(gradient(quantity, richer, t, x), np.zeros(len(border.C)))
    jump = value(quantity, richer, t, x) - value(quantity, problem, t, y)
    lacking = float(mu @ border.missing(totals, x))
    signed = lacking - float(z @ F) + jump
    scalars, cells = problem.scalars(t, y), np.zeros(len(problem.widths))
    for name in problem.field_names:
        test = adjoint_values(richer, t, x, name, z)
        if not callable(quantity) and problem.layout.tied[name] is not None:
            test[-1] += _own_weight(richer, t, x, quantity)[problem.layout.tied[name]]
        coarse = spaces.evaluate(richer.cells, richer.degree, test, problem.nodes)
        there = (test[richer.cell_nodes] * element_rates(richer, t, x, name, scalars)).sum(axis=1)
        here = (coarse[problem.cell_nodes] * element_rates(problem, t, y, name, scalars)).sum(axis=1)
        cells += here - there[-len(cells) :]
    if callable(quantity):  # what it has below V_min
        lacking += jump
    return signed, settling.rounding(richer, t, x, z), np.abs(cells), abs(lacking)


def _split(problem: Problem, flags: np.ndarray, finest: Any) -> Any:
    """The problem with flagged cells halved; `finest`, the mesh that is known to do, once no unknowns are saved."""
    finer = problem.on_cells(splitting.split(problem.cells, flags))
    return finer if finer.size < finest.size else finest


def _own_weight(problem: Problem, t: float, y: np.ndarray, name: str) -> np.ndarray:
    """How the scalar `name` itself depends on defects in the equations g = 0 of the algebraic scalars."""
    _, own, _ = problem.coupling(t, y)
    return np.linalg.solve(own.T, [float(name == other) for other in problem.scalar_names[: len(own)]])


def _marked(cells: np.ndarray) -> np.ndarray:
    """The fewest cells that hold RESPONSE.share of all indicators (Doerfler)."""
    order = np.argsort(-cells)
    held = np.cumsum(cells[order])
    flags = np.zeros(len(cells), bool)
    flags[order[: 1 + np.searchsorted(held, RESPONSE.share * held[-1])]] = True
    return flags


def _wider(problem: Problem, fine: Any) -> np.ndarray:
    """Cells wider than those of the mesh `fine` in their middle: on them Newton's method has failed."""
    middle = (problem.cells[1:] + problem.cells[:-1]) / 2
    flags = problem.widths > 1.5 * fine.widths[np.searchsorted(fine.cells, middle) - 1]
    return flags if flags.any() else np.ones(len(middle), bool)
