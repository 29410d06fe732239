"""Periodic orbits: the normal form's circle, the random threshold's bursts, the delayed network's limit cycle."""

import numpy as np
import pytest
from bifurcations import HopfNormalForm
from scipy.optimize import brentq

import felif as fl
from felif.output import work
from felif.output.series_files import read_series
from felif.problem import NotConverged, State
from felif.solvers.collocation import TimeMesh
from felif.solvers.continuation import continuation
from felif.solvers.periodic import periodic_orbit

# b = -50, d = 1, on a mesh for 1e-7, time for 1e-6: known to 3e-9 and 2e-10
CYCLE = {"period": 2.8087870801, "max N": 0.0369152880, "min N": 0.0050001054}


def hopf_of(problem, state, name, bounds):
    return continuation(problem, state, name, bounds).hopfs[0]


@pytest.fixture(scope="module")
def toy_hopf():
    toy = HopfNormalForm()
    return hopf_of(toy, State(toy, 0.0, np.zeros(2)), "mu", (-1, 1))


def test_functions_on_a_time_mesh_are_interpolated_and_differentiated():
    mesh = TimeMesh(np.array([0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.8, 0.9, 1.0]), 5)
    values = np.sin(2 * np.pi * mesh.points)[:, None, :]
    t = np.linspace(-0.7, 1.3, 41)
    # h^6 = 6e-5 (2 pi)^6 / 6! times a small constant
    assert mesh.evaluate(values, t)[:, 0] == pytest.approx(np.sin(2 * np.pi * t), abs=1e-4)
    assert mesh.derivative(values)[:, 0] == pytest.approx(2 * np.pi * np.cos(2 * np.pi * mesh.points), abs=1e-2)
    assert mesh.weights.sum() == pytest.approx(1.0, abs=1e-13)
    assert (mesh.weights * values[:, 0] ** 2).sum() == pytest.approx(0.5, abs=1e-6)


def test_the_orbit_of_the_normal_form_is_a_circle(toy_hopf):
    toy = HopfNormalForm()
    orbit = periodic_orbit(toy, toy_hopf, mu=0.5, tol=1e-8)
    assert orbit.period == pytest.approx(2 * np.pi / (2.0 + 0.5 * 0.5), rel=1e-9)
    radius = np.hypot(*orbit.orbit.Y.transpose(1, 0, 2))
    assert radius == pytest.approx(np.sqrt(0.5) * np.ones_like(radius), rel=1e-7)
    assert orbit.multipliers[0] == pytest.approx(np.exp(-2 * 0.5 * orbit.period), rel=1e-6)
    assert orbit.stable
    assert orbit.error < 1e-8
    assert orbit.path["mu"][-1] == pytest.approx(0.5)
    assert orbit.path["period"][-1] == pytest.approx(orbit.period)


def test_every_orbit_on_the_way_says_how_far_its_period_is_from_the_closed_form(toy_hopf):
    orbit = periodic_orbit(HopfNormalForm(), toy_hopf, mu=0.5, tol=1e-3)
    off = np.abs(orbit.path["period"] - 2 * np.pi / (2.0 + 0.5 * orbit.path["mu"]))
    assert len(off) > 2
    assert np.all(off <= orbit.path["error of period"])
    assert orbit.path["error of period"].max() < 1e-2
    assert orbit.errors["period"] == orbit.error == orbit.path["error of period"][-1]


def test_errors_of_period_and_extremes_contain_those_of_long_runs():
    tol = 1e-4
    problem = fl.discretize(fl.RandomThresholdLIF(b=4.4), tol=tol)
    orbit = periodic_orbit(problem, hopf_of(problem, fl.steady_states(problem)[0], "b", (4.2, 5.0)), b=5.0, tol=tol)
    # a run over 9 periods with rtol 1e-9 on a mesh for 1e-8, and an orbit with tol 1e-8: they differ by as much
    truth = {"period": (2.570905202, 5e-9), "max N": (2.49761591, 8e-8), "min N": (0.1333280096, 4e-9)}
    found = {"period": orbit.period, "max N": orbit.max["N"], "min N": orbit.min["N"]}
    for name, (value, known) in truth.items():
        assert abs(found[name] - value) - known <= orbit.errors[name] < 0.1 * tol + 2e-5, name
    assert set(orbit.errors) == {"period", "max N", "min N", "max R", "min R"}


