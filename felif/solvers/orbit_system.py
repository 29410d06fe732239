"""One Newton step for a periodic orbit M y' = T F(y; p), y(1) = y(0), on a time mesh: pieces condensed, the rest by
GMRES.

Eliminating the points of every piece leaves the start y_0, the period T, one parameter, and, where scalars act with a
delay, their series over the period. A product with that system is one sweep over the pieces; the monodromy matrix is
compact, so that few are needed. `theta` is the parameter: p = start + theta * direction in a Family.

Neurons that a dead time D keeps silent are R = int_{t-D}^t N. R' = N(t) - N(t - D) leaves a constant open: R is stated
at the start of the orbit (`Silent`), as what is conserved is.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from ..algebra import Linearisations, SingularMatrix
from ..problem import Infeasible, NotConverged, Problem, State
from .border import carriers, conservation
from .collocation import TimeMesh, collocated
from .family import Family
from .orbit_points import delayed_names, linearisations, mass_times, past
from .tuning import ORBITS

_INNER = 0.01  # of the tolerance of a correction: what the pieces may miss


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

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """(times, states) at all points, piece by piece."""
        return self.period * self.mesh.points.ravel(), np.moveaxis(self.Y, 1, 2).reshape(-1, self.Y.shape[1])

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


def on_mesh_for(problem: Problem, orbit: Orbit, offer: Callable) -> Problem:
    """The problem on a mesh for every state that ends a piece: `offer(problem, y, t)` is (problem, ...) or None."""
    new, moving = problem, past(problem, orbit)
    for end, piece in zip(orbit.mesh.ends[1:], orbit.Y, strict=True):
        offered = offer(moving, carried(problem, new, np.ascontiguousarray(piece[:, -1])), orbit.period * end)
        if offered:
            new = offered[0].with_history(None)
            moving = past(new, orbit)
    return new


@dataclass(frozen=True, eq=False)
class Silent:
    """R(0) = int_{-D}^0 N: the `place` of R in y, the `series` of N; what the integral is, and its derivatives."""

    place: int
    series: int
    length: float  # D, in periods
    value: float
    weights: np.ndarray
    by_period: float
    by_theta: float

    def change(self, y: np.ndarray, S: np.ndarray, period: float, theta: float) -> float:
        """Of R(0) less the integral."""
        integral = float(np.vdot(self.weights, S[:, self.series]))
        return float(y[self.place]) - integral - self.by_period * period - self.by_theta * theta


def silent(problem: Problem, orbit: Orbit, moved: Problem | None = None) -> list[Silent]:
    """Of every dead time of the problem; `moved`: the problem at theta + ORBITS.difference."""
    found, mesh, T = [], orbit.mesh, orbit.period
    names = delayed_names(problem)
    for name, number in problem.held.items():
        of, lag = problem.delays[name]
        k, length = names.index(of), lag / T
        weights = mesh.over_last(length).sum(axis=0)
        mean = float(np.vdot(weights, orbit.S[:, k]))
        edge = float(mesh.evaluate(orbit.S[:, k : k + 1], np.array([-length]))[0, 0])
        change = 0.0 if moved is None else (moved.delays[name][1] - lag) / ORBITS.difference
        place = problem.layout.offsets[number]
        found.append(Silent(place, k, length, T * mean, T * weights, mean - length * edge, edge * change))
    return found


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
        inputs = problem.delays or {}
        self.rows = [problem.scalar_names.index(name) for name in self.names]
        self.F_theta, self.s_theta = np.zeros(orbit.Y.shape), np.zeros((len(mesh.widths), len(self.names), mesh.s))
        found = linearisations(problem, *orbit.samples, True)
        self.F, self.s = self._by_pieces(found)
        self.G = found.gradients[:, self.rows].reshape(*mesh.points.shape, len(self.names), orbit.Y.shape[1])
        changes = [found.by_inputs[name] for name in inputs]
        self.U = np.array([self._pieces(dF) for dF, _ in changes]).reshape(len(inputs), *orbit.Y.shape)
        all_of = np.zeros((len(inputs), mesh.points.size, len(problem.scalar_names)))
        for q, (_, ds) in enumerate(changes):
            all_of[q, :, : ds.shape[1]] = ds
        self.Gamma = np.array([self._pieces(one[:, self.rows]) for one in all_of]).reshape(len(inputs), *self.s.shape)
        self.pieces = collocated(mesh, problem.mass, found, self.scale)
        moved = line.at(orbit.theta + ORBITS.difference) if with_theta else None
        self.silent = silent(self.problem, orbit, moved)
        if moved is not None:
            self._differentiate(moved)
        self.residual = self._residual()
        self._lags(inputs)

    def _pieces(self, values: np.ndarray) -> np.ndarray:
        """(points, k) as (m, k, s)."""
        return np.moveaxis(values.reshape(*self.mesh.points.shape, values.shape[1]), 2, 1)

    def _by_pieces(self, found: Linearisations) -> tuple[np.ndarray, np.ndarray]:
        """(F, the delayed scalars) piece by piece."""
        return np.ascontiguousarray(self._pieces(found.F)), self._pieces(found.scalars[:, self.rows])

    def _residual(self) -> np.ndarray:
        starts = self.mesh.with_starts(self.orbit.Y) @ self.mesh.D.T
        scale = self.orbit.period * self.mesh.widths
        return mass_times(self.mass, starts) - scale[:, None, None] * self.F

    def at(self, line: Line, orbit: Orbit, totals: np.ndarray) -> Linearised:
        """The residuals of an orbit nearby, with the derivative as it is here."""
        new = copy(self)
        new.orbit, new.problem = orbit, line.at(orbit.theta)
        new.missing, new.silent = totals - self.C @ orbit.start, silent(new.problem, orbit)
        new.F, new.s = new._by_pieces(linearisations(past(new.problem, orbit), *orbit.samples, False))
        new.residual = new._residual()
        return new

    def _differentiate(self, moved: Problem) -> None:
        """F and the delayed scalars by theta, by the difference to the problem at theta + ORBITS.difference."""
        problem = past(moved, self.orbit)
        F, s = self._by_pieces(linearisations(problem, *self.orbit.samples, False))
        self.F_theta, self.s_theta = (F - self.F) / ORBITS.difference, (s - self.s) / ORBITS.difference

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
            dY = self.pieces.sweep(y0, self.forcing(dT, dtheta, dlag) + right, _INNER * tolerance)
            left = [y0 - dY[-1, :, -1] + self.E @ (self.C @ y0)]
            for one in self.silent:
                left[0][one.place] += one.change(y0, dS, dT, dtheta)
            left.append((dS - self.scalars_of(dY, dlag, dtheta)).ravel())
            step = replace(self.orbit, Y=dY, S=dS, period=dT, theta=dtheta)
            left.append([product(row, step) for row, _ in rows])
            return np.concatenate(left), dY

        size = n + m * k * s + 2
        zero = np.zeros(size)
        start = self.E @ self.missing
        for one in self.silent:
            start[one.place] -= self.orbit.start[one.place] - one.value
        wanted = np.concatenate([start, (self.s - self.orbit.S).ravel(), [value for _, value in rows]])
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
    rows = mass_times(line.at(at.theta).mass, at.mesh.derivative(slope.Y) * at.mesh.weights[:, None, :])
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
        for iteration in range(1, ORBITS.newton + 1):
            gone = guess.plus(orbit, -1.0)
            rows = [(row, product(row, gone)) for row in (phase, place)]
            forcing = max(1e-10, min(1e-4, 0.01 * previous))  # what is solved beyond that, Newton undoes
            if system is None or previous > ORBITS.near:
                system = None  # before the next one is made: factors of planes take gigabytes
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
