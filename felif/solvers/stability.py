"""The leading eigenvalues of J x = lambda M x along a curve of steady states, conserved modes left out: fast."""

from __future__ import annotations

import numpy as np

from ..algebra import BandLowRank, SingularMatrix, eigenpairs, eigenvalues
from ..problem import NotConverged, Problem
from .delayed_modes import modes
from .newton import by_mass, carriers, conservation, deflated, symmetry
from .plane_modes import leading_on_lines

_DENSE = 350  # unknowns up to which all eigenvalues are computed
_KRYLOV = 60
_EDGE = 1e-7  # real part right of which eigenvalues are counted: scalars without their own decay have a zero in B
_TURN = 0.6  # largest relative change of the determinant between successive heights
_POINTS = 400  # of them
_CLOSED = 0.1  # of a turn that may be missing above the last
_SHIFTS = (0.5, 5.0, 50.0, 500.0, 5000.0)
_ROUNDING = 1e-9  # of a real or imaginary part that is none, relative to 1 + |lambda|
_AWAY = -1e3  # where deflation puts the conserved zeros: far below every eigenvalue looked at


def leading(problem: Problem, y: np.ndarray, count: int = 6) -> np.ndarray:
    """The `count` eigenvalues with the largest real parts, sorted by them, and all unstable ones; pairs complete.

    Up to 350 unknowns from all eigenvalues; beyond, by shifted and inverted Arnoldi around several points of the
    positive axis, and from all eigenvalues where the argument principle counts another number of unstable ones; where
    the Jacobian is no band (densities over two axes) unstable ones are not counted, only found. With delays they are
    counted by the argument principle; raises NotConverged where fewer are found.
    """
    if problem.line_names:
        return leading_on_lines(problem, 0.0, y, count)[0]
    if problem.delays:
        found = modes(problem, y, count)
        if found.message and not (found.edge < 0 and len(found.values)):  # unstable ones may be missing
            raise NotConverged(f"stability with delays: {found.message}")
        return _first(found.values, count)
    if problem.size <= _DENSE:
        return _first(sorted_leading(_all(problem, y)), count)
    values = _right_half(problem, y)
    banded = hasattr(problem.jacobian(0.0, y), "band")
    if banded and _growing(problem, y) != int(np.count_nonzero(values.real > _EDGE)):
        values = _all(problem, y)
    return _first(sorted_leading(values), count)


def leading_and_unstable(problem: Problem, y: np.ndarray) -> tuple[np.ndarray, int | None]:
    """(`leading` eigenvalues, how many of all are unstable); none and None where they cannot be counted."""
    try:
        values = leading(problem, y)
    except NotConverged:
        return np.zeros(0), None
    return values, unstable(values)


def _first(values: np.ndarray, count: int) -> np.ndarray:
    count = min(max(count, unstable(values)), len(values))
    if 0 < count < len(values) and values[count - 1].imag > 0:
        count += 1
    return values[:count]


def sorted_leading(values: np.ndarray) -> np.ndarray:
    """By falling real part, of a pair the one with positive imaginary part first.

    A pair that rounding has made of a double real eigenvalue, as symmetries make them, is real.
    """
    values = np.where(np.abs(values.imag) <= _ROUNDING * (1 + np.abs(values)), values.real, values)
    return values[np.lexsort((-values.imag, -values.real))]


def grow(values: np.ndarray) -> np.ndarray:
    """Which eigenvalues grow: those within rounding of the axis do not."""
    return values.real > _ROUNDING * (1 + np.abs(values))


def unstable(values: np.ndarray) -> int:
    """How many eigenvalues grow."""
    return int(np.count_nonzero(grow(values)))


def _all(problem: Problem, y: np.ndarray) -> np.ndarray:
    J = problem.jacobian(0.0, y)
    kept = len(conservation(problem)) + (symmetry(problem, y) is not None)
    if not kept:
        return eigenvalues(by_mass(problem, J.dense()))
    values = eigenvalues(by_mass(problem, deflated(problem, J, y, -_AWAY).dense()))
    return np.delete(values, np.argsort(np.abs(values - _AWAY))[:kept])


