"""A network without diffusion, whose neurons sit at one potential after they have fired: a density beside an atom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import felif as fl
from felif import Axis, Conserved, Equations, Given, Term, Unknown, drift, jump
from felif.models.parameters import fixed
from felif.testing import check_model


@dataclass(frozen=True)
class Pulses:
    """dv = -v dt + h at the times of a Poisson process of rate sigma = s0 + J r; V_F = 1, V_R = 0, where v' = 0.

    x = 1 - v, the distance from the threshold; n(x, t) for x < 1, and q(t), the fraction at x = 1. Source: G. Dumont,
    J. Henry, Bull. Math. Biol. 75 (2013) 629-648.
    """

    s0: Any = 5.0  # or a function of time
    J: float = 0.0
    h: float = fixed(0.3)

    def equations(self) -> Equations:
        h, rate = self.h, lambda s, m: s.S + m.J * s.r
        steps = np.arange(1, int(np.ceil(1 / h)))
        places = np.unique(np.round([*(steps * h), *(1 - steps * h)], 12)).tolist()
        return Equations(
            axes=(Axis("x", 0.0, 1.0, {f"jump {k}": x for k, x in enumerate(places)}, scale=0.1),),
            unknowns=(Unknown("n", ("x",)), Unknown("q"), Unknown("r", (), "equals")),
            terms=(
                drift("n", "x", lambda x: 1 - x.x, name="leak"),
                jump("n", "n", lambda x: {"x": x.x - h}, at={"x": (h, 1.0)}, rate=lambda x: 1.0, c=rate, name="pulses"),
                Term("n", "n", lambda n, phi, x: -n * phi, rate, at={"x": (0.0, h)}, name="firing"),
                Term("q", "n", None, rate, at={"x": (0.0, h)}, name="reset"),
                Term("q", "q", None, lambda s, m: -(s.S + m.J * s.r), name="pulses at rest"),
                Term("n", "q", lambda q, phi, x: q * phi, rate, at={"x": round(1 - h, 12)}, name="leaves rest"),
                Term("r", "n", None, rate, at={"x": (0.0, h)}, name="rate"),
            ),
            conserved=(Conserved("total", {"n": 1.0, "q": 1.0}),),
            inputs=(Given("S", "s0"),),
        )


def rate_from_the_mean_time_to_fire(sigma, h, count=24):
    """1/T(0), v T' = sigma (T(v + h) - T(v)) + 1 on [0, 1), T = 0 beyond: Chebyshev points between k h and 1 - k h."""
    steps = np.arange(1, int(np.ceil(1 / h)))
    ends = np.unique(np.round([0.0, *(steps * h), *(1 - steps * h), 1.0], 12))
    z = np.cos(np.pi * np.arange(count) / (count - 1))[::-1]
    D = np.polynomial.chebyshev.chebvander(z, count - 1)
    slope = np.linalg.solve(D.T, np.array([
        np.polynomial.chebyshev.chebval(z, np.polynomial.chebyshev.chebder(np.eye(count)[k])) for k in range(count)
    ])).T  # fmt: skip
    pieces = len(ends) - 1
    A, b = np.zeros((pieces * count,) * 2), np.ones(pieces * count)
    for p, (low, high) in enumerate(zip(ends, ends[1:], strict=False)):
        own, width = slice(p * count, (p + 1) * count), high - low
        v = low + (z + 1) * width / 2
        A[own, own] = v[:, None] * slope * 2 / width + sigma * np.eye(count)
        middle = (low + high) / 2 + h
        if middle < 1:
            q = int(np.searchsorted(ends, middle)) - 1
            s = 2 * (v + h - ends[q]) / (ends[q + 1] - ends[q]) - 1
            there = np.polynomial.chebyshev.chebvander(s, count - 1) @ np.linalg.inv(D)
            A[own, q * count : (q + 1) * count] -= sigma * there
        if p:
            A[own.start] = 0
            A[own.start, own.start], A[own.start, own.start - 1], b[own.start] = 1, -1, 0
    return 1 / np.linalg.solve(A, b)[0]


@pytest.mark.parametrize(
    ("sigma", "h", "r"),
    [(5.0, 0.3, 0.980242620629), (3.0, 0.5, 0.921099067214), (6.0, 0.25, 0.969348744185)],
)
def test_the_rate_of_one_neuron(sigma, h, r):
    """Numbers by forward shooting and by the dual equation, of other programs."""
    assert rate_from_the_mean_time_to_fire(sigma, h) == pytest.approx(r, rel=1e-11)
    state = fl.steady_state(fl.discretize(Pulses(sigma, h=h), tol=1e-6, space=fl.SpectralElement(10)))
    assert state.r == pytest.approx(r, rel=1e-11)
    assert state.q == pytest.approx(r / sigma, rel=1e-11)


