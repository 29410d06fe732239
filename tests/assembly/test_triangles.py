"""Discontinuous Galerkin on triangles: conservation, exact couplings, orders, linear part and its factors."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erfi
from skfem import MeshTri

import felif as fl
from felif.assembly.triangles.initial import project, projection
from felif.assembly.triangles.space import shapes
from felif.assembly.triangles.trace import full_lines
from felif.meshing.strip import corners_of, refined, triangles
from felif.problem import Infeasible, State

MESHES = Path(__file__).parents[2] / "meshes"
LEARNING = fl.LearningLIF(eps=0.2, K=lambda w: -1.0 - w, sigma=lambda x: 4 * x, current=lambda w: 1.5 + 0.3 * w)


def start(v, w):
    return (1.2 + np.sin(5 * w)) * np.exp(-((v - 0.3) ** 2) / 0.6) * (2 - v)


def irregular(model, seed=0):
    """A strip with triangles cut here and there: other nodes on V_R than on V_F."""
    mesh, random = fl.strip(model, v_min=-5.0, cells=(8, 3)), np.random.default_rng(seed)
    for _ in range(2):
        mesh = refined(mesh, random.uniform(size=mesh.nelements) < 0.25, model)
    return mesh


def problem(mesh=None, degree=2, **changes):
    model = dataclasses.replace(LEARNING, **changes)
    return fl.discretize(model, irregular(model) if mesh is None else mesh, space=fl.Triangles(degree))


def powers_of_w(on):
    """Polynomials of w alone, which are test functions."""
    return [projection(on, lambda v, w, j=j: w**j) for j in range(on.degree + 1)]


@pytest.mark.parametrize("degree", [1, 2, 4])
@pytest.mark.parametrize("file", [False, True])
def test_what_leaves_at_the_threshold_enters_at_the_reset_at_the_same_weight(degree, file):
    on = problem(fl.read_mesh(MESHES / "strip.msh", LEARNING) if file else None, degree)
    y = project(on, start)
    trace, N = on.operator.trace, on.line("N", 0.0, y)
    coefficients = on.operator.solve(y, on.parameters)[1]
    outflow = trace.value.T @ (trace.dx * (trace.at_points @ coefficients))
    for j, power in enumerate(powers_of_w(on)):
        moment = (N.weights * N.nodes**j) @ N.values
        assert power @ (trace.inflow @ coefficients) == pytest.approx(moment, rel=1e-12)
        assert power @ outflow == pytest.approx(moment, rel=1e-12)
    rate = on.rate(0.0, y)
    assert abs(powers_of_w(on)[0] @ rate) < 1e-14 * np.abs(rate).sum()


def test_without_learning_no_neuron_changes_its_weight():
    on = problem(eps=0.0)
    rate = on.rate(0.0, project(on, start))
    for power in powers_of_w(on):
        assert abs(power @ rate) < 1e-13 * np.abs(rate).sum()


def test_the_implicit_part_is_the_rate_without_transport_in_w():
    on = problem(eps=0.0)
    y = project(on, start)
    s, _ = on.operator.solve(y, on.parameters)
    matrix = on.operator.implicit(s, on.parameters)
    assert matrix @ y == pytest.approx(on.rate(0.0, y), abs=1e-14 * np.abs(matrix).max())
    part = problem().implicit_part(0.0, y)
    assert part @ y + part.remainder(0.0, y) == pytest.approx(problem().rate(0.0, y), abs=1e-12)


def test_the_implicit_part_contains_the_change_of_the_total_rate_to_first_order():
    on = problem(eps=0.0)
    y, z = project(on, start), np.random.default_rng(2).normal(size=on.size)
    part = on.implicit_part(0.0, y)
    for h in (1e-2, 1e-3):
        left = part.remainder(0.0, y + h * z) - part.remainder(0.0, y)
        assert np.abs(left).max() < 30 * h**2 * np.abs(part @ z).max()


def test_factors_invert_the_implicit_part():
    on = problem()
    y, b = project(on, start), np.random.default_rng(1).normal(size=on.size)
    part = on.implicit_part(0.0, y)
    x = part.factor(30.0).solve(b)
    assert 30.0 * on.mass.data[0] * x - part @ x == pytest.approx(b, abs=1e-10)


def test_the_gradient_of_the_total_rate_is_its_derivative():
    on = problem()
    y, z = project(on, start), np.random.default_rng(2).normal(size=on.size) * 1e-5
    difference = (on.scalars(0.0, y + z) - on.scalars(0.0, y - z)) / 2
    assert on.scalar_gradient(0.0, y) @ z == pytest.approx(difference, rel=1e-9)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_explicit_steps_are_limited_by_the_spectral_radius_of_transport(degree):
    on = problem(degree=degree, eps=1.0, K=0.0, sigma=lambda x: 0 * x)  # transport in w is linear: c = -w
    s, _ = on.operator.solve(project(on, start), on.parameters)
    in_v, x = on.operator.implicit(s, on.parameters), np.random.default_rng(0).normal(size=on.size)
    radius = 0.0
    for _ in range(80):  # power iteration
        x = x / np.linalg.norm(x)
        x = (on.rate(0.0, x) - in_v @ x) / on.mass.data[0]
        radius = np.linalg.norm(x)
    assert radius < 1 / on.step_limit(0.0, x) < 3 * radius


def stationary(v):
    """The density of v for I = 3/2, a = 1, times 1/N: its integral is the mean time between two spikes."""
    F = lambda x: np.sqrt(np.pi / 2) * erfi((x - 1.5) / np.sqrt(2))
    return np.exp(-((v - 1.5) ** 2) / 2) * (F(2.0) - F(np.maximum(v, 1.0)))


def in_one_mode(t):
    """K = 0, sigma = 0, I = 3/2: the stationary density of v times C(w, t) = e^t C_0(w e^t)."""

    def C(w):
        w = w * np.exp(t)
        return np.exp(t) * np.where(w > -1, 630 * w**4 * np.abs(1 + w) ** 4, 0.0)

    return lambda v, w: C(w) * stationary(v)


@pytest.mark.parametrize(("degree", "rows"), [(1, 10), (2, 6), (3, 4)])
def test_the_order_is_one_more_than_the_degree_and_the_total_rate_is_better(degree, rows):
    model = fl.LearningLIF(eps=1.0, K=0.0, sigma=lambda x: 0.0 * x, current=1.5)
    v = np.linspace(-10.0, 2.0, 120001)
    errors, rate = [], 1 / np.trapezoid(stationary(v), v)
    for count in (rows, 2 * rows):
        on = fl.discretize(
            model, fl.strip(model, v_min=-7.0, cells=(3 * count // 2, count)), space=fl.Triangles(degree)
        )
        run = fl.evolve(on, in_one_mode(0.0), 0.25, rtol=1e-4, progress=False)
        y = run.final.y
        wanted = project(on, in_one_mode(0.25))
        errors.append([np.sqrt(on.mass.data[0] @ (y - wanted) ** 2), abs(run.final.Nbar - rate)])
        assert run.drift["mass"] < 1e-13
    assert np.log2(errors[0][0] / errors[1][0]) > degree + 0.4  # 1.8, 2.8, 3.5 measured
    assert errors[1][1] < 0.3 * errors[1][0]


def test_connectivity_is_the_exact_integral_over_v():
    on = problem(degree=3)
    y = project(on, start)
    C = on.line("C", 0.0, y)
    assert C.integral() == pytest.approx(1.0, rel=1e-13)
    v, table = np.linspace(-5.0, 2.0, 20001), y.reshape(len(on.cells), -1)
    for w in (-0.913, -0.5001, -0.137):
        cell, X = on._assembled.locator(np.array([v, np.full_like(v, w)]))
        p = np.einsum("ip,pi->p", shapes(3, X)[0], table[cell])  # of y itself; what is shown is nonnegative
        assert C(w) == pytest.approx(np.trapezoid(p, v), rel=1e-5)
    assert C(np.array([-1.1, 0.1])).tolist() == [0.0, 0.0]


def test_a_state_is_a_function_of_v_and_w():
    on = problem(fl.strip(LEARNING, v_min=-6.0, cells=(24, 12)), degree=3)
    state = State(on, 0.0, project(on, start))
    v, w = np.array([-1.0, 0.2, 1.3])[:, None], np.array([-0.8, -0.3])
    scale = state.p(0.2, -0.3) / start(0.2, -0.3)
    assert state.p(v, w) == pytest.approx(scale * start(v, w), rel=2e-3)
    assert state.p(3.0, -0.5) == 0.0
    assert state.p.integral() == pytest.approx(1.0)
    assert state.Nbar == pytest.approx(state.N.integral())


def test_lines_of_edges_are_found():
    mesh = fl.strip(LEARNING, cells=(5, 4))
    assert full_lines(corners_of(mesh)).tolist() == [-1.0, -0.75, -0.5, -0.25, 0.0]
    some = refined(mesh, np.arange(mesh.nelements) == 0, LEARNING)
    assert full_lines(corners_of(some)).tolist() == [-1.0, -0.75, -0.5, -0.25, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": fl.Triangles(2), "tol": 0.5}, r"tol = 0.5; allowed is a finite number > 0 and <= 0.1, or None"),
        ({"mesh": fl.interval(fl.NoisyLIF()), "space": fl.Triangles(2)}, "mesh = MeshLine1; allowed with Triangles"),
        ({"mesh": fl.strip(LEARNING), "space": fl.Triangles(2), "tol": 1e-3}, "a mesh was given"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        fl.discretize(LEARNING, **arguments)


def test_degrees_are_checked():
    with pytest.raises(ValueError, match=r"degree = 0; allowed are integers from 1 to 6"):
        fl.Triangles(0)


def test_data_that_a_given_mesh_cannot_hold_are_refused_with_the_place():
    narrow = lambda v, w: np.exp(-(((v - 0.3) / 0.05) ** 2) - ((w + 0.5) / 0.02) ** 2)
    with pytest.raises(ValueError, match=r"misplaces \d+ % of the density; triangles with v in .* must be smaller"):
        fl.evolve(problem(), narrow, 0.1)
    with pytest.raises(ValueError, match="the density p is -1 at"):
        fl.evolve(problem(), lambda v, w: -1.0 + 0 * v, 0.1)


def test_shocks_are_damped_and_smooth_data_are_not():
    on = problem(fl.strip(LEARNING, v_min=-5.0, cells=(16, 16)))
    speed, rates = np.ones(len(on.operator.facet_cells[0])), {}
    smooth = project(on, start)
    jump = project(on, lambda v, w: (w > -0.47) * np.exp(-((v - 0.3) ** 2)) * (2 - v))
    for name, y in (("smooth", smooth), ("jump", jump)):
        rates[name] = on.operator.damping.rates(y, speed)
        change = on.operator.damping.apply(y, rates[name])
        assert change @ on.quantities["mass"] == 0.0
        assert change @ (on.mass.data[0] * y) <= 0.0  # the L2 norm falls
    assert rates["jump"].max() > 10 * rates["smooth"].max()
    of_v = projection(on, lambda v, w: v**2 - v)
    assert on.operator.damping.apply(of_v, np.ones(len(on.cells))) == pytest.approx(0.0, abs=1e-12)


@pytest.fixture(scope="module")
def past_the_shock():
    """(model, data) whose C has a jump at t = 2, and the variation 10.2, by lines and by finite volumes."""
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5)
    return model, lambda v, w: (w * (1 + w)) ** 4 * np.exp(-((v - 0.3) ** 2) / 0.6) * (2 - v)


def variations(run):
    """Of C: the largest of the series, and of the last state at many points."""
    return run.series["variation_C"].max(), np.abs(np.diff(run.final.C(np.linspace(-1.0, 0.0, 2001)))).sum()


def test_the_variation_of_connectivity_does_not_grow_with_refinement_when_there_is_a_shock(past_the_shock):
    """Without damping 19 and 30 on 32 and 64 rows, and C itself varies several times as much."""
    model, bell = past_the_shock
    found = []
    for rows in (16, 48):
        on = fl.discretize(model, fl.strip(model, v_min=-4.5, cells=(8, rows)), space=fl.Triangles(2))
        found.append(variations(fl.evolve(on, bell, 2.0, rtol=1e-2, progress=False)))
    assert np.min(found) > 7.5
    assert np.max(found) < 10.5  # 8 to 10 measured


def test_the_variation_of_connectivity_on_meshes_that_follow_a_shock(past_the_shock):
    model, bell = past_the_shock
    on = fl.discretize(model, space=fl.Triangles(2), tol=1e-3)
    run = fl.evolve(on, bell, 2.0, rtol=1e-3, progress=False)
    assert np.min(variations(run)) > 7.5
    assert np.max(variations(run)) < 10.5  # 8.5 measured


def test_the_variation_of_connectivity_on_a_mesh_without_rows(past_the_shock):
    model, bell = past_the_shock
    rows, mesh = 32, fl.strip(model, v_min=-4.5, cells=(8, 32))
    p = mesh.p.copy()
    p[1] += np.random.default_rng(3).uniform(-0.25, 0.25, p.shape[1]) / rows * ((p[1] > -1.0) & (p[1] < 0.0))
    on = fl.discretize(model, triangles(corners_of(MeshTri(p, mesh.t)), model), space=fl.Triangles(2))
    assert len(full_lines(on.cells)) == 2  # the ends
    found = variations(fl.evolve(on, bell, 2.0, rtol=1e-2, progress=False))
    assert np.max(found) < 12.0  # 9.1 and 11.8 measured


def test_no_total_rate_is_found_where_what_it_makes_rises_faster_than_itself():
    """The drift carries p through V_F: N(w) is b p there, and b rises with Nbar. Small p has one, large p has none."""
    model = fl.LearningLIF(eps=0.0, K=0.0, sigma=lambda x: 50 * x, current=50.0, w_min=0.0, w_max=2.0)
    on = fl.discretize(model, fl.strip(model, v_min=-1.0, cells=(4, 2)), space=fl.Triangles(2))
    y = project(on, lambda v, w: np.exp(-((v - 1.5) ** 2) / 0.3) * (2 - v))
    assert 0.0 < on.margin(0.0, 1e-2 * y) < 1.0
    assert on.margin(0.0, 1e-2 * y) == pytest.approx(1 - 10 * (1 - on.margin(0.0, 1e-3 * y)), rel=1e-6)
    with pytest.raises(Infeasible, match="rises as fast as what it makes"):
        on.scalars(0.0, y)
