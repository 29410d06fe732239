"""The spectrum of the linearisation at a steady state: J x = lambda M x with every nonlocal term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs

from ..algebra import SingularMatrix, eigenpairs
from ..problem import FieldValue, NotConverged, Problem, State
from .delayed import jacobian_at
from .delayed_modes import modes
from .newton import bordered, by_mass, conservation, deflated, newton, symmetry
from .plane_modes import is_plane

_DENSE = 600  # unknowns up to which all eigenvalues are computed
_AWAY = 1e3  # where deflation puts the zeros of conserved quantities: to -1e3
_ATTEMPTS = 4  # at a mesh on which the modes meet the tolerance
_STEPS = 8  # of Newton on one eigenpair
_POLISHED = 1e-13  # relative change of an eigenvalue at which Newton stops
_DEFECTIVE = 1e6  # condition from which an eigenvalue counts as nearly defective
_ZERO = 1e-8  # size of an eigenvalue that cannot be told from the conserved zeros


class Mode:
    """An eigenvector as functions: `mode.n(v)`, complex if the eigenvalue is; `mode.vector` is all of it."""

    def __init__(self, vector: np.ndarray, functions: Any) -> None:
        self.vector, self._functions = vector, functions

    def __getattr__(self, name: str) -> FieldValue:
        functions = self.__dict__.get("_functions")
        if functions is None or name.startswith("__"):
            raise AttributeError(name)
        return functions(name, self.vector)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues with the largest real parts, conserved modes removed, and their eigenfunctions.

    eigenvalues  sorted by falling real part, pairs complete (positive imaginary part first); real if all are
    right, left  their modes: `right[k].n(v)` is the perturbation, `left[k].n(v)` the test function that measures it;
                 left_j . M right_k = 1 if j = k, else 0 (not conjugated), max |right| = 1
    errors       estimates of |lambda - lambda_exact|: against elements of a higher degree, and what V_min cuts off
    condition    1/|z.M x| for unit vectors in the balanced variable: 1 for a single neuron, infinite for a double
                 eigenvalue with one eigenvector
    residuals    sum |J x - lambda M x| / sum |J |x||
    gap          slowest decay rate of perturbations that keep the conserved quantities; negative if unstable
    message      what is to be said about accuracy, and modes that are counted but not listed (delays only)
    """

    problem: Problem
    state: State
    eigenvalues: np.ndarray
    right: tuple[Mode, ...]
    left: tuple[Mode, ...]
    errors: np.ndarray
    condition: np.ndarray
    residuals: np.ndarray
    message: str

    @property
    def gap(self) -> float:
        return float(-self.eigenvalues[0].real)

    def __repr__(self) -> str:
        values = ", ".join(f"{value:.10g}" for value in self.eigenvalues)
        return f"Spectrum(gap={self.gap:.10g}: {values}){' ' + self.message if self.message else ''}"


@dataclass(frozen=True, eq=False)
class _Pair:
    """An eigenvalue with its right and left eigenvector (of the conserving system: C x = 0)."""

    value: complex
    x: np.ndarray
    z: np.ndarray
    condition: float
    residual: float

    def conjugate(self) -> _Pair:
        return _Pair(self.value.conjugate(), self.x.conj(), self.z.conj(), self.condition, self.residual)


