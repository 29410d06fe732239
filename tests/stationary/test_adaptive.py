"""Numbers of steady states on meshes made for them: error bars against closed forms, and unknowns saved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

import felif as fl
from felif.analysis import exact


def mean(state):
    return float(state.n.weights @ (state.n.nodes * state.n.values))


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("a0", [1.0, 0.1, 0.01, 0.001])
def test_the_bar_holds_with_a_part_of_the_unknowns(a0, tol):
    model = fl.NoisyLIF(b=0.3, a0=a0, current=3.0)
    found = fl.steady_value(fl.discretize(model, tol=tol))
    truth = exact.steady_rates(model)[0]
    assert abs(found.value - truth) <= found.error <= tol * found.value
    assert found.rounds[-1][0] <= 0.7 * found.first.problem.size  # 0.1 where noise is small and layers are thin


def test_bars_hold_over_random_networks_for_rates_moments_and_points():
    """Five networks, three functionals, two tolerances; over twenty-five 132 of 132 held."""
    random, ratios = np.random.default_rng(3), []
    for _ in range(5):
        tau = random.choice([0.0, 0.2])
        given = {
            "b": random.uniform(-3, 0.5),
            "a0": 10 ** random.uniform(-2.5, 0.3),
            "current": random.uniform(0.5, 3.0),
            "v_reset": random.uniform(-1, 1.5),
        }
        model = fl.RefractoryLIF(tau=tau, **given) if tau else fl.NoisyLIF(**given)
        truth = fl.steady_state(fl.discretize(model, tol=1e-10))
        for quantity in ("N", mean, lambda state: state.n(0.7)):
            expected = truth.N if quantity == "N" else float(quantity(truth))
            for tol in (1e-3, 1e-5):
                found = fl.steady_value(fl.discretize(model, tol=tol), quantity, truth.N)
                error = abs(found.value - expected)
                if error > 1e-8 * abs(expected):  # the truth is not known better for n at a point
                    ratios.append(found.error / error)
    assert len(ratios) > 20
    assert min(ratios) >= 1.0
    assert np.median(ratios) < 1.3


def test_a_mesh_of_the_user_is_left_alone_and_its_error_is_told():
    model = fl.NoisyLIF(b=0.5)
    problem = fl.discretize(model, fl.interval(model, v_min=-4.0, cells=6), space=fl.SpectralElement(3))
    found = fl.steady_value(problem)
    assert found.state.problem is problem
    assert len(found.rounds) == 1
    assert found.signed == pytest.approx(exact.steady_rates(model)[0] - found.value, rel=0.02)


def test_v_min_is_seen_alone():
    """The closed form of what a cut costs (docs/theory.md, section 5): N_cut / N - 1 = 1.35191e-3 at V_min = -5."""
    model = fl.NoisyLIF(b=0.0, current=-2.0)
    found = fl.steady_value(fl.discretize(model, fl.interval(model, v_min=-5.0, cells=20)))
    truth = exact.steady_rates(model)[0]
    assert found.value / truth - 1 == pytest.approx(1.3519104698e-3, rel=1e-6)
    assert found.signed == pytest.approx(truth - found.value, rel=3e-3)  # to first order


def test_the_state_asked_for_is_kept():
    lower, upper = (fl.steady_value(fl.discretize(fl.NoisyLIF(b=1.5), tol=1e-6), guess=N).value for N in (0.2, 2.3))
    assert lower == pytest.approx(0.192364012568479359, rel=1e-6)  # reference-values table: closed form
    assert upper == pytest.approx(2.289125707746862800, rel=1e-6)


def test_bad_questions_are_refused():
    problem = fl.discretize(fl.NoisyLIF(), tol=1e-3)
    with pytest.raises(ValueError, match="'R'; allowed are"):
        fl.steady_value(problem, "R")
    with pytest.raises(ValueError, match="tol = 2"):
        fl.steady_value(problem, tol=2)
    with pytest.raises(fl.NotConverged, match="fold"):
        fl.steady_value(fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-3))


@pytest.mark.parametrize("tol", [1e-2, 1e-4])
def test_bars_of_steady_states_of_populations_contain_what_v_min_cuts_off(tol):
    """Inhibition shifts the density down, where a mesh made without activity ends. N by quadrature, closed form."""
    state = fl.steady_state(fl.discretize(fl.Populations(coupling=[[-6.5]], current=1.0), tol=tol))
    N = brentq(lambda N: exact.firing_rate(fl.NoisyLIF(current=1.0 - 6.5 * N)) - N, 0.0, 1.0, xtol=1e-14)
    assert abs(state.N[0] - N) <= state.errors["N_0"] + 1e-14  # that of the quadrature
    assert state.errors["N_0"] <= tol * N
