"""Relative entropy of a run with respect to a steady state, its two dissipations, and how well the identity holds.

For a network with constant noise a, h = n/P with the steady state (P, N_inf), and convex H,

    S = int P H(h) dv,    dS/dt = -D_diff - D_jump + C,
    D_diff = a int P H''(h) h_v^2 dv,
    D_jump = N_inf [H(N/N_inf) - H(h_R) - (N/N_inf - h_R) H'(h_R)],    h_R = h(V_R),    h(V_F) = N/N_inf,
    C = b (N - N_inf) int n H''(h) h_v dv,

so S falls for a single neuron (b = 0); C is what the change of the drift by b (N - N_inf) adds.
Source: Caceres, Carrillo & Perthame, J. Math. Neurosci. 1:7 (2011), section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from ..algebra import composite, gauss
from ..given.arguments import RUN, STATE, checked, choice
from ..given.types import Evolved
from ..problem import Problem, State
from .tuning import QUADRATURE


@dataclass(frozen=True)
class Convexity:
    """H, H' and H'' as functions of h."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    curvature: Callable[[np.ndarray], np.ndarray]


_H = {
    "quadratic": Convexity(lambda h: (h - 1) ** 2, lambda h: 2 * (h - 1), lambda h: 2 + 0 * h),
    "entropy": Convexity(lambda h: h * np.log(h) - h + 1, np.log, lambda h: 1 / h),
}


@dataclass(frozen=True, eq=False)
class RelativeEntropy:
    """The relative entropy S along a run, with its dissipations; arrays over the accepted steps, shape (steps + 1,).

    Attributes
    ----------
    times, S : arrays
        The steps, and the entropy there.
    dissipation_diffusion, dissipation_jump, coupling : arrays
        What diffusion and resets take away, and what the coupling adds.
    defect : array
        |S(t) - S(t_0) + int (D_diff + D_jump - C) dt| / max S, the integral by Gauss's rule on the dense output; t_0 is
        the start, or the first step after data that do not vanish at V_F (whose S may be infinite). It is as good as
        the run: H'' = 1/h of the entropy magnifies errors where n is small, so it asks for rtol = 1e-8.
    """

    times: np.ndarray
    S: np.ndarray
    dissipation_diffusion: np.ndarray
    dissipation_jump: np.ndarray
    coupling: np.ndarray
    defect: np.ndarray

    @property
    def rate(self) -> np.ndarray:
        """dS/dt by the right-hand side of the identity."""
        return self.coupling - self.dissipation_diffusion - self.dissipation_jump


@checked(run=RUN, steady_state=STATE, H=choice(*_H))
def relative_entropy(run: Evolved, steady_state: State, H: str = "quadratic") -> RelativeEntropy:
    """S along a run of a NoisyLIF network, with respect to one of its steady states P.

        S = int P H(n/P) dv,      dS/dt = -D_diffusion - D_jump + coupling

    Parameters
    ----------
    run : Run
        Of a NoisyLIF network without delay and with noise that does not depend on N.
    steady_state : State
        A steady state of the same model.
    H : {"quadratic", "entropy"}
        (h - 1)^2, or h log h - h + 1.

    Returns
    -------
    RelativeEntropy
        `.S`, `.dissipation_diffusion`, `.dissipation_jump`, `.defect`, over the accepted steps.

    Raises
    ------
    ValueError
        For another H, for a model with refractory states, a random threshold, delays or noise that depends on N, and
        for a steady state of another model.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.0), tol=1e-6)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=1.0)
    >>> S = fl.relative_entropy(run, fl.steady_state(problem)).S
    >>> bool((S[1:] < S[:-1]).all())  # a single neuron forgets
    True
    """
    _check(run.model, steady_state)
    first = 0 if run.compatible else 1
    rows, defects, integral, start, reached = [], [], 0.0, None, 0
    for segment in run.segments:
        measure = _Measure(segment.problem, steady_state, _H[H])
        times = segment.times
        for j, t in enumerate(times):
            if j == 0 and rows:
                continue  # the last state of the segment before, on another mesh
            if reached < first:
                rows.append((np.inf, np.inf, np.inf, 0.0))
                defects.append(0.0)
                reached += 1
                continue
            if j > 0 and start is not None:
                for inner, weight in zip(*(part[0] for part in composite(times[j - 1 : j + 1], 4)), strict=True):
                    _, diffusion, jump, coupling = measure(inner, segment.evaluate(inner))
                    integral += weight * (diffusion + jump - coupling)
            rows.append(measure(t, segment.states[j]))
            start = rows[-1][0] if start is None else start
            defects.append(abs(rows[-1][0] - start + integral))
    S, diffusion, jump, coupling = np.array(rows).T
    largest = np.max(S[np.isfinite(S)], initial=1e-300)
    return RelativeEntropy(run.times.copy(), S, diffusion, jump, coupling, np.array(defects) / largest)