def test_a_mesh_of_the_user_that_is_too_coarse_for_an_orbit_shows_in_its_errors():
    model = fl.NoisyLIF(b=-40.0, delay=1.0)
    problem = fl.discretize(model, fl.interval(model, -5.0, 14), space=fl.SpectralElement(3))
    hopf = hopf_of(problem, fl.steady_states(problem)[0], "b", (-45.0, -40.0))
    orbit = periodic_orbit(problem, hopf, b=-50.0, tol=1e-3)
    found = {"period": orbit.period, "max N": orbit.max["N"], "min N": orbit.min["N"]}
    for name, value in CYCLE.items():
        assert abs(found[name] - value) <= orbit.errors[name] < 1e-4, name


def test_parameters_may_be_given_together(toy_hopf):
    orbit = periodic_orbit(HopfNormalForm(), toy_hopf, mu=0.3, twist=0.0)
    assert orbit.period == pytest.approx(np.pi, rel=1e-7)


def test_orbits_that_do_not_exist_are_said_not_to(toy_hopf):
    with pytest.raises(NotConverged, match="were followed to mu=0.*they lead away from the target"):
        periodic_orbit(HopfNormalForm(), toy_hopf, mu=-0.5)
    with pytest.raises(ValueError, match="that is the Hopf point"):
        periodic_orbit(HopfNormalForm(), toy_hopf, mu=toy_hopf.mu)
    with pytest.raises(ValueError, match="allowed is a Hopf point"):
        periodic_orbit(HopfNormalForm(), None, mu=0.5)


def test_the_random_threshold_bursts():
    problem = fl.discretize(fl.RandomThresholdLIF(b=4.4), tol=1e-6)
    hopf = hopf_of(problem, fl.steady_states(problem)[0], "b", (4.2, 5.0))
    orbit = periodic_orbit(problem, hopf, b=5.0)
    # two discretisations
    assert orbit.period == pytest.approx(2.570905199, rel=1e-7)
    assert orbit.max["N"] == pytest.approx(2.49761587, rel=1e-6)
    assert orbit.min["N"] == pytest.approx(0.1333280115, rel=1e-5)
    assert orbit.stable
    assert orbit.problem.model.b == pytest.approx(5.0)
    mean = orbit.orbit.mesh.weights.ravel() @ (orbit.series["N"][1:] - orbit.series["R"][1:] / problem.model.tau)
    assert mean == pytest.approx(0.0, abs=1e-10)  # int (N - R/tau) dt = 0 over a period
    assert orbit.at(0.0).n.integral() + orbit.at(0.0).R == pytest.approx(1.0, abs=1e-12)


def test_the_amplitude_of_delayed_cycles_grows_as_the_lyapunov_coefficient_says():
    problem = fl.discretize(fl.NoisyLIF(b=-41.0, delay=1.0), tol=1e-6)
    branch = continuation(problem, fl.steady_states(problem)[0], "b", (-44.0, -41.0))
    hopf = branch.hopfs[0]
    orbit = periodic_orbit(problem, hopf, b=hopf.b - 0.25)
    growth = [branch.at(hopf.b + db)[0].eigenvalues[0].real for db in (-0.1, 0.1)]
    squared = -4 * 0.25 * (growth[0] - growth[1]) / 0.2 / (hopf.frequency * hopf.criticality)
    assert ((orbit.max["N"] - orbit.min["N"]) / 2) ** 2 == pytest.approx(squared, rel=0.02)


def test_the_limit_cycle_of_a_delayed_inhibitory_network():
    problem = fl.discretize(fl.NoisyLIF(b=-40.0, delay=1.0), tol=1e-6)
    hopf = hopf_of(problem, fl.steady_states(problem)[0], "b", (-45.0, -40.0))
    orbit = periodic_orbit(problem, hopf, b=-50.0, tol=1e-5)  # b = -60: studies/delay_hopf.py
    assert orbit.period == pytest.approx(CYCLE["period"], abs=2e-5)
    assert [orbit.min["N"], orbit.max["N"]] == pytest.approx([CYCLE["min N"], CYCLE["max N"]], abs=1e-6)
    assert orbit.stable


