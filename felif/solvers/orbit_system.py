"""One Newton step for a periodic orbit M y' = T F(y; p), y(1) = y(0), on a time mesh: pieces condensed, the rest by
GMRES.

Eliminating the points of every piece leaves the start y_0, the period T, one parameter, and, where scalars act with a
delay, their series over the period. A product with that system is one sweep over the pieces; the monodromy matrix is
compact, so that few are needed. `theta` is the parameter: p = start + theta * direction in a Family.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from ..algebra import SingularMatrix
from ..problem import Infeasible, NotConverged, Problem, State
from .collocation import TimeMesh, piece_factors
from .family import Family
from .newton import carriers, conservation

_DIFFERENCE = 1e-6  # in theta: what it leaves out of the derivative, further iterations make good
_NEAR = 1e-3  # a step so small, relative to the orbit, leaves the derivative as it is for the next
_NEWTON = 10


@dataclass(frozen=True, eq=False)
class Line:
    """A family of problems along a line of parameters: theta -> problem."""

    family: Family
    direction: np.ndarray

    def at(self, theta: float) -> Problem:
        return self.family.at(self.family.start + theta * self.direction)

    def on(self, problem: Problem) -> Line:
        """The same line on another mesh."""
        start = problem.at(**dict(zip(self.family.names, self.family.start.tolist(), strict=True)))
        return replace(self, family=self.family.on(start))


@dataclass(frozen=True, eq=False)
class Orbit:
    """Y (m, size, s) at the points of the mesh, the period, theta, and the series S (m, k, s) of delayed scalars."""

    mesh: TimeMesh
    Y: np.ndarray
    period: float
    theta: float
    S: np.ndarray

    @property
    def start(self) -> np.ndarray:
        return self.Y[-1, :, -1]

    def plus(self, other: Orbit, factor: float) -> Orbit:
        return replace(
            self,
            Y=self.Y + factor * other.Y,
            S=self.S + factor * other.S,
            period=self.period + factor * other.period,
            theta=self.theta + factor * other.theta,
        )

    def on(self, mesh: TimeMesh) -> Orbit:
        return replace(self, mesh=mesh, Y=self.mesh.moved(self.Y, mesh), S=self.mesh.moved(self.S, mesh))

    def carried(self, old: Problem, new: Problem) -> Orbit:
        """The same functions of v and time on another mesh of v."""
        return replace(self, Y=np.stack([[carried(old, new, y) for y in piece.T] for piece in self.Y]).swapaxes(1, 2))


def carried(old: Problem, new: Problem, y: np.ndarray) -> np.ndarray:
    return y if new is old else new.received(State(old, 0.0, np.ascontiguousarray(y)))


def delayed_names(problem: Problem) -> tuple[str, ...]:
    """The scalars that act with a delay."""
    return tuple(dict.fromkeys(name for name, _ in problem.delays.values()))


def past(problem: Problem, orbit: Orbit) -> Problem:
    """The problem whose delayed scalars are those of the orbit."""
    names = delayed_names(problem)
    if not names:
        return problem
    series = {name: orbit.mesh.function(orbit.S[:, k]) for k, name in enumerate(names)}
    return problem.with_history(lambda name, t: series[name](t / orbit.period))


def on_mesh_for(problem: Problem, orbit: Orbit, offer: Callable) -> Problem:
    """The problem on a mesh for every state that ends a piece: `offer(problem, y, t)` is (problem, ...) or None."""
    new = problem
    for end, piece in zip(orbit.mesh.ends[1:], orbit.Y, strict=True):
        y = carried(problem, new, np.ascontiguousarray(piece[:, -1]))
        offered = offer(past(new, orbit), y, orbit.period * end)
        new = offered[0].with_history(None) if offered else new
    return new


class Linearised:
    """The equations of a periodic orbit at an orbit: residuals, and products with their derivative."""

    def __init__(self, line: Line, orbit: Orbit, totals: np.ndarray, with_theta: bool = True) -> None:
        self.orbit, self.mesh = orbit, orbit.mesh
        self.problem = line.at(orbit.theta)
        problem, mesh, T = past(self.problem, orbit), orbit.mesh, orbit.period
        self.mass, self.scale = problem.mass, T * mesh.widths
        self.C, self.E = conservation(problem), carriers(problem, orbit.start)
        self.missing = totals - self.C @ orbit.start
        self.names = delayed_names(problem)
        m, n, s = orbit.Y.shape
        self.F, self.F_theta = np.empty((m, n, s)), np.zeros((m, n, s))
        k, inputs = len(self.names), problem.delays or {}
        self.inputs = list(inputs)
        self.s, self.s_theta = np.empty((m, k, s)), np.zeros((m, k, s))
        self.G = np.empty((m, s, k, n))
        self.U, self.Gamma = np.empty((len(inputs), m, n, s)), np.zeros((len(inputs), m, k, s))
        self.rows = rows = [problem.scalar_names.index(name) for name in self.names]
        self.factors = []
        for i in range(m):
            jacobians = []
            for j in range(s):
                t, y = self._evaluate(problem, i, j)
                jacobians.append(problem.jacobian(t, y))
                if k:
                    self.G[i, j] = problem.scalar_gradient(t, y)[rows]
                    for q, name in enumerate(self.inputs):
                        self.U[q, i, :, j], slopes = problem.input_derivative(t, y, name)
                        full = np.zeros(len(problem.scalar_names))
                        full[: len(slopes)] = slopes
                        self.Gamma[q, i, :, j] = full[rows]
            self.factors.append(piece_factors(mesh, problem.mass, jacobians, self.scale[i]))
        if with_theta:
            self._differentiate(line)
        self.residual = self._residual()
        self._lags(inputs)

    def _evaluate(self, problem: Problem, i: int, j: int) -> tuple[float, np.ndarray]:
        """Sets F and the delayed scalars at one point, (t, y)."""
        t, y = self.orbit.period * self.mesh.points[i, j], np.ascontiguousarray(self.orbit.Y[i, :, j])
        self.F[i, :, j] = problem.rate(t, y)
        if self.rows:
            self.s[i, :, j] = problem.scalars(t, y)[self.rows]
        return t, y

    def _residual(self) -> np.ndarray:
        starts = self.mesh.with_starts(self.orbit.Y) @ self.mesh.D.T
        scale = self.orbit.period * self.mesh.widths
        return self._mass_times(starts) - scale[:, None, None] * self.F

    def at(self, line: Line, orbit: Orbit, totals: np.ndarray) -> Linearised:
        """The residuals of an orbit nearby, with the derivative as it is here."""
        new = copy(self)
        new.orbit, new.problem = orbit, line.at(orbit.theta)
        new.F, new.s, new.missing = np.empty_like(self.F), np.empty_like(self.s), totals - self.C @ orbit.start
        problem = past(new.problem, orbit)
        for i, j in np.ndindex(*self.mesh.points.shape):
            new._evaluate(problem, i, j)
        new.residual = new._residual()
        return new

    def _mass_times(self, Y: np.ndarray) -> np.ndarray:
        if self.mass.kl == self.mass.ku == 0:
            return self.mass.data[0][:, None] * Y
        return np.stack([[self.mass @ np.ascontiguousarray(y) for y in piece.T] for piece in Y]).swapaxes(1, 2)

    def _differentiate(self, line: Line) -> None:
        """F and the delayed scalars by theta, by differences."""
        orbit = self.orbit
        further = replace(orbit, theta=orbit.theta + _DIFFERENCE)
        ahead = copy(self)
        ahead.orbit, ahead.F, ahead.s = further, self.F_theta, self.s_theta
        problem = past(line.at(further.theta), orbit)
        for i, j in np.ndindex(*self.mesh.points.shape):
            ahead._evaluate(problem, i, j)
        self.F_theta = (self.F_theta - self.F) / _DIFFERENCE
        self.s_theta = (self.s_theta - self.s) / _DIFFERENCE

    def _lags(self, inputs: dict[str, tuple[str, float]]) -> None:
        """Of each delayed input: which series, the matrix (m s, m s) that reads it, its derivative by the period."""
        mesh, orbit = self.mesh, self.orbit
        m, s = mesh.points.shape
        self.lags = []
        for name, delay in inputs.values():
            k = self.names.index(name)
            piece, place = mesh.locate(mesh.points.ravel() - delay / orbit.period)
            basis, read = mesh.basis(place), np.zeros((m * s, m, s))
            row = np.arange(m * s)
            np.add.at(read, (row[:, None], piece[:, None], np.arange(s)), basis[:, 1:])
            np.add.at(read, (row, (piece - 1) % m, s - 1), basis[:, 0])
            slope = mesh.evaluate(mesh.derivative(orbit.S[:, k : k + 1]), mesh.points.ravel() - delay / orbit.period)
            self.lags.append((k, read.reshape(m * s, m * s), slope[:, 0] * delay / orbit.period**2))

    def sweep(self, y0: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
        """Perturbation of all points from that of the start and right-hand sides (m, size, s)."""
        m, n, s = self.orbit.Y.shape
        result, y = np.empty((m, n, s)), y0
        for i, (factored, D0) in enumerate(self.factors):
            b = -np.outer(self.mass @ y, D0)
            if right is not None:
                b += right[i]
            result[i] = factored.solve(b.ravel()).reshape(n, s)
            y = np.ascontiguousarray(result[i, :, -1])
        return result

    def lagged(self, dS: np.ndarray, dT: float) -> np.ndarray:
        """Perturbations of the delayed inputs, shape (inputs, m, s)."""
        shape = self.mesh.points.shape
        return np.array([(read @ dS[:, k].ravel() + slope * dT).reshape(shape) for k, read, slope in self.lags])

    def forcing(self, dT: float, dtheta: float, dlag: np.ndarray) -> np.ndarray:
        right = self.mesh.widths[:, None, None] * self.F * dT
        if dtheta:
            right = right + self.scale[:, None, None] * self.F_theta * dtheta
        for U, lag in zip(self.U, dlag, strict=True):
            right = right + self.scale[:, None, None] * U * lag[:, None, :]
        return right

    def scalars_of(self, dY: np.ndarray, dlag: np.ndarray, dtheta: float) -> np.ndarray:
        """Perturbations of the delayed scalars, shape (m, k, s)."""
        total = np.einsum("mskn,mns->mks", self.G, dY) + self.s_theta * dtheta
        for Gamma, lag in zip(self.Gamma, dlag, strict=True):
            total += Gamma * lag[:, None, :]
        return total

    def newton_step(self, rows: list[tuple[Orbit, float]], tolerance: float = 1e-9) -> Orbit:
        """The correction (as an Orbit) that makes the residuals vanish and satisfies `row . correction = value` for two
        rows, given as orbits: the phase and the place on the branch. Raises NotConverged."""
        m, n, s = self.orbit.Y.shape
        k = len(self.names)

        def unpack(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
            return x[:n], x[n : n + m * k * s].reshape(m, k, s), float(x[-2]), float(x[-1])

        def equations(x: np.ndarray, right: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
            """(left-hand sides, dY) for stage right-hand sides `right` on top of what x causes."""
            y0, dS, dT, dtheta = unpack(x)
            dlag = self.lagged(dS, dT)
            dY = self.sweep(y0, self.forcing(dT, dtheta, dlag) + right)
            left = [y0 - dY[-1, :, -1] + self.E @ (self.C @ y0)]
            left.append((dS - self.scalars_of(dY, dlag, dtheta)).ravel())
            step = replace(self.orbit, Y=dY, S=dS, period=dT, theta=dtheta)
            left.append([product(row, step) for row, _ in rows])
            return np.concatenate(left), dY

        size = n + m * k * s + 2
        zero = np.zeros(size)
        wanted = np.concatenate([self.E @ self.missing, (self.s - self.orbit.S).ravel(), [value for _, value in rows]])
        right = wanted - equations(zero, -self.residual)[0]
        operator = LinearOperator((size, size), matvec=lambda x: equations(x, 0.0)[0], dtype=float)
        x, failed = gmres(operator, right, rtol=tolerance, atol=1e-14, restart=min(size, 120), maxiter=2)
        if failed and np.linalg.norm(operator @ x - right) > 1e-3 * np.linalg.norm(right):
            raise NotConverged("GMRES did not converge for a correction of the periodic orbit")
        _, dY = equations(x, -self.residual)
        _, dS, dT, dtheta = unpack(x)
        return replace(self.orbit, Y=dY, S=dS, period=dT, theta=dtheta)


def product(row: Orbit, step: Orbit) -> float:
    """The Euclidean product of two orbits as vectors."""
    total = np.vdot(row.Y, step.Y) + row.period * step.period + row.theta * step.theta
    return float(total + (np.vdot(row.S, step.S) if row.S.size else 0.0))


def phase_row(line: Line, at: Orbit, slope: Orbit) -> Orbit:
    """The row of int (Y, M slope') dt, which fixes the phase."""
    problem = line.at(at.theta)
    rates = at.mesh.derivative(slope.Y) * at.mesh.weights[:, None, :]
    rows = np.stack([[problem.mass @ np.ascontiguousarray(r) for r in piece.T] for piece in rates]).swapaxes(1, 2)
    size = np.sqrt(max(np.vdot(rows, rows), 1e-300))
    return replace(at, Y=rows / size, S=np.zeros_like(at.S), period=0.0, theta=0.0)


def correct_orbit(
    line: Line, totals: np.ndarray, guess: Orbit, phase: Orbit, place: Orbit | None, exact: bool = False
) -> tuple[Orbit, int]:
    """(the orbit nearest to a guess with the guess's phase and place, iterations); place = None: at its theta.

    `exact`: until little more than rounding is left. Raises NotConverged.
    """
    orbit, previous, system = guess, np.inf, None
    with_theta = place is not None
    place = place or replace(guess, Y=np.zeros_like(guess.Y), S=np.zeros_like(guess.S), period=0.0, theta=1.0)
    try:
        for iteration in range(1, _NEWTON + 1):
            gone = guess.plus(orbit, -1.0)
            rows = [(row, product(row, gone)) for row in (phase, place)]
            forcing = max(1e-10, min(1e-4, 0.01 * previous))  # what is solved beyond that, Newton undoes
            if system is None or previous > _NEAR:
                system = Linearised(line, orbit, totals, with_theta)
            else:
                system = system.at(line, orbit, totals)
            step = system.newton_step(rows, forcing)
            size = float(np.abs(step.Y).max() / np.abs(orbit.Y).max() + abs(step.period) / orbit.period)
            if not size < 1e3 or (size > 2 * previous and size > 1e-4) or orbit.period + step.period <= 0:
                break
            orbit = orbit.plus(step, 1.0)
            if size <= (1e-10 if exact else 1e-5) or (size < 1e-7 and size > 0.3 * previous):
                return orbit, iteration
            previous = size
    except (Infeasible, SingularMatrix) as error:
        raise NotConverged(f"no periodic orbit: {error}") from error
    raise NotConverged(f"Newton's method for a periodic orbit did not converge (last change {size:.1e})")