class _Measure:
    """(S, D_diff, D_jump, C) of a state, integrated on the cells of both meshes."""

    def __init__(self, problem: Problem, steady: State, H: Convexity) -> None:
        self._problem, self._H, self._b, self._a = problem, H, problem.model.b, problem.model.a0
        cells = np.union1d(problem.cells, steady.problem.cells)
        cells = cells[(cells >= problem.cells[0]) & (cells <= problem.cells[-1])]
        cells = cells[np.concatenate([[True], np.diff(cells) > 1e-12 * (1 + np.abs(cells[1:]))])]
        self._v, self._weights = composite(cells, QUADRATURE.points)
        self._slope = _differentiation(2 * gauss(QUADRATURE.points)[0] - 1).T, np.diff(cells)[:, None] / 2
        self._P, self._N = steady.n(self._v), steady.N
        self._P_slope = self._P @ self._slope[0] / self._slope[1]
        self._good = self._P > QUADRATURE.empty * self._P.max()
        self._at_reset = float(steady.n(problem.landings[0]))

    def __call__(self, t: float, y: np.ndarray) -> tuple[float, float, float, float]:
        H, P, good = self._H, self._P, self._good
        density = self._problem.field("n", y)
        N = float(self._problem.scalars(t, y)[0])
        n = density(self._v)
        slope = n @ self._slope[0] / self._slope[1]
        good = good & (n > QUADRATURE.empty * n.max())
        P, n, weights = P[good], n[good], self._weights[good]
        h = n / P
        h_slope = (slope[good] - h * self._P_slope[good]) / P
        curvature = H.curvature(h)
        S = weights @ (P * H.value(h)) + self._empty(good)
        diffusion = self._a * (weights @ (P * curvature * h_slope**2))
        coupling = self._b * (N - self._N) * (weights @ (n * curvature * h_slope))
        at_fire, at_reset = np.maximum([N / self._N, density(self._problem.landings[0]) / self._at_reset], 1e-300)
        jump = self._N * (H.value(at_fire) - H.value(at_reset) - (at_fire - at_reset) * H.slope(at_reset))
        return float(S), float(diffusion), float(jump), float(coupling)

    def _empty(self, good: np.ndarray) -> float:
        """What places without n contribute: P H(0), H(0) = 1."""
        rest = self._good & ~good
        return float(self._weights[rest] @ self._P[rest])


def _differentiation(x: np.ndarray) -> np.ndarray:
    """Matrix from values at the points x to the slopes of their polynomial there."""
    modes = np.linalg.inv(legendre.legvander(x, len(x) - 1))
    slopes = np.array([legendre.legval(x, legendre.legder(mode)) for mode in np.eye(len(x))]).T
    return slopes @ modes


def _check(model: Any, steady: State) -> None:
    name = type(model).__name__
    if not type(model).equations.__module__.startswith("felif.models."):
        raise ValueError(f"relative_entropy: {name} has terms of its own; the identity is that of NoisyLIF")
    for parameter, reason in (
        ("a1", "noise depends on N"),
        ("delay", "drift is delayed"),
        ("dead_time", "reset is delayed"),
    ):
        if getattr(model, parameter, 0.0):
            raise ValueError(f"relative_entropy: {parameter} = {getattr(model, parameter)}; its {reason}, allowed is 0")
    if steady.problem.field_names != ("n",) or steady.problem.scalar_names != ("N",) or hasattr(model, "eps"):
        raise ValueError(
            f"relative_entropy: {name}; allowed is a network whose unknowns are n and its flux N (NoisyLIF)"
        )
    if steady.problem.model != model:
        raise ValueError(f"relative_entropy: the steady state belongs to {steady.problem.model}, the run to {model}")
