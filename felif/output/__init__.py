"""Results on disk and on paper: run folders, fields for ParaView, figures."""

from .drawn import snapshot_times
from .folder import RunFolder, RunWriter, read_folder
from .plots import plot_run, plot_spacetime
from .vtk import write_vtk

__all__ = ["RunFolder", "RunWriter", "plot_run", "plot_spacetime", "read_folder", "snapshot_times", "write_vtk"]
