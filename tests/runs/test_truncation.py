"""What the ends of a mesh cut off is in every bar and warned of; data beyond V_F are refused with their size."""

from __future__ import annotations

import re
from functools import cache
from unittest import mock

import independent
import numpy as np
import pytest
from independent import FiringRate

import felif as fl
from felif.analysis import exact
from felif.assembly import initial, tails

NETWORK, START = fl.NoisyLIF(b=0.5), fl.Gaussian(0.0, 0.25)
ROWS = {-2.0: 0.13837226922, -1.0: 0.16006014733, 0.0: 0.29586251235, 0.99: 1.4984763221}  # N(2) on such meshes
STEADY = 0.13477507993525  # closed form
pytestmark = pytest.mark.filterwarnings("ignore:discretize:UserWarning", "ignore:evolve:UserWarning")


def on_mesh(model, start, t_end, v_min, cells=13, rtol=1e-6, **how):
    problem = fl.discretize(model, fl.interval(model, v_min=v_min, cells=cells))
    return fl.evolve(problem, start, t_end, rtol=rtol, progress=False, **how)


@cache
def by_heat_potentials():
    """N(.5), N(1) of the network of the rows."""
    return FiringRate(START, 1.0, b=0.5)([0.5, 1.0])


@pytest.mark.parametrize(("v_min", "there"), ROWS.items())
@pytest.mark.filterwarnings("ignore:start:UserWarning")
def test_a_bar_contains_what_v_min_cuts_off(v_min, there):
    run = on_mesh(NETWORK, START, 2.0, v_min)
    assert run.final.N == pytest.approx(there, rel=1e-6)
    true = abs(run.final.N - 0.136899892)  # reference-values table: two discretisations
    assert true < run.error("N") < 1.3 * true
    at = by_heat_potentials()
    assert np.all(np.abs(run.sample("N", [0.5, 1.0]) - at) < run.error("N", [0.5, 1.0]))


@pytest.mark.parametrize(
    ("model", "v_min", "cells"),
    [
        (fl.NoisyLIF(b=-1.0, a0=0.3, current=1.0), 0.3, 6),
        (fl.NoisyLIF(b=0.3, a0=0.5, v_reset=0.0), -0.4, 9),
        (fl.NoisyLIF(b=-0.5, a0=2.0), -2.5, 4),
        (fl.RefractoryLIF(b=0.5, tau=0.2), -1.5, 5),
        (fl.NoisyLIF(b=-2.0, current=2.5, v_reset=-0.5), -0.6, 8),
    ],
)
@pytest.mark.filterwarnings("ignore:start:UserWarning")
def test_other_meshes_that_are_too_short_and_too_coarse(model, v_min, cells):
    run, times = on_mesh(model, START, 1.0, v_min, cells, rtol=1e-4), np.array([0.2, 0.5, 1.0])
    how = {name: getattr(model, name) for name in ("b", "a0", "v_reset", "current")}
    truth = FiringRate(lambda v: START(v), 1.0, tau=getattr(model, "tau", 0.0), **how)(times)
    true = np.abs(run.sample("N", times) - truth)
    assert np.all(true < run.error("N", times))
    assert np.all(run.error("N", times) < 1.5 * true + 1e-7)


@pytest.mark.filterwarnings("ignore:start:UserWarning")
def test_v_max_of_a_random_threshold_is_in_the_bar():
    model = fl.RandomThresholdLIF(b=0.5, eps=0.2, tau=0.5)
    mesh = fl.interval(model, v_min=-6.0, v_max=2.3, cells=18)
    with pytest.warns(UserWarning, match="V_max = 2.3 cuts off"):
        problem = fl.discretize(model, mesh)
    run = fl.evolve(problem, START, 1.0, progress=False)
    exact = fl.evolve(fl.discretize(model, tol=1e-8), START, 1.0, rtol=1e-8, progress=False)
    true = abs(run.final.N - exact.final.N)
    assert true > 1e-4
    assert true < run.error("N") < 1.3 * true


