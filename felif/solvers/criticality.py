"""On which side of a Hopf point its cycles live: the first Lyapunov coefficient, also with delayed scalars.

A perturbation is (u, l): unknowns and delayed inputs, which enter F(y, l) and the scalars s(y, l). With the null
vectors q, p of Delta(i omega), Delta(lambda) = lambda M - J(lambda), p^T Delta' q = 1, and the second and third
derivatives B, C,

    h_11 = Delta(0)^-1 B(q, q*),   h_20 = Delta(2 i omega)^-1 B(q, q),
    l_1 = Re p^T [C(q, q, q*) + 2 B(q, h_11) + B(q*, h_20)] / (2 omega).

Source: Kuznetsov, Elements of Applied Bifurcation Theory (3rd ed.), formula 5.62; with delays Delta is the
characteristic matrix of the linearisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..algebra import SingularMatrix
from ..problem import Problem
from .border import Border
from .delayed import Delayed
from .family import Family, step_along
from .hopf import ImaginaryPair
from .tuning import WALK


@dataclass(frozen=True, eq=False)
class _Direction:
    """(u, l): of the unknowns and of the delayed inputs."""

    u: np.ndarray
    l: np.ndarray

    def conj(self) -> _Direction:
        return _Direction(self.u.conj(), self.l.conj())


def criticality(problem: Problem, y: np.ndarray, omega: float) -> float:
    """First Lyapunov coefficient: < 0 supercritical (stable cycles near it), > 0 subcritical.

    Its size is that of an eigenvector q whose first scalar (N) has modulus 1, so that N - N* = A cos(omega t) with
    A^2 = -4 Re(lambda) / (omega l_1) near the Hopf point; without scalars, of one with q^H M q = 1. NaN where 2 i omega
    or 0 is an eigenvalue as well (another Hopf point in resonance, a fold): there is no such coefficient.
    """
    forms = _Forms(problem, y)
    condition = ImaginaryPair.near(Family(problem, ()), y, np.array([omega]))
    _, v, w, _ = condition.solve(problem, y, omega)
    v = v / forms.size(v, 1j * omega)
    q = forms.mode(v, 1j * omega)
    p = w / (w @ forms.slope(v, 1j * omega))
    try:
        h11, h20 = forms.response(q, q.conj(), 0.0), forms.response(q, q, 2j * omega)
    except SingularMatrix:
        return float("nan")
    total = forms.third(q) + 2 * forms.second(q, h11) + forms.second(q.conj(), h20)
    return float((p @ forms.gathered(total, 1j * omega)).real) / (2 * omega)


class _Forms:
    """Derivatives of (F, s) at a steady state, as vectors of length size + number of delayed inputs."""

    def __init__(self, problem: Problem, y: np.ndarray) -> None:
        self.problem, self.y, self.parts = problem, y, Delayed.at(problem, y)
        self.lagged = self.parts.lagged

    def times_mass(self, x: np.ndarray) -> np.ndarray:
        return self.problem.mass @ x.real + 1j * (self.problem.mass @ x.imag)

    def mode(self, v: np.ndarray, eigenvalue: complex) -> _Direction:
        return _Direction(v, self.parts.lags(eigenvalue) @ v)

    def size(self, v: np.ndarray, eigenvalue: complex) -> float:
        """Modulus of the first scalar's perturbation; where there is none, the length of v."""
        names = self.problem.scalar_names
        lagged = [name for name, _ in self.problem.delays.values()]
        if names and not lagged:
            return abs(self.problem.scalar_gradient(0.0, self.y)[0] @ v)
        if names and names[0] in lagged:  # |exp(-lambda d)| = 1 on the axis
            return abs(self.mode(v, eigenvalue).l[lagged.index(names[0])])
        return float(np.sqrt((v.conj() @ self.times_mass(v)).real))

    def slope(self, v: np.ndarray, eigenvalue: complex) -> np.ndarray:
        """Delta'(lambda) v."""
        step = 1e-5 * abs(eigenvalue)
        high, low = (self.parts.jacobian(eigenvalue + sign * step) @ v for sign in (1, -1))
        return self.times_mass(v) - (high - low) / (2 * step)

    def gathered(self, both: np.ndarray, eigenvalue: complex) -> np.ndarray:
        """What acts on y: F's part, and that of the scalars through the delayed inputs they become."""
        n = len(self.y)
        return both[:n] + self.parts.U @ (self.parts.gain(eigenvalue) @ both[n:])

    def _first(self, at: Delayed, v: _Direction) -> np.ndarray:
        rate = at.instantaneous @ v.u + at.U @ v.l
        return np.concatenate([rate, at.G @ v.u + at.Gamma @ v.l])

    def _around(self, u: np.ndarray, l: np.ndarray, step: float) -> tuple[Delayed, Delayed]:
        high, low = (
            Delayed.at(self.problem, self.y + sign * step * u, self.lagged + sign * step * l) for sign in (1, -1)
        )
        return high, low

    def second(self, u: _Direction, v: _Direction) -> np.ndarray:
        """B(u, v)."""
        total = np.zeros(len(self.y) + len(self.lagged), complex)
        for part, lag, factor in ((u.u.real, u.l.real, 1.0), (u.u.imag, u.l.imag, 1j)):
            if part.any():
                step = step_along(self.y, part)
                high, low = self._around(part, lag, step)
                total += factor * (self._first(high, v) - self._first(low, v)) / (2 * step)
        return total

    def third(self, q: _Direction) -> np.ndarray:
        """C(q, q, q*): with q = a + i b, [q, q*] = [a, a] + [b, b]."""
        total = np.zeros(len(self.y) + len(self.lagged), complex)
        for part, lag in ((q.u.real, q.l.real), (q.u.imag, q.l.imag)):
            step = WALK.third * step_along(self.y, part)
            high, low = self._around(part, lag, step)
            total += (self._first(high, q) - 2 * self._first(self.parts, q) + self._first(low, q)) / step**2
        return total

    def response(self, u: _Direction, v: _Direction, eigenvalue: complex) -> _Direction:
        """h with Delta(lambda) h = B(u, v), keeping the totals."""
        both = self.second(u, v)
        right = self.gathered(both, eigenvalue)
        if eigenvalue == 0:  # singular there, but for perturbations that keep the totals
            J = self.parts.jacobian(0.0)
            h = -Border(self.problem, self.y).around(J).solve(right.real, np.zeros(len(self.problem.conserved)))[0]
        else:
            h = self.parts.jacobian(eigenvalue).factor(eigenvalue, self.problem.mass).solve(right)
        past = self.parts.lags(eigenvalue) @ h + self.parts.gain(eigenvalue) @ both[len(self.y) :]
        return _Direction(h, past)
