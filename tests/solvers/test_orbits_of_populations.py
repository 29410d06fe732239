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
    assert abs(orbit.period - 4.451072) <= orbit.errors["period"] + 1e-6  # the reference has six digits
    t = np.array([[0.3, 0.7, 1.1]])
    assert orbit.sample("N", t).shape == (1, 3, 2)
    assert orbit.sample("N", t)[..., 1] == pytest.approx(orbit.sample("N_1", t), rel=1e-9)
    with pytest.raises(ValueError, match="allowed are N, input, N_0"):
        orbit.sample("M", 0.0)


def test_the_cycle_of_a_ring_of_five_populations_is_that_of_one_with_a_delay():
    """Each inhibits the next. Hopf point of the closed linear response at 5.936664158195; at 6.5 the cycle is that of
    NoisyLIF(b=-6.5, delay=2/5 of the period), of period 4.561485443: by collocation at tol 1e-8 the ring has
    4.561485443286, and one population with the delay 4.56148559 at tol 1e-6."""
    count, beta = 5, 5.936664158195
    before = np.roll(np.eye(count), 1, axis=0)
    problem = fl.discretize(fl.Populations(coupling=-beta * before, current=1.0), tol=1e-3)
    branch = fl.continuation(
        problem, fl.steady_state(problem), "coupling_0_4", (-beta - 0.1, -beta + 0.1), progress=False
    )
    (hopf,) = branch.hopfs
    assert hopf.coupling_0_4 == pytest.approx(-beta, abs=1e-4)
    assert hopf.frequency == pytest.approx(1.509718619473, abs=1e-5)
    there = {f"coupling_{i}_{(i - 1) % count}": -6.5 for i in range(count)}
    orbit = fl.periodic_orbit(problem, hopf, tol=1e-3, progress=False, **there)
    assert orbit.stable
    assert orbit.multipliers[0].real == pytest.approx(0.4973557637, abs=1e-3)
    assert orbit.errors["period"] < 1e-3
    assert abs(orbit.period - 4.561485443) <= orbit.errors["period"]
    for i in range(count):
        assert abs(orbit.max[f"N_{i}"] - 0.3135255535) <= orbit.errors[f"max N_{i}"] + 1e-8


def test_meshes_follow_cycles_towards_their_blow_up():
    """At 0.92 of b_EI b_IE = 14.962755678573: period 4.75366547454, max N_0 10.3801957 (tol 1e-5, bar 1e-6, and runs).
    On the mesh of the Hopf point max N_0 was 10.26."""
    hopf_at, c = (np.sqrt(share * 14.962755678573) for share in (1.0, 0.92))
    rate = fl.analysis.exact.firing_rate(fl.NoisyLIF(current=0.5))

    def centred(k):
        return {
            "coupling_0_1": -k,
            "coupling_1_0": k,
            "current_0": 0.5 - rate * (6.5 - k),
            "current_1": 0.5 - rate * k,
        }

    first = centred(hopf_at)
    network = fl.Populations(
        coupling=[[6.5, -hopf_at], [hopf_at, 0.0]], current=[first["current_0"], first["current_1"]]
    )
    problem = fl.discretize(network, tol=1e-3)
    start = fl.steady_state(problem)
    branch = fl.continuation(problem, start, "coupling_0_1", (-hopf_at - 0.05, -hopf_at + 0.05), progress=False)
    orbit = fl.periodic_orbit(problem, branch.hopfs[0], tol=1e-3, progress=False, max_orbits=400, **centred(c))
    assert orbit.period == pytest.approx(4.75366547454, abs=1e-6)
    assert abs(orbit.max["N_0"] - 10.3801957) <= orbit.errors["max N_0"] < 1e-2
    assert orbit.multipliers[0].real == pytest.approx(0.2102765, abs=1e-4)
    assert orbit.problem.size > problem.size
