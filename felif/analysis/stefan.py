"""The network as a Stefan problem: a change of variables that turns the drift into a free boundary (S22).

For n_t + [(-v + I + b N) n]_v - a(N) n_vv = N delta(v - V_R), n(V_F) = 0, with

    tau = (e^{2t} - 1)/2,   alpha = e^{-t},   x = e^t v - int_0^t e^r (b N + I) dr,   n(v, t) = e^t u(x, tau):

    u_tau = a u_xx + M delta(x - s_1),   x < s(tau),   u(s, tau) = 0,   M = -a u_x(s, tau) = e^{-2t} N,
    s = V_F/alpha - int_0^t e^r (b N + I) dr,   s_1 = s - (V_F - V_R)/alpha,
    ds/dtau = V_F alpha - b M/alpha - I alpha.

A heat equation on a half line whose end moves with the flux through it: with theta = int_0^tau a dtau and the heat
kernel G(x, theta) = exp(-x^2/(4 theta)) / sqrt(4 pi theta) its solution, extended by 0 beyond s, satisfies for all x

    u(x, tau) = int G(x - y, theta) u_0(y) dy
                + int_0^tau M(q) [G(x - s_1(q), theta - theta_q) - G(x - s(q), theta - theta_q)] dq.

`residual` is the defect of this identity: it involves no mesh, no time step, and tells whether N and n belong together.
Source: Carrillo, Gonzalez, Gualdani & Schonbek, Comm. PDE 38 (2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..algebra import composite, gauss, in_a_row
from ..given.arguments import RUN, checked
from ..given.types import Evolved
from .tuning import QUADRATURE


@dataclass(frozen=True, eq=False)
class Stefan:
    """A run in the variables of its Stefan problem; arrays over the accepted times, shape (steps + 1,).

    Attributes
    ----------
    run : Run
        As given.
    t, tau : arrays
        Time before and after.
    s, s_1 : arrays
        The free boundary and the place of the source.
    M : array
        Flux through the free boundary.
    """

    run: Evolved
    t: np.ndarray
    tau: np.ndarray
    s: np.ndarray
    s_1: np.ndarray
    M: np.ndarray

    def boundary(self) -> tuple[np.ndarray, np.ndarray]:
        """(tau, s) between the accepted times as well, by dense output: for a smooth curve."""
        path = _Path(self.run, float(self.t[-1]))
        return path.tau, path.s

    def u(self, x: Any, t: float | None = None) -> np.ndarray:
        """u(x, tau(t)), 0 beyond s.

        Parameters
        ----------
        x : float or array
            Places.
        t : float
            An accepted time of the run, by default the last.

        Returns
        -------
        array

        Raises
        ------
        ValueError
            For another time.
        """
        k = self._index(t)
        alpha, (v_fire, _) = math.exp(-self.t[k]), _ends(self.run)
        v = v_fire + alpha * (np.asarray(x, float) - self.s[k])
        return np.where(v <= v_fire, alpha * self.run.at(float(self.t[k])).n(np.minimum(v, v_fire)), 0.0)

    def represented(self, x: Any, t: float | None = None) -> np.ndarray:
        """u(x, tau(t)) by heat potentials from u_0, M and s alone: the right side of the identity above.

        Accurate at points that are not closer to s and s_1 than a hundredth of V_F - V_R or so.

        Parameters
        ----------
        x : float or array
            Places.
        t : float
            An accepted time of the run, by default the last.

        Returns
        -------
        array

        Raises
        ------
        ValueError
            For another time.
        """
        k, x = self._index(t), np.atleast_1d(np.asarray(x, float))
        path = _Path(self.run, float(self.t[k]))
        points, masses = _density(self.run.at(0.0))
        left = np.maximum(path.theta_end - path.theta, 1e-300)
        potentials = _heat(x[:, None] - path.s_1, left) - _heat(x[:, None] - path.s, left)
        return _heat(x[:, None] - points, path.theta_end) @ masses + potentials @ (path.M * path.weights)

    def residual(self, t: float | None = None, points: int = 41) -> float:
        """max |u - represented| over points on both sides of s, relative to max u.

        Points are 0.05 (V_F - V_R) e^t or more away from s and s_1, where the potentials have kinks.

        Parameters
        ----------
        t : float
            An accepted time of the run, by default the last.
        points : int
            How many.

        Returns
        -------
        float
        """
        k = self._index(t)
        v_fire, v_reset = _ends(self.run)
        unit = math.exp(self.t[k]) * (v_fire - v_reset)
        x = self.s[k] + unit * np.linspace(-5.0, 1.0, points)
        x = x[np.minimum(abs(x - self.s[k]), abs(x - self.s_1[k])) > 0.05 * unit]
        u = self.u(x, t)
        return float(np.max(np.abs(u - self.represented(x, t))) / np.max(u))

    def _index(self, t: float | None) -> int:
        if t is None:
            return len(self.t) - 1
        k = int(np.argmin(np.abs(self.t - t)))
        if self.t[k] != t or k == 0:
            raise ValueError(
                f"Stefan: t = {t!r}; allowed are the accepted times after the first, such as {self.t[-1]!r}"
            )
        return k


class _Path:
    """The free boundary at the points of a composite Gauss rule in tau, up to a time t; `weights` are those of dtau."""

    def __init__(self, run: Any, t: float) -> None:
        model, (v_fire, v_reset) = run.model, _ends(run)
        ends = run.times[run.times <= t]
        ends = np.unique(np.concatenate([ends, t - (t - ends[-2]) * 0.5 ** np.arange(1, QUADRATURE.halvings)]))
        times, weights = composite(ends, QUADRATURE.points_of_step)
        N = run.sample("N", times.ravel()).reshape(times.shape)
        current = np.vectorize(model.current)(times) if callable(model.current) else model.current
        shift, shifts = _integrals(np.exp(times) * (model.b * N + current), ends)
        theta, thetas = _integrals((model.a0 + model.a1 * N) * np.exp(2 * times), ends)
        self.ends, self.shifts, self.theta, self.theta_end = ends, shifts, theta.ravel(), float(thetas[-1])
        self.weights = (weights * np.exp(2 * times)).ravel()
        self.tau = np.expm1(2 * times.ravel()) / 2
        self.M = (np.exp(-2 * times) * N).ravel()
        self.s = (v_fire * np.exp(times) - shift).ravel()
        self.s_1 = self.s - (v_fire - v_reset) * np.exp(times.ravel())


@checked(run=RUN)
def stefan(run: Evolved) -> Stefan:
    """The run in the variables of its Stefan problem: a heat equation whose boundary moves with the flux through it.

    Parameters
    ----------
    run : Run
        Of NoisyLIF with drift -v and without delay, from t = 0.

    Returns
    -------
    Stefan
        `.tau`, `.s`, `.M`, and `.residual()`, an independent check.

    Raises
    ------
    ValueError
        For other models, for runs that begin at t != 0, and for runs that go on after a blow-up.

    Notes
    -----
    Source: Carrillo, Gonzalez, Gualdani & Schonbek, Comm. PDE 38 (2013); derivation in docs/blow_up.md.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3), fl.Gaussian(0.0, 0.25), t_end=0.2, rtol=1e-3)
    >>> float(fl.stefan(run).tau[0])
    0.0
    """
    model = run.model
    drift = getattr(model, "drift", None)
    if type(model).__name__ != "NoisyLIF" or type(drift).__name__ != "Leaky" or model.delay or model.dead_time:
        raise ValueError(f"stefan: {model}; allowed is NoisyLIF with drift -v, without delay or dead time")
    if drift.conductance != 1.0 or drift.v_rest != 0.0:
        raise ValueError(f"stefan: drift = {drift}; allowed is -v; put v_rest into current")
    if run.times[0] != 0.0 or len(run.times) < 2 or any(hasattr(event, "size") for event in run.events):
        raise ValueError("stefan: allowed are runs that begin at t = 0 and do not go on after a blow-up")
    v_fire, v_reset = _ends(run)
    path = _Path(run, float(run.times[-1]))
    s = v_fire * np.exp(run.times) - path.shifts[np.searchsorted(path.ends, run.times)]
    return Stefan(
        run=run,
        t=run.times,
        tau=np.expm1(2 * run.times) / 2,
        s=s,
        s_1=s - (v_fire - v_reset) * np.exp(run.times),
        M=np.exp(-2 * run.times) * run.series["N"],
    )


def _ends(run: Any) -> tuple[float, float]:
    return float(run.model.v_fire), float(run.model.v_reset)


def _heat(x: np.ndarray, theta: Any) -> np.ndarray:
    return np.exp(-(x**2) / (4 * theta)) / np.sqrt(4 * np.pi * theta)


def _integrals(values: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrals of piecewise polynomials from the first end to the Gauss points, shape of `values`, and to all ends."""
    (points, weights), widths = gauss(QUADRATURE.points_of_step), np.diff(ends)
    vander = np.polynomial.legendre.legvander(2 * points - 1, QUADRATURE.points_of_step)
    primitive = np.polynomial.legendre.legint(np.linalg.inv(vander[:, :-1]), axis=0, lbnd=-1) / 2
    whole = np.concatenate([[0.0], np.cumsum(widths * (values @ weights))])
    return whole[:-1, None] + widths[:, None] * (values @ (vander @ primitive).T), whole


def _density(state: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points and masses of a composite Gauss rule for u_0 = n_0."""
    cells = np.unique(np.concatenate([state.problem.cells, np.linspace(*state.problem.cells[[0, -1]], 200)]))
    points, weights = in_a_row(cells, QUADRATURE.points_of_step)
    return points, weights * state.n(points)
