"""Runs as datasets of xarray and tables of pandas; what notebooks show of results."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from functools import cache

import numpy as np
import pytest

import felif as fl
from felif.output.plots import transient_times

TIMES = np.linspace(0.0, 0.5, 6)


@cache
def relaxing():
    return fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5)), fl.Gaussian(0.0, 0.25), t_end=0.5)


@cache
def populations():
    model = fl.Populations(coupling=np.array([[0.8, -1.5], [0.6, -0.5]]), current=[0.5, 0.3])
    return fl.evolve(fl.discretize(model, tol=1e-4), fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-4)


@cache
def learning():
    model = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5, w_min=-1.0, w_max=0.0)
    start = lambda v, w: w**2 * (1 + w) ** 2 * np.exp(-2 * v**2) * (1 - np.exp(-((2 - v) ** 4)))
    return fl.evolve(fl.discretize(model, tol=1e-2), start, t_end=0.02)


def test_a_dataset_holds_rates_mass_and_densities_over_t_and_v():
    pytest.importorskip("xarray")
    run = relaxing()
    data = run.to_xarray(TIMES)
    assert data["n"].dims == ("t", "v")
    assert data["N"].dims == ("t",)
    np.testing.assert_array_equal(data["N"], run.sample("N", TIMES))
    np.testing.assert_allclose(data["n"].sel(t=0.5), run.final.n(data["v"].values), rtol=0, atol=1e-14)
    # the trapezoidal rule on the points that are there: chords of n, see spaces/drawing.py
    np.testing.assert_allclose(data["n"].integrate("v"), data["mass"], atol=2e-4)
    assert data.attrs["felif_version"] == fl.__version__
    assert data.attrs["outcome"] == "finished"


def test_moments_are_those_of_a_free_gaussian_in_closed_form():
    """Far below V_F the density stays Gaussian: mean m e^-t, variance 1 + (s - 1) e^-2t for a0 = 1."""
    pytest.importorskip("xarray")
    run = fl.evolve(fl.discretize(fl.NoisyLIF(v_reset=8.0, v_fire=9.0), tol=1e-8), fl.Gaussian(-1.0, 0.25), t_end=1.0)
    data = run.to_xarray([0.5, 1.0])
    t = data["t"].values
    np.testing.assert_allclose(data["mean_v"], -np.exp(-t), rtol=0, atol=1e-6)  # 4e-8 measured
    np.testing.assert_allclose(data["variance_v"], 1 - 0.75 * np.exp(-2 * t), rtol=0, atol=1e-6)


def test_populations_have_a_dimension_of_their_own():
    pytest.importorskip("xarray")
    data = populations().to_xarray([0.0, 0.5])
    assert data["n"].dims == ("t", "population", "v")
    assert data["N"].dims == ("t", "population")
    np.testing.assert_array_equal(data["N"].sel(t=0.5), populations().final.N)


def test_densities_over_two_axes_and_functions_of_w_have_their_dimensions():
    pytest.importorskip("xarray")
    run = learning()
    data = run.to_xarray([0.0, 0.02])
    assert data["p"].dims == ("t", "v", "w")
    assert data["N"].dims == data["C"].dims == ("t", "w")
    w = data["w"].values
    np.testing.assert_array_equal(data["C"].isel(t=1), run.final.C(w))
    middle = len(data["v"]) // 2
    v = float(data["v"][middle])
    np.testing.assert_allclose(data["p"].isel(t=1, v=middle), run.final.p(np.full_like(w, v), w), atol=1e-13)


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
@pytest.mark.parametrize("made", [relaxing, populations, learning])
def test_a_dataset_comes_back_from_netcdf_as_it_was(made, engine, tmp_path):
    xarray = pytest.importorskip("xarray")
    if engine == "h5netcdf":
        pytest.importorskip("h5netcdf")
        pytest.importorskip("h5py")
    data = made().to_xarray(made().times[[0, -1]])
    data.to_netcdf(tmp_path / "run.nc", engine=engine)
    back = xarray.load_dataset(tmp_path / "run.nc", engine=engine)
    xarray.testing.assert_equal(back, data)
    assert back.attrs["model"] == repr(made().model)


def test_a_run_that_starts_with_an_infinite_rate_says_so_in_its_table():
    pandas = pytest.importorskip("pandas")
    run = fl.evolve(fl.discretize(fl.NoisyLIF()), fl.Uniform(1.5, 2.0), t_end=0.01)
    table = run.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert np.isinf(table["N"].iloc[0])
    assert table.index.name == "t"
    np.testing.assert_array_equal(table.index, run.times)


def test_branches_states_and_spectra_are_tables():
    pytest.importorskip("pandas")
    problem = fl.discretize(fl.NoisyLIF(b=1.5))
    states = fl.steady_states(problem)
    table = states.to_pandas()
    np.testing.assert_array_equal(table["N"], [state.N for state in states])
    assert table["stable"].tolist() == [True, False]
    assert len(fl.spectrum(problem, states[0], count=3).to_pandas()) == 3
    branch = fl.continuation(problem, states[0], "b", bounds=(1.0, 3.0))
    table = branch.to_pandas()
    np.testing.assert_array_equal(table["b"], branch.table["b"])
    assert (table["kind"] == "fold").sum() == len(branch.folds)


def test_maps_orbits_and_simulations_are_tables():
    pytest.importorskip("pandas")
    grid = {"b": [0.0, 1.0, 1.5], "a0": [0.5, 1.0]}
    table = fl.rate_map(fl.NoisyLIF(), grid, stability=False).to_pandas()
    found = fl.rate_map(fl.NoisyLIF(), grid, stability=False)
    assert table[(table["b"] == 1.5) & (table["a0"] == 0.5)]["N_0"].item() == found.N[2, 0, 0]
    many = fl.evolve_many(fl.NoisyLIF(), grid, fl.Gaussian(), times=[0.1, 0.2], tol=1e-3)
    table = many.to_pandas()
    assert table[(table["b"] == 1.0) & (table["a0"] == 1.0)]["N"].item() == many.N[1, 1, 1]
    paired = fl.evolve_many(
        fl.NoisyLIF(), {"b": [0.0, 1.0], "a0": [1.0, 2.0]}, fl.Gaussian(), [0.1], tol=1e-3, paired=True
    )
    assert paired.to_pandas()["a0"].tolist() == [1.0, 2.0]
    particles = fl.simulate_particles(fl.NoisyLIF(), start=fl.Gaussian(), t_end=0.1, neurons=50, seed=1)
    np.testing.assert_array_equal(particles.to_pandas()["N"], particles.series["N"])


@pytest.mark.parametrize("call", ["to_pandas", "to_xarray"])
def test_a_missing_library_is_told_with_what_to_install(call, monkeypatch):
    library = {"to_pandas": "pandas", "to_xarray": "xarray"}[call]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{call} needs {library}, which is not installed here: pip install"):
        getattr(relaxing(), call)()


def test_times_outside_of_the_run_are_refused():
    pytest.importorskip("xarray")
    with pytest.raises(ValueError, match="t = 0.7"):
        relaxing().to_xarray([0.1, 0.7])


def test_several_times_give_several_states():
    run = relaxing()
    states = run.at([0.1, 0.2])
    assert [state.t for state in states] == [0.1, 0.2]
    np.testing.assert_array_equal(states[1].y, run.at(0.2).y)


def test_the_times_of_a_plot_show_the_transient():
    """The density relaxes like e^-t: the change left at the middle of the five times is half of all."""
    run = fl.evolve(fl.discretize(fl.NoisyLIF()), fl.Gaussian(-1.0, 0.25), t_end=20.0)
    times = transient_times(run)
    assert times[0] == 0.0
    assert times[-1] == 20.0
    assert times[2] < 2.0
    v = np.linspace(-4.0, 2.0, 301)
    steps = [np.abs(b.n(v) - a.n(v)).sum() for a, b in zip(run.at(times)[:-1], run.at(times)[1:], strict=True)]
    assert max(steps) < 2.0 * min(steps)  # not a factor of 1e3, as with times evenly spread


def test_a_run_is_drawn_on_axes_that_are_there():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert relaxing().plot(times=[0.0, 0.5], ax=(left, right)) is figure
    assert len([line for line in left.lines if line.get_label().startswith("$t=")]) == 2
    assert len(right.lines) == 1
    with pytest.raises(ValueError, match="ax = 3 axes; allowed are one or two"):
        relaxing().plot(ax=figure.subplots(1, 3))


def test_figures_show_themselves_in_notebooks():
    assert relaxing().plot()._repr_png_().startswith(b"\x89PNG")


def pages():
    problem = fl.discretize(fl.NoisyLIF(b=1.5))
    states = fl.steady_states(problem)
    branch = fl.continuation(problem, states[0], "b", bounds=(1.0, 3.0))
    blow_up = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-4), fl.Gaussian(-1.0, 0.5), t_end=10.0, rtol=1e-4)
    yield from (problem, states, states[0], branch, fl.spectrum(problem, states[0], count=3))
    yield from (relaxing(), blow_up, populations(), learning(), populations().problem, learning().problem)


def test_results_show_themselves_in_notebooks_without_a_library_for_pictures():
    for result in pages():
        html = result._repr_html_()
        root = ElementTree.fromstring(html)
        assert root.tag == "div", type(result)
        drawn = [path for path in root.iter() if path.tag.endswith(("polyline", "circle", "pre"))]
        assert drawn
        assert "nan" not in html.lower().replace("nan)", "")
        assert len(html) < 60_000


def test_what_a_notebook_shows_never_raises(monkeypatch):
    run = fl.evolve(fl.discretize(fl.NoisyLIF()), fl.Gaussian(), t_end=0.01)
    monkeypatch.setattr(type(run), "final", property(lambda self: 1 / 0))
    assert run._repr_html_().startswith("<pre>Run of NoisyLIF")
    monkeypatch.setattr(type(run), "__repr__", lambda self: 1 / 0)
    assert run._repr_html_() == "<pre>Run</pre>"


def test_a_simulation_is_a_dataset_too(tmp_path):
    xarray = pytest.importorskip("xarray")
    how = {
        "neurons": 40,
        "networks": 2,
        "record": 30,
        "dt": 0.01,
        "snapshots": [0.5, 1.0],
        "seed": 1,
    }
    run = fl.simulate_particles(
        fl.RefractoryLIF(b=0.5, current=2.0), start=fl.Gaussian(0.0, 0.25), t_end=1.0, progress=False, **how
    )
    data = run.to_xarray()
    assert dict(data.sizes) | {"spike": 0} == {"t": 100, "batch": 2, "snapshot": 2, "neuron": 80, "spike": 0}
    np.testing.assert_array_equal(data["N"], run.series["N"])
    np.testing.assert_allclose(data["N_of_batches"].mean("batch"), data["N"], atol=1e-12)
    np.testing.assert_array_equal(data["v"].sel(snapshot=1.0), run.final.v)
    neuron = int(data["spike_neuron"][0])
    assert float(data["spike_time"][0]) == run.spikes[neuron][0]
    assert data.sizes["spike"] == sum(map(len, run.spikes)) > 0
    assert data.attrs["seed"] == 1
    data.to_netcdf(tmp_path / "neurons.nc")
    with xarray.open_dataset(tmp_path / "neurons.nc") as read:
        xarray.testing.assert_identical(read.load(), data)
