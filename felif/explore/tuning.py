"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """What the page shows, and for how long it computes."""

    modes: int = 8  # of a spectrum
    states: int = 4  # that are looked at
    branches: int = 4  # that are followed
    looked_at: int = 5  # values of the parameter from which branches are begun, beside the present one
    close: float = 2e-2  # of the largest rate: a state so near to a branch lies on it
    times: int = 240  # of a curve
    pieces: int = 6  # of a step, at most
    frames: int = 65  # of a film
    points: int = 140  # of a density
    seen: float = 2e-3  # of the largest density: less is a tail that is not looked at
    steep: float = 30.0  # a rate that varies by more on its way to a blow-up is drawn on a logarithmic axis
    longest: float = 30.0  # seconds that a run may take
    ports: int = 20  # tried one after the other where none is asked for
    largest: int = 100_000  # bytes of a question


SHOWN = Shown()
