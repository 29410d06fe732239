"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """What pictures and tables of a run show."""

    densities: int = 6  # densities in a picture
    most_times: int = 201  # of a dataset
    most_points: int = 1000  # of a density
    most_on_planes: int = 161  # along each axis
    room: float = 0.45  # of the axis, that a legend may get above what is drawn
    below: float = 30.0  # points from the axes to below its label
    height: float = 0.45  # of a surface, in units of its axes
    # of the values: what is higher, as the peak of narrow data, is cut off where it would flatten the rest
    seen: float = 0.998
    times: int = 81  # of an image over time
    weights: int = 240  # places on its other axis
    log_above: float = 300.0  # a rate that varies by more is drawn on a logarithmic axis
    most_rates: int = 6  # in one panel
    fall: float = 0.02  # of a run, in which the fall from an infinite rate is not drawn
    looked_at: int = 60  # times, of which those that show the transient are chosen
    snapshots: int = 101  # of a run, where none are asked for
    text: int = 8  # points, of all text
    shape: float = 0.76  # height of a panel over its width, of one or two beside each other
    slender: float = 0.95  # and of more


FIGURES = Figures()


@dataclass(frozen=True)
class Files:
    """Files that are written while something is computed."""

    piece: int = 2**22  # bytes of a table that are read at once
    flush_every: float = 0.5  # seconds
    spare: int = 1000  # lines that are out of date, beside as many as there are files, before the list is written anew
    minute: float = 60.0  # seconds between lines in a log
    in_memory: int = 2**23  # bytes of steps that a run in a folder keeps, or reads at once
    page: int = 2**16  # bytes on a disk that is not quite full
    every: float = 1.0  # seconds between files at least
    share: float = 0.05  # of the time that may be spent on them


FILES = Files()
