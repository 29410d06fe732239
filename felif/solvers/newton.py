"""Newton's method for F(t, y) = 0 under conserved quantities, and the bordered linear systems behind it.

What is conserved (c.y, for every y: l^T F = 0 with M^T l = c) makes dF/dy singular. The square system is

    F(t, y) + M E mu = 0,    C y = totals        (C: the functionals c as rows, C E = 1),

whose solutions have mu = 0; Newton solves it with the bordered matrix [J M E; C 0]. Continuation adds a column dF/dp
and a row, deflation of the spectrum uses J - shift M E C (Brauer's shift): it moves the zero eigenvalues to -shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack, solve_banded

from ..algebra import BandLowRank, Bordered, SingularMatrix
from ..problem import Infeasible, NotConverged, Problem
from .tuning import NEWTON


@dataclass(frozen=True, eq=False)
class Solved:
    """y with F(t, y) = 0: sum |F|, the number of Newton steps, the relative size of the last one, its linear system."""

    y: np.ndarray
    residual: float
    iterations: int
    change: float
    system: Any


def conservation(problem: Problem) -> np.ndarray:
    """C: the conserved functionals as rows, shape (k, size), k possibly 0."""
    return np.array([*problem.conserved.values()], float).reshape(len(problem.conserved), problem.size)


def carriers(problem: Problem, y: np.ndarray) -> np.ndarray:
    """E with C E = 1, shape (size, k): what y holds of each conserved quantity, biorthogonal to the functionals."""
    return _carriers(conservation(problem), y)


def _carriers(C: np.ndarray, y: np.ndarray) -> np.ndarray:
    if not len(C):
        return C.T
    E = np.where(C != 0, y, 0.0)
    if len(C) == 1 or (np.count_nonzero(C, axis=0) <= 1).all():  # no unknown belongs to two quantities
        held, sizes = np.einsum("ki,ki->k", E, C), np.abs(C) @ np.abs(y) + 1e-300
        if (np.abs(held) >= 1e-12 * sizes).all():
            return (E / held[:, None]).T
    lu, _, found, info = lapack.dgesv(E @ C.T, E)
    if info or abs(lu.diagonal().prod()) < 1e-12 * (np.abs(C) @ np.abs(y) + 1e-300).prod():
        found = np.linalg.solve(C @ C.T, C)
    return found.T


def pins(problem: Problem, y: np.ndarray) -> tuple[int, ...]:
    """Where the band is held: the place that carries most of each conserved quantity (see Bordered)."""
    return _pins(conservation(problem), y)


def _pins(C: np.ndarray, y: np.ndarray) -> tuple[int, ...]:
    return tuple({int(place) for place in np.abs(C * y).argmax(axis=1)}) if len(C) else ()


def weighted(problem: Problem, E: np.ndarray) -> np.ndarray:
    """M E for E of shape (size, k)."""
    return np.array([problem.mass @ e for e in E.T], E.dtype).reshape(E.T.shape).T


class Border:
    """What makes linear systems around a state y square: `C` and `carried`, M E (size, k); `pins` of the band."""

    def __init__(self, problem: Problem, y: np.ndarray) -> None:
        self.mass, self.C = problem.mass, conservation(problem)
        self.carried = weighted(problem, _carriers(self.C, y))
        self.pins = _pins(self.C, y)

    def around(
        self,
        matrix: BandLowRank,
        columns: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        corner: np.ndarray | None = None,
        shift: complex = 0.0,
    ) -> Bordered:
        """Factors of [W, M E, columns; C, 0, 0; rows, 0, corner] with W = matrix - shift M.

        columns: (size, m), rows: (m, size), corner: (m, m), all optional. Right-hand sides are (f, g) with g of length
        k + m: the conserved quantities first. Raises SingularMatrix.
        """
        ME, C = self.carried, self.C
        k, m = len(C), 0 if columns is None else columns.shape[1]
        full = np.zeros((k + m, k + m))
        if m:
            ME, C = np.hstack([ME, columns]), np.vstack([C, rows])
            full[k:, k:] = 0.0 if corner is None else corner
        return matrix.bordered(ME, C, full, shift=shift, mass=self.mass if shift else None, pins=self.pins)


def bordered(problem: Problem, matrix: BandLowRank, y: np.ndarray, **border: Any) -> Bordered:
    """`Border.around` a state of a problem."""
    return Border(problem, y).around(matrix, **border)


def linearised(problem: Problem, t: float, y: np.ndarray, **border: Any) -> Bordered:
    """`bordered` with the Jacobian at (t, y). Raises Infeasible, SingularMatrix."""
    return bordered(problem, problem.jacobian(t, y), y, **border)


def deflated(problem: Problem, matrix: BandLowRank, y: np.ndarray, shift: float = 1.0) -> BandLowRank:
    """matrix - shift M E C: its zero eigenvalues (with mass M) that belong to conserved quantities become -shift.

    Every other eigenvalue and right eigenvector stays as it is.
    """
    C = conservation(problem)
    if len(C):
        matrix = matrix.plus(-shift * weighted(problem, carriers(problem, y)), C)
    e = symmetry(problem, y)
    if e is not None:
        matrix = matrix.plus(-shift * weighted(problem, e[:, None]), e[None] / (e @ e))
    return matrix


def symmetry(problem: Problem, y: np.ndarray) -> np.ndarray | None:
    """dy of a symmetry that moves y, such as a rotation, J dy = 0 at a steady state; None where there is none."""
    hook = problem.symmetry
    return None if hook is None else hook(y)


def by_mass(problem: Problem, matrix: np.ndarray) -> np.ndarray:
    """M^-1 A for a dense A."""
    mass = problem.mass
    if mass.kl == mass.ku == 0:
        return matrix / mass.data[0][:, None]
    return solve_banded((mass.kl, mass.ku), mass.data, matrix)


def newton(
    problem: Problem,
    y: np.ndarray,
    *,
    t: float = 0.0,
    totals: np.ndarray | None = None,
    steps: int = 30,
    rounding: float = NEWTON.rounding,
) -> Solved:
    """The steady state that Newton's method reaches from y: F(t, y) = 0, C y = totals (by default those of y).

    Steps are halved while they lead out of the set where firing rates exist or while the next simplified correction
    grows (the natural monotonicity test). Raises NotConverged with what happened.
    """
    C = conservation(problem)
    totals = C @ y if totals is None else np.asarray(totals, float)
    y, previous = np.array(y, float), np.inf
    try:
        F = problem.rate(t, y)
        for iteration in range(1, steps + 1):
            system, rest = with_symmetry(problem, t, y)
            step, _ = system.solve(-F, np.append(totals - C @ y, rest))
            size, scale = float(np.abs(step).max()), float(np.abs(y).max())
            if not np.isfinite(size):
                raise NotConverged("Newton's method met numbers that are not finite")
            converged = size <= rounding * scale
            if converged or (size <= NEWTON.stalled * scale and size >= 0.3 * previous):
                y = y + step if converged else y
                return _solved(problem, t, y, iteration, size / max(scale, 1e-300), system)
            y, F, fraction, following = _damped(problem, system, rest, t, y, step, size, totals, C)
            last = float(np.abs(following).max())
            if fraction == 1.0 and last <= rounding * scale:
                return _solved(problem, t, y + following, iteration, last / max(scale, 1e-300), system)
            previous = size if fraction == 1.0 else np.inf
    except Infeasible as error:
        raise NotConverged(f"Newton's method left the states that have a firing rate: {error}") from error
    except SingularMatrix as error:
        raise NotConverged(f"Newton's method met a singular Jacobian: {error}") from error
    raise NotConverged(f"Newton's method did not converge in {steps} steps (last change {size / scale:.1e})")


def _solved(problem: Problem, t: float, y: np.ndarray, iteration: int, change: float, system: Any) -> Solved:
    return Solved(y, float(np.abs(problem.rate(t, y)).sum()), iteration, change, system)


def corrected(problem: Problem, y: np.ndarray, *, t: float, totals: np.ndarray, system: Any = None) -> Solved:
    """The steady state close to y to some digits more than y has: two steps with one linear system (that of a state
    near by, if it is given) where the second is far smaller, else `newton`."""
    C, start, sizes = conservation(problem), y, []
    try:
        if system is None:
            system, _ = with_symmetry(problem, t, y)
        rest = np.zeros(int(symmetry(problem, y) is not None))
        for _ in range(2):
            step, _ = system.solve(-problem.rate(t, y), np.append(totals - C @ y, rest))
            y = y + step
            sizes.append(float(np.abs(step).max()))
        if sizes[1] <= max(NEWTON.contracted * sizes[0], NEWTON.rounding * float(np.abs(y).max())):
            return _solved(problem, t, y, 2, sizes[1] / max(float(np.abs(y).max()), 1e-300), system)
    except (Infeasible, SingularMatrix):
        pass
    return newton(problem, start, t=t, totals=totals)


def with_symmetry(problem: Problem, t: float, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """(`linearised`, right-hand sides beyond those of what is conserved): steps do not move along a symmetry."""
    e = symmetry(problem, y)
    if e is None:
        return linearised(problem, t, y), np.zeros(0)
    return linearised(problem, t, y, columns=weighted(problem, e[:, None]), rows=e[None] / (e @ e)), np.zeros(1)


def _damped(
    problem: Problem,
    system: Any,
    rest: np.ndarray,
    t: float,
    y: np.ndarray,
    step: np.ndarray,
    size: float,
    totals: np.ndarray,
    C: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """(y, F, fraction, the step that would follow) after the largest of the steps 1, 1/2, 1/4, ... that passes the
    monotonicity test."""
    fraction = 1.0
    while fraction > 1e-4:
        try:
            trial = y + fraction * step if problem.relaxed is None else problem.relaxed(t, y + fraction * step)
            F = problem.rate(t, trial)
            following, _ = system.solve(-F, np.append(totals - C @ trial, rest), refine=0)
            if np.abs(following).max() <= (1 - fraction / 4) * size or size <= 1e-6 * np.abs(y).max():
                return trial, F, fraction, following
        except Infeasible:
            pass
        fraction /= 2
    raise NotConverged("Newton's method found no step along which the residual falls")
