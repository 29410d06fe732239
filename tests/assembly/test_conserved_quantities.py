"""What a model declares conserved stays so: at every state to rounding, over ten thousand steps to 1e-12."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.meshing import line

SCHEMES = [fl.Rodas5P(), fl.ESDIRK43(), fl.TRBDF2(), fl.BackwardEuler()]
SPACES = [fl.SpectralElement(6), fl.Lagrange(2), fl.ExponentialFitting()]
names = lambda part: type(part).__name__


CELLS = np.r_[-3.0, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0 - np.geomspace(0.5, 1e-5, 4), 2.0]  # down to 1e-5 at V_F


def steps(count, model, scheme, space):
    problem = fl.discretize(model, line(CELLS, {"reset": 1.0, "firing": 2.0}), space=space)
    start = fl.evolve(problem, fl.Gaussian(0.0, 0.6, boundary_layer=0.5), t_end=0.1).final  # smooth in the small cells
    run = fl.evolve(problem, start, t_end=2e-4 * count, scheme=scheme, rtol=1e-4, fixed_step=2e-4)
    assert run.statistics["steps"] >= count
    assert run.trajectory.rounding < 1e-14 * count  # what is taken out step by step is rounding and nothing else
    return run


@pytest.mark.parametrize(("space", "scheme"), zip(SPACES[:2], [SCHEMES[0], SCHEMES[3]], strict=True), ids=names)
def test_mass_drifts_less_than_1e_12_over_ten_thousand_steps(scheme, space):
    """Every scheme in tests/evolution/test_conservation.py, on quicker volumes; all in tests/conservation.py."""
    assert steps(10_000, fl.NoisyLIF(b=0.5), scheme, space).drift["mass"] < 1e-12


@pytest.mark.parametrize("space", SPACES, ids=names)
@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_mass_drifts_less_than_1e_16_a_step(scheme, space):
    assert steps(1000, fl.NoisyLIF(b=0.5), scheme, space).drift["mass"] < 1e-13


def test_density_and_refractory_state_together_drift_less_than_1e_16_a_step():
    run = steps(2000, fl.RefractoryLIF(b=0.5, tau=0.2), fl.BackwardEuler(), fl.SpectralElement(6))
    assert run.drift["total"] < 2e-13
    assert np.ptp(run.series["mass"]) > 1e-3


@pytest.mark.parametrize("space", SPACES, ids=names)
@pytest.mark.parametrize(
    "model",
    [fl.NoisyLIF(b=0.5, a1=0.2), fl.RefractoryLIF(b=1.0), fl.RandomThresholdLIF(b=2.0, drift=fl.Quadratic())],
    ids=names,
)
def test_the_semidiscrete_system_conserves_to_rounding_by_itself(model, space):
    """Without what a run takes out: c . M^-1 F = 0 where the densities are rough."""
    problem = fl.discretize(model, fl.interval(model, v_min=-4.0, cells=9), space=space)
    y = np.random.default_rng(1).uniform(0, 0.05, problem.size)
    mass = np.linalg.solve(problem.mass.dense(), problem.rate(0.0, y))
    for weights in problem.conserved.values():
        assert abs(weights @ mass) < 1e-12 * np.abs(weights * mass).sum()


def test_mass_is_conserved_to_blow_up_and_through_every_change_of_mesh():
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5), t_end=10.0)
    assert run.statistics["remeshes"] > 5
    assert run.outcome.name == "blow_up"
    assert run.drift["mass"] < 1e-12


def test_total_is_conserved_through_every_change_of_mesh_with_a_random_threshold():
    problem = fl.discretize(fl.RandomThresholdLIF(b=8.0), tol=1e-4)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=3.0, rtol=1e-4)
    assert run.series["N"].max() > 2.0  # a burst, with neurons far above V_F
    assert run.drift["total"] < 1e-12
