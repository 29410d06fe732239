"""Linearisation of problems in which a scalar acts a delay d later: J(lambda) of perturbations exp(lambda t).

With the past held fixed, ds = G dy + Gamma ds_delayed and dF = J dy + U ds_delayed. A mode has
ds_delayed = exp(-lambda d) ds, so J(lambda) = J + U Z (1 - Gamma Z)^-1 G with Z = diag exp(-lambda d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..algebra import BandLowRank
from ..problem import Problem


@dataclass(frozen=True, eq=False)
class Delayed:
    """The parts of the linearisation at a steady state: J, U (size, k), G (k, size), Gamma (k, k), delays (k,)."""

    instantaneous: BandLowRank
    U: np.ndarray
    G: np.ndarray
    Gamma: np.ndarray
    delays: np.ndarray

    @classmethod
    def at(cls, problem: Problem, y: np.ndarray) -> Delayed:
        present = dict(zip(problem.scalar_names, problem.scalars(0.0, y).tolist(), strict=True))
        fixed = problem.with_history(lambda name, t: present[name])
        inputs, (names, delays) = list(problem.delays), zip(*problem.delays.values(), strict=True)
        rows = [problem.scalar_names.index(name) for name in names]
        U, Gamma = np.zeros((len(y), len(rows))), np.zeros((len(problem.scalar_names), len(rows)))
        for k, name in enumerate(inputs):
            U[:, k], slopes = fixed.input_derivative(0.0, y, name)
            Gamma[: len(slopes), k] = slopes
        G = fixed.scalar_gradient(0.0, y)
        return cls(fixed.jacobian(0.0, y), U, G[rows], Gamma[rows], np.array(delays))

    def jacobian(self, eigenvalue: complex) -> BandLowRank:
        """J(lambda)."""
        Z = np.diag(np.exp(-eigenvalue * self.delays))
        U = self.U @ Z @ np.linalg.inv(np.eye(len(Z)) - self.Gamma @ Z)
        J = self.instantaneous
        return BandLowRank(J.band, np.asfortranarray(np.hstack([J.U, U])), np.vstack([J.G, self.G]))


def jacobian_at(problem: Problem, y: np.ndarray, eigenvalue: complex) -> BandLowRank:
    """J(lambda): the Jacobian itself, for every lambda, where nothing is delayed."""
    if getattr(problem, "delays", None):
        return Delayed.at(problem, y).jacobian(eigenvalue)
    return problem.jacobian(0.0, y)
