"""The Hardy/Poincare constant of a stationary density P: the best lambda in int P u'^2 >= lambda int P (u - mean)^2."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..algebra import Band, BandLowRank, Bordered
from ..given.arguments import STATE, SYSTEM, TEXT, checked, optional
from ..problem import FieldValue, NotConverged, Problem, State, require_one_axis
from .newton import newton
from .tuning import SPECTRA


@dataclass(frozen=True, eq=False)
class Poincare:
    """The smallest positive lambda of int P u' w' = lambda int P u w for all w, with natural conditions (P(V_F) = 0).

    Attributes
    ----------
    problem : Problem
        On whose mesh it was found.
    eigenvalue : float
        lambda.
    eigenfunction : function of v
        u, of mean zero (int P u = 0) and int P u^2 = 1 for int P = 1, rising at V_F.
    noise : float
        a of the state.
    error : float
        Estimate of the error of the eigenvalue: against elements of a higher degree, and what V_min cuts off.
    """

    problem: Problem
    eigenvalue: float
    eigenfunction: FieldValue
    noise: float
    error: float

    @property
    def gap_bound(self) -> float:
        """a lambda: for b = 0 a theorem bounds the spectral gap from below by it (relative entropy, H = (h-1)^2).

        For a coupled network it is a number to compare with.
        """
        return self.noise * self.eigenvalue

    def __repr__(self) -> str:
        return f"Poincare(eigenvalue={self.eigenvalue:.12g}, gap_bound={self.gap_bound:.12g}, error={self.error:.1e})"


@checked(problem=SYSTEM, state=STATE, field=optional(TEXT))
def poincare(problem: Problem, state: State, field: str | None = None) -> Poincare:
    """The Hardy/Poincare constant with the density P of a steady state as its weight.

        int P u'^2 >= lambda int P u^2 for every u with int P u = 0

    A problem made from a tolerance is extended downward first, as u grows where P is small, and enriched until the
    eigenvalue meets it, relatively.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    state : State
        A steady state of it.
    field : str
        The density where there are several; the first by default.

    Returns
    -------
    Poincare
        `.eigenvalue`, `.eigenfunction`, `.gap_bound`, `.error`.

    Raises
    ------
    ValueError
        For a state of another model and an unknown field.
    NotConverged
        If the iteration does not converge.

    Notes
    -----
    Source of the inequality: Caceres, Carrillo & Perthame, J. Math. Neurosci. 1:7 (2011), section 4.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.0))
    >>> fl.poincare(problem, fl.steady_state(problem)).eigenvalue > 1
    True
    """
    require_one_axis(problem, "poincare", over_v=True)
    own = getattr(state, "problem", problem)
    if own.model != problem.model:
        raise ValueError(f"poincare: the state belongs to {own.model}, the problem is {problem.model}")
    field = own.field_names[0] if field is None else field
    if field not in own.field_names:
        raise ValueError(f"poincare: field = {field!r}; allowed are {', '.join(own.field_names)}")
    t, y = state.t, state.y
    tol = own.tol
    if tol is not None:
        own, y = own.extended(t, y, 1e-3 * tol**2) or (own, y)
        y = newton(own, y, t=t).y
    found = _constant(own, t, y, field)
    for _ in range(SPECTRA.enriched):
        richer, z = own.enriched(y)
        better = _constant(richer, t, z, field)
        beyond = float(own.cut_off(t, y).sum()) * found.eigenvalue * float(found.eigenfunction.values[0]) ** 2
        resolved = abs(better.eigenvalue - found.eigenvalue)
        found = replace(found, error=resolved + abs(beyond))
        if tol is None or resolved <= tol * found.eigenvalue:
            break
        own, y, found = richer, z, better
    return found


def _constant(problem: Problem, t: float, y: np.ndarray, field: str) -> Poincare:
    forms = problem.weighted_forms(t, y, field)
    K, M, d = _scaled(forms.stiffness, forms.mass)
    value, q = _second(K, M, 1 / d)
    u = np.zeros(len(problem.nodes))
    u[forms.first : forms.last] = q * d
    u[: forms.first], u[forms.last :] = u[forms.first], u[forms.last - 1]
    total = (1 / d) @ (M @ (1 / d))
    u *= np.sign(u[forms.last - 1]) * np.sqrt(total / (q @ (M @ q)))
    return Poincare(problem, value, problem.function(u), forms.noise, np.inf)


def _scaled(K: Band, M: Band) -> tuple[Band, Band, np.ndarray]:
    """D K D, D M D and d, with D = diag(d) making the diagonal of M one: the weight spans many orders of magnitude."""
    d = 1 / np.sqrt(M.data[M.ku])
    return _both_sides(K, d), _both_sides(M, d), d


def _both_sides(A: Band, d: np.ndarray) -> Band:
    data = A.data * d
    for row in range(len(data)):  # entry (i, j) stands in row ku + i - j of column j
        shift = row - A.ku
        low, high = max(0, -shift), min(A.n, A.n - shift)
        data[row, low:high] *= d[low + shift : high + shift]
    return Band(np.asfortranarray(data), A.kl, A.ku)


def _second(K: Band, M: Band, constant: np.ndarray) -> tuple[float, np.ndarray]:
    """The smallest eigenvalue of K q = lambda M q orthogonal to the constant: inverse, then Rayleigh iteration."""
    n = K.n
    nothing = BandLowRank(K, np.zeros((n, 0), order="F"), np.zeros((0, n)))
    mean = M @ constant
    q = np.linspace(-1.0, 1.0, n) * constant
    system = Bordered(nothing, mean[:, None], mean[None], held=mean[None])
    value, change, shifts = np.inf, np.inf, 0
    for _ in range(SPECTRA.inverse_steps):
        q = system.solve(M @ q, np.zeros(1))[0]
        q = q / np.sqrt(q @ (M @ q))
        before, value = value, float(q @ (K @ q))
        change = abs(value - before)
        if change <= 1e-15 * value or shifts == SPECTRA.shifts:
            break
        if change <= SPECTRA.near * value:
            shifts += 1
            system = Bordered(nothing, mean[:, None], mean[None], shift=value, mass=M, held=mean[None])
    if change <= 1e-9 * value:
        return value, q
    raise NotConverged(
        f"the Hardy/Poincare constant did not converge in {SPECTRA.inverse_steps} steps (last value {value:.8g})"
    )
