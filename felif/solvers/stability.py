"""The leading eigenvalues of J x = lambda M x along a curve of steady states, conserved modes left out: fast."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_banded

from ..algebra import SingularMatrix, eigenpairs, eigenvalues
from ..problem import Problem
from .delayed import AWAY, Delayed
from .newton import carriers, conservation, deflated
from .plane_modes import is_plane, leading_on_lines

_DENSE = 350  # unknowns up to which all eigenvalues are computed
_KRYLOV = 60
_SHIFTS = (0.5, 5.0, 50.0, 500.0, 5000.0)
_CHEBYSHEV = 24  # degree of the pasts of delayed scalars
_AWAY = -1e3  # where deflation puts the conserved zeros: far below every eigenvalue looked at


def leading(problem: Problem, y: np.ndarray, count: int = 6) -> np.ndarray:
    """The `count` eigenvalues with the largest real parts, sorted by them, and all unstable ones; pairs complete.

    Up to 350 unknowns from all eigenvalues; beyond, by shifted and inverted Arnoldi around several points of the
    positive axis: real parts up to 1e4 are seen, pairs of large imaginary part may be missed.
    """
    if is_plane(problem):
        return leading_on_lines(problem, 0.0, y, count)[0]
    values = _all(problem, y) if problem.size <= _DENSE else _right_half(problem, y)
    values = sorted_leading(values)
    count = min(max(count, unstable(values)), len(values))
    if 0 < count < len(values) and values[count - 1].imag > 0:
        count += 1
    return values[:count]


def sorted_leading(values: np.ndarray) -> np.ndarray:
    """By falling real part, of a pair the one with positive imaginary part first."""
    return values[np.lexsort((-values.imag, -values.real))]


def unstable(values: np.ndarray) -> int:
    """How many eigenvalues grow, those within rounding of the axis not counted."""
    return int(np.count_nonzero(values.real > 1e-9 * (1 + np.abs(values))))


def by_mass(problem: Problem, matrix: np.ndarray) -> np.ndarray:
    """M^-1 A for a dense A."""
    mass = problem.mass
    if mass.kl == mass.ku == 0:
        return matrix / mass.data[0][:, None]
    return solve_banded((mass.kl, mass.ku), mass.data, matrix)


def _all(problem: Problem, y: np.ndarray) -> np.ndarray:
    if getattr(problem, "delays", None):
        return _with_history(problem, y)
    J = problem.jacobian(0.0, y)
    kept = len(conservation(problem))
    if not kept:
        return eigenvalues(by_mass(problem, J.dense()))
    values = eigenvalues(by_mass(problem, deflated(problem, J, y, -_AWAY).dense()))
    return np.delete(values, np.argsort(np.abs(values - _AWAY))[:kept])


def _with_history(problem: Problem, y: np.ndarray) -> np.ndarray:
    """Eigenvalues with delayed scalars: their pasts are polynomials on Chebyshev points, transported to the left.

    Unknowns (y, s at the points below 0); at 0, s = G y + Gamma s(-d). Good to about 1e-10 for |lambda| d < 10.
    """
    parts, kept = Delayed.at(problem, y), len(conservation(problem))
    D, k, n = chebyshev(_CHEBYSHEV), len(parts.delays), problem.size
    m = _CHEBYSHEV
    A = np.zeros((n + k * m, n + k * m))
    J = parts.instantaneous
    A[:n, :n] = by_mass(problem, deflated(problem, J, y, -_AWAY).dense() if kept else J.dense())
    lag = [n + j * m + m - 1 for j in range(k)]  # where s_j(-d_j) stands
    A[:n, lag] += by_mass(problem, parts.U)
    for j in range(k):
        own, speed = slice(n + j * m, n + (j + 1) * m), 2 / parts.delays[j]
        A[own, own] += speed * D[1:, 1:]
        A[own, :n] += speed * D[1:, :1] * parts.G[j]
        A[own, lag] += speed * D[1:, :1] * parts.Gamma[j]
    for j in np.flatnonzero(parts.emptying):  # what R holds beyond int_{-d}^0 s returns quickly
        column, mean = by_mass(problem, parts.U[:, j : j + 1]), clenshaw_curtis(m) / 2
        A[:n, :n] += column * (parts.E[j] - AWAY * parts.delays[j] * mean[0] * parts.G[j])
        A[:n, n + j * m : n + (j + 1) * m] -= AWAY * parts.delays[j] * column * mean[1:]
        A[:n, lag] -= AWAY * parts.delays[j] * mean[0] * column * parts.Gamma[j]
    values = eigenvalues(A)
    return np.delete(values, np.argsort(np.abs(values - _AWAY))[:kept])


def chebyshev(m: int) -> np.ndarray:
    """Differentiation matrix on the m + 1 points cos(k pi / m), k = 0 ... m, from 1 down to -1.

    Source: Trefethen, Spectral Methods in MATLAB (SIAM 2000), program 6.
    """
    x = np.cos(np.pi * np.arange(m + 1) / m)
    c = np.r_[2.0, np.ones(m - 1), 2.0] * (-1.0) ** np.arange(m + 1)
    D = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(m + 1))
    return D - np.diag(D.sum(axis=1))


def clenshaw_curtis(m: int) -> np.ndarray:
    """Weights on the points of `chebyshev`, m even: exact for polynomials of degree m on [-1, 1]."""
    k = np.arange(m + 1)
    even = np.arange(0, m + 1, 2)
    modes = np.where((even == 0) | (even == m), 0.5, 1.0) * 2 / (1.0 - even**2)
    weights = 2 / m * (np.cos(np.pi * np.outer(k, even) / m) @ modes)
    weights[[0, -1]] /= 2
    return weights


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
