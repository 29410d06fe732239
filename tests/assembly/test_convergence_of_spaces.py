"""How fast N converges: order 2k for elements of degree k, faster than any order in the degree, order 2 when fitted."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.analysis import exact

MODEL = fl.NoisyLIF(a0=1.0, current=2.0)
CLOSED_FORM = exact.rate(2.0, 1.0, 1.0, 2.0)


def stationary_rate(space, cells, v_min=-8.0, grading=1.0):
    """N of the state with F y = 0 and mass 1 (b = 0, so F is linear); the mass below V_min = -8 is e^-50."""
    problem = fl.discretize(MODEL, fl.interval(MODEL, v_min=v_min, cells=cells, grading=grading), space=space)
    matrix = problem.jacobian(0.0, np.zeros(problem.size)).dense()
    ones, mass = np.r_[1.0, np.zeros(problem.size)], problem.conserved["mass"]
    y = np.linalg.lstsq(np.vstack([mass, matrix]), ones, rcond=None)[0]
    assert np.abs(problem.rate(0.0, y)).max() < 1e-10  # F = 0 in the tied space, on every row
    return problem.scalars(0.0, y)[0]


def orders(errors):
    return np.log2(np.array(errors[:-1]) / errors[1:])


@pytest.mark.parametrize(("degree", "cells"), [(1, (40, 80)), (2, (20, 40)), (3, (20, 40))])
def test_flux_of_lagrange_elements_converges_with_twice_the_degree(degree, cells):
    errors = [abs(stationary_rate(fl.Lagrange(degree), n) / CLOSED_FORM - 1) for n in cells]
    # the consistent flux is superconvergent; -a n'(V_F) of the same elements would be of order `degree`
    assert orders(errors)[-1] == pytest.approx(2 * degree, abs=0.15)


@pytest.mark.parametrize(("degree", "cells"), [(1, (32, 64)), (2, (32, 64)), (3, (16, 32))])
def test_flux_in_time_converges_with_twice_the_degree(degree, cells):
    """A network far from equilibrium; cells of one size, 8 or a multiple of it, so that V_R is a node."""
    model, start = fl.NoisyLIF(b=0.5), fl.Gaussian(0.0, 0.4, boundary_layer=1.5)

    def rate(space, n):
        problem = fl.discretize(model, fl.interval(model, v_min=-6.0, cells=n, grading=1.0), space=space)
        return fl.evolve(problem, start, t_end=0.4, rtol=1e-9).final.N

    reference = rate(fl.SpectralElement(8), 40)
    errors = [abs(rate(fl.Lagrange(degree), n) / reference - 1) for n in cells]
    assert orders(errors)[-1] == pytest.approx(2 * degree, abs=0.15)


def test_spectral_elements_converge_faster_than_any_order():
    errors = np.array([abs(stationary_rate(fl.SpectralElement(d), 12) / CLOSED_FORM - 1) for d in (3, 4, 5, 6, 7)])
    assert np.all(errors[1:] < errors[:-1] / 20)  # a factor for every degree (40 to 160 measured): exponential
    assert errors[-1] < 1e-11


def test_forty_two_unknowns_give_eight_digits():
    assert stationary_rate(fl.SpectralElement(6), 7, v_min=-4.0, grading=1.5) == pytest.approx(CLOSED_FORM, rel=1e-8)


@pytest.mark.parametrize("b", [0.0, 0.5])
def test_exponential_fitting_is_of_order_two(b):
    model = fl.NoisyLIF(b=b)
    errors = []
    for cells in (80, 160, 320):
        problem = fl.discretize(
            model, fl.interval(model, v_min=-5.5, cells=cells, grading=1.0), space=fl.ExponentialFitting()
        )
        run = fl.evolve(problem, fl.Gaussian(0.0, 0.5, boundary_layer=0.5), t_end=25.0, rtol=1e-7)
        errors.append(abs(run.final.N / exact.steady_rates(model)[0] - 1))
    assert orders(errors)[-1] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("space", [fl.SpectralElement(6), fl.Lagrange(3), fl.ExponentialFitting()], ids=repr)
def test_the_mesh_chosen_from_a_tolerance_keeps_it(space):
    for tol in (1e-2, 1e-3, 1e-4):
        for model in (fl.NoisyLIF(b=0.5), fl.NoisyLIF(a0=0.1, current=0.5), fl.NoisyLIF(b=-5.0, current=2.0)):
            run = fl.evolve(
                fl.discretize(model, space=space, tol=tol), fl.Gaussian(0.0, 0.3), t_end=20.0, rtol=0.1 * tol
            )
            assert run.final.N == pytest.approx(exact.steady_rates(model)[0], rel=tol)
