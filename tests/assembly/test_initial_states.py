"""Initial states: normalised, checked, resolved where the mesh may follow, refused with the cells needed where not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases
from scipy.integrate import quad

import felif as fl

NETWORK = fl.NoisyLIF(b=0.5)


def on_mesh(cells=13, v_min=-6.0, model=NETWORK, space=None):
    return fl.discretize(model, fl.interval(model, v_min=v_min, cells=cells), space=space)


def start(problem, density):
    """The state a run begins with."""
    return fl.evolve(problem, density, t_end=0.0).final


@pytest.mark.parametrize(
    "density",
    [
        fl.Gaussian(0.0, 0.25),
        fl.Gaussian(1.5, 0.05, boundary_layer=0.2),
        fl.Uniform(-1.0, 1.0),
        fl.Uniform(0.0, 2.0, boundary_layer=0.5),
        lambda v: np.exp(-(v**2)),
        lambda v: 2 - v if v > 0 else 0.0,  # written for one number at a time
    ],
    ids=["Gaussian", "Gaussian with layer", "Uniform", "Uniform with layer", "callable", "scalar callable"],
)
@pytest.mark.parametrize("make", [lambda: fl.discretize(NETWORK, tol=1e-6), on_mesh], ids=["tol", "mesh"])
def test_densities_are_normalised(make, density):
    state = start(make(), density)
    assert state.n.integral() == pytest.approx(1.0, abs=1e-13)
    assert state.t == 0.0


@cases(15)
@given(
    mean=st.floats(-3, 1.6),
    variance=st.sampled_from([1e-4, 1e-3, 0.05, 0.5]),
    layer=st.sampled_from([0.05, 0.5]),
    tol=st.sampled_from([1e-4, 1e-6]),
)
def test_a_problem_made_from_a_tolerance_resolves_its_datum(mean, variance, layer, tol):
    density = fl.Gaussian(mean, variance, boundary_layer=layer)
    n = start(fl.discretize(NETWORK, tol=tol), density).n
    exact = lambda v: np.exp(-((v - mean) ** 2) / (2 * variance)) * -np.expm1(-(((2 - v) / layer) ** 4))
    low, high = mean - 12 * variance**0.5, min(2.0, mean + 12 * variance**0.5)
    mass = quad(exact, low, high, limit=500, epsabs=0, points=[mean] if mean < high else None)[0]
    v = np.linspace(low, high, 2001)
    wrong = np.trapezoid(np.abs(n(v) - exact(v) / mass), v)
    assert wrong < 200 * tol  # in L1; unresolved() splits cells whose highest modes carry 300 tol, most carry far less
    assert min(n(v)) > -1e3 * tol * max(n(v))


def test_data_beyond_v_min_prolong_the_line():
    problem = fl.discretize(NETWORK)
    state = start(problem, fl.Gaussian(-40.0, 2.0))
    assert state.problem.cells[0] < -45 < problem.cells[0]
    n = state.n
    assert float(n.weights @ (n.values * n.nodes)) == pytest.approx(-40.0, abs=1e-4)


def test_jumps_of_uniform_data_are_cell_ends():
    cells = start(fl.discretize(NETWORK), fl.Uniform(-0.777, 0.333)).problem.cells
    assert -0.777 in cells
    assert 0.333 in cells


def test_concentrated_data_on_a_mesh_of_the_user_are_refused_with_the_cells_needed():
    with pytest.raises(
        ValueError, match="misplaces .* cells between v = .* and .* at most about 0.03.* wide"
    ) as caught:
        start(on_mesh(cells=8), fl.Gaussian(-2.0, 1e-3))
    low, high = map(float, re.search(r"between v = (\S+) and (\S+) must", str(caught.value)).groups())
    assert low < -2 < high
    mesh = fl.interval(NETWORK, cells=8).p[0]
    finer = np.union1d(mesh, np.arange(low, high, 0.03))  # what the message asks for
    from felif.meshing import line

    start(fl.discretize(NETWORK, line(finer, {"reset": 1.0, "firing": 2.0})), fl.Gaussian(-2.0, 1e-3))


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (lambda v: -np.exp(-(v**2)), "density n is -0?.* allowed are numbers >= 0"),
        (lambda v: np.sin(3 * v), "allowed are numbers >= 0"),
        (lambda v: np.where(v > 1, np.nan, 1.0), "density n is nan at v = 1.* allowed are finite numbers"),
        (lambda v: np.where(v > 1.5, np.inf, 1.0), "density n is inf at v = 1.* allowed are finite numbers"),
        (lambda v: 0 * v, r"has no mass on .* below v_fire = 2"),
        (fl.Uniform(2.5, 3.0), r"100 % of the density .* lies above v_fire = 2"),
        (fl.Uniform(-0.5, 0.5).low, "allowed are Gaussian, Uniform, a callable density"),
        ("Gaussian", "allowed are Gaussian, Uniform, a callable density"),
        ({"m": fl.Gaussian()}, r"names \['m'\]; allowed are \['n'\]"),
        ({"n": fl.Gaussian(), "R": 0.1}, r"allowed are \['n'\]"),
        ({"n": 0.3}, "n = 0.3; allowed are densities"),
    ],
    ids=[
        "negative",
        "somewhere negative",
        "nan",
        "inf",
        "zero",
        "above V_F",
        "number",
        "text",
        "name",
        "R",
        "no density",
    ],
)
def test_data_that_are_no_density_are_refused(density, message):
    for problem in (fl.discretize(NETWORK), on_mesh()):
        with pytest.raises(ValueError, match=message):
            start(problem, density)


def test_a_density_of_infinite_mass_is_refused_where_the_mesh_would_have_to_hold_it():
    with pytest.raises(ValueError, match="still has mass below v = -.*allowed is a density of finite mass"):
        start(fl.discretize(NETWORK), lambda v: 1.0 + 0 * v)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.Gaussian(np.nan, 1.0), "Gaussian: mean = nan; allowed is a finite number"),
        (lambda: fl.Gaussian(0.0, 0.0), "Gaussian: variance = 0.0; allowed is a positive number"),
        (
            lambda: fl.Gaussian(0.0, 1.0, boundary_layer=-0.1),
            "Gaussian: boundary_layer = -0.1; allowed is a number >= 0",
        ),
        (lambda: fl.Uniform(1.0, 1.0), "Uniform: low = 1.0; allowed is a number below high = 1.0"),
        (lambda: fl.Uniform(0.0, np.inf), "Uniform: high = inf"),
    ],
)
def test_parameters_of_data_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# what fires at the start -----------------------------------------------------------------------------------------


def test_data_that_do_not_vanish_at_the_threshold_fire_infinitely_at_first():
    run = fl.evolve(fl.discretize(NETWORK), lambda v: np.exp(-2 * (v - 1.5) ** 2), t_end=0.1)
    assert run.series["N"][0] == np.inf
    assert np.isfinite(run.series["N"][1:]).all()
    assert not run.compatible
    assert run.sample("N", 0.0) == np.inf


def test_a_value_at_the_threshold_below_the_tolerance_counts_as_zero():
    start_ = fl.Gaussian(0.0, 0.1)  # e^-20 = 2e-9 of the peak at V_F
    assert fl.evolve(fl.discretize(NETWORK, tol=1e-6), start_, t_end=0.01).compatible
    assert not fl.evolve(fl.discretize(NETWORK, tol=1e-10), start_, t_end=0.01).compatible


@pytest.mark.parametrize("layer", [0.05, 0.5])
def test_a_boundary_layer_makes_data_compatible(layer):
    run = fl.evolve(fl.discretize(NETWORK), fl.Gaussian(1.5, 0.25, boundary_layer=layer), t_end=0.01)
    assert run.compatible
    assert run.series["N"][0] == pytest.approx(0.0, abs=1e-3)  # n ~ (V_F - v)^4 has no slope at V_F


def test_incompatible_data_with_noise_that_grows_blow_up_at_once():
    run = fl.evolve(fl.discretize(fl.NoisyLIF(a1=0.5)), lambda v: np.exp(-2 * (v - 1.5) ** 2), t_end=1.0)
    assert run.outcome.name == "blow_up"
    assert run.blow_up.time == 0.0
    assert "boundary_layer" in run.outcome.message


# other unknowns, other meshes ------------------------------------------------------------------------------------


def test_a_mapping_gives_the_refractory_state_its_share():
    problem = fl.discretize(fl.RefractoryLIF(b=0.5))
    state = start(problem, {"n": fl.Gaussian(0.0, 0.25, boundary_layer=0.5), "R": 0.3})
    assert state.R == pytest.approx(0.3, abs=1e-14)
    assert state.n.integral() == pytest.approx(0.7, abs=1e-12)
    assert start(problem, fl.Gaussian(0.0, 0.25)).R < 1e-5  # what has fired at once, next to V_F
    for R in (-0.1, 1.0, np.nan):
        with pytest.raises(ValueError, match="start"):
            start(problem, {"n": fl.Gaussian(), "R": R})


def test_neurons_may_start_above_a_random_threshold():
    state = start(fl.discretize(fl.RandomThresholdLIF()), fl.Uniform(1.5, 2.5))
    assert state.N == pytest.approx(0.5 / 0.05, rel=1e-6)  # half of them fire at rate 1/eps


def test_a_state_of_the_same_mesh_is_taken_over_to_the_last_bit():
    problem = fl.discretize(NETWORK)
    final = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=1.0).final
    again = fl.evolve(problem.at(b=-2.0), final, t_end=0.0).final
    assert np.array_equal(again.y, final.y)


@pytest.mark.parametrize("space", [fl.SpectralElement(4), fl.Lagrange(2), fl.ExponentialFitting()], ids=repr)
def test_a_state_of_another_mesh_keeps_its_mass_and_shape(space):
    old = fl.evolve(fl.discretize(NETWORK), fl.Gaussian(0.0, 0.25), t_end=1.0).final
    problem = on_mesh(cells=60, space=space)
    new = start(problem, old)
    assert new.n.integral() == pytest.approx(1.0, abs=1e-13)
    v = np.linspace(-3, 2, 101)
    assert np.abs(new.n(v) - old.n(v)).max() < 5e-3  # linear elements of size 0.1
    # the slope at V_F of fitted elements settles within the time h^2/a of the cell there
    later = [fl.evolve(p, state, t_end=0.05).final.N for p, state in ((problem, new), (old.problem, old))]
    assert later[0] == pytest.approx(later[1], rel=1e-2)


def test_a_state_of_another_model_is_refused():
    state = fl.evolve(fl.discretize(NETWORK), fl.Gaussian(), t_end=0.0).final
    with pytest.raises(ValueError, match="other unknowns than RefractoryLIF"):
        start(fl.discretize(fl.RefractoryLIF()), state)