def test_the_limit_cycle_of_a_network_with_a_dead_time_is_where_runs_end():
    """A run that has found the cycle, by other steps and another past: its period, and how fast it comes there."""
    model, b, dead_time = {"a0": 0.2, "current": 2.0, "delay": 2.0}, -2.8, 0.35
    problem = fl.discretize(fl.NoisyLIF(b=-2.0, dead_time=0.3, **model), tol=1e-5)
    hopf = hopf_of(problem, fl.steady_state(problem), "b", (-2.5, -1.5))
    orbit = fl.periodic_orbit(problem, hopf, tol=1e-5, b=b, dead_time=dead_time)
    times = np.linspace(-dead_time, 0.0, 2001)
    for t in (0.0, 0.4 * orbit.period):  # R is what fired over the dead time, which R' alone does not say
        assert np.trapezoid(orbit.sample("N", t + times), times) == pytest.approx(orbit.at(t).R, abs=1e-7)
    same = fl.discretize(fl.NoisyLIF(b=b, dead_time=dead_time, **model), tol=1e-6)
    run = fl.evolve(same, fl.Gaussian(0.0, 0.3), 90.0, rtol=1e-7, progress=False)
    N, grid = lambda t: float(run.sample("N", [t])[0]) - 0.25, np.linspace(10.0, 90.0, 2001)
    above = run.sample("N", grid) > 0.25
    (up,) = np.nonzero(above[1:] & ~above[:-1])
    periods = np.diff([brentq(N, grid[k], grid[k + 1], xtol=1e-11) for k in up])
    assert periods[-1] == pytest.approx(orbit.period, abs=3e-7)
    late = np.abs(periods - orbit.period)
    (k,) = np.flatnonzero(late > 1e-4)[-1:]  # the last that the leading multiplier alone decides
    assert late[k] / late[k - 1] == pytest.approx(orbit.multipliers[0], rel=0.05)
    assert orbit.stable
    assert np.abs(orbit.multipliers - 1).min() > 0.3  # no other R is one of the dynamics


def test_integrals_over_whole_and_parted_periods():
    """of 1 + cos(2 pi t) over [-x, 0]: x + sin(2 pi x) / (2 pi)."""
    mesh = TimeMesh(np.linspace(0.0, 1.0, 21), 5)
    values = 1 + np.cos(2 * np.pi * mesh.points)
    for x in (0.03, 0.5, 0.97, 1.0, 2.4):
        weights = mesh.over_last(x)
        assert (weights * values).sum() == pytest.approx(x + np.sin(2 * np.pi * x) / (2 * np.pi), abs=1e-8)
        assert [part.sum() for part in weights][: int(x)] == pytest.approx([1.0] * int(x), abs=0.05)


@pytest.mark.parametrize("on_meshes", [False, True])
def test_orbits_stopped_on_the_way_end_in_the_digits_of_those_that_were_not(on_meshes, toy_hopf, tmp_path, monkeypatch):
    problem, hopf, mu = HopfNormalForm(), toy_hopf, {"mu": 0.5}
    if on_meshes:
        problem = fl.discretize(fl.RandomThresholdLIF(b=4.4), tol=1e-3)
        hopf = hopf_of(problem, fl.steady_states(problem)[0], "b", (4.4, 4.6))
        mu = {"b": 4.8}
    whole = periodic_orbit(problem, hopf, tol=1e-2, **mu)
    keep, stops, left = work.Work.keep, 0, 0

    def stopping(self, *arguments):
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        keep(self, *arguments)

    monkeypatch.setattr(work.Work, "keep", stopping)
    for _ in range(50):
        left = 1 if stops < 2 else 99
        try:
            orbit = periodic_orbit(problem, hopf, tol=1e-2, folder=tmp_path, resume=True, **mu)
            break
        except KeyboardInterrupt:
            stops += 1
            path = read_series(tmp_path / "orbits.csv")
            assert len(path["period"]) >= stops
            assert path["period"].tolist() == whole.path["period"][: len(path["period"])].tolist()
    assert stops >= 2
    again = periodic_orbit(problem, hopf, tol=1e-2, folder=tmp_path, resume=True, **mu)
    for found in (orbit, again):
        assert np.array_equal(found.orbit.Y, whole.orbit.Y)
        assert np.array_equal(found.orbit.mesh.ends, whole.orbit.mesh.ends)
        assert (found.period, found.unresolved, found.max) == (whole.period, whole.unresolved, whole.max)
        assert all(np.array_equal(found.path[name], whole.path[name]) for name in [*mu, "period"])
    assert read_series(tmp_path / "orbit.csv")["t"][-1] == whole.period
    with pytest.raises(ValueError, match="another periodic orbit: tol = 0.002 is asked, 0.01 is there"):
        periodic_orbit(problem, hopf, tol=2e-3, folder=tmp_path, resume=True, **mu)


