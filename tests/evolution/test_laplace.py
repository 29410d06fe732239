"""Inversion of the Laplace transform on systems of a few unknowns whose solutions are sums of exponentials."""

from __future__ import annotations

import numpy as np
import pytest

from felif.algebra import Band, BandLowRank
from felif.evolution.laplace import Decay, contour
from felif.problem import NotConverged


def chain(rates, length=1.0, **options):
    """States passed one after the other, each left at its rate: T is a sum of exponential times."""
    n = len(rates)
    data = np.zeros((3, n), order="F")
    data[1], data[2, :-1] = -np.asarray(rates), rates[:-1]
    J = BandLowRank(Band(data, 1, 1), np.zeros((n, 0)), np.zeros((0, n)))
    start, last = np.eye(n)[0], np.eye(n)[-1] * rates[-1]
    return Decay(J, Band.diagonal(np.ones(n)), start, total=np.ones(n), output=last, length=length, **options)


def hypoexponential(rates, t):
    rates = np.asarray(rates)
    weights = [np.prod([b / (b - a) for b in rates if b != a]) for a in rates]
    return sum(w * a * np.exp(-a * t) for w, a in zip(weights, rates, strict=True))


def test_one_exponential():
    decay = chain([0.5], length=0.02)  # there is no way to go: f does not vanish at t = 0
    t = np.geomspace(0.01, 60.0, 50)
    f, S = decay.evaluate(t)
    np.testing.assert_allclose(f, 0.5 * np.exp(-0.5 * t), rtol=1e-10)
    np.testing.assert_allclose(S, np.exp(-0.5 * t), rtol=1e-10)
    assert (decay.mean, decay.cv, decay.slowest) == pytest.approx((2.0, 1.0, -0.5))


def test_a_chain_of_exponentials():
    rates = [1.0, 1.7, 5.0]
    decay = chain(rates)
    t = np.geomspace(0.05, 20.0, 40)
    np.testing.assert_allclose(decay.evaluate(t)[0], hypoexponential(rates, t), atol=1e-11)
    assert decay.mean == pytest.approx(np.sum(1 / np.array(rates)))
    assert decay.cv * decay.mean == pytest.approx(np.linalg.norm(1 / np.array(rates)))
    assert decay.slowest == pytest.approx(-1.0, rel=1e-10)


def test_many_stages_are_a_narrow_density():
    """Erlang's: the sum of n equal times, cv^2 = 1/n; its eigenvalue is defective."""
    n = 25
    decay = chain([float(n)] * n)
    assert decay.narrow
    t = np.linspace(0.3, 2.5, 40)
    log = n * np.log(n) + (n - 1) * np.log(t) - n * t - np.sum(np.log(np.arange(1, n)))
    np.testing.assert_allclose(decay.evaluate(t)[0], np.exp(log), atol=1e-10)
    assert decay.evaluate(np.array([0.0]))[0][0] == 0.0


def test_fewer_digits_cost_fewer_nodes():
    nodes = [contour(1.0, 3.0, digits * np.log(10))[2] for digits in (6, 12)]
    assert nodes[0] < 0.7 * nodes[1]


def test_what_does_not_decay_is_refused():
    with pytest.raises(NotConverged, match="nothing decays"):
        chain([0.0])
    with pytest.raises(NotConverged, match="rounding hides"):
        chain([1e-12])
