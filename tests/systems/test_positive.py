"""`ExponentialFitting()` over any axes: no density below zero, against the default elements and the engine over v."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from independent_of_elements import oscillators

import felif as fl
from felif.analysis import exact

FITTED, QUIET = fl.ExponentialFitting(), {"progress": False}
THRESHOLD = 3 / 11  # g at which V_F is reached


def cells(halvings):
    """Of v and g, graded towards (V_F, g_F) and (V_R, g_F), where p(v, g) is singular."""
    v = (
        1
        - np.array([0, 1e-4, 1e-3, 1e-2, 0.03, 0.07, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85, 0.93, 0.97, 0.99, 0.999, 1])[
            ::-1
        ]
    )
    d = np.array([0.0, 0.02, 0.05, 0.1, 0.17, 0.27])
    g = np.concatenate([[0.0], THRESHOLD - d[-2::-1], THRESHOLD + d[1:], np.linspace(THRESHOLD + 0.27, 1.05, 8)[1:]])
    for _ in range(halvings):
        v, g = (np.sort(np.append(x, (x[1:] + x[:-1]) / 2)) for x in (v, g))
    return {"v": v, "g": g}


def test_voltage_and_conductance_at_rest_to_second_order():
    """N of systems over two hp meshes, 0.5072862."""
    model, errors = fl.VoltageConductance(g_in=0.3, a=0.01, gamma=4.0), []
    for halvings in (0, 1):
        problem = fl.discretize(model, cells(halvings), space=FITTED)
        near = fl.evolve(problem, {"p": lambda v, g: np.exp(-((g - 0.3) ** 2) / 0.02)}, 1.5, rtol=0.1, **QUIET).final
        state = fl.steady_state(problem, guess=near)
        errors.append(state.N - 0.5072862)
        assert state.p.min() > -1e-20
        assert state.p.integral() == pytest.approx(1.0, abs=1e-13)
    assert abs(errors[1]) < 0.005
    assert 3.5 < errors[0] / errors[1] < 5.5


def test_a_packet_on_its_way_stays_above_zero():
    """Elements of degree 6 undershoot by several per cent; both rates approach one number."""
    model = fl.VoltageConductance(g_in=0.35, S=0.05, a=0.01, gamma=4.0)
    start = {"p": lambda v, g: (v * (1 - v)) ** 2 * np.exp(-((g - 0.3) ** 2) / 0.02)}
    runs = [
        fl.evolve(problem, start, 0.3, rtol=rtol, **QUIET)
        for problem, rtol in (
            (fl.discretize(model, tol=1e-2), 1e-3),
            (fl.discretize(model, cells(0), space=FITTED), 1e-2),
            (fl.discretize(model, cells(1), space=FITTED), 3e-3),
        )
    ]
    assert runs[0].series["min_n"].min() < -0.01
    for run in runs[1:]:
        assert run.series["min_n"].min() >= 0
        assert run.at(0.123).p.min() >= 0
        assert run.drift["mass"] < 1e-14
    errors = [abs(run.final.N - runs[0].final.N) for run in runs[1:]]
    assert errors[1] < 0.4 * errors[0]


def test_fluxes_are_those_of_the_engine_over_v():
    """One population on the same cells: N and dn/dt of any state, and the state at rest."""
    one = fl.discretize(fl.NoisyLIF(b=0.5), fl.interval(fl.NoisyLIF(b=0.5), v_min=-4.0, cells=40), space=FITTED)
    other = fl.discretize(fl.Populations(0.5), {"v": one.cells}, space=FITTED)
    y = fl.evolve(one, fl.Gaussian(0.5, 0.25), 0.1, rtol=1e-2, scheme=fl.BackwardEuler(), **QUIET).final.y
    slope = lambda problem: problem.rate(0.0, y) / problem.mass.data[0]
    assert other.scalars(0.0, y)[0] == pytest.approx(one.scalars(0.0, y)[0], rel=1e-12)
    assert slope(other) == pytest.approx(slope(one), abs=1e-11 * np.abs(slope(one)).max())
    assert fl.steady_state(other).N[0] == pytest.approx(fl.steady_state(one).N, rel=1e-10)


@pytest.mark.parametrize(
    ("model", "mesh", "start", "number"),
    [
        (fl.Populations([[0.5, -0.3], [0.4, 0.1]], tau=[0.0, 0.2], a1=0.1), {"v": np.linspace(-4, 2, 61)}, None, "N_0"),
        (
            fl.TimeElapsed(hazard=lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2)), tau=0.1),
            {"s": np.linspace(0, 12, 121)},
            {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3},
            "N",
        ),
        (
            fl.CellPolarisation(closure="trace", mass=0.9),
            {"z": np.linspace(0, 8, 81)},
            {"n": lambda z: np.exp(-((z / 0.7) ** 2) / 2)},
            "trace",
        ),
        (fl.Kuramoto(K=4.0, D=0.5), {"theta": np.linspace(0, 2 * np.pi, 65)}, lambda x: 1 + 0.3 * np.cos(x), "r"),
    ],
)
def test_other_systems_stay_above_zero_too(model, mesh, start, number):
    """Against the default elements, to a few per cent: backward Euler, 100 cells."""
    start = fl.Gaussian(0.0, 0.25) if start is None else start
    run = fl.evolve(fl.discretize(model, mesh, space=FITTED), start, 0.5, rtol=3e-3, **QUIET)
    expected = fl.evolve(fl.discretize(model, tol=1e-3), start, 0.5, rtol=1e-3, **QUIET)
    assert run.series["min_n"].min() >= 0
    assert max(run.drift.values()) < 1e-13
    assert run.sample(number, 0.5) == pytest.approx(expected.sample(number, 0.5), rel=0.05)


@dataclass(frozen=True)
class Taking:
    """Neurons that vanish at a rate proportional to the density elsewhere."""

    def equations(self):
        term = fl.Term("n", "n", lambda n, phi, x: -n * fl.d(phi, "v") * 0.0 - fl.d(n, "v") * phi, name="elsewhere")
        return fl.Equations(
            (fl.Axis("v", -1.0, 1.0),), (fl.Unknown("n", ("v",)),), (fl.noise("n", "v"), term), masses={"n": 1.0}
        )


def test_what_cannot_be_kept_above_zero_is_refused():
    with pytest.raises(ValueError, match=r"chooses no cells for VoltageConductance; allowed is a mesh"):
        fl.discretize(fl.VoltageConductance(), space=FITTED)
    with pytest.raises(ValueError, match=r"'elsewhere' multiplies derivatives .*; allowed .* are drift and noise"):
        fl.discretize(Taking(), {"v": np.linspace(-1, 1, 11)}, space=FITTED)


@pytest.mark.parametrize("cells", [2, 8])
def test_error_bars_of_halved_cells_contain_the_error(cells):
    """Order 2: what halving changes is three quarters of the error. N by the closed form."""
    expected = exact.steady_rates(fl.NoisyLIF(b=0.5))[0]
    mesh = {"v": np.union1d(np.linspace(-6, 1, 7 * cells + 1), np.linspace(1, 2, 3 * cells + 1))}
    state = fl.steady_state(fl.discretize(fl.Populations(coupling=[[0.5]]), mesh, space=FITTED))
    off = abs(state.N[0] - expected)
    assert off < state.error < 1.3 * off


def test_densities_of_which_most_is_zero():
    """N = 2 of the hazard 2, whatever the ages are. The square of a density of 1e-170 is 0: runs were not finite."""
    ages = fl.TimeElapsed(hazard=lambda s, x: 2.0 + 0 * s)
    problem = fl.discretize(ages, {"s": np.linspace(0.0, 10.0, 501)}, space=fl.ExponentialFitting())
    for density in (lambda s: np.exp(-(((s - 0.4) / 0.05) ** 2) / 2), lambda s: (abs(s - 0.7) < 0.4) * 1.0):
        run = fl.evolve(problem, density, 0.01, rtol=1e-2, progress=False)
        assert run.outcome.name == "finished"
        assert run.final.N == pytest.approx(2.0, rel=1e-12)
        assert run.series["min_n"].min() >= 0.0


def test_data_that_jump_are_taken_by_their_moments():
    """r = |int e^{i theta} rho| at the start and later to second order; at nodes it was to order 1/2 to 1."""
    density = lambda theta: np.where(np.abs(theta - 1.0) < 0.7, 1.0, 0.05)
    k = np.arange(1, 31)
    z = 0.95 * 2 * np.sin(0.7 * k) / k * np.exp(1j * k) / (1.4 * 0.95 + 2 * np.pi * 0.05)
    model, errors = fl.Kuramoto(K=2.0, D=0.3), []
    later = oscillators(2.0, 0.3, 0.0, 0.0, z, [0.0, 0.2])
    for count in (40, 80):
        problem = fl.discretize(model, {"theta": np.linspace(0, 2 * np.pi, count + 1)}, space=FITTED)
        run = fl.evolve(problem, density, 0.2, rtol=1e-5, **QUIET)
        errors.append(run.sample("r", [0.0, 0.2]) - later)
        assert min(run.series["min_n"]) >= 0
    ratios = errors[0] / errors[1]
    assert ((3.5 < ratios) & (ratios < 4.5)).all()
    assert np.abs(errors[1]).max() < 5e-4