@pytest.mark.parametrize("tol", [1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize(
    "model",
    [
        fl.RandomThresholdLIF(
            b=-0.6, eps=0.9, tau=0.64, a0=0.13, a1=0.95, v_reset=-0.42, v_fire=2.25, current=1.165
        ),  # N = 1.4e-3: of the little that is above V_F the mesh cuts off 1e-8 to 1e-7
        fl.RandomThresholdLIF(b=1.0, eps=0.5, tau=0.1, a0=0.3, v_reset=0.0, v_fire=3.0, current=0.5),
    ],
)
def test_rates_of_few_neurons_above_a_random_threshold_know_v_max(model, tol):
    (steady,) = fl.steady_states(fl.discretize(model, tol=tol))
    (rate,) = exact.steady_rates(model)
    assert abs(steady.N - rate) < steady.error + 1e-13


@pytest.mark.parametrize("v_min", [-2.0, -1.0])
def test_steady_states_and_eigenvalues_know_what_v_min_cuts_off(v_min):
    problem = fl.discretize(NETWORK, fl.interval(NETWORK, v_min=v_min))
    (state,) = fl.steady_states(problem)
    true = abs(state.N - STEADY)
    assert true < state.error < 1.2 * true
    leading = fl.spectrum(problem, state, count=1)
    assert abs(leading.eigenvalues[0] + 1.1099622657) < leading.errors[0]  # reference-values, spectra


@pytest.mark.parametrize("v_min", [0.0, 0.99])
def test_a_mesh_without_steady_states_of_the_model_is_named_as_the_cause(v_min):
    found = fl.steady_states(fl.discretize(NETWORK, fl.interval(NETWORK, v_min=v_min)))
    assert not len(found)
    assert f"V_min = {v_min:g} cuts off" in found.message


@pytest.mark.parametrize("v_min", [-1.0, 0.0])
def test_lines_over_the_plane_that_are_too_short_have_bars_that_contain_it(v_min):
    model = fl.LearningLIF(
        eps=0.2, K=lambda w: -1.0, sigma=lambda x: 4 * x, current=lambda w: 1.5, w_min=-1.0, w_max=0.0
    )

    def start(v, w):
        return w**4 * (1 + w) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-((np.abs(2 - v) / 0.5) ** 4))

    problem = fl.discretize(model, (fl.interval(model, v_min=v_min, cells=8), np.linspace(-1.0, 0.0, 6)))
    run = fl.evolve(problem, start, 0.25, rtol=1e-3, progress=False)
    true = abs(run.final.Nbar - 0.3132451128)  # reference-values, learning
    assert true < run.error("Nbar") < 1.3 * true


def test_first_order_is_not_claimed_where_it_says_nothing():
    run = on_mesh(NETWORK, START, 2.0, -2.0)
    assert fl.dual_weighted(run).error == pytest.approx(abs(run.final.N - 0.136899892), rel=0.01)
    with pytest.raises(ValueError, match=r"dual_weighted: V_min = 0 of the mesh cuts off 4\d"):
        fl.dual_weighted(on_mesh(NETWORK, fl.Gaussian(0.9, 0.01), 2.0, 0.0))


def test_short_meshes_and_what_they_cut_off_data_are_warned_of():
    mesh = fl.interval(NETWORK, v_min=-1.0)
    with pytest.warns(UserWarning, match=r"V_min = -1 cuts off 1\d %, where -[67]"):
        problem = fl.discretize(NETWORK, mesh)
    with pytest.warns(UserWarning, match=r"2.28 % of the density n lies below V_min = -1"):
        initial(problem, START)
    with pytest.warns(UserWarning, match=r"evolve: the mesh \[-1, 2\] cuts off 1\d %"):
        fl.evolve(problem, fl.Gaussian(0.5, 0.01), 2.0, progress=False)


REFUSED = [
    (fl.Uniform(-1.0, 5.0), "50 %"),
    (fl.Gaussian(5.0, 0.01), "100 %"),
    (fl.Gaussian(10.0, 0.25), "100 %"),
    (fl.Uniform(0.0, 2.001), "0.05 %"),
    (fl.Gaussian(1.5, 0.25), "15.9 %"),
    (fl.Gaussian(1.9, 1.0), "46 %"),
    (fl.Gaussian(2.1, 0.01, boundary_layer=0.3), "84.1 %"),
    (fl.Uniform(1.0, 2.5, boundary_layer=0.5), "33.3 %"),
]


@pytest.mark.parametrize(("start", "share"), REFUSED, ids=repr)
@pytest.mark.parametrize("problem", [fl.NoisyLIF(b=0.5), fl.RefractoryLIF(b=0.5)], ids=lambda m: type(m).__name__)
def test_data_beyond_the_threshold_are_refused_with_their_size(start, share, problem):
    said = re.escape(share) + r" of the density n = .* lies above v_fire = 2"
    with pytest.raises(ValueError, match=said):
        fl.evolve(fl.discretize(problem, tol=1e-4), start, 1.0)
    with pytest.raises(ValueError, match=said):
        fl.evolve(fl.discretize(problem, tol=1e-4), {"n": start}, 1.0)
    with pytest.raises(ValueError, match=said):
        fl.simulate_particles(problem, neurons=100, t_end=0.1, start=start, seed=1)


def test_a_state_of_a_higher_threshold_is_refused_too():
    higher = fl.NoisyLIF(b=0.5, v_fire=2.5)
    state = fl.evolve(fl.discretize(higher, tol=1e-4), fl.Gaussian(2.0, 0.01), 0.01, progress=False).final
    with pytest.raises(ValueError, match=r"% of the density n of the State lies above v_fire = 2"):
        fl.evolve(fl.discretize(NETWORK, tol=1e-4), state, 1.0)


@pytest.mark.parametrize(
    "start", [START, fl.Gaussian(-1.0, 0.5), fl.Gaussian(1.5, 0.005), fl.Uniform(1.0, 2.0)], ids=repr
)
def test_tails_that_hardly_cross_and_callables_are_cut_there(start):
    """Called as the docstring of Gaussian says: n = start below V_F, normalised there."""
    problem, y, _ = initial(fl.discretize(NETWORK, tol=1e-6), start)
    v = np.linspace(-1.0, 1.9, 7)
    mass = 1.0 - start.share_above(2.0)
    unit = start(v) / (np.sqrt(2 * np.pi * start.variance) if isinstance(start, fl.Gaussian) else 1.0)
    assert problem.field("n", y)(v) == pytest.approx(unit / mass, abs=2e-3)
    assert problem.field("n", y).integral() + 0.0 == pytest.approx(1.0, abs=2e-2)


@pytest.mark.parametrize("start", [fl.Gaussian(3.0, 0.01), fl.Uniform(1.0, 6.0), fl.Gaussian(10.0, 0.25)], ids=repr)
def test_above_a_random_threshold_the_mesh_reaches_as_far_as_the_data(start):
    """b = 0, tau long: who is above V_F at rate 1/eps fires; mass above at the start is the share of the density."""
    model = fl.RandomThresholdLIF(b=0.0, eps=0.5, tau=1.0)
    problem, y, _ = initial(fl.discretize(model, tol=1e-6), start)
    assert problem.scalars(0.0, y)[0] == pytest.approx(start.share_above(2.0) / 0.5, rel=1e-5)


@pytest.mark.parametrize("eps", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
def test_layers_above_a_random_threshold_are_resolved(eps):
    """b = 1, tau = .5: the error was five times tol, and the bar half of it (data above V_F were cut at V_max)."""
    model = fl.RandomThresholdLIF(b=1.0, eps=eps, tau=0.5)
    run = fl.evolve(fl.discretize(model, tol=1e-6), START, 1.0, rtol=1e-6, progress=False)
    exact = fl.evolve(fl.discretize(model, tol=1e-9), START, 1.0, rtol=1e-9, progress=False).final.N
    true = abs(run.final.N - exact)
    assert true < 1e-6 * exact
    assert true < run.error("N")


def test_the_limit_of_a_sharp_threshold_is_the_refractory_network():
    """N(eps) -> N(0) like sqrt(eps): the limit by heat potentials, Richardson's extrapolation from two eps."""
    start = fl.Gaussian(0.0, 0.1)  # nobody above V_F
    truth = FiringRate(start, 0.5, b=1.0, tau=0.5)([0.5])[0]
    far, near = (
        fl.evolve(fl.discretize(fl.RandomThresholdLIF(b=1.0, eps=e, tau=0.5)), start, 0.5, progress=False).final.N
        for e in (4e-6, 1e-6)
    )
    assert 2 * near - far == pytest.approx(truth, rel=2e-5)


@pytest.mark.filterwarnings("ignore:start:UserWarning")
def test_blow_up_bars_contain_what_v_min_cuts_off():
    run = on_mesh(fl.NoisyLIF(b=3.0), fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), 10.0, -3.0)
    true = abs(run.blow_up.time - 3.41805743)  # reference-values, two discretisations
    assert true > 1e-2
    assert true < run.blow_up.error < 1.5 * true


@pytest.mark.filterwarnings("ignore:start:UserWarning")
def test_a_blow_up_that_a_mesh_makes_has_no_bar(tmp_path):
    """V_min = 0 makes the rate infinite at 0.52; on a mesh from tol, and by 1e-7, it is at 1.89513."""
    state = fl.evolve(
        fl.discretize(fl.NoisyLIF(), tol=1e-4), fl.Gaussian(0.0, 0.2), 0.3, rtol=1e-4, progress=False
    ).final
    run = on_mesh(fl.NoisyLIF(b=3.0), state, 5.0, 0.0, rtol=1e-4, folder=tmp_path / "run")
    assert run.blow_up.time < 1.0
    assert run.blow_up.error == np.inf
    assert fl.load_run(tmp_path / "run").blow_up.error == np.inf


@pytest.mark.filterwarnings("ignore:start:UserWarning")
@pytest.mark.parametrize("v_min", [-2.0, -1.0])
def test_blow_up_bars_contain_what_v_min_cuts_off_a_state(v_min):
    state = fl.evolve(
        fl.discretize(fl.NoisyLIF(), tol=1e-4), fl.Gaussian(0.0, 0.2), 0.3, rtol=1e-4, progress=False
    ).final
    run = on_mesh(fl.NoisyLIF(b=3.0), state, 5.0, v_min, rtol=1e-4)
    true = abs(run.blow_up.time - 1.8951)  # on a mesh from tol = 1e-7
    assert true > 1e-2
    assert true < run.blow_up.error < 1.5 * true


def test_blow_up_bars_are_not_much_wider_than_the_error():
    """The reference times; bars were 35, 70 and 90 times the error at 1e-6."""
    cases = [
        (fl.NoisyLIF(b=3.0), fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), 3.41805743),
        (fl.NoisyLIF(b=1.5), fl.Gaussian(1.5, 0.005, boundary_layer=0.5), 0.0475514383),
        (fl.NoisyLIF(b=0.5), fl.Gaussian(1.83, 0.003, boundary_layer=0.5), 0.009224431428),
        (fl.NoisyLIF(b=0.8), fl.Gaussian(1.7, 0.005, boundary_layer=0.5), 0.0263756927048),
        (fl.NoisyLIF(b=-1.5, a1=1.0), fl.Gaussian(1.5, 0.005, boundary_layer=0.05), 0.00986114546),
    ]
    ratios = []
    for model, start, time in cases:
        found = fl.evolve(fl.discretize(model), start, 10.0, progress=False).blow_up
        assert abs(found.time - time) < found.error
        ratios.append(found.error / abs(found.time - time))
    assert np.median(ratios) < 20


