"""The system where N is an explicit function of n: one flux, coefficients affine in N, no input in time, no R.

    F = A0 y + f0 + N (A1 y + f1),      N = (r0.y + c0) / (s - r1.y)

Everything is summed up once for given parameters; a stage of a time step is then two band products and two dot
products. Other systems go through `ScalarEquations` and the operator. Where coefficients are affine in parameters, so
are all these arrays: systems at other values are sums (`Along`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import Band, BandLowRank
from ..firing.over_v import OverV
from ..given.identity import is_own
from ..given.parameters import Parameters
from ..problem import Infeasible, Problem
from ..translation.coefficients import STEP
from .operators import FormsOperator


class ExplicitSystem:
    """F, N and their derivatives for coefficients constant_k + slope_k N of a FormsOperator: views of one array."""

    def __init__(self, flat: np.ndarray, like: FormsOperator, empty: float) -> None:
        """`flat` has rows, bands, vectors and numbers one after the other; `empty` is -dg/dN of no neurons."""
        n, kl, ku = like.size, like.band.kl, like.band.ku
        ends = np.cumsum([2 * n, (kl + ku + 1) * n, (kl + ku + 1) * n, n, n]).tolist()
        self.flat, self._like, self._empty = flat, like, empty
        self._rows = flat[: ends[0]].reshape(2, n)
        self._band = Band(flat[ends[0] : ends[1]].reshape(kl + ku + 1, n, order="F"), kl, ku)
        self._growth = Band(flat[ends[1] : ends[2]].reshape(kl + ku + 1, n, order="F"), kl, ku)
        self._source, self._fired = flat[ends[2] : ends[3]], flat[ends[3] : ends[4]]
        self._constant, self._own = flat[-2:].tolist()

    @classmethod
    def of(
        cls, operator: FormsOperator, constants: Sequence[float], slopes: Sequence[float], own: float, empty: float
    ) -> ExplicitSystem:
        """`own` is 1 for a scalar that is an integral (0 = -N + ...), 0 for a flux."""
        n, width = operator.size, operator.band.data.shape[0]
        new = cls(np.zeros((4 + 2 * width) * n + 2), operator, empty)
        weights = np.array([[1.0, *constants], [0.0, *slopes]])
        np.matmul(weights, operator.rows[:, 0], out=new._rows)
        constant, feedback = (weights @ operator.numbers[:, 0]).tolist()
        new.flat[-2:] = new._constant, new._own = constant, own - feedback
        new._band.data[...] = operator.band.data
        if operator.vector is not None:
            new._source += operator.vector
        for constant, slope, part in zip(constants, slopes, operator.varying, strict=True):
            if part.band is not None and constant:
                new._band.data[...] += constant * part.band.data
            if part.band is not None and slope:
                new._growth.data[...] += slope * part.band.data
            if part.vector is not None:
                new._source += constant * part.vector
                new._fired += slope * part.vector
        return new

    def moved(self, directions: Sequence[ExplicitSystem], steps: Sequence[float]) -> ExplicitSystem:
        """This one plus each direction times its step."""
        flat = self.flat
        for direction, step in zip(directions, steps, strict=True):
            flat = flat + step * direction.flat
        return ExplicitSystem(flat, self._like, self._empty)

    def solve(self, y: np.ndarray) -> tuple[float, float]:
        """(N, -dg/dN). Raises Infeasible."""
        value, feedback = self._rows.dot(y).tolist()
        slope = self._own - feedback
        if not slope > 0.0:
            raise Infeasible(f"no N satisfies its equation: 1 - f1.n = {slope / self._empty:.3g}")
        return (value + self._constant) / slope, slope

    def rate(self, y: np.ndarray) -> np.ndarray:
        """F."""
        return self._rate(y, self.solve(y)[0])

    def _rate(self, y: np.ndarray, N: float) -> np.ndarray:
        total = self._growth.add_product(N, y, self._band @ y)
        total += self._source
        total += N * self._fired
        return total

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """dN/dy, shape (1, size)."""
        N, slope = self.solve(y)
        return self._gradient(N, slope)

    def _gradient(self, N: float, slope: float) -> np.ndarray:
        return (self._rows[:1] + N * self._rows[1:]) / slope

    def _by_rate(self, y: np.ndarray) -> np.ndarray:
        """dF/dN at fixed y."""
        return self._growth @ y + self._fired

    def jacobian(self, y: np.ndarray) -> BandLowRank:
        """dF/dy = band + dF/dN dN/dy."""
        N, slope = self.solve(y)
        band = Band(self._band.data + N * self._growth.data, self._band.kl, self._band.ku)
        return BandLowRank(band, self._by_rate(y)[:, None], self._gradient(N, slope))

    def linearised(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(U, G, dg/dN) of `assembly.linearised`."""
        N, slope = self.solve(y)
        return self._by_rate(y)[:, None], self._gradient(N, slope), np.array([[-slope]])

    def derivative(self, direction: ExplicitSystem, y: np.ndarray) -> np.ndarray:
        """dF along a direction at fixed y, through N too."""
        N, slope = self.solve(y)
        value, feedback = direction._rows.dot(y).tolist()
        change = (value + direction._constant + N * (feedback - direction._own)) / slope
        return direction._rate(y, N) + change * self._by_rate(y)