def spectrum(problem: Problem, state: State, count: int = 6) -> Spectrum:
    """The `count` eigenvalues of J x = lambda M x with the largest real parts, and their eigenfunctions.

    J is the Jacobian at a steady state with all its nonlocal terms, delays included; the zeros that belong to conserved
    quantities are removed by Brauer's shift. Eigenvalues start from a dense QR iteration in the variable that is
    balanced by the stationary density (symmetric for a single neuron; up to 600 unknowns) or from inverse iteration
    around zero; with delays from zeros of the characteristic function, as many right of the last one as the argument
    principle counts (`message` says where not). They are polished by Newton on the bordered band system. A problem made
    from a tolerance is extended (modes reach further down than the density) and enriched until the eigenvalues meet it,
    relative to 1 + |lambda|; `.problem` is the one they belong to.

    Raises ValueError for a state of another model, and for a count that is no positive number; NotConverged where no
    mode of a problem with delays can be counted.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"spectrum: count = {count!r}; allowed is a positive whole number")
    own = getattr(state, "problem", problem)
    if getattr(own, "model", None) != getattr(problem, "model", None):
        raise ValueError(f"spectrum: the state belongs to {own.model}, the problem is {problem.model}")
    problem, t, y = own, state.t, state.y
    if is_plane(problem):
        from .plane_spectrum import spectrum_over_the_plane

        return spectrum_over_the_plane(problem, state, count)
    if not getattr(problem, "delays", None):
        count = min(count, problem.size - len(conservation(problem)))
    tol = getattr(problem, "tol", None)
    if tol is not None:  # modes reach further down than the stationary density
        problem, y = _settled(problem.extended(t, y, 1e-3 * tol**2) or (problem, y), t)
    for attempt in range(_ATTEMPTS):
        starts, missing = _starts(problem, t, y, count)
        pairs = _leading(_pairs(problem, t, y, starts), count)
        resolved, reached = _errors(problem, t, y, pairs)
        if tol is None or missing or attempt == _ATTEMPTS - 1:
            break
        limit = tol * np.array([1 + abs(pair.value) for pair in pairs])
        if (resolved + reached <= limit).all():
            break
        further = None
        if (reached > limit / 2).any():
            further = problem.extended(t, y, 1e-3 * tol**2 * float((limit / np.maximum(reached, limit)).min()) ** 2)
        problem, y = _settled(further or problem.enriched(y), t)
    values = np.array([pair.value for pair in pairs])
    return Spectrum(
        problem,
        State(problem, t, y),
        values.real if not values.imag.any() else values,
        tuple(Mode(pair.x, lambda name, x: problem.field(name, x)) for pair in pairs),
        tuple(Mode(pair.z, lambda name, z: _test_function(problem, t, y, name, z)) for pair in pairs),
        resolved + reached + [_uncertain(pair) for pair in pairs],
        np.array([pair.condition for pair in pairs]),
        np.array([pair.residual for pair in pairs]),
        _message(pairs, missing),
    )


def _settled(found: tuple[Problem, np.ndarray], t: float) -> tuple[Problem, np.ndarray]:
    """The steady state of another discretisation, from a state close to it."""
    problem, y = found
    return problem, newton(problem, y, t=t).y


def _test_function(problem: Problem, t: float, y: np.ndarray, name: str, z: np.ndarray) -> FieldValue:
    if getattr(problem, "delays", None):
        raise ValueError("left eigenfunctions of a problem with delays are vectors only: `.left[k].vector`")
    return problem.adjoint_field(t, y, name, z)


def _errors(problem: Problem, t: float, y: np.ndarray, pairs: list[_Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Estimated errors of the eigenvalues: what elements of a higher degree change, and what V_min cuts off."""
    if not hasattr(problem, "enriched"):
        return np.full(len(pairs), np.nan), np.zeros(len(pairs))
    richer, z = _settled(problem.enriched(y), t)
    values = [pair.value for pair in pairs]
    resolved = np.zeros(len(pairs))
    for k, value in enumerate(values):
        if k and value == values[k - 1].conjugate():
            resolved[k] = resolved[k - 1]
            continue
        others = [abs(value - other) for other in values[:k] + values[k + 1 :]]
        resolved[k] = abs(_polished(richer, t, z, value, None, min(others, default=np.inf)).value - value)
    reached = [abs(pair.value * problem.cut_off_mode(t, y, pair.x, pair.z)) for pair in pairs]
    return resolved, np.array(reached)


_Starts = list[tuple[complex, np.ndarray | None]]  # eigenvalue, right vector or None; of each pair one

# where to start --------------------------------------------------------------------------------------------------


def _pairs(problem: Problem, t: float, y: np.ndarray, starts: _Starts) -> list[_Pair]:
    return [_polished(problem, t, y, value, x, _distance(value, starts)) for value, x in starts]


