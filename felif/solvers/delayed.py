"""Linearisation of problems in which a scalar acts a delay d later: J(lambda) of perturbations exp(lambda t).

With the delayed scalars l held fixed, ds = G dy + Gamma dl and dF = J dy + U dl. A mode has dl = exp(-lambda d) ds, so
J(lambda) = J + U Z (1 - Gamma Z)^-1 G with Z = diag exp(-lambda d).

Where a delayed input empties a scalar R (a dead time d: dR/dt = s - l), R = int_{t-d}^t s, which dR/dt alone does not
say: lambda = 0 would be an eigenvalue, with any other R. A mode has dR = (1 - e^{-lambda d})/lambda ds; with

    dl = e^{-lambda d} ds + SPECTRA.away [dR - (1 - e^{-lambda d})/lambda ds],

the same for modes, that eigenvalue becomes -SPECTRA.away. Then dl = (1 - Z Gamma)^-1 (Z G + E) dy, Z and E read off
above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..algebra import BandLowRank
from ..problem import Problem
from .family import second_derivative_row, step_along
from .tuning import SPECTRA


@dataclass(frozen=True, eq=False)
class Delayed:
    """The parts of the linearisation: J, U (size, k), G (k, size), Gamma (k, k), delays (k,); one k a delayed input.

    E (k, size): SPECTRA.away at the unknown that the input empties, `emptying` (k,) says which inputs do. `fixed`: the
    problem with these delayed inputs; `gradient` (scalars, size), `by_inputs` (scalars, k): of all scalars, as G and
    Gamma.
    """

    instantaneous: BandLowRank
    U: np.ndarray
    G: np.ndarray
    Gamma: np.ndarray
    delays: np.ndarray
    lagged: np.ndarray  # values of the delayed inputs here
    E: np.ndarray
    emptying: np.ndarray
    fixed: Problem
    gradient: np.ndarray
    by_inputs: np.ndarray

    @classmethod
    def at(cls, problem: Problem, y: np.ndarray, lagged: np.ndarray | None = None) -> Delayed:
        """At y, with these values of the delayed inputs (by default those of a steady state); none without delays."""
        if not problem.delays:
            none = np.zeros(0)
            U, G = np.zeros((len(y), 0)), np.zeros((0, len(y)))
            all_rows = problem.scalar_gradient(0.0, y) if problem.scalar_names else G
            by_inputs = np.zeros((len(all_rows), 0))
            parts = U, G, np.zeros((0, 0)), none, none, G, none.astype(bool), problem, all_rows, by_inputs
            return cls(problem.jacobian(0.0, y), *parts)
        inputs, (names, delays) = list(problem.delays), zip(*problem.delays.values(), strict=True)
        rows = _rows(problem)
        if lagged is None:
            lagged = problem.scalars(0.0, y)[rows]
        values = {(name, -delay): float(value) for name, delay, value in zip(names, delays, lagged, strict=True)}
        fixed = problem.with_history(lambda name, t: values[name, t])
        U, Gamma = np.zeros((len(y), len(rows))), np.zeros((len(problem.scalar_names), len(rows)))
        for k, name in enumerate(inputs):
            U[:, k], slopes = fixed.input_derivative(0.0, y, name)
            Gamma[: len(slopes), k] = slopes
        G = fixed.scalar_gradient(0.0, y)
        E, held = np.zeros((len(rows), len(y))), problem.held
        for k, name in enumerate(inputs):
            if name in held:
                E[k, problem.layout.offsets[held[name]]] = SPECTRA.away
        J = fixed.jacobian(0.0, y)
        emptying = np.array([name in held for name in inputs])
        return cls(J, U, G[rows], Gamma[rows], np.array(delays), lagged, E, emptying, fixed, G, Gamma)

    def _factors(self, eigenvalue: complex) -> np.ndarray:
        """The diagonal of Z."""
        x = eigenvalue * self.delays
        mean = np.where(np.abs(x) < 1e-5, 1 - x / 2 + x * x / 6, -np.expm1(-x) / np.where(x == 0, 1.0, x))
        return np.exp(-x) - np.where(self.emptying, SPECTRA.away * self.delays * mean, 0.0)

    def gain(self, eigenvalue: complex) -> np.ndarray:
        """Z (1 - Gamma Z)^-1: from G dy to the perturbation of the delayed inputs."""
        Z = np.diag(self._factors(eigenvalue))
        return Z @ np.linalg.inv(np.eye(len(Z)) - self.Gamma @ Z)

    def lags(self, eigenvalue: complex) -> np.ndarray:
        """Rows (1 - Z Gamma)^-1 (Z G + E): from dy to the perturbation of the delayed inputs."""
        Z = np.diag(self._factors(eigenvalue))
        return np.linalg.solve(np.eye(len(Z)) - Z @ self.Gamma, Z @ self.G + self.E)

    def driven(self, eigenvalue: complex, change: np.ndarray) -> np.ndarray:
        """The part of the delayed inputs' perturbation that a forcing makes which changes the scalars by `change`."""
        Z = np.diag(self._factors(eigenvalue))
        return np.linalg.solve(np.eye(len(Z)) - Z @ self.Gamma, Z @ change)

    def jacobian(self, eigenvalue: complex) -> BandLowRank:
        """J(lambda)."""
        return self.instantaneous.plus(self.U, self.lags(eigenvalue)) if len(self.delays) else self.instantaneous


def jacobian_at(problem: Problem, y: np.ndarray, eigenvalue: complex) -> BandLowRank:
    """J(lambda): the Jacobian itself, for every lambda, where nothing is delayed."""
    if problem.delays:
        return Delayed.at(problem, y).jacobian(eigenvalue)
    return problem.jacobian(0.0, y)


def jacobian_derivative_row(
    problem: Problem, y: np.ndarray, w: np.ndarray, v: np.ndarray, eigenvalue: complex
) -> np.ndarray:
    """d/dy of w^T J(lambda; y) v as a row, at a steady state; w and v may be complex.

    Second derivatives of F(y, l) and s(y, l) are symmetric, so differences along (v, dl) of the first ones suffice; the
    delayed inputs l follow y, which is steady.
    """
    if not problem.delays:
        return second_derivative_row(lambda x: problem.jacobian(0.0, x), y, w, v)
    parts, rows = Delayed.at(problem, y), _rows(problem)
    gain, lagged = parts.gain(eigenvalue), problem.scalars(0.0, y)[rows]
    moved, adjoint = parts.lags(eigenvalue) @ v, gain.T @ (parts.U.T @ w)
    follow = problem.scalar_gradient(0.0, y)[rows]
    total = np.zeros(len(y), complex)
    for u, l, factor in ((v.real, moved.real, 1.0), (v.imag, moved.imag, 1j)):
        if not u.any():
            continue
        step = step_along(y, u)
        high, low = (Delayed.at(problem, y + e * u, lagged + e * l) for e in (step, -step))
        by_y = high.instantaneous.transpose() @ w - low.instantaneous.transpose() @ w + (high.G - low.G).T @ adjoint
        by_l = (high.U - low.U).T @ w + (high.Gamma - low.Gamma).T @ adjoint
        total += factor * (by_y + follow.T @ by_l) / (2 * step)
    return total


def _rows(problem: Problem) -> list[int]:
    return [problem.scalar_names.index(name) for name, _ in problem.delays.values()]
