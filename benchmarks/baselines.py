"""What a user would write by hand for one noisy integrate-and-fire network, as well as it can be done in 30-50 lines.

Finite volumes on a uniform or graded mesh with central fluxes, integrated by scipy's `solve_ivp`; and
Scharfetter-Gummel fluxes with backward Euler or Crank-Nicolson. Both:

    n_t + ((-v + b N) n)_v - n_vv = N delta(v - V_R),   n(V_F) = 0,   N = -n_v(V_F),   n(0) ~ exp(-2 v^2) on v < V_F.

None of this uses felif.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg.lapack import dgtsv
from scipy.sparse import csc_matrix, diags

V_RESET, V_FIRE = 1.0, 2.0


def graded(cells: int, v_min: float, ratio: float) -> np.ndarray:
    """Nodes from v_min to V_F with one at V_R; cell sizes fall smoothly by `ratio` from the left end to V_F."""
    x = np.linspace(0.0, 1.0, cells + 1)
    growth = np.log(ratio)
    shape = x if ratio == 1 else np.expm1(-growth * x) / np.expm1(-growth)
    nodes = v_min + (V_FIRE - v_min) * shape
    at = int(np.argmin(np.abs(nodes - V_RESET)))
    # a smooth map of the interval onto itself that moves the nearest node to V_R keeps second order
    s, target = (nodes[at] - v_min) / (V_FIRE - v_min), (V_RESET - v_min) / (V_FIRE - v_min)
    u = (nodes - v_min) / (V_FIRE - v_min)
    return v_min + (V_FIRE - v_min) * (u + (target - s) * u * (1 - u) / (s * (1 - s)))


def volumes(nodes: np.ndarray) -> tuple:
    """(nodes below V_F, widths, number of V_R, volumes, faces, (g1, g2)) with N = g1 n_last + g2 n_before.

    N = -n_v(V_F) is one-sided, of second order, through n = 0 at V_F.
    """
    v, h = nodes[:-1], np.diff(nodes)
    near, far = h[-1], h[-1] + h[-2]
    volume = np.concatenate([[h[0] / 2], (h[:-1] + h[1:]) / 2])
    slope = far / (near * h[-2]), -near / (far * h[-2])
    return v, h, int(np.argmin(np.abs(nodes - V_RESET))), volume, v + h / 2, slope


def finite_differences(
    b: float, times: np.ndarray, cells: int, ratio: float, v_min: float, rtol: float, method: str = "BDF", dense=False
) -> np.ndarray:
    """N(times) by central finite volumes around the nodes and `solve_ivp(method)` with the analytic Jacobian."""
    v, h, reset, volume, face, (g1, g2) = volumes(graded(cells, v_min, ratio))
    n = len(v)
    # the flux through face i is left[i] n_i + right[i] n_{i+1} + b N (n_i + n_{i+1})/2
    left, right = -face / 2 + 1 / h, -face / 2 - 1 / h
    lower = left[:-1] / volume[1:]
    upper = -right[:-1] / volume[:-1]
    diagonal = -left / volume
    diagonal[1:] += right[:-1] / volume[1:]

    def rate(y: np.ndarray) -> float:
        return g1 * y[-1] + g2 * y[-2]

    def transport(y: np.ndarray) -> np.ndarray:  # d(rhs)/dN without the source
        flux = 0.5 * y
        flux[:-1] += 0.5 * y[1:]
        out = -flux
        out[1:] += flux[:-1]
        return b * out / volume

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        N = rate(y)
        out = diagonal * y
        out[1:] += lower * y[:-1]
        out[:-1] += upper * y[1:]
        if b:
            out += N * transport(y)
        out[reset] += N / volume[reset]
        return out

    d_lower, d_upper, d_diagonal = 0.5 * b / volume[1:], -0.5 * b / volume[:-1], -0.5 * b / volume
    d_diagonal[1:] += 0.5 * b / volume[1:]
    i = np.arange(n)
    rows = np.concatenate([i, i[1:], i[:-1], i, i])
    columns = np.concatenate([i, i[:-1], i[1:], np.full(n, n - 1), np.full(n, n - 2)])

    def jacobian(t: float, y: np.ndarray):
        N = rate(y)
        source = transport(y)
        source[reset] += 1 / volume[reset]
        if dense:
            J = np.diag(diagonal + N * d_diagonal) + np.diag(lower + N * d_lower, -1)
            J += np.diag(upper + N * d_upper, 1)
            J[:, -1] += g1 * source
            J[:, -2] += g2 * source
            return J
        if not b:
            r = np.concatenate([rows[: 3 * n - 2], [reset, reset]])
            c = np.concatenate([columns[: 3 * n - 2], [n - 1, n - 2]])
            values = np.concatenate([diagonal, lower, upper, [g1 * source[reset], g2 * source[reset]]])
            return csc_matrix((values, (r, c)), shape=(n, n))
        values = np.concatenate(
            [diagonal + N * d_diagonal, lower + N * d_lower, upper + N * d_upper, g1 * source, g2 * source]
        )
        return csc_matrix((values, (rows, columns)), shape=(n, n))

    y0 = np.exp(-2 * v**2)
    y0 /= volume @ y0
    run = solve_ivp(
        rhs,
        (0.0, times[-1]),
        y0,
        method=method,
        t_eval=times,
        rtol=rtol,
        atol=1e-3 * rtol,
        jac=jacobian,
        first_step=1e-8,
    )
    return g1 * run.y[-1] + g2 * run.y[-2]


def sparse_matrices(b: float, times: np.ndarray, cells: int, v_min: float, rtol: float) -> np.ndarray:
    """The same on a uniform mesh as a first script has it: a few sparse matrices and `solve_ivp("BDF")`."""
    h = (V_FIRE - v_min) / cells
    v = v_min + h * np.arange(cells)
    reset, face = int(round((V_RESET - v_min) / h)), v + h / 2
    volume = np.full(cells, h)
    volume[0] = h / 2

    def divergence(left: np.ndarray, right: np.ndarray):  # of the flux left n_i + right n_{i+1} through the face i
        here = -left / volume
        here[1:] += right[:-1] / volume[1:]
        return diags([left[:-1] / volume[1:], here, -right[:-1] / volume[:-1]], [-1, 0, 1], format="csc")

    single = divergence(-face / 2 + 1 / h, -face / 2 - 1 / h)
    recurrent = b * divergence(np.full(cells, 0.5), np.full(cells, 0.5))
    source, slope = np.zeros(cells), np.zeros(cells)
    source[reset] = 1 / h
    slope[-1], slope[-2] = 2 / h, -0.5 / h  # N = -n_v(V_F), one-sided, second order
    slope_row = csc_matrix(slope)

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        N = slope @ y
        return single @ y + N * (recurrent @ y) + N * source

    def jacobian(t: float, y: np.ndarray):
        column = csc_matrix((recurrent @ y + source)[:, None])
        return single + (slope @ y) * recurrent + column @ slope_row

    y0 = np.exp(-2 * v**2)
    y0 /= volume @ y0
    run = solve_ivp(rhs, (0.0, times[-1]), y0, "BDF", times, rtol=rtol, atol=1e-3 * rtol, jac=jacobian, first_step=1e-8)
    return slope @ run.y


def bernoulli(z: np.ndarray) -> np.ndarray:
    """z/(e^z - 1)."""
    small = np.abs(z) < 1e-8
    return np.where(small, 1 - z / 2, z / np.expm1(np.where(small, 1.0, z)))


def scharfetter_gummel(
    b: float, times: np.ndarray, cells: int, ratio: float, v_min: float, dt: float, theta: float
) -> np.ndarray:
    """N(times), multiples of dt, by Scharfetter-Gummel fluxes; theta = 1 backward Euler, 1/2 Crank-Nicolson (four small
    backward Euler steps first); the reset by a second right-hand side, b N extrapolated to the new time level."""
    v, h, reset, volume, face, (g1, g2) = volumes(graded(cells, v_min, ratio))
    n = len(v)

    def operator(N: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = (-face + b * N) * h
        up, down = bernoulli(-z) / h, bernoulli(z) / h  # flux = up n_i - down n_{i+1}
        diagonal = -up / volume
        diagonal[1:] -= down[:-1] / volume[1:]
        return up[:-1] / volume[1:], diagonal, down[:-1] / volume[:-1]

    def apply(A: tuple[np.ndarray, np.ndarray, np.ndarray], y: np.ndarray) -> np.ndarray:
        out = A[1] * y
        out[1:] += A[0] * y[:-1]
        out[:-1] += A[2] * y[1:]
        return out

    def step(y, N_old, N_new, dt, theta):
        A = operator(N_new)
        right = np.zeros((n, 2), order="F")
        right[:, 0] = y
        if theta < 1:
            right[:, 0] += (1 - theta) * dt * apply(operator(N_old) if b else A, y)
            right[reset, 0] += (1 - theta) * dt * N_old / volume[reset]
        right[reset, 1] = theta * dt / volume[reset]
        *_, x, _ = dgtsv(-theta * dt * A[0], 1 - theta * dt * A[1], -theta * dt * A[2], right, overwrite_b=1)
        N = (g1 * x[-1, 0] + g2 * x[-2, 0]) / (1 - g1 * x[-1, 1] - g2 * x[-2, 1])
        return x[:, 0] + N * x[:, 1], N

    y = np.exp(-2 * v**2)
    y /= volume @ y
    steps = int(round(times[-1] / dt))
    N = np.zeros(steps + 1)
    before = 0.0
    for k in range(steps):
        if k == 0 and theta < 1:
            current = 0.0
            for _ in range(4):
                y, current = step(y, current, current, dt / 4, 1.0)
            N[1] = current
        else:
            guess = 2 * N[k] - before if k > 1 else N[k]
            y, N[k + 1] = step(y, N[k], guess, dt, theta)
            before = N[k]
    return N[np.rint(times / dt).astype(int)]


def banded(
    times: np.ndarray,
    cells: int,
    ratio: float,
    v_min: float,
    rtol: float,
    b: float = 0.0,
    current: Callable[[float], float] | None = None,
    tau: float = 0.0,
) -> np.ndarray:
    """N(times) on the graded mesh by LSODA with a banded Jacobian, with an input and a refractory state of mean length
    tau. The band leaves out how everything depends on N, which LSODA's iterations make good."""
    v, h, reset, volume, face, (g1, g2) = volumes(graded(cells, v_min, ratio))
    n = len(v)

    def rate(y: np.ndarray) -> np.ndarray:
        return g1 * y[n - 1] + g2 * y[n - 2]

    def coefficients(t: float, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        N = rate(y)
        drift = (-face + b * N + (current(t) if current else 0.0)) / 2
        return N, drift + 1 / h, drift - 1 / h

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        N, left, right = coefficients(t, y)
        flux = left * y[:n]
        flux[:-1] += right[:-1] * y[1:n]
        out = np.empty_like(y)
        out[:n] = -flux
        out[1:n] += flux[:-1]
        out[:n] /= volume
        out[reset] += (y[n] / tau if tau else N) / volume[reset]
        if tau:
            out[n] = N - y[n] / tau
        return out

    def jacobian(t: float, y: np.ndarray) -> np.ndarray:
        _, left, right = coefficients(t, y)
        J = np.zeros((3, len(y)))
        J[1, :n] = -left / volume
        J[1, 1:n] += right[:-1] / volume[1:]
        J[0, 1:n] = -right[:-1] / volume[:-1]
        J[2, : n - 1] = left[:-1] / volume[1:]
        if tau:
            J[1, n] = -1 / tau
        return J

    y0 = np.append(np.exp(-2 * v**2), np.zeros(int(tau > 0)))
    y0[:n] /= volume @ y0[:n]
    how = {"rtol": rtol, "atol": 1e-3 * rtol, "jac": jacobian, "lband": 1, "uband": 1, "first_step": 1e-8}
    return rate(solve_ivp(rhs, (0.0, times[-1]), y0, "LSODA", times, **how).y)
