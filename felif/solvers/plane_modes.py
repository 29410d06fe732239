"""Eigenvalues over (v, w): every line w = const by itself, coupled by the one number Nbar, or by transport too.

Without learning J = A + u g^T, A a matrix for each line, u = dF/dNbar and g = dNbar/dy. Every line conserves its own
mass: as many zeros as lines, none of which is returned. With the eigenvalues lambda_k of the lines and
gamma_k = (g.r_k)(l_k.u), those of J are the roots of 1 = sum_k gamma_k / (lambda - lambda_k): some alone, most of them
between those of neighbouring lines, which become dense as lines do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, gmres

from ..problem import NotConverged, Problem
from .tuning import PLANES


def leading_on_lines(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(eigenvalues, eigenvectors) of J x = lambda M x with the largest real parts, conserved modes removed.

    With learning by Arnoldi's method, transport across the lines by GMRES on top of the lines. Raises NotConverged, and
    ValueError for a problem that is not made of lines or too large.
    """
    if problem.line_matrices is None:
        raise ValueError(f"spectrum: {problem.space} has no lines; allowed is a problem made with Tensor()")
    if problem.lines_stay:
        return _coupled(problem, t, y, count)
    return _dense(problem, t, y, count) if problem.size <= PLANES.dense else _arnoldi(problem, t, y, count)


