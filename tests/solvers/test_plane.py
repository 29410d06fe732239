"""Steady states over (v, w) for a given connectivity, and the spectrum of what couples the lines."""

import numpy as np
import pytest

import felif as fl
from felif.problem import State


def connectivity(w):
    return 630 * w**4 * (1 + w) ** 4


def still(**changes):
    parameters = {"eps": 0.0, "K": -1.0, "sigma": lambda x: 4 * x, "current": 1.5, "w_min": -1.0, "w_max": 0.0}
    return fl.LearningLIF(**{**parameters, **changes})


def excitatory(slope):
    problem = fl.discretize(still(sigma=lambda x: slope * x, current=0.0, w_min=0.0, w_max=3.0), tol=1e-3)
    return fl.steady_states(problem, C=lambda w: 6 * w * (3 - w) / 27)


def test_the_output_of_inhibitory_lines_is_the_one_fixed_point():
    steady = fl.steady_states(fl.discretize(still(), tol=1e-5), C=connectivity)
    assert len(steady) == 1
    # scalar fixed point with rates in closed form (issue 6)
    assert steady[0].Nbar == pytest.approx(0.370964144791024, abs=2 * steady[0].error)
    assert steady[0].error < 1e-7
    assert steady[0].N(-0.5) == pytest.approx(0.894439216235642, rel=1e-5)
    assert steady[0].C(-0.5) == pytest.approx(connectivity(-0.5), rel=1e-5)
    assert steady[0].residual < 1e-11


def test_excitatory_lines_have_two_outputs_or_none_and_the_upper_one_is_unstable():
    two = excitatory(1.0)
    assert [s.Nbar for s in two] == pytest.approx([0.197030105616792, 2.00843892419426], rel=1e-4)
    assert [s.stable for s in two] == [True, False]
    none = excitatory(1.4)
    assert len(none) == 0
    assert "No steady state" in none.message


def test_the_spectrum_is_that_of_the_dense_jacobian_without_one_zero_for_each_line():
    model = still()
    mesh = fl.interval(model, v_min=-3.0, cells=4, grading=1.5)
    space = fl.Tensor(fl.SpectralElement(4), fl.DG(2))
    problem = fl.discretize(model, (mesh, np.linspace(-1.0, 0.0, 4)), space=space)
    steady = fl.steady_states(problem, C=connectivity)[0]
    columns = [
        (problem.rate(0.0, steady.y + 1e-6 * e) - problem.rate(0.0, steady.y - 1e-6 * e)) / 2e-6
        for e in np.eye(problem.size)
    ]
    values = np.linalg.eigvals(np.array(columns).T / problem.mass.data[0][:, None])
    assert np.sum(np.abs(values) < 1e-6) == problem.shape[1]
    values = values[np.abs(values) > 1e-6]
    dense = values[np.argsort(-values.real)][:6]
    found = fl.spectrum(problem, steady, count=6)
    assert found.eigenvalues == pytest.approx(dense.real, rel=1e-8)
    assert found.residuals.max() < 1e-7
    assert abs(found.right[0].p.integral()) < 1e-10 * np.abs(found.right[0].vector).max()


def test_the_gap_is_the_rate_at_which_perturbations_decay():
    problem = fl.discretize(still(), tol=1e-3)
    steady = fl.steady_states(problem, C=connectivity)[0]
    gap = fl.spectrum(steady.problem, steady, count=1).gap
    mode = fl.spectrum(steady.problem, steady, count=1).right[0].vector.real
    start = State(steady.problem, 0.0, steady.y + 1e-3 * mode * np.abs(steady.y).max())
    run = fl.evolve(steady.problem, start, t_end=1.0, rtol=1e-8, progress=False)
    before, after = (np.abs(y - steady.y).sum() for y in (start.y, run.final.y))
    assert np.log(before / after) == pytest.approx(gap, rel=1e-3)


def test_what_has_a_continuum_of_steady_states_says_so():
    learning = fl.discretize(still(eps=0.2), tol=1e-3)
    with pytest.raises(ValueError, match="continuum.*learned_connectivity"):
        fl.steady_states(learning, C=connectivity)
    with pytest.raises(ValueError, match="every C"):
        fl.steady_states(learning.at(eps=0.0))
    with pytest.raises(ValueError, match=r"steady_states\(problem, C"):
        fl.steady_state(learning)
    with pytest.raises(ValueError, match="leave C out"):
        fl.steady_states(fl.discretize(fl.NoisyLIF()), C=connectivity)
    with pytest.raises(ValueError, match="allowed are finite numbers >= 0"):
        fl.steady_states(learning.at(eps=0.0), C=lambda w: w)


@pytest.mark.parametrize("dense", [1500, 10])
def test_with_learning_the_modes_are_those_of_the_dense_jacobian_too(dense, tune):
    from felif.solvers import plane_modes, plane_spectrum

    tune(plane_modes, "PLANES", dense=dense)
    tune(plane_spectrum, "PLANES", moving=10.0)  # any state is as good to compare matrices at
    model = still(eps=0.3)
    mesh = fl.interval(model, v_min=-3.0, cells=3, grading=1.5)
    problem = fl.discretize(model, (mesh, np.linspace(-1.0, 0.0, 4)), space=fl.Tensor(fl.SpectralElement(4), fl.DG(1)))
    state = fl.evolve(problem, lambda v, w: connectivity(w) * np.exp(-(v**2)), t_end=1.0, progress=False).final
    columns = [
        (problem.rate(0.0, state.y + 1e-6 * e) - problem.rate(0.0, state.y - 1e-6 * e)) / 2e-6
        for e in np.eye(problem.size)
    ]
    values = np.linalg.eigvals(np.array(columns).T / problem.mass.data[0][:, None])
    values = values[np.argsort(np.abs(values))[1:]]
    leading = values[np.argsort(-values.real)][0]
    found = fl.spectrum(problem, state, count=1)
    assert found.eigenvalues[0].real == pytest.approx(leading.real, rel=1e-4)
