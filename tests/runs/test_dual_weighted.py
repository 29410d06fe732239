"""Dual-weighted residuals: the size of an error and its sign, and where it comes from."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

CASES = [
    (fl.NoisyLIF(b=0.5), fl.Gaussian(0.0, 0.25, boundary_layer=0.5)),
    (fl.NoisyLIF(b=-1.5, a0=0.2, current=1.5), fl.Gaussian(0.0, 0.1, boundary_layer=0.5)),
    (fl.RefractoryLIF(b=0.5, tau=0.2), fl.Gaussian(0.0, 0.25, boundary_layer=0.5)),
    (fl.NoisyLIF(b=0.3, a1=0.2), fl.Gaussian(0.2, 0.2, boundary_layer=0.5)),
]
QUANTITIES = ["N", lambda state: state.n(0.7)]


def evolved(model, start, t_end, tol):
    return fl.evolve(fl.discretize(model, tol=tol), start, t_end, rtol=tol, progress=False)


def value(run, quantity):
    return run.final.N if quantity == "N" else float(quantity(run.final))


@pytest.mark.parametrize(("model", "start"), CASES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_effectivity_is_near_one(model, start, quantity):
    ratios = []
    for t_end in (0.5, 1.0):
        exact = evolved(model, start, t_end, 1e-9)
        for tol in (1e-3, 1e-4):
            run = evolved(model, start, t_end, tol)
            true = value(exact, quantity) - value(run, quantity)
            # below that, errors of the adjoint's own steps decide
            if abs(true) > max(1e-8, 3e-7 * abs(value(exact, quantity))):
                ratios.append(fl.dual_weighted(run, quantity).signed / true)
    assert ratios
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)  # 0.99 to 1.01 for N, 1.00 to 1.09 for n(0.7)
    assert min(ratios) > 0.8
    assert max(ratios) < 1.3


def mean(state):
    return float(state.n.weights @ (state.n.nodes * state.n.values))


@pytest.mark.parametrize(("model", "start"), [CASES[0], CASES[2]])
def test_moments_whose_error_is_that_of_v_min(model, start):
    """Mass that is missing, and what the moment itself has below V_min, which `end` tells."""
    run, exact = evolved(model, start, 1.0, 1e-4), evolved(model, start, 1.0, 1e-9)
    found = fl.dual_weighted(run, mean)
    assert found.signed == pytest.approx(mean(exact.final) - mean(run.final), rel=0.02)
    assert abs(found.end) > abs(found.signed)


def test_a_moment_on_a_mesh_of_the_user():
    model, start = CASES[0]
    mesh = fl.interval(model, v_min=-8.0, cells=10)
    run = fl.evolve(fl.discretize(model, mesh, space=fl.SpectralElement(4)), start, 1.0, rtol=1e-3)
    exact = evolved(model, start, 1.0, 1e-10)
    assert fl.dual_weighted(run, mean).signed == pytest.approx(mean(exact.final) - mean(run.final), rel=0.1)


@pytest.mark.parametrize("start", [fl.Gaussian(0.5, 1e-4), fl.Uniform(0.1, 0.7)])
def test_data_and_cells_that_are_given_back(start):
    """Concentrated and discontinuous data: meshes that are coarsened on the way, and jump with that."""
    run, exact = (evolved(fl.NoisyLIF(b=0.5), start, 1.0, tol) for tol in (1e-4, 1e-8))
    assert run.statistics["remeshes"] > 0
    assert fl.dual_weighted(run).signed == pytest.approx(exact.final.N - run.final.N, rel=0.2)


@pytest.mark.parametrize("space", [fl.Lagrange(2), fl.Lagrange(3), fl.SpectralElement(2), fl.ExponentialFitting()])
def test_elements_of_low_degree(space):
    """`end` and `steps` are a hundred times their sum there: N is read from other elements."""
    model, start = CASES[0]
    run = fl.evolve(fl.discretize(model, tol=1e-3, space=space), start, 1.0, rtol=1e-7, progress=False)
    found = fl.dual_weighted(run)
    assert found.signed == pytest.approx(evolved(model, start, 1.0, 1e-9).final.N - run.final.N, rel=0.2)
    assert abs(found.end) > 2 * abs(found.signed)


def test_what_the_data_lose_shows_where_steps_are_short():
    model, start = CASES[1]
    found = fl.dual_weighted(fl.evolve(fl.discretize(model, tol=1e-3), start, 1.0, rtol=3e-5, progress=False))
    assert abs(found.data) > 0.5 * abs(found.signed)


@pytest.mark.parametrize("case", [0, 2])
@pytest.mark.parametrize("space", [fl.SpectralElement(4), fl.Lagrange(3)], ids=repr)
def test_what_a_mesh_cuts_off_a_state_or_projects_away_is_in_the_data(case, space):
    """A State of a fine mesh on one that ends at -2: `data` was 0 and the sum a thirtieth of the error."""
    model, start = CASES[case]
    state = evolved(model, start, 0.3, 1e-9).final
    how = {"t_start": 0.3, "rtol": 1e-8, "progress": False}
    exact = fl.evolve(fl.discretize(model, tol=1e-9), state, 1.0, **how).final
    with pytest.warns(UserWarning, match="cuts off"):
        run = fl.evolve(fl.discretize(model, fl.interval(model, v_min=-2.0, cells=12), space=space), state, 1.0, **how)
    found = fl.dual_weighted(run)
    assert found.signed == pytest.approx(exact.N - run.final.N, rel=0.02)
    assert abs(found.data) > 0.5 * abs(found.signed)


def test_a_state_that_is_copied_loses_nothing():
    model, start = CASES[0]
    run = evolved(model, start, 0.3, 1e-4)
    on = fl.evolve(run.problem, run.final, 1.0, t_start=0.3, rtol=1e-4, progress=False)
    assert fl.dual_weighted(on).data == 0.0


def test_contributions_add_up_and_correct_the_value():
    model, start = CASES[1]
    run = evolved(model, start, 1.0, 1e-3)
    found = fl.dual_weighted(run)
    exact = evolved(model, start, 1.0, 1e-9).final.N
    assert found.steps.shape == (run.statistics["steps"],)
    assert found.data + found.steps.sum() + found.end == pytest.approx(found.signed, rel=1e-12)
    assert found.cells[1].sum() == pytest.approx(found.steps.sum(), rel=1e-9)  # one mesh: nothing jumps
    assert abs(run.final.N + found.signed - exact) < 0.05 * abs(run.final.N - exact)


def test_a_cell_that_is_too_large_is_found():
    model = fl.NoisyLIF(b=0.5)
    fine = np.unique(np.concatenate([np.linspace(-5.0, 2.0, 29), [1.0, 2.0]]))
    coarse = fine[(fine <= -1.5) | (fine >= 0.25)]  # one cell of 1.75 in the bulk
    problem = fl.discretize(model, tol=1e-6, space=fl.SpectralElement(3)).on_cells(coarse)
    mesh = fl.discretize(model, problem.mesh, space=fl.SpectralElement(3))
    found = fl.dual_weighted(fl.evolve(mesh, fl.Gaussian(0.0, 0.6, boundary_layer=0.5), 1.0, rtol=1e-8))
    ends, parts = found.cells
    assert ends[np.argmax(np.abs(parts))] == pytest.approx(-1.5, abs=0.26)


def test_what_it_cannot_do_is_said():
    delayed = fl.evolve(fl.discretize(fl.NoisyLIF(b=-1.0, delay=0.3), tol=1e-3), fl.Gaussian(), 0.5, rtol=1e-3)
    with pytest.raises(ValueError, match="delay"):
        fl.dual_weighted(delayed)
    with pytest.raises(ValueError, match="'R'; allowed are"):
        fl.dual_weighted(evolved(*CASES[0], 0.5, 1e-3), "R")
