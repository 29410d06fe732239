"""What a simulation is made of: random numbers, seeds, threads, starts, what it refuses, what it leaves on disk."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import felif as fl

START = fl.Gaussian(0.0, 0.25)


def simulate(model=None, **given):
    settings = {"neurons": 500, "t_end": 0.2, "dt": 0.01, "start": START, "seed": 3}
    return fl.simulate_particles(model or fl.NoisyLIF(b=0.5), **{**settings, **given})


def test_normal_variates_are_normal_far_into_the_tails():
    from felif.particles.random_numbers import generator, normals, words

    values = normals(words(generator(np.random.SeedSequence(1)), 0, 1_000_000))
    assert stats.kstest(values, "norm").pvalue > 1e-3
    for level in (1.0, 3.0, 3.7, 4.2):  # the ziggurat's tail begins at 3.65
        expected = values.size * 2 * stats.norm.sf(level)
        assert abs((np.abs(values) > level).sum() - expected) < 4 * np.sqrt(expected)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4e-3


@pytest.mark.parametrize("given", [{"neurons": 30_000}, {"neurons": 300, "networks": 5}])
def test_results_depend_on_the_seed_and_not_on_the_threads(given):
    one, two, other = (simulate(threads=k, seed=seed, record=2, **given) for k, seed in ((1, 8), (2, 8), (1, 9)))
    np.testing.assert_array_equal(one.final.v, two.final.v)
    np.testing.assert_array_equal(one.batches["N"], two.batches["N"])
    assert not np.array_equal(one.final.v, other.final.v)


def test_a_seed_that_was_drawn_is_recorded():
    drawn = simulate(seed=None)
    np.testing.assert_array_equal(drawn.final.v, simulate(seed=drawn.settings["seed"]).final.v)


def test_batches_are_networks_or_neurons_and_say_whether_they_are_independent():
    alone, several, apart = simulate(), simulate(networks=12), simulate(fl.NoisyLIF())
    assert alone.batches["N"].shape == (20, 20)
    assert not alone.independent
    assert several.batches["N"].shape == (12, 20)
    assert several.independent
    assert apart.independent
    np.testing.assert_allclose(several.batches["N"].mean(axis=0), several.series["N"])
    np.testing.assert_allclose(alone.batches["N"].mean(axis=0), alone.series["N"])
    assert set(alone.final.batch) == set(range(20))


def test_recorded_spikes_are_those_of_the_rate():
    run = simulate(neurons=50, record=50, t_end=4.0)
    assert sum(times.size for times in run.spikes) == round(50 * run.series["N"] @ np.diff(run.times))
    assert all(np.all(np.diff(times) > 0) for times in run.spikes)
    assert not simulate(neurons=50, record=0).spikes


def test_starts_are_drawn_from_what_is_given():
    early = {"t_end": 1e-9, "dt": 1e-9, "neurons": 20_000, "snapshots": [0.0]}
    state = fl.evolve(fl.discretize(fl.RefractoryLIF(), tol=1e-4), START, t_end=0.5, rtol=1e-4).final
    model = fl.RefractoryLIF(tau=0.1)
    for start in (
        START,
        lambda v: np.exp(-2 * v * v),
        lambda v: 1.0 if -1 < v < 1.5 else 0.0,
        fl.Uniform(-1, 1.5),
        state,
    ):
        run = simulate(model, start=start, **early)
        density, grid = (start if start is not state else state.n), np.linspace(-5, 2, 7001)
        cdf = np.cumsum([float(density(v)) for v in grid])
        test = stats.kstest(
            run.snapshots[0.0].potentials(), lambda v, cdf=cdf, grid=grid: np.interp(v, grid, cdf / cdf[-1])
        )
        assert test.statistic < 0.02
    assert run.snapshots[0.0].resting.mean() == pytest.approx(state.R, abs=5e-3)
    rest = simulate(model, start={"n": START, "R": 0.5}, **early).snapshots[0.0].resting.mean()
    assert rest == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(
        simulate(start=np.linspace(-1, 1, 500), snapshots=[0.0]).snapshots[0.0].v, np.linspace(-1, 1, 500)
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"neurons": 0}, "neurons"),
        ({"neurons": 2.5}, "neurons"),
        ({"neurons": (10, 10)}, "neurons"),
        ({"dt": 0.0}, "dt"),
        ({"dt": float("nan")}, "dt"),
        ({"t_end": -1.0}, "t_end"),
        ({"t_end": float("inf")}, "t_end"),
        ({"dt": 1e-12, "t_end": 1.0}, "dt"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"networks": 0}, "networks"),
        ({"threads": 0}, "threads"),
        ({"snapshots": [0.3]}, "snapshots"),
        ({"bins": 0}, "bins"),
        ({"start": float("nan")}, "start"),
        ({"start": 2.0}, "v_fire"),
        ({"start": np.zeros(3)}, "shape"),
        ({"start": "rest"}, "start"),
        ({"start": {"n": START, "R": 0.5}}, "R"),
        ({"start": {"m": START}}, "start"),
        ({"start": lambda v: -1.0}, "start"),
        ({"start": lambda v: 0.0 * v}, "no mass"),
        ({"model": fl.NoisyLIF(current=lambda t: np.nan)}, "current"),
        ({"model": fl.NoisyLIF(delay=1.0), "history": -1.0}, "history"),
        ({"model": object()}, "a model: a dataclass with a method equations"),
        ({"model": fl.NoisyLIF}, "model = .*equations"),
        ({"model": fl.NoisyLIF(delay=1.0), "history": {"M": 1.0}}, "history: names .*allowed are .'N'"),
        ({"model": fl.NoisyLIF(delay=1.0), "history": "loud"}, "history: N"),
        ({"snapshots": "all"}, "snapshots = 'all'"),
        ({"model": fl.RefractoryLIF(), "start": {"n": START, "R": "half"}}, "start: R = 'half'"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        simulate(**given)


def test_a_simulation_is_printed_in_a_few_lines():
    run = simulate(fl.NoisyLIF(b=0.5), networks=3, neurons=400, t_end=1.0, dt=0.01, snapshots=[0.5])
    mean, error = run.mean("N", 0.0, 1.0)
    lines = repr(run).splitlines()
    assert len(lines) == 5
    assert "3 networks of 400 neurons, dt = 0.01" in lines[2]
    assert lines[3].split() == ["N", f"{mean:.6g}", "+-", f"{error:.1g}", "on", "[0,", "1]"]
    assert "Snapshot of 1200 neurons at t = 1" in repr(run.final)
    assert "not independent" in repr(simulate(fl.NoisyLIF(b=0.5)))
    eternal = simulate(fl.NoisyLIF(b=1.5), start=1.99)
    assert "1 synchronous spikes" in repr(eternal)
    assert "size inf" in repr(eternal)


@pytest.mark.parametrize(
    ("given", "named"),
    [(("M", 0, 0.2), "name = 'M'; allowed"), (("N", "a", 0.2), "start = 'a'"), (("N", 5.0, 6.0), "no bin of this run")],
)
def test_means_of_what_is_not_there(given, named):
    with pytest.raises(ValueError, match=named):
        simulate().mean(*given)


def test_a_simulation_comes_back_from_its_folder(tmp_path):
    run = simulate(fl.RefractoryLIF(b=1.0, tau=0.2), snapshots=[0.1], record=2, networks=2)
    run.save(tmp_path / "run")
    again = fl.load_particles(tmp_path / "run")
    assert again.model == run.model
    assert again.outcome == run.outcome
    assert again.settings == run.settings
    for name in run.series:
        np.testing.assert_array_equal(again.series[name], run.series[name])
    for t in run.snapshots:
        np.testing.assert_array_equal(again.snapshots[t].v, run.snapshots[t].v)
        np.testing.assert_array_equal(again.snapshots[t].resting, run.snapshots[t].resting)
    assert [list(times) for times in again.spikes] == [list(times) for times in run.spikes]
    with pytest.raises(ValueError, match="already holds"):
        run.save(tmp_path / "run")
    run.save(tmp_path / "run", overwrite=True)
    with pytest.raises(ValueError, match="no simulation"):
        run.save(tmp_path)
    for read in (fl.load_run, fl.load_fit):
        with pytest.raises(ValueError, match="a simulation of particles: read it with load_particles"):
            read(tmp_path / "run")
    in_time = fl.evolve(fl.discretize(fl.NoisyLIF(), tol=1e-2), START, t_end=0.1, rtol=1e-2)
    with pytest.raises(ValueError, match="holds no run in time"):
        in_time.save(tmp_path / "run", overwrite=True)
    in_time.save(tmp_path / "in_time")
    with pytest.raises(ValueError, match="a run in time: read it with load_run"):
        fl.load_particles(tmp_path / "in_time")


def test_paraview_plays_the_neurons(tmp_path):
    pyvista = pytest.importorskip("pyvista")
    run = simulate(snapshots=[0.0, 0.1])
    run.save(tmp_path)
    reader = pyvista.get_reader(tmp_path / "particles.pvd")
    assert list(reader.time_values) == [0.0, 0.1, 0.2]
    reader.set_active_time_value(0.2)
    points = reader.read()[0]
    np.testing.assert_allclose(points.points[:, 0], run.final.v, rtol=1e-6)
    assert set(points.point_data) == {"v", "resting", "population", "batch"}


def test_a_picture_shows_rates_and_potentials(tmp_path):
    run = simulate(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, tau=0.2))
    fl.plot_particles(run, tmp_path / "neurons.png")
    assert (tmp_path / "neurons.png").stat().st_size > 10_000
