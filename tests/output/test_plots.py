"""Pictures: what is drawn, not how it looks (that is looked at by eye)."""

import subprocess
import sys

import numpy as np
import pytest
from fakes import FakeProblem, FakeRun

import felif as fl
from felif.output import plot_run, plot_spacetime
from felif.output.style import fine_times, new_figure, save_figure
from felif.problem import BlowUp


def test_a_run_is_drawn_as_densities_and_rates(tmp_path):
    figure = plot_run(FakeRun(), tmp_path / "new" / "run.png")
    assert (tmp_path / "new" / "run.png").read_bytes().startswith(b"\x89PNG")
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel(), right.get_xlabel()) == ("$v$", "$n(v,t)$", "$t$")
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        f"$t={t:g}$" for t in (0, 0.25, 0.5, 0.75, 1)
    ]
    last = left.lines[4]
    np.testing.assert_allclose(last.get_ydata(), (2 - last.get_xdata()) * (1 + last.get_xdata() ** 2), atol=1e-14)


def test_an_infinite_rate_is_not_drawn_and_does_not_set_the_scale():
    _, right = plot_run(FakeRun()).axes
    N = right.lines[0].get_ydata()
    assert np.isnan(N[0])
    assert np.isfinite(N[1:]).all()
    # N = 1/t: the axis ends above its value at 2 percent of the run, far below the first one drawn
    assert 1.0 < right.get_ylim()[1] < N[1]


def test_a_blow_up_is_marked():
    run = FakeRun(blow_up=BlowUp(1.0, 1e-6, 1e5, ""))
    _, right = plot_run(run).axes
    assert "blow-up" in right.get_legend().get_texts()[-1].get_text()
    assert "blow-up" in plot_spacetime(run).axes[0].get_title()


def test_the_space_time_picture_shows_the_density(tmp_path):
    figure = plot_spacetime(FakeRun(), tmp_path / "n.png")
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("$t$", "$v$", "$n(v,t)$")
    mesh = axes.collections[0]
    corners, values = mesh.get_coordinates(), mesh.get_array()
    t, v = corners[..., 0], corners[..., 1]
    np.testing.assert_allclose(values.reshape(t.shape), (2 - v) * (1 + t * v**2), atol=1e-12)


def test_without_a_field_only_the_rates_are_drawn():
    bare = FakeProblem(np.array([0.0, 1.0]), field_names=())
    assert len(plot_run(FakeRun(fine=bare)).axes) == 1


def test_a_run_that_blows_up_at_once_has_one_density_and_no_picture_over_time():
    run = FakeRun(np.zeros(1), blow_up=BlowUp(0.0, 0.0, np.inf, ""))
    left, right = plot_run(run).axes
    assert len(left.get_legend().get_texts()) == 1
    assert np.isnan(right.lines[0].get_ydata()).all()
    with pytest.raises(ValueError, match="ends where it starts"):
        plot_spacetime(run)


def test_steps_are_cut_into_pieces():
    np.testing.assert_array_equal(fine_times(np.array([0.0, 1.0, 3.0]), 2), [0.0, 0.5, 1.0, 2.0, 3.0])


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match="png"):
        save_figure(new_figure()[0], tmp_path / "picture.doc")


def test_output_is_imported_without_matplotlib_and_vtk():
    code = "import sys, felif.output; print([m for m in ('matplotlib', 'pyvista', 'vtkmodules') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_space_time_picture_of_populations_has_one_part_each():
    """Values are those of the densities; a density over two axes is refused in a sentence."""
    pair = fl.Populations(coupling=[[0.5, -0.75], [0.5, -0.25]], current=(0.0, 1.0))
    run = fl.evolve(fl.discretize(pair, tol=1e-2), fl.Gaussian(), 0.5, rtol=1e-2, progress=False)
    panels = plot_spacetime(run).axes[:2]
    for k, panel in enumerate(panels):
        mesh = panel.collections[0]
        t, v = np.moveaxis(mesh.get_coordinates(), -1, 0)
        n = run.at(0.5).n[k]
        expected = np.where(v[:, -1] >= n.nodes.min(), n(np.maximum(v[:, -1], n.nodes.min())), 0.0)
        assert t[0, -1] == 0.5
        np.testing.assert_allclose(mesh.get_array().reshape(t.shape)[:, -1], expected, atol=1e-3)
    density = lambda v, w: np.exp(-(v**2) - (w - 1) ** 2) * -np.expm1(-((2 - v) ** 4))
    plane = fl.evolve(fl.discretize(fl.AdaptiveLIF(), tol=1e-1), density, 1e-3, rtol=1e-1, progress=False)
    with pytest.raises(ValueError, match="p is a density over v, w; allowed are densities over one axis"):
        plot_spacetime(plane)
