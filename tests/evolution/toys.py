"""Problems of ten lines for the integrator: M dy/dt = F(t, y) with known solutions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from felif.algebra import Band, BandLowRank
from felif.problem import Infeasible, Problem


class Toy(Problem):
    """Defaults: no scalars, nothing conserved, unit mass matrix, a full (small) Jacobian."""

    @property
    def mass(self):
        return Band.diagonal(np.ones(self.size))

    def scalars(self, t, y):
        return np.zeros(0)

    def scalar_gradient(self, t, y):
        return np.zeros((0, self.size))

    def observe(self, t, y):
        return {"y0": float(y[0])}

    def frozen(self, t, y):
        return None

    def adapted(self, t, y):
        return None


def full(matrix) -> BandLowRank:
    """A small dense matrix as a band that is as wide as it."""
    matrix = np.atleast_2d(np.asarray(matrix, float))
    n = len(matrix)
    rows, cols = np.indices((n, n)).reshape(2, -1)
    band = Band.from_coo(rows, cols, matrix.ravel(), n, n - 1, n - 1)
    return BandLowRank(band, np.zeros((n, 0)), np.zeros((0, n)))


class Smooth(Toy):
    """M (u, v)' = M f with u' = -2 t u^2, v' = u cos t - 2 t u v: u = 1/(1+t^2), v = u sin t. M is not diagonal."""

    size = 2
    M = np.array([[2.0, 1.0], [0.0, 3.0]])

    @property
    def mass(self):
        return Band(np.array([[0.0, 1.0], [2.0, 3.0]], order="F"), 0, 1)

    def exact(self, t):
        return np.array([1.0, np.sin(t)]) / (1 + t * t)

    def rate(self, t, y):
        u, v = y
        return self.M @ [-2 * t * u * u, u * np.cos(t) - 2 * t * u * v]

    def jacobian(self, t, y):
        u, v = y
        return full(self.M @ [[-4 * t * u, 0.0], [np.cos(t) - 2 * t * v, -2 * t * u]])

    def time_derivative(self, t, y, step):
        u, v = y
        return self.M @ [-2 * u * u, -u * np.sin(t) - 2 * u * v]


@dataclass
class Stiff(Toy):
    """y' = stiffness (cos t - y) - sin t with y = cos t + (y0 - 1) exp(-stiffness t)."""

    stiffness: float = 1e6
    size: int = 1

    def rate(self, t, y):
        return self.stiffness * (np.cos(t) - y) - np.sin(t)

    def jacobian(self, t, y):
        return full(-self.stiffness)

    def time_derivative(self, t, y, step):
        return np.array([-self.stiffness * np.sin(t) - np.cos(t)])


class Diffusion(Toy):
    """Finite volumes for u_t = (a(N) u_x)_x + N (delta_middle - delta_end): conservative, stiff, nonlinear.

    N = u_last / width is the flux out of the last cell, put back in the middle; a = 1 + strength N.
    M = diag(widths), widths shrinking to the right by `ratio` a cell.
    """

    scalar_names = ("N",)

    def __init__(self, size=80, ratio=0.85, strength=0.1):
        self.size, self.strength = size, strength
        self.widths = np.maximum(ratio ** np.arange(size), 1e-5)
        self.widths /= self.widths.sum()
        self.x = np.cumsum(self.widths) - self.widths / 2
        self.conserved = {"mass": self.widths.copy()}
        self._mass = Band.diagonal(self.widths)
        steps = np.diff(self.x)
        i = np.arange(size - 1)
        rows, cols = np.concatenate([i, i, i + 1, i + 1]), np.concatenate([i, i + 1, i, i + 1])
        values = np.concatenate([-1 / steps, 1 / steps, 1 / steps, -1 / steps])
        self._laplace = Band.from_coo(rows, cols, values, size, 1, 1)
        self._exchange = np.zeros(size)
        self._exchange[np.searchsorted(self.x, 0.5)], self._exchange[-1] = 1.0, -1.0
        self._row = np.zeros((1, size))
        self._row[0, -1] = 2.0 / self.widths[-1]

    @property
    def mass(self):
        return self._mass

    def start(self):
        u = (1 - self.x) * np.exp(-20 * (self.x - 0.5) ** 2)
        return u / (self.widths @ u)

    def scalars(self, t, y):
        return self._row @ y

    def scalar_gradient(self, t, y):
        return self._row

    def rate(self, t, y):
        N = self._row[0, -1] * y[-1]
        return (1 + self.strength * N) * (self._laplace @ y) + N * self._exchange

    def jacobian(self, t, y):
        N = self._row[0, -1] * y[-1]
        column = self._exchange + self.strength * (self._laplace @ y)
        return BandLowRank(Band((1 + self.strength * N) * self._laplace.data, 1, 1), column[:, None], self._row)

    def observe(self, t, y):
        return {"N": float(self._row[0, -1] * y[-1]), "mass": float(self.widths @ y), "min": float(y.min())}

    def frozen(self, t, y):
        N = self._row[0, -1] * y[-1]
        band = Band((1 + self.strength * N) * self._laplace.data, 1, 1)
        band.data[1, -1] -= self._row[0, -1]  # the loss through the end; its gain in the middle is the low-rank part
        gain = np.maximum(self._exchange, 0.0)[:, None]
        return BandLowRank(band, gain, self._row)


@dataclass
class Explosion(Toy):
    """y' = y^3 with N = y: y = (2 (T - t))^(-1/2), T = 1/(2 y0^2), until `feasible_below`."""

    feasible_below: float = np.inf
    size: int = 1
    scalar_names: tuple = ("N",)

    def rate(self, t, y):
        if y[0] >= self.feasible_below:
            raise Infeasible("no rate")
        return y**3

    def jacobian(self, t, y):
        return full(3 * y[0] ** 2)

    def scalars(self, t, y):
        if y[0] >= self.feasible_below:
            raise Infeasible("no rate")
        return y.copy()

    def scalar_gradient(self, t, y):
        return np.ones((1, 1))

    def margin(self, t, y):
        return 1.0 - y[0] / self.feasible_below

    def observe(self, t, y):
        return {"N": float(y[0])}


@dataclass
class Switched(Toy):
    """y' = current(t): continuous where `current` jumps. `seen` keeps the times the integrator asked for."""

    current: object = None
    size: int = 1
    seen: list = field(default_factory=list)

    def rate(self, t, y):
        self.seen.append(t)
        return np.array([self.current(t)]) - y

    def jacobian(self, t, y):
        return full(-1.0)

    def time_derivative(self, t, y, step):
        self.seen += [t, t + step]
        return np.array([(self.current(t + step) - self.current(t)) / step])


class Oscillator(Toy):
    """x' = v, v' = -x: x = cos t, v = -sin t."""

    size = 2
    scalar_names = ()

    def rate(self, t, y):
        return np.array([y[1], -y[0]])

    def jacobian(self, t, y):
        return full([[0.0, 1.0], [-1.0, 0.0]])