@pytest.mark.parametrize(
    ("s0", "J", "h", "r"),
    [
        (3.0, 3.0, 0.3, 2.357183077225),
        (2.0, 1.5, 0.45, None),
        (4.0, 0.8, 0.26, None),
        (2.5, -2.0, 0.6, None),
    ],
)
def test_the_rate_of_a_network(s0, J, h, r):
    """r = rate of one neuron at sigma = s0 + J r, by its dual equation; the numbers are those of two other programs."""
    expected = brentq(lambda r: r - rate_from_the_mean_time_to_fire(s0 + J * r, h), 1e-3, 4.0, xtol=1e-13)
    assert r is None or expected == pytest.approx(r, rel=1e-10)
    state = fl.steady_state(fl.discretize(Pulses(s0, J, h), tol=1e-6, space=fl.SpectralElement(8)))
    assert state.r == pytest.approx(expected, rel=1e-6)
    assert state.q == pytest.approx(expected / (s0 + J * expected), rel=1e-6)


def test_too_many_pulses_leave_no_steady_state():
    """r / sigma tends to 1/ceil(1/h) = 1/4: none for J >= 4."""
    assert not fl.steady_states(fl.discretize(Pulses(3.0, 4.0), tol=1e-4))


QUIET = {"progress": False}
NEAR = lambda x: np.exp(-(((x - 0.14) / 0.035) ** 2))  # all of them within h of the threshold for a while


@pytest.mark.parametrize(("s0", "J", "h", "n"), [(3.0, 0.0, 0.75, 0.3), (2.0, 1.2, 0.7, 0.6)])
def test_while_every_pulse_of_those_awake_makes_them_fire(s0, J, h, n):
    """n' = sigma (q - n), r = sigma n: t = int (1 - J n) / (s0 (1 - 2 n)) dn. 1e-4: a front sets out from 1 - h."""
    problem = fl.discretize(Pulses(s0, J, h), tol=1e-4)
    run = fl.evolve(problem, {"n": NEAR, "q": 1 - n}, 0.3, rtol=1e-7, progress=False)
    assert run.drift["total"] < 1e-13
    for t in (0.1, 0.3):
        q = run.sample("q", t)
        assert quad(lambda x: (1 - J * x) / (s0 * (1 - 2 * x)), n, 1 - q)[0] == pytest.approx(t, rel=1e-4)
        assert run.sample("r", t) == pytest.approx(s0 * (1 - q) / (1 - J * (1 - q)), rel=1e-4)


def test_pulses_that_come_more_and_less_often():
    """n - q = (n - q)(0) exp(-2 int sigma), r = sigma n, with sigma in time, while every pulse makes the awake fire."""
    sigma, total = lambda t: 4 + 3 * np.sin(20 * t), lambda t: 4 * t + 3 * (1 - np.cos(20 * t)) / 20
    stepped = fl.Piecewise([0.1], [2.0, 6.0])
    sums = [total, lambda t: 2 * t + 4 * max(t - 0.1, 0.0)]
    for s0, rates, integral in ((sigma, sigma, sums[0]), (stepped, lambda t: 2.0 if t < 0.1 else 6.0, sums[1])):
        run = fl.evolve(fl.discretize(Pulses(s0, 0.0, 0.75), tol=1e-4), {"n": NEAR, "q": 0.6}, 0.3, rtol=1e-7, **QUIET)
        for t in (0.07, 0.2, 0.3):
            n = 0.5 - 0.1 * np.exp(-2 * integral(t))
            assert run.sample("r", t) == pytest.approx(rates(t) * n, rel=1e-4)
        assert run.drift["total"] < 1e-13


@pytest.mark.parametrize(("s0", "J", "h", "n"), [(1.5, 2.8, 0.8, 0.2), (2.0, 4.0, 0.6, 0.05)])
def test_the_rate_blows_up_where_one_pulse_makes_one_other(s0, J, h, n):
    """J n = 1 for those within h, at t = int_n^(1/J) (1 - J x) / (s0 (1 - 2 x)) dx."""
    time = quad(lambda x: (1 - J * x) / (s0 * (1 - 2 * x)), n, 1 / J)[0]
    run = fl.evolve(
        fl.discretize(Pulses(s0, J, h), tol=1e-4), {"n": NEAR, "q": 1 - n}, 1.0, rtol=1e-6, N_max=1e3, progress=False
    )
    assert run.outcome.name == "blow_up"
    assert run.blow_up.time == pytest.approx(time, rel=3e-5)


def test_the_network_of_pulses_is_what_it_says():
    assert check_model(Pulses(J=1.0)).checks
