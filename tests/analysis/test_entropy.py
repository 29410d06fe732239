"""Relative entropy: reference values, the identity, decay at twice the gap."""

import numpy as np
import pytest

import felif as fl

#: reference-values.md, b = 0, initial density exp(-v^2/.6) (1 - exp(-((2-v)/.7)^4)), t = .3: S, dS/dt, D_diff, D_jump
VALUES = {
    "quadratic": (0.051372032411, -0.260593562777, 0.255887474849, 0.004706087928),
    "entropy": (0.031066514508, -0.158576289536 - 0.002724484664, 0.158576289536, 0.002724484664),
}


@pytest.fixture(scope="module")
def relaxation():
    problem = fl.discretize(fl.NoisyLIF(), tol=1e-9)
    start = fl.Gaussian(mean=0.0, variance=0.3, boundary_layer=0.7)
    run = fl.evolve(problem, start, t_end=6.0, rtol=1e-9, breakpoints=[0.3], progress=False)
    return run, fl.steady_state(problem)


@pytest.mark.parametrize("H", VALUES)
def test_reference_values(relaxation, H):
    found = fl.relative_entropy(*relaxation, H=H)
    at = np.flatnonzero(found.times == 0.3)[0]
    values = (found.S[at], found.rate[at], found.dissipation_diffusion[at], found.dissipation_jump[at])
    assert values == pytest.approx(VALUES[H], abs=1e-8)


@pytest.mark.parametrize("H", VALUES)
def test_the_identity_holds_along_the_run_and_entropy_falls(relaxation, H):
    found = fl.relative_entropy(*relaxation, H=H)
    assert found.defect.max() < 1e-8
    assert (np.diff(found.S) < 0).all()
    assert found.dissipation_diffusion.min() >= 0
    assert found.dissipation_jump.min() >= 0
    assert not found.coupling.any()


def test_the_quadratic_entropy_decays_at_twice_the_gap_and_not_slower_than_hardy_poincare(relaxation):
    run, state = relaxation
    found = fl.relative_entropy(run, state)
    late = (found.times > 4) & (found.times < 5.5)
    slope = np.polyfit(found.times[late], np.log(found.S[late]), 1)[0]
    assert slope == pytest.approx(-2 * fl.spectrum(state.problem, state, 1).gap, rel=1e-3)
    bound = fl.poincare(state.problem, state).gap_bound
    assert (found.dissipation_diffusion >= 2 * bound * found.S * (1 - 1e-9)).all()


@pytest.mark.parametrize("b", [0.8, -2.0])
@pytest.mark.parametrize("H", VALUES)
def test_the_identity_with_the_term_of_the_coupling(b, H):
    problem = fl.discretize(fl.NoisyLIF(b=b), tol=1e-8)
    start = fl.Gaussian(mean=-0.5, variance=0.4, boundary_layer=0.6)
    run = fl.evolve(problem, start, t_end=1.0, rtol=1e-8, progress=False)
    found = fl.relative_entropy(run, fl.steady_state(problem), H=H)
    assert found.defect.max() < 1e-6
    assert np.abs(found.coupling).max() > 1e-3


def test_data_that_do_not_vanish_at_the_threshold():
    """N(0) is infinite, and with (h - 1)^2 so is S(0): the identity is checked from the first step on."""
    problem = fl.discretize(fl.NoisyLIF())
    run = fl.evolve(problem, fl.Gaussian(0.5, 0.3), t_end=1.0, progress=False)
    found = fl.relative_entropy(run, fl.steady_state(problem))
    assert np.isinf(found.S[0])
    assert np.isfinite(found.S[1:]).all()
    assert len(found.S) == len(found.defect) == len(run.times)
    assert found.defect.max() < 1e-3  # of default tolerances, with n^2/P nearly singular at V_F in the first steps


def test_what_it_is_not_defined_for_is_named(relaxation):
    run, state = relaxation
    with pytest.raises(ValueError, match="H = 'cubic'"):
        fl.relative_entropy(run, state, H="cubic")
    other = fl.steady_state(fl.discretize(fl.NoisyLIF(b=0.5)))
    with pytest.raises(ValueError, match="belongs to"):
        fl.relative_entropy(run, other)
    for model in (fl.NoisyLIF(a1=0.1), fl.RefractoryLIF(), fl.RandomThresholdLIF()):
        problem = fl.discretize(model, tol=1e-4)
        short = fl.evolve(problem, fl.Gaussian(0.0, 0.2, boundary_layer=0.5), t_end=0.01, progress=False)
        with pytest.raises(ValueError, match="relative_entropy"):
            fl.relative_entropy(short, fl.steady_state(problem))
