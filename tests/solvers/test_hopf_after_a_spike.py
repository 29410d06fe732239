"""Hopf points of delayed networks whose neurons are silent after a spike, found in mpmath and not by felif.

With psi_z(x) = exp(x^2/4) D_{-z}(-x), x = (v - I - b N)/sqrt(a), a mode is a zero of 1 - b exp(-z d) K(z),

    K = N z/((1 + z) sqrt(a)) [psi_{z+1}(x_F) - psi_{z+1}(x_R)] / [psi_z(x_F) - r(z) psi_z(x_R)],

r = exp(-z D) for a dead time, 1/(1 + z tau) for a refractory state. N from Siegert's formula, D + T or tau + T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import erfcx

import felif as fl


@dataclass(frozen=True)
class Inhibited:
    """What the closed form needs: a population that inhibits itself, silent for D or for an exponential time tau."""

    a0: float
    current: float
    delay: float
    silent: float
    fixed: bool
    v_reset: float = 1.0
    v_fire: float = 2.0

    def model(self, b):
        """With the name of its coupling and of its rate, and the sign of b there."""
        shared = {"a0": self.a0, "delay": self.delay}
        if self.fixed:
            return fl.NoisyLIF(b=b, current=self.current, dead_time=self.silent, **shared), "b", 1
        driven = {"b_EE": 0.0, "b_EI": 0.0, "b_IE": 0.0, "b_II": -b, "current_I": self.current, "tau": self.silent}
        return fl.ExcitatoryInhibitoryLIF(**driven, **shared), "b_II", -1


NETWORKS = {
    "dead time": (Inhibited(a0=0.2, current=2.0, delay=2.0, silent=0.3, fixed=True), (-8.0, -2.0)),
    "long dead time": (Inhibited(a0=0.1, current=2.5, delay=1.0, silent=1.2, fixed=True), (-14.0, -2.0)),
    "refractory state": (Inhibited(a0=0.2, current=2.0, delay=2.0, silent=0.3, fixed=False), (-8.0, -2.0)),
}


def rate(model, b):
    def excess(N):
        low, high = ((v - model.current - b * N) / math.sqrt(2 * model.a0) for v in (model.v_reset, model.v_fire))
        T = math.sqrt(math.pi) * quad(lambda u: erfcx(-u), low, high, epsabs=0, epsrel=1e-12)[0]
        return N * (model.silent + T) - 1

    return brentq(excess, 1e-6, 1 / model.silent, xtol=1e-14)


def psi(z, x):
    return mpmath.exp(mpmath.mpf(x) ** 2 / 4) * mpmath.pcfd(-z, -x)


def gain(model, b, N):
    """z -> b K(z)."""
    high, low = ((v - model.current - b * N) / math.sqrt(model.a0) for v in (model.v_fire, model.v_reset))

    def of(z):
        z = mpmath.mpc(z)
        back = mpmath.exp(-z * model.silent) if model.fixed else 1 / (1 + z * model.silent)
        moved = psi(z + 1, high) - psi(z + 1, low)
        return b * N / math.sqrt(model.a0) * z / (1 + z) * moved / (psi(z, high) - back * psi(z, low))

    return of


def growing(model, b):
    """Number of modes right of the axis: turns of 1 - exp(-z d) b K along it, as neurons alone are stable."""
    of, top = gain(model, b, rate(model, b)), 1.0
    while max(abs(of(1j * top * f)) for f in (1, 1.7, 3)) > 0.8:
        top *= 1.5
    heights = np.linspace(1e-6, top, 30 + int(4 * top))
    spline = CubicSpline(heights, [complex(of(1j * h)) for h in heights])
    fine = np.linspace(1e-6, top, 4000)
    D = 1 - np.exp(-1j * fine * model.delay) * spline(fine)
    turned = (np.angle(D[-1]) - np.angle(D[1:] / D[:-1]).sum()) / np.pi
    assert turned == pytest.approx(round(turned), abs=1e-2)
    return round(turned)


def crossing(model, b, frequency):
    """(b, omega) at which a pair is on the axis."""

    def equation(b, omega):
        z = mpmath.mpc(0, omega)
        value = 1 - mpmath.exp(-z * model.delay) * gain(model, float(b), rate(model, float(b)))(z)
        return value.real, value.imag

    return [float(x) for x in mpmath.findroot(equation, (b, frequency), tol=1e-18, solver="mdnewton")]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_hopf_point_is_where_the_linear_response_of_silent_neurons_has_it(name):
    model, bounds = NETWORKS[name]
    network, parameter, sign = model.model(-5.0)
    problem = fl.discretize(network, tol=1e-7)
    (steady,) = fl.steady_states(problem)
    branch = fl.continuation(problem, steady, parameter, bounds=tuple(sorted(sign * b for b in bounds)))
    assert len(branch.unaccounted) == 0
    assert len(branch.hopfs) >= 2
    places = np.array([crossing(model, sign * getattr(h, parameter), h.frequency) for h in branch.hopfs])
    found = np.array([(sign * getattr(h, parameter), h.frequency) for h in branch.hopfs])
    assert found == pytest.approx(places, rel=1e-6)
    edges = np.array([bounds[0], *np.sort(places[:, 0]), bounds[1]])
    counts = [growing(model, b) for b in (edges[1:] + edges[:-1]) / 2]
    assert np.abs(np.diff(counts)) == pytest.approx(2)  # none is missing between them
    for b, count in zip((edges[1:] + edges[:-1]) / 2, counts, strict=True):
        rows = [p for p in branch if not p.kind and (edges < b).sum() == (edges < sign * getattr(p, parameter)).sum()]
        assert rows
        assert {p.unstable for p in rows} == {count}