def _starts(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[_Starts, str]:
    """Somewhat more than the `count` leading modes, and what is to be said of missing ones.

    Raises NotConverged where delays leave none.
    """
    more = count + 2
    if getattr(problem, "delays", None):
        found = modes(problem, y, count)
        if not len(found.values):
            raise NotConverged(f"spectrum: {found.message}")
        leading = found.values[found.values.imag >= 0]
        return [(complex(value), None) for value in leading[: count + 1]], found.message
    if problem.size <= _DENSE:
        values, vectors = _dense(problem, t, y)
    else:
        values, vectors = _arnoldi(problem, t, y, more)
    order = [k for k in np.lexsort((-values.imag, -values.real))[: 2 * more] if values[k].imag >= 0]
    return [(complex(values[k]), vectors[:, k]) for k in order[:more]], ""


def balance(problem: Problem, y: np.ndarray) -> np.ndarray:
    """d > 0 such that q = x / d is the variable in which the linearisation of one neuron is symmetric: sqrt(n / M)."""
    lumped = problem.mass @ np.ones(problem.size)
    floor = 1e-20 * np.abs(y).max()
    return np.sqrt(np.maximum(np.abs(y), floor) / np.abs(lumped))


def _dense(problem: Problem, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d, C = balance(problem, y), conservation(problem)
    A = by_mass(problem, deflated(problem, problem.jacobian(t, y), y, _AWAY).dense())
    values, q = eigenpairs(A * d / d[:, None])
    vectors = q * d[:, None]
    if (e := symmetry(problem, y)) is not None:  # the mode along it decays nowhere, and is none of the dynamics
        C = np.vstack([C, e])
    if len(C):  # the modes that deflation moved are the only ones that carry conserved quantities
        carried = sum(np.abs(c @ vectors) / np.maximum(np.abs(c) @ np.abs(vectors), 1e-300) for c in C)
        keep = np.argsort(carried)[: -len(C)]
        values, vectors = values[keep], vectors[:, keep]
    return values, vectors


def _arnoldi(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Modes nearest to a point right of the leading one, from the inverted operator in the balanced variable."""
    d, shift, moved = balance(problem, y), 0.5, deflated(problem, problem.jacobian(t, y), y, _AWAY)
    try:
        factored = moved.factor(shift, problem.mass)
    except SingularMatrix:
        factored = moved.factor(shift := 0.61803, problem.mass)
    n = problem.size
    inverse = LinearOperator((n, n), matvec=lambda q: -factored.solve(problem.mass @ (d * q.ravel())) / d, dtype=float)
    wanted = min(2 * count + 8, n - 2)
    theta, q = eigs(inverse, k=wanted, which="LM", v0=np.sqrt(np.abs(problem.mass @ (d * d))) + 1e-8, tol=1e-12)
    values, vectors = shift + 1 / theta, q * d[:, None]
    order = np.lexsort((-values.imag, -values.real))
    return values[order], vectors[:, order]


def _distance(value: complex, starts: _Starts) -> float:
    """To the nearest other start, or conjugate one."""
    others = [other for other, _ in starts if other != value]
    everyone = [*others, *(other.conjugate() for other, _ in starts if other.imag)]
    return min((abs(value - other) for other in everyone), default=np.inf)


# one eigenpair ---------------------------------------------------------------------------------------------------


def _polished(
    problem: Problem, t: float, y: np.ndarray, value: complex, x: np.ndarray | None, distance: float
) -> _Pair:
    """The eigenpair that Newton reaches, unless it leaves for another one half the `distance` away."""
    if not value.imag:
        value, x = value.real, None if x is None else np.real(x)
    if x is None:
        x = _inverse_iterated(problem, y, value)
    start, best = value, None
    for _ in range(_STEPS):
        x = x / x[np.argmax(np.abs(x))]
        try:
            pair, change, x = _newton_step(problem, y, value, x)
        except SingularMatrix:
            return best or _defective(problem, y, value, x)
        if best is not None and pair.residual > 0.5 * best.residual:
            break  # down to rounding
        best, value = pair, value + change
        if abs(change) <= _POLISHED * (1 + abs(value)) or abs(value - start) > 0.5 * min(distance, 1 + abs(start)):
            break
    return best


def _newton_step(problem: Problem, y: np.ndarray, value: complex, x: np.ndarray) -> tuple[_Pair, complex, np.ndarray]:
    """(the pair at hand, change of the eigenvalue, new right vector): Newton on (J(lambda) - lambda M) x = 0, w.x = 1.

    One bordered system gives all: [T, M E, -s; C, 0, 0; w, 0, 0] with T = J - lambda M, s = (M - J') x.
    """
    J, k = jacobian_at(problem, y, value), len(conservation(problem))
    slope = problem.mass @ x - _delayed_slope(problem, y, value, x)
    row = np.conj(x) / (np.conj(x) @ x)
    system = bordered(problem, J, y, columns=-slope[:, None], rows=row[None], shift=value)
    last, nothing = np.eye(k + 1)[-1], np.zeros(len(x))
    following, numbers = system.solve(nothing, last)
    if not np.isfinite(following).all():
        raise SingularMatrix("a defective eigenvalue")
    z, ends = system.solve_transposed(nothing, last)
    z = -z
    if k and abs(value) > _ZERO:  # from the deflated system to J itself: add rows l with l M = c, l J = 0
        z = z + (ends[:k] / value) @ by_mass(problem, conservation(problem).T).T
    d = balance(problem, y)
    condition = float(np.linalg.norm((problem.mass @ z) * d) * np.linalg.norm(x / d))
    residual = np.abs(J @ x - value * (problem.mass @ x)).sum() / np.abs(J @ np.abs(x)).sum()
    return _Pair(complex(value), x, z, condition, float(residual)), numbers[-1], following


def _defective(problem: Problem, y: np.ndarray, value: complex, x: np.ndarray) -> _Pair:
    """The pair at hand where z.M x = 0, so that Newton has no step: the left vector from another border, |z| = 1."""
    J, other = jacobian_at(problem, y, value), np.random.default_rng(1).standard_normal((len(x), 1))
    system = bordered(problem, J, y, columns=other, rows=np.conj(x)[None], shift=value)
    z, _ = system.solve_transposed(np.zeros(len(x)), np.eye(len(conservation(problem)) + 1)[-1])
    residual = np.abs(J @ x - value * (problem.mass @ x)).sum() / np.abs(J @ np.abs(x)).sum()
    return _Pair(complex(value), x, z / np.linalg.norm(z), np.inf, float(residual))


def _delayed_slope(problem: Problem, y: np.ndarray, value: complex, x: np.ndarray) -> Any:
    """dJ/dlambda x, which is not zero with delays only."""
    if not getattr(problem, "delays", None):
        return 0.0
    step = 1e-6 * (1 + abs(value))
    above, below = (jacobian_at(problem, y, value + sign * step) @ x for sign in (1, -1))
    return (above - below) / (2 * step)


def _inverse_iterated(problem: Problem, y: np.ndarray, value: complex) -> np.ndarray:
    """A right vector for an eigenvalue known well, by inverse iteration from noise."""
    near = value + 1e-7 * (1 + abs(value))
    system = bordered(problem, jacobian_at(problem, y, near), y, shift=near)
    x = np.random.default_rng(0).standard_normal(problem.size) * balance(problem, y)
    for _ in range(3):
        x, _ = system.solve(problem.mass @ x, np.zeros(len(conservation(problem))))
        x = x / x[np.argmax(np.abs(x))]
    return x


# all together ----------------------------------------------------------------------------------------------------


def _leading(pairs: list[_Pair], count: int) -> list[_Pair]:
    """The first `count`, conjugates included, and one more where a pair would be torn apart."""
    both = [q for p in pairs for q in ((p, p.conjugate()) if p.value.imag else (p,))]
    both.sort(key=lambda pair: (-pair.value.real, -pair.value.imag))
    cut = min(count, len(both))
    if cut < len(both) and both[cut].value == both[cut - 1].value.conjugate() and both[cut].value.imag < 0:
        cut += 1
    return both[:cut]


def _uncertain(pair: _Pair) -> float:
    """What rounding does to an eigenvalue: the root of it to a double one with a single eigenvector."""
    eps = np.finfo(float).eps
    return abs(pair.value) * min(eps * pair.condition, np.sqrt(eps))


def _message(pairs: list[_Pair], missing: str) -> str:
    said = f"Not every mode is listed: {missing}." if missing else ""
    weak = [pair for pair in pairs if not pair.condition < _DEFECTIVE]
    if not weak:
        return said
    values = ", ".join(f"{pair.value:.6g}" for pair in weak)
    weakly = f"Nearly defective (its left and right vectors are almost orthogonal), good to fewer digits: {values}."
    return f"{said} {weakly}".strip()