class Along(Problem):
    """An explicit problem at other values of parameters in which its coefficients are affine: what Newton needs of it.

    Whether the model allows these values is not looked at.
    """

    def __init__(self, base: Any, system: ExplicitSystem, directions: dict[str, ExplicitSystem]) -> None:
        self.size, self.mass, self.scalar_names = base.size, base.mass, base.scalar_names
        self.conserved, self.conserved_rows = base.conserved, base.conserved_rows
        self._system, self._directions = system, directions

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """As of every problem."""
        return np.array(self._system.solve(y)[:1])

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """As of every problem."""
        return self._system.rate(y)

    def jacobian(self, t: float, y: np.ndarray) -> BandLowRank:
        """As of every problem."""
        return self._system.jacobian(y)

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """As of every problem."""
        return self._system.gradient(y)

    def parameter_derivative(self, t: float, y: np.ndarray, name: str) -> np.ndarray:
        """As of every problem."""
        return self._system.derivative(self._directions[name], y)


def along(problem: OverV, names: tuple[str, ...]) -> Any:
    """values -> `Along` with these values of the parameters; None where coefficients are not affine in them."""
    system, model = problem.equations.explicit, problem.model
    operator, functions = problem._assembled.unmerged
    if system is None or not all(map(is_own, functions)) or not isinstance(operator, FormsOperator):
        return None
    start = {name: getattr(model, name, None) for name in names}
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in start.values()):
        return None
    further = {name: 1.37 * value + 0.29 for name, value in start.items()}
    directions = {}
    for name in names:
        slopes = _slopes(problem, functions, start, name)
        if not np.allclose(slopes[2], slopes[0] + 1.9 * (slopes[1] - slopes[0]), rtol=1e-13, atol=0.0):
            return None
        if not np.array_equal(slopes, _slopes(problem, functions, further, name)):
            return None
        directions[name] = ExplicitSystem.of(operator, slopes[0], slopes[1] - slopes[0], 0.0, 1.0)
    return _Sums(problem, start, directions)


@dataclass(frozen=True, eq=False)
class _Sums:
    """values -> `Along`: the system of a problem and what the parameters add to it, each from its own start."""

    problem: OverV
    start: dict[str, float]
    directions: dict[str, ExplicitSystem]

    def __call__(self, values: Sequence[float]) -> Along:
        steps = [value - first for value, first in zip(values, self.start.values(), strict=True)]
        system = self.problem.equations.explicit.moved(tuple(self.directions.values()), steps)
        return Along(self.problem, system, self.directions)


def _slopes(problem: OverV, functions: list, values: dict[str, float], name: str) -> np.ndarray:
    """d(coefficients)/d(parameter) at N = 0, 1, 1.9, by complex steps, the parameters as they are given."""
    m = Parameters(**{**vars(problem.parameters), **values, name: complex(values[name], STEP)})
    found = []
    for rate in (0.0, 1.0, 1.9):
        s: SimpleNamespace = problem.equations.point(rate)
        for given in problem.weak_form.inputs:
            if given.of is None and given.parameter in values:
                setattr(s, given.name, getattr(m, given.parameter))
        found.append([complex(f(s, m)).imag / STEP for f in functions])
    return np.array(found)