def _growing(problem: Problem, y: np.ndarray) -> int | None:
    """Number of unstable eigenvalues: turns of det(1 - G (x M - B)^-1 U), J = B + U G, upwards next to the axis.

    The zeros of conserved quantities are deflated; without U G the density only runs out at the threshold, so B has no
    unstable eigenvalue. None where the turns cannot be followed.
    """
    J = deflated(problem, problem.jacobian(0.0, y), y, -_AWAY)
    plain, r = BandLowRank(J.band, np.zeros((J.n, 0)), np.zeros((0, J.n))), J.U.shape[1]
    U = np.asfortranarray(J.U, complex)

    def determinant(height: float) -> complex:
        return complex(np.linalg.det(np.eye(r) - J.G @ plain.factor(complex(_EDGE, height), problem.mass).solve(U)))

    heights = np.concatenate([[0.0], np.geomspace(0.1 * _EDGE, 1e6, 57)])
    try:
        D = [determinant(height) for height in heights]
        k = 0
        while k + 1 < len(D):
            if abs(D[k + 1] - D[k]) <= _TURN * min(abs(D[k]), abs(D[k + 1])):
                k += 1
            elif len(D) > _POINTS or heights[k + 1] - heights[k] <= 1e-9 * heights[k + 1] + 1e-12:
                return None
            else:
                heights = np.insert(heights, k + 1, max(np.sqrt(heights[k] * heights[k + 1]), 0.01 * _EDGE))
                D.insert(k + 1, determinant(heights[k + 1]))
    except SingularMatrix:
        return None
    turned = (np.angle(D[-1]) - np.angle(np.divide(D[1:], D[:-1])).sum()) / np.pi
    return round(float(turned)) if abs(turned - round(float(turned))) < _CLOSED else None


def _right_half(problem: Problem, y: np.ndarray) -> np.ndarray:
    """Eigenvalues near the axis and right of it: each strip of real parts from the shift at its right end."""
    found = [_around(problem, y, shift) for shift in _SHIFTS]
    ends = (-np.inf, *_SHIFTS[:-1], np.inf)
    return np.concatenate(
        [v[(v.real > low) & (v.real <= high)] for v, low, high in zip(found, ends[:-1], ends[1:], strict=True)]
    )


def _around(problem: Problem, y: np.ndarray, shift: float) -> np.ndarray:
    """Eigenvalues around `shift` from one Krylov space of (shift M - J)^-1 M on perturbations with C x = 0."""
    C, E = conservation(problem), carriers(problem, y)
    try:
        factored = problem.jacobian(0.0, y).factor(shift, problem.mass)
    except SingularMatrix:
        return _around(problem, y, 1.1 * shift + 0.1)
    n = problem.size
    steps = min(_KRYLOV, n - len(C))
    V, H = np.zeros((steps + 1, n)), np.zeros((steps + 1, steps))
    x = np.random.default_rng(0).standard_normal(n)
    x -= E @ (C @ x)
    V[0] = x / np.linalg.norm(x)
    for k in range(steps):
        x = factored.solve(problem.mass @ V[k])
        x -= E @ (C @ x)
        for _ in range(2):
            h = V[: k + 1] @ x
            x -= h @ V[: k + 1]
            H[: k + 1, k] += h
        H[k + 1, k] = np.linalg.norm(x)
        if H[k + 1, k] < 1e-13 * abs(H[: k + 1, k]).max():
            steps = k + 1
            break
        V[k + 1] = x / H[k + 1, k]
    theta, vectors = eigenpairs(H[:steps, :steps])
    residual = np.abs(H[steps, steps - 1]) * np.abs(vectors[-1]) if steps < len(V) else np.zeros(steps)
    good = (residual < 1e-7 * np.abs(theta)) & (np.abs(theta) > 1e-12)
    return shift - 1 / theta[good]
