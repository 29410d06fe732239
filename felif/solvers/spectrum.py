"""The spectrum of the linearisation at a steady state: J x = lambda M x with every nonlocal term."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs

from ..algebra import SingularMatrix, eigenpairs
from ..given.arguments import STATE, SYSTEM, checked, whole
from ..problem import FieldValue, NotConverged, Problem, State
from .border import by_mass, conservation, deflated, symmetry
from .delayed_modes import modes
from .eigenpairs import Linearisation, Pair, balance
from .modes import Mode, Spectrum
from .newton import newton
from .plane_spectrum import spectrum_over_the_plane
from .stability import all_found
from .tuning import ERRORS, SPECTRA


@checked(problem=SYSTEM, state=STATE, count=whole(1))
def spectrum(problem: Problem, state: State, count: int = 6) -> Spectrum:
    """The eigenvalues of J x = lambda M x with the largest real parts, and their eigenfunctions.

    J is the Jacobian at a steady state with all its nonlocal terms, delays included; the zeros that belong to conserved
    quantities are removed by Brauer's shift. Eigenvalues start from a dense QR iteration in the variable that is
    balanced by the stationary density (symmetric for a single neuron; up to 600 unknowns, or where the argument
    principle shows that others miss some) or from inverse iteration around zero; with delays from zeros of the
    characteristic function, as many right of the last one as the argument principle counts (`message` says where not).
    They are polished by Newton on the bordered band system. A problem made from a tolerance is extended (modes reach
    further down than the density) and enriched until the eigenvalues meet it, relative to 1 + |lambda|; `.problem` is
    the one they belong to.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    state : State
        A steady state of it.
    count : int
        How many eigenvalues.

    Returns
    -------
    Spectrum
        `.eigenvalues`, `.right`, `.left`, `.errors`, and `.gap`, the slowest decay rate.

    Raises
    ------
    ValueError
        For a state of another model, and for a count that is no positive number or more than the mesh carries (1000
        with delays).
    NotConverged
        Where no mode of a problem with delays can be counted.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.0))
    >>> round(fl.spectrum(problem, fl.steady_state(problem), count=2).gap, 3)  # of a single neuron
    1.191
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"spectrum: count = {count!r}; allowed is a positive whole number")
    own = getattr(state, "problem", problem)
    if own.model != problem.model:
        raise ValueError(f"spectrum: the state belongs to {own.model}, the problem is {problem.model}")
    problem, t, y = own, state.t, state.y
    if problem.line_names:
        return spectrum_over_the_plane(problem, state, count)
    most = SPECTRA.most if problem.delays else problem.size - len(conservation(problem))
    if count > most:
        raise ValueError(
            f"spectrum: count = {count!r}; allowed are at most {most} modes"
            + (
                " with delays"
                if most == SPECTRA.most
                else ", as many as this mesh carries: a smaller tol or more cells have more"
            )
        )
    tol = problem.tol
    if tol is not None:  # modes reach further down than the stationary density, each further than the one before
        least = min(1e-3 * tol**2, tol * SPECTRA.further ** min(count, SPECTRA.far))
        problem, y = _settled(problem.extended(t, y, least) or (problem, y), t)
    for attempt in range(SPECTRA.attempts):
        starts, missing = _starts(problem, t, y, count)
        pairs = _leading(_pairs(problem, y, starts), count)
        resolved, reached = _errors(problem, t, y, pairs)
        if tol is None or missing or attempt == SPECTRA.attempts - 1:
            break
        limit = tol * np.array([1 + abs(pair.value) for pair in pairs])
        if (resolved + reached <= limit).all():
            break
        if (reached > limit / 2).any():
            problem, y = problem.extended_for_modes(t, y, *_arrays(pairs), limit / 2) or (problem, y)
        if (resolved > limit / 2).any():
            problem, y = problem.enriched(y)
        problem, y = _settled((problem, y), t)
    values, errors = np.array([pair.value for pair in pairs]), resolved + reached
    linear = Linearisation(problem, y)
    errors = errors + [linear.rounding(pair) for pair in pairs]
    return Spectrum(
        problem,
        State(problem, t, y),
        values.real if not values.imag.any() else values,
        tuple(Mode(pair.x, partial(_field, problem)) for pair in pairs),
        tuple(Mode(pair.z, partial(_test_function, problem, t, y)) for pair in pairs),
        errors,
        np.array([pair.condition for pair in pairs]),
        np.array([pair.residual for pair in pairs]),
        _message(pairs, missing, tol, errors),
    )


