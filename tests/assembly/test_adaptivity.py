"""Meshes that follow a state: what is split, what is given back, and what every transfer keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

import felif as fl
from felif.assembly import coarsen, splitting

NETWORK = fl.NoisyLIF(b=0.5)


def evolved(model, start, t_end, tol=1e-6, **how):
    return fl.evolve(fl.discretize(model, tol=tol), start, t_end, rtol=tol, progress=False, **how)


def dofs(run):
    return [segment.problem.size for segment in run.segments]


@pytest.mark.parametrize(
    ("start", "left"),
    [(fl.Gaussian(1.5, 1e-6, boundary_layer=0.5), 0.6), (fl.Uniform(0.1, 0.7), 0.6)],
    ids=["concentrated", "discontinuous"],
)
def test_cells_that_only_the_initial_data_needed_are_given_back(start, left):
    run = evolved(NETWORK, start, 3.0, tol=1e-5)
    assert dofs(run)[-1] < left * max(dofs(run))
    assert run.statistics["remeshes"] < 20  # nothing goes to and fro
    assert run.drift["mass"] < 1e-12
    exact = evolved(NETWORK, start, 3.0, tol=1e-8)
    times = np.array([0.05, 0.5, 3.0])
    # tol is relative to N, and to 0.01 where N is smaller; a factor of 5 for the steps, whose errors add up
    assert run.sample("N", times) == pytest.approx(exact.sample("N", times), rel=5e-5, abs=5e-7)


def test_a_smooth_run_keeps_its_mesh():
    """A new mesh costs as much as a dozen steps."""
    assert evolved(NETWORK, fl.Gaussian(0.0, 0.25), 5.0).statistics["remeshes"] == 0


def test_no_mesh_is_coarser_than_the_tolerance_asks_for():
    run = evolved(NETWORK, fl.Uniform(0.1, 0.7), 5.0)
    for problem in (segment.problem for segment in run.segments):
        assert {1.0, 2.0} <= set(problem.cells)
        wanted = splitting.natural_widths(problem, problem.cells[:-1], problem.cells[1:])
        inside = problem.cells[:-1] >= problem.natural[0]
        assert np.all(problem.widths[inside] < 1.7 * wanted[inside])  # a cell that reaches into the next, smaller one


MODELS = [
    fl.NoisyLIF(b=0.5),
    fl.RefractoryLIF(b=0.5, tau=0.3),
    fl.RandomThresholdLIF(b=2.0),
    fl.ExcitatoryInhibitoryLIF(),
]
SPACES = [fl.SpectralElement(6), fl.SpectralElement(3), fl.Lagrange(2), fl.ExponentialFitting()]


@cases(16)
@given(model=st.sampled_from(MODELS), space=st.sampled_from(SPACES), seed=st.integers(0, 10**6))
def test_merging_keeps_moments_and_conserved_quantities(model, space, seed):
    """Against functions of the coarse space that are the same at V_R and V_F, 1 among them: exact up to rounding."""
    rng = np.random.default_rng(seed)
    coarse = fl.discretize(model, tol=1e-2, space=space)
    fine = coarse.on_cells(splitting.split(coarse.cells, rng.uniform(size=len(coarse.widths)) < 0.5))
    y = np.abs(rng.normal(size=fine.size))
    for name in fine.field_names:
        y[fine.layout.slice(name)] *= np.exp(-(fine.nodes[: fine.layout.free(name)] ** 2))
        if fine.layout.tied[name] is not None:  # away from V_F, where N would fire
            y[fine.layout.slice(name)] *= fine.nodes[: fine.layout.free(name)] < 0.5
    z = coarsen.project(fine, coarse, y)
    for name, functional in coarse.conserved.items():
        assert functional @ z == pytest.approx(fine.conserved[name] @ y, rel=1e-14)
    if not isinstance(space, fl.Lagrange):  # its inverse mass matrix reaches V_F, and what is there fires
        for name in fine.field_names:
            first, second = (p.field(name, x) for p, x in ((fine, y), (coarse, z)))
            before = first.weights @ (first.nodes * first.values)
            assert second.weights @ (second.nodes * second.values) == pytest.approx(before, abs=1e-13)
    if isinstance(space, fl.ExponentialFitting):
        assert z.min() >= 0.0


def test_what_has_not_changed_keeps_its_values():
    state = evolved(NETWORK, fl.Gaussian(0.0, 0.25), 1.0).final
    fine = state.problem.on_cells(splitting.split(state.problem.cells, state.problem.cells[1:] < 0))
    back = coarsen.project(fine, state.problem, splitting.transfer(state.problem, fine, state.y))
    assert back == pytest.approx(state.y, abs=1e-6)  # the highest mode of merged cells is halved; it is below tol
    right = state.problem.nodes[:-1] > 0.0
    assert back[right] == pytest.approx(state.y[right], abs=1e-13)


def test_remeshing_depends_on_the_state_alone(tmp_path):
    """Stopped among the coarsenings and resumed: the same bits."""
    start, problem = fl.Uniform(0.1, 0.7), fl.discretize(NETWORK, tol=1e-4)
    how = {"rtol": 1e-4, "progress": False}
    whole = fl.evolve(problem, start, 2.0, **how)
    assert dofs(whole)[-1] < dofs(whole)[0]

    class Stopped(Exception):
        pass

    def stop(trajectory):
        if trajectory.statistics["steps"] == 15:
            raise Stopped

    with pytest.raises(Stopped):
        fl.evolve(problem, start, 2.0, folder=tmp_path / "run", observers=[stop], **how)
    resumed = fl.evolve(problem, start, 2.0, folder=tmp_path / "run", resume=True, **how)
    assert np.array_equal(whole.final.y, resumed.final.y)
    assert np.array_equal(whole.times, resumed.times)


def test_undershoots_are_refined_and_said():
    run = evolved(fl.NoisyLIF(b=-1.5), fl.Gaussian(1.8, 0.001), 1.0)
    assert run.statistics["undershoots"] > 0
    assert "meshes refined where n < -tol max n" in repr(run)
    jump = evolved(NETWORK, fl.Uniform(0.1, 0.7), 0.1, tol=1e-4)  # the projection of a jump: no mesh helps
    assert jump.undershoot > jump.problem.tol
    assert "ExponentialFitting" in repr(jump)


def test_an_undershoot_is_refined_where_it_arises_and_not_where_it_has_been_carried_to():
    problem = fl.discretize(NETWORK, tol=1e-4)
    y = np.exp(-(problem.nodes[:-1] ** 2))
    assert not splitting.undershooting(problem, y).any()
    node = int(np.searchsorted(problem.nodes, -1.0)) + 1
    y[node] = -0.01
    flags = splitting.undershooting(problem, y)
    assert flags.any()
    assert np.all(problem.cells[:-1][flags] <= problem.nodes[node] + 1e-9)
    for _ in range(6):  # the same density on ever smaller cells: nothing left to refine, though it is as negative
        flags = splitting.undershooting(problem, y)
        finer = problem.on_cells(splitting.split(problem.cells, flags))
        problem, y = finer, splitting.transfer(problem, finer, y)
    assert y.min() < -0.005
    assert not splitting.undershooting(problem, y).any()


def test_a_blow_up_is_not_disturbed_by_undershoots_of_the_layer_at_V_R():
    run = evolved(fl.NoisyLIF(b=1.5), fl.Gaussian(1.5, 0.005, boundary_layer=0.5), 1.0, tol=1e-5)
    assert run.blow_up.time == pytest.approx(0.0475514383, rel=1e-6)  # two discretisations, tol = 1e-5 asked for
    assert run.undershoot < 1e-4
