"""Meshes of systems reach as far as densities do, and bars contain what their ends cut off."""

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.optimize import brentq

import felif as fl
from felif.analysis import exact


@pytest.mark.parametrize("core", ["compiled", "python"])
def test_meshes_follow_a_population_that_inhibition_drives_below_them(core, monkeypatch):
    """No neuron of the second population fires, its mean potential is M' = -M + 1 - 20 N_0: from 0 to -21, where the
    mesh made from the tolerance ends at -5. The density piled up there, and its mean stayed -5.1."""
    monkeypatch.setenv("FELIF_CORE", core)
    problem = fl.discretize(fl.Populations(coupling=[[0.0, 0.0], [-20.0, 0.0]], current=[2.0, 1.0]), tol=1e-4)
    assert problem.lines["v"].cells[0] > -7
    run = fl.evolve(problem, [fl.Gaussian(0.0, 0.02)] * 2, 6.0, rtol=1e-5, progress=False)
    t = np.linspace(0.0, 6.0, 20001)
    expected = simpson(np.exp(t - 6.0) * (1 - 20 * run.sample("N_0", t)), x=t)
    last = run.segments[-1]
    v, n = last.problem.lines["v"], last.problem.full("n", last.states[-1])[1]
    assert v.weights @ n == pytest.approx(1.0, abs=1e-12)
    assert v.weights @ (v.nodes * n) == pytest.approx(expected, rel=1e-4)
    state = fl.steady_state(problem)
    assert state.problem.lines["v"].cells[0] < -25


@pytest.mark.parametrize("v_min", [-2.0, -3.0, -4.0, -5.0])
def test_bars_on_a_mesh_of_the_user_contain_what_its_end_cuts_off(v_min):
    """By 1.1e-3, 6e-5, 1.3e-6 and 1.1e-8; the bars were 1e-14. N in closed form, as the root of a quadrature."""
    problem = fl.discretize(
        fl.Populations(coupling=[[-6.5]], current=1.0), {"v": np.linspace(v_min, 2.0, int(4 * (2 - v_min)) + 1)}
    )
    state = fl.steady_state(problem)
    N = brentq(lambda N: exact.firing_rate(fl.NoisyLIF(current=1.0 - 6.5 * N)) - N, 0.0, 1.0, xtol=1e-14)
    assert 0.9 * state.errors["N_0"] < abs(state.N[0] - N) <= state.errors["N_0"]