def _coupled(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    n, lines = problem.shape
    if n * n * lines > PLANES.largest:
        raise ValueError(
            f"spectrum: {lines} lines with {n} unknowns each; allowed are {PLANES.largest:.0g} entries in their "
            "matrices: take a larger tol"
        )
    values, right, left = _modes_of_lines(problem, t, y)
    u, g = problem.coupling(t, y)
    drive = np.einsum("lki,il->lk", left, problem.plane(u) / np.outer(problem.v_weights, problem.w_weights))
    read = np.einsum("lik,il->lk", right, problem.plane(g))
    gamma = drive * read
    order = np.argsort(-values.real, axis=None)
    kept, rest = order[: max(PLANES.kept, 2 * count)], order[max(PLANES.kept, 2 * count) :]
    poles, strengths = values.ravel()[kept], gamma.ravel()[kept]
    found, background = poles, 0.0
    for _ in range(3):
        # the eigenvalues of diag(poles) + 1 strengths^T / (1 - background) are the roots
        found = np.linalg.eigvals(np.diag(poles) + strengths / (1.0 - background))
        top = found[np.argmax(found.real)]
        background = np.sum(gamma.ravel()[rest] / (top - values.ravel()[rest]))
    found = found[np.lexsort((-found.imag, -np.round(found.real, 9)))]
    found = np.where(np.abs(found.imag) < 1e-9 * (1 + np.abs(found)), found.real, found)
    last = min(count, len(found))
    last += last < len(found) and found[last - 1].imag > 0  # the other of a pair
    return found[:last], np.array([_mode(value, values, right, drive, read) for value in found[:last]])


def _mode(value: complex, values: np.ndarray, right: np.ndarray, drive: np.ndarray, read: np.ndarray) -> np.ndarray:
    """The eigenvector sum_k drive_k r_k / (lambda - lambda_k); the nearest line's share makes the sum of gammas 1."""
    distance = value - values
    nearest = np.unravel_index(np.argmin(np.abs(distance)), distance.shape)
    distance[nearest] = np.inf
    shares = drive / distance
    rest = 1.0 - np.sum(shares * read)
    if read[nearest] != 0:
        shares[nearest] = rest / read[nearest]
    shares = shares / np.abs(shares).max()
    return np.einsum("lik,lk->il", right, shares).ravel()


def _modes_of_lines(problem: Problem, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(lambda, r, l) of every line but for its conserved mass: (lines, n - 1), (lines, n, n - 1), (lines, n - 1, n).

    In the variable that is balanced by the stationary density the line's own part is nearly symmetric.
    """
    matrices = problem.line_matrices(t, y)
    p = np.maximum(problem.plane(y).T, 0.0)
    profile = p / np.maximum(p.max(axis=1, keepdims=True), 1e-300)
    scale = np.sqrt(np.maximum(profile, 1e-12) / problem.v_weights)
    values, right = np.linalg.eig(matrices * scale[:, None, :] / scale[:, :, None])
    left = np.linalg.inv(right)
    right, left = right * scale[:, :, None], left / scale[:, None, :]
    zero = np.argmin(np.abs(values), axis=1)
    keep = np.arange(values.shape[1])[None] != zero[:, None]
    lines, n = values.shape
    swapped = right.transpose(0, 2, 1)
    return (
        values[keep].reshape(lines, n - 1),
        swapped[keep].reshape(lines, n - 1, n).transpose(0, 2, 1),
        left[keep].reshape(lines, n - 1, n),
    )


def _dense(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    jacobian = _jacobian(problem, t, y, PLANES.small)
    matrix = np.array([jacobian(unit) for unit in np.eye(problem.size)]).T / problem.mass.data[0][:, None]
    values, vectors = np.linalg.eig(matrix)
    kept = np.argsort(np.abs(values))[1:]  # without the mass
    return _leading(values[kept], vectors[:, kept], count)


def _leading(values: np.ndarray, vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((-values.imag, -np.round(values.real, 9)))
    last = min(count, len(order))
    last += last < len(order) and values[order[last - 1]].imag > 1e-9  # the other of a pair
    return values[order[:last]], vectors[:, order[:last]].T


def _arnoldi(problem: Problem, t: float, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    mass, n = problem.mass.data[0], problem.size
    factored = problem.implicit_part(t, y).factor(PLANES.shift)
    solve = _with_transport(problem, t, y, factored)
    whole = y / (mass @ y)

    def project(x: np.ndarray) -> np.ndarray:
        """Onto perturbations without mass."""
        return x - whole * (mass @ x)

    operator = LinearOperator((n, n), matvec=lambda x: project(solve(mass * project(x))), dtype=float)
    start = project(np.random.default_rng(1).normal(size=n) * np.abs(y))
    try:
        values, vectors = eigs(operator, min(count + 2, n - 2), v0=start, ncv=min(n, 60), maxiter=20, tol=1e-7)
    except ArpackNoConvergence as error:
        if len(error.eigenvalues) < count:
            raise NotConverged(f"spectrum: {len(error.eigenvalues)} of {count} eigenvalues converged") from error
        values, vectors = error.eigenvalues, error.eigenvectors
    return _leading(PLANES.shift - 1.0 / values, vectors, count)


def _with_transport(problem: Problem, t: float, y: np.ndarray, factored: Any) -> Any:
    """x -> (shift M - J)^-1 x, J with the transport across the lines, linearised by differences."""
    mass, n, jacobian = problem.mass.data[0], problem.size, _jacobian(problem, t, y)
    matrix = LinearOperator((n, n), matvec=lambda x: PLANES.shift * mass * x - jacobian(x), dtype=float)
    preconditioner = LinearOperator((n, n), matvec=factored.solve, dtype=float)

    def solve(b: np.ndarray) -> np.ndarray:
        x, info = gmres(matrix, b, rtol=1e-7, restart=80, maxiter=10, M=preconditioner)
        if info:
            raise NotConverged("spectrum: transport across the lines did not converge; try fewer cells of w")
        return x

    return solve


def _jacobian(problem: Problem, t: float, y: np.ndarray, step: float = PLANES.difference) -> Any:
    """x -> J x by central differences: the flux between cells has no derivative of a closed form."""
    size = float(np.abs(y).max())

    def product(x: np.ndarray) -> np.ndarray:
        h = step * size / max(float(np.abs(x).max()), 1e-300)
        return (problem.rate(t, y + h * x) - problem.rate(t, y - h * x)) / (2 * h)

    return product
