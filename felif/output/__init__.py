"""Results on disk and on paper: run folders, fields for ParaView, figures and what they are made of."""

from .drawn import snapshot_times, times_of_snapshots
from .folder import RunFolder, RunWriter, read_folder
from .interval_plots import draw_intervals
from .plane_plots import draw_line_spacetime, plot_density
from .plots import draw_spacetime, plot_densities, plot_rates, plot_run, plot_series, plot_spacetime, rate_curve
from .style import coloured, fine_times, label, mark_thresholds, only, panels, shades, ticks
from .vtk import write_vtk

__all__ = [
    "RunFolder",
    "RunWriter",
    "coloured",
    "draw_intervals",
    "draw_line_spacetime",
    "draw_spacetime",
    "fine_times",
    "label",
    "mark_thresholds",
    "only",
    "panels",
    "plot_densities",
    "plot_density",
    "plot_rates",
    "plot_run",
    "plot_series",
    "plot_spacetime",
    "rate_curve",
    "read_folder",
    "shades",
    "snapshot_times",
    "ticks",
    "times_of_snapshots",
    "write_vtk",
]