def _settled(found: tuple[Problem, np.ndarray], t: float) -> tuple[Problem, np.ndarray]:
    """The steady state of another discretisation, from a state close to it."""
    problem, y = found
    return problem, newton(problem, y, t=t).y


def _field(problem: Problem, name: str, x: np.ndarray) -> FieldValue:
    return problem.field(name, x)


def _test_function(problem: Problem, t: float, y: np.ndarray, name: str, z: np.ndarray) -> FieldValue:
    if problem.delays:
        raise ValueError("left eigenfunctions of a problem with delays are vectors only: `.left[k].vector`")
    return problem.adjoint_field(t, y, name, z)


def _errors(problem: Problem, t: float, y: np.ndarray, pairs: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Estimated errors of the eigenvalues: what elements of a higher degree change, and what V_min cuts off even there.

    On a mesh of the user the richer space reaches further too.
    """
    if problem.enriched is None:
        return np.full(len(pairs), np.nan), np.zeros(len(pairs))
    richer, there = _settled(problem.enriched(y), t)
    linear, values, better = Linearisation(richer, there), [pair.value for pair in pairs], []
    for k, value in enumerate(values):
        if k and value == values[k - 1].conjugate():
            better.append(better[-1].conjugate())
            continue
        others = [abs(value - other) for other in values[:k] + values[k + 1 :]]
        pair = linear.polished(value, None, min(others, default=np.inf))
        better.append(pair if pair.residual < SPECTRA.found else _of_rank(richer, t, there, k) or pair)
    resolved = (
        ERRORS.safety_of_modes
        * problem.missed
        * np.array([abs(pair.value - value) for pair, value in zip(better, values, strict=True)])
    )
    return resolved, richer.cut_off_modes(t, there, *_arrays(better))


def _of_rank(problem: Problem, t: float, y: np.ndarray, k: int) -> Pair | None:
    """The mode number k of another discretisation: where Newton from the eigenvalue of the first leaves for none."""
    found = _leading(_pairs(problem, y, _starts(problem, t, y, k + 1)[0]), k + 1)
    return found[k] if k < len(found) else None


def _arrays(pairs: list[Pair]) -> list[np.ndarray]:
    """(values, right vectors, left vectors), one row a pair."""
    return [np.array([getattr(pair, name) for pair in pairs]) for name in ("value", "x", "z")]


_Starts = list[tuple[complex, np.ndarray | None]]  # eigenvalue, right vector or None; of each pair one

# where to start --------------------------------------------------------------------------------------------------


def _pairs(problem: Problem, y: np.ndarray, starts: _Starts) -> list[Pair]:
    linear = Linearisation(problem, y)
    return [linear.polished(value, x, _distance(value, starts)) for value, x in starts]


def _starts(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[_Starts, str]:
    """Somewhat more than the `count` leading modes, and what is to be said of missing ones.

    Raises NotConverged where delays leave none.
    """
    more = count + 2
    if problem.delays:
        found = modes(problem, y, count)
        if not len(found.values):
            raise NotConverged(f"spectrum: {found.message}")
        leading = found.values[found.values.imag >= 0]
        return [(complex(value), None) for value in leading[: count + 1]], found.message
    found = _arnoldi(problem, t, y, more) if problem.size > SPECTRA.dense else None
    values, vectors = _dense(problem, t, y) if found is None else found
    order = [k for k in np.lexsort((-values.imag, -values.real))[: 2 * more] if values[k].imag >= 0]
    return [(complex(values[k]), vectors[:, k]) for k in order[:more]], ""


def _dense(problem: Problem, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d, C = balance(problem, y), conservation(problem)
    A = by_mass(problem, deflated(problem, problem.jacobian(t, y), y, SPECTRA.away).dense())
    values, q = eigenpairs(A * d / d[:, None])
    vectors = q * d[:, None]
    if (e := symmetry(problem, y)) is not None:  # the mode along it decays nowhere, and is none of the dynamics
        C = np.vstack([C, e])
    if len(C):  # the modes that deflation moved are the only ones that carry conserved quantities
        carried = sum(np.abs(c @ vectors) / np.maximum(np.abs(c) @ np.abs(vectors), 1e-300) for c in C)
        keep = np.argsort(carried)[: -len(C)]
        values, vectors = values[keep], vectors[:, keep]
    return values, vectors


def _arnoldi(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Modes nearest to a point, from the inverted operator in the balanced variable; None where leading ones may be
    farther from it: large unstable ones, and pairs that oscillate fast.
    """
    d, shift, moved = balance(problem, y), 0.5, deflated(problem, problem.jacobian(t, y), y, SPECTRA.away)
    try:
        factored = moved.factor(shift, problem.mass)
    except SingularMatrix:
        factored = moved.factor(shift := 0.61803, problem.mass)
    n = problem.size
    inverse = LinearOperator((n, n), matvec=lambda q: -factored.solve(problem.mass @ (d * q.ravel())) / d, dtype=float)
    wanted = min(2 * count + 8, n - 2)
    theta, q = eigs(inverse, k=wanted, which="LM", v0=np.sqrt(np.abs(problem.mass @ (d * d))) + 1e-8, tol=1e-12)
    values, vectors = shift + 1 / theta, q * d[:, None]
    if not all_found(problem, y, values, count, shift):
        return None
    order = np.lexsort((-values.imag, -values.real))
    return values[order], vectors[:, order]


def _distance(value: complex, starts: _Starts) -> float:
    """To the nearest other start, or conjugate one."""
    others = [other for other, _ in starts if other != value]
    everyone = [*others, *(other.conjugate() for other, _ in starts if other.imag)]
    return min((abs(value - other) for other in everyone), default=np.inf)


# all together ----------------------------------------------------------------------------------------------------


def _leading(pairs: list[Pair], count: int) -> list[Pair]:
    """The first `count`, conjugates included, and one more where a pair would be torn apart."""
    both = [q for p in pairs for q in ((p, p.conjugate()) if p.value.imag else (p,))]
    both.sort(key=lambda pair: (-pair.value.real, -pair.value.imag))
    cut = min(count, len(both))
    if cut < len(both) and both[cut].value == both[cut - 1].value.conjugate() and both[cut].value.imag < 0:
        cut += 1
    return both[:cut]


def _message(pairs: list[Pair], missing: str, tol: float | None, errors: np.ndarray) -> str:
    said = f"Not every mode is listed: {missing}." if missing else ""
    far = [
        pair for pair, error in zip(pairs, errors, strict=True) if tol and not error <= 2 * tol * (1 + abs(pair.value))
    ]
    if far:
        first = f"{abs(far[0].value):.6g}"
        said = f"{said} {len(far)} eigenvalues, from |lambda| = {first} on, miss the tolerance: see `errors`.".strip()
    weak = [pair for pair in pairs if not pair.condition < SPECTRA.defective]
    if not weak:
        return said
    values = ", ".join(f"{pair.value:.6g}" for pair in weak)
    weakly = f"Nearly defective (its left and right vectors are almost orthogonal), good to fewer digits: {values}."
    return f"{said} {weakly}".strip()
