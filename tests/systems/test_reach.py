"""Meshes of systems reach as far as densities do, and bars contain what their ends cut off."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Relaxing:
    """n_t + [(1 + b M - v) n]_v = a n_vv, M = int v n: at rest a Gaussian of variance a around M = 1/(1 - b)."""

    a: float
    b: float = 0.5

    def equations(self):
        return fl.Equations(
            axes=(fl.Axis("v", -np.inf, np.inf),),
            unknowns=(fl.Unknown("n", ("v",)), fl.Unknown("M", (), "equals")),
            terms=(
                fl.drift("n", "v", lambda x: 1.0 - x.v),
                fl.drift("n", "v", lambda x: 1.0, lambda s, m: m.b * s.M),
                fl.noise("n", "v", lambda s, m: m.a),
                fl.Term("M", "n", lambda n, phi, x: x.v * n * phi),
            ),
            conserved=(fl.Conserved("mass", {"n": 1.0}),),
        )


@pytest.mark.parametrize("a", [0.1, 1e-2, 1e-3])
@pytest.mark.parametrize("tol", [1e-3, 1e-5])
def test_oscillations_of_an_unresolved_density_lengthen_no_mesh(a, tol):
    """They reach up to the ends: the mesh went to +-80 with its 400 cells, M was off by 30 bars, or no state found."""
    (found,) = fl.steady_states(fl.discretize(Relaxing(a), tol=tol))
    assert abs(found.M - 2.0) < found.error + 1e-14
    assert found.error < tol
    v = np.linspace(2 - 5 * np.sqrt(a), 2 + 5 * np.sqrt(a), 101)
    density = np.exp(-((v - 2) ** 2) / (2 * a)) / np.sqrt(2 * np.pi * a)
    assert np.abs(found.problem.field("n", found.y)(v) - density).max() < 3 * tol * density.max()
    assert found.problem.lines["v"].count < 60
