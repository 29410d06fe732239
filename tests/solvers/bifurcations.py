"""Problems of ten lines for continuation: M dy/dt = F(y; parameters) with known bifurcations."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from felif.algebra import Band, BandLowRank
from felif.problem import Problem


def full(matrix) -> BandLowRank:
    """A small dense matrix as its diagonal plus low rank."""
    matrix = np.atleast_2d(np.asarray(matrix, float))
    diagonal = np.diag(matrix)
    return BandLowRank(Band.diagonal(diagonal.copy()), matrix - np.diag(diagonal), np.eye(len(matrix)))


class Toy(Problem):
    """Defaults: no scalars, nothing conserved, unit mass matrix; a subclass has F and its Jacobian DF."""

    size = 1

    @property
    def mass(self):
        return Band.diagonal(np.ones(self.size))

    def rate(self, t, y):
        return np.array(self.F(y), float)

    def jacobian(self, t, y):
        return full(self.DF(y))

    def parameter_derivative(self, t, y, name):
        stepped = dataclasses.replace(self, **{name: getattr(self, name) + 1e-30j})
        return np.imag(stepped.F(y)) / 1e-30

    def at(self, **parameters):
        return dataclasses.replace(self, **parameters)

    def scalars(self, t, y):
        return np.zeros(0)

    def scalar_gradient(self, t, y):
        return np.zeros((0, self.size))

    def adapted(self, t, y):
        return None


@dataclass(frozen=True)
class Fold(Toy):
    """x' = mu - x^2: a fold at mu = 0, the branch x > 0 stable."""

    mu: float = 1.0

    def F(self, y):
        return [self.mu - y[0] ** 2]

    def DF(self, y):
        return [[-2 * y[0]]]


@dataclass(frozen=True)
class Cubic(Toy):
    """x' = mu + nu x - x^3: folds at mu = -+2 (nu/3)^1.5, x = +-sqrt(nu/3); they meet in a cusp at mu = nu = 0."""

    mu: float = -1.0
    nu: float = 1.0

    def F(self, y):
        return [self.mu + self.nu * y[0] - y[0] ** 3]

    def DF(self, y):
        return [[self.nu - 3 * y[0] ** 2]]


@dataclass(frozen=True)
class Pitchfork(Toy):
    """x' = mu x - x^3, z' = x^2 - z: a branch point at mu = 0 of the trivial branch with x = +-sqrt(mu)."""

    mu: float = -1.0
    size = 2

    def F(self, y):
        return [self.mu * y[0] - y[0] ** 3, y[0] ** 2 - y[1]]

    def DF(self, y):
        return [[self.mu - 3 * y[0] ** 2, 0.0], [2 * y[0], -1.0]]


@dataclass(frozen=True)
class Transcritical(Toy):
    """x' = mu (x - 1) - (x - 1)^2: branches x = 1 and x = 1 + mu cross at mu = 0 and exchange stability."""

    mu: float = -1.0

    def F(self, y):
        u = y[0] - 1
        return [self.mu * u - u**2]

    def DF(self, y):
        return [[self.mu - 2 * (y[0] - 1)]]


@dataclass(frozen=True)
class Circle(Toy):
    """x' = 1 - x^2 - mu^2: a closed branch with folds at mu = -+1."""

    mu: float = 0.0

    def F(self, y):
        return [1 - y[0] ** 2 - self.mu**2]

    def DF(self, y):
        return [[-2 * y[0]]]


@dataclass(frozen=True)
class HopfNormalForm(Toy):
    """z' = (mu + i w) z + (sign + i twist) |z|^2 z, in coordinates in which M is not the identity; conserves nothing.

    Hopf at mu = 0 with frequency w; for sign = -1 supercritical, cycles |z|^2 = mu of period 2 pi / (w + twist mu) and
    Floquet multiplier exp(-2 mu period).
    """

    mu: float = -1.0
    w: float = 2.0
    sign: float = -1.0
    twist: float = 0.5
    size = 2
    M = np.array([[2.0, 1.0], [0.0, 3.0]])

    @property
    def mass(self):
        return Band(np.array([[0.0, 1.0], [2.0, 3.0]], order="F"), 0, 1)

    def F(self, y):
        x, z = y
        r = x * x + z * z
        a, c = self.mu + self.sign * r, self.w + self.twist * r
        return self.M @ [a * x - c * z, c * x + a * z]

    def DF(self, y):
        x, z = y
        r = x * x + z * z
        a, c, s, t = self.mu + self.sign * r, self.w + self.twist * r, 2 * self.sign, 2 * self.twist
        rows = [
            [a + s * x * x - t * x * z, s * x * z - c - t * z * z],
            [c + t * x * x + s * x * z, a + t * x * z + s * z * z],
        ]
        return self.M @ rows


@dataclass(frozen=True)
class Exchange(Toy):
    """Two compartments that exchange a conserved amount: x' = -z' = mu - (x - z)^2 / 4, x + z = 1, a fold at mu = 0.

    N = x is a scalar; the Jacobian has an eigenvalue zero everywhere.
    """

    mu: float = 0.5
    size = 2
    scalar_names = ("N",)
    conserved = {"mass": np.array([1.0, 1.0])}

    def _flux(self, y):
        return self.mu - 0.25 * (y[0] - y[1]) ** 2

    def F(self, y):
        return [self._flux(y), -self._flux(y)]

    def DF(self, y):
        d = 0.5 * (y[0] - y[1])
        return [[-d, d], [d, -d]]

    def scalars(self, t, y):
        return y[:1]

    def scalar_gradient(self, t, y):
        return np.array([[1.0, 0.0]])


@dataclass(frozen=True)
class Pairs(Toy):
    """Uncoupled linear pairs x' = rho x - w z, z' = w x + rho z around 0, with rho = growth(mu): stable until rho = 0.

    The last unknown is w' = mu - w^2 where `folding`, so that its branch turns at mu = 0.
    """

    mu: float = -1.0
    growths: tuple = ()
    folding: bool = False

    @property
    def size(self):
        return 2 * len(self.growths) + self.folding

    def _rates(self, y):
        """(growth, frequency) of each pair: functions of mu, or of the unknown that folds."""
        where = y[-1] if self.folding else self.mu
        return [(growth(where), 1.0 + k) for k, growth in enumerate(self.growths)]

    def F(self, y):
        rates = [
            part
            for k, (rho, w) in enumerate(self._rates(y))
            for part in (rho * y[2 * k] - w * y[2 * k + 1], w * y[2 * k] + rho * y[2 * k + 1])
        ]
        return [*rates, self.mu - y[-1] ** 2] if self.folding else rates

    def DF(self, y):
        J = np.zeros((self.size, self.size))
        for k, (rho, w) in enumerate(self._rates(y)):
            J[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[rho, -w], [w, rho]]
            if self.folding:  # growths are linear
                J[2 * k : 2 * k + 2, -1] = (self.growths[k](1.0) - self.growths[k](0.0)) * y[2 * k : 2 * k + 2]
        if self.folding:
            J[-1, -1] = -2 * y[-1]
        return J