def of_a_state(state, current, times):
    """N by heat potentials from a State whose neurons have no mass above V_F = 2: Gauss points on its own cells."""
    cells = np.unique([*state.problem.cells[state.problem.cells < 2.0], 2.0])
    x, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(cells)[:, None]
    points, weights = (cells[:-1, None] + half * (x + 1)).ravel(), (half * weights).ravel()
    with mock.patch.object(independent, "_initial_points", return_value=(points, weights)):
        return FiringRate(lambda v: np.maximum(state.n(v), 0.0), times[-1], b=-1.0, current=current, tolerance=1e-10)(
            times
        )


@pytest.mark.filterwarnings("ignore:start:UserWarning")
@pytest.mark.parametrize("v_min", [None, -1.0])
@pytest.mark.parametrize("other", [fl.NoisyLIF(v_reset=0.4), fl.NoisyLIF(v_reset=0.0, v_fire=1.5)], ids=repr)
def test_a_state_of_another_model_is_data_like_any_other(other, v_min):
    """N was wrong by 1e-3 at tol = 4e-7, and the bar contained nothing of what the mesh lacked of the State."""
    state = fl.evolve(fl.discretize(other, tol=1e-4), fl.Gaussian(-0.5, 0.1), 0.3, rtol=1e-4, progress=False).final
    model, times = fl.NoisyLIF(b=-1.0, current=0.7), np.array([0.1, 0.4])
    mesh = None if v_min is None else fl.interval(model, v_min=v_min, cells=8)
    run = fl.evolve(fl.discretize(model, mesh, tol=None if mesh else 1e-6), state, 0.4, progress=False)
    true = np.abs(run.sample("N", times) - of_a_state(state, 0.7, times))
    assert np.all(true <= run.error("N", times) + 1e-9)
    assert np.all(true > 1e-3 if mesh else true < 1e-6)


