"""The house style: widths of a page's columns, one size of text, letters, legends that cover nothing."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeRun
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.text import Text

from felif.output import plot_run, plot_spacetime
from felif.output.style import ONE_COLUMN, TWO_COLUMNS, house_style, new_figure, save_figure


def covered(figure, axes):
    """Points of the lines of a panel that its legend stands on, once the figure is laid out."""
    figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent(RendererAgg(*figure.bbox.size, figure.dpi))
    points = [axes.transData.transform(line.get_xydata()) for line in axes.lines]
    return box.count_contains(np.concatenate(points))


@pytest.mark.parametrize(("rows", "columns", "width"), [(1, 1, ONE_COLUMN), (1, 2, TWO_COLUMNS), (2, 3, TWO_COLUMNS)])
def test_figures_have_the_width_of_one_column_or_of_two_and_letters_on_several_panels(rows, columns, width):
    figure, axes = new_figure(rows, columns)
    assert figure.get_figwidth() == width
    letters = [text.get_text() for panel in np.ravel(axes) for text in panel.texts]
    assert letters == ([] if rows * columns == 1 else list("abcdef")[: rows * columns])


def test_all_text_of_a_figure_of_a_run_has_one_size(tmp_path):
    for figure in (plot_run(FakeRun(), tmp_path / "run.png"), plot_spacetime(FakeRun())):
        figure.draw_without_rendering()
        shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        assert len(shown) > 15
        assert {text.get_fontsize() for text in shown} == {8.0}


def waves(axes, amplitude, count=4):
    x = np.linspace(0, 1, 400)
    for k in range(count):
        axes.plot(x, amplitude * np.sin(40 * x + k), label=f"wave number {k}")
    axes.set_ylim(-1, 1)


def test_a_legend_that_finds_no_room_gets_some_above_what_is_drawn(tmp_path):
    figure, axes = new_figure()
    with house_style():
        waves(axes, 1.0)
        axes.legend(loc="center")
    assert covered(figure, axes)
    save_figure(figure, tmp_path / "waves.png")
    assert not covered(figure, axes)
    assert axes.get_ylim()[0] == -1
    assert 1 < axes.get_ylim()[1] < 3
    top = axes.get_ylim()
    save_figure(figure, tmp_path / "waves.png")  # once more changes nothing
    assert axes.get_ylim() == top


def test_a_legend_that_is_clear_stays_where_it_was_put(tmp_path):
    figure, axes = new_figure()
    with house_style():
        waves(axes, 0.1, 1)
        legend = axes.legend(loc="lower center")
    save_figure(figure, tmp_path / "waves.png")
    assert axes.get_legend() is legend
    assert axes.get_ylim() == (-1, 1)


def test_a_legend_too_large_for_its_panel_stands_below_it_and_panels_keep_their_size(tmp_path):
    figure, (left, right) = new_figure(1, 2)
    with house_style():
        waves(left, 1.0)
        waves(right, 1.0, 14)
        left.legend()
        right.legend()
        right.set_xlabel("time")
    figure.draw_without_rendering()
    height = right.bbox.height
    save_figure(figure, tmp_path / "waves.png")
    assert not covered(figure, left)
    assert not covered(figure, right)
    assert right.get_legend().get_window_extent().y1 < right.bbox.y0
    assert right.bbox.height > 0.9 * height
