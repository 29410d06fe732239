"""Periodic orbits of several populations by collocation."""

import numpy as np
import pytest

import felif as fl


def test_the_cycle_of_an_excitatory_and_an_inhibitory_population():
    """Born where b_EI b_IE = 14.962755678573, omega = 1.569903362795 (closed linear response); period 4.451072(1) at
    b_EI = b_IE = 3.77 (two spectral element codes in time and felif's runs)."""
    c = np.sqrt(14.962755678573)
    rate = fl.analysis.exact.firing_rate(fl.NoisyLIF(current=0.5))
    network = fl.Populations(coupling=[[6.5, -c], [c, 0.0]], current=[0.5 - rate * (6.5 - c), 0.5 - rate * c])
    problem = fl.discretize(network, tol=1e-4)
    start = fl.steady_state(problem)
    branch = fl.continuation(problem, start, "coupling_0_1", (-c - 0.05, -c + 0.05), progress=False)
    (hopf,) = branch.hopfs  # where the branch begins
    assert hopf.coupling_0_1 == pytest.approx(-c, abs=1e-6)
    assert hopf.frequency == pytest.approx(1.569903362795, abs=1e-5)
    assert np.shape(hopf.N) == (2,)
    there = {"coupling_0_1": -3.77, "coupling_1_0": 3.77, "current_0": -0.2127, "current_1": -0.4842}
    orbit = fl.periodic_orbit(problem, hopf, tol=1e-5, progress=False, **there)
    assert orbit.period == pytest.approx(4.451072, abs=2e-4)
    assert (orbit.min["N_0"], orbit.max["N_0"]) == pytest.approx((0.1067528, 1.187348), rel=1e-3)
    assert (orbit.min["N_1"], orbit.max["N_1"]) == pytest.approx((0.128391, 1.314389), rel=1e-3)
    assert orbit.stable
    t = np.array([[0.3, 0.7, 1.1]])
    assert orbit.sample("N", t).shape == (1, 3, 2)
    assert orbit.sample("N", t)[..., 1] == pytest.approx(orbit.sample("N_1", t), rel=1e-9)
    with pytest.raises(ValueError, match="allowed are N, input, N_0"):
        orbit.sample("M", 0.0)
