"""Many populations: what they share, how many unknowns they have, and how their matrices are taken apart."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.algebra import BandSchur
from felif.solvers.border import Border

START = fl.Gaussian(-0.5, 0.1)


def test_equal_populations_that_hear_all_of_them_are_one_network():
    """Mean field: b / n from each of n equal populations is b of one, by the other engine; noise is shared alike."""
    n = 20
    many = fl.Populations(coupling=np.full((n, n), 0.6 / n), a1=np.full((n, n), 0.05 / n), current=0.4)
    run = fl.evolve(fl.discretize(many, tol=1e-6), START, t_end=0.5, rtol=1e-6, progress=False)
    assert isinstance(run.problem.jacobian(0.5, run.final.y), BandSchur)
    one = fl.NoisyLIF(b=0.6, a0=1.0, a1=0.05, current=0.4)
    alone = fl.evolve(fl.discretize(one, tol=1e-8), START, t_end=0.5, rtol=1e-8, progress=False)
    assert run.final.N == pytest.approx(np.full(n, alone.final.N), rel=2e-6)


def test_columns_that_share_right_hand_sides_are_as_many_for_five_populations_as_for_fifty():
    random, counts = np.random.default_rng(2), []
    for n in (5, 50):
        coupling = random.normal(0.0, 0.1, (n, n)) * (random.random((n, n)) < 3 / n)
        problem = fl.discretize(fl.Populations(coupling=coupling, a1=0.01), tol=1e-2)
        problem, y, _ = problem.initial_state(START)
        counts.append(problem.jacobian(0.0, y).shared.count)
        change = random.normal(size=problem.size)
        seen = problem.scalar_changes(0.0, y) @ change
        assert seen == pytest.approx(problem.scalar_gradient(0.0, y) @ change, rel=1e-9)
    assert counts == [3, 3]  # of the rate, of the input and of the noise of the network


def test_more_populations_than_a_dense_matrix_is_made_for_fire_as_fewer_do():
    """420 unknowns that are solved for: they were given the wrong sign, which the check of conservation found."""
    rates = []
    for n in (210, 3):
        currents = np.linspace(0.0, 2.0, 210)[:n]
        problem = fl.discretize(fl.Populations(coupling=np.zeros((n, n)), current=currents), tol=1e-2)
        problem, y, _ = problem.initial_state(fl.Gaussian(0.0, 0.3))
        rates.append(problem.group("N", 0.0, y)[:3])
    assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def test_the_linear_system_of_steady_states_stays_sparse():
    """Columns of the border, of the pins and of the numbers share right-hand sides: as many for 5 as for 40."""
    counts = []
    for n in (5, 40):
        problem = fl.discretize(fl.Populations(coupling=np.full((n, n), -1.0 / n), current=1.0), tol=1e-2)
        problem, y, _ = problem.initial_state(START)
        system = Border(problem, y).around(problem.jacobian(0.0, y))
        f, g = np.random.default_rng(3).normal(size=problem.size), np.zeros(n)
        x, z = system.solve(f, g)
        counts.append(system._beside.shared.count)
        carried = Border(problem, y).carried
        assert np.abs(problem.jacobian(0.0, y) @ x + carried @ z - f).max() < 1e-8
        alone = (problem.conserved[f"total_{n - 1}"] != 0) * y
        assert carried[:, -1] == pytest.approx(problem.mass @ alone, rel=1e-12)
    assert counts[0] == counts[1] <= 5


@pytest.mark.parametrize("fire", np.random.default_rng(6).uniform(0.5, 3.0, 12))
def test_no_cell_is_as_short_as_rounding(fire):
    """Where the cells that grow towards an infinite end met its place but for rounding, there was one of 1e-15."""
    problem = fl.discretize(fl.Populations(coupling=np.zeros((1, 1)), v_fire=fire, v_reset=fire - 0.7), tol=1e-4)
    assert problem.lines["v"].widths.min() > 0.01