def test_orbits_go_on_to_more_of_them_and_to_a_target_further_on(toy_hopf, tmp_path, monkeypatch):
    def follow(folder=None, **asked):
        place = {"folder": folder and tmp_path / folder, "resume": folder is not None}
        return periodic_orbit(HopfNormalForm(), toy_hopf, tol=1e-8, **asked, **place)

    def require_same(one, other):
        assert (one.period, one.path["mu"].tolist()) == (other.period, other.path["mu"].tolist())
        assert np.array_equal(one.orbit.Y, other.orbit.Y)

    near = follow("whole", mu=0.5)
    with pytest.raises(NotConverged, match="only: too many orbits"):
        follow("few", mu=0.5, max_orbits=2)
    require_same(near, follow("few", mu=0.5))
    far = follow("whole", mu=3.0)
    passed = near.path["mu"][:-1].tolist()
    assert far.path["mu"][: len(passed)].tolist() == passed  # to the last digit
    assert far.path["mu"][-1] == pytest.approx(3.0, rel=1e-14)
    assert far.period == pytest.approx(2 * np.pi / (2.0 + 0.5 * 3.0), rel=1e-9)  # that of the normal form
    require_same(far, follow("whole", mu=3.0))
    keep, left = work.Work.keep, 2

    def stopping(self, *arguments):
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        keep(self, *arguments)

    monkeypatch.setattr(work.Work, "keep", stopping)
    with pytest.raises(KeyboardInterrupt):
        follow("few", mu=3.0)
    require_same(far, follow("few", mu=3.0))
    for asked, why in (
        ({"mu": 0.5}, "mu = 0.5 is asked, 3.0 is there .the target that is asked lies before"),
        ({"mu": 3.5, "max_orbits": 3}, "it goes on to more orbits only"),
        ({"mu": -0.5}, "the target that is asked lies before"),
        ({"mu": 3.5, "twist": 0.0}, "it goes on along the line from the Hopf point to the target that is there only"),
    ):
        with pytest.raises(ValueError, match=f"another periodic orbit: .*{why}"):
            follow("whole", **asked)


def test_the_cycle_of_a_density_over_a_plane_comes_back_to_where_it_began():
    """Voltage and conductance: Jacobians are sparse, no bands. A run on the same mesh goes around it once."""
    threshold = 1 / (14 / 3 - 1)
    below, beyond = np.linspace(0.0, threshold, 3), np.linspace(threshold, 0.57, 3)
    mesh = {"v": np.linspace(0.0, 1.0, 4), "g": np.append(below, beyond[1:])}
    model = fl.VoltageConductance(g_in=0.290252, S=0.0775, a=0.001)
    problem = fl.discretize(model, mesh, space=fl.SpectralElement(3))
    hopf = hopf_of(problem, fl.steady_state(problem), "S", (0.0774, 0.0776))
    orbit = periodic_orbit(problem, hopf, S=0.0782, tol=1e-2)
    assert orbit.max["N"] > 1.1 * orbit.min["N"]
    run = fl.evolve(orbit.problem, orbit.at(0.0), orbit.period, rtol=1e-6, progress=False)
    start = orbit.at(0.0).y
    assert np.abs(run.final.y - start).max() < 1e-5 * np.abs(start).max()
    assert run.sample("N", [0.3, 0.7]) == pytest.approx(orbit.sample("N", [0.3, 0.7]), rel=1e-5)
    assert abs(orbit.at(0.5).p.integral() - 1) < 1e-12
