"""Fits from disk."""

from __future__ import annotations

from pathlib import Path

from ..given.arguments import FOLDER, MODEL, checked, optional
from ..given.types import Model
from ..output.manifest import Room
from ..output.model_files import unpacked
from ..output.reading import read_description
from ..output.series_files import read_npz, read_series
from .estimates import Fit
from .fit_files import FIT
from .likelihood import Likelihood


@checked(folder=FOLDER, model=optional(MODEL))
def load_fit(folder: str | Path, model: Model | None = None) -> Fit:
    """The Fit in a folder, as it was saved.

    Parameters
    ----------
    folder : path
        What `Fit.save` wrote.
    model : model
        The one the fit began with, where that cannot be found again.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        Where a file is missing, damaged or of another kind.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.NoisyLIF(current=1.0, a0=0.5)
    >>> found = fl.fit(fl.first_passage(neuron, tol=1e-4).sample(50, seed=1), neuron, ["current"])
    >>> folder = found.save("runs/fit")
    >>> fl.load_fit("runs/fit").values == found.values
    True
    """
    path = Path(folder)
    description = read_description(path, FIT)
    room = Room(path, FIT)
    arrays = read_npz(room.whole("final.npz"))
    intervals = read_series(room.whole("intervals.csv"))["interval"]
    if len(intervals) != description["count"]:
        raise ValueError(f"{folder}: intervals.csv holds {len(intervals)} of {description['count']} intervals.")
    model = unpacked(arrays["model"], folder, given=model)
    names = tuple(description["parameters"])
    likelihood = Likelihood(intervals, model, names, description["rate"], description["start_membrane_time"])
    likelihood.passage(arrays["mesh"])  # the mesh of the parameters then, which may be a little off
    fit = Fit(likelihood, arrays["theta"], description["iterations"], description["how"])
    fit.restore_ends(arrays)
    fit.evaluations = description["evaluations"]
    return fit
