"""tol as a promise where noise is small: volleys that the drift carries to V_F arrive as they should."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

TIMES = np.linspace(0.1, 2.5, 25)
VOLLEYS = [  # b, a0, v_reset, mean: missed by 460 and 35 tol (39 and 12 at 1e-6) where steps see N and max n only
    (-1.33, 0.0020, -0.69, 0.93),
    (-1.88, 0.0020, 0.40, 1.40),
]


def rate(model, start, tol):
    return fl.evolve(fl.discretize(model, tol=tol), start, 2.5, rtol=tol, progress=False).sample("N", TIMES)


@pytest.mark.parametrize(("b", "a0", "v_reset", "mean"), VOLLEYS)
def test_volleys_are_as_accurate_as_promised(b, a0, v_reset, mean):
    model, start = fl.NoisyLIF(b=b, a0=a0, current=4.0, v_reset=v_reset), fl.Gaussian(mean, 0.01, boundary_layer=0.3)
    exact = rate(model, start, 1e-7)
    for tol in (1e-4, 1e-6):
        assert np.max(np.abs(rate(model, start, tol) - exact) / np.maximum(exact, 0.01)) < 10 * tol  # 1.3 measured


def test_where_noise_rules_nothing_more_is_asked():
    """Without a drift that leads to V_F, or with noise that spreads a volley on its way, the norm has no third part."""
    for network in (fl.NoisyLIF(b=0.5), fl.NoisyLIF(a0=1e-3, current=1.9), fl.NoisyLIF(a0=1.0, current=4.0)):
        assert fl.discretize(network, tol=1e-4).arrivals(0.0) is None
    problem = fl.discretize(fl.NoisyLIF(a0=1e-3, current=4.0), tol=1e-4)
    drift, share = problem.arrivals(0.0)
    assert drift == pytest.approx(4.0 - problem.nodes[:-1])
    assert share == pytest.approx(10 * 1e-3 / 2.0)


def test_arrivals_follow_an_input():
    model = fl.NoisyLIF(a0=1e-3, current=fl.Piecewise(times=(1.0,), values=(0.0, 4.0)))
    problem = fl.discretize(model, tol=1e-3)
    assert problem.arrivals(0.5) is None
    assert problem.arrivals(1.5) is not None