def test_what_a_mesh_cuts_off_a_state_is_warned_of():
    state = fl.evolve(fl.discretize(NETWORK, tol=1e-4), START, 0.1, rtol=1e-4, progress=False).final
    v = np.linspace(-8.0, -1.0, 2001)
    below = np.trapezoid(state.n(v), v)
    problem = fl.discretize(NETWORK, fl.interval(NETWORK, v_min=-1.0))
    with pytest.warns(UserWarning, match=rf"start: {100 * below:.3g} % of the density n lies below V_min = -1"):
        initial(problem, state)


@pytest.mark.parametrize("width", [0.5, 1e-3, 1e-9])
def test_a_mesh_reaches_further_in_bounded_work_however_thin_its_last_cells_are(width):
    cells = np.array([0.0, width, 1.0 - width, 1.0])
    longer = tails._longer(cells, -7.0, 9.0)
    widths = np.diff(longer)
    assert len(longer) <= len(cells) + 80
    assert longer[0] == pytest.approx(-7.0, rel=1e-12)
    assert longer[-1] == pytest.approx(9.0, rel=1e-12)
    assert set(cells) <= set(longer)
    outside = widths[longer[1:] <= 0.0]
    assert (outside[:-1] / outside[1:]).max() < 2.0
    assert outside[-1] <= 2 * width
